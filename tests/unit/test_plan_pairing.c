/* The plan: whether base and head run one after the other, or at once on one core or two. */
#include "tests/unit/plan_fake.h"

/* ---- pairing ---- */

static void run_pairs(enum xsg_pairing asked)
{
    suite.n_targets = 1;
    at_once_possible = true;
    if (asked)
        targets[0].pairing = asked;
    options.rounds = 20;
    assert_int_equal(run(), 0);
}

static void assert_pairing(enum xsg_pairing pairing, const char *reason)
{
    assert_int_equal(base_run.targets[0].pairing, pairing);
    assert_int_equal(head_run.targets[0].pairing, pairing);
    if (!strstr(head_run.targets[0].pairing_reason, reason))
        fail_msg("'%s' is not in '%s'", reason, head_run.targets[0].pairing_reason);
}

static void test_same_core(void **state)
{
    (void)state;
    run_pairs(XSG_PAIRING_SAME_CORE);
    assert_pairing(XSG_PAIRING_SAME_CORE, "asked for");
    assert_int_equal(pairs.n_same_core, 20 + 2);
    assert_int_equal(pairs.n_two_core, 0);
    assert_int_equal(base_run.targets[0].n_control, 2);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 20);
}

static void test_two_core(void **state)
{
    (void)state;
    int cpus[2];
    run_pairs(XSG_PAIRING_TWO_CORE);
    if (xsg_machine_pick_cpus(cpus) == 0) {
        assert_pairing(XSG_PAIRING_ALTERNATE, "one CPU");
        return;
    }
    assert_pairing(XSG_PAIRING_TWO_CORE, "asked for");
    assert_int_equal(pairs.n_two_core, 22);
    assert_in_range(pairs.swapped, 10, 12); /* of 20 rounds, balanced, and 2 control pairs */
}

/* Each switch between the sides costs the scope that it happens in. */
static void test_scopes_do_not_share_a_core(void **state)
{
    (void)state;
    targets[0].profile = XSG_MODE_SCOPES;
    run_pairs(XSG_PAIRING_SAME_CORE);
    assert_pairing(XSG_PAIRING_ALTERNATE, "cost scopes and");
    assert_int_equal(pairs.n_same_core, 0);
}

static void test_the_targets_own_pairing(void **state)
{
    (void)state;
    targets[0].pairing = XSG_PAIRING_SAME_CORE;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "asked for");
}

static void test_auto_takes_what_spreads_least(void **state)
{
    (void)state;
    int cpus[2];
    pairs.same_core = 1;
    pairs.two_core = 4;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "equal programs differ by");
    assert_int_equal(base_run.targets[0].n_control, 5 + 2); /* those of the trial, too */
    setup(NULL);
    pairs.same_core = 4;
    pairs.two_core = 1;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(xsg_machine_pick_cpus(cpus) == 2 ? XSG_PAIRING_TWO_CORE : XSG_PAIRING_SAME_CORE,
                   "equal programs differ by");
    setup(NULL);
    pairs.same_core = pairs.two_core = 4;
    fake.seconds = 0.1; /* short enough to try one after the other */
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "equal programs differ by");
}

/* Threads of one core that do not look so: whoever ends later ends faster. */
static void test_auto_keeps_off_cores_that_slow_each_other(void **state)
{
    (void)state;
    int cpus[2];
    if (xsg_machine_pick_cpus(cpus) < 2) {
        print_message("skipped: one CPU has no pairs of two\n");
        skip();
    }
    pairs.same_core = 4;
    pairs.two_core = 1;
    pairs.contention = 30;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "; on two cores they slow each other by 3");
    assert_int_equal(pairs.n_two_core, 5); /* the trial's */
    setup(NULL);
    targets[0].profile = XSG_MODE_SCOPES;
    pairs.two_core = 1;
    pairs.contention = 30;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "slow each other");
    setup(NULL);
    pairs.same_core = 2;
    pairs.two_core = pairs.contention = 1;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_TWO_CORE, "equal programs differ by");
}

/* A neighbour comes after the trial: what was the best way is left at the next look. */
static void test_auto_is_reviewed(void **state)
{
    (void)state;
    int cpus[2];
    if (xsg_machine_pick_cpus(cpus) < 2) {
        print_message("skipped: one CPU has no pairs of two\n");
        skip();
    }
    pairs.same_core = 2;
    pairs.two_core = 1;
    pairs.neighbour_from = 5 + 3;
    suite.n_targets = 1;
    at_once_possible = true;
    options.max_rounds = 40;
    assert_int_equal(run(), 0);
    assert_pairing(XSG_PAIRING_SAME_CORE, "the first 10 rounds, on two cores, spread by ");
    assert_int_equal(n_looks, 3);
    assert_int_equal(pairs.n_two_core, 5 + 10 + 1);
    assert_int_equal(pairs.n_same_core, 5 + 30 + 3);
    assert_int_equal(base_run.targets[0].n_control, 5 + 3); /* of the way that it is now */
    setup(NULL);
    pairs.same_core = 2;
    pairs.two_core = 1;
    suite.n_targets = 1;
    at_once_possible = true;
    options.max_rounds = 40;
    assert_int_equal(run(), 0);
    assert_pairing(XSG_PAIRING_TWO_CORE, "equal programs differ by");
    assert_int_equal(pairs.n_two_core, 5 + 40 + 4);
}

static void test_auto_asks_the_target(void **state)
{
    (void)state;
    fake.n_threads = 2;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "more than one thread");
    setup(NULL);
    fake.cpu_share = 0.3;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "waits");
    setup(NULL);
    fake.head_share = 0.3;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "waits");
    setup(NULL);
    pairs.fails = true;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "fails when two of it run at once");
    assert_null(head_run.targets[0].invalid);
    setup(NULL);
    fake.seconds = 20;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "too long");
    assert_int_equal(pairs.n_same_core, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_core),
        TEST(test_two_core),
        TEST(test_scopes_do_not_share_a_core),
        TEST(test_the_targets_own_pairing),
        TEST(test_auto_takes_what_spreads_least),
        TEST(test_auto_keeps_off_cores_that_slow_each_other),
        TEST(test_auto_is_reviewed),
        TEST(test_auto_asks_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
