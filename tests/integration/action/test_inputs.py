"""The action's first step: what it refuses, and that nothing in an input becomes a command.

    test_inputs.py SOURCE
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1])
GOOD = {"COMMAND": "run", "BASELINE": "auto", "THRESHOLD": "", "ROUNDS": "", "MAX_TIME": "", "STRICT": "false",
        "CONFIG": "", "DIRECTORY": ".", "REPORT": "", "DEB": "", "DEB_SHA256": ""}
HASH = "0" * 64


def check(folder, **inputs):
    values = {**GOOD, **inputs}
    output = pathlib.Path(folder) / "output"
    output.write_text("", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "RUNNER_TEMP": folder, "GITHUB_OUTPUT": str(output),
                   "GITHUB_ACTION_PATH": str(SOURCE / "ci/action"),
                   **{f"XSGATE_INPUT_{name}": value for name, value in values.items()}}
    done = subprocess.run([SOURCE / "ci/action/check.sh"], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout, output.read_text(encoding="utf-8")


class Inputs(unittest.TestCase):
    def test_good(self):
        with tempfile.TemporaryDirectory() as folder:
            package = pathlib.Path(folder) / "x.deb"
            package.write_text("", encoding="utf-8")
            for inputs in [{}, {"BASELINE": "origin/main"}, {"BASELINE": "v1.0^{commit}"}, {"THRESHOLD": "2.5%"},
                           {"ROUNDS": "40"}, {"ROUNDS": "auto"}, {"MAX_TIME": "10m"}, {"STRICT": "true"},
                           {"COMMAND": "install"}, {"COMMAND": "comment", "REPORT": "a b.json"},
                           {"DEB": "https://forge.example/x.deb", "DEB_SHA256": HASH},
                           {"DEB": str(package), "DEB_SHA256": HASH}]:
                with self.subTest(inputs):
                    status, text, output = check(folder, **inputs)
                    self.assertEqual((status, text), (0, ""))
                    self.assertRegex(output, f"^prefix={folder}/xsgate\nkey=[0-9a-f]{{32}}\n$")

    def test_bad(self):
        with tempfile.TemporaryDirectory() as folder:
            for inputs in [{"COMMAND": "rm"}, {"COMMAND": ""}, {"COMMAND": "comment"}, {"STRICT": "yes"},
                           {"STRICT": ""}, {"BASELINE": ""}, {"BASELINE": "--help"}, {"BASELINE": "$(id)"},
                           {"BASELINE": "a\nb"}, {"THRESHOLD": "5 percent"}, {"THRESHOLD": "%"},
                           {"THRESHOLD": "5%\n"}, {"ROUNDS": "-1"}, {"ROUNDS": "many"}, {"MAX_TIME": "soon"},
                           {"DIRECTORY": "nowhere"}, {"DEB": "https://forge.example/x.deb"},
                           {"DEB": "http://forge.example/x.deb", "DEB_SHA256": HASH},
                           {"DEB": "nothing.deb", "DEB_SHA256": HASH},
                           {"DEB": "https://forge.example/x.deb", "DEB_SHA256": HASH[:-1]}]:
                with self.subTest(inputs):
                    status, text, output = check(folder, **inputs)
                    self.assertEqual((status, output), (2, ""))
                    self.assertRegex(text, r"\A::error title=xsgate::input [a-z0-9-]+: [^\n]*\n\Z")

    def test_an_input_is_no_command(self):
        with tempfile.TemporaryDirectory() as folder:
            _, text, _ = check(folder, ROUNDS="1\n::set-output name=a::b\r::error::x\n%0A::error::y")
            self.assertEqual(text.count("\n"), 1)
            self.assertNotIn("\r", text)
            self.assertNotIn("%0A", text.replace("%250A", ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
