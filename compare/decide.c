/* Evidence and size -> verdict. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "compare/row.h"

/* More rounds than this nobody waits for. */
#define MOST_ROUNDS 1000

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

/*
 * Does the fresh batch see what the look saw: the same direction, and at least half of the smallest
 * size that fails? It spends no error, for it can only take an alarm back: false alarms that passed
 * the test are taken back with a probability of more than a half (by symmetry a fresh batch of
 * equal programs shows the other direction half of the time). A true slowdown of the threshold's
 * size that is clear in n rounds at level 0.2 % stands 2.9 standard errors of n rounds from 0, so
 * that a batch of n / 2 rounds misses half of it with 15 % at worst; then the next look decides.
 */
static bool is_confirmed(const struct xsg_row *row)
{
    double worse = row->more_is_better ? 1 / row->fresh_ratio : row->fresh_ratio;
    return isnan(worse) || log(worse) >= log1p(row->delta.threshold) / 2;
}

/* The rule's text says how it was confirmed. */
static void take_confirmation(const struct xsg_target_work *t, struct xsg_row *row)
{
    struct xsg_delta *delta = &row->delta;
    if (delta->verdict != XSG_DELTA_REGRESSED || row->effect.method == XSG_EFFECT_EXACT ||
        t->fresh_from == 0)
        return;
    if (!is_confirmed(row)) {
        delta->verdict = XSG_DELTA_UNDECIDED;
        delta->rule = "went away when measured again";
    } else if (!isnan(row->fresh_ratio)) {
        delta->rule = xsg_printf(t->context->arena, "%s, confirmed by fresh rounds", delta->rule);
    }
}

static void decide_row(const struct xsg_target_work *t, struct xsg_row *row, double p_more,
                       double p_less)
{
    const struct xsg_context *context = t->context;
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
    if (delta->verdict == XSG_DELTA_UNDECIDED && !delta->function.name &&
        w.high < 1 + delta->threshold) {
        /* Faster or the same is open: no gate waits for that in the end. */
        delta->verdict = XSG_DELTA_UNCHANGED;
        delta->rule = XSG_NOT_WORSE;
    }
    take_confirmation(t, row);
    if (delta->verdict == XSG_DELTA_UNDECIDED && delta->counts && !could_matter(context, row)) {
        delta->counts = false;
        delta->rule = "effect on the target too small";
    }
}

/* ---- what could have been seen ----------------------------------------------------------------
 */

/* Standard errors from 0 at which a row alone is evidence at this look. */
static double evidence_at(const struct xsg_target_work *t, double df)
{
    return xsg_evidence_at(t->context->gate, t->context->looks, t->look, df);
}

/*
 * The standard error shrinks with the root of the rounds. An estimate below the threshold is
 * settled when the interval's half width is smaller than the distance to the threshold, one above
 * it when the evidence suffices; near the threshold the easier of the two.
 */
static double rounds_to_settle(const struct xsg_target_work *t, const struct xsg_row *row)
{
    const struct xsg_effect *e = &row->effect;
    double n =
        (double)(row->delta.base.n < row->delta.head.n ? row->delta.base.n : row->delta.head.n);
    double size = fabs(log(e->ratio)), edge = log1p(row->delta.threshold);
    double pass = xsg_t_quantile(1 - t->error, e->df) * e->se / (edge - size);
    double fail = evidence_at(t, e->df) * e->se / size;
    double factor = size < edge ? pass : fail;
    double rounds = n * factor * factor;
    if (!(rounds <= MOST_ROUNDS))
        return NAN;
    /* The interval alone would do; the evidence over all functions does not yet. */
    return rounds <= n ? n * 1.5 : rounds;
}

static void take_power(const struct xsg_target_work *t, struct xsg_row *row)
{
    const struct xsg_effect *e = &row->effect;
    struct xsg_delta *delta = &row->delta;
    if (!(e->se >= 0) || !(e->df > 0))
        return;
    delta->detectable =
        xsg_detectable(t->context->gate, t->context->looks, t->look, e->se, e->df, t->bias);
    if (delta->verdict != XSG_DELTA_UNDECIDED)
        return;
    delta->settle_rounds = rounds_to_settle(t, row);
    delta->settle_s = delta->settle_rounds * t->round_s;
}

/* ---- error control ---------------------------------------------------------------------------
 */

/* All rows of a comparison in one list. */
struct family {
    struct xsg_row **rows;
    const struct xsg_target_work **work; /* of each row */
    double *more, *less;                 /* p-values, then adjusted and scaled; NaN: not tested */
    size_t n;
};

static struct family collect_rows(struct xsg_arena *arena, struct xsg_target_work *work, size_t n)
{
    struct family f = {0};
    size_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += work[i].n_rows;
    f.rows = XSG_NEW_ARRAY(arena, struct xsg_row *, all);
    f.work = XSG_NEW_ARRAY(arena, const struct xsg_target_work *, all);
    f.more = XSG_NEW_ARRAY(arena, double, all);
    f.less = XSG_NEW_ARRAY(arena, double, all);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < work[i].n_rows; k++) {
            f.rows[f.n] = &work[i].rows[k];
            f.work[f.n] = &work[i];
            f.more[f.n] = f.less[f.n] = NAN;
            f.n++;
        }
    }
    return f;
}

/* The error over all looks at which a row would be evidence. What a look saw and all rounds with
 * the fresh batch have to agree: the larger of their p-values. */
static double error_over_looks(const struct family *f, size_t i, double seen, double all)
{
    const struct xsg_looks *looks = f->work[i]->context->looks;
    return xsg_looks_error(looks, f->work[i]->look, fmax(seen, all));
}

/* Holm over the targets' own rows, or over the functions. */
static void adjust(struct xsg_arena *arena, struct family *f, bool functions)
{
    double *more = XSG_NEW_ARRAY(arena, double, f->n);
    double *less = XSG_NEW_ARRAY(arena, double, f->n);
    for (size_t i = 0; i < f->n; i++) {
        const struct xsg_row *row = f->rows[i];
        bool member = row->tested && (row->delta.function.name != NULL) == functions;
        more[i] =
            member ? error_over_looks(f, i, row->seen.p_more, row->effect.p_more) : (double)NAN;
        less[i] =
            member ? error_over_looks(f, i, row->seen.p_less, row->effect.p_less) : (double)NAN;
    }
    xsg_adjust_holm(more, f->n, more);
    xsg_adjust_holm(less, f->n, less);
    for (size_t i = 0; i < f->n; i++) {
        if (!isnan(more[i]))
            f->more[i] = fmin(1, more[i] * XSG_ALPHA_PARTS);
        if (!isnan(less[i]))
            f->less[i] = fmin(1, less[i] * XSG_ALPHA_PARTS);
    }
}

/* The target's own row of a metric, or NULL. */
static const struct xsg_delta *own_row(const struct xsg_target_work *t, const char *metric)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        if (!d->function.name && strcmp(d->metric, metric) == 0)
            return d;
    }
    return NULL;
}

/*
 * From the target to its functions: where the target as a whole is decided and did not get worse, a
 * function that could not be decided does not leave the gate open. It is shown, and measured on
 * while it leans towards slower (xsg_compare_decided). What regressed by itself fails the gate all
 * the same, and a function that a gates rule names is waited for.
 */
static void close_functions(const struct xsg_target_work *t, struct xsg_row *row)
{
    struct xsg_delta *delta = &row->delta;
    const struct xsg_delta *target = own_row(t, delta->metric);
    if (!delta->function.name || row->named || !delta->counts || !target ||
        delta->verdict != XSG_DELTA_UNDECIDED)
        return;
    if (target->verdict == XSG_DELTA_UNCHANGED || target->verdict == XSG_DELTA_IMPROVED) {
        delta->counts = false;
        delta->rule = XSG_TARGET_PASSED;
    }
}

void xsg_rows_decide(struct xsg_context *context, struct xsg_target_work *work, size_t n)
{
    struct family f = collect_rows(context->arena, work, n);
    if (f.n == 0)
        return;
    adjust(context->arena, &f, false);
    adjust(context->arena, &f, true);
    for (size_t i = 0; i < f.n; i++) {
        struct xsg_row *row = f.rows[i];
        if (row->ignored) { /* is no member of a family: judged by itself, counts for nothing */
            f.more[i] = fmin(1, XSG_ALPHA_PARTS * error_over_looks(&f, i, 0, row->effect.p_more));
            f.less[i] = fmin(1, XSG_ALPHA_PARTS * error_over_looks(&f, i, 0, row->effect.p_less));
        }
        if (row->delta.verdict == XSG_DELTA_UNDECIDED)
            decide_row(f.work[i], row, f.more[i], f.less[i]);
        take_power(f.work[i], row);
    }
    for (size_t i = 0; i < f.n; i++)
        close_functions(f.work[i], f.rows[i]);
}
