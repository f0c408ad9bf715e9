"""Programs whose call trees are known by heart, compiled in each way a user might, and run under the
runtime. The sessions are read by xseg.py, which shares no code with the product.

    python3 test_PART.py --source DIR --build DIR [CLASS...]
"""

import argparse
import os
import shutil
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


def main():
    """Runs the classes of the program that calls it, or those of them that are named."""
    program = sys.modules["__main__"]
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("tests", nargs="*")
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.source = os.path.abspath(OPTIONS.source)
    OPTIONS.build = os.path.abspath(OPTIONS.build)
    names = OPTIONS.tests or [n for n, c in vars(program).items()
                              if isinstance(c, type) and issubclass(c, Case) and c is not Case]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(n, program)
                               for n in names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())
