# shellcheck shell=bash
# Sourced by cases: the repository r on branch main, with one commit and a target "spin" whose one
# scope is entered as often as its first argument says; it ends with the second as its status.
INC=$(cd "$CASES/../../include" && pwd)
export INC
git init -q -b main r && cd r || exit
printf 'work\nlog\nout*\n' >.gitignore
cat >work.c <<'C'
#include <stdlib.h>
#include <xsgate/profile.h>
enum { TIMES = 1 };
static unsigned spin(unsigned n)
{
    XSG_SCOPE("spin");
    unsigned x = 1;
    for (unsigned i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}
int main(int argc, char **argv)
{
    unsigned x = 0;
    for (int i = 0; argc > 1 && i < atoi(argv[1]); i++)
        x += spin(500000 * TIMES);
    return x == 42 ? 1 : argc > 2 ? atoi(argv[2]) : 0;
}
C
cat >xsgate.yml <<'Y'
build: echo built >> log; cc -O2 -g -I"$INC" -o work work.c
threshold: 50%
relink: off
targets:
  - name: spin
    command: ./work 10
    profile: [scopes]
Y
git add . && git commit -qm one
