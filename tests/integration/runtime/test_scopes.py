"""What scopes measure: values, counts, costs, limits."""

import os
import shutil
import subprocess

import xseg
from runtime_case import C_COMPILERS, HERE, Case, main, runtime_object


class Registers(Case):
    """The jump to the slow half keeps what is alive; see profiler/runtime/thunk.c."""

    def test_values_survive(self):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = file.read()
        options = [["-O0"], ["-O1"], ["-O2"], ["-O3"], ["-O2", "-fno-omit-frame-pointer"],
                   ["-O2", "-fcf-protection=full"], ["-O2", "-fstack-protector-all"], ["-Os"]]
        if " avx2 " in flags:
            options.append(["-O3", "-mavx2"])
        if " avx512f " in flags:
            options.append(["-O3", "-mavx512f", "-mprefer-vector-width=512"])
        for compiler in C_COMPILERS:
            for option in options + ([["-O2", "-masm=intel"]] if compiler == "gcc" else []):
                for environment in ({}, {"XSGATE_TIMING": "full"}, {"XSGATE_CLOCK": "ns"}):
                    with self.subTest(compiler=compiler, option=option, environment=environment):
                        self.setUp()
                        program = self.build(compiler, ["registers.c"], *option, "-Wno-psabi")
                        segment = self.run_one(program, 5000, **environment)
                        self.assertEqual(segment.total("integers"), 5000)
                        self.assertEqual(segment.total("inner"), 15000)

    def test_unwinding(self):
        """A debugger sees the callers from within the slow half."""
        if not shutil.which("gdb"):
            self.skipTest("no gdb")
        program = self.scopes("gcc", runtime_object())
        env = dict(os.environ, XSGATE_SESSION=self.session)
        out = subprocess.run(["gdb", "-batch", "-nx", "-ex", "break xsg__site_add", "-ex", "run", "-ex",
                              "continue 2", "-ex", "backtrace", "--args", program, "tree", "2"],
                             env=env, capture_output=True, text=True).stdout
        frames = [line for line in out.splitlines() if line.startswith("#")]
        self.assertTrue(any("thunk_enter" in f for f in frames), out)
        self.assertTrue(any(" main " in f for f in frames), out)
        self.assertTrue(any(" tree " in f for f in frames), out)


class Counts(Case):
    def test_threads(self):
        for count in (1, 2, 16):
            self.setUp()
            segment = self.run_one(self.scopes(), "threads", count, 3000)
            found = self.threads_with(segment, "top")
            self.assertEqual(sum(t.threads for t in found), count)
            for thread in found:
                n = thread.root.child("top").calls
                self.assertEqual(thread.root.child("top", "middle", "leaf").calls, 9000 * n)
                self.assertEqual(thread.in_use, 0)
                self.assertGreater(thread.cpu_ns, 0)
            self.assertEqual(segment.total("leaf"), count * 12000)

    def test_hundreds_of_threads(self):
        segment = self.run_one(self.scopes(), "crowd", 300, 20)
        self.assertEqual(segment.lost_threads, 0)
        self.assertEqual(segment.total("leaf"), 300 * 80)
        self.assertLess(os.path.getsize(segment.path), 65 << 20)

    def test_regions_serve_again(self):
        segment = self.run_one(self.scopes(), "relay", 200, 10)
        self.assertEqual(segment.total("leaf"), 200 * 40)
        self.assertLess(len(segment.threads), 20)
        self.assertEqual(sum(t.threads for t in segment.threads), 201)

    def test_limit(self):
        segment = self.run_one(self.scopes(), "crowd", 60, 10, XSGATE_LIMIT="700000")
        self.assertGreater(segment.lost_threads, 0)
        self.assertLessEqual(os.path.getsize(segment.path), 700000)
        recorded = sum(t.threads for t in segment.threads) - 1
        self.assertEqual(segment.total("leaf"), recorded * 40)

    def test_overflow_of_nodes(self):
        segment = self.run_one(self.scopes(), "wide", 3000, XSGATE_NODES="256")
        thread = segment.threads[0]
        self.assertEqual(thread.nodes, 256)
        self.assertGreater(thread.overflow.calls, 0)
        self.assertEqual(sum(n.calls for n in thread.node[1:]), 3000 * 14)
        self.assertEqual(thread.lost_nodes, thread.overflow.calls)

    def test_depth(self):
        segment = self.run_one(self.scopes(), "recursion", 6000)
        thread = segment.threads[0]
        self.assertEqual(thread.nodes, 2 + 4095)
        self.assertEqual(thread.too_deep, 6000 - 4095)
        self.assertEqual(thread.overflow.calls, 6000 - 4095)

    def test_costs(self):
        segment = self.run_one(self.scopes(), "mixed", 20000, timeout=120)
        root = segment.threads[0].root
        short, long, always = (root.child(n) for n in ("short", "long", "always"))
        self.assertEqual([n.calls for n in (short, long, always)], [20000] * 3)
        self.assertLess(short.bounds[3], 2500, "a short scope becomes hot")
        self.assertAlmostEqual(short.timed / 20000, 1, delta=0.2)
        self.assertEqual((long.timed, long.bounds[3]), (20000, 20000))
        rate = segment.ns_per_tick()
        self.assertGreater(long.ticks * rate / 20000, 20000)
        self.assertAlmostEqual(long.bounds[0] * rate, 20000, delta=1000)
        self.assertEqual(sum(long.bounds[4]), 20000)
        self.assertEqual(always.timed, 20000)
        self.assertLess(always.bounds[3], 2500, "its histogram is thinned")
        self.assertGreater(segment.cost_timed, segment.cost_counted / 256)

    def test_preempted(self):
        """200 slices of a millisecond of CPU time, on a CPU that another process wants as well: the
        other's time is taken off, of the slices and of what is around them; waiting is not."""
        segment = self.run_one(self.scopes(), "contended", 200, timeout=120)
        root, ms = segment.threads[0].root, segment.ns_per_tick() / 1e6
        whole, slices = root.child("whole"), root.child("whole", "slice")
        self.assertEqual(slices.calls, 200)
        for node in (whole, slices):
            self.assertGreater(node.ticks * ms, 195)
            self.assertLess(node.ticks * ms, 240)
        # What each slice has of the other's time is an estimate.
        self.assertGreater(whole.ticks, 0.98 * slices.ticks)
        self.assertGreater(root.child("waits").ticks * ms, 29.9)

    def test_full(self):
        segment = self.run_one(self.scopes(), "tree", 4000, XSGATE_TIMING="full")
        leaf = segment.threads[0].root.child("top", "middle", "leaf")
        self.assertEqual((leaf.timed, leaf.bounds[3]), (12000, 12000))

    def test_jitter(self):
        """1 in 64 calls is long, in step with the mean of the thinning: 100 ns a call on average."""
        segment = self.run_one(self.scopes(), "aliasing", 2000000)
        node = segment.threads[0].root.child("periodic")
        self.assertLess(node.bounds[3], 100000)
        mean = node.ticks / node.timed * segment.ns_per_tick()
        self.assertGreater(mean, 70)
        self.assertLess(mean, 200)

    def test_system_clock(self):
        segment = self.run_one(self.scopes(), "tree", 500, XSGATE_CLOCK="ns")
        self.assertEqual(segment.clock, 1)
        self.assert_tree(segment.threads[0].root, 500)
        self.assertEqual(segment.threads[0].root.child("top", "middle", "leaf").timed, 1500)


class Macros(Case):
    def test_numbers(self):
        segment = self.run_one(self.scopes(), "numbers", 100)
        node = segment.threads[0].root.child("numbers")
        total, last = node.child("bytes"), node.child("last")
        self.assertEqual((total.calls, total.ticks, total.bounds[:2]), (100, 5050, (1, 100)))
        self.assertEqual((last.calls, last.signed()), (100, -100))
        self.assertEqual([b - (1 << 64) for b in last.bounds[:2]], [-100, -1])
        self.assertEqual(node.child("format=json").calls, 1)
        self.assertEqual(node.child("format=yaml").calls, 3)
        kinds = {s[0]: s[4] for s in segment.sites}
        self.assertEqual((kinds["bytes"], kinds["last"], kinds["format=json"], kinds["numbers"]),
                         (xseg.COUNTER, xseg.ATTR, xseg.ATTR, xseg.SCOPE))

    def test_pairs(self):
        segment = self.run_one(self.scopes(), "pairs")
        thread = segment.threads[0]
        outer, second = (c for c in thread.root.children if c.name == "outer")
        self.assertEqual((outer.calls, outer.timed, second.timed), (1, 1, 1))
        self.assertEqual(outer.child("inner").timed, 1)
        self.assertEqual(outer.child("leaf").calls, 1)
        self.assertEqual(thread.root.child("block", "lost").calls, 1)
        self.assertEqual(thread.root.child("last").calls, 1)
        self.assertEqual(thread.unmatched, 2)

    def test_site(self):
        segment = self.run_one(self.scopes(), "tree", 1)
        name, file, function, line, kind = next(s for s in segment.sites if s[0] == "top")
        self.assertEqual((os.path.basename(file), function, kind), ("scopes.c", "tree", xseg.SCOPE))
        with open(os.path.join(HERE, "scopes.c"), encoding="utf-8") as source:
            self.assertIn('XSG_SCOPE("top")', source.read().splitlines()[line - 1])

    def bench(self, **more):
        root = self.run_one(self.scopes(), "bench", **more).threads[0].root
        self.assertEqual(root.child("broken").calls, 1)
        self.assertEqual(root.child("broken", "inside").timed, 1)
        if "scopes" in more.get("profile", "scopes"):
            self.assertEqual(root.child("after").calls, 1, "break closes the bench")
        return root.child("fast").calls, root.child("slow").calls

    def test_bench(self):
        self.assertEqual(self.bench(), (1, 1))
        self.setUp()
        self.assertEqual(self.bench(XSGATE_BENCH="slow=7;fast=1000;other=3"), (1000, 7))
        self.setUp()
        fast, slow = self.bench(XSGATE_BENCH="calibrate:100ms")
        self.assertGreater(fast, 5000)
        self.assertGreater(slow, 40)
        self.assertLess(slow, 520)

    def test_bench_without_scopes(self):
        root = self.run_one(self.scopes(), "bench", profile="functions",
                            XSGATE_BENCH="slow=3").threads[0].root
        self.assertEqual(root.child("slow").calls, 3)
        self.assertEqual([c.name for c in root.children], ["fast", "slow", "broken"])
        self.assertEqual(root.child("broken").children, [], "scopes are not armed")


if __name__ == "__main__":
    main()
