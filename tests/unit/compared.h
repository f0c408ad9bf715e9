/* Two runs made by hand, and the comparison of them: what the tests of xsg_compare() share. */
#ifndef XSG_TESTS_COMPARED_H
#define XSG_TESTS_COMPARED_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/metric.h"
#include "compare/compare.h"
#include "harness/counts.h"

#define ROUNDS 20

struct fixture {
    struct xsg_arena arena;
    struct xsg_run base, head;
    struct xsg_target_run base_targets[2], head_targets[2];
    struct xsg_series base_series[32], head_series[32];
    struct xsg_gate gate;
    struct xsg_comparison c;
};

static inline void reset(struct fixture *f)
{
    *f = (struct fixture){0};
    xsg_gate_init(&f->gate);
    f->base_targets[0] = f->head_targets[0] = (struct xsg_target_run){.name = "t"};
    f->base = (struct xsg_run){
        .session = "aa", .targets = f->base_targets, .n_targets = 1, .series = f->base_series};
    f->head = (struct xsg_run){
        .session = "aa", .targets = f->head_targets, .n_targets = 1, .series = f->head_series};
}

static inline int setup(void **state)
{
    static struct fixture f;
    reset(&f);
    *state = &f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

/* A series around mean; noise is a fixed pattern of +-1, different on the two sides. */
static inline struct xsg_series *add(struct fixture *f, struct xsg_run *run, const char *function,
                                     const char *metric, double mean, double noise)
{
    static const double pattern[] = {-1, 0.3, 0.8, -0.4, 0.1, -0.7, 1, 0.5, -0.2, -0.4};
    const struct xsg_metric *known = xsg_metric_find(metric);
    struct xsg_series *s = &run->series[run->n_series++];
    size_t shift = run == &f->base ? 0 : 3;
    *s = (struct xsg_series){.target = "t",
                             .function = {.name = function, .file = function ? "a.c" : NULL},
                             .metric = metric,
                             .unit = known ? known->unit : "ns",
                             .n = known && known->counted ? XSG_COUNTS_RUNS : ROUNDS};
    s->values = XSG_NEW_ARRAY(&f->arena, double, s->n);
    for (size_t i = 0; i < s->n; i++)
        s->values[i] = mean * (1 + noise * pattern[(i * 7 + shift) % 10]);
    return s;
}

static inline void add_both(struct fixture *f, const char *function, const char *metric,
                            double base, double head, double noise)
{
    add(f, &f->base, function, metric, base, noise);
    add(f, &f->head, function, metric, head, noise);
}

static inline const struct xsg_delta *find(const struct fixture *f, const char *function,
                                           const char *metric)
{
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        const char *name = d->function.name;
        bool same = function && name ? strcmp(function, name) == 0 : function == name;
        if (same && strcmp(d->metric, metric) == 0)
            return d;
    }
    return NULL;
}

static inline void compare(struct fixture *f, const struct xsg_compare_options *options)
{
    struct xsg_err err = {0};
    assert_int_equal(xsg_compare(&f->arena, &f->base, &f->head, &f->gate, options, &f->c, &err), 0);
}

static inline void assert_verdict(const struct fixture *f, const char *function,
                                  enum xsg_delta_verdict verdict)
{
    const struct xsg_delta *d = find(f, function, "time");
    assert_non_null(d);
    assert_string_equal(xsg_delta_verdict_name(d->verdict), xsg_delta_verdict_name(verdict));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
