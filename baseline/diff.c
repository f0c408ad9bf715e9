/* Which lines changed: so that a report can say whether a slower function was touched. */
#include <string.h>

#include "baseline/git_internal.h"

enum { DEEPEST_SUBMODULE = 8 };

struct collect {
    struct xsg_arena *arena;
    struct xsg_git_changes *changes;
    size_t cap, cap_files;
    const char *prefix; /* of the submodule, "" or "lib/x/" */
    git_repository *repository;
    int depth;
};

static void add(struct collect *to, const char *file, int line, int end_line)
{
    struct xsg_git_changes *changes = to->changes;
    changes->ranges =
        xsg_grow(to->arena, changes->ranges, &to->cap, changes->n + 1, sizeof *changes->ranges);
    changes->ranges[changes->n++] =
        (struct xsg_git_range){.file = xsg_printf(to->arena, "%s%s", to->prefix, file),
                               .line = line,
                               .end_line = end_line};
}

static int on_hunk(const git_diff_delta *delta, const git_diff_hunk *hunk, void *arg)
{
    if (!delta->new_file.path || delta->status == GIT_DELTA_DELETED ||
        delta->new_file.mode == GIT_FILEMODE_COMMIT)
        return 0;
    if (hunk->new_lines > 0)
        add(arg, delta->new_file.path, hunk->new_start, hunk->new_start + hunk->new_lines - 1);
    else /* only taken away, behind line new_start */
        add(arg, delta->new_file.path, hunk->new_start > 0 ? hunk->new_start : 1,
            hunk->new_start + 1);
    return 0;
}

static int diff_trees(struct collect *to, const git_oid *base, const git_oid *head);

/* A submodule that moved: its own lines, where its commits are there to be read. */
static void enter_submodule(struct collect *to, const git_diff_delta *delta)
{
    const char *path = delta->new_file.path;
    git_submodule *submodule = NULL;
    git_repository *repository = NULL;
    if (to->depth < DEEPEST_SUBMODULE && path &&
        git_submodule_lookup(&submodule, to->repository, path) == 0 &&
        git_submodule_open(&repository, submodule) == 0) {
        struct collect inner = *to;
        inner.repository = repository;
        inner.prefix = xsg_printf(to->arena, "%s%s/", to->prefix, path);
        inner.depth++;
        /* NULL: the submodule's work tree stands where the index does not say. */
        const git_oid *head = git_oid_is_zero(&delta->new_file.id) ? NULL : &delta->new_file.id;
        diff_trees(&inner, &delta->old_file.id, head);
        to->cap = inner.cap;
        to->cap_files = inner.cap_files;
    }
    git_repository_free(repository);
    git_submodule_free(submodule);
}

static void add_file(struct collect *to, const char *file)
{
    struct xsg_git_changes *changes = to->changes;
    if (!file)
        return;
    changes->files = xsg_grow(to->arena, changes->files, &to->cap_files, changes->n_files + 1,
                              sizeof *changes->files);
    changes->files[changes->n_files++] = xsg_printf(to->arena, "%s%s", to->prefix, file);
}

static int on_file(const git_diff_delta *delta, float progress, void *arg)
{
    (void)progress;
    add_file(arg, delta->new_file.path);
    if (delta->old_file.path && delta->new_file.path &&
        strcmp(delta->old_file.path, delta->new_file.path) != 0)
        add_file(arg, delta->old_file.path);
    if (delta->old_file.mode == GIT_FILEMODE_COMMIT && delta->new_file.mode == GIT_FILEMODE_COMMIT)
        enter_submodule(arg, delta);
    return 0;
}

static int tree_of(git_tree **tree, git_repository *repository, const git_oid *oid)
{
    git_commit *commit = NULL;
    int code = git_commit_lookup(&commit, repository, oid);
    if (code == 0)
        code = git_commit_tree(tree, commit);
    git_commit_free(commit);
    return code;
}

static int diff_trees(struct collect *to, const git_oid *base, const git_oid *head)
{
    git_diff_options options;
    git_diff_find_options find;
    git_tree *old_tree = NULL, *new_tree = NULL;
    git_diff *diff = NULL;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    git_diff_find_options_init(&find, GIT_DIFF_FIND_OPTIONS_VERSION);
    options.context_lines = 0;
    options.interhunk_lines = 0;
    options.ignore_submodules = head ? GIT_SUBMODULE_IGNORE_NONE : GIT_SUBMODULE_IGNORE_UNTRACKED;
    find.flags = GIT_DIFF_FIND_RENAMES;
    int code = tree_of(&old_tree, to->repository, base);
    if (code == 0 && head)
        code = tree_of(&new_tree, to->repository, head);
    if (code == 0)
        code = head
                   ? git_diff_tree_to_tree(&diff, to->repository, old_tree, new_tree, &options)
                   : git_diff_tree_to_workdir_with_index(&diff, to->repository, old_tree, &options);
    if (code == 0)
        code = git_diff_find_similar(diff, &find);
    if (code == 0)
        code = git_diff_foreach(diff, on_file, NULL, on_hunk, NULL, to);
    git_diff_free(diff);
    git_tree_free(old_tree);
    git_tree_free(new_tree);
    return code;
}

int xsg_git_diff(struct xsg_git *git, struct xsg_arena *arena, const char *base, const char *head,
                 struct xsg_git_changes *changes, struct xsg_err *err)
{
    git_oid from, to;
    const char *describe;
    *changes = (struct xsg_git_changes){0};
    int rc = xsg__git_lookup(git, arena, base, &from, &describe, err);
    if (rc == XSG_OK && head)
        rc = xsg__git_lookup(git, arena, head, &to, &describe, err);
    if (rc != XSG_OK)
        return rc;
    struct collect collect = {
        .arena = arena, .changes = changes, .prefix = "", .repository = git->repository};
    int code = diff_trees(&collect, &from, head ? &to : NULL);
    return code == 0
               ? XSG_OK
               : xsg__git_fail_object(git->repository, code, err, "cannot compare '%s' with %s",
                                      base, head ? head : "the work tree");
}
