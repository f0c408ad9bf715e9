"""Real events of GitHub through xsg_forge_detect, and what they leave out: forks.

    test_events.py DETECT MODULES_FOLDER
"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import description  # noqa: E402

SKIP = 77
DETECT = None
EXAMPLES = None
NONE = "0" * 40


class Events(unittest.TestCase):
    def detect(self, name, payload, **more):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            file.write(payload if isinstance(payload, str) else json.dumps(payload))
            file.flush()
            done = subprocess.run([DETECT], stdout=subprocess.PIPE, text=True, timeout=30, check=True, env={
                "PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name,
                "GITHUB_EVENT_PATH": file.name, "GITHUB_REPOSITORY": "Codertocat/Hello-World", **more})
        return dict((line.split(" ", 1) + [""])[:2] for line in done.stdout.splitlines())

    def test_as_many_as_there_are(self):
        self.assertEqual({name: len(EXAMPLES[name]) for name in
                          ("pull_request", "push", "workflow_run", "merge_group")},
                         {"pull_request": 29, "push": 7, "workflow_run": 5, "merge_group": 2})

    def test_pull_requests(self):
        for payload in EXAMPLES["pull_request"]:
            for name in ("pull_request", "pull_request_target"):
                got, pull = self.detect(name, payload), payload["pull_request"]
                self.assertEqual(got["result"], "0")
                self.assertEqual(got["pull_request"], str(payload["number"]))
                self.assertEqual((got["base_sha"], got["base_ref"]), (pull["base"]["sha"], pull["base"]["ref"]))
                self.assertEqual((got["head_sha"], got["head_ref"]), (pull["head"]["sha"], pull["head"]["ref"]))
                self.assertEqual(got["head_repository"], pull["head"]["repo"]["full_name"])
                self.assertEqual((got["foreign"], got["may_run"]), ("0", "1"))

    def forks(self):
        """None of the samples is from a fork."""
        for payload in EXAMPLES["pull_request"]:
            fork = copy.deepcopy(payload)
            fork["pull_request"]["head"]["repo"].update(full_name="stranger/Hello-World", fork=True)
            gone = copy.deepcopy(payload)
            gone["pull_request"]["head"]["repo"] = None
            yield fork
            yield gone

    def test_forks(self):
        for payload in self.forks():
            self.assertEqual(self.detect("pull_request", payload)["foreign"], "1")
            self.assertEqual(self.detect("pull_request", payload)["may_run"], "1")
            self.assertEqual(self.detect("pull_request_target", payload)["may_run"], "0")

    def test_the_same_name_in_other_letters_is_no_fork(self):
        payload = copy.deepcopy(EXAMPLES["pull_request"][0])
        payload["pull_request"]["head"]["repo"]["full_name"] = "CODERTOCAT/hello-world"
        self.assertEqual(self.detect("pull_request_target", payload)["foreign"], "0")

    def test_pushes(self):
        for payload in EXAMPLES["push"]:
            got = self.detect("push", payload)
            self.assertEqual(got["result"], "0")
            self.assertEqual(got.get("base_sha"), None if payload["before"] == NONE else payload["before"])
            self.assertEqual(got.get("head_sha"), None if payload["after"] == NONE else payload["after"])
            self.assertEqual((got["pull_request"], got["foreign"]), ("0", "0"))

    def test_merge_groups(self):
        for payload in EXAMPLES["merge_group"]:
            got, group = self.detect("merge_group", payload), payload["merge_group"]
            self.assertEqual((got["base_sha"], got["head_sha"]), (group["base_sha"], group["head_sha"]))
            self.assertEqual("refs/heads/" + got["base_ref"], group["base_ref"])
            self.assertEqual(got["may_run"], "1")

    def test_workflow_runs(self):
        for payload in EXAMPLES["workflow_run"]:
            got, run = self.detect("workflow_run", payload), payload["workflow_run"]
            foreign = run["head_repository"]["full_name"] != payload["repository"]["full_name"]
            self.assertEqual(got["head_sha"], run["head_sha"])
            self.assertEqual((got["foreign"], got["may_run"]), (str(int(foreign)), str(int(not foreign))))
            pulls = run["pull_requests"]
            self.assertEqual(got["pull_request"], str(pulls[0]["number"]) if len(pulls) == 1 else "0")

    def test_all_other_events_do_no_harm(self):
        n = 0
        for name, payloads in EXAMPLES.items():
            got = self.detect(name, payloads[0])
            self.assertEqual(got["result"], "0", name)
            n += 1
        self.assertGreater(n, 50)

    def test_another_events_payload(self):
        """What the name says and what the file holds need not agree."""
        for name in ("pull_request", "push", "merge_group", "workflow_run", "pull_request_target"):
            for payload in (EXAMPLES["issues"][0], [], {}, {"pull_request": [], "workflow_run": 7,
                                                            "merge_group": "x", "before": {}, "number": "7"}):
                got = self.detect(name, payload)
                self.assertNotIn("base_sha", got)
                self.assertEqual(got["pull_request"], "0")
                if name in ("pull_request_target", "workflow_run"):
                    self.assertEqual(got["may_run"], "0")

    def test_a_payload_that_is_cut(self):
        text = json.dumps(EXAMPLES["pull_request"][0])
        for n in (0, 1, 100, len(text) // 2, len(text) - 1):
            got = self.detect("pull_request_target", text[:n])
            self.assertEqual((got["result"], got["may_run"]), ("-3", "0"))
            self.assertIn("event file", got["error"])


if __name__ == "__main__":
    DETECT = sys.argv.pop(1)
    folder = description.prepare(sys.argv.pop(1))
    if folder is None:
        sys.exit(SKIP)
    with open(folder / "node_modules/@octokit/webhooks-examples/api.github.com/index.json", encoding="utf-8") as index:
        EXAMPLES = {entry["name"]: entry["examples"] for entry in json.load(index) if entry["examples"]}
    unittest.main(verbosity=1)
