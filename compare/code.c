/*
 * Rows whose machine code did not change. A function that has the same code, and calls the same
 * code, gets slower by where it lies, by what it works on, by how often it is called, or by chance.
 * Where calls are counted they tell how often; where not, everything on the way to it must be the
 * same code, too, from main on.
 *
 * What it works on may have been left by code that did change. So a row is excused at once only
 * where all that main calls is the same. Otherwise it is asked in other layouts (layout.c), as are
 * those of which only their own code is the same: such a row counts, unless it is gone there, or
 * does not show there and the way to it is the same.
 */
#include <math.h>
#include <string.h>

#include "base/metric.h"
#include "compare/explain.h"

/* Counts of calls that jitter by less are the same. */
#define SAME_CALLS 1e-3

enum xsg_code xsg_code_compare(const struct xsg_function *base, const struct xsg_function *head)
{
    if (!base || !head || base->code == 0 || head->code == 0)
        return XSG_CODE_UNKNOWN;
    if (base->code_deep != 0 && base->code_deep == head->code_deep)
        return XSG_CODE_SAME_DEEP;
    return base->code == head->code ? XSG_CODE_SAME : XSG_CODE_DIFFERENT;
}

const struct xsg_function *xsg_code_informed(const struct xsg_side *side,
                                             const struct xsg_function *function)
{
    const struct xsg_series *s = xsg_side_find(side, "total", function);
    if (!s)
        s = xsg_side_find(side, "time", function);
    return s ? &s->function : NULL;
}

/* What the project builds, on both sides. */
struct built {
    struct xsg_map modules;
    /* How the code of main compares, if it is the project's. Else another program decides what is
     * called, by what the project's scripts say, and nothing is known. */
    enum xsg_code main;
    /* For walks over the paths: in which one a function was met last, and where to go on. */
    uint32_t *met, *open, walks;
};

/* Modules that the project builds: some function in them has a code, or would have one. The
 * project's main, or NULL.
 */
static const struct xsg_function *find_modules(const struct xsg_side *side, struct xsg_map *modules)
{
    const struct xsg_function *own_main = NULL;
    for (size_t i = 0; i < side->series.n; i++) {
        const struct xsg_function *f =
            &((const struct xsg_series *)side->series.entries[i].value)->function;
        if (!f->name || (f->code == 0 && f->code_deep == 0))
            continue;
        if (strcmp(f->name, "main") == 0 && f->code != 0)
            own_main = f;
        if (f->module)
            *xsg_map_put(modules, f->module, strlen(f->module), NULL) = modules;
    }
    return own_main;
}

static struct built find_built(const struct xsg_target_work *t, size_t n_paths)
{
    struct built built = {.met = XSG_NEW_ARRAY(t->context->arena, uint32_t, n_paths + 1),
                          .open = XSG_NEW_ARRAY(t->context->arena, uint32_t, n_paths + 1)};
    xsg_map_init(&built.modules, t->context->arena);
    const struct xsg_function *base = find_modules(&t->base, &built.modules);
    const struct xsg_function *head = find_modules(&t->head, &built.modules);
    built.main = xsg_code_compare(base, head);
    return built;
}

static bool is_foreign(const struct xsg_function *f, const struct built *built)
{
    return f->module && !xsg_map_get(&built->modules, f->module, strlen(f->module));
}

/* Is the function, as a caller, the same on both sides? What is inlined has no code of its own: it
 * is in its caller's. */
static bool is_same_caller(const struct xsg_target_work *t, const struct built *built,
                           const struct xsg_function *function)
{
    const struct xsg_function *base = xsg_code_informed(&t->base, function);
    const struct xsg_function *head = xsg_code_informed(&t->head, function);
    enum xsg_code code = xsg_code_compare(base, head);
    if (code != XSG_CODE_UNKNOWN)
        return code != XSG_CODE_DIFFERENT;
    if (!base || !head)
        return false;
    if (base->code == 0 && head->code == 0 && is_foreign(base, built) && is_foreign(head, built))
        return true;
    return base->code == 0 && head->code == 0 && xsg_side_find(&t->base, "inlined", function) &&
           xsg_side_find(&t->head, "inlined", function);
}

/* Are all of its callers, and theirs, the same, up to main? A thread's start and a stack that was
 * cut short hide who asked for it: all that main calls has to be the same then. */
static bool same_on_the_way(const struct xsg_target_work *t, const struct xsg_paths *paths,
                            struct built *built, uint32_t function)
{
    uint32_t *met = built->met, *open = built->open, walk = ++built->walks;
    size_t n = 0;
    open[n++] = function;
    met[function] = walk;
    while (n > 0) {
        uint32_t at = open[--n];
        if (at != function && !is_same_caller(t, built, paths->functions[at]))
            return false;
        if (strcmp(paths->functions[at]->name, "main") == 0)
            continue;
        if (paths->top[at] && built->main != XSG_CODE_SAME_DEEP)
            return false;
        for (uint32_t i = paths->first[at]; i < paths->first[at + 1]; i++) {
            uint32_t parent = paths->edges[paths->by_child[i]].parent;
            if (met[parent] != walk)
                open[n++] = parent;
            met[parent] = walk;
        }
    }
    return true;
}

static bool is_same(enum xsg_code code)
{
    return code == XSG_CODE_SAME || code == XSG_CODE_SAME_DEEP;
}

enum xsg_code xsg_code_of_target(const struct xsg_target_work *t)
{
    struct built built = find_built(t, 0);
    bool any = false;
    if (!is_same(built.main))
        return XSG_CODE_DIFFERENT;
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct xsg_delta *d = &t->rows[i].delta;
        if (!d->function.name || (d->rule && strcmp(d->rule, XSG_BELOW_SHARE) == 0))
            continue;
        if (!is_same_caller(t, &built, &d->function))
            return XSG_CODE_DIFFERENT;
        any = true;
    }
    return any ? built.main : XSG_CODE_DIFFERENT;
}

static bool calls_counted(const struct xsg_delta *d)
{
    return d->base.calls > 0 && d->head.calls > 0;
}

/* Nothing calls the function more often, as far as can be known. */
static bool no_more_calls(const struct xsg_target_work *t, const struct xsg_paths *paths,
                          struct built *built, const struct xsg_delta *d)
{
    if (calls_counted(d))
        return d->head.calls <= d->base.calls * (1 + SAME_CALLS);
    uint32_t number = xsg_paths_find(paths, &d->function);
    return is_same(built->main) && number != XSG_PATHS_NONE &&
           same_on_the_way(t, paths, built, number);
}

/* Its own time, in code of its own that did not change: the project's, or a library's that the
 * project does not build. What it calls may have, or what calls it. */
static bool is_same_here(const struct xsg_target_work *t, const struct built *built,
                         const struct xsg_delta *d)
{
    bool more_calls = calls_counted(d) && d->head.calls > d->base.calls * (1 + SAME_CALLS);
    return strcmp(d->metric, "time") == 0 && built->main != XSG_CODE_UNKNOWN && !more_calls &&
           d->code != XSG_CODE_DIFFERENT && is_same_caller(t, built, &d->function);
}

void xsg_rows_excuse_code(struct xsg_target_work *t, const struct xsg_paths *paths)
{
    struct built built = find_built(t, paths->n);
    for (size_t i = 0; i < t->n_rows; i++) {
        struct xsg_row *row = &t->rows[i];
        struct xsg_delta *d = &row->delta;
        const struct xsg_metric *metric = xsg_metric_find(d->metric);
        if (!d->counts || row->named || !d->function.name ||
            (metric && (metric->deterministic || metric->counted)) ||
            (d->verdict != XSG_DELTA_REGRESSED && d->verdict != XSG_DELTA_UNDECIDED))
            continue;
        row->same_here = is_same_here(t, &built, d);
        row->same_way =
            (row->same_here || d->code == XSG_CODE_SAME_DEEP) && no_more_calls(t, paths, &built, d);
        if (d->code != XSG_CODE_SAME_DEEP || !row->same_way ||
            (built.main != XSG_CODE_SAME_DEEP && !calls_counted(d)))
            continue;
        d->counts = false;
        d->rule = XSG_RULE_SAME_CODE;
    }
}
