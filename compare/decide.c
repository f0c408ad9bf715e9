/* Evidence and size -> verdict. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "compare/row.h"

/* The effect as "how much worse", so that one set of rules serves both directions of better. */
struct worse {
    double ratio, low, high;
    double p_worse, p_better; /* adjusted; NaN when exact */
};

static struct worse as_worse(const struct xsg_row *row, double p_more, double p_less)
{
    const struct xsg_effect *e = &row->effect;
    if (!row->more_is_better)
        return (struct worse){e->ratio, e->low, e->high, p_more, p_less};
    return (struct worse){1 / e->ratio, 1 / e->high, 1 / e->low, p_less, p_more};
}

/* Improvements mirror regressions on the logarithm: as far below as 1 + threshold is above, so that
 * a change and its reverse get mirrored verdicts. */
static enum xsg_delta_verdict by_size(const struct worse *w, double threshold)
{
    if (w->ratio > 1 && w->ratio >= 1 + threshold)
        return XSG_DELTA_REGRESSED;
    if (w->ratio < 1 && w->ratio <= 1 / (1 + threshold))
        return XSG_DELTA_IMPROVED;
    return XSG_DELTA_UNCHANGED;
}

static enum xsg_delta_verdict by_evidence(const struct worse *w, double threshold, double alpha)
{
    enum xsg_delta_verdict size = by_size(w, threshold);
    if (size == XSG_DELTA_REGRESSED && w->p_worse < alpha && w->low > 1)
        return XSG_DELTA_REGRESSED;
    if (size == XSG_DELTA_IMPROVED && w->p_better < alpha && w->high < 1)
        return XSG_DELTA_IMPROVED;
    if (w->low > 1 / (1 + threshold) && w->high < 1 + threshold)
        return XSG_DELTA_UNCHANGED;
    return XSG_DELTA_UNDECIDED;
}

/*
 * An undecided function that could, at the upper end of its interval, not cost the target as much
 * as the gate tolerates for the target itself is shown, but does not leave the whole comparison
 * open: small sampled functions never get enough samples, and "undecided" for ever would be noise.
 * A function that a gates rule names is always waited for.
 */
static bool could_matter(const struct xsg_context *context, const struct xsg_row *row)
{
    if (!row->delta.function.name || row->named || row->effect.method == XSG_EFFECT_NONE)
        return true;
    const char *rule;
    bool ignored;
    double tolerated = xsg_gate_threshold(context->arena, context->gate, row->delta.target, NULL,
                                          row->delta.metric, &rule, &ignored);
    return !(row->effect.cost_high < tolerated * row->total);
}

static void decide_row(struct xsg_context *context, struct xsg_row *row, double p_more,
                       double p_less)
{
    struct xsg_delta *delta = &row->delta;
    const struct worse w = as_worse(row, p_more, p_less);
    delta->ratio = row->effect.ratio;
    delta->low = row->effect.low;
    delta->high = row->effect.high;
    delta->p = delta->ratio >= 1 ? p_more : p_less;
    if (row->effect.method == XSG_EFFECT_EXACT)
        delta->verdict = by_size(&w, delta->threshold);
    else if (row->effect.method == XSG_EFFECT_NONE)
        delta->verdict = XSG_DELTA_UNDECIDED;
    else
        delta->verdict = by_evidence(&w, delta->threshold, context->gate->alpha);
    delta->counts = !row->ignored;
    if (delta->verdict == XSG_DELTA_UNDECIDED && delta->counts && !could_matter(context, row)) {
        delta->counts = false;
        delta->rule = "effect on the target too small";
    }
}

/* Holm over the family that is either the target's own rows or its functions. */
static void adjust(const struct xsg_context *context, const struct xsg_row *rows, size_t n,
                   bool functions, double *p_more, double *p_less)
{
    double *more = XSG_NEW_ARRAY(context->arena, double, n);
    double *less = XSG_NEW_ARRAY(context->arena, double, n);
    for (size_t i = 0; i < n; i++) {
        bool member = rows[i].tested && (rows[i].delta.function.name != NULL) == functions;
        more[i] = member ? rows[i].effect.p_more : (double)NAN;
        less[i] = member ? rows[i].effect.p_less : (double)NAN;
    }
    xsg_adjust_holm(more, n, more);
    xsg_adjust_holm(less, n, less);
    double scale = 2 * context->gate->alpha / context->look_alpha;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(more[i]))
            p_more[i] = fmin(1, more[i] * scale);
        if (!isnan(less[i]))
            p_less[i] = fmin(1, less[i] * scale);
    }
}

void xsg_rows_decide(struct xsg_context *context, struct xsg_row *rows, size_t n)
{
    if (n == 0)
        return;
    double *p_more = XSG_NEW_ARRAY(context->arena, double, n);
    double *p_less = XSG_NEW_ARRAY(context->arena, double, n);
    for (size_t i = 0; i < n; i++)
        p_more[i] = p_less[i] = NAN;
    adjust(context, rows, n, false, p_more, p_less);
    adjust(context, rows, n, true, p_more, p_less);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].ignored) { /* is no member of a family: judged by itself, counts for nothing */
            double scale = 2 * context->gate->alpha / context->look_alpha;
            p_more[i] = rows[i].effect.p_more * scale;
            p_less[i] = rows[i].effect.p_less * scale;
        }
        if (rows[i].delta.verdict == XSG_DELTA_UNDECIDED)
            decide_row(context, &rows[i], p_more[i], p_less[i]);
    }
}
