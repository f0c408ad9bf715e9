/* The launcher with real programs, good and bad: each failure is one sentence with a next step, and
 * nothing is left behind. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "harness/launch.h"
#include "harness/launch_failure.h"
#include "harness/machine.h"
#include "harness/target_command.h"
#include "harness/target_env.h"

static struct xsg_arena arena;
static struct xsg_err err;
static struct xsg_suite_target target;
static struct xsg_launcher launcher;
static struct xsg_launch launch;
static struct xsg_invocation out;
static char *root, *scratch;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    if (xsg_temp_dir(&arena, NULL, &root, &err) != 0 ||
        xsg_temp_dir(&arena, NULL, &scratch, &err) != 0)
        return -1;
    target = (struct xsg_suite_target){
        .name = "t", .profile = XSG_MODE_SCOPES, .timeout_s = 20, .rate_hz = 250};
    launcher = (struct xsg_launcher){.runtime = XSG_RUNTIME, .scratch = scratch, .pin_cpu = -1};
    launch = (struct xsg_launch){.target = &target, .root = root};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char **names;
    size_t n = 1;
    bool clean = xsg_list_dir(&arena, scratch, &names, &n, &err) == 0 && n == 0;
    xsg_remove_tree(root, NULL);
    xsg_remove_tree(scratch, NULL);
    xsg_arena_release(&arena);
    return clean ? 0 : -1; /* session folders are removed, whatever happened */
}

static void run(const char *command)
{
    target.command = command;
    int rc = xsg_launch_run(&arena, &launcher, &launch, &out, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_int_equal(rc, 0);
}

static void run_actor(const char *variant, const char *acts)
{
    run(xsg_printf(&arena, "%s/%s %s", XSG_ACTORS, variant, acts));
}

static void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text ? text : "(nothing)");
}

static void put(const char *name, const char *text, mode_t mode)
{
    const char *path = xsg_path_join(&arena, root, name);
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&arena, path), &err), 0);
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static const struct xsg_profile_function *find(const char *name)
{
    for (size_t i = 0; i < out.profile.n_functions; i++) {
        if (strcmp(out.profile.functions[i].function.name, name) == 0)
            return &out.profile.functions[i];
    }
    return NULL;
}

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

/* ---- environment ---- */

static bool has_line(const char *line)
{
    const char *at = strstr(out.proc.output_head, line);
    size_t n = strlen(line);
    return at && (at == out.proc.output_head || at[-1] == '\n') && at[n] == '\n';
}

static void test_what_the_target_sees(void **state)
{
    (void)state;
    static const char *const hidden[] = {"GITHUB_TOKEN", "ACTIONS_RUNTIME_URL", "CI_JOB_TOKEN",
                                         "MY_API_KEY",   "XSGATE_SESSION",      "XSGATE_CLOCK",
                                         "GIT_DIR",      "GITHUB_OUTPUT",       "SSH_AUTH_SOCK"};
    static const char *own[] = {"OWN=1", "KEPT_TOKEN=2", "HOME=/own"};
    clearenv();
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        setenv(hidden[i], "secret", 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("HOME", "/root", 1);
    setenv("TOKENS", "kept", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    target.env = own;
    target.n_env = 3;
    launch.env_padding = 5;
    run_actor("plain", "scopes 1 environment 1");
    assert_null(out.failure);
    assert_null(strstr(out.proc.output_head, "secret"));
    assert_true(has_line("PATH=/usr/bin:/bin"));
    assert_true(has_line("TOKENS=kept"));
    assert_true(has_line("LC_ALL=C.UTF-8"));
    assert_true(has_line("OWN=1"));
    assert_true(has_line("KEPT_TOKEN=2")); /* asked for by name */
    assert_true(has_line("HOME=/own"));
    assert_false(has_line("HOME=/root"));
    assert_true(has_line("XSGATE_PADDING=xxxxx"));
    assert_true(has_line("XSGATE_PROFILE=scopes,"));
}

static void test_preload_of_others_is_kept(void **state)
{
    (void)state;
    static const char *own[] = {"LD_PRELOAD=libm.so.6"};
    setenv("LD_PRELOAD", "libdl.so.2", 1);
    const char *const *env = xsg_target_env(&arena, &launcher, &launch, "/s");
    assert_string_equal(xsg_env_value(env, "LD_PRELOAD"), XSG_RUNTIME ":libdl.so.2");
    target.env = own;
    target.n_env = 1;
    env = xsg_target_env(&arena, &launcher, &launch, "/s");
    unsetenv("LD_PRELOAD");
    assert_string_equal(xsg_env_value(env, "LD_PRELOAD"), XSG_RUNTIME ":libm.so.6");
    size_t n = 0;
    for (size_t i = 0; env[i]; i++)
        n += strncmp(env[i], "LD_PRELOAD=", 11) == 0;
    assert_int_equal(n, 1);
    run_actor("plain", "scopes 1");
    assert_null(out.failure);
}

static void test_padding_moves_the_stack(void **state)
{
    (void)state;
    const char *const *a = xsg_target_env(&arena, &launcher, &launch, "/s");
    launch.env_padding = 4095;
    const char *const *b = xsg_target_env(&arena, &launcher, &launch, "/s");
    assert_int_equal(strlen(xsg_env_value(a, "XSGATE_PADDING")), 0);
    assert_int_equal(strlen(xsg_env_value(b, "XSGATE_PADDING")), 4095);
}

static void test_the_builds_environment(void **state)
{
    (void)state;
    setenv("GITHUB_TOKEN", "t", 1);
    setenv("GIT_INDEX_FILE", "i", 1);
    setenv("XSGATE_BENCH", "b", 1);
    const char *const *env = xsg_build_env(&arena);
    assert_string_equal(xsg_env_value(env, "GITHUB_TOKEN"), "t");
    assert_null(xsg_env_value(env, "GIT_INDEX_FILE"));
    assert_null(xsg_env_value(env, "XSGATE_BENCH"));
    unsetenv("GITHUB_TOKEN");
    unsetenv("GIT_INDEX_FILE");
    unsetenv("XSGATE_BENCH");
}

/* ---- words ---- */

static void test_a_shell_only_where_needed(void **state)
{
    (void)state;
    static const char *const plain[] = {"./a",           " ./a  b\tc ",     "./a --size=10 x%y",
                                        "./a a#b c~ d!", "./a {} b{c,d} e", "env A=1 ./a"};
    static const char *const shell[] = {"A=1 ./a",   "./a | b",  "./a 'b c'", "./a $HOME",
                                        "./a *.c",   "cd x",     "./a # b",   "./a ~/b",
                                        "{ ./a; }",  "! ./a",    "./a\n./b",  "exec ./a",
                                        "./a \\\"b", "./a && b", "(./a)",     "  "};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(xsg_target_argv(&arena, plain[i])[0], "/bin/sh") == 0)
            fail_msg("%s", plain[i]);
    for (size_t i = 0; i < sizeof shell / sizeof shell[0]; i++) {
        const char *const *argv = xsg_target_argv(&arena, shell[i]);
        if (strcmp(argv[0], "/bin/sh") != 0 || strcmp(argv[2], shell[i]) != 0 || argv[3])
            fail_msg("%s", shell[i]);
    }
    const char *const *argv = xsg_target_argv(&arena, plain[1]);
    assert_string_equal(argv[0], "./a");
    assert_string_equal(argv[1], "b");
    assert_string_equal(argv[2], "c");
    assert_null(argv[3]);
}

/* ---- output ---- */

static const char *lines_of(const char *head, const char *tail, uint64_t total, size_t lines,
                            size_t bytes)
{
    struct xsg_proc_result proc = {.output_head = xsg_strdup(&arena, head),
                                   .output_head_n = strlen(head),
                                   .output_tail = xsg_strdup(&arena, tail),
                                   .output_tail_n = strlen(tail),
                                   .output_total = total};
    return xsg_output_lines(&arena, &proc, lines, bytes);
}

static void test_the_last_lines(void **state)
{
    (void)state;
    assert_null(lines_of("", "", 0, 5, 100));
    assert_null(lines_of("\n\n", "", 2, 5, 100));
    assert_string_equal(lines_of("a\nb\n", "", 4, 5, 100), "\n  | a\n  | b");
    assert_string_equal(lines_of("a\nb\nc", "", 5, 2, 100), "\n  | b\n  | c");
    assert_string_equal(lines_of("a\nb", "c\nd\n", 7, 9, 100), "\n  | a\n  | bc\n  | d");
    assert_string_equal(lines_of("a\nb", "c\nd\n", 99, 9, 100), "\n  | c\n  | d"); /* a gap */
    assert_string_equal(lines_of("aaaaaaaaaa\nbbb\nccc\n", "", 19, 9, 17), "\n  | bbb\n  | ccc");
    assert_string_equal(lines_of("a\n\nb\r\n", "", 6, 9, 100), "\n  | a\n  | \n  | b");
    char *line = xsg_alloc(&arena, 5001, 1);
    memset(line, 'x', 5000);
    assert_int_equal(strlen(lines_of(line, "", 5000, 9, 100)), 5 + 400 + 3);
}

/* ---- interrupt, build, runtime ---- */

static volatile int interrupted;

static void on_alarm(int number)
{
    interrupted = number;
}

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

static int build(const char *command, double timeout)
{
    struct xsg_suite suite = {.build = command, .build_timeout_s = timeout};
    memset(&err, 0, sizeof err);
    return xsg_launch_build(&arena, &suite, root, NULL, &err);
}

static void test_build(void **state)
{
    (void)state;
    assert_int_equal(build("echo x > made\ntest -s made", 10), 0);
    assert_true(xsg_is_file(xsg_path_join(&arena, root, "made")));
    assert_int_equal(build("echo one; false; echo two", 10), XSG_EFAILED);
    assert_string_equal(err.text, "the build ended with status 1\n  | one"); /* the first ends it */
    assert_int_equal(build("sleep 30", 0.2), XSG_EFAILED);
    assert_string_equal(err.text, "the build did not end within 0.2 s");
    assert_contains(err.hint, "build_timeout:");
    assert_int_equal(build("kill -11 $$", 10), XSG_EFAILED);
    assert_string_equal(err.text, "the build was killed by signal 11");
    assert_int_equal(
        build("i=0; while [ $i -lt 3000 ]; do echo error $i; i=$((i+1)); done; exit 2", 10),
        XSG_EFAILED);
    assert_contains(err.text, "\n  | error 2980\n");
    assert_contains(err.text, "\n  | error 2999");
}

static void test_finding_the_runtime(void **state)
{
    (void)state;
    char *path;
    setenv("XSGATE_RUNTIME", XSG_RUNTIME, 1);
    assert_int_equal(xsg_launch_find_runtime(&arena, &path, &err), 0);
    assert_string_equal(path, XSG_RUNTIME);
    setenv("XSGATE_RUNTIME", "/no/such.so", 1);
    assert_int_equal(xsg_launch_find_runtime(&arena, &path, &err), XSG_EFAILED);
    assert_contains(err.text, "/no/such.so");
    memset(&err, 0, sizeof err);
    put("a b.so", "", 0644);
    setenv("XSGATE_RUNTIME", xsg_path_join(&arena, root, "a b.so"), 1);
    assert_int_equal(xsg_launch_find_runtime(&arena, &path, &err), XSG_EFAILED);
    assert_contains(err.text, "a blank or a colon");
    unsetenv("XSGATE_RUNTIME");
}

static void test_doctor_tries_the_runtime(void **state)
{
    (void)state;
    struct xsg_check *checks;
    size_t n = xsg_machine_checks(&arena, root, XSG_RUNTIME, &checks);
    assert_true(n > 0);
    assert_string_equal(checks[0].name, "runtime library");
    if (checks[0].state != XSG_CHECK_OK)
        fail_msg("%s", checks[0].finding);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_scopes),
        TEST(test_functions),
        TEST(test_samples),
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
        TEST(test_scopes_asked_none_hit),
        TEST(test_functions_asked_none_there),
        TEST(test_too_short_to_sample),
        TEST(test_losses),
        TEST(test_what_the_target_sees),
        TEST(test_preload_of_others_is_kept),
        TEST(test_padding_moves_the_stack),
        TEST(test_the_builds_environment),
        TEST(test_a_shell_only_where_needed),
        TEST(test_the_last_lines),
        TEST(test_interrupt),
        TEST(test_pair),
        TEST(test_pair_time_out),
        TEST(test_pair_with_a_failure),
        TEST(test_pair_of_which_one_is_missing),
        TEST(test_build),
        TEST(test_finding_the_runtime),
        TEST(test_doctor_tries_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
