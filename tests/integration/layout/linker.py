#!/usr/bin/env python3
"""The linker's wrapper: linker.py WRAPPER. What it passes on is seen by a linker that writes down
its arguments; what comes of it by the real ones."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile

HOSTILE = ["a b.o", "$(touch pwned).o", "`touch pwned`.o", "it's \"quoted\".o", "-dash/x.o", "*.o",
           "new\nline.o", "back\\slash.o", "\u00fcml\u00e4ut.o", "${1}.o"]
RECORDER = """#!/bin/sh
for argument; do printf '%s\\0' "$argument"; done > "$SEEN"
exit "${STATUS:-0}"
"""


class Bench:
    def __init__(self, wrapper, scratch):
        self.scratch, self.wrap = scratch, os.path.join(scratch, "wrap")
        self.tools = os.path.join(scratch, "tools")
        for folder in (self.wrap, self.tools):
            os.makedirs(folder)
        for name in ("ld", "ld.gold", "ld.lld"):
            shutil.copy(wrapper, os.path.join(self.wrap, name))
            os.chmod(os.path.join(self.wrap, name), 0o755)
        self.problems = []

    def check(self, what, good):
        if not good:
            self.problems.append(what)

    def put_tool(self, name, text):
        path = os.path.join(self.tools, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU)

    def link(self, layout, words, status="0"):
        """What the linker saw, and the wrapper's status."""
        seen = os.path.join(self.scratch, "seen")
        if os.path.exists(seen):
            os.remove(seen)
        env = dict(os.environ, XSGATE_LAYOUT=layout, SEEN=seen, STATUS=status,
                   COMPILER_PATH=self.wrap + ":" + self.tools + "/")
        done = subprocess.run([os.path.join(self.wrap, "ld"), *words], env=env, cwd=self.scratch,
                              check=False)
        with open(seen, encoding="utf-8") as file:
            return done.returncode, file.read().split("\0")[:-1]


def without_pad(words):
    if "xsgate_layout_pad" not in words:
        return words
    at = words.index("xsgate_layout_pad")
    return words[:at - 1] + words[at + 2:]


def check_arguments(b):
    b.put_tool("ld", RECORDER)
    around = ["-o", "out.o", "crt1.o", "/usr/lib/crti.o", "-L", "lib.o"]
    behind = ["--start-group", "libx.a", "-lc", "--end-group", "crtend.o", "-T", "script.o", ""]
    plain = around + HOSTILE + behind
    orders = set()
    for layout in "1", "2", "3":
        status, seen = b.link(layout, plain)
        got = without_pad(seen)
        objects = got[len(around):len(around) + len(HOSTILE)]
        b.check("status %d" % status, status == 0)
        b.check("layout %s has no code before all: %s" % (layout, seen), got != seen)
        # What begins with a dash is an option.
        still = [name for name in HOSTILE if name.startswith("-")]
        b.check("layout %s lost or changed an argument: %s" % (layout, got),
                got[:len(around)] == around and got[len(around) + len(HOSTILE):] == behind and
                sorted(objects) == sorted(HOSTILE) and objects != HOSTILE and
                all(objects.index(name) == HOSTILE.index(name) for name in still))
        orders.add(tuple(objects))
    b.check("layouts have the same order", len(orders) == 3)
    for layout in "", "0", "x", "12; touch pwned":
        b.check("layout '%s' is one" % layout, b.link(layout, plain)[1] == plain)
    for words in (["--version"], ["-r", "-o", "x.o", "a.o", "b.o"], []):
        b.check("%s is varied" % words, b.link("1", words)[1] == words)
    status, seen = b.link("1", plain, "7")
    b.check("what does not link is not linked plainly: %d, %s" % (status, seen),
            status == 7 and seen == plain)
    b.check("a file's name was executed", not os.path.exists(os.path.join(b.scratch, "pwned")))


def check_linkers(b, compiler, flag):
    """Real programs, in a folder with a name of that kind; the order of functions changes."""
    folder = os.path.join(b.scratch, "it's $(real)")
    os.makedirs(folder, exist_ok=True)
    for name in "f", "g":
        with open(os.path.join(folder, name + ".c"), "w", encoding="utf-8") as file:
            file.write("int %s(void) { return 1; }" % name)
    with open(os.path.join(folder, "main.c"), "w", encoding="utf-8") as file:
        file.write("int f(void); int g(void);\n"
                   "int main(void) { return f() + g() != 2 ? 9 : (char *)f < (char *)g; }")
    seen = set()
    for layout in "", "1", "2":
        env = dict(os.environ, XSGATE_LAYOUT=layout, COMPILER_PATH=b.wrap,
                   PATH=b.wrap + ":" + os.environ["PATH"])
        for name in "main", "f", "g":
            subprocess.run([compiler, "-c", name + ".c"], cwd=folder, check=True)
        subprocess.run([compiler, *flag, "main.o", "f.o", "g.o", "-o", "prog"], cwd=folder, env=env,
                       check=True)
        symbols = subprocess.run(["nm", "prog"], cwd=folder, check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        b.check("%s %s: code before all in layout '%s'" % (compiler, flag, layout),
                ("xsgate_layout_pad" in symbols) == (layout != ""))
        seen.add(subprocess.run(["./prog"], cwd=folder, check=False).returncode)
    b.check("%s %s: %s" % (compiler, flag, seen), seen == {0, 1})


def main():
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="xsgate-linker-"))
    try:
        b = Bench(os.path.abspath(sys.argv[1]), scratch)
        check_arguments(b)
        for compiler in "gcc", "clang":
            for linker in "", "bfd", "gold", "lld":
                if not shutil.which(compiler) or not shutil.which("ld." + linker if linker else "ld"):
                    print("skipped: %s with ld.%s is not installed" % (compiler, linker))
                    continue
                if linker != "bfd":
                    check_linkers(b, compiler, ["-fuse-ld=" + linker] if linker else [])
        check_linkers(b, "gcc", ["-Wl,--gc-sections"])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for problem in b.problems:
        print("WRONG: " + problem)
    return 1 if b.problems else 0


if __name__ == "__main__":
    sys.exit(main())
