/* What the counts say about a change of time, in words. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/change.h"
#include "compare/counts.h"

#define WORTH_A_WORD 5e-3
#define MOSTLY 0.5

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

static void put_kernel(struct xsg_buf *out, const struct xsg_target_work *t,
                       const struct xsg_delta *d)
{
    double change = d->head.mean - d->base.mean;
    double system =
        xsg_side_mean(&t->head, "system", NULL) - xsg_side_mean(&t->base, "system", NULL);
    if (!(system / change > MOSTLY))
        return;
    separate(out);
    xsg_buf_printf(out, "%.0f %% of it in the kernel", fmin(1, system / change) * 100);
}

const char *xsg_counts_remark(struct xsg_target_work *t, const struct xsg_row *row,
                              const char *cause)
{
    const struct xsg_delta *d = &row->delta;
    bool time = strcmp(d->metric, "time") == 0;
    bool calls = !d->function.name && (time || strcmp(d->metric, "instructions") == 0 ||
                                       strcmp(d->metric, "syscalls") == 0);
    bool changed = d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_IMPROVED;
    struct xsg_buf out = XSG_BUF_INIT;
    if (!changed || (!time && !calls) || !xsg_side_find(&t->base, "instructions", NULL) ||
        !xsg_side_find(&t->head, "instructions", NULL))
        return cause;
    xsg_buf_puts(&out, cause ? cause : "");
    if (time)
        put_instructions(&out, t, d);
    if (calls)
        put_calls(&out, t);
    if (calls && time)
        put_kernel(&out, t, d);
    cause = out.len ? xsg_strdup(t->context->arena, xsg_buf_str(&out)) : NULL;
    xsg_buf_release(&out);
    return cause;
}
