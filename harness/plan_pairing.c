/*
 * Which way of pairing: what is asked for, what target and machine allow, and of that what makes
 * control pairs (base against base) spread least for the time that they take.
 *
 * Why not simply one of them: on one core, both sides see the same clock, caches and neighbours,
 * slice by slice; that is the best on a machine where others work, and never bad. On two idle cores
 * the sides do not even evict each other's caches, and a round takes half the time; but when
 * somebody else uses one of the cores, that side alone pays. docs/guide/verdict.md has figures.
 *
 * Two cores that share more than memory (threads of one core that a virtual machine does not show
 * as such, a small common cache) slow each other. Then the side that ends later has its last
 * functions to itself, and they seem faster than the other's, with the same code.
 */
#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "harness/machine.h"
#include "harness/plan_parts.h"

/* Each way is tried with so many control pairs: five tell a factor of two, and more cost more than
 * they win. */
#define TRIAL_PAIRS 5
/* Below this, a target alone, one after the other is tried as well. It has not won against one core
 * in any measurement, so long runs do not spend their time on it. */
#define CHEAP_S 0.3
/* No trial when it would take longer than this, or all of them than this share of the time given.
 */
#define TRIAL_S 30.0
#define TRIAL_SHARE 0.1
/* Another way has to be better than one core by this much: five pairs are no proof. */
#define CLEARLY 0.7

/* Two cores that slow each other by more than this are not used: it is the error that they can
 * make in a function at the end of a target, and thresholds begin at 2 %. */
#define CONTENTION 0.02

enum { ALTERNATE, SAME_CORE, TWO_CORE, WAYS };
static const enum xsg_pairing pairing_of[WAYS] = {XSG_PAIRING_ALTERNATE, XSG_PAIRING_SAME_CORE,
                                                  XSG_PAIRING_TWO_CORE};

/* Fewer rounds do not outweigh the trial. */
#define REVIEW_ROUNDS 10

struct xsg_plan_way {
    bool possible;
    double y[TRIAL_PAIRS]; /* |ln(base / base)| */
    struct xsg_plan_control control[TRIAL_PAIRS];
    size_t n;
    double busy[TRIAL_PAIRS]; /* CPU time of an invocation, ns */
    double seconds;           /* that the pairs took */
    double spread;            /* one standard deviation of ln(base / base); NaN: not tried */
};

void xsg_plan_keep_control(struct xsg_plan *plan, struct xsg_plan_target *target,
                           const struct xsg_plan_control *control)
{
    target->control = xsg_grow(plan->arena, target->control, &target->cap_control,
                               target->n_control + 1, sizeof *target->control);
    target->control[target->n_control++] = *control;
}

/* Are its functions timed one by one? A switch between the sides costs the function that it
 * happens in, by cold caches, and sides that start together switch at the same places in every
 * round: on one core, a function of 1 % share with the same code came out 20 % slower. Samples are
 * too coarse for that. */
static bool is_timed_finely(const struct xsg_plan_target *target)
{
    return target->suite->profile & (XSG_MODE_SCOPES | XSG_MODE_FUNCTIONS);
}

static void choose(struct xsg_plan_target *target, enum xsg_pairing pairing, const char *reason)
{
    target->pairing = pairing;
    target->pairing_reason = reason;
}

/* Why neither way of running both at once will do, or NULL. */
static const char *why_alternate(const struct xsg_plan *plan, const struct xsg_plan_target *target)
{
    int cpus[2];

    if (!target->serial)
        return "it has more than one thread or process";
    if (target->waits)
        return "it waits more than it computes";
    if (is_timed_finely(target) && xsg_machine_pick_cpus(cpus) < 2)
        return "its scopes need a core for each side, and there is one";
    return plan->launcher->invoke_pair ? NULL : "both at once is not possible here";
}

/* ---- the trial --------------------------------------------------------------------------------
 */

static double trial_s(const struct xsg_plan_way *ways, double alone_s)
{
    static const double runs[WAYS] = {2, 2, 1};
    double sum = 0;

    for (int i = 0; i < WAYS; i++)
        sum += ways[i].possible ? runs[i] * TRIAL_PAIRS * alone_s : 0;
    return sum;
}

static int try_way(struct xsg_plan *plan, struct xsg_plan_target *target, int index,
                   struct xsg_plan_way *way)
{
    double start = xsg_plan_elapsed_s(plan);
    struct xsg_plan_control *control = &way->control[way->n];
    const char *failure;
    int rc = xsg_plan_control(plan, target, pairing_of[index], control, &failure);

    if (rc != 0)
        return rc;
    way->seconds += xsg_plan_elapsed_s(plan) - start;
    if (failure || !isfinite(control->cpu)) {
        way->possible = false;
    } else {
        way->busy[way->n] = control->busy_ns;
        way->y[way->n++] = fabs(control->cpu);
    }
    return 0;
}

/* By how much an invocation takes more CPU time beside one on another core than otherwise. */
static double contention(const struct xsg_plan_way *ways)
{
    double least = INFINITY;

    for (int i = 0; i < WAYS; i++) {
        if (i != TWO_CORE && ways[i].possible)
            least = fmin(least, xsg_median(ways[i].busy, ways[i].n));
    }
    return ways[TWO_CORE].possible ? xsg_median(ways[TWO_CORE].busy, ways[TWO_CORE].n) / least - 1
                                   : 0;
}

static int run_trial(struct xsg_plan *plan, struct xsg_plan_target *target,
                     struct xsg_plan_way *ways)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < TRIAL_PAIRS; i++) {
        for (int k = 0; rc == 0 && k < WAYS; k++) {
            if (ways[k].possible)
                rc = try_way(plan, target, k, &ways[k]);
        }
    }
    /* About 0, which equal programs have for their mean; robust. */
    for (int k = 0; k < WAYS; k++)
        ways[k].spread = ways[k].possible && ways[k].n > 0
                             ? 1.4826 * xsg_median(ways[k].y, ways[k].n)
                             : (double)NAN;
    return rc;
}

/* The standard error that a given time buys, but for a factor. */
static double cost(const struct xsg_plan_way *way)
{
    return way->spread * sqrt(way->seconds / (double)(way->n ? way->n : 1));
}

/* The preferred one, unless another is clearly better. */
static int best_way(const struct xsg_plan_way *ways, int preferred)
{
    int best = preferred;

    for (int i = 0; i < WAYS; i++) {
        if (i != best && ways[i].possible && cost(&ways[i]) < CLEARLY * cost(&ways[best]))
            best = i;
    }
    return best;
}

static const char *const way_names[WAYS] = {"one after the other", "on one core", "on two cores"};

static const char *describe_trial(struct xsg_arena *arena, const struct xsg_plan_way *ways,
                                  int best, double slower)
{
    const char *text =
        xsg_printf(arena, "equal programs differ by %.2g %% so", 100 * ways[best].spread);

    for (int i = 0; i < WAYS; i++) {
        if (i != best && ways[i].possible && ways[i].n > 0)
            text = xsg_printf(arena, "%s, by %.2g %% %s", text, 100 * ways[i].spread, way_names[i]);
    }
    if (slower > CONTENTION)
        text = xsg_printf(arena, "%s; on two cores they slow each other by %.2g %%", text,
                          100 * slower);
    return text;
}

static void keep_controls(struct xsg_plan *plan, struct xsg_plan_target *target,
                          const struct xsg_plan_way *way)
{
    for (size_t i = 0; i < way->n; i++)
        xsg_plan_keep_control(plan, target, &way->control[i]);
}

static int choose_by_trial(struct xsg_plan *plan, struct xsg_plan_target *target,
                           struct xsg_plan_way *ways)
{
    double limit = plan->options->max_time_s > 0
                       ? TRIAL_SHARE * plan->options->max_time_s / (double)plan->n_targets
                       : TRIAL_S;
    bool same_core = ways[SAME_CORE].possible;
    double slower;
    int best, rc;

    if (trial_s(ways, target->alone_s) > fmin(limit, TRIAL_S)) {
        choose(target, same_core ? XSG_PAIRING_SAME_CORE : XSG_PAIRING_ALTERNATE,
               "a trial of the ways would have taken too long");
        return 0;
    }
    rc = run_trial(plan, target, ways);
    if (rc != 0)
        return rc;
    if (!ways[SAME_CORE].possible && !ways[TWO_CORE].possible) {
        choose(target, XSG_PAIRING_ALTERNATE, "it fails when two of it run at once");
        return 0;
    }
    slower = contention(ways);
    if (slower > CONTENTION)
        ways[TWO_CORE].possible = false;
    best = best_way(ways, same_core ? SAME_CORE : ALTERNATE);
    choose(target, pairing_of[best], describe_trial(plan->arena, ways, best, slower));
    keep_controls(plan, target, &ways[best]);
    target->ways = ways;
    return 0;
}

static int choose_by_itself(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_plan_way *ways = XSG_NEW_ARRAY(plan->arena, struct xsg_plan_way, WAYS);
    const char *alternate = why_alternate(plan, target);
    int cpus[2];

    if (alternate) {
        choose(target, XSG_PAIRING_ALTERNATE, alternate);
        return 0;
    }
    ways[SAME_CORE].possible = !is_timed_finely(target);
    ways[TWO_CORE].possible = xsg_machine_pick_cpus(cpus) == 2;
    ways[ALTERNATE].possible = !ways[SAME_CORE].possible || target->alone_s < CHEAP_S;
    xsg_plan_say(plan, target, "trying ways of pairing");
    return choose_by_trial(plan, target, ways);
}

int xsg_plan_choose_pairing(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    enum xsg_pairing asked = target->suite->pairing;
    int cpus[2];

    if (!plan->side[XSG_PLAN_BASE])
        return 0;
    if (plan->options->rounds > 0 && plan->options->rounds < XSG_PLAN_FRESH_ROUNDS &&
        asked == XSG_PAIRING_AUTO)
        choose(target, XSG_PAIRING_ALTERNATE, "few rounds were asked for");
    else if (asked == XSG_PAIRING_AUTO)
        return choose_by_itself(plan, target);
    else if (asked == XSG_PAIRING_SAME_CORE && is_timed_finely(target))
        choose(target, XSG_PAIRING_ALTERNATE,
               "same-core was asked for, but switches between the sides cost scopes and "
               "instrumented functions, always the same ones");
    else if (asked == XSG_PAIRING_TWO_CORE && xsg_machine_pick_cpus(cpus) < 1)
        choose(target, XSG_PAIRING_ALTERNATE, "two-core was asked for, but there is one CPU");
    else
        choose(target, asked, "asked for");
    return 0;
}

/* ---- later ------------------------------------------------------------------------------------
 */

/* Of the rounds in this pairing; about their median, since head may well be slower. */
static double spread_of_rounds(const struct xsg_plan_target *target)
{
    const double *base = target->part[XSG_PLAN_BASE].cpu + target->paired_from;
    const double *head = target->part[XSG_PLAN_HEAD].cpu + target->paired_from;
    size_t n = target->rounds - target->paired_from;
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *y = XSG_NEW_ARRAY(&scratch, double, n), spread;

    for (size_t i = 0; i < n; i++)
        y[i] = log(head[i] / base[i]);
    spread = xsg_mad(y, n);
    xsg_arena_release(&scratch);
    return spread;
}

void xsg_plan_review_pairing(struct xsg_plan *plan, struct xsg_plan_target *target)
{
    struct xsg_plan_way *ways = target->ways;
    int now = 0, best;

    if (!ways || target->rounds < target->paired_from + REVIEW_ROUNDS)
        return;
    while (pairing_of[now] != target->pairing)
        now++;
    ways[now].spread = spread_of_rounds(target);
    best = best_way(ways, now);
    if (best == now)
        return;
    target->paired_from = target->rounds;
    choose(target, pairing_of[best],
           xsg_printf(plan->arena,
                      "the first %zu rounds, %s, spread by %.2g %%, equal programs by %.2g %% so",
                      target->rounds, way_names[now], 100 * ways[now].spread,
                      100 * ways[best].spread));
    target->n_control = 0;
    keep_controls(plan, target, &ways[best]);
}
