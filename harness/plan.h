/*
 * The plan: which invocations in which order, and when to stop. A round is one invocation of base
 * and one of head, one after the other or at once (enum xsg_pairing); targets alternate;
 * differences count within a round only. Which is first, or has which core, is random, balanced
 * over every two rounds. Among ten rounds there is one control pair, base against base.
 */
#ifndef XSG_HARNESS_PLAN_H
#define XSG_HARNESS_PLAN_H

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "harness/launch.h"
#include "harness/suite.h"

struct xsg_plan_side {
    const char *root;    /* the built checkout */
    struct xsg_run *run; /* filled: targets, series, elapsed; commit etc. are the caller's */
};

/* A look: has enough been measured? Called at 10, 20, 40, 80 rounds (never beyond max). A target
 * that was out of step (see XSG_PLAN_CONFIRM) may have more rounds than that. */
struct xsg_plan_look {
    size_t index;   /* 0, 1, ... */
    size_t n_looks; /* planned in all */
    size_t rounds;  /* done so far */
    size_t first;   /* rounds at the first look; each later one has twice as many, */
    size_t planned; /* the last one at most these */
    bool last;
};

enum xsg_plan_decision { /* about a target */
                         XSG_PLAN_CONTINUE,
                         XSG_PLAN_STOP,
                         XSG_PLAN_CONFIRM /* measure a fresh batch, then ask confirmed() */
};

/* Looks come after so many rounds, then after twice as many each, up to the most. */
#define XSG_PLAN_FIRST_LOOK 10
#define XSG_PLAN_MOST_ROUNDS 80
/* A fresh batch has a quarter of the rounds before it, and at least so many. */
#define XSG_PLAN_FRESH_ROUNDS 5

struct xsg_plan_options {
    int64_t rounds;     /* fixed number; 0: auto, decided at the looks */
    int64_t max_rounds; /* for auto; default XSG_PLAN_MOST_ROUNDS */
    double max_time_s;  /* whole plan; 0: none. Honoured within one round */
    /* Between base and head nothing differs but what programs are built from, or nobody reads: a
     * target whose program is the same on both sides is not measured (struct xsg_target_run's
     * binary). */
    bool same_files;
    uint64_t seed; /* order and paddings; printed with -v */
    /* What to do about each target: decision[i] is STOP for those that are closed already. NULL:
     * run to the end. Before each call the runs of both sides hold everything measured so far, as
     * at the end. */
    void (*look)(void *arg, const struct xsg_plan_look *look, enum xsg_plan_decision *decision);
    /* After the fresh batch of a target, which begins at round from: true closes it, false lets it
     * go on to the next look. At least one round is in it, unless the time was up. */
    bool (*confirmed)(void *arg, size_t target, size_t from);
    /* Progress: one line of text, e.g. "parse: round 7 of 20, about 1m10s left". May be NULL. */
    void (*progress)(void *arg, const char *line);
    void *arg;
    const struct xsg_clock *clock;
};

/*
 * Measures base and head (base may be NULL: one side only). A target that fails on a side gets
 * run->targets[i].invalid on that side and is measured no more; others go on. XSG_EINTR: nothing of
 * what was measured is to be kept.
 */
int xsg_plan_run(struct xsg_arena *arena, const struct xsg_suite *suite,
                 const struct xsg_launcher *launcher, struct xsg_plan_side *base,
                 struct xsg_plan_side *head, const struct xsg_plan_options *options,
                 struct xsg_err *err);

#endif
