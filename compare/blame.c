/* The deepest function that explains a change, and the source lines behind it. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "compare/explain.h"

/* A callee explains its caller's change when it has this much of it. */
#define EXPLAINED 0.8

enum { DEEPEST = 64, MOST_PLACES = 3 };

/* ---- through a callee --------------------------------------------------------------------------
 */

static const struct xsg_row *regressed_row(const struct xsg_target_work *t,
                                           const struct xsg_function *function)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        if (d->function.name && d->counts && d->verdict == XSG_DELTA_REGRESSED &&
            strcmp(d->function.name, function->name) == 0 &&
            (d->function.file == function->file ||
             (d->function.file && function->file && !strcmp(d->function.file, function->file))))
            return &t->rows[i];
    }
    return NULL;
}

/* The callee that has most of what the caller gained; NONE: none has enough. */
static uint32_t main_callee(const struct xsg_paths *paths, uint32_t caller, double change)
{
    uint32_t best = XSG_PATHS_NONE;
    double most = EXPLAINED * change;
    for (size_t i = 0; i < paths->n_edges; i++) {
        const struct xsg_paths_edge *e = &paths->edges[i];
        if (e->parent == caller && e->total[1] - e->total[0] >= most) {
            most = e->total[1] - e->total[0];
            best = e->child;
        }
    }
    return best;
}

/* Follows the change down; the last function on the way that regressed by itself. */
static const struct xsg_row *follow(const struct xsg_target_work *t, const struct xsg_paths *paths,
                                    uint32_t caller, double change)
{
    const struct xsg_row *found = NULL;
    uint32_t at = caller;
    for (int depth = 0; depth < DEEPEST; depth++) {
        at = main_callee(paths, at, change);
        if (at == XSG_PATHS_NONE || at == caller)
            break;
        const struct xsg_row *row = regressed_row(t, paths->functions[at]);
        if (row)
            found = row;
    }
    return found;
}

static void blame_caller(const struct xsg_target_work *t, const struct xsg_paths *paths,
                         struct xsg_delta *d)
{
    uint32_t number = xsg_paths_find(paths, &d->function);
    const struct xsg_row *row =
        number == XSG_PATHS_NONE ? NULL : follow(t, paths, number, d->head.mean - d->base.mean);
    if (row && &row->delta != d)
        d->through = row->delta.function.name;
}

/* The target's own time is the sum of its functions': one of them may explain it. */
static void blame_target(const struct xsg_target_work *t, struct xsg_delta *d)
{
    double most = EXPLAINED * (d->head.mean - d->base.mean);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *f = &t->rows[i].delta;
        if (!f->function.name || !f->counts || f->verdict != XSG_DELTA_REGRESSED ||
            strcmp(f->metric, d->metric) != 0 || !(f->head.mean - f->base.mean >= most))
            continue;
        most = f->head.mean - f->base.mean;
        d->through = f->function.name;
    }
}

void xsg_rows_blame(struct xsg_target_work *t, const struct xsg_paths *paths)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (d->verdict != XSG_DELTA_REGRESSED || !d->counts || t->rows[i].more_is_better)
            continue;
        if (!d->function.name)
            blame_target(t, d);
        else if (strcmp(d->metric, "total") == 0)
            blame_caller(t, paths, d);
    }
    /* Only now: each of them is judged by rows that count. */
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (!d->through || !d->function.name)
            continue;
        d->counts = false;
        d->rule = XSG_RULE_THROUGH;
    }
}

/* ---- source lines ------------------------------------------------------------------------------
 */

struct places {
    struct xsg_buf text;
    size_t n;
    int changed; /* as in xsg_delta */
};

static void look_at(const struct xsg_target_work *t, const struct xsg_function *f,
                    struct places *places)
{
    const struct xsg_compare_options *o = t->context->options;
    int changed = o->changed(o->arg, f);
    if (changed > places->changed)
        places->changed = changed;
    if (changed != 1 || places->n++ >= MOST_PLACES)
        return;
    xsg_buf_printf(&places->text, "%s%s (%s", places->n > 1 ? ", " : "", f->name, f->file);
    if (f->line > 0)
        xsg_buf_printf(&places->text, ":%d", f->line);
    if (f->line > 0 && f->end_line > f->line)
        xsg_buf_printf(&places->text, "-%d", f->end_line);
    xsg_buf_putc(&places->text, ')');
}

/* Callees whose time is a part of the caller's own, and what is inlined into them in turn. */
static void look_at_inlined(const struct xsg_target_work *t, const struct xsg_paths *paths,
                            uint32_t caller, struct places *places)
{
    bool *met = XSG_NEW_ARRAY(t->context->arena, bool, paths->n);
    uint32_t *open = XSG_NEW_ARRAY(t->context->arena, uint32_t, paths->n);
    size_t n = 0;
    open[n++] = caller;
    met[caller] = true;
    while (n > 0) {
        uint32_t at = open[--n];
        for (size_t i = 0; i < paths->n_edges; i++) {
            const struct xsg_paths_edge *e = &paths->edges[i];
            const struct xsg_function *f = paths->functions[e->child];
            const struct xsg_series *s = xsg_side_find(&t->head, "inlined", f);
            if (e->parent != at || met[e->child] || !s)
                continue;
            met[e->child] = true;
            look_at(t, &s->function, places);
            open[n++] = e->child;
        }
    }
}

void xsg_row_find_changes(struct xsg_target_work *t, const struct xsg_paths *paths,
                          struct xsg_row *row)
{
    struct xsg_delta *d = &row->delta;
    struct places places = {.text = XSG_BUF_INIT, .changed = -1};
    if (!d->function.name || !t->context->options || !t->context->options->changed)
        return;
    look_at(t, &d->function, &places);
    uint32_t number = xsg_paths_find(paths, &d->function);
    if (number != XSG_PATHS_NONE)
        look_at_inlined(t, paths, number, &places);
    d->changed = places.changed;
    if (places.n > MOST_PLACES)
        xsg_buf_printf(&places.text, " and %zu more", places.n - MOST_PLACES);
    row->where = places.n ? xsg_strdup(t->context->arena, xsg_buf_str(&places.text)) : NULL;
    xsg_buf_release(&places.text);
}
