/* What surrounds a launch: environment, command line, last lines of output, the build, and the
 * runtime library. */
#include "tests/integration/launch/launched.h"

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

/* ---- build, runtime ---- */

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
    const struct CMUnitTest tests[] = {
        TEST(test_what_the_target_sees),
        TEST(test_preload_of_others_is_kept),
        TEST(test_padding_moves_the_stack),
        TEST(test_the_builds_environment),
        TEST(test_a_shell_only_where_needed),
        TEST(test_the_last_lines),
        TEST(test_build),
        TEST(test_finding_the_runtime),
        TEST(test_doctor_tries_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
