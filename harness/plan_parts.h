/* What the plan's files share: plan.c (order, looks, budget), plan_run.c (what was measured). */
#ifndef XSG_HARNESS_PLAN_PARTS_H
#define XSG_HARNESS_PLAN_PARTS_H

#include "base/opt.h"
#include "harness/plan.h"
#include "profiler/fold.h"

enum { XSG_PLAN_BASE, XSG_PLAN_HEAD, XSG_PLAN_SIDES };

/* One side of a target. */
struct xsg_plan_part {
    struct xsg_collect *collect;
    double *wall, *cpu;  /* ns, per round */
    double *queued;      /* ns, per round: ready to run, without a CPU */
    double *waited;      /* per round: 1 when what is missing in wall is not the machine's doing */
    const char *invalid; /* why it cannot be judged; NULL while it can */
    const char **notes;  /* of the last invocation's profile */
    size_t n_notes;
    struct xsg_strings count_notes; /* about the counted runs (harness/counts.h) */
    int leftovers;                  /* processes that outlived the target, in the worst round */
};

struct xsg_plan_target {
    const struct xsg_suite_target *suite;
    struct xsg_plan_part part[XSG_PLAN_SIDES];
    size_t rounds;     /* done on all sides */
    size_t counted;    /* counted runs of each side: 0, or all of them */
    const char *bench; /* fixed iteration counts, NULL: none */
    int pin_cpu;       /* -1: not pinned */
    bool open;         /* to be measured further */
    bool out_of_time;  /* closed because the time was up */
    double seconds;    /* spent in rounds so far, for the estimate of what is left */
};

/* Round r of a side: its profile and what the kernel counted. */
int xsg_plan_collect(struct xsg_arena *arena, struct xsg_plan_part *part, size_t round,
                     const struct xsg_invocation *invocation);

/* Everything measured so far into the sides' runs; may be repeated. side[XSG_PLAN_BASE] may be
 * NULL. The runs' warnings are replaced. */
int xsg_plan_fill(struct xsg_arena *arena, struct xsg_plan_target *targets, size_t n,
                  struct xsg_plan_side *const *side, struct xsg_err *err);

#endif
