/*
 * Source: the files that "valgrind --tool=callgrind" leaves -> counts per function.
 *
 * Callgrind's functions are the symbols of the object files. With addresses in the file
 * (--dump-instr=yes) each instruction is looked up by the symboliser, so that functions have the
 * names and files, and inlined functions the instructions, that sampling would give them.
 */
#ifndef XSG_PROFILER_SOURCE_CALLGRIND_H
#define XSG_PROFILER_SOURCE_CALLGRIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "profiler/counts.h"
#include "profiler/symbol.h"

/* A function as the file has it. */
struct xsg_callgrind_function {
    const char *object; /* path of the program or library; NULL: unknown */
    const char *file;   /* of the source; NULL: unknown */
    const char *name;   /* as the symbol table has it: to be demangled; NULL: unknown */
};

/* Executed at one place of a function. */
struct xsg_callgrind_cost {
    uint32_t function;
    uint64_t address; /* in the object file; 0 without addresses */
    uint64_t instructions, syscalls;
};

/* Calls from one place of a function to another function. */
struct xsg_callgrind_call {
    uint32_t caller, callee;
    uint64_t address; /* of the call, in the caller's object */
    uint64_t calls;
    uint64_t instructions; /* from call to return, all levels below */
};

struct xsg_callgrind {
    bool has_addresses;
    struct xsg_callgrind_function *functions;
    size_t n_functions;
    struct xsg_callgrind_cost *costs;
    size_t n_costs;
    struct xsg_callgrind_call *calls;
    size_t n_calls;
    uint64_t instructions, syscalls; /* sums of the costs, as the file's own totals say too */
};

/*
 * Format version 1. XSG_ECORRUPT, with the line's number: what the format does not allow, sums
 * beyond 64 bits, sums that are not the file's own totals, and a file that ends before its totals.
 * data need not end with a NUL.
 */
int xsg_callgrind_parse(struct xsg_arena *arena, const char *data, size_t n,
                        struct xsg_callgrind *out, struct xsg_err *err);

/* Counts while they are added up, file by file. Lives in the arena. */
struct xsg_callgrind_sum;
struct xsg_callgrind_sum *xsg_callgrind_sum_open(struct xsg_arena *arena);
/* One process. symboliser may be NULL: the names of the file are used. */
void xsg_callgrind_sum_add(struct xsg_callgrind_sum *sum, const struct xsg_callgrind *file,
                           struct xsg_symboliser *symboliser);
void xsg_callgrind_sum_finish(struct xsg_callgrind_sum *sum, struct xsg_counts *counts);

/*
 * All files "callgrind.out.*" of a folder. root: the checkout's, for relative names of source
 * files; may be NULL. XSG_ENOTFOUND: there is none. XSG_ECORRUPT: one cannot be read.
 */
int xsg_callgrind_read(struct xsg_arena *arena, const char *folder, const char *root,
                       struct xsg_counts *counts, struct xsg_err *err);

#endif
