/*
 * Checkouts of commits below .xsgate/checkouts/OID.
 *
 * OID+N is one more of the same commit, for a build of another layout.
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
 * Three locks, so that two gates can work at once: making and pruning hold ".lock" for the moment;
 * building and measuring hold "OID.lock" for as long as they take (xsg_git_checkout_lock).
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

static char *folder_of(struct xsg_git *git, struct xsg_arena *arena, const char *name)
{
    return xsg_printf(arena, "%s/.xsgate/checkouts/%s", git->root, name);
}

/* "OID" or "OID+N", N in 1 to 9: the name of a checkout. */
static int parse_name(git_oid *oid, const char *name, struct xsg_err *err)
{
    char hex[GIT_OID_HEXSZ + 1];
    size_t n = strlen(name);
    bool more =
        n == GIT_OID_HEXSZ + 2 && name[n - 2] == '+' && name[n - 1] >= '1' && name[n - 1] <= '9';
    snprintf(hex, sizeof hex, "%.40s", name);
    return xsg__git_oid(oid, more ? hex : name, err);
}

static int make_base_folder(struct xsg_git *git, struct xsg_arena *arena, struct xsg_err *err)
{
    int rc = xsg__folder_make(xsg_path_join(arena, git->root, ".xsgate"), err);
    return rc == XSG_OK ? xsg_mkdirs(folder_of(git, arena, ""), err) : rc;
}

/* A lock file may be removed by its holder (prune): then the lock that was waited for is on a file
 * that nobody else will open, and is worth nothing. */
static bool is_still_there(int fd, const char *path)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static int lock_name(struct xsg_git *git, const char *name, bool wait, int *fd, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    *fd = -1;
    int rc = make_base_folder(git, &arena, err);
    const char *path = folder_of(git, &arena, name);
    while (rc == XSG_OK) {
        rc = xsg_lock_file(path, wait, fd, err);
        if (rc != XSG_OK || is_still_there(*fd, path))
            break;
        xsg_unlock_file(*fd);
        *fd = -1;
    }
    xsg_arena_release(&arena);
    return rc;
}

int xsg_git_checkout_lock(struct xsg_git *git, const char *oid, bool wait, int *fd,
                          struct xsg_err *err)
{
    char name[GIT_OID_HEXSZ + 8];
    git_oid parsed;
    *fd = -1;
    int rc = parse_name(&parsed, oid, err);
    if (rc != XSG_OK)
        return rc;
    snprintf(name, sizeof name, "%s.lock", oid);
    struct xsg_err why = {{0}, {0}};
    rc = lock_name(git, name, wait, fd, &why);
    if (rc == XSG_EBUSY)
        return xsg_fail(err, rc, "another gate is using the checkout of commit %.10s", oid);
    return rc == XSG_OK ? rc : xsg_fail(err, rc, "%s", why.text);
}

/* Out of sight in one step, then away: a half-removed folder must not look like a checkout. */
static int discard(struct xsg_git *git, struct xsg_arena *arena, const char *path,
                   struct xsg_err *err)
{
    const char *old = folder_of(git, arena, ".old");
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
    const char *part = folder_of(git, arena, ".new");
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
        rc = lock_name(git, ".lock", true, &lock, err);
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

static bool is_kept(const char *oid, const char *const *keep, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(oid, keep[i], GIT_OID_HEXSZ) == 0)
            return true;
    }
    return false;
}

/* One that somebody is measuring in stays. */
static int prune_one(struct xsg_git *git, struct xsg_arena *arena, const char *oid, size_t *removed,
                     struct xsg_err *err)
{
    int lock;
    int rc = xsg_git_checkout_lock(git, oid, false, &lock, NULL);
    if (rc != XSG_OK)
        return rc == XSG_EBUSY ? XSG_OK
                               : xsg_fail(err, rc, "cannot lock the checkout of %.10s", oid);
    const char *path = folder_of(git, arena, oid);
    if (xsg_is_dir(path)) {
        rc = discard(git, arena, path, err);
        *removed += rc == XSG_OK;
    }
    if (rc == XSG_OK)
        unlink(xsg_printf(arena, "%s.lock", path));
    xsg_unlock_file(lock);
    return rc;
}

int xsg_git_checkout_prune(struct xsg_git *git, const char *const *keep, size_t n, size_t *removed,
                           struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    char **names = NULL;
    size_t n_names = 0;
    int lock = -1;
    *removed = 0;
    int rc = XSG_OK;
    if (!xsg_is_dir(folder_of(git, &arena, "")))
        goto out;
    rc = lock_name(git, ".lock", true, &lock, err);
    if (rc == XSG_OK)
        rc = xsg_list_dir(&arena, folder_of(git, &arena, ""), &names, &n_names, err);
    for (size_t i = 0; rc == XSG_OK && i < n_names; i++) {
        git_oid id;
        char *name = names[i], *end = strstr(name, ".lock");
        if (end)
            *end = 0;
        if (parse_name(&id, name, NULL) == XSG_OK && !is_kept(name, keep, n))
            rc = prune_one(git, &arena, name, removed, err);
    }
    if (rc == XSG_OK)
        rc = xsg_remove_tree(folder_of(git, &arena, ".new"), err);
out:
    if (lock >= 0)
        xsg_unlock_file(lock);
    xsg_arena_release(&arena);
    return rc;
}
