/* What the counts and the kernel's accounts say about a change of time, in words. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/change.h"
#include "base/stats.h"
#include "compare/counts.h"

#define WORTH_A_WORD 5e-3
#define MOSTLY 0.5
#define SAME_TIME 0.01

static void separate(struct xsg_buf *out)
{
    if (out->len)
        xsg_buf_puts(out, "; ");
}

/* "1.5" or "50", for "50 times". */
static void put_times(struct xsg_buf *out, double ratio)
{
    xsg_buf_printf(out, "%.*f", ratio < 9.95 ? 1 : 0, ratio);
}

static void put_instructions(struct xsg_buf *out, const struct xsg_target_work *t,
                             const struct xsg_delta *d)
{
    const struct xsg_function *f = d->function.name ? &d->function : NULL;
    double base = xsg_side_mean(&t->base, "instructions", f);
    double head = xsg_side_mean(&t->head, "instructions", f);
    double change = base > 0 && head > 0 ? log(head / base) : (double)NAN;
    char size[XSG_CHANGE_SIZE];
    if (fabs(change) <= XSG_COUNTS_EQUAL && d->verdict == XSG_DELTA_REGRESSED) {
        separate(out);
        xsg_buf_puts(out, "as many instructions as before: caches, layout or waiting");
    } else if (fabs(change) >= WORTH_A_WORD) {
        separate(out);
        xsg_format_size(size, head / base);
        xsg_buf_printf(out, head / base >= 3 ? "%s the instructions" : "%s %s instructions", size,
                       change > 0 ? "more" : "fewer");
    }
}

/* The function whose own system calls changed most. */
static const char *changed_caller(const struct xsg_target_work *t, double change)
{
    const char *name = NULL;
    double most = 0;
    for (size_t i = 0; i < t->head.series.n + t->base.series.n; i++) {
        const struct xsg_map_entry *e = i < t->head.series.n
                                            ? &t->head.series.entries[i]
                                            : &t->base.series.entries[i - t->head.series.n];
        const struct xsg_series *s = e->value;
        if (!s->function.name || strcmp(s->metric, "syscalls") != 0)
            continue;
        double base = fmax(0, xsg_side_mean(&t->base, "syscalls", &s->function));
        double head = fmax(0, xsg_side_mean(&t->head, "syscalls", &s->function));
        double part = (head - base) / change;
        if (part > most) {
            most = part;
            name = s->function.name;
        }
    }
    return most > MOSTLY ? name : NULL;
}

static void put_calls(struct xsg_buf *out, const struct xsg_target_work *t)
{
    double base = xsg_side_mean(&t->base, "syscalls", NULL);
    double head = xsg_side_mean(&t->head, "syscalls", NULL);
    double ratio = base > 0 ? head / base : (double)NAN;
    if (!(fabs(head - base) >= XSG_COUNTS_MANY_CALLS) ||
        !(ratio >= XSG_COUNTS_TIMES_CALLS || ratio <= 1 / XSG_COUNTS_TIMES_CALLS))
        return;
    const char *name = changed_caller(t, head - base);
    separate(out);
    if (ratio > 1)
        put_times(out, ratio);
    xsg_buf_printf(out, "%s system calls (%.0f -> %.0f%s%s)", ratio > 1 ? " times the" : "fewer",
                   base, head, name ? ", mostly " : "", name ? name : "");
}

/* By how much the target's system time changed, ns per round; 0 where that could be chance: it
 * comes in the kernel's ticks. */
static double kernel_change(const struct xsg_target_work *t)
{
    const struct xsg_match match = {.base = xsg_side_find(&t->base, "system", NULL),
                                    .head = xsg_side_find(&t->head, "system", NULL)};
    struct xsg_values v;
    if (!match.base || !match.head)
        return 0;
    xsg_match_values(t->context->arena, &match, &t->base, &t->head, t->context->paired, &v);
    if (v.n_base < XSG_EFFECT_MIN_N || v.n_head < XSG_EFFECT_MIN_N)
        return 0;
    for (size_t i = 0; t->context->paired && i < v.n_base; i++)
        v.head[i] -= v.base[i];
    struct xsg_estimate e = t->context->paired ? xsg_trimmed_mean(v.head, v.n_head, 0)
                                               : xsg_yuen(v.base, v.n_base, v.head, v.n_head, 0);
    double change = e.location;
    e.location = fabs(change);
    return xsg_p_greater(&e, 0) < t->error ? change : 0;
}

/* Of elapsed time system time is no part: threads spend it at once. */
static bool is_cpu_time(const struct xsg_target_work *t, const struct xsg_delta *d)
{
    double base = xsg_side_mean(&t->base, "cpu", NULL), head = xsg_side_mean(&t->head, "cpu", NULL);
    return fabs(d->base.mean - base) <= SAME_TIME * base &&
           fabs(d->head.mean - head) <= SAME_TIME * head;
}

static void put_kernel(struct xsg_buf *out, const struct xsg_target_work *t,
                       const struct xsg_delta *d)
{
    double change = d->head.mean - d->base.mean;
    double part = is_cpu_time(t, d) ? kernel_change(t) / change : 0;
    const char *what = "it";
    if (!(part > MOSTLY))
        return;
    if (!out->len)
        what = change > 0 ? "the additional time" : "the time saved";
    separate(out);
    xsg_buf_printf(out, "%.0f %% of %s in the kernel", fmin(1, part) * 100, what);
}

const char *xsg_counts_remark(struct xsg_target_work *t, const struct xsg_row *row,
                              const char *cause)
{
    const struct xsg_delta *d = &row->delta;
    bool time = strcmp(d->metric, "time") == 0;
    bool calls = !d->function.name && (time || strcmp(d->metric, "instructions") == 0 ||
                                       strcmp(d->metric, "syscalls") == 0);
    bool changed = d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_IMPROVED;
    bool counted = xsg_side_find(&t->base, "instructions", NULL) &&
                   xsg_side_find(&t->head, "instructions", NULL);
    struct xsg_buf out = XSG_BUF_INIT;
    if (!changed || (!time && !calls))
        return cause;
    xsg_buf_puts(&out, cause ? cause : "");
    if (counted && time)
        put_instructions(&out, t, d);
    if (counted && calls)
        put_calls(&out, t);
    if (calls && time)
        put_kernel(&out, t, d);
    cause = out.len ? xsg_strdup(t->context->arena, xsg_buf_str(&out)) : NULL;
    xsg_buf_release(&out);
    return cause;
}
