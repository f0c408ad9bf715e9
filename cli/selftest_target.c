/*
 * The bundled target: about 100 ms of work in functions of known share, large (30 %), middle (5 %),
 * small (1 %) and others. A file says how much more of its work the planted one does: both sides
 * are the same machine code, and a slowdown is planted by data.
 */
#include "cli/selftest.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))
/* Steps that a function of 1 % takes in one call. */
#define SCALE 900.0

enum { TABLE = 1 << 13, CALLS = 100 };

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

#define FUNCTION(name, share, salt)                                                                \
    NOINLINE static uint64_t name(uint64_t x, double factor)                                       \
    {                                                                                              \
        XSG_FUNC();                                                                                \
        for (long i = lround(SCALE * (share)*factor); i > 0; i--)                                  \
            x = step(x, salt);                                                                     \
        return x;                                                                                  \
    }

FUNCTION(large, 30, 11)
FUNCTION(middle, 5, 13)
FUNCTION(small, 1, 17)
FUNCTION(parse, 24, 19)
FUNCTION(sort, 18, 23)
FUNCTION(hash, 14, 29)
FUNCTION(print, 8, 31)

static int read_factor(const char *file, double *factor)
{
    FILE *in = fopen(file, "r");
    int n = in ? fscanf(in, "%lf", factor) : 0;

    if (in)
        fclose(in);
    return n == 1 && *factor >= 1 && *factor <= 1000 ? 0 : -1;
}

int xsg_selftest_target(const char *file)
{
    uint64_t x = 1;
    double factor;

    if (read_factor(file, &factor) != 0) {
        fprintf(stderr, "xsgate: no factor from 1 to 1000 in '%s'\n", file);
        return XSG_EXIT_USAGE;
    }
    for (int i = 0; i < CALLS; i++) {
        x = small(middle(large(x, factor), 1), 1);
        x = print(hash(sort(parse(x, 1), 1), 1), 1);
    }
    printf("%016" PRIx64 "\n", x);
    return XSG_EXIT_PASSED;
}
