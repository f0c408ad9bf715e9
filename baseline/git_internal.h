/* What the files about git share; nobody else includes this. */
#ifndef XSG_BASELINE_GIT_INTERNAL_H
#define XSG_BASELINE_GIT_INTERNAL_H

#include <git2.h>

#include "baseline/git.h"

struct xsg_git {
    git_repository *repository;
    char *root;
    bool shallow;
};

/* The sentence for what libgit2 just answered: "what: its message". Always a failure. */
int xsg__git_fail(struct xsg_err *err, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the right status and next step for a missing object: in a shallow clone that is the
 * end of the history, in a partial one what was not fetched, else damage. */
int xsg__git_fail_object(git_repository *repository, int code, struct xsg_err *err,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

/* describe NULL: the nearest tag, else the abbreviated id. */
int xsg__git_fill(struct xsg_git *git, struct xsg_arena *arena, const git_oid *oid,
                  const char *describe, struct xsg_commit *commit, struct xsg_err *err);
int xsg__git_lookup(struct xsg_git *git, struct xsg_arena *arena, const char *revision,
                    git_oid *oid, const char **describe, struct xsg_err *err);
/* 40 hex digits to an id. */
int xsg__git_oid(git_oid *oid, const char *text, struct xsg_err *err);

/* checkout_submodule.c: the submodules of a tree that was just checked out at folder. */
int xsg__checkout_submodules(git_repository *source, git_repository *made, const char *folder,
                             int depth, struct xsg_err *err);
/* checkout_tree.c: a repository at folder that borrows source's objects, with oid checked out. */
int xsg__checkout_tree(git_repository *source, const git_oid *oid, const char *folder, int depth,
                       struct xsg_err *err);

#endif
