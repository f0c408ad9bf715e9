/* What was measured, as runs: the kernel's values, which of them is "time", and the warnings. */
#include <string.h>

#include "base/opt.h"
#include "base/stats.h"
#include "harness/plan_parts.h"

/* A target that is neither running nor ready to run for more than a fifth of its time waits rather
 * than computes: its time is wall time. Being ready without a CPU is the machine's doing. */
#define WAITING_BELOW 0.8
/* Kept from running for more than this share of its time, a target shows other programs. */
#define DISTURBED_ABOVE 0.2

static void keep_notes(struct xsg_arena *arena, struct xsg_plan_part *part,
                       const struct xsg_invocation *invocation)
{
    const struct xsg_profile *profile = &invocation->profile;

    part->notes = XSG_NEW_ARRAY(arena, const char *, profile->n_notes);
    part->n_notes = profile->n_notes;
    for (size_t i = 0; i < profile->n_notes; i++)
        part->notes[i] = xsg_strdup(arena, profile->notes[i]);
    if (invocation->proc.leftovers > part->leftovers)
        part->leftovers = invocation->proc.leftovers;
}

/*
 * A program that computes loses the CPU to its neighbours on a busy machine. The kernel's count of
 * that time is whole for one process with one thread; for others the kinds of context switches
 * tell: who waits gives the CPU up, who computes has it taken.
 */
static bool is_waiting(const struct xsg_invocation *run)
{
    const struct xsg_proc_result *proc = &run->proc;
    bool counted =
        proc->queued_ns > 0 && run->profile.n_processes == 1 && run->profile.n_threads == 1;

    return counted || proc->voluntary_switches >= proc->involuntary_switches;
}

bool xsg_plan_waits(const struct xsg_invocation *run)
{
    const struct xsg_proc_result *proc = &run->proc;
    double used = (double)(proc->user_ns + proc->system_ns + proc->queued_ns);

    return used < WAITING_BELOW * (double)proc->wall_ns && is_waiting(run);
}

int xsg_plan_collect(struct xsg_arena *arena, struct xsg_plan_part *part, size_t round,
                     const struct xsg_invocation *invocation)
{
    const struct xsg_proc_result *proc = &invocation->proc;
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
    int rc = xsg_collect_profile(part->collect, round, &invocation->profile);

    for (size_t i = 0; rc == 0 && i < sizeof values / sizeof values[0]; i++)
        rc = xsg_collect_value(part->collect, round, values[i].metric, values[i].value);
    part->wall[round] = (double)proc->wall_ns;
    part->cpu[round] = cpu;
    part->queued[round] = (double)proc->queued_ns;
    part->waited[round] = is_waiting(invocation);
    keep_notes(arena, part, invocation);
    return rc;
}

/* ---- which time -------------------------------------------------------------------------------
 */

static double median_share(const double *values, const double *wall, size_t n)
{
    double whole = xsg_median(wall, n);

    return whole > 0 ? xsg_median(values, n) / whole : 1;
}

static bool side_waits(const struct xsg_plan_target *target, int side)
{
    const struct xsg_plan_part *part = &target->part[side];

    return median_share(part->cpu, part->wall, target->rounds) +
                   median_share(part->queued, part->wall, target->rounds) <
               WAITING_BELOW &&
           xsg_median(part->waited, target->rounds) > 0;
}

/* For both sides, so that both mean the same: a head that began to sleep or to wait for a disk has
 * no more CPU time than its base. */
static bool waits(const struct xsg_plan_target *target, int first)
{
    bool any = false;

    for (int side = first; side < XSG_PLAN_SIDES; side++)
        any |= side_waits(target, side);
    return any;
}

static int collect_time(struct xsg_plan_target *target, int first, bool wall)
{
    int rc = 0;

    for (int side = first; side < XSG_PLAN_SIDES; side++) {
        const struct xsg_plan_part *part = &target->part[side];
        const double *values = wall ? part->wall : part->cpu;
        for (size_t r = 0; rc == 0 && r < target->rounds; r++)
            rc = xsg_collect_value(part->collect, r, "time", values[r]);
    }
    return rc;
}

/* ---- warnings ---------------------------------------------------------------------------------
 */

/* These are over the sides, so that both runs say the same and the report says it once. */
static double mean_queued(const struct xsg_plan_target *target, int first)
{
    double sum = 0;

    for (int side = first; side < XSG_PLAN_SIDES; side++) {
        const struct xsg_plan_part *part = &target->part[side];
        sum += median_share(part->queued, part->wall, target->rounds);
    }
    return sum / (XSG_PLAN_SIDES - first);
}

static double least_cpu(const struct xsg_plan_target *target, int first)
{
    double least = 1;

    for (int side = first; side < XSG_PLAN_SIDES; side++) {
        const struct xsg_plan_part *part = &target->part[side];
        double share = median_share(part->cpu, part->wall, target->rounds);
        least = share < least ? share : least;
    }
    return least;
}

static const char *who_waits(const struct xsg_plan_target *target, int first)
{
    static const char *const only[] = {" in base", " in head"};

    for (int side = first; side < XSG_PLAN_SIDES && first == XSG_PLAN_BASE; side++) {
        if (!side_waits(target, side))
            return only[XSG_PLAN_HEAD - side];
    }
    return "";
}

static void warn_time(struct xsg_arena *arena, struct xsg_strings *warnings,
                      const struct xsg_plan_target *target, int first)
{
    /* on one core each side keeps the other from running for half of its time */
    double expected = target->pairing == XSG_PAIRING_SAME_CORE ? 0.5 : 0;
    double queued = mean_queued(target, first) - expected;

    if (waits(target, first))
        xsg_strings_add(arena, warnings,
                        xsg_printf(arena,
                                   "%s: its CPU time is %.0f %% of its elapsed time%s, so that it "
                                   "is judged by elapsed time, which is noisier",
                                   target->suite->name, least_cpu(target, first) * 100,
                                   who_waits(target, first)));
    if (queued > DISTURBED_ABOVE)
        xsg_strings_add(arena, warnings,
                        xsg_printf(arena,
                                   "%s: other programs kept it from running for %.0f %% of its "
                                   "elapsed time; a quieter machine needs fewer rounds",
                                   target->suite->name, queued * 100));
}

static void warn_target(struct xsg_arena *arena, struct xsg_strings *warnings,
                        const struct xsg_plan_target *target, int side, int first)
{
    const struct xsg_plan_part *part = &target->part[side];
    const char *name = target->suite->name;

    if (target->rounds > 0)
        warn_time(arena, warnings, target, first);
    if (target->out_of_time)
        xsg_strings_add(arena, warnings,
                        xsg_printf(arena, "%s: the time was up after %zu round%s", name,
                                   target->rounds, target->rounds == 1 ? "" : "s"));
    if (part->leftovers > 0)
        xsg_strings_add(arena, warnings,
                        xsg_printf(arena,
                                   "%s: %d process%s outlived the target and %s ended; what they "
                                   "did is not in its CPU time",
                                   name, part->leftovers, part->leftovers == 1 ? "" : "es",
                                   part->leftovers == 1 ? "was" : "were"));
    for (size_t i = 0; i < part->n_notes; i++)
        xsg_strings_add(arena, warnings, xsg_printf(arena, "%s: %s", name, part->notes[i]));
    for (size_t i = 0; i < part->count_notes.n; i++)
        xsg_strings_add(arena, warnings,
                        xsg_printf(arena, "%s: %s", name, part->count_notes.item[i]));
}

/* ---- runs -------------------------------------------------------------------------------------
 */

static const char *mode_words(struct xsg_arena *arena, unsigned modes)
{
    const char *words = xsg_printf(arena, "%s%s%s%s", modes & XSG_MODE_SCOPES ? ",scopes" : "",
                                   modes & XSG_MODE_FUNCTIONS ? ",functions" : "",
                                   modes & XSG_MODE_SAMPLE ? ",sample" : "",
                                   modes & XSG_MODE_INSTRUCTIONS ? ",instructions" : "");
    return words + (words[0] == ',');
}

static void fill_pairing(struct xsg_arena *arena, const struct xsg_plan_target *target, bool wall,
                         struct xsg_target_run *run)
{
    run->pairing = target->pairing;
    run->pairing_reason = target->pairing_reason;
    run->n_control = target->n_control;
    run->control = XSG_NEW_ARRAY(arena, double, target->n_control);
    for (size_t i = 0; i < target->n_control; i++)
        run->control[i] = wall ? target->control[i].wall : target->control[i].cpu;
}

static int fill_side(struct xsg_arena *arena, struct xsg_plan_target *targets, size_t n, int side,
                     int first, struct xsg_run *run, struct xsg_err *err)
{
    struct xsg_strings warnings = {0};
    int rc = 0;

    run->series = NULL;
    run->n_series = 0;
    run->targets = XSG_NEW_ARRAY(arena, struct xsg_target_run, n);
    run->n_targets = n;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct xsg_plan_target *target = &targets[i];
        run->targets[i].name = target->suite->name;
        run->targets[i].command = target->suite->command;
        run->targets[i].profile = mode_words(arena, target->suite->profile);
        run->targets[i].invalid = target->part[side].invalid;
        run->targets[i].absent = target->part[side].absent;
        run->targets[i].binary = target->part[side].binary;
        if (target->rounds > 0)
            fill_pairing(arena, target, waits(target, first), &run->targets[i]);
        if (target->rounds > 0 || target->counted > 0)
            rc = xsg_collect_finish(target->part[side].collect, &run->series, &run->n_series,
                                    &run->targets[i], err);
        warn_target(arena, &warnings, target, side, first);
    }
    run->warnings = warnings.item;
    run->n_warnings = warnings.n;
    return rc;
}

int xsg_plan_fill(struct xsg_arena *arena, struct xsg_plan_target *targets, size_t n,
                  struct xsg_plan_side *const *side, struct xsg_err *err)
{
    int first = side[XSG_PLAN_BASE] ? XSG_PLAN_BASE : XSG_PLAN_HEAD;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (targets[i].rounds > 0)
            rc = collect_time(&targets[i], first, waits(&targets[i], first));
    }
    for (int s = first; rc == 0 && s < XSG_PLAN_SIDES; s++)
        rc = fill_side(arena, targets, n, s, first, side[s]->run, err);
    return rc;
}
