/*
 * Log-linear histogram, 4 buckets per power of two: value v falls into bucket
 * (k - 2) * 4 + (the two bits below the top bit), with k = index of the top bit; values below 4
 * count as 4 (max(v, 4), not v | 4, which would move 8 above 10). A bucket is at most 25 % wide;
 * percentiles carry that error and are printed so. The layout is the one of the target side
 * (profiler/format.h), so that merging is addition.
 */
#ifndef XSG_BASE_HIST_H
#define XSG_BASE_HIST_H

#include <stddef.h>
#include <stdint.h>

#define XSG_HIST_BUCKETS 248

struct xsg_hist {
    uint64_t count[XSG_HIST_BUCKETS];
    uint64_t total;
    uint64_t min, max; /* min is UINT64_MAX while total is 0 */
};

void xsg_hist_init(struct xsg_hist *hist);
size_t xsg_hist_bucket(uint64_t value);
uint64_t xsg_hist_bucket_low(size_t bucket);  /* the smallest value of the bucket */
uint64_t xsg_hist_bucket_high(size_t bucket); /* the largest value of the bucket */
void xsg_hist_add(struct xsg_hist *hist, uint64_t value, uint64_t n);
void xsg_hist_merge(struct xsg_hist *into, const struct xsg_hist *from);
/* Value at percentile p in [0, 100]: middle of the bucket, clamped to [min, max]; NaN when empty.
 */
double xsg_hist_percentile(const struct xsg_hist *hist, double p);

#endif
