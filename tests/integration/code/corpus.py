#!/usr/bin/env python3
"""Edits of which it is known what they do to a function's machine code, compiled in many ways.

    corpus.py --dump PROGRAM [--all] [--verbose] [--only TEXT]

Each edit is compiled before and after, by gcc and clang, position-independent and not, with and without
debug information. No function whose code (or a callee's) differs may be called identical; how many of
those that are the same are recognised is printed, and the floor below must be reached."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

# What is said of a function: its own code, and its code with all that it calls.
SAME = "same"            # both equal
CALLEE = "callee"        # its own equal, a callee's not: equal and different
DIFFERENT = "different"  # its own differs: both different
EITHER = "either"        # the compiler decides (inlining); whatever is said of it must be true elsewhere

HEAD = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NOINLINE __attribute__((noinline, noclone, used))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline, used))
#endif
volatile int sink;
volatile double dsink;
"""
TAIL = "\nint main(int argc, char **argv) { (void)argv; return (int)work(argc); }\n"


def c(body):
    return {"a.c": HEAD + body + TAIL}


def before_after(name, before, after, says, **more):
    return dict(name=name, before=before if isinstance(before, dict) else c(before),
                after=after if isinstance(after, dict) else c(after), says=says, **more)


LOOP = """
NOINLINE static long helper(long n) { long s = 0; for (long i = 0; i < n; i++) s += i ^ (s >> %s); return s; }
NOINLINE static long other(long n) { return n * 3 + %s; }
NOINLINE long work(long n) { return helper(n) + other(n); }
"""
SWITCH = """
NOINLINE long work(long n) {
    switch (n) {
    case 0: sink = 4; return 11; case 1: sink = 8; return 23; case 2: sink = 1; return 5;
    case 3: sink = 44; return 19; case %s: sink = 3; return 2; case 5: sink = 9; return %s;
    case 6: sink = 78; return 93; case 7: sink = 12; return 4; }
    return n;
}
"""
JUMPS = """
NOINLINE static long f(long n) { return n * sink; }
NOINLINE static long g(long n) { return n + sink; }
NOINLINE long work(long n) {
    switch (n) {
    case 0: return f(n + 1); case 1: return g(n) * 3; case 2: return f(n) - 7; case 3: return g(n * 5);
    case 4: sink = 1; return f(3); case 5: sink = 2; return g(9) / 3; case %s: return f(n) + g(n);
    case %s: return f(n) - g(n); case 8: sink = 3; return f(n) ^ 77; }
    return n;
}
"""
GOTO = """
NOINLINE static long f(long n) { return n * sink; }
NOINLINE long work(long n) {
    static const void *const label[] = {&&add, &&multiply, &&%s, &&%s, &&stop};
    long s = n;
    goto *label[n %% 5];
add: s += sink; goto *label[s %% 5];
multiply: s = f(s) * 3; goto *label[s %% 5];
shift: s >>= 1; goto *label[s %% 5];
turn: s ^= sink; goto *label[s %% 5];
stop: return s;
}
"""
TABLE = """
static %s int table[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, %s, 13, 14, 15, 16};
NOINLINE long work(long n) { long s = 0; for (long i = 0; i < n; i++) s += table[(i * n) & 15]; return s; }
NOINLINE long aside(long n) { return n * 5 + sink; }
"""
TEXT = """
NOINLINE long work(long n) { return printf("%s\\n", n) + puts("other text"); }
NOINLINE long aside(long n) { return printf("some %%ld more\\n", n); }
"""
COPY = """
NOINLINE static long sum(const int *v, long n) { long s = 0; for (long i = 0; i < n; i++) s += v[i]; return s; }
NOINLINE long work(long n) {
    int v[40] = {65, 66, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, %s, 36, 37, 38, 39, 40};
    v[n & 31] = (int)n;
    return sum(v, 40);
}
"""
FLOATS = "NOINLINE long work(long n) { double x = n * %s; dsink = x + %s; return (long)(x * x); }\n"
STRUCT = """
struct s { long a; %s long b; };
struct s all[8];
NOINLINE long work(long n) { return all[n & 7].b * 3; }
NOINLINE long aside(long n) { return n * 5 + sink; }
"""
CALLS = """
NOINLINE static long last(long n) { return n * %s + sink; }
NOINLINE static long middle(long n) { return last(n) + 1; }
NOINLINE long work(long n) { return middle(n) * 2; }
NOINLINE long aside(long n) { return n / 3; }
"""
POINTER = """
NOINLINE static long one(long n) { return n + %s + sink; }
NOINLINE static long two(long n) { return n * 7 + sink; }
static long (*const hooks[2])(long) = {one, two};
NOINLINE long work(long n) { return hooks[n & 1](n) + 1; }
NOINLINE long aside(long n) { return n * 11; }
"""
CALLBACK = """
static int compare(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b; return %s; }
NOINLINE long work(long n) { int v[4] = {3, 1, (int)n, 2}; qsort(v, 4, sizeof *v, compare); return v[0]; }
"""
RUN_TIME = """
NOINLINE static long one(long n) { return n + %s + sink; }
NOINLINE static long two(long n) { return n * 7 + sink; }
long (*hook)(long);
NOINLINE long work(long n) { return hook(n) + 1; }
NOINLINE long tail(long n) { return hook(n * 3); }
NOINLINE long aside(long n) { return n * 11; }
"""
RUN_TIME_MAIN = "\nint main(int argc, char **argv) { (void)argv; hook = argc > 1 ? one : two; return (int)work(argc); }\n"
FILTER = """
#define _FILE_OFFSET_BITS 64
#define _GNU_SOURCE
#include <dirent.h>
#include <ftw.h>
""" + HEAD + """
NOINLINE static int keep(const struct dirent *d) { return d->d_name[0] %s '.'; }
NOINLINE static int see(const char *path, const struct stat *st, int type) { return path[0] == '/' ? type : 0; }
int (*volatile filter)(const struct dirent *);
__ftw_func_t volatile visit;
NOINLINE long work(long n) { struct dirent **list; return n + scandir("/proc", &list, filter, NULL); }
NOINLINE long tree(long n) { return ftw("/proc", visit, 3) + n; }
int main(int argc, char **argv) { (void)argv; filter = keep; visit = see; return (int)(work(argc) + tree(argc)); }
"""
RECURSION = """
NOINLINE static long even(long n);
NOINLINE static long odd(long n) { return n <= 0 ? %s : even(n - 1) + sink; }
NOINLINE static long even(long n) { return n <= 0 ? 1 : odd(n - 1) - sink; }
NOINLINE long work(long n) { return even(n) + 3; }
"""
LIBM = "NOINLINE long work(long n) { dsink = %s((double)n + 0.5); return n; }\n"
VOLATILE = "volatile int p, q;\nNOINLINE long work(long n) { %s return n; }\n"
TLS = """
static __thread long alpha = 1, beta = 2;
NOINLINE long touch(long n) { alpha += n; beta -= n; return alpha ^ beta; }
NOINLINE long work(long n) { %s += n; return touch(n); }
"""
TLS_VALUE = """
static __thread long alpha = %s, beta = 2, table[4] = {1, 2, 3, %s};
static __thread const char *name = "%s";
NOINLINE static long sum(const long *v) { return v[0] + v[1]; }
NOINLINE long work(long n) { alpha += n; return alpha; }
NOINLINE long entry(long n) { return table[n & 3]; }
NOINLINE long named(long n) { return n + name[1]; }
NOINLINE long aside(long n) { beta += n; return beta; }
NOINLINE long pointer(long n) { return sum(table + 2) + n; }
"""
COLD = """
NOINLINE static void fail(const char *why) { fprintf(stderr, "%%s\\n", why); exit(3); }
NOINLINE long work(long n) {
    if (__builtin_expect(n > 1000, 0)) { sink = %s; fail("far too large"); }
    return n * 3 + sink;
}
"""
NAMES = """
static const char *const names[] = {"alpha", "beta", "%s", "delta"};
NOINLINE long work(long n) { return (long)strlen(names[n & 3]); }
NOINLINE static const char *const *list(void) { return names; }
NOINLINE long aside(long n) { return n + (list()[0] != NULL); }
"""
NAMES_OF_ONE = """
static const char *const names[] = {"alpha", "beta", "%s", "delta", "epsilon"};
NOINLINE long work(long n) { return puts(names[n %% 5]) + n; }
NOINLINE long aside(long n) { return n * 5 + sink; }
"""
EMBEDDED = 'NOINLINE long work(long n) { const char *s = "GET\\0%s\\0PUT"; return s[n %% 12] + sink; }\n'
LOCAL_STATIC = """
NOINLINE long work(long n) { static int calls = %s; calls += (int)n; return calls; }
"""
PARSE = """
static inline long digit(char ch) { return ch >= '0' && ch <= '9' ? ch - '0' : -1; }
static long number(const char *s) { long v = 0; while (digit(*s) >= 0) v = v * 10 + digit(*s++); return v; }
NOINLINE long work(long n) { char b[8] = "1234"; b[n & 3] = '9'; return number(b)%s; }
"""
SPLIT = """
NOINLINE long work(long n) {
    long s = 0;
    for (long i = 0; i < n; i++) s += i * sink;
    for (long i = 0; i < n; i++) s ^= i - sink;
    return s;
}
"""
SPLIT_AFTER = """
NOINLINE static long second(long s, long n) { for (long i = 0; i < n; i++) s ^= i - sink; return s; }
NOINLINE long work(long n) {
    long s = 0;
    for (long i = 0; i < n; i++) s += i * sink;
    return second(s, n);
}
"""
CPP = """
#include <cstdio>
#include <vector>
volatile int sink;
template <typename T> struct Box {
    std::vector<T> items;
    __attribute__((noinline)) T sum() const { T s = 0; for (auto x : items) s += x * %s; return s; }
};
struct Shape { virtual ~Shape() = default; virtual long area(long n) const = 0; };
struct Square : Shape { __attribute__((noinline)) long area(long n) const override { return n * n + %s; } };
__attribute__((noinline)) long ask(const Shape &shape, long n) { return shape.area(n) + 1; }
__attribute__((noinline)) long boxed(long n) { Box<long> b; b.items.assign(n, 3); return b.sum(); }
int main(int argc, char **) { Square s; return (int)(ask(s, argc) + boxed(argc)); }
"""
TWO = {
    "a.c": HEAD + "long elsewhere(long);\nNOINLINE long work(long n) { return elsewhere(n) + 1; }\n" + TAIL,
    "b.c": HEAD.replace("volatile int sink;", "extern volatile int sink;").replace(
        "volatile double dsink;", "") +
    "NOINLINE long elsewhere(long n) { return n * 17 + sink; }\nNOINLINE long more(long n) { return n ^ 91; }\n",
}
MOVED = dict(TWO)
MOVED["c.c"] = HEAD.replace("volatile int sink;", "extern volatile int sink;").replace(
    "volatile double dsink;", "") + "NOINLINE long elsewhere(long n) { return n * 17 + sink; }\n"
MOVED["b.c"] = TWO["b.c"].replace("NOINLINE long elsewhere(long n) { return n * 17 + sink; }\n", "")

EXTERN = HEAD.replace("volatile int sink;", "extern volatile int sink;").replace("volatile double dsink;", "")


def units(**steps):
    """A program in which each of these units has a static function "step" with this body."""
    files = {name + ".c": EXTERN + "NOINLINE static long step(long n) { %s }\n"
             "long run_%s(long n) { return step(n) + 1; }\n" % (body, name) for name, body in steps.items()}
    files["a.c"] = (HEAD + "".join("long run_%s(long);\n" % name for name in steps) +
                    "NOINLINE long work(long n) { return 0%s; }\n" % "".join(" + run_%s(n)" % s for s in steps)
                    + TAIL)
    return files


def library(code, value, more=""):
    """A program and a library of its own with a table of values."""
    values = "#include <stddef.h>\nlong table[4] = {1, 2, 3, %s}; long *where = table;%s\n" % (value, more)
    return {"a.c": c("extern long table[4], *where;\n" + code)["a.c"], "libvalues.c": values}


IN_LIBRARY = """
NOINLINE long work(long n) { return table[n & 3]; }
NOINLINE long behind(long n) { return where[n & 3]; }
NOINLINE long aside(long n) { return n * 5 + sink; }
"""
THREAD_IN_LIBRARY = """
extern __thread long budget __attribute__((tls_model("initial-exec")));
NOINLINE long work(long n) { budget -= n; return budget; }
NOINLINE long aside(long n) { return n * 5 + sink + table[0]; }
"""

ASSEMBLY = """
__asm__(".text\\n.type enter, @function\\nenter: lea (%%rdi,%%rdi,2), %%rax\\n .size enter, . - enter\\n"
        " .p2align 4\\n.type inner, @function\\ninner: add $%s, %%rax\\n ret\\n .size inner, . - inner\\n"
        ".type calls, @function\\ncalls: call inner\\n .size calls, . - calls\\n"
        ".type behind, @function\\nbehind: add $%s, %%rax\\n ret\\n .size behind, . - behind\\n");
long enter(long), calls(long);
NOINLINE long work(long n) { return enter(n) + 1; }
NOINLINE long over(long n) { return calls(n) + 1; }
"""
STOPS = """
NOINLINE __attribute__((noreturn)) void stop(const char *why) { fprintf(stderr, "reason: %%s\\n", why); exit(%s); }
NOINLINE __attribute__((noreturn)) void never(long n) { printf("number %%ld\\n", n); stop("never"); }
NOINLINE __attribute__((noreturn)) void spin(long n) { for (;;) printf("number %%ld\\n", n); }
NOINLINE long checked(long n) { sink = n; if (n > 3) return n; spin(n); }
NOINLINE static long middle(long n) { return n * %s + sink; }
NOINLINE long work(long n) { if (n < 7) return middle(n); never(n); }
"""

ASSERT = """
#include <assert.h>
static const char *const files[] = {"first of them", __FILE__};
NOINLINE long work(long n) { sink = n; assert(%s); return n * 3; }
NOINLINE long where(long n) { return puts(files[n & 1]) + n; }
NOINLINE long aside(long n) { return n * 11; }
"""

def recursion(one, two):
    """Two functions that call each other, each with a static "step" of its own unit."""
    unit = ("long %s(long);\nNOINLINE static long step(long n) { %s }\n"
            "NOINLINE long %s(long n) { return n <= 0 ? step(n) : %s(n - 1) + 1; }\n")
    return {"a.c": HEAD + "long there(long);\nNOINLINE long work(long n) { return there(n) + 1; }\n" + TAIL,
            "x.c": EXTERN + unit % ("back", one, "there", "back"),
            "y.c": EXTERN + unit % ("there", two, "back", "there")}


SHORT, LONG = "return n * sink;", "for (int i = 0; i < 9; i++) n = n * n + sink; return n;"

EDITS = [
    before_after("comment", LOOP % ("3", "5"), "/* why */\n\n" + LOOP % ("3", "5 /* five */"),
                 dict(helper=SAME, other=SAME, work=SAME)),
    before_after("reordered functions",
                 "NOINLINE static long x(long n) { return n ^ 9; }\nNOINLINE static long y(long n) "
                 "{ return n / 7; }\nNOINLINE long work(long n) { return x(n) + y(n); }\n",
                 "NOINLINE static long y(long n) { return n / 7; }\nNOINLINE static long x(long n) "
                 "{ return n ^ 9; }\nNOINLINE long work(long n) { return x(n) + y(n); }\n",
                 dict(x=SAME, y=SAME, work=SAME)),
    before_after("moved to another file", TWO, MOVED, dict(elsewhere=SAME, work=SAME, more=SAME)),
    before_after("renamed", LOOP % ("3", "5"),
                 (LOOP % ("3", "5")).replace("helper", "assistant"),
                 {"helper": ("assistant", SAME), "other": SAME, "work": ("work", "deep only")}),
    before_after("constant", LOOP % ("3", "5"), LOOP % ("4", "5"),
                 dict(helper=DIFFERENT, other=SAME, work=CALLEE)),
    before_after("constant 100 to 200", LOOP % ("3", "100"), LOOP % ("3", "200"),
                 dict(helper=SAME, other=DIFFERENT, work=CALLEE)),
    before_after("constant in the range of addresses", LOOP % ("3", "4202496"), LOOP % ("3", "4202512"),
                 dict(helper=SAME, other=DIFFERENT, work=CALLEE)),
    before_after("text", TEXT % "size %ld of it", TEXT % "size %ld of at",
                 dict(work=DIFFERENT, aside=SAME)),
    before_after("short text", TEXT % "%ld", TEXT % "%lx", dict(work=DIFFERENT, aside=SAME)),
    before_after("text elsewhere", TEXT % "number %ld",
                 TEXT % "number %ld" + 'NOINLINE long third(long n) { return printf("brand new %ld", n); }',
                 dict(work=SAME, aside=SAME)),
    before_after("text behind a NUL", EMBEDDED % "POST", EMBEDDED % "PEST", dict(work=DIFFERENT)),
    before_after("offset in a struct", STRUCT % "", STRUCT % "long between;",
                 dict(work=DIFFERENT, aside=SAME)),
    before_after("split", SPLIT, SPLIT_AFTER, dict(work=DIFFERENT)),
    before_after("merged", SPLIT_AFTER, SPLIT, dict(work=DIFFERENT)),
    before_after("an unrelated function in front", LOOP % ("3", "5"),
                 "NOINLINE long front(long n) { for (int i = 0; i < 9; i++) n = n * n + sink; return n; }\n"
                 + LOOP % ("3", "5"), dict(helper=SAME, other=SAME, work=SAME)),
    before_after("link order", TWO, TWO, dict(work=SAME, elsewhere=SAME, more=SAME), reverse=True),
    before_after("function sections", TWO, TWO, dict(work=SAME, elsewhere=SAME, more=SAME),
                 after_flags=["-ffunction-sections", "-Wl,--gc-sections"]),
    before_after("values of a constant table", TABLE % ("const", "12"), TABLE % ("const", "99"),
                 dict(work=DIFFERENT, aside=SAME)),
    before_after("values of a variable table", TABLE % ("", "12"),
                 TABLE % ("", "99"), dict(work=DIFFERENT, aside=SAME)),
    before_after("initial values of a local array", COPY % "35", COPY % "99",
                 dict(work=DIFFERENT, sum=SAME)),
    before_after("a table of texts", NAMES % "gamma", NAMES % "gamut", dict(work=DIFFERENT)),
    before_after("a table of texts for one function", NAMES_OF_ONE % "gamma", NAMES_OF_ONE % "gamut",
                 dict(work=DIFFERENT, aside=SAME)),
    before_after("a table of texts moved", NAMES_OF_ONE % "gamma",
                 'NOINLINE long front(long n) { return puts("in front of it") + n; }\n' + NAMES_OF_ONE % "gamma",
                 dict(work=SAME, aside=SAME)),
    before_after("values of a switch", SWITCH % ("4", "7"), SWITCH % ("4", "8"), dict(work=DIFFERENT)),
    before_after("targets of a jump table", JUMPS % ("6", "7"), JUMPS % ("7", "6"),
                 dict(work=DIFFERENT, f=SAME, g=SAME)),
    before_after("cases of a jump table", JUMPS % ("6", "7"), JUMPS % ("6", "9"),
                 dict(work=DIFFERENT, f=SAME, g=SAME)),
    before_after("a jump table moved", JUMPS % ("6", "7"),
                 "NOINLINE long front(long n) { return puts(\"in front of all\") + n; }\n"
                 + JUMPS % ("6", "7"), dict(work=SAME, f=SAME, g=SAME)),
    before_after("targets of computed jumps", GOTO % ("shift", "turn"), GOTO % ("turn", "shift"),
                 dict(work=DIFFERENT, f=SAME)),
    before_after("computed jumps moved", GOTO % ("shift", "turn"),
                 "NOINLINE long front(long n) { return puts(\"in front of all\") + n; }\n"
                 + GOTO % ("shift", "turn"), dict(work=SAME, f=SAME)),
    before_after("a callee below computed jumps", GOTO % ("shift", "turn"),
                 GOTO.replace("n * sink", "n + sink") % ("shift", "turn"),
                 dict(work=CALLEE, f=DIFFERENT)),
    before_after("a callee", CALLS % "3", CALLS % "5",
                 dict(last=DIFFERENT, middle=CALLEE, work=CALLEE, aside=SAME)),
    before_after("behind a pointer", POINTER % "3", POINTER % "5",
                 dict(one=DIFFERENT, two=SAME, work=CALLEE, aside=SAME)),
    before_after("behind a pointer set at run time",
                 {"a.c": HEAD + RUN_TIME % "3" + RUN_TIME_MAIN},
                 {"a.c": HEAD + RUN_TIME % "5" + RUN_TIME_MAIN},
                 dict(one=DIFFERENT, two=SAME, work=CALLEE, tail=CALLEE, aside=SAME)),
    before_after("a pointer set at run time untouched", {"a.c": HEAD + RUN_TIME % "3" + RUN_TIME_MAIN},
                 {"a.c": "/* same */" + HEAD + RUN_TIME % "3" + RUN_TIME_MAIN},
                 dict(one=SAME, two=SAME, work=SAME, tail=SAME, aside=SAME)),
    before_after("behind a function that runs on", ASSEMBLY % ("7", "5"), ASSEMBLY % ("9", "5"),
                 dict(inner=DIFFERENT, enter=CALLEE, work=CALLEE, calls=CALLEE, behind=SAME)),
    before_after("behind a call at the end that returns", ASSEMBLY % ("7", "5"), ASSEMBLY % ("7", "9"),
                 dict(inner=SAME, enter=SAME, work=SAME, calls=CALLEE, over=CALLEE, behind=DIFFERENT)),
    before_after("behind functions that do not return", STOPS % ("3", "5"), STOPS % ("3", "6"),
                 dict(stop=SAME, never=SAME, spin=SAME, checked=SAME, middle=DIFFERENT, work=CALLEE)),
    before_after("in a function that does not return", STOPS % ("3", "5"), STOPS % ("4", "5"),
                 dict(stop=DIFFERENT, never=CALLEE, spin=SAME, checked=SAME, middle=SAME, work=CALLEE)),
    before_after("an assertion in another checkout", ASSERT % "n > 3", "/* same */" + ASSERT % "n > 3",
                 dict(work=SAME, where=SAME, aside=SAME), absolute=True),
    before_after("another assertion in another checkout", ASSERT % "n > 3", ASSERT % "n > 2",
                 dict(work=DIFFERENT, where=SAME, aside=SAME), absolute=True),
    before_after("in callbacks for large files", {"a.c": FILTER % "=="}, {"a.c": FILTER % "!="}, dict(work=CALLEE, tree=CALLEE)),
    before_after("in a callback", CALLBACK % "(x > y) - (x < y)", CALLBACK % "(x < y) - (x > y)",
                 dict(work=CALLEE)),
    before_after("in recursion", RECURSION % "0", RECURSION % "5",
                 dict(odd=DIFFERENT, even=CALLEE, work=CALLEE)),
    before_after("in recursion, statics of a name change places", recursion(SHORT, LONG),
                 recursion(LONG, SHORT), dict(there=CALLEE, back=CALLEE, work=CALLEE, step=DIFFERENT)),
    before_after("in recursion, statics of a name untouched", recursion(SHORT, LONG),
                 recursion("/* */ " + SHORT, LONG), dict(there=SAME, back=SAME, work=SAME, step=SAME)),
    before_after("recursion untouched", RECURSION % "0", "/* same */" + RECURSION % "0",
                 dict(odd=SAME, even=SAME, work=SAME)),
    before_after("another function of libm", LIBM % "tgamma", LIBM % "lgamma", dict(work=DIFFERENT)),
    before_after("a floating constant", FLOATS % ("1.5", "0.25"), FLOATS % ("1.5", "0.26"),
                 dict(work=DIFFERENT)),
    before_after("a factor", FLOATS % ("1.5", "0.25"), FLOATS % ("1.7", "0.25"), dict(work=DIFFERENT)),
    before_after("order of volatile writes", VOLATILE % "p = 1; q = 2;", VOLATILE % "q = 2; p = 1;",
                 dict(work=DIFFERENT)),
    before_after("which of two variables", VOLATILE % "p = 1;", VOLATILE % "q = 1;",
                 dict(work=DIFFERENT)),
    before_after("which thread-local variable", TLS % "alpha", TLS % "beta",
                 dict(work=DIFFERENT, touch=SAME)),
    before_after("static made extern", LOOP % ("3", "5"),
                 (LOOP % ("3", "5")).replace("static long other", "long other"),
                 dict(helper=SAME, other=SAME, work=SAME)),
    before_after("in code that is hardly run", COLD % "1", COLD % "2", dict(work=DIFFERENT, fail=SAME)),
    before_after("initial value of a static", LOCAL_STATIC % "3", LOCAL_STATIC % "4",
                 dict(work=DIFFERENT)),
    before_after("in an inlined function", PARSE % "", (PARSE % "").replace("* 10", "* 16"),
                 dict(work=DIFFERENT)),
    before_after("inlining forbidden", PARSE % "",
                 (PARSE % "").replace("static long number", "NOINLINE static long number"),
                 dict(work=DIFFERENT)),
    before_after("template and virtual untouched", {"a.cpp": CPP % ("2", "1")},
                 {"a.cpp": "// new\n" + CPP % ("2", "1")},
                 {"_Z3askRK5Shapel": SAME, "_Z5boxedl": SAME, "_ZNK3BoxIlE3sumEv": SAME,
                  "_ZNK6Square4areaEl": SAME}),
    before_after("in a template", {"a.cpp": CPP % ("2", "1")}, {"a.cpp": CPP % ("3", "1")},
                 {"_Z3askRK5Shapel": EITHER, "_Z5boxedl": CALLEE, "_ZNK3BoxIlE3sumEv": DIFFERENT,
                  "_ZNK6Square4areaEl": SAME}),
    before_after("in a virtual function", {"a.cpp": CPP % ("2", "1")}, {"a.cpp": CPP % ("2", "4")},
                 {"_Z3askRK5Shapel": CALLEE, "_ZNK3BoxIlE3sumEv": SAME,
                  "_ZNK6Square4areaEl": DIFFERENT}),
    before_after("one of three statics of a name", units(x=SHORT, y=SHORT, z=LONG),
                 units(x=SHORT, y=LONG, z=LONG), dict(step=DIFFERENT, run_x=SAME, run_y=CALLEE, run_z=SAME)),
    before_after("statics of a name change places", units(x=SHORT, y=LONG), units(x=LONG, y=SHORT),
                 dict(step=DIFFERENT, run_x=CALLEE)),
    before_after("statics of a name in other units", units(x=SHORT, y=LONG), units(a0=SHORT, x=LONG),
                 dict(step=DIFFERENT, run_x=CALLEE)),
    before_after("one more unit with the same static", units(x=SHORT, y=SHORT),
                 units(x=SHORT, y=SHORT, z=SHORT), dict(step=SAME, run_x=SAME)),
    before_after("statics of a name untouched", units(x=SHORT, y=LONG),
                 dict(units(x=SHORT, y=LONG), **{"b.c": "long more(long n) { return n * 9; }\n"}),
                 dict(step=SAME, run_x=SAME, work=SAME)),
    before_after("initial value of a thread-local variable", TLS_VALUE % ("1", "4", "one"),
                 TLS_VALUE % ("9", "4", "one"),
                 dict(work=DIFFERENT, entry=SAME, named=SAME, aside=SAME)),
    before_after("values of a thread-local table", TLS_VALUE % ("1", "4", "one"),
                 TLS_VALUE % ("1", "9", "one"),
                 dict(work=SAME, entry=DIFFERENT, named=SAME, aside=SAME, pointer=DIFFERENT)),
    before_after("a text that a thread-local variable points to", TLS_VALUE % ("1", "4", "one"),
                 TLS_VALUE % ("1", "4", "two"), dict(work=SAME, entry=SAME, named=DIFFERENT, aside=SAME)),
    before_after("thread-local variables untouched", TLS_VALUE % ("1", "4", "one"),
                 "NOINLINE long front(long n) { return puts(\"in front\") + n; }\n"
                 + TLS_VALUE % ("1", "4", "one"),
                 dict(work=SAME, entry=SAME, named=SAME, aside=SAME, pointer=SAME)),
    before_after("values of a library's table", library(IN_LIBRARY, "4"), library(IN_LIBRARY, "9"),
                 dict(work=CALLEE, behind=CALLEE, aside=SAME)),
    before_after("a library's table untouched", library(IN_LIBRARY, "4"),
                 library(IN_LIBRARY, "4", "long other = 5;"), dict(work=SAME, behind=SAME, aside=SAME)),
    before_after("initial value of a library's thread-local variable",
                 library(THREAD_IN_LIBRARY, "4", "__thread long budget = 100;"),
                 library(THREAD_IN_LIBRARY, "4", "__thread long budget = 900;"),
                 dict(work=CALLEE, aside=SAME)),
]

FLAGS = [["-O2", "-fPIE", "-pie"], ["-O2", "-g", "-fno-pie", "-no-pie"]]
MORE_FLAGS = [["-O2", "-g", "-fPIE", "-pie", "-fcf-protection"], ["-O1"], ["-O2", "-fno-pie", "-no-pie"],
              ["-O3", "-march=x86-64-v3"], ["-Os"]]
FLOOR = 0.9  # of the functions that are the same


class Corpus:
    def __init__(self, options):
        self.options = options
        self.wrong = []
        self.same = self.recognised = self.different = 0

    def build(self, folder, edit, side, compiler, flags):
        os.makedirs(folder)
        files = sorted(edit[side])
        for name in files:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(edit[side][name])
        if side == "after":
            flags = flags + edit.get("after_flags", [])
            if edit.get("reverse"):
                files.reverse()
        program = {"gcc": "g++", "clang": "clang++"}[compiler] if files[0].endswith(".cpp") else compiler
        if edit.get("absolute"):
            files = [os.path.join(folder, name) for name in files]
        libraries = []
        for name in [name for name in files if name.startswith("lib")]:
            files.remove(name)
            libraries.append(name.replace(".c", ".so"))
            subprocess.run([program, "-O2", "-fPIC", "-shared", "-w", "-o", libraries[-1], name], cwd=folder,
                           check=True)
        subprocess.run([program, *flags, "-w", "-o", "out", *files, *libraries, "-Wl,-rpath,$ORIGIN", "-lm"],
                       cwd=folder, check=True)
        return [os.path.join(folder, name) for name in ["out"] + libraries]

    def codes(self, paths):
        lines = subprocess.run(["nm", "--defined-only", paths[0]], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        symbols = [line.split() for line in lines]
        symbols = [s for s in symbols if len(s) == 3 and s[1] in "tTwW"]
        text = "".join("0 %s\n" % s[0] for s in symbols)
        answers = subprocess.run([self.options.dump, os.path.dirname(paths[0]), *paths], input=text, capture_output=True, text=True,
                                 check=True).stdout.split("\n")
        return {s[2]: a.split() for s, a in zip(symbols, answers)}

    def check(self, what, expected, before, after):
        zero = "0" * 16
        own = before[0] == after[0] and before[0] != zero
        deep = before[1] == after[1] and before[1] != zero
        if self.options.verbose:
            print("    %-60s own %-9s deep %s" % (what, own, deep))
        must_differ = (own and expected == DIFFERENT) or (deep and expected in (DIFFERENT, CALLEE))
        if must_differ:
            self.wrong.append("%s: called identical, but %s" % (what, expected))
        if expected in (DIFFERENT, CALLEE):
            self.different += 1
        if expected == SAME:
            self.same += 1
            self.recognised += own and deep
        if expected in (CALLEE, "deep only"):
            self.same += 1
            self.recognised += own if expected == CALLEE else deep
        if expected == SAME and not (own and deep) and self.options.verbose:
            print("      not recognised")

    def run(self, folder):
        count = 0
        for edit in EDITS:
            if self.options.only not in edit["name"]:
                continue
            for compiler in self.options.compilers:
                for flags in FLAGS + (MORE_FLAGS if self.options.all else []):
                    count += 1
                    place = os.path.join(folder, str(count))
                    sides = [self.codes(self.build(os.path.join(place, side), edit, side, compiler, flags))
                             for side in ("before", "after")]
                    for name, expected in edit["says"].items():
                        other = name
                        if isinstance(expected, tuple):
                            other, expected = expected
                        what = "%s, %s %s: %s" % (edit["name"], compiler, " ".join(flags), name)
                        if name not in sides[0] or other not in sides[1]:
                            if "--gc-sections" not in str(edit.get("after_flags")):
                                self.wrong.append("%s: not in the program" % what)
                            continue
                        self.check(what, expected, sides[0][name], sides[1][other])
                    shutil.rmtree(place)
        return count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dump", required=True)
    parser.add_argument("--all", action="store_true", help="more compiler flags")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--only", default="", metavar="TEXT", help="edits with this in their name")
    options = parser.parse_args()
    options.dump = os.path.abspath(options.dump)
    options.compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    corpus = Corpus(options)
    with tempfile.TemporaryDirectory() as folder:
        count = corpus.run(folder)
    share = corpus.recognised / corpus.same
    print("%d edits, %d builds: %d functions differ, %d called identical; %d are the same, %.1f %% recognised"
          % (len(EDITS), count, corpus.different, len(corpus.wrong), corpus.same, 100 * share))
    for line in corpus.wrong:
        print("wrong:", line)
    if share < FLOOR:
        print("wrong: fewer recognised than %.0f %%" % (100 * FLOOR))
    return 1 if corpus.wrong or share < FLOOR else 0


if __name__ == "__main__":
    sys.exit(main())
