/*
 * comment: the pull request's comment from a stored comparison or from a report file.
 *
 * The file is what a job without privileges left: whoever opened the pull request may have written
 * it. Its size is bounded, all of it is text, and which pull request it is for is confirmed with
 * the forge before anything is written.
 */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "cli/base.h"
#include "cli/input.h"
#include "cli/publish.h"

#define REPORT_FILE_LIMIT ((size_t)8 << 20)

static struct {
    const char *from, *id;
    int64_t pull_request;
    bool remove;
} o;

/* ---- what is to be said ---------------------------------------------------------------------- */

/* The configuration tells the gate's id and who comments; a job that only downloads the artifact
 * has none, and the defaults. */
static int open_project(struct xsg_cli *cli, struct xsg_project *project)
{
    unsigned store = o.from || o.remove ? 0 : XSG_NEED_STORE_EXISTS;
    int rc = xsg_project_open(project, cli, XSG_NEED_SUITE | store);

    if (rc == XSG_ENOTFOUND && store == 0) {
        cli->err = (struct xsg_err){0};
        project->suite.ci = XSG_SUITE_CI_DEFAULT;
        rc = 0;
    }
    if (rc == 0 && o.id)
        project->suite.ci.id = o.id;
    return rc;
}

static int read_comparison(struct xsg_cli *cli, struct xsg_project *project,
                           struct xsg_comparison *comparison)
{
    return o.from ? xsg_input_file(cli, o.from, REPORT_FILE_LIMIT, comparison)
                  : xsg_input_stored(cli, project, 0, comparison);
}

/* ---- where it goes --------------------------------------------------------------------------- */

static bool same_sha(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

/* A number that the event itself did not name is somebody's claim: the forge has to say that the
 * pull request's head is the commit that this run is about. */
static int confirm(struct xsg_cli *cli, struct xsg_forge *forge,
                   const struct xsg_forge_context *context, const struct xsg_comparison *comparison)
{
    const char *head = NULL;
    long long number = (long long)context->pull_request;
    int rc;

    if (!context->head_sha)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "the event does not say which commit it is about, so that pull request "
                        "%lld cannot be confirmed",
                        number);
    if (o.from && comparison->ci.head_sha && !same_sha(comparison->ci.head_sha, context->head_sha))
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "the report is about %.10s, this run about %.10s: not posted",
                        comparison->ci.head_sha, context->head_sha);
    rc = xsg_forge_pull_head(forge, cli->arena, context->pull_request, &head, &cli->err);
    if (rc != 0 || same_sha(head, context->head_sha))
        return rc;
    xsg_fail(&cli->err, XSG_EINVAL,
             "the head of pull request %lld is %.10s, this run is about %.10s: not posted", number,
             head, context->head_sha);
    return xsg_fail_hint(&cli->err, XSG_EINVAL,
                         "it was pushed to meanwhile (that push has a run of its own), or the "
                         "report names another pull request");
}

/* Sets the context's pull request; *claimed: somebody else than the event named it. */
static int choose_pull_request(struct xsg_cli *cli, struct xsg_forge_context *context,
                               const struct xsg_comparison *comparison, bool *claimed)
{
    bool named = context->pull_request > 0;

    *claimed = context->event == XSG_EVENT_WORKFLOW_RUN;
    if (o.pull_request > 0) {
        context->pull_request = o.pull_request;
    } else if (!named) {
        context->pull_request = comparison->ci.pull_request;
        *claimed = true;
    }
    if (context->pull_request > 0)
        return 0;
    xsg_fail(&cli->err, XSG_EINVAL, "which pull request? Neither the event nor the report says it");
    return xsg_fail_hint(&cli->err, XSG_EINVAL, "--pull-request N names it");
}

/* ---- the command ----------------------------------------------------------------------------- */

static int look_around(struct xsg_cli *cli, struct xsg_forge_context *context)
{
    struct xsg_err err = {0};

    if (xsg_forge_detect(cli->arena, xsg_base_getenv, NULL, context, &err) != 0)
        xsg_warn("%s", err.text);
    if (context->kind != XSG_FORGE_NONE)
        return 0;
    xsg_fail(&cli->err, XSG_EINVAL, "this is neither GitHub Actions nor GitLab CI");
    return xsg_fail_hint(&cli->err, XSG_EINVAL,
                         "'xsgate report --format markdown' writes the text without posting it");
}

static int post(struct xsg_cli *cli, struct xsg_forge *forge,
                const struct xsg_forge_context *context, const struct xsg_suite_ci *config,
                const struct xsg_comparison *comparison)
{
    struct xsg_report_options options = {0};
    struct xsg_buf markdown = XSG_BUF_INIT;
    const char *url = NULL;
    int rc;

    xsg_publish_links(cli->arena, context, config, &options);
    xsg_report_find("markdown")->write(&markdown, comparison, &options);
    rc = xsg_forge_comment(forge, cli->arena, config->id, xsg_buf_str(&markdown),
                           config->comment == XSG_COMMENT_ALWAYS ||
                               comparison->verdict != XSG_VERDICT_PASSED,
                           &url, &cli->err);
    xsg_buf_release(&markdown);
    if (rc == 0 && url)
        xsg_cli_print(xsg_printf(cli->arena, "%s\n", url), strlen(url) + 1);
    else if (rc == 0)
        xsg_info("passed, and there is no comment to update: nothing was posted");
    return rc;
}

static int connect_and_post(struct xsg_cli *cli, struct xsg_forge_context *context,
                            const struct xsg_suite_ci *config,
                            const struct xsg_comparison *comparison)
{
    struct xsg_forge_options options = {
        .getenv = xsg_base_getenv,
        .clock = &xsg_system_clock,
        .login = config->login,
        .interrupt = &xsg_interrupted,
    };
    struct xsg_forge *forge = NULL;
    bool claimed = false;
    int rc = choose_pull_request(cli, context, comparison, &claimed);

    if (rc == 0)
        rc = xsg_forge_open(&forge, context, &options, &cli->err);
    if (rc == 0 && claimed)
        rc = confirm(cli, forge, context, comparison);
    if (rc == 0)
        rc = o.remove ? xsg_forge_comment_delete(forge, config->id, &cli->err)
                      : post(cli, forge, context, config, comparison);
    xsg_forge_close(forge);
    return rc;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_comparison *comparison = XSG_NEW(cli->arena, struct xsg_comparison);
    struct xsg_project project = {0};
    struct xsg_forge_context context;
    int rc;

    if (words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "comment takes no arguments; --from FILE names a "
                        "report");
    rc = look_around(cli, &context);
    if (rc == 0)
        rc = open_project(cli, &project);
    if (rc == 0 && !o.remove)
        rc = read_comparison(cli, &project, comparison);
    if (rc == 0)
        rc = connect_and_post(cli, &context, &project.suite.ci, comparison);
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_STRING, 0, "from", "REPORT.json", "a report file instead of the newest comparison",
     &o.from, NULL, "file"},
    {XSG_OPT_INT, 0, "pull-request", "N", "its number, where the event does not say it",
     &o.pull_request, NULL, NULL},
    {XSG_OPT_STRING, 0, "id", "ID", "the gate's id; default: as configured, else xsgate", &o.id,
     NULL, NULL},
    {XSG_OPT_FLAG, 0, "delete", NULL, "remove the comment", &o.remove, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate comment --from report.json", "in a workflow_run job: what a fork's run measured",
    "xsgate comment --delete", "remove it from this pull request", NULL};
static const struct xsg_opt_spec spec = {
    "comment",
    "comment [--from REPORT.json] [--pull-request N]",
    "post or update the pull request's comment",
    "Under GitHub Actions or GitLab CI: writes the newest comparison, or a report file of another\n"
    "job, into the one comment of this gate. The file is not trusted: a pull request that only it\n"
    "names is confirmed first. Prints the comment's address.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_comment = {.spec = &spec, .run = run, .keeps_status = true};
