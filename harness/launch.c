#include "harness/launch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "harness/launch_failure.h"
#include "harness/target_command.h"
#include "harness/target_env.h"
#include "profiler/source/session.h"

enum { KEEP_OUTPUT = 8192, BUILD_LINES = 20, BUILD_BYTES = 3000 };

/* What could not be started or read is a failure of the target, not of ours. */
static void set_failure(struct xsg_arena *arena, struct xsg_invocation *out,
                        const struct xsg_err *err, const char *hint)
{
    out->failure = xsg_strdup(arena, err->text);
    out->hint = err->hint[0] ? xsg_strdup(arena, err->hint) : hint;
}

static void judge(struct xsg_arena *arena, const struct xsg_launch *launch,
                  const struct xsg_proc_spec *spec, const char *session, struct xsg_invocation *out)
{
    struct xsg_session_options options = {launch->root, launch->keep_addresses};
    const char *path = xsg_env_value(spec->env, "PATH");
    struct xsg_err err = {0};

    xsg_judge_process(arena, launch, out);
    if (launch->no_profile)
        return;
    /* Also of a target that failed: record shows what there is. */
    if (xsg_session_read(arena, session, &options, &out->profile, &err) != 0) {
        if (!out->failure)
            set_failure(arena, out, &err, NULL);
        return;
    }
    if (!out->failure)
        xsg_judge_profile(arena, launch,
                          xsg_target_program(arena, spec->argv[0], spec->cwd, path ? path : ""),
                          out);
}

int xsg_launch_run(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                   const struct xsg_launch *launch, struct xsg_invocation *out, struct xsg_err *err)
{
    const struct xsg_suite_target *target = launch->target;
    struct xsg_proc_spec spec = {
        .argv = launch->argv ? launch->argv : xsg_target_argv(arena, target->command),
        .cwd = target->directory ? xsg_path_join(arena, launch->root, target->directory)
                                 : launch->root,
        .timeout_s = target->timeout_s,
        .pin_cpu = launcher->pin_cpu,
        .keep_output = KEEP_OUTPUT,
        .pass_output = launch->pass_output,
        .interrupt = launcher->interrupt,
    };
    struct xsg_err start = {0};
    char *session = NULL;
    int rc = xsg_temp_dir(arena, launcher->scratch, &session, err);

    *out = (struct xsg_invocation){0};
    if (rc != 0)
        return rc;
    session = xsg_path_absolute(arena, session);
    spec.env = xsg_target_env(arena, launcher, launch, session);
    if (xsg_proc_run(arena, &spec, &out->proc, &start) != 0)
        set_failure(arena, out, &start,
                    target->directory
                        ? "paths are seen from the target's 'directory:' in the checkout"
                        : "paths are seen from the checkout's root, after its 'build:'");
    else if (out->proc.interrupted)
        rc = xsg_fail(err, XSG_EINTR, "interrupted");
    else
        judge(arena, launch, &spec, session, out);
    xsg_remove_tree(session, NULL);
    return rc;
}

/* ---- the runtime library and the build --------------------------------------------------------
 */

/* LD_PRELOAD has no way to write such a path, and the loader only warns. */
static int check_path(const char *path, struct xsg_err *err)
{
    if (!strpbrk(path, " :"))
        return 0;
    xsg_fail(err, XSG_EFAILED,
             "the runtime library's path has a blank or a colon, with which it "
             "cannot be preloaded: %s",
             path);
    return xsg_fail_hint(err, XSG_EFAILED,
                         "install xsgate elsewhere, or set XSGATE_RUNTIME to a copy or a link");
}

int xsg_launch_find_runtime(struct xsg_arena *arena, char **path, struct xsg_err *err)
{
    static const char *const places[] = {
        "../lib/xsgate/libxsgate-runtime.so",
        "../" XSG_LIBDIR "/xsgate/libxsgate-runtime.so",
    };
    const char *given = getenv("XSGATE_RUNTIME");
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (given && *given) {
        *path = xsg_path_absolute(arena, given);
        return xsg_is_file(*path) ? check_path(*path, err)
                                  : xsg_fail(err, XSG_EFAILED,
                                             "XSGATE_RUNTIME names %s, which is not there", given);
    }
    exe[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; n > 0 && i < sizeof places / sizeof places[0]; i++) {
        *path = xsg_path_absolute(arena, xsg_path_join(arena, xsg_path_dir(arena, exe), places[i]));
        if (xsg_is_file(*path))
            return check_path(*path, err);
    }
    xsg_fail(err, XSG_EFAILED, "libxsgate-runtime.so was not found beside %s",
             n > 0 ? exe : "xsgate");
    return xsg_fail_hint(err, XSG_EFAILED,
                         "install xsgate whole, or set XSGATE_RUNTIME to its path");
}

int xsg_launch_build(struct xsg_arena *arena, const struct xsg_suite *suite, const char *root,
                     volatile const int *interrupt, struct xsg_err *err)
{
    struct xsg_proc_result result = {0};
    struct xsg_proc_spec spec = {
        .argv = xsg_shell_argv(arena, "-ec", suite->build),
        .env = xsg_build_env(arena),
        .cwd = root,
        .timeout_s = suite->build_timeout_s,
        .pin_cpu = -1,
        .keep_output = KEEP_OUTPUT,
        .interrupt = interrupt,
    };
    const char *output;
    int rc = xsg_proc_run(arena, &spec, &result, err);

    if (rc != 0)
        return rc;
    if (result.interrupted)
        return xsg_fail(err, XSG_EINTR, "interrupted");
    output = xsg_output_lines(arena, &result, BUILD_LINES, BUILD_BYTES);
    if (result.timed_out) {
        xsg_fail(err, XSG_EFAILED, "the build did not end within %g s%s", suite->build_timeout_s,
                 output ? output : "");
        return xsg_fail_hint(err, XSG_EFAILED, "'build_timeout:' sets the limit");
    }
    if (result.signal)
        return xsg_fail(err, XSG_EFAILED, "the build was killed by signal %d%s", result.signal,
                        output ? output : "");
    if (result.exit_status != 0)
        return xsg_fail(err, XSG_EFAILED, "the build ended with status %d%s", result.exit_status,
                        output ? output : "");
    return 0;
}
