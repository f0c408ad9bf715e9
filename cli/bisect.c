#include "cli/bisect.h"

#include <math.h>
#include <string.h>

#include "base/change.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "compare/compare.h"
#include "harness/plan.h"

/* A commit beside GOOD, while it is measured. */
struct step {
    struct xsg_bisect *bisect;
    struct xsg_gate_side base, head;
    struct xsg_comparison comparison; /* of the last look */
    struct xsg_compare_options compare;
    size_t rounds;
    bool searching; /* BAD itself: what is slower is not known yet */
};

/* Every commit is compared with GOOD, so the name in GOOD stays while later commits rename. Until
 * it is known, the user's name is taken as that of either side. */
static bool is_followed(const struct xsg_bisect *b, const struct xsg_delta *d)
{
    if (!b->function || !d->function.name)
        return !b->function && !d->function.name;
    const char *in_good = d->matched ? d->matched : d->function.name;
    if (b->in_good)
        return strcmp(in_good, b->in_good) == 0;
    return strcmp(d->function.name, b->function) == 0 || strcmp(in_good, b->function) == 0;
}

static const struct xsg_delta *find(const struct xsg_bisect *b, const struct xsg_comparison *c)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (is_followed(b, d) && (!b->target || strcmp(d->target, b->target) == 0) &&
            (!b->metric || strcmp(d->metric, b->metric) == 0))
            return d;
    }
    return NULL;
}

static bool is_one_sided(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_ADDED || d->verdict == XSG_DELTA_REMOVED;
}

/* The geometric middle between GOOD's level and BAD's. */
static double half_way(const struct xsg_bisect *b)
{
    return sqrt(b->ratio);
}

static bool is_known(const struct step *step)
{
    const struct xsg_bisect *b = step->bisect;
    const struct xsg_delta *d = find(b, &step->comparison);
    if (d && is_one_sided(d))
        return true; /* more rounds will not bring the other side */
    if (!d || isnan(d->ratio))
        return false;
    if (step->searching)
        return d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_UNCHANGED ||
               d->verdict == XSG_DELTA_IMPROVED;
    return d->low > half_way(b) || d->high < half_way(b);
}

static int compare_now(struct step *step)
{
    struct xsg_bisect *b = step->bisect;
    return xsg_compare(b->cli->arena, &step->base.run, &step->head.run, &b->project->suite.gate,
                       &step->compare, &step->comparison, &b->cli->err);
}

static void on_look(void *arg, const struct xsg_plan_look *look, enum xsg_plan_decision *decision)
{
    struct step *step = arg;
    const struct xsg_run *run = &step->head.run;
    step->compare.look = look->index;
    step->compare.n_looks = look->n_looks;
    step->rounds = look->rounds;
    if (compare_now(step) != 0)
        return;
    for (size_t i = 0; i < run->n_targets; i++) {
        bool enough = step->searching && !step->bisect->function
                          ? xsg_compare_decided(&step->comparison, run->targets[i].name)
                          : is_known(step);
        if (enough)
            decision[i] = XSG_PLAN_STOP;
    }
}

static void on_progress(void *arg, const char *line)
{
    const struct step *step = arg;
    xsg_progress("%.10s: %s", step->head.commit.oid, line);
}

static int build(struct xsg_bisect *b, struct xsg_gate_side *side, size_t commit)
{
    side->commit = b->commits.item[commit];
    side->commit.describe = xsg_printf(b->cli->arena, "%.10s", side->commit.oid);
    return xsg_gate_build(b->cli, b->project, side, false);
}

static int measure(struct step *step)
{
    struct xsg_bisect *b = step->bisect;
    struct xsg_launcher launcher = xsg_project_launcher(b->project);
    struct xsg_plan_options plan = {.seed = xsg_rng_seed_from_system(),
                                    .progress = on_progress,
                                    .look = on_look,
                                    .arg = step,
                                    .max_time_s = b->options->max_time,
                                    .clock = &xsg_system_clock};
    struct xsg_plan_side base = {step->base.root, &step->base.run};
    struct xsg_plan_side head = {step->head.root, &step->head.run};
    const char *session = xsg_gate_session(b->cli);
    int64_t start = xsg_system_clock.monotonic_ns(xsg_system_clock.arg);
    xsg_gate_start(b->cli, b->project, &step->base, session);
    xsg_gate_start(b->cli, b->project, &step->head, session);
    int rc = xsg_plan_run(b->cli->arena, &b->project->suite, &launcher, &base, &head, &plan,
                          &b->cli->err);
    b->seconds += (double)(xsg_system_clock.monotonic_ns(xsg_system_clock.arg) - start) / 1e9;
    b->comparisons++;
    if (rc == 0)
        rc = compare_now(step);
    b->rounds += step->comparison.rounds;
    return rc;
}

/* ---- BAD --------------------------------------------------------------------------------------
 */

/* The worst function, else the target. */
static const struct xsg_delta *worst(const struct xsg_comparison *c)
{
    const struct xsg_delta *found = NULL;
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->verdict == XSG_DELTA_REGRESSED && d->counts && d->ratio > 1 &&
            (!found || (!found->function.name && d->function.name)))
            found = d;
    }
    return found;
}

/* There is nothing to compare the function with. */
static int one_sided(struct xsg_bisect *b, const struct xsg_delta *d)
{
    xsg_fail(&b->cli->err, XSG_EFAILED,
             d->verdict == XSG_DELTA_ADDED ? "function %s is new since GOOD%s%s"
                                           : "function %s is not in BAD any more%s%s",
             d->function.name, d->moved ? "; " : "", d->moved ? d->moved : "");
    return xsg_fail_hint(&b->cli->err, XSG_EFAILED,
                         "without --function the target as a whole can be followed");
}

static int not_slower(struct xsg_bisect *b, const struct xsg_comparison *c)
{
    const struct xsg_delta *d = find(b, c);
    char low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];
    if (!d && c->n_deltas > 0 && c->deltas[0].verdict == XSG_DELTA_INVALID)
        d = &c->deltas[0]; /* the worst: why nothing is known of the function */
    if (!d)
        return xsg_fail(&b->cli->err, XSG_EFAILED, "nothing of %s was measured",
                        b->function ? b->function : "the target");
    if (d->verdict == XSG_DELTA_INVALID)
        return xsg_fail(&b->cli->err, XSG_EFAILED, "target %s: %s", d->target, d->cause);
    if (is_one_sided(d))
        return one_sided(b, d);
    xsg_format_change(low, d->low);
    xsg_format_change(high, d->high);
    xsg_fail(&b->cli->err, XSG_EFAILED, "BAD is not slower than GOOD%s%s: %s to %s in %zu rounds",
             b->function ? " in " : "", b->function ? b->function : "", low, high, c->rounds);
    return xsg_fail_hint(&b->cli->err, XSG_EFAILED,
                         "a smaller --threshold looks closer; --function names what to follow");
}

int xsg_bisect_begin(struct xsg_bisect *b, const char *target, const char *function)
{
    struct step step = {.bisect = b, .searching = true};
    b->target = target;
    b->function = function;
    b->bad = b->commits.n - 1;
    b->good_ratio = 1;
    b->skipped = XSG_NEW_ARRAY(b->cli->arena, bool, b->commits.n);
    int rc = build(b, &step.base, 0);
    if (rc == 0)
        rc = build(b, &step.head, b->bad);
    if (rc == 0)
        rc = measure(&step);
    if (rc != 0)
        return rc;
    const struct xsg_delta *d = function ? find(b, &step.comparison) : worst(&step.comparison);
    if (!d || d->verdict != XSG_DELTA_REGRESSED || !(d->ratio > 1))
        return not_slower(b, &step.comparison);
    b->target = d->target;
    b->function = d->function.name;
    b->in_good = d->matched ? d->matched : d->function.name;
    b->metric = d->metric;
    b->ratio = b->bad_ratio = d->ratio;
    return xsg_suite_select(b->cli->arena, &b->project->suite, &b->target, 1, &b->cli->err);
}

/* ---- between ---------------------------------------------------------------------------------
 */

/* The commit nearest to the middle that was not skipped. */
static size_t next_commit(const struct xsg_bisect *b)
{
    size_t middle = b->good + (b->bad - b->good) / 2;
    for (size_t off = 0; off <= b->bad - b->good; off++) {
        if (middle + off < b->bad && middle + off > b->good && !b->skipped[middle + off])
            return middle + off;
        if (middle > b->good + off && !b->skipped[middle - off])
            return middle - off;
    }
    return b->good;
}

static void skip(struct xsg_bisect *b, size_t commit, const char *why)
{
    b->skipped[commit] = true;
    xsg_progress_clear();
    xsg_info("%.10s  skipped: %s", b->commits.item[commit].oid, why);
    b->cli->err = (struct xsg_err){0};
}

static void take(struct xsg_bisect *b, size_t commit, const struct step *step,
                 const struct xsg_delta *d)
{
    char size[XSG_CHANGE_SIZE];
    bool slow = d->ratio > half_way(b), known = is_known(step);
    b->unsure |= !known;
    if (slow) {
        b->bad = commit;
        b->bad_ratio = d->ratio;
    } else {
        b->good = commit;
        b->good_ratio = d->ratio;
    }
    xsg_format_change(size, d->ratio);
    xsg_progress_clear();
    xsg_info("%.10s  %-4s  %s%s, %zu rounds; %zu commit%s left", b->commits.item[commit].oid,
             slow ? "slow" : "fast", size, known ? "" : " (unsure)", step->comparison.rounds,
             b->bad - b->good - 1, b->bad - b->good == 2 ? "" : "s");
}

int xsg_bisect_step(struct xsg_bisect *b, bool *done)
{
    struct step step = {.bisect = b};
    size_t commit = next_commit(b);
    *done = commit == b->good;
    if (*done)
        return 0;
    int rc = build(b, &step.head, commit);
    if (rc == XSG_EFAILED && !xsg_interrupted) {
        b->builds_failed++;
        skip(b, commit, "it does not build");
        return 0;
    }
    if (rc == 0)
        rc = build(b, &step.base, 0);
    if (rc == 0)
        rc = measure(&step);
    if (rc != 0)
        return rc;
    const struct xsg_delta *d = find(b, &step.comparison);
    if (d && d->verdict == XSG_DELTA_INVALID)
        skip(b, commit, d->cause ? d->cause : "it does not run");
    else if (!d || isnan(d->ratio))
        skip(b, commit, b->function ? "the function is not in it" : "it gave no numbers");
    else
        take(b, commit, &step, d);
    return 0;
}
