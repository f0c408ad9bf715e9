/* select: "main" -> merge base -> the commit to compare with, and which stored run is comparable.
 */
#ifndef XSG_BASELINE_SELECT_H
#define XSG_BASELINE_SELECT_H

#include "baseline/git.h"
#include "baseline/store.h"

/* The forge's own answer to "where do base and head meet": oid in the arena. */
typedef int xsg_select_ask_fn(void *arg, struct xsg_arena *arena, const char *base,
                              const char *head, const char **oid, struct xsg_err *err);

/* What is known about the base. Everything but reference may be left out. */
struct xsg_select_request {
    const char *reference;  /* as --baseline names it; "auto": event_base, else the main branch */
    const char *head;       /* NULL: HEAD */
    const char *event;      /* "pull_request", as the CI system calls it; NULL: not in CI */
    const char *event_base; /* full id of the base as the event names it */
    const char *event_ref;  /* the branch that event_base was the tip of */
    bool event_exact;       /* HEAD stands on event_base, as in a merge queue: it goes before */
    bool forge_merge;       /* HEAD is the forge's merge of a pull request into its base */
    bool fetch;             /* what is missing may be fetched from the remote, by git */
    double fetch_timeout_s; /* per call of git; 0: 60 s */
    volatile const int *interrupt;
    xsg_select_ask_fn *ask;
    void *ask_arg;
};

struct xsg_selection {
    struct xsg_commit base; /* the merge base of the reference and head */
    const char *how;        /* for people: "merge base of main and HEAD" */
    bool same_as_head;      /* base and head are one commit: nothing to compare unless dirty */
    bool none;              /* there is nothing to compare with yet, and how says why */
};

/*
 * The base is where head's history left the reference's: never the reference's newest commit, whose
 * changes are not head's. In this order: the merge base; where a shallow clone cuts the history
 * off, a parent that the merge commit HEAD itself names; what git finds after fetching more, within
 * bounds; what the forge answers. XSG_ENOTFOUND with the next step otherwise.
 */
int xsg_select_base(struct xsg_git *git, struct xsg_arena *arena,
                    const struct xsg_select_request *request, struct xsg_selection *selection,
                    struct xsg_err *err);

/*
 * The rule of comparability of stored numbers with what is measured now: same environment
 * fingerprint and suite hash for noisy metrics; deterministic metrics need only the suite hash (now
 * NULL). suite_hash NULL: any. Returns NULL when comparable, else the sentence that says what
 * differs (arena).
 */
const char *xsg_select_differs(struct xsg_arena *arena, const struct xsg_run *stored,
                               const struct xsg_environment *now, const char *suite_hash);

#endif
