/* The machine: what identifies it for comparisons, and what will disturb or limit measurements. */
#ifndef XSG_HARNESS_MACHINE_H
#define XSG_HARNESS_MACHINE_H

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"

/* Never fails: what cannot be found out is NULL. Sets the fingerprint. */
void xsg_machine_environment(struct xsg_arena *arena, struct xsg_environment *environment);

enum xsg_check_state { XSG_CHECK_OK, XSG_CHECK_NOTE, XSG_CHECK_PROBLEM };

struct xsg_check {
    const char *name; /* "frequency governor" */
    enum xsg_check_state state;
    const char *finding; /* what was seen */
    const char *remedy;  /* what to do; NULL when ok */
};

/* doctor: governor, turbo, SMT, load, cgroup quota, timer rate delivered, TSC, virtualisation,
 * runtime library, compiler flags tools, perf_event_paranoid, ptrace, disk space of folder. runtime
 * may be NULL when it was not found. */
size_t xsg_machine_checks(struct xsg_arena *arena, const char *folder, const char *runtime,
                          struct xsg_check **checks);

/* A CPU to pin single-threaded targets to, or -1: the last allowed one when two or more are. */
int xsg_machine_pick_cpu(void);

#endif
