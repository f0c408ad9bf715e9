#include "compare/counts.h"

#include <math.h>
#include <string.h>

#include "base/stats.h"

#define MIN_RUNS 3
/* Parts of the change of the target's instructions: a function with this much explains it, one with
 * less than that is not worth a row beside the judged ones. */
#define EXPLAINS 0.2
#define SHOWN 0.05
/* Computes, rather than waits: its CPU time by its elapsed time. */
#define COMPUTES_ABOVE 0.8

#define BESIDE "beside the judged metrics"

void xsg_counts_estimate(struct xsg_effect *effect, const struct xsg_sample_pair *pair,
                         double alpha)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    double *x = XSG_NEW_ARRAY(&arena, double, pair->n_base);
    double *y = XSG_NEW_ARRAY(&arena, double, pair->n_head);
    bool zero = false;
    *effect = (struct xsg_effect){.ratio = xsg_mean(pair->head, pair->n_head) /
                                           xsg_mean(pair->base, pair->n_base),
                                  .low = NAN,
                                  .high = NAN,
                                  .p_more = NAN,
                                  .p_less = NAN,
                                  .cost_high = NAN};
    for (size_t i = 0; i < pair->n_base; i++) {
        x[i] = log(pair->base[i]);
        zero |= !(pair->base[i] > 0);
    }
    for (size_t i = 0; i < pair->n_head; i++) {
        y[i] = log(pair->head[i]);
        zero |= !(pair->head[i] > 0);
    }
    if (!zero && pair->n_base >= MIN_RUNS && pair->n_head >= MIN_RUNS) {
        struct xsg_estimate e = xsg_yuen(x, pair->n_base, y, pair->n_head, 0);
        struct xsg_estimate mirrored = e;
        double low, high;
        xsg_interval(&e, 2 * alpha, &low, &high);
        mirrored.location = -e.location;
        *effect =
            (struct xsg_effect){.method = XSG_EFFECT_LOG_RATIOS,
                                .ratio = exp(e.location),
                                .low = exp(low),
                                .high = exp(high),
                                .p_more = xsg_p_greater(&e, 0),
                                .p_less = xsg_p_greater(&mirrored, 0),
                                .cost_high = xsg_mean(pair->base, pair->n_base) * (exp(high) - 1)};
    }
    xsg_arena_release(&arena);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static bool is_judged(const char *const *metrics, size_t n, const char *metric)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(metrics[i], metric) == 0)
            return true;
    }
    return false;
}

static bool on_both_sides(const struct xsg_target_work *t, const char *metric)
{
    return xsg_side_find(&t->base, metric, NULL) && xsg_side_find(&t->head, metric, NULL);
}

void xsg_counts_add_rows(struct xsg_target_work *t, const char *const *metrics, size_t n_metrics)
{
    size_t first = t->n_rows;
    if (!t->context->comparable)
        return;
    if (on_both_sides(t, "instructions") && !is_judged(metrics, n_metrics, "instructions")) {
        xsg_target_add_row(t, "instructions");
        xsg_target_add_functions(t, "instructions");
    }
    if (on_both_sides(t, "syscalls") && !is_judged(metrics, n_metrics, "syscalls"))
        xsg_target_add_row(t, "syscalls");
    for (size_t i = first; i < t->n_rows; i++) {
        t->rows[i].evidence = true;
        t->rows[i].tested = false; /* they test nothing that would need error control */
    }
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The row of another metric for the same function; NULL: there is none. */
static struct xsg_row *find_row(const struct xsg_target_work *t, const char *metric,
                                const struct xsg_function *function)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        if (strcmp(d->metric, metric) == 0 && same_text(d->function.name, function->name) &&
            same_text(d->function.file, function->file))
            return &t->rows[i];
    }
    return NULL;
}

static struct xsg_row *target_row(const struct xsg_target_work *t, const char *metric)
{
    static const struct xsg_function whole = {0};
    return find_row(t, metric, &whole);
}

/* ---- the rules --------------------------------------------------------------------------------
 */

/* The whole interval is below the threshold. */
static bool excludes_threshold(const struct xsg_row *time)
{
    return time && isfinite(time->delta.high) && time->delta.high < 1 + time->delta.threshold;
}

static bool time_says_otherwise(const struct xsg_target_work *t, const struct xsg_row *row)
{
    if (excludes_threshold(find_row(t, "time", &row->delta.function)))
        return true;
    return !row->named && excludes_threshold(target_row(t, "time"));
}

/* Which part of the target's change of instructions is the row's? */
static double part_of_change(const struct xsg_target_work *t, const struct xsg_delta *d)
{
    const struct xsg_row *whole = target_row(t, "instructions");
    double change = whole ? whole->delta.head.mean - whole->delta.base.mean : (double)NAN;
    return (d->head.mean - d->base.mean) / change;
}

static bool can_fail(const struct xsg_target_work *t, const struct xsg_delta *d)
{
    const struct xsg_row *time = target_row(t, "time");
    if (d->verdict != XSG_DELTA_REGRESSED || strcmp(d->metric, "instructions") != 0 || !time)
        return false;
    if (time->delta.verdict != XSG_DELTA_REGRESSED)
        return true;
    return d->function.name && part_of_change(t, d) >= EXPLAINS;
}

static void judge_evidence(const struct xsg_target_work *t, struct xsg_row *row)
{
    struct xsg_delta *d = &row->delta;
    d->counts = false;
    if (row->ignored)
        return; /* its rule says why */
    if (!can_fail(t, d))
        d->rule = BESIDE;
    else if (time_says_otherwise(t, row))
        d->rule = "time says otherwise";
    else
        d->counts = true;
}

/* Does the row say something that no other one does? A row of time that changed with its
 * instructions says so in its cause. */
static bool is_worth_showing(const struct xsg_target_work *t, const struct xsg_row *row)
{
    const struct xsg_delta *d = &row->delta;
    bool changed = d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_IMPROVED;
    if (d->verdict == XSG_DELTA_UNDECIDED)
        return false;
    if (strcmp(d->metric, "syscalls") == 0)
        return fabs(d->head.mean - d->base.mean) >= XSG_COUNTS_MANY_CALLS &&
               (d->ratio >= XSG_COUNTS_TIMES_CALLS || d->ratio <= 1 / XSG_COUNTS_TIMES_CALLS);
    const struct xsg_row *time = find_row(t, "time", &d->function);
    if (changed && time && time->delta.verdict == d->verdict)
        return false;
    if (!d->function.name || row->named)
        return true;
    return changed && fabs(part_of_change(t, d)) >= SHOWN;
}

static bool is_equal(const struct xsg_row *row)
{
    return row && row->effect.method == XSG_EFFECT_EXACT &&
           fabs(log(row->effect.ratio)) <= XSG_COUNTS_EQUAL;
}

/* Same functions, same number of instructions in each that matters, same system calls. */
static bool counts_are_equal(const struct xsg_target_work *t)
{
    const struct xsg_row *calls = target_row(t, "syscalls");
    if (!is_equal(target_row(t, "instructions")))
        return false;
    if (!calls || calls->effect.method != XSG_EFFECT_EXACT ||
        calls->delta.base.median != calls->delta.head.median)
        return false;
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        bool matters = d->function.name && d->share >= t->context->gate->min_share;
        if (matters && strcmp(d->metric, "instructions") == 0 && !is_equal(&t->rows[i]))
            return false;
    }
    return true;
}

/* Whoever measured it took CPU time for its time; without such a choice, the two are compared. */
static bool computes(const struct xsg_target_work *t)
{
    double time = xsg_side_mean(&t->base, "time", NULL), cpu = xsg_side_mean(&t->base, "cpu", NULL);
    if (!isnan(time) && !isnan(xsg_side_mean(&t->head, "time", NULL)))
        return fabs(time - cpu) <= 1e-9 * cpu;
    return cpu >= COMPUTES_ABOVE * xsg_side_mean(&t->base, "wall", NULL) &&
           xsg_side_mean(&t->head, "cpu", NULL) >=
               COMPUTES_ABOVE * xsg_side_mean(&t->head, "wall", NULL);
}

/* Not towards slower; an improvement that is missed does no harm. */
static bool leans_little(const struct xsg_delta *d)
{
    return log(d->ratio) <= log1p(d->threshold) / 2;
}

static void settle(struct xsg_row *row)
{
    row->delta.verdict = XSG_DELTA_UNCHANGED;
    row->delta.rule = "counts equal";
    row->delta.counts = !row->ignored;
}

/* What runs the same instructions takes the same time, but for caches and layout: those may make a
 * difference that an estimate well below the threshold speaks against. Of the functions of a target
 * that is as fast as before no estimate is needed: few samples have none that is worth the name. */
static void settle_time(struct xsg_target_work *t)
{
    struct xsg_row *whole = target_row(t, "time");
    if (!whole || !computes(t) || !counts_are_equal(t))
        return;
    if (whole->delta.verdict == XSG_DELTA_UNDECIDED && leans_little(&whole->delta) &&
        isfinite(whole->delta.high))
        settle(whole);
    if (whole->delta.verdict != XSG_DELTA_UNCHANGED)
        return;
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_row *row = &t->rows[i];
        if (strcmp(row->delta.metric, "time") == 0 && row->delta.verdict == XSG_DELTA_UNDECIDED &&
            (leans_little(&row->delta) || !row->named) &&
            is_equal(find_row(t, "instructions", &row->delta.function)))
            settle(row);
    }
}

void xsg_counts_combine(struct xsg_target_work *t)
{
    bool *keep = XSG_NEW_ARRAY(t->context->arena, bool, t->n_rows);
    size_t kept = 0;
    settle_time(t);
    for (size_t i = 0; i < t->n_rows; i++) {
        if (t->rows[i].evidence)
            judge_evidence(t, &t->rows[i]);
        keep[i] = !t->rows[i].evidence || is_worth_showing(t, &t->rows[i]);
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        if (keep[i])
            t->rows[kept++] = t->rows[i];
    }
    t->n_rows = kept;
}
