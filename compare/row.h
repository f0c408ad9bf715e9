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
    bool comparable; /* times of the two runs may be compared at all */
    const struct xsg_looks *looks;
    struct xsg_comparison *comparison;
    size_t cap; /* of comparison->deltas */
};

struct xsg_row {
    struct xsg_delta delta;
    struct xsg_effect effect; /* of all rounds */
    struct xsg_effect seen;   /* of those that the look saw; the same without a fresh batch */
    double fresh_ratio;       /* of the fresh batch; NaN without one */
    bool more_is_better;
    bool named; /* a gates rule names this function */
    bool ignored;
    bool tested;            /* its p-values belong to the family */
    bool same_here;         /* self time, of code that is the same */
    bool same_way;          /* nothing calls it more often, as far as can be known */
    bool evidence;          /* beside the judged metrics: see compare/counts.h */
    const char *moved_from; /* base's file, when it is another one */
    const char *where;      /* what of it changed: "f (a.c:1-9), g (a.c:20)"; NULL */
    const char *caller;     /* the only one of those that call it that changed; NULL */
    struct xsg_match match; /* of a function */
    const char *layout;     /* what other layouts showed, or why there are none; NULL */
    double total;           /* what share is of, in the metric's unit; NaN if unknown */
};

/* One target while its rows are made. */
struct xsg_target_work {
    struct xsg_context *context;
    const char *name;
    struct xsg_side base, head;
    size_t look;            /* the one that it was decided at */
    double error;           /* on each side of its intervals */
    size_t fresh_from;      /* rounds before the fresh batch; 0: none */
    double inflation, bias; /* see struct xsg_sample_pair */
    double round_s;         /* seconds that a round takes; NaN: unknown */
    double total;           /* of base, ns per round; NaN: unknown */
    double sample_weight;   /* ns that one sample stands for; 0: not sampled */
    struct xsg_paths paths;
    struct xsg_row *rows;
    size_t n_rows, cap;
};

/* rows.c: totals first, then the rows of each judged metric. */
void xsg_target_take_totals(struct xsg_target_work *t);
void xsg_target_add_row(struct xsg_target_work *t, const char *metric);
void xsg_target_add_functions(struct xsg_target_work *t, const char *metric);

/* rows.c: the name of what "time" is for the target itself. */
const char *xsg_target_time_metric(const struct xsg_target_work *t);
/* rows.c: the step that values of the row come in. */
double xsg_row_resolution(const struct xsg_target_work *t, const struct xsg_row *row);

/* gate.c: the first rule that matches, or NULL. function NULL: the target itself. */
const struct xsg_gate_rule *xsg_gate_rule_for(const struct xsg_gate *gate, const char *target,
                                              const char *function, const char *metric);

/* control.c: what the control pairs say of the machine. */
void xsg_target_take_controls(struct xsg_target_work *t);

/* The rows of one target, without verdicts; work->n_rows is 0 and a delta says why when it cannot
 * be judged. base or head may be NULL. */
void xsg_target_measure(struct xsg_context *context, struct xsg_target_work *work,
                        const struct xsg_target_run *base, const struct xsg_target_run *head);
/* Its rows, decided, become deltas of the comparison. */
void xsg_target_conclude(struct xsg_target_work *work);

/*
 * Verdicts of all rows of all targets. Error control: targets may spend half of alpha and functions
 * the other half, each by Holm 1979 over all of their kind in the comparison, whatever the target.
 * What is adjusted are errors over all looks (xsg_looks_error), so that all false alarms of a
 * comparison, over its looks, targets and functions, stay below alpha. delta.p is scaled so that
 * "below alpha" is the rule.
 */
void xsg_rows_decide(struct xsg_context *context, struct xsg_target_work *work, size_t n);

/* The rule of a target that was not measured, for there is nothing to tell apart. */
#define XSG_ONE_SIDE "one side only"
#define XSG_IDENTICAL "identical programs"

/* The rule of a function that is too small on both sides to be judged. */
#define XSG_BELOW_SHARE "below min_share"

/* The rule of a target that did not get worse, whether it improved being open. */
#define XSG_NOT_WORSE "not worse: its interval ends below the threshold"

/* The rule of an undecided function in a target that is decided. */
#define XSG_TARGET_PASSED "the target as a whole did not get worse"

/* Targets and functions may each spend half of alpha. */
#define XSG_ALPHA_PARTS 2

/* power.c: standard errors from 0 at which a row alone is evidence at a look, and the smallest
 * ratio - 1 that is then seen with probability 1 - beta. */
double xsg_evidence_at(const struct xsg_gate *gate, const struct xsg_looks *looks, size_t look,
                       double df);
double xsg_detectable(const struct xsg_gate *gate, const struct xsg_looks *looks, size_t look,
                      double se, double df, double bias);

struct xsg_delta *xsg_context_add_delta(struct xsg_context *context);

/* From 0 (worst) to 6: the order of deltas. */
int xsg_delta_rank(enum xsg_delta_verdict verdict);
/* Verdict, reason, order, warnings, from the deltas. */
void xsg_comparison_conclude(struct xsg_context *context);

/* spread.c: what history says about stored numbers' spread. */
void xsg_row_widen(const struct xsg_target_work *t, struct xsg_row *row);

/* waiver.c: after all rows are decided, before the verdict. */
void xsg_comparison_waive(struct xsg_context *context);

#endif
