#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hist.h"
#include "base/rng.h"
#include "base/looks.h"
#include "base/stats.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define assert_near(value, expected, relative)                                                     \
    check_near((value), (expected), (relative), #value, __FILE__, __LINE__)

static void check_near(double value, double expected, double relative, const char *what,
                       const char *file, int line)
{
    double allowed = relative * fmax(fabs(expected), 1e-300);
    if (!(fabs(value - expected) <= allowed)) {
        print_error("%s is %.17g, not %.17g\n", what, value, expected);
        _fail(file, line);
    }
}

/* ---- descriptive ---------------------------------------------------------------------------- */

static void test_nothing_gives_nan(void **state)
{
    (void)state;
    double x = 3;
    assert_true(isnan(xsg_mean(NULL, 0)));
    assert_true(isnan(xsg_median(NULL, 0)));
    assert_true(isnan(xsg_mad(NULL, 0)));
    assert_true(isnan(xsg_stddev(&x, 1)));
    assert_true(isnan(xsg_quantile(&x, 1, 1.5)));
    assert_true(isnan(xsg_trimmed_mean(NULL, 0, 0.2).location));
    assert_true(isnan(xsg_yuen(&x, 1, NULL, 0, 0.2).location));
    assert_near(xsg_median(&x, 1), 3, 0);
}

static void test_location_and_spread(void **state)
{
    (void)state;
    const double a[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_near(xsg_mean(a, N(a)), 5, 0);
    assert_near(xsg_stddev(a, N(a)), 2.1380899352993950, 1e-15);
    assert_near(xsg_median(a, N(a)), 4.5, 0);
    const double b[] = {9, 1, 4, 2, 1, 6, 2};
    assert_near(xsg_mad(b, N(b)), 1.4826, 1e-15);
    assert_near(b[0], 9, 0); /* the input stays as it was */
    /* A large common offset costs no digits. */
    const double c[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    assert_near(xsg_stddev(c, N(c)), sqrt(30), 1e-12);
}

/* R: quantile(c(4, 1, 3, 2), p, type = 7) */
static void test_quantiles_of_type_7(void **state)
{
    (void)state;
    const double x[] = {4, 1, 3, 2};
    assert_near(xsg_quantile(x, 4, 0), 1, 0);
    assert_near(xsg_quantile(x, 4, 0.25), 1.75, 1e-15);
    assert_near(xsg_quantile(x, 4, 0.9), 3.7, 1e-15);
    assert_near(xsg_quantile(x, 4, 1), 4, 0);
    const double y[] = {1, INFINITY, INFINITY};
    assert_true(isinf(xsg_quantile(y, 3, 0.5)));
}

/* ---- trimmed means, by hand ------------------------------------------------------------------ */

static const double ten[] = {3, 8, 1, 10, 5, 6, 2, 9, 4, 7};

/* g = 2, 3 .. 8 stay; winsorised 3 3 3 4 5 6 7 8 8 8: squares 42.5; se^2 = 42.5 / (6 x 5). */
static void test_trimmed_mean(void **state)
{
    (void)state;
    struct xsg_estimate e = xsg_trimmed_mean(ten, N(ten), 0.2);
    assert_near(e.location, 5.5, 1e-15);
    assert_near(e.se, sqrt(42.5 / 30), 1e-15);
    assert_near(e.df, 5, 0);
    assert_int_equal(e.n, 10);
    double low, high;
    xsg_interval(&e, 0.05, &low, &high);
    assert_near(high - 5.5, 2.5705818356363146 * sqrt(42.5 / 30), 1e-12);
    assert_near(5.5 - low, high - 5.5, 1e-14);
}

static void test_trim_of_nothing_is_the_mean(void **state)
{
    (void)state;
    struct xsg_estimate e = xsg_trimmed_mean(ten, N(ten), 0);
    assert_near(e.location, 5.5, 1e-15);
    assert_near(e.se, xsg_stddev(ten, N(ten)) / sqrt(10), 1e-14);
    assert_near(e.df, 9, 0);
}

static void test_trimmed_mean_of_few(void **state)
{
    (void)state;
    struct xsg_estimate e = xsg_trimmed_mean(ten, 1, 0.2);
    assert_near(e.location, 3, 0);
    assert_true(isnan(e.se) && isnan(e.df));
    e = xsg_trimmed_mean(ten, 2, 0.2); /* nothing to cut */
    assert_near(e.location, 5.5, 0);
    assert_near(e.se, 2.5, 1e-15);
    e = xsg_trimmed_mean(ten, 3, 0.5); /* would cut all: the median stays */
    assert_near(e.location, 3, 0);
    assert_true(isnan(e.se));
    /* 0.2 x 15 is 3, whatever 0.2 is in binary. */
    assert_near(xsg_trimmed_mean((double[15]){0}, 15, 0.2).df, 8, 0);
}

static void test_outliers_do_not_move_it(void **state)
{
    (void)state;
    double x[10];
    memcpy(x, ten, sizeof x);
    x[3] = 1e9; /* was 10 */
    x[2] = -INFINITY;
    struct xsg_estimate clean = xsg_trimmed_mean(ten, 10, 0.2),
                        dirty = xsg_trimmed_mean(x, 10, 0.2);
    assert_near(dirty.location, clean.location, 1e-15);
    assert_near(dirty.se, clean.se, 1e-15);
}

static void test_yuen(void **state)
{
    (void)state;
    double y[10];
    for (size_t i = 0; i < 10; i++)
        y[i] = ten[i] == 10 ? 1000 : ten[i] + 2;
    struct xsg_estimate e = xsg_yuen(ten, 10, y, 10, 0.2);
    assert_near(e.location, 2, 1e-14);
    assert_near(e.se, sqrt(2 * 42.5 / 30), 1e-14);
    assert_near(e.df, 10, 1e-14);
    /* Unequal sizes without trimming: Welch's test. 1 2 3 against 2 4 6 8 10: variances 1 and 10.
     */
    const double a[] = {1, 2, 3}, b[] = {2, 4, 6, 8, 10};
    e = xsg_yuen(a, 3, b, 5, 0);
    assert_near(e.location, 4, 1e-15);
    assert_near(e.se, sqrt(1 / 3.0 + 2), 1e-15);
    assert_near(e.df, (7 / 3.0) * (7 / 3.0) / (1 / 18.0 + 1), 1e-14);
}

static void test_equal_values_are_certain(void **state)
{
    (void)state;
    const double x[] = {5, 5, 5, 5}, y[] = {7, 7, 7};
    struct xsg_estimate e = xsg_yuen(x, 4, y, 3, 0.2);
    assert_near(e.location, 2, 0);
    assert_near(e.se, 0, 0);
    assert_near(xsg_p_greater(&e, 0), 0, 0);
    assert_near(xsg_p_greater(&e, 2), 1, 0);
    double low, high;
    xsg_interval(&e, 0.05, &low, &high);
    assert_near(low, 2, 0);
    assert_near(high, 2, 0);
}

static void test_p_and_interval_agree(void **state)
{
    (void)state;
    struct xsg_estimate e = xsg_trimmed_mean(ten, N(ten), 0.2);
    double low, high;
    for (double alpha = 0.001; alpha < 0.9; alpha *= 1.7) {
        xsg_interval(&e, alpha, &low, &high);
        assert_near(xsg_p_greater(&e, low), alpha / 2, 1e-9);
        assert_near(xsg_p_greater(&e, high), 1 - alpha / 2, 1e-9);
    }
}

/* ---- distributions: constants from R and from closed forms ------------------------------------
 */

static void test_normal(void **state)
{
    (void)state;
    assert_near(xsg_normal_cdf(0), 0.5, 0);
    assert_near(xsg_normal_cdf(1.96), 0.97500210485177952, 1e-14);
    assert_near(xsg_normal_cdf(-8), 6.2209605742717841e-16, 1e-12);
    assert_near(xsg_normal_quantile(0.975), 1.9599639845400545, 1e-14);
    assert_near(xsg_normal_quantile(0.99), 2.3263478740408408, 1e-14);
    assert_near(xsg_normal_quantile(0.0001), -3.7190164854556804, 1e-13);
    assert_near(xsg_normal_quantile(1e-10), -6.3613409024040557, 1e-13);
    assert_near(xsg_normal_quantile(0.5), 0, 0);
    assert_true(isinf(xsg_normal_quantile(0)) && isinf(xsg_normal_quantile(1)));
    assert_true(isnan(xsg_normal_quantile(-0.1)) && isnan(xsg_normal_quantile(NAN)));
    for (double p = 1e-300; p < 0.5; p *= 3)
        assert_near(xsg_normal_cdf(xsg_normal_quantile(p)), p, 1e-10);
}

static void test_t_quantiles(void **state)
{
    (void)state;
    static const double known[][3] = {
        {0.975, 1, 12.706204736174694},  {0.975, 2, 4.3026527297494637},
        {0.975, 5, 2.5705818356363146},  {0.975, 10, 2.2281388519649385},
        {0.975, 30, 2.0422724563012378}, {0.975, 100, 1.9839715185235518},
        {0.99, 7, 2.9979515668685277},   {0.995, 4, 4.6040948713499899},
        {0.9, 3, 1.6377443536962093},    {0.75, 1, 1},
        {0.025, 5, -2.5705818356363146},
    };
    for (size_t i = 0; i < N(known); i++)
        assert_near(xsg_t_quantile(known[i][0], known[i][1]), known[i][2], 1e-10);
    assert_near(xsg_t_quantile(0.5, 4), 0, 0);
    assert_true(isnan(xsg_t_quantile(0, 4)) && isnan(xsg_t_quantile(0.5, 0)));
    assert_near(xsg_t_quantile(0.975, INFINITY), 1.9599639845400545, 1e-14);
    assert_near(xsg_t_quantile(0.975, 1e9), 1.9599639845400545, 1e-8);
}

/* 1 degree of freedom is Cauchy's distribution, 2 has a square root, 3 an arc tangent. */
static void test_t_closed_forms(void **state)
{
    (void)state;
    const double pi = acos(-1);
    for (double t = 0.01; t < 1e5; t *= 2.3) {
        assert_near(xsg_t_cdf(-t, 1), atan(1 / t) / pi, 1e-11);
        assert_near(xsg_t_cdf(-t, 2), 1 / (2 + t * t + t * sqrt(2 + t * t)), 1e-11);
        double r = t / sqrt(3);
        if (t < 50)
            assert_near(xsg_t_cdf(t, 3), 0.5 + (r / (1 + r * r) + atan(r)) / pi, 1e-12);
    }
    assert_near(xsg_t_cdf(0, 7), 0.5, 1e-15);
    assert_near(xsg_t_cdf(INFINITY, 7), 1, 0);
    assert_near(xsg_t_cdf(-INFINITY, 7), 0, 0);
    assert_true(isnan(xsg_t_cdf(NAN, 7)) && isnan(xsg_t_cdf(1, NAN)));
}

/* Simpson's rule on the density, for degrees of freedom that are not whole. */
static double integrated(double t, double df)
{
    const double pi = acos(-1);
    int sign;
    double c = exp(lgamma_r((df + 1) / 2, &sign) - lgamma_r(df / 2, &sign)) / sqrt(df * pi);
    const int n = 2000;
    double sum = 0, h = t / n;
    for (int i = 0; i <= n; i++) {
        double u = h * i, density = c * pow(1 + u * u / df, -(df + 1) / 2);
        sum += density * (i == 0 || i == n ? 1 : i % 2 ? 4 : 2);
    }
    return 0.5 + sum * h / 3;
}

static void test_t_against_integration(void **state)
{
    (void)state;
    for (double df = 1.3; df < 3000; df *= 1.9) {
        for (double t = 0.1; t < 9; t += 0.7) {
            assert_near(xsg_t_cdf(t, df), integrated(t, df), 1e-10);
            assert_near(xsg_t_cdf(t, df) + xsg_t_cdf(-t, df), 1, 1e-14);
        }
        for (double p = 1e-9; p < 0.5; p *= 4)
            assert_near(xsg_t_cdf(xsg_t_quantile(p, df), df), p, 1e-9);
    }
    /* Far out, where steps from the normal distribution's quantile have a long way to go. */
    for (double df = 0.7; df < 1e6; df *= 1.7) {
        for (double p = 1e-60; p < 0.5; p *= 13)
            assert_near(xsg_t_cdf(xsg_t_quantile(p, df), df) / p, 1, 1e-8);
    }
}

/* ---- several tests, several looks --------------------------------------------------------------
 */

static void test_adjusted_p(void **state)
{
    (void)state;
    const double p[] = {0.03, NAN, 0.01, 0.05, 0.02, 0.04};
    const double holm[] = {0.09, NAN, 0.05, 0.09, 0.08, 0.09};
    double adjusted[6];
    xsg_adjust_bh(p, 6, adjusted);
    for (size_t i = 0; i < 6; i++) {
        if (i == 1)
            assert_true(isnan(adjusted[i]));
        else
            assert_near(adjusted[i], 0.05, 1e-15);
    }
    xsg_adjust_holm(p, 6, adjusted);
    for (size_t i = 0; i < 6; i++) {
        if (i != 1)
            assert_near(adjusted[i], holm[i], 1e-15);
    }
    /* R: p.adjust(c(0.001, 0.008, 0.039, 0.041, 0.9), "BH") */
    const double q[] = {0.001, 0.008, 0.039, 0.041, 0.9};
    const double bh[] = {0.005, 0.02, 0.05125, 0.05125, 0.9};
    xsg_adjust_bh(q, 5, adjusted);
    for (size_t i = 0; i < 5; i++)
        assert_near(adjusted[i], bh[i], 1e-14);
    xsg_adjust_holm((const double[]){0.9, 0.8}, 2, adjusted); /* at most 1 */
    assert_near(adjusted[0], 1, 0);
    assert_near(adjusted[1], 1, 0);
    xsg_adjust_bh(NULL, 0, NULL);
}

static void test_spending(void **state)
{
    (void)state;
    assert_near(xsg_alpha_spent(0.05, 0), 0, 0);
    assert_near(xsg_alpha_spent(0.05, 1), 0.05, 1e-15);
    assert_near(xsg_alpha_spent(0.05, 0.5), 0.05 * log(1 + (exp(1) - 1) / 2), 1e-14);
    assert_near(xsg_alpha_spent(0.05, 7), 0.05, 1e-15);
    double last = 0;
    for (double t = 0.05; t <= 1; t += 0.05) {
        assert_true(xsg_alpha_spent(0.01, t) > last);
        last = xsg_alpha_spent(0.01, t);
    }
}

/* ---- properties on random samples ---------------------------------------------------------------
 */

static void test_estimates_follow_shift_and_scale(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    for (int round = 0; round < 200; round++) {
        double x[40], y[40];
        size_t n = 2 + (size_t)xsg_rng_below(&rng, 39);
        for (size_t i = 0; i < n; i++) {
            x[i] = xsg_rng_normal(&rng);
            y[i] = 3 * x[i] + 100;
        }
        struct xsg_estimate a = xsg_trimmed_mean(x, n, 0.2), b = xsg_trimmed_mean(y, n, 0.2);
        assert_near(b.location, 3 * a.location + 100, 1e-12);
        if (!isnan(a.se))
            assert_near(b.se, 3 * a.se, 1e-9);
        assert_near(xsg_mad(y, n), 3 * xsg_mad(x, n), 1e-9);
        assert_true(xsg_quantile(x, n, 0.1) <= xsg_median(x, n));
        assert_true(a.location >= xsg_quantile(x, n, 0) && a.location <= xsg_quantile(x, n, 1));
    }
}

/* 2000 intervals at 90 %: each must hold the truth; the count has a standard deviation of 13. */
static void test_intervals_cover_as_they_say(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 99);
    int covered = 0;
    for (int round = 0; round < 2000; round++) {
        double x[20], low, high;
        for (size_t i = 0; i < 20; i++)
            x[i] = 1 + xsg_rng_normal(&rng);
        struct xsg_estimate e = xsg_trimmed_mean(x, 20, 0.2);
        xsg_interval(&e, 0.1, &low, &high);
        covered += low <= 1 && 1 <= high;
    }
    assert_in_range(covered, 1740, 1860);
}

/* ---- histogram
 * ----------------------------------------------------------------------------------- */

static void test_buckets_tile_the_numbers(void **state)
{
    (void)state;
    assert_int_equal(xsg_hist_bucket(0), 0);
    assert_int_equal(xsg_hist_bucket(4), 0);
    assert_int_equal(xsg_hist_bucket(7), 3);
    assert_int_equal(xsg_hist_bucket(8), 4);
    assert_int_equal(xsg_hist_bucket(UINT64_MAX), XSG_HIST_BUCKETS - 1);
    assert_true(xsg_hist_bucket_high(XSG_HIST_BUCKETS - 1) == UINT64_MAX);
    assert_int_equal(xsg_hist_bucket_low(0), 0);
    for (size_t i = 0; i < XSG_HIST_BUCKETS; i++) {
        uint64_t low = xsg_hist_bucket_low(i), high = xsg_hist_bucket_high(i);
        assert_int_equal(xsg_hist_bucket(low), i);
        assert_int_equal(xsg_hist_bucket(high), i);
        if (i > 0)
            assert_true(low == xsg_hist_bucket_high(i - 1) + 1);
        if (i > 0)
            assert_true(high - low < (low + 3) / 4 + 1);
    }
}

static void test_percentiles(void **state)
{
    (void)state;
    struct xsg_hist hist, other;
    xsg_hist_init(&hist);
    assert_true(isnan(xsg_hist_percentile(&hist, 50)));
    xsg_hist_add(&hist, 1000, 0);
    assert_true(isnan(xsg_hist_percentile(&hist, 50)));
    for (uint64_t v = 1; v <= 1000; v++)
        xsg_hist_add(&hist, v, 1);
    for (double p = 1; p <= 100; p++)
        assert_near(xsg_hist_percentile(&hist, p), p * 10, 0.2);
    assert_near(xsg_hist_percentile(&hist, 0), 2, 0.5);
    assert_near(xsg_hist_percentile(&hist, 100), 960, 0.05);

    xsg_hist_init(&other);
    xsg_hist_add(&other, 5000, 3000);
    assert_near(xsg_hist_percentile(&other, 1), 5000, 0); /* never outside what was seen */
    xsg_hist_merge(&hist, &other);
    assert_int_equal(hist.total, 4000);
    assert_int_equal(hist.min, 1);
    assert_int_equal(hist.max, 5000);
    assert_near(xsg_hist_percentile(&hist, 50), 5000, 0.13);
}

/* ---- random numbers
 * ------------------------------------------------------------------------------- */

static void test_xoshiro_is_the_published_one(void **state)
{
    (void)state;
    struct xsg_rng rng = {.s = {1, 2, 3, 4}};
    const uint64_t first[] = {11520, 0, 1509978240, 1215971899390074240, 1216172134540287360};
    for (size_t i = 0; i < N(first); i++)
        assert_true(xsg_rng_next(&rng) == first[i]);
    xsg_rng_init(&rng, 0); /* splitmix64 from 0 */
    assert_true(rng.s[0] == 0xe220a8397b1dcdaf && rng.s[1] == 0x6e789e6aa1b965f4);
}

static void test_random_ranges(void **state)
{
    (void)state;
    struct xsg_rng rng;
    int seen[7] = {0};
    double sum = 0, squares = 0;
    xsg_rng_init(&rng, 1);
    for (int i = 0; i < 70000; i++) {
        seen[xsg_rng_below(&rng, 7)]++;
        double u = xsg_rng_double(&rng), z = xsg_rng_normal(&rng);
        assert_true(u >= 0 && u < 1);
        sum += z;
        squares += z * z;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400);
    assert_true(fabs(sum / 70000) < 0.02);
    assert_near(squares / 70000, 1, 0.03);
    assert_int_equal(xsg_rng_below(&rng, 1), 0);
    assert_true(xsg_rng_seed_from_system() != xsg_rng_seed_from_system());
}

/* ---- looks ---- */

static void test_looks(void **state)
{
    (void)state;
    struct xsg_looks one, four, equal;
    xsg_looks_doubling(&one, 1);
    assert_true(xsg_looks_level(&one, 0, 0.01) == 0.01);
    assert_true(xsg_looks_error(&one, 0, 0.3) == 0.3);
    xsg_looks_doubling(&four, 4);
    /* The first look has what it spends; the others more, for they are correlated with those
     * before.
     */
    double first = xsg_alpha_spent(0.01, 0.125), spent = first, sum = first;
    assert_true(fabs(xsg_looks_level(&four, 0, 0.01) / first - 1) < 1e-3);
    for (size_t k = 1; k < 4; k++) {
        double now = xsg_alpha_spent(0.01, four.information[k]);
        double level = xsg_looks_level(&four, k, 0.01);
        assert_true(level > (now - spent) * 1.15 && level < 0.01);
        assert_true(fabs(xsg_looks_error(&four, k, level) / 0.01 - 1) < 1e-9);
        spent = now;
        sum += level;
    }
    assert_true(sum > 0.0115); /* what Bonferroni's inequality leaves on the table */
    assert_true(xsg_looks_error(&four, 2, 0.9) == 1);
    assert_true(isnan(xsg_looks_error(&four, 2, NAN)));
    assert_true(xsg_looks_error(&four, 3, 1e-14) > 1e-14); /* beyond the table */
    /* Two equal looks with the Pocock-type function at 2.5 % one-sided: 2.157 and 2.201 (Lan and
     * DeMets 1983; Jennison and Turnbull 2000, section 7.2). */
    xsg_looks_init(&equal, (const double[]){1, 2}, 2);
    assert_true(fabs(-xsg_normal_quantile(xsg_looks_level(&equal, 0, 0.025)) - 2.157) < 2e-3);
    assert_true(fabs(-xsg_normal_quantile(xsg_looks_level(&equal, 1, 0.025)) - 2.201) < 2e-3);
}

/* The whole of it, by walking: the share of paths that exceed their level at some look. */
static void test_looks_keep_the_error(void **state)
{
    (void)state;
    enum { PATHS = 200000 };
    struct xsg_looks looks;
    struct xsg_rng rng;
    size_t alarms = 0;
    xsg_looks_doubling(&looks, 4);
    xsg_rng_init(&rng, 7);
    for (size_t i = 0; i < PATHS; i++) {
        double score = 0, before = 0;
        bool alarm = false;
        for (size_t k = 0; k < 4; k++) {
            double t = looks.information[k];
            score += sqrt(t - before) * xsg_rng_normal(&rng);
            before = t;
            alarm |= xsg_looks_error(&looks, k, xsg_normal_cdf(-score / sqrt(t))) < 0.05;
        }
        alarms += alarm;
    }
    assert_true(fabs((double)alarms / PATHS - 0.05) < 4 * sqrt(0.05 * 0.95 / PATHS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_gives_nan),
        cmocka_unit_test(test_location_and_spread),
        cmocka_unit_test(test_quantiles_of_type_7),
        cmocka_unit_test(test_trimmed_mean),
        cmocka_unit_test(test_trim_of_nothing_is_the_mean),
        cmocka_unit_test(test_trimmed_mean_of_few),
        cmocka_unit_test(test_outliers_do_not_move_it),
        cmocka_unit_test(test_yuen),
        cmocka_unit_test(test_equal_values_are_certain),
        cmocka_unit_test(test_p_and_interval_agree),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_t_quantiles),
        cmocka_unit_test(test_t_closed_forms),
        cmocka_unit_test(test_t_against_integration),
        cmocka_unit_test(test_adjusted_p),
        cmocka_unit_test(test_spending),
        cmocka_unit_test(test_estimates_follow_shift_and_scale),
        cmocka_unit_test(test_intervals_cover_as_they_say),
        cmocka_unit_test(test_buckets_tile_the_numbers),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_xoshiro_is_the_published_one),
        cmocka_unit_test(test_random_ranges),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_looks_keep_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
