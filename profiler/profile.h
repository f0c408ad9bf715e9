/*
 * A profile: names, call tree and per-function values of one invocation of a target (all of its
 * processes and threads together).
 */
#ifndef XSG_PROFILER_PROFILE_H
#define XSG_PROFILER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hist.h"

/* How a function's numbers came about. */
enum xsg_profile_kind { XSG_PROFILE_SCOPE = 1, XSG_PROFILE_FUNCTION = 2, XSG_PROFILE_SAMPLE = 4 };

struct xsg_profile_function {
    struct xsg_function function;
    unsigned kinds;     /* enum xsg_profile_kind bits */
    double self, total; /* ns; self: in its machine code, what is inlined there too; total counts
                           the outermost of recursive calls only */
    double inlined;     /* ns spent in it as a part of other functions' machine code: theirs */
    bool only_inlined;  /* no frame of it was machine code of its own: it has no self time */
    double self_se;     /* standard error of an estimated self time (1-in-N timing); 0 if exact */
    double calls;       /* 0 for sampled functions */
    uint64_t samples;
    double min, max;      /* ns per call, NaN when not timed */
    struct xsg_hist hist; /* ns per call */
};

struct xsg_profile_counter {
    const char *name;
    double sum;
    uint64_t n;
    double min, max;
};

struct xsg_profile_bench {
    const char *name;
    uint64_t iterations;
};

struct xsg_profile {
    struct xsg_profile_function *functions; /* by self, largest first */
    size_t n_functions;
    struct xsg_calltree tree; /* this invocation's; see <xsgate/run.h> */
    struct xsg_profile_counter *counters;
    size_t n_counters;
    struct xsg_profile_bench *benches;
    size_t n_benches;
    unsigned modes; /* enum xsg_seg_mode bits that some process armed */
    unsigned kinds; /* enum xsg_profile_kind bits that delivered anything */
    size_t n_processes, n_threads;
    size_t n_killed;   /* not ended in order, of the processes that recorded something */
    uint64_t phase_ns; /* CPU time before programs began, to begin at a phase of the tick: none of
                          the target's */
    uint64_t binary;   /* as in struct xsg_target_run */
    double total_ns;   /* sum of self times; with both, the larger of measured and sampled */
    uint64_t samples;
    uint64_t lost;       /* records that did not fit, or are damaged; the notes say which */
    uint64_t lost_paths; /* part of lost: calls and samples that count as their callers' */
    const char **notes;  /* sentences for the report: losses, truncation, symbols */
    size_t n_notes;
};

#endif
