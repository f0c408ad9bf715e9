/* Why an invocation cannot be judged, in one sentence, and what to do about it. */
#ifndef XSG_HARNESS_LAUNCH_FAILURE_H
#define XSG_HARNESS_LAUNCH_FAILURE_H

#include "base/arena.h"
#include "harness/launch.h"

/* Calls and samples that had no room of their own count as their callers'. Up to this share of all
 * that is a note; beyond, and when anything else was lost, the numbers cannot be judged. */
#define XSG_LOST_PATHS_LIMIT 0.01

/*
 * The last lines of what the child wrote: at most lines, and at most bytes in all; each after
 * "\n  | ", printable. NULL when it wrote nothing.
 */
const char *xsg_output_lines(struct xsg_arena *arena, const struct xsg_proc_result *proc,
                             size_t lines, size_t bytes);

/* The process: exit status, signal, time-out. Sets failure, hint and output. */
void xsg_judge_process(struct xsg_arena *arena, const struct xsg_launch *launch,
                       struct xsg_invocation *out);

/* What it recorded. program: the executable, or NULL when that is not known. */
void xsg_judge_profile(struct xsg_arena *arena, const struct xsg_launch *launch,
                       const char *program, struct xsg_invocation *out);

/* Why a library cannot be preloaded into this executable: "is statically linked"; NULL if unknown.
 */
const char *xsg_preload_obstacle(const char *program);

#endif
