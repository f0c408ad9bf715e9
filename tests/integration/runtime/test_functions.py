"""Programs built with -finstrument-functions, and the runtime under the sanitizers."""

import os
import resource
import signal
import subprocess

from runtime_case import C_COMPILERS, CXX_COMPILERS, OPTIONS, Case, main


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


if __name__ == "__main__":
    main()
