#include "cli/gate_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/str.h"
#include "harness/plan.h"

extern const struct xsg_embedded xsg_relink_scripts[]; /* cli/relink_ld.sh */

enum { MOST_LAYOUTS = 3, ROUNDS = 10 };

/* ---- the build's environment -------------------------------------------------------------------
 */

/* In front of a list of folders, that of our own environment. */
static const char *prepend(struct xsg_arena *arena, const char *name, const char *folder)
{
    const char *old = getenv(name);
    return xsg_printf(arena, "%s=%s%s%s", name, folder, old && *old ? ":" : "", old ? old : "");
}

static int write_wrappers(struct xsg_arena *arena, const char *folder, struct xsg_err *err)
{
    static const char *const names[] = {"ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold"};
    int rc = xsg_mkdirs(folder, err);
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof names[0]; i++) {
        const char *path = xsg_path_join(arena, folder, names[i]);
        rc = xsg_write_file(path, xsg_relink_scripts[0].data, xsg_relink_scripts[0].n, err);
        if (rc == 0 && chmod(path, 0755) != 0)
            rc = xsg_fail(err, XSG_EFAILED, "cannot make '%s' executable", path);
    }
    return rc;
}

int xsg_gate_layout_env(struct xsg_arena *arena, const char *folder, int k, const char *const **env,
                        struct xsg_err *err)
{
    struct xsg_strings list = {0};
    int rc = 0;
    *env = NULL;
    if (strchr(folder, ':'))
        return xsg_fail(err, XSG_EINVAL, "the repository's path has a colon in it");
    rc = write_wrappers(arena, folder, err);
    xsg_strings_add(arena, &list, prepend(arena, "COMPILER_PATH", folder));
    xsg_strings_add(arena, &list, prepend(arena, "PATH", folder));
    xsg_strings_add(arena, &list, xsg_printf(arena, "XSGATE_LAYOUT=%d", k));
    xsg_strings_add(arena, &list, NULL);
    *env = list.item;
    return rc;
}

/* ---- which targets -----------------------------------------------------------------------------
 */

static const struct xsg_target_run *measured(const struct xsg_gate_layout *l, const char *name)
{
    const struct xsg_run *run = &l->head->run;
    for (size_t i = 0; i < run->n_targets; i++) {
        if (strcmp(run->targets[i].name, name) == 0)
            return &run->targets[i];
    }
    return NULL;
}

/* The suite with those targets only that ask for (another) layout, measured as before; without
 * targets: nothing does. */
static struct xsg_suite wanted(const struct xsg_gate_layout *l)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_suite suite = l->project->suite;
    struct xsg_comparison comparison;
    struct xsg_err err = {0};
    bool known = xsg_compare(&scratch, &l->base->run, &l->head->run, &suite.gate, l->compare,
                             &comparison, &err) == 0;
    suite.targets = XSG_NEW_ARRAY(l->cli->arena, struct xsg_suite_target, suite.n_targets);
    suite.n_targets = 0;
    for (size_t i = 0; known && i < l->project->suite.n_targets; i++) {
        struct xsg_suite_target target = l->project->suite.targets[i];
        const struct xsg_target_run *run = measured(l, target.name);
        target.profile &= ~(unsigned)XSG_MODE_INSTRUCTIONS;
        if (!run || target.profile == 0 ||
            !xsg_compare_wants_layouts(&comparison, target.name, l->compare->n_layouts))
            continue;
        target.pairing = run->pairing;
        suite.targets[suite.n_targets++] = target;
    }
    xsg_arena_release(&scratch);
    return suite;
}

/* ---- one layout --------------------------------------------------------------------------------
 */

static int build(struct xsg_gate_layout *l, struct xsg_gate_side *side, int k)
{
    struct xsg_arena *arena = l->cli->arena;
    const char *const *env;
    const char *folder = xsg_path_join(arena, l->project->folder, "layout");
    int rc = xsg_gate_layout_env(arena, folder, k, &env, &l->cli->err);
    return rc != 0 ? rc
                   : xsg_gate_build_checkout(
                         l->cli, l->project, xsg_printf(arena, "%s+%d", side->commit.oid, k),
                         xsg_printf(arena, "%s, link order %d", side->commit.describe, k), env,
                         false, &side->root);
}

/* Rounds like the gate's, of sides[0] (base) and sides[1]. */
static int measure(struct xsg_gate_layout *l, const struct xsg_suite *suite,
                   struct xsg_gate_side sides[2], double seconds)
{
    struct xsg_launcher launcher = xsg_project_launcher(l->project);
    struct xsg_plan_options plan = xsg_gate_plan_options(l->cli, l->options);
    struct xsg_plan_side base = {sides[0].root, &sides[0].run},
                         head = {sides[1].root, &sides[1].run};
    const char *session = xsg_gate_session(l->cli);
    plan.rounds = ROUNDS;
    plan.max_time_s = seconds;
    for (int i = 0; i < 2; i++)
        xsg_gate_start(l->cli, l->project, &sides[i], session);
    return xsg_plan_run(l->cli->arena, suite, &launcher, &base, &head, &plan, &l->cli->err);
}

static int try_layout(struct xsg_gate_layout *l, const struct xsg_suite *suite, int k,
                      double seconds, struct xsg_compare_layout *out)
{
    struct xsg_gate_side *sides = XSG_NEW_ARRAY(l->cli->arena, struct xsg_gate_side, 2);
    int rc = 0;
    sides[0].commit = l->base->commit;
    sides[1].commit = l->head->commit;
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = build(l, &sides[i], k);
    if (rc == 0)
        rc = measure(l, suite, sides, seconds);
    *out = (struct xsg_compare_layout){&sides[0].run, &sides[1].run};
    return rc;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

/* Seconds of --max-time that are left; 0: no limit was set. */
static double seconds_left(const struct xsg_gate_layout *l, double used)
{
    double limit = l->options->max_time;
    return limit > 0 ? fmax(limit - used, 0.001) : 0;
}

/* Layouts of other pairs of commits: nobody comes back to them. */
static void forget_others(struct xsg_gate_layout *l)
{
    const char *const keep[] = {l->base->commit.oid, l->head->commit.oid};
    struct xsg_err err = {0};
    size_t removed = 0;
    if (xsg_git_checkout_prune_layouts(l->project->git, keep, 2, &removed, &err) != 0)
        xsg_warn("checkouts of other link orders were not removed: %s", err.text);
    else if (removed > 0)
        xsg_verbose("%zu checkouts of other link orders removed", removed);
}

/* For a cell of the report: the first line, which names the command and its status or signal. */
static const char *reason_of(struct xsg_arena *arena, const struct xsg_err *err)
{
    size_t n = strcspn(err->text, "\n");
    return n ? xsg_strndup(arena, err->text, n) : "it could not be built or run";
}

/* What is known without trying; NULL: nothing stands in the way. */
static const char *why_not(const struct xsg_gate_layout *l)
{
    if (!l->project->suite.relink)
        return "the configuration says 'relink: off'";
    if (l->head->commit.dirty)
        return "the work tree has uncommitted changes";
    return !l->project->suite.build || l->options->no_build ? "there is no build command" : NULL;
}

static bool is_over(const struct xsg_gate_layout *l, double used)
{
    return l->options->max_time > 0 && used >= l->options->max_time;
}

static int vary(struct xsg_gate_layout *l, struct xsg_suite *suite)
{
    struct xsg_compare_layout *layouts =
        XSG_NEW_ARRAY(l->cli->arena, struct xsg_compare_layout, MOST_LAYOUTS);
    bool now = l->head->root != NULL; /* else the rounds are stored ones */
    double used = now ? fmax(l->base->run.elapsed_s, l->head->run.elapsed_s) : 0;
    l->compare->layouts = layouts;
    for (int k = 1; k <= MOST_LAYOUTS && suite->n_targets > 0; k++) {
        if (is_over(l, used)) {
            l->compare->no_layouts = "the time was up";
            break;
        }
        int rc = try_layout(l, suite, k, seconds_left(l, used), &layouts[k - 1]);
        if (rc == XSG_EINTR || xsg_interrupted)
            return rc != 0 ? rc : xsg_fail(&l->cli->err, XSG_EINTR, "interrupted");
        if (rc != 0) {
            xsg_verbose("link order %d: %s", k, l->cli->err.text);
            l->compare->no_layouts = reason_of(l->cli->arena, &l->cli->err);
            l->cli->err = (struct xsg_err){0};
            break;
        }
        used += layouts[k - 1].head->elapsed_s;
        l->compare->n_layouts = (size_t)k;
        *suite = wanted(l);
    }
    return 0;
}

int xsg_gate_vary_layout(struct xsg_gate_layout *l)
{
    struct xsg_suite suite;
    int lock = -1, rc;
    if (l->options->stored)
        return 0;
    suite = wanted(l);
    if (suite.n_targets == 0)
        return 0;
    l->compare->no_layouts = why_not(l);
    if (l->compare->no_layouts)
        return 0;
    xsg_info("%s%s got slower where the machine code is the same: measuring programs that are "
             "linked in another order",
             suite.targets[0].name, suite.n_targets > 1 ? " and others" : "");
    rc = xsg_gate_lock(l->cli, l->project, &lock);
    if (rc == 0) {
        forget_others(l); /* first: these need the space */
        rc = vary(l, &suite);
    }
    xsg_unlock_file(lock);
    return rc;
}
