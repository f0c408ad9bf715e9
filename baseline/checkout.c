/*
 * Checkouts of commits below .xsgate/checkouts/OID.
 *
 * One more of the same commit, for a build of another layout, stands in a folder named by the first
 * 38 digits and "+N": a path gets into programs (__FILE__), and one of another length would make
 * another program of the same sources.
 *
 * Each is a small repository of its own that borrows the user's objects (objects/info/alternates),
 * not a linked worktree (git_worktree_add), because
 *  - it writes nothing into the user's repository: no branch (libgit2 makes one for each worktree
 * and it would stay behind after a SIGKILL), no entry in 'git worktree list', nothing that 'git
 * worktree prune' takes away or that keeps 'git gc' from removing what the user threw away;
 *  - the alternates are relative where possible: the repository may be moved, with its checkouts;
 *  - one that is made half is a folder with another name, and is simply made again.
 * If the user's repository drops the commit (amended, then gc), the files stay and can be built;
 * only git commands inside that checkout fail.
 *
 * Making and pruning hold ".lock" for the moment. What is built and measured in a checkout is the
 * caller's: who prunes sees to it that nobody does (cli/gate.h, xsg_gate_lock).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "baseline/folder.h"
#include "baseline/git_internal.h"

static const char built_mark[] = ".git/xsgate-built";

enum { LAYOUT_DIGITS = GIT_OID_HEXSZ - 2 }; /* of the commit's, before "+N" */

static char *path_of(struct xsg_git *git, struct xsg_arena *arena, const char *file)
{
    return xsg_printf(arena, "%s/.xsgate/checkouts/%s", git->root, file);
}

/* name: as parse_name takes it. */
static char *folder_of(struct xsg_git *git, struct xsg_arena *arena, const char *name)
{
    return path_of(git, arena,
                   strlen(name) == GIT_OID_HEXSZ ? name
                                                 : xsg_printf(arena, "%.*s%s", (int)LAYOUT_DIGITS,
                                                              name, name + GIT_OID_HEXSZ));
}

static bool is_number(const char *text)
{
    return text[0] == '+' && text[1] >= '1' && text[1] <= '9' && !text[2];
}

/* "OID" or "OID+N", N in 1 to 9: the name of a checkout. */
static int parse_name(git_oid *oid, const char *name, struct xsg_err *err)
{
    char hex[GIT_OID_HEXSZ + 1];
    bool more = strlen(name) == GIT_OID_HEXSZ + 2 && is_number(name + GIT_OID_HEXSZ);
    snprintf(hex, sizeof hex, "%.40s", name);
    return xsg__git_oid(oid, more ? hex : name, err);
}

static int make_base_folder(struct xsg_git *git, struct xsg_arena *arena, struct xsg_err *err)
{
    int rc = xsg_folder_make(xsg_path_join(arena, git->root, ".xsgate"), err);
    return rc == XSG_OK ? xsg_mkdirs(path_of(git, arena, ""), err) : rc;
}

static int lock_all(struct xsg_git *git, int *fd, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    *fd = -1;
    int rc = make_base_folder(git, &arena, err);
    if (rc == XSG_OK)
        rc = xsg_lock_file(path_of(git, &arena, ".lock"), true, fd, err);
    xsg_arena_release(&arena);
    return rc;
}

/* Out of sight in one step, then away: a half-removed folder must not look like a checkout. */
static int discard(struct xsg_git *git, struct xsg_arena *arena, const char *path,
                   struct xsg_err *err)
{
    const char *old = path_of(git, arena, ".old");
    int rc = xsg_remove_tree(old, err);
    if (rc == XSG_OK && rename(path, old) != 0 && errno != ENOENT)
        rc = xsg_fail(err, XSG_EFAILED, "cannot remove '%s': %s", path, xsg_system_reason(errno));
    return rc == XSG_OK ? xsg_remove_tree(old, err) : rc;
}

/* Made by us, and of this commit? A folder appears under its name only when it is whole; this finds
 * what people did to it. */
static bool is_whole(const char *path, const char *oid)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    char *text = NULL;
    size_t n;
    bool whole = xsg_read_file(&arena, xsg_path_join(&arena, path, ".git/HEAD"), 4096, &text, &n,
                               NULL) == XSG_OK &&
                 n >= GIT_OID_HEXSZ && strncmp(text, oid, GIT_OID_HEXSZ) == 0;
    xsg_arena_release(&arena);
    return whole;
}

static int make(struct xsg_git *git, struct xsg_arena *arena, const git_oid *oid, const char *path,
                struct xsg_err *err)
{
    const char *part = path_of(git, arena, ".new");
    int rc = xsg_remove_tree(part, err);
    if (rc == XSG_OK) {
        git_commit *commit = NULL;
        int code = git_commit_lookup(&commit, git->repository, oid);
        git_commit_free(commit);
        if (code != 0)
            rc = xsg__git_fail_object(git->repository, code, err, "cannot check out commit %.10s",
                                      git_oid_tostr_s(oid));
    }
    if (rc == XSG_OK)
        rc = xsg__checkout_tree(git->repository, oid, part, 0, err);
    if (rc == XSG_OK && rename(part, path) != 0)
        rc = xsg_fail(err, XSG_EFAILED, "cannot make '%s': %s", path, xsg_system_reason(errno));
    if (rc != XSG_OK)
        xsg_remove_tree(part, NULL);
    return rc;
}

int xsg_git_checkout(struct xsg_git *git, struct xsg_arena *arena, const char *oid, char **path,
                     bool *fresh, struct xsg_err *err)
{
    git_oid id;
    struct stat st;
    int lock;
    *path = NULL;
    int rc = parse_name(&id, oid, err);
    if (rc == XSG_OK)
        rc = lock_all(git, &lock, err);
    if (rc != XSG_OK)
        return rc;
    char *folder = folder_of(git, arena, oid);
    if (!is_whole(folder, oid)) {
        if (lstat(folder, &st) == 0)
            rc = discard(git, arena, folder, err);
        if (rc == XSG_OK)
            rc = make(git, arena, &id, folder, err);
    }
    xsg_unlock_file(lock);
    if (rc != XSG_OK)
        return rc;
    *path = folder;
    *fresh = !xsg_is_file(xsg_path_join(arena, folder, built_mark));
    return XSG_OK;
}

int xsg_git_checkout_built(struct xsg_git *git, const char *oid, const char *key,
                           struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    git_oid id;
    int rc = parse_name(&id, oid, err);
    if (rc == XSG_OK)
        rc = xsg_write_file(xsg_path_join(&arena, folder_of(git, &arena, oid), built_mark), key,
                            strlen(key), err);
    xsg_arena_release(&arena);
    return rc;
}

bool xsg_git_checkout_is_built(struct xsg_git *git, const char *oid, const char *key)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    git_oid id;
    char *text;
    size_t n;
    bool built =
        parse_name(&id, oid, NULL) == XSG_OK &&
        xsg_read_file(&arena, xsg_path_join(&arena, folder_of(git, &arena, oid), built_mark),
                      1 << 20, &text, &n, NULL) == XSG_OK &&
        n == strlen(key) && memcmp(text, key, n) == 0;
    xsg_arena_release(&arena);
    return built;
}

static bool is_kept(const char *file, size_t digits, const char *const *keep, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(file, keep[i], digits) == 0)
            return true;
    }
    return false;
}

/* How many digits of its commit's the name of a folder begins with; 0: not one of ours. Before the
 * folders of other layouts had paths of the same length they were named OID+N, and each folder had
 * a file OID.lock beside it: both are nobody's now, and *old. */
static size_t digits_of(const char *file, bool *layout, bool *old)
{
    size_t digits = strspn(file, "0123456789abcdef");
    size_t n = strlen(file);
    *old = n > 5 && strcmp(file + n - 5, ".lock") == 0;
    *layout = false;
    if (*old || (digits == GIT_OID_HEXSZ && n == digits))
        return *old && digits != GIT_OID_HEXSZ ? 0 : digits;
    if ((digits != GIT_OID_HEXSZ && digits != LAYOUT_DIGITS) || !is_number(file + digits))
        return 0;
    *layout = true;
    *old = digits == GIT_OID_HEXSZ;
    return digits;
}

static int prune(struct xsg_git *git, bool layouts_only, const char *const *keep, size_t n,
                 size_t *removed, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    char **files = NULL;
    size_t n_files = 0;
    int lock = -1;
    *removed = 0;
    int rc = XSG_OK;
    if (!xsg_is_dir(path_of(git, &arena, "")))
        goto out;
    rc = lock_all(git, &lock, err);
    if (rc == XSG_OK)
        rc = xsg_list_dir(&arena, path_of(git, &arena, ""), &files, &n_files, err);
    for (size_t i = 0; rc == XSG_OK && i < n_files; i++) {
        bool layout, old;
        size_t digits = digits_of(files[i], &layout, &old);
        const char *path = path_of(git, &arena, files[i]);
        if (digits == 0 || (!old && is_kept(files[i], digits, keep, n)) ||
            (layouts_only && !layout))
            continue;
        bool counts = xsg_is_dir(path);
        rc = discard(git, &arena, path, err);
        *removed += rc == XSG_OK && counts;
    }
    if (rc == XSG_OK)
        rc = xsg_remove_tree(path_of(git, &arena, ".new"), err);
out:
    if (lock >= 0)
        xsg_unlock_file(lock);
    xsg_arena_release(&arena);
    return rc;
}

int xsg_git_checkout_prune(struct xsg_git *git, const char *const *keep, size_t n, size_t *removed,
                           struct xsg_err *err)
{
    return prune(git, false, keep, n, removed, err);
}

int xsg_git_checkout_prune_layouts(struct xsg_git *git, const char *const *keep, size_t n,
                                   size_t *removed, struct xsg_err *err)
{
    return prune(git, true, keep, n, removed, err);
}
