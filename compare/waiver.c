/* Known and accepted slowdowns: told, but they do not fail the gate while their waiver holds. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "compare/row.h"

static bool names(const char *pattern, const char *name)
{
    return !pattern || strcmp(pattern, name) == 0 || xsg_glob(pattern, name);
}

/* One that holds, rather than one that expired. */
static const struct xsg_gate_waiver *find(const struct xsg_gate *gate, const struct xsg_delta *d)
{
    const struct xsg_gate_waiver *found = NULL;
    for (size_t i = 0; i < gate->n_waivers; i++) {
        const struct xsg_gate_waiver *w = &gate->waivers[i];
        if ((w->function != NULL) != (d->function.name != NULL) || !names(w->target, d->target) ||
            (w->function && !names(w->function, d->function.name)))
            continue;
        if (!w->expired)
            return w;
        found = w;
    }
    return found;
}

static void say(struct xsg_context *context, struct xsg_delta *d, const char *text)
{
    d->cause = d->cause ? xsg_printf(context->arena, "%s; %s", d->cause, text) : text;
}

static bool could_fail(const struct xsg_delta *d)
{
    return d->counts && (d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_UNDECIDED);
}

static void waive(struct xsg_context *context, struct xsg_delta *d)
{
    const struct xsg_gate_waiver *w = could_fail(d) ? find(context->gate, d) : NULL;
    if (!w)
        return;
    if (w->expired) {
        say(context, d, xsg_printf(context->arena, "its waiver (%s) %s", w->reason, w->expired));
        return;
    }
    d->waiver = w->reason;
    d->rule = "waived";
    d->counts = false;
    say(context, d, xsg_printf(context->arena, "waived until %.10s: %s", w->until, w->reason));
}

/* What a target lost through functions whose slowdown is accepted is accepted in the target. */
static void waive_target(struct xsg_context *context, struct xsg_delta *target)
{
    const struct xsg_comparison *c = context->comparison;
    const struct xsg_delta *first = NULL;
    double accepted = 0;
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (!d->waiver || !d->function.name || strcmp(d->target, target->target) != 0 ||
            strcmp(d->metric, target->metric) != 0)
            continue;
        double more = d->head.mean - d->base.mean;
        accepted += more > 0 ? more : 0;
        first = first ? first : d;
    }
    if (!first || !(target->head.mean - accepted < (1 + target->threshold) * target->base.mean))
        return;
    target->waiver = first->waiver;
    target->rule = "waived";
    target->counts = false;
    say(context, target,
        xsg_printf(context->arena, "through %s, which is waived", first->function.name));
}

void xsg_comparison_waive(struct xsg_context *context)
{
    struct xsg_comparison *c = context->comparison;
    for (size_t i = 0; i < c->n_deltas && context->gate->n_waivers > 0; i++)
        waive(context, &c->deltas[i]);
    for (size_t i = 0; i < c->n_deltas && context->gate->n_waivers > 0; i++) {
        if (!c->deltas[i].function.name && could_fail(&c->deltas[i]))
            waive_target(context, &c->deltas[i]);
    }
}
