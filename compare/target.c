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
    delta->counts = verdict == XSG_DELTA_INVALID;
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

/* What a target's change is made of: "mostly parse_string (92 %)", when one function explains it.
 */
static const char *explain_target(struct xsg_context *context, const struct xsg_row *rows, size_t n,
                                  const struct xsg_delta *target)
{
    double change = target->head.mean - target->base.mean;
    const struct xsg_delta *best = NULL;
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
            best = d;
        }
    }
    if (!best || best_part < 0.2)
        return NULL;
    return xsg_printf(context->arena, "%s %s (%.0f %% of it)",
                      best_part > 0.5 ? "mostly" : "partly", best->function.name,
                      fmin(best_part, 1) * 100);
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
    xsg_rows_blame(t, &t->paths);
}

static void take_rows(struct xsg_target_work *t)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (has_change(d->verdict))
            xsg_row_find_changes(t, &t->paths, &t->rows[i]);
        if (!d->function.name && has_change(d->verdict))
            d->cause = explain_target(t->context, t->rows, t->n_rows, d);
        if (!d->cause)
            d->cause = xsg_cause_describe(t->context->arena, d, t->rows[i].where);
        d->cause = xsg_counts_remark(t, &t->rows[i], d->cause);
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

void xsg_target_compare(struct xsg_context *context, const struct xsg_target_run *base,
                        const struct xsg_target_run *head)
{
    size_t n_metrics;
    const char *const *metrics =
        judged_metrics(context->gate, base ? base->name : head->name, &n_metrics);
    if (!base || !head) {
        add_bare(context, base ? base->name : head->name, metrics[0],
                 base ? XSG_DELTA_REMOVED : XSG_DELTA_ADDED, "one side only",
                 base ? "target not in head" : "target not in base");
        return;
    }
    const char *invalid = why_invalid(context, base, head);
    if (invalid) {
        add_bare(context, base->name, metrics[0], XSG_DELTA_INVALID, "measurement", invalid);
        return;
    }
    struct xsg_target_work t = {.context = context, .name = base->name};
    xsg_side_init(&t.base, context->arena, context->base, base);
    xsg_side_init(&t.head, context->arena, context->head, head);
    xsg_paths_init(&t.paths, context->arena, base, head);
    xsg_target_take_totals(&t);
    for (size_t i = 0; i < n_metrics; i++)
        judge_metric(&t, metrics[i]);
    xsg_counts_add_rows(&t, metrics, n_metrics);
    xsg_rows_decide(context, t.rows, t.n_rows);
    xsg_counts_combine(&t);
    explain(&t);
    take_rows(&t);
}
