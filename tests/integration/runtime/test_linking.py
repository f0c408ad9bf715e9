"""Every way in which a program gets to the runtime, from the build folder and installed."""

import os
import subprocess

import xseg
from runtime_case import C_COMPILERS, CXX_COMPILERS, HERE, OPTIONS, Case, main, runtime_object


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


if __name__ == "__main__":
    main()
