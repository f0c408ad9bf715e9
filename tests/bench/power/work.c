/*
 * About 50 ms of work in functions of known share, to plant slowdowns in: large (30 %), middle (5
 * %), small (1 %) and others. planted.h, which the harness writes, makes one of them do more of the
 * same work; SALT changes every function's machine code without changing what it costs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xsgate/profile.h>

#include "planted.h"

#define NOINLINE __attribute__((noinline))
#define STEPS(share, factor) ((long)((double)SCALE * (share) * (factor)))

enum { SCALE = 450, TABLE = 1 << 13, CALLS = 100 };

static uint64_t table[TABLE];
static uint64_t state = 88172645463325252u;

static inline uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Dependent loads, data-dependent branches and arithmetic: a bit of everything. */
static inline uint64_t step(uint64_t x, uint64_t salt)
{
    x ^= table[(x >> 20) & (TABLE - 1)];
    if (x & 4)
        x = x * 0x9e3779b97f4a7c15u + salt;
    else
        x ^= x >> 23;
    table[x & (TABLE - 1)] += x;
    return x + next();
}

#define FUNCTION(name, share, factor, salt)                                                        \
    NOINLINE static uint64_t name(uint64_t x)                                                      \
    {                                                                                              \
        XSG_FUNC();                                                                                \
        for (long i = STEPS(share, factor); i > 0; i--)                                            \
            x = step(x, (salt) + SALT);                                                            \
        return x;                                                                                  \
    }

FUNCTION(large, 30, SLOW_LARGE, 11)
FUNCTION(middle, 5, SLOW_MIDDLE, 13)
FUNCTION(small, 1, SLOW_SMALL, 17)
FUNCTION(parse, 24, 1, 19)
FUNCTION(sort, 18, 1, 23)
FUNCTION(hash, 14, 1, 29)
FUNCTION(print, 8, 1, 31)

uint64_t work(void)
{
    uint64_t x = 1;

    for (int i = 0; i < CALLS; i++)
        x = print(hash(sort(parse(small(middle(large(x)))))));
    return x;
}

#ifndef NO_MAIN
int main(void)
{
    printf("%016llx\n", (unsigned long long)work());
    return 0;
}
#endif
