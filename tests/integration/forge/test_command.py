"""xsgate comment, and what a gate publishes when it cannot judge: the program against the server."""
import json
import os
import resource
import signal
import subprocess
import sys
import time

from common import END, HEAD, SANITIZERS, TOKEN, ForgeTest, main

PROGRAM = sys.argv.pop(2)
REPORT = sys.argv.pop(2)
FORK = "mallory/r"


class CommandTest(ForgeTest):
    def setUp(self):
        super().setUp()
        self.home = os.path.join(self.folder.name, "home")
        os.mkdir(self.home)
        self.forge.pulls[7] = HEAD

    def xsgate(self, *words, environment=None, code=0, cwd=None):
        done = subprocess.run([PROGRAM, *words], env=environment or self.environment(),
                              cwd=cwd or self.home, capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def event(self, name, payload):
        path = os.path.join(self.folder.name, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(payload, file)
        return {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": path}

    def second_job(self, pulls=(), head=HEAD):
        return self.environment(**self.event("workflow_run", {
            "repository": {"full_name": "o/r"}, "workflow_run": {
                "id": 5, "head_sha": head, "head_branch": "topic",
                "head_repository": {"full_name": FORK}, "pull_requests": list(pulls)}}))

    def report(self, change=None, **ci):
        with open(REPORT, encoding="utf-8") as file:
            report = json.load(file)
        if ci:
            report["ci"] = ci
        if change:
            change(report)
        path = os.path.join(self.folder.name, "report.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report, file)
        return path

    def writes(self):
        return [r for r in self.forge.seen if r["method"] != "GET"]


class FromAFork(CommandTest):
    """workflow_run: the artifact is a stranger's."""

    def test_the_number_is_confirmed(self):
        path = self.report(pull_request=7, head_sha=HEAD)
        done = self.xsgate("comment", "--from", path, environment=self.second_job())
        self.assertIn("issuecomment-", done.stdout)
        self.assertTrue(self.bodies()[0].endswith(END))
        self.assertIn("/o/r/actions/runs/5#artifacts", self.bodies()[0])
        self.assertTrue(self.forge.requests("GET", "/pulls/7$"))

    def test_another_pull_request(self):
        """The report names somebody else's pull request."""
        self.forge.pulls[8] = "9" * 40
        path = self.report(pull_request=8, head_sha=HEAD)
        done = self.xsgate("comment", "--from", path, environment=self.second_job(), code=2)
        self.assertIn("the head of pull request 8 is 9999999999, this run is about 1111111111",
                      done.stderr)
        self.assertEqual(self.writes(), [])

    def test_another_commit(self):
        path = self.report(pull_request=7, head_sha="3" * 40)
        done = self.xsgate("comment", "--from", path, environment=self.second_job(), code=2)
        self.assertIn("the report is about 3333333333", done.stderr)
        self.assertEqual(self.forge.seen, [])

    def test_a_number_that_is_none(self):
        path = self.report(pull_request=9, head_sha=HEAD)
        done = self.xsgate("comment", "--from", path, environment=self.second_job(), code=3)
        self.assertIn("404", done.stderr)
        self.assertEqual(self.writes(), [])

    def test_no_number(self):
        done = self.xsgate("comment", "--from", self.report(), environment=self.second_job(), code=2)
        self.assertIn("--pull-request N", done.stderr)
        self.xsgate("comment", "--from", self.report(), "--pull-request", "7",
                    environment=self.second_job())
        self.assertEqual(len(self.bodies()), 1)

    def test_the_event_names_it(self):
        """And it is confirmed all the same; what the report claims does not matter."""
        path = self.report(pull_request=8)
        self.xsgate("comment", "--from", path, environment=self.second_job([{"number": 7}]))
        self.assertTrue(self.forge.requests("POST", "/issues/7/comments"))

    def test_an_event_without_a_commit(self):
        done = self.xsgate("comment", "--from", self.report(pull_request=7),
                           environment=self.second_job(head="x"), code=2)
        self.assertIn("cannot be confirmed", done.stderr)
        self.assertEqual(self.forge.seen, [])

    def test_hostile_text(self):
        """Names that would ping, link, inject and hijack are text in the comment."""
        evil = ("@everyone <!-- xsgate:xsgate --> <script>x</script> | ` ``` [a](javascript:b) "
                "![i](http://evil.example/i.png) #1 GH-1 \u202e::error::x\n")

        def poison(report):
            report["reason"] = evil + "A" * 70000
            for delta in report["deltas"]:
                delta["cause"] = evil
                delta["target"] = report["targets"][0]["name"]
                if delta["function"]:
                    delta["function"] = delta["file"] = evil
            report["warnings"] = [evil] * 100
            report["deltas"] *= 200

        path = self.report(poison, pull_request=7, head_sha=HEAD)
        self.xsgate("comment", "--from", path, environment=self.second_job())
        (body,) = self.bodies()
        self.assertLessEqual(len(body), 65536)
        self.assertEqual(body.count("<!--"), 2)
        for word in ("@everyone", "<script", "](javascript", "![i]", " #1 ", " GH-1", "\u202e"):
            self.assertNotIn(word, body)

    def test_files_that_are_no_report(self):
        path = os.path.join(self.folder.name, "bad.json")
        for data, words in ((b"{" * 100, "bad.json"), (b"", "bad.json"), (b"\x00\xff", "bad.json"),
                            (b'{"schema": 1}', "bad.json"), (b" " * (9 << 20), "bad.json")):
            with open(path, "wb") as file:
                file.write(data)
            done = self.xsgate("comment", "--from", path, "--pull-request", "7",
                               environment=self.second_job(), code=2)
            self.assertEqual(done.stderr.count(words), 1)
        self.assertEqual(self.forge.seen, [])

    def test_it_runs_nothing(self):
        """The same job may not measure."""
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
        with open(os.path.join(self.home, "xsgate.yml"), "w", encoding="utf-8") as file:
            file.write("build: touch ran\ntargets: [{name: a, command: touch ran}]\n")
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run([*git, *words], cwd=self.home, check=True)
        for words in (("run",), ("run", "--baseline", "main"), ("compare", "main")):
            done = self.xsgate(*words, environment=self.second_job(), code=2)
            self.assertIn("its code is not run", done.stderr)
            self.assertIn("use two jobs", done.stderr)
        target = self.event("pull_request_target", {"number": 7, "repository": {"full_name": "o/r"},
                                                    "pull_request": {"head": {"repo": None}}})
        self.xsgate("run", environment=self.environment(**target), code=2)
        self.assertFalse(os.path.exists(os.path.join(self.home, "ran")))
        self.xsgate("run", "--allow-untrusted-code-with-privileged-token", "--rounds", "1",
                    environment=self.environment(**target), code=3)
        self.assertTrue(os.path.exists(os.path.join(self.home, "ran")))


class OnAPullRequest(CommandTest):
    def test_posted_then_green_then_removed(self):
        self.xsgate("comment", "--from", self.report())

        def passed(report):
            report["verdict"], report["reason"], report["deltas"] = "passed", "all is well", []

        self.xsgate("comment", "--from", self.report(passed))
        (body,) = self.bodies()
        self.assertIn("passed", body)
        self.xsgate("comment", "--delete")
        self.assertEqual(self.bodies(), [])
        done = self.xsgate("comment", "--from", self.report(passed))
        self.assertIn("nothing was posted", done.stderr)
        self.assertEqual((done.stdout, self.bodies()), ("", []))

    def test_ids(self):
        self.xsgate("comment", "--from", self.report(), "--id", "gcc")
        self.xsgate("comment", "--from", self.report(), "--id", "clang")
        self.assertEqual([b.splitlines()[-1] for b in self.bodies()],
                         ["<!-- xsgate:gcc -->", "<!-- xsgate:clang -->"])

    def test_outside_of_ci(self):
        done = self.xsgate("comment", "--from", self.report(), code=2,
                           environment={**SANITIZERS, "PATH": os.environ["PATH"], "GITHUB_TOKEN": TOKEN})
        self.assertIn("neither GitHub Actions nor GitLab CI", done.stderr)

    def test_the_forge_is_down(self):
        environment = self.environment(GITHUB_API_URL="http://127.0.0.1:1")
        # Real waits: bounded by the retries, of which a refused connection has few.
        start = time.monotonic()
        done = self.xsgate("comment", "--from", self.report(), environment=environment, code=3)
        self.assertIn("127.0.0.1", done.stderr)
        self.assertLess(time.monotonic() - start, 40)

    def test_gitlab(self):
        self.forge.may_ask_user, self.forge.login = True, "bot"
        done = self.xsgate("comment", "--from", self.report(), environment=self.gitlab())
        self.assertIn("https://gitlab.test/o/r/-/merge_requests/7#note_", done.stdout)
        self.assertTrue(self.bodies()[0].endswith(END))


class AGateThatCannotJudge(CommandTest):
    """Whatever happens, the check is completed and the answer stands in the summary."""

    def setUp(self):
        super().setUp()
        self.write("xsgate.yml", "build: sh build.sh\ntargets: [{name: a, command: ./a.sh}]\n")
        self.write("build.sh", "true\n")
        self.write("a.sh", "#!/bin/sh\nexit 3\n")
        os.chmod(os.path.join(self.home, "a.sh"), 0o755)
        self.git("init", "-q", "-b", "main")
        self.commit("base")
        self.git("checkout", "-q", "-b", "topic")
        self.write("build.sh", "echo '::error::forged | @everyone'\nfalse\n")
        self.commit("head")
        self.files = {"GITHUB_STEP_SUMMARY": os.path.join(self.folder.name, "summary"),
                      "GITHUB_OUTPUT": os.path.join(self.folder.name, "output")}

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.folder.name, name), encoding="utf-8") as file:
            return file.read()

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
                              cwd=self.home, check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def commit(self, subject):
        self.git("add", "-A")
        self.git("commit", "-qm", subject)

    def gate(self, code, *words, **more):
        return self.xsgate("run", "--baseline", "main", *words, code=code,
                           environment=self.environment(**self.files, **more))

    def test_a_broken_build(self):
        self.gate(3)
        (check,) = self.forge.checks
        self.assertEqual((check["status"], check["conclusion"]), ("completed", "failure"))
        self.assertIn("verdict=invalid\n", self.read("output"))
        for text in (self.read("summary"), self.bodies()[0], check["output"]["summary"]):
            self.assertIn("building", text)
            self.assertNotIn("@everyone", text)

    def test_a_broken_target(self):
        self.write("build.sh", "true\n")
        self.commit("builds")
        self.gate(3, "--rounds", "1")
        self.assertIn("verdict=invalid\n", self.read("output"))
        self.assertEqual(self.forge.checks[0]["conclusion"], "failure")
        with open(os.path.join(self.home, ".xsgate", "report.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["ci"], {"pull_request": 7, "head_sha": HEAD})

    def test_what_targets_print(self):
        """No line of theirs reaches the runner as a command: it stands between a stop and a resume
        with a token that they cannot know."""
        guess = "0" * 32
        self.git("checkout", "-q", "main")
        self.write("a.sh", f"#!/bin/sh\necho '::{guess}::'\necho '##[add-mask]x'\n"
                           "echo '::set-output name=a::b'\nexit 3\n")
        self.commit("prints")
        self.git("checkout", "-q", "-B", "topic")
        self.write("more", "")
        self.commit("topic")
        done = self.gate(3, "--rounds", "1")
        for stream in (done.stdout, done.stderr):
            token = None
            for line in stream.splitlines():
                if line.startswith("::stop-commands::") and not token:
                    token = line[17:]
                    self.assertRegex(token, "^[0-9a-f]{32}$")
                elif token and line == f"::{token}::":
                    token = None
                elif not token:
                    self.assertFalse(line.lstrip().startswith("::") or "##[" in line, stream)
            self.assertIsNone(token)
        self.assertIn("##[add-mask]x", done.stdout)
        self.assertIn("::stop-commands::", done.stdout)

    def test_nothing_can_be_posted(self):
        """The answer is the same, and the summary is there."""
        self.forge.fault("*", ".", "answer", nth=0, status=403,
                         body='{"message": "Resource not accessible by integration"}')
        done = self.gate(3)
        self.assertIn("checks: write", done.stderr)
        self.assertIn("pull-requests: write", done.stderr)
        self.assertIn("verdict=invalid\n", self.read("output"))
        self.assertIn("building", self.read("summary"))

    def test_a_merge_queue(self):
        """The check stands on the queue's commit; there is no pull request to comment on."""
        event = self.event("merge_group", {"merge_group": {
            "base_sha": self.git("rev-parse", "main"), "head_sha": "5" * 40, "base_ref": "refs/heads/main"}})
        self.gate(3, **event)
        self.assertEqual([c["head_sha"] for c in self.forge.checks], ["5" * 40])
        self.assertEqual(self.bodies(), [])

    def test_a_merge_request(self):
        self.forge.may_ask_user, self.forge.login = True, "project_42_bot"
        done = self.xsgate("run", "--baseline", "main", code=3, environment=self.gitlab())
        self.assertIn("could not judge", self.bodies()[0])
        self.assertIn("/-/merge_requests/7#note_", done.stderr)
        self.assertEqual(self.forge.checks, [])
        self.write("build.sh", "true\n")
        done = self.xsgate("run", "--baseline", "main", "--rounds", "1", code=3,
                           environment=self.gitlab(GITLAB_TOKEN=""))
        self.assertIn("no GITLAB_TOKEN", done.stderr)

    def test_the_configuration(self):
        """What is switched off is not asked for; a status is a status."""
        with open(os.path.join(self.home, "xsgate.yml"), "a", encoding="utf-8") as file:
            file.write("ci: {id: gcc, check: off, status: on, comment: off}\n")
        self.gate(3)
        self.assertEqual([r["method"] for r in self.forge.seen], ["POST"])
        self.assertEqual([(s["context"], s["state"]) for s in self.forge.statuses],
                         [("gcc", "error")])

    def test_no_base(self):
        """Before anything is measured: the answer stands in the summary, the check and the comment."""
        self.xsgate("run", "--baseline", "no-such-branch", code=2,
                    environment=self.environment(**self.files))
        self.assertIn("verdict=invalid\n", self.read("output"))
        for text in (self.read("summary"), self.bodies()[0]):
            self.assertIn("no-such-branch", text.replace("&#45;", "-"))
        self.assertEqual(self.forge.checks[0]["status"], "completed")

    def test_debugging(self):
        self.write("build.sh", "true\n")
        for debug in ("0", "1"):
            done = self.gate(3, "--rounds", "1", RUNNER_DEBUG=debug)
            self.assertEqual("seed of the order" in done.stderr, debug == "1", done.stderr)

    def test_the_forge_is_down(self):
        """It costs its retries once; the gate's answer is the same."""
        start = time.monotonic()
        done = self.gate(3, GITHUB_API_URL="http://127.0.0.1:1")
        self.assertEqual(done.stderr.count("warning: "), 2, done.stderr)
        self.assertLess(time.monotonic() - start, 40)
        self.assertIn("verdict=invalid\n", self.read("output"))

    def test_not_published(self):
        self.gate(3, "--no-publish")
        self.assertEqual(self.forge.seen, [])
        self.assertFalse(os.path.exists(self.files["GITHUB_OUTPUT"]))

    def test_a_fork(self):
        event = self.event("pull_request", {
            "number": 7, "repository": {"full_name": "o/r"}, "pull_request": {
                "head": {"sha": HEAD, "repo": {"full_name": FORK}}}})
        done = self.gate(3, **event)
        self.assertEqual(self.forge.seen, [])
        self.assertIn("a second workflow can comment", done.stderr)
        self.assertIn("verdict=invalid\n", self.read("output"))

    def dumps_core(self, **more):
        """Killed while it builds: does it leave a core?"""
        # a sanitizer would take the signal, and say no to cores by itself
        more["ASAN_OPTIONS"] = "handle_segv=0:disable_coredump=0:detect_leaks=0"
        self.write("build.sh", "touch started\nsleep 60\n")
        process = subprocess.Popen(
            [PROGRAM, "run", "--baseline", "main", "--no-publish"], cwd=self.home,
            env={"PATH": os.environ["PATH"], **more}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
        while not os.path.exists(os.path.join(self.home, "started")):
            time.sleep(0.05)
        os.unlink(os.path.join(self.home, "started"))
        os.kill(process.pid, signal.SIGSEGV)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = 1
        self.assertTrue(os.WIFSIGNALED(status))
        return os.WCOREDUMP(status)

    def test_no_core(self):
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
            pattern = file.read().strip()
        if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or "/" in pattern or "|" in pattern \
                or not self.dumps_core():
            self.skipTest("cores are not written here")
        self.assertFalse(self.dumps_core(GITHUB_TOKEN=TOKEN))
        self.assertFalse(self.dumps_core(GITLAB_TOKEN=TOKEN))

    def test_stopped_by_the_user(self):
        self.write("build.sh", "touch started\nsleep 60\n")
        self.commit("slow")
        process = subprocess.Popen([PROGRAM, "run", "--baseline", "main"], cwd=self.home,
                                   env=self.environment(**self.files), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while not os.path.exists(os.path.join(self.home, "started")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        (check,) = self.forge.checks
        self.assertEqual((check["status"], check["conclusion"]), ("completed", "cancelled"))
        self.assertEqual(self.bodies(), [])

    def test_a_broken_event(self):
        path = os.path.join(self.folder.name, "broken.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"number": 7')
        done = self.gate(3, GITHUB_EVENT_PATH=path)
        self.assertEqual(done.stderr.count("broken.json"), 1)
        self.assertEqual(self.forge.seen, [], "it may be a stranger's")
        self.assertIn("verdict=invalid\n", self.read("output"))


if __name__ == "__main__":
    main()
