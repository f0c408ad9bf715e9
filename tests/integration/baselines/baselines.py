#!/usr/bin/env python3
"""baselines.py XSGATE: slow creep. Each commit is within the threshold of its parent; beside the
release the last one is not. With both as baselines the worst verdict decides, and reports say which."""
import json
import os
import subprocess
import sys
import tempfile

CONFIGURATION = """build: cc -O2 -g -fno-inline -finstrument-functions -o bench bench.c
threshold: 10%
targets:
  - name: bench
    command: ./bench
    profile: [functions]
"""
SOURCE = """#include <stdint.h>
/* revision %d */
static uint64_t mix(uint64_t x)
{
    for (int i = 0; i < %d; i++)
        x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x;
}
%s
int main(void)
{
    uint64_t x = 1;
    for (int i = 0; i < 200; i++)
        x = mix(x);
    return x == 42;
}
"""
FAILURES = []


def check(condition, what):
    if not condition:
        FAILURES.append(what)
        print("FAILED: " + what)


def git(root, *words):
    subprocess.run(["git", "-C", root, "-c", "user.name=b", "-c", "user.email=b@localhost",
                    "-c", "commit.gpgsign=false", *words], check=True, stdout=subprocess.DEVNULL)


def commit(root, number, work, rest=""):
    with open(os.path.join(root, "bench.c"), "w", encoding="utf-8") as file:
        file.write(SOURCE % (number, work, rest))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "change %d" % number)


def run(xsgate, root, *words):
    done = subprocess.run([xsgate, "run", *words], cwd=root, text=True, check=False, timeout=400,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout)
    return done


def verdict_of(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        document = json.load(file)
    return document["verdict"], document["warnings"]


def main():
    xsgate = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "project")
        subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
        with open(os.path.join(root, "xsgate.yml"), "w", encoding="utf-8") as file:
            file.write(CONFIGURATION)
        with open(os.path.join(root, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("bench\n*.json\n")
        commit(root, 0, 40000, "this does not compile")
        git(root, "tag", "v0")
        commit(root, 1, 40000)
        git(root, "tag", "v1.0")
        commit(root, 2, 42400)
        git(root, "checkout", "-q", "-b", "feature")
        commit(root, 3, 45000)

        done = run(xsgate, root, "-b", "main", "-b", "v1.0", "-b", "v1.0", "-r", "json:out.json",
                   "-r", "text")
        check(done.returncode == 1, "status %d" % done.returncode)
        check("the same commit as a baseline before it" in done.stdout, "said twice")
        verdict, warnings = verdict_of(root, "out.json")
        check(verdict == "regressed", "the worst decides: %s" % verdict)
        check(any("against v1.0" in w and "regressed" in w for w in warnings), "it says which")
        check(verdict_of(root, "out.v1.0.json")[0] == "regressed", "a report for each")
        check(os.path.exists(os.path.join(root, ".xsgate", "report.v1.0.html")), "a page for each")

        os.mkdir(os.path.join(root, "unwritable.v1.0.json"))
        done = run(xsgate, root, "-b", "main", "-b", "v1.0", "-r", "json:unwritable.json")
        check(done.returncode == 3 and "cannot write 'unwritable.v1.0.json'" in done.stdout,
              "another baseline's report: status %d" % done.returncode)
        verdict, warnings = verdict_of(root, "unwritable.json")
        check(verdict == "regressed" and sum("against v1.0" in w for w in warnings) == 1,
              "what was judged stays: %s, %s" % (verdict, warnings))

        done = run(xsgate, root, "-b", "main")
        check(done.returncode == 0, "main alone passes: %d" % done.returncode)

        done = run(xsgate, root, "-b", "main", "-b", "v0", "-r", "json:out.json")
        check(done.returncode == 3, "a base that does not build: status %d" % done.returncode)
        check("against v0" in verdict_of(root, "out.json")[1][0], "and is named")
    sys.exit(1 if FAILURES else 0)


main()
