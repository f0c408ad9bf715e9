/*
 * Time in which a thread was ready to run while its CPU ran something else. On a shared machine
 * that is most of the noise, and it is no function's doing: it is taken off. Waiting is not: a
 * thread that gives the CPU up (a voluntary context switch) takes that time.
 *
 * Once in a while the end of a timed call compares elapsed time with the thread's CPU time. What
 * elapsed more, without a voluntary switch, was taken from the thread some time since the last
 * look; these spans are kept, and a call that overlaps one has its part of it taken off, in
 * proportion. Looks are frequent (EVERY_NS), so that a span is hardly longer than what was taken in
 * it.
 *
 * Under the guard. Nothing here blocks; the two clocks and the counter are system calls.
 */
#include <sys/resource.h>
#include <time.h>

#include "profiler/runtime/runtime.h"

enum {
    EVERY_NS = 200000,   /* between looks: half a microsecond of 200 */
    LEAST_NS = 20000,    /* less is the clocks' own difference, and interrupts */
    RESOLUTION = 1 << 20 /* of a proportion */
};

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t voluntary_switches(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nvcsw : 0;
}

/* Ticks that EVERY_NS are, by the two clocks since the process's start; 0: too early to say. */
static uint64_t ticks_between_looks(const struct xsg__look *look)
{
    const struct xsg_seg_clock_pair *start = &xsg__process.header->start;
    uint64_t ticks = look->ticks - start->ticks, ns = look->mono_ns - start->mono_ns;

    if (look->mono_ns <= start->mono_ns || look->ticks <= start->ticks || ns < EVERY_NS / 2)
        return 0;
    /* in units of 1024 ns: no overflow before some 200 days */
    return ns >> 10 ? ticks / (ns >> 10) * (EVERY_NS >> 10) : 0;
}

static struct xsg__look look_now(void)
{
    return (struct xsg__look){
        .mono_ns = xsg__mono_ns(), .cpu_ns = thread_cpu_ns(), .ticks = xsg__now()};
}

static void wait_for_next(struct xsg__preempted *p)
{
    uint64_t ticks = ticks_between_looks(&p->last);

    p->check_at = p->last.ticks + (ticks ? ticks : 1);
}

void xsg__preempted_start(struct xsg__block *block)
{
    struct xsg__preempted *p = &block->preempted;

    p->n = 0;
    p->latest = 0;
    p->check_at = UINT64_MAX;
    if (!xsg__process.header)
        return;
    p->last = look_now();
    p->last.switches = voluntary_switches();
    if (p->last.cpu_ns)
        wait_for_next(p);
}

/* No room: the older half keeps half as many spans, each of two. What began that long ago is long,
 * and a span is small beside it. */
static void merge_older(struct xsg__preempted *p)
{
    uint32_t half = p->n / 2, to = 0;

    for (uint32_t i = 0; i < p->n; i++) {
        if (i < half && i % 2) {
            p->span[to - 1].to = p->span[i].to;
            p->span[to - 1].taken += p->span[i].taken;
        } else {
            p->span[to++] = p->span[i];
        }
    }
    p->n = to;
}

static void keep(struct xsg__preempted *p, uint64_t from, uint64_t to, uint64_t taken)
{
    if (p->n == XSG__SPANS)
        merge_older(p);
    p->span[p->n++] = (struct xsg__span){from, to, taken < to - from ? taken : to - from};
    p->latest = to;
}

void xsg__preempted_look(struct xsg__block *block)
{
    struct xsg__preempted *p = &block->preempted;
    struct xsg__look now = look_now();
    uint64_t elapsed = now.mono_ns - p->last.mono_ns, cpu = now.cpu_ns - p->last.cpu_ns;

    now.switches = p->last.switches;
    if (now.mono_ns > p->last.mono_ns && now.cpu_ns >= p->last.cpu_ns &&
        now.ticks > p->last.ticks && elapsed > cpu + LEAST_NS) {
        now.switches = voluntary_switches();
        if (now.switches == p->last.switches) {
            uint64_t part = (elapsed - cpu) * (RESOLUTION >> 4) / (elapsed >> 4 ? elapsed >> 4 : 1);
            uint64_t span = now.ticks - p->last.ticks;

            keep(p, p->last.ticks, now.ticks,
                 span / RESOLUTION * part + span % RESOLUTION * part / RESOLUTION);
        }
    }
    p->last = now;
    wait_for_next(p);
}

/*
 * What a call that began within a span, or before, has of it. What was taken is mostly one piece (a
 * neighbour's time slice): it lies where there is room for it; when neither side has, it fills the
 * larger one; when both have, each gets its proportion.
 */
static uint64_t part_of(const struct xsg__span *span, uint64_t start)
{
    uint64_t before = start > span->from ? start - span->from : 0;
    uint64_t after = span->to - span->from - before;

    if (before < span->taken && after >= before)
        return after < span->taken ? after : span->taken;
    if (after < span->taken)
        return before < span->taken ? span->taken - before : 0;
    return (uint64_t)((double)span->taken * ((double)after / (double)(before + after)));
}

uint64_t xsg__preempted_between(const struct xsg__block *block, uint64_t start, uint64_t end)
{
    const struct xsg__preempted *p = &block->preempted;
    uint64_t taken = 0;

    for (uint32_t i = p->n; i-- > 0 && p->span[i].to > start;)
        taken += part_of(&p->span[i], start);
    return taken < end - start ? taken : end - start;
}
