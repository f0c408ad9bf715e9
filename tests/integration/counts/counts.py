#!/usr/bin/env python3
"""Counts of real programs: they agree with callgrind_annotate, they are the same for the same build, and
a slower one is found by them alone.

    counts.py --xsgate PATH --list PATH --targets FOLDER --include FOLDER TARGET CHECK

CHECK is annotate (each function's instructions, own and total, as callgrind_annotate adds them up), same
(two builds of one source in folders of different lengths, three runs each: every function of the program
executes exactly as much in all six; what differs is listed) or slower (profile: [instructions] gates the
target's slower.patch: status 1, the right function first, three runs) or missing (no valgrind)."""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# target: (its source, what a counted run is given to do, the function that slower.patch touches)
TARGETS = {
    "json_bench": ("json_bench.c", ["data/stations.json", "2"], r"escape_string"),
    "compress_bench": ("compress_bench.c", ["128", "2"], r"find_match"),
    "cpp_bench": ("cpp_bench.cpp", ["2000", "4"], r".*geo::Grid<.*>::nearest.*"),
}


def fail(text):
    print("wrong: " + text)
    sys.exit(1)


def run(words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        fail("%s ended with status %d:\n%s" % (" ".join(words), done.returncode, done.stdout))
    return done.stdout


class Build:
    """A target, built in a folder of its own."""

    def __init__(self, options, folder):
        self.options = options
        self.root = folder
        self.work = os.path.join(folder, "..", os.path.basename(folder) + ".counts")
        shutil.copytree(os.path.join(options.targets, options.target), folder,
                        ignore=shutil.ignore_patterns("build", ".xsgate"))
        environment = dict(os.environ, XSGATE_INCLUDE=options.include, CMAKE_GENERATOR="Ninja")
        run(["cmake", "-S", ".", "-B", "build", "-DPROFILE=sample"], cwd=folder, env=environment)
        run(["cmake", "--build", "build"], cwd=folder, env=environment)

    def count(self):
        """Runs it as xsgate does; the folder with what callgrind wrote."""
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        command = ["./build/" + self.options.target, *TARGETS[self.options.target][1]]
        words = run([self.options.list, "command", self.work, *command]).splitlines()
        run(words, cwd=self.root)
        return self.work

    def functions(self):
        """(name, file) -> (own instructions, total, calls, system calls) of one run."""
        lines = run([self.options.list, "counts", self.count(), self.root]).splitlines()
        rows = [line.split("\t") for line in lines]
        return {(row[4], row[5]): tuple(int(x) for x in row[:4]) for row in rows}


def annotated(path, *options):
    """callgrind_annotate's lines: function -> instructions of each file that is inlined into it, and
    the objects that have a function of this name."""
    text = run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show=Ir", *options, path])
    lines, objects = {}, {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+) \([ \d.]+%\)\s+(\S*?):([^:]+?)(?: \[(.*)\])?$", line)
        if found:
            lines.setdefault(found.group(3), []).append(int(found.group(1).replace(",", "")))
            objects.setdefault(found.group(3), set()).update([found.group(4)] if found.group(4) else [])
    return lines, objects


def read_raw(options, path):
    """Own and total instructions by function, and who calls whom."""
    own, total, calls = {}, {}, {}
    for line in run([options.list, "raw", path]).splitlines():
        first, second, third = line.split("\t")
        if second == "calls":
            calls.setdefault(first, set()).add(third)
        else:
            own[third] = own.get(third, 0) + int(first)
            total[third] = max(total.get(third, 0), int(second))
    return own, total, calls


def called_by(calls, name):
    """All that a function calls, directly or through others."""
    seen, left = set(), [name]
    while left:
        for callee in calls.get(left.pop(), ()):
            if callee not in seen:
                seen.add(callee)
                left.append(callee)
    return seen


def check_annotate(options, folder):
    build = Build(options, os.path.join(folder, "a"))
    work = build.count()
    path = os.path.join(work, os.listdir(work)[0])
    own, total, calls = read_raw(options, path)
    theirs, _ = annotated(path)
    nameless = own.pop("[unknown]", 0) # code of no module; they give each address a name of its own
    if nameless > sum(own.values()) * 1e-5:
        fail("%d instructions belong to nobody" % nameless)
    wrong = [(name, n, theirs.get(name)) for name, n in own.items() if sum(theirs.get(name, [0])) != n]
    if wrong or len(own) < 50:
        fail("own instructions of %d of %d functions: %s" % (len(wrong), len(own), wrong[:5]))
    # They count a function again for each level on which it calls itself, and valgrind's own functions,
    # which we leave out. Parts of a function from other files have lines of their own.
    inclusive, objects = annotated(path, "--inclusive=yes")
    mine = []
    for name in total.keys() - {"[unknown]"}:
        below = called_by(calls, name)
        if total[name] and len(objects.get(name, ())) < 2 and name not in below and below <= set(own):
            mine.append(name)
    wrong = [(name, total[name], inclusive.get(name)) for name in mine
             if total[name] not in (max(inclusive.get(name, [0])), sum(inclusive.get(name, [0])))]
    if wrong or len(mine) < 50:
        fail("totals of %d of %d functions: %s" % (len(wrong), len(mine), wrong[:9]))
    for name in total:
        if total[name] > sum(own.values()) + nameless:
            fail("the total of %s, %d, exceeds the whole" % (name, total[name]))
    print("ok: own instructions of %d functions and totals of the %d that do not call themselves: as "
          "callgrind_annotate" % (len(own), len(mine)))


def check_same(options, folder):
    builds = [Build(options, os.path.join(folder, name)) for name in ("a", "b" * 100)]
    runs = [[build.functions() for _ in range(3)] for build in builds]
    for build, counts in zip(builds, runs):
        if counts[0] != counts[1] or counts[0] != counts[2]:
            fail("three runs of one build in %s differ" % build.root)
    first, second = runs[0][0], runs[1][0]
    differ = {key for key in set(first) | set(second) if first.get(key) != second.get(key)}
    # A file relative to the checkout's root is the program's own.
    own = [key for key in first if key[1] and not os.path.isabs(key[1])
           and os.path.exists(os.path.join(builds[0].root, key[1]))]
    if len(own) < 4:
        fail("the program has only these functions: %s" % own)
    if differ & set(own):
        fail("functions of the program differ between two builds: %s" % sorted(differ & set(own)))
    whole = [sum(f[0] for f in counts[0].values()) for counts in runs]
    others = {key: (first.get(key, (0,))[0], second.get(key, (0,))[0]) for key in differ}
    changed = {key[0]: pair for key, pair in others.items() if pair[0] != pair[1]}
    print("ok: %d functions of the program execute the same in 6 runs of 2 builds; in all %d and %d "
          "(%.2g), %d of %d functions differ: %s"
          % (len(own), whole[0], whole[1], abs(whole[1] / whole[0] - 1), len(changed),
             len(set(first) | set(second)), changed))
    if abs(whole[1] / whole[0] - 1) > 5e-4:
        fail("the length of the path changes the whole by more than 500 ppm")


def counting_repository(options, folder, profile, more=""):
    """The target as a repository whose main branch counts instructions, with the slower commit on top."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gate"))
    import gate  # pylint: disable=import-outside-toplevel,import-error
    options.mode = "sample"
    repository = gate.Repository(options, folder)
    path = os.path.join(repository.root, "xsgate.yml")
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("profile: [sample]", "profile: [%s]%s" % (profile, more))
    text = re.sub(r"command: .*", "command: ./build/%s %s" % (
        options.target, " ".join(TARGETS[options.target][1])), text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    repository.commit("counts")
    repository.git("checkout", "-q", "-B", "feature", "main")
    repository.git("apply", repository.patch)
    repository.commit("slower")
    return repository


def check_slower(options, folder):
    options.rounds = None
    repository = counting_repository(options, folder, "instructions")
    status, report, text = repository.gate("slower")
    if report is None or status != 1 or report["verdict"] != "regressed":
        fail("status %d:\n%s" % (status, text))
    slower = [d for d in report["deltas"] if d["verdict"] == "regressed" and d["function"]]
    right = [d for d in slower if re.fullmatch(TARGETS[options.target][2], d["function"])]
    if not right or not right[0]["changed"]:
        fail("%s is not among the regressed: %s" % (TARGETS[options.target][2],
                                                    [d["function"] for d in slower]))
    if right[0] is not slower[0]:
        fail("%s is worse than %s" % (slower[0]["function"], right[0]["function"]))
    for d in slower:
        if d["metric"] != "instructions" or d["head"]["n"] != 3 or d["low"] != d["high"]:
            fail("it is not exact: %s" % json.dumps(d))
    print("ok: %s %+.2f %%, exactly, in 3 runs and %.0f s; %d functions regressed"
          % (right[0]["function"], (right[0]["ratio"] - 1) * 100, report["elapsed_s"], len(slower)))


def check_missing(options, folder):
    """Without valgrind in the target's PATH: invalid, or a warning when time is measured as well."""
    empty = "\n    env: {PATH: %s}" % os.path.join(folder, "empty")
    options.rounds = "2"
    repository = counting_repository(options, os.path.join(folder, "1"), "instructions", empty)
    status, report, text = repository.gate("alone")
    if status != 3 or report["verdict"] != "invalid" or "install the package 'valgrind'" not in text:
        fail("status %d:\n%s" % (status, text))
    repository = counting_repository(options, os.path.join(folder, "2"), "sample, instructions", empty)
    status, report, text = repository.gate("beside")
    if status == 3 or not any("install the package 'valgrind'" in w for w in report["warnings"]):
        fail("status %d:\n%s" % (status, text))
    print("ok: without valgrind, counts alone are invalid, and beside time there is a warning")


CHECKS = {"annotate": check_annotate, "same": check_same, "slower": check_slower,
          "missing": check_missing}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("xsgate", "list", "targets", "include"):
        parser.add_argument("--" + name, required=True, type=os.path.abspath)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("check", choices=sorted(CHECKS))
    options = parser.parse_args()
    for tool in ("valgrind", "callgrind_annotate"):
        if not shutil.which(tool):
            print("skipped: %s is not installed" % tool)
            sys.exit(SKIPPED)
    folder = tempfile.mkdtemp(prefix="xsgate-counts-")
    try:
        CHECKS[options.check](options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
