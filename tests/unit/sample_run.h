/* Runs made up from a seed, and their equality to the last bit. For tests of what keeps runs. */
#ifndef XSG_TESTS_SAMPLE_RUN_H
#define XSG_TESTS_SAMPLE_RUN_H

#include <math.h>
#include <string.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/rng.h"

/* A calm run of one target: n functions, three metrics each, rounds values per series. */
static inline struct xsg_run sample_run(struct xsg_arena *arena, uint64_t seed, size_t functions,
                                        size_t rounds)
{
    struct xsg_rng rng;
    xsg_rng_init(&rng, seed);
    static const char *const metrics[] = {"time", "total", "calls"};
    static const char *const units[] = {"ns", "ns", "count"};
    struct xsg_run run = {
        .session = xsg_printf(arena, "%016llx", (unsigned long long)seed),
        .created = 1700000000 + (int64_t)seed,
        .elapsed_s = 12.5,
        .commit = {.oid = xsg_printf(arena, "%040llx", (unsigned long long)(seed * 977)),
                   .describe = "main",
                   .subject = "a change",
                   .time = 1600000000},
        .environment = {.cpu_model = "a CPU",
                        .cores = 2,
                        .memory = INT64_C(8) << 30,
                        .kernel = "6.1",
                        .os = "Debian 12",
                        .libc = "glibc 2.36",
                        .compiler = "gcc 12",
                        .virtualization = "",
                        .governor = "",
                        .xsgate = "0.1",
                        .fingerprint = "0123456789abcdef"},
        .suite_hash = "feedface",
        .n_targets = 1,
        .n_series = functions * 3};
    run.targets = XSG_NEW(arena, struct xsg_target_run);
    *run.targets = (struct xsg_target_run){
        .name = "parse", .command = "./parse x", .profile = "scopes", .samples = seed};
    run.series = XSG_NEW_ARRAY(arena, struct xsg_series, run.n_series);
    for (size_t i = 0; i < run.n_series; i++) {
        struct xsg_series *s = &run.series[i];
        *s = (struct xsg_series){
            .target = "parse",
            .function = {.name = i < 3 ? NULL : xsg_printf(arena, "function_%zu", i / 3),
                         .file = "src/parse.c",
                         .module = "parse",
                         .line = (int)(i / 3) * 10,
                         .end_line = (int)(i / 3) * 10 + 9},
            .metric = metrics[i % 3],
            .unit = units[i % 3],
            .n = rounds};
        s->values = XSG_NEW_ARRAY(arena, double, rounds ? rounds : 1);
        for (size_t k = 0; k < rounds; k++)
            s->values[k] = 1e6 * (1 + xsg_rng_double(&rng));
    }
    return run;
}

static const char *const hostile_texts[] = {"",
                                            "'; DROP TABLE runs; --",
                                            "new\nline\ttab",
                                            "\x01\x7f\xff\xfe",
                                            "\xc3\x28",
                                            "<b>&amp;",
                                            "std::map<int, char>::operator[](int const&)",
                                            "\xe2\x80\xaexyz",
                                            "%s%n",
                                            "NULL"};

static inline const char *hostile_text(struct xsg_rng *rng)
{
    size_t n = sizeof hostile_texts / sizeof *hostile_texts;
    uint64_t i = xsg_rng_below(rng, n + 2);
    return i >= n ? NULL : hostile_texts[i];
}

static inline const char *hostile_name(struct xsg_rng *rng)
{
    const char *text = hostile_text(rng);
    return text ? text : "name";
}

static inline struct xsg_function hostile_function(struct xsg_rng *rng)
{
    return (struct xsg_function){.name = hostile_text(rng),
                                 .file = hostile_text(rng),
                                 .module = hostile_text(rng),
                                 .line = (int)xsg_rng_below(rng, 0x7fffffff),
                                 .end_line = (int)xsg_rng_below(rng, 3),
                                 .code = xsg_rng_next(rng),
                                 .code_deep = xsg_rng_next(rng)};
}

static inline double hostile_value(struct xsg_rng *rng)
{
    static const double values[] = {0, -0.0, 5e-324, 1.7976931348623157e308, -1e300, NAN, 1, 0.1};
    return values[xsg_rng_below(rng, sizeof values / sizeof *values)];
}

static inline void hostile_target(struct xsg_arena *arena, struct xsg_rng *rng,
                                  struct xsg_target_run *target)
{
    *target = (struct xsg_target_run){.name = hostile_name(rng),
                                      .command = hostile_text(rng),
                                      .profile = hostile_text(rng),
                                      .lost = xsg_rng_next(rng) >> 1,
                                      .samples = xsg_rng_below(rng, 100),
                                      .invalid = hostile_text(rng),
                                      .pairing = (enum xsg_pairing)xsg_rng_below(rng, 4),
                                      .pairing_reason = hostile_text(rng),
                                      .n_control = xsg_rng_below(rng, 4),
                                      .binary = xsg_rng_next(rng),
                                      .look = (int)xsg_rng_below(rng, 5),
                                      .fresh_from = (size_t)xsg_rng_below(rng, 99)};
    target->control = XSG_NEW_ARRAY(arena, double, target->n_control + 1);
    for (size_t i = 0; i < target->n_control; i++)
        target->control[i] = hostile_value(rng);
    struct xsg_calltree *tree = &target->tree;
    tree->n_nodes = xsg_rng_below(rng, 6);
    if (tree->n_nodes == 0)
        return;
    tree->n_functions = 2;
    tree->functions = XSG_NEW_ARRAY(arena, struct xsg_function, 2);
    tree->functions[0] = hostile_function(rng);
    tree->functions[1] = hostile_function(rng);
    tree->nodes = XSG_NEW_ARRAY(arena, struct xsg_tree_node, tree->n_nodes);
    for (size_t i = 0; i < tree->n_nodes; i++)
        tree->nodes[i] = (struct xsg_tree_node){.parent = i ? (uint32_t)xsg_rng_below(rng, i) : 0,
                                                .function = (uint32_t)xsg_rng_below(rng, 2),
                                                .self = xsg_rng_double(rng),
                                                .total = xsg_rng_double(rng) + 1,
                                                .calls = (double)i};
}

/* Everything that the types allow. */
static inline struct xsg_run hostile_run(struct xsg_arena *arena, uint64_t seed)
{
    struct xsg_rng rng;
    xsg_rng_init(&rng, seed);
    struct xsg_run run = sample_run(arena, seed, 0, 0);
    const char **const texts[] = {
        &run.session,          &run.suite_hash,         &run.commit.describe,
        &run.environment.gpu,  &run.environment.os,     &run.environment.fingerprint,
        &run.environment.libc, &run.environment.xsgate, &run.environment.cpu_model};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = hostile_text(&rng);
    run.commit.dirty = seed & 1;
    run.commit.subject = hostile_text(&rng);
    run.n_targets = xsg_rng_below(&rng, 4);
    run.targets = XSG_NEW_ARRAY(arena, struct xsg_target_run, run.n_targets + 1);
    for (size_t i = 0; i < run.n_targets; i++)
        hostile_target(arena, &rng, &run.targets[i]);
    run.n_series = xsg_rng_below(&rng, 30);
    run.series = XSG_NEW_ARRAY(arena, struct xsg_series, run.n_series + 1);
    for (size_t i = 0; i < run.n_series; i++) {
        struct xsg_series *s = &run.series[i];
        *s = (struct xsg_series){.target = hostile_name(&rng),
                                 .function = hostile_function(&rng),
                                 .metric = hostile_name(&rng),
                                 .unit = hostile_text(&rng),
                                 .n = xsg_rng_below(&rng, 12)};
        s->values = XSG_NEW_ARRAY(arena, double, s->n + 1);
        for (size_t k = 0; k < s->n; k++)
            s->values[k] = hostile_value(&rng);
    }
    run.n_warnings = xsg_rng_below(&rng, 3);
    run.warnings = XSG_NEW_ARRAY(arena, const char *, run.n_warnings + 1);
    for (size_t i = 0; i < run.n_warnings; i++)
        run.warnings[i] = hostile_name(&rng);
    return run;
}

static inline bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool same_function(const struct xsg_function *a, const struct xsg_function *b)
{
    return same_text(a->name, b->name) && same_text(a->file, b->file) &&
           same_text(a->module, b->module) && a->line == b->line && a->end_line == b->end_line;
}

static inline bool same_code(const struct xsg_function *a, const struct xsg_function *b)
{
    return a->code == b->code && a->code_deep == b->code_deep;
}

static inline bool same_values(const double *a, size_t n_a, const double *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        if (isnan(a[i]) ? !isnan(b[i]) : a[i] != b[i])
            return false;
    }
    return true;
}

static inline bool same_series(const struct xsg_series *a, const struct xsg_series *b)
{
    return same_text(a->target, b->target) && same_text(a->metric, b->metric) &&
           same_text(a->unit, b->unit) && same_function(&a->function, &b->function) &&
           same_code(&a->function, &b->function) && same_values(a->values, a->n, b->values, b->n);
}

static inline bool same_tree(const struct xsg_calltree *a, const struct xsg_calltree *b)
{
    if (a->n_functions != b->n_functions || a->n_nodes != b->n_nodes)
        return false;
    for (size_t i = 0; i < a->n_functions; i++) {
        if (!same_function(&a->functions[i], &b->functions[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_nodes; i++) {
        const struct xsg_tree_node *x = &a->nodes[i], *y = &b->nodes[i];
        if (x->parent != y->parent || x->function != y->function || x->self != y->self ||
            x->total != y->total || x->calls != y->calls)
            return false;
    }
    return true;
}

static inline bool same_target(const struct xsg_target_run *a, const struct xsg_target_run *b)
{
    return same_text(a->name, b->name) && same_text(a->command, b->command) &&
           same_text(a->profile, b->profile) && same_text(a->invalid, b->invalid) &&
           a->lost == b->lost && a->samples == b->samples && same_tree(&a->tree, &b->tree) &&
           a->pairing == b->pairing && same_text(a->pairing_reason, b->pairing_reason) &&
           same_values(a->control, a->n_control, b->control, b->n_control) &&
           a->binary == b->binary && a->look == b->look && a->fresh_from == b->fresh_from;
}

static inline bool same_environment(const struct xsg_environment *a,
                                    const struct xsg_environment *b)
{
    return same_text(a->cpu_model, b->cpu_model) && a->cores == b->cores &&
           a->memory == b->memory && same_text(a->kernel, b->kernel) && same_text(a->os, b->os) &&
           same_text(a->libc, b->libc) && same_text(a->compiler, b->compiler) &&
           same_text(a->virtualization, b->virtualization) && same_text(a->governor, b->governor) &&
           same_text(a->gpu, b->gpu) && same_text(a->xsgate, b->xsgate) &&
           same_text(a->fingerprint, b->fingerprint);
}

static inline bool same_commit(const struct xsg_commit *a, const struct xsg_commit *b)
{
    return same_text(a->oid, b->oid) && same_text(a->describe, b->describe) &&
           same_text(a->subject, b->subject) && a->time == b->time && a->dirty == b->dirty;
}

static inline bool same_run(const struct xsg_run *a, const struct xsg_run *b)
{
    if (!same_text(a->session, b->session) || a->created != b->created ||
        a->elapsed_s != b->elapsed_s || !same_commit(&a->commit, &b->commit) ||
        !same_environment(&a->environment, &b->environment) ||
        !same_text(a->suite_hash, b->suite_hash) || a->n_targets != b->n_targets ||
        a->n_series != b->n_series || a->n_warnings != b->n_warnings)
        return false;
    for (size_t i = 0; i < a->n_targets; i++) {
        if (!same_target(&a->targets[i], &b->targets[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_series; i++) {
        if (!same_series(&a->series[i], &b->series[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_warnings; i++) {
        if (!same_text(a->warnings[i], b->warnings[i]))
            return false;
    }
    return true;
}

#endif
