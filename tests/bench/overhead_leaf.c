#include "overhead_leaf.h"

#include <xsgate/profile.h>

#define BODY(x) __asm__ __volatile__("" ::"r"(x))

__attribute__((noinline)) void leaf_bare(unsigned long x)
{
    BODY(x);
}

__attribute__((noinline)) void leaf_floor(unsigned long x)
{
    unsigned long from = xsg__ticks(), to;

    BODY(x);
    to = xsg__ticks();
    BODY(to - from);
}

__attribute__((noinline)) void leaf_timed(unsigned long x)
{
    XSG_SCOPE_TIMED("timed");
    BODY(x);
}

__attribute__((noinline)) void leaf_scope(unsigned long x)
{
    XSG_SCOPE("scope");
    BODY(x);
}
