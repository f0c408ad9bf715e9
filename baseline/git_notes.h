/*
 * Git notes: a text for a commit, in a tree of their own, so that a commit need not be there for
 * its note to be read. Reading and writing only; fetching and pushing is the git program's.
 */
#ifndef XSG_BASELINE_GIT_NOTES_H
#define XSG_BASELINE_GIT_NOTES_H

#include <stdint.h>

#include "baseline/git.h"

enum {
    XSG_NOTES_MOST = 100000,      /* notes that are read */
    XSG_NOTES_LONGEST = 16 << 20, /* bytes of one */
    XSG_NOTES_ALL = 512 << 20     /* of all together */
};

struct xsg_note {
    const char *oid;  /* of what it is about: full id */
    const char *path; /* in the notes' tree */
    const char *text; /* NUL-terminated; may have NULs in it */
    size_t n;
};

struct xsg_notes {
    const char *commit; /* full id of the notes' newest commit; NULL: there is none */
    struct xsg_note *item;
    size_t n;
    size_t skipped; /* too large, or beyond the bounds above */
};

/* All notes of a reference such as "refs/notes/xsgate"; none when it does not exist. */
int xsg_git_notes_read(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                       struct xsg_notes *notes, struct xsg_err *err);
/* A commit whose parent is notes->commit, with changed[n] put in place of what was there; their
 * path NULL: new ones. No reference is moved. *commit: its id (arena). */
int xsg_git_notes_write(struct xsg_git *git, struct xsg_arena *arena, const struct xsg_notes *notes,
                        const struct xsg_note *changed, size_t n, const char *message,
                        const char **commit, struct xsg_err *err);
/* Makes or moves a reference; commit NULL: removes it, if it is there. */
int xsg_git_set_reference(struct xsg_git *git, const char *reference, const char *commit,
                          struct xsg_err *err);

#endif
