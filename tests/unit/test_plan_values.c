/* The plan: which values come out of the invocations, what is warned of, what is told meanwhile. */
#include "tests/unit/plan_fake.h"

/* ---- values ---- */

/* Three rounds: base's time in the last one, and what is warned of. */
static void expect_time(double base_ns, size_t n_warnings, const char *first_warning)
{
    options.rounds = 3;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == base_ns);
    assert_int_equal(head_run.n_warnings, n_warnings);
    if (first_warning)
        assert_string_equal(head_run.warnings[0], first_warning);
}

static void test_time_is_cpu_time(void **state)
{
    (void)state;
    fake.cpu_share = 0.9;
    fake.slow_head = 2;
    expect_time(450e6, 0, NULL);
    assert_true(find(&head_run, "1", NULL, "time")->values[2] == 900e6);
    assert_true(find(&head_run, "1", NULL, "wall")->values[0] == 1e9);
    assert_true(find(&head_run, "1", NULL, "user")->values[0] == 900e6);
    assert_true(find(&head_run, "1", NULL, "system")->values[0] == 0);
    assert_true(find(&head_run, "1", NULL, "peak_rss")->values[0] == 1000);
    assert_non_null(find(&head_run, "1", NULL, "page_faults"));
    assert_non_null(find(&head_run, "1", NULL, "context_switches"));
    assert_true(head_run.elapsed_s > 8.9 && head_run.elapsed_s < 12.1);
}

static void test_time_of_one_that_waits_is_wall_time(void **state)
{
    (void)state;
    fake.cpu_share = 0.25;
    expect_time(500e6, 2,
                "1: its CPU time is 25 % of its elapsed time, so that it is judged by elapsed "
                "time, which is noisier");
    assert_true(find(&head_run, "2", NULL, "time")->values[0] == 500e6);
    assert_true(find(&head_run, "2", NULL, "cpu")->values[0] == 125e6);
}

/* Head computes as much as base, and sleeps besides: its CPU time alone would tell nothing. */
static void test_time_is_wall_time_where_head_began_to_wait(void **state)
{
    (void)state;
    suite.n_targets = 1;
    fake.slow_head = 2;
    fake.head_share = 0.5;
    expect_time(500e6, 1,
                "1: its CPU time is 50 % of its elapsed time in head, so that it is judged by "
                "elapsed time, which is noisier");
    assert_true(find(&head_run, "1", NULL, "time")->values[2] == 1e9);
    assert_string_equal(base_run.warnings[0], head_run.warnings[0]);
}

/* One that is starved by others computes all the same. */
static void test_time_on_a_busy_machine_is_cpu_time(void **state)
{
    (void)state;
    fake.cpu_share = 0.25;
    fake.queued_share = 0.7;
    suite.n_targets = 1;
    expect_time(125e6, 1,
                "1: other programs kept it from running for 70 % of its elapsed time; a quieter "
                "machine needs fewer rounds");
}

/* Of several processes the queueing is not known; but who computes has the CPU taken. */
static void test_time_of_several_busy_processes_is_cpu_time(void **state)
{
    (void)state;
    fake.cpu_share = 0.25;
    fake.n_threads = 2;
    fake.taken = 5;
    expect_time(125e6, 0, NULL);
    fake.taken = 0;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 500e6);
}

static void test_notes_and_leftovers_are_warnings(void **state)
{
    (void)state;
    suite.n_targets = 1;
    fake.n_notes = 2;
    fake.leftovers = 2;
    assert_int_equal(run(), 0); /* filled at three looks and at the end: said once */
    assert_int_equal(base_run.n_warnings, 3);
    assert_string_equal(base_run.warnings[0], "1: 2 processes outlived the target and were ended; "
                                              "what they did is not in its CPU time");
    assert_string_equal(base_run.warnings[1], "1: a note");
    assert_string_equal(base_run.warnings[2], "1: another");
}

static void test_progress(void **state)
{
    (void)state;
    suite.n_targets = 1;
    options.rounds = 200;
    assert_int_equal(run(), 0);
    assert_string_equal(progress[0], "1: warming up");
    assert_string_equal(progress[1], "1: round 1 of 200");
    assert_string_equal(progress[2], "1: round 2 of 200, about 3m19s left");
    assert_string_equal(progress[200], "1: round 200 of 200, about 1s left");
    setup(NULL);
    suite.n_targets = 1;
    options.max_time_s = 9.5;
    assert_int_equal(run(), 0);
    assert_string_equal(progress[2], "1: round 2 of at most 80, about 8s left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_time_is_cpu_time),
        TEST(test_time_of_one_that_waits_is_wall_time),
        TEST(test_time_is_wall_time_where_head_began_to_wait),
        TEST(test_time_on_a_busy_machine_is_cpu_time),
        TEST(test_time_of_several_busy_processes_is_cpu_time),
        TEST(test_notes_and_leftovers_are_warnings),
        TEST(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
