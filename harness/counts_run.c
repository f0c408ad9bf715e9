/* The counted runs of a plan. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"
#include "base/opt.h"
#include "harness/counts.h"
#include "harness/machine.h"

enum { BASE = XSG_PLAN_BASE, HEAD = XSG_PLAN_HEAD, SIDES = XSG_PLAN_SIDES };

/* More than this from run to run, and counts are no longer exact (compare/effect.h). */
#define EXACT_SPREAD 5e-4

/* ---- what is asked for ------------------------------------------------------------------------
 */

static bool needs_rounds(const char *const *metrics, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct xsg_metric *metric = xsg_metric_find(metrics[i]);
        if (!metric || !metric->counted)
            return true;
    }
    return n == 0; /* then it is time */
}

bool xsg_counts_need_rounds(const struct xsg_suite *suite, const struct xsg_suite_target *target)
{
    const struct xsg_gate *gate = &suite->gate;

    if (target->profile & ~(unsigned)XSG_MODE_INSTRUCTIONS)
        return true;
    for (size_t i = 0; i < gate->n_own_metrics; i++) {
        if (strcmp(gate->own_metrics[i].target, target->name) == 0)
            return needs_rounds(gate->own_metrics[i].metrics, gate->own_metrics[i].n_metrics);
    }
    return needs_rounds(gate->metrics, gate->n_metrics);
}

/* ---- one run ----------------------------------------------------------------------------------
 */

static double elapsed_s(const struct xsg_counts_plan *plan)
{
    const struct xsg_clock *clock = plan->options->clock;

    return (double)(clock->monotonic_ns(clock->arg) - plan->start_ns) / 1e9;
}

/* Bodies of XSG_BENCH run once without the runtime: the same on both sides, and no more than a
 * program under callgrind can bear. */
static struct xsg_launch launch_of(const struct xsg_counts_plan *plan,
                                   const struct xsg_plan_target *target, int side)
{
    double limit = target->suite->timeout_s * XSG_COUNTS_SLOWER;

    if (plan->options->max_time_s > 0)
        limit = fmin(limit, fmax(1, plan->options->max_time_s - elapsed_s(plan)));
    return (struct xsg_launch){.target = target->suite,
                               .root = plan->side[side]->root,
                               .no_profile = true,
                               .counts = true,
                               .timeout_s = limit};
}

static int run_one(const struct xsg_counts_plan *plan, const struct xsg_plan_target *target,
                   int side, struct xsg_arena *arena, struct xsg_invocation *out,
                   struct xsg_err *err)
{
    const struct xsg_launcher *launcher = plan->launcher;
    struct xsg_launch what = launch_of(plan, target, side);

    if (launcher->interrupt && *launcher->interrupt)
        return xsg_fail(err, XSG_EINTR, "interrupted");
    return launcher->invoke(arena, launcher, &what, out, err);
}

/* Both sides at once: counting takes long, and load changes no count. */
static int run_both(const struct xsg_counts_plan *plan, const struct xsg_plan_target *target,
                    struct xsg_arena arena[SIDES], struct xsg_invocation out[SIDES],
                    struct xsg_err *err)
{
    const struct xsg_launcher *launcher = plan->launcher;
    struct xsg_arena *const arenas[SIDES] = {&arena[BASE], &arena[HEAD]};
    struct xsg_launch_pair pair = {
        .launch = {launch_of(plan, target, BASE), launch_of(plan, target, HEAD)}, .cpu = {-1, -1}};

    if (launcher->interrupt && *launcher->interrupt)
        return xsg_fail(err, XSG_EINTR, "interrupted");
    return launcher->invoke_pair(arenas, launcher, &pair, out, err);
}

/* A target that cannot stand beside itself (a fixed port, a file) may do well alone. */
static int run_sides(const struct xsg_counts_plan *plan, const struct xsg_plan_target *target,
                     bool *at_once, struct xsg_arena arena[SIDES], struct xsg_invocation out[SIDES],
                     struct xsg_err *err)
{
    int rc = 0;

    if (*at_once) {
        rc = run_both(plan, target, arena, out, err);
        if (rc != 0 || (!out[BASE].failure && !out[HEAD].failure))
            return rc;
        *at_once = false;
    }
    for (int side = plan->side[BASE] ? BASE : HEAD; rc == 0 && side < SIDES; side++)
        rc = run_one(plan, target, side, &arena[side], &out[side], err);
    return rc;
}

/* ---- a target ---------------------------------------------------------------------------------
 */

static void warn(const struct xsg_counts_plan *plan, struct xsg_plan_part *part, const char *text)
{
    xsg_strings_add(plan->arena, &part->count_notes, xsg_strdup(plan->arena, text));
}

static const char *describe(const struct xsg_counts_plan *plan, const struct xsg_invocation *run)
{
    return xsg_printf(plan->arena, "%s%s%s%s", run->failure, run->hint ? "; " : "",
                      run->hint ? run->hint : "", run->output ? run->output : "");
}

/* Without rounds there is nothing else to judge it by. */
static void give_up(const struct xsg_counts_plan *plan, struct xsg_plan_target *target, int side,
                    const char *why)
{
    struct xsg_plan_part *part = &target->part[side];

    if (!xsg_counts_need_rounds(plan->suite, target->suite))
        part->invalid = why;
    else
        warn(plan, part, xsg_printf(plan->arena, "instructions were not counted: %s", why));
}

/* A target's counted runs until all are done: two that agree would prove too little. */
struct runs {
    struct xsg_arena arena[SIDES];
    struct xsg_counts counts[XSG_COUNTS_RUNS][SIDES];
    size_t n;
    bool at_once;
    double longest; /* seconds */
};

/* False: a side failed. */
static bool keep(const struct xsg_counts_plan *plan, struct xsg_plan_target *target,
                 struct runs *runs, const struct xsg_invocation *run)
{
    bool whole = true;

    for (int side = plan->side[BASE] ? BASE : HEAD; side < SIDES; side++) {
        if (run[side].failure)
            give_up(plan, target, side, describe(plan, &run[side]));
        whole = whole && !run[side].failure;
        runs->counts[runs->n][side] = run[side].counts;
    }
    runs->n += whole;
    return whole;
}

static void note_spread(const struct xsg_counts_plan *plan, struct xsg_plan_part *part,
                        const struct runs *runs, int side)
{
    double low = runs->counts[0][side].instructions, high = low;

    for (size_t i = 1; i < runs->n; i++) {
        low = fmin(low, runs->counts[i][side].instructions);
        high = fmax(high, runs->counts[i][side].instructions);
    }
    if (high - low > EXACT_SPREAD * high)
        warn(plan, part,
             xsg_printf(plan->arena,
                        "it is not deterministic: its number of instructions spreads by %.2g %% "
                        "from run to run (hash seeds, threads, time), so that it is judged by an "
                        "interval, not exactly",
                        (high - low) / high * 100));
}

static void collect(const struct xsg_counts_plan *plan, struct xsg_plan_target *target,
                    const struct runs *runs)
{
    for (int side = plan->side[BASE] ? BASE : HEAD; side < SIDES; side++) {
        struct xsg_plan_part *part = &target->part[side];
        const struct xsg_counts *last = &runs->counts[runs->n - 1][side];
        for (size_t i = 0; i < runs->n; i++)
            xsg_collect_counts(part->collect, i, &runs->counts[i][side]);
        note_spread(plan, part, runs, side);
        for (size_t i = 0; i < last->n_notes; i++)
            warn(plan, part, last->notes[i]);
    }
    target->counted = runs->n;
}

static bool out_of_time(const struct xsg_counts_plan *plan, double seconds)
{
    double limit = plan->options->max_time_s;

    return limit > 0 && elapsed_s(plan) + seconds > limit;
}

static void report_progress(const struct xsg_counts_plan *plan,
                            const struct xsg_plan_target *target, size_t done)
{
    char line[256];

    if (!plan->options->progress)
        return;
    snprintf(line, sizeof line, "%s: counting instructions, run %zu of %d", target->suite->name,
             done + 1, XSG_COUNTS_RUNS);
    plan->options->progress(plan->options->arg, line);
}

static int count_once(const struct xsg_counts_plan *plan, struct xsg_plan_target *target,
                      struct runs *runs, bool *whole, struct xsg_err *err)
{
    struct xsg_invocation run[SIDES] = {0};
    double start = elapsed_s(plan);
    int rc;

    report_progress(plan, target, runs->n);
    rc = run_sides(plan, target, &runs->at_once, runs->arena, run, err);
    if (rc == 0)
        *whole = keep(plan, target, runs, run);
    runs->longest = fmax(runs->longest, elapsed_s(plan) - start);
    return rc;
}

static int count_target(const struct xsg_counts_plan *plan, struct xsg_plan_target *target,
                        struct xsg_err *err)
{
    struct runs runs = {.n = 0};
    bool whole = true;
    int cpus[2], rc = 0;

    runs.at_once =
        plan->side[BASE] && plan->launcher->invoke_pair && xsg_machine_pick_cpus(cpus) > 0;
    while (rc == 0 && whole && runs.n < XSG_COUNTS_RUNS && !out_of_time(plan, runs.longest))
        rc = count_once(plan, target, &runs, &whole, err);
    if (rc == 0 && runs.n == XSG_COUNTS_RUNS)
        collect(plan, target, &runs);
    else if (rc == 0 && whole)
        give_up(plan, target, HEAD,
                xsg_printf(plan->arena, "the time was up after %zu of %d counted runs", runs.n,
                           XSG_COUNTS_RUNS));
    for (int side = 0; side < SIDES; side++)
        xsg_arena_release(&runs.arena[side]);
    return rc;
}

int xsg_counts_run(const struct xsg_counts_plan *plan, struct xsg_plan_target *targets, size_t n,
                   struct xsg_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct xsg_plan_target *target = &targets[i];
        if (!target->open || !(target->suite->profile & XSG_MODE_INSTRUCTIONS))
            continue;
        rc = count_target(plan, target, err);
        if (!xsg_counts_need_rounds(plan->suite, target->suite))
            target->open = false;
    }
    return rc;
}
