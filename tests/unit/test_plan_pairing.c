/* The plan: whether base and head run one after the other, or at once on one core or two. */
#include "tests/unit/plan_fake.h"

/* ---- pairing ---- */

static void run_pairs(enum xsg_pairing asked)
{
    suite.n_targets = 1;
    at_once_possible = true;
    options.pairing = asked;
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
    assert_int_equal(pairs.swapped, 11); /* balanced over the sides */
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
    setup(NULL);
    targets[0].pairing = XSG_PAIRING_SAME_CORE;
    run_pairs(XSG_PAIRING_ALTERNATE);
    assert_pairing(XSG_PAIRING_ALTERNATE, "asked for");
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
        TEST(test_auto_asks_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
