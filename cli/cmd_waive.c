/* waive: accepts a known slowdown for a while. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "baseline/trend.h"
#include "cli/waivers.h"

static struct {
    const char *reason, *until, *target;
    bool list, remove;
} o;

static const char *name_of(struct xsg_cli *cli, const char *function, const char *target)
{
    if (!function)
        return xsg_printf(cli->arena, "target %s", target);
    return target ? xsg_printf(cli->arena, "%s (target %s)", function, target) : function;
}

static int list(struct xsg_cli *cli, struct xsg_project *project)
{
    struct xsg_waivers waivers;
    struct xsg_commit head = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    int rc = xsg_waivers_read(cli->arena, xsg_waivers_path(cli, project), &waivers, &cli->err);
    if (rc == 0)
        rc = xsg_git_head(project->git, cli->arena, &head, &cli->err);
    for (size_t i = 0; rc == 0 && i < waivers.n; i++) {
        const struct xsg_waiver *w = &waivers.item[i];
        const char *expired = xsg_waiver_expired(cli, project, w, head.oid);
        const char *name = name_of(cli, w->function, w->target);
        xsg_put_printable(&out, name, strlen(name));
        xsg_buf_printf(&out, "\n    %s%.10s: ", expired ? "EXPIRED, was until " : "until ",
                       w->until);
        xsg_put_printable(&out, w->reason, strlen(w->reason));
        xsg_buf_putc(&out, '\n');
    }
    if (rc == 0 && waivers.n == 0)
        xsg_buf_puts(&out, "nothing is waived\n");
    if (rc == 0)
        xsg_cli_print(out.data, out.len);
    xsg_buf_release(&out);
    return rc;
}

static int remove_waiver(struct xsg_cli *cli, struct xsg_project *project, const char *function)
{
    size_t removed;
    const char *path = xsg_waivers_path(cli, project);
    int rc = xsg_waivers_remove(cli->arena, path, function, o.target, &removed, &cli->err);
    if (rc == 0 && removed == 0) {
        xsg_fail(&cli->err, XSG_ENOTFOUND, "%s is not waived", name_of(cli, function, o.target));
        return xsg_fail_hint(&cli->err, XSG_ENOTFOUND, "'xsgate waive --list' shows what is");
    }
    if (rc == 0)
        xsg_info("removed from %s", path);
    return rc;
}

/* A day as it is; anything else is a commit, kept by its whole id: branches move. */
static int set_until(struct xsg_cli *cli, struct xsg_project *project, struct xsg_waiver *waiver)
{
    struct xsg_commit commit = {0}, head = {0};
    struct xsg_err ignored = {0};
    if (xsg_waiver_set_until(waiver, o.until, &ignored) == 0)
        return 0;
    if (strspn(o.until, "0123456789-") == strlen(o.until) && strchr(o.until, '-'))
        return xsg_fail(&cli->err, XSG_EINVAL, "--until %s: there is no such day", o.until);
    int rc = xsg_git_resolve(project->git, cli->arena, o.until, &commit, &cli->err);
    if (rc == 0)
        rc = xsg_git_head(project->git, cli->arena, &head, &cli->err);
    if (rc == 0)
        rc = xsg_waiver_set_until(waiver, commit.oid, &cli->err);
    return rc;
}

/* Not an error: the function may be new, or measured elsewhere. */
static void look_for(struct xsg_cli *cli, struct xsg_project *project, const char *function)
{
    struct xsg_err err = {0};
    const char **names, *nearest;
    size_t n;
    if (!function || strpbrk(function, "*?") ||
        xsg_store_open(&project->store, project->store_path, false, &err) != 0 ||
        xsg_trend_functions(project->store, cli->arena, &names, &n, &err) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], function) == 0)
            return;
    }
    nearest = xsg_nearest(function, names, n);
    xsg_warn("no stored run has a function '%s'%s%s%s", function, nearest ? "; did you mean '" : "",
             nearest ? nearest : "", nearest ? "'?" : "");
}

static int add(struct xsg_cli *cli, struct xsg_project *project, const char *function)
{
    struct xsg_waiver waiver = {.function = function, .target = o.target, .reason = o.reason};
    struct xsg_commit head = {0};
    const char *path = xsg_waivers_path(cli, project);
    if (!o.reason || !o.until)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "a waiver needs --reason and --until: why, and for how long");
    int rc = set_until(cli, project, &waiver);
    if (rc == 0)
        rc = xsg_git_head(project->git, cli->arena, &head, &cli->err);
    if (rc != 0)
        return rc;
    const char *expired = xsg_waiver_expired(cli, project, &waiver, head.oid);
    if (expired)
        return xsg_fail(&cli->err, XSG_EINVAL, "--until %s: it would have %s already", o.until,
                        expired);
    rc = xsg_waivers_add(cli->arena, path, &waiver, &cli->err);
    if (rc != 0)
        return rc;
    look_for(cli, project, function);
    xsg_info("%s is waived until %.10s; commit %s", name_of(cli, function, o.target), waiver.until,
             path);
    return 0;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project = {0};
    const char *function = words->n ? words->item[0] : NULL;
    if (words->n > 1 || (!o.list && !function && !o.target))
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "waive takes one function, or --target NAME for a whole target");
    int rc = xsg_project_open(&project, cli, XSG_NEED_SUITE);
    if (rc == 0)
        rc = o.list     ? list(cli, &project)
             : o.remove ? remove_waiver(cli, &project, function)
                        : add(cli, &project, function);
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_STRING, 0, "reason", "TEXT", "why the slowdown is accepted", &o.reason, NULL, NULL},
    {XSG_OPT_STRING, 0, "until", "DATE|COMMIT",
     "to the end of this day, or until head has this commit", &o.until, NULL, "ref"},
    {XSG_OPT_STRING, 0, "target", "NAME", "in this target only; without FUNCTION: the target",
     &o.target, NULL, "target"},
    {XSG_OPT_FLAG, 0, "list", NULL, "show what is waived", &o.list, NULL, NULL},
    {XSG_OPT_FLAG, 0, "remove", NULL, "remove the waiver of FUNCTION", &o.remove, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate waive parse_number --until 2027-03-31 --reason \"exact rounding, issue 12\"",
    "accept until spring", "xsgate waive --list", "what is accepted, and until when", NULL};
static const struct xsg_opt_spec spec = {"waive",
                                         "waive FUNCTION --reason TEXT --until DATE|COMMIT",
                                         "accept a known slowdown for a while",
                                         "Writes an entry into " XSG_WAIVERS_FILE
                                         ", beside xsgate.yml: commit it. The slowdown is\n"
                                         "still reported, but does not fail the gate until then.",
                                         opts,
                                         examples,
                                         NULL};
const struct xsg_command xsg_cmd_waive = {.spec = &spec, .run = run};
