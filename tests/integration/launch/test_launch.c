/* The launcher with real programs, good and bad: each failure is one sentence with a next step, and
 * nothing is left behind. */
#include "tests/integration/launch/launched.h"

/* ---- good ones ---- */

static void test_scopes(void **state)
{
    (void)state;
    run_actor("plain", "scopes 1000");
    assert_null(out.failure);
    assert_non_null(find("step"));
    assert_true(find("step")->calls == 1000);
    assert_int_equal(out.profile.n_processes, 1);
    assert_int_equal(out.proc.exit_status, 0);
}

static void test_functions(void **state)
{
    (void)state;
    target.profile = XSG_MODE_FUNCTIONS;
    run_actor("functions", "scopes 10 scopes 10");
    assert_null(out.failure);
    assert_non_null(find("with_scopes"));
    assert_true(find("with_scopes")->calls == 2);
}

static void test_samples(void **state)
{
    (void)state;
    target.profile = XSG_MODE_SAMPLE;
    run_actor("plain", "spin 300");
    assert_null(out.failure);
    assert_true(out.profile.samples > 10);
    const struct xsg_profile_function *spin = find("spin");
    assert_non_null(spin);
    assert_true(spin->total > 0.5 * out.profile.total_ns);
}

/* ns of CPU time that a target's result has beyond what its own clock said near its end, on
 * average; *waited: for the phase of the tick, in that clock. */
static double beyond_own_clock(double phase, double *waited)
{
    enum { RUNS = 16 };
    double beyond = 0;
    *waited = 0;
    for (int i = 0; i < RUNS; i++) {
        launch.start_phase = phase > 0 ? (i + 0.5) / RUNS : 0;
        run_actor("plain", "spin 10 cpu 1");
        beyond += (double)(out.proc.user_ns + out.proc.system_ns) - atof(out.proc.output_head);
        *waited += (double)out.profile.phase_ns;
    }
    *waited /= RUNS;
    return beyond / RUNS;
}

/* What was computed until the tick had come to the phase is not the target's. */
static void test_the_wait_for_the_tick_is_left_out(void **state)
{
    (void)state;
    double none, waited;
    target.profile = XSG_MODE_SAMPLE;
    double plain = beyond_own_clock(0, &none);
    double phased = beyond_own_clock(1, &waited);
    assert_true(none == 0 && waited > 0);
    double left_out = (plain - phased) / waited;
    print_message("%.0f ns left out of %.0f\n", plain - phased, waited);
    assert_true(left_out > 0.5 && left_out < 1.5);
}

static void test_scopes_and_samples_both_have_to_come(void **state)
{
    (void)state;
    target.profile = XSG_MODE_SCOPES | XSG_MODE_SAMPLE;
    run_actor("plain", "scopes 10 spin 200");
    assert_null(out.failure);
    run_actor("plain", "spin 200");
    assert_string_equal(out.failure, "no scope was entered");
}

static void test_forks_are_merged(void **state)
{
    (void)state;
    run_actor("plain", "scopes 1 fork 3");
    assert_null(out.failure);
    assert_int_equal(out.profile.n_processes, 4);
    assert_true(find("step")->calls == 301);
}

static void test_benches_run_as_often_as_told(void **state)
{
    (void)state;
    launch.bench = "loop=50";
    run_actor("plain", "bench 1");
    assert_int_equal(out.profile.n_benches, 1);
    assert_string_equal(out.profile.benches[0].name, "loop");
    assert_int_equal(out.profile.benches[0].iterations, 50);
    launch.bench = "calibrate:50ms";
    run_actor("plain", "bench 1");
    assert_true(out.profile.benches[0].iterations > 100);
    assert_true(out.proc.wall_ns > 50000000);
}

static void test_without_a_profile(void **state)
{
    (void)state;
    launch.no_profile = true;
    run_actor("plain", "environment 1");
    assert_null(out.failure);
    assert_null(strstr(out.proc.output_head, "XSGATE_SESSION"));
    assert_int_equal(out.profile.n_processes, 0);
}

/* ---- failures ---- */

static void test_exit_status(void **state)
{
    (void)state;
    run_actor("plain", "scopes 1 exit 3");
    assert_string_equal(out.failure, "ended with status 3");
    assert_null(out.output);
    assert_non_null(find("step")); /* record shows what there is */
}

static void test_crash(void **state)
{
    (void)state;
    run_actor("plain", "scopes 1 crash 1");
    assert_string_equal(out.failure, "was killed by SIGSEGV (Segmentation fault)");
    assert_string_equal(out.output, "\n  | about to crash");
    assert_non_null(out.hint);
}

static void test_killed(void **state)
{
    (void)state;
    run("kill -9 $$");
    assert_string_equal(out.failure, "was killed by SIGKILL (Killed)");
    assert_contains(out.hint, "memory");
}

static void test_hang(void **state)
{
    (void)state;
    target.timeout_s = 1;
    run_actor("plain", "hang 1");
    assert_string_equal(out.failure, "did not end within 1 s");
    assert_contains(out.hint, "timeout:");
    assert_true(out.proc.wall_ns < 5000000000);
}

static void test_hang_that_ignores_sigterm(void **state)
{
    (void)state;
    target.timeout_s = 0.3;
    run_actor("plain", "ignore_term 1 hang 1");
    assert_string_equal(out.failure, "did not end within 0.3 s");
    assert_int_equal(out.proc.signal, SIGKILL);
}

static void test_a_flood_of_output(void **state)
{
    (void)state;
    run_actor("plain", "scopes 5 print 100");
    assert_null(out.failure);
    assert_true(out.proc.output_total > 100000000);
    run_actor("plain", "scopes 5 print 3 exit 1");
    assert_string_equal(out.failure, "ended with status 1");
    assert_true(strlen(out.output) < 3000);
    assert_contains(out.output, "\n  | the last line \\x1b[31m"); /* nothing reaches the terminal */
}

static void test_a_surviving_grandchild(void **state)
{
    (void)state;
    run_actor("plain", "scopes 1 leave_child 2");
    assert_null(out.failure);
    assert_int_equal(out.proc.leftovers, 2);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_closed_descriptors(void **state)
{
    (void)state;
    run_actor("plain", "scopes 7 close_all 1 scopes 7");
    assert_null(out.failure);
    assert_true(find("step")->calls == 14);
}

static void test_not_there(void **state)
{
    (void)state;
    run("./bench 1");
    assert_string_equal(out.failure, "cannot start './bench': there is no such file or folder");
    assert_contains(out.hint, "checkout's root");
    run("xsgate-no-such-program");
    assert_contains(out.failure, "in no folder of PATH");
    run("./bench > /dev/null");
    assert_string_equal(out.failure, "ended with status 127");
    assert_contains(out.hint, "did not find");
    assert_contains(out.output, "not found");
}

static void test_not_executable(void **state)
{
    (void)state;
    put("bench", "#!/bin/sh\n", 0644);
    run("./bench");
    assert_string_equal(out.failure, "cannot start './bench': permission denied");
    put("text", "hello\n", 0755);
    run("./text");
    assert_contains(out.failure, "neither a program");
    run("./bench; exit $?");
    assert_string_equal(out.failure, "ended with status 126");
    assert_contains(out.hint, "permissions");
}

static void test_missing_directory(void **state)
{
    (void)state;
    target.directory = "no/such";
    run_actor("plain", "scopes 1");
    assert_contains(out.failure, "cannot change to the folder");
    assert_contains(out.hint, "directory:");
    put("sub/x", "", 0644);
    target.directory = "sub";
    run("test -f x && exit 9");
    assert_string_equal(out.failure, "ended with status 9");
}

/* ---- nothing measured ---- */

static void test_a_static_program(void **state)
{
    (void)state;
    run_actor("static", "scopes 1");
    assert_string_equal(out.failure,
                        "the profiler did not attach: the program is statically linked");
    assert_contains(out.hint, "xsgate::runtime");
    assert_string_equal(xsg_preload_obstacle(XSG_ACTORS "/static"), "is statically linked");
    assert_null(xsg_preload_obstacle(XSG_ACTORS "/plain"));
    put("suid", "x", 04755);
    assert_string_equal(xsg_preload_obstacle(xsg_path_join(&arena, root, "suid")),
                        "is set-uid or set-gid");
    assert_null(xsg_preload_obstacle("/no/such/file"));
}

static void test_an_emptied_environment(void **state)
{
    (void)state;
    run(xsg_printf(&arena, "exec env -i %s/plain scopes 1", XSG_ACTORS));
    assert_null(out.failure ? strstr(out.failure, "attach") : "attached"); /* env itself attaches */
    assert_string_equal(out.failure, "no scope was entered");
}

/* The wrapper attaches, and does nothing. */
static void test_an_emptied_environment_sampled(void **state)
{
    (void)state;
    target.profile = XSG_MODE_SAMPLE;
    target.rate_hz = 250;
    run(xsg_printf(&arena, "exec env -i %s/plain spin 200", XSG_ACTORS));
    assert_contains(out.failure, "the profiler did not attach to the process that did the work (2");
    assert_contains(out.hint, "LD_PRELOAD");
    /* Neither does a wrapper that is sampled itself make a profile of what it starts. */
    run(xsg_printf(&arena, "%s/plain spin 8; exec env -i %s/plain spin 400", XSG_ACTORS,
                   XSG_ACTORS));
    assert_contains(out.failure, "the profiler did not attach to the process that did the work (4");
    target.rate_hz = 10; /* nobody can tell */
    run(xsg_printf(&arena, "exec env -i %s/plain spin 200", XSG_ACTORS));
    assert_contains(out.failure, "no sample was taken in ");
    assert_contains(out.hint, "doctor");
}

static void test_scopes_asked_none_hit(void **state)
{
    (void)state;
    run_actor("plain", "spin 1");
    assert_string_equal(out.failure, "no scope was entered");
    assert_contains(out.hint, "XSG_SCOPE");
}

static void test_functions_asked_none_there(void **state)
{
    (void)state;
    target.profile = XSG_MODE_FUNCTIONS;
    run_actor("plain", "scopes 10");
    assert_string_equal(out.failure, "no instrumented function was entered");
    assert_contains(out.hint, "-finstrument-functions");
}

static void test_too_short_to_sample(void **state)
{
    (void)state;
    target.profile = XSG_MODE_SAMPLE;
    target.rate_hz = 1;
    run_actor("plain", "scopes 1");
    assert_contains(out.failure, "no sample was taken in ");
    assert_contains(out.hint, "100 ms");
}

static void test_losses(void **state)
{
    (void)state;
    static const char *small[] = {"XSGATE_NODES=256"};
    target.env = small;
    target.n_env = 1;
    run_actor("plain", "deeper 100");
    assert_null(out.failure);
    run_actor("plain", "deeper 2000");
    assert_contains(out.failure, "records of the profiler were lost");
    assert_contains(out.hint, "XSGATE_NODES");
    assert_contains(out.output, "no room");
}

/* ---- interrupt ---- */

static void test_interrupt(void **state)
{
    (void)state;
    signal(SIGALRM, on_alarm);
    launcher.interrupt = &interrupted;
    alarm(1);
    target.command = XSG_ACTORS "/plain scopes 1 hang 1";
    assert_int_equal(xsg_launch_run(&arena, &launcher, &launch, &out, &err), XSG_EINTR);
    assert_string_equal(err.text, "interrupted");
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    interrupted = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scopes),
        TEST(test_functions),
        TEST(test_samples),
        TEST(test_the_wait_for_the_tick_is_left_out),
        TEST(test_scopes_and_samples_both_have_to_come),
        TEST(test_forks_are_merged),
        TEST(test_benches_run_as_often_as_told),
        TEST(test_without_a_profile),
        TEST(test_exit_status),
        TEST(test_crash),
        TEST(test_killed),
        TEST(test_hang),
        TEST(test_hang_that_ignores_sigterm),
        TEST(test_a_flood_of_output),
        TEST(test_a_surviving_grandchild),
        TEST(test_closed_descriptors),
        TEST(test_not_there),
        TEST(test_not_executable),
        TEST(test_missing_directory),
        TEST(test_a_static_program),
        TEST(test_an_emptied_environment),
        TEST(test_an_emptied_environment_sampled),
        TEST(test_scopes_asked_none_hit),
        TEST(test_functions_asked_none_there),
        TEST(test_too_short_to_sample),
        TEST(test_losses),
        TEST(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
