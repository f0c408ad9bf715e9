#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "cli/gate.h"
#include "harness/machine.h"

/* One gate at a time measures in a repository: two would disturb each other, and build in the same
 * folders. */
int xsg_gate_try_lock(struct xsg_cli *cli, const struct xsg_project *project, int *fd)
{
    const char *path = xsg_path_join(cli->arena, project->folder, "gate.lock");

    return xsg_lock_file(path, false, fd, &cli->err);
}

int xsg_gate_lock(struct xsg_cli *cli, const struct xsg_project *project, int *fd)
{
    bool said = false;

    for (;;) {
        int rc = xsg_gate_try_lock(cli, project, fd);
        if (rc != XSG_EBUSY)
            return rc;
        if (!said)
            xsg_info("another gate is measuring in this repository; waiting for it");
        said = true;
        cli->err = (struct xsg_err){0};
        xsg_system_clock.sleep_ns(xsg_system_clock.arg, 200 * 1000 * 1000);
        if (xsg_interrupted)
            return xsg_fail(&cli->err, XSG_EINTR, "interrupted while waiting for another gate");
    }
}

static const char *side_name(const struct xsg_gate_side *side)
{
    return side->work_tree && side->commit.dirty ? "the work tree" : side->commit.describe;
}

static int build_in(struct xsg_cli *cli, struct xsg_project *project, const char *root,
                    const char *oid, const char *what, const char *const *env)
{
    int rc;

    xsg_progress("building %s", what);
    rc = xsg_launch_build_with(cli->arena, &project->suite, root, env, &xsg_interrupted, &cli->err);
    if (rc != 0)
        xsg_err_prefix(&cli->err, "building %s (%.10s)", what, oid);
    return rc;
}

int xsg_gate_build_checkout(struct xsg_cli *cli, struct xsg_project *project, const char *name,
                            const char *what, const char *const *env, bool no_build, char **root)
{
    const char *line = project->suite.build;
    bool fresh = false;
    int rc = xsg_git_checkout(project->git, cli->arena, name, root, &fresh, &cli->err);
    const char *key;

    if (rc != 0)
        return rc;
    /* The path, too, is in what was built: the repository may have been moved or copied. */
    key = xsg_printf(cli->arena, "%s\n%s", *root, line ? line : "");
    key = xsg_printf(cli->arena, "%016llx", (unsigned long long)xsg_hash(key, strlen(key)));
    if (xsg_git_checkout_is_built(project->git, name, key) || !line)
        return rc;
    if (no_build) /* its programs would seem to be those of new targets */
        return xsg_fail_hint(&cli->err,
                             xsg_fail(&cli->err, XSG_EFAILED,
                                      "--no-build, but %s (%.10s) was never built here", what,
                                      name),
                             "run once without --no-build; the checkout is then kept");
    rc = build_in(cli, project, *root, name, what, env);
    return rc != 0 ? rc : xsg_git_checkout_built(project->git, name, key, &cli->err);
}

int xsg_gate_build(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *side,
                   bool no_build)
{
    int rc = 0;

    if (side->work_tree) {
        side->root = xsg_strdup(cli->arena, xsg_git_root(project->git));
        if (project->suite.build && !no_build)
            rc = build_in(cli, project, side->root, side->commit.oid, side_name(side), NULL);
    } else {
        rc = xsg_gate_build_checkout(cli, project, side->commit.oid, side_name(side), NULL,
                                     no_build, &side->root);
    }
    return rc;
}

void xsg_gate_start(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *side,
                    const char *session)
{
    side->run.session = session;
    side->run.created = xsg_system_clock.realtime_s(xsg_system_clock.arg);
    side->run.commit = side->commit;
    side->run.suite_hash = project->suite.hash;
    xsg_machine_environment(cli->arena, &side->run.environment);
}

const char *xsg_gate_session(struct xsg_cli *cli)
{
    return xsg_printf(cli->arena, "%016llx", (unsigned long long)xsg_rng_seed_from_system());
}
