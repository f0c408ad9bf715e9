/* What history says about the spread of stored numbers: intervals of two hours get that wide. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"

enum { ROUNDS = 20 };

static struct xsg_arena arena;

/* One target; head's rounds agree among themselves, 6 % above base's. */
static struct xsg_run run_of(const char *session, double level)
{
    struct xsg_run run = {.session = session, .n_targets = 1, .n_series = 1};
    double *values = XSG_NEW_ARRAY(&arena, double, ROUNDS);
    for (size_t k = 0; k < ROUNDS; k++)
        values[k] = level * (1 + 0.001 * (double)(k * 7 % 5));
    run.targets = XSG_NEW(&arena, struct xsg_target_run);
    run.targets[0].name = "t";
    run.series = XSG_NEW(&arena, struct xsg_series);
    run.series[0] = (struct xsg_series){
        .target = "t", .metric = "cpu", .unit = "ns", .values = values, .n = ROUNDS};
    return run;
}

static double spread(void *arg, const char *target, const char *function, const char *metric)
{
    assert_string_equal(target, "t");
    assert_null(function);
    assert_string_equal(metric, "time");
    return *(double *)arg;
}

static struct xsg_delta judge(const char *base_session, double usual)
{
    struct xsg_run base = run_of(base_session, 1e8), head = run_of("head", 1.06e8);
    struct xsg_compare_options options = {.usual_spread = spread, .spread_arg = &usual};
    struct xsg_comparison c;
    struct xsg_gate gate;
    xsg_gate_init(&gate);
    assert_int_equal(xsg_compare(&arena, &base, &head, &gate, &options, &c, NULL), 0);
    assert_int_equal(c.n_deltas, 1);
    return c.deltas[0];
}

static void a_steady_target_is_judged(void **state)
{
    (void)state;
    assert_int_equal(judge("base", (double)NAN).verdict, XSG_DELTA_REGRESSED);
    assert_int_equal(judge("base", 0.002).verdict, XSG_DELTA_REGRESSED);
}

static void a_noisy_one_is_not(void **state)
{
    (void)state;
    struct xsg_delta calm = judge("base", (double)NAN), noisy = judge("base", 0.05);
    assert_int_equal(noisy.verdict, XSG_DELTA_UNDECIDED);
    assert_true(noisy.ratio == calm.ratio);
    assert_true(noisy.low < 1 && noisy.low < calm.low && noisy.high > calm.high);
    assert_true(noisy.p > calm.p);
    assert_true(calm.detectable < 0.02);
    assert_true(noisy.detectable > expm1(3 * sqrt(2) * 0.05) && isfinite(noisy.detectable));
}

static void rounds_of_one_session_speak_for_themselves(void **state)
{
    (void)state;
    assert_int_equal(judge("head", 0.05).verdict, XSG_DELTA_REGRESSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_target_is_judged),
        cmocka_unit_test(a_noisy_one_is_not),
        cmocka_unit_test(rounds_of_one_session_speak_for_themselves),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    xsg_arena_release(&arena);
    return failed;
}
