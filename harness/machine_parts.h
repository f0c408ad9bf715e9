/* What machine.c and machine_checks.c share. Files of /proc, /sys and /etc are read below a root,
 * so that tests can plant a machine. */
#ifndef XSG_HARNESS_MACHINE_PARTS_H
#define XSG_HARNESS_MACHINE_PARTS_H

#include "base/arena.h"
#include "harness/machine.h"

struct xsg_machine {
    struct xsg_arena *arena;
    const char *root; /* "" for this machine */
};

/* The first line of a small file without its line break, or NULL. */
const char *xsg_machine_line(const struct xsg_machine *m, const char *path);
/* The value behind "key<sep>" in a file of such lines, unquoted, or NULL. */
const char *xsg_machine_field(const struct xsg_machine *m, const char *path, const char *key,
                              char sep);
/* CPUs' worth of time that the control groups of this process allow (version 2, and 1); 0: no
 * limit. */
double xsg_machine_quota(const struct xsg_machine *m);
/* "NVIDIA H200, driver 550.54.15", or NULL. */
const char *xsg_machine_gpu(const struct xsg_machine *m);
/* "kvm", "docker", "kvm, docker"; "" for bare metal. */
const char *xsg_machine_virtualization(const struct xsg_machine *m);
/* Does the time-stamp counter run at one rate in all states of the processor? */
bool xsg_machine_has_steady_counter(const struct xsg_machine *m);

void xsg_machine_environment_at(const struct xsg_machine *m, struct xsg_environment *environment);
size_t xsg_machine_checks_at(const struct xsg_machine *m, const char *folder, const char *runtime,
                             struct xsg_check **checks);

#endif
