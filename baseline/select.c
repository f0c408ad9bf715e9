/* Which commit, and which stored run, a measurement is compared with. */
#include "baseline/select.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* The same sentence whatever the way to the base. */
static int choose(struct xsg_selection *selection, const char *how, const struct xsg_commit *head)
{
    selection->how = how;
    selection->same_as_head = strcmp(selection->base.oid, head->oid) == 0;
    return XSG_OK;
}

/*
 * In a shallow clone the merge base may be out of reach. A pull request's merge commit names what
 * it was merged into as its first parent, even at depth 1. Where that commit was not fetched, the
 * reference itself is the next best: it may have moved on, which the sentence tells. Where that is
 * not there either, the bare id still finds stored numbers.
 */
static int choose_in_shallow(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                             const char *head_name, const struct xsg_commit *head,
                             struct xsg_selection *selection, struct xsg_err *err)
{
    char **parents;
    size_t n;
    int rc = xsg_git_parents(git, arena, head->oid, &parents, &n, err);
    if (rc != XSG_OK)
        return rc;
    const char *how =
        xsg_printf(arena, "first parent of the merge commit %s (shallow clone)", head_name);
    if (n >= 2 && xsg_git_resolve(git, arena, parents[0], &selection->base, NULL) == XSG_OK)
        return choose(selection, how, head);
    rc = xsg_git_resolve(git, arena, reference, &selection->base, n >= 2 ? NULL : err);
    if (rc == XSG_OK) {
        how = xsg_printf(arena, "%s itself, as the merge base is beyond this shallow clone",
                         reference);
    } else if (n >= 2) {
        selection->base = (struct xsg_commit){
            .oid = parents[0], .describe = xsg_strndup(arena, parents[0], 7), .subject = ""};
        rc = XSG_OK;
    }
    return rc == XSG_OK ? choose(selection, how, head) : rc;
}

int xsg_select_base(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                    const char *head, struct xsg_selection *selection, struct xsg_err *err)
{
    struct xsg_commit top;
    struct xsg_err why = {{0}, {0}};
    const char *name = head ? head : "HEAD";
    *selection = (struct xsg_selection){0};
    int rc = xsg_git_resolve(git, arena, name, &top, err);
    if (rc != XSG_OK)
        return rc;
    rc = xsg_git_merge_base(git, arena, reference, name, &selection->base, &why);
    if (rc == XSG_OK)
        return choose(selection, xsg_printf(arena, "merge base of %s and %s", reference, name),
                      &top);
    if (rc == XSG_ENOTFOUND && xsg_git_is_shallow(git))
        return choose_in_shallow(git, arena, reference, name, &top, selection, err);
    xsg_fail(err, rc, "%s", why.text);
    return why.hint[0] ? xsg_fail_hint(err, rc, "%s", why.hint) : rc;
}

static void add_difference(struct xsg_buf *out, const char *what, const char *there,
                           const char *here)
{
    there = there ? there : "unknown";
    here = here ? here : "unknown";
    if (strcmp(there, here) != 0)
        xsg_buf_printf(out, "%s%s: '%.80s' there, '%.80s' here", out->len ? "; " : "", what, there,
                       here);
}

static const char *environments_differ(struct xsg_arena *arena, const struct xsg_environment *a,
                                       const struct xsg_environment *b)
{
    struct xsg_buf text = XSG_BUF_INIT;
    char there[32], here[32];
    add_difference(&text, "CPU", a->cpu_model, b->cpu_model);
    if (a->cores != b->cores) {
        snprintf(there, sizeof there, "%d", a->cores);
        snprintf(here, sizeof here, "%d", b->cores);
        add_difference(&text, "cores", there, here);
    }
    add_difference(&text, "kernel", a->kernel, b->kernel);
    add_difference(&text, "system", a->os, b->os);
    add_difference(&text, "libc", a->libc, b->libc);
    add_difference(&text, "compiler", a->compiler, b->compiler);
    add_difference(&text, "virtualization", a->virtualization, b->virtualization);
    add_difference(&text, "governor", a->governor, b->governor);
    add_difference(&text, "GPU", a->gpu ? a->gpu : "none", b->gpu ? b->gpu : "none");
    add_difference(&text, "xsgate", a->xsgate, b->xsgate);
    const char *sentence = xsg_printf(arena, "it was measured in another environment (%s)",
                                      text.len ? text.data : "its fingerprint differs");
    xsg_buf_release(&text);
    return sentence;
}

const char *xsg_select_differs(struct xsg_arena *arena, const struct xsg_run *stored,
                               const struct xsg_environment *now, const char *suite_hash)
{
    if (suite_hash && (!stored->suite_hash || strcmp(stored->suite_hash, suite_hash) != 0))
        return "it measured something else: commands, profiles or the build line have changed";
    if (!now)
        return NULL;
    const char *there = stored->environment.fingerprint;
    if (!there || !now->fingerprint)
        return "the environment that it was measured in is not known";
    if (strcmp(there, now->fingerprint) == 0)
        return NULL;
    return environments_differ(arena, &stored->environment, now);
}
