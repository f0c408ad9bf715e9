/* One target: can it be judged, its rows, its verdicts, and what explains the target's own. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/metric.h"
#include "compare/cause.h"
#include "compare/counts.h"
#include "compare/explain.h"
#include "compare/row.h"

/* A few lost samples do not bias a profile; lost records of exact counts do. */
#define LOST_SAMPLES_TOLERATED 0.01

struct xsg_delta *xsg_context_add_delta(struct xsg_context *context)
{
    struct xsg_comparison *c = context->comparison;
    c->deltas =
        xsg_grow(context->arena, c->deltas, &context->cap, c->n_deltas + 1, sizeof *c->deltas);
    struct xsg_delta *delta = &c->deltas[c->n_deltas++];
    *delta = (struct xsg_delta){.base = {.median = NAN, .mean = NAN, .calls = NAN},
                                .head = {.median = NAN, .mean = NAN, .calls = NAN},
                                .ratio = NAN,
                                .low = NAN,
                                .high = NAN,
                                .p = NAN,
                                .share = 1,
                                .changed = -1,
                                .detectable = NAN,
                                .settle_rounds = NAN,
                                .settle_s = NAN,
                                .by_calls = NAN,
                                .by_cost = NAN};
    return delta;
}

/* A row for the whole target that has no numbers. */
static void add_bare(struct xsg_context *context, const char *target, const char *metric,
                     enum xsg_delta_verdict verdict, const char *rule, const char *cause)
{
    const struct xsg_metric *known = xsg_metric_find(metric);
    struct xsg_delta *delta = xsg_context_add_delta(context);
    delta->target = target;
    delta->metric = metric;
    delta->unit = known ? known->unit : "";
    delta->threshold = context->gate->threshold;
    delta->verdict = verdict;
    delta->rule = rule;
    delta->cause = cause;
    delta->counts = verdict == XSG_DELTA_INVALID || verdict == XSG_DELTA_UNCHANGED;
}

static const char *lost_too_much(struct xsg_context *context, const struct xsg_target_run *target,
                                 const char *side)
{
    if (target->lost == 0 ||
        (double)target->lost <= LOST_SAMPLES_TOLERATED * (double)target->samples)
        return NULL;
    return xsg_printf(context->arena, "%s: %" PRIu64 " records were lost", side, target->lost);
}

/* Why the target cannot be judged at all, or NULL. */
static const char *why_invalid(struct xsg_context *context, const struct xsg_target_run *base,
                               const struct xsg_target_run *head)
{
    if (base->invalid && head->invalid && strcmp(base->invalid, head->invalid) == 0)
        return xsg_printf(context->arena, "base and head: %s", base->invalid);
    if (base->invalid)
        return xsg_printf(context->arena, "base: %s", base->invalid);
    if (head->invalid)
        return xsg_printf(context->arena, "head: %s", head->invalid);
    const char *lost = lost_too_much(context, base, "base");
    return lost ? lost : lost_too_much(context, head, "head");
}

/* What a target's change is made of: "mostly parse_string (92 % of it)", when one function explains
 * it, and what of that changed. */
static const char *explain_target(struct xsg_context *context, const struct xsg_row *rows, size_t n,
                                  const struct xsg_delta *target)
{
    double change = target->head.mean - target->base.mean;
    const struct xsg_row *best = NULL;
    double best_part = 0;
    for (size_t i = 0; i < n; i++) {
        const struct xsg_delta *d = &rows[i].delta;
        if (!d->function.name || strcmp(d->metric, target->metric) != 0)
            continue;
        double base = d->base.mean > 0 ? d->base.mean : 0;
        double head = d->head.mean > 0 ? d->head.mean : 0;
        double part = (head - base) / change;
        bool seen = d->verdict == target->verdict || d->verdict == XSG_DELTA_ADDED ||
                    d->verdict == XSG_DELTA_REMOVED;
        if (seen && part > best_part) {
            best_part = part;
            best = &rows[i];
        }
    }
    if (!best || best_part < 0.2)
        return NULL;
    return xsg_printf(context->arena, "%s %s (%.0f %% of it)%s%s",
                      best_part > 0.5 ? "mostly" : "partly", best->delta.function.name,
                      fmin(best_part, 1) * 100, best->where ? "; changed in this range: " : "",
                      best->where ? best->where : "");
}

static bool has_change(enum xsg_delta_verdict verdict)
{
    return verdict == XSG_DELTA_REGRESSED || verdict == XSG_DELTA_IMPROVED;
}

/* What the verdicts of rows mean together. */
static void explain(struct xsg_target_work *t)
{
    xsg_rows_find_moved(t, &t->paths);
    xsg_rows_excuse_code(t, &t->paths);
    xsg_rows_check_layout(t);
    xsg_rows_blame(t, &t->paths);
}

void xsg_target_conclude(struct xsg_target_work *t)
{
    if (t->n_rows > 0) {
        xsg_counts_combine(t);
        explain(t);
    }
    for (size_t i = 0; i < t->n_rows; i++)
        if (has_change(t->rows[i].delta.verdict))
            xsg_row_find_changes(t, &t->paths, &t->rows[i]);
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (!d->function.name && has_change(d->verdict))
            d->cause = explain_target(t->context, t->rows, t->n_rows, d);
        if (!d->cause)
            d->cause =
                xsg_cause_describe(t->context->arena, d, t->rows[i].where, t->rows[i].caller);
        d->cause = xsg_counts_remark(t, &t->rows[i], d->cause);
        d->cause = xsg_layout_remark(t, &t->rows[i], d->cause);
        if (t->rows[i].moved_from)
            d->cause = xsg_printf(t->context->arena, "%s%swas in %s", d->cause ? d->cause : "",
                                  d->cause ? "; " : "", t->rows[i].moved_from);
        *xsg_context_add_delta(t->context) = *d;
    }
}

/* Rows of one metric; a metric without any number on either side is a broken measurement. */
static void judge_metric(struct xsg_target_work *t, const char *metric)
{
    const struct xsg_metric *known = xsg_metric_find(metric);
    /* Instructions are those of a processor, too: libc chooses by it which code to use. */
    bool anywhere = known && known->deterministic && !known->counted;
    if (!t->context->comparable && !anywhere) {
        add_bare(t->context, t->name, metric, XSG_DELTA_INVALID, "environment",
                 "stored numbers of a different environment; measure both sides on one machine");
        return;
    }
    size_t before = t->n_rows;
    xsg_target_add_row(t, metric);
    xsg_target_add_functions(t, metric);
    if (t->n_rows == before)
        add_bare(
            t->context, t->name, metric, XSG_DELTA_INVALID, "no values",
            xsg_printf(t->context->arena, "no values of \"%s\" were measured%s", metric,
                       known && known->counted ? "; 'profile: [instructions]' counts them" : ""));
}

static const char *const *judged_metrics(const struct xsg_gate *gate, const char *target, size_t *n)
{
    static const char *const usual[] = {"time"};
    for (size_t i = 0; i < gate->n_own_metrics; i++) {
        if (strcmp(gate->own_metrics[i].target, target) == 0) {
            *n = gate->own_metrics[i].n_metrics;
            return gate->own_metrics[i].metrics;
        }
    }
    *n = gate->n_metrics ? gate->n_metrics : 1;
    return gate->n_metrics ? gate->metrics : usual;
}

static bool is_measured(const struct xsg_run *run, const char *target)
{
    for (size_t i = 0; i < run->n_series; i++) {
        if (strcmp(run->series[i].target, target) == 0)
            return true;
    }
    return false;
}

/* One program on both sides, which the plan left out for that. What was measured nevertheless is
 * compared: data files or settings may differ. */
static bool is_identical(const struct xsg_context *context, const struct xsg_target_run *base,
                         const struct xsg_target_run *head)
{
    return base->binary != 0 && base->binary == head->binary &&
           !is_measured(context->base, base->name) && !is_measured(context->head, head->name);
}

/* What a round costs: both sides one after the other, or the longer of them. */
static double seconds_per_round(const struct xsg_target_work *t)
{
    double base = xsg_side_mean(&t->base, "wall", NULL);
    double head = xsg_side_mean(&t->head, "wall", NULL);
    bool at_once = t->head.target->pairing == XSG_PAIRING_SAME_CORE ||
                   t->head.target->pairing == XSG_PAIRING_TWO_CORE;
    return (at_once ? fmax(base, head) : base + head) / 1e9;
}

/* The look that the target was decided at, and the error of its intervals there. */
static void take_look(struct xsg_target_work *t, const struct xsg_target_run *base)
{
    struct xsg_context *context = t->context;
    const struct xsg_compare_options *o = context->options;
    size_t index = (size_t)(base - context->base->targets);
    struct xsg_comparison *c = context->comparison;
    t->look = o && o->target_look ? o->target_look[index] : o ? o->look : 0;
    if (context->looks->n == 1 || t->look >= context->looks->n)
        t->look = context->looks->n - 1;
    t->fresh_from = o && o->fresh_from ? o->fresh_from[index] : 0;
    t->error = xsg_looks_level(context->looks, t->look, context->gate->beta);
    c->progress = fmax(c->progress, context->looks->information[t->look]);
    /* One level is told for all intervals: that of the narrowest, the others are wider. */
    double level = 1 - 2 * t->error;
    c->level = c->level > 0 ? fmin(c->level, level) : level;
}

void xsg_target_measure(struct xsg_context *context, struct xsg_target_work *t,
                        const struct xsg_target_run *base, const struct xsg_target_run *head)
{
    size_t n_metrics;
    const char *const *metrics =
        judged_metrics(context->gate, base ? base->name : head->name, &n_metrics);
    *t = (struct xsg_target_work){.context = context, .name = base ? base->name : head->name};
    if (base && head && base->absent && !head->invalid) {
        add_bare(context, t->name, metrics[0], XSG_DELTA_ADDED, XSG_ONE_SIDE,
                 "a new target: its command does not exist in base");
        return;
    }
    if (!base || !head) {
        add_bare(context, t->name, metrics[0], base ? XSG_DELTA_REMOVED : XSG_DELTA_ADDED,
                 XSG_ONE_SIDE, base ? "target not in head" : "target not in base");
        return;
    }
    take_look(t, base);
    const char *invalid = why_invalid(context, base, head);
    if (invalid) {
        add_bare(context, base->name, metrics[0], XSG_DELTA_INVALID, "measurement", invalid);
        return;
    }
    if (is_identical(context, base, head)) {
        add_bare(context, base->name, metrics[0], XSG_DELTA_UNCHANGED, XSG_IDENTICAL,
                 "base and head run the same machine code on the same data: not measured");
        return;
    }
    xsg_side_init(&t->base, context->arena, context->base, base);
    xsg_side_init(&t->head, context->arena, context->head, head);
    xsg_paths_init(&t->paths, context->arena, base, head);
    t->round_s = seconds_per_round(t);
    xsg_target_take_controls(t);
    xsg_target_take_totals(t);
    for (size_t i = 0; i < n_metrics; i++)
        judge_metric(t, metrics[i]);
    xsg_counts_add_rows(t, metrics, n_metrics);
}
