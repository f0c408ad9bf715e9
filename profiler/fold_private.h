/* What fold.c and fold_finish.c share. */
#ifndef XSG_PROFILER_FOLD_PRIVATE_H
#define XSG_PROFILER_FOLD_PRIVATE_H

#include "base/map.h"
#include "profiler/fold.h"

#define XSG_FOLD_ROOT "[root]"

struct xsg_fold_function {
    struct xsg_function function;
    struct xsg_hist *hist; /* NULL: none */
    double given, taken;   /* ns of own time inlined into others; of others inlined here */
    uint64_t samples_given, samples_taken;
    bool own_code, inlined; /* its frames: machine code of its own; a part of another's */
    bool codes_differ;      /* of two modules: which one is meant is not known */
};

struct xsg_fold {
    struct xsg_arena *arena;
    struct xsg_fold_function *functions; /* 0 is the root's */
    size_t n_functions, cap_functions;
    struct xsg_map function_map; /* name and file -> index */
    struct xsg_fold_node *nodes; /* parents before children */
    size_t n_nodes, cap_nodes;
    struct xsg_map child_map; /* parent, function, kind -> index */
    struct xsg_map counters, benches, notes;
    struct xsg_fold_sums sums;
};

#endif
