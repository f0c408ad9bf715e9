/* The commits of a branch in their order. */
#include "baseline/git_internal.h"

static int add(struct xsg_arena *arena, struct xsg_git_commits *list, size_t *cap,
               git_commit *commit)
{
    char oid[GIT_OID_HEXSZ + 1];
    git_oid_tostr(oid, sizeof oid, git_commit_id(commit));
    const char *subject = git_commit_summary(commit);
    list->item = xsg_grow(arena, list->item, cap, list->n + 1, sizeof *list->item);
    list->item[list->n++] = (struct xsg_commit){.oid = xsg_strdup(arena, oid),
                                                .subject = xsg_strdup(arena, subject),
                                                .time = git_commit_time(commit)};
    return XSG_OK;
}

static void reverse(struct xsg_git_commits *list)
{
    for (size_t i = 0, k = list->n; i + 1 < k; i++) {
        struct xsg_commit swap = list->item[i];
        list->item[i] = list->item[--k];
        list->item[k] = swap;
    }
}

/* libgit2's walker stumbles over the cut of a shallow clone; first parents need none. */
int xsg_git_first_parents(struct xsg_git *git, struct xsg_arena *arena, const char *head,
                          const char *until, struct xsg_git_commits *commits, struct xsg_err *err)
{
    git_oid oid;
    git_commit *commit = NULL;
    size_t cap = 0;
    *commits = (struct xsg_git_commits){.complete = true};
    int rc = xsg__git_oid(&oid, head, err);
    if (rc != XSG_OK)
        return rc;
    int code = git_commit_lookup(&commit, git->repository, &oid);
    if (code != 0)
        return xsg__git_fail_object(git->repository, code, err, "commit %.10s", head);
    while (commit) {
        git_commit *parent = NULL;
        add(arena, commits, &cap, commit);
        if (until && git_oid_streq(git_commit_id(commit), until) == 0) {
            commits->met = true;
        } else if (git_commit_parentcount(commit) > 0 &&
                   git_commit_parent(&parent, commit, 0) != 0) {
            commits->complete = false;
            parent = NULL;
        }
        git_commit_free(commit);
        commit = parent;
    }
    reverse(commits);
    return XSG_OK;
}
