#!/usr/bin/env python3
"""Counts that are known: known_tree.py XSGATE FOLDER INCLUDE. The program's calls, by scopes and by
instrumented functions, must be reported exactly, on both sides of a comparison with itself."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

N = 10
COUNTS = {"main": 1, "trunk": N, "branch": 3 * N, "leaf": 24 * N, "ring": 6 * N, "thread_main": 2}


def git(root, *words):
    subprocess.run(["git", "-C", root, "-c", "user.name=gate", "-c", "user.email=gate@localhost",
                    "-c", "commit.gpgsign=false", *words], check=True, stdout=subprocess.PIPE)


def check_mode(xsgate, folder, include, mode):
    scratch = tempfile.mkdtemp(prefix="xsgate-tree-")
    root = os.path.join(scratch, "repo")
    report = os.path.join(scratch, "report.json")
    try:
        shutil.copytree(folder, root, ignore=shutil.ignore_patterns("build", ".xsgate"))
        config = os.path.join(root, "xsgate.yml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("PROFILE=scopes", "PROFILE=" + mode).replace("[scopes]", "[%s]" % mode)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "main")
        git(root, "commit", "-q", "--allow-empty", "-m", "the same again")
        done = subprocess.run([xsgate, "compare", "HEAD~1", "HEAD", "--fresh", "--rounds", "3", "--report",
                               "json:" + report], cwd=root, text=True, check=False,
                              env=dict(os.environ, XSGATE_INCLUDE=include),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode not in (0, 1) or not os.path.exists(report):
            print("%s: status %d\n%s" % (mode, done.returncode, done.stdout))
            return False
        with open(report, encoding="utf-8") as file:
            deltas = json.load(file)["deltas"]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    good = True
    for side in ("base", "head"):
        calls = {d["function"]: d[side]["calls"] for d in deltas
                 if d["function"] and d["metric"] == "time"}
        for name, count in COUNTS.items():
            if calls.get(name) != count:
                print("%s: %s of %s: expected %d calls, got %s" % (mode, side, name, count,
                                                                  calls.get(name)))
                good = False
    print("%-10s %s" % (mode, "ok" if good else "wrong"))
    return good


def main():
    paths = [os.path.abspath(path) for path in sys.argv[1:4]]
    good = [check_mode(*paths, mode) for mode in ("scopes", "functions")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
