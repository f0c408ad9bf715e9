/*
 * Change points of a stored series: where a function or target became slower or faster, over the
 * commits of a history. Pure; values in, changes out.
 *
 * Method. Positive values are taken as logarithms (noise of times is a factor). Isolated outliers
 * are pulled in to the running median of seven. Optimal partitioning by squared error with pruning
 * (Killick, Fearnhead, Eckley 2012) proposes steps; a step stays when the levels on its two sides
 * differ by a Welch test whose standard errors allow for autocorrelation, at alpha over all places
 * that it could have had (Bonferroni), and when it is large enough to matter. The weakest goes
 * first and its neighbours are tested anew. Scale and autocorrelation come from differences of
 * neighbours, which steps hardly touch. Steps of one direction that a ramp explains better become
 * one drift.
 */
#ifndef XSG_COMPARE_CHANGE_H
#define XSG_COMPARE_CHANGE_H

#include <stddef.h>

#include "base/arena.h"

struct xsg_change_options {
    double alpha;       /* error over a whole series without a change; 0: 0.005 */
    double min_effect;  /* smallest relative change worth telling; 0: 0.005 */
    size_t min_segment; /* points that a level lasts at least; 0: 4 */
};

enum xsg_change_kind { XSG_CHANGE_STEP, XSG_CHANGE_DRIFT };

/* Indexes are into the points given. The cause lies after point `first` and not after point `last`:
 * in the commits (first, last]. For a step that is a confidence range around `at`. */
struct xsg_change {
    enum xsg_change_kind kind;
    size_t first, last;
    size_t at;            /* most likely first point of the new level; of a drift its middle */
    double before, after; /* levels */
    double ratio;         /* after / before; NaN when a level is not positive */
    double p;             /* adjusted over places; small is certain */
    size_t environment;   /* of the points */
};

struct xsg_change_point {
    double value;       /* NaN: not measured there */
    double spread;      /* relative standard error of value; NaN or 0: unknown */
    size_t environment; /* any number; levels of two environments are never compared */
};

struct xsg_change_list {
    struct xsg_change *item; /* by `at` */
    size_t n;
    double noise; /* relative robust spread of single points around their levels; NaN: too few */
};

/* n up to some 10,000; time grows at worst with n^2 where nothing changes (10,000: 0.1 s). A point
 * of another environment starts a series of its own, whether the two alternate or follow each
 * other. Fewer than 2 x min_segment points of an environment: no changes there. */
void xsg_change_find(struct xsg_arena *arena, const struct xsg_change_point *points, size_t n,
                     const struct xsg_change_options *options, struct xsg_change_list *list);

#endif
