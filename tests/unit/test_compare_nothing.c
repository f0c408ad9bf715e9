/* xsg_compare() where there is nothing to judge: nothing measured, identical programs, a filter
 * that matches no function. */
#include "tests/unit/compared.h"

static void test_nothing_measured(void **state)
{
    struct fixture *f = *state;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    assert_string_equal(f->c.deltas[0].cause, "no values of \"time\" were measured");
    f->base.n_targets = f->head.n_targets = 0;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    assert_int_equal(f->c.n_deltas, 0);
}

static void test_identical_programs(void **state)
{
    struct fixture *f = *state;
    f->base_targets[0].binary = f->head_targets[0].binary = 7;
    f->base_targets[0].profile = f->head_targets[0].profile = "sample";
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_string_equal(f->c.deltas[0].rule, "identical programs");
    assert_string_equal(f->c.reason, "base and head run identical programs in 1 target");
    f->head_targets[0].binary = 8;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    /* What was measured nevertheless is compared. */
    f->head_targets[0].binary = 7;
    add_both(f, NULL, "time", 100e6, 120e6, 0.002);
    add_both(f, "f", "time", 90e6, 110e6, 0.002);
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* Of a target that was measured: without a function that is judged there is no verdict, and a
 * filter has to match one. */
static void assert_a_function_is_needed(struct fixture *f, const char *matching)
{
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 3);
    assert_non_null(strstr(f->c.reason, "no function was seen"));
    add_both(f, "parse", "time", 90e6, 90e6, 0.002);
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    f->gate.filter = "prase*";
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 3);
    assert_string_equal(f->c.reason, "no function matches the filter 'prase*'");
    f->gate.filter = matching;
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
}

static void test_a_gate_that_measured_nothing(void **state)
{
    struct fixture *f = *state;
    f->base_targets[0].profile = f->head_targets[0].profile = "sample";
    add_both(f, NULL, "time", 100e6, 100e6, 0.002);
    assert_a_function_is_needed(f, "pa*");
    assert_int_equal(f->c.n_warnings, 0);
}

/* A target that is the same program on both sides does not stand for one that was measured. */
static void test_nothing_measured_beside_an_identical_program(void **state)
{
    struct fixture *f = *state;
    f->base.n_targets = f->head.n_targets = 2;
    f->base_targets[1] = f->head_targets[1] =
        (struct xsg_target_run){.name = "same", .binary = 7, .profile = "sample"};
    add_both(f, NULL, "time", 100e6, 100e6, 0.002);
    compare(f, NULL); /* no profile was asked for of what was measured */
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    f->base_targets[0].profile = f->head_targets[0].profile = "sample";
    assert_a_function_is_needed(f, "parse*");
}

/* Where nothing had to be measured, nothing had to match. */
static void test_a_filter_and_identical_programs_only(void **state)
{
    struct fixture *f = *state;
    f->base_targets[0].binary = f->head_targets[0].binary = 7;
    f->base_targets[0].profile = f->head_targets[0].profile = "sample";
    f->gate.filter = "prase*";
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    assert_int_equal(f->c.n_warnings, 0);
}

static void test_a_filter_that_judges_nothing_says_so(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "time", 100e6, 100e6, 0.002);
    add_both(f, "tiny", "time", 0.1e6, 0.3e6, 0.002);
    add_both(f, "large", "time", 90e6, 90e6, 0.002);
    f->gate.filter = "tin*";
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    assert_int_equal(f->c.n_warnings, 1);
    assert_string_equal(f->c.warnings[0],
                        "no function was judged: those that match the filter 'tin*' have less than "
                        "min_share (0.5 %) of their target");
    f->gate.filter = "*";
    compare(f, NULL);
    assert_int_equal(f->c.n_warnings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_measured),
        TEST(test_identical_programs),
        TEST(test_a_gate_that_measured_nothing),
        TEST(test_nothing_measured_beside_an_identical_program),
        TEST(test_a_filter_and_identical_programs_only),
        TEST(test_a_filter_that_judges_nothing_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
