"""Ends in the middle of a measurement, and what the runtime refuses."""

import os
import resource
import signal
import subprocess

import xseg
from runtime_case import Case, main, runtime_so


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


if __name__ == "__main__":
    main()
