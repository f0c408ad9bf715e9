#!/usr/bin/env python3
"""test_bisect.py XSGATE: a repository of 12 commits, one of which makes mix() slower and one of which
does not build; the right commit and function must be named. Then what bisect cannot answer, and a
function that was renamed after the slow commit."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

SLOW, BROKEN, COMMITS = 8, 6, 12
CONFIGURATION = """build: cc -O2 -g -fno-inline -finstrument-functions -o bench bench.c
threshold: 10%
targets:
  - name: bench
    command: ./bench
    profile: [functions]
"""
SOURCE = """#include <stdint.h>
#include <stdio.h>
/* revision %(i)d */
%(broken)s
static uint64_t mix(uint64_t x)
{
    for (int i = 0; i < %(work)d; i++)
        x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x;
}

static uint64_t add(uint64_t x)
{
    for (int i = 0; i < 40000; i++)
        x += x >> 7 ^ (uint64_t)i;
    return x;
}

int main(void)
{
    uint64_t x = 1;
    for (int i = 0; i < 100; i++)
        x = add(mix(x));
    return x == 42;
}
"""
# mix is called more often, then gets another name, then another function comes.
RENAMED_SLOW, RENAMED, ADDED = 2, 3, 5
RENAMED_SOURCE = """#include <stdint.h>
/* revision %(i)d */
static uint64_t %(name)s(uint64_t x)
{
    for (int i = 0; i < 40000; i++)
        x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x;
}

static uint64_t added(uint64_t x)
{
    for (int i = 0; i < 30000; i++)
        x += x >> 7 ^ (uint64_t)i;
    return x;
}

int main(void)
{
    uint64_t x = 1;
    for (int i = 0; i < 400; i++) {
        for (int k = 0; k < %(times)d; k++)
            x = %(name)s(x);
        if (%(added)d)
            x = added(x);
    }
    return x == 42;
}
"""
FAILURES = []


def check(condition, what):
    if not condition:
        FAILURES.append(what)
        print("FAILED: " + what)


def git(root, *words):
    done = subprocess.run(["git", "-C", root, "-c", "user.name=b", "-c", "user.email=b@localhost",
                           "-c", "commit.gpgsign=false", *words], check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout


def make_repository(root, configuration, sources):
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    with open(os.path.join(root, "xsgate.yml"), "w", encoding="utf-8") as file:
        file.write(configuration)
    with open(os.path.join(root, ".gitignore"), "w", encoding="utf-8") as file:
        file.write("bench\n")
    for i, source in enumerate(sources):
        with open(os.path.join(root, "bench.c"), "w", encoding="utf-8") as file:
            file.write(source)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "change %d" % i)
    return git(root, "rev-list", "--reverse", "HEAD").split()


def sources():
    return [SOURCE % {"i": i, "work": 60000 if i >= SLOW else 40000,
                      "broken": "this does not compile" if i == BROKEN else ""}
            for i in range(COMMITS)]


def renamed_sources():
    return [RENAMED_SOURCE % {"i": i, "times": 3 if i >= RENAMED_SLOW else 2,
                              "name": "blend" if i >= RENAMED else "mix", "added": i >= ADDED}
            for i in range(ADDED + 1)]


def bisect(xsgate, root, *words):
    done = subprocess.run([xsgate, "bisect", *words], cwd=root, text=True, check=False,
                          timeout=400, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    print(done.stderr + done.stdout)
    return done


def check_found(xsgate, root, oids):
    done = bisect(xsgate, root, oids[0], oids[-1])
    check(done.returncode == 0, "status %d" % done.returncode)
    check(done.stdout.startswith(oids[SLOW] + "  change %d" % SLOW), "the commit is named")
    check("mix (target bench)" in done.stdout, "the function is named")
    size = re.search(r"([\d.]+) % slower", done.stdout)
    check(size and 40 < float(size.group(1)) < 60, "half slower")
    check("%s  skipped: it does not build" % oids[BROKEN][:10] in done.stderr or
          "%s" % oids[BROKEN][:10] not in done.stderr, "what does not build is passed over")
    comparisons = int(re.search(r"(\d+) comparisons", done.stdout).group(1))
    check(comparisons <= 5, "%d comparisons for 11 commits" % comparisons)


def check_range(xsgate, root, oids):
    """The slow commit's parents cannot be built: a range is all that can be said."""
    git(root, "checkout", "-q", "-b", "broken", oids[BROKEN - 1])
    for i, broken in ((0, True), (1, True), (2, False)):
        with open(os.path.join(root, "bench.c"), "w", encoding="utf-8") as file:
            file.write(SOURCE % {"i": 100 + i, "work": 60000,
                                 "broken": "this does not compile" if broken else ""})
        git(root, "commit", "-q", "-a", "-m", "broken %d" % i)
    done = bisect(xsgate, root, oids[BROKEN - 1], "broken", "--function", "mix")
    check(done.returncode == 3, "status %d of a range" % done.returncode)
    check("one of these 3 commits" in done.stdout, "the range")
    check("2 did not build" in done.stdout, "how many did not build")
    git(root, "checkout", "-q", "main")


def check_refused(xsgate, root, oids):
    done = bisect(xsgate, root, oids[0], oids[3])
    check(done.returncode == 3 and "BAD is not slower than GOOD" in done.stderr, "not slower")
    done = bisect(xsgate, root, oids[3], oids[0])
    check(done.returncode == 2 and "is not among the commits" in done.stderr, "the wrong way round")
    done = bisect(xsgate, root, oids[0], oids[0])
    check(done.returncode == 2 and "the same commit" in done.stderr, "one commit")


def check_does_not_run(xsgate, root, oids):
    """Also where a function was named, the target's failure is what there is to say."""
    git(root, "checkout", "-q", "-b", "crash", oids[0])
    with open(os.path.join(root, "bench.c"), "w", encoding="utf-8") as file:
        file.write("int main(void)\n{\n    return 3;\n}\n")
    git(root, "commit", "-q", "-a", "-m", "crash")
    done = bisect(xsgate, root, oids[0], "crash", "--function", "mix")
    check(done.returncode == 3 and "target bench: head: " in done.stderr, "why it failed")
    git(root, "checkout", "-q", "main")


def check_interrupted(xsgate, root, oids):
    with subprocess.Popen([xsgate, "bisect", oids[0], oids[-1]], cwd=root, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    check(process.returncode not in (0, 1), "status %d when interrupted" % process.returncode)
    check(out == "" and "nterrupt" in err, "interrupted: " + err)
    check(not [n for n in os.listdir(os.path.join(root, ".xsgate", "tmp"))], "nothing is left")


def check_renamed(xsgate, root, oids):
    """Below BAD's name only the last commits have it; GOOD's serves as well."""
    for words in ((oids[0], oids[-1]), (oids[1], oids[RENAMED], "--function", "mix")):
        done = bisect(xsgate, root, *words)
        check(done.returncode == 0, "status %d of a renamed function" % done.returncode)
        check(done.stdout.startswith(oids[RENAMED_SLOW]), "the commit before the new name")
        check("blend (was mix; target bench)" in done.stdout, "both names")
    done = bisect(xsgate, root, oids[0], oids[-1], "--function", "added")
    check(done.returncode == 3 and "added is new since GOOD" in done.stderr, "a new function")


def main():
    xsgate = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "project")
        oids = make_repository(root, CONFIGURATION, sources())
        check_found(xsgate, root, oids)
        check_range(xsgate, root, oids)
        check_refused(xsgate, root, oids)
        check_does_not_run(xsgate, root, oids)
        check_interrupted(xsgate, root, oids)
        root = os.path.join(folder, "renamed")
        configuration = CONFIGURATION.replace("-finstrument-functions ", "").replace("functions",
                                                                                     "sample")
        check_renamed(xsgate, root, make_repository(root, configuration, renamed_sources()))
    sys.exit(1 if FAILURES else 0)


main()
