/* Submodules of a checkout: from where the user's own clone keeps them, else from their URL. */
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "baseline/git_internal.h"

enum { DEEPEST = 16 };

struct job {
    git_repository *source; /* the user's repository, or a submodule's of it */
    git_repository *made;
    const char *folder;
    int depth;
    struct xsg_arena arena;
    struct xsg_err *err;
    int rc;
};

/* Names and paths come from the commit: they must not lead out of the folders they are joined to.
 */
static bool is_harmless(const char *path)
{
    if (!path || !*path || *path == '/' || *path == '-')
        return false;
    for (const char *p = path; *p; p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n <= 2 && strncmp(p, "..", n) == 0) ||
            (n == 4 && strncasecmp(p, ".git", n) == 0))
            return false;
        p += n;
    }
    return true;
}

static bool has_commit(git_repository *repository, const git_oid *oid)
{
    git_commit *commit = NULL;
    bool found = git_commit_lookup(&commit, repository, oid) == 0;
    git_commit_free(commit);
    return found;
}

/* Where git keeps a submodule's repository: beside the worktree's own data, beside the main one's,
 * or (as it was long ago) in the work tree itself. *known: one is there, with or without the
 * commit. */
static git_repository *find_local(struct job *job, const char *name, const char *path,
                                  const git_oid *oid, bool *known)
{
    const char *work = git_repository_workdir(job->source);
    const char *const places[] = {
        xsg_printf(&job->arena, "%smodules/%s", git_repository_path(job->source), name),
        xsg_printf(&job->arena, "%smodules/%s", git_repository_commondir(job->source), name),
        work ? xsg_path_join(&job->arena, work, path) : NULL};
    *known = false;
    for (int i = 0; i < 3; i++) {
        git_repository *repository = NULL;
        if (!places[i] || git_repository_open_ext(&repository, places[i],
                                                  GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) != 0)
            continue;
        *known = true;
        if (has_commit(repository, oid))
            return repository;
        git_repository_free(repository);
    }
    return NULL;
}

/* The user's own work tree has this submodule too and does without it. */
static bool is_left_out_on_purpose(struct job *job, const char *path)
{
    git_index *index = NULL;
    bool left_out = false;
    if (git_repository_index(&index, job->source) == 0) {
        const git_index_entry *entry = git_index_get_bypath(index, path, 0);
        left_out = entry && entry->mode == GIT_FILEMODE_COMMIT;
    }
    git_index_free(index);
    return left_out;
}

static int fetch(const char *url, git_repository *into)
{
    static const char *refspecs[] = {"+refs/heads/*:refs/remotes/origin/*",
                                     "+HEAD:refs/xsgate/head"};
    git_strarray list = {.strings = (char **)(uintptr_t)refspecs, .count = 2};
    git_fetch_options options;
    git_remote *remote = NULL;
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_ALL;
    int code = git_remote_create_anonymous(&remote, into, url);
    if (code == 0)
        code = git_remote_fetch(remote, &list, &options, NULL);
    git_remote_free(remote);
    return code;
}

static int fail_submodule(struct job *job, const char *path, const git_oid *oid, const char *why)
{
    xsg_fail(
        job->err, XSG_EFAILED,
        "commit %.10s of the submodule '%s' is not in this clone and cannot be fetched: %.300s",
        git_oid_tostr_s(oid), path, why);
    return xsg_fail_hint(job->err, XSG_EFAILED,
                         "fetch it: 'git submodule update --init --recursive', or inside the "
                         "submodule 'git fetch --all' ('submodules: recursive' for "
                         "actions/checkout)");
}

/* A bare clone beside the checkout's own data, as git itself would keep it. */
static git_repository *fetch_remote(struct job *job, git_submodule *submodule, const git_oid *oid)
{
    const char *path = git_submodule_path(submodule), *url = git_submodule_url(submodule);
    git_repository *repository = NULL;
    git_buf resolved = GIT_BUF_INIT;
    const char *place = xsg_printf(&job->arena, "%smodules/%s", git_repository_path(job->made),
                                   git_submodule_name(submodule));
    const git_error *last;
    xsg_info("fetching the submodule '%s' from %s", path, url ? url : "nowhere");
    if (!url || git_submodule_resolve_url(&resolved, job->source, url) != 0) {
        job->rc = fail_submodule(job, path, oid, "it has no usable URL");
    } else if (xsg_mkdirs(place, NULL) != XSG_OK ||
               git_repository_init(&repository, place, 1) != 0 ||
               fetch(resolved.ptr, repository) != 0) {
        last = git_error_last();
        job->rc = fail_submodule(job, path, oid, last ? last->message : "the transfer failed");
    } else if (!has_commit(repository, oid)) {
        job->rc = fail_submodule(job, path, oid,
                                 xsg_printf(&job->arena, "%s does not have it", resolved.ptr));
    }
    git_buf_dispose(&resolved);
    if (job->rc != XSG_OK) {
        git_repository_free(repository);
        repository = NULL;
    }
    return repository;
}

static int on_submodule(git_submodule *submodule, const char *listed, void *arg)
{
    struct job *job = arg;
    const char *name = git_submodule_name(submodule), *path = git_submodule_path(submodule);
    const git_oid *oid = git_submodule_index_id(submodule);
    bool known;
    (void)listed;
    if (!oid) /* in .gitmodules, but not in the tree */
        return 0;
    if (!is_harmless(name) || !is_harmless(path)) {
        job->rc = xsg_fail(job->err, XSG_EFAILED, "the submodule '%s' has the unsafe name '%s'",
                           path, name);
        return job->rc;
    }
    git_repository *repository = find_local(job, name, path, oid, &known);
    if (!repository && !known && is_left_out_on_purpose(job, path)) {
        xsg_verbose("the submodule '%s' is left out, as in the work tree", path);
        return 0;
    }
    if (!repository)
        repository = fetch_remote(job, submodule, oid);
    if (repository)
        job->rc = xsg__checkout_tree(repository, oid, xsg_path_join(&job->arena, job->folder, path),
                                     job->depth + 1, job->err);
    git_repository_free(repository);
    return job->rc;
}

int xsg__checkout_submodules(git_repository *source, git_repository *made, const char *folder,
                             int depth, struct xsg_err *err)
{
    struct job job = {.source = source, .made = made, .folder = folder, .depth = depth, .err = err};
    const char *list = xsg_path_join(&job.arena, folder, ".gitmodules");
    int rc = XSG_OK;
    if (xsg_is_file(list)) {
        if (depth >= DEEPEST)
            rc = xsg_fail(err, XSG_EFAILED, "submodules are nested more than %d deep", DEEPEST);
        else if (git_submodule_foreach(made, on_submodule, &job) != 0 && job.rc == XSG_OK)
            rc = xsg__git_fail(err, XSG_EFAILED, "cannot read the submodules of '%s'", folder);
        else
            rc = job.rc;
    }
    xsg_arena_release(&job.arena);
    return rc;
}
