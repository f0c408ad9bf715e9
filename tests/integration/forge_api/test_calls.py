"""Every call that xsgate makes to GitHub, judged against GitHub's own description.

    test_calls.py FORGE_DRIVER MODULES_FOLDER
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import description  # noqa: E402
from github import LOGIN, OWNER_TOKEN, TOKEN, Github  # noqa: E402

SKIP = 77
DRIVER = None
MODULES = None


class Calls(unittest.TestCase):
    """One server for all tests; each has a pull request of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="xsgate-forge-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.github = Github(MODULES, cls.folder.name)
        cls.github.__enter__()
        cls.addClassCleanup(cls.github.__exit__)

    def setUp(self):
        self.number, self.head, self.base = self.github.open_pull_request(self._testMethodName)
        self.github.records.clear()
        self.allowed = []

    def tearDown(self):
        found = [c for c in self.github.complaints() if c not in self.allowed]
        self.assertEqual(found, [], "GitHub's description does not have this")
        self.assertNotEqual(self.github.records, [], "no call went through the judge")

    def drive(self, *words, url=None, token=TOKEN, code=0):
        event = os.path.join(self.folder.name, "event.json")
        with open(event, "w", encoding="utf-8") as file:
            json.dump({"number": self.number, "repository": {"full_name": "octo/demo"},
                       "pull_request": {
                           "base": {"sha": self.base, "ref": "main", "repo": {"full_name": "octo/demo"}},
                           "head": {"sha": self.head, "ref": self._testMethodName,
                                    "repo": {"full_name": "octo/demo"}}}}, file)
        done = subprocess.run(
            [DRIVER, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
            check=False, env={
                "PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": token,
                "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": event,
                "GITHUB_REPOSITORY": "octo/demo", "GITHUB_API_URL": url or self.github.url,
                "GITHUB_RUN_ID": "77", "no_proxy": "*"})
        self.assertNotIn(token, done.stdout)
        values = dict((line.split(" ", 1) + [""])[:2] for line in done.stdout.splitlines() if line)
        self.assertEqual(values.get("result"), str(code), done.stdout)
        return values

    def comment(self, text, *options, **more):
        path = os.path.join(self.folder.name, "body.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return self.drive(*options, "comment", "xsgate", path, **more)

    def bodies(self):
        return [c["body"] for c in self.github.comments(self.number)]

    def statuses(self, method):
        return [r.status for r in self.github.records if r.method == method]

    def test_a_comment_is_made_changed_and_removed(self):
        self.comment("slower | `f` <b> @octo ünïcode ‮ \x01")
        self.comment("faster again")
        self.assertEqual(len(self.bodies()), 1)
        self.assertTrue(self.bodies()[0].startswith("faster again"))
        self.assertEqual(self.github.comments(self.number)[0]["user"]["login"], LOGIN)
        self.comment("faster again")  # nothing to change, nothing is sent
        self.assertEqual((self.statuses("POST"), self.statuses("PATCH")), ([201], [200]))
        self.drive("delete", "xsgate")
        self.assertEqual(self.bodies(), [])
        self.drive("delete", "xsgate")

    def test_only_ours_is_changed(self):
        path = f"/repos/octo/demo/issues/{self.number}/comments"
        self.github.call("POST", path, {"body": "mine\n<!-- xsgate:xsgate -->"}, OWNER_TOKEN)
        self.comment("ours")
        self.comment("ours, later")
        self.assertEqual([b.split("\n")[0] for b in self.bodies()], ["mine", "ours, later"])

    def test_found_on_the_third_page(self):
        path = f"/repos/octo/demo/issues/{self.number}/comments"
        for i in range(220):
            self.github.call("POST", path, {"body": f"talk {i}"}, OWNER_TOKEN)
        self.comment("ours")
        for i in range(5):
            self.github.call("POST", path, {"body": f"more talk {i}"}, OWNER_TOKEN)
        self.github.records.clear()
        self.comment("ours, later")
        self.assertEqual((self.statuses("POST"), self.statuses("PATCH")), ([], [200]))
        pages = [r for r in self.github.records if "/comments?" in r.path]
        self.assertEqual(len(pages), 3, [str(r) for r in pages])

    def test_two_gates_have_two_comments(self):
        path = os.path.join(self.folder.name, "body.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write("text")
        self.drive("comment", "gcc", path)
        self.drive("comment", "clang.18_x-y", path)
        self.assertEqual(len(self.bodies()), 2)

    def test_a_long_body(self):
        self.comment("x" * 60000)
        self.assertEqual(self.statuses("POST"), [201])

    def test_a_check_with_more_annotations_than_a_request_takes(self):
        for n in (0, 1, 50, 51, 120):
            with self.subTest(n=n):
                self.github.records.clear()
                self.drive("check", f"perf {n}", str(n))
                (check,) = [c for c in self.github.checks(self.head) if c["name"] == f"perf {n}"]
                self.assertEqual((check["status"], check["conclusion"]), ("completed", "failure"))
                self.assertEqual(self.statuses("POST"), [201])
                self.assertEqual(len(self.statuses("PATCH")), max(1, (n + 49) // 50))

    def test_the_merge_base(self):
        self.assertEqual(self.drive("merge-base", self.base, self.head)["oid"], self.base)
        self.assertEqual(self.drive("merge-base", "main", self.head)["oid"], self.base)

    def test_the_head_of_a_pull_request(self):
        self.assertEqual(self.drive("pull-head", str(self.number))["oid"], self.head)
        self.drive("pull-head", "99999", code=-3)

    def test_a_status(self):
        """The server that keeps state has none: the one that answers by the description's examples."""
        self.drive("status", "perf", "slower: ünïcode " * 30, url=self.github.mock_url)
        self.assertEqual(self.statuses("POST"), [201])

    def test_answers_as_the_description_has_them(self):
        """The examples of the description. The next page of a list is at api.github.com, which is not
        where it was asked: nothing goes there, and nothing is posted twice."""
        said = self.drive("--login", "octocat", "comment", "xsgate", os.devnull,
                          url=self.github.mock_url, code=-3)
        self.assertIn("its next page is on another host", said["error"])
        self.assertEqual(self.statuses("POST"), [])
        self.drive("pull-head", "1347", url=self.github.mock_url)
        self.drive("merge-base", "a", "b", url=self.github.mock_url)
        self.assertTrue(all(r.status < 300 for r in self.github.records))

    def test_the_judge_sees_what_is_wrong(self):
        """That no complaint is found says something: a wrong request has one."""
        request = urllib.request.Request(
            self.github.url + f"/repos/octo/demo/issues/{self.number}/comments", method="POST",
            data=b'{"text": "x"}', headers={"Authorization": "Bearer " + TOKEN,
                                            "Content-Type": "application/json"})
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=30)
        unknown = urllib.request.Request(self.github.url + "/repos/octo/demo/nowhere",
                                         headers={"Authorization": "Bearer " + TOKEN})
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(unknown, timeout=30)
        self.allowed = self.github.complaints()
        self.assertEqual(len(self.allowed), 2)
        self.assertIn("must have required property 'body'", self.allowed[0])


if __name__ == "__main__":
    DRIVER = sys.argv.pop(1)
    MODULES = description.prepare(sys.argv.pop(1))
    if MODULES is None:
        sys.exit(SKIP)
    unittest.main(verbosity=1)
