"""The composite action, step by step, as the runner would: inputs and contexts evaluated by GitHub's
own expression library, each step's environment, outputs and path; on a clone as actions/checkout leaves
it, with the event of a pull request. `uses:` steps are the runner's (here: an empty cache).

    test_run.py SOURCE NPM-FOLDER
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "npm"))
import npm  # noqa: E402  pylint: disable=wrong-import-position
from pins import PINS  # noqa: E402  pylint: disable=wrong-import-position

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is missing")
    sys.exit(77)

HERE = pathlib.Path(__file__).parent


def git(root, *words):
    settings = ["-c", "user.name=ci", "-c", "user.email=ci@localhost", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", root, *settings, *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def copy_action(source, folder):
    """What a forge hands out of this commit: tracked and new files, no build."""
    names = subprocess.run(["git", "-C", source, "ls-files", "-coz", "--exclude-standard"], check=True,
                           stdout=subprocess.PIPE).stdout.decode().split("\0")
    for name in filter(None, names):
        if (source / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)


class Pull:
    """A repository with a branch, and the checkout of its merge as actions/checkout leaves it."""

    def __init__(self, source, folder, slower):
        target = source / "tests/targets/compress_bench"
        origin = folder / "origin"
        shutil.copytree(target, origin, ignore=shutil.ignore_patterns("build", ".xsgate", "slower.patch"))
        git(origin, "init", "-q", "-b", "main")
        git(origin, "add", "-A")
        git(origin, "commit", "-q", "-m", "main")
        git(origin, "switch", "-q", "-c", "feature")
        if slower:
            git(origin, "apply", target / "slower.patch")
        else:
            (origin / "README").write_text("words\n", encoding="utf-8")
        git(origin, "add", "-A")
        git(origin, "commit", "-q", "-m", "feature")
        self.head = git(origin, "rev-parse", "HEAD")
        git(origin, "switch", "-q", "-c", "merge", "main")
        git(origin, "commit", "-q", "--allow-empty", "-m", "main goes on")
        self.base = git(origin, "rev-parse", "HEAD")
        git(origin, "merge", "-q", "--no-ff", "-m", "merge", "feature")
        git(origin, "branch", "-f", "main", self.base)
        self.merge = git(origin, "rev-parse", "HEAD")
        self.workspace = folder / "workspace"
        git(folder, "clone", "-q", origin, self.workspace)
        git(self.workspace, "checkout", "-q", "--detach", self.merge)
        for branch in "main", "merge":
            subprocess.run(["git", "-C", self.workspace, "branch", "-qD", branch], check=False,
                           stderr=subprocess.DEVNULL)

    def event(self):
        repository = {"full_name": "octo/demo"}
        return {"action": "synchronize", "number": 7, "repository": repository,
                "pull_request": {"number": 7, "base": {"ref": "main", "sha": self.base, "repo": repository},
                                 "head": {"ref": "feature", "sha": self.head, "repo": repository}}}


class Runner:
    def __init__(self, modules, action, folder, pull):
        self.modules, self.action, self.folder, self.pull = modules, action, folder, pull
        self.temp = folder / "temp"
        self.temp.mkdir(exist_ok=True)
        self.path, self.exported = os.environ["PATH"], {}
        self.log = ""

    def evaluate(self, contexts, texts):
        script = self.modules.parent / "evaluate.mjs"
        shutil.copy(HERE / "evaluate.mjs", script)
        done = subprocess.run(["node", script], input=json.dumps({"contexts": contexts, "texts": texts}), text=True,
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def environment(self, files):
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.pull.event()), encoding="utf-8")
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "CCACHE_DIR") if name in os.environ}
        return {**kept, "PATH": self.path, "CI": "true", "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event), "GITHUB_SHA": self.pull.merge,
                "GITHUB_REPOSITORY": "octo/demo", "GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "feature",
                "GITHUB_RUN_ID": "1", "GITHUB_SERVER_URL": "https://forge.example",
                # Nobody listens there: the gate must not depend on it.
                "GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_WORKSPACE": str(self.pull.workspace),
                "RUNNER_TEMP": str(self.temp), "RUNNER_OS": "Linux", "GITHUB_ACTION_PATH": str(self.action),
                **{name: str(path) for name, path in files.items()}}

    def run(self, given):
        """Runs every step; returns (status, outputs of the action)."""
        document = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))
        contexts = {"github": {"token": "", "action_path": str(self.action)}, "steps": {},
                    "runner": {"os": "Linux", "arch": "X64", "temp": str(self.temp)}}
        names = list(document["inputs"])
        defaults = self.evaluate(contexts, [str(document["inputs"][n].get("default", "")) for n in names])
        unknown = set(given) - set(names)
        assert not unknown, unknown
        contexts["inputs"] = {**dict(zip(names, defaults)), **given}
        status = 0
        for i, step in enumerate(document["runs"]["steps"]):
            name = step.get("name", str(i))
            condition = step.get("if")
            if condition and self.evaluate(contexts, ["${{ " + str(condition) + " }}"]) != ["true"]:
                continue
            if "uses" in step:
                values = self.evaluate(contexts, [str(v) for v in step.get("with", {}).values()])
                assert all(values), (name, values)
                continue
            assert step["shell"] == "bash", name
            files = {key: self.folder / f"{key}-{i}" for key in
                     ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH", "GITHUB_ENV")}
            for path in files.values():
                path.write_text("", encoding="utf-8")
            own = dict(zip(step.get("env", {}), self.evaluate(contexts, [str(v) for v in step.get("env", {}).values()])))
            script = self.folder / "step.sh"
            script.write_text(self.evaluate(contexts, [step["run"]])[0], encoding="utf-8")
            done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
                                  cwd=self.pull.workspace, env={**self.environment(files), **self.exported, **own}, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.log += f"== {name}: status {done.returncode}\n{done.stdout}"
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": outputs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))}
            self.path = ":".join(files["GITHUB_PATH"].read_text(encoding="utf-8").split() + [self.path])
            self.exported.update(outputs(files["GITHUB_ENV"].read_text(encoding="utf-8")))
            self.summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
            status = done.returncode
            if status:
                break
        names = list(document["outputs"])
        return status, dict(zip(names, self.evaluate(contexts, [document["outputs"][n]["value"] for n in names])))


def outputs(text):
    """GITHUB_OUTPUT: name=value, or name<<WORD, lines, WORD."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        block = re.match(r"([\w-]+)<<(.+)$", line)
        if block:
            value = []
            for line in lines:
                if line == block.group(2):
                    break
                value.append(line)
            found[block.group(1)] = "\n".join(value)
        elif "=" in line:
            name, value = line.split("=", 1)
            found[name] = value
    return found


def check(condition, what, runner):
    if not condition:
        sys.stdout.write(runner.log)
        raise SystemExit(f"wrong: {what}")


def check_slower(runner, status, found):
    check(status == 1 and found["verdict"] == "regressed" and int(found["regressed"]) >= 1,
          f"status {status}, outputs {found}", runner)
    report = json.loads(pathlib.Path(found["report-json"]).read_text(encoding="utf-8"))
    check(report["verdict"] == "regressed" and report["base"]["commit"] == runner.pull.base,
          f"base {report['base']['commit']}", runner)
    slower = {d["function"] for d in report["deltas"] if d["verdict"] == "regressed" and d["function"]}
    check(any("find_match" in name for name in slower), f"regressed: {slower}", runner)
    check(pathlib.Path(found["report-html"]).is_file(), "no HTML report", runner)
    check(runner.summary.startswith("❌") and "find" in runner.summary, f"summary {runner.summary[:300]}", runner)
    check(runner.pull.head[:10] in runner.summary, "the summary names another commit", runner)


def check_log(runner):
    """No line of it commands the runner: nothing here has to."""
    check(not re.search(r"^\s*::|##\[", runner.log, re.MULTILINE), "a workflow command in the log", runner)


def main(source, folder):
    source = pathlib.Path(source).resolve()
    if subprocess.run(["git", "-C", source, "rev-parse"], capture_output=True, check=False).returncode:
        print("skipped: the sources are not in a git repository")
        return 77
    modules = npm.modules(folder, PINS)
    if not modules:
        return 77
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        action = temporary / "action"
        copy_action(source, action)
        places = {}
        for name, slower in ("slower", True), ("same", False):
            places[name] = temporary / name
            places[name].mkdir()
            places[name] = Pull(source, places[name], slower)
        runner = Runner(modules, action, temporary, places["slower"])
        check_slower(runner, *runner.run({"rounds": "12", "max-time": "4m"}))
        check_log(runner)
        print("regressed: status, outputs, report and summary as promised")

        # What was built is there again, as from the cache; a change of words makes nothing slower.
        runner.pull = places["same"]
        runner.log = ""
        status, found = runner.run({"rounds": "10", "max-time": "4m"})
        check(status == 0 and found["verdict"] in ("passed", "undecided") and found["regressed"] == "0",
              f"status {status}, outputs {found}", runner)
        print(f"a change of words: {found['verdict']}")

        runner.log = ""
        package = temporary / "x.deb"
        package.write_bytes(b"no package")
        status, found = runner.run({"deb": str(package), "deb-sha256": "0" * 64})
        check(status != 0 and found["verdict"] == "" and "SHA-256" in runner.log, "a foreign package", runner)
        status, found = runner.run({"rounds": "many"})
        check(status == 2 and found["verdict"] == "", "a wrong input", runner)
        print("a package with another hash and a wrong input are refused")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
