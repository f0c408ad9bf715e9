/* One commit's files in a folder, with a repository that borrows another one's objects. */
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "baseline/git_internal.h"

/* How many bytes of folder name the work tree (or the submodule's) that the checkout is in. */
static size_t root_length(const char *folder)
{
    size_t n = 0;
    for (const char *at = folder; (at = strstr(at, "/.xsgate/checkouts/")); at++)
        n = (size_t)(at - folder) + 1;
    return n;
}

/* The path from a folder of the checkout to the objects, relative where both are in one work tree
 * and so move together; else absolute, as for a linked worktree, which may move alone. */
static const char *path_to(struct xsg_arena *arena, const char *from, const char *to)
{
    size_t common = 0;
    for (size_t i = 0; from[i] && from[i] == to[i]; i++) {
        if (from[i] == '/')
            common = i + 1;
    }
    if (common == 0 || common < root_length(from))
        return to;
    const char *up = "";
    for (const char *p = from + common; *p; p += strcspn(p, "/"), p += strspn(p, "/"))
        up = xsg_printf(arena, "../%s", up);
    const char *path = xsg_printf(arena, "%s%s", up, to + common);
    /* Where a link leads elsewhere on the way, ".." is not the way back. */
    return xsg_is_dir(xsg_path_join(arena, from, path)) ? path : to;
}

static int write_text(const char *path, const char *text, struct xsg_err *err)
{
    return xsg_write_file(path, text, strlen(text), err);
}

static int borrow_objects(git_repository *source, struct xsg_arena *arena, const char *folder,
                          struct xsg_err *err)
{
    const char *objects = xsg_path_join(arena, git_repository_commondir(source), "objects");
    const char *own = xsg_path_join(arena, folder, ".git/objects");
    const char *info = xsg_path_join(arena, own, "info");
    int rc = xsg_mkdirs(info, err);
    if (rc == XSG_OK)
        rc = write_text(xsg_path_join(arena, info, "alternates"),
                        xsg_printf(arena, "%s\n", path_to(arena, own, objects)), err);
    return rc;
}

/* Builds call 'git describe': it needs the tags, and must know where the history ends. */
static int copy_tags_and_cut(git_repository *source, struct xsg_arena *arena, const char *folder,
                             struct xsg_err *err)
{
    struct xsg_buf packed = XSG_BUF_INIT;
    git_reference_iterator *tags = NULL;
    git_reference *tag;
    char *text;
    size_t n;
    xsg_buf_puts(&packed, "# pack-refs with: sorted\n");
    if (git_reference_iterator_glob_new(&tags, source, "refs/tags/*") == 0) {
        while (git_reference_next(&tag, tags) == 0) {
            const git_oid *oid = git_reference_target(tag);
            if (oid)
                xsg_buf_printf(&packed, "%s %s\n", git_oid_tostr_s(oid), git_reference_name(tag));
            git_reference_free(tag);
        }
    }
    git_reference_iterator_free(tags);
    int rc = write_text(xsg_path_join(arena, folder, ".git/packed-refs"), packed.data, err);
    xsg_buf_release(&packed);
    const char *cut = xsg_path_join(arena, git_repository_commondir(source), "shallow");
    if (rc == XSG_OK && xsg_is_file(cut)) {
        rc = xsg_read_file(arena, cut, 64 << 20, &text, &n, err);
        if (rc == XSG_OK)
            rc = xsg_write_file(xsg_path_join(arena, folder, ".git/shallow"), text, n, err);
    }
    return rc;
}

/* What decides about the bytes of checked-out files and is set in the user's repository only. */
static void copy_settings(git_repository *source, git_repository *made)
{
    static const char *const names[] = {"core.autocrlf", "core.eol"};
    git_config *from = NULL, *to = NULL;
    if (git_repository_config_snapshot(&from, source) == 0 &&
        git_repository_config(&to, made) == 0) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            git_buf value = GIT_BUF_INIT;
            if (git_config_get_string_buf(&value, from, names[i]) == 0)
                git_config_set_string(to, names[i], value.ptr);
            git_buf_dispose(&value);
        }
    }
    git_config_free(from);
    git_config_free(to);
}

/* libgit2 runs no foreign filters: what git would have fetched and put in place stays a pointer. */
static void warn_of_pointers(struct xsg_arena *arena, const char *folder, const git_oid *oid)
{
    char *text;
    size_t n;
    if (xsg_read_file(arena, xsg_path_join(arena, folder, ".gitattributes"), 1 << 20, &text, &n,
                      NULL) == XSG_OK &&
        strstr(text, "filter=lfs"))
        xsg_warn(
            "in the checkout of commit %.10s the files of Git LFS are pointers, not contents; let "
            "the build fetch what it needs ('git lfs pull')",
            git_oid_tostr_s(oid));
}

static int write_files(git_repository *source, git_repository *made, const git_oid *oid,
                       struct xsg_err *err)
{
    git_checkout_options options;
    git_commit *commit = NULL;
    git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
    options.checkout_strategy = GIT_CHECKOUT_FORCE;
    int code = git_commit_lookup(&commit, made, oid);
    if (code == 0)
        code = git_checkout_tree(made, (const git_object *)commit, &options);
    if (code == 0)
        code = git_repository_set_head_detached(made, oid);
    git_commit_free(commit);
    return code == 0 ? XSG_OK
                     : xsg__git_fail_object(source, code, err, "cannot check out commit %.10s",
                                            git_oid_tostr_s(oid));
}

int xsg__checkout_tree(git_repository *source, const git_oid *oid, const char *folder, int depth,
                       struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    git_repository *made = NULL;
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH;
    int rc = XSG_OK;
    if (git_repository_init_ext(&made, folder, &options) != 0)
        rc = xsg__git_fail(err, XSG_EFAILED, "cannot make the checkout '%s'", folder);
    if (rc == XSG_OK)
        rc = borrow_objects(source, &arena, folder, err);
    if (rc == XSG_OK)
        rc = copy_tags_and_cut(source, &arena, folder, err);
    if (rc == XSG_OK) {
        copy_settings(source, made);
        rc = write_files(source, made, oid, err);
    }
    if (rc == XSG_OK)
        warn_of_pointers(&arena, folder, oid);
    if (rc == XSG_OK)
        rc = xsg__checkout_submodules(source, made, folder, depth, err);
    git_repository_free(made);
    xsg_arena_release(&arena);
    return rc;
}
