#!/usr/bin/env python3
"""Slowdowns of identical machine code, by a real project of several files: layout.py XSGATE CASE.

input    a data file asks for more work: it persists in every link order and fails the gate
order    the work depends on which function comes first, and head links in another order: layout
prebuilt the build copies a program: it cannot be linked otherwise, and everything stays as it is
broken   the build fails with another link order: it is said how
dirty    the work tree differs from the commit
off      'relink: off'
colon    a name that cannot be in COMPILER_PATH

Each case checks the report, its schema aside, and that the user's own files are left alone."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

MAIN = r"""
#include <stdio.h>
unsigned spin(long n);
unsigned twin(long n);
int main(void)
{
    long turns = 0;
    FILE *file = fopen("turns.txt", "r");
    if (!file || fscanf(file, "%ld", &turns) != 1)
        return 1;
    fclose(file);
    if ((char *)spin < (char *)twin)
        turns += turns * LATE / 100;
    printf("%u\n", spin(turns * 1000000) + twin(1000));
    return 0;
}
"""
SPIN = r"""
__attribute__((noinline)) unsigned NAME(long n)
{
    unsigned x = 1;
    for (volatile long i = 0; i < n; i++)
        x = x * 1664525u + 1013904223u;
    return x;
}
"""
CONFIG = """build: make -s OBJECTS="$(cat order.txt)"
pairing: same-core
threshold: 5%%
%stargets:
  - name: spin
    command: ./prog
    profile: [sample]
"""
MAKEFILE = """prog: $(OBJECTS)
\t$(CC) -o $@ $(OBJECTS)
%.o: %.c
\t$(CC) -g -O1 -c -o $@ $<
"""


OTHER_PAIR = "0" * 38


def git(root, *words):
    return subprocess.run(["git", "-C", root, "-c", "user.name=layout", "-c", "user.email=layout@localhost",
                           "-c", "commit.gpgsign=false", *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def write(root, name, text):
    with open(os.path.join(root, name), "w", encoding="utf-8") as file:
        file.write(text)


def make(root, case):
    """main: 100 turns; head: 130, or the functions in another order."""
    os.makedirs(root)
    git(root, "init", "-q", "-b", "main")
    write(root, "main.c", MAIN.replace("LATE", "30" if case == "order" else "0"))
    write(root, "spin.c", SPIN.replace("NAME", "spin"))
    write(root, "twin.c", SPIN.replace("NAME", "twin"))
    write(root, "turns.txt", "40\n")
    write(root, "order.txt", "main.o twin.o spin.o\n")
    write(root, "Makefile", MAKEFILE)
    write(root, ".gitignore", "*.o\nprog\n")
    write(root, "xsgate.yml", CONFIG % ("relink: off\n" if case == "off" else ""))
    if case == "prebuilt":
        subprocess.run(["make", "-s", "OBJECTS=main.o twin.o spin.o"], cwd=root, check=True)
        os.rename(os.path.join(root, "prog"), os.path.join(root, "built"))
        subprocess.run(["strip", "-g", "built"], cwd=root, check=True) # paths of one folder
        write(root, "xsgate.yml", CONFIG.replace('make -s OBJECTS="$(cat order.txt)"',
                                                 "cp built prog") % "")
    if case == "broken":
        write(root, "xsgate.yml", CONFIG.replace("build: make", "build: test -z \"$XSGATE_LAYOUT\" || exit 7; make")
              % "")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "base")
    git(root, "checkout", "-q", "-b", "feature")
    if case == "order":
        write(root, "order.txt", "main.o spin.o twin.o\n")
    else:
        write(root, "turns.txt", "52\n")
    git(root, "commit", "-qam", "head")
    if case == "dirty":
        write(root, "turns.txt", "53\n")


def gate(xsgate, root):
    path = os.path.join(root, ".git", "report.json")
    done = subprocess.run([xsgate, "run", "--baseline", "main", "--no-publish", "--report",
                           "json:" + path, "--report", "text"], cwd=root, text=True, check=False,
                          timeout=280, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    rows = {d["function"]: d for d in report["deltas"]}
    return done.returncode, done.stdout, rows


def expect(case, status, text, rows, root):
    """The sentences about what does not hold."""
    base = git(root, "rev-parse", "main").strip()
    spin, target = rows.get("spin", {}), rows.get(None, {})
    checkouts = sorted(name for name in os.listdir(os.path.join(root, ".xsgate/checkouts"))
                       if not name.startswith("."))
    want = {
        "input": (1, "persists", "persists", "input or data, not layout"),
        "order": (0, "gone", "gone", "layout: gone when linked in another order"),
        "prebuilt": (1, "open", "open", "the build does not allow it"),
        "broken": (1, "open", "open", "link order 1 (%.10s): the build ended with status 7" % base),
        "dirty": (1, "open", "open", "the work tree has uncommitted changes"),
        "off": (1, "open", "open", "layout, input or noise"),
        "colon": (1, "open", "open", "the repository's path has a colon in it"),
    }[case]
    checks = [
        ("status %d, expected %d" % (status, want[0]), status == want[0]),
        ("spin's layout is %s" % spin.get("layout"), spin.get("layout") == want[1]),
        ("the target's layout is %s" % target.get("layout"), target.get("layout") == want[2]),
        ("spin's cause is '%s'" % spin.get("cause"), want[3] in (spin.get("cause") or "")),
        ("spin counts: %s" % spin.get("counts"), spin.get("counts") == (case == "input")),
        ("checkouts %s" % checkouts,
         any("+" in name for name in checkouts) == (case in ("input", "order", "prebuilt",
                                                             "broken"))),
        ("checkouts of one length, none of another pair: %s" % checkouts,
         all(len(name) == 40 and OTHER_PAIR not in name for name in checkouts)),
        ("the target is %s" % target.get("verdict"),
         target.get("verdict") == ("undecided" if case == "order" else "regressed")),
    ]
    return [sentence for sentence, good in checks if not good]


def main():
    xsgate, case = os.path.abspath(sys.argv[1]), sys.argv[2]
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="xsgate-layout-"))
    root = os.path.join(scratch, "a:b" if case == "colon" else "it's a \"repo\" $(exit 1)")
    try:
        make(root, case)
        if case in ("input", "order", "prebuilt", "broken"):
            os.makedirs(os.path.join(root, ".xsgate/checkouts", OTHER_PAIR + "+1"))
        status, text, rows = gate(xsgate, root)
        problems = expect(case, status, text, rows, root)
        dirty = subprocess.run(["git", "-C", root, "status", "--short"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        if dirty and case != "dirty":
            problems.append("the work tree was changed: " + dirty)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(text)
    for problem in problems:
        print("WRONG: " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
