/* What a program does in its first milliseconds, and the rest of it. Prints the CPU time (ns) of
 * both. */
#include <stdio.h>

#include "burn.h"

__attribute__((noinline)) static void early(void)
{
    burn(3e-3);
    burn_sink++;
}

__attribute__((noinline)) static void rest(void)
{
    burn(20e-3);
    burn_sink++;
}

int main(void)
{
    double start = burn_clock(CLOCK_THREAD_CPUTIME_ID), middle;
    early();
    middle = burn_clock(CLOCK_THREAD_CPUTIME_ID);
    rest();
    printf("%.0f %.0f\n", 1e9 * (middle - start),
           1e9 * (burn_clock(CLOCK_THREAD_CPUTIME_ID) - middle));
    return 0;
}
