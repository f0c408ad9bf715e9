/* One round of the plan: who runs when, and on which CPU. */
#include <math.h>
#include <string.h>

#include "harness/machine.h"
#include "harness/plan_parts.h"

#define MAX_PADDING 4096
#define GOLDEN 0.6180339887498949

enum { BASE = XSG_PLAN_BASE, HEAD = XSG_PLAN_HEAD, SIDES = XSG_PLAN_SIDES };

/* "ended with status 3; what to do", then the output's last lines. Who compares names the side. */
static const char *describe_failure(struct xsg_arena *arena, const struct xsg_invocation *run)
{
    return xsg_printf(arena, "%s%s%s%s", run->failure, run->hint ? "; " : "",
                      run->hint ? run->hint : "", run->output ? run->output : "");
}

static bool is_interrupted(const struct xsg_plan *plan)
{
    return plan->launcher->interrupt && *plan->launcher->interrupt;
}

static struct xsg_launch launch_of(const struct xsg_plan *plan,
                                   const struct xsg_plan_target *target, int side,
                                   const struct xsg_plan_start *start)
{
    return (struct xsg_launch){.target = target->suite,
                               .root = plan->side[side]->root,
                               .bench = target->bench,
                               .env_padding = start ? start->padding : 0,
                               .start_phase = start ? start->phase : 0,
                               .no_profile = target->suite->profile == XSG_MODE_INSTRUCTIONS};
}

static int invoke(struct xsg_plan *plan, const struct xsg_plan_target *target, int side,
                  const struct xsg_plan_start *start, struct xsg_arena *scratch,
                  struct xsg_invocation *out)
{
    struct xsg_launcher launcher = *plan->launcher;
    struct xsg_launch what = launch_of(plan, target, side, start);

    if (is_interrupted(plan))
        return xsg_fail(plan->err, XSG_EINTR, "interrupted");
    if (launcher.pin_cpu < 0)
        launcher.pin_cpu = target->pin_cpu;
    *out = (struct xsg_invocation){0};
    return launcher.invoke(scratch, &launcher, &what, out, plan->err);
}

int xsg_plan_launch(struct xsg_plan *plan, struct xsg_plan_target *target, int side,
                    const struct xsg_plan_start *start, struct xsg_arena *scratch,
                    struct xsg_invocation *out)
{
    int rc = invoke(plan, target, side, start, scratch, out);

    if (rc == 0 && out->failure) {
        target->part[side].invalid = describe_failure(plan->arena, out);
        target->part[side].absent = out->absent;
    }
    return rc;
}

/* Two invocations of the sides side[0] and side[1], which may be one and the same. */
struct both {
    int side[2];
    enum xsg_pairing pairing;
    struct xsg_arena arena[2];
    struct xsg_invocation run[2];
};

/* Who is first, or has the first core: each way once in every two rounds. */
static int next_order(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    target->swapped = target->swap_is_due ? !target->swapped : (int)xsg_rng_below(&plan->rng, 2);
    target->swap_is_due = !target->swap_is_due;
    return target->swapped;
}

/*
 * The sampler's timers expire in the tick. A program that repeats itself about as often as the tick
 * comes is therefore sampled at the same few of its places, which ones the phase of its start
 * decides; and that phase is not drawn anew by itself: programs that share a core are switched in
 * the tick, and rounds take equally long. So each round has a phase of its own, the same for both
 * sides, and those of any rounds in succession cover the tick evenly (multiples of the golden
 * ratio).
 */
static struct xsg_plan_start next_start(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_plan_start start = {.padding = (size_t)xsg_rng_below(&plan->rng, MAX_PADDING)};

    if (target->suite->profile & XSG_MODE_SAMPLE) {
        double last = target->phase > 0 ? target->phase : xsg_rng_double(&plan->rng);
        target->phase = fmod(last + GOLDEN, 1);
        start.phase = target->phase;
    }
    return start;
}

static int one_after_the_other(struct xsg_plan *plan, const struct xsg_plan_target *target,
                               struct both *both, const struct xsg_plan_start *start, int swapped)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < 2; i++) {
        int k = i ^ swapped;
        rc = invoke(plan, target, both->side[k], start, &both->arena[k], &both->run[k]);
        if (both->run[k].failure)
            break;
    }
    return rc;
}

static int at_once(struct xsg_plan *plan, const struct xsg_plan_target *target, struct both *both,
                   const struct xsg_plan_start *start, int swapped)
{
    struct xsg_arena *const arena[2] = {&both->arena[0], &both->arena[1]};
    struct xsg_launch_pair pair;
    int cpus[2];

    if (is_interrupted(plan))
        return xsg_fail(plan->err, XSG_EINTR, "interrupted");
    xsg_machine_pick_cpus(cpus);
    if (both->pairing == XSG_PAIRING_SAME_CORE)
        cpus[0] = cpus[1] = xsg_machine_pick_cpu() >= 0 ? xsg_machine_pick_cpu() : 0;
    for (int i = 0; i < 2; i++) {
        pair.launch[i] = launch_of(plan, target, both->side[i], start);
        pair.cpu[i] = cpus[i ^ swapped];
    }
    return plan->launcher->invoke_pair(arena, plan->launcher, &pair, both->run, plan->err);
}

static int run_both(struct xsg_plan *plan, struct xsg_plan_target *target, struct both *both,
                    int swapped)
{
    const struct xsg_plan_start start = next_start(plan, target);

    memset(both->run, 0, sizeof both->run);
    return both->pairing == XSG_PAIRING_ALTERNATE
               ? one_after_the_other(plan, target, both, &start, swapped)
               : at_once(plan, target, both, &start, swapped);
}

static void release(struct both *both)
{
    xsg_arena_release(&both->arena[0]);
    xsg_arena_release(&both->arena[1]);
}

static int round_of_one(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_invocation run;
    const struct xsg_plan_start start = next_start(plan, target);
    int rc = xsg_plan_launch(plan, target, HEAD, &start, &scratch, &run);

    if (target->part[HEAD].invalid)
        target->open = false;
    else if (rc == 0)
        rc = xsg_plan_collect(plan->arena, &target->part[HEAD], target->rounds++, &run);
    xsg_arena_release(&scratch);
    return rc;
}

static int round_of_two(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct both both = {.side = {BASE, HEAD}, .pairing = target->pairing};
    int rc = run_both(plan, target, &both, next_order(plan, target));

    for (int i = 0; rc == 0 && i < SIDES; i++) {
        if (!both.run[i].failure)
            continue;
        target->part[i].invalid = describe_failure(plan->arena, &both.run[i]);
        target->open = false;
    }
    for (int i = 0; rc == 0 && target->open && i < SIDES; i++)
        rc = xsg_plan_collect(plan->arena, &target->part[i], target->rounds, &both.run[i]);
    target->rounds += rc == 0 && target->open;
    release(&both);
    return rc;
}

int xsg_plan_round(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    double start = xsg_plan_elapsed_s(plan);
    int rc = plan->side[BASE] ? round_of_two(plan, target) : round_of_one(plan, target);

    target->seconds += xsg_plan_elapsed_s(plan) - start;
    return rc;
}

static double cpu_ns(const struct xsg_invocation *run)
{
    return (double)(run->proc.user_ns + run->proc.system_ns);
}

int xsg_plan_control(struct xsg_plan *plan, struct xsg_plan_target *target,
                     enum xsg_pairing pairing, struct xsg_plan_control *control,
                     const char **failure)
{
    struct both both = {.side = {BASE, BASE}, .pairing = pairing};
    int rc = run_both(plan, target, &both, (int)xsg_rng_below(&plan->rng, 2));

    *failure = NULL;
    for (int i = 0; rc == 0 && i < 2; i++) {
        if (both.run[i].failure)
            *failure = describe_failure(plan->arena, &both.run[i]);
    }
    control->cpu = log(cpu_ns(&both.run[1]) / cpu_ns(&both.run[0]));
    control->busy_ns = (cpu_ns(&both.run[0]) + cpu_ns(&both.run[1])) / 2;
    control->wall = log((double)both.run[1].proc.wall_ns / (double)both.run[0].proc.wall_ns);
    release(&both);
    return rc;
}
