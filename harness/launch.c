#include "harness/launch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "harness/counts.h"
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

/* What was computed until the tick had come to the phase that was asked for. */
static void leave_phase_out(struct xsg_proc_result *proc, int64_t ns)
{
    int64_t user = ns < proc->user_ns ? ns : proc->user_ns;

    if (ns >= proc->user_ns + proc->system_ns || ns >= proc->wall_ns)
        return; /* cannot be: a descendant that nobody waited for */
    proc->wall_ns -= ns;
    proc->user_ns -= user; /* the kernel knows the sum better than its parts */
    proc->system_ns -= ns - user;
}

static void judge(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                  const struct xsg_launch *launch, const struct xsg_proc_spec *spec,
                  const char *session, struct xsg_invocation *out)
{
    struct xsg_session_options options = {
        .root = launch->root, .keep_addresses = launch->keep_addresses, .code = launcher->code};
    const char *path = xsg_env_value(spec->env, "PATH");
    struct xsg_err err = {0};

    if (!out->proc.interrupted) /* whoever ended it knows how */
        xsg_judge_process(arena, launch, out);
    if (launch->counts)
        xsg_counts_judge(arena, launch, session, out);
    if (launch->no_profile || launch->counts)
        return;
    /* Also of a target that failed: record shows what there is. */
    if (xsg_session_read(arena, session, &options, &out->profile, &err) != 0) {
        if (!out->failure)
            set_failure(arena, out, &err, NULL);
        return;
    }
    leave_phase_out(&out->proc, (int64_t)out->profile.phase_ns);
    if (!out->failure)
        xsg_judge_profile(arena, launch,
                          xsg_target_program(arena, spec->argv[0], spec->cwd, path ? path : ""),
                          out);
}

/* One invocation from its session folder to its judgement. */
struct attempt {
    struct xsg_arena *arena;
    const struct xsg_launcher *launcher;
    const struct xsg_launch *launch;
    struct xsg_proc_spec spec;
    char *session;
    struct xsg_err start; /* why it was not started */
    int rc;
    struct xsg_invocation *out;
};

static int prepare(struct attempt *a, struct xsg_arena *arena, const struct xsg_launcher *launcher,
                   const struct xsg_launch *launch, struct xsg_invocation *out, struct xsg_err *err)
{
    const struct xsg_suite_target *target = launch->target;
    int rc;

    *a = (struct attempt){.arena = arena, .launcher = launcher, .launch = launch, .out = out};
    *out = (struct xsg_invocation){0};
    a->spec = (struct xsg_proc_spec){
        .argv = launch->argv ? launch->argv : xsg_target_argv(arena, target->command),
        .cwd = target->directory ? xsg_path_join(arena, launch->root, target->directory)
                                 : launch->root,
        .timeout_s = launch->timeout_s > 0 ? launch->timeout_s : target->timeout_s,
        .pin_cpu = launcher->pin_cpu,
        .keep_output = KEEP_OUTPUT,
        .pass_output = launch->pass_output,
        .interrupt = launcher->interrupt,
    };
    rc = xsg_temp_dir(arena, launcher->scratch, &a->session, err);
    if (rc != 0)
        return rc;
    a->session = xsg_path_absolute(arena, a->session);
    a->spec.env = xsg_target_env(arena, launcher, launch, a->session);
    if (launch->counts)
        a->spec.argv = xsg_counts_argv(arena, a->spec.argv, a->session);
    return 0;
}

/* A path of the checkout that is not there, not a program of PATH. */
static bool is_absent(const struct attempt *a)
{
    const char *name = a->spec.argv[0];

    return strchr(name, '/') && name[0] != '/' &&
           !xsg_is_file(xsg_path_join(a->arena, a->spec.cwd, name));
}

static int conclude(struct attempt *a, struct xsg_err *err)
{
    const char *directory = a->launch->target->directory;
    volatile const int *interrupt = a->launcher->interrupt;

    /* A terminal's key reaches it, too: it may have ended before we looked at the request. */
    if (a->launch->pass_output && interrupt && *interrupt)
        a->out->proc.interrupted = true;
    if (a->rc != 0 && a->launch->counts)
        xsg_counts_not_started(a->arena, &a->start, a->out);
    else if (a->rc != 0)
        set_failure(a->arena, a->out, &a->start,
                    directory ? "paths are seen from the target's 'directory:' in the checkout"
                              : "paths are seen from the checkout's root, after its 'build:'");
    else if (a->out->proc.interrupted && !(a->launch->pass_output && a->out->proc.started))
        return xsg_fail(err, XSG_EINTR, "interrupted");
    else
        judge(a->arena, a->launcher, a->launch, &a->spec, a->session, a->out);
    a->out->absent = a->rc != 0 && is_absent(a);
    return 0;
}

int xsg_launch_run(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                   const struct xsg_launch *launch, struct xsg_invocation *out, struct xsg_err *err)
{
    struct attempt attempt;
    int rc = prepare(&attempt, arena, launcher, launch, out, err);

    if (rc != 0)
        return rc;
    attempt.rc = xsg_proc_run(arena, &attempt.spec, &out->proc, &attempt.start);
    rc = conclude(&attempt, err);
    xsg_remove_tree(attempt.session, NULL);
    return rc;
}

/* ---- both sides at once -----------------------------------------------------------------------
 */

struct partner {
    struct attempt attempt;
    struct partner *other;
    int cancel; /* set by the other */
};

static bool has_failed(const struct attempt *a)
{
    const struct xsg_proc_result *proc = &a->out->proc;

    return a->rc != 0 || proc->timed_out || proc->signal || proc->exit_status != 0;
}

static void *run_partner(void *arg)
{
    struct partner *p = arg;
    struct attempt *a = &p->attempt;

    a->rc = xsg_proc_run(a->arena, &a->spec, &a->out->proc, &a->start);
    close(a->spec.meet);
    if (has_failed(a))
        __atomic_store_n(&p->other->cancel, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* In a thread each; processes only, for what reads profiles is not made for threads, and would
 * disturb the one that still runs. */
static int run_partners(struct partner partners[2], struct xsg_err *err)
{
    pthread_t thread;
    int ends[2];
    int rc = xsg_proc_meeting(ends, err);

    if (rc != 0)
        return rc;
    for (int i = 0; i < 2; i++) {
        partners[i].other = &partners[!i];
        partners[i].attempt.spec.meet = ends[i];
        partners[i].attempt.spec.cancel = &partners[i].cancel;
    }
    rc = pthread_create(&thread, NULL, run_partner, &partners[1]);
    if (rc != 0) {
        close(ends[0]);
        close(ends[1]);
        return xsg_fail(err, XSG_EFAILED, "cannot start a thread: %s", xsg_system_reason(rc));
    }
    run_partner(&partners[0]);
    pthread_join(thread, NULL);
    return 0;
}

int xsg_launch_pair(struct xsg_arena *const arena[2], const struct xsg_launcher *launcher,
                    const struct xsg_launch_pair *pair, struct xsg_invocation out[2],
                    struct xsg_err *err)
{
    struct partner partners[2] = {0};
    bool shared = pair->cpu[0] >= 0 && pair->cpu[0] == pair->cpu[1];
    int rc = 0;

    for (int i = 0; rc == 0 && i < 2; i++) {
        struct xsg_proc_spec *spec = &partners[i].attempt.spec;
        rc = prepare(&partners[i].attempt, arena[i], launcher, &pair->launch[i], &out[i], err);
        spec->pin_cpu = pair->cpu[i];
        spec->timeout_s *= shared ? 2 : 1;
    }
    if (rc == 0)
        rc = run_partners(partners, err);
    for (int i = 0; rc == 0 && i < 2; i++) {
        bool ended_for_the_other = partners[i].cancel && partners[i].attempt.out->proc.interrupted;
        bool asked = launcher->interrupt && *launcher->interrupt;
        if (asked || !ended_for_the_other)
            rc = conclude(&partners[i].attempt, err);
    }
    for (int i = 0; i < 2; i++) {
        if (partners[i].attempt.session)
            xsg_remove_tree(partners[i].attempt.session, NULL);
    }
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
    return xsg_launch_build_with(arena, suite, root, NULL, interrupt, err);
}

int xsg_launch_build_with(struct xsg_arena *arena, const struct xsg_suite *suite, const char *root,
                          const char *const *env, volatile const int *interrupt,
                          struct xsg_err *err)
{
    struct xsg_proc_result result = {0};
    struct xsg_proc_spec spec = {
        .argv = xsg_shell_argv(arena, "-ec", suite->build),
        .env = xsg_build_env_with(arena, env),
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
