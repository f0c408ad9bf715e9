#!/bin/sh
# symbol_seeds.sh FOLDER: makes the inputs of corpus/symbol again. On x86-64, with gcc.
set -eu
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cd "$work"

cat >src/a.c <<'SOURCE'
static inline __attribute__((always_inline)) int twice(int n) { return n * 2; }
static inline __attribute__((always_inline)) int four(int n)
{
    return twice(n)
        + twice(n + 1);
}
__attribute__((noinline)) int sum(const int *p, int n)
{
    int all = 0;
    while (n--)
        all += four(p[n]);
    return all;
}
int _start(int n) { return sum(&n, n); }
SOURCE
cat >src/b.cpp <<'SOURCE'
namespace geo { template <class T> struct grid { __attribute__((noinline)) T at(int n) { return T(n) / 3; } }; }
extern "C" int _start(int n) { geo::grid<double> g; return (int)g.at(n); }
SOURCE

link() { # NAME SOURCE FLAGS...: without start files, as small as they get
    name=$1 source=$2
    shift 2
    gcc -O2 -nostdlib -ffile-prefix-map="$work=/made" -fcf-protection=none -Wl,-z,noseparate-code,-z,max-page-size=16 \
        -Wl,-Ttext-segment=0 -Wno-builtin-declaration-mismatch -o "$out/$name" "src/$source" "$@"
}
link inlined a.c -g -pie -fPIE
link dwarf4 a.c -gdwarf-4 -pie -fPIE
link compressed a.c -g -gz -pie -fPIE
link lines a.c -g1 -shared -fPIC
link symbols a.c -shared -fPIC
link stripped a.c -s -pie -fPIE
link template b.cpp -g -pie -fPIE
chmod -x "$out"/*
