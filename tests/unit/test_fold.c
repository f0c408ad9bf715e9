/* Trees by heart -> profile: totals, recursion, mixed kinds, order, notes, depth. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "profiler/fold.h"
#include "profiler/format.h"

struct fixture {
    struct xsg_arena arena;
    struct xsg_fold *fold;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    return xsg_fold_open(&fixture.fold, &fixture.arena, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

static uint32_t function(struct xsg_fold *fold, const char *name)
{
    const struct xsg_function f = {.name = name, .file = "a.c"};
    return xsg_fold_function(fold, &f);
}

static uint32_t add(struct xsg_fold *fold, uint32_t parent, const char *name, uint32_t kind,
                    double calls, double ns)
{
    uint32_t node = xsg_fold_child(fold, parent, function(fold, name), kind);
    xsg_fold_node(fold, node)->calls += calls;
    xsg_fold_node(fold, node)->ns += ns;
    if (kind == XSG_PROFILE_SAMPLE)
        xsg_fold_node(fold, node)->samples += 1;
    return node;
}

static struct xsg_profile finish(struct xsg_fold *fold)
{
    struct xsg_profile profile;
    struct xsg_err err = {0};
    assert_int_equal(xsg_fold_finish(fold, &profile, &err), 0);
    return profile;
}

static const struct xsg_profile_function *find(const struct xsg_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_functions; i++)
        if (strcmp(p->functions[i].function.name, name) == 0)
            return &p->functions[i];
    return NULL;
}

static void assert_folded(const struct xsg_profile *p, const char *expected)
{
    struct xsg_buf text = XSG_BUF_INIT;
    xsg_calltree_put_folded(&text, &p->tree);
    assert_string_equal(xsg_buf_str(&text), expected);
    xsg_buf_release(&text);
}

static void test_tree(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t top = add(fold, 0, "main", XSG_PROFILE_SCOPE, 1, 10);
    uint32_t parse = add(fold, top, "parse", XSG_PROFILE_SCOPE, 4, 30);
    add(fold, parse, "token", XSG_PROFILE_SCOPE, 40, 50);
    add(fold, top, "print", XSG_PROFILE_SCOPE, 2, 5);
    add(fold, 0, "main", XSG_PROFILE_SCOPE, 1, 10); /* another thread: the same node */
    struct xsg_profile p = finish(fold);

    assert_int_equal(p.n_functions, 4);
    assert_string_equal(p.functions[0].function.name, "token"); /* largest self first */
    assert_true(find(&p, "main")->self == 20);
    assert_true(find(&p, "main")->total == 105);
    assert_true(find(&p, "main")->calls == 2);
    assert_true(find(&p, "parse")->total == 80);
    assert_true(p.total_ns == 105);
    assert_int_equal(p.kinds, XSG_PROFILE_SCOPE);
    assert_int_equal(p.tree.n_nodes, 5);
    assert_true(p.tree.nodes[0].total == 105);
    assert_folded(&p, "main 20\nmain;parse 30\nmain;parse;token 50\nmain;print 5\n");
    assert_null(find(&p, "[root]"));
}

static void test_recursion_counts_the_outermost(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t a = add(fold, 0, "a", XSG_PROFILE_FUNCTION, 1, 1);
    uint32_t b = add(fold, a, "b", XSG_PROFILE_FUNCTION, 1, 2);
    uint32_t a2 = add(fold, b, "a", XSG_PROFILE_FUNCTION, 1, 4);
    add(fold, a2, "b", XSG_PROFILE_FUNCTION, 1, 8);
    add(fold, 0, "b", XSG_PROFILE_FUNCTION, 1, 16);
    struct xsg_profile p = finish(fold);
    assert_true(find(&p, "a")->total == 15); /* not 15 + 12 */
    assert_true(find(&p, "a")->self == 5);
    assert_true(find(&p, "b")->total == 14 + 16);
    assert_true(find(&p, "b")->calls == 3);
    assert_true(p.total_ns == 31);
}

/* A recursion of a million levels: a shallow tree with nothing missing. */
static void test_deep_recursion_is_folded(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t at = 0;
    for (int i = 0; i < 1000000; i++)
        at = add(fold, at, i % 2 ? "odd" : "even", XSG_PROFILE_FUNCTION, 1, 1);
    struct xsg_profile p = finish(fold);
    assert_true(p.tree.n_nodes <= XSG_FOLD_DEPTH_SOFT + 2);
    assert_true(find(&p, "even")->calls == 500000);
    assert_true(find(&p, "even")->self == 500000);
    assert_true(find(&p, "even")->total == 1000000);
    assert_true(find(&p, "odd")->total == 999999);
}

static void test_deep_path_of_different_functions(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t at = 0;
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        at = add(fold, at, name, XSG_PROFILE_FUNCTION, 1, 1);
    }
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.n_functions, 5000);
    assert_true(p.tree.nodes[0].total == 5000);
    size_t deepest = 0;
    for (size_t i = 0; i < p.tree.n_nodes; i++) {
        size_t depth = 0;
        for (uint32_t n = (uint32_t)i; n != 0; n = p.tree.nodes[n].parent)
            depth++;
        deepest = depth > deepest ? depth : deepest;
    }
    assert_int_equal(deepest, XSG_FOLD_DEPTH_HARD);
}

static void test_estimates_below_zero(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t a = add(fold, 0, "a", XSG_PROFILE_SCOPE, 1, -3);
    add(fold, a, "b", XSG_PROFILE_SCOPE, 1, 100);
    uint32_t c = add(fold, 0, "c", XSG_PROFILE_SCOPE, 1, -5);
    xsg_fold_node(fold, c)->ns += 6; /* another thread's: the noise cancels */
    struct xsg_profile p = finish(fold);
    assert_true(find(&p, "a")->self == 0);
    assert_true(find(&p, "a")->total == 100);
    assert_true(find(&p, "c")->self == 1);
    assert_int_equal(p.n_notes, 1);
    assert_non_null(strstr(p.notes[0], "3.0 % of the whole"));
}

static void test_no_note_below_one_percent(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    add(fold, 0, "a", XSG_PROFILE_SCOPE, 1, -1);
    add(fold, 0, "b", XSG_PROFILE_SCOPE, 1, 200);
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.n_notes, 0);
}

static void test_mixed_kinds(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    xsg_fold_sums(fold)->modes = XSG_SEG_MODE_SCOPES | XSG_SEG_MODE_SAMPLE;
    add(fold, 0, "parse", XSG_PROFILE_SCOPE, 7, 100);
    uint32_t top = add(fold, 0, "main", XSG_PROFILE_SAMPLE, 0, 0);
    add(fold, top, "parse", XSG_PROFILE_SAMPLE, 0, 80);
    add(fold, top, "read", XSG_PROFILE_SAMPLE, 0, 10);
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.kinds, XSG_PROFILE_SCOPE | XSG_PROFILE_SAMPLE);
    assert_true(find(&p, "parse")->self == 100); /* the measured number, not 180 */
    assert_true(find(&p, "parse")->calls == 7);
    assert_int_equal(find(&p, "parse")->samples, 1);
    assert_true(find(&p, "read")->self == 10);
    assert_true(p.total_ns == 100);
    assert_null(find(&p, "[sampled]"));
    assert_folded(&p, "[measured];parse 100\n[sampled];main;parse 80\n[sampled];main;read 10\n");
}

static void test_group_without_content(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    xsg_fold_sums(fold)->modes = XSG_SEG_MODE_FUNCTIONS | XSG_SEG_MODE_SAMPLE;
    add(fold, 0, "f", XSG_PROFILE_FUNCTION, 1, 5);
    struct xsg_profile p = finish(fold);
    assert_folded(&p, "[measured];f 5\n");
    assert_int_equal(p.tree.n_nodes, 3);
}

/* XSG_FUNC() in an instrumented function: one call, not two. */
static void test_scope_of_the_functions_name(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t f = add(fold, 0, "f", XSG_PROFILE_FUNCTION, 3, 1);
    add(fold, f, "f", XSG_PROFILE_SCOPE, 3, 9);
    struct xsg_profile p = finish(fold);
    assert_true(find(&p, "f")->calls == 3);
    assert_true(find(&p, "f")->self == 10);
    assert_true(find(&p, "f")->total == 10);
}

static void test_identity(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    struct xsg_function a = {.name = "f"}, b = {.name = "f", .file = ""},
                        c = {.name = "f", .file = "x.c", .line = 0};
    uint32_t ia = xsg_fold_function(fold, &a), ib = xsg_fold_function(fold, &b),
             ic = xsg_fold_function(fold, &c);
    assert_true(ia != ib && ib != ic && ia != ic);
    c.line = 12;
    c.module = "libx.so";
    assert_int_equal(xsg_fold_function(fold, &c), ic);
    uint32_t node = xsg_fold_child(fold, 0, ic, XSG_PROFILE_SCOPE);
    xsg_fold_node(fold, node)->calls = 1;
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.n_functions, 1);
    assert_int_equal(p.functions[0].function.line, 12);
    assert_string_equal(p.functions[0].function.module, "libx.so");
    assert_true(isnan(p.functions[0].min));
}

static void test_named_values(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    xsg_fold_counter(fold, "bytes", 10, 2, 3, 7);
    xsg_fold_counter(fold, "bytes", 5, 1, 5, 5);
    xsg_fold_counter(fold, "left", -4, 1, (double)NAN, (double)NAN);
    xsg_fold_bench(fold, "json", 100);
    xsg_fold_bench(fold, "json", 20);
    xsg_fold_note(fold, "%d things", 2);
    xsg_fold_note(fold, "%d things", 2);
    xsg_hist_add(xsg_fold_hist(fold, function(fold, "f")), 40, 3);
    add(fold, 0, "f", XSG_PROFILE_SCOPE, 3, 120);
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.n_counters, 2);
    assert_true(p.counters[0].sum == 15 && p.counters[0].n == 3);
    assert_true(p.counters[0].min == 3 && p.counters[0].max == 7);
    assert_true(isnan(p.counters[1].min));
    assert_int_equal(p.n_benches, 1);
    assert_string_equal(p.benches[0].name, "json");
    assert_int_equal(p.benches[0].iterations, 120);
    assert_int_equal(p.n_notes, 1);
    assert_string_equal(p.notes[0], "2 things");
    assert_int_equal(p.functions[0].hist.total, 3);
    assert_true(p.functions[0].min == 40 && p.functions[0].max == 40);
}

static void test_standard_error(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    uint32_t a = add(fold, 0, "f", XSG_PROFILE_SCOPE, 1, 10);
    uint32_t b = add(fold, a, "f", XSG_PROFILE_SCOPE, 1, 10);
    xsg_fold_node(fold, a)->variance = 9;
    xsg_fold_node(fold, b)->variance = 16;
    struct xsg_profile p = finish(fold);
    assert_true(p.functions[0].self_se == 5);
}

static void test_empty(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    struct xsg_profile p = finish(fold);
    assert_int_equal(p.n_functions, 0);
    assert_int_equal(p.tree.n_nodes, 1);
    assert_int_equal(p.kinds, 0);
    assert_true(p.total_ns == 0);
    assert_folded(&p, "");
}

/* Reads the escapes back: no two names look alike, no name breaks the format. */
static void test_folded_names_survive(void **state)
{
    struct xsg_fold *fold = ((struct fixture *)*state)->fold;
    const char *const names[] = {"a;b", "a\\x3bb",         "new\nline", "tab\t",
                                 "\\",  "op()(int, char)", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add(fold, 0, names[i], XSG_PROFILE_SCOPE, 1, 100 - (double)i);
    struct xsg_profile p = finish(fold);
    assert_folded(&p, "a\\x3bb 100\na\\\\x3bb 99\nnew\\x0aline 98\ntab\\x09 97\n\\\\ 96\n"
                      "op()(int, char) 95\n 94\n");
}

/* The tree has what is inlined as it is written; the time is that of the machine code. */
static void test_inlined_time_is_the_callers_own(void **state)
{
    struct fixture *f = *state;
    uint32_t outer = add(f->fold, 0, "outer", XSG_PROFILE_SAMPLE, 0, 30);
    add(f->fold, outer, "small", XSG_PROFILE_SAMPLE, 0, 50);
    uint32_t other = add(f->fold, 0, "other", XSG_PROFILE_SAMPLE, 0, 5);
    add(f->fold, other, "small", XSG_PROFILE_SAMPLE, 0, 7); /* called there */
    xsg_fold_inlined(f->fold, function(f->fold, "small"), function(f->fold, "outer"), 50, 1);
    struct xsg_profile p = finish(f->fold);
    assert_string_equal(p.functions[0].function.name, "outer");
    assert_true(p.functions[0].self == 80 && p.functions[0].inlined == 0);
    assert_int_equal(p.functions[0].samples, 2);
    assert_string_equal(p.functions[1].function.name, "small");
    assert_true(p.functions[1].self == 7 && p.functions[1].inlined == 50);
    assert_int_equal(p.functions[1].samples, 1);
    assert_true(p.functions[1].total == 57);
    assert_true(p.total_ns == 92);
    assert_true(p.tree.nodes[2].self == 50);
}

/* What never has a sample of its own, between two that have: inlined as well. */
static void test_what_is_only_inlined_is_known(void **state)
{
    struct fixture *f = *state;
    uint32_t outer = add(f->fold, 0, "outer", XSG_PROFILE_SAMPLE, 0, 30);
    uint32_t between = add(f->fold, outer, "between", XSG_PROFILE_SAMPLE, 0, 0);
    add(f->fold, between, "small", XSG_PROFILE_SAMPLE, 0, 50);
    xsg_fold_frame(f->fold, function(f->fold, "outer"), false);
    xsg_fold_frame(f->fold, function(f->fold, "between"), true);
    xsg_fold_frame(f->fold, function(f->fold, "small"), true);
    xsg_fold_frame(f->fold, function(f->fold, "small"), false);
    struct xsg_profile p = finish(f->fold);
    for (size_t i = 0; i < p.n_functions; i++)
        assert_int_equal(p.functions[i].only_inlined,
                         strcmp(p.functions[i].function.name, "between") == 0);
}

static void test_code_of_two_modules_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct xsg_function one = {.name = "f", .code = 5, .code_deep = 6}, none = {.name = "f"};
    uint32_t i = xsg_fold_function(f->fold, &none);
    assert_int_equal(xsg_fold_function(f->fold, &one), i);
    struct xsg_profile p = finish(f->fold);
    assert_true(p.tree.functions[i].code == 5 && p.tree.functions[i].code_deep == 6);
    one.code = 7;
    xsg_fold_function(f->fold, &one);
    xsg_fold_function(f->fold, &one);
    p = finish(f->fold);
    assert_true(p.tree.functions[i].code == 0 && p.tree.functions[i].code_deep == XSG_CODE_UNREAD);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tree),
        TEST(test_recursion_counts_the_outermost),
        TEST(test_deep_recursion_is_folded),
        TEST(test_deep_path_of_different_functions),
        TEST(test_estimates_below_zero),
        TEST(test_no_note_below_one_percent),
        TEST(test_mixed_kinds),
        TEST(test_group_without_content),
        TEST(test_scope_of_the_functions_name),
        TEST(test_identity),
        TEST(test_named_values),
        TEST(test_standard_error),
        TEST(test_inlined_time_is_the_callers_own),
        TEST(test_what_is_only_inlined_is_known),
        TEST(test_code_of_two_modules_is_unknown),
        TEST(test_empty),
        TEST(test_folded_names_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
