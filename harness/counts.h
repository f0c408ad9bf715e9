/*
 * Counted runs: the target under valgrind's callgrind, which counts every instruction and system
 * call. About 15 to 70 times slower than the target alone, and the same from run to run: callgrind
 * lays the address space out itself, so that address randomisation has no say, and load on the
 * machine changes nothing. What stays: hash seeds that the program draws, threads, time, the length
 * of paths.
 */
#ifndef XSG_HARNESS_COUNTS_H
#define XSG_HARNESS_COUNTS_H

#include "harness/plan_parts.h"

/* Counted runs of each side, and how much longer than the target's time-out each may take. */
enum { XSG_COUNTS_RUNS = 3, XSG_COUNTS_SLOWER = 50 };

/* callgrind in front of a command; it writes into the folder. */
const char *const *xsg_counts_argv(struct xsg_arena *arena, const char *const *argv,
                                   const char *folder);

/* After a counted run: out->counts, or why it failed. out->proc is filled. */
void xsg_counts_judge(struct xsg_arena *arena, const struct xsg_launch *launch, const char *folder,
                      struct xsg_invocation *out);

/* The counted run could not be started, for this reason. */
void xsg_counts_not_started(struct xsg_arena *arena, const struct xsg_err *why,
                            struct xsg_invocation *out);

/* Is anything judged, or profiled, that needs timed rounds? */
bool xsg_counts_need_rounds(const struct xsg_suite *suite, const struct xsg_suite_target *target);

struct xsg_counts_plan {
    struct xsg_arena *arena;
    const struct xsg_suite *suite;
    const struct xsg_launcher *launcher;
    struct xsg_plan_side *const *side; /* side[XSG_PLAN_BASE] may be NULL */
    const struct xsg_plan_options *options;
    int64_t start_ns; /* of the plan, for options->max_time_s */
};

/*
 * The counted runs of every open target that asks for them, before its rounds: they are no part of
 * them. Both sides run at once where there are two CPUs. A target that cannot be counted is invalid
 * when nothing else is measured, else it gets a warning. Targets without rounds are closed.
 */
int xsg_counts_run(const struct xsg_counts_plan *plan, struct xsg_plan_target *targets, size_t n,
                   struct xsg_err *err);

#endif
