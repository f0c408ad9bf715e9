/* When xsg_compare() believes its rounds: looks, when to measure on, confirmation by fresh rounds,
 * controls, and what could have been seen. */
#include <stdio.h>

#include "base/change.h"
#include "compare/effect.h"
#include "compare/row.h"
#include "tests/unit/compared.h"

/* ---- looks, and when to measure on ---- */

/* Each look of a group has a smaller error than a single one; together they have its. */
static void test_looks(void **state)
{
    struct fixture *f = *state;
    struct xsg_looks looks;
    xsg_looks_doubling(&looks, 3);
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.02);
    for (size_t look = 0; look < 3; look++) {
        const struct xsg_compare_options options = {.look = look, .n_looks = 3};
        compare(f, &options);
        assert_float_equal((1 - f->c.level) / 2, xsg_looks_level(&looks, look, f->gate.beta),
                           1e-12);
        assert_float_equal(f->c.progress, look == 0 ? 0.25 : look == 1 ? 0.5 : 1, 0);
        const struct xsg_compare_options given = {.look = look, .looks = &looks};
        double level = f->c.level;
        compare(f, &given);
        assert_float_equal(f->c.level, level, 0);
    }
    const size_t own[] = {0};
    const struct xsg_compare_options options = {.look = 2, .n_looks = 3, .target_look = own};
    compare(f, &options);
    double high = find(f, NULL, "time")->high;
    const struct xsg_compare_options first = {.look = 0, .n_looks = 3};
    compare(f, &first);
    assert_float_equal(find(f, NULL, "time")->high, high, 0);
}

/* Where the target is decided, its undecided functions do not leave the gate open; a rule that
 * names one does. */
static void test_undecided_functions_of_a_target_that_passed(void **state)
{
    struct fixture *f = *state;
    f->gate.threshold = 0.02;
    add_both(f, NULL, "time", 100e6, 100e6, 0.002);
    add_both(f, "noisy", "time", 50e6, 50e6, 0.3);
    compare(f, NULL);
    assert_verdict(f, NULL, XSG_DELTA_UNCHANGED);
    assert_verdict(f, "noisy", XSG_DELTA_UNDECIDED);
    assert_false(find(f, "noisy", "time")->counts);
    assert_string_equal(find(f, "noisy", "time")->rule, "the target as a whole did not get worse");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_non_null(strstr(f->c.reason, "; 1 unclear but not counted: the target as a whole did "
                                        "not get worse"));
    struct xsg_gate_rule rule = {.function = "noisy", .threshold = 0.02};
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
}

/* A target that got faster is measured on until the function is named that explains it. */
static void test_waits_for_what_got_faster(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options early = {.look = 0, .n_looks = 3},
                                     last = {.look = 2, .n_looks = 3};
    add_both(f, NULL, "cpu", 106e6, 100e6, 0.002);
    add_both(f, "steady", "time", 60e6, 61e6, 0.1);
    compare(f, &early);
    assert_verdict(f, NULL, XSG_DELTA_IMPROVED);
    assert_true(xsg_compare_decided(&f->c, "t")); /* nothing leans that way */
    add_both(f, "likely", "time", 36e6, 30e6, 0.15);
    compare(f, &early);
    assert_verdict(f, "likely", XSG_DELTA_UNDECIDED);
    assert_false(xsg_compare_decided(&f->c, "t"));
    compare(f, &last);
    assert_true(xsg_compare_decided(&f->c, "t"));
    add_both(f, "surely", "time", 9e6, 5e6, 0.002);
    compare(f, &early);
    assert_verdict(f, "surely", XSG_DELTA_IMPROVED);
    assert_true(xsg_compare_decided(&f->c, "t"));
}

/* Also where the target did by less than its threshold, but surely, and the function would be half
 * of that threshold at least. */
static void test_waits_for_what_got_a_little_faster(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options early = {.look = 0, .n_looks = 3};
    add_both(f, NULL, "cpu", 104e6, 100e6, 0.002);
    add_both(f, "small", "time", 12e6, 10e6, 0.15);
    compare(f, &early);
    assert_verdict(f, NULL, XSG_DELTA_UNCHANGED);
    assert_verdict(f, "small", XSG_DELTA_UNDECIDED);
    assert_true(xsg_compare_decided(&f->c, "t"));
    add_both(f, "likely", "time", 36e6, 31.5e6, 0.15);
    compare(f, &early);
    assert_verdict(f, "likely", XSG_DELTA_UNDECIDED);
    assert_false(xsg_compare_decided(&f->c, "t"));
}

/* Not where nothing of the kind is certain. */
static void test_does_not_wait_for_what_seems_faster(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options early = {.look = 0, .n_looks = 3};
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add_both(f, "likely", "time", 36e6, 31.5e6, 0.15);
    compare(f, &early);
    assert_verdict(f, NULL, XSG_DELTA_UNCHANGED);
    assert_verdict(f, "likely", XSG_DELTA_UNDECIDED);
    assert_true(xsg_compare_decided(&f->c, "t"));
}

/* Between "unchanged" and "improved" no gate is undecided; it measures on while rounds will tell.
 */
static void test_faster_or_the_same(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options early = {.look = 0, .n_looks = 3};
    add_both(f, NULL, "cpu", 100e6, 95.3e6, 0.004);
    compare(f, &early);
    const struct xsg_delta *d = find(f, NULL, "time");
    assert_true(d->low < 1 / 1.05);
    assert_int_equal(d->verdict, XSG_DELTA_UNCHANGED);
    assert_string_equal(d->rule, XSG_NOT_WORSE);
    assert_true(xsg_compare_decided(&f->c, "t")); /* no number of rounds would tell */
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_faster_or_the_same_is_measured_on(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options early = {.look = 0, .n_looks = 3},
                                     last = {.look = 2, .n_looks = 3};
    add_both(f, NULL, "cpu", 100e6, 94e6, 0.09);
    compare(f, &early);
    assert_string_equal(find(f, NULL, "time")->rule, XSG_NOT_WORSE);
    assert_false(xsg_compare_decided(&f->c, "t"));
    compare(f, &last);
    assert_true(xsg_compare_decided(&f->c, "t"));
}

/* ---- confirmation ---- */

/* The fresh batch begins at round 10 of 20; there, what was slow is as before. */
static void test_what_went_away(void **state)
{
    struct fixture *f = *state;
    const size_t fresh[] = {ROUNDS / 2};
    const struct xsg_compare_options options = {.fresh_from = fresh};
    add_both(f, NULL, "cpu", 100e6, 110e6, 0.002);
    compare(f, &options);
    assert_verdict(f, NULL, XSG_DELTA_REGRESSED);
    assert_string_equal(find(f, NULL, "time")->rule, "threshold, confirmed by fresh rounds");
    assert_true(xsg_compare_needs_confirmation(&f->c, "t"));
    struct xsg_series *head = &f->head.series[f->head.n_series - 1];
    struct xsg_series *base = &f->base.series[f->base.n_series - 1];
    for (size_t i = ROUNDS / 2; i < ROUNDS; i++)
        head->values[i] = base->values[i] * 1.01;
    compare(f, &options);
    const struct xsg_delta *d = find(f, NULL, "time");
    assert_int_not_equal(d->verdict, XSG_DELTA_REGRESSED);
    compare(f, NULL); /* without a fresh batch all are one */
    assert_true(find(f, NULL, "time")->p > 0);
}

/* Half of the size that fails is the least that a fresh batch has to show. */
static void test_a_weak_confirmation(void **state)
{
    struct fixture *f = *state;
    const size_t fresh[] = {ROUNDS - 5};
    const struct xsg_compare_options options = {.fresh_from = fresh};
    add_both(f, NULL, "cpu", 100e6, 110e6, 0.002);
    struct xsg_series *head = &f->head.series[f->head.n_series - 1];
    struct xsg_series *base = &f->base.series[f->base.n_series - 1];
    for (size_t i = ROUNDS - 5; i < ROUNDS; i++)
        head->values[i] = base->values[i] * 1.02;
    compare(f, &options);
    assert_verdict(f, NULL, XSG_DELTA_UNDECIDED);
    assert_string_equal(find(f, NULL, "time")->rule, "went away when measured again");
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
    for (size_t i = ROUNDS - 5; i < ROUNDS; i++)
        head->values[i] = base->values[i] * 1.03;
    compare(f, &options);
    assert_verdict(f, NULL, XSG_DELTA_REGRESSED);
    /* Two rounds are no batch: the time was up. */
    const size_t late[] = {ROUNDS - 2};
    const struct xsg_compare_options up = {.fresh_from = late};
    compare(f, &up);
    assert_verdict(f, NULL, XSG_DELTA_REGRESSED);
    assert_string_equal(find(f, NULL, "time")->rule, "threshold");
}

/* ---- controls ---- */

/* Equal programs that differ by much more than the rounds do: the rounds are not to be believed. */
static void test_controls_inflate(void **state)
{
    struct fixture *f = *state;
    static double control[] = {0.002, -0.001, 0.0015, -0.002, 0.001};
    add_both(f, NULL, "time", 100e6, 104e6, 0.002);
    compare(f, NULL);
    double low = find(f, NULL, "time")->low;
    f->head.targets[0].control = control;
    f->head.targets[0].n_control = 5;
    compare(f, NULL);
    assert_float_equal(find(f, NULL, "time")->low, low, 0);
    for (size_t i = 0; i < 5; i++)
        control[i] *= 100;
    compare(f, NULL);
    assert_true(find(f, NULL, "time")->low < low - 0.02);
}

static void test_biased_controls_widen(void **state)
{
    struct fixture *f = *state;
    static double control[] = {0.0201, 0.0199, 0.02, 0.02, 0.0202, 0.0198, 0.02, 0.02};
    add_both(f, NULL, "time", 100e6, 101e6, 0.002);
    f->gate.threshold = 0.005;
    f->head.targets[0].control = control;
    f->head.targets[0].n_control = 8;
    compare(f, NULL);
    const struct xsg_delta *d = find(f, NULL, "time");
    assert_true(d->low < 0.992 && d->high > 1.028);
    assert_verdict(f, NULL, XSG_DELTA_UNDECIDED);
}

/* The same where a function was not seen in some round, so that logarithms do not serve. */
static void test_biased_controls_widen_means(void **state)
{
    struct fixture *f = *state;
    static double control[] = {0.0201, 0.0199, 0.02, 0.02, 0.0202, 0.0198, 0.02, 0.02};
    add_both(f, NULL, "time", 100e6, 100e6, 0.05); /* the pairs spread less, and inflate nothing */
    add_both(f, "rare", "time", 10e6, 10.4e6, 0.01);
    f->base_series[1].values[0] = f->head_series[1].values[0] = 0;
    compare(f, NULL);
    const struct xsg_delta plain = *find(f, "rare", "time");
    f->head.targets[0].control = control;
    f->head.targets[0].n_control = 8;
    compare(f, NULL);
    const struct xsg_delta *d = find(f, "rare", "time");
    assert_float_equal(d->ratio, plain.ratio, 0);
    assert_true(fabs(d->low - plain.low * exp(-0.02)) < 1e-4);
    assert_true(fabs(d->high - plain.high * exp(0.02)) < 1e-4);
    assert_true(d->p > plain.p);
}

/* Whatever the bias: evidence where the interval excludes 1, and only there. */
static void test_bias_of_coarse_counts(void **state)
{
    (void)state;
    double base[ROUNDS], head[ROUNDS];
    struct xsg_effect plain, e;
    struct xsg_sample_pair pair = {base, head, ROUNDS, ROUNDS, true, 1, 1, 0};
    for (size_t i = 0; i < ROUNDS; i++) {
        base[i] = 3 + (double)(i % 3);
        head[i] = 5 + (double)(i * 7 % 4);
    }
    xsg_effect_estimate(&plain, &pair, 0.01);
    assert_int_equal(plain.method, XSG_EFFECT_MEANS);
    for (int i = 0; i < 2; i++) { /* and its reverse */
        bool evidence = false, none = false;
        for (pair.bias = 0; pair.bias < 1; pair.bias += 0.05) {
            xsg_effect_estimate(&e, &pair, 0.01);
            assert_int_equal(e.p_more<0.01, e.low> 1);
            assert_int_equal(e.p_less < 0.01, e.high < 1);
            evidence |= e.low > 1 || e.high < 1;
            none |= e.low < 1 && e.high > 1;
            if (i == 0) {
                assert_true(fabs(e.low - plain.low / exp(pair.bias)) < 1e-9);
                assert_true(fabs(e.high - plain.high * exp(pair.bias)) < 1e-9);
                assert_true(e.cost_high >= plain.cost_high);
            }
        }
        assert_true(evidence && none);
        pair.base = head;
        pair.head = base;
    }
}

/* ---- what could have been seen ---- */

static void test_what_could_have_been_seen(void **state)
{
    struct fixture *f = *state;
    f->gate.threshold = 0.02;
    add_both(f, NULL, "time", 100e6, 101e6, 0.05);
    add_both(f, NULL, "wall", 100e6, 100e6, 0.05);
    compare(f, NULL);
    const struct xsg_delta *d = find(f, NULL, "time");
    assert_int_equal(d->verdict, XSG_DELTA_UNDECIDED);
    assert_true(d->detectable > 0.02 && d->detectable < 0.3);
    assert_true(d->settle_rounds > ROUNDS || isnan(d->settle_rounds));
    if (d->settle_rounds > 0)
        assert_true(fabs(d->settle_s / d->settle_rounds - 0.2) < 0.02);
}

/* One number in all reports: the cause says what the field says. */
static void test_the_cause_of_what_is_undecided(void **state)
{
    static const double noise[] = {0.02, 0.05, 0.2, 0.5};
    struct fixture *f = *state;
    f->gate.threshold = 0.001;
    for (size_t i = 0; i < 4; i++) {
        char size[XSG_CHANGE_SIZE], start[64];
        f->base.n_series = f->head.n_series = 0;
        add_both(f, NULL, "time", 100e6, 100.5e6, noise[i]);
        compare(f, NULL);
        const struct xsg_delta *d = find(f, NULL, "time");
        assert_int_equal(d->verdict, XSG_DELTA_UNDECIDED);
        assert_true(isfinite(d->detectable));
        xsg_format_size(size, 1 + d->detectable);
        snprintf(start, sizeof start, "sees changes from %s on; ", size);
        assert_memory_equal(d->cause, start, strlen(start));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_looks),
        TEST(test_undecided_functions_of_a_target_that_passed),
        TEST(test_waits_for_what_got_faster),
        TEST(test_waits_for_what_got_a_little_faster),
        TEST(test_does_not_wait_for_what_seems_faster),
        TEST(test_faster_or_the_same),
        TEST(test_faster_or_the_same_is_measured_on),
        TEST(test_what_went_away),
        TEST(test_a_weak_confirmation),
        TEST(test_controls_inflate),
        TEST(test_biased_controls_widen),
        TEST(test_biased_controls_widen_means),
        TEST(test_bias_of_coarse_counts),
        TEST(test_what_could_have_been_seen),
        TEST(test_the_cause_of_what_is_undecided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
