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

static bool is_among(const uint32_t *list, size_t n, uint32_t number)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == number)
            return true;
    return false;
}

/* The callee that has most of what the way's first function gained or lost, and is not on the way
 * yet; NONE: none has enough. */
static uint32_t main_callee(const struct xsg_paths *paths, const uint32_t *way, size_t n,
                            double change)
{
    uint32_t best = XSG_PATHS_NONE;
    double most = EXPLAINED * fabs(change);
    for (size_t i = 0; i < paths->n_edges; i++) {
        const struct xsg_paths_edge *e = &paths->edges[i];
        double part = copysign(1, change) * (e->total[1] - e->total[0]);
        if (e->parent == way[n - 1] && part >= most && !is_among(way, n, e->child)) {
            most = part;
            best = e->child;
        }
    }
    return best;
}

/* Follows the change down from the row's function, which is the first; 0: it is on no path. */
static size_t find_way(const struct xsg_paths *paths, const struct xsg_delta *d,
                       uint32_t way[DEEPEST])
{
    size_t n = 0;
    for (uint32_t at = xsg_paths_find(paths, &d->function); at != XSG_PATHS_NONE && n < DEEPEST;
         at = main_callee(paths, way, n, d->head.mean - d->base.mean))
        way[n++] = at;
    return n;
}

/* The last function on the way down that regressed by itself. */
static const struct xsg_row *follow(const struct xsg_target_work *t, const struct xsg_paths *paths,
                                    const struct xsg_delta *d)
{
    const struct xsg_row *found = NULL;
    uint32_t way[DEEPEST];
    size_t n = find_way(paths, d, way);
    for (size_t i = 1; i < n; i++) {
        const struct xsg_row *row = regressed_row(t, paths->functions[way[i]]);
        if (row)
            found = row;
    }
    return found;
}

/* What the function's own time gained; 0 where that is not known. */
static double own_gain(const struct xsg_target_work *t, const struct xsg_row *row)
{
    double gain = xsg_side_mean(&t->head, "time", &row->delta.function) -
                  xsg_side_mean(&t->base, "time", &row->delta.function);
    return isnan(gain) ? 0 : gain;
}

/* Who of two in a cycle is the one that changed: by its own time, else by the inclusive time, which
 * is largest for the one that is called from outside. */
static bool changed_more(const struct xsg_target_work *t, const struct xsg_row *a,
                         const struct xsg_row *b)
{
    double x = own_gain(t, a), y = own_gain(t, b);
    if (fmax(x, y) > 0 && x != y)
        return x > y;
    return a->delta.head.mean - a->delta.base.mean > b->delta.head.mean - b->delta.base.mean;
}

/*
 * In a recursion each function has all of the change below it, so that each would be slower through
 * the next and none by itself. One of a cycle stays: the one that changed most.
 * through[i]: the row that row i is slower through, or NULL.
 */
static void break_cycles(const struct xsg_target_work *t, const struct xsg_row **through)
{
    size_t *walk = XSG_NEW_ARRAY(t->context->arena, size_t, t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        size_t at = i;
        for (; through[at] && walk[at] == 0; at = (size_t)(through[at] - t->rows))
            walk[at] = i + 1;
        if (!through[at] || walk[at] != i + 1)
            continue;
        size_t most = at;
        for (size_t k = (size_t)(through[at] - t->rows); k != at;
             k = (size_t)(through[k] - t->rows))
            if (changed_more(t, &t->rows[k], &t->rows[most]))
                most = k;
        through[most] = NULL;
    }
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
    const struct xsg_row **through =
        XSG_NEW_ARRAY(t->context->arena, const struct xsg_row *, t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        if (d->verdict != XSG_DELTA_REGRESSED || !d->counts || t->rows[i].more_is_better)
            continue;
        if (!d->function.name)
            blame_target(t, d);
        else if (strcmp(d->metric, "total") == 0)
            through[i] = follow(t, paths, d);
    }
    break_cycles(t, through);
    /* Only now: each of them is judged by rows that count, and named is the one that still does. */
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_delta *d = &t->rows[i].delta;
        const struct xsg_row *last = through[i];
        while (last && through[last - t->rows])
            last = through[last - t->rows];
        if (!last)
            continue;
        d->through = last->delta.function.name;
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

/* What was met on a walk over the paths, and where it goes on. */
struct walk {
    bool *met;
    uint32_t *open;
    size_t n;
};

static struct walk new_walk(const struct xsg_target_work *t, const struct xsg_paths *paths)
{
    return (struct walk){.met = XSG_NEW_ARRAY(t->context->arena, bool, paths->n + 1),
                         .open = XSG_NEW_ARRAY(t->context->arena, uint32_t, paths->n + 1)};
}

static bool meet(struct walk *walk, uint32_t function)
{
    if (walk->met[function])
        return false;
    walk->met[function] = true;
    walk->open[walk->n++] = function;
    return true;
}

/* Callees whose time is a part of the caller's own, and what is inlined into them in turn. */
static void look_at_inlined(const struct xsg_target_work *t, const struct xsg_paths *paths,
                            struct walk *walk, struct places *places)
{
    while (walk->n > 0) {
        uint32_t at = walk->open[--walk->n];
        for (size_t i = 0; i < paths->n_edges; i++) {
            const struct xsg_paths_edge *e = &paths->edges[i];
            const struct xsg_series *s =
                e->parent == at ? xsg_side_find(&t->head, "inlined", paths->functions[e->child])
                                : NULL;
            if (s && meet(walk, e->child))
                look_at(t, &s->function, places);
        }
    }
}

/* Who calls the function, directly or through callers that did not change, and did change itself:
 * the only one, or NULL. */
static const char *changed_caller(const struct xsg_target_work *t, const struct xsg_paths *paths,
                                  uint32_t function)
{
    const struct xsg_compare_options *o = t->context->options;
    struct walk walk = new_walk(t, paths);
    const char *name = NULL;
    meet(&walk, function);
    while (walk.n > 0) {
        uint32_t at = walk.open[--walk.n];
        const struct xsg_function *f = xsg_code_informed(&t->head, paths->functions[at]);
        if (at != function && f &&
            (o->changed(o->arg, f) == 1 ||
             xsg_code_compare(xsg_code_informed(&t->base, f), f) == XSG_CODE_DIFFERENT)) {
            if (name)
                return NULL;
            name = f->name;
            continue;
        }
        for (uint32_t i = paths->first[at]; i < paths->first[at + 1]; i++)
            meet(&walk, paths->edges[paths->by_child[i]].parent);
    }
    return name;
}

/* Of an inclusive row, what lies below its calls is a part of it, too. */
void xsg_row_find_changes(struct xsg_target_work *t, const struct xsg_paths *paths,
                          struct xsg_row *row)
{
    struct xsg_delta *d = &row->delta;
    struct places places = {.text = XSG_BUF_INIT, .changed = -1};
    uint32_t way[DEEPEST];
    if (!d->function.name || !t->context->options || !t->context->options->changed)
        return;
    size_t n = find_way(paths, d, way);
    struct walk walk = new_walk(t, paths);
    look_at(t, &d->function, &places);
    for (size_t i = 0; i < n && (i == 0 || strcmp(d->metric, "total") == 0); i++) {
        const struct xsg_function *f = xsg_code_informed(&t->head, paths->functions[way[i]]);
        if (meet(&walk, way[i]) && i > 0 && f)
            look_at(t, f, &places);
        look_at_inlined(t, paths, &walk, &places);
    }
    d->changed = places.changed;
    if (d->code == XSG_CODE_SAME_DEEP && n > 0)
        row->caller = changed_caller(t, paths, way[0]);
    if (places.n > MOST_PLACES)
        xsg_buf_printf(&places.text, " and %zu more", places.n - MOST_PLACES);
    row->where = places.n ? xsg_strdup(t->context->arena, xsg_buf_str(&places.text)) : NULL;
    xsg_buf_release(&places.text);
}
