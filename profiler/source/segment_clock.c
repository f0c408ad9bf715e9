/*
 * Ticks -> ns. All processes of a machine share the counter and CLOCK_MONOTONIC, so the pair that
 * is the furthest from the first, of whatever process, gives the best rate. A pair is good to some
 * 100 ns: over 10 ms that is 10 ppm.
 */
#include <math.h>
#include <time.h>

#include "profiler/source/segment.h"

enum { MIN_BASE_NS = 1000000, GOOD_BASE_NS = 10000000 };

/* Counters between 1 MHz and 10 GHz; anything else is damage. */
static double rate_between(const struct xsg_seg_clock_pair *a, const struct xsg_seg_clock_pair *b,
                           uint64_t min_base)
{
    if (b->mono_ns <= a->mono_ns || b->ticks <= a->ticks || b->mono_ns - a->mono_ns < min_base)
        return 0;
    double rate = (double)(b->mono_ns - a->mono_ns) / (double)(b->ticks - a->ticks);
    return rate >= 0.1 && rate <= 1000 ? rate : 0;
}

static void add_pair(struct xsg_segment_clocks *clocks, const struct xsg_seg_clock_pair *pair)
{
    if (clocks->n == 0 || pair->mono_ns < clocks->first.mono_ns)
        clocks->first = *pair;
    if (clocks->n == 0 || pair->mono_ns > clocks->last.mono_ns)
        clocks->last = *pair;
    clocks->n++;
}

void xsg__clocks_add(struct xsg_segment_clocks *clocks, const struct xsg_seg_header *header)
{
    if (header->clock != XSG_SEG_CLOCK_TSC)
        return;
    add_pair(clocks, &header->start);
    add_pair(clocks, &header->last);
}

double xsg__clocks_rate(const struct xsg_segment_clocks *clocks)
{
    return rate_between(&clocks->first, &clocks->last, MIN_BASE_NS);
}

double xsg__clocks_own_rate(const struct xsg_seg_header *header)
{
    return rate_between(&header->start, &header->last, GOOD_BASE_NS);
}

#if defined(__x86_64__) || defined(__aarch64__)
static uint64_t host_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    uint64_t ticks;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
#endif
}

static struct xsg_seg_clock_pair host_pair(void)
{
    struct xsg_seg_clock_pair best = {0, 0};
    uint64_t width = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        struct timespec now;
        uint64_t before = host_ticks();
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t after = host_ticks();
        if (after - before < width) {
            width = after - before;
            best.ticks = before + width / 2;
            best.mono_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        }
    }
    return best;
}

double xsg__clocks_host_rate(const struct xsg_segment_clocks *clocks)
{
    const struct timespec wait = {.tv_nsec = GOOD_BASE_NS};
    struct xsg_seg_clock_pair before = host_pair();
    clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
    struct xsg_seg_clock_pair after = host_pair();
    double rate = rate_between(&before, &after, MIN_BASE_NS);
    double longer = rate_between(&clocks->first, &after, GOOD_BASE_NS);
    /* Another boot's or machine's pair would give another rate, or none. */
    return rate > 0 && longer > 0 && fabs(longer / rate - 1) < 1e-4 ? longer : rate;
}
#else
double xsg__clocks_host_rate(const struct xsg_segment_clocks *clocks)
{
    (void)clocks;
    return 0;
}
#endif
