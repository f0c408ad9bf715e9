/* Counts beside time (compare/counts.h). */
#include "tests/unit/compared.h"

#define QUIET 0.005
#define LOUD 0.15 /* of +-1: nothing can be decided */

/* A target that computes for 100 ms, and one function with all of it. */
static void both_times(struct fixture *f, double ratio, double noise)
{
    add_both(f, NULL, "wall", 100e6, 100e6 * ratio, noise);
    add_both(f, NULL, "cpu", 100e6, 100e6 * ratio, noise);
    add_both(f, "work", "time", 95e6, 95e6 * ratio, noise);
}

static void both_counts(struct fixture *f, double ratio, double syscalls)
{
    add_both(f, NULL, "instructions", 1e9, 1e9 * ratio, 0);
    add_both(f, "work", "instructions", 9e8, 9e8 * ratio, 0);
    add_both(f, NULL, "syscalls", 120, 120 * syscalls, 0);
    add_both(f, "write", "syscalls", 100, 100 * syscalls, 0);
}

static void judge(struct fixture *f, const char *const *metrics, size_t n)
{
    f->gate.metrics = (const char **)(uintptr_t)metrics;
    f->gate.n_metrics = n;
    compare(f, NULL);
}

static const struct xsg_delta *expect(const struct fixture *f, const char *function,
                                      const char *metric, enum xsg_delta_verdict verdict,
                                      bool counts)
{
    const struct xsg_delta *d = find(f, function, metric);
    assert_non_null(d);
    assert_string_equal(xsg_delta_verdict_name(d->verdict), xsg_delta_verdict_name(verdict));
    assert_int_equal(d->counts, counts);
    return d;
}

/* ---- asked for by name ------------------------------------------------------------------------
 */

static const char *const instructions[] = {"instructions"};

static void test_asked_for_counts_fail_by_themselves(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1, QUIET);
    both_counts(f, 1.2, 1);
    add_both(f, "rest", "instructions", 1e8, 1e8, 0);
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_float_equal(d->ratio, 1.2, 1e-9);
    assert_float_equal(d->low, d->high, 0); /* exact */
    assert_int_equal(d->head.n, XSG_COUNTS_RUNS);
    expect(f, "rest", "instructions", XSG_DELTA_UNCHANGED, true);
    expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, true);
    assert_null(find(f, NULL, "time"));
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_the_smallest_change_is_exact(void **state)
{
    struct fixture *f = *state;
    f->gate.threshold = 1e-6;
    both_counts(f, 1.00001, 1);
    judge(f, instructions, 1);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
}

/* Spread above 0.05 %: an interval, from three runs a side. */
static void test_what_is_not_deterministic_gets_an_interval(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "instructions", 1e9, 1.5e9, 0.01);
    add_both(f, "work", "instructions", 9e8, 9.1e8, 0.05);
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, true);
    assert_true(d->low > 1 && d->low < d->ratio && d->ratio < d->high);
    expect(f, "work", "instructions", XSG_DELTA_UNDECIDED, true);
}

static void test_calls_of_the_counted_runs_split_the_cause(void **state)
{
    struct fixture *f = *state;
    both_counts(f, 1.2, 1);
    add_both(f, "work", "counted_calls", 1000, 1200, 0);
    add_both(f, "work", "calls", 7, 7, 0); /* of other runs */
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_float_equal(d->head.calls, 1200, 0);
    assert_non_null(strstr(d->cause, "called 20 % more often"));
}

/* A counted run is no round: functions that rounds saw and counts did not, and the reverse. */
static void test_rounds_and_counted_runs_are_apart(void **state)
{
    struct fixture *f = *state;
    static const char *const two[] = {"time", "instructions"};
    both_times(f, 1, QUIET);
    both_counts(f, 1, 1);
    judge(f, two, 2);
    assert_float_equal(find(f, "work", "instructions")->base.mean, 9e8, 0);
    assert_float_equal(find(f, "work", "time")->base.mean, 95e6, 2e6);
    assert_int_equal(find(f, "work", "time")->base.n, ROUNDS);
    assert_int_equal(f->c.rounds, ROUNDS);
}

/* ---- beside time ------------------------------------------------------------------------------
 */

static void test_counts_do_not_fail_what_time_passes(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1, QUIET);
    both_counts(f, 1.2, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true);
    const struct xsg_delta *d = expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "time says otherwise");
    d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "time says otherwise");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_counts_fail_what_time_leaves_open(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.02, LOUD);
    both_counts(f, 1.2, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_counts_of_what_is_not_judged_by_time_never_fail_it(void **state)
{
    struct fixture *f = *state;
    static const char *const rss[] = {"peak_rss"};
    both_counts(f, 1.2, 1);
    add_both(f, NULL, "peak_rss", 1e6, 1e6, QUIET);
    judge(f, rss, 1);
    expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, false);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_equal_counts_settle_what_time_leaves_open(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true);
    assert_string_equal(d->rule, "counts equal");
    expect(f, NULL, "instructions", XSG_DELTA_UNCHANGED, false);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* On a machine under load the elapsed time is longer; the plan took CPU time all the same. A
 * function with wild samples is settled with its target, unless a gate names it. */
static void test_load_and_few_samples_do_not_keep_it_open(void **state)
{
    struct fixture *f = *state;
    struct xsg_gate_rule rule = {.function = "named", .threshold = 0.02};
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    add_both(f, NULL, "wall", 200e6, 200e6, LOUD);
    add_both(f, NULL, "cpu", 100e6, 100.1e6, LOUD);
    add_both(f, NULL, "time", 100e6, 100.1e6, LOUD);
    add_both(f, "work", "time", 50e6, 53e6, LOUD);
    add_both(f, "named", "time", 45e6, 48e6, LOUD);
    add_both(f, "named", "instructions", 5e7, 5e7, 0);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    assert_string_equal(expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
    assert_string_equal(expect(f, "work", "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
    expect(f, "named", "time", XSG_DELTA_UNDECIDED, true);
}

static void test_leaning_towards_faster_is_settled_too(void **state)
{
    struct fixture *f = *state;
    both_times(f, 0.96, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    assert_string_equal(expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
}

/* Equal in sum is not equal: one function took from another. */
static void test_equal_sums_settle_nothing(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1);
    add_both(f, "a", "instructions", 5e7, 4e7, 0);
    add_both(f, "b", "instructions", 5e7, 6e7, 0);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_more_system_calls_settle_nothing(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1.05);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

/* Caches: the estimate leans towards slower by more than half the threshold. */
static void test_equal_counts_do_not_hide_a_slowdown(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.06, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_waiting_is_not_settled_by_counts(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "wall", 300e6, 300.3e6, LOUD);
    add_both(f, NULL, "cpu", 100e6, 100e6, QUIET);
    add_both(f, "work", "time", 95e6, 95e6, QUIET);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_slower_with_equal_counts_stays_slower(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.2, QUIET);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, "work", "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "as many instructions as before: caches, layout or waiting"));
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_slower_by_instructions_says_so_once(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.2, QUIET);
    both_counts(f, 1.3, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, "work", "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "30 % more instructions"));
    assert_null(find(f, "work", "instructions"));
    assert_null(find(f, NULL, "instructions"));
}

/* Time knows that the target is slower, but not yet which function; the counts do. */
static void test_counts_name_the_function_of_a_slower_target(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "wall", 100e6, 115e6, QUIET);
    add_both(f, NULL, "cpu", 100e6, 115e6, QUIET);
    add_both(f, "work", "time", 50e6, 57e6, LOUD);
    add_both(f, "side", "time", 5e6, 5.2e6, LOUD);
    add_both(f, NULL, "instructions", 1e9, 1.145e9, 0);
    add_both(f, "work", "instructions", 5e8, 6.4e8, 0);
    add_both(f, "side", "instructions", 5e7, 5.8e7, 0);
    add_both(f, "tiny", "instructions", 1e7, 1.2e7, 0);
    add_both(f, NULL, "syscalls", 120, 120, 0);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_REGRESSED, true);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    const struct xsg_delta *d = expect(f, "side", "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "beside the judged metrics");
    assert_null(find(f, "tiny", "instructions")); /* 1 % of the change */
    assert_non_null(strstr(f->c.reason, "work (target t) needs 28 % more instructions"));
}

static void test_system_calls_and_the_kernel_are_named(void **state)
{
    struct fixture *f = *state;
    both_times(f, 3, QUIET);
    add_both(f, NULL, "system", 1e6, 181e6, QUIET);
    both_counts(f, 1.39, 50);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, NULL, "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "50 times the system calls (120 -> 6000, mostly write)"));
    assert_non_null(strstr(d->cause, "90 % of it in the kernel"));
    expect(f, NULL, "syscalls", XSG_DELTA_REGRESSED, false);
}

/* The cause of a target by itself, from base and head of its CPU time and of the kernel's part. */
static const char *cause_of_target(struct fixture *f, const double cpu[2], const double kernel[2])
{
    xsg_arena_release(&f->arena);
    reset(f);
    add_both(f, NULL, "cpu", cpu[0], cpu[1], QUIET);
    add_both(f, NULL, "system", kernel[0], kernel[1], QUIET);
    judge(f, NULL, 0);
    return find(f, NULL, "time")->cause;
}

/* Whoever samples has the kernel's accounts, too. */
static void test_the_kernel_is_named_without_counts(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.5, QUIET);
    add_both(f, NULL, "system", 1e6, 41e6, QUIET);
    judge(f, NULL, 0);
    assert_string_equal(find(f, NULL, "time")->cause,
                        "mostly work (95 % of it); 80 % of it in the kernel");
    assert_null(strstr(find(f, "work", "time")->cause, "kernel"));
    const double saved[2][2] = {{100e6, 50e6}, {60e6, 15e6}};
    assert_string_equal(cause_of_target(f, saved[0], saved[1]),
                        "90 % of the time saved in the kernel");
    const double added[2][2] = {{100e6, 150e6}, {0, 50e6}};
    assert_string_equal(cause_of_target(f, added[0], added[1]),
                        "100 % of the additional time in the kernel");
}

static void test_the_kernel_is_not_named_by_chance(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "cpu", 100e6, 110e6, QUIET);
    add_both(f, NULL, "system", 50e6, 57e6, 0.5);
    judge(f, NULL, 0);
    assert_null(find(f, NULL, "time")->cause);
}

/* Four threads at once: their system time is no part of the elapsed time. */
static void test_the_kernel_is_no_part_of_elapsed_time(void **state)
{
    struct fixture *f = *state;
    add_both(f, NULL, "time", 100e6, 150e6, QUIET);
    add_both(f, NULL, "wall", 100e6, 150e6, QUIET);
    add_both(f, NULL, "cpu", 60e6, 100e6, QUIET);
    add_both(f, NULL, "system", 1e6, 41e6, QUIET);
    judge(f, NULL, 0);
    assert_null(find(f, NULL, "time")->cause);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_asked_for_counts_fail_by_themselves),
        TEST(test_the_smallest_change_is_exact),
        TEST(test_what_is_not_deterministic_gets_an_interval),
        TEST(test_calls_of_the_counted_runs_split_the_cause),
        TEST(test_rounds_and_counted_runs_are_apart),
        TEST(test_counts_do_not_fail_what_time_passes),
        TEST(test_counts_fail_what_time_leaves_open),
        TEST(test_counts_of_what_is_not_judged_by_time_never_fail_it),
        TEST(test_equal_counts_settle_what_time_leaves_open),
        TEST(test_load_and_few_samples_do_not_keep_it_open),
        TEST(test_leaning_towards_faster_is_settled_too),
        TEST(test_equal_sums_settle_nothing),
        TEST(test_more_system_calls_settle_nothing),
        TEST(test_equal_counts_do_not_hide_a_slowdown),
        TEST(test_waiting_is_not_settled_by_counts),
        TEST(test_slower_with_equal_counts_stays_slower),
        TEST(test_slower_by_instructions_says_so_once),
        TEST(test_counts_name_the_function_of_a_slower_target),
        TEST(test_system_calls_and_the_kernel_are_named),
        TEST(test_the_kernel_is_named_without_counts),
        TEST(test_the_kernel_is_not_named_by_chance),
        TEST(test_the_kernel_is_no_part_of_elapsed_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
