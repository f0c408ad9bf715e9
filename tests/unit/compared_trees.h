/* Two runs with call trees made by hand, and the comparison of them. */
#ifndef XSG_TESTS_COMPARED_TREES_H
#define XSG_TESTS_COMPARED_TREES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"

enum { ROUNDS = 20, MOST = 16 };

struct side {
    struct xsg_run run;
    struct xsg_target_run target;
    struct xsg_series series[MOST * 3];
    struct xsg_function functions[MOST];
    struct xsg_tree_node nodes[MOST];
};

struct fixture {
    struct xsg_arena arena;
    struct side base, head;
    struct xsg_gate gate;
    struct xsg_comparison c;
};

static inline void prepare(struct side *s)
{
    s->functions[0].name = "t";
    s->target = (struct xsg_target_run){
        .name = "t",
        .tree = {.functions = s->functions, .n_functions = 1, .nodes = s->nodes, .n_nodes = 1}};
    s->run = (struct xsg_run){
        .session = "aa", .targets = &s->target, .n_targets = 1, .series = s->series};
}

static inline int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    xsg_gate_init(&f.gate);
    prepare(&f.base);
    prepare(&f.head);
    *state = &f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

static inline void add_series(struct fixture *f, struct side *s,
                              const struct xsg_function *function, const char *metric, double ms)
{
    struct xsg_series *to = &s->series[s->run.n_series++];
    *to = (struct xsg_series){.target = "t",
                              .function = *function,
                              .metric = metric,
                              .unit = "ns",
                              .values = XSG_NEW_ARRAY(&f->arena, double, ROUNDS),
                              .n = ROUNDS};
    for (size_t i = 0; i < ROUNDS; i++)
        to->values[i] = 1e6 * ms * (1 + 0.002 * (double)((i * 7 + (s == &f->head) * 3) % 5));
}

/* A function below the one of that number in the tree (0: the root); its own number. code: of it
 * and of all below. */
static inline uint32_t add(struct fixture *f, struct side *s, uint32_t parent, const char *name,
                           uint64_t code, double self, double total)
{
    const struct xsg_function function = {.name = name,
                                          .file = "a.c",
                                          .module = "prog",
                                          .line = 10,
                                          .end_line = 20,
                                          .code = code,
                                          .code_deep = code ? code + 1 : 0};
    uint32_t number = (uint32_t)s->target.tree.n_nodes++;
    s->functions[s->target.tree.n_functions++] = function;
    s->nodes[number] = (struct xsg_tree_node){
        .parent = parent, .function = number, .self = self * 1e6, .total = total * 1e6};
    add_series(f, s, &function, "time", self);
    add_series(f, s, &function, "total", total);
    return number;
}

static inline void add_target(struct fixture *f, double base, double head)
{
    const struct xsg_function whole = {0};
    add_series(f, &f->base, &whole, "cpu", base);
    add_series(f, &f->head, &whole, "cpu", head);
}

static inline const struct xsg_delta *find(const struct fixture *f, const char *function,
                                           const char *metric)
{
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        bool same = function && d->function.name ? strcmp(function, d->function.name) == 0
                                                 : function == d->function.name;
        if (same && strcmp(d->metric, metric) == 0)
            return d;
    }
    fail_msg("no row of %s", function ? function : "the target");
    return NULL;
}

static inline void compare_with(struct fixture *f, const struct xsg_compare_options *options)
{
    struct xsg_err err = {0};
    assert_int_equal(
        xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, options, &f->c, &err), 0);
}

static inline void compare(struct fixture *f)
{
    compare_with(f, NULL);
}

static inline void assert_text(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' has no '%s' in it", text ? text : "(null)", part);
}

/* Those of one name: options.changed, with the name as its argument. */
static inline int all_changed(void *arg, const struct xsg_function *function)
{
    const char *name = arg;
    return strcmp(function->name, name) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
