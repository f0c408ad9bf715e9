/* depth N: recursion, then work at the bottom. depth overflow: without end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burn.h"

static long limit;

int down(int n), bottom(int n);

__attribute__((noinline)) int bottom(int n)
{
    burn(0.5);
    return n;
}

__attribute__((noinline)) int down(int n)
{
    volatile char room[32];
    room[n % 32] = 1;
    if (n >= limit)
        return bottom(n) + room[0];
    return down(n + 1) + room[n % 32];
}

int main(int argc, char **argv)
{
    limit = argc > 1 && strcmp(argv[1], "overflow") == 0 ? 1L << 40 : atol(argv[1]);
    return down(0) == -1;
}
