/* select: "main" -> merge base -> the commit to compare with, and which stored run is comparable.
 */
#ifndef XSG_BASELINE_SELECT_H
#define XSG_BASELINE_SELECT_H

#include "baseline/git.h"
#include "baseline/store.h"

struct xsg_selection {
    struct xsg_commit base; /* the merge base of the reference and head */
    const char *how;        /* for people: "merge base of main and HEAD" */
    bool same_as_head;      /* base and head are one commit: nothing to compare unless dirty */
};

/* The base for a reference as --baseline names it. head NULL: HEAD. In a shallow clone where the
 * merge base is out of reach: parents of a merge commit, then the reference itself, said in how. */
int xsg_select_base(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                    const char *head, struct xsg_selection *selection, struct xsg_err *err);

/*
 * The rule of comparability of stored numbers with what is measured now: same environment
 * fingerprint and suite hash for noisy metrics; deterministic metrics need only the suite hash (now
 * NULL). suite_hash NULL: any. Returns NULL when comparable, else the sentence that says what
 * differs (arena).
 */
const char *xsg_select_differs(struct xsg_arena *arena, const struct xsg_run *stored,
                               const struct xsg_environment *now, const char *suite_hash);

#endif
