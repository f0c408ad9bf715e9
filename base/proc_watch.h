/* The process between the caller and its child. For base/proc.c only. */
#ifndef XSG_BASE_PROC_WATCH_H
#define XSG_BASE_PROC_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* All that the watcher and the child need, made before the fork: afterwards nothing allocates. */
struct xsg_watch {
    char **paths; /* what argv[0] may mean, tried in order; NULL-terminated */
    char **argv, **env;
    const char *cwd;
    int pin_cpu;
    bool own_group;
    int streams[3]; /* to become 0, 1 and 2; -1: as they are */
    int control;    /* the watcher's end of a SOCK_SEQPACKET pair */
    int meet;       /* the child's end of a pair of sockets, or -1: see base/proc.h */
};

/* One byte from the caller; the end of the connection means XSG_WATCH_KILL. */
enum { XSG_WATCH_TERM = 'T', XSG_WATCH_KILL = 'K' };

enum xsg_watch_kind { XSG_WATCH_STARTED, XSG_WATCH_FAILED, XSG_WATCH_ENDED };
enum xsg_watch_stage { XSG_WATCH_FORK, XSG_WATCH_CHDIR, XSG_WATCH_EXEC };

/* To the caller: either FAILED, or STARTED and then ENDED. */
struct xsg_watch_report {
    enum xsg_watch_kind kind;
    enum xsg_watch_stage stage; /* of a failure */
    int error;                  /* errno of a failure */
    int status;                 /* as of waitpid */
    int leftovers;
    int64_t wall_ns, queued_ns;
    struct rusage usage;
};

/* Runs in a fresh fork with all signals blocked, possibly of a process with threads: calls nothing
 * that is not async-signal-safe. */
__attribute__((noreturn)) void xsg_watch_run(const struct xsg_watch *watch);

#endif
