/* The machine: what identifies it for comparisons, and what will disturb or limit measurements. */
#ifndef XSG_HARNESS_MACHINE_H
#define XSG_HARNESS_MACHINE_H

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * Never fails: what cannot be found out is NULL. Sets the fingerprint: over CPU model, usable
 * cores, kernel, libc, compiler, governor, GPU with its driver, and xsgate's own version. Memory,
 * distribution and virtualisation inform only: they make no other numbers by themselves.
 */
void xsg_machine_environment(struct xsg_arena *arena, struct xsg_environment *environment);

enum xsg_check_state { XSG_CHECK_OK, XSG_CHECK_NOTE, XSG_CHECK_PROBLEM };

struct xsg_check {
    const char *name; /* "frequency governor" */
    enum xsg_check_state state;
    const char *finding; /* what was seen */
    const char *remedy;  /* what to do; NULL when ok */
};

/*
 * doctor: runtime library (present, attaches), compiler, git, valgrind, processor, governor, turbo,
 * SMT, load, CPU quota, virtualisation, steady counter, sampling rate delivered (measured: 100 ms
 * of CPU time), address randomisation, perf_event_paranoid, disk space of folder. runtime may be
 * NULL when it was not found. Each that is not ok has a remedy.
 */
size_t xsg_machine_checks(struct xsg_arena *arena, const char *folder, const char *runtime,
                          struct xsg_check **checks);

/* Signals per second of a 1 kHz thread-CPU-time timer, over 100 ms of CPU time that it takes: what
 * sampling can get. -1: there is no such timer. */
int xsg_machine_sampling_rate(void);

/* A CPU to pin single-threaded targets to, or -1: the last allowed one when two or more are. */
int xsg_machine_pick_cpu(void);

/* Two CPUs for the two sides of a round: the last allowed one in cpus[1], as above, and in cpus[0]
 * another one that is no hyper-thread of the same core, if there is one. Returns how many there
 * are: 2, or 1 where only a sibling is left (cpus[0] is that sibling), or 0 with less than two
 * CPUs, or where control groups allow less than two CPUs' worth of time (both cpus are -1). */
int xsg_machine_pick_cpus(int cpus[2]);

#endif
