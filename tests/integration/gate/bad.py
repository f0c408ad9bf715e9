#!/usr/bin/env python3
"""Programs that fail: bad.py XSGATE FOLDER. Each must end in the right status with a sentence that
names what happened, leave no process behind, and never count as a pass or a regression."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

# target: (status, what the message must contain, one of these)
CASES = {
    "crash": (3, ("SIGSEGV", "signal 11", "Segmentation")),
    "hang": (3, ("time",)),
    "forks": (3, ("status 4", "exit status 4", "exited with 4")),
    "exits": (3, ("status 3", "exited with 3")),
    "floods": (0, ("",)),
    "stripped": (0, ("",)),
    "static": (3, ("attach",)),
}


def git(root, *words):
    subprocess.run(["git", "-C", root, "-c", "user.name=gate", "-c", "user.email=gate@localhost",
                    "-c", "commit.gpgsign=false", *words], check=True, stdout=subprocess.PIPE)


def run(xsgate, root, *words):
    started = time.monotonic()
    done = subprocess.run([xsgate, "run", *words], cwd=root, text=True, check=False, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout, time.monotonic() - started


def left_behind(root):
    """Processes whose executable lies below root."""
    found = []
    for pid in os.listdir("/proc"):
        try:
            if pid.isdigit() and os.readlink("/proc/%s/exe" % pid).startswith(root + "/"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def check_case(xsgate, root, name):
    status, words = CASES[name]
    got, text, seconds = run(xsgate, root, "--rounds", "3", name)
    problems = []
    if got != status:
        problems.append("expected status %d, got %d" % (status, got))
    if not any(word in text for word in words):
        problems.append("expected one of %s in the message" % (words,))
    if name == "exits" and "the input" not in text and "not what it should be" not in text:
        problems.append("what the target printed is not shown")
    if len(text) > 20000:
        problems.append("%d bytes of output" % len(text))
    left = left_behind(root)
    if left:
        problems.append("processes are left behind: %s" % left)
        for pid in left:
            os.kill(pid, 9)
    print("%-10s status %d in %.1f s %s" % (name, got, seconds, "" if problems else "ok"))
    for problem in problems:
        print("    " + problem)
    if problems:
        print(text[-3000:])
    return not problems


def check_one_side(xsgate, root):
    """Good on main, crashing on the branch: could not judge, and it says which side."""
    source = os.path.join(root, "work.c")
    git(root, "checkout", "-q", "-b", "feature")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace("    printf(", "    __builtin_trap();\n    printf("))
    git(root, "commit", "-qam", "crash at the end")
    got, text, _ = run(xsgate, root, "--baseline", "main", "--rounds", "3", "stripped")
    good = got == 3 and "head" in text
    print("%-10s status %d %s" % ("one side", got, "ok" if good else "\n" + text[-3000:]))
    return good


def main():
    xsgate, folder = map(os.path.abspath, sys.argv[1:3])
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="xsgate-bad-"))
    root = os.path.join(scratch, "repo")
    try:
        shutil.copytree(folder, root, ignore=shutil.ignore_patterns("build", ".xsgate"))
        git(root, "init", "-q", "-b", "main")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "bad programs")
        good = [check_case(xsgate, root, name) for name in CASES]
        good.append(check_one_side(xsgate, root))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
