/*
 * Ticks -> own times, with what measuring itself took removed.
 *
 * A timed call's duration holds cost_inner of its own and all of the cost of the calls below it:
 *
 *     inclusive = raw - calls x cost_inner - cost of all calls below
 *     own       = inclusive - inclusive of the children
 *
 * where a timed call costs cost_timed in all and a counted one cost_counted. In a hot node calls
 * longer than a limit are not multiplied (XSG_SEG_LONG_CALL): children that take longer per call
 * than that are in none of the multiplied ones, and are added with their own time. raw is the
 * duration of all calls: ticks when each is timed; else the first call, which is cold and would
 * distort the mean, plus the mean of the others for each of the others. Its variance is that of a
 * total under simple random sampling without replacement, calls (calls - m) s^2 / m for m measured
 * calls (Cochran, Sampling Techniques, 3rd ed., eq. 2.20), with s^2 from the histogram.
 */
#include <math.h>
#include <string.h>

#include "base/hist.h"
#include "profiler/source/segment.h"

enum {
    SELDOM = 64
}; /* calls that a timed call of a hot node stands for, where nothing says more */

struct cost { /* ticks */
    double timed, inner, counted;
    double limit; /* of a call that a hot node multiplies */
};

static struct cost cost_of(const struct xsg_seg_header *h, enum xsg_segment_what what)
{
    /* More than a million ticks for one scope is no measurement. */
    const uint64_t most = 1000000;
    bool function = what == XSG_SEGMENT_FUNCTION && h->function_timed > 0;
    uint64_t timed = function ? h->function_timed : h->cost_timed;
    uint64_t inner = function ? h->function_inner : h->cost_inner;
    uint64_t counted = function ? h->function_counted : h->cost_counted;
    if (timed > most || inner > timed || counted / 256 > most || h->clock == XSG_SEG_CLOCK_NS)
        return (struct cost){0, 0, 0, INFINITY};
    double limit = (double)h->cost_timed * XSG_SEG_LONG_CALL;
    if (h->cost_timed == 0)
        limit = INFINITY;
    return (struct cost){.timed = (double)timed,
                         .inner = (double)inner,
                         .counted = (double)counted / 256,
                         .limit = limit};
}

double xsg__segment_inner(const struct xsg_segment *segment, enum xsg_segment_what what)
{
    return cost_of(&segment->header, what).inner;
}

static enum xsg_segment_what what_is(const struct xsg_segment *s, uint32_t i,
                                     const struct xsg_seg_node *node)
{
    struct xsg_seg_site site;
    if (i == XSG_SEG_NODE_ROOT)
        return XSG_SEGMENT_ROOT;
    if (i == XSG_SEG_NODE_OVERFLOW)
        return XSG_SEGMENT_OVERFLOW;
    if (node->parent >= i)
        return XSG_SEGMENT_BAD;
    switch (XSG_SEG_KEY_KIND(node->key)) {
    case XSG_SEG_KEY_SITE:
        if (!xsg__segment_site(s, XSG_SEG_KEY_VALUE(node->key), &site))
            return XSG_SEGMENT_BAD;
        if (site.kind == XSG_SEG_SITE_SCOPE || site.kind == XSG_SEG_SITE_BENCH)
            return XSG_SEGMENT_SCOPE;
        if (site.kind == XSG_SEG_SITE_COUNTER || site.kind == XSG_SEG_SITE_ATTR)
            return XSG_SEGMENT_VALUE;
        return XSG_SEGMENT_BAD;
    case XSG_SEG_KEY_FUNCTION:
        return XSG_SEGMENT_FUNCTION;
    case XSG_SEG_KEY_RETURN:
    case XSG_SEG_KEY_LEAF:
    case XSG_SEG_KEY_TRUNCATED:
        return XSG_SEGMENT_FRAME;
    default:
        return XSG_SEGMENT_BAD;
    }
}

static double period_of(const struct xsg_seg_hist *hist)
{
    return hist && hist->period > 0 && hist->period <= SELDOM ? (double)hist->period : SELDOM;
}

/* How many calls had their clock read. */
static double measured_calls(const struct xsg_seg_node *node, const struct xsg_seg_hist *hist)
{
    double weight = fmin((double)node->timed, (double)node->calls);
    if (node->next == 0)
        return weight;
    return fmin(weight, hist ? (double)hist->n : (double)node->timed / SELDOM);
}

/* The duration of all calls together, as the clock saw it. timed is not 0. */
static double raw_inclusive(const struct xsg_seg_node *node, const struct xsg_seg_hist *hist)
{
    double calls = (double)node->calls, timed = (double)node->timed, ticks = (double)node->ticks;
    if (node->calls == node->timed)
        return ticks;
    if (hist && hist->first > 0 && hist->first <= node->ticks && node->timed > 1 && node->calls > 1)
        return (double)hist->first +
               (calls - 1) * ((double)(node->ticks - hist->first) / (timed - 1));
    return ticks * (calls / timed);
}

/* Variance of one call's duration; the cold first one is not among them, nor are the long ones,
 * which stand for themselves. */
static double call_variance(const struct xsg_seg_hist *hist, double limit)
{
    size_t cold = hist->first > 0 ? xsg_hist_bucket(hist->first) : XSG_SEG_BUCKETS;
    double n = 0, mean = 0, squares = 0;
    for (size_t i = 0; i < XSG_SEG_BUCKETS; i++) {
        double weight = hist->bucket[i];
        if (i == cold && weight > 0)
            weight--;
        if (weight <= 0 || (double)xsg_hist_bucket_low(i) > limit)
            continue;
        double middle = ((double)xsg_hist_bucket_low(i) + (double)xsg_hist_bucket_high(i)) / 2;
        double step = middle - mean;
        n += weight;
        mean += step * weight / n; /* West 1979: no cancellation */
        squares += weight * step * (middle - mean);
    }
    return n > 1 ? squares / (n - 1) : 0;
}

static double inclusive_variance(const struct xsg_seg_node *node, const struct xsg_seg_hist *hist,
                                 double measured, double limit)
{
    double calls = (double)node->calls;
    if (!hist || node->next == 0 || measured < 2 || calls <= measured)
        return 0;
    return calls * (calls - measured) * call_variance(hist, limit) / measured;
}

struct below { /* sums over the children of a node */
    double inclusive, cost, variance;
    double in_long; /* inclusive of those whose calls are long */
};

static void time_node(struct xsg_segment_time *time, const struct xsg_segment_thread *thread,
                      const struct xsg_seg_node *node, struct cost cost, struct below *below,
                      struct below *above)
{
    struct xsg_seg_hist hist;
    bool has_hist = xsg__segment_hist(thread, node, &hist);
    double calls = (double)node->calls, inclusive = below->inclusive;
    double measured = measured_calls(node, has_hist ? &hist : NULL), variance = 0;
    if (node->timed > 0) {
        double raw = raw_inclusive(node, has_hist ? &hist : NULL);
        if (node->next != 0) /* only one in a period of them was measured */
            raw += below->in_long * (1 - 1.0 / period_of(has_hist ? &hist : NULL));
        inclusive = fmax(raw - calls * cost.inner - below->cost, 0);
        variance = inclusive_variance(node, has_hist ? &hist : NULL, measured, cost.limit);
        time->self = inclusive - below->inclusive;
        time->variance = variance + below->variance;
    } else {
        time->open = node->calls > 0; /* it lasted at least as long as what it called */
        variance = below->variance;
    }
    above->inclusive += inclusive;
    above->variance += variance;
    if (inclusive > cost.limit * calls)
        above->in_long += inclusive;
    above->cost += below->cost + measured * cost.timed + (calls - measured) * cost.counted;
}

struct xsg_segment_time *xsg__segment_times(const struct xsg_segment *s,
                                            const struct xsg_segment_thread *thread,
                                            struct xsg_arena *arena)
{
    struct xsg_segment_time *times = XSG_NEW_ARRAY(arena, struct xsg_segment_time, thread->n_nodes);
    struct below *below = XSG_NEW_ARRAY(arena, struct below, thread->n_nodes);
    const struct cost scope = cost_of(&s->header, XSG_SEGMENT_SCOPE);
    const struct cost function = cost_of(&s->header, XSG_SEGMENT_FUNCTION);
    for (uint32_t i = thread->n_nodes; i-- > 0;) {
        struct xsg_seg_node node;
        struct xsg_segment_time *time = &times[i];
        xsg__segment_node(thread, i, &node);
        time->what = what_is(s, i, &node);
        time->parent = i >= 2 && time->what != XSG_SEGMENT_BAD ? node.parent : 0;
        if (time->what == XSG_SEGMENT_SCOPE)
            time_node(time, thread, &node, scope, &below[i], &below[time->parent]);
        else if (time->what == XSG_SEGMENT_FUNCTION)
            time_node(time, thread, &node, function, &below[i], &below[time->parent]);
        else if (time->what == XSG_SEGMENT_FRAME)
            time->self = (double)node.ticks;
    }
    return times;
}
