"""A pull request from its event to what is left at the forge, on a real repository and program.

    scenarios.py XSGATE INCLUDE [MODULES_FOLDER]

Without the folder on our own server; with it on emulate behind prism, which judges every request. What
each scenario must leave is the table in docs/guide/ci.md.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
from worlds import Judged, Own  # noqa: E402

SKIP = 77
XSGATE = INCLUDE = MODULES = None
MARKER = "<!-- xsgate:xsgate -->"
LIMIT = 65536

CONFIG = """build: cc -O1 -g -I"$XSGATE_INCLUDE" -o bench bench.c
threshold: 50%
min_share: 0.01%
targets:
  - {name: bench, command: ./bench, profile: [scopes]}
"""


def program(times):
    """Functions that take times[name] units; a unit is long enough to be measured by."""
    text = ["#include <stdint.h>", "#include <stdio.h>", "#include <xsgate/profile.h>",
            "static volatile uint64_t sink;",
            "static void work(long n)", "{", "    uint64_t x = 1;",
            "    while (n-- > 0)", "        x = x * 6364136223846793005u + 1442695040888963407u;",
            "    sink = x;", "}"]
    for name in times:
        text += [f"static void {name}(long n)", "{", f'    XSG_SCOPE("{name}");', "    work(n);", "}"]
    text += ["int main(void)", "{"]
    text += [f"    {name}({n}L);" for name, n in times.items()]
    return "\n".join(text + ["    return sink == 7;", "}", ""])


FAST = {"parse": 3000000, "render": 3000000}
SLOW = {"parse": 3000000, "render": 9000000}


class Scenario(unittest.TestCase):
    """One forge for all; each test has a folder and a pull request of its own."""

    @classmethod
    def setUpClass(cls):
        cls.world = Judged(MODULES) if MODULES else Own()
        cls.world.__enter__()
        cls.addClassCleanup(cls.world.__exit__)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="xsgate-scenario-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.origin = os.path.join(self.folder, "origin")
        self.clone = os.path.join(self.folder, "clone")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.folder, "LC_ALL": "C.UTF-8",
                    "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
                    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
                    "XSGATE_INCLUDE": INCLUDE, "no_proxy": "*"}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "XSGATE_RUNTIME"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.run_id = 76
        self.branch = self.id().rsplit(".", 1)[1]
        self.number, self.head = self.world.open_pull(self.branch)
        self.world.forget_calls()

    def tearDown(self):
        self.assertEqual(self.world.complaints(), [], "GitHub's description does not have this")

    # -- the repository -----------------------------------------------------------------------------

    def git(self, *words, cwd=None):
        done = subprocess.run(["git", *words], cwd=cwd or self.origin, env=self.env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, f"git {words}: {done.stdout}")
        return done.stdout.strip()

    def commit(self, times, subject):
        with open(os.path.join(self.origin, "bench.c"), "w", encoding="utf-8") as file:
            file.write(program(times))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def start_origin(self, base=None, head=None):
        """main and topic; main has gone on since topic left it."""
        os.mkdir(self.origin)
        self.git("init", "-q", "-b", "main")
        with open(os.path.join(self.origin, "xsgate.yml"), "w", encoding="utf-8") as file:
            file.write(CONFIG)
        with open(os.path.join(self.origin, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("bench\n")
        self.commit(base or FAST, "base")
        self.git("checkout", "-q", "-b", "topic")
        self.commit(head or SLOW, "topic")
        self.git("checkout", "-q", "main")
        self.git("commit", "-q", "--allow-empty", "-m", "meanwhile on main")

    def merge(self):
        """What the forge makes of a pull request: refs/pull/N/merge."""
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
        self.git("update-ref", f"refs/pull/{self.number}/merge", "HEAD")
        sha = self.git("rev-parse", "HEAD")
        self.git("checkout", "-q", "main")
        return sha

    def check_out(self, depth=None, ref=None):
        """As actions/checkout does: detached, no local branches."""
        shutil.rmtree(self.clone, ignore_errors=True)
        self.git("init", "-q", self.clone, cwd=self.folder)
        self.git("remote", "add", "origin", "file://" + self.origin, cwd=self.clone)
        ref = ref or f"refs/pull/{self.number}/merge"
        options = [f"--depth={depth}"] if depth else []
        branches = [] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
        self.git("fetch", "-q", "--no-tags", *options, "origin", *branches, f"+{ref}:refs/remotes/pull/merge",
                 cwd=self.clone)
        self.git("checkout", "-q", "--detach", "refs/remotes/pull/merge", cwd=self.clone)

    # -- the job ------------------------------------------------------------------------------------

    def event(self, name, payload, **more):
        path = os.path.join(self.folder, "event.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"repository": {"full_name": self.world.repository}, **payload}, file)
        self.run_id += 1
        for file in ("summary", "output"):
            open(os.path.join(self.folder, file), "w", encoding="utf-8").close()
        return {**self.env, "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": self.world.token,
                "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": path,
                "GITHUB_REPOSITORY": self.world.repository, "GITHUB_API_URL": self.world.url,
                "GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": str(self.run_id),
                "GITHUB_STEP_SUMMARY": os.path.join(self.folder, "summary"),
                "GITHUB_OUTPUT": os.path.join(self.folder, "output"), **more}

    def pull_event(self, repository=None, **more):
        repository = repository or self.world.repository
        return self.event("pull_request", {"number": self.number, "pull_request": {
            "number": self.number,
            "base": {"sha": self.git("rev-parse", "main"), "ref": "main",
                     "repo": {"full_name": self.world.repository}},
            "head": {"sha": self.head, "ref": "topic", "repo": {"full_name": repository}}}},
            GITHUB_SHA=self.git("rev-parse", f"refs/pull/{self.number}/merge"), **more)

    def gate(self, environment, code, *words, baseline="main"):
        done = subprocess.run([XSGATE, "run", "--baseline", baseline, "--rounds", "12", *words], cwd=self.clone,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        self.assertNotIn(self.world.token, done.stdout + done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def outputs(self):
        """GITHUB_OUTPUT: name=value, or name<<DELIMITER and lines."""
        values, lines = {}, iter(self.read("output").splitlines())
        for line in lines:
            if "<<" in line and "=" not in line.split("<<")[0]:
                name, end = line.split("<<")
                values[name] = "\n".join(iter(lambda: next(lines), end))
            else:
                name, value = line.split("=", 1)
                values[name] = value
        return values

    def report(self):
        with open(os.path.join(self.clone, ".xsgate", "report.json"), encoding="utf-8") as file:
            return json.load(file)

    # -- what must be there -------------------------------------------------------------------------

    def one_comment(self):
        ((number, body),) = self.world.comments(self.number).items()
        self.assertTrue(body.rstrip().endswith(MARKER), body[-200:])
        self.assertLessEqual(len(body.encode()), LIMIT)
        return number, body

    def one_check(self, conclusion):
        (check,) = self.world.checks(self.head)
        self.assertEqual((check["name"], check["status"], check["conclusion"]), ("xsgate", "completed", conclusion))
        return check

    def assert_left(self, verdict, code, say):
        """Summary, outputs, report files: whatever becomes of the posting."""
        outputs = self.outputs()
        self.assertEqual(outputs["verdict"], verdict)
        self.assertEqual(self.report()["verdict"], verdict)
        self.assertTrue(os.path.isfile(outputs["report_html"]))
        self.assertEqual(os.path.realpath(outputs["report_json"]),
                         os.path.realpath(os.path.join(self.clone, ".xsgate", "report.json")))
        for text in say:
            self.assertIn(text, self.read("summary"))
        if verdict == "regressed":
            self.assertGreaterEqual(int(outputs["regressed"]), 1)
        self.assertEqual(code, {"regressed": 1, "passed": 0}[verdict])

    def regressed(self, environment, **more):
        said = self.gate(environment, 1, **more)
        self.assert_left("regressed", 1, ["render"])
        return said


class PullRequest(Scenario):
    def test_regressed_then_fixed_by_a_second_push(self):
        self.start_origin()
        self.world.say(self.number, "a word by a colleague " + MARKER)
        self.merge()
        self.check_out()
        said = self.regressed(self.pull_event())
        self.assertIn("merge base of main and HEAD", said)
        mine = {n: b for n, b in self.world.comments(self.number).items() if "colleague" not in b}
        ((number, body),) = mine.items()
        self.assertIn("regressed", body.split("\n")[0])
        self.assertIn("render", body)
        self.assertEqual(re.sub("<!--.*?-->", "", body).strip(), self.read("summary").strip())
        check = self.one_check("failure")
        self.assertIn("regressed", check["output"]["title"])
        if not MODULES:  # emulate tells none
            (annotation,) = [a for a in check["annotations"] if "render" in a["title"]]
            line = program(SLOW).split("\n").index('    XSG_SCOPE("render");') + 1
            self.assertEqual((annotation["path"], annotation["start_line"]), ("bench.c", line))
        first = self.head

        self.git("checkout", "-q", "topic")
        self.commit({**FAST, "more": 1000000}, "repaired")
        self.git("checkout", "-q", "main")
        self.head = self.world.push_to(self.number, self.branch)
        self.assertNotEqual(self.head, first)
        self.merge()
        self.check_out()
        self.gate(self.pull_event(), 0)
        self.assert_left("passed", 0, ["passed"])
        comments = self.world.comments(self.number)
        self.assertEqual(len(comments), 2)
        self.assertIn("passed", comments[number].split("\n")[0])
        self.assertNotIn("regressed", comments[number].split("\n")[0])
        self.one_check("success")
        self.assertEqual(self.world.checks(first)[0]["conclusion"], "failure")

    def test_passed_from_the_start_is_silent(self):
        self.start_origin(head={**FAST, "more": 1000000})
        self.merge()
        self.check_out()
        self.gate(self.pull_event(), 0)
        self.assert_left("passed", 0, ["passed"])
        self.assertEqual(self.world.comments(self.number), {})
        self.one_check("success")

    def test_a_shallow_clone(self):
        """actions/checkout by default: depth 1, nothing but the merge commit."""
        self.start_origin()
        self.merge()
        self.check_out(depth=1)
        self.assertEqual(self.git("rev-list", "--all", cwd=self.clone).count("\n"), 0)
        self.regressed(self.pull_event())
        self.assertEqual(self.report()["base"]["commit"], self.git("rev-parse", "main"))
        self.one_comment()
        self.one_check("failure")

    def test_auto_takes_the_events_base(self):
        self.start_origin()
        self.merge()
        self.check_out(depth=1)
        said = self.regressed(self.pull_event(), baseline="auto")
        self.assertIn("the event's base", said)
        self.assertEqual(self.report()["base"]["commit"], self.git("rev-parse", "main"))

    def test_a_shallow_clone_whose_base_cannot_be_fetched(self):
        self.start_origin()
        self.git("checkout", "-q", "topic")
        self.git("update-ref", f"refs/pull/{self.number}/merge", "HEAD")  # no merge that names its base
        self.git("checkout", "-q", "main")
        self.check_out(depth=1)
        environment = self.pull_event(GITHUB_API_URL="http://127.0.0.1:1")
        os.rename(self.origin, self.origin + "-gone")
        said = self.gate(environment, 2)
        self.assertIn("fetch-depth: 0", said)
        self.assertIn("fetch-depth: 0", self.read("summary").replace("<wbr>", ""))
        self.assertEqual(self.outputs()["verdict"], "invalid")
        os.rename(self.origin + "-gone", self.origin)
        self.regressed(self.pull_event())
        self.assertEqual(self.report()["base"]["commit"], self.git("rev-parse", "main~1"))

    def test_undecided(self):
        self.start_origin()
        self.merge()
        self.check_out()
        for code, conclusion, words in ((0, "neutral", []), (4, "failure", ["--strict"])):
            self.head = self.world.push_to(self.number, self.branch)
            self.gate(self.pull_event(), code, "--rounds", "2", "--threshold", "90%", *words)
            self.assertEqual(self.outputs()["verdict"], "undecided")
            _, body = self.one_comment()
            self.assertIn("undecided", body.split("\n")[0])
            self.one_check(conclusion)

    def test_the_api_is_down(self):
        self.start_origin()
        self.merge()
        self.check_out()
        start = time.monotonic()
        said = self.regressed(self.pull_event(GITHUB_API_URL="http://127.0.0.1:1"))
        self.assertLess(time.monotonic() - start, 90)
        self.assertIn("the check was not made", said)
        self.assertIn("the comment was not posted", said)
        self.assertEqual(self.world.calls(), [])

    def test_a_comment_that_would_be_too_long(self):
        """Rows are dropped, nothing is cut, and the counts are true."""
        names = [f"function_{i:03d}_" + "with_a_name_that_takes_its_room_" * 10 for i in range(160)]
        self.start_origin({n: 100000 for n in names}, {n: 300000 for n in names})
        self.merge()
        self.check_out()
        self.gate(self.pull_event(), 1)
        n = int(self.outputs()["regressed"])
        self.assertGreater(n, 140)
        _, body = self.one_comment()
        self.assertRegex(body.split("\n")[0], r"threshold .*more functions? regressed$")
        shown = len(re.findall(r"^\| <code>", body, re.MULTILINE)) + body.count("| <b>bench</b> as a whole")
        (left_out,) = re.findall(r"^(\d+) more slower did not fit here\.$", body, re.MULTILINE)
        self.assertEqual(shown + int(left_out), n)
        self.assertEqual(body.count("<details"), body.count("</details>"))
        check = self.one_check("failure")
        self.assertLessEqual(len(check["output"]["summary"].encode()), 65535)

    def test_two_pull_requests_gates_with_ids(self):
        """Two configurations of one pull request have a comment and a check each."""
        self.start_origin()
        config = os.path.join(self.origin, "xsgate.yml")
        for name in ("gcc", "clang"):
            with open(config, "w", encoding="utf-8") as file:
                file.write(CONFIG + f"ci: {{id: {name}}}\n")
            self.git("commit", "-qam", name)
            self.merge()
            self.check_out()
            self.regressed(self.pull_event())
        bodies = list(self.world.comments(self.number).values())
        self.assertEqual([b.rstrip().rsplit("\n", 1)[1] for b in bodies],
                         ["<!-- xsgate:gcc -->", "<!-- xsgate:clang -->"])
        self.assertEqual(sorted(c["name"] for c in self.world.checks(self.head)), ["clang", "gcc"])


class Fork(Scenario):
    def test_measured_without_and_commented_with_privileges(self):
        self.start_origin()
        self.merge()
        self.check_out()
        said = self.regressed(self.pull_event(repository="stranger/fork"))
        self.assertEqual(self.world.calls(), [], "a read-only token is not tried")
        self.assertIn("a second workflow can comment", said)
        self.assertEqual(self.report()["ci"], {"pull_request": self.number, "head_sha": self.head})

        job = os.path.join(self.folder, "job")
        os.mkdir(job)
        shutil.copy(os.path.join(self.clone, ".xsgate", "report.json"), job)
        environment = self.event("workflow_run", {"workflow_run": {
            "id": 77, "event": "pull_request", "head_sha": self.head, "head_branch": "topic",
            "head_repository": {"full_name": "stranger/fork"}, "pull_requests": []}})
        done = subprocess.run([XSGATE, "comment", "--from", "report.json"], cwd=job, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("#issuecomment-", done.stdout)
        _, body = self.one_comment()
        self.assertIn("regressed", body.split("\n")[0])
        self.assertIn("render", body)

    def test_not_run_with_privileges(self):
        self.start_origin()
        self.merge()
        self.check_out()
        environment = self.pull_event(repository="stranger/fork", GITHUB_EVENT_NAME="pull_request_target")
        said = self.gate(environment, 2)
        self.assertIn("use two jobs", said)
        self.assertFalse(os.path.exists(os.path.join(self.clone, "bench")), "it was built")
        self.assertEqual(self.world.calls(), [])


class Queue(Scenario):
    def test_compared_with_the_entry_before(self):
        """main, then an entry that is slow, then one that changes nothing: it is not to blame."""
        self.start_origin()
        self.git("checkout", "-q", "-b", "queue")
        self.git("merge", "-q", "--no-ff", "-m", "entry 1", "topic")
        before = self.git("rev-parse", "HEAD")
        entry = self.commit({**SLOW, "more": 1000000}, "entry 2")
        self.git("update-ref", "refs/heads/gh-readonly-queue", entry)
        for depth in (None, 1):
            self.check_out(depth=depth, ref="refs/heads/gh-readonly-queue")
            self.world.forget_calls()
            environment = self.event("merge_group", {"merge_group": {
                "base_sha": before, "base_ref": "refs/heads/main", "head_sha": self.head,
                "head_ref": "refs/heads/gh-readonly-queue"}}, GITHUB_SHA=entry)
            self.gate(environment, 0)
            self.assert_left("passed", 0, ["passed"])
            self.assertEqual(self.report()["base"]["commit"], before)
            self.assertEqual({path.split("?")[0].rsplit("/", 2)[-2] for method, path in self.world.calls()
                              if method == "POST"}, {self.world.repository.split("/")[1]})
        self.assertEqual(self.world.comments(self.number), {})
        self.assertEqual({c["conclusion"] for c in self.world.checks(self.head)}, {"success"})


class FirstRun(Scenario):
    def test_there_is_nothing_to_compare_with_yet(self):
        os.mkdir(self.origin)
        self.git("init", "-q", "-b", "topic")
        with open(os.path.join(self.origin, "xsgate.yml"), "w", encoding="utf-8") as file:
            file.write(CONFIG)
        sha = self.commit(FAST, "the first")
        for baseline in ("main", "auto"):
            self.check_out(ref="refs/heads/topic")
            self.head = self.world.push_to(self.number, self.branch)
            environment = self.event("push", {"ref": "refs/heads/topic", "before": "0" * 40,
                                              "after": self.head}, GITHUB_SHA=sha)
            said = self.gate(environment, 0, baseline=baseline)
            self.assertIn("nothing to compare", said)
            self.assertEqual(self.outputs()["verdict"], "none")
            self.assertIn("nothing to", self.read("summary"))
            self.one_check("neutral")
            stat = subprocess.run([XSGATE, "store", "stat"], cwd=self.clone, env=self.env, check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            self.assertIn("runs         1 ", stat)
        self.assertEqual(self.world.comments(self.number), {})

    def test_a_push_is_compared_with_what_was_there(self):
        self.start_origin()
        self.git("merge", "-q", "--no-ff", "-m", "merged", "topic")
        sha, before = self.git("rev-parse", "main"), self.git("rev-parse", "main~1")
        self.check_out(ref="refs/heads/main")
        self.head = self.world.push_to(self.number, self.branch)
        environment = self.event("push", {"ref": "refs/heads/main", "before": before, "after": self.head},
                                 GITHUB_SHA=sha)
        self.regressed(environment, baseline="auto")
        self.assertEqual(self.report()["base"]["commit"], before)
        self.one_check("failure")
        self.assertEqual(self.world.comments(self.number), {})


if __name__ == "__main__":
    XSGATE, INCLUDE = (os.path.abspath(sys.argv.pop(1)) for _ in range(2))
    if len(sys.argv) > 1 and os.path.isabs(sys.argv[1]):
        import description
        MODULES = description.prepare(sys.argv.pop(1))
        if MODULES is None:
            sys.exit(SKIP)
    unittest.main(verbosity=1)
