"""What the forge's tests share: the driver's call and what it said."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import server as fault_server  # noqa: E402

TOKEN = "ghs_secret_token_1234567890"
HEAD = "1" * 40
END = "<!-- xsgate:xsgate -->"
MARKER = "<!-- xsgate-run:77 -->\n" + END

# What a sanitizer's build is told by the suite, whatever else a test takes away.
SANITIZERS = {name: os.environ[name] for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS")
              if name in os.environ}


class Outcome:
    def __init__(self, text, seconds):
        self.text = text
        self.seconds = seconds  # that the clock was moved on by, wait after wait
        values = dict((line.split(" ", 1) + [""])[:2] for line in text.splitlines() if line)
        self.code = int(values.get("result", "-99"))
        self.error, self.hint = values.get("error", ""), values.get("hint", "")
        self.url, self.oid = values.get("url", ""), values.get("oid", "")


class ForgeTest(unittest.TestCase):
    driver = None

    def setUp(self):
        self.forge = fault_server.Forge(token=TOKEN)
        self.server = fault_server.Server(self.forge)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def environment(self, **more):
        event = os.path.join(self.folder.name, "event.json")
        if not os.path.exists(event):
            with open(event, "w", encoding="utf-8") as file:
                json.dump({"number": 7, "repository": {"full_name": "o/r"}, "pull_request": {
                    "base": {"sha": "2" * 40, "ref": "main", "repo": {"full_name": "o/r"}},
                    "head": {"sha": HEAD, "ref": "topic", "repo": {"full_name": "o/r"}}}}, file)
        return {**SANITIZERS, "PATH": os.environ["PATH"], "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": TOKEN,
                "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": event,
                "GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": self.server.url,
                "GITHUB_RUN_ID": "77", "no_proxy": "*", **more}

    def gitlab(self, **more):
        return {**SANITIZERS, "PATH": os.environ["PATH"], "GITLAB_CI": "true", "GITLAB_TOKEN": TOKEN,
                "CI_API_V4_URL": self.server.url, "CI_PROJECT_ID": "42", "CI_PROJECT_PATH": "o/r",
                "CI_SERVER_URL": "https://gitlab.test", "CI_MERGE_REQUEST_IID": "7",
                "CI_MERGE_REQUEST_PROJECT_ID": "42", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
                "CI_COMMIT_SHA": HEAD, "no_proxy": "*", **more}

    def start(self, *words, environment=None):
        return subprocess.Popen([self.driver, *words], env=environment or self.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, process):
        text, _ = process.communicate(timeout=120)
        self.assertNotIn(TOKEN, text, "the token was printed")
        self.assertEqual(process.returncode, 0, text)
        waits = [float(line[6:]) for line in text.splitlines() if line.startswith("slept ")]
        return Outcome(text, waits)

    def drive(self, *words, environment=None):
        return self.finish(self.start(*words, environment=environment))

    def body(self, text):
        path = os.path.join(self.folder.name, "body.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def comment(self, text="slower", *options, environment=None, command="comment"):
        return self.drive(*options, command, "xsgate", self.body(text), environment=environment)

    def bodies(self):
        return [c["body"] for c in self.forge.comments]

    def tearDown(self):
        for request in self.forge.seen:
            self.assertNotIn(TOKEN, request["path"])
            self.assertNotIn(TOKEN.encode(), request["body"])


def main():
    ForgeTest.driver = sys.argv.pop(1)
    unittest.main(verbosity=1)
