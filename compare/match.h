/* Which series of head belongs to which of base, and the values that may be compared. */
#ifndef XSG_COMPARE_MATCH_H
#define XSG_COMPARE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/map.h"
#include "compare/paths.h"

/* One side of one target, ready for look-ups. */
struct xsg_side {
    const struct xsg_run *run;
    const struct xsg_target_run *target;
    struct xsg_map series; /* metric, name, file -> const struct xsg_series * */
    bool *measured;        /* by round: some series has a value there */
    bool *counted;         /* the same by counted run, for the metrics that have these */
    size_t n_rounds;       /* the larger of both numbers */
};

/* The series of one metric and function on both sides; base or head is NULL where it has none. */
struct xsg_match {
    const struct xsg_series *base, *head;
    bool by_code; /* the names differ: found by machine code and callers */
};

/* target may be NULL (this side lacks it): then the side is empty. */
void xsg_side_init(struct xsg_side *side, struct xsg_arena *arena, const struct xsg_run *run,
                   const struct xsg_target_run *target);

/* The series of a metric of a function on one side, or NULL. function NULL: the whole target. */
const struct xsg_series *xsg_side_find(const struct xsg_side *side, const char *metric,
                                       const struct xsg_function *function);

/* The mean of that series over the side's measured rounds, where a function not seen took 0; NaN
 * when there is no such series. */
double xsg_side_mean(const struct xsg_side *side, const char *metric,
                     const struct xsg_function *function);

/*
 * All functions that have the metric on some side, matched by name and file; functions that are
 * left alone on both sides are matched by name where that is unambiguous (the file moved), then by
 * machine code where one on each side has it and a caller in common (renamed). Order: base's, then
 * head's.
 */
void xsg_match_functions(struct xsg_arena *arena, const struct xsg_side *base,
                         const struct xsg_side *head, const struct xsg_paths *paths,
                         const char *metric, struct xsg_match **matches, size_t *n);

/*
 * The values to compare. A function that was not seen in a measured round took nothing there: 0; a
 * target's missing value leaves the round out. paired: only rounds measured on both sides, aligned.
 */
struct xsg_values {
    double *base, *head;
    size_t n_base, n_head;
};
void xsg_match_values(struct xsg_arena *arena, const struct xsg_match *match,
                      const struct xsg_side *base, const struct xsg_side *head, bool paired,
                      struct xsg_values *values);

/* The same of the sum over functions: a function without a value took 0 in a measured round. */
void xsg_match_sum(struct xsg_arena *arena, const struct xsg_match *matches, size_t n,
                   const struct xsg_side *base, const struct xsg_side *head, bool paired,
                   struct xsg_values *values);

#endif
