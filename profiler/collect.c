/* The profiles of a target's rounds -> series (a value per round) and the mean call tree. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/map.h"
#include "base/metric.h"
#include "profiler/fold.h"

enum {
    TIME,
    TOTAL,
    INLINED,
    CALLS,
    INSTRUCTIONS,
    INSTRUCTIONS_TOTAL,
    SYSCALLS,
    COUNTED_CALLS,
    N_METRICS
};

static const char *const metric_names[N_METRICS] = {
    "time",     "total",        "inlined", "calls", "instructions", "instructions_total",
    "syscalls", "counted_calls"};

struct tracked { /* a function, or the whole target */
    struct xsg_function function;
    bool codes_differ; /* between rounds or modules: unknown */
    struct column {
        double *values; /* by round; beyond n: unseen */
        size_t n, cap;
    } columns[N_METRICS];
};

struct target_value {
    const char *metric;
    struct column column;
};

struct xsg_collect {
    struct xsg_arena *arena;
    const char *target;
    struct tracked *functions; /* 0: the root's */
    size_t n_functions, cap_functions;
    struct xsg_map function_map;
    struct xsg_tree_node *nodes; /* sums over the rounds */
    size_t n_nodes, cap_nodes;
    struct xsg_map child_map; /* parent, function -> node */
    struct target_value *values;
    size_t n_values, cap_values;
    size_t rounds;   /* the largest seen + 1 */
    size_t counted;  /* the same of the counted runs, which are numbered by themselves */
    size_t profiles; /* how many rounds brought one */
    uint64_t lost, samples;
    uint64_t binary; /* of all rounds; 0: unknown, or not the same */
};

int xsg_collect_open(struct xsg_collect **out, struct xsg_arena *arena, const char *target,
                     struct xsg_err *err)
{
    (void)err;
    struct xsg_collect *c = XSG_NEW(arena, struct xsg_collect);
    c->arena = arena;
    c->target = xsg_strdup(arena, target);
    xsg_map_init(&c->function_map, arena);
    xsg_map_init(&c->child_map, arena);
    c->functions = xsg_grow(arena, NULL, &c->cap_functions, 1, sizeof *c->functions);
    c->functions[0].function.name = c->target;
    c->n_functions = 1;
    c->nodes = xsg_grow(arena, NULL, &c->cap_nodes, 1, sizeof *c->nodes);
    c->n_nodes = 1;
    *out = c;
    return 0;
}

static void put_value(struct xsg_collect *c, struct column *column, size_t round, double value)
{
    column->values =
        xsg_grow(c->arena, column->values, &column->cap, round + 1, sizeof *column->values);
    while (column->n <= round)
        column->values[column->n++] = NAN;
    column->values[round] = value;
}

static void column_put(struct xsg_collect *c, struct column *column, size_t round, double value)
{
    put_value(c, column, round, value);
    if (c->rounds <= round)
        c->rounds = round + 1;
}

static double *column_copy(const struct xsg_collect *c, const struct column *column, size_t n)
{
    double *values = XSG_NEW_ARRAY(c->arena, double, n);
    for (size_t i = 0; i < n; i++)
        values[i] = i < column->n ? column->values[i] : (double)NAN;
    return values;
}

/* Index of the function; identity is name and file. */
static uint32_t track(struct xsg_collect *c, const struct xsg_function *f)
{
    struct xsg_buf key = XSG_BUF_INIT;
    bool is_new;
    xsg_buf_puts(&key, f->name);
    if (f->file) { /* NULL is no file's name, nor is it the same as "" */
        xsg_buf_putc(&key, '\0');
        xsg_buf_puts(&key, f->file);
    }
    void **place = xsg_map_put(&c->function_map, key.data, key.len, &is_new);
    xsg_buf_release(&key);
    if (is_new) {
        c->functions = xsg_grow(c->arena, c->functions, &c->cap_functions, c->n_functions + 1,
                                sizeof *c->functions);
        struct xsg_function *copy = &c->functions[c->n_functions].function;
        *copy = *f;
        copy->name = xsg_strdup(c->arena, f->name);
        copy->file = xsg_strdup(c->arena, f->file);
        copy->module = xsg_strdup(c->arena, f->module);
        *place = (void *)(uintptr_t)c->n_functions++;
    }
    const uint32_t index = (uint32_t)(uintptr_t)*place;
    xsg_fold_join_code(&c->functions[index].function, &c->functions[index].codes_differ, f);
    return index;
}

static uint32_t child_of(struct xsg_collect *c, uint32_t parent, uint32_t function)
{
    const uint32_t key[2] = {parent, function};
    bool is_new;
    void **place = xsg_map_put(&c->child_map, key, sizeof key, &is_new);
    if (is_new) {
        c->nodes = xsg_grow(c->arena, c->nodes, &c->cap_nodes, c->n_nodes + 1, sizeof *c->nodes);
        c->nodes[c->n_nodes] = (struct xsg_tree_node){.parent = parent, .function = function};
        *place = (void *)(uintptr_t)c->n_nodes++;
    }
    return (uint32_t)(uintptr_t)*place;
}

static void add_tree(struct xsg_collect *c, const struct xsg_calltree *tree)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    uint32_t *functions = XSG_NEW_ARRAY(&scratch, uint32_t, tree->n_functions);
    uint32_t *nodes = XSG_NEW_ARRAY(&scratch, uint32_t, tree->n_nodes);
    for (size_t i = 1; i < tree->n_functions; i++)
        functions[i] = track(c, &tree->functions[i]);
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct xsg_tree_node *from = &tree->nodes[i];
        if (i > 0)
            nodes[i] = child_of(c, nodes[from->parent], functions[from->function]);
        struct xsg_tree_node *into = &c->nodes[nodes[i]];
        into->self += from->self;
        into->total += from->total;
        into->calls += from->calls;
    }
    xsg_arena_release(&scratch);
}

int xsg_collect_profile(struct xsg_collect *c, size_t round, const struct xsg_profile *profile)
{
    for (size_t i = 0; i < profile->n_functions; i++) {
        const struct xsg_profile_function *f = &profile->functions[i];
        const uint32_t index = track(c, &f->function); /* may move c->functions */
        struct tracked *t = &c->functions[index];
        if (f->self > 0 || (f->inlined == 0 && !f->only_inlined))
            column_put(c, &t->columns[TIME], round, f->self);
        if (f->inlined > 0 || f->only_inlined)
            column_put(c, &t->columns[INLINED], round, f->inlined);
        column_put(c, &t->columns[TOTAL], round, f->total);
        if (f->calls > 0) {
            column_put(c, &t->columns[CALLS], round, f->calls);
        }
    }
    add_tree(c, &profile->tree);
    if (c->rounds <= round)
        c->rounds = round + 1;
    if (c->profiles == 0)
        c->binary = profile->binary;
    else if (c->binary != profile->binary)
        c->binary = 0;
    c->profiles++;
    c->lost += profile->lost;
    c->samples += profile->samples;
    return 0;
}

static struct column *value_column(struct xsg_collect *c, const char *metric)
{
    size_t i = 0;
    while (i < c->n_values && strcmp(c->values[i].metric, metric) != 0)
        i++;
    if (i == c->n_values) {
        c->values =
            xsg_grow(c->arena, c->values, &c->cap_values, c->n_values + 1, sizeof *c->values);
        c->values[c->n_values++].metric = xsg_strdup(c->arena, metric);
    }
    return &c->values[i].column;
}

int xsg_collect_value(struct xsg_collect *c, size_t round, const char *metric, double value)
{
    column_put(c, value_column(c, metric), round, value);
    return 0;
}

int xsg_collect_counts(struct xsg_collect *c, size_t run, const struct xsg_counts *counts)
{
    for (size_t i = 0; i < counts->n_functions; i++) {
        const struct xsg_counts_function *f = &counts->functions[i];
        const uint32_t index = track(c, &f->function); /* may move c->functions */
        struct column *columns = c->functions[index].columns;
        if (f->instructions > 0 || f->calls > 0)
            put_value(c, &columns[INSTRUCTIONS], run, f->instructions);
        put_value(c, &columns[INSTRUCTIONS_TOTAL], run, f->total);
        if (f->syscalls > 0)
            put_value(c, &columns[SYSCALLS], run, f->syscalls);
        if (f->calls > 0)
            put_value(c, &columns[COUNTED_CALLS], run, f->calls);
    }
    put_value(c, value_column(c, "instructions"), run, counts->instructions);
    put_value(c, value_column(c, "syscalls"), run, counts->syscalls);
    if (c->counted <= run)
        c->counted = run + 1;
    return 0;
}

static struct xsg_series series_of(const struct xsg_collect *c, const struct xsg_function *function,
                                   const char *name, const struct column *column)
{
    const struct xsg_metric *metric = xsg_metric_find(name);
    size_t n = metric && metric->counted ? c->counted : c->rounds;
    return (struct xsg_series){.target = c->target,
                               .function = *function,
                               .metric = metric ? metric->name : name,
                               .unit = metric ? metric->unit : "count",
                               .values = column_copy(c, column, n),
                               .n = n};
}

static void finish_tree(const struct xsg_collect *c, struct xsg_calltree *tree)
{
    double rounds = c->profiles ? (double)c->profiles : 1;
    tree->n_functions = c->n_functions;
    tree->functions = XSG_NEW_ARRAY(c->arena, struct xsg_function, c->n_functions);
    for (size_t i = 0; i < c->n_functions; i++)
        tree->functions[i] = c->functions[i].function;
    tree->n_nodes = c->n_nodes;
    tree->nodes = XSG_NEW_ARRAY(c->arena, struct xsg_tree_node, c->n_nodes);
    for (size_t i = 0; i < c->n_nodes; i++) {
        tree->nodes[i] = c->nodes[i];
        tree->nodes[i].self /= rounds;
        tree->nodes[i].total /= rounds;
        tree->nodes[i].calls /= rounds;
    }
}

int xsg_collect_finish(struct xsg_collect *c, struct xsg_series **series, size_t *n_series,
                       struct xsg_target_run *target, struct xsg_err *err)
{
    (void)err;
    const struct xsg_function whole = {0};
    size_t cap = *n_series;
    size_t need = cap + c->n_values + N_METRICS * c->n_functions;
    *series = xsg_grow(c->arena, *series, &cap, need, sizeof **series);
    for (size_t i = 0; i < c->n_values; i++)
        (*series)[(*n_series)++] = series_of(c, &whole, c->values[i].metric, &c->values[i].column);
    for (size_t i = 1; i < c->n_functions; i++) {
        const struct tracked *t = &c->functions[i];
        for (int m = 0; m < N_METRICS; m++)
            if (t->columns[m].n > 0)
                (*series)[(*n_series)++] =
                    series_of(c, &t->function, metric_names[m], &t->columns[m]);
    }
    assert(*n_series <= need);
    finish_tree(c, &target->tree);
    target->lost = c->lost;
    target->samples = c->samples;
    target->binary = c->binary;
    return 0;
}
