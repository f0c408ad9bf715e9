#include "compare/cause.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/change.h"
#include "compare/effect.h"
#include "compare/explain.h"

/* A change of calls below this is none: counts of a thread pool jitter by a few. */
#define SAME_CALLS 1e-3

/* A smallest change above this is none that could be told. */
#define MOST_SEEN 1e6

static const char *less_or_more(double ratio)
{
    return ratio >= 1 ? "more" : "less";
}

static void put_calls(struct xsg_buf *out, double ratio)
{
    char size[XSG_CHANGE_SIZE];
    if (ratio >= 1.95) {
        xsg_buf_printf(out, "called %.*fx as often", ratio < 9.95 ? 1 : 0, ratio);
        return;
    }
    xsg_format_size(size, ratio);
    xsg_buf_printf(out, "called %s %s often", size, less_or_more(ratio));
}

static void put_cost(struct xsg_buf *out, const char *what, double ratio)
{
    char size[XSG_CHANGE_SIZE];
    if (ratio >= 1.95) {
        xsg_buf_printf(out, "%s %.*fx as much", what, ratio < 9.95 ? 1 : 0, ratio);
        return;
    }
    xsg_format_size(size, ratio);
    xsg_buf_printf(out, "%s %s %s", what, size, less_or_more(ratio));
}

/* All that was measured of it: how often it is called is not known, nor what a call costs. */
static void put_amount(struct xsg_buf *out, const struct xsg_delta *d)
{
    bool time = d->unit && strcmp(d->unit, "ns") == 0;
    const char *verb = time ? "takes" : "needs";
    char size[XSG_CHANGE_SIZE];
    if (d->ratio < 1.95) {
        xsg_format_size(size, d->ratio);
        xsg_buf_printf(out, "%s %s %s %s", verb, size, less_or_more(d->ratio),
                       time ? "time" : d->metric);
        return;
    }
    xsg_buf_printf(out, "%s %.*fx ", verb, d->ratio < 9.95 ? 1 : 0, d->ratio);
    if (time)
        xsg_buf_puts(out, "as long");
    else
        xsg_buf_printf(out, "the %s", d->metric);
}

void xsg_delta_split(struct xsg_delta *d)
{
    bool counted = d->base.calls > 0 && d->head.calls > 0 && strcmp(d->metric, "calls") != 0;
    double change = d->head.mean - d->base.mean;
    double cost = counted ? (d->base.mean / d->base.calls + d->head.mean / d->head.calls) / 2 : 0;
    d->by_calls = counted ? (d->head.calls - d->base.calls) * cost : (double)NAN;
    d->by_cost = counted ? change - d->by_calls : (double)NAN;
}

static void put_split(struct xsg_buf *out, const struct xsg_delta *d)
{
    double calls = d->head.calls / d->base.calls;
    double base_cost = d->base.mean / d->base.calls, head_cost = d->head.mean / d->head.calls;
    double change = d->by_calls + d->by_cost;
    double part = change != 0 ? d->by_calls / change : 0;
    if (fabs(calls - 1) < SAME_CALLS || fabs(part) < 0.05) {
        put_cost(out, "each call costs", head_cost / base_cost);
    } else if (fabs(part - 1) < 0.05) {
        put_calls(out, calls);
    } else {
        put_calls(out, calls);
        if (part > 0 && part < 1)
            xsg_buf_printf(out, " (%.0f %% of it)", part * 100);
        put_cost(out, ", each call costs", head_cost / base_cost);
    }
}

static void put_change(struct xsg_buf *out, const struct xsg_delta *d)
{
    if (strcmp(d->metric, "calls") == 0)
        put_calls(out, d->ratio);
    else if (d->base.calls > 0 && d->head.calls > 0)
        put_split(out, d);
    else if (d->function.name)
        put_amount(out, d);
}

static void put_separator(struct xsg_buf *out)
{
    if (out->len && out->data[out->len - 1] != ' ')
        xsg_buf_puts(out, "; ");
}

static void put_changed(struct xsg_buf *out, const struct xsg_delta *d, const char *where)
{
    if (d->changed < 0)
        return;
    put_separator(out);
    if (where)
        xsg_buf_printf(out, "changed in this range: %s", where);
    else
        xsg_buf_printf(out, "code %schanged in this range", d->changed ? "" : "not ");
}

/* What the machine code adds to what the source says. */
static void put_code(struct xsg_buf *out, const struct xsg_delta *d, const char *caller)
{
    bool excused = d->rule && strcmp(d->rule, XSG_RULE_SAME_CODE) == 0;
    if (d->code == XSG_CODE_UNKNOWN || d->layout == XSG_LAYOUT_PERSISTS ||
        (d->code == XSG_CODE_DIFFERENT && d->changed != 0))
        return;
    put_separator(out);
    if (excused)
        xsg_buf_puts(out, XSG_RULE_SAME_CODE);
    else if (d->code == XSG_CODE_SAME_DEEP)
        xsg_buf_printf(out, "machine code identical here and below: what calls it changed%s%s%s",
                       caller ? " (" : "", caller ? caller : "", caller ? ")" : "");
    else if (d->code == XSG_CODE_SAME)
        xsg_buf_puts(out, "its own machine code is identical");
    else
        xsg_buf_puts(out, "its machine code changed (a header, flags, or inlining)");
}

static void put_relations(struct xsg_buf *out, const struct xsg_delta *d)
{
    if (d->through)
        xsg_buf_printf(out, "through %s", d->through);
    if (d->moved) {
        put_separator(out);
        xsg_buf_puts(out, d->moved);
    }
    if (d->matched) {
        put_separator(out);
        xsg_buf_printf(out, "was %s", d->matched);
    }
}

/*
 * What it would take. The half width of the interval on the logarithm shrinks with the root of the
 * rounds; the verdict falls when it is smaller than the distance to the nearest edge: of the
 * threshold for an estimate below it, of "no change" for one above it. What is seen is told as the
 * other reports tell it; only where the standard error is not known does the interval stand for it.
 */
static void put_undecided(struct xsg_buf *out, const struct xsg_delta *d)
{
    size_t n = d->base.n < d->head.n ? d->base.n : d->head.n;
    if (n < XSG_EFFECT_MIN_N) {
        xsg_buf_printf(out, "only %zu round%s; at least %d are needed", n, n == 1 ? "" : "s",
                       XSG_EFFECT_MIN_N);
        return;
    }
    double half = log(d->ratio / d->low), size = fabs(log(d->ratio)), edge = log1p(d->threshold);
    double distance = size < edge ? edge - size : size;
    double rounds = (double)n * (half / distance) * (half / distance);
    bool known = d->detectable < MOST_SEEN;
    if (isfinite(d->settle_rounds))
        rounds = d->settle_rounds; /* knows the evidence that is asked for, too */
    if (known || (isfinite(half) && half < log(3))) {
        char seen[XSG_CHANGE_SIZE];
        xsg_format_size(seen, known ? 1 + d->detectable : exp(fmax(half, edge)));
        xsg_buf_printf(out, "sees changes from %s on; ", seen);
    } else {
        xsg_buf_puts(out, "too few samples; ");
    }
    if (rounds <= (double)n)
        rounds = (double)n * 1.5; /* the interval alone would do; the evidence over all functions
                                     does not yet */
    if (rounds > 1000 || !isfinite(rounds))
        xsg_buf_puts(out, "more rounds will hardly settle it");
    else
        xsg_buf_printf(out, "about %.0f rounds would settle it", ceil(rounds / 10) * 10);
}

const char *xsg_cause_describe(struct xsg_arena *arena, const struct xsg_delta *delta,
                               const char *where, const char *caller)
{
    struct xsg_buf out = XSG_BUF_INIT;
    switch (delta->verdict) {
    case XSG_DELTA_REGRESSED:
    case XSG_DELTA_IMPROVED:
        put_relations(&out, delta);
        put_separator(&out);
        put_change(&out, delta);
        put_changed(&out, delta, where);
        put_code(&out, delta, caller);
        break;
    case XSG_DELTA_UNDECIDED:
        put_relations(&out, delta);
        put_separator(&out);
        put_undecided(&out, delta);
        break;
    case XSG_DELTA_ADDED:
        put_relations(&out, delta);
        put_separator(&out);
        xsg_buf_puts(&out, "not in base");
        break;
    case XSG_DELTA_REMOVED:
        put_relations(&out, delta);
        put_separator(&out);
        xsg_buf_puts(&out, "not in head");
        break;
    case XSG_DELTA_UNCHANGED:
        put_relations(&out, delta);
        break;
    case XSG_DELTA_INVALID:
        break;
    }
    if (out.len && out.data[out.len - 1] == ' ') /* nothing came behind the last part */
        out.len -= 2;
    const char *cause = out.len ? xsg_strndup(arena, out.data, out.len) : NULL;
    xsg_buf_release(&out);
    return cause;
}
