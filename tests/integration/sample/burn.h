/* What the sampled programs share. */
#ifndef BURN_H
#define BURN_H

#include <stdint.h>
#include <time.h>

static volatile uint64_t burn_sink;

static inline double burn_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Uses this many seconds of the calling thread's CPU time. */
static inline void burn(double seconds)
{
    double end = burn_clock(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (burn_clock(CLOCK_THREAD_CPUTIME_ID) < end)
        for (int i = 0; i < 20000; i++)
            burn_sink = burn_sink * 31 + (uint64_t)i;
}

#endif
