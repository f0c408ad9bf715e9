/*
 * Exact counts of one invocation of a target (all of its processes together), as a simulator gives
 * them: instructions and system calls, by function. Plain data in an arena.
 */
#ifndef XSG_PROFILER_COUNTS_H
#define XSG_PROFILER_COUNTS_H

#include <stddef.h>

#include <xsgate/run.h>

struct xsg_counts_function {
    struct xsg_function function;
    double instructions; /* executed in its machine code, what is inlined there too */
    double total;        /* executed in it and in all that it called; at most the whole's */
    double calls;        /* that it got; 0 when it was only inlined */
    double syscalls;     /* made by its own code: of libc's wrappers, mostly */
};

struct xsg_counts {
    struct xsg_counts_function *functions; /* by instructions, largest first; then by name */
    size_t n_functions;
    double instructions, syscalls; /* of the whole */
    size_t n_processes;
    const char **notes; /* sentences for the report: what had no names */
    size_t n_notes;
};

#endif
