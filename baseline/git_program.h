/*
 * The git program, for what libgit2 has not: the user's transports and credentials, shallow
 * histories that grow. It asks nothing, runs no hooks, and ends within its time.
 */
#ifndef XSG_BASELINE_GIT_PROGRAM_H
#define XSG_BASELINE_GIT_PROGRAM_H

#include "baseline/git.h"

/* How it may be run; shared by all calls of one operation. */
struct xsg_git_limits {
    double timeout_s;              /* per call; 0: 60 s */
    volatile const int *interrupt; /* as in struct xsg_proc_spec; may be NULL */
};

struct xsg_git_answer {
    int status; /* exit status; -1: a signal */
    char *text; /* stdout and stderr, at most 128 KiB, NUL-terminated (arena) */
};

/* Runs "git ARGS..." in the repository; args NULL-terminated, without "git". XSG_OK when it ended
 * by itself, whatever its status; XSG_EFAILED: not there, or out of time; XSG_EINTR. */
int xsg_git_program(struct xsg_git *git, struct xsg_arena *arena, const char *const *args,
                    const struct xsg_git_limits *limits, struct xsg_git_answer *answer,
                    struct xsg_err *err);
/* The line of its answer that says what went wrong, without "fatal: "; never NULL (arena). */
const char *xsg_git_complaint(struct xsg_arena *arena, const struct xsg_git_answer *answer);

/* The remote to talk to: "origin", else the only one; NULL: none, or several (arena). */
const char *xsg_git_default_remote(struct xsg_git *git, struct xsg_arena *arena);
/* Is it the name of a remote of this repository? A URL or an option is not. */
int xsg_git_check_remote(struct xsg_git *git, const char *remote, struct xsg_err *err);

/*
 * Fetches refspecs or full ids; no tags, no submodules. depth > 0: cut there ("--depth"); -1: as
 * the repository is. deepen > 0: that many commits beyond the cut. The handle sees what came.
 * XSG_ENOTFOUND: the remote has no such reference; XSG_EFAILED with its complaint otherwise.
 */
struct xsg_git_fetch {
    const char *remote;
    const char *what[4]; /* NULL-terminated */
    int depth, deepen;
};
int xsg_git_fetch(struct xsg_git *git, struct xsg_arena *arena, const struct xsg_git_fetch *fetch,
                  const struct xsg_git_limits *limits, struct xsg_err *err);

#endif
