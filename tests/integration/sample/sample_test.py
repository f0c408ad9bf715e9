"""Tests of the sampler: runs a program under it and reads the segment with the independent reader.

    python3 sample_test.py CASE       (the folders come from the environment, see CMakeLists.txt)
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "runtime"))
import xseg  # noqa: E402

BIN = os.environ["XSG_BIN"]
RUNTIME = os.environ["XSG_RUNTIME"]
TRUNCATED = 5
TARGET_SIGPROF, NO_TIMER, SMALL_STACK = 1, 2, 4
LIBUNWIND, FRAMES = 1, 2


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


class Run:
    """One program under the sampler, and the segments that it left."""

    def __init__(self, program, *args, status=0, timeout=60, close=True, **env):
        self.folder = tempfile.mkdtemp(prefix="xsgate-sample-")
        full = dict(os.environ, XSGATE_SESSION=self.folder, XSGATE_PROFILE="sample",
                    LD_PRELOAD=RUNTIME, **env)
        path = program if os.sep in program else os.path.join(BIN, program)
        try:
            done = subprocess.run([path, *args], env=full, capture_output=True, text=True,
                                  timeout=timeout, close_fds=close)
        except subprocess.TimeoutExpired:
            sys.exit(f"failed: {program} {args} hangs")
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode
        check(done.returncode == status or isinstance(status, tuple) and done.returncode in status,
              f"{program} {' '.join(args)}: status {done.returncode}, wanted {status}; {done.stderr}")
        self.segments = xseg.load(self.folder)
        shutil.rmtree(self.folder)
        self.threads = [t for s in self.segments for t in s.threads]
        self.samples = sum(t.samples for t in self.threads)
        self.ns = sum(t.sample_ns for t in self.threads)

    def stacks(self):
        """(weight in ns, samples, frames outermost first) of each sampled path; frames are
        lists of (name, file, line in it, inlined), innermost first."""
        wanted = []
        for segment in self.segments:
            for thread in segment.threads:
                for node in thread.node[2:]:
                    if node.calls or node.ticks:
                        wanted.append((segment, thread, node))
        names = symbolise({(s, n.value - (n.kind == xseg.KEY_RETURN), n.kind)
                           for s, t, leaf in wanted for n in path_of(t, leaf)})
        for segment, thread, leaf in wanted:
            frames = []
            for node in path_of(thread, leaf):
                frames += reversed(names[(segment, node.value - (node.kind == xseg.KEY_RETURN),
                                          node.kind)])
            yield leaf.ticks, leaf.calls, frames

    def shares(self):
        """name -> (inclusive, self) share of the weight."""
        total, table = 0, {}
        for weight, _, frames in self.stacks():
            total += weight
            for name in {f[0] for f in frames}:
                table.setdefault(name, [0, 0])[0] += weight
            if frames:
                table[frames[-1][0]][1] += weight
        return {name: (a / total, b / total) for name, (a, b) in table.items()}


def path_of(thread, node):
    path = []
    while node.index > 1:
        path.append(node)
        node = thread.node[node.parent]
    return reversed(path)


def symbolise(keys):
    """Asks profiler/symbol.c for the names of many addresses."""
    keys, lines, result, asked = list(keys), [], {}, []
    for key in keys:
        segment, address, kind = key
        module = [m for m in segment.modules if m[0] <= address < m[1]]
        if kind == TRUNCATED:
            result[key] = [("<truncated>", "", 0, False)]
        elif not module or not module[0][3]:
            result[key] = [(f"{address:#x}", "", 0, False)]
        else:
            start, end, bias, path, build_id = module[0]
            lines.append(f"{path} {build_id or '-'} {bias:x} {address:x}\n")
            asked.append(key)
    out = subprocess.run([os.path.join(BIN, "sample_symbolise"), HERE], input="".join(lines),
                         capture_output=True, text=True, check=True).stdout
    for key, block in zip(asked, out.split("\n\n")):
        frames = [line.rsplit("|", 5) for line in block.strip().split("\n")]
        result[key] = [(f[0], f[1], int(f[4]), f[5] == "1") for f in frames]
    return result


def base(names):
    return [n.split("(")[0] for n in names]


def mark(file, text):
    with open(os.path.join(HERE, file)) as source:
        return [i for i, line in enumerate(source, 1) if text in line][0]


# ---- what is found ------------------------------------------------------------------------------


def check_caller(run, least=0.9):
    """Nearly all samples inside of libm have leaf and mid_a above them."""
    inside = through = 0
    for weight, _, frames in run.stacks():
        names = [f[0] for f in frames]
        check(names[0] == "_start" or "libc" in names[0] or names[0].startswith("__libc"),
              f"a stack starts at {names[0]}")
        if any("sin" in name or "libm" in name for name in names):  # libc6-dbg: inlined ones too
            inside += weight
            at = names.index("main") + 1 if "main" in names else 0
            through += weight * (names[at:at + 2] == ["mid_a", "leaf"])
    check(inside > 0.1 * run.ns, f"only {inside / run.ns:.2f} inside of libm")
    check(through >= least * inside, f"leaf is above {through / inside:.3f} of libm's samples")


def case_caller():
    run = Run("sample_caller")
    check(run.segments[0].unwinder == LIBUNWIND, "unwinder")
    check(run.samples > 50, f"{run.samples} samples")
    check_caller(run)
    shares = run.shares()
    check(abs(shares["mid_a"][0] + shares["mid_b"][0] - 1) < 0.03, f"shares {shares}")


def case_copies():
    """Before glibc 2.35: the modules come from a copied list."""
    check_caller(Run("sample_caller", XSGATE_TEST_UNWIND="copies"))


def case_slow():
    """What the quick way does not get through is walked step by step, with the same stacks."""
    check_caller(Run("sample_caller", XSGATE_TEST_UNWIND="slow"))


def case_missing():
    """Without libunwind stacks are frame-pointer chains, and the file says so."""
    run = Run("sample_frames", XSGATE_TEST_UNWIND="missing")
    check(run.segments[0].unwinder == FRAMES, "labelled")
    names = {f[0] for _, _, frames in run.stacks() for f in frames}
    check({"main", "mid_a", "mid_b"} <= names, f"names {names}")


def case_stripped():
    """Names of exported functions and of .eh_frame ranges; stacks as complete as ever."""
    run = Run("sample_stripped")
    names = {f[0] for _, _, frames in run.stacks() for f in frames}
    own = {n for n in names if n.startswith("sample_stripped+0x")}
    check(len(own) >= 4, f"main, mid_a, leaf, mid_b by their addresses: {names}")
    inside = through = 0
    for weight, _, frames in run.stacks():
        if any("sin" in f[0] for f in frames):
            inside += weight
            through += weight * (len([f for f in frames if f[0] in own]) >= 4)
    check(through > 0.9 * inside, "callers of libm in stripped code")


def case_inlined():
    run = Run("sample_inlined")
    hot, call, total = (mark("inlined.cc", "// " + m) for m in ("HOT", "CALL", "TOTAL"))
    found = right = 0
    for weight, _, frames in run.stacks():
        names = base(f[0] for f in frames)
        if "checkout" not in names:
            continue
        found += weight
        inner = frames[names.index("checkout"):]
        if (base(f[0] for f in inner) == ["checkout", "shop::Basket::total",
                                          "double shop::weigh<shop::Item>"]
                and [f[3] for f in inner] == [False, True, True]
                and inner[0][2] == total and inner[1][2] == call and hot - 1 <= inner[2][2] <= hot):
            right += weight
    check(found > 0.8 * run.ns, f"checkout has {found / run.ns:.2f}")
    check(right > 0.9 * found, f"both inlined frames with their lines in {right / found:.3f}")


def case_rust():
    if not os.path.exists(os.path.join(BIN, "sample_rust")):
        print("skipped: there is no rustc to build the program with")
        sys.exit(77)
    run = Run("sample_rust")
    shares = run.shares()
    names = [n for n in shares if n.endswith("mill::Wheel<T>::turn") or n.endswith("::grind")]
    check(len(names) == 2, f"names {sorted(shares)}")
    check(all(shares[n][0] > 0.9 for n in names), f"shares {shares}")
    check(not any(re.search("17h[0-9a-f]{16}", n) for n in shares), "hashes are gone")


def case_depth():
    run = Run("sample_depth", "2000")
    deep = [(w, f) for w, _, f in run.stacks() if len(f) > 400]
    check(sum(w for w, _ in deep) > 0.9 * run.ns, "deep stacks")
    for _, frames in deep:
        names = [f[0] for f in frames]
        check(names[0] == "<truncated>", f"outermost is {names[0]}")
        check("bottom" in names[-10:] and names[1] == "down", f"innermost are kept: {names[-10:]}")
    shallow = Run("sample_depth", "200")
    for weight, _, frames in shallow.stacks():
        check(frames[0][0] != "<truncated>", "200 frames are not cut")


# ---- how much -----------------------------------------------------------------------------------


def check_weights(run, cpu_s, threads, what):
    period = 1 / run.segments[0].rate_hz
    missing = cpu_s - run.ns / 1e9
    print(f"{what}: {cpu_s:.3f} s of CPU, {run.samples} samples, weights miss "
          f"{100 * missing / cpu_s:.2f} %, asked {run.segments[0].rate_hz} Hz, delivered "
          f"{run.samples / cpu_s:.0f}, overruns {sum(t.overruns for t in run.threads)}")
    check(abs(missing) <= 0.02 * cpu_s + threads * max(period, 0.004), f"{what}: missing {missing}")


def case_threads():
    for args in (["4"], ["3", "blocked"]):
        run = Run("sample_threads", *args)
        n = 2 * int(args[0])
        check_weights(run, float(run.out), n + 1, f"threads {args}")
        recorded = sum(t.cpu_ns for t in run.threads) / 1e9
        check(abs(recorded - float(run.out)) < 0.03 * recorded, f"cpu_ns {recorded}")
        check(sum(t.threads for t in run.threads) == n + 1, "threads seen")
        worst = min(t.samples for t in run.threads if t.tid != run.segments[0].pid)
        check(worst > 20, f"a thread has {worst} samples")


def case_tasks():
    """Threads shorter than a period: what one leaves unsampled the next inherits."""
    run = Run("sample_tasks")
    check_weights(run, float(run.out), 10, "600 short threads")
    check(sum(w for w, _, f in run.stacks() if "task" in [x[0] for x in f]) > 0.8 * run.ns, "task")


def case_early():
    """The first milliseconds, before the first period is over, weigh what they took."""
    taken, seen = [0, 0], [0, 0]
    for _ in range(60):
        run = Run("sample_early")
        for i, ns in enumerate(run.out.split()):
            taken[i] += int(ns)
        for weight, _, frames in run.stacks():
            names = {f[0] for f in frames}
            for i, name in enumerate(("early", "rest")):
                seen[i] += weight if name in names else 0
    ratios = [s / t for s, t in zip(seen, taken)]
    print(ratios)
    check(0.6 < ratios[0] < 1.5, f"early: {ratios[0]:.2f} of its time")  # 4 sd
    check(0.85 < ratios[1] < 1.15, f"rest: {ratios[1]:.2f} of its time")


def part_seen_early(program_phases):
    """Started at these phases, on a core that somebody else wants too."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        runs = [Run("sample_phase", XSGATE_PHASE=phase) for phase in program_phases]
    finally:
        other.kill()
        other.wait()
        os.sched_setaffinity(0, cores)
    seen = sum(w for run in runs for w, _, frames in run.stacks() if "early" in [f[0] for f in frames])
    return seen / sum(run.ns for run in runs), [run.segments[0].phase_ns for run in runs]


def case_phase():
    """Started at each phase of the tick once, every moment of a program weighs the same. What it
    computes until then is counted."""
    n = 96
    left_alone, spent = part_seen_early(["0"] * n)
    check(max(spent) == 0, "it waits unasked")
    share, spent = part_seen_early(["%03d" % (1 + 998 * i // n) for i in range(n)])
    tick = time.clock_getres(6) * 1e9  # CLOCK_MONOTONIC_COARSE
    print(f"early {8 * share:.2f} of its time, left alone {8 * left_alone:.2f}")
    check(0 < min(spent) and max(spent) < 5 * tick, f"until the phase: {min(spent)} to {max(spent)} ns")
    check(0.2 * tick < sum(spent) / n < 2 * tick, f"until the phase: {sum(spent)} ns in all")
    check(0.85 < 8 * share < 1.15, f"early: {8 * share:.2f} of its time")
    # A build that starts many programs does not wait for each.
    program = os.path.join(BIN, "sample_phase")
    run = Run("/bin/sh", "-c", f"for i in 1 2 3 4 5 6 7; do {program}; done", XSGATE_PHASE="500")
    waited = sum(s.phase_ns > 0 for s in run.segments)
    check(len(run.segments) == 8 and waited == 4, f"{waited} of {len(run.segments)} processes waited")
    for value in ("", "-1", "many"):
        run = Run("sample_phase", XSGATE_PHASE=value)
        check(run.segments[0].phase_ns == 0, f"XSGATE_PHASE={value} waits")


def case_rates():
    for rate in ("50", "100", "250", "1000"):
        run = Run("sample_depth", "3", XSGATE_RATE=rate)
        check_weights(run, sum(t.cpu_ns for t in run.threads) / 1e9, 1, f"rate {rate}")


# ---- what must not be disturbed -----------------------------------------------------------------


def storm(seconds, **env):
    plugins = [os.path.join(BIN, f"libsample_plugin{i}.so") for i in range(4)]
    return Run("sample_storm", str(seconds), *plugins, timeout=seconds + 60,
               XSGATE_RATE="4000", **env)


def case_storm():
    """Also by hand: XSG_STORM_SECONDS=25, which then shows that without the remedy it hangs."""
    seconds = int(os.environ.get("XSG_STORM_SECONDS", "10"))
    run = storm(seconds)
    print(f"{run.samples} samples, progress {run.out.strip()}")
    check(run.samples > 100 * seconds, f"{run.samples} samples")
    names = {f[0] for _, _, frames in run.stacks() for f in frames}
    check("plugin_work" in names, "code of the plugins has names")
    storm(min(seconds, 5), XSGATE_TEST_UNWIND="copies")
    if seconds >= 25:
        plugins = [os.path.join(BIN, f"libsample_plugin{i}.so") for i in range(4)]
        started = time.monotonic()
        Run("sample_storm", str(seconds), *plugins, timeout=seconds + 60,
            status=(9, -signal.SIGALRM),
            XSGATE_RATE="4000", XSGATE_TEST_UNWIND="plain")
        print(f"without the remedy it hangs: seen after {time.monotonic() - started:.1f} s")


def case_unwinding():
    for way in ("", "slow"):
        run = Run("sample_unwinding", XSGATE_RATE="1000", XSGATE_TEST_UNWIND=way)
        check("all came back" in run.out and run.samples > 100, run.out)
        used, frame = map(int, run.out.split()[:2])
        print(f"{used} bytes of signal stack used, {frame} of them by the kernel")
        check(2048 <= used - frame <= 6 * 1024, "XSG__UNWIND_ROOM is enough")


def case_children():
    run = Run("sample_children", "fork")
    check(len(run.segments) == 4, f"{len(run.segments)} segments")
    parent = [s for s in run.segments if s.ppid not in {t.pid for t in run.segments}][0]
    for segment in run.segments:
        one = Run.__new__(Run)
        one.segments = [segment]
        names = {f[0] for _, _, frames in one.stacks() for f in frames}
        check(("in_parent" in names) == (segment is parent), f"parent's names {names}")
        check(("in_child" in names) == (segment is not parent), f"child's names {names}")
        thread, = segment.threads
        check(0.2e9 < thread.sample_ns < 0.9e9, f"weight {thread.sample_ns}")
    run = Run("sample_children", "exec")
    check("still here" in run.out, "the last image came up")
    check(len([s for s in run.segments if s.state == xseg.EXECED]) == 60, "segments of the others")
    Run("sample_children", "system")
    Run("sample_children", "spawn")
    run = Run("sample_children", "busy", os.path.join(BIN, "libsample_plugin0.so"), timeout=90,
              XSGATE_RATE="1000")
    children = [s for s in run.segments if sum(t.samples for t in s.threads)]
    check(len(children) > 100, f"{len(children)} of 150 children have samples")


def case_signals():
    def notes(*args, status=0):
        run = Run("sample_signals", *args, status=status)
        return run, run.segments[0].sample_notes

    for name in ("own", "own_by_signal", "wait_for_it"):
        run, bits = notes(name)
        check(bits == TARGET_SIGPROF, f"{name}: notes {bits}")
    for name in ("reset", "ignore", "wait_for_all"):
        run, bits = notes(name)
        check(bits == 0 and run.samples > 30, f"{name}: notes {bits}, {run.samples} samples")
    for name in ("die", "die_by_itimer"):
        run, bits = notes(name, status=-signal.SIGPROF)
    run, bits = notes("block")
    lost = sum(n.ticks for t in run.threads for n in t.node if n.key >> 56 == TRUNCATED)
    check(0.35e9 < lost < 0.45e9, f"block: {lost} ns belong to no function")
    check(run.samples > 100 and bits == 0, f"block: {run.samples} samples, notes {bits}")


def case_stacks():
    for size in ("2048", "4096", "8192", "16384", "65536"):
        run = Run("sample_signals", "stack", size)
        thread, = run.threads
        print(f"signal stack {size}: {run.samples} samples, {thread.samples_cut} by leaf alone,"
              f" notes {run.segments[0].sample_notes}")
        check(thread.samples >= 60, "sampled again on the sampler's own stack")
        if size in ("16384", "65536"):
            check(thread.samples_cut == 0 and thread.samples > 150, "room enough")
        if size == "8192":
            check(thread.samples_cut > 50, "no room to walk")
        if size == "4096":
            check(run.segments[0].sample_notes == SMALL_STACK, "not sampled meanwhile")
    Run("sample_depth", "overflow", status=-signal.SIGSEGV)


def case_neighbours():
    for mode in ("", "missing"):
        Run("sample_neighbours", XSGATE_TEST_UNWIND=mode)


CASES = {name[5:]: value for name, value in list(globals().items()) if name.startswith("case_")}

if __name__ == "__main__":
    CASES[sys.argv[1]]()
    print("[  PASSED  ] 1 test(s).")
