#include "harness/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/stats.h"
#include "base/str.h"
#include "harness/machine.h"
#include "profiler/fold.h"

#define DEFAULT_MAX_ROUNDS 40
#define MAX_PADDING 4096
/* Below this share of the wall time a target waits rather than computes: its time is wall time. */
#define WAITING_BELOW 0.8

static const size_t look_rounds[] = {10, 20, 40, 80, 160, 320};

enum { BASE, HEAD, SIDES };

struct plan_target {
    const struct xsg_suite_target *suite;
    struct xsg_collect *collect[SIDES];
    double *value[SIDES][2]; /* [side][0 wall, 1 cpu], per round */
    size_t rounds;           /* done on all sides */
    const char *bench;       /* fixed iteration counts, NULL: none */
    int pin_cpu;
    bool open;
    const char *invalid[SIDES];
    double seconds; /* spent in rounds so far, for the estimate of what is left */
};

struct plan {
    struct xsg_arena *arena;
    const struct xsg_suite *suite;
    const struct xsg_launcher *launcher;
    struct xsg_plan_side *side[SIDES]; /* side[BASE] may be NULL */
    const struct xsg_plan_options *options;
    struct plan_target *targets;
    struct xsg_rng rng;
    size_t max_rounds;
    int64_t start_ns;
    struct xsg_err *err;
};

static int64_t now_ns(const struct plan *plan)
{
    return plan->options->clock->monotonic_ns(plan->options->clock->arg);
}

static double elapsed_s(const struct plan *plan)
{
    return (double)(now_ns(plan) - plan->start_ns) / 1e9;
}

static const char *side_word(const struct plan *plan, int side)
{
    return !plan->side[BASE] ? "" : side == BASE ? " on base" : " on head";
}

/* -- one invocation ------------------------------------------------------------------------------
 */

static const char *describe_failure(struct plan *plan, int side, const struct xsg_invocation *run)
{
    return xsg_printf(plan->arena, "%s%s%s%s", run->failure, side_word(plan, side),
                      run->hint ? "; " : "", run->hint ? run->hint : "");
}

static int launch(struct plan *plan, struct plan_target *target, int side, size_t padding,
                  struct xsg_arena *scratch, struct xsg_invocation *out)
{
    struct xsg_launcher launcher = *plan->launcher;
    struct xsg_launch what = {.target = target->suite,
                              .root = plan->side[side]->root,
                              .bench = target->bench,
                              .env_padding = padding};
    int rc;

    if (launcher.pin_cpu < 0)
        launcher.pin_cpu = target->pin_cpu;
    rc = xsg_launch_run(scratch, &launcher, &what, out, plan->err);
    if (rc == 0 && out->failure)
        target->invalid[side] = describe_failure(plan, side, out);
    return rc;
}

/* "name=count;..." of the XSG_BENCH blocks seen: base and head shall do equal work. */
static const char *bench_counts(struct xsg_arena *arena, const struct xsg_profile *profile)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *result;

    for (size_t i = 0; i < profile->n_benches; i++)
        xsg_buf_printf(&out, "%s%s=%llu", i ? ";" : "", profile->benches[i].name,
                       (unsigned long long)profile->benches[i].iterations);
    result = profile->n_benches ? xsg_strdup(arena, xsg_buf_str(&out)) : NULL;
    xsg_buf_release(&out);
    return result;
}

/* Invocations that do not count: caches get warm, benches get their counts, failures show early. */
static int warm_up(struct plan *plan, struct plan_target *target)
{
    int first = plan->side[BASE] ? BASE : HEAD;

    for (int side = first; side < SIDES; side++) {
        int n = target->suite->warmup > 1 ? target->suite->warmup : 1;
        for (int i = 0; i < n && !target->invalid[side]; i++) {
            struct xsg_arena scratch = XSG_ARENA_INIT;
            struct xsg_invocation run;
            bool calibrating = side == first && i == 0;
            int rc;
            if (calibrating)
                target->bench = "calibrate:200ms";
            rc = launch(plan, target, side, 0, &scratch, &run);
            if (calibrating) {
                target->bench = rc == 0 ? bench_counts(plan->arena, &run.profile) : NULL;
                if (rc == 0 && run.profile.n_threads == 1)
                    target->pin_cpu = xsg_machine_pick_cpu();
            }
            xsg_arena_release(&scratch);
            if (rc != 0)
                return rc;
        }
        if (target->invalid[side])
            target->open = false;
    }
    return 0;
}

static int collect(struct plan_target *target, int side, const struct xsg_invocation *run)
{
    const struct xsg_proc_result *proc = &run->proc;
    const double cpu = (double)(proc->user_ns + proc->system_ns);
    const struct {
        const char *metric;
        double value;
    } values[] = {
        {"wall", (double)proc->wall_ns},
        {"cpu", cpu},
        {"user", (double)proc->user_ns},
        {"system", (double)proc->system_ns},
        {"peak_rss", (double)proc->peak_rss},
        {"page_faults", (double)(proc->minor_faults + proc->major_faults)},
        {"context_switches", (double)(proc->voluntary_switches + proc->involuntary_switches)},
    };
    int rc = xsg_collect_profile(target->collect[side], target->rounds, &run->profile);

    for (size_t i = 0; rc == 0 && i < sizeof values / sizeof values[0]; i++)
        rc = xsg_collect_value(target->collect[side], target->rounds, values[i].metric,
                               values[i].value);
    target->value[side][0][target->rounds] = (double)proc->wall_ns;
    target->value[side][1][target->rounds] = cpu;
    return rc;
}

/* -- one round -----------------------------------------------------------------------------------
 */

/* Both sides once, in random order, with the same padding: what differs between them is the code.
 */
static int run_round(struct plan *plan, struct plan_target *target)
{
    int order[SIDES] = {BASE, HEAD};
    size_t padding = (size_t)xsg_rng_below(&plan->rng, MAX_PADDING);
    int64_t start = now_ns(plan);

    if (xsg_rng_below(&plan->rng, 2))
        order[0] = HEAD, order[1] = BASE;
    for (int i = 0; i < SIDES; i++) {
        struct xsg_arena scratch = XSG_ARENA_INIT;
        struct xsg_invocation run;
        int rc;
        if (!plan->side[order[i]])
            continue;
        rc = launch(plan, target, order[i], padding, &scratch, &run);
        if (rc == 0 && !run.failure)
            rc = collect(target, order[i], &run);
        xsg_arena_release(&scratch);
        if (rc != 0)
            return rc;
        if (target->invalid[order[i]]) {
            target->open = false;
            return 0;
        }
    }
    target->rounds++;
    target->seconds += (double)(now_ns(plan) - start) / 1e9;
    return 0;
}

static size_t n_open(const struct plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->suite->n_targets; i++)
        n += plan->targets[i].open;
    return n;
}

static void shuffle(struct plan *plan, size_t *order, size_t n)
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

/* -- progress ------------------------------------------------------------------------------------
 */

static void format_left(char *out, size_t size, double seconds)
{
    if (seconds < 90)
        snprintf(out, size, "%.0fs", ceil(seconds));
    else
        snprintf(out, size, "%.0fm%02.0fs", floor(seconds / 60), fmod(seconds, 60));
}

static void report_progress(struct plan *plan, const struct plan_target *target)
{
    double per_round = 0, left;
    char text[32], line[256];

    if (!plan->options->progress)
        return;
    for (size_t i = 0; i < plan->suite->n_targets; i++) {
        const struct plan_target *t = &plan->targets[i];
        if (t->open && t->rounds > 0)
            per_round += t->seconds / (double)t->rounds;
    }
    left = per_round * (double)(plan->max_rounds - target->rounds);
    if (plan->options->max_time_s > 0)
        left = fmin(left, fmax(0, plan->options->max_time_s - elapsed_s(plan)));
    format_left(text, sizeof text, left);
    snprintf(line, sizeof line, "%s: round %zu of %s%zu%s%s%s", target->suite->name,
             target->rounds + 1, plan->options->rounds > 0 ? "" : "at most ", plan->max_rounds,
             target->rounds ? ", about " : "", target->rounds ? text : "",
             target->rounds ? " left" : "");
    plan->options->progress(plan->options->arg, line);
}

/* -- looks and the loop --------------------------------------------------------------------------
 */

static int fill_side(struct plan *plan, int side)
{
    struct xsg_run *run = plan->side[side]->run;
    size_t n = plan->suite->n_targets;
    int rc = 0;

    run->series = NULL;
    run->n_series = 0;
    run->targets = XSG_NEW_ARRAY(plan->arena, struct xsg_target_run, n);
    run->n_targets = n;
    run->elapsed_s = elapsed_s(plan);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct plan_target *target = &plan->targets[i];
        unsigned modes = target->suite->profile;
        char words[64];
        snprintf(words, sizeof words, "%s%s%s", modes & XSG_MODE_SCOPES ? ",scopes" : "",
                 modes & XSG_MODE_FUNCTIONS ? ",functions" : "",
                 modes & XSG_MODE_SAMPLE ? ",sample" : "");
        run->targets[i].name = target->suite->name;
        run->targets[i].command = target->suite->command;
        run->targets[i].profile = xsg_strdup(plan->arena, words + (words[0] == ','));
        run->targets[i].invalid = target->invalid[side];
        if (target->rounds > 0)
            rc = xsg_collect_finish(target->collect[side], &run->series, &run->n_series,
                                    &run->targets[i], plan->err);
    }
    return rc;
}

/* A target's "time" is what it computes; for one that waits it is what passes. Decided on the
 * base's medians, so that both sides mean the same. */
static int collect_time(struct plan *plan, struct plan_target *target)
{
    int first = plan->side[BASE] ? BASE : HEAD;
    double wall = xsg_median(target->value[first][0], target->rounds);
    double cpu = xsg_median(target->value[first][1], target->rounds);
    int which = cpu < WAITING_BELOW * wall ? 0 : 1;
    int rc = 0;

    for (int side = first; side < SIDES; side++) {
        for (size_t r = 0; rc == 0 && r < target->rounds; r++)
            rc = xsg_collect_value(target->collect[side], r, "time", target->value[side][which][r]);
    }
    return rc;
}

static int fill_runs(struct plan *plan)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->suite->n_targets; i++) {
        if (plan->targets[i].rounds > 0)
            rc = collect_time(plan, &plan->targets[i]);
    }
    for (int side = 0; rc == 0 && side < SIDES; side++) {
        if (plan->side[side])
            rc = fill_side(plan, side);
    }
    return rc;
}

static size_t planned_looks(const struct plan *plan)
{
    size_t n = 0;

    while (n < sizeof look_rounds / sizeof look_rounds[0] && look_rounds[n] < plan->max_rounds)
        n++;
    return n + 1; /* the last one is at max_rounds */
}

static bool look_is_due(const struct plan *plan, size_t rounds, size_t index)
{
    return rounds >= plan->max_rounds ||
           (index + 1 < planned_looks(plan) && rounds >= look_rounds[index]);
}

static int look(struct plan *plan, size_t rounds, size_t *index, bool last)
{
    struct xsg_plan_look now = {.index = *index,
                                .n_looks = planned_looks(plan),
                                .rounds = rounds,
                                .last = last || rounds >= plan->max_rounds};
    bool *open;
    int rc;

    if (!plan->options->look)
        return 0;
    rc = fill_runs(plan);
    if (rc != 0)
        return rc;
    open = XSG_NEW_ARRAY(plan->arena, bool, plan->suite->n_targets);
    for (size_t i = 0; i < plan->suite->n_targets; i++)
        open[i] = plan->targets[i].open;
    plan->options->look(plan->options->arg, &now, open);
    for (size_t i = 0; i < plan->suite->n_targets; i++)
        plan->targets[i].open &= open[i];
    ++*index;
    return 0;
}

/* Would another round of this target end after the time is up? One round is always measured. */
static bool out_of_time(const struct plan *plan, const struct plan_target *target)
{
    double limit = plan->options->max_time_s;

    if (limit <= 0 || target->rounds == 0)
        return false;
    return elapsed_s(plan) + target->seconds / (double)target->rounds > limit;
}

static int run_rounds(struct plan *plan)
{
    size_t n = plan->suite->n_targets;
    size_t *order = XSG_NEW_ARRAY(plan->arena, size_t, n);
    size_t look_index = 0, round = 0, looked_at = 0;
    int rc = 0;

    while (rc == 0 && round < plan->max_rounds && n_open(plan) > 0) {
        shuffle(plan, order, n);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            struct plan_target *target = &plan->targets[order[i]];
            if (!target->open)
                continue;
            if (out_of_time(plan, target)) {
                target->open = false;
                continue;
            }
            report_progress(plan, target);
            rc = run_round(plan, target);
        }
        round++;
        if (rc == 0 && look_is_due(plan, round, look_index)) {
            rc = look(plan, round, &look_index, false);
            looked_at = round;
        }
    }
    /* Out of time between two looks: what came since the last one has to be paid for as well. */
    if (rc == 0 && looked_at < round && look_index < planned_looks(plan))
        rc = look(plan, round, &look_index, true);
    return rc;
}

static int open_targets(struct plan *plan)
{
    for (size_t i = 0; i < plan->suite->n_targets; i++) {
        struct plan_target *target = &plan->targets[i];
        target->suite = &plan->suite->targets[i];
        target->open = true;
        target->pin_cpu = -1;
        for (int side = 0; side < SIDES; side++) {
            int rc = xsg_collect_open(&target->collect[side], plan->arena, target->suite->name,
                                      plan->err);
            if (rc != 0)
                return rc;
            for (int k = 0; k < 2; k++)
                target->value[side][k] = XSG_NEW_ARRAY(plan->arena, double, plan->max_rounds);
        }
    }
    return 0;
}

int xsg_plan_run(struct xsg_arena *arena, const struct xsg_suite *suite,
                 const struct xsg_launcher *launcher, struct xsg_plan_side *base,
                 struct xsg_plan_side *head, const struct xsg_plan_options *options,
                 struct xsg_err *err)
{
    struct plan plan = {
        .arena = arena,
        .suite = suite,
        .launcher = launcher,
        .side = {base, head},
        .options = options,
        .targets = XSG_NEW_ARRAY(arena, struct plan_target, suite->n_targets),
        .max_rounds = (size_t)(options->rounds > 0       ? options->rounds
                               : options->max_rounds > 0 ? options->max_rounds
                                                         : DEFAULT_MAX_ROUNDS),
        .err = err,
    };
    int rc = open_targets(&plan);

    xsg_rng_init(&plan.rng, options->seed);
    plan.start_ns = now_ns(&plan);
    for (size_t i = 0; rc == 0 && i < suite->n_targets; i++) {
        if (options->progress)
            options->progress(options->arg,
                              xsg_printf(arena, "%s: warming up", suite->targets[i].name));
        rc = warm_up(&plan, &plan.targets[i]);
    }
    if (rc == 0)
        rc = run_rounds(&plan);
    return rc == 0 ? fill_runs(&plan) : rc;
}
