#include "compare/compare.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "compare/row.h"

static const struct xsg_target_run *find_target(const struct xsg_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        if (strcmp(run->targets[i].name, name) == 0)
            return &run->targets[i];
    }
    return NULL;
}

static bool same_session(const struct xsg_run *base, const struct xsg_run *head)
{
    return base->session && head->session && *base->session &&
           strcmp(base->session, head->session) == 0;
}

/* Unknown environments are given the benefit of the doubt, and a warning. */
static bool same_environment(const struct xsg_run *base, const struct xsg_run *head)
{
    const char *b = base->environment.fingerprint, *h = head->environment.fingerprint;
    return !b || !h || strcmp(b, h) == 0;
}

static int check_gate(const struct xsg_gate *gate, struct xsg_err *err)
{
    if (!(gate->alpha > 0 && gate->alpha < 0.5))
        return xsg_fail(err, XSG_EINVAL, "alpha is %g: expected above 0 and below 0.5",
                        gate->alpha);
    if (!(gate->beta > 0 && gate->beta < 0.5))
        return xsg_fail(err, XSG_EINVAL, "beta is %g: expected above 0 and below 0.5", gate->beta);
    if (!(gate->threshold >= 0) || !isfinite(gate->threshold))
        return xsg_fail(err, XSG_EINVAL, "threshold is %g: expected 0 or more", gate->threshold);
    for (size_t i = 0; i < gate->n_rules; i++) {
        double threshold = gate->rules[i].threshold;
        if (!(threshold >= 0) || !isfinite(threshold))
            return xsg_fail(err, XSG_EINVAL, "threshold of gates[%zu] is %g: expected 0 or more", i,
                            threshold);
    }
    return 0;
}

static void compare_targets(struct xsg_context *context)
{
    const struct xsg_run *base = context->base, *head = context->head;
    size_t n = 0, most = base->n_targets + head->n_targets;
    struct xsg_target_work *work = XSG_NEW_ARRAY(context->arena, struct xsg_target_work, most);
    for (size_t i = 0; i < base->n_targets; i++)
        xsg_target_measure(context, &work[n++], &base->targets[i],
                           find_target(head, base->targets[i].name));
    for (size_t i = 0; i < head->n_targets; i++) {
        if (!find_target(base, head->targets[i].name))
            xsg_target_measure(context, &work[n++], NULL, &head->targets[i]);
    }
    xsg_rows_decide(context, work, n);
    for (size_t i = 0; i < n; i++)
        xsg_target_conclude(&work[i]);
}

int xsg_compare(struct xsg_arena *arena, const struct xsg_run *base, const struct xsg_run *head,
                const struct xsg_gate *gate, const struct xsg_compare_options *options,
                struct xsg_comparison *comparison, struct xsg_err *err)
{
    int rc = check_gate(gate, err);
    if (rc < 0)
        return rc;
    *comparison = (struct xsg_comparison){
        .base = base, .head = head, .paired = same_session(base, head), .gate = *gate};
    comparison->elapsed_s = comparison->paired ? fmax(base->elapsed_s, head->elapsed_s)
                                               : base->elapsed_s + head->elapsed_s;
    struct xsg_context context = {.arena = arena,
                                  .base = base,
                                  .head = head,
                                  .gate = &comparison->gate,
                                  .options = options,
                                  .paired = comparison->paired,
                                  .comparison = comparison};
    context.comparable = context.paired || same_environment(base, head);
    struct xsg_looks looks;
    context.looks = options ? options->looks : NULL;
    if (!context.looks) {
        xsg_looks_doubling(&looks, options && options->n_looks > 1 ? options->n_looks : 1);
        context.looks = &looks;
    }
    compare_targets(&context);
    xsg_comparison_conclude(&context);
    return 0;
}

static const struct xsg_delta *target_of(const struct xsg_comparison *c, const struct xsg_delta *d)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *t = &c->deltas[i];
        if (!t->function.name && strcmp(t->target, d->target) == 0 &&
            strcmp(t->metric, d->metric) == 0)
            return t;
    }
    return NULL;
}

/* Is there a function that says why the target got faster? */
static bool improvement_named(const struct xsg_comparison *c, const struct xsg_delta *target)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->function.name && d->verdict == XSG_DELTA_IMPROVED &&
            strcmp(d->target, target->target) == 0 && strcmp(d->metric, target->metric) == 0)
            return true;
    }
    return false;
}

/* Is the estimate beyond the threshold on that side, by this part of the interval's half width? */
static bool leans_slower(const struct xsg_delta *d, double hint)
{
    return d->ratio >= 1 + d->threshold && log(d->ratio) > hint * log(d->ratio / d->low);
}

static bool leans_faster(const struct xsg_delta *d, double hint)
{
    return d->ratio <= 1 / (1 + d->threshold) && -log(d->ratio) > hint * log(d->ratio / d->low);
}

static bool explains_half(const struct xsg_delta *d, const struct xsg_delta *target)
{
    return d->share * fabs(1 - d->ratio) >= fabs(1 - target->ratio) / 2;
}

/* The target got faster: by its threshold, or for certain and, if this function did as it seems,
 * not by just anything. */
static bool is_gain_of(const struct xsg_delta *d, const struct xsg_delta *target)
{
    if (target->verdict == XSG_DELTA_IMPROVED)
        return explains_half(d, target);
    return target->high < 1 && explains_half(d, target) &&
           d->share * (1 - d->ratio) >= target->threshold / 2;
}

static bool is_not_worse(const struct xsg_delta *d)
{
    return d->rule && strcmp(d->rule, XSG_NOT_WORSE) == 0;
}

/* Of a target that did not get worse: will the rounds that are left show an improvement, or that
 * there is none? */
static bool will_tell_improvement(const struct xsg_comparison *c, const struct xsg_delta *d)
{
    double gain = fabs(log(d->ratio)), edge = log1p(d->threshold);
    double at_end = log(d->ratio / d->low) * sqrt(c->progress);
    return c->progress < 1 && d->low > 0 && (gain >= edge || edge - gain > at_end);
}

#define HINT (1.0 / 3)
#define STRONG_HINT 0.6

/*
 * An undecided row that does not count may still be worth more rounds: when the rounds that are
 * left would settle it, or when it leans towards slower (a slowdown of a small function shows first
 * as a hint). What is hopeless does not keep the others waiting. Within a target that passed, the
 * hint has to be a strong one: among many functions there always is a weak one. A target that got
 * faster, if only by less than its threshold, is measured on while no function is decided that
 * explains it, but one seems to.
 */
static bool worth_waiting(const struct xsg_comparison *c, const struct xsg_delta *d)
{
    if (is_not_worse(d))
        return will_tell_improvement(c, d);
    if (d->counts)
        return true;
    if (c->progress >= 1 || !(d->low > 0) ||
        (strcmp(d->rule, XSG_TARGET_PASSED) != 0 && strncmp(d->rule, "effect", 6) != 0))
        return false;
    const struct xsg_delta *target = target_of(c, d);
    if (target && (target->verdict == XSG_DELTA_IMPROVED || target->verdict == XSG_DELTA_UNCHANGED))
        return leans_slower(d, STRONG_HINT) ||
               (leans_faster(d, HINT) && is_gain_of(d, target) && !improvement_named(c, target));
    double at_end = log(d->ratio / d->low) * sqrt(c->progress);
    return at_end < log1p(d->threshold) || leans_slower(d, HINT);
}

bool xsg_compare_decided(const struct xsg_comparison *comparison, const char *target)
{
    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *d = &comparison->deltas[i];
        if ((d->verdict == XSG_DELTA_UNDECIDED || is_not_worse(d)) &&
            strcmp(d->target, target) == 0 && worth_waiting(comparison, d))
            return false;
    }
    return true;
}

bool xsg_compare_needs_confirmation(const struct xsg_comparison *comparison, const char *target)
{
    bool regressed = false, named = false;
    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *d = &comparison->deltas[i];
        bool red = d->verdict == XSG_DELTA_REGRESSED && d->counts && !isnan(d->p) &&
                   strcmp(d->target, target) == 0;
        regressed |= red;
        named |= red && d->function.name;
    }
    return named ||
           (regressed && (comparison->progress >= 1 || xsg_compare_decided(comparison, target)));
}

bool xsg_compare_wants_layouts(const struct xsg_comparison *comparison, const char *target,
                               size_t n)
{
    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *d = &comparison->deltas[i];
        if (d->layout == XSG_LAYOUT_OPEN && !d->waiver && strcmp(d->target, target) == 0 &&
            d->n_layouts == (n > 0 ? n + 1 : 0))
            return true;
    }
    return false;
}

int xsg_compare_exit_status(const struct xsg_comparison *comparison)
{
    switch (comparison->verdict) {
    case XSG_VERDICT_PASSED:
        return 0;
    case XSG_VERDICT_REGRESSED:
        return 1;
    case XSG_VERDICT_UNDECIDED:
        return comparison->gate.strict ? 4 : 0;
    case XSG_VERDICT_INVALID:
        break;
    }
    return 3;
}
