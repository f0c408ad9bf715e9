/* A comparison with everything that a page shows, for tests: calm or hostile. */
#ifndef XSG_TESTS_SAMPLE_PAGE_H
#define XSG_TESTS_SAMPLE_PAGE_H

#include <math.h>
#include <string.h>

#include <xsgate/comparison.h>

#include "base/arena.h"

static inline struct xsg_delta sample_delta(const char *name, double ratio, double share,
                                            enum xsg_delta_verdict verdict)
{
    return (struct xsg_delta){
        .target = "parse",
        .function = {.name = name, .file = "src/parse.c", .line = 10},
        .metric = "time",
        .unit = "ns",
        .base = {.median = 2e6, .mean = 2e6, .calls = 400, .n = 20},
        .head = {.median = 2e6 * ratio, .mean = 2e6 * ratio, .calls = 400, .n = 20},
        .ratio = ratio,
        .low = ratio - 0.012,
        .high = ratio + 0.012,
        .p = 0.001,
        .share = share,
        .threshold = 0.05,
        .verdict = verdict,
        .cause = verdict == XSG_DELTA_UNCHANGED ? NULL : "each call costs more",
        .changed = 1,
        .rule = "threshold",
        .counts = true};
}

/* A chain of calls below the root: main > read > parse_value (self) and skip_space. */
static inline void sample_tree(struct xsg_arena *arena, struct xsg_calltree *tree,
                               const char *const names[4])
{
    static const struct xsg_tree_node nodes[] = {{0, 0, 1e5, 1e7, 1},
                                                 {0, 1, 9e5, 9.9e6, 1},
                                                 {1, 2, 6e6, 7e6, 400},
                                                 {1, 3, 2e6, 2e6, 1600},
                                                 {2, 3, 1e6, 1e6, 800}};
    *tree = (struct xsg_calltree){.n_functions = 4, .n_nodes = 5};
    tree->functions = XSG_NEW_ARRAY(arena, struct xsg_function, 4);
    for (size_t i = 0; i < 4; i++)
        tree->functions[i] =
            (struct xsg_function){.name = names[i], .file = "src/parse.c", .line = 10};
    tree->nodes = XSG_NEW_ARRAY(arena, struct xsg_tree_node, 5);
    memcpy(tree->nodes, nodes, sizeof nodes);
}

/* names[4]: what the functions are called; everything foreign is made of names[2] too when hostile
 * is set. */
static inline struct xsg_comparison sample_page(struct xsg_arena *arena, const char *const names[4],
                                                bool hostile)
{
    const char *foreign = hostile ? names[2] : NULL;
    struct xsg_run *run = XSG_NEW_ARRAY(arena, struct xsg_run, 2);
    struct xsg_comparison c = {.verdict = XSG_VERDICT_REGRESSED,
                               .reason = foreign ? foreign : "parse_value is 21 % slower",
                               .base = &run[0],
                               .head = &run[1],
                               .paired = true,
                               .elapsed_s = 42,
                               .rounds = 20,
                               .gate = {.threshold = 0.05, .alpha = 0.01, .min_share = 0.005},
                               .n_deltas = 4};
    for (size_t i = 0; i < 2; i++) {
        run[i].commit = (struct xsg_commit){.oid = "0123456789012345678901234567890123456789",
                                            .describe = foreign ? foreign : "feature",
                                            .subject = foreign ? foreign : "Read faster"};
        run[i].environment = (struct xsg_environment){
            .cpu_model = foreign ? foreign : "a CPU", .cores = 2, .compiler = foreign};
        run[i].n_targets = 1;
        run[i].targets = XSG_NEW(arena, struct xsg_target_run);
        run[i].targets->name = "parse";
        run[i].targets->command = foreign ? foreign : "./bench_parse data/large.json";
        run[i].targets->profile = foreign ? foreign : "scopes";
        run[i].targets->invalid = foreign;
    }
    sample_tree(arena, &run[1].targets->tree, names);
    c.deltas = XSG_NEW_ARRAY(arena, struct xsg_delta, 4);
    c.deltas[0] = sample_delta(names[2], 1.21, 0.6, XSG_DELTA_REGRESSED);
    c.deltas[1] = sample_delta(names[1], 0.88, 0.09, XSG_DELTA_IMPROVED);
    c.deltas[2] = sample_delta(NULL, 1.04, 1, XSG_DELTA_UNDECIDED);
    c.deltas[3] = sample_delta(names[3], 1, 0.25, XSG_DELTA_UNCHANGED);
    for (size_t i = 0; foreign && i < 4; i++) {
        c.deltas[i].cause = c.deltas[i].function.file = c.deltas[i].rule = foreign;
    }
    c.n_warnings = 1;
    c.warnings = XSG_NEW(arena, const char *);
    c.warnings[0] = foreign ? foreign : "the machine was busy";
    return c;
}

#endif
