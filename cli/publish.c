#include "cli/publish.h"

#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/fs.h"
#include "base/log.h"
#include "cli/base.h"

#define MOST_ANNOTATIONS ((size_t)200)

/* A sentence for what could not be done, with its next step. */
static void warn_of(const char *what, const struct xsg_err *err)
{
    xsg_warn("%s: %s%s%s", what, err->text, err->hint[0] ? "\n  " : "", err->hint);
}

/* ---- where are we ---------------------------------------------------------------------------- */

int xsg_publish_check_trust(struct xsg_cli *cli, bool take_risk)
{
    struct xsg_forge_context context;
    struct xsg_err err = {0};

    if (xsg_forge_detect(cli->arena, xsg_base_getenv, NULL, &context, &err) != 0)
        warn_of("what this run is for is not known", &err);
    if (context.debug && xsg_log_level() == XSG_LOG_NORMAL)
        xsg_log_set_level(XSG_LOG_VERBOSE);
    if (take_risk || xsg_forge_may_run(&context, &cli->err))
        return 0;
    return XSG_EINVAL;
}

/* Is there a place to post to, and somebody to post as? */
static bool can_post(const struct xsg_forge_context *context)
{
    if (context->foreign) {
        if (context->event == XSG_EVENT_PULL_REQUEST)
            xsg_info("a pull request from %s: its token is read-only, so the report stays in the "
                     "summary; a second workflow can comment ('xsgate init --github' writes it)",
                     context->head_repository ? context->head_repository : "another repository");
        return false;
    }
    if (!context->has_token) {
        xsg_info(context->kind == XSG_FORGE_GITHUB
                     ? "nothing is posted: the step has no token (env: GITHUB_TOKEN: ${{ "
                       "github.token }})"
                     : "nothing is posted: there is no GITLAB_TOKEN (a project access token)");
        return false;
    }
    return context->event != XSG_EVENT_WORKFLOW_RUN; /* there, comment is its own command */
}

static bool wants_check(const struct xsg_publish *publish)
{
    return publish->context.kind == XSG_FORGE_GITHUB && publish->project->suite.ci.check;
}

void xsg_publish_begin(struct xsg_publish *publish, struct xsg_cli *cli,
                       const struct xsg_project *project, bool enabled)
{
    struct xsg_forge_options options = {
        .getenv = xsg_base_getenv,
        .clock = &xsg_system_clock,
        .login = project->suite.ci.login,
        .interrupt = &xsg_interrupted,
    };
    struct xsg_err err = {0};

    *publish = (struct xsg_publish){.cli = cli, .project = project};
    if (!enabled)
        return;
    xsg_forge_detect(cli->arena, xsg_base_getenv, NULL, &publish->context, NULL);
    if (publish->context.kind == XSG_FORGE_NONE || !can_post(&publish->context))
        return;
    if (xsg_forge_open(&publish->forge, &publish->context, &options, &err) != 0) {
        warn_of("nothing can be posted", &err);
        return;
    }
    if (!wants_check(publish))
        return;
    if (xsg_forge_check_begin(publish->forge, project->suite.ci.id, &publish->check, &err) != 0)
        warn_of("the check was not made", &err);
}

void xsg_publish_end(struct xsg_publish *publish)
{
    xsg_forge_close(publish->forge);
    publish->forge = NULL;
}

/* ---- text ------------------------------------------------------------------------------------ */

void xsg_publish_links(struct xsg_arena *arena, const struct xsg_forge_context *context,
                       const struct xsg_suite_ci *config, struct xsg_report_options *options)
{
    const char *dash = context->kind == XSG_FORGE_GITLAB ? "/-" : "";

    options->id = strcmp(config->id, "xsgate") == 0 ? NULL : config->id;
    options->head_sha = context->head_sha;
    options->run_url = context->run_url;
    if (!context->server_url || !context->repository)
        return;
    options->commit_url =
        xsg_printf(arena, "%s/%s%s/commit", context->server_url, context->repository, dash);
    if (context->head_sha)
        options->source_url = xsg_printf(arena, "%s/%s%s/blob/%s", context->server_url,
                                         context->repository, dash, context->head_sha);
    if (context->run_url)
        options->artifact_url = context->kind == XSG_FORGE_GITHUB
                                    ? xsg_printf(arena, "%s#artifacts", context->run_url)
                                    : xsg_printf(arena, "%s/artifacts/browse", context->run_url);
}

static void write_markdown(const struct xsg_publish *publish, struct xsg_buf *out,
                           const struct xsg_comparison *comparison)
{
    struct xsg_report_options options = {0};

    xsg_publish_links(publish->cli->arena, &publish->context, &publish->project->suite.ci,
                      &options);
    xsg_report_find("markdown")->write(out, comparison, &options);
}

/* ---- the runner's own files ------------------------------------------------------------------ */

static void put_output(const struct xsg_publish *publish, const char *name, const char *value)
{
    struct xsg_err err = {0};

    if (xsg_forge_output(&publish->context, name, value, &err) != 0)
        warn_of("a step output was not written", &err);
}

static void put_count(const struct xsg_publish *publish, const char *name,
                      const struct xsg_comparison *c, enum xsg_delta_verdict verdict)
{
    char text[32];
    size_t n = 0;

    for (size_t i = 0; i < c->n_deltas; i++)
        n += c->deltas[i].verdict == verdict && c->deltas[i].counts;
    snprintf(text, sizeof text, "%zu", n);
    put_output(publish, name, text);
}

/* For an artifact, and for the job that comments when this one may not. NULL: not written. */
static const char *write_json(const struct xsg_publish *publish, const struct xsg_comparison *c)
{
    const char *path = xsg_path_join(publish->cli->arena, publish->project->folder, "report.json");
    const struct xsg_report_options options = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_err err = {0};

    xsg_report_find("json")->write(&out, c, &options);
    if (xsg_write_file(path, out.data, out.len, &err) != 0) {
        warn_of("the JSON report was not written", &err);
        path = NULL;
    }
    xsg_buf_release(&out);
    return path;
}

static void leave_files(const struct xsg_publish *publish, const struct xsg_comparison *c,
                        const char *markdown, size_t n, const char *html_page)
{
    const char *json = write_json(publish, c);
    struct xsg_err err = {0};

    put_output(publish, "verdict", xsg_verdict_name(c->verdict));
    put_count(publish, "regressed", c, XSG_DELTA_REGRESSED);
    put_count(publish, "improved", c, XSG_DELTA_IMPROVED);
    put_count(publish, "undecided", c, XSG_DELTA_UNDECIDED);
    put_output(publish, "report_html", html_page && xsg_is_file(html_page) ? html_page : "");
    put_output(publish, "report_json", json ? json : "");
    if (xsg_forge_summary(&publish->context, markdown, n, &err) != 0)
        warn_of("the step's summary was not written", &err);
}

/* ---- check, status, comment ------------------------------------------------------------------ */

static bool can_annotate(const struct xsg_delta *d)
{
    const char *file = d->function.file;

    return d->verdict == XSG_DELTA_REGRESSED && d->counts && d->function.name && file &&
           d->function.line > 0 && file[0] != '/' && strncmp(file, "../", 3) != 0;
}

static size_t make_annotations(struct xsg_arena *arena, const struct xsg_comparison *c,
                               struct xsg_forge_annotation *out)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];
    size_t n = 0;

    for (size_t i = 0; i < c->n_deltas && n < MOST_ANNOTATIONS; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (!can_annotate(d))
            continue;
        xsg_format_change(change, d->ratio);
        xsg_format_change(low, d->low);
        xsg_format_change(high, d->high);
        out[n++] = (struct xsg_forge_annotation){
            .path = d->function.file,
            .line = d->function.line,
            .end_line = d->function.line,
            .failure = true,
            .title = xsg_printf(arena, "%s %s", change, d->function.name),
            .message =
                xsg_printf(arena, "%s of %s: %s (%s to %s)%s%s", d->metric, d->target, change, low,
                           high, d->cause ? "; " : "", d->cause ? d->cause : ""),
        };
    }
    return n;
}

static enum xsg_forge_conclusion conclusion_of(const struct xsg_comparison *c)
{
    switch (c->verdict) {
    case XSG_VERDICT_PASSED:
        return XSG_FORGE_SUCCESS;
    case XSG_VERDICT_REGRESSED:
        return XSG_FORGE_FAILURE;
    case XSG_VERDICT_UNDECIDED:
        return c->gate.strict ? XSG_FORGE_FAILURE : XSG_FORGE_NEUTRAL;
    case XSG_VERDICT_INVALID:
        break;
    }
    return XSG_FORGE_ERROR;
}

static const char *title_of(struct xsg_arena *arena, const struct xsg_comparison *c)
{
    return xsg_printf(arena, "%s%s%s", xsg_verdict_name(c->verdict), c->reason ? ": " : "",
                      c->reason ? c->reason : "");
}

static void complete_check(struct xsg_publish *publish, const struct xsg_forge_check *check)
{
    struct xsg_err err = {0};

    if (publish->check != 0 &&
        xsg_forge_check_end(publish->forge, publish->check, check, &err) != 0)
        warn_of("the check was not completed", &err);
    publish->check = 0;
}

static void end_check(struct xsg_publish *publish, const struct xsg_comparison *c,
                      const char *markdown, enum xsg_forge_conclusion conclusion)
{
    struct xsg_arena *arena = publish->cli->arena;
    struct xsg_forge_annotation *annotations =
        XSG_NEW_ARRAY(arena, struct xsg_forge_annotation, MOST_ANNOTATIONS);
    struct xsg_forge_check check = {
        .name = publish->project->suite.ci.id,
        .title = title_of(arena, c),
        .summary = markdown,
        .conclusion = conclusion,
        .annotations = annotations,
    };

    if (publish->project->suite.ci.annotations)
        check.n_annotations = make_annotations(arena, c, annotations);
    complete_check(publish, &check);
}

static void post_status(struct xsg_publish *publish, const struct xsg_comparison *c,
                        enum xsg_forge_conclusion conclusion)
{
    struct xsg_err err = {0};

    if (publish->context.kind == XSG_FORGE_GITHUB && publish->project->suite.ci.status &&
        xsg_forge_status(publish->forge, publish->project->suite.ci.id,
                         title_of(publish->cli->arena, c), conclusion, &err) != 0)
        warn_of("the commit status was not set", &err);
}

static void post_comment(struct xsg_publish *publish, const struct xsg_comparison *c,
                         const char *markdown)
{
    const struct xsg_suite_ci *config = &publish->project->suite.ci;
    /* A pass that nobody was told otherwise of is no news. */
    bool create = config->comment == XSG_COMMENT_ALWAYS || c->verdict != XSG_VERDICT_PASSED;
    const char *url = NULL;
    struct xsg_err err = {0};

    if (config->comment == XSG_COMMENT_OFF || publish->context.pull_request <= 0)
        return;
    if (xsg_forge_comment(publish->forge, publish->cli->arena, config->id, markdown, create, &url,
                          &err) != 0)
        warn_of("the comment was not posted", &err);
    else if (url)
        xsg_info("comment: %s", url);
}

static void publish_all(struct xsg_publish *publish, const struct xsg_comparison *c,
                        const char *html_page, enum xsg_forge_conclusion conclusion)
{
    struct xsg_buf markdown = XSG_BUF_INIT;

    if (publish->context.kind == XSG_FORGE_NONE || publish->done)
        return;
    publish->done = true;
    write_markdown(publish, &markdown, c);
    leave_files(publish, c, xsg_buf_str(&markdown), markdown.len, html_page);
    if (publish->forge) {
        end_check(publish, c, xsg_buf_str(&markdown), conclusion);
        post_status(publish, c, conclusion);
        if (conclusion != XSG_FORGE_CANCELLED)
            post_comment(publish, c, xsg_buf_str(&markdown));
    }
    xsg_buf_release(&markdown);
}

void xsg_publish_comparison(struct xsg_publish *publish, const struct xsg_comparison *comparison,
                            const char *html_page)
{
    publish_all(publish, comparison, html_page, conclusion_of(comparison));
}

void xsg_publish_failure(struct xsg_publish *publish, const struct xsg_run *base,
                         const struct xsg_run *head)
{
    const struct xsg_err *err = &publish->cli->err;
    const struct xsg_comparison none = {
        .verdict = XSG_VERDICT_INVALID,
        .reason = err->hint[0] ? xsg_printf(publish->cli->arena, "%s; %s", err->text, err->hint)
                               : err->text,
        .base = base,
        .head = head,
        .gate = publish->project->suite.gate,
        .ci = {publish->context.pull_request, publish->context.head_sha},
    };

    if (xsg_interrupted && publish->forge)
        xsg_forge_hurry(publish->forge, 5);
    publish_all(publish, &none, NULL, xsg_interrupted ? XSG_FORGE_CANCELLED : XSG_FORGE_ERROR);
}

void xsg_publish_measured(struct xsg_publish *publish, const struct xsg_run *run)
{
    const char *title = "measured; there is nothing to compare with yet";
    const char *text = xsg_printf(publish->cli->arena,
                                  "**xsgate** measured and stored `%.10s`. There is nothing to "
                                  "compare it with yet.",
                                  run->commit.oid);
    const struct xsg_forge_check check = {.name = publish->project->suite.ci.id,
                                          .title = title,
                                          .summary = text,
                                          .conclusion = XSG_FORGE_NEUTRAL};
    struct xsg_err err = {0};

    if (publish->context.kind == XSG_FORGE_NONE)
        return;
    publish->done = true;
    put_output(publish, "verdict", "none");
    if (xsg_forge_summary(&publish->context, text, strlen(text), &err) != 0)
        warn_of("the step's summary was not written", &err);
    if (publish->forge)
        complete_check(publish, &check);
}

void xsg_publish_no_base(struct xsg_cli *cli, const struct xsg_project *project,
                         const struct xsg_commit *head, bool enabled)
{
    const struct xsg_run no_run = {.commit = {.oid = ""}}, head_run = {.commit = *head};
    struct xsg_publish publish;

    xsg_publish_begin(&publish, cli, project, enabled);
    xsg_publish_failure(&publish, &no_run, &head_run);
    xsg_publish_end(&publish);
}
