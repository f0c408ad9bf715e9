/* Which commit a measurement is compared with. */
#include "baseline/select.h"

#include <stdio.h>
#include <string.h>

#include "baseline/git_program.h"

struct search {
    struct xsg_git *git;
    struct xsg_arena *arena;
    const struct xsg_select_request *request;
    const char *head_name;
    struct xsg_commit head;
    const char *name;      /* of the reference, for sentences */
    const char *revision;  /* what it is called here; NULL: not here */
    const char *tip;       /* its full id; NULL: not known */
    const char *remote;    /* NULL: nothing is fetched */
    bool absent;           /* the remote answered that it has no such reference */
    struct xsg_err reason; /* why the merge base is not known */
    struct xsg_selection *selection;
};

static struct xsg_git_limits limits_of(const struct search *search)
{
    return (struct xsg_git_limits){search->request->fetch_timeout_s, search->request->interrupt};
}

static bool is_full_id(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

/* ---- the reference ---- */

/* "origin/main" and "refs/heads/main" mean the branch that events call "main". */
static const char *branch_of(const char *reference)
{
    static const char *const prefixes[] = {"refs/heads/", "refs/remotes/origin/", "origin/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(reference, prefixes[i], n) == 0)
            return reference + n;
    }
    return reference;
}

static bool is_auto(const struct search *search)
{
    return strcmp(search->request->reference, "auto") == 0;
}

/* Does the event speak of the base that the user means? */
static bool event_is_about_it(const struct search *search)
{
    const struct xsg_select_request *request = search->request;
    return is_auto(search) || (request->event_ref && strcmp(branch_of(request->reference),
                                                            branch_of(request->event_ref)) == 0);
}

static int fetch(struct search *search, const char *what, int depth)
{
    struct xsg_git_limits limits = limits_of(search);
    struct xsg_git_fetch fetch = {.remote = search->remote, .what = {what}, .depth = depth};
    struct xsg_err err = {{0}, {0}};
    int rc = xsg_git_fetch(search->git, search->arena, &fetch, &limits, &err);
    search->absent = rc == XSG_ENOTFOUND;
    return rc == XSG_EFAILED ? XSG_ENOTFOUND : rc;
}

/* Cut to the one commit where the clone is cut already; a whole clone must not become shallow. */
static int fetch_tip(struct search *search, const char *what)
{
    struct xsg_commit commit;
    if (!search->remote || strpbrk(what, " ~^:?*[\\@{") || what[0] == '-' || what[0] == '+')
        return XSG_ENOTFOUND;
    int rc = fetch(search, what, xsg_git_is_shallow(search->git) ? 1 : 0);
    if (rc == XSG_OK)
        rc = xsg_git_resolve(search->git, search->arena, "FETCH_HEAD", &commit, NULL);
    if (rc == XSG_OK)
        search->tip = commit.oid;
    return rc;
}

static bool resolves(struct search *search, const char *revision, struct xsg_err *err)
{
    struct xsg_commit commit;
    bool found = xsg_git_resolve(search->git, search->arena, revision, &commit, err) == XSG_OK;
    if (found) {
        search->tip = commit.oid;
        search->revision = revision;
    }
    return found;
}

/* "auto": the event's base; where it has none, the branch that everything is merged into. */
static int find_auto(struct search *search)
{
    static const char *const usual[] = {"refs/remotes/origin/HEAD", "main", "master"};
    const char *event_base = search->request->event_base;
    if (event_base) {
        search->name = xsg_printf(search->arena, "the event's base %.10s", event_base);
        search->tip = event_base;
        return XSG_OK;
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        search->name = i == 0 ? "the default branch" : usual[i];
        if (resolves(search, usual[i], NULL))
            return XSG_OK;
    }
    search->name = "the default branch";
    return fetch_tip(search, "HEAD");
}

static int find_reference(struct search *search, struct xsg_err *err)
{
    const struct xsg_select_request *request = search->request;
    struct xsg_commit commit;
    if (is_auto(search) || (request->event_exact && event_is_about_it(search))) {
        find_auto(search);
        return XSG_OK;
    }
    search->name = request->reference;
    int rc = xsg_git_resolve(search->git, search->arena, request->reference, &commit, err);
    if (rc == XSG_OK) {
        search->tip = commit.oid;
        search->revision = request->reference;
    } else if (rc == XSG_ENOTFOUND && request->event_base && event_is_about_it(search))
        search->tip = request->event_base;
    else if (rc == XSG_ENOTFOUND && is_full_id(request->reference))
        search->tip = request->reference;
    return search->tip || rc == XSG_ENOTFOUND ? XSG_OK : rc;
}

/* ---- the answer ---- */

static int choose(struct search *search, const struct xsg_commit *base, const char *how)
{
    struct xsg_selection *selection = search->selection;
    const struct xsg_select_request *request = search->request;
    selection->base = *base;
    if (search->tip && strcmp(base->oid, search->tip) == 0 && !is_full_id(request->reference))
        selection->base.describe = is_auto(search)
                                       ? request->event_ref ? request->event_ref : base->describe
                                       : request->reference;
    selection->how = how;
    selection->same_as_head = strcmp(base->oid, search->head.oid) == 0;
    return XSG_OK;
}

/* A commit that is not here is fetched. Where that fails, its id still finds stored numbers. */
static int choose_id(struct search *search, const char *oid, const char *how)
{
    struct xsg_commit base;
    bool there = xsg_git_resolve(search->git, search->arena, oid, &base, NULL) == XSG_OK;
    if (!there && search->remote)
        there = fetch(search, oid, xsg_git_is_shallow(search->git) ? 1 : 0) == XSG_OK &&
                xsg_git_resolve(search->git, search->arena, oid, &base, NULL) == XSG_OK;
    if (!there)
        base = (struct xsg_commit){.oid = xsg_strdup(search->arena, oid),
                                   .describe = xsg_strndup(search->arena, oid, 7),
                                   .subject = ""};
    return choose(search, &base, how);
}

/* By libgit2, or by the git program, which also knows grafts and replaced commits. */
static int try_merge_base(struct search *search, const char *also)
{
    const char *const args[] = {"merge-base", search->tip, search->head.oid, NULL};
    const char *how = xsg_printf(search->arena, "merge base of %s and %s%s", search->name,
                                 search->head_name, also);
    struct xsg_git_limits limits = limits_of(search);
    struct xsg_git_answer answer;
    struct xsg_commit base;
    search->reason = (struct xsg_err){{0}, {0}};
    int rc = xsg_git_merge_base(search->git, search->arena,
                                search->revision ? search->revision : search->tip,
                                search->head_name, &base, &search->reason);
    if (rc == XSG_OK)
        return choose(search, &base, how);
    if (rc != XSG_ENOTFOUND ||
        xsg_git_program(search->git, search->arena, args, &limits, &answer, NULL) != XSG_OK ||
        answer.status != 0)
        return rc;
    const char *oid = xsg_strndup(search->arena, answer.text, strcspn(answer.text, "\n"));
    return is_full_id(oid) ? choose_id(search, oid, how) : rc;
}

/* ---- shallow clones ---- */

/* A commit names its parents even where they were cut off. One that is the reference itself is the
 * merge base; and the forge merges a pull request into its base, which so comes first. */
static int try_parents(struct search *search, bool first)
{
    char **parents;
    size_t n;
    if (xsg_git_parents(search->git, search->arena, search->head.oid, &parents, &n, NULL) != XSG_OK)
        return XSG_ENOTFOUND;
    for (size_t i = 0; search->tip && i < n; i++) {
        if (strcmp(parents[i], search->tip) == 0)
            return choose_id(
                search, parents[i],
                xsg_printf(search->arena, "%s, a parent of %s", search->name, search->head_name));
    }
    if (!first || n < 2)
        return XSG_ENOTFOUND;
    return choose_id(
        search, parents[0],
        xsg_printf(search->arena, "first parent of the merge commit %s", search->head_name));
}

static int try_forge(struct search *search)
{
    const struct xsg_select_request *request = search->request;
    const char *base = search->tip ? search->tip : branch_of(request->reference), *oid = NULL;
    struct xsg_err ignored = {{0}, {0}};
    if (!request->ask || (!search->tip && is_auto(search)) ||
        request->ask(request->ask_arg, search->arena, base, search->head.oid, &oid, &ignored) !=
            XSG_OK ||
        !oid || !is_full_id(oid))
        return XSG_ENOTFOUND;
    return choose_id(search, oid,
                     xsg_printf(search->arena, "merge base of %s and %s, as the forge says",
                                search->name, search->head_name));
}

/* As much history as it takes, in growing steps, and no more than a few thousand commits. Before it
 * becomes expensive the forge is asked. */
static int try_more_history(struct search *search)
{
    static const int steps[] = {50, 200, 800, 3200};
    struct xsg_git_limits limits = limits_of(search);
    int rc = XSG_ENOTFOUND;
    for (size_t i = 0; rc == XSG_ENOTFOUND && i < sizeof steps / sizeof *steps; i++) {
        struct xsg_git_fetch more = {
            .remote = search->remote, .what = {search->head.oid, search->tip}, .deepen = steps[i]};
        struct xsg_err err = {{0}, {0}};
        bool can = search->remote && search->tip && xsg_git_is_shallow(search->git);
        if (can && (rc = xsg_git_fetch(search->git, search->arena, &more, &limits, &err)) == XSG_OK)
            rc = try_merge_base(search, ", after fetching history");
        if (rc == XSG_EFAILED) /* the remote does not give it */
            rc = XSG_ENOTFOUND;
        if (rc == XSG_ENOTFOUND && i == 0)
            rc = try_forge(search);
    }
    return rc;
}

/* The reference's newest commit, for what needs no history. */
static void fetch_reference(struct search *search)
{
    struct xsg_commit commit;
    if (!search->tip)
        fetch_tip(search, branch_of(search->request->reference));
    else if (search->remote &&
             xsg_git_resolve(search->git, search->arena, search->tip, &commit, NULL) != XSG_OK)
        fetch(search, search->tip, xsg_git_is_shallow(search->git) ? 1 : 0);
}

static int choose_in_shallow(struct search *search)
{
    const struct xsg_select_request *request = search->request;
    int rc = try_parents(search, request->forge_merge && event_is_about_it(search));
    if (rc == XSG_ENOTFOUND) {
        fetch_reference(search);
        rc = try_parents(search, false);
    }
    if (rc == XSG_ENOTFOUND && search->tip)
        rc = try_merge_base(search, "");
    if (rc == XSG_ENOTFOUND)
        rc = try_more_history(search);
    return rc == XSG_ENOTFOUND ? try_parents(search, true) : rc;
}

static int choose_in_whole(struct search *search)
{
    /* What somebody mistyped at home is no reason to go to the network. */
    if (search->tip || search->request->event ||
        xsg_git_is_only_branch(search->git, search->head.oid))
        fetch_reference(search);
    return search->tip ? try_merge_base(search, "") : XSG_ENOTFOUND;
}

/* ---- no answer ---- */

/* Before the main branch is born there cannot be a baseline: the first run is one. Any other name
 * that is not there is a mistake, and so is this one where other branches are. */
static bool is_first_run(struct search *search)
{
    const struct xsg_select_request *request = search->request;
    const char *name = branch_of(request->reference);
    bool usual = strcmp(name, "main") == 0 || strcmp(name, "master") == 0 ||
                 (request->event_ref && strcmp(name, request->event_ref) == 0);
    if (search->tip)
        return false;
    if (is_auto(search)) {
        search->selection->how = "the event names no base, and there is no main branch yet";
        return true;
    }
    search->selection->how = xsg_printf(search->arena, "there is no '%s' yet", request->reference);
    return usual && xsg_git_is_only_branch(search->git, search->head.oid) &&
           (search->absent || (!xsg_git_is_shallow(search->git) &&
                               !xsg_git_default_remote(search->git, search->arena)));
}

static int fail(struct search *search, int rc, const struct xsg_err *unknown, struct xsg_err *err)
{
    if (search->tip && xsg_git_is_shallow(search->git)) {
        xsg_fail(err, rc, "where %s left %s is beyond the end of this shallow clone",
                 search->head_name, search->name);
        return xsg_fail_hint(err, rc, "%s", xsg_git_deepen);
    }
    const struct xsg_err *told = search->tip ? &search->reason : unknown;
    xsg_fail(err, rc, "%s", told->text);
    return told->hint[0] ? xsg_fail_hint(err, rc, "%s", told->hint) : rc;
}

int xsg_select_base(struct xsg_git *git, struct xsg_arena *arena,
                    const struct xsg_select_request *request, struct xsg_selection *selection,
                    struct xsg_err *err)
{
    struct search search = {.git = git, .arena = arena, .request = request, .selection = selection};
    struct xsg_err unknown = {{0}, {0}};
    search.head_name = request->head ? request->head : "HEAD";
    search.remote = request->fetch ? xsg_git_default_remote(git, arena) : NULL;
    *selection = (struct xsg_selection){0};
    int rc = xsg_git_resolve(git, arena, search.head_name, &search.head, err);
    if (rc != XSG_OK)
        return rc;
    rc = find_reference(&search, &unknown);
    if (rc != XSG_OK)
        return fail(&search, rc, &unknown, err);
    rc = search.tip ? try_merge_base(&search, "") : XSG_ENOTFOUND;
    if (rc == XSG_ENOTFOUND)
        rc = xsg_git_is_shallow(git) ? choose_in_shallow(&search) : choose_in_whole(&search);
    if (rc == XSG_ENOTFOUND && is_auto(&search) && request->event_base) {
        struct xsg_select_request without = *request; /* it was replaced by force */
        without.event_base = NULL;
        return xsg_select_base(git, arena, &without, selection, err);
    }
    if (rc == XSG_ENOTFOUND && is_first_run(&search)) {
        selection->none = true;
        return XSG_OK;
    }
    return rc == XSG_OK ? rc : fail(&search, rc, &unknown, err);
}
