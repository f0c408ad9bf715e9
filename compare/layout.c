/*
 * Rows that are slower although the machine code is the same, measured again with the programs
 * linked in other orders. What persists is due to the input or the data and counts; what is gone is
 * due to the layout, which the next commit will draw anew.
 */
#include "compare/layout.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/change.h"
#include "base/metric.h"
#include "base/stats.h"
#include "compare/explain.h"

/* Looks at the layouts: after the third and the fourth. */
#define LOOKS 2

enum xsg_layout xsg_layout_decide(const struct xsg_layout_evidence *e, double threshold,
                                  double alpha)
{
    for (size_t i = 1; i < e->n; i++) {
        if (e->apart[i] && e->worse[i] < log1p(threshold) / 2)
            return XSG_LAYOUT_GONE;
    }
    if (e->n < XSG_LAYOUT_LEAST || !(e->p < alpha / LOOKS))
        return XSG_LAYOUT_OPEN;
    double se = xsg_stddev(e->worse, e->n) / sqrt((double)e->n);
    double mean = xsg_mean(e->worse, e->n);
    if (!(mean > 0))
        return XSG_LAYOUT_OPEN;
    double p = se > 0 ? 1 - xsg_t_cdf(mean / se, (double)(e->n - 1)) : 0;
    return p < alpha / LOOKS ? XSG_LAYOUT_PERSISTS : XSG_LAYOUT_OPEN;
}

/* ---- one row in all layouts -------------------------------------------------------------------
 */

/* Values of all other layouts, one after the other. */
struct pool {
    double *base, *head;
    size_t n, cap_base, cap_head;
};

static const struct xsg_target_run *find_target(const struct xsg_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        if (strcmp(run->targets[i].name, name) == 0)
            return &run->targets[i];
    }
    return NULL;
}

/* The same program as in an earlier layout: it says nothing new. */
static bool is_known(const struct xsg_target_work *t, const struct xsg_compare_layout *layout,
                     const struct xsg_target_run *base, const struct xsg_target_run *head)
{
    const struct xsg_compare_layout *at = t->context->options->layouts;
    for (; at < layout; at++) {
        const struct xsg_target_run *b = find_target(at->base, t->name);
        const struct xsg_target_run *h = find_target(at->head, t->name);
        if ((b && b->binary == base->binary) || (h && h->binary == head->binary))
            return true;
    }
    return base->binary == t->base.target->binary || head->binary == t->head.target->binary;
}

/* Why a layout says nothing about the target; NULL: it does. */
static const char *why_useless(const struct xsg_target_work *t,
                               const struct xsg_compare_layout *layout,
                               const struct xsg_target_run *base, const struct xsg_target_run *head)
{
    if (!base || !head)
        return "not measured";
    if (base->invalid || head->invalid)
        return "the target fails there";
    if (base->binary == 0 || head->binary == 0 || t->base.target->binary == 0 ||
        t->head.target->binary == 0)
        return "not known whether the build follows it";
    if (is_known(t, layout, base, head))
        return "the build does not allow it";
    return NULL;
}

static const struct xsg_series *find_series(const struct xsg_target_work *t,
                                            const struct xsg_row *row, const struct xsg_side *side,
                                            const struct xsg_series *plain)
{
    const struct xsg_delta *d = &row->delta;
    bool time = !d->function.name && strcmp(d->metric, "time") == 0;
    if (d->function.name && !plain)
        return NULL;
    return xsg_side_find(side, time ? xsg_target_time_metric(t) : d->metric,
                         d->function.name ? &plain->function : NULL);
}

static struct xsg_effect estimate(const struct xsg_target_work *t, const struct xsg_row *row,
                                  const double *base, const double *head, size_t n)
{
    const struct xsg_sample_pair pair = {.base = base,
                                         .head = head,
                                         .n_base = n,
                                         .n_head = n,
                                         .paired = true,
                                         .resolution = xsg_row_resolution(t, row),
                                         .inflation = t->inflation,
                                         .bias = t->bias};
    struct xsg_effect effect;
    xsg_effect_estimate(&effect, &pair, t->error);
    return effect;
}

static void keep(struct xsg_arena *arena, struct pool *pool, const struct xsg_values *values)
{
    size_t n = values->n_base;
    pool->base = xsg_grow(arena, pool->base, &pool->cap_base, pool->n + n, sizeof *pool->base);
    pool->head = xsg_grow(arena, pool->head, &pool->cap_head, pool->n + n, sizeof *pool->head);
    for (size_t i = 0; i < n; i++) {
        pool->base[pool->n + i] = values->base[i];
        pool->head[pool->n + i] = values->head[i];
    }
    pool->n += n;
}

/* The row in one layout. False, with *why: nothing was seen of it. */
static bool measure(const struct xsg_target_work *t, const struct xsg_row *row,
                    const struct xsg_compare_layout *layout, struct pool *pool,
                    struct xsg_effect *effect, const char **why)
{
    struct xsg_arena *arena = t->context->arena;
    const struct xsg_target_run *base = find_target(layout->base, t->name);
    const struct xsg_target_run *head = find_target(layout->head, t->name);
    struct xsg_side sides[2];
    struct xsg_values values;
    *why = why_useless(t, layout, base, head);
    if (*why)
        return false;
    xsg_side_init(&sides[0], arena, layout->base, base);
    xsg_side_init(&sides[1], arena, layout->head, head);
    const struct xsg_match match = {.base = find_series(t, row, &sides[0], row->match.base),
                                    .head = find_series(t, row, &sides[1], row->match.head)};
    *why = "it was not seen there";
    if (!match.base || !match.head)
        return false;
    xsg_match_values(arena, &match, &sides[0], &sides[1], true, &values);
    *effect = estimate(t, row, values.base, values.head, values.n_base);
    *why = "too few rounds";
    if (effect->method == XSG_EFFECT_NONE || !(effect->ratio > 0) || !isfinite(effect->ratio))
        return false;
    keep(arena, pool, &values);
    return true;
}

static const char *list_changes(struct xsg_arena *arena, const struct xsg_delta *d)
{
    struct xsg_buf out = XSG_BUF_INIT;
    for (size_t i = 0; i < d->n_layouts; i++) {
        char change[XSG_CHANGE_SIZE];
        xsg_format_change(change, d->layouts[i]);
        xsg_buf_printf(&out, "%s%s", i ? ", " : "", change);
    }
    const char *text = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return text;
}

/* ---- the verdict -------------------------------------------------------------------------------
 */

/* Did the target itself get slower? Then the function says where. */
static bool is_slower(const struct xsg_target_work *t, const char *metric)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        if (!d->function.name && d->counts && d->verdict == XSG_DELTA_REGRESSED &&
            strcmp(d->metric, metric) == 0)
            return true;
    }
    return false;
}

/* What persists in every layout is due to these. */
static const char *persisting(const struct xsg_delta *d, enum xsg_code target)
{
    if (!d->function.name && target != XSG_CODE_SAME_DEEP)
        return "machine code of what takes time identical: calls, input or data";
    return d->counts && d->function.name ? "machine code identical: calls, input or data"
                                         : "machine code identical: input or data";
}

static void conclude(struct xsg_target_work *t, struct xsg_row *row, enum xsg_code target,
                     const char *why)
{
    struct xsg_arena *arena = t->context->arena;
    struct xsg_delta *d = &row->delta;
    const char *changes = list_changes(arena, d);
    if (d->layout == XSG_LAYOUT_PERSISTS) {
        row->layout = xsg_printf(arena, "%s, not layout (%s in %zu link orders)",
                                 persisting(d, target), changes, d->n_layouts);
        d->counts = true;
        d->rule = xsg_printf(arena, "machine code identical, slower in %zu of %zu layouts",
                             d->n_layouts, d->n_layouts);
    } else if (d->layout == XSG_LAYOUT_GONE) {
        row->layout = xsg_printf(arena, "layout: " XSG_RULE_LAYOUT " (%s)", changes);
        if (!d->counts)
            return;
        d->rule = XSG_RULE_LAYOUT;
        if (d->function.name)
            d->counts = false;
        else
            d->verdict = XSG_DELTA_UNDECIDED;
    } else if (d->n_layouts > 1) {
        row->layout = xsg_printf(arena, "other link orders leave it open (%s)", changes);
        if (d->function.name && d->counts && row->same_way && d->n_layouts >= XSG_LAYOUT_LEAST) {
            d->counts = false;
            d->rule = XSG_RULE_LAYOUT_OPEN;
        }
    } else if (why) {
        row->layout = xsg_printf(arena, "not measured in another link order: %s", why);
        if (d->function.name && d->counts && row->same_way && d->code == XSG_CODE_SAME_DEEP &&
            !is_slower(t, d->metric)) {
            d->verdict = XSG_DELTA_UNDECIDED;
            d->rule = XSG_RULE_LAYOUT_UNKNOWN;
            d->detectable = NAN; /* the rounds have told what they can */
        }
    }
}

static void check(struct xsg_target_work *t, struct xsg_row *row, enum xsg_code target)
{
    const struct xsg_compare_options *o = t->context->options;
    struct xsg_delta *d = &row->delta;
    size_t n = o ? o->n_layouts : 0;
    double *worse = XSG_NEW_ARRAY(t->context->arena, double, n + 1);
    bool *apart = XSG_NEW_ARRAY(t->context->arena, bool, n + 1);
    const char *why = o ? o->no_layouts : NULL;
    if (!t->context->paired)
        why = "base is a stored run";
    struct pool pool = {0};
    d->layout = t->context->paired ? XSG_LAYOUT_OPEN : XSG_LAYOUT_NONE;
    d->layouts = XSG_NEW_ARRAY(t->context->arena, double, n + 1);
    d->layouts[d->n_layouts++] = d->ratio;
    for (size_t i = 0; i < n; i++) {
        const char *useless;
        struct xsg_effect effect;
        if (!measure(t, row, &o->layouts[i], &pool, &effect, &useless)) {
            why = useless;
            continue;
        }
        apart[d->n_layouts] = row->more_is_better ? effect.low > d->high : effect.high < d->low;
        d->layouts[d->n_layouts++] = effect.ratio;
    }
    for (size_t i = 0; i < d->n_layouts; i++)
        worse[i] = row->more_is_better ? -log(d->layouts[i]) : log(d->layouts[i]);
    if (d->n_layouts > 1) {
        struct xsg_effect all = estimate(t, row, pool.base, pool.head, pool.n);
        const struct xsg_layout_evidence evidence = {worse, apart, d->n_layouts,
                                                     row->more_is_better ? all.p_less : all.p_more};
        d->layout = xsg_layout_decide(&evidence, d->threshold, t->context->gate->alpha);
    }
    conclude(t, row, target, why);
    if (d->n_layouts == 1) { /* nothing to tell */
        d->layouts = NULL;
        d->n_layouts = 0;
    }
}

static bool has_same_code(const struct xsg_row *row)
{
    return row->same_here || (row->same_way && row->delta.code == XSG_CODE_SAME_DEEP);
}

/* Layouts cost builds: where something else is slower that counts, the verdict is known without. */
static bool same_code_decides(const struct xsg_target_work *t, enum xsg_code target)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_row *row = &t->rows[i];
        bool same = row->delta.function.name ? has_same_code(row) : target != XSG_CODE_DIFFERENT;
        if (row->delta.verdict == XSG_DELTA_REGRESSED && row->delta.counts && !same)
            return false;
    }
    return true;
}

/* Slower, and by what was measured: counts do not depend on the layout. */
static bool is_asked(const struct xsg_row *row, enum xsg_code target, bool decides)
{
    const struct xsg_delta *d = &row->delta;
    const struct xsg_metric *metric = xsg_metric_find(d->metric);
    if (d->verdict != XSG_DELTA_REGRESSED || (metric && (metric->deterministic || metric->counted)))
        return false;
    if (!d->function.name)
        return d->counts && target != XSG_CODE_DIFFERENT;
    if (!d->counts)
        return d->rule && strcmp(d->rule, XSG_RULE_SAME_CODE) == 0;
    return has_same_code(row) && decides;
}

void xsg_rows_check_layout(struct xsg_target_work *t)
{
    bool slower = false;
    for (size_t i = 0; i < t->n_rows; i++)
        slower |= t->rows[i].delta.verdict == XSG_DELTA_REGRESSED;
    enum xsg_code same = slower ? xsg_code_of_target(t) : XSG_CODE_DIFFERENT;
    bool decides = slower && same_code_decides(t, same);
    for (size_t i = 0; slower && i < t->n_rows; i++) {
        if (is_asked(&t->rows[i], same, decides))
            check(t, &t->rows[i], same);
    }
}

const char *xsg_layout_remark(const struct xsg_target_work *t, const struct xsg_row *row,
                              const char *cause)
{
    if (!row->layout || !cause)
        return row->layout ? row->layout : cause;
    /* More rounds, which an undecided row asks for, would not settle it. */
    if (row->delta.verdict == XSG_DELTA_UNDECIDED) {
        return strcmp(row->delta.rule, XSG_RULE_LAYOUT_UNKNOWN) == 0
                   ? xsg_printf(t->context->arena, "machine code identical here and below; %s",
                                row->layout)
                   : row->layout;
    }
    return xsg_printf(t->context->arena, "%s; %s", cause, row->layout);
}
