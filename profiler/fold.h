/*
 * fold: one or many call trees -> a profile, and many profiles -> the series and tree of a run.
 *
 * A fold is a tree with resolved names, filled by a source (profiler/source) and independent of any
 * file format. Children with the same function and kind below the same parent are one node. Times
 * are own times (without the children's), so that merging threads, processes and levels of a
 * recursion is addition. Everything lives in the arena; not thread-safe.
 */
#ifndef XSG_PROFILER_FOLD_H
#define XSG_PROFILER_FOLD_H

#include "base/buf.h"
#include "profiler/counts.h"
#include "profiler/profile.h"

/* A path deeper than SOFT folds a recursion into the ancestor of the same function; no path of the
 * result is deeper than HARD. */
enum { XSG_FOLD_DEPTH_SOFT = 128, XSG_FOLD_DEPTH_HARD = 1024 };

struct xsg_fold_node {
    uint32_t parent;   /* smaller than the node's own index */
    uint32_t function; /* index given by xsg_fold_function */
    uint32_t kind;     /* enum xsg_profile_kind */
    uint32_t depth;    /* the root has 0 */
    double calls;      /* of SCOPE and FUNCTION */
    double ns;         /* own time; an estimate may be below 0 until everything is merged */
    double variance;   /* of ns, where it is an estimate; 0 if exact */
    uint64_t samples;  /* that ended here */
};

/* What concerns the whole profile: sources add to it. */
struct xsg_fold_sums {
    unsigned modes; /* enum xsg_seg_mode bits */
    size_t n_processes, n_threads, n_killed;
    uint64_t phase_ns; /* as in struct xsg_profile */
    uint64_t binary;   /* as in struct xsg_target_run */
    uint64_t lost;
    uint64_t lost_paths; /* part of lost: calls and samples that count as their callers' */
};

struct xsg_fold;

int xsg_fold_open(struct xsg_fold **out, struct xsg_arena *arena, struct xsg_err *err);
/* Finds or makes the function; identity is name and file. The strings are copied. */
uint32_t xsg_fold_function(struct xsg_fold *fold, const struct xsg_function *function);
/* Finds or makes the child; node 0 is the root. */
uint32_t xsg_fold_child(struct xsg_fold *fold, uint32_t parent, uint32_t function, uint32_t kind);
/* The pointer is valid until the next xsg_fold_child. */
struct xsg_fold_node *xsg_fold_node(struct xsg_fold *fold, uint32_t node);
/*
 * Of the own time and samples of a function, these were spent in the machine code of another that
 * it is inlined into: they are that one's own. What is inlined is the compiler's choice, and to
 * which of the two an instruction belongs is its guess; a function of the machine code has a time.
 */
void xsg_fold_inlined(struct xsg_fold *fold, uint32_t function, uint32_t into, double ns,
                      uint64_t samples);
/* A frame of a sampled stack: is the function a part of its caller's machine code there? */
void xsg_fold_frame(struct xsg_fold *fold, uint32_t function, bool inlined);
/* Durations per call (ns, children included) of a function, to be added to; made empty. */
struct xsg_hist *xsg_fold_hist(struct xsg_fold *fold, uint32_t function);
struct xsg_fold_sums *xsg_fold_sums(struct xsg_fold *fold);
void xsg_fold_counter(struct xsg_fold *fold, const char *name, double sum, uint64_t n, double min,
                      double max);
void xsg_fold_bench(struct xsg_fold *fold, const char *name, uint64_t iterations);
/* Machine code of what counts as one function, from several modules or rounds: where it differs it
 * is unknown from then on (*differ). */
void xsg_fold_join_code(struct xsg_function *known, bool *differ, const struct xsg_function *f);
/* A sentence for the report; one that is already there is not repeated. */
void xsg_fold_note(struct xsg_fold *fold, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * Totals, values per function, order. Own times below 0 become 0; when that is more than 1 % of the
 * whole, a note says so. Where exact times and samples were both asked for, the tree has a
 * subtree "[measured]" and one "[sampled]", and a function that has both kinds of numbers reports
 * the measured ones. The fold may be filled further and finished again.
 */
int xsg_fold_finish(struct xsg_fold *fold, struct xsg_profile *profile, struct xsg_err *err);

/*
 * Collects the profiles of one target, one per round, and its target-wide values, and turns them
 * into the series and the mean call tree of a run. A function unseen in a round is NaN there.
 * Metrics per function: "time" (self, ns), "total" (ns), "calls" (where calls are counted).
 */
struct xsg_collect;
int xsg_collect_open(struct xsg_collect **out, struct xsg_arena *arena, const char *target,
                     struct xsg_err *err);
/* At most one profile per round. Copies what it needs: the profile may be released. */
int xsg_collect_profile(struct xsg_collect *c, size_t round, const struct xsg_profile *profile);
int xsg_collect_value(struct xsg_collect *c, size_t round, const char *metric, double value);
/* A counted run: the metrics of base/metric.h that are counted, of functions and the target. Runs
 * are numbered by themselves, from 0. Copies what it needs. */
int xsg_collect_counts(struct xsg_collect *c, size_t run, const struct xsg_counts *counts);
/* Appends series to *series (arena array) and fills the target's tree, lost, samples. May be called
 * again after more rounds: it always gives everything collected so far. */
int xsg_collect_finish(struct xsg_collect *c, struct xsg_series **series, size_t *n_series,
                       struct xsg_target_run *target, struct xsg_err *err);

/* Folded stacks ("a;b;c 123\n", ns of own time) of a call tree, for flame graph tools. Names are
 * escaped so that every name survives: ';' and control characters as \x3b, backslash doubled. The
 * root's name is left out. base/calltree.h has the exact form. */
void xsg_calltree_put_folded(struct xsg_buf *out, const struct xsg_calltree *tree);

#endif
