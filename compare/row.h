/* Between the files of compare: one function and metric of a target on its way to a delta. */
#ifndef XSG_COMPARE_ROW_H
#define XSG_COMPARE_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/comparison.h>

#include "base/arena.h"
#include "compare/compare.h"
#include "compare/effect.h"
#include "compare/match.h"

struct xsg_context {
    struct xsg_arena *arena;
    const struct xsg_run *base, *head;
    const struct xsg_gate *gate;
    const struct xsg_compare_options *options;
    bool paired;
    bool comparable;   /* times of the two runs may be compared at all */
    double look_alpha; /* one-sided error that this look may spend */
    struct xsg_comparison *comparison;
    size_t cap; /* of comparison->deltas */
};

struct xsg_row {
    struct xsg_delta delta;
    struct xsg_effect effect;
    bool more_is_better;
    bool named; /* a gates rule names this function */
    bool ignored;
    bool tested;            /* its p-values belong to the family */
    bool evidence;          /* beside the judged metrics: see compare/counts.h */
    const char *moved_from; /* base's file, when it is another one */
    const char *where;      /* what of it changed: "f (a.c:1-9), g (a.c:20)"; NULL */
    struct xsg_match match; /* of a function */
    double total;           /* what share is of, in the metric's unit; NaN if unknown */
};

/* One target while its rows are made. */
struct xsg_target_work {
    struct xsg_context *context;
    const char *name;
    struct xsg_side base, head;
    double total;         /* of base, ns per round; NaN: unknown */
    double sample_weight; /* ns that one sample stands for; 0: not sampled */
    struct xsg_paths paths;
    struct xsg_row *rows;
    size_t n_rows, cap;
};

/* rows.c: totals first, then the rows of each judged metric. */
void xsg_target_take_totals(struct xsg_target_work *t);
void xsg_target_add_row(struct xsg_target_work *t, const char *metric);
void xsg_target_add_functions(struct xsg_target_work *t, const char *metric);

/* gate.c: the first rule that matches, or NULL. function NULL: the target itself. */
const struct xsg_gate_rule *xsg_gate_rule_for(const struct xsg_gate *gate, const char *target,
                                              const char *function, const char *metric);

/* Compares one target; appends its deltas to the comparison. base or head may be NULL. */
void xsg_target_compare(struct xsg_context *context, const struct xsg_target_run *base,
                        const struct xsg_target_run *head);

/*
 * Verdicts of all rows of one target. Error control: the target's own rows may spend half of the
 * look's error and its functions the other half, each by Holm 1979, so that all false alarms of one
 * target and look together stay below look_alpha. delta.p is scaled so that "below alpha" is the
 * rule at every look.
 */
void xsg_rows_decide(struct xsg_context *context, struct xsg_row *rows, size_t n);

struct xsg_delta *xsg_context_add_delta(struct xsg_context *context);

/* From 0 (worst) to 6: the order of deltas. */
int xsg_delta_rank(enum xsg_delta_verdict verdict);
/* Verdict, reason, order, warnings, from the deltas. */
void xsg_comparison_conclude(struct xsg_context *context);

/* waiver.c: after all rows are decided, before the verdict. */
void xsg_comparison_waive(struct xsg_context *context);

#endif
