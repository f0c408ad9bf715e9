/* Callers that are slower through a callee, recursions, and where the source changed. */
#include "tests/unit/compared_trees.h"

static void a_caller_is_listed_under_its_callee(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add(f, &f->base, add(f, &f->base, add(f, &f->base, 0, "main", 1, 5, 100), "outer", 2, 5, 95),
        "inner", 3, 90, 90);
    add(f, &f->head, add(f, &f->head, add(f, &f->head, 0, "main", 8, 5, 130), "outer", 9, 5, 125),
        "inner", 4, 120, 120);
    compare(f);
    assert_string_equal(find(f, "main", "total")->through, "inner");
    assert_string_equal(find(f, "outer", "total")->through, "inner");
    assert_false(find(f, "outer", "total")->counts);
    assert_null(find(f, "inner", "total")->through);
    assert_true(find(f, "inner", "total")->counts);
    assert_string_equal(f->c.deltas[0].function.name, "inner");
    assert_text(find(f, "outer", "total")->cause, "through inner");
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* A function of the tree once more, below another one: a recursion. */
static uint32_t again(struct side *s, uint32_t parent, uint32_t function, double total)
{
    uint32_t number = (uint32_t)s->target.tree.n_nodes++;
    s->functions[s->target.tree.n_functions++] = s->functions[s->nodes[function].function];
    s->nodes[number] =
        (struct xsg_tree_node){.parent = parent, .function = number, .total = total * 1e6};
    return number;
}

static const char *const ring_names[] = {"value", "array", "element", "pair", "text"};

/* main calls the first of n functions that call each other in a ring, twice around. All take 10 ms
 * themselves in base; the slow one takes 20 % of the whole more in head. Without own times nothing
 * tells which one it is. */
static void add_ring(struct fixture *f, size_t n, size_t slow, bool own_times)
{
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double all = 10 * (double)n * (side ? 1.2 : 1);
        uint32_t at = add(f, s, 0, "main", 0, 5, 5 + all), ring[5];
        for (size_t i = 0; i < n; i++)
            ring[i] = at =
                add(f, s, at, ring_names[i], 0, 10 + (i == slow ? all - 10 * (double)n : 0),
                    all - (double)i * (side ? 0.6 : 0.5));
        for (size_t i = 0; i < n; i++)
            at = again(s, at, ring[i], 0.95 * all);
        size_t kept = 0;
        for (size_t i = 0; i < s->run.n_series; i++)
            if (own_times || strcmp(s->series[i].metric, "time") != 0)
                s->series[kept++] = s->series[i];
        s->run.n_series = kept;
    }
}

/* How many of them fail the gate; all others are slower through the last one. */
static size_t count_of_total(const struct fixture *f, const char *last)
{
    size_t n = 0;
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        if (!d->function.name || strcmp(d->metric, "total") != 0)
            continue;
        n += d->counts && d->verdict == XSG_DELTA_REGRESSED;
        if (strcmp(d->function.name, last) != 0)
            assert_string_equal(d->through, last);
    }
    return n;
}

/* Each has the whole change below itself: the one that changed is named, the others through it. */
static void a_recursion_does_not_excuse_all_of_its_functions(void **state)
{
    static const size_t lengths[] = {2, 3, 5};
    const char *metrics[] = {"total"};
    struct fixture *f = *state;
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (size_t k = 0; k < 3; k++) {
        for (size_t slow = 0; slow < lengths[k]; slow++) {
            prepare(&f->base);
            prepare(&f->head);
            add_ring(f, lengths[k], slow, true);
            compare(f);
            assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
            assert_int_equal(count_of_total(f, ring_names[slow]), 1);
        }
    }
}

/* Where nothing tells who of them it is, the one that is called from outside. */
static void a_recursion_without_own_times_counts_where_it_begins(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add_ring(f, 3, 1, false);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "value"), 1);
}

static void a_function_that_calls_itself_counts(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add_ring(f, 1, 0, true);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "value"), 1);
}

/* A recursion that leads to the one that changed: all of it is slower through that one. */
static void a_recursion_above_the_change_is_listed_under_it(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double more = side ? 30 : 0;
        uint32_t value = add(f, s, 0, "value", 1, 10, 100 + more);
        uint32_t array = add(f, s, value, "array", 2, 10, 90 + more);
        uint32_t inner = again(s, array, value, 80 + more);
        add(f, s, inner, "digits", side ? 4 : 3, 70 + more, 70 + more);
    }
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "digits"), 1);
}

static void the_target_is_explained_by_its_function(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 130);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "inner", 3, 90, 90);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 130), "inner", 4, 120, 120);
    compare(f);
    assert_string_equal(find(f, NULL, "time")->through, "inner");
    assert_true(find(f, NULL, "time")->counts);
}

static void a_changed_inlined_function_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse_number";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 130);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t work = add(f, s, 0, "work", side ? 5 : 3, side ? 130 : 100, 100);
        uint32_t inlined = add(f, s, work, "parse_number", 0, 0, 50);
        s->run.n_series -= 2;
        add_series(f, s, &s->functions[inlined], "inlined", 50);
    }
    compare_with(f, &options);
    const struct xsg_delta *d = find(f, "work", "time");
    assert_int_equal(d->changed, 1);
    assert_text(d->cause, "changed in this range: parse_number (a.c:10-20)");
}

/* Of an inclusive row, the change may lie in a callee; the whole target's, in the function that
 * explains it. */
static void a_changed_callee_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "inner";
    const char *metrics[] = {"total", "time"};
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 2;
    add_target(f, 100, 130);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double more = side ? 30 : 0;
        uint32_t outer =
            add(f, s, add(f, s, 0, "main", 1, 5, 100 + more), "outer", 2, 5, 95 + more);
        add(f, s, outer, "inner", side ? 4 : 3, 80 + more, 80 + more);
        add(f, s, outer, "other", 5, 10, 10);
    }
    compare_with(f, &options);
    static const char *const rows[] = {"main", "outer", "inner"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(find(f, rows[i], "total")->changed, 1);
        assert_text(find(f, rows[i], "total")->cause, "changed in this range: inner (a.c:10-20)");
    }
    assert_string_equal(find(f, NULL, "time")->cause,
                        "mostly inner (100 % of it); changed in this range: inner (a.c:10-20)");
    assert_int_equal(find(f, "outer", "time")->changed, 0);
}

/* An improvement goes the same way. */
static void a_changed_callee_of_a_faster_function_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "inner";
    const char *metrics[] = {"total"};
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double less = side ? 30 : 0;
        uint32_t outer = add(f, s, 0, "outer", 2, 5, 95 - less);
        add(f, s, outer, "inner", side ? 4 : 3, 80 - less, 80 - less);
        add(f, s, outer, "other", 5, 10, 10);
    }
    compare_with(f, &options);
    assert_text(find(f, "outer", "total")->cause, "changed in this range: inner (a.c:10-20)");
}

/* What calls the same code changed: it is named where it is one only. */
static void a_changed_caller_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    for (int two = 0; two < 2; two++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 100, 120);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            uint32_t parse =
                add(f, s, add(f, s, 0, "main", 1, 5, 100), "parse", side ? 4 : 3, 2, 95);
            uint32_t text = add(f, s, parse, "text", two && side ? 8 : 5, 3, 93);
            add(f, s, text, "length", 7, side ? 110 : 90, 90);
        }
        compare_with(f, &options);
        assert_text(find(f, "length", "time")->cause,
                    two ? "what calls it changed (text)" : "what calls it changed (parse)");
    }
}

static void two_changed_callers_are_not_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t top = add(f, s, 0, "main", 1, 5, 100);
        uint32_t parse = add(f, s, top, "parse", side ? 4 : 3, 2, 95);
        uint32_t text = add(f, s, top, "text", side ? 8 : 5, 3, 93);
        uint32_t length = add(f, s, parse, "length", 7, side ? 110 : 90, 90);
        again(s, text, length, 40);
    }
    compare_with(f, &options);
    const char *cause = find(f, "length", "time")->cause;
    assert_text(cause, "what calls it changed");
    assert_null(strstr(cause, "("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_caller_is_listed_under_its_callee),
        TEST(a_recursion_does_not_excuse_all_of_its_functions),
        TEST(a_recursion_without_own_times_counts_where_it_begins),
        TEST(a_function_that_calls_itself_counts),
        TEST(a_recursion_above_the_change_is_listed_under_it),
        TEST(the_target_is_explained_by_its_function),
        TEST(a_changed_inlined_function_is_named),
        TEST(a_changed_callee_is_named),
        TEST(a_changed_callee_of_a_faster_function_is_named),
        TEST(a_changed_caller_is_named),
        TEST(two_changed_callers_are_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
