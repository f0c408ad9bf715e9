/*
 * compare: two runs -> deltas -> verdict. Pure: no files, no clock, no globals; the same input
 * gives the same output.
 */
#ifndef XSG_COMPARE_COMPARE_H
#define XSG_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/comparison.h>
#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/looks.h"

/* Runs of the same commits, measured in rounds of their own, with programs linked in another order.
 * A target that they lack, or that failed in them, is not judged by them. */
struct xsg_compare_layout {
    const struct xsg_run *base, *head;
};

struct xsg_compare_options {
    /* Does the commit range touch the function? 1, 0, or -1 for unknown. NULL: unknown. */
    int (*changed)(void *arg, const struct xsg_function *function);
    void *arg;
    /* Group-sequential looks (base/looks.h): this is look number look (0-based) of n_looks, which
     * come at doubling numbers of rounds, or as looks says. 0, 1: one look. target_look[i] says it
     * for base->targets[i] where targets stopped at different looks; NULL: look holds for all. */
    size_t look, n_looks;
    const struct xsg_looks *looks; /* may be NULL */
    const size_t *target_look;
    /* Rounds of base->targets[i] before the fresh batch that is to confirm what the look saw; 0, or
     * NULL: there is none. */
    const size_t *fresh_from;
    /* How far a stored run's value usually lies from its level (relative, one standard deviation),
     * as history shows; NaN: unknown. Widens comparisons of stored numbers: their rounds cannot
     * show how one hour differs from the next. function NULL: the target. NULL: unknown. */
    double (*usual_spread)(void *arg, const char *target, const char *function, const char *metric);
    void *spread_arg;
    /* What xsg_compare_wants_layouts asked for, as far as it was measured; and why there is no more
     * of it (NULL: nothing stands in the way). */
    const struct xsg_compare_layout *layouts;
    size_t n_layouts;
    const char *no_layouts;
};

/* A fresh batch smaller than this (the time was up) confirms and refutes nothing. */
#define XSG_COMPARE_FRESH_ROUNDS 3

/* Fills *comparison; all of it lives in the arena; base and head are referred to, not copied.
 * Runs of one session are compared in pairs, others as two independent samples. */
int xsg_compare(struct xsg_arena *arena, const struct xsg_run *base, const struct xsg_run *head,
                const struct xsg_gate *gate, const struct xsg_compare_options *options,
                struct xsg_comparison *comparison, struct xsg_err *err);

/* The stop rule's question: is every judged delta of this target decided (not undecided)? */
bool xsg_compare_decided(const struct xsg_comparison *comparison, const char *target);

/* Is it time for a fresh batch: something that is measured, not counted, has regressed, and the
 * function is named? While only the target itself is slower and functions are undecided, the next
 * look may name one. */
bool xsg_compare_needs_confirmation(const struct xsg_comparison *comparison, const char *target);

/* Did something of this target get slower whose machine code did not change, and is it open whether
 * that is due to the layout? Then one more layout would tell; but not where one of the n that were
 * measured said nothing, for the next ones will say nothing, too. */
bool xsg_compare_wants_layouts(const struct xsg_comparison *comparison, const char *target,
                               size_t n);

/* What the status of the process will be: 0, 1, 3, or 4 when strict. */
int xsg_compare_exit_status(const struct xsg_comparison *comparison);

/* Defaults: 5 %, alpha 1 %, beta 5 %, min_share 0.5 %. */
void xsg_gate_init(struct xsg_gate *gate);
/* The threshold for a function (name NULL: target) and the text of the rule; ignored -> true. */
double xsg_gate_threshold(struct xsg_arena *arena, const struct xsg_gate *gate, const char *target,
                          const char *function, const char *metric, const char **rule,
                          bool *ignored);

#endif
