/* The repository: opening it, HEAD, and how a commit is called. */
#include "baseline/git.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "baseline/git_internal.h"

const char xsg_git_deepen[] = "fetch the history: 'git fetch --unshallow' (for actions/checkout: "
                              "'fetch-depth: 0', for GitLab: 'GIT_DEPTH: 0')";

int xsg__git_fail(struct xsg_err *err, int status, const char *format, ...)
{
    char what[700];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const git_error *last = git_error_last();
    if (last && last->klass == GIT_ERROR_NOMEMORY)
        status = XSG_ENOMEM;
    return last && last->message ? xsg_fail(err, status, "%s: %.300s", what, last->message)
                                 : xsg_fail(err, status, "%s", what);
}

/* A commit without its tree "cannot be peeled" (a clone made with --filter=tree:0). */
static bool is_missing_object(int code)
{
    const git_error *last = git_error_last();
    return code == GIT_ENOTFOUND || (last && last->message &&
                                     (strstr(last->message, "object not found") ||
                                      strstr(last->message, "cannot be peeled to a tree")));
}

/* A clone made with --filter: what it lacks is on the server. */
static bool is_partial(git_repository *repository)
{
    git_config *config = NULL;
    git_config_iterator *promisors = NULL;
    git_config_entry *entry;
    bool partial =
        git_repository_config_snapshot(&config, repository) == 0 &&
        git_config_iterator_glob_new(&promisors, config, "remote\\..*\\.promisor") == 0 &&
        git_config_next(&entry, promisors) == 0;
    git_config_iterator_free(promisors);
    git_config_free(config);
    return partial;
}

int xsg__git_fail_object(git_repository *repository, int code, struct xsg_err *err,
                         const char *format, ...)
{
    char what[700];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const git_error *last = git_error_last(); /* what is asked below would replace it */
    char reason[300];
    snprintf(reason, sizeof reason, "%s", last && last->message ? last->message : "unknown reason");
    if (!is_missing_object(code))
        return xsg__git_fail(err, XSG_EFAILED, "%s", what);
    if (git_repository_is_shallow(repository) == 1) {
        xsg_fail(err, XSG_ENOTFOUND, "%s: it is beyond the end of this shallow clone", what);
        return xsg_fail_hint(err, XSG_ENOTFOUND, "%s", xsg_git_deepen);
    }
    if (is_partial(repository)) {
        xsg_fail(err, XSG_EFAILED, "%s: this partial clone has not fetched all of its objects",
                 what);
        return xsg_fail_hint(err, XSG_EFAILED,
                             "fetch them: 'git fetch --refetch --no-filter' (or clone without "
                             "--filter)");
    }
    return xsg_fail(err, XSG_EFAILED, "%s: %s", what, reason);
}

/* ---- opening ---- */

static int init_library(struct xsg_err *err)
{
    /* libgit2 refuses a repository with an extension that it has not heard of. These change nothing
     * in what we read (missing objects are reported as such); objectformat is judged below. */
    static const char *known[] = {"objectformat", "partialclone", "worktreeconfig",
                                  "preciousobjects"};
    if (git_libgit2_init() < 0)
        return xsg__git_fail(err, XSG_EFAILED, "libgit2 does not start");
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, known, sizeof known / sizeof *known);
    return XSG_OK;
}

static bool is_owner_trouble(int code)
{
    const git_error *last = git_error_last();
    return code == GIT_EOWNER || (last && last->message && strstr(last->message, "safe.directory"));
}

/* libgit2 1.5 says "config value 'safe.directory' was not found": true, and no help. */
static int fail_owner(const char *folder, struct xsg_err *err)
{
    git_buf found = GIT_BUF_INIT;
    struct stat st;
    if (git_repository_discover(&found, folder, 1, NULL) != 0 || stat(found.ptr, &st) != 0) {
        git_buf_dispose(&found);
        return xsg_fail(err, XSG_EFAILED, "the repository at '%s' belongs to another user", folder);
    }
    struct xsg_arena arena = XSG_ARENA_INIT;
    size_t n = strlen(found.ptr);
    char *path = xsg_strndup(&arena, found.ptr, n > 1 ? n - 1 : n);
    const char *root = strcmp(xsg_path_base(path), ".git") == 0 ? xsg_path_dir(&arena, path) : path;
    xsg_fail(err, XSG_EFAILED,
             "the repository at '%s' belongs to the user with uid %u, not to uid %u", root,
             (unsigned)st.st_uid, (unsigned)geteuid());
    xsg_fail_hint(err, XSG_EFAILED,
                  "if you trust it: git config --global --add safe.directory '%s'", root);
    xsg_arena_release(&arena);
    git_buf_dispose(&found);
    return XSG_EFAILED;
}

static int fail_open(const char *folder, int code, struct xsg_err *err)
{
    if (is_owner_trouble(code))
        return fail_owner(folder, err);
    if (code == GIT_ENOTFOUND && !xsg_is_dir(folder))
        return xsg_fail(err, XSG_ENOTFOUND, "there is no folder '%s'", folder);
    if (code == GIT_ENOTFOUND)
        return xsg_fail(err, XSG_ENOTFOUND, "'%s' is not in a git repository", folder);
    return xsg__git_fail(err, XSG_EFAILED, "cannot open the git repository at '%s'", folder);
}

static int check_format(struct xsg_git *git, const char *folder, struct xsg_err *err)
{
    git_config *config = NULL;
    git_buf format = GIT_BUF_INIT;
    int rc = XSG_OK;
    if (git_repository_config_snapshot(&config, git->repository) == 0 &&
        git_config_get_string_buf(&format, config, "extensions.objectformat") == 0 &&
        strcasecmp(format.ptr, "sha1") != 0)
        rc = xsg_fail(err, XSG_EINVAL,
                      "the repository at '%s' has %s object names; xsgate reads sha1 ones only",
                      folder, format.ptr);
    git_buf_dispose(&format);
    git_config_free(config);
    if (rc == XSG_OK && git_repository_is_bare(git->repository))
        rc = xsg_fail(err, XSG_EINVAL,
                      "the repository at '%s' is bare: there is no work tree in it", folder);
    return rc;
}

int xsg_git_open(struct xsg_git **out, const char *folder, struct xsg_err *err)
{
    *out = NULL;
    struct xsg_git *git = calloc(1, sizeof *git);
    if (!git)
        return xsg_fail(err, XSG_ENOMEM, "out of memory");
    int rc = init_library(err);
    if (rc != XSG_OK) {
        free(git);
        return rc;
    }
    int code =
        git_repository_open_ext(&git->repository, folder, GIT_REPOSITORY_OPEN_CROSS_FS, NULL);
    rc = code == 0 ? check_format(git, folder, err) : fail_open(folder, code, err);
    if (rc == XSG_OK) {
        const char *root = git_repository_workdir(git->repository);
        size_t n = strlen(root);
        git->root = strndup(root, n > 1 ? n - 1 : n);
        git->shallow = git_repository_is_shallow(git->repository) == 1;
        if (!git->root)
            rc = xsg_fail(err, XSG_ENOMEM, "out of memory");
    }
    if (rc == XSG_OK)
        *out = git;
    else
        xsg_git_close(git);
    return rc;
}

void xsg_git_close(struct xsg_git *git)
{
    if (!git)
        return;
    git_repository_free(git->repository);
    free(git->root);
    free(git);
    git_libgit2_shutdown();
}

const char *xsg_git_root(const struct xsg_git *git)
{
    return git->root;
}

bool xsg_git_is_shallow(const struct xsg_git *git)
{
    return git->shallow;
}

/* ---- commits ---- */

int xsg__git_oid(git_oid *oid, const char *text, struct xsg_err *err)
{
    if (strlen(text) != GIT_OID_HEXSZ || strspn(text, "0123456789abcdef") != GIT_OID_HEXSZ ||
        git_oid_fromstr(oid, text) != 0)
        return xsg_fail(err, XSG_EINVAL, "'%.60s' is not the full id of a commit", text);
    return XSG_OK;
}

static const char *nearest_tag(git_commit *commit, struct xsg_arena *arena)
{
    git_describe_options options;
    git_describe_format_options format;
    git_describe_result *result = NULL;
    git_buf text = GIT_BUF_INIT;
    git_describe_options_init(&options, GIT_DESCRIBE_OPTIONS_VERSION);
    git_describe_format_options_init(&format, GIT_DESCRIBE_FORMAT_OPTIONS_VERSION);
    options.describe_strategy = GIT_DESCRIBE_TAGS;
    options.show_commit_oid_as_fallback = 1;
    const char *name = NULL;
    if (git_describe_commit(&result, (git_object *)commit, &options) == 0 &&
        git_describe_format(&text, result, &format) == 0)
        name = xsg_strndup(arena, text.ptr, text.size);
    git_buf_dispose(&text);
    git_describe_result_free(result);
    /* In a shallow clone the walk to the tags fails; the id always says which commit is meant. */
    return name ? name : xsg_strndup(arena, git_oid_tostr_s(git_commit_id(commit)), 7);
}

int xsg__git_fill(struct xsg_git *git, struct xsg_arena *arena, const git_oid *oid,
                  const char *describe, struct xsg_commit *commit, struct xsg_err *err)
{
    git_commit *found = NULL;
    int code = git_commit_lookup(&found, git->repository, oid);
    if (code != 0)
        return xsg__git_fail_object(git->repository, code, err, "cannot read commit %.10s",
                                    git_oid_tostr_s(oid));
    const char *subject = git_commit_summary(found);
    *commit = (struct xsg_commit){.oid = xsg_strdup(arena, git_oid_tostr_s(oid)),
                                  .describe = describe ? xsg_strdup(arena, describe)
                                                       : nearest_tag(found, arena),
                                  .subject = xsg_strdup(arena, subject ? subject : ""),
                                  .time = git_commit_time(found)};
    git_commit_free(found);
    return XSG_OK;
}

struct submodule_state {
    git_repository *repository;
    bool dirty;
};

/* Untracked files in a submodule do not count either: builds leave them there. One that is not
 * checked out is as it was meant to be. */
static int look_at_submodule(git_submodule *submodule, const char *name, void *arg)
{
    const unsigned changed =
        GIT_SUBMODULE_STATUS_INDEX_ADDED | GIT_SUBMODULE_STATUS_INDEX_DELETED |
        GIT_SUBMODULE_STATUS_INDEX_MODIFIED | GIT_SUBMODULE_STATUS_WD_MODIFIED |
        GIT_SUBMODULE_STATUS_WD_INDEX_MODIFIED | GIT_SUBMODULE_STATUS_WD_WD_MODIFIED;
    struct submodule_state *state = arg;
    unsigned status = 0;
    (void)submodule;
    if (git_submodule_status(&status, state->repository, name, GIT_SUBMODULE_IGNORE_UNTRACKED) == 0)
        state->dirty = state->dirty || (status & changed);
    return 0;
}

static bool is_outside_sparse(git_index *index, const git_status_entry *entry)
{
    if (entry->status != GIT_STATUS_WT_DELETED || !index)
        return false;
    const git_index_entry *kept =
        git_index_get_bypath(index, entry->index_to_workdir->old_file.path, 0);
    return kept && (kept->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE);
}

static bool counts_as_change(git_index *index, const git_status_entry *entry)
{
    const git_diff_delta *delta =
        entry->head_to_index ? entry->head_to_index : entry->index_to_workdir;
    const char *path = delta && delta->new_file.path ? delta->new_file.path : "";
    return entry->status != GIT_STATUS_CURRENT && strncmp(path, ".xsgate/", 8) != 0 &&
           !is_outside_sparse(index, entry);
}

static int is_dirty(struct xsg_git *git, bool *dirty, struct xsg_err *err)
{
    git_status_options options;
    git_status_list *list = NULL;
    git_index *index = NULL;
    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
    options.flags = GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
    if (git_status_list_new(&list, git->repository, &options) != 0)
        return xsg__git_fail(err, XSG_EFAILED, "cannot compare the work tree with HEAD");
    if (git_repository_index(&index, git->repository) != 0)
        index = NULL;
    *dirty = false;
    for (size_t i = 0; !*dirty && i < git_status_list_entrycount(list); i++)
        *dirty = counts_as_change(index, git_status_byindex(list, i));
    git_index_free(index);
    git_status_list_free(list);
    struct submodule_state state = {.repository = git->repository};
    if (!*dirty && git_submodule_foreach(git->repository, look_at_submodule, &state) == 0)
        *dirty = state.dirty;
    return XSG_OK;
}

static int fail_head(struct xsg_git *git, int code, struct xsg_err *err)
{
    if (code != GIT_EUNBORNBRANCH)
        return xsg__git_fail(err, XSG_EFAILED, "cannot read HEAD");
    git_reference *head = NULL;
    const char *name = "";
    if (git_reference_lookup(&head, git->repository, "HEAD") == 0 &&
        git_reference_type(head) == GIT_REFERENCE_SYMBOLIC)
        name = git_reference_symbolic_target(head);
    if (strncmp(name, "refs/heads/", 11) == 0)
        name += 11;
    xsg_fail(err, XSG_ENOTFOUND, "the branch '%s' has no commit yet", name);
    git_reference_free(head);
    return xsg_fail_hint(err, XSG_ENOTFOUND, "commit first: 'git add' and 'git commit'");
}

int xsg_git_head(struct xsg_git *git, struct xsg_arena *arena, struct xsg_commit *commit,
                 struct xsg_err *err)
{
    git_reference *head = NULL;
    int code = git_repository_head(&head, git->repository);
    if (code != 0)
        return fail_head(git, code, err);
    const git_oid *oid = git_reference_target(head);
    const char *branch = git_reference_is_branch(head) ? git_reference_shorthand(head) : NULL;
    int rc = oid ? xsg__git_fill(git, arena, oid, branch, commit, err)
                 : xsg_fail(err, XSG_EFAILED, "HEAD names no commit");
    git_reference_free(head);
    return rc == XSG_OK ? is_dirty(git, &commit->dirty, err) : rc;
}
