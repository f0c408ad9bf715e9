#include "base/hist.h"

#include <math.h>

void xsg_hist_init(struct xsg_hist *hist)
{
    *hist = (struct xsg_hist){.min = UINT64_MAX};
}

size_t xsg_hist_bucket(uint64_t value)
{
    if (value < 4)
        value = 4;
    unsigned top = 63 - (unsigned)__builtin_clzll(value);
    return (top - 2) * 4 + ((value >> (top - 2)) & 3);
}

uint64_t xsg_hist_bucket_low(size_t bucket)
{
    return bucket == 0 ? 0 : (uint64_t)(4 + bucket % 4) << (bucket / 4);
}

uint64_t xsg_hist_bucket_high(size_t bucket)
{
    return ((uint64_t)(4 + bucket % 4) << (bucket / 4)) + (((uint64_t)1 << (bucket / 4)) - 1);
}

void xsg_hist_add(struct xsg_hist *hist, uint64_t value, uint64_t n)
{
    if (n == 0)
        return;
    hist->count[xsg_hist_bucket(value)] += n;
    hist->total += n;
    if (value < hist->min)
        hist->min = value;
    if (value > hist->max)
        hist->max = value;
}

void xsg_hist_merge(struct xsg_hist *into, const struct xsg_hist *from)
{
    for (size_t i = 0; i < XSG_HIST_BUCKETS; i++)
        into->count[i] += from->count[i];
    into->total += from->total;
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

double xsg_hist_percentile(const struct xsg_hist *hist, double p)
{
    if (hist->total == 0 || isnan(p))
        return NAN;
    /* The smallest value that at least p percent of all are not above. */
    double rank = ceil(p / 100 * (double)hist->total);
    uint64_t seen = 0;
    size_t bucket = 0;
    for (; bucket < XSG_HIST_BUCKETS - 1; bucket++) {
        seen += hist->count[bucket];
        if (seen > 0 && (double)seen >= rank)
            break;
    }
    double middle =
        ((double)xsg_hist_bucket_low(bucket) + (double)xsg_hist_bucket_high(bucket)) / 2;
    return fmin(fmax(middle, (double)hist->min), (double)hist->max);
}
