/* Samples: location, spread, trimmed means, adjusted p-values. Distributions: stats_dist.c. */
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* By insertion where there are few, as nearly always: a store's thousand series of ten rounds. */
static void sort(double *x, size_t n)
{
    if (n > 48) {
        qsort(x, n, sizeof *x, ascending);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        double value = x[i];
        size_t k = i;
        for (; k > 0 && x[k - 1] > value; k--)
            x[k] = x[k - 1];
        x[k] = value;
    }
}

/* A sorted copy in the arena. */
static double *sorted_copy(struct xsg_arena *arena, const double *x, size_t n)
{
    double *sorted = XSG_NEW_ARRAY(arena, double, n);
    memcpy(sorted, x, n * sizeof *x);
    sort(sorted, n);
    return sorted;
}

static double quantile_of_sorted(const double *sorted, size_t n, double p)
{
    double h = (double)(n - 1) * p;
    size_t i = (size_t)floor(h);
    if (i + 1 >= n)
        return sorted[n - 1];
    double fraction = h - (double)i;
    return fraction == 0 ? sorted[i] : sorted[i] + fraction * (sorted[i + 1] - sorted[i]);
}

double xsg_mean(const double *x, size_t n)
{
    if (n == 0)
        return NAN;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    /* A second pass takes back what rounding lost in the first. */
    double rest = 0;
    for (size_t i = 0; i < n; i++)
        rest += x[i] - mean;
    return isfinite(mean) ? mean + rest / (double)n : mean;
}

double xsg_quantile(const double *x, size_t n, double p)
{
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    struct xsg_arena arena = XSG_ARENA_INIT;
    double result = quantile_of_sorted(sorted_copy(&arena, x, n), n, p);
    xsg_arena_release(&arena);
    return result;
}

double xsg_median(const double *x, size_t n)
{
    return xsg_quantile(x, n, 0.5);
}

static double sum_of_squares(const double *x, size_t n)
{
    double mean = xsg_mean(x, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum;
}

double xsg_stddev(const double *x, size_t n)
{
    return n < 2 ? (double)NAN : sqrt(sum_of_squares(x, n) / (double)(n - 1));
}

double xsg_mad(const double *x, size_t n)
{
    if (n == 0)
        return NAN;
    struct xsg_arena arena = XSG_ARENA_INIT;
    double median = xsg_median(x, n);
    double *deviation = XSG_NEW_ARRAY(&arena, double, n);
    for (size_t i = 0; i < n; i++)
        deviation[i] = fabs(x[i] - median);
    double result = 1.4826 * xsg_median(deviation, n); /* = the standard deviation of a normal */
    xsg_arena_release(&arena);
    return result;
}

/* What both trimmed-mean estimates are made of. */
struct trimmed {
    double mean;    /* of the h values that stay */
    double squares; /* winsorised sum of squared deviations, (n - 1) s_w^2 */
    double h;
};

static struct trimmed trim_sample(const double *x, size_t n, double trim)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    double *sorted = sorted_copy(&arena, x, n);
    /* Rounding must not cost a value: 0.2 * 15 is 3, not 2.999... At least one value stays. */
    size_t g = (size_t)floor(trim * (double)n + 1e-9);
    if (2 * g >= n)
        g = (n - 1) / 2;
    struct trimmed t = {.mean = xsg_mean(sorted + g, n - 2 * g), .h = (double)(n - 2 * g)};
    for (size_t i = 0; i < g; i++) {
        sorted[i] = sorted[g];
        sorted[n - 1 - i] = sorted[n - 1 - g];
    }
    t.squares = sum_of_squares(sorted, n);
    xsg_arena_release(&arena);
    return t;
}

struct xsg_estimate xsg_trimmed_mean(const double *x, size_t n, double trim)
{
    struct xsg_estimate e = {.location = NAN, .se = NAN, .df = NAN, .n = n};
    if (n == 0)
        return e;
    struct trimmed t = trim_sample(x, n, trim);
    e.location = t.mean;
    if (n < 2 || t.h < 2)
        return e;
    /* Yuen 1974: the winsorised sum of squares over h (h - 1). */
    e.se = sqrt(t.squares / (t.h * (t.h - 1)));
    e.df = t.h - 1;
    return e;
}

struct xsg_estimate xsg_yuen(const double *x, size_t nx, const double *y, size_t ny, double trim)
{
    struct xsg_estimate e = {.location = NAN, .se = NAN, .df = NAN, .n = nx + ny};
    if (nx == 0 || ny == 0)
        return e;
    struct trimmed tx = trim_sample(x, nx, trim), ty = trim_sample(y, ny, trim);
    e.location = ty.mean - tx.mean;
    if (tx.h < 2 || ty.h < 2)
        return e;
    double dx = tx.squares / (tx.h * (tx.h - 1)), dy = ty.squares / (ty.h * (ty.h - 1));
    e.se = sqrt(dx + dy);
    if (dx + dy > 0)
        e.df = (dx + dy) * (dx + dy) / (dx * dx / (tx.h - 1) + dy * dy / (ty.h - 1));
    else
        e.df = tx.h + ty.h - 2;
    return e;
}

void xsg_interval(const struct xsg_estimate *e, double alpha, double *low, double *high)
{
    double half = e->se == 0 ? 0 : xsg_t_quantile(1 - alpha / 2, e->df) * e->se;
    *low = e->location - half;
    *high = e->location + half;
}

double xsg_p_greater(const struct xsg_estimate *e, double limit)
{
    if (e->se == 0)
        return e->location > limit ? 0 : 1;
    return xsg_t_cdf((limit - e->location) / e->se, e->df);
}

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p)
                        : (x->index > y->index) - (x->index < y->index);
}

/* The values that are numbers, ascending; the others are NaN in adjusted. */
static struct ranked *rank(struct xsg_arena *arena, const double *p, size_t n, double *adjusted,
                           size_t *n_ranked)
{
    struct ranked *ranked = XSG_NEW_ARRAY(arena, struct ranked, n);
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i]))
            adjusted[i] = NAN;
        else
            ranked[m++] = (struct ranked){p[i], i};
    }
    if (m > 0)
        qsort(ranked, m, sizeof *ranked, by_p);
    *n_ranked = m;
    return ranked;
}

void xsg_adjust_bh(const double *p, size_t n, double *adjusted)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    size_t m;
    struct ranked *ranked = rank(&arena, p, n, adjusted, &m);
    double smallest = 1;
    for (size_t i = m; i-- > 0;) {
        smallest = fmin(smallest, ranked[i].p * (double)m / (double)(i + 1));
        adjusted[ranked[i].index] = smallest;
    }
    xsg_arena_release(&arena);
}

void xsg_adjust_holm(const double *p, size_t n, double *adjusted)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    size_t m;
    struct ranked *ranked = rank(&arena, p, n, adjusted, &m);
    double largest = 0;
    for (size_t i = 0; i < m; i++) {
        largest = fmax(largest, fmin(1, ranked[i].p * (double)(m - i)));
        adjusted[ranked[i].index] = largest;
    }
    xsg_arena_release(&arena);
}

double xsg_alpha_spent(double alpha, double t)
{
    t = fmin(fmax(t, 0), 1);
    return alpha * log1p(expm1(1.0) * t);
}
