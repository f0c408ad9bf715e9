/*
 * The repository, by libgit2 (the only place that includes it). Handles are not thread-safe.
 * Refused with a sentence: no repository, bare ones, SHA-256 object format, one owned by another
 * user.
 */
#ifndef XSG_BASELINE_GIT_H
#define XSG_BASELINE_GIT_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"

struct xsg_git;

/* Discovers upward from folder. XSG_ENOTFOUND: not a repository. */
int xsg_git_open(struct xsg_git **out, const char *folder, struct xsg_err *err);
void xsg_git_close(struct xsg_git *git);

const char *
xsg_git_root(const struct xsg_git *git); /* work tree, absolute, without trailing slash */
bool xsg_git_is_shallow(const struct xsg_git *git);
extern const char xsg_git_deepen[]; /* the next step where a shallow clone's history is too short */

/* HEAD's commit and the dirtiness of the work tree (untracked files do not count; submodules and
 * the index do). An unborn branch is XSG_ENOTFOUND with a sentence of its own. */
int xsg_git_head(struct xsg_git *git, struct xsg_arena *arena, struct xsg_commit *commit,
                 struct xsg_err *err);
/* Any revision: branch, tag, remote branch ("main" also finds origin/main), abbreviated id, HEAD~2.
 * XSG_ENOTFOUND names the nearest branch or tag, or says that history is cut (shallow). */
int xsg_git_resolve(struct xsg_git *git, struct xsg_arena *arena, const char *revision,
                    struct xsg_commit *commit, struct xsg_err *err);
/* Ids of a commit's parents, as it names them: in a shallow clone they need not be there. */
int xsg_git_parents(struct xsg_git *git, struct xsg_arena *arena, const char *oid, char ***parents,
                    size_t *n, struct xsg_err *err);
/* Is there no branch, here or as a remote had it, but those whose newest commit is oid? */
bool xsg_git_is_only_branch(struct xsg_git *git, const char *oid);
/* The branch that everything is merged into: the remote's default, else main or master, else the
 * only one that there is; "main" where nothing tells. */
const char *xsg_git_main_branch(struct xsg_git *git, struct xsg_arena *arena);
/* head and its first parents, oldest first: the line of commits that a branch went through. Ends
 * with until (NULL: at the root); met: it was among them. complete: false where the history is cut.
 */
struct xsg_git_commits {
    struct xsg_commit *item; /* oid, subject, time */
    size_t n;
    bool complete, met;
};
int xsg_git_first_parents(struct xsg_git *git, struct xsg_arena *arena, const char *head,
                          const char *until, struct xsg_git_commits *commits, struct xsg_err *err);
/* Best common ancestor. XSG_ENOTFOUND: unrelated, or cut off in a shallow clone (says so). */
int xsg_git_merge_base(struct xsg_git *git, struct xsg_arena *arena, const char *a, const char *b,
                       struct xsg_commit *commit, struct xsg_err *err);

/*
 * A checkout of a commit below .xsgate/checkouts/OID: a repository of its own that borrows this
 * one's objects, HEAD detached, with submodules. Made once, safe against two callers at once, made
 * again when it was left half-made. *fresh: it was just made, or its build never finished (see
 * xsg_git_checkout_built). A submodule comes from where this clone has it; one that the work tree
 * does without is left out; one that only this commit has is fetched from its URL.
 *
 * oid, here and below, may end in "+N" (1 to 9): another checkout of the same commit, for a build
 * of another layout; its path is as long as the first one's.
 */
int xsg_git_checkout(struct xsg_git *git, struct xsg_arena *arena, const char *oid, char **path,
                     bool *fresh, struct xsg_err *err);
/* Marks the checkout's build as complete for this build line; later calls give fresh = false. */
int xsg_git_checkout_built(struct xsg_git *git, const char *oid, const char *key,
                           struct xsg_err *err);
bool xsg_git_checkout_is_built(struct xsg_git *git, const char *oid, const char *key);
/* Removes checkouts of commits other than keep[n], whoever works in them: the caller knows that
 * nobody does. Those of other layouts only, in the second. */
int xsg_git_checkout_prune(struct xsg_git *git, const char *const *keep, size_t n, size_t *removed,
                           struct xsg_err *err);
int xsg_git_checkout_prune_layouts(struct xsg_git *git, const char *const *keep, size_t n,
                                   size_t *removed, struct xsg_err *err);

/* A new, empty repository at folder, which is made where it is absent. */
int xsg_git_create(const char *folder, struct xsg_err *err);
/* One commit more on HEAD's branch: the tree before it, with text as the content of file in its
 * root. Touches neither work tree nor index. */
int xsg_git_commit_file(struct xsg_git *git, struct xsg_arena *arena, const char *file,
                        const char *text, const char *message, struct xsg_commit *commit,
                        struct xsg_err *err);

/* Which lines of which files differ between two commits (head NULL: the work tree). */
struct xsg_git_range {
    const char *file;   /* in head, relative to the root */
    int line, end_line; /* in head, 1-based; a pure deletion covers the line before and after it */
};
struct xsg_git_changes {
    struct xsg_git_range *ranges;
    size_t n;
    const char **files; /* all that differ, also binary, deleted and renamed ones, submodules */
    size_t n_files;
};
int xsg_git_diff(struct xsg_git *git, struct xsg_arena *arena, const char *base, const char *head,
                 struct xsg_git_changes *changes, struct xsg_err *err);

#endif
