/* The launcher with two programs at once: limits, failures and interrupts of the one and the
 * other. */
#include "tests/integration/launch/launched.h"

/* ---- both sides at once ---- */

static struct xsg_arena second;
static struct xsg_invocation both[2];

static int run_pair(const char *one, const char *other, int cpu)
{
    struct xsg_arena *const arenas[2] = {&arena, &second};
    static struct xsg_suite_target targets[2];
    struct xsg_launch_pair pair = {.cpu = {cpu, cpu}};
    for (int i = 0; i < 2; i++) {
        targets[i] = target;
        targets[i].command = xsg_printf(&arena, "%s/plain %s", XSG_ACTORS, i ? other : one);
        pair.launch[i] = launch;
        pair.launch[i].target = &targets[i];
    }
    return xsg_launch_pair(arenas, &launcher, &pair, both, &err);
}

static void test_pair(void **state)
{
    (void)state;
    target.profile = XSG_MODE_SAMPLE;
    assert_int_equal(run_pair("spin 300", "spin 300", xsg_machine_pick_cpu()), 0);
    for (int i = 0; i < 2; i++) {
        assert_null(both[i].failure);
        assert_true(both[i].profile.samples > 10);
        assert_int_equal(both[i].proc.exit_status, 0);
    }
    xsg_arena_release(&second);
}

/* Sharing a core, each has half of it: the limit of each is doubled. */
static void test_pair_time_out(void **state)
{
    (void)state;
    target.timeout_s = 0.4;
    assert_int_equal(run_pair("hang 1", "hang 1", 0), 0);
    assert_contains(both[0].failure ? both[0].failure : both[1].failure, "did not end within");
    /* the limit runs from before the start, which takes its time in a sanitizer's build */
    assert_true(both[0].proc.wall_ns > 600000000);
    assert_int_equal(run_pair("hang 1", "hang 1", -1), 0);
    assert_true(both[0].proc.wall_ns < 600000000 || both[1].proc.wall_ns < 600000000);
    xsg_arena_release(&second);
}

static void test_pair_with_a_failure(void **state)
{
    (void)state;
    time_t start = time(NULL);
    assert_int_equal(run_pair("hang 1", "exit 3", -1), 0);
    assert_null(both[0].failure); /* ended, and not to blame */
    assert_contains(both[1].failure, "ended with status 3");
    assert_true(time(NULL) - start < 10);
    memset(&err, 0, sizeof err);
    interrupted = 0;
    alarm(1);
    launcher.interrupt = &interrupted;
    signal(SIGALRM, on_alarm);
    assert_int_equal(run_pair("hang 1", "hang 1", -1), XSG_EINTR);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    interrupted = 0;
    xsg_arena_release(&second);
}

/* One cannot even be started: the other does not wait for it. */
static void test_pair_of_which_one_is_missing(void **state)
{
    (void)state;
    struct xsg_arena *const arenas[2] = {&arena, &second};
    struct xsg_suite_target missing = target;
    struct xsg_launch_pair pair = {.cpu = {-1, -1}};
    target.command = XSG_ACTORS "/plain hang 1";
    missing.command = "./no-such-program";
    pair.launch[0] = pair.launch[1] = launch;
    pair.launch[1].target = &missing;
    assert_int_equal(xsg_launch_pair(arenas, &launcher, &pair, both, &err), 0);
    assert_null(both[0].failure);
    assert_contains(both[1].failure, "no-such-program");
    xsg_arena_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pair),
        TEST(test_pair_time_out),
        TEST(test_pair_with_a_failure),
        TEST(test_pair_of_which_one_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
