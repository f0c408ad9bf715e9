/* Who calls whom, from the call trees of both sides of a target: by function, not by path. */
#ifndef XSG_COMPARE_PATHS_H
#define XSG_COMPARE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/map.h"

#define XSG_PATHS_NONE UINT32_MAX

/* parent calls child, or has it inlined. */
struct xsg_paths_edge {
    uint32_t parent, child;
    double total[2]; /* ns per round below these calls: base, head */
};

struct xsg_paths {
    struct xsg_arena *arena;
    struct xsg_map index; /* name and file -> number + 1 */
    const struct xsg_function **functions;
    size_t n, cap;
    struct xsg_map edge_index; /* parent, child -> index + 1 */
    struct xsg_paths_edge *edges;
    size_t n_edges, cap_edges;
    uint32_t *by_child; /* edges by child: those of c are [first[c], first[c + 1]) */
    uint32_t *first;
    bool *top; /* somewhere nothing was seen to call it: the program's or a thread's start, or a
                * stack that was cut short */
};

/* A side may be NULL or without a tree. Functions are numbered 0 to n - 1. */
void xsg_paths_init(struct xsg_paths *paths, struct xsg_arena *arena,
                    const struct xsg_target_run *base, const struct xsg_target_run *head);
/* XSG_PATHS_NONE: on no path. */
uint32_t xsg_paths_find(const struct xsg_paths *paths, const struct xsg_function *function);
bool xsg_paths_calls(const struct xsg_paths *paths, uint32_t parent, uint32_t child);
bool xsg_paths_has_caller(const struct xsg_paths *paths, uint32_t function);
/* Have the two a caller in common? */
bool xsg_paths_siblings(const struct xsg_paths *paths, uint32_t a, uint32_t b);

#endif
