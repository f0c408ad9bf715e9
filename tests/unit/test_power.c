/* What rounds can tell: that the forecast is what a comparison of so many rounds says itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/stats.h"
#include "compare/compare.h"
#include "compare/power.h"

enum { MOST = 80 };

struct fixture {
    struct xsg_arena arena;
    double values[2][MOST];
    struct xsg_series series[2];
    struct xsg_target_run target;
    struct xsg_run run[2];
    struct xsg_gate gate;
};

/* Rounds whose log-ratios are the quantiles of a normal distribution, in another order. */
static void fill(struct fixture *f, size_t n, double spread)
{
    *f = (struct fixture){.target = {.name = "t"}};
    xsg_gate_init(&f->gate);
    for (size_t i = 0; i < n; i++) {
        size_t rank = (i * 7) % n; /* 7 divides none of the lengths used */
        f->values[0][i] = 100e6;
        f->values[1][i] =
            100e6 * exp(spread * xsg_normal_quantile(((double)rank + 0.5) / (double)n));
    }
    for (size_t k = 0; k < 2; k++) {
        f->series[k] = (struct xsg_series){
            .target = "t", .metric = "time", .unit = "ns", .values = f->values[k], .n = n};
        f->run[k] = (struct xsg_run){.session = "a",
                                     .targets = &f->target,
                                     .n_targets = 1,
                                     .series = &f->series[k],
                                     .n_series = 1};
    }
}

static void test_the_spread_is_that_of_the_rounds(void **state)
{
    struct fixture f;
    (void)state;
    fill(&f, 40, 0.01);
    assert_float_equal(xsg_power_spread(&f.run[0], &f.run[1], "t", NULL), 0.01, 0.0007);
    f.values[1][3] *= 5; /* one outlier is none */
    assert_float_equal(xsg_power_spread(&f.run[0], &f.run[1], "t", NULL), 0.01, 0.0012);
    assert_true(isnan(xsg_power_spread(&f.run[0], &f.run[1], "t", "f")));
    assert_true(isnan(xsg_power_spread(&f.run[0], &f.run[1], "u", NULL)));
    f.series[0].n = 4;
    assert_true(isnan(xsg_power_spread(&f.run[0], &f.run[1], "t", NULL)));
}

static void test_the_forecast_is_what_a_comparison_says(void **state)
{
    static const size_t rounds[] = {10, 20, 40, 80};
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct xsg_comparison c;
        fill(&f, rounds[i], 0.01);
        double spread = xsg_power_spread(&f.run[0], &f.run[1], "t", NULL);
        assert_int_equal(xsg_compare(&f.arena, &f.run[0], &f.run[1], &f.gate, NULL, &c, NULL), 0);
        assert_int_equal(c.n_deltas, 1);
        double forecast = xsg_power_detectable(&f.gate, spread, rounds[i], NULL, 0);
        assert_true(fabs(forecast / c.deltas[0].detectable - 1) < 1e-9);
        xsg_arena_release(&f.arena);
    }
}

static void test_more_rounds_tell_smaller_effects(void **state)
{
    struct xsg_gate gate;
    struct xsg_looks looks;
    double before = INFINITY;
    (void)state;
    xsg_gate_init(&gate);
    xsg_looks_doubling(&looks, 4);
    for (size_t k = 0; k < 4; k++) {
        double now = xsg_power_detectable(&gate, 0.01, (size_t)10 << k, &looks, k);
        assert_true(now < before);
        /* an error that is shared among the looks leaves each of them less */
        assert_true(now > xsg_power_detectable(&gate, 0.01, (size_t)10 << k, NULL, 0));
        before = now;
    }
    /* (2.6 + 1.7) x 0.01 / sqrt(80) = 0.5 %, by hand, but for the trimming and for the looks */
    assert_true(before > 0.004 && before < 0.008);
    assert_true(isnan(xsg_power_detectable(&gate, 0.01, 4, NULL, 0)));
    assert_true(isnan(xsg_power_detectable(&gate, NAN, 10, NULL, 0)));
}

/* Does a slowdown of the size that is said to be seen with 95 % get seen so often? */
static void test_what_is_said_to_be_seen_is_seen(void **state)
{
    struct fixture f;
    struct xsg_rng rng;
    size_t seen = 0, all = 2000;
    (void)state;
    xsg_rng_init(&rng, 20260101);
    fill(&f, 20, 0.01);
    double size = xsg_power_detectable(&f.gate, 0.01, 20, NULL, 0);
    f.gate.threshold = size / 100;
    for (size_t i = 0; i < all; i++) {
        struct xsg_comparison c;
        for (size_t k = 0; k < 20; k++)
            f.values[1][k] = 100e6 * (1 + size) * exp(0.01 * xsg_rng_normal(&rng));
        assert_int_equal(xsg_compare(&f.arena, &f.run[0], &f.run[1], &f.gate, NULL, &c, NULL), 0);
        seen += c.verdict == XSG_VERDICT_REGRESSED;
        xsg_arena_release(&f.arena);
    }
    assert_in_range(seen, (size_t)(0.91 * (double)all), (size_t)(0.99 * (double)all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_spread_is_that_of_the_rounds),
        cmocka_unit_test(test_the_forecast_is_what_a_comparison_says),
        cmocka_unit_test(test_more_rounds_tell_smaller_effects),
        cmocka_unit_test(test_what_is_said_to_be_seen_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
