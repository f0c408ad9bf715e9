/*
 * Running a child process: no shell unless asked, its own process group, a deadline, bounded
 * capture of its output, its resource usage, and nothing left behind.
 *
 * Between caller and child stands a watcher, a fork of the caller that is a child subreaper:
 * whatever the child leaves running, in whichever session, becomes the watcher's child, is killed
 * and reaped, and is never mistaken for the caller's or for that of another run in another thread.
 * When the caller dies, by SIGKILL too, the watcher kills the child. Thread-safe.
 */
#ifndef XSG_BASE_PROC_H
#define XSG_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct xsg_proc_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in the child's PATH */
    const char *const *env;  /* NULL-terminated "KEY=value"; NULL: inherit */
    const char *cwd;         /* NULL: inherit */
    double timeout_s;        /* 0: none. SIGTERM, then after grace_s SIGKILL, to all descendants */
    double grace_s;          /* 0: 2 s */
    int pin_cpu;             /* -1: not pinned */
    size_t keep_output;      /* bytes of stdout+stderr kept from each end; the rest is counted */
    bool pass_output;        /* stdin, stdout, stderr and the process group are inherited, so that
                                a terminal's keys reach the child; nothing is captured */
    volatile const int *interrupt; /* becomes non-zero (in a signal handler) to stop; may be NULL */
    volatile const int *cancel;    /* the same, for another thread's use */
    int meet; /* one end of a pair made by xsg_proc_meeting(): the child waits before its exec until
                 the child of the other end is there too, or will never be. <= 0: starts at once */
};

struct xsg_proc_result {
    bool started;
    bool timed_out;
    bool interrupted;
    int exit_status; /* -1 when it died by a signal */
    int signal;      /* 0 when it exited */
    int64_t wall_ns;
    int64_t user_ns, system_ns; /* child and the descendants it waited for (wait4) */
    int64_t queued_ns;          /* its first thread was ready to run and had no CPU; 0 if unknown */
    int64_t peak_rss;           /* bytes */
    int64_t minor_faults, major_faults;
    int64_t voluntary_switches, involuntary_switches;
    int leftovers;     /* descendants that had to be killed after it ended */
    char *output_head; /* first keep_output bytes of stdout and stderr interleaved (arena) */
    size_t output_head_n;
    char *output_tail; /* last keep_output bytes beyond the head */
    size_t output_tail_n;
    uint64_t output_total; /* all bytes that the child wrote */
};

/* 0 also when the child failed or was stopped: look at the result. XSG_EFAILED: it could not be
 * started at all (not found, not executable); the sentence says why. */
int xsg_proc_run(struct xsg_arena *arena, const struct xsg_proc_spec *spec,
                 struct xsg_proc_result *result, struct xsg_err *err);

/* Two ends for two children that shall start together, each given to one xsg_proc_run() in a thread
 * of its own. Whoever's run has returned closes its end at once: the other does not wait then. */
int xsg_proc_meeting(int ends[2], struct xsg_err *err);

/*
 * Forks a small process that launches all later children. To be called first thing in main, while
 * the program is small and has one thread: what a program holds when it forks counts in the peak
 * RSS and the CPU time of its children. Without it all works, with that error. Ends with the
 * caller.
 */
int xsg_proc_start_helper(struct xsg_err *err);

#endif
