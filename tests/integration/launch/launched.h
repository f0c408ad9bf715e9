/* What the tests of the launcher share: a target in a folder of its own, started with the runtime,
 * and what came of it. One program includes this once. */
#ifndef XSG_TESTS_LAUNCH_H
#define XSG_TESTS_LAUNCH_H

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

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void run(const char *command)
{
    target.command = command;
    int rc = xsg_launch_run(&arena, &launcher, &launch, &out, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_int_equal(rc, 0);
}

static inline void run_actor(const char *variant, const char *acts)
{
    run(xsg_printf(&arena, "%s/%s %s", XSG_ACTORS, variant, acts));
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text ? text : "(nothing)");
}

static inline void put(const char *name, const char *text, mode_t mode)
{
    const char *path = xsg_path_join(&arena, root, name);
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&arena, path), &err), 0);
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static inline const struct xsg_profile_function *find(const char *name)
{
    for (size_t i = 0; i < out.profile.n_functions; i++) {
        if (strcmp(out.profile.functions[i].function.name, name) == 0)
            return &out.profile.functions[i];
    }
    return NULL;
}

static volatile int interrupted;

static inline void on_alarm(int number)
{
    interrupted = number;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
