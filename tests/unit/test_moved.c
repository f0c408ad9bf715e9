/* Cost that moves between functions, renamed functions, functions with the same code as before. */
#include <stdio.h>

#include "tests/unit/compared_trees.h"

/* ---- moved ---- */

/* What a faster callee stores last retires in its caller: less than what was won. In scopes there
 * is no machine code to ask. */
static void a_caller_pays_a_part_of_what_its_callee_won(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 93);
    uint32_t write = add(f, &f->base, 0, "write_value", 0, 18, 100);
    add(f, &f->base, write, "escape", 0, 82, 82);
    write = add(f, &f->head, 0, "write_value", 0, 19.2, 93);
    add(f, &f->head, write, "escape", 0, 65.6, 65.6);
    compare(f);
    const struct xsg_delta *d = find(f, "write_value", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_false(d->counts);
    assert_text(d->cause, "cost came from escape");
    assert_int_equal(find(f, "escape", "time")->verdict, XSG_DELTA_IMPROVED);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void a_split_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 90, 90);
    uint32_t work = add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 100), "work", 3, 50, 90);
    add(f, &f->head, work, "helper", 4, 40, 40);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_string_equal(find(f, "work", "time")->moved, "cost went to helper");
    assert_string_equal(find(f, "helper", "time")->moved, "cost came from work");
    assert_false(find(f, "work", "time")->counts);
}

static void an_inlined_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 101);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 101), "work", 3, 91, 91);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    const struct xsg_delta *d = find(f, "work", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_false(d->counts);
    assert_text(d->cause, "cost came from small");
    assert_string_equal(d->rule, "cost moved between functions");
}

static void a_rewritten_and_renamed_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 10, 100);
    add(f, &f->base, caller, "old_sum", 2, 90, 90);
    caller = add(f, &f->head, 0, "main", 1, 10, 100);
    add(f, &f->head, caller, "new_sum", 3, 90.5, 90.5);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_string_equal(find(f, "new_sum", "time")->moved, "cost came from old_sum");
    assert_string_equal(find(f, "old_sum", "time")->moved, "cost went to new_sum");
}

static void what_moves_and_grows_is_a_regression(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 125);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 125), "work", 3, 115, 115);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from small");
}

static void two_changes_that_cancel_are_not_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 20, 100);
    add(f, &f->base, caller, "left", 2, 40, 40);
    add(f, &f->base, caller, "right", 3, 40, 40);
    caller = add(f, &f->head, 0, "main", 1, 20, 100);
    add(f, &f->head, caller, "left", 4, 50, 50);
    add(f, &f->head, caller, "right", 5, 30, 30);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_null(find(f, "left", "time")->moved);
    assert_int_equal(find(f, "right", "time")->verdict, XSG_DELTA_IMPROVED);
}

/* Values of a series spread by that much around their mean; in turns of so many rounds. */
static void spread(struct xsg_series *series, double by, size_t turn)
{
    for (size_t i = 0; i < ROUNDS; i++)
        series->values[i] *= 1 + (i / turn % 2 ? by : -by);
}

/* The sum did not get worse for sure, but what is left over may be small or most of the gain. */
static void what_may_have_moved_is_undecided(void **state)
{
    struct fixture *f = *state;
    add_target(f, 210, 213);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, add(f, s, 0, "main", 1, 10, 210), "work", side ? 4 : 2,
                              side ? 111 : 100, 200);
        struct xsg_series *work = &s->series[s->run.n_series - 2];
        add(f, s, caller, "part", side ? 5 : 3, side ? 92 : 100, 100);
        spread(work, side ? 0.037 : 0, 1);
        spread(&s->series[s->run.n_series - 2], side ? 0.037 : 0, 2);
    }
    compare(f);
    assert_int_equal(find(f, "work", "time")->verdict, XSG_DELTA_UNDECIDED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from part");
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
}

/* What its caller won does not pay for it, however small it is beside that. */
static void a_callee_below_a_faster_caller_counts(void **state)
{
    struct fixture *f = *state;
    add_target(f, 220, 203);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, add(f, s, 0, "main", 1, 10, 220), "fill", side ? 4 : 2,
                              side ? 180 : 200, side ? 193 : 210);
        add(f, s, caller, "hash", side ? 5 : 3, side ? 13 : 10, side ? 13 : 10);
    }
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "hash", "time")->counts);
    assert_null(find(f, "hash", "time")->moved);
    assert_null(find(f, "fill", "time")->moved);
}

/* Its callee changed, it did not: it pays up to half of what the callee won, and no more; not
 * what makes it half again as slow, and not for calls that came on top. */
static void an_untouched_caller_pays_a_part(void **state)
{
    static const struct {
        double base, head, calls;
    } own[] = {{30, 38, 100}, {36, 47, 100}, {12, 18, 100}, {30, 38, 120}}; /* the callee wins 18 */
    struct fixture *f = *state;
    char name[] = "escape";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    for (size_t k = 0; k < 4; k++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 82 + own[k].base, 64 + own[k].head);
        uint32_t write = add(f, &f->base, 0, "write_value", 0, own[k].base, 82 + own[k].base);
        add_series(f, &f->base, &f->base.functions[write], "calls", 100);
        add(f, &f->base, write, "escape", 0, 82, 82);
        write = add(f, &f->head, 0, "write_value", 0, own[k].head, 64 + own[k].head);
        add_series(f, &f->head, &f->head.functions[write], "calls", own[k].calls);
        add(f, &f->head, write, "escape", 0, 64, 64);
        compare_with(f, &options);
        assert_int_equal(find(f, "write_value", "time")->counts, k > 0);
        assert_int_equal(f->c.verdict, k ? XSG_VERDICT_REGRESSED : XSG_VERDICT_PASSED);
    }
}

/* What wins need not be its neighbour: of a chain of short calls another one pays, if it is called
 * as often as before. */
static void an_untouched_function_pays_along_a_chain(void **state)
{
    static const double calls[] = {0, 100, 120}; /* in head; 0: not counted */
    struct fixture *f = *state;
    char name[] = "escape";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    for (size_t k = 0; k < 3; k++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 120, 106);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            uint32_t write = add(f, s, 0, "write_value", 0, side ? 20 : 18, side ? 106 : 120);
            add(f, s, write, "escape", 0, side ? 64 : 82, side ? 64 : 82);
            uint32_t line = add(f, s, write, "new_line", 0, side ? 9 : 10, side ? 22 : 20);
            uint32_t put = add(f, s, line, "put", 0, side ? 13 : 10, side ? 13 : 10);
            if (calls[k] > 0)
                add_series(f, s, &s->functions[put], "calls", side ? calls[k] : 100);
        }
        compare_with(f, &options);
        assert_int_equal(find(f, "put", "time")->counts, k != 1);
        assert_false(find(f, "write_value", "time")->counts);
    }
}

/* Not by the part that a caller without a change of its own may pay. */
static void a_caller_that_changed_pays_for_itself(void **state)
{
    struct fixture *f = *state;
    char name[] = "write_value";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 93);
    uint32_t write = add(f, &f->base, 0, "write_value", 0, 18, 100);
    add(f, &f->base, write, "escape", 0, 82, 82);
    write = add(f, &f->head, 0, "write_value", 0, 19.2, 93);
    add(f, &f->head, write, "escape", 0, 65.6, 65.6);
    compare_with(f, &options);
    assert_true(find(f, "write_value", "time")->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* Beside a function that changed and lost 18: an eighth of that may come along, unless it makes a
 * function surely more than a third slower, or that is called more often, or changed itself, or
 * lies elsewhere, or is named by a rule of the gate. */
static void a_little_comes_along_with_a_changed_function(void **state)
{
    static const struct {
        double base, head, calls; /* of new_line; calls in head, of 100 */
        const char *changed, *rule;
        enum { WRITE_VALUE, ESCAPE, ELSEWHERE } below;
        bool counts;
    } cases[] = {
        {10, 11.5, 100, "escape", "x", WRITE_VALUE, false},
        {10, 11.5, 100, "escape", "x", ESCAPE, false},
        {10, 12.5, 100, "escape", "x", WRITE_VALUE, true},
        {2, 3.5, 100, "escape", "x", WRITE_VALUE, true},
        {10, 11.5, 120, "escape", "x", WRITE_VALUE, true},
        {10, 11.5, 0, "escape", "x", WRITE_VALUE, true},
        {10, 11.5, 100, "new_line", "x", WRITE_VALUE, true},
        {10, 11.5, 100, "escape", "x", ELSEWHERE, true},
        {10, 11.5, 100, "escape", "new_*", WRITE_VALUE, true},
    };
    struct fixture *f = *state;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char name[16];
        struct xsg_compare_options options = {.changed = all_changed, .arg = name};
        struct xsg_gate_rule rule = {.function = cases[k].rule, .threshold = 0.05};
        snprintf(name, sizeof name, "%s", cases[k].changed);
        f->gate.rules = &rule;
        f->gate.n_rules = 1;
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 140 + cases[k].base, 158 + cases[k].head);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            double own = side ? cases[k].head : cases[k].base, escape = side ? 100 : 82;
            uint32_t write = add(f, s, 0, "write_value", 0, 18, 18 + escape + own);
            uint32_t callee = add(f, s, write, "escape", 0, escape, escape + own);
            uint32_t other = add(f, s, 0, "elsewhere", 0, 40, 40 + own);
            const uint32_t parents[] = {write, callee, other};
            uint32_t line = add(f, s, parents[cases[k].below], "new_line", 0, own, own);
            if (cases[k].calls > 0)
                add_series(f, s, &s->functions[line], "calls", side ? cases[k].calls : 100);
        }
        compare_with(f, &options);
        const struct xsg_delta *d = find(f, "new_line", "time");
        assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
        assert_int_equal(d->counts, cases[k].counts);
        assert_true(find(f, "escape", "time")->counts);
        assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
        if (!d->counts)
            assert_text(d->cause, "comes with escape, which changed and runs beside it");
    }
}

/* A callee pays for its caller only where it is known to be called as often as before. */
static void a_callee_pays_where_calls_are_counted(void **state)
{
    static const double calls[] = {0, 100, 120}; /* in head; 0: not counted */
    struct fixture *f = *state;
    for (size_t k = 0; k < 3; k++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 110, 91.6);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            double cost = side ? 11.6 : 10;
            uint32_t caller = add(f, s, 0, "fill", 0, side ? 80 : 100, (side ? 80 : 100) + cost);
            uint32_t leaf = add(f, s, caller, "hash", 0, cost, cost);
            if (calls[k] > 0)
                add_series(f, s, &s->functions[leaf], "calls", side ? calls[k] : 100);
        }
        compare(f);
        assert_int_equal(find(f, "hash", "time")->counts, k != 1);
    }
}

static void a_function_that_a_rule_names_is_never_excused(void **state)
{
    struct fixture *f = *state;
    struct xsg_gate_rule rule = {.function = "wo*", .threshold = 0.05};
    add_target(f, 100, 101);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 101), "work", 3, 91, 91);
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from small");
    rule.function = "main";
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* ---- renamed ---- */

static void a_renamed_function_is_matched_by_its_code(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "old", 7, 90, 90);
    add(f, &f->head, add(f, &f->head, 0, "main", 2, 10, 120), "fresh", 7, 110, 110);
    compare(f);
    const struct xsg_delta *d = find(f, "fresh", "time");
    assert_string_equal(d->matched, "old");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_true(fabs(d->ratio - 110.0 / 90) < 0.01);
    assert_text(d->cause, "was old");
}

static void ambiguous_twins_are_not_matched(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 10, 100);
    add(f, &f->base, caller, "a", 7, 45, 45);
    add(f, &f->base, caller, "b", 7, 45, 45);
    caller = add(f, &f->head, 0, "main", 1, 10, 100);
    add(f, &f->head, caller, "c", 7, 45, 45);
    add(f, &f->head, caller, "d", 7, 45, 45);
    compare(f);
    assert_null(find(f, "c", "time")->matched);
    assert_int_equal(find(f, "a", "time")->verdict, XSG_DELTA_REMOVED);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* ---- the same code ---- */

static void slower_with_the_same_code_does_not_fail(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 102);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 97, 100);
    add(f, &f->base, caller, "lua_tolstring", 7, 3, 3);
    caller = add(f, &f->head, 0, "main", 1, 97, 102);
    add(f, &f->head, caller, "lua_tolstring", 7, 5, 5);
    compare(f);
    const struct xsg_delta *d = find(f, "lua_tolstring", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_int_equal(d->code, XSG_CODE_SAME_DEEP);
    assert_false(d->counts);
    assert_string_equal(d->rule, "machine code identical here and below: layout, input or noise");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    /* A rule that names the function asks for it. */
    struct xsg_gate_rule rule = {.function = "lua_*", .threshold = 0.05};
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void same_code_below_a_changed_caller_fails(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    uint32_t caller = add(f, &f->base, add(f, &f->base, 0, "main", 1, 7, 100), "parse", 2, 3, 93);
    add(f, &f->base, caller, "length", 7, 90, 90);
    caller = add(f, &f->head, add(f, &f->head, 0, "main", 1, 7, 120), "parse", 3, 3, 113);
    add(f, &f->head, caller, "length", 7, 110, 110);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "length", "time")->counts);
    assert_text(find(f, "length", "time")->cause, "what calls it changed");
}

static void more_calls_of_the_same_code_fail(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        add(f, s, add(f, s, 0, "main", 1, 10, 100), "length", 7, side ? 110 : 90, 90);
        const struct xsg_function length = s->series[s->run.n_series - 1].function;
        add_series(f, s, &length, "calls", side ? 110 : 90);
    }
    compare(f);
    const struct xsg_delta *d = find(f, "length", "time");
    assert_true(d->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    double change = d->head.mean - d->base.mean;
    assert_true(fabs(d->by_calls + d->by_cost - change) < 1e-9 * change);
    assert_true(fabs(d->by_cost) < 0.01 * change);
}

static void an_interpreters_functions_are_not_excused(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, 0, "eval", 0, 10, 100);
        s->functions[caller].module = s->series[s->run.n_series - 1].function.module = "python";
        s->series[s->run.n_series - 2].function.module = "python";
        add(f, s, caller, "extension", 7, side ? 110 : 90, 90);
    }
    compare(f);
    assert_true(find(f, "extension", "time")->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_caller_pays_a_part_of_what_its_callee_won),
        TEST(a_split_function_is_moved_cost),
        TEST(an_inlined_function_is_moved_cost),
        TEST(a_rewritten_and_renamed_function_is_moved_cost),
        TEST(what_moves_and_grows_is_a_regression),
        TEST(two_changes_that_cancel_are_not_moved_cost),
        TEST(what_may_have_moved_is_undecided),
        TEST(a_callee_below_a_faster_caller_counts),
        TEST(an_untouched_caller_pays_a_part),
        TEST(an_untouched_function_pays_along_a_chain),
        TEST(a_caller_that_changed_pays_for_itself),
        TEST(a_little_comes_along_with_a_changed_function),
        TEST(a_callee_pays_where_calls_are_counted),
        TEST(a_function_that_a_rule_names_is_never_excused),
        TEST(a_renamed_function_is_matched_by_its_code),
        TEST(ambiguous_twins_are_not_matched),
        TEST(slower_with_the_same_code_does_not_fail),
        TEST(same_code_below_a_changed_caller_fails),
        TEST(more_calls_of_the_same_code_fail),
        TEST(an_interpreters_functions_are_not_excused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
