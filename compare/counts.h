/*
 * Counts beside time: exact comparison of counted metrics, and what they say about a target that is
 * judged by time. Pure.
 *
 * Instructions are evidence, not the truth: a change may execute more of them in less time, and a
 * slow one may execute as many as before. So, unless a counted metric was asked for by name:
 *
 * - More instructions fail a target only where its time does not confidently say otherwise: where
 *   the interval of the time is below the threshold, they are told and do not count. For a function
 *   both its own time and the target's are asked; its own only, when a gate names it. In a target
 *   whose time got worse, a function counts that has a good part of its additional instructions.
 * - Time that could not be decided, of a target that computes, with exactly as many instructions in
 *   every function and as many system calls as before, and an estimate of at most half the
 *   threshold: unchanged, rule "counts equal". In a target that is unchanged, so are its undecided
 *   functions (one that a gate names needs the estimate, too).
 * - Time that got worse with as many instructions as before stays worse, and the cause says so; so
 *   it does of system calls and of time in the kernel.
 */
#ifndef XSG_COMPARE_COUNTS_H
#define XSG_COMPARE_COUNTS_H

#include "compare/row.h"

/* |ln ratio| up to which numbers of instructions are the same: the length of the checkout's path
 * and of the environment shows in the loader and in libc, with a few hundred instructions. */
#define XSG_COUNTS_EQUAL 5e-5
/* A change of the number of system calls that is worth a word: this factor, and this many. */
#define XSG_COUNTS_TIMES_CALLS 1.5
#define XSG_COUNTS_MANY_CALLS 100

/* The effect on a counted metric that is not exact: Welch's interval on logarithms (Welch 1947);
 * counted runs are few, and no pairs. Method NONE with less than 3 runs, or with a zero. */
void xsg_counts_estimate(struct xsg_effect *effect, const struct xsg_sample_pair *pair,
                         double alpha);

/* Adds rows of what was counted and is not judged; before xsg_rows_decide. */
void xsg_counts_add_rows(struct xsg_target_work *t, const char *const *metrics, size_t n_metrics);

/* Applies the rules above; after xsg_rows_decide. Rows that say nothing are taken out. */
void xsg_counts_combine(struct xsg_target_work *t);

/* The cause of a row of time, with what the counts say of it, and of a target's CPU time the part
 * in the kernel, which needs no counts; may be the same, and NULL. */
const char *xsg_counts_remark(struct xsg_target_work *t, const struct xsg_row *row,
                              const char *cause);

#endif
