/*
 * From addresses to names: functions, inlined frames, source file and line, by libdw from the files
 * that a segment's module table names. A file whose build-id is not the recorded one is not used.
 * Offline only, never in the target. A symboliser keeps its modules open and caches look-ups; it is
 * not thread-safe.
 */
#ifndef XSG_PROFILER_SYMBOL_H
#define XSG_PROFILER_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"

struct xsg_symboliser;

struct xsg_module {
    uint64_t start, end, bias; /* as in profiler/format.h */
    const char *path;
    const uint8_t *build_id;
    size_t build_id_n;
};

/*
 * root: folder of the checkout; source files below it are named relative to it (may be NULL).
 * Results live in the arena, which must outlive the symboliser.
 */
int xsg_symboliser_open(struct xsg_symboliser **out, struct xsg_arena *arena, const char *root,
                        struct xsg_err *err);
void xsg_symboliser_close(struct xsg_symboliser *s);

/* One frame of a look-up: a function, and the line being executed in it. */
struct xsg_frame {
    struct xsg_function function; /* line, end_line: where the function stands */
    int at_line;                  /* the line of the address itself; 0 if unknown */
    bool inlined;                 /* inlined into the next frame */
};

/*
 * The frames at a runtime address in a module, innermost inlined frame first, the real function
 * last; always at least one. Without symbols: the function's start from .eh_frame, named
 * "module+0x1234"; without that "module+0xaddress"; without a module "[unknown]".
 * Demangles C++ and Rust (libiberty).
 */
size_t xsg_symbolise(struct xsg_symboliser *s, const struct xsg_module *module, uint64_t address,
                     const struct xsg_frame **frames);

/* A source file's absolute name as the symboliser gives it: relative to the root if it is below. */
const char *xsg_symboliser_source(struct xsg_symboliser *s, const char *path);

/* A name as people write it: demangled, or the same text. Bounded work for hostile names. */
const char *xsg_demangle(struct xsg_arena *arena, const char *name);

/* Symbol resolution notes for the report, e.g. "libfoo.so was rebuilt since (build-id differs)". */
size_t xsg_symboliser_warnings(const struct xsg_symboliser *s, const char *const **warnings);

#endif
