/*
 * One invocation of a target: environment, preload, pinning, limits, time-out, resource usage, and
 * the profile that came out of it.
 */
#ifndef XSG_HARNESS_LAUNCH_H
#define XSG_HARNESS_LAUNCH_H

#include "base/arena.h"
#include "base/error.h"
#include "base/proc.h"
#include "harness/suite.h"
#include "profiler/code.h"
#include "profiler/counts.h"
#include "profiler/profile.h"

struct xsg_launch;
struct xsg_launch_pair;
struct xsg_invocation;

struct xsg_launcher {
    const char *runtime;         /* path of libxsgate-runtime.so */
    const char *scratch;         /* folder for session folders; each is removed after reading */
    struct xsg_code_cache *code; /* what the machine code is, over all launches; NULL: not asked */
    int pin_cpu;                 /* -1: not pinned */
    volatile const int *interrupt; /* see base/proc.h */
    /* What the plan calls for each invocation: xsg_launch_run, or a test's own. */
    int (*invoke)(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                  const struct xsg_launch *launch, struct xsg_invocation *out, struct xsg_err *err);
    /* The same for both sides of a round at once: xsg_launch_pair, or a test's own. */
    int (*invoke_pair)(struct xsg_arena *const arena[2], const struct xsg_launcher *launcher,
                       const struct xsg_launch_pair *pair, struct xsg_invocation *out,
                       struct xsg_err *err);
    void *invoke_arg; /* of both */
};

struct xsg_launch {
    const struct xsg_suite_target *target;
    const char *root;        /* the checkout */
    const char *bench;       /* value of XSGATE_BENCH; NULL: unset */
    size_t env_padding;      /* bytes of padding variable: varies the stack's position */
    double start_phase;      /* part of the kernel's tick at which a sampled target begins, more
                                than 0 and less than 1; 0: as it comes. What it computes until then
                                is in no time of its invocation */
    bool no_profile;         /* run it bare */
    bool counts;             /* under callgrind: fills counts; together with no_profile */
    double timeout_s;        /* instead of the target's; 0: the target's */
    const char *const *argv; /* instead of target->command (record); NULL-terminated; may be NULL */
    bool pass_output;        /* the target keeps our stdin, stdout and stderr, and to interrupt it
                                is a way to end it: its profile is read (record) */
    bool keep_addresses;     /* see struct xsg_session_options */
};

struct xsg_launch_pair {
    struct xsg_launch launch[2];
    int cpu[2]; /* each one's; the same: they share it, and each may take twice its time-out. -1:
                   not pinned. The launcher's own pin_cpu is not looked at */
};

struct xsg_invocation {
    struct xsg_proc_result proc;
    struct xsg_profile profile;
    struct xsg_counts counts;
    const char *failure; /* NULL, or one sentence why it cannot be judged: exit status, signal,
                            time-out, a profiler that did not attach (and what to do) */
    bool absent;         /* it was not started, because the file of its command does not exist */
    const char *hint;    /* next step, or NULL */
    const char *output;  /* with a failure of the target itself: the last lines that it wrote, each
                            after "\n  | ", printable; NULL when it wrote nothing */
};

/* 0 when it was run, also when it failed (see failure). XSG_EINTR when interrupted, unless it had
 * started and has pass_output. */
int xsg_launch_run(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                   const struct xsg_launch *launch, struct xsg_invocation *out,
                   struct xsg_err *err);

/*
 * Two invocations at once: their programs start together, as near as the kernel lets them. When one
 * fails the other is ended at once, and has neither a failure nor a profile of its own. Profiles
 * are read when both have ended. out[i] lives in arena[i]. XSG_EINTR when interrupted.
 */
int xsg_launch_pair(struct xsg_arena *const arena[2], const struct xsg_launcher *launcher,
                    const struct xsg_launch_pair *pair, struct xsg_invocation out[2],
                    struct xsg_err *err);

/* The runtime library's path: $XSGATE_RUNTIME, else relative to this program's own executable
 * (build tree: ../lib/xsgate, install tree: ../lib/ARCH/xsgate). XSG_EFAILED also when the path is
 * one that cannot be preloaded. */
int xsg_launch_find_runtime(struct xsg_arena *arena, char **path, struct xsg_err *err);

/* The suite's build command in a checkout, by /bin/sh -e: a failing line ends it. Output is
 * captured; its last lines are in the error when it fails. */
int xsg_launch_build(struct xsg_arena *arena, const struct xsg_suite *suite, const char *root,
                     volatile const int *interrupt, struct xsg_err *err);
/* The same with env ("KEY=value", NULL-terminated; NULL: none) instead of our own values. */
int xsg_launch_build_with(struct xsg_arena *arena, const struct xsg_suite *suite, const char *root,
                          const char *const *env, volatile const int *interrupt,
                          struct xsg_err *err);

#endif
