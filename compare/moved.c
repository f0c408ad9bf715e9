/*
 * Cost that moved between functions: renamed, split, merged, inlined or not inlined any more. Of
 * functions that call each other, or that one caller calls, some got slower or are new and others
 * got faster or are gone. The sum over them decides: when it stays within the threshold, nothing
 * got worse.
 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/metric.h"
#include "compare/explain.h"

enum { MOST_NAMED = 3, MOST_CANDIDATES = 512 };

struct candidate {
    struct xsg_row *row;
    uint32_t number; /* in the paths */
    size_t group;    /* the smallest index among those that belong together */
    bool up, one_sided, same_code;
};

struct group {
    size_t *members; /* indices of candidates */
    size_t n;
    bool up, down;
};

static bool is_one_sided(enum xsg_delta_verdict verdict)
{
    return verdict == XSG_DELTA_ADDED || verdict == XSG_DELTA_REMOVED;
}

static bool is_candidate(const struct xsg_row *row, const char *metric)
{
    const struct xsg_delta *d = &row->delta;
    if (!d->function.name || strcmp(d->metric, metric) != 0 || row->more_is_better)
        return false;
    return is_one_sided(d->verdict) || d->verdict == XSG_DELTA_REGRESSED ||
           d->verdict == XSG_DELTA_IMPROVED;
}

static bool goes_up(const struct xsg_delta *d)
{
    if (is_one_sided(d->verdict))
        return d->verdict == XSG_DELTA_ADDED;
    return d->verdict == XSG_DELTA_REGRESSED;
}

/* Caller and callee hand work to each other: the code of one at least changed, the other may be
 * inlined there or not. Of two that one caller calls, one must be new or gone: else each may have
 * changed by itself. */
static bool belong_together(const struct xsg_paths *paths, const struct candidate *a,
                            const struct candidate *b)
{
    if (a->up == b->up || (a->same_code && b->same_code))
        return false;
    if (xsg_paths_calls(paths, a->number, b->number) ||
        xsg_paths_calls(paths, b->number, a->number))
        return true;
    return !a->same_code && !b->same_code && (a->one_sided || b->one_sided) &&
           xsg_paths_siblings(paths, a->number, b->number);
}

static void join(struct candidate *list, size_t n, size_t a, size_t b)
{
    size_t x = list[a].group, y = list[b].group;
    size_t from = x > y ? x : y, to = x > y ? y : x;
    for (size_t i = 0; i < n && from != to; i++)
        if (list[i].group == from)
            list[i].group = to;
}

/* The sum over the group's functions, by rounds. False: there is none. */
static bool sum_values(const struct xsg_target_work *t, const struct candidate *list,
                       const struct group *group, struct xsg_values *sum)
{
    struct xsg_match *matches = XSG_NEW_ARRAY(t->context->arena, struct xsg_match, group->n);
    for (size_t i = 0; i < group->n; i++)
        matches[i] = list[group->members[i]].row->match;
    xsg_match_sum(t->context->arena, matches, group->n, &t->base, &t->head, t->context->paired,
                  sum);
    return sum->n_base >= XSG_EFFECT_MIN_N && sum->n_head >= XSG_EFFECT_MIN_N;
}

/* What the sum did, at the smallest threshold of the members; invalid: it has no values. */
static enum xsg_delta_verdict judge_sum(const struct xsg_target_work *t,
                                        const struct candidate *list, const struct group *group)
{
    struct xsg_values sum;
    struct xsg_effect effect;
    double threshold = (double)INFINITY;
    bool counted = false;
    if (!sum_values(t, list, group, &sum))
        return XSG_DELTA_INVALID;
    for (size_t i = 0; i < group->n; i++) {
        const struct xsg_delta *d = &list[group->members[i]].row->delta;
        threshold = fmin(threshold, d->threshold);
        counted |= d->base.calls > 0 || d->head.calls > 0;
    }
    const struct xsg_sample_pair pair = {
        .base = sum.base,
        .head = sum.head,
        .n_base = sum.n_base,
        .n_head = sum.n_head,
        .paired = t->context->paired,
        .resolution = counted || t->sample_weight <= 1 ? 1 : t->sample_weight};
    xsg_effect_estimate(&effect, &pair, t->error);
    if (effect.method == XSG_EFFECT_NONE)
        return XSG_DELTA_INVALID;
    if (effect.low > 1 && effect.ratio >= 1 + threshold)
        return XSG_DELTA_REGRESSED;
    return effect.high < 1 + threshold ? XSG_DELTA_UNCHANGED : XSG_DELTA_UNDECIDED;
}

static const char *phrase(struct xsg_arena *arena, const struct candidate *list,
                          const struct group *group, size_t self)
{
    struct xsg_buf out = XSG_BUF_INIT;
    size_t named = 0, others = 0;
    bool up = list[group->members[self]].up;
    xsg_buf_puts(&out, up ? "cost came from " : "cost went to ");
    for (size_t i = 0; i < group->n; i++) {
        const struct candidate *c = &list[group->members[i]];
        if (i == self || c->up == up)
            continue;
        others++;
        if (named == MOST_NAMED)
            continue;
        xsg_buf_printf(&out, "%s%s", named++ ? ", " : "", c->row->delta.function.name);
    }
    if (others > named)
        xsg_buf_printf(&out, " and %zu more", others - named);
    const char *text = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return text;
}

static void mark(const struct xsg_target_work *t, const struct candidate *list,
                 const struct group *group, enum xsg_delta_verdict sum)
{
    for (size_t i = 0; i < group->n; i++) {
        struct xsg_delta *d = &list[group->members[i]].row->delta;
        d->moved = phrase(t->context->arena, list, group, i);
        if (sum == XSG_DELTA_UNCHANGED) {
            if (d->counts)
                d->rule = XSG_RULE_MOVED;
            d->counts = false;
        } else if (sum == XSG_DELTA_UNDECIDED && d->verdict == XSG_DELTA_REGRESSED) {
            d->verdict = XSG_DELTA_UNDECIDED; /* some of it moved, perhaps all */
        }
    }
}

static void judge_groups(const struct xsg_target_work *t, struct candidate *list, size_t n)
{
    struct group group = {.members = XSG_NEW_ARRAY(t->context->arena, size_t, n)};
    for (size_t g = 0; g < n; g++) {
        group.n = 0;
        group.up = group.down = false;
        for (size_t i = g; i < n && list[g].group == g; i++) {
            if (list[i].group != g)
                continue;
            group.members[group.n++] = i;
            group.up |= list[i].up;
            group.down |= !list[i].up;
        }
        enum xsg_delta_verdict sum =
            group.n > 1 && group.up && group.down ? judge_sum(t, list, &group) : XSG_DELTA_INVALID;
        if (sum != XSG_DELTA_INVALID)
            mark(t, list, &group, sum);
    }
}

static void find_in_metric(struct xsg_target_work *t, const struct xsg_paths *paths,
                           const char *metric)
{
    struct candidate *list = XSG_NEW_ARRAY(t->context->arena, struct candidate, MOST_CANDIDATES);
    size_t n = 0;
    for (size_t i = 0; i < t->n_rows && n < MOST_CANDIDATES; i++) {
        struct xsg_row *row = &t->rows[i];
        uint32_t number = is_candidate(row, metric) ? xsg_paths_find(paths, &row->delta.function)
                                                    : XSG_PATHS_NONE;
        if (number == XSG_PATHS_NONE)
            continue;
        list[n] = (struct candidate){.row = row,
                                     .number = number,
                                     .group = n,
                                     .up = goes_up(&row->delta),
                                     .one_sided = is_one_sided(row->delta.verdict),
                                     .same_code = row->delta.code == XSG_CODE_SAME_DEEP ||
                                                  row->delta.code == XSG_CODE_SAME};
        n++;
    }
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++)
            if (list[a].group != list[b].group && belong_together(paths, &list[a], &list[b]))
                join(list, n, a, b);
    judge_groups(t, list, n);
}

void xsg_rows_find_moved(struct xsg_target_work *t, const struct xsg_paths *paths)
{
    find_in_metric(t, paths, "time");
    find_in_metric(t, paths, "instructions");
}
