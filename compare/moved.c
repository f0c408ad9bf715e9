/*
 * Cost that moved between functions: renamed, split, merged, inlined or not inlined any more. Of
 * functions that call each other, or that one caller calls, some got slower or are new and others
 * got faster or are gone. When their sum stays within the threshold, and what some gained is what
 * the others lost, nothing got worse. A slow function beside one that was sped up by itself is no
 * moved cost: there most of one of the two is left over. And what a rule of the gate names counts
 * whatever the others did.
 *
 * And cost that comes along: a function that did not change, slower by a little of what a changed
 * one beside it lost, is listed but not counted; that one is.
 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/metric.h"
#include "base/stats.h"
#include "compare/explain.h"

enum { MOST_NAMED = 3, MOST_CANDIDATES = 512 };

/* Gain and loss match when what is left over is at most this part of both. */
#define LEFT_OVER 0.5
/* A function that did not change pays at most this part of what its callee or caller won: a store
 * that retires later, a cache line that was loaded there before. A caller of a loop that lost an
 * addition per byte paid an eighth to a third of that in its own time, in 10 gates of one program
 * (tests/targets/json_bench, write_value by scopes and by instrumented functions). */
#define PAID 0.5
/* And not for sure more than this part of what it cost itself: such effects were 6 to 27 % of that,
 * while a walk over data that the same commit had put in a worse order cost half again to six times
 * as much, beside a callee that won more. */
#define PAID_OF_OWN (1.0 / 3)
/* Beside a function that got slower by its own change, one that did not change seems slower by a
 * little of that: what the longer one leaves to be done when the next begins. Instrumented, each
 * call of json_bench's new_line, 4.2 ns, cost 1.1 ns more after a longer escape_string, 0.06 to 0.1
 * of what that lost, in 9 gates. */
#define BESIDE (1.0 / 8)
/* Counts of calls that jitter by less are the same. */
#define SAME_CALLS 1e-3

struct candidate {
    struct xsg_row *row;
    uint32_t number; /* in the paths */
    size_t group;    /* the smallest index among those that belong together */
    bool up, one_sided, same_code;
};

struct group {
    size_t *members; /* indices of candidates */
    size_t n;
    double gain, loss; /* of those that go up, and of those that go down; in the metric's unit */
};

/* What became of the sum over a group. */
struct sum {
    enum xsg_delta_verdict verdict; /* at the smallest threshold of the members; invalid: none */
    double low, high;               /* interval of what is left over, in the metric's unit */
};

/* Did a function's cost come from the others of its group, or go there? */
enum origin { FROM_OTHERS, OPEN, BY_ITSELF };

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

static struct sum judge_sum(const struct xsg_target_work *t, const struct candidate *list,
                            const struct group *group)
{
    struct xsg_values sum;
    struct xsg_effect effect;
    double threshold = (double)INFINITY;
    bool counted = false;
    if (!sum_values(t, list, group, &sum))
        return (struct sum){.verdict = XSG_DELTA_INVALID};
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
    double base = xsg_mean(sum.base, sum.n_base);
    struct sum result = {.verdict = XSG_DELTA_UNDECIDED,
                         .low = base * (effect.low - 1),
                         .high = base * (effect.high - 1)};
    if (effect.method == XSG_EFFECT_NONE)
        result.verdict = XSG_DELTA_INVALID;
    else if (effect.low > 1 && effect.ratio >= 1 + threshold)
        result.verdict = XSG_DELTA_REGRESSED;
    else if (effect.high < 1 + threshold)
        result.verdict = XSG_DELTA_UNCHANGED;
    return result;
}

/* What a function gained or lost, in the metric's unit; its means, where it is on one side only. */
static double change_of(const struct xsg_delta *d)
{
    if (d->verdict == XSG_DELTA_ADDED)
        return d->head.mean;
    return d->verdict == XSG_DELTA_REMOVED ? -d->base.mean : d->base.mean * (d->ratio - 1);
}

/* ---- whose cost it is -------------------------------------------------------------------------
 */

/* The cost of those that are new or gone and belong to this function. What is gone its caller does
 * now, perhaps in less time: with them gain and loss need not match. */
static double one_sided_cost(const struct xsg_paths *paths, const struct candidate *list,
                             const struct group *group, const struct candidate *self)
{
    double cost = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct candidate *c = &list[group->members[i]];
        if (c->one_sided && belong_together(paths, self, c))
            cost += fabs(change_of(&c->row->delta));
    }
    return cost;
}

enum calls { CALLS_UNKNOWN, CALLS_NOT_MORE, CALLS_MORE };

static enum calls compare_calls(const struct xsg_delta *d)
{
    if (!(d->base.calls > 0 && d->head.calls > 0))
        return CALLS_UNKNOWN;
    return d->head.calls <= d->base.calls * (1 + SAME_CALLS) ? CALLS_NOT_MORE : CALLS_MORE;
}

/* Known to be as it was, not only not known to differ. */
static bool is_untouched(const struct xsg_delta *d)
{
    return d->changed == 0 && d->code != XSG_CODE_DIFFERENT;
}

/* Does the time that one lost show in the other's? In a caller's; in a callee's if that is called
 * as often, for a caller that won may as well call it more; and in that of any other of the group
 * that is known to be as it was: of a chain of short calls, instrumented, one seems slower by what
 * the next but one won. */
static bool may_pay(const struct xsg_paths *paths, const struct candidate *self,
                    const struct candidate *winner)
{
    enum calls calls = compare_calls(&self->row->delta);

    if (calls != CALLS_MORE && xsg_paths_calls(paths, self->number, winner->number))
        return true;
    return calls == CALLS_NOT_MORE && (is_untouched(&self->row->delta) ||
                                       xsg_paths_calls(paths, winner->number, self->number));
}

/* Slower without a change of its own, by a part of what another won. */
static bool pays_a_part(const struct xsg_paths *paths, const struct candidate *list,
                        const struct group *group, const struct candidate *self)
{
    const struct xsg_delta *d = &self->row->delta;
    double won = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct candidate *c = &list[group->members[i]];
        if (!c->up && may_pay(paths, self, c))
            won = fmax(won, -change_of(&c->row->delta));
    }
    return self->up && d->changed != 1 && d->code != XSG_CODE_DIFFERENT &&
           change_of(d) <= PAID * won && d->low <= 1 + PAID_OF_OWN;
}

static enum origin origin_of(const struct xsg_paths *paths, const struct candidate *list,
                             const struct group *group, const struct sum *sum,
                             const struct candidate *self)
{
    double change = fabs(change_of(&self->row->delta));
    double limit = LEFT_OVER * fmin(change, fmin(group->gain, group->loss));
    if (self->one_sided || change <= (1 + LEFT_OVER) * one_sided_cost(paths, list, group, self) ||
        pays_a_part(paths, list, group, self) || (sum->low >= -limit && sum->high <= limit))
        return FROM_OTHERS;
    return sum->low > limit || sum->high < -limit ? BY_ITSELF : OPEN;
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

static void mark(const struct xsg_target_work *t, const struct xsg_paths *paths,
                 const struct candidate *list, const struct group *group, const struct sum *sum)
{
    for (size_t i = 0; i < group->n; i++) {
        const struct candidate *c = &list[group->members[i]];
        struct xsg_delta *d = &c->row->delta;
        enum origin origin = origin_of(paths, list, group, sum, c);
        if (origin != BY_ITSELF || one_sided_cost(paths, list, group, c) > 0)
            d->moved = phrase(t->context->arena, list, group, i);
        if (origin == BY_ITSELF || c->row->named || sum->verdict == XSG_DELTA_REGRESSED)
            continue;
        if (sum->verdict == XSG_DELTA_UNCHANGED && origin == FROM_OTHERS) {
            if (d->counts)
                d->rule = XSG_RULE_MOVED;
            d->counts = false;
        } else if (d->verdict == XSG_DELTA_REGRESSED) {
            d->verdict = XSG_DELTA_UNDECIDED; /* some of it moved, perhaps all */
        }
    }
}

static void judge_groups(const struct xsg_target_work *t, const struct xsg_paths *paths,
                         struct candidate *list, size_t n)
{
    struct group group = {.members = XSG_NEW_ARRAY(t->context->arena, size_t, n)};
    for (size_t g = 0; g < n; g++) {
        group.n = 0;
        group.gain = group.loss = 0;
        for (size_t i = g; i < n && list[g].group == g; i++) {
            if (list[i].group != g)
                continue;
            group.members[group.n++] = i;
            *(list[i].up ? &group.gain : &group.loss) += fabs(change_of(&list[i].row->delta));
        }
        if (group.n < 2) /* those that go one way only do not belong together */
            continue;
        const struct sum sum = judge_sum(t, list, &group);
        if (sum.verdict != XSG_DELTA_INVALID)
            mark(t, paths, list, &group, &sum);
    }
}

/* ---- beside a change --------------------------------------------------------------------------
 */

static bool is_slower(const struct xsg_row *row, const char *metric)
{
    const struct xsg_delta *d = &row->delta;
    return d->function.name && d->counts && d->verdict == XSG_DELTA_REGRESSED &&
           strcmp(d->metric, metric) == 0 && !row->more_is_better;
}

static bool may_seem_slower(const struct xsg_row *row, const char *metric)
{
    const struct xsg_delta *d = &row->delta;
    return is_slower(row, metric) && !row->named && is_untouched(d) &&
           compare_calls(d) == CALLS_NOT_MORE && d->low <= 1 + PAID_OF_OWN;
}

static bool has_same_code(const struct xsg_delta *d)
{
    return d->code == XSG_CODE_SAME_DEEP || d->code == XSG_CODE_SAME;
}

/* One calls the other, or both have one caller: the one runs right before the other. */
static bool run_beside(const struct xsg_paths *paths, const struct xsg_function *a,
                       const struct xsg_function *b)
{
    uint32_t x = xsg_paths_find(paths, a), y = xsg_paths_find(paths, b);
    return x != XSG_PATHS_NONE && y != XSG_PATHS_NONE &&
           (xsg_paths_calls(paths, x, y) || xsg_paths_calls(paths, y, x) ||
            xsg_paths_siblings(paths, x, y));
}

/* The gate names the function that changed, and it alone. */
static void excuse_beside(const struct xsg_target_work *t, const struct xsg_paths *paths,
                          const char *metric)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (!may_seem_slower(&t->rows[i], metric))
            continue;
        for (size_t k = 0; k < t->n_rows; k++) {
            const struct xsg_delta *other = &t->rows[k].delta;
            if (!is_slower(&t->rows[k], metric) || other->changed != 1 || has_same_code(other) ||
                change_of(d) > BESIDE * change_of(other) ||
                !run_beside(paths, &d->function, &other->function))
                continue;
            d->counts = false;
            d->rule = XSG_RULE_BESIDE;
            d->moved =
                xsg_printf(t->context->arena, "comes with %s, which changed and runs beside it",
                           other->function.name);
            break;
        }
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
                                     .same_code = has_same_code(&row->delta)};
        n++;
    }
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++)
            if (list[a].group != list[b].group && belong_together(paths, &list[a], &list[b]))
                join(list, n, a, b);
    judge_groups(t, paths, list, n);
}

void xsg_rows_find_moved(struct xsg_target_work *t, const struct xsg_paths *paths)
{
    find_in_metric(t, paths, "time");
    find_in_metric(t, paths, "instructions");
    excuse_beside(t, paths, "time"); /* instructions are exact */
}
