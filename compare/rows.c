/* The rows of one target: which series are compared, and the numbers of each. */
#include <math.h>
#include <string.h>

#include "base/metric.h"
#include "base/stats.h"
#include "base/str.h"
#include "compare/cause.h"
#include "compare/counts.h"
#include "compare/explain.h"
#include "compare/row.h"

/* Samples that a function must have on the one side that knows it before it is said to be new or
 * gone: seen k times here and never there happens by chance with 2^-k. */
#define ADDED_MIN_SAMPLES 10

static struct xsg_row *add_row(struct xsg_target_work *t, const struct xsg_function *function,
                               const char *metric, const char *unit)
{
    struct xsg_arena *arena = t->context->arena;
    t->rows = xsg_grow(arena, t->rows, &t->cap, t->n_rows + 1, sizeof *t->rows);
    struct xsg_row *row = &t->rows[t->n_rows++];
    struct xsg_summary nothing = {.median = NAN, .mean = NAN, .calls = NAN};
    *row = (struct xsg_row){.delta = {.target = t->name,
                                      .metric = metric,
                                      .unit = unit,
                                      .base = nothing,
                                      .head = nothing,
                                      .ratio = NAN,
                                      .low = NAN,
                                      .high = NAN,
                                      .p = NAN,
                                      .share = NAN,
                                      .verdict = XSG_DELTA_UNDECIDED,
                                      .changed = -1,
                                      .detectable = NAN,
                                      .settle_rounds = NAN,
                                      .settle_s = NAN,
                                      .by_calls = NAN,
                                      .by_cost = NAN},
                            .total = NAN};
    if (function)
        row->delta.function = *function;
    const struct xsg_gate_rule *rule =
        xsg_gate_rule_for(t->context->gate, t->name, row->delta.function.name, metric);
    row->named = rule && rule->function;
    row->delta.threshold =
        xsg_gate_threshold(arena, t->context->gate, t->name, row->delta.function.name, metric,
                           &row->delta.rule, &row->ignored);
    return row;
}

/* ---- shares ---------------------------------------------------------------------------------- */

/* Sum of all self times; *sampled: of those functions that have samples instead of counted calls.
 */
static double sum_of_self(const struct xsg_side *side, double *sampled)
{
    double sum = 0;
    *sampled = 0;
    for (size_t i = 0; i < side->series.n; i++) {
        const struct xsg_series *s = side->series.entries[i].value;
        if (!s->function.name || strcmp(s->metric, "time") != 0)
            continue;
        double all = 0;
        for (size_t k = 0; k < s->n; k++)
            all += s->values[k] > 0 && isfinite(s->values[k]) ? s->values[k] : 0;
        sum += xsg_side_mean(side, "time", &s->function);
        if (!(xsg_side_mean(side, "calls", &s->function) > 0))
            *sampled += all;
    }
    return sum;
}

/* "time" of a target: CPU time, because other processes move it less than elapsed time; elapsed
 * time for a target that mostly waits. The same choice for both sides. */
const char *xsg_target_time_metric(const struct xsg_target_work *t)
{
    if (xsg_side_find(&t->base, "time", NULL) && xsg_side_find(&t->head, "time", NULL))
        return "time";
    double cpu = xsg_side_mean(&t->base, "cpu", NULL) + xsg_side_mean(&t->head, "cpu", NULL);
    double wall = xsg_side_mean(&t->base, "wall", NULL) + xsg_side_mean(&t->head, "wall", NULL);
    return isnan(cpu) || cpu < wall / 2 ? "wall" : "cpu";
}

void xsg_target_take_totals(struct xsg_target_work *t)
{
    double base_sampled, head_sampled;
    double self = sum_of_self(&t->base, &base_sampled);
    sum_of_self(&t->head, &head_sampled);
    uint64_t samples = t->base.target->samples + t->head.target->samples;
    if (samples > 0)
        t->sample_weight = (base_sampled + head_sampled) / (double)samples;
    /* Threads that wait have self times beyond the CPU time, unprofiled code has none: the larger
     * keeps every share at most 1. fmax() prefers a number over NaN. */
    t->total = fmax(self, xsg_side_mean(&t->base, xsg_target_time_metric(t), NULL));
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Calls of the runs in which the metric was taken: a counted run may do less than a round. */
static double calls_of(const struct xsg_side *side, const struct xsg_function *function,
                       const char *metric)
{
    const struct xsg_metric *known = xsg_metric_find(metric);
    return xsg_side_mean(side, known && known->counted ? "counted_calls" : "calls", function);
}

static struct xsg_summary summarize(const double *values, size_t n, const struct xsg_side *side,
                                    const struct xsg_function *function, const char *metric)
{
    return (struct xsg_summary){.median = xsg_median(values, n),
                                .mean = xsg_mean(values, n),
                                .calls = function ? calls_of(side, function, metric) : (double)NAN,
                                .n = n};
}

/* The first or the last rounds of a pair. */
static struct xsg_sample_pair part_of(const struct xsg_sample_pair *pair, size_t from, size_t n)
{
    struct xsg_sample_pair part = *pair;
    part.base += from;
    part.head += from;
    part.n_base = part.n_head = n;
    return part;
}

/* A look saw the first rounds; a fresh batch was measured after it. */
static void measure_fresh(const struct xsg_target_work *t, struct xsg_row *row,
                          const struct xsg_sample_pair *pair)
{
    size_t before = t->fresh_from, n = pair->n_base;
    if (before == 0 || !pair->paired || n < before + XSG_COMPARE_FRESH_ROUNDS)
        return;
    const struct xsg_sample_pair first = part_of(pair, 0, before);
    const struct xsg_sample_pair fresh = part_of(pair, before, n - before);
    struct xsg_effect effect;
    xsg_effect_estimate(&row->seen, &first, t->error);
    xsg_effect_estimate(&effect, &fresh, t->error);
    row->fresh_ratio = effect.ratio;
}

double xsg_row_resolution(const struct xsg_target_work *t, const struct xsg_row *row)
{
    bool sampled = row->delta.function.name && t->sample_weight > 1 && !(row->delta.head.calls > 0);
    return sampled ? t->sample_weight : 1;
}

static void measure(struct xsg_target_work *t, struct xsg_row *row, const struct xsg_values *values,
                    const struct xsg_metric *metric)
{
    const struct xsg_sample_pair pair = {.base = values->base,
                                         .head = values->head,
                                         .n_base = values->n_base,
                                         .n_head = values->n_head,
                                         .paired = t->context->paired,
                                         .resolution = 1,
                                         .inflation = t->inflation,
                                         .bias = t->bias};
    struct xsg_sample_pair sampled = pair;
    sampled.resolution = xsg_row_resolution(t, row);
    row->more_is_better = metric && metric->better == XSG_BETTER_MORE;
    row->fresh_ratio = NAN;
    if (metric && metric->deterministic && xsg_effect_exact(&row->effect, &pair))
        return;
    if (metric && metric->counted)
        xsg_counts_estimate(&row->effect, &pair, t->error);
    else
        xsg_effect_estimate(&row->effect, &sampled, t->error);
    xsg_row_widen(t, row);
    row->seen = row->effect;
    if (!(metric && metric->counted))
        measure_fresh(t, row, &sampled);
    row->tested = !row->ignored && row->effect.method != XSG_EFFECT_NONE;
}

void xsg_target_add_row(struct xsg_target_work *t, const char *metric)
{
    /* The name is the one asked for: "time" is the target's own kind of time. */
    const char *stored = strcmp(metric, "time") == 0 ? xsg_target_time_metric(t) : metric;
    struct xsg_match match = {.base = xsg_side_find(&t->base, stored, NULL),
                              .head = xsg_side_find(&t->head, stored, NULL)};
    if (!match.base || !match.head)
        return;
    struct xsg_values values;
    xsg_match_values(t->context->arena, &match, &t->base, &t->head, t->context->paired, &values);
    if (values.n_base == 0 || values.n_head == 0 || xsg_mean(values.base, values.n_base) <= 0)
        return;
    struct xsg_row *row = add_row(t, NULL, metric, match.head->unit);
    row->delta.base = summarize(values.base, values.n_base, &t->base, NULL, metric);
    row->delta.head = summarize(values.head, values.n_head, &t->head, NULL, metric);
    row->delta.share = 1;
    row->total = row->delta.base.mean;
    measure(t, row, &values, xsg_metric_find(metric));
    if (values.n_head > t->context->comparison->rounds)
        t->context->comparison->rounds = values.n_head;
}

static double share_of(const struct xsg_side *side, const char *metric,
                       const struct xsg_series *series, double total)
{
    double mean = series ? xsg_side_mean(side, metric, &series->function) : 0;
    return mean > 0 ? fmin(1, mean / total) : 0;
}

/* Time share for every metric: a function is worth judging by what it takes, not by how often it
 * is called. Without times, the share of the metric itself. */
static void take_shares(const struct xsg_target_work *t, const struct xsg_match *match,
                        struct xsg_row *row, double metric_total, double *head_share)
{
    bool timed =
        t->total > 0 && ((match->base && xsg_side_find(&t->base, "time", &match->base->function)) ||
                         (match->head && xsg_side_find(&t->head, "time", &match->head->function)));
    const char *by = timed ? "time" : row->delta.metric;
    double total = timed ? t->total : metric_total;
    if (total > 0) {
        row->delta.share = share_of(&t->base, by, match->base, total);
        *head_share = share_of(&t->head, by, match->head, total);
    } else {
        /* Nothing on the base side that it could be a part of. */
        row->delta.share = 0;
        *head_share = 1;
    }
    row->total = strcmp(row->delta.unit, "ns") == 0 ? total : metric_total;
}

static bool seen_often(const struct xsg_target_work *t, const struct xsg_summary *side)
{
    if (t->sample_weight <= 1 || side->calls > 0)
        return true;
    return side->mean * (double)side->n >= ADDED_MIN_SAMPLES * t->sample_weight;
}

/* Known to one side only. False: too small to be worth a row. */
static bool decide_one_sided(const struct xsg_target_work *t, struct xsg_row *row,
                             double head_share)
{
    bool added = !(row->delta.base.mean > 0);
    double share = added ? head_share : row->delta.share;
    row->delta.verdict = added ? XSG_DELTA_ADDED : XSG_DELTA_REMOVED;
    row->delta.share = share;
    return share >= t->context->gate->min_share &&
           seen_often(t, added ? &row->delta.head : &row->delta.base);
}

/* Why a function is not judged, or NULL. */
static const char *not_judged(const struct xsg_target_work *t, const struct xsg_row *row,
                              double head_share)
{
    const struct xsg_gate *gate = t->context->gate;
    if (gate->filter && !xsg_glob(gate->filter, row->delta.function.name))
        return "not in filter";
    if (row->delta.share < gate->min_share && head_share < gate->min_share && !row->named)
        return XSG_BELOW_SHARE;
    return NULL;
}

static void add_function_row(struct xsg_target_work *t, const struct xsg_match *match,
                             const char *metric, double metric_total)
{
    const struct xsg_context *context = t->context;
    struct xsg_values values;
    xsg_match_values(context->arena, match, &t->base, &t->head, context->paired, &values);
    const struct xsg_series *shown = match->head ? match->head : match->base;
    struct xsg_row *row = add_row(t, &shown->function, metric, shown->unit);
    struct xsg_delta *delta = &row->delta;
    if (match->base)
        delta->base =
            summarize(values.base, values.n_base, &t->base, &match->base->function, metric);
    if (match->head)
        delta->head =
            summarize(values.head, values.n_head, &t->head, &match->head->function, metric);
    if (match->base && match->head && match->base->function.file && match->head->function.file &&
        strcmp(match->base->function.file, match->head->function.file) != 0)
        row->moved_from = match->base->function.file;
    row->match = *match;
    xsg_delta_split(delta);
    if (match->base && match->head) {
        delta->code = xsg_code_compare(&match->base->function, &match->head->function);
        if (match->by_code)
            delta->matched = match->base->function.name;
    }
    double head_share;
    take_shares(t, match, row, metric_total, &head_share);
    if (context->options && context->options->changed)
        delta->changed = context->options->changed(context->options->arg, &delta->function);
    const char *why_not = not_judged(t, row, head_share);
    if (!(delta->base.mean > 0) || !(delta->head.mean > 0)) {
        if (!decide_one_sided(t, row, head_share) || why_not)
            t->n_rows--;
        return;
    }
    measure(t, row, &values, xsg_metric_find(metric));
    if (why_not) {
        delta->rule = why_not;
        delta->verdict = XSG_DELTA_UNCHANGED;
        delta->ratio = row->effect.ratio;
        delta->low = row->effect.low;
        delta->high = row->effect.high;
        row->tested = false;
    }
}

void xsg_target_add_functions(struct xsg_target_work *t, const char *metric)
{
    struct xsg_match *matches;
    size_t n;
    xsg_match_functions(t->context->arena, &t->base, &t->head, &t->paths, metric, &matches, &n);
    double metric_total = 0;
    for (size_t i = 0; i < n; i++) {
        if (matches[i].base)
            metric_total += xsg_side_mean(&t->base, metric, &matches[i].base->function);
    }
    for (size_t i = 0; i < n; i++)
        add_function_row(t, &matches[i], metric, metric_total);
}
