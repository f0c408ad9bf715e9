#!/usr/bin/env python3
"""How often the gate is wrong, and how small a slowdown it sees: real gates on real processes, beside
other tools' rules in the same minutes with the same time.

    power.py run --xsgate PATH [--results FILE] [--gates N] [--condition NAME]... [--disturb]
    power.py study --xsgate PATH [--results FILE] [--disturb]
    power.py table FILE...

Each gate compares two commits: of work.c (50 ms; functions of 30, 5 and 1 % share), the same work in
different machine code (A/A), or with one function planted slower; of wide.c, 200 functions; of the
programs in tests/targets, with less to do or in full, the same build. On work.c the peers then get as
much time as that gate took, on the same two binaries. Results are appended, a JSON object a line;
table counts them: red gates with their 95 % interval; of xsgate also what was undecided, the medians of
pairs, seconds and the error of the estimates of the target and of the planted function in percentage
points, gates that named a wrong function, and of the red ones those that named the right one first.
study runs the mix that is published (docs/guide/verdict.md), all in one order: an hour or so on two
quiet cores (3 s a gate of work.c and twice that again where the peers run, 5 s of wide.c, 9 s of a
real program, 30 s of one in full), two or so with --disturb.
Wants hyperfine, Google Benchmark with its compare.py, and scipy: what is missing is left out, and said.
"""
import argparse
import json
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import projects
from projects import CONDITIONS

COMPARE = "/usr/share/benchmark/compare.py"
STUDY = {"same": 100, "target+3%": 100, "target+2%": 100, "200 functions": 50,
         **{name: 40 for name in projects.REAL_NAMES}, **{name: 3 for name in projects.FULL_NAMES},
         **{name: 5 for name in projects.PLANTED}}
STUDY_DISTURBED = {"same": 100, "target+3%": 20, "200 functions": 50,
                   **{name: 40 for name in projects.REAL_NAMES}}
# Of these, so many of a study's gates have the peers beside them.
STUDY_PEERS = {"same": 15, "target+3%": 15, "target+2%": 15}


# ---- the gate ------------------------------------------------------------------------------------

def run_gate(project, name):
    options = project.options
    condition = CONDITIONS[name]
    report = os.path.join(project.folder, "report.json")
    if os.path.exists(report):
        os.unlink(report)
    command = [options.xsgate, "-q", "--config", project.suite, "compare", "main",
               project.branch(name), "--fresh", "--threshold", "%g%%" % (100 * condition.threshold),
               "--report", "json:" + report, *options.xsgate_option]
    start = time.monotonic()
    status = subprocess.run(command, cwd=project.root, stdout=subprocess.DEVNULL, check=False,
                            env=dict(os.environ, XSGATE_INCLUDE=options.include)).returncode
    seconds = time.monotonic() - start
    with open(report, encoding="utf-8") as file:
        parsed = json.load(file)
    return dict(read_report(parsed, condition), tool="xsgate", red=status == 1, status=status,
                seconds=seconds)


def read_report(parsed, condition):
    functions = [d for d in parsed["deltas"] if d["function"]]
    named = [d["function"] for d in functions if d["verdict"] == "regressed"]
    target = next(d for d in parsed["deltas"] if not d["function"])
    own = next((d for d in functions if d["function"] == condition.function), None)
    return {
        "verdict": parsed["verdict"], "reason": parsed["reason"], "rounds": parsed["rounds"],
        "first": named[0] if named else None, "named": named, "functions": len(functions),
        "faster": [d["function"] for d in functions if d["verdict"] == "improved"],
        "pairing": parsed["targets"][0].get("pairing") if parsed["targets"] else None,
        "ratio": target["ratio"], "low": target["low"], "high": target["high"],
        "error": target["ratio"] / condition.expected() - 1 if target["ratio"] else None,
        "function_error": own["ratio"] / (1 + condition.slowdown) - 1
                          if own and own["ratio"] else None,
    }


# ---- the peers -----------------------------------------------------------------------------------

def hyperfine(project, name, seconds):
    """A's runs, then B's, as hyperfine does; the rules are applied to these."""
    binaries = [project.binaries["main"] + "/work", project.binaries[name] + "/work"]
    runs = max(5, int(seconds / 2 / 0.055))
    out = os.path.join(project.folder, "hyperfine.json")
    subprocess.run(["hyperfine", "-N", "--warmup", "1", "--runs", str(runs), "--style", "none",
                    "--export-json", out, *binaries], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(out, encoding="utf-8") as file:
        return [result["times"] for result in json.load(file)["results"]]


def rules_on_times(times, threshold):
    base, head = times
    ratio = statistics.mean(head) / statistics.mean(base)
    medians = statistics.median(head) / statistics.median(base)
    rules = {}
    if stats:
        welch = stats.ttest_ind(head, base, equal_var=False, alternative="greater").pvalue
        rules["hyperfine, Welch 5 % and size"] = welch < 0.05 and ratio >= 1 + threshold
        rules["hyperfine, Welch 1 %"] = welch < 0.01
    rules["hyperfine, mean + 2 sigma, size"] = bool(ratio >= 1 + threshold and statistics.mean(head) >
                                   statistics.mean(base) + 2 * statistics.stdev(base))
    rules["hyperfine, ratio of minima"] = min(head) / min(base) >= 1 + threshold
    rules["hyperfine, alert at 150 %"] = ratio >= 1.5
    return [{"tool": tool, "red": bool(red), "rounds": len(base),
             "error_of": "median", "ratio": medians} for tool, red in rules.items()]


def gbench(project, name, seconds, threshold):
    outs = []
    runs = max(9, int(seconds / 2 / 0.055))
    for side in ("main", name):
        outs.append(os.path.join(project.folder, "gbench-%d.json" % len(outs)))
        subprocess.run([project.binaries[side] + "/gbench", "--benchmark_repetitions=%d" % runs,
                        "--benchmark_min_time=0.001", "--benchmark_format=json",
                        "--benchmark_out=" + outs[-1]], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    dump = os.path.join(project.folder, "compare.json")
    subprocess.run(["/usr/bin/python3", COMPARE, "-d", dump, "benchmarks", *outs], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(dump, encoding="utf-8") as file:
        rows = json.load(file)
    row = next(r for r in rows if r.get("utest"))
    median = next(r["measurements"][0]["cpu"] for r in rows if r["name"].endswith("_median"))
    red = row["utest"]["cpu_pvalue"] < 0.05 and median >= threshold
    return [{"tool": "Google Benchmark, U test 5 %, size", "red": red, "rounds": runs}]


# ---- running -------------------------------------------------------------------------------------

class Neighbour:
    """The disturbing program on the last CPU, while a study runs."""

    def __init__(self, options, folder):
        self.process = None
        if options.disturb:
            path = os.path.join(folder, "disturb")
            source = os.path.join(projects.HERE, "disturb.c")
            subprocess.run([options.cc, "-O2", "-o", path, source], check=True)
            self.process = subprocess.Popen([path, str((os.cpu_count() or 1) - 1), "36000"])

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


def run_one(project, name, peers, out, meta):
    threshold = CONDITIONS[name].threshold
    results = [run_gate(project, name)]
    budget = project.options.budget or results[0]["seconds"]
    if project.peers and peers:
        if shutil.which("hyperfine"):
            results += rules_on_times(hyperfine(project, name, budget), threshold)
        if project.options.gbench:
            results += gbench(project, name, budget, threshold)
    for result in results:
        out.write(json.dumps(dict(result, **meta, condition=name)) + "\n")
    out.flush()


def gates_of(options):
    """What is to be run: conditions, each with or without the peers beside it."""
    if options.command == "study":
        mix = STUDY_DISTURBED if options.disturb else STUDY
        return [(name, i < STUDY_PEERS.get(name, 0) and not options.no_peers)
                for name, gates in mix.items() for i in range(gates)]
    return [(name, not options.no_peers) for name in options.condition or CONDITIONS
            for _ in range(options.gates)]


def run(options):
    options.gbench = not options.no_peers and os.path.exists(COMPARE) and stats is not None
    for what, there in (("hyperfine", shutil.which("hyperfine")), ("scipy", stats),
                        ("Google Benchmark's compare.py", options.gbench)):
        if not there and not options.no_peers:
            print("power: no %s: its rows are left out" % what, file=sys.stderr)
    folder = tempfile.mkdtemp(prefix="xsgate-power-")
    neighbour = Neighbour(options, folder)
    meta = {"disturbed": options.disturb, "when": int(time.time())}
    try:
        todo = gates_of(options)
        made = {CONDITIONS[name].project: None for name, _ in todo}
        for project in made:
            made[project] = projects.make(options, folder, project)
        random.Random(1).shuffle(todo) # conditions share the machine's moods
        with open(options.results, "a", encoding="utf-8") as out:
            for i, (name, peers) in enumerate(todo):
                run_one(made[CONDITIONS[name].project], name, peers, out, meta)
                print("\r%d of %d" % (i + 1, len(todo)), end="", file=sys.stderr)
    finally:
        neighbour.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(file=sys.stderr)
    return 0


# ---- the table -----------------------------------------------------------------------------------

def interval(k, n):
    """95 % Wilson interval of a share."""
    z = 1.96
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return max(0, centre - half), min(1, centre + half)


def median_error(rows, what):
    """In percentage points; empty where no gate had such an estimate."""
    errors = [abs(row[what]) for row in rows if row[what] is not None]
    return "%.2f" % (100 * statistics.median(errors)) if errors else ""


def row_of(key, rows):
    disturbed, condition, tool = key
    n, red = len(rows), sum(r["red"] for r in rows)
    low, high = interval(red, n)
    text = "%-10s%-20s%-35s%5d %6.1f %% [%4.1f..%5.1f]" % (
        "disturbed" if disturbed else "quiet", condition, tool, n, 100 * red / n, 100 * low, 100 * high)
    if tool == "xsgate":
        undecided = sum(r["verdict"] == "undecided" for r in rows)
        function = CONDITIONS[condition].function
        wrong = sum(any(f != function for f in r["named"]) for r in rows)
        text += "%10.1f %% %6g %6.1f %10s %16s %6d" % (
            100 * undecided / n, statistics.median(r["rounds"] for r in rows),
            statistics.median(r["seconds"] for r in rows), median_error(rows, "error"),
            median_error(rows, "function_error"), wrong)
        if function:
            first = sum(r["red"] and r["first"] == function for r in rows)
            text += "%6.1f %%" % (100 * first / max(red, 1))
    return text


def table(options):
    groups = {}
    for path in options.files:
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                groups.setdefault((row["disturbed"], row["condition"], row["tool"]), []).append(row)
    print("%-10s%-20s%-35s%5s %8s %13s %11s %6s %6s %10s %16s %6s %8s" % (
        "machine", "condition", "rule", "gates", "red", "95 %", "undecided", "pairs", "s",
        "error, pp", "of function, pp", "wrong", "first"))
    order = {name: i for i, name in enumerate(CONDITIONS)}
    for key in sorted(groups, key=lambda k: (k[0], order[k[1]], k[2] != "xsgate", k[2])):
        print(row_of(key, groups[key]))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one, study = commands.add_parser("run"), commands.add_parser("study")
    for command in (one, study):
        command.add_argument("--xsgate", required=True)
        command.add_argument("--include", default=os.path.join(projects.HERE, "../../../include"))
        command.add_argument("--results", default="power.jsonl")
        command.add_argument("--disturb", action="store_true",
                             help="a neighbour works on the last CPU")
        command.add_argument("--budget", type=float,
                             help="seconds for each peer; else what the gate took")
        command.add_argument("--no-peers", action="store_true")
        command.add_argument("--xsgate-option", action="append", default=[],
                             help="for xsgate compare")
        command.add_argument("--cc", default="gcc")
        command.add_argument("--cxx", default="g++")
    one.add_argument("--gates", type=int, default=20)
    one.add_argument("--condition", action="append", choices=list(CONDITIONS))
    two = commands.add_parser("table")
    two.add_argument("files", nargs="+")
    options = parser.parse_args()
    if options.command == "table":
        return table(options)
    options.xsgate = os.path.abspath(options.xsgate)
    options.include = os.path.abspath(options.include)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # the neighbour and the folder go, too
    return run(options)


try:
    from scipy import stats
except ImportError:
    stats = None

if __name__ == "__main__":
    sys.exit(main())
