"""The runtime against programs whose call trees are known by heart.

    python3 test_runtime.py --source DIR --build DIR [CLASS...]

Programs are compiled here, in each way a user might; the sessions are read by xseg.py, which shares
no code with the product.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import xseg

HERE = os.path.dirname(os.path.abspath(__file__))
STRICT = "-O2 -g -Wall -Wextra -pedantic -Werror -Wshadow -Wundef -Wcast-qual -Wwrite-strings".split()
OPTIONS = argparse.Namespace(source=None, build=None)
C_COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
CXX_COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]


def runtime_so():
    return os.path.join(OPTIONS.build, "lib/xsgate/libxsgate-runtime.so")


def runtime_object():
    return os.path.join(OPTIONS.build, "lib/xsgate/xsgate-runtime.o")


class Case(unittest.TestCase):
    """A folder for programs and one for the session, and how to compile and run."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="xsgate-runtime-")
        cls.built = {}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def setUp(self):
        self.session = tempfile.mkdtemp(dir=self.folder, prefix="session-")

    def build(self, compiler, sources, *options, standard=None, output=None):
        standard = standard or ("c++17" if "++" in compiler else "gnu11")
        key = (compiler, tuple(sources), options, standard, output)
        if key not in self.built:
            path = os.path.join(self.folder, output or f"program{len(self.built)}")
            paths = [os.path.join(HERE, s) for s in sources]
            done = subprocess.run([compiler, f"-std={standard}", *STRICT, "-D_GNU_SOURCE", "-I",
                                   os.path.join(OPTIONS.source, "include"), *paths, *options, "-o",
                                   path, "-lpthread"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.built[key] = path
        return self.built[key]

    def scopes(self, compiler="gcc", *options):
        return self.build(compiler, ["scopes.c", "other.c"], *options)

    def functions(self, compiler="gcc", *options):
        return self.build(compiler, ["functions.c"], "-finstrument-functions", *options)

    def run_it(self, *command, profile="scopes", preload=True, status=0, timeout=60, before=None,
               **environment):
        env = {k: v for k, v in os.environ.items() if not k.startswith("XSGATE_")}
        env.pop("LD_PRELOAD", None)
        if profile is not None:
            env.update(XSGATE_SESSION=self.session, XSGATE_PROFILE=profile)
        if preload:
            env["LD_PRELOAD"] = runtime_so()
        env.update(environment)
        done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True,
                              timeout=timeout, preexec_fn=before)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, status, done.stdout)
        self.output = done.stdout
        return xseg.load(self.session)

    def run_one(self, *command, **more):
        segments = self.run_it(*command, **more)
        self.assertEqual(len(segments), 1, [s.path for s in segments])
        return segments[0]

    def assert_tree(self, root, n):
        """The tree of scopes.c and functions.c with n rounds."""
        top = root.child("top")
        self.assertEqual(top.calls, 1)
        self.assertEqual(top.child("middle").calls, n)
        self.assertEqual(top.child("middle", "leaf").calls, 3 * n)
        self.assertEqual(top.child("middle", "block").calls, n)
        self.assertEqual(top.child("middle", "block", "leaf").calls, n)

    def threads_with(self, segment, name):
        return [t for t in segment.threads if any(n.name == name for n in t.node[2:])]


class Linking(Case):
    """Every way in which a program gets to its runtime."""

    def check(self, program, **more):
        segment = self.run_one(program, "tree", 50, **more)
        self.assert_tree(segment.threads[0].root, 50)
        self.assertEqual(segment.state, xseg.EXITED)
        self.assertEqual(segment.lost(), (0, 0, 0, 0))

    def test_preload(self):
        for compiler in C_COMPILERS:
            for options in (["-pie", "-fPIE"], ["-no-pie", "-fno-pie"], ["-O0"], ["-O3", "-flto"]):
                if compiler == "clang" and "-flto" in options:
                    continue  # needs a linker plug-in that is not everywhere
                with self.subTest(compiler=compiler, options=options):
                    self.setUp()
                    self.check(self.scopes(compiler, *options))

    def test_strict_c11(self):
        for compiler in C_COMPILERS:
            program = self.build(compiler, ["plugin.c"], "-shared", "-fPIC", standard="c11")
            self.assertTrue(os.path.exists(program))

    def test_cxx(self):
        for compiler in CXX_COMPILERS:
            for options in (["-pie", "-fPIE"], ["-no-pie", "-fno-pie"]):
                with self.subTest(compiler=compiler, options=options):
                    self.setUp()
                    program = self.build(compiler, ["scopes.cc"], *options)
                    segment = self.run_one(program, 5)
                    main = segment.threads[-1] if segment.threads[-1].root.children else None
                    roots = {}
                    for thread in segment.threads:
                        for node in thread.root.children:
                            roots[node.name] = node
                    self.assertEqual(roots["static constructor"].calls, 1)
                    self.assertEqual(roots["catcher"].calls, 5)
                    thrower = roots["catcher"].child("thrower")
                    self.assertEqual((thrower.calls, thrower.timed), (5, 5))
                    self.assertEqual(thrower.child("thrower", "thrower").timed, 5)
                    self.assertEqual(roots["catcher"].child("caught").calls, 5)
                    self.assertEqual(roots["catcher"].child("sibling").calls, 5)
                    self.assertEqual(roots["lambda"].calls, 1)
                    self.assertEqual(roots["late"].calls, 1)
                    cart = [n for t in segment.threads for n in t.node if n.name and "Cart" in n.name]
                    self.assertEqual(len(cart), 3, "one per depth")
                    self.assertIn("total", cart[0].name)
                    self.assertEqual(roots["attr"].ticks, 1)
                    self.assertIn("key=value", roots)
                    self.assertIsNotNone(main)

    def test_shared_objects(self):
        for compiler in C_COMPILERS:
            with self.subTest(compiler=compiler):
                self.setUp()
                library = self.build(compiler, ["plugin.c"], "-shared", "-fPIC",
                                     output=f"libplugin-{compiler}.so")
                opened = self.run_one(self.scopes(compiler), "plugin", library)
                plugin = opened.threads[0].root.child("plugin")
                self.assertEqual(plugin.calls, 2)
                self.assertEqual(plugin.child("step").calls, 11)
                self.assertEqual(plugin.child("step", "steps").ticks, 11)
                self.assertEqual(len([s for s in opened.sites if s[0] == "step"]), 1,
                                 "opening it again does not register it again")

    def test_static(self):
        for compiler in C_COMPILERS:
            for options in (["-static"], ["-static-pie", "-fPIE"], []):
                with self.subTest(compiler=compiler, options=options):
                    self.setUp()
                    self.check(self.scopes(compiler, runtime_object(), *options), preload=False)

    def test_static_functions(self):
        program = self.functions("gcc", runtime_object(), "-static")
        segment = self.run_one(program, "tree", 50, profile="functions", preload=False)
        self.assertEqual(segment.name_functions().total("leaf"), 200)

    def test_two_units(self):
        segment = self.run_one(self.scopes(), "other", 12)
        self.assertEqual(segment.threads[0].root.child("other_file", "elsewhere").calls, 12)

    def test_idle(self):
        for environment in ({}, {"XSGATE_PROFILE": "scopes"}, {"XSGATE_SESSION": ""}):
            self.assertEqual(self.run_it(self.scopes(), "tree", 5, profile=None, **environment), [])
        self.assertEqual(self.run_it(self.scopes(), "tree", 5, preload=False), [])
        self.assertEqual(self.run_it(self.scopes("gcc", runtime_object(), "-static"), "tree", 5,
                                     profile=None, preload=False), [])

    def test_disabled(self):
        program = self.scopes("gcc", "-DXSG_DISABLE")
        self.assertEqual(self.run_one(program, "tree", 5).sites, [])
        out = subprocess.run(["nm", program], capture_output=True, text=True).stdout
        self.assertNotIn("xsg__", out)


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
        self.assertGreaterEqual(whole.ticks, slices.ticks)
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


class Ends(Case):
    """Targets that die, jump, fork, exec, daemonize."""

    def test_sigkill(self):
        for n in (1, 1000, 370371):
            self.setUp()
            segment = self.run_one(self.scopes(), "kill", n, status=-signal.SIGKILL)
            self.assertEqual(segment.threads[0].root.child("pair").calls, n)
            self.assertEqual(segment.state, xseg.RUNNING)

    def test_sigkill_at_any_moment(self):
        program = self.scopes()
        for i in range(40):
            self.setUp()
            env = dict(os.environ, LD_PRELOAD=runtime_so(), XSGATE_SESSION=self.session)
            child = subprocess.Popen([program, "signals", "2000"], env=env,
                                     stdout=subprocess.DEVNULL)
            try:
                child.wait(timeout=0.001 * i)
            except subprocess.TimeoutExpired:
                pass
            child.kill()
            child.wait()
            for path in os.listdir(self.session):
                full = os.path.join(self.session, path)
                with open(full, "rb") as file:
                    started = file.read(8) == b"XSGSEG\r\n"
                if started:  # else: killed before the magic, which is written last
                    xseg.Segment(full)

    def test_longjmp(self):
        segment = self.run_one(self.scopes(), "jumps", 1000)
        root = segment.threads[0].root
        self.assertEqual(root.child("jumper").calls, 1000)
        self.assertEqual(root.child("jumper", "jumper", "jumper").calls, 1000)
        self.assertEqual(root.child("jumper", "jumper", "jumper").children, [])
        self.assertEqual(segment.total("after"), 1)
        self.assertGreaterEqual(segment.threads[0].unmatched, 2997)

    def test_signals(self):
        segment = self.run_one(self.scopes(), "signals", 1500, XSGATE_NODES="200000")
        n, handled = map(int, self.output.split())
        thread = segment.threads[0]
        self.assertGreater(handled, 100)
        self.assertEqual(segment.total("middle"), n)
        self.assertEqual(segment.total("block"), n)
        self.assertEqual(thread.overflow.calls, 0)
        recorded = segment.total("handler") + segment.total("leaf") - 4 * n
        self.assertEqual(recorded + thread.reentries, 2 * handled,
                         "a handler's two scopes are recorded or counted as dropped")

    def test_stack_exhaustion(self):
        def small_stack():
            resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        segment = self.run_one(self.scopes(), "overflow", status=-signal.SIGSEGV,
                               before=small_stack)
        self.assertGreater(segment.total("down"), 200)

    def test_fork(self):
        segments = self.run_it(self.scopes(), "fork", 4)
        self.assertEqual(len(segments), 5)
        parents = [s for s in segments if s.pid in [c.ppid for c in segments]]
        self.assertEqual(len(parents), 1)
        parent = parents[0]
        self.assertEqual(parent.threads[0].root.child("parent").calls, 1)
        self.assertEqual(parent.threads[0].root.child("parent", "leaf").calls, 5)
        self.assertEqual(parent.total("child"), 0)
        killed = 0
        for child in segments:
            if child is parent:
                continue
            self.assertEqual(child.ppid, parent.pid)
            self.assertEqual(child.total("child"), 1)
            node = next(t for t in child.threads if t.root.children[0].name == "parent").root
            node = node.child("parent")
            self.assertEqual(node.calls, 1)
            self.assertEqual(node.child("child", "leaf").calls, 2)
            self.assertEqual(node.child("leaf").calls, 0, "the parent's calls are not the child's")
            if child.state == xseg.RUNNING:
                killed += 1
            else:
                self.assertEqual(node.timed, 1)
                self.assertLess(node.ticks * child.ns_per_tick(), 15e6, "time since the fork only")
            self.assertIn(child.total("top"), (0, 2))
        self.assertEqual(killed, 1)
        self.assertEqual(sum(c.total("top") for c in segments), 2)

    def test_exec(self):
        segments = self.run_it(self.scopes(), "exec")
        self.assertEqual(len(segments), 2)
        old = next(s for s in segments if s.total("before"))
        new = next(s for s in segments if s.total("top"))
        self.assertEqual((old.state, new.state), (xseg.EXECED, xseg.EXITED))
        self.assertEqual(old.pid, new.pid)
        self.assert_tree(new.threads[0].root, 2)

    def test_daemon(self):
        segment = self.run_one(self.scopes(), "daemon")
        self.assertEqual(segment.total("top"), 4)
        self.assertEqual(segment.lost_threads, 0)

    def test_no_descriptor_is_kept(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        segment = self.run_one(self.scopes(), "threads", 30, 5, before=few)
        self.assertEqual(segment.total("leaf"), 600)


class Refusals(Case):
    """Where nothing can be recorded the target runs as if we were not there."""

    def test_missing_folder(self):
        self.assertEqual(self.run_it(self.scopes(), "tree", 5,
                                     XSGATE_SESSION="/nonexistent/folder"), [])

    def test_read_only(self):
        if os.geteuid() == 0:
            self.assertEqual(self.run_it(self.scopes(), "tree", 5, XSGATE_SESSION="/proc"), [])
        else:
            os.chmod(self.session, 0o555)
            self.assertEqual(self.run_it(self.scopes(), "tree", 5), [])

    def test_long_path(self):
        self.assertEqual(self.run_it(self.scopes(), "tree", 5, XSGATE_SESSION="/" + "x" * 2000), [])

    def test_relative_folder(self):
        os.chdir(self.folder)
        segment = self.run_one(self.scopes(), "daemon",
                               XSGATE_SESSION=os.path.relpath(self.session, self.folder))
        self.assertEqual(segment.total("top"), 4)

    def test_file_size_limit(self):
        """SIGXFSZ would kill the target."""
        program = self.scopes()
        for size in (0, 4096, 40000, 100000, 900000, 2000000):
            self.setUp()
            segments = self.run_it(program, "threads", 8, 5, before=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (size, size)))
            for segment in segments:
                self.assertLessEqual(os.path.getsize(segment.path), size)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("needs to mount a tmpfs")
        for size in ("16k", "64k", "600k", "2m"):
            self.setUp()
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none",
                                   self.session], capture_output=True)
            if done.returncode != 0:
                self.skipTest("mount is not permitted")
            try:
                segments = self.run_it(self.scopes(), "threads", 8, 5)
                recorded = sum(t.threads for s in segments for t in s.threads)
                self.assertLess(recorded, 10)
                for segment in segments:
                    self.assertEqual(segment.lost_threads + recorded, 9)
            finally:
                subprocess.run(["umount", self.session], check=True)

    def test_address_space(self):
        program = self.scopes()
        for mib in (6, 8, 10, 12, 16, 24, 40):
            self.setUp()
            size = mib << 20
            env = dict(os.environ, XSGATE_SESSION=self.session, LD_PRELOAD=runtime_so())
            done = subprocess.run([program, "tree", "5"], env=env, capture_output=True, text=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                                                        (size, size)))
            bare = subprocess.run([program, "tree", "5"], capture_output=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                                                        (size, size)))
            if bare.returncode == 0 and "LD_PRELOAD" not in done.stderr:
                self.assertEqual(done.returncode, 0, f"{mib} MiB: {done.stderr}")

    def test_damaged_environment(self):
        for name, value in (("XSGATE_NODES", "-1"), ("XSGATE_NODES", "99999999999999999999"),
                            ("XSGATE_LIMIT", "0"), ("XSGATE_LIMIT", "many"), ("XSGATE_RATE", ""),
                            ("XSGATE_BENCH", "calibrate:"), ("XSGATE_BENCH", ";;=;=3;fast"),
                            ("XSGATE_BENCH", "x" * 9000), ("XSGATE_PROFILE", ",,,")):
            self.setUp()
            self.run_it(self.scopes(), "bench", **{name: value})


class Functions(Case):
    """-finstrument-functions without a change of the source."""

    def run_functions(self, *command, compiler="gcc", options=(), **more):
        program = self.functions(compiler, *options)
        segment = self.run_one(program, *command, profile="functions", **more)
        return segment.name_functions()

    def test_tree(self):
        for compiler in C_COMPILERS:
            for options in (("-O2",), ("-O0",), ("-O2", "-no-pie", "-fno-pie"), ("-O3", "-fPIE", "-pie")):
                with self.subTest(compiler=compiler, options=options):
                    self.setUp()
                    segment = self.run_functions("tree", 5000, compiler=compiler, options=options)
                    top = segment.threads[0].root.child("main", "top")
                    self.assertEqual(top.calls, 1)
                    middle = top.child("middle")
                    self.assertEqual((middle.calls, middle.child("leaf").calls), (5000, 15000))
                    self.assertEqual(middle.child("inlined").calls, 5000)
                    self.assertEqual(middle.child("inlined", "leaf").calls, 5000)
                    self.assertEqual(segment.threads[0].unmatched, 0)
                    self.assertLess(middle.child("leaf").bounds[3], 2500)
                    self.assertGreater(segment.function_timed, 0)

    def test_modules(self):
        segment = self.run_functions("tree", 1)
        exe = [m for m in segment.modules if m[3] == segment.exe]
        self.assertEqual(len(exe), 1)
        self.assertEqual(len(exe[0][4]), 40, "a build-id")
        notes = subprocess.run(["readelf", "-n", segment.exe], capture_output=True, text=True).stdout
        self.assertIn(exe[0][4], notes)

    def test_threads(self):
        segment = self.run_functions("threads", 8, 2000)
        self.assertEqual(segment.total("leaf"), 8 * 8000)
        self.assertEqual(segment.total("worker"), 8)

    def test_recursion(self):
        segment = self.run_functions("recurse", 6000)
        thread = segment.threads[0]
        self.assertEqual(segment.total("recurse") + thread.too_deep, 6000)
        self.assertEqual(thread.unmatched, 0)
        self.assertEqual(thread.root.child("main").timed, 1)

    def test_longjmp(self):
        for compiler in C_COMPILERS:
            self.setUp()
            segment = self.run_functions("jumps", 500, compiler=compiler)
            jumps = segment.threads[0].root.child("main", "jumps")
            jumper = jumps.child("jump_once", "jumper")
            self.assertEqual((jumps.child("jump_once").calls, jumper.calls), (500, 500))
            self.assertEqual(jumper.child("jumper", "jumper", "jumper").calls, 500)
            self.assertEqual(jumps.child("leaf").calls, 1)
            self.assertEqual(segment.threads[0].unmatched, 2000)

    def test_longjmp_in_place(self):
        for compiler in C_COMPILERS:
            self.setUp()
            segment = self.run_functions("jumps_in_place", 500, compiler=compiler)
            jumps = segment.threads[0].root.child("main", "jumps_in_place")
            self.assertEqual(jumps.child("jumper", "jumper", "jumper", "jumper").calls, 501 - 1)
            self.assertEqual(jumps.timed, 1, "the outer function's time is whole")
            self.assertEqual(segment.total("leaf"), 1)

    def test_exceptions(self):
        for compiler in CXX_COMPILERS:
            with self.subTest(compiler=compiler):
                self.setUp()
                program = self.build(compiler, ["functions.cc"], "-finstrument-functions")
                segment = self.run_one(program, 300, profile="functions").name_functions()
                loop = segment.threads[0].root.child("main", "loop(int)")
                thrower = loop.child("catcher()", "thrower(int)")
                self.assertEqual(loop.child("catcher()").calls, 300)
                self.assertEqual(thrower.child(*["thrower(int)"] * 3).calls, 300)
                self.assertEqual(loop.child("after()").calls, 1)

    def test_coroutines(self):
        for compiler in C_COMPILERS:
            self.setUp()
            segment = self.run_functions("coroutines", compiler=compiler)
            self.assertEqual((segment.total("middle"), segment.total("leaf")), (4, 11))

    def test_signals(self):
        segment = self.run_functions("signals", 1000)
        n, handled = map(int, self.output.split())
        thread = segment.threads[0]
        self.assertGreater(handled, 100)
        self.assertEqual(segment.total("middle"), n)
        self.assertEqual(segment.total("leaf"), 4 * n + segment.total("handler"))
        self.assertGreaterEqual(segment.total("handler") * 4 + thread.reentries, handled * 4)

    def test_exit_inside(self):
        segment = self.run_functions("exit", status=3)
        node = segment.threads[0].root.child("main", "leaves_by_exit")
        self.assertEqual(node.timed, 1)
        self.assertGreater(node.ticks * segment.ns_per_tick(), 19e6)

    def test_fork(self):
        program = self.functions()
        segments = self.run_it(program, "fork", profile="functions")
        self.assertEqual(len(segments), 2)
        child, parent = sorted((s.name_functions() for s in segments), key=lambda s: -s.ppid)
        if child.ppid != parent.pid:
            child, parent = parent, child
        self.assertEqual(parent.total("leaf"), 4)
        self.assertEqual(child.total("leaf"), 16)
        self.assertEqual(child.threads[0].root.child("main", "forks", "top", "middle").calls, 4)

    def test_stack_exhaustion(self):
        segment = self.run_functions("overflow", status=-signal.SIGSEGV,
                                     before=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        thread = segment.threads[0]
        self.assertGreater(segment.total("overflow"), 4000)
        self.assertGreater(thread.too_deep, 1000)

    def test_not_armed(self):
        segment = self.run_one(self.functions(), "tree", 10, profile="scopes")
        self.assertEqual(segment.threads[0].nodes, 2)


RUNTIME_SOURCES = ("cost function modules none preempted process scope segment table thread thunk tree").split()


class Sanitized(Case):
    """The runtime's own sources under the sanitizers, linked into the scopes' program."""

    def sanitized(self, compiler, kind):
        sources = [os.path.join(OPTIONS.source, "profiler/runtime", s + ".c") for s in RUNTIME_SOURCES]
        options = ["-I", OPTIONS.source, f"-fsanitize={kind}", "-fno-sanitize-recover=all", "-O1",
                   "-Wno-pedantic", "-Wno-cast-qual", "-Wno-error"]
        probe = subprocess.run([compiler, "-x", "c", "-", f"-fsanitize={kind}", "-o",
                                os.path.join(self.folder, "probe")], input="int main(void){return 0;}",
                               capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest(f"{compiler} has no -fsanitize={kind} here")
        return self.build(compiler, ["scopes.c", "other.c", *sources], *options)

    def check(self, kind, commands, **environment):
        for compiler in C_COMPILERS:
            program = self.sanitized(compiler, kind)
            for command in commands:
                with self.subTest(compiler=compiler, command=command):
                    self.setUp()
                    for segment in self.run_it(program, *command.split(), preload=False, timeout=120,
                                               status=-9 if "kill" in command else 0, **environment):
                        self.assertEqual(segment.lost_sites, 0)

    def test_threads(self):
        self.check("thread", ("threads 8 500", "crowd 40 20", "relay 30 10", "fork 4",
                              "signals 300"), TSAN_OPTIONS="halt_on_error=1:report_bugs=1")

    def test_memory(self):
        self.check("address,undefined",
                   ("tree 3000", "threads 8 100", "numbers 50", "bench", "pairs", "fork 4",
                    "signals 300", "recursion 5000", "wide 3000", "kill 100", "mixed 1100"),
                   ASAN_OPTIONS="detect_leaks=0")


class Installed(Case):
    """What a user has after `cmake --install`: both ways of finding it, both ways of binding."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = os.path.join(cls.folder, "prefix")
        subprocess.run(["cmake", "--install", OPTIONS.build, "--component", "runtime", "--prefix",
                        cls.prefix], check=True, capture_output=True)

    def find(self, name):
        found = [os.path.join(d, name) for d, _, files in os.walk(self.prefix) if name in files]
        self.assertEqual(len(found), 1, name)
        return found[0]

    def check(self, program, **more):
        segment = self.run_one(program, "tree", 9, **more)
        self.assert_tree(segment.threads[0].root, 9)

    def test_no_archive(self):
        """A plain archive would link and silently never bind."""
        names = [f for _, _, files in os.walk(self.prefix) for f in files]
        self.assertEqual([n for n in names if n.endswith(".a")], [])
        self.assertIn("profile.h", names)

    def test_exports(self):
        out = subprocess.run(["nm", "-D", "--defined-only", self.find("libxsgate-runtime.so")],
                             capture_output=True, text=True).stdout
        names = {line.split()[2] for line in out.splitlines()}
        self.assertIn("xsg__runtime_v1", names)
        self.assertEqual([n for n in names if n.startswith("xsg") and n != "xsg__runtime_v1"], [])
        needed = subprocess.run(["readelf", "-d", self.find("libxsgate-runtime.so")],
                                capture_output=True, text=True).stdout
        self.assertEqual([line for line in needed.splitlines() if "NEEDED" in line and
                          "libc.so" not in line and "ld-linux" not in line], [])

    def test_cmake(self):
        project = os.path.join(self.folder, "consumer")
        os.makedirs(project, exist_ok=True)
        with open(os.path.join(project, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write(f"""cmake_minimum_required(VERSION 3.22)
project(consumer C)
find_package(xsgate 0.1 REQUIRED)
find_package(Threads REQUIRED)
foreach(kind headers runtime)
  add_executable(with_${{kind}} {HERE}/scopes.c {HERE}/other.c)
  target_compile_definitions(with_${{kind}} PRIVATE _GNU_SOURCE)
  target_link_libraries(with_${{kind}} PRIVATE xsgate::${{kind}} Threads::Threads)
endforeach()
target_link_options(with_runtime PRIVATE -static)
""")
        for command in (["cmake", "-S", project, "-B", project + "/build", "-DCMAKE_BUILD_TYPE=Release",
                         f"-DCMAKE_PREFIX_PATH={self.prefix}"],
                        ["cmake", "--build", project + "/build"]):
            done = subprocess.run(command, capture_output=True, text=True,
                                  env=dict(os.environ, CMAKE_GENERATOR="Ninja"))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.check(project + "/build/with_runtime", preload=False)
        self.setUp()
        self.check(project + "/build/with_headers", LD_PRELOAD=self.find("libxsgate-runtime.so"))

    def test_pkg_config(self):
        env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(self.find("xsgate.pc")))
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "xsgate"], env=env, check=True,
                               capture_output=True, text=True).stdout.split()
        program = os.path.join(self.folder, "by-pkg-config")
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", f"{HERE}/scopes.c", f"{HERE}/other.c", *flags,
                        "-o", program], check=True)
        self.check(program, preload=False)
        version = subprocess.run(["pkg-config", "--modversion", "xsgate"], env=env, check=True,
                                 capture_output=True, text=True).stdout.strip()
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("tests", nargs="*")
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.source = os.path.abspath(OPTIONS.source)
    OPTIONS.build = os.path.abspath(OPTIONS.build)
    names = OPTIONS.tests or [n for n, c in globals().items()
                              if isinstance(c, type) and issubclass(c, Case) and c is not Case]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(n, sys.modules[__name__])
                               for n in names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
