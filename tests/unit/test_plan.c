/* The plan: which invocations in which order; the time that it has, and what fails. */
#include <stdlib.h>

#include "tests/unit/plan_fake.h"

/* ---- order ---- */

static void test_rounds_are_interleaved(void **state)
{
    (void)state;
    options.rounds = 30;
    assert_int_equal(run(), 0);
    assert_int_equal(take_controls(), 2 * 3); /* one in ten rounds of each target */
    assert_int_equal(base_run.targets[0].n_control, 3);
    assert_true(base_run.targets[1].control[2] == 0); /* equal programs in equal time */
    assert_int_equal(n_calls, 4 + 30 * 4);
    /* First the warm-up: of each target base, then head. */
    const char *warm = "1B1H2B2H";
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(calls[i].target, warm[2 * i]);
        assert_int_equal(calls[i].side, warm[2 * i + 1]);
        assert_int_equal(calls[i].padding, 0);
    }
    int head_first = 0, second_first = 0, changes = 0, first_of[2] = {0};
    for (size_t r = 0; r < 30; r++) {
        const struct call *c = &calls[4 + 4 * r];
        for (int k = 0; k < 4; k += 2) { /* both sides of a target stand together */
            assert_int_equal(c[k].target, c[k + 1].target);
            assert_int_not_equal(c[k].side, c[k + 1].side);
            assert_int_equal(c[k].padding, c[k + 1].padding);
            assert_true(c[k].padding < 4096);
            head_first += c[k].side == 'H';
        }
        assert_int_not_equal(c[0].target, c[2].target);
        first_of[c[0].target - '1'] += c[0].side == 'H';
        first_of[c[2].target - '1'] += c[2].side == 'H';
        second_first += c[0].target == '2';
        changes += r > 0 && c[0].padding != c[-4].padding;
    }
    assert_in_range(head_first, 18, 42); /* of 60 */
    for (int i = 0; i < 2; i++)
        assert_int_equal(first_of[i], 15); /* each way once in every two rounds */
    assert_in_range(second_first, 6, 24);
    assert_true(changes > 25);
    assert_int_equal(find(&base_run, "1", NULL, "cpu")->n, 30);
    assert_int_equal(find(&head_run, "2", "f", "time")->n, 30);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Where a sampled program starts within the tick decides which places of it are seen. */
static void test_starts_cover_the_tick(void **state)
{
    (void)state;
    enum { LOOK = 10 };
    double phase[40], last = 0;
    size_t n = 0;
    targets[1].profile = XSG_MODE_SCOPES;
    options.rounds = 40;
    assert_int_equal(run(), 0);
    take_controls();
    for (size_t i = 0; i < n_calls; i++) {
        if (calls[i].target == '2' || i < 4)
            assert_true(calls[i].phase == 0); /* not sampled, or a warm-up */
    }
    for (size_t i = 4; i < n_calls; i += 2) {
        assert_true(calls[i].phase == calls[i + 1].phase);
        if (calls[i].target == '1')
            phase[n++] = calls[i].phase;
    }
    assert_int_equal(n, 40);
    for (size_t from = 0; from + LOOK <= n; from++) { /* also in the few rounds of one look */
        double sorted[LOOK];
        memcpy(sorted, phase + from, sizeof sorted);
        qsort(sorted, LOOK, sizeof sorted[0], by_number);
        assert_true(sorted[0] > 0 && sorted[LOOK - 1] < 1);
        last = sorted[LOOK - 1] - 1;
        for (size_t i = 0; i < LOOK; i++) {
            assert_true(sorted[i] - last < 0.3);
            last = sorted[i];
        }
    }
}

static bool same_call(const struct call *a, const struct call *b)
{
    return a->target == b->target && a->side == b->side && a->padding == b->padding &&
           a->pin_cpu == b->pin_cpu && strcmp(a->bench, b->bench) == 0;
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    static struct call first[MOST];
    size_t differing = 0;
    options.rounds = 20;
    assert_int_equal(run(), 0);
    size_t n = n_calls;
    memcpy(first, calls, sizeof first);
    setup(NULL);
    options.rounds = 20;
    assert_int_equal(run(), 0);
    assert_int_equal(n_calls, n);
    for (size_t i = 0; i < n; i++)
        assert_true(same_call(&first[i], &calls[i]));
    setup(NULL);
    options.rounds = 20;
    options.seed = 43;
    assert_int_equal(run(), 0);
    for (size_t i = 0; i < n; i++)
        differing += !same_call(&first[i], &calls[i]);
    assert_true(differing > n / 4);
}

static void test_one_side_alone(void **state)
{
    (void)state;
    options.rounds = 3;
    assert_int_equal(run_with(NULL), 0);
    assert_int_equal(count_calls(0, 'B'), 0);
    assert_int_equal(count_calls('1', 'H'), 4);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 3);
    assert_int_equal(base_run.n_targets, 0);
    fake.fail_target = '1';
    fake.fail_side = 'H';
    n_calls = 0;
    assert_int_equal(run_with(NULL), 0);
    assert_string_equal(head_run.targets[0].invalid, "ended with status 3; do better\n  | oops");
}

/* ---- warm-up ---- */

static void test_benches_are_calibrated_once(void **state)
{
    (void)state;
    fake.n_benches = 2;
    targets[0].warmup = 3;
    options.rounds = 2;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'B'), 3 + 2);
    assert_int_equal(count_calls('1', 'H'), 3 + 2);
    assert_int_equal(count_calls('2', 'B'), 1 + 2);
    int calibrating = 0;
    for (size_t i = 0; i < n_calls; i++) {
        bool is_first = i == 0 || i == 6;
        calibrating += is_first;
        assert_string_equal(calls[i].bench, is_first ? "calibrate:200ms" : "b0=7;b1=8");
        assert_true(!is_first || calls[i].side == 'B');
    }
    assert_int_equal(calibrating, 2);
}

static void test_no_benches_no_counts(void **state)
{
    (void)state;
    options.rounds = 1;
    assert_int_equal(run(), 0);
    assert_string_equal(calls[0].bench, "calibrate:200ms");
    assert_string_equal(calls[1].bench, "-");
}

static void test_only_serial_targets_are_pinned(void **state)
{
    (void)state;
    int cpu = xsg_machine_pick_cpu();
    options.rounds = 2;
    assert_int_equal(run(), 0);
    assert_int_equal(calls[0].pin_cpu, -1); /* what it is shows only now */
    for (size_t i = 4; i < n_calls; i++)
        assert_int_equal(calls[i].pin_cpu, cpu);
    setup(NULL);
    options.rounds = 2;
    fake.n_threads = 2;
    assert_int_equal(run(), 0);
    for (size_t i = 0; i < n_calls; i++)
        assert_int_equal(calls[i].pin_cpu, -1);
    setup(NULL);
    options.rounds = 2;
    fake.cpu_share = 1.7; /* threads that the profiler did not see */
    assert_int_equal(run(), 0);
    assert_int_equal(calls[n_calls - 1].pin_cpu, -1);
}

/* ---- the budget ---- */

static void test_the_time_is_kept(void **state)
{
    (void)state;
    fake.seconds = 1;
    options.max_time_s = 21; /* 4 of warm-up, 4 per round */
    int64_t start = now;
    assert_int_equal(run(), 0);
    assert_true(now - start <= 21 * INT64_C(1000000000));
    assert_true(now - start > 17 * INT64_C(1000000000));
    assert_int_equal(n_looks, 1);
    assert_true(looks[0].look.last);
    assert_int_equal(looks[0].look.rounds, 4);
    assert_int_equal(looks[0].look.n_looks, 4);
    assert_int_equal(looks[0].n, 4);
    assert_int_equal(head_run.n_warnings, 2);
    assert_string_equal(head_run.warnings[0], "1: the time was up after 4 rounds");
}

static void test_a_round_is_measured_however_short_the_time(void **state)
{
    (void)state;
    fake.seconds = 5;
    options.max_time_s = 0.1;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'H'), 2);
    assert_int_equal(count_calls('2', 'B'), 2);
    assert_int_equal(find(&base_run, "2", NULL, "time")->n, 1);
    assert_string_equal(base_run.warnings[0], "1: the time was up after 1 round");
}

/* ---- failures ---- */

static void test_a_failing_side_stops_its_target_only(void **state)
{
    (void)state;
    fake.fail_target = '2';
    fake.fail_side = 'H';
    fake.fail_from = 1 + 3; /* after warm-up and three rounds */
    options.rounds = 10;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'H'), 11);
    assert_int_equal(count_calls('2', 'H'), 5);
    assert_null(head_run.targets[0].invalid);
    assert_null(base_run.targets[1].invalid);
    assert_string_equal(head_run.targets[1].invalid, "ended with status 3; do better\n  | oops");
    /* Whole rounds only, also when base had already run in the fourth. */
    assert_int_equal(find(&base_run, "2", NULL, "cpu")->n, 3);
    assert_int_equal(find(&head_run, "2", NULL, "cpu")->n, 3);
    assert_int_equal(find(&base_run, "2", "f", "time")->n, 3);
}

static void test_a_failing_warm_up_is_seen_on_both_sides(void **state)
{
    (void)state;
    fake.fail_target = '1';
    fake.fail_side = 'B';
    options.rounds = 5;
    targets[0].warmup = 4;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'B'), 1);
    assert_int_equal(count_calls('1', 'H'), 4);
    assert_string_equal(base_run.targets[0].invalid, "ended with status 3; do better\n  | oops");
    assert_null(head_run.targets[0].invalid);
    assert_null(find(&base_run, "1", NULL, "cpu"));
    assert_int_equal(find(&base_run, "2", NULL, "cpu")->n, 5);
    assert_string_equal(base_run.targets[1].profile, "scopes,sample");
}

static void test_all_failing_ends_at_once(void **state)
{
    (void)state;
    suite.n_targets = 1;
    fake.fail_target = '1';
    fake.fail_side = 'H';
    assert_int_equal(run(), 0);
    assert_int_equal(n_calls, 2);
    assert_int_equal(n_looks, 0);
}

static void test_interrupts(void **state)
{
    (void)state;
    for (size_t at = 1; at < 12; at++) {
        setup(NULL);
        fake.interrupt_at = at;
        assert_int_equal(run(), XSG_EINTR);
        assert_int_equal(n_calls, at);
        assert_null(base_run.series);
    }
    for (size_t at = 1; at < 12; at++) {
        setup(NULL);
        fake.set_flag_at = at;
        assert_int_equal(run(), XSG_EINTR);
        assert_int_equal(n_calls, at);
        assert_int_equal(n_looks, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rounds_are_interleaved),
        TEST(test_starts_cover_the_tick),
        TEST(test_the_seed_decides),
        TEST(test_one_side_alone),
        TEST(test_benches_are_calibrated_once),
        TEST(test_no_benches_no_counts),
        TEST(test_only_serial_targets_are_pinned),
        TEST(test_the_time_is_kept),
        TEST(test_a_round_is_measured_however_short_the_time),
        TEST(test_a_failing_side_stops_its_target_only),
        TEST(test_a_failing_warm_up_is_seen_on_both_sides),
        TEST(test_all_failing_ends_at_once),
        TEST(test_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
