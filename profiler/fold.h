/* fold: one or many call trees -> a profile, and many profiles -> the series and tree of a run. */
#ifndef XSG_PROFILER_FOLD_H
#define XSG_PROFILER_FOLD_H

#include "profiler/profile.h"

/*
 * An intermediate tree with resolved names, filled by a source (profiler/source), independent of any
 * file format. Children with the same function below the same parent are merged.
 */
struct xsg_fold_node {
    uint32_t parent;
    uint32_t function;    /* index into fold->functions */
    uint32_t kind;        /* enum xsg_profile_kind */
    double calls;
    double timed;         /* calls of which were timed */
    double ns;            /* SCOPE, FUNCTION: inclusive, already scaled to all calls;
                             SAMPLE: self */
    double se;            /* standard error of ns; 0 if exact */
    uint64_t samples;
    struct xsg_hist *hist; /* ns per call; NULL if none */
};

struct xsg_fold;

int xsg_fold_open(struct xsg_fold **out, struct xsg_arena *arena, struct xsg_err *err);
/* Finds or makes the function; identity is name and file. */
uint32_t xsg_fold_function(struct xsg_fold *fold, const struct xsg_function *function);
/* Finds or makes the child; node 0 is the root. The pointer is valid until the next call. */
uint32_t xsg_fold_child(struct xsg_fold *fold, uint32_t parent, uint32_t function, uint32_t kind);
struct xsg_fold_node *xsg_fold_node(struct xsg_fold *fold, uint32_t node);
void xsg_fold_counter(struct xsg_fold *fold, const char *name, double sum, uint64_t n, double min,
                      double max);
void xsg_fold_bench(struct xsg_fold *fold, const char *name, uint64_t iterations);
void xsg_fold_note(struct xsg_fold *fold, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Computes self times (inclusive minus children, never below 0), totals, order. */
int xsg_fold_finish(struct xsg_fold *fold, struct xsg_profile *profile, struct xsg_err *err);

/*
 * Collects the profiles of one target, one per round, and its target-wide values, and turns them into
 * the series and the mean call tree of a run. A function unseen in a round is NaN there.
 * Metrics per function: "time" (self, ns), "total" (ns), "calls".
 */
struct xsg_collect;
int xsg_collect_open(struct xsg_collect **out, struct xsg_arena *arena, const char *target,
                     struct xsg_err *err);
int xsg_collect_profile(struct xsg_collect *c, size_t round, const struct xsg_profile *profile);
int xsg_collect_value(struct xsg_collect *c, size_t round, const char *metric, double value);
/* Appends series to *series (arena array) and fills the target's tree, lost, samples. May be called
 * again after more rounds: it always gives everything collected so far. */
int xsg_collect_finish(struct xsg_collect *c, struct xsg_series **series, size_t *n_series,
                       struct xsg_target_run *target, struct xsg_err *err);

/* Folded stacks ("a;b;c 123\n", ns) of a call tree, and back; the store keeps trees so. Names are
 * escaped so that every name survives (';' and line breaks as \x3b, \x0a; backslash doubled). */
struct xsg_buf;
void xsg_calltree_put_folded(struct xsg_buf *out, const struct xsg_calltree *tree);

#endif
