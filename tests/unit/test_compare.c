/* Decisions of xsg_compare() on series made by hand: who is judged, by which rule, to what end, and
 * what is said of the cause. */
#include "tests/unit/compared.h"

static void test_names_the_slow_function(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 106e6, 0.005);
    add_both(f, "slow", "time", 30e6, 36e6, 0.005);
    add_both(f, "caller", "time", 40e6, 40e6, 0.005);
    add_both(f, "caller", "total", 70e6, 76e6, 0.005);
    compare(f, NULL);
    assert_verdict(f, "slow", XSG_DELTA_REGRESSED);
    assert_verdict(f, "caller", XSG_DELTA_UNCHANGED); /* its callee is slower, not itself */
    assert_verdict(f, NULL, XSG_DELTA_REGRESSED);
    assert_null(find(f, "caller", "total")); /* judged only when asked for */
    const struct xsg_delta *d = find(f, "slow", "time");
    assert_float_equal(d->ratio, 1.2, 0.01);
    assert_true(d->low > 1.19 && d->low < d->ratio && d->ratio < d->high && d->high < 1.21);
    assert_float_equal(d->share, 0.3, 0.01);
    assert_true(d->p < f->gate.alpha);
    assert_string_equal(d->rule, "threshold");
    assert_string_equal(find(f, NULL, "time")->cause, "mostly slow (100 % of it)");
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(xsg_compare_exit_status(&f->c), 1);
    assert_true(f->c.paired);
    assert_int_equal(f->c.rounds, ROUNDS);
    assert_string_equal(f->c.reason, "slow (target t) got 20 % slower, threshold 5.0 %");
}

static void test_reverse_is_improved(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 106e6, 100e6, 0.005);
    add_both(f, "slow", "time", 36e6, 30e6, 0.005);
    compare(f, NULL);
    assert_verdict(f, "slow", XSG_DELTA_IMPROVED);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    assert_string_equal(f->c.reason, "nothing got worse than its threshold allows, of 1 function "
                                     "and 1 target; 2 improved");
}

/* What is below the threshold for sure is unchanged, what straddles it is undecided. */
static void test_threshold_and_evidence(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add_both(f, "slight", "time", 30e6, 30.6e6, 0.002);
    add_both(f, "straddles", "time", 30e6, 31.4e6, 0.05);
    compare(f, NULL);
    assert_verdict(f, "slight", XSG_DELTA_UNCHANGED);
    assert_true(find(f, "slight", "time")->low > 1); /* evidence alone is not enough */
    assert_verdict(f, "straddles", XSG_DELTA_UNDECIDED);
    assert_non_null(strstr(find(f, "straddles", "time")->cause, "rounds would settle it"));
}

static void test_gates_and_ignore(void **state)
{
    struct fixture *f = *state;
    struct xsg_gate_rule rules[] = {{.function = "sli*", .threshold = 0.01},
                                    {.function = "slight", .threshold = 0.5}};
    const char *ignore[] = {"*_slowpath"};
    f->gate.rules = rules;
    f->gate.n_rules = 2;
    f->gate.ignore = ignore;
    f->gate.n_ignore = 1;
    add_both(f, NULL, "cpu", 100e6, 101e6, 0.002);
    add_both(f, "slight", "time", 30e6, 30.6e6, 0.002);
    add_both(f, "rare_slowpath", "time", 30e6, 36e6, 0.002);
    compare(f, NULL);
    assert_verdict(f, "slight", XSG_DELTA_REGRESSED); /* the first match wins */
    assert_string_equal(find(f, "slight", "time")->rule, "gates[0]: sli*");
    assert_float_equal(find(f, "slight", "time")->threshold, 0.01, 1e-12);
    assert_verdict(f, "rare_slowpath", XSG_DELTA_REGRESSED); /* shown as measured */
    assert_string_equal(find(f, "rare_slowpath", "time")->rule, "ignored: *_slowpath");
    assert_false(find(f, "rare_slowpath", "time")->counts);
    f->gate.n_rules = 0;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_small_functions_are_not_judged(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add_both(f, "tiny", "time", 0.1e6, 0.3e6, 0.002);
    add_both(f, "grows", "time", 0.1e6, 1e6, 0.002);
    compare(f, NULL);
    assert_verdict(f, "tiny", XSG_DELTA_UNCHANGED);
    assert_string_equal(find(f, "tiny", "time")->rule, "below min_share");
    assert_verdict(f, "grows", XSG_DELTA_REGRESSED); /* above the limit in head */
    f->gate.filter = "tin*";
    compare(f, NULL);
    assert_string_equal(find(f, "grows", "time")->rule, "not in filter");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_added_and_removed(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add(f, &f->base, "gone", "time", 20e6, 0.002);
    add(f, &f->head, "fresh", "time", 20e6, 0.002);
    add(f, &f->head, "fresh_tiny", "time", 0.1e6, 0.002);
    compare(f, NULL);
    assert_verdict(f, "gone", XSG_DELTA_REMOVED);
    assert_verdict(f, "fresh", XSG_DELTA_ADDED);
    assert_float_equal(find(f, "fresh", "time")->share, 0.2, 0.01);
    assert_null(find(f, "fresh_tiny", "time"));
    assert_true(isnan(find(f, "fresh", "time")->ratio));
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_moved_to_another_file(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add_both(f, "moved", "time", 20e6, 20e6, 0.002);
    f->head_series[1].function.file = "b.c";
    compare(f, NULL);
    assert_verdict(f, "moved", XSG_DELTA_UNCHANGED);
    assert_string_equal(find(f, "moved", "time")->cause, "was in a.c");
}

/* A round without samples is a round with 0, not a round to leave out. */
static void test_zeros_are_kept(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 400e6, 400e6, 0.002);
    struct xsg_series *b = add(f, &f->base, "rare", "time", 4e6, 0);
    struct xsg_series *h = add(f, &f->head, "rare", "time", 4e6, 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        b->values[i] = i % 2 ? (double)NAN : 4e6; /* seen in every other round: 2 ms on average */
        h->values[i] = 4e6;
    }
    f->base_targets[0].samples = f->head_targets[0].samples = 2000;
    compare(f, NULL);
    const struct xsg_delta *d = find(f, "rare", "time");
    assert_float_equal(d->ratio, 2, 1e-9); /* leaving zeros out would say 1 */
    assert_int_equal(d->base.n, ROUNDS);
}

static void test_identical_values(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0);
    add_both(f, "same", "time", 30e6, 30e6, 0);
    add_both(f, "stepped", "time", 30e6, 36e6, 0);
    compare(f, NULL);
    assert_verdict(f, "same", XSG_DELTA_UNCHANGED);
    assert_verdict(f, "stepped", XSG_DELTA_REGRESSED);
    /* The same numbers as counts of samples: one step more in each round is no evidence. */
    xsg_arena_release(&f->arena);
    reset(f);
    add_both(f, NULL, "cpu", 400e6, 400e6, 0.002);
    add_both(f, "coarse", "time", 4e6, 8e6, 0);
    f->base_targets[0].samples = ROUNDS;
    f->head_targets[0].samples = 2 * ROUNDS;
    compare(f, NULL);
    assert_verdict(f, "coarse", XSG_DELTA_UNDECIDED);
}

static void test_few_rounds(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 200e6, 0.002);
    add_both(f, "calls_too", "calls", 100, 200, 0);
    for (size_t i = 0; i < f->base.n_series; i++)
        f->base_series[i].n = f->head_series[i].n = 4;
    const char *metrics[] = {"time", "calls"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 2;
    compare(f, NULL);
    assert_verdict(f, NULL, XSG_DELTA_UNDECIDED);
    assert_string_equal(find(f, NULL, "time")->cause, "only 4 rounds; at least 5 are needed");
    /* Deterministic counts need no repetition. */
    assert_int_equal(find(f, "calls_too", "calls")->verdict, XSG_DELTA_REGRESSED);
    assert_float_equal(find(f, "calls_too", "calls")->ratio, 2, 0);
    assert_string_equal(find(f, "calls_too", "calls")->cause, "called 2.0x as often");
}

static void test_exit_status(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 104e6, 0.2);
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
    assert_int_equal(xsg_compare_exit_status(&f->c), 0);
    assert_false(xsg_compare_decided(&f->c, "t"));
    assert_true(xsg_compare_decided(&f->c, "another"));
    f->gate.strict = true;
    compare(f, NULL);
    assert_int_equal(xsg_compare_exit_status(&f->c), 4);
}

/* A broken measurement is neither a regression nor a pass. */
static void test_invalid(void **state)
{
    struct fixture *f = *state;
    f->base.n_targets = f->head.n_targets = 2;
    f->base_targets[1].name = f->head_targets[1].name = "broken";
    f->head_targets[1].invalid = "exited with status 3";
    add_both(f, NULL, "cpu", 100e6, 150e6, 0.002);
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    assert_int_equal(xsg_compare_exit_status(&f->c), 3);
    assert_string_equal(f->c.deltas[0].cause, "head: exited with status 3");
    assert_verdict(f, NULL, XSG_DELTA_INVALID);
    assert_int_equal(f->c.deltas[1].verdict, XSG_DELTA_REGRESSED); /* shown all the same */
    assert_non_null(strstr(f->c.reason, "among the rest, target t got 50 % slower"));
}

static void test_lost_records(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    f->head_targets[0].samples = 10000;
    f->head_targets[0].lost = 90;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED); /* below 1 % of samples: said, not fatal */
    assert_int_equal(f->c.n_warnings, 1);
    f->head_targets[0].lost = 110;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    f->head_targets[0].samples = 0; /* exact counts bear no loss */
    f->head_targets[0].lost = 1;
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
}

static void test_stored_runs(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 130e6, 0.002);
    f->head.session = "bb";
    f->base.environment.fingerprint = f->head.environment.fingerprint = "0011";
    compare(f, NULL);
    assert_false(f->c.paired);
    assert_verdict(f, NULL, XSG_DELTA_REGRESSED);
    assert_int_equal(f->c.n_warnings, 1);
    f->head.environment.fingerprint = "0022";
    f->base.environment.cpu_model = "one";
    f->head.environment.cpu_model = "two";
    compare(f, NULL);
    assert_int_equal(f->c.verdict, XSG_VERDICT_INVALID);
    assert_string_equal(f->c.deltas[0].rule, "environment");
    assert_non_null(strstr(f->c.warnings[1], "base \"one\", head \"two\""));
}

static void test_time_of_waiting_target(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 10e6, 10e6, 0.002);
    add_both(f, NULL, "wall", 100e6, 120e6, 0.002);
    compare(f, NULL);
    assert_float_equal(find(f, NULL, "time")->ratio, 1.2, 0.01); /* it waits: elapsed time */
}

static int changed_if_slow(void *arg, const struct xsg_function *function)
{
    (void)arg;
    return strcmp(function->name, "slow") == 0;
}

static void test_cause(void **state)
{
    struct fixture *f = *state;
    const struct xsg_compare_options options = {.changed = changed_if_slow};
    add_both(f, NULL, "cpu", 200e6, 250e6, 0.002);
    add_both(f, "slow", "time", 30e6, 36.3e6, 0.002);
    add_both(f, "slow", "calls", 1000, 1000, 0);
    add_both(f, "often", "time", 30e6, 60e6, 0.002);
    add_both(f, "often", "calls", 1000, 2000, 0);
    add_both(f, "both", "time", 30e6, 41.1e6, 0.002);
    add_both(f, "both", "calls", 1000, 1200, 0);
    compare(f, &options);
    assert_string_equal(find(f, "slow", "time")->cause,
                        "each call costs 21 % more; changed in this range: slow (a.c)");
    assert_string_equal(find(f, "often", "time")->cause,
                        "called 2.0x as often; code not changed in this range");
    assert_string_equal(find(f, "both", "time")->cause,
                        "called 20 % more often (58 % of it), each call costs 14 % more; "
                        "code not changed in this range");
}

/* Where calls are not known nothing is said of what one costs. */
static void test_cause_without_calls(void **state)
{
    static const struct {
        const char *name;
        double head;
        const char *cause;
    } rows[] = {{"more", 33.6e6, "takes 12 % more time"},
                {"less", 10.5e6, "takes 65 % less time"},
                {"times", 75e6, "takes 2.5x as long"}};
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 200e6, 250e6, 0.002);
    for (size_t i = 0; i < 3; i++)
        add_both(f, rows[i].name, "time", 30e6, rows[i].head, 0.002);
    compare(f, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(find(f, rows[i].name, "time")->cause, rows[i].cause);
}

static void test_order_and_warnings(void **state)
{
    struct fixture *f = *state;
    const char *warnings[] = {"turbo is on", "turbo is on"};
    f->base.warnings = f->head.warnings = warnings;
    f->base.n_warnings = f->head.n_warnings = 2;
    add_both(f, NULL, "cpu", 100e6, 100e6, 0.002);
    add_both(f, "faster", "time", 20e6, 10e6, 0.002);
    add_both(f, "same", "time", 20e6, 20e6, 0.002);
    add_both(f, "slower", "time", 20e6, 22e6, 0.002);
    add_both(f, "slowest", "time", 20e6, 30e6, 0.002);
    compare(f, NULL);
    assert_string_equal(f->c.deltas[0].function.name, "slowest");
    assert_string_equal(f->c.deltas[1].function.name, "slower");
    assert_string_equal(f->c.deltas[2].function.name, "faster");
    assert_int_equal(f->c.n_warnings, 1);
}

static void test_bad_gate(void **state)
{
    struct fixture *f = *state;
    struct xsg_err err = {0};
    f->gate.alpha = 0;
    assert_int_equal(xsg_compare(&f->arena, &f->base, &f->head, &f->gate, NULL, &f->c, &err),
                     XSG_EINVAL);
    err = (struct xsg_err){0};
    f->gate.alpha = 0.01;
    f->gate.threshold = NAN;
    assert_int_equal(xsg_compare(&f->arena, &f->base, &f->head, &f->gate, NULL, &f->c, &err),
                     XSG_EINVAL);
    assert_string_equal(err.text, "threshold is nan: expected 0 or more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_the_slow_function),
        TEST(test_reverse_is_improved),
        TEST(test_threshold_and_evidence),
        TEST(test_gates_and_ignore),
        TEST(test_small_functions_are_not_judged),
        TEST(test_added_and_removed),
        TEST(test_moved_to_another_file),
        TEST(test_zeros_are_kept),
        TEST(test_identical_values),
        TEST(test_few_rounds),
        TEST(test_exit_status),
        TEST(test_invalid),
        TEST(test_lost_records),
        TEST(test_stored_runs),
        TEST(test_time_of_waiting_target),
        TEST(test_cause),
        TEST(test_cause_without_calls),
        TEST(test_order_and_warnings),
        TEST(test_bad_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
