/* Source: the segment files of a session folder (profiler/format.h) -> fold -> profile. */
#ifndef XSG_PROFILER_SOURCE_SESSION_H
#define XSG_PROFILER_SOURCE_SESSION_H

#include "profiler/code.h"
#include "profiler/profile.h"

struct xsg_session_options {
    const char *root; /* checkout's root, for relative file names; may be NULL */
    struct xsg_code_cache
        *code;           /* gives functions and the program their codes; NULL: they stay unknown */
    bool keep_addresses; /* name frames with their line as well, for record's listing */
};

/*
 * Reads every segment in the folder. A damaged segment is skipped with a note (counted in lost) as
 * long as another is whole; all damaged: XSG_ECORRUPT. An empty folder gives a profile with no
 * processes: the caller says what that means.
 */
int xsg_session_read(struct xsg_arena *arena, const char *folder,
                     const struct xsg_session_options *options, struct xsg_profile *profile,
                     struct xsg_err *err);

/* One segment from memory: for fuzzing and tests. data need not be aligned. */
struct xsg_fold;
struct xsg_symboliser;
int xsg_segment_read(struct xsg_arena *arena, const void *data, size_t n,
                     struct xsg_symboliser *symboliser, struct xsg_fold *fold, struct xsg_err *err);

#endif
