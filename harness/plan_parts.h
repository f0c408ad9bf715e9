/* What the plan's files share: plan.c (looks, budget), plan_round.c (one round), plan_pairing.c
 * (which way of pairing), plan_run.c (what was measured). */
#ifndef XSG_HARNESS_PLAN_PARTS_H
#define XSG_HARNESS_PLAN_PARTS_H

#include "base/opt.h"
#include "base/rng.h"
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
    bool absent;         /* because its command does not exist there */
    const char **notes;  /* of the last invocation's profile */
    size_t n_notes;
    struct xsg_strings count_notes; /* about the counted runs (harness/counts.h) */
    uint64_t binary;                /* of the last warm-up; 0: unknown */
    int leftovers;                  /* processes that outlived the target, in the worst round */
};

/* ln of the ratio of two invocations of base, by each kind of time. */
struct xsg_plan_control {
    double cpu, wall;
    double busy_ns; /* CPU time of one, on average */
};

struct xsg_plan_way; /* of pairing, and how it did in the trial: plan_pairing.c */

struct xsg_plan_target {
    const struct xsg_suite_target *suite;
    struct xsg_plan_part part[XSG_PLAN_SIDES];
    size_t rounds;     /* done on all sides */
    size_t counted;    /* counted runs of each side: 0, or all of them */
    const char *bench; /* fixed iteration counts, NULL: none */
    int pin_cpu;       /* -1: not pinned */
    bool serial;       /* one thread of execution, as far as the first invocation shows */
    bool waits;        /* it leaves its CPU for more than a fifth of the time, on any side */
    double alone_s;    /* elapsed time of that invocation */
    enum xsg_pairing pairing;
    const char *pairing_reason;
    struct xsg_plan_way *ways; /* that were tried; NULL: there was no trial */
    size_t paired_from;        /* first round in this pairing */
    struct xsg_plan_control *control;
    size_t n_control, cap_control;
    double phase;      /* of the tick at which both sides were started last; 0: never */
    int swapped;       /* order of the last round, */
    bool swap_is_due;  /* of which the next one has the other */
    size_t fresh_from; /* rounds before the fresh batch that is being measured; 0: none is */
    bool open;         /* to be measured further */
    bool out_of_time;  /* closed because the time was up */
    bool identical;    /* closed because both sides run one program */
    double seconds;    /* spent in rounds so far, for the estimate of what is left */
};

struct xsg_plan {
    struct xsg_arena *arena;
    const struct xsg_launcher *launcher;
    struct xsg_plan_side *side[XSG_PLAN_SIDES]; /* side[XSG_PLAN_BASE] may be NULL */
    const struct xsg_plan_options *options;
    struct xsg_plan_target *targets;
    size_t n_targets;
    struct xsg_rng rng;
    size_t max_rounds;
    int first; /* side */
    int64_t start_ns;
    struct xsg_err *err;
};

/* ---- plan.c ---- */
double xsg_plan_elapsed_s(const struct xsg_plan *plan);
void xsg_plan_say(struct xsg_plan *plan, const struct xsg_plan_target *target, const char *what);

/* ---- plan_round.c ---- */
/* How the invocations of a round are started, all of them alike. */
struct xsg_plan_start {
    size_t padding; /* see struct xsg_launch */
    double phase;
};

/* One invocation of a side, as it comes (start NULL). Its failure makes the side invalid. */
int xsg_plan_launch(struct xsg_plan *plan, struct xsg_plan_target *target, int side,
                    const struct xsg_plan_start *start, struct xsg_arena *scratch,
                    struct xsg_invocation *out);
/* Both sides once in the target's pairing: what differs between them is the code. A round counts
 * whole or not at all. */
int xsg_plan_round(struct xsg_plan *plan, struct xsg_plan_target *target);
/* Base against base in that pairing. *failure (in the plan's arena): why it failed, or NULL. */
int xsg_plan_control(struct xsg_plan *plan, struct xsg_plan_target *target,
                     enum xsg_pairing pairing, struct xsg_plan_control *control,
                     const char **failure);

/* ---- plan_pairing.c ---- */
/* Chooses the target's pairing, if there are two sides, by what it asks for, by what it and the
 * machine allow, and by the spread of control pairs. Needs serial, waits and alone_s. */
int xsg_plan_choose_pairing(struct xsg_plan *plan, struct xsg_plan_target *target);
/* At a look, whether the rounds so far bear the trial out: the machine may have become another one
 * since. If another way now seems clearly better, the rounds to come are measured in that. */
void xsg_plan_review_pairing(struct xsg_plan *plan, struct xsg_plan_target *target);
void xsg_plan_keep_control(struct xsg_plan *plan, struct xsg_plan_target *target,
                           const struct xsg_plan_control *control);

/* ---- plan_run.c ---- */
/* Round r of a side: its profile and what the kernel counted. */
int xsg_plan_collect(struct xsg_arena *arena, struct xsg_plan_part *part, size_t round,
                     const struct xsg_invocation *invocation);
/* Is this invocation one that leaves its CPU for more than a fifth of its time by itself? */
bool xsg_plan_waits(const struct xsg_invocation *run);

/* Everything measured so far into the sides' runs; may be repeated. side[XSG_PLAN_BASE] may be
 * NULL. The runs' warnings are replaced. */
int xsg_plan_fill(struct xsg_arena *arena, struct xsg_plan_target *targets, size_t n,
                  struct xsg_plan_side *const *side, struct xsg_err *err);

#endif
