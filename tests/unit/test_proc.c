#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"

static struct xsg_arena arena;
static struct xsg_err err;
static struct xsg_proc_result result;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static int64_t now_ms(void)
{
    return xsg_system_clock.monotonic_ns(NULL) / 1000000;
}

/* Runs a shell script; keep bytes of output. */
static int run_script(const char *script, struct xsg_proc_spec spec)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    spec.argv = argv;
    if (spec.pin_cpu == 0)
        spec.pin_cpu = -1;
    if (spec.keep_output == 0)
        spec.keep_output = 4096;
    return xsg_proc_run(&arena, &spec, &result, &err);
}

static bool is_alive(long pid)
{
    return kill((pid_t)pid, 0) == 0;
}

static void test_captures_both_streams_and_the_status(void **state)
{
    (void)state;
    assert_int_equal(run_script("echo out; echo err >&2; exit 3", (struct xsg_proc_spec){0}), 0);
    assert_true(result.started);
    assert_int_equal(result.exit_status, 3);
    assert_int_equal(result.signal, 0);
    assert_string_equal(result.output_head, "out\nerr\n");
    assert_int_equal(result.output_total, 8);
    assert_int_equal(result.output_tail_n, 0);
    assert_int_equal(result.leftovers, 0);
    assert_true(result.wall_ns > 0);
    assert_true(result.peak_rss > 100 * 1024);
    assert_false(result.timed_out);
}

static void test_tells_a_signal_from_a_status(void **state)
{
    (void)state;
    assert_int_equal(run_script("kill -SEGV $$", (struct xsg_proc_spec){0}), 0);
    assert_int_equal(result.exit_status, -1);
    assert_int_equal(result.signal, SIGSEGV);
}

static void test_what_cannot_start_says_why(void **state)
{
    (void)state;
    const char *missing[] = {"xsgate-there-is-no-such-program", NULL};
    struct xsg_proc_spec spec = {.argv = missing, .pin_cpu = -1};
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), XSG_EFAILED);
    assert_false(result.started);
    assert_non_null(strstr(err.text, "in no folder of PATH"));

    memset(&err, 0, sizeof err);
    const char *folder[] = {"/tmp", NULL};
    spec.argv = folder;
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), XSG_EFAILED);
    assert_string_equal(err.text, "cannot start '/tmp': permission denied");

    memset(&err, 0, sizeof err);
    const char *ok[] = {"true", NULL};
    spec = (struct xsg_proc_spec){.argv = ok, .pin_cpu = -1, .cwd = "/no/such/folder"};
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "cannot change to the folder '/no/such/folder'"));
}

/* Makes an executable file with this text; returns its path. */
static const char *make_program(const char *dir, const char *name, const char *text)
{
    const char *path = xsg_path_join(&arena, dir, name);
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static void test_broken_programs_are_explained(void **state)
{
    (void)state;
    char *dir;
    assert_int_equal(xsg_temp_dir(&arena, NULL, &dir, &err), 0);
    const char *argv[] = {make_program(dir, "a", "#!/no/such/interpreter\n"), NULL};
    struct xsg_proc_spec spec = {.argv = argv, .pin_cpu = -1};
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "interpreter or loader"));

    memset(&err, 0, sizeof err);
    argv[0] = make_program(dir, "b", "just text\n");
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "neither a program"));
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_remove_tree(dir, &err), 0);
}

static void test_environment_path_and_folder(void **state)
{
    (void)state;
    char *dir;
    assert_int_equal(xsg_temp_dir(&arena, NULL, &dir, &err), 0);
    make_program(dir, "hello", "#!/bin/sh\necho \"$WORD in $(pwd)\"\n");
    char *path = xsg_printf(&arena, "PATH=/nonexistent:%s:/usr/bin:/bin", dir);
    const char *env[] = {path, "WORD=hi", NULL};
    const char *argv[] = {"hello", NULL};
    struct xsg_proc_spec spec = {
        .argv = argv, .env = env, .cwd = dir, .pin_cpu = -1, .keep_output = 1000};
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), 0);
    assert_string_equal(result.output_head, xsg_printf(&arena, "hi in %s\n", dir));
    assert_int_equal(xsg_remove_tree(dir, &err), 0);
}

static void test_stdin_is_empty(void **state)
{
    (void)state;
    assert_int_equal(run_script("cat; echo end", (struct xsg_proc_spec){0}), 0);
    assert_string_equal(result.output_head, "end\n");
}

static void test_head_and_tail_of_long_output(void **state)
{
    (void)state;
    struct xsg_proc_spec spec = {.keep_output = 10};
    assert_int_equal(run_script("printf 0123456789abcdefghijklmnopqrstuvwxyz", spec), 0);
    assert_string_equal(result.output_head, "0123456789");
    assert_string_equal(result.output_tail, "qrstuvwxyz");
    assert_int_equal(result.output_total, 36);
    /* Between one and two keeps, nothing is missing. */
    assert_int_equal(run_script("printf 0123456789abcde", spec), 0);
    assert_string_equal(result.output_head, "0123456789");
    assert_string_equal(result.output_tail, "abcde");
}

static void test_every_split_of_the_ring(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n += 3) {
        char expected[64] = "";
        struct xsg_proc_spec spec = {.keep_output = 7};
        char *script = xsg_printf(
            &arena,
            "i=0; while [ $i -lt %d ]; do printf \"\\\\$(printf %%o $((i+48)))\"; i=$((i+1)); done",
            n);
        for (int i = 0; i < n; i++)
            expected[i] = (char)(48 + i);
        assert_int_equal(run_script(script, spec), 0);
        size_t head = n < 7 ? (size_t)n : 7, tail = n <= 7 ? 0 : n < 14 ? (size_t)n - 7 : 7;
        assert_int_equal(result.output_total, n);
        assert_int_equal(result.output_head_n, head);
        assert_int_equal(result.output_tail_n, tail);
        assert_memory_equal(result.output_head, expected, head);
        assert_memory_equal(result.output_tail, expected + n - tail, tail);
    }
}

static void test_100_megabytes_are_drained(void **state)
{
    (void)state;
    size_t used = arena.used;
    int64_t start = now_ms();
    assert_int_equal(run_script("head -c 104857600 /dev/zero; printf END",
                                (struct xsg_proc_spec){.keep_output = 1000}),
                     0);
    assert_int_equal(result.output_total, 104857603);
    assert_memory_equal(result.output_tail + result.output_tail_n - 3, "END", 3);
    assert_true(arena.used - used < 100000);
    assert_true(now_ms() - start < 30000);
}

static void test_time_out_ends_politely(void **state)
{
    (void)state;
    int64_t start = now_ms();
    assert_int_equal(run_script("trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done",
                                (struct xsg_proc_spec){.timeout_s = 0.3}),
                     0);
    assert_true(result.timed_out);
    assert_int_equal(result.exit_status, 7);
    assert_non_null(strstr(result.output_head, "bye\n"));
    assert_in_range(now_ms() - start, 290, 5000);
}

static void test_time_out_kills_who_does_not_listen(void **state)
{
    (void)state;
    int64_t start = now_ms();
    assert_int_equal(run_script("trap '' TERM; while :; do sleep 10; done",
                                (struct xsg_proc_spec){.timeout_s = 0.2, .grace_s = 0.3}),
                     0);
    assert_true(result.timed_out);
    assert_int_equal(result.signal, SIGKILL);
    assert_in_range(now_ms() - start, 490, 5000);
}

static void test_a_stopped_child_is_ended_too(void **state)
{
    (void)state;
    assert_int_equal(run_script("kill -STOP $$; sleep 10",
                                (struct xsg_proc_spec){.timeout_s = 0.3, .grace_s = 5}),
                     0);
    assert_true(result.timed_out);
    assert_int_equal(result.signal, SIGTERM);
    assert_true(result.wall_ns < 4000000000);
}

static void test_grandchild_with_the_pipe_does_not_hold_us(void **state)
{
    (void)state;
    int64_t start = now_ms();
    assert_int_equal(run_script("sleep 60 & echo $!", (struct xsg_proc_spec){0}), 0);
    assert_true(now_ms() - start < 10000);
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(result.leftovers, 1);
    long pid = strtol(result.output_head, NULL, 10);
    assert_true(pid > 1);
    assert_false(is_alive(pid));
}

static void test_a_daemon_in_its_own_session_is_found(void **state)
{
    (void)state;
    const char *script =
        "setsid sh -c 'setsid sleep 60 & echo $!; sleep 60' & sleep 0.3; echo done";
    assert_int_equal(run_script(script, (struct xsg_proc_spec){0}), 0);
    assert_int_equal(result.leftovers, 3); /* the inner shell and its two sleeps */
    assert_false(is_alive(strtol(result.output_head, NULL, 10)));
}

static void test_other_children_are_left_alone(void **state)
{
    (void)state;
    pid_t mine = fork();
    if (mine == 0) {
        pause();
        _exit(0);
    }
    pid_t ended = fork();
    if (ended == 0)
        _exit(5);
    assert_int_equal(run_script("sleep 60 & exit 0", (struct xsg_proc_spec){0}), 0);
    assert_int_equal(result.leftovers, 1);
    assert_true(is_alive(mine));
    int status;
    assert_int_equal(waitpid(ended, &status, 0), ended);
    assert_int_equal(WEXITSTATUS(status), 5);
    kill(mine, SIGKILL);
    assert_int_equal(waitpid(mine, &status, 0), mine);
}

static volatile int interrupt;

static void on_alarm(int signal)
{
    interrupt = signal;
}

static void test_interrupt_stops_the_child(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm}, before;
    interrupt = 0;
    int64_t start = now_ms();
    sigaction(SIGALRM, &action, &before);
    ualarm(300000, 0);
    assert_int_equal(run_script("sleep 60", (struct xsg_proc_spec){.interrupt = &interrupt}), 0);
    sigaction(SIGALRM, &before, NULL);
    assert_true(result.interrupted);
    assert_false(result.timed_out);
    assert_int_equal(result.signal, SIGTERM);
    assert_in_range(now_ms() - start, 290, 5000);
    /* And a run that was not even begun. */
    assert_int_equal(run_script("true", (struct xsg_proc_spec){.interrupt = &interrupt}), 0);
    assert_true(result.interrupted);
    assert_false(result.started);
}

static void test_signals_are_as_a_shell_would_leave_them(void **state)
{
    (void)state;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(
        run_script("grep -E 'Sig(Blk|Ign)' /proc/self/status", (struct xsg_proc_spec){0}), 0);
    assert_string_equal(result.output_head,
                        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    signal(SIGPIPE, old);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void test_own_descriptors_do_not_leak(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* not close-on-exec, as foreign libraries leave them */
    assert_int_equal(run_script("ls /proc/self/fd | wc -l", (struct xsg_proc_spec){0}), 0);
    close(fd);
    assert_string_equal(result.output_head, "4\n"); /* 0, 1, 2 and ls's own */
}

static int
    extra[2]; /* a descriptor that the program was started with, as for "record cat <(...)" */

/* Streams, group and descriptors are the caller's; leftovers are found all the same. */
static void test_passing_through(void **state)
{
    (void)state;
    int input[2], output[2];
    assert_int_equal(pipe2(input, O_CLOEXEC) | pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(write(input[1], "typed\n", 6), 6);
    close(input[1]);
    int old_in = dup(STDIN_FILENO), old_out = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    int rc = run_script(xsg_printf(&arena,
                                   "cat; ps -o pgid= -p $$; setsid sleep 60 & "
                                   "echo through >&%d; exit 4",
                                   extra[1]),
                        (struct xsg_proc_spec){.pass_output = true});
    dup2(old_in, STDIN_FILENO);
    dup2(old_out, STDOUT_FILENO);
    assert_int_equal(rc, 0);
    assert_int_equal(result.exit_status, 4);
    assert_int_equal(result.leftovers, 1);
    assert_int_equal(result.output_total, 0);
    char text[100] = "", more[100] = "";
    assert_true(read(output[0], text, sizeof text - 1) > 6);
    assert_memory_equal(text, "typed\n", 6);
    assert_int_equal(strtol(text + 6, NULL, 10), getpgrp());
    assert_true(read(extra[0], more, sizeof more - 1) > 0);
    assert_string_equal(more, "through\n");
    for (size_t i = 0; i < 2; i++) {
        close(output[i]);
    }
    close(input[0]);
    close(old_in);
    close(old_out);
    /* And a time limit reaches it without its own group. */
    assert_int_equal(
        run_script("sleep 60", (struct xsg_proc_spec){.pass_output = true, .timeout_s = 0.2}), 0);
    assert_true(result.timed_out);
    assert_int_equal(result.signal, SIGTERM);
}

static void test_resource_usage(void **state)
{
    (void)state;
    assert_int_equal(
        run_script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", (struct xsg_proc_spec){0}),
        0);
    assert_true(result.user_ns > 1000000);
    assert_true(result.wall_ns + 20000000 >= result.user_ns / 2);
    assert_true(result.minor_faults > 0);
}

/* Two on one core: each is ready to run while the other has it. */
static void test_time_without_a_cpu(void **state)
{
    (void)state;
    const char *busy = "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done";
    struct xsg_proc_spec spec = {.pin_cpu = -1};
    assert_int_equal(run_script("sleep 0.2", spec), 0);
    if (access("/proc/self/schedstat", R_OK) != 0) {
        print_message("skipped: this kernel does not count the time without a CPU\n");
        skip();
    }
    assert_true(result.queued_ns >= 0 && result.queued_ns < result.wall_ns);
    const char *two = xsg_printf(
        &arena, "taskset -cp 0 $$ > /dev/null 2>&1 || exit 77; (%s) & %s; %s", busy, busy, busy);
    assert_int_equal(run_script(two, spec), 0);
    if (result.exit_status == 77) {
        print_message("skipped: nothing can be pinned here\n");
        skip();
    }
    assert_true(result.queued_ns > result.wall_ns / 20);
    assert_true(result.queued_ns < result.wall_ns);
}

static void test_pinning_is_a_wish(void **state)
{
    (void)state;
    cpu_set_t cpus;
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    int last = -1;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET((size_t)i, &cpus))
            last = i;
    }
    struct xsg_proc_spec spec = {.pin_cpu = last ? last : -1};
    assert_int_equal(run_script("grep Cpus_allowed_list /proc/self/status", spec), 0);
    if (last > 0)
        assert_string_equal(result.output_head,
                            xsg_printf(&arena, "Cpus_allowed_list:\t%d\n", last));
    spec.pin_cpu = 1000; /* there is none */
    assert_int_equal(run_script("true", spec), 0);
    assert_int_equal(result.exit_status, 0);
}

static void *run_in_thread(void *arg)
{
    struct xsg_arena own = XSG_ARENA_INIT;
    struct xsg_proc_result r;
    const char *argv[] = {"sh", "-c", arg, NULL};
    struct xsg_proc_spec spec = {.argv = argv, .pin_cpu = -1, .keep_output = 100};
    long rc = xsg_proc_run(&own, &spec, &r, NULL);
    if (rc == 0)
        rc = r.exit_status * 100 + r.leftovers;
    xsg_arena_release(&own);
    return (void *)rc;
}

static void test_two_at_once_do_not_mix(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char quick[] = "setsid sleep 60 & exit 1", slow[] = "sleep 0.2 & sleep 0.1; wait; exit 2";
        pthread_t a, b;
        void *from_a, *from_b;
        assert_int_equal(pthread_create(&a, NULL, run_in_thread, quick), 0);
        assert_int_equal(pthread_create(&b, NULL, run_in_thread, slow), 0);
        pthread_join(a, &from_a);
        pthread_join(b, &from_b);
        assert_int_equal((long)from_a, 101);
        assert_int_equal((long)from_b, 200);
    }
}

/* The caller dies by SIGKILL: nothing that it started stays. */
static void test_nothing_survives_the_callers_death(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t caller = fork();
    if (caller == 0) {
        setpgid(0, 0);
        char *script = xsg_printf(&arena, "setsid sleep 60 & echo $$ $! > /proc/%d/fd/%d; sleep 60",
                                  (int)getpid(), fds[1]);
        run_script(script, (struct xsg_proc_spec){0});
        _exit(0);
    }
    char text[100] = "";
    assert_true(read(fds[0], text, sizeof text - 1) > 0);
    close(fds[0]);
    close(fds[1]);
    char *end;
    long child = strtol(text, &end, 10), daemon = strtol(end, NULL, 10);
    assert_true(is_alive(child) && is_alive(daemon));
    kill(-caller, SIGKILL);
    waitpid(caller, NULL, 0);
    int64_t start = now_ms();
    while ((is_alive(child) || is_alive(daemon)) && now_ms() - start < 5000)
        usleep(10 * 1000);
    assert_false(is_alive(child));
    assert_false(is_alive(daemon));
}

static void test_a_fork_bomb_of_many_generations_ends(void **state)
{
    (void)state;
    const char *script = "f() { if [ $1 -gt 0 ]; then (setsid sh -c 'sleep 60' & f $(($1-1))) & "
                         "fi; sleep 60; }; f 15 & sleep 0.4";
    assert_int_equal(run_script(script, (struct xsg_proc_spec){0}), 0);
    assert_true(result.leftovers >= 15);
    int status;
    assert_true(waitpid(-1, &status, WNOHANG) <= 0); /* nothing of it came to us */
}

/* The kernel would charge a forked child with what its parent holds. */
static void test_the_callers_memory_does_not_count(void **state)
{
    (void)state;
    size_t n = (size_t)100 << 20;
    char *large = malloc(n);
    assert_non_null(large);
    for (size_t i = 0; i < n; i += 4096)
        ((volatile char *)large)[i] = 1;
    assert_int_equal(run_script("exit 0", (struct xsg_proc_spec){0}), 0);
    free(large);
    assert_true(result.peak_rss < (int64_t)50 << 20);
}

static void test_the_folder_follows_the_caller(void **state)
{
    (void)state;
    char *dir, *before = getcwd(NULL, 0);
    assert_non_null(before);
    assert_int_equal(xsg_temp_dir(&arena, NULL, &dir, &err), 0);
    assert_int_equal(mkdir(xsg_path_join(&arena, dir, "sub"), 0777), 0);
    make_program(dir, "hello", "#!/bin/sh\npwd\n");
    assert_int_equal(chdir(dir), 0);
    const char *argv[] = {"./hello", NULL}, *above[] = {"../hello", NULL};
    struct xsg_proc_spec spec = {.argv = argv, .pin_cpu = -1, .keep_output = 1000};
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), 0);
    assert_string_equal(result.output_head, xsg_printf(&arena, "%s\n", dir));
    spec.argv = above;
    spec.cwd = "sub";
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), 0);
    assert_string_equal(result.output_head, xsg_printf(&arena, "%s/sub\n", dir));
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_int_equal(xsg_remove_tree(dir, &err), 0);
}

static void test_large_environments_pass_through_the_helper(void **state)
{
    (void)state;
    const char *env[301];
    for (size_t i = 0; i < 300; i++)
        env[i] = xsg_printf(&arena, "V%zu=%01000zu", i, i);
    env[300] = NULL;
    assert_int_equal(
        run_script("[ ${#V299} = 1000 ] && echo $V7", (struct xsg_proc_spec){.env = env}), 0);
    assert_int_equal(result.output_total, 1001);
    assert_int_equal(strtol(result.output_head, NULL, 10), 7);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_captures_both_streams_and_the_status),
        TEST(test_tells_a_signal_from_a_status),
        TEST(test_what_cannot_start_says_why),
        TEST(test_broken_programs_are_explained),
        TEST(test_environment_path_and_folder),
        TEST(test_stdin_is_empty),
        TEST(test_head_and_tail_of_long_output),
        TEST(test_every_split_of_the_ring),
        TEST(test_100_megabytes_are_drained),
        TEST(test_time_out_ends_politely),
        TEST(test_time_out_kills_who_does_not_listen),
        TEST(test_a_stopped_child_is_ended_too),
        TEST(test_grandchild_with_the_pipe_does_not_hold_us),
        TEST(test_a_daemon_in_its_own_session_is_found),
        TEST(test_other_children_are_left_alone),
        TEST(test_interrupt_stops_the_child),
        TEST(test_signals_are_as_a_shell_would_leave_them),
        TEST(test_own_descriptors_do_not_leak),
        TEST(test_passing_through),
        TEST(test_resource_usage),
        TEST(test_time_without_a_cpu),
        TEST(test_pinning_is_a_wish),
        TEST(test_two_at_once_do_not_mix),
        TEST(test_nothing_survives_the_callers_death),
        TEST(test_a_fork_bomb_of_many_generations_ends),
    };
    if (pipe(extra) != 0)
        return 1;
    /* All of it twice: forking by itself, and through the helper. */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (xsg_proc_start_helper(&err) != 0)
        return 1;
    printf("through the helper:\n");
    const struct CMUnitTest more[] = {
        TEST(test_the_callers_memory_does_not_count),
        TEST(test_the_folder_follows_the_caller),
        TEST(test_large_environments_pass_through_the_helper),
    };
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    failed += cmocka_run_group_tests(more, NULL, NULL);
    return failed != 0;
}
