/* show: the per-function table of one stored run. */
#include <unistd.h>

#include "base/log.h"
#include "ci/report/report.h"
#include "cli/project.h"

static struct {
    bool all;
    int64_t id;
} o;

static int find_run(struct xsg_cli *cli, struct xsg_project *project, const char *revision,
                    struct xsg_run *run)
{
    struct xsg_commit commit = {0};
    struct xsg_store_query query = {.dirty_too = true, .shared_too = true};
    int rc;

    if (o.id > 0)
        return xsg_store_get(project->store, cli->arena, o.id, run, &cli->err);
    rc = revision ? xsg_git_resolve(project->git, cli->arena, revision, &commit, &cli->err)
                  : xsg_git_head(project->git, cli->arena, &commit, &cli->err);
    if (rc != 0)
        return rc;
    query.oid = commit.oid;
    rc = xsg_store_find(project->store, cli->arena, &query, run, &cli->err);
    if (rc == XSG_ENOTFOUND)
        xsg_fail_hint(&cli->err, rc, "'xsgate run' measures and stores the work tree");
    return rc;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project;
    struct xsg_run stored = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options options = {.columns = xsg_terminal_columns(STDOUT_FILENO, 100),
                                         .color = xsg_color_for(STDOUT_FILENO),
                                         .all = o.all};
    int rc;

    if (words->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "show takes one revision");
    rc = xsg_project_open(&project, cli, XSG_NEED_STORE_EXISTS);
    if (rc == 0)
        rc = find_run(cli, &project, words->n ? words->item[0] : NULL, &stored);
    if (rc == 0) {
        xsg_report_run(&out, &stored, &options);
        xsg_cli_print(out.data, out.len);
    }
    xsg_buf_release(&out);
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_FLAG, 'a', "all", NULL, "every function, not the hottest only", &o.all, NULL, NULL},
    {XSG_OPT_INT, 0, "id", "N", "the run with this id in the store", &o.id, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate show", "the newest run of HEAD",
                                       "xsgate show v1.2 --all", "every function of a release",
                                       NULL};
static const struct xsg_opt_spec spec = {
    "show",
    "show [REV]",
    "show the per-function table of one stored run",
    "Prints the newest stored run of a commit, hottest function first.",
    opts,
    examples,
    "ref"};
const struct xsg_command xsg_cmd_show = {.spec = &spec, .run = run};
