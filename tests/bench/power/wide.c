/*
 * 200 functions for what error control over many of them is worth: about 100 ms of the same work,
 * in shares that fall from 5 % to 0.25 %. SALT, of planted.h, changes the machine code of each.
 */
#include <stdint.h>
#include <stdio.h>

#include <xsgate/profile.h>

#include "planted.h"

enum { TABLE = 1 << 12, CALLS = 40, STEPS = 240000 };

static uint64_t table[TABLE];

static inline uint64_t step(uint64_t x, uint64_t salt)
{
    x ^= table[(x >> 20) & (TABLE - 1)];
    if (x & 4)
        x = x * 0x9e3779b97f4a7c15u + salt;
    else
        x ^= x >> 23;
    table[x & (TABLE - 1)] += x;
    return x;
}

#define FUNCTION(n)                                                                                \
    __attribute__((noinline)) static uint64_t f##n(uint64_t x)                                     \
    {                                                                                              \
        XSG_FUNC();                                                                                \
        for (long i = STEPS / (20 + 1##n - 1000); i > 0; i--)                                      \
            x = step(x, 1##n + SALT);                                                              \
        return x;                                                                                  \
    }
#define CALL(n) x = f##n(x);

/* clang-format off */
#define TEN(_, n)                                                                                  \
    _(n##0) _(n##1) _(n##2) _(n##3) _(n##4) _(n##5) _(n##6) _(n##7) _(n##8) _(n##9)
#define HUNDRED(_, n)                                                                              \
    TEN(_, n##0) TEN(_, n##1) TEN(_, n##2) TEN(_, n##3) TEN(_, n##4)                               \
    TEN(_, n##5) TEN(_, n##6) TEN(_, n##7) TEN(_, n##8) TEN(_, n##9)
/* clang-format on */
#define ALL(_) HUNDRED(_, 0) HUNDRED(_, 1)

ALL(FUNCTION)

int main(void)
{
    uint64_t x = 1;

    for (int i = 0; i < CALLS; i++) {
        ALL(CALL)
    }
    printf("%016llx\n", (unsigned long long)x);
    return 0;
}
