/* Change points: what counts as one, where it lies, and what never is one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "compare/change.h"

enum { MOST = 400 };

static struct xsg_arena arena;
static struct xsg_change_point points[MOST];

static void noisy(size_t n, double cv, uint64_t seed)
{
    struct xsg_rng rng;
    xsg_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++)
        points[i] = (struct xsg_change_point){.value = 1e6 * exp(cv * xsg_rng_normal(&rng))};
}

static void scale(size_t from, size_t to, double factor)
{
    for (size_t i = from; i < to; i++)
        points[i].value *= factor;
}

static struct xsg_change_list find(size_t n)
{
    struct xsg_change_list list;
    xsg_change_find(&arena, points, n, NULL, &list);
    return list;
}

static int release(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static void test_a_step_and_its_range(void **state)
{
    (void)state;
    noisy(100, 0.01, 1);
    scale(60, 100, 1.05);
    struct xsg_change_list list = find(100);
    assert_int_equal(list.n, 1);
    const struct xsg_change *c = &list.item[0];
    assert_int_equal(c->kind, XSG_CHANGE_STEP);
    assert_in_range(c->at, 58, 62);
    assert_true(c->first < 60 && c->last >= 60);
    assert_true(c->first < c->at && c->at <= c->last);
    assert_float_equal(c->ratio, 1.05, 0.01);
    assert_true(c->p < 0.01);
    assert_float_equal(list.noise, 0.01, 0.004);
}

static void test_quiet_series_with_outliers(void **state)
{
    (void)state;
    noisy(200, 0.01, 2);
    for (size_t i = 7; i < 200; i += 31)
        points[i].value *= 3;
    assert_int_equal(find(200).n, 0);
}

static void test_a_new_environment_is_no_change(void **state)
{
    (void)state;
    noisy(120, 0.01, 3);
    scale(60, 120, 1.4);
    for (size_t i = 60; i < 120; i++)
        points[i].environment = 1;
    assert_int_equal(find(120).n, 0);
}

static void test_two_environments_in_turn(void **state)
{
    (void)state;
    noisy(160, 0.01, 4);
    for (size_t i = 0; i < 160; i++) {
        points[i].environment = i % 2;
        points[i].value *= i % 2 ? 2 : 1;
    }
    assert_int_equal(find(160).n, 0);
    scale(80, 160, 1.1);
    struct xsg_change_list list = find(160);
    assert_int_equal(list.n, 2); /* each sees it by itself, at places of the whole */
    for (size_t i = 0; i < 2; i++) {
        assert_in_range(list.item[i].at, 76, 84);
        assert_int_equal(list.item[i].at % 2, list.item[i].environment);
    }
}

static void test_slow_creep(void **state)
{
    (void)state;
    noisy(200, 0.008, 5);
    for (size_t k = 0; k < 10; k++)
        scale(50 + 10 * k, 200, 1.01);
    struct xsg_change_list list = find(200);
    assert_true(list.n >= 1);
    double total = 1;
    for (size_t i = 0; i < list.n; i++)
        total *= list.item[i].ratio;
    assert_float_equal(total, pow(1.01, 10), 0.02);
}

static void test_a_drift_is_one_change(void **state)
{
    (void)state;
    noisy(300, 0.01, 6);
    for (size_t i = 100; i < 300; i++)
        points[i].value *= 1 + 0.3 * fmin(1, ((double)i - 100) / 120);
    struct xsg_change_list list = find(300);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.item[0].kind, XSG_CHANGE_DRIFT);
    assert_in_range(list.item[0].first, 85, 115);
    assert_in_range(list.item[0].last, 205, 235);
    assert_float_equal(list.item[0].ratio, 1.3, 0.03);
}

static void test_exact_series(void **state)
{
    (void)state;
    noisy(60, 0, 7);
    assert_int_equal(find(60).n, 0);
    scale(30, 60, 1.02);
    struct xsg_change_list list = find(60);
    assert_int_equal(list.n, 1);
    assert_int_equal(list.item[0].at, 30);
    assert_int_equal(list.item[0].first, 29);
    assert_int_equal(list.item[0].last, 30);
}

static void test_small_steps_do_not_matter(void **state)
{
    (void)state;
    noisy(60, 0, 8);
    scale(30, 60, 1.001);
    assert_int_equal(find(60).n, 0);
    struct xsg_change_list list;
    xsg_change_find(&arena, points, 60, &(struct xsg_change_options){.min_effect = 0.0005}, &list);
    assert_int_equal(list.n, 1);
}

static void test_zeros_and_what_was_not_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < 80; i++)
        points[i] = (struct xsg_change_point){.value = i < 40 ? 0 : (double)(20 + i % 3)};
    for (size_t i = 0; i < 80; i += 9)
        points[i].value = (double)NAN;
    struct xsg_change_list list = find(80);
    assert_int_equal(list.n, 1);
    assert_in_range(list.item[0].at, 40, 41);
    assert_true(isnan(list.item[0].ratio));
    assert_float_equal(list.item[0].after, 21, 0.5);
}

static void test_spread_within_runs_counts(void **state)
{
    (void)state;
    noisy(24, 0.002, 9);
    scale(12, 24, 1.03);
    assert_int_equal(find(24).n, 1);
    for (size_t i = 0; i < 24; i++)
        points[i].spread = 0.1; /* each point says that it may be off by 10 % */
    assert_int_equal(find(24).n, 0);
}

static void test_too_few_points(void **state)
{
    (void)state;
    noisy(7, 0.001, 10);
    scale(4, 7, 2);
    struct xsg_change_list list = find(7);
    assert_int_equal(list.n, 0);
    assert_true(isnan(list.noise));
    assert_int_equal(find(0).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_step_and_its_range, release),
        cmocka_unit_test_teardown(test_quiet_series_with_outliers, release),
        cmocka_unit_test_teardown(test_a_new_environment_is_no_change, release),
        cmocka_unit_test_teardown(test_two_environments_in_turn, release),
        cmocka_unit_test_teardown(test_slow_creep, release),
        cmocka_unit_test_teardown(test_a_drift_is_one_change, release),
        cmocka_unit_test_teardown(test_exact_series, release),
        cmocka_unit_test_teardown(test_small_steps_do_not_matter, release),
        cmocka_unit_test_teardown(test_zeros_and_what_was_not_measured, release),
        cmocka_unit_test_teardown(test_spread_within_runs_counts, release),
        cmocka_unit_test_teardown(test_too_few_points, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
