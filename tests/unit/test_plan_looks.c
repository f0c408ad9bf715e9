/* The plan: when it looks at what was measured, when it stops, and what is measured again. */
#include "tests/unit/plan_fake.h"

/* ---- looks ---- */

static void test_looks_at_10_20_40_80(void **state)
{
    (void)state;
    assert_int_equal(run(), 0);
    take_controls();
    assert_int_equal(count_calls('1', 'B'), 81);
    assert_int_equal(n_looks, 4);
    static const size_t at[] = {10, 20, 40, 80};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(looks[i].look.index, i);
        assert_int_equal(looks[i].look.n_looks, 4);
        assert_int_equal(looks[i].look.planned, 80);
        assert_int_equal(looks[i].look.rounds, at[i]);
        assert_int_equal(looks[i].look.last, i == 3);
        assert_int_equal(looks[i].n, at[i]); /* what was measured is there to look at */
        assert_true(looks[i].open[0] && looks[i].open[1]);
    }
}

static void test_looks_never_beyond_the_last_round(void **state)
{
    (void)state;
    options.max_rounds = 15;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 2);
    assert_int_equal(looks[0].look.rounds, 10);
    assert_int_equal(looks[1].look.rounds, 15);
    assert_int_equal(looks[1].look.n_looks, 2);
    assert_true(looks[1].look.last);
    setup(NULL);
    options.max_rounds = 10;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 1);
    assert_true(looks[0].look.last && looks[0].look.n_looks == 1);
}

static void test_decided_targets_stop(void **state)
{
    (void)state;
    close_first_at = 1;
    close_second_at = 2;
    assert_int_equal(run(), 0);
    take_controls();
    assert_int_equal(count_calls('1', 'B'), 11);
    assert_int_equal(count_calls('1', 'H'), 11);
    assert_int_equal(count_calls('2', 'H'), 21);
    assert_int_equal(n_looks, 2);
    assert_false(looks[1].open[0]);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 10);
    assert_int_equal(find(&head_run, "2", NULL, "time")->n, 20);
}

static void test_a_fixed_number_is_looked_at_once(void **state)
{
    (void)state;
    options.rounds = 25;
    close_first_at = 1;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 1);
    assert_int_equal(looks[0].look.rounds, 25);
    assert_int_equal(looks[0].look.n_looks, 1);
    options.look = NULL;
    assert_int_equal(run(), 0);
}

/* ---- confirmation ---- */

static size_t confirmed_from, confirmed_rounds, n_confirmed;
static bool confirms;

static bool on_confirmed(void *arg, size_t target, size_t from)
{
    assert_ptr_equal(arg, &fake);
    assert_int_equal(target, 0);
    confirmed_from = from;
    confirmed_rounds = find(&head_run, "1", NULL, "time")->n;
    n_confirmed++;
    return confirms;
}

static void run_confirming(size_t at, bool yes)
{
    options.confirmed = on_confirmed;
    confirms = yes;
    confirm_first_at = at;
    n_confirmed = 0;
    assert_int_equal(run(), 0);
    assert_int_equal(n_confirmed, 1);
}

static void test_a_regression_is_measured_again(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(1, true);
    assert_int_equal(confirmed_from, 10);
    assert_int_equal(confirmed_rounds, 15);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 15);
    assert_int_equal(find(&head_run, "2", NULL, "time")->n, 10);
    assert_int_equal(n_looks, 1);
}

/* A quarter of the rounds so far, also after the last look. */
static void test_the_fresh_batch_grows(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(4, false);
    assert_int_equal(confirmed_from, 80);
    assert_int_equal(confirmed_rounds, 100);
}

static void test_what_went_away_goes_on(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(1, false);
    assert_int_equal(confirmed_rounds, 15);
    assert_int_equal(n_looks, 4);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 80);
}

static void test_a_fresh_batch_is_within_the_time(void **state)
{
    (void)state;
    fake.seconds = 1;
    close_second_at = 1;
    options.max_time_s = 52; /* warm-up 4, ten rounds 40, two controls 4, and two more rounds */
    run_confirming(1, true);
    assert_int_equal(confirmed_rounds, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_looks_at_10_20_40_80),           TEST(test_looks_never_beyond_the_last_round),
        TEST(test_decided_targets_stop),           TEST(test_a_fixed_number_is_looked_at_once),
        TEST(test_a_regression_is_measured_again), TEST(test_the_fresh_batch_grows),
        TEST(test_what_went_away_goes_on),         TEST(test_a_fresh_batch_is_within_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
