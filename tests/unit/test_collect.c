/* Profiles of rounds -> series and mean tree. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/fold.h"

/* A profile of main -> work with the given values, in an arena that dies before the collection is
 * finished. */
static void collect(struct xsg_collect *c, size_t round, const char *work, double self,
                    double calls, uint32_t kind)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_fold *fold;
    struct xsg_profile profile;
    const struct xsg_function top = {.name = "main", .file = "m.c", .line = 3},
                              f = {.name = work, .file = "w.c"};
    assert_int_equal(xsg_fold_open(&fold, &arena, NULL), 0);
    uint32_t a = xsg_fold_child(fold, 0, xsg_fold_function(fold, &top), kind);
    xsg_fold_node(fold, a)->ns = 10;
    xsg_fold_node(fold, a)->calls = kind == XSG_PROFILE_SAMPLE ? 0 : 1;
    xsg_fold_node(fold, a)->samples = 2;
    uint32_t b = xsg_fold_child(fold, a, xsg_fold_function(fold, &f), kind);
    xsg_fold_node(fold, b)->ns = self;
    xsg_fold_node(fold, b)->calls = calls;
    xsg_fold_sums(fold)->lost = 1;
    assert_int_equal(xsg_fold_finish(fold, &profile, NULL), 0);
    assert_int_equal(xsg_collect_profile(c, round, &profile), 0);
    xsg_arena_release(&arena);
}

static const struct xsg_series *find(const struct xsg_series *series, size_t n, const char *name,
                                     const char *metric)
{
    for (size_t i = 0; i < n; i++) {
        const char *has = series[i].function.name;
        bool same = name ? has && strcmp(has, name) == 0 : !has;
        if (same && strcmp(series[i].metric, metric) == 0)
            return &series[i];
    }
    return NULL;
}

static void test_series_and_tree(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_collect *c;
    struct xsg_series *series = NULL;
    size_t n = 0;
    struct xsg_target_run target = {0};
    assert_int_equal(xsg_collect_open(&c, &arena, "bench", NULL), 0);
    collect(c, 0, "work", 100, 5, XSG_PROFILE_SCOPE);
    collect(c, 1, "other", 50, 2, XSG_PROFILE_SCOPE);
    collect(c, 2, "work", 120, 6, XSG_PROFILE_SCOPE);
    xsg_collect_value(c, 0, "wall", 1000);
    xsg_collect_value(c, 2, "wall", 3000);
    xsg_collect_value(c, 2, "widgets", 3);
    assert_int_equal(xsg_collect_finish(c, &series, &n, &target, NULL), 0);

    assert_int_equal(n, 2 + 3 * 3);
    const struct xsg_series *work = find(series, n, "work", "time");
    assert_int_equal(work->n, 3);
    assert_true(work->values[0] == 100 && isnan(work->values[1]) && work->values[2] == 120);
    assert_string_equal(work->unit, "ns");
    assert_string_equal(work->target, "bench");
    assert_string_equal(work->function.file, "w.c");
    const struct xsg_series *other = find(series, n, "other", "calls");
    assert_true(isnan(other->values[0]) && other->values[1] == 2 && isnan(other->values[2]));
    assert_string_equal(other->unit, "count");
    assert_true(find(series, n, "main", "total")->values[2] == 130);
    const struct xsg_series *wall = find(series, n, NULL, "wall");
    assert_true(wall->values[0] == 1000 && isnan(wall->values[1]) && wall->values[2] == 3000);
    assert_string_equal(wall->unit, "ns");
    assert_string_equal(find(series, n, NULL, "widgets")->unit, "count");

    assert_int_equal(target.lost, 3);
    assert_int_equal(target.samples, 6);
    assert_int_equal(target.tree.n_nodes, 4);
    assert_string_equal(target.tree.functions[target.tree.nodes[0].function].name, "bench");
    assert_true(fabs(target.tree.nodes[0].total - 300.0 / 3) < 1e-9);
    assert_true(fabs(target.tree.nodes[1].self - 10) < 1e-9);
    assert_true(fabs(target.tree.nodes[2].calls - 11.0 / 3) < 1e-9);
    xsg_arena_release(&arena);
}

/* After more rounds it is all there again, with the earlier rounds. */
static void test_finish_again(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_collect *c;
    struct xsg_target_run target = {0};
    assert_int_equal(xsg_collect_open(&c, &arena, "t", NULL), 0);
    for (size_t round = 0; round < 20; round++) {
        struct xsg_series *series = NULL;
        size_t n = 0;
        collect(c, round, "work", (double)round, 1, XSG_PROFILE_FUNCTION);
        assert_int_equal(xsg_collect_finish(c, &series, &n, &target, NULL), 0);
        assert_int_equal(n, 6);
        const struct xsg_series *time = find(series, n, "work", "time");
        assert_int_equal(time->n, round + 1);
        for (size_t i = 0; i <= round; i++)
            assert_true(time->values[i] == (double)i);
    }
    xsg_arena_release(&arena);
}

static void test_sampled_functions_have_no_calls(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_collect *c;
    struct xsg_series *series = NULL;
    size_t n = 0;
    struct xsg_target_run target = {0};
    assert_int_equal(xsg_collect_open(&c, &arena, "t", NULL), 0);
    collect(c, 0, "work", 8, 0, XSG_PROFILE_SAMPLE);
    assert_int_equal(xsg_collect_finish(c, &series, &n, &target, NULL), 0);
    assert_int_equal(n, 4);
    assert_null(find(series, n, "work", "calls"));
    assert_non_null(find(series, n, "work", "total"));
    xsg_arena_release(&arena);
}

static void test_nothing(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_collect *c;
    struct xsg_series before = {.target = "earlier"}, *series = &before;
    size_t n = 1;
    struct xsg_target_run target = {0};
    assert_int_equal(xsg_collect_open(&c, &arena, "t", NULL), 0);
    xsg_collect_value(c, 0, "cpu", 5);
    assert_int_equal(xsg_collect_finish(c, &series, &n, &target, NULL), 0);
    assert_int_equal(n, 2); /* appended */
    assert_string_equal(series[0].target, "earlier");
    assert_int_equal(target.tree.n_nodes, 1);
    assert_true(target.tree.nodes[0].total == 0);
    xsg_arena_release(&arena);
}

/* A function without machine code of its own has no self time, not even 0. */
static void test_only_inlined(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_collect *c;
    struct xsg_series *series = NULL;
    size_t n = 0;
    struct xsg_target_run target = {0};
    struct xsg_profile_function functions[] = {
        {.function = {.name = "outer"}, .self = 80, .total = 80},
        {.function = {.name = "between"}, .total = 50, .only_inlined = true},
        {.function = {.name = "small"}, .total = 50, .inlined = 50, .only_inlined = true}};
    struct xsg_function functions_of_tree[] = {{.name = "[root]"}};
    struct xsg_tree_node root = {0};
    const struct xsg_profile profile = {
        .functions = functions, .n_functions = 3, .tree = {functions_of_tree, 1, &root, 1}};
    assert_int_equal(xsg_collect_open(&c, &arena, "bench", NULL), 0);
    assert_int_equal(xsg_collect_profile(c, 0, &profile), 0);
    assert_int_equal(xsg_collect_finish(c, &series, &n, &target, NULL), 0);
    assert_non_null(find(series, n, "outer", "time"));
    assert_null(find(series, n, "between", "time"));
    assert_true(find(series, n, "between", "inlined")->values[0] == 0);
    assert_null(find(series, n, "small", "time"));
    assert_true(find(series, n, "small", "inlined")->values[0] == 50);
    xsg_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_and_tree),
        cmocka_unit_test(test_finish_again),
        cmocka_unit_test(test_sampled_functions_have_no_calls),
        cmocka_unit_test(test_only_inlined),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
