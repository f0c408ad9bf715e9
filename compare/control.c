/*
 * Control pairs, base against base: what the machine makes of equal programs. Two things are asked.
 *
 * Do they spread more than the rounds do? Then the rounds' own spread, estimated from few of them,
 * is too small by luck, and the standard error is inflated by observed / expected. Both spreads are
 * robust, and the expected one is the upper 5 % point of what as many normal values would show: a
 * handful of pairs must not inflate by chance alone.
 *
 * Is their mean 0? If not, beyond any doubt, the measurement itself is biased, and the interval is
 * widened by that bias on both sides.
 */
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "compare/row.h"

#define TRIM 0.2
/* One-sided; two-sided that is once in a thousand targets. */
#define BIAS_ERROR 0.0005
#define BIAS_PAIRS 5

/* The upper 5 % point of the median of n absolute normal values, in standard deviations. */
static double largest_by_chance(size_t n)
{
    double level = 0.5 + 1.645 * 0.5 / sqrt((double)n + 2); /* of the median of n uniform ones */
    return xsg_normal_quantile((1 + fmin(level, 0.99)) / 2);
}

/* The spread of ln(head / base) over the rounds, robust; NaN: too few. */
static double spread_of_rounds(const struct xsg_target_work *t)
{
    const struct xsg_series *b = xsg_side_find(&t->base, "time", NULL);
    const struct xsg_series *h = xsg_side_find(&t->head, "time", NULL);
    size_t n = 0, most = b && h ? (b->n < h->n ? b->n : h->n) : 0;
    double *y = XSG_NEW_ARRAY(t->context->arena, double, most + 1);
    for (size_t i = 0; i < most; i++) {
        if (b->values[i] > 0 && h->values[i] > 0)
            y[n++] = log(h->values[i] / b->values[i]);
    }
    if (n < XSG_EFFECT_MIN_N)
        return NAN;
    struct xsg_estimate e = xsg_trimmed_mean(y, n, TRIM);
    return xsg_effect_spread(e.se, n);
}

static void take_inflation(struct xsg_target_work *t, const double *control, size_t n)
{
    double expected = spread_of_rounds(t);
    double *size = XSG_NEW_ARRAY(t->context->arena, double, n);
    for (size_t i = 0; i < n; i++)
        size[i] = fabs(control[i]);
    if (expected > 0)
        t->inflation = fmax(1, xsg_median(size, n) / (expected * largest_by_chance(n)));
}

static void take_bias(struct xsg_target_work *t, const double *control, size_t n)
{
    struct xsg_estimate e = xsg_trimmed_mean(control, n, TRIM);
    if (n < BIAS_PAIRS || !(e.se > 0))
        return;
    if (fabs(e.location) > xsg_t_quantile(1 - BIAS_ERROR, e.df) * e.se)
        t->bias = fabs(e.location);
}

void xsg_target_take_controls(struct xsg_target_work *t)
{
    const struct xsg_target_run *run = t->head.target;
    double *control = XSG_NEW_ARRAY(t->context->arena, double, run->n_control);
    size_t n = 0;
    t->inflation = 1;
    t->bias = 0;
    for (size_t i = 0; i < run->n_control; i++) {
        if (isfinite(run->control[i]))
            control[n++] = run->control[i];
    }
    if (!t->context->paired || n == 0)
        return;
    take_inflation(t, control, n);
    take_bias(t, control, n);
}
