#include "harness/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "harness/counts.h"
#include "harness/machine.h"
#include "harness/plan_parts.h"

/* One control pair in the middle of every so many rounds. */
#define CONTROL_EVERY 10
/* A target that uses more CPU time than this share of the elapsed time works in parallel. */
#define PARALLEL_ABOVE 1.1

static const size_t look_rounds[] = {XSG_PLAN_FIRST_LOOK,      2 * XSG_PLAN_FIRST_LOOK,
                                     4 * XSG_PLAN_FIRST_LOOK,  8 * XSG_PLAN_FIRST_LOOK,
                                     16 * XSG_PLAN_FIRST_LOOK, 32 * XSG_PLAN_FIRST_LOOK};

enum { BASE = XSG_PLAN_BASE, HEAD = XSG_PLAN_HEAD, SIDES = XSG_PLAN_SIDES };

static int64_t now_ns(const struct xsg_plan *plan)
{
    return plan->options->clock->monotonic_ns(plan->options->clock->arg);
}

double xsg_plan_elapsed_s(const struct xsg_plan *plan)
{
    return (double)(now_ns(plan) - plan->start_ns) / 1e9;
}

void xsg_plan_say(struct xsg_plan *plan, const struct xsg_plan_target *target, const char *what)
{
    if (plan->options->progress)
        plan->options->progress(plan->options->arg,
                                xsg_printf(plan->arena, "%s: %s", target->suite->name, what));
}

/* ---- before the first round -------------------------------------------------------------------
 */

/* "name=count;..." of the XSG_BENCH blocks seen: base and head shall do equal work. */
static const char *bench_counts(struct xsg_arena *arena, const struct xsg_profile *profile)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *result;

    for (size_t i = 0; i < profile->n_benches; i++) {
        const struct xsg_profile_bench *bench = &profile->benches[i];
        if (strchr(bench->name, ';'))
            continue; /* cannot be written down: it runs once on both sides */
        xsg_buf_printf(&out, "%s%s=%llu", out.len ? ";" : "", bench->name,
                       (unsigned long long)bench->iterations);
    }
    result = out.len ? xsg_strdup(arena, xsg_buf_str(&out)) : NULL;
    xsg_buf_release(&out);
    return result;
}

/* One thread of execution: a single process, or a shell and the program that it waits for. */
static bool is_serial(const struct xsg_invocation *run)
{
    const struct xsg_profile *profile = &run->profile;
    double cpu = (double)(run->proc.user_ns + run->proc.system_ns);

    return profile->n_processes > 0 && profile->n_processes <= 2 &&
           profile->n_threads <= profile->n_processes &&
           cpu <= PARALLEL_ABOVE * (double)run->proc.wall_ns;
}

/* The very first invocation says how often benches repeat, and whether pinning would hurt. */
static int calibrate(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_invocation run;
    int rc;

    target->bench = "calibrate:200ms";
    rc = xsg_plan_launch(plan, target, plan->first, NULL, &scratch, &run);
    target->bench = NULL;
    if (rc == 0 && !run.failure) {
        target->part[plan->first].binary = run.profile.binary;
        target->bench = bench_counts(plan->arena, &run.profile);
        target->serial = is_serial(&run);
        target->waits = xsg_plan_waits(&run);
        target->alone_s = (double)run.proc.wall_ns / 1e9;
        if (target->serial)
            target->pin_cpu = xsg_machine_pick_cpu();
    }
    xsg_arena_release(&scratch);
    return rc;
}

/* From the i-th of n invocations on. The first one of a program waits for the disk: whether it
 * waits by itself, another one has to tell. */
static int warm_up_side(struct xsg_plan *plan, struct xsg_plan_target *target, int side, int i,
                        int n)
{
    bool waits = false;
    int rc = 0;

    for (; rc == 0 && (i < n || (waits && i == 1)) && !target->part[side].invalid; i++) {
        struct xsg_arena scratch = XSG_ARENA_INIT;
        struct xsg_invocation run;
        rc = xsg_plan_launch(plan, target, side, NULL, &scratch, &run);
        target->part[side].binary = rc == 0 ? run.profile.binary : 0;
        waits = rc == 0 && !run.failure && xsg_plan_waits(&run);
        xsg_arena_release(&scratch);
    }
    target->waits |= waits;
    if (target->part[side].invalid)
        target->open = false;
    return rc;
}

/* Invocations that do not count: caches get warm, failures of both sides show early. */
static int warm_up(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    int n = target->suite->warmup > 1 ? target->suite->warmup : 1;
    int rc = calibrate(plan, target);

    for (int side = plan->first; rc == 0 && side < SIDES; side++)
        rc = warm_up_side(plan, target, side, side == plan->first, n);
    target->identical = plan->side[BASE] && plan->options->same_files && target->open &&
                        target->part[BASE].binary != 0 &&
                        target->part[BASE].binary == target->part[HEAD].binary;
    target->open = target->open && !target->identical;
    return rc;
}

static int warm_up_all(struct xsg_plan *plan)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->n_targets; i++) {
        struct xsg_plan_target *target = &plan->targets[i];
        xsg_plan_say(plan, target, "warming up");
        rc = warm_up(plan, target);
    }
    return rc;
}

/* ---- the loop's means -------------------------------------------------------------------------
 */

static size_t n_open(const struct xsg_plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n_targets; i++)
        n += plan->targets[i].open;
    return n;
}

static void shuffle(struct xsg_plan *plan, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)xsg_rng_below(&plan->rng, i);
        size_t other = order[i - 1];
        order[i - 1] = order[j];
        order[j] = other;
    }
}

/* ---- progress ---------------------------------------------------------------------------------
 */

static void format_left(char *out, size_t size, double seconds)
{
    double s = ceil(seconds);

    if (s < 90)
        snprintf(out, size, "%.0fs", s);
    else
        snprintf(out, size, "%.0fm%02.0fs", floor(s / 60), fmod(s, 60));
}

static void report_progress(struct xsg_plan *plan, const struct xsg_plan_target *target)
{
    double left = 0;
    char text[32], line[256];

    if (!plan->options->progress)
        return;
    for (size_t i = 0; i < plan->n_targets; i++) {
        const struct xsg_plan_target *t = &plan->targets[i];
        if (t->open && t->rounds > 0)
            left += t->seconds / (double)t->rounds * (double)(plan->max_rounds - t->rounds);
    }
    if (plan->options->max_time_s > 0)
        left = fmin(left, fmax(0, plan->options->max_time_s - xsg_plan_elapsed_s(plan)));
    format_left(text, sizeof text, left);
    snprintf(line, sizeof line, "%s: round %zu of %s%zu%s%s%s", target->suite->name,
             target->rounds + 1, plan->options->rounds > 0 ? "" : "at most ", plan->max_rounds,
             target->rounds ? ", about " : "", target->rounds ? text : "",
             target->rounds ? " left" : "");
    plan->options->progress(plan->options->arg, line);
}

/* ---- looks and the loop -----------------------------------------------------------------------
 */

/* A fixed number of rounds is looked at once, at its end: early looks would spend its error. */
static size_t planned_looks(const struct xsg_plan *plan)
{
    size_t n = 0;

    while (plan->options->rounds <= 0 && n < sizeof look_rounds / sizeof look_rounds[0] &&
           look_rounds[n] < plan->max_rounds)
        n++;
    return n + 1; /* the last one is at max_rounds */
}

static bool look_is_due(const struct xsg_plan *plan, size_t rounds, size_t index)
{
    return rounds >= plan->max_rounds ||
           (index + 1 < planned_looks(plan) && rounds >= look_rounds[index]);
}

static int fill(struct xsg_plan *plan)
{
    int rc = xsg_plan_fill(plan->arena, plan->targets, plan->n_targets, plan->side, plan->err);

    for (int side = plan->first; side < SIDES; side++)
        plan->side[side]->run->elapsed_s = xsg_plan_elapsed_s(plan);
    return rc;
}

static int look(struct xsg_plan *plan, size_t rounds, size_t *index, bool last)
{
    struct xsg_plan_look now = {.index = *index,
                                .n_looks = planned_looks(plan),
                                .rounds = rounds,
                                .first = look_rounds[0],
                                .planned = plan->max_rounds,
                                .last = last || rounds >= plan->max_rounds};
    enum xsg_plan_decision *decision;
    int rc;

    ++*index;
    if (!plan->options->look)
        return 0;
    rc = fill(plan);
    if (rc != 0)
        return rc;
    decision = XSG_NEW_ARRAY(plan->arena, enum xsg_plan_decision, plan->n_targets);
    for (size_t i = 0; i < plan->n_targets; i++)
        decision[i] = plan->targets[i].open ? XSG_PLAN_CONTINUE : XSG_PLAN_STOP;
    plan->options->look(plan->options->arg, &now, decision);
    for (size_t i = 0; i < plan->n_targets; i++) {
        struct xsg_plan_target *target = &plan->targets[i];
        if (decision[i] == XSG_PLAN_CONFIRM && target->rounds > 0 && !target->part[HEAD].invalid &&
            !target->part[BASE].invalid)
            target->fresh_from = target->rounds;
        target->open = target->open && decision[i] == XSG_PLAN_CONTINUE;
        if (target->open)
            xsg_plan_review_pairing(plan, target);
    }
    return 0;
}

/* Would another round of this target end after the time is up? One round is always measured. */
static bool out_of_time(const struct xsg_plan *plan, const struct xsg_plan_target *target)
{
    double limit = plan->options->max_time_s;

    if (limit <= 0 || target->rounds == 0)
        return false;
    return xsg_plan_elapsed_s(plan) + target->seconds / (double)target->rounds > limit;
}

/* A round, and at times a control pair. A failing control pair says nothing about the code: the
 * same will happen to a round, and is told there. */
static int run_round(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_plan_control control;
    const char *failure;
    int rc = xsg_plan_round(plan, target);

    if (rc != 0 || !plan->side[BASE] || !target->pairing || target->part[BASE].invalid ||
        target->part[HEAD].invalid || target->rounds % CONTROL_EVERY != CONTROL_EVERY / 2 ||
        out_of_time(plan, target))
        return rc;
    rc = xsg_plan_control(plan, target, target->pairing, &control, &failure);
    if (rc == 0 && !failure)
        xsg_plan_keep_control(plan, target, &control);
    return rc;
}

/* Each open target once, in random order. */
static int run_targets(struct xsg_plan *plan, size_t *order)
{
    int rc = 0;

    shuffle(plan, order, plan->n_targets);
    for (size_t i = 0; rc == 0 && i < plan->n_targets; i++) {
        struct xsg_plan_target *target = &plan->targets[order[i]];
        if (target->open && out_of_time(plan, target)) {
            target->open = false;
            target->out_of_time = true;
        }
        if (!target->open)
            continue;
        report_progress(plan, target);
        rc = run_round(plan, target);
    }
    return rc;
}

static size_t fresh_rounds(const struct xsg_plan_target *target)
{
    size_t quarter = (target->fresh_from + 3) / 4;

    return quarter > XSG_PLAN_FRESH_ROUNDS ? quarter : XSG_PLAN_FRESH_ROUNDS;
}

/* What the look saw as a regression is measured again before anybody hears of it. */
static int confirm_target(struct xsg_plan *plan, size_t index)
{
    struct xsg_plan_target *target = &plan->targets[index];
    size_t from = target->fresh_from, end = from + fresh_rounds(target);
    bool settled;
    int rc = 0;

    target->open = true;
    while (rc == 0 && target->open && target->rounds < end && !out_of_time(plan, target)) {
        xsg_plan_say(plan, target, "slower; measuring again to confirm it");
        rc = run_round(plan, target);
    }
    target->fresh_from = 0;
    if (rc == 0)
        rc = fill(plan);
    if (rc != 0 || !target->open)
        return rc;
    settled = !plan->options->confirmed ||
              plan->options->confirmed(plan->options->arg, index, from) ||
              target->rounds >= plan->max_rounds;
    target->open = !settled;
    return 0;
}

static int confirm(struct xsg_plan *plan)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->n_targets; i++) {
        if (plan->targets[i].fresh_from > 0)
            rc = confirm_target(plan, i);
    }
    return rc;
}

static size_t most_rounds(const struct xsg_plan *plan)
{
    size_t most = 0;

    for (size_t i = 0; i < plan->n_targets; i++)
        most = plan->targets[i].rounds > most ? plan->targets[i].rounds : most;
    return most;
}

static int run_rounds(struct xsg_plan *plan)
{
    size_t *order = XSG_NEW_ARRAY(plan->arena, size_t, plan->n_targets);
    size_t look_index = 0, round = 0, looked_at = 0;
    int rc = 0;

    while (rc == 0 && round < plan->max_rounds && n_open(plan) > 0) {
        rc = run_targets(plan, order);
        round = most_rounds(plan);
        if (rc == 0 && round > looked_at && look_is_due(plan, round, look_index)) {
            rc = look(plan, round, &look_index, false);
            looked_at = round;
            if (rc == 0)
                rc = confirm(plan);
        }
    }
    /* Out of time between two looks: what came since the last one has to be paid for as well. */
    if (rc == 0 && looked_at < round && look_index < planned_looks(plan))
        rc = look(plan, round, &look_index, true);
    return rc == 0 ? confirm(plan) : rc;
}

static int open_targets(struct xsg_plan *plan, const struct xsg_suite *suite)
{
    /* Each look may be followed by a fresh batch, of a quarter of the rounds so far. */
    size_t most = plan->max_rounds + (plan->max_rounds + 3) / 4 + XSG_PLAN_FRESH_ROUNDS;
    int rc = 0;

    plan->n_targets = suite->n_targets;
    plan->targets = XSG_NEW_ARRAY(plan->arena, struct xsg_plan_target, suite->n_targets);
    for (size_t i = 0; i < suite->n_targets; i++) {
        struct xsg_plan_target *target = &plan->targets[i];
        target->suite = &suite->targets[i];
        target->open = true;
        target->pin_cpu = -1;
        for (int side = plan->first; rc == 0 && side < SIDES; side++) {
            struct xsg_plan_part *part = &target->part[side];
            rc = xsg_collect_open(&part->collect, plan->arena, target->suite->name, plan->err);
            part->wall = XSG_NEW_ARRAY(plan->arena, double, most);
            part->cpu = XSG_NEW_ARRAY(plan->arena, double, most);
            part->waited = XSG_NEW_ARRAY(plan->arena, double, most);
            part->queued = XSG_NEW_ARRAY(plan->arena, double, most);
        }
    }
    return rc;
}

static int count(const struct xsg_plan *plan, const struct xsg_suite *suite)
{
    const struct xsg_counts_plan counts = {.arena = plan->arena,
                                           .suite = suite,
                                           .launcher = plan->launcher,
                                           .side = plan->side,
                                           .options = plan->options,
                                           .start_ns = plan->start_ns};

    return xsg_counts_run(&counts, plan->targets, plan->n_targets, plan->err);
}

static int choose_pairings(struct xsg_plan *plan)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->n_targets; i++) {
        if (plan->targets[i].open)
            rc = xsg_plan_choose_pairing(plan, &plan->targets[i]);
    }
    return rc;
}

int xsg_plan_run(struct xsg_arena *arena, const struct xsg_suite *suite,
                 const struct xsg_launcher *launcher, struct xsg_plan_side *base,
                 struct xsg_plan_side *head, const struct xsg_plan_options *options,
                 struct xsg_err *err)
{
    struct xsg_plan plan = {
        .arena = arena,
        .launcher = launcher,
        .side = {base, head},
        .options = options,
        .max_rounds = (size_t)(options->rounds > 0       ? options->rounds
                               : options->max_rounds > 0 ? options->max_rounds
                                                         : XSG_PLAN_MOST_ROUNDS),
        .first = base ? BASE : HEAD,
        .err = err,
    };
    int rc = open_targets(&plan, suite);

    xsg_rng_init(&plan.rng, options->seed);
    plan.start_ns = now_ns(&plan);
    if (rc == 0)
        rc = warm_up_all(&plan);
    if (rc == 0)
        rc = count(&plan, suite);
    if (rc == 0)
        rc = choose_pairings(&plan);
    if (rc == 0)
        rc = run_rounds(&plan);
    return rc == 0 ? fill(&plan) : rc;
}
