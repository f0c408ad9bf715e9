#include "harness/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/opt.h"
#include "base/str.h"
#include "harness/target_env.h"
#include "profiler/source/session.h"

#define KEEP_OUTPUT 4096
#define SHOWN_LINES 12

/* Words of a command that needs no shell; NULL when it does. Quotes and escapes need one. */
static const char *const *split_words(struct xsg_arena *arena, const char *command)
{
    struct xsg_strings words = {0};
    const char *p = command;

    if (strpbrk(command, "|&;<>()$`\\\"'*?[]#~=%!{}\n"))
        return NULL;
    while (*(p += strspn(p, " \t"))) {
        size_t n = strcspn(p, " \t");
        xsg_strings_add(arena, &words, xsg_strndup(arena, p, n));
        p += n;
    }
    if (words.n == 0)
        return NULL;
    xsg_strings_add(arena, &words, NULL);
    return words.item;
}

static const char *const *shell_words(struct xsg_arena *arena, const char *command)
{
    const char **argv = XSG_NEW_ARRAY(arena, const char *, 4);

    argv[0] = "/bin/sh";
    argv[1] = "-c";
    argv[2] = command;
    return argv;
}

/* The last lines of what the child wrote, made printable, each indented. */
static const char *shown_output(struct xsg_arena *arena, const struct xsg_proc_result *proc)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *text = proc->output_tail_n ? proc->output_tail : proc->output_head;
    size_t n = proc->output_tail_n ? proc->output_tail_n : proc->output_head_n;
    size_t start = n, lines = 0;
    const char *result;

    while (start > 0 && lines < SHOWN_LINES) {
        if (text[start - 1] == '\n' && start < n && ++lines == SHOWN_LINES)
            break;
        start--;
    }
    if (n == 0)
        return "";
    for (size_t i = start; i < n;) {
        size_t len = 0;
        while (i + len < n && text[i + len] != '\n')
            len++;
        xsg_buf_puts(&out, "\n  | ");
        xsg_put_printable(&out, text + i, len);
        i += len + 1;
    }
    result = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return result;
}

/* -- why an invocation cannot be judged ----------------------------------------------------------
 */

static bool judge_process(struct xsg_arena *arena, const struct xsg_launch *launch,
                          struct xsg_invocation *out)
{
    const struct xsg_proc_result *proc = &out->proc;

    if (proc->timed_out)
        out->failure = xsg_printf(arena, "did not end within %g s%s", launch->target->timeout_s,
                                  shown_output(arena, proc));
    else if (proc->signal)
        out->failure = xsg_printf(arena, "was killed by signal %d (%s)%s", proc->signal,
                                  strsignal(proc->signal), shown_output(arena, proc));
    else if (proc->exit_status != 0)
        out->failure = xsg_printf(arena, "ended with status %d%s", proc->exit_status,
                                  shown_output(arena, proc));
    if (proc->timed_out)
        out->hint = "raise the target's 'timeout:' or give it less to do";
    return out->failure != NULL;
}

static void judge_profile(struct xsg_arena *arena, const struct xsg_launch *launch,
                          struct xsg_invocation *out)
{
    const struct xsg_profile *profile = &out->profile;
    unsigned asked = launch->target->profile;

    if (profile->n_processes == 0) {
        out->failure = "the profiler did not attach to any process";
        out->hint = "a static or set-uid program cannot be preloaded: link xsgate::runtime into it";
    } else if ((asked & XSG_MODE_SCOPES) && !(profile->kinds & XSG_PROFILE_SCOPE)) {
        out->failure = "no scope was entered";
        out->hint = "mark code with XSG_SCOPE of <xsgate/profile.h>, or use 'profile: [sample]'";
    } else if ((asked & XSG_MODE_FUNCTIONS) && !(profile->kinds & XSG_PROFILE_FUNCTION)) {
        out->failure = "no instrumented function was entered";
        out->hint = "build it with -finstrument-functions, or use 'profile: [sample]'";
    } else if ((asked & XSG_MODE_SAMPLE) && !(profile->kinds & XSG_PROFILE_SAMPLE)) {
        out->failure = xsg_printf(arena, "no sample was taken in %.1f ms of CPU time",
                                  (double)(out->proc.user_ns + out->proc.system_ns) / 1e6);
        out->hint = "give the target more to do: 100 ms of CPU time and more per invocation";
    }
}

static const char *mode_failure(struct xsg_err *err, struct xsg_arena *arena, const char **hint)
{
    *hint = err->hint[0] ? xsg_strdup(arena, err->hint) : NULL;
    return xsg_strdup(arena, err->text);
}

int xsg_launch_run(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                   const struct xsg_launch *launch, struct xsg_invocation *out, struct xsg_err *err)
{
    const struct xsg_suite_target *target = launch->target;
    const char *const *argv = launch->argv ? launch->argv : split_words(arena, target->command);
    struct xsg_session_options options = {launch->root, launch->keep_addresses};
    struct xsg_err inner = {0};
    char *session = NULL;
    int rc = xsg_temp_dir(arena, launcher->scratch, &session, err);
    struct xsg_proc_spec spec = {
        .argv = argv ? argv : shell_words(arena, target->command),
        .cwd = target->directory ? xsg_path_join(arena, launch->root, target->directory)
                                 : launch->root,
        .timeout_s = target->timeout_s,
        .pin_cpu = launcher->pin_cpu,
        .keep_output = KEEP_OUTPUT,
        .pass_output = launch->pass_output,
        .interrupt = launcher->interrupt,
    };

    *out = (struct xsg_invocation){0};
    if (rc != 0)
        return rc;
    session = xsg_path_absolute(arena, session);
    spec.env = xsg_target_env(arena, launcher, launch, session);
    if (xsg_proc_run(arena, &spec, &out->proc, &inner) != 0) {
        out->failure = mode_failure(&inner, arena, &out->hint);
        goto out;
    }
    if (out->proc.interrupted) {
        rc = xsg_fail(err, XSG_EINTR, "interrupted");
        goto out;
    }
    if (!launch->no_profile &&
        xsg_session_read(arena, session, &options, &out->profile, &inner) != 0 && !out->failure)
        out->failure = mode_failure(&inner, arena, &out->hint);
    if (!judge_process(arena, launch, out) && !out->failure && !launch->no_profile)
        judge_profile(arena, launch, out);
out:
    xsg_remove_tree(session, NULL);
    return rc;
}

/* -- the runtime library and the build -----------------------------------------------------------
 */

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
        return xsg_is_file(*path) ? 0
                                  : xsg_fail(err, XSG_EFAILED,
                                             "XSGATE_RUNTIME names %s, which is not there", given);
    }
    exe[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; n > 0 && i < sizeof places / sizeof places[0]; i++) {
        *path = xsg_path_absolute(arena, xsg_path_join(arena, xsg_path_dir(arena, exe), places[i]));
        if (xsg_is_file(*path))
            return 0;
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
        .argv = shell_words(arena, suite->build),
        .env = xsg_build_env(arena),
        .cwd = root,
        .timeout_s = suite->build_timeout_s,
        .pin_cpu = -1,
        .keep_output = KEEP_OUTPUT,
        .interrupt = interrupt,
    };
    int rc = xsg_proc_run(arena, &spec, &result, err);

    if (rc != 0)
        return rc;
    if (result.interrupted)
        return xsg_fail(err, XSG_EINTR, "interrupted");
    if (result.timed_out)
        return xsg_fail(err, XSG_EFAILED, "the build did not end within %g s%s",
                        suite->build_timeout_s, shown_output(arena, &result));
    if (result.exit_status != 0)
        return xsg_fail(err, XSG_EFAILED, "the build ended with status %d%s", result.exit_status,
                        shown_output(arena, &result));
    return 0;
}
