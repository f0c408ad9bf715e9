/* From what people write to a commit. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "baseline/git_internal.h"

enum { LONGEST_REVISION = 1024, MOST_NAMES = 5000 };

/* ---- names ---- */

/* The commit behind an object: annotated tags are followed. */
static int peel(git_object *object, const char *revision, git_oid *oid, struct xsg_err *err)
{
    git_object *commit = NULL;
    if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
        return xsg_fail(err, XSG_EINVAL, "'%s' names a %s, not a commit", revision,
                        git_object_type2string(git_object_type(object)));
    git_oid_cpy(oid, git_object_id(commit));
    git_object_free(commit);
    return XSG_OK;
}

/* What a reference is called in a sentence; NULL for a detached HEAD. */
static const char *reference_name(git_reference *reference, struct xsg_arena *arena)
{
    git_reference *target = NULL;
    const char *name = NULL;
    if (git_reference_resolve(&target, reference) == 0 &&
        strcmp(git_reference_name(target), "HEAD") != 0)
        name = xsg_strdup(arena, git_reference_shorthand(target));
    git_reference_free(target);
    return name;
}

/* GIT_ENOTFOUND leaves err alone, so that the caller may try on. */
static int parse(struct xsg_git *git, struct xsg_arena *arena, const char *text, git_oid *oid,
                 const char **describe, int *rc, struct xsg_err *err)
{
    git_object *object = NULL;
    git_reference *reference = NULL;
    int code = git_revparse_ext(&object, &reference, git->repository, text);
    if (code == 0) {
        *describe = reference ? reference_name(reference, arena) : NULL;
        *rc = peel(object, text, oid, err);
    }
    git_object_free(object);
    git_reference_free(reference);
    return code;
}

/* "main" where only origin/main is there, as CI leaves it; origin goes before other remotes. */
static int parse_remote(struct xsg_git *git, struct xsg_arena *arena, const char *text,
                        git_oid *oid, const char **describe, int *rc, struct xsg_err *err)
{
    git_strarray remotes = {0};
    int code = parse(git, arena, xsg_printf(arena, "origin/%s", text), oid, describe, rc, err);
    if (code == 0 || git_remote_list(&remotes, git->repository) != 0)
        return code;
    for (size_t i = 0; code != 0 && i < remotes.count; i++)
        code = parse(git, arena, xsg_printf(arena, "%s/%s", remotes.strings[i], text), oid,
                     describe, rc, err);
    git_strarray_dispose(&remotes);
    return code;
}

struct fetched {
    const char *name;
    git_oid oid;
    bool found;
};

static int look_at_fetched(const char *name, const char *url, const git_oid *oid, unsigned is_merge,
                           void *arg)
{
    struct fetched *wanted = arg;
    (void)url;
    (void)is_merge;
    if (name && ((strncmp(name, "refs/heads/", 11) == 0 && strcmp(name + 11, wanted->name) == 0) ||
                 (strncmp(name, "refs/tags/", 10) == 0 && strcmp(name + 10, wanted->name) == 0))) {
        git_oid_cpy(&wanted->oid, oid);
        wanted->found = true;
    }
    return wanted->found;
}

/* "git fetch --depth=1 origin main" may leave the commit in FETCH_HEAD only. */
static int parse_fetched(struct xsg_git *git, const char *text, git_oid *oid)
{
    struct fetched wanted = {.name = text};
    git_repository_fetchhead_foreach(git->repository, look_at_fetched, &wanted);
    if (!wanted.found)
        return GIT_ENOTFOUND;
    git_oid_cpy(oid, &wanted.oid);
    return 0;
}

static const char *nearest_name(struct xsg_git *git, struct xsg_arena *arena, const char *text)
{
    git_reference_iterator *names = NULL;
    const char **list = NULL, *name;
    size_t n = 0, cap = 0;
    if (git_reference_iterator_new(&names, git->repository) != 0)
        return NULL;
    while (n < MOST_NAMES && git_reference_next_name(&name, names) == 0) {
        static const char *const kinds[] = {"refs/heads/", "refs/tags/", "refs/remotes/"};
        for (int i = 0; i < 3; i++) {
            if (strncmp(name, kinds[i], strlen(kinds[i])) == 0) {
                list = xsg_grow(arena, list, &cap, n + 1, sizeof *list);
                list[n++] = xsg_strdup(arena, name + strlen(kinds[i]));
            }
        }
    }
    git_reference_iterator_free(names);
    return xsg_nearest(text, list, n);
}

static int fail_unknown(struct xsg_git *git, struct xsg_arena *arena, const char *text,
                        struct xsg_err *err)
{
    const char *nearest = nearest_name(git, arena, text);
    if (nearest)
        return xsg_fail(err, XSG_ENOTFOUND,
                        "there is no branch, tag or commit '%s'; did you mean '%s'?", text,
                        nearest);
    if (git->shallow) {
        xsg_fail(err, XSG_ENOTFOUND, "there is no branch, tag or commit '%s' in this shallow clone",
                 text);
        return xsg_fail_hint(err, XSG_ENOTFOUND, "%s", xsg_git_deepen);
    }
    if (strpbrk(text, "~^"))
        return xsg_fail(err, XSG_ENOTFOUND,
                        "there is no commit '%s': the history does not go that far", text);
    xsg_fail(err, XSG_ENOTFOUND, "there is no branch, tag or commit '%s'", text);
    return xsg_fail_hint(err, XSG_ENOTFOUND, "if it is on the server: 'git fetch' first");
}

static int check_revision(const char *text, struct xsg_err *err)
{
    if (!*text)
        return xsg_fail(err, XSG_EINVAL, "the name of a commit is empty");
    if (strlen(text) > LONGEST_REVISION)
        return xsg_fail(err, XSG_EINVAL, "the name of a commit is longer than %d bytes",
                        LONGEST_REVISION);
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == '\x7f')
            return xsg_fail(err, XSG_EINVAL, "the name of a commit has a control character in it");
    }
    return XSG_OK;
}

int xsg__git_lookup(struct xsg_git *git, struct xsg_arena *arena, const char *revision,
                    git_oid *oid, const char **describe, struct xsg_err *err)
{
    *describe = NULL;
    int rc = check_revision(revision, err);
    if (rc != XSG_OK)
        return rc;
    int code = parse(git, arena, revision, oid, describe, &rc, err);
    /* libgit2 also calls hex digits ambiguous that are too few to be an abbreviation. */
    bool ambiguous = code == GIT_EAMBIGUOUS && strlen(revision) >= GIT_OID_MINPREFIXLEN;
    if (code != 0 && strcmp(revision, "HEAD") == 0) {
        struct xsg_commit head;
        rc = xsg_git_head(git, arena, &head, err);
        return rc == XSG_OK ? xsg__git_oid(oid, head.oid, err) : rc;
    }
    if (code != 0)
        code = parse_remote(git, arena, revision, oid, describe, &rc, err);
    if (code != 0 && parse_fetched(git, revision, oid) == 0) {
        *describe = revision;
        code = 0;
    }
    if (code == 0)
        return rc;
    if (!ambiguous)
        return fail_unknown(git, arena, revision, err);
    xsg_fail(err, XSG_EINVAL, "'%s' is ambiguous: several objects begin so", revision);
    return xsg_fail_hint(err, XSG_EINVAL, "give more digits");
}

int xsg_git_resolve(struct xsg_git *git, struct xsg_arena *arena, const char *revision,
                    struct xsg_commit *commit, struct xsg_err *err)
{
    git_oid oid;
    const char *describe;
    int rc = xsg__git_lookup(git, arena, revision, &oid, &describe, err);
    return rc == XSG_OK ? xsg__git_fill(git, arena, &oid, describe, commit, err) : rc;
}

int xsg_git_parents(struct xsg_git *git, struct xsg_arena *arena, const char *oid, char ***parents,
                    size_t *n, struct xsg_err *err)
{
    git_oid id;
    git_commit *commit = NULL;
    int rc = xsg__git_oid(&id, oid, err);
    if (rc != XSG_OK)
        return rc;
    int code = git_commit_lookup(&commit, git->repository, &id);
    if (code != 0)
        return xsg__git_fail_object(git->repository, code, err, "cannot read commit %.10s", oid);
    *n = git_commit_parentcount(commit);
    *parents = XSG_NEW_ARRAY(arena, char *, *n + 1);
    for (size_t i = 0; i < *n; i++)
        (*parents)[i] =
            xsg_strdup(arena, git_oid_tostr_s(git_commit_parent_id(commit, (unsigned)i)));
    git_commit_free(commit);
    return XSG_OK;
}

bool xsg_git_is_only_branch(struct xsg_git *git, const char *oid)
{
    git_branch_iterator *branches = NULL;
    git_reference *branch;
    git_branch_t kind;
    bool only = true;
    if (git_branch_iterator_new(&branches, git->repository, GIT_BRANCH_ALL) != 0)
        return false;
    while (git_branch_next(&branch, &kind, branches) == 0) {
        const git_oid *tip = git_reference_target(branch); /* NULL: origin/HEAD, a mere name */
        only = only && (!tip || strcmp(git_oid_tostr_s(tip), oid) == 0);
        git_reference_free(branch);
    }
    git_branch_iterator_free(branches);
    return only;
}

static char *branch_at(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                       const char *prefix)
{
    git_reference *symbolic = NULL;
    char *name = NULL;
    if (git_reference_lookup(&symbolic, git->repository, reference) == 0) {
        const char *target = git_reference_symbolic_target(symbolic);
        if (target && strncmp(target, prefix, strlen(prefix)) == 0)
            name = xsg_strdup(arena, target + strlen(prefix));
    }
    git_reference_free(symbolic);
    return name;
}

/* The only branch of that kind; NULL: there are several, or none. */
static char *only_branch(struct xsg_git *git, struct xsg_arena *arena, git_branch_t kind, size_t *n)
{
    git_branch_iterator *branches = NULL;
    git_reference *branch;
    char *name = NULL;
    *n = 0;
    if (git_branch_iterator_new(&branches, git->repository, kind) != 0)
        return NULL;
    while (git_branch_next(&branch, &kind, branches) == 0) {
        if ((*n)++ == 0)
            name = xsg_strdup(arena, git_reference_shorthand(branch));
        git_reference_free(branch);
    }
    git_branch_iterator_free(branches);
    return *n == 1 ? name : NULL;
}

const char *xsg_git_main_branch(struct xsg_git *git, struct xsg_arena *arena)
{
    static const char *const usual[] = {"main", "master"};
    struct xsg_commit commit;
    size_t n;
    const char *name = branch_at(git, arena, "refs/remotes/origin/HEAD", "refs/remotes/origin/");
    for (size_t i = 0; !name && i < sizeof usual / sizeof *usual; i++) {
        if (xsg_git_resolve(git, arena, usual[i], &commit, NULL) == XSG_OK)
            name = usual[i];
    }
    if (!name)
        name = only_branch(git, arena, GIT_BRANCH_LOCAL, &n);
    if (!name && n == 0) /* no commit yet: the one that will be */
        name = branch_at(git, arena, "HEAD", "refs/heads/");
    return name ? name : usual[0];
}
