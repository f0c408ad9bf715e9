/* badge: the state of the branch, or one value and its trend, as a picture for a README. */
#include <math.h>
#include <string.h>

#include "base/change.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "ci/report/badge.h"
#include "ci/report/report.h"
#include "cli/history.h"
#include "cli/output.h"
#include "cli/input.h"

#define REPORT_FILE_LIMIT ((size_t)64 << 20)

static struct {
    const char *label, *file, *target, *function, *metric;
    bool endpoint;
} o = {.metric = "time"};

/* The newest stored comparison; *known is false when there is none yet, which is no error: a badge
 * is wanted before the first gate too. */
static int read_newest(struct xsg_cli *cli, struct xsg_comparison *comparison, bool *known)
{
    struct xsg_project project = {0};
    int64_t base = 0, head = 0;
    char *json = NULL;
    size_t n = 0;
    int rc = xsg_project_open(&project, cli, 0);

    *known = false;
    if (rc == 0 && !xsg_is_file(project.store_path))
        goto out;
    if (rc == 0)
        rc = xsg_store_open(&project.store, project.store_path, false, &cli->err);
    if (rc == 0)
        rc = xsg_store_get_comparison(project.store, cli->arena, 0, &json, &n, &base, &head,
                                      &cli->err);
    if (rc == 0) {
        rc = xsg_report_read_json(cli->arena, json, n, comparison, &cli->err);
        *known = rc == 0;
    } else if (rc == XSG_ENOTFOUND) {
        cli->err = (struct xsg_err){0};
        rc = 0;
    }
out:
    xsg_project_close(&project);
    return rc;
}

static int make_state(struct xsg_cli *cli, const char *report, struct xsg_badge *badge)
{
    struct xsg_comparison *comparison = XSG_NEW(cli->arena, struct xsg_comparison);
    bool known = true;
    int rc = report ? xsg_input_file(cli, report, REPORT_FILE_LIMIT, comparison)
                    : read_newest(cli, comparison, &known);

    if (rc != 0)
        return rc;
    if (!known)
        xsg_info("no comparison is stored yet, so the badge says unknown; 'xsgate run --baseline "
                 "REF' makes one");
    *badge = xsg_badge_of_verdict(known ? comparison : NULL);
    return 0;
}

/* ---- one value ------------------------------------------------------------------------------- */

/* "time" of a target is stored as what it is: CPU time, or elapsed time for one that waits. */
static int read_trend(struct xsg_cli *cli, struct xsg_project *project,
                      struct xsg_report_trend *trend)
{
    struct xsg_history *history = XSG_NEW(cli->arena, struct xsg_history);
    const char *const metrics[] = {o.metric, "cpu", "wall"};
    size_t n = !o.function && strcmp(o.metric, "time") == 0 ? 3 : 1;
    int rc = xsg_history_open(history, cli, project, NULL);

    for (size_t i = 0; i < n && rc == 0 && trend->n_points == 0; i++) {
        struct xsg_trend_query query = {
            .target = o.target, .function = o.function, .metric = metrics[i]};
        rc = xsg_history_read(history, &query, trend);
    }
    if (rc != 0 || trend->n_points > 0)
        return rc;
    xsg_fail(&cli->err, XSG_ENOTFOUND, "no stored run of this branch has %s%s%s of %s", o.metric,
             o.function ? " of " : "", o.function ? o.function : "", o.target);
    return xsg_fail_hint(&cli->err, XSG_ENOTFOUND, "'xsgate run' stores one");
}

/* The newest value, and the last change that led to it. */
static void put_value(struct xsg_cli *cli, const struct xsg_report_trend *trend,
                      struct xsg_badge *badge)
{
    const struct xsg_report_point *newest = &trend->points[trend->n_points - 1];
    const struct xsg_report_change *last = NULL;
    char value[32], change[XSG_CHANGE_SIZE];

    for (size_t i = 0; i < trend->n_changes; i++) {
        const struct xsg_report_change *c = &trend->changes[i];
        if (trend->points[c->at].environment == newest->environment && !isnan(c->ratio))
            last = c;
    }
    xsg_format_value(value, sizeof value, newest->value, trend->unit ? trend->unit : "");
    badge->color = XSG_BADGE_BLUE;
    badge->message = xsg_strdup(cli->arena, value);
    if (!last)
        return;
    xsg_format_change(change, last->ratio);
    badge->color = (last->ratio > 1) == trend->more_is_better ? XSG_BADGE_GREEN : XSG_BADGE_ORANGE;
    badge->message = xsg_printf(cli->arena, "%s (%s)", value, change);
}

static int make_value(struct xsg_cli *cli, struct xsg_badge *badge)
{
    struct xsg_report_trend *trend = XSG_NEW(cli->arena, struct xsg_report_trend);
    struct xsg_project project = {0};
    int rc = xsg_project_open(&project, cli, XSG_NEED_STORE_EXISTS);

    if (rc == 0)
        rc = read_trend(cli, &project, trend);
    if (rc == 0)
        put_value(cli, trend, badge);
    xsg_project_close(&project);
    return rc;
}

static const char *default_label(struct xsg_cli *cli)
{
    if (!o.target)
        return "performance";
    return o.function ? xsg_printf(cli->arena, "%s: %s", o.target, o.function) : o.target;
}

static int check_options(struct xsg_cli *cli, const struct xsg_strings *words)
{
    if (words->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "badge takes one JSON report file, or none");
    if (o.target && words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "--target reads the store, not a report file");
    if (o.function && !o.target)
        return xsg_fail(&cli->err, XSG_EINVAL, "--function needs --target");
    return 0;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_badge badge = {0};
    int rc = check_options(cli, words);

    if (rc == 0)
        rc = o.target ? make_value(cli, &badge)
                      : make_state(cli, words->n ? words->item[0] : NULL, &badge);
    if (rc != 0)
        return rc;
    badge.label = o.label ? o.label : default_label(cli);
    if (o.endpoint)
        xsg_badge_put_endpoint(&out, &badge);
    else
        xsg_badge_put_svg(&out, &badge);
    return xsg_output_put(cli, o.file, &out);
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_FLAG, 'e', "endpoint", NULL, "JSON for shields.io's endpoint badge instead of SVG",
     &o.endpoint, NULL, NULL},
    {XSG_OPT_STRING, 't', "target", "NAME", "its newest stored value and last change instead",
     &o.target, NULL, "target"},
    {XSG_OPT_STRING, 'f', "function", "NAME", "of this function of the target", &o.function, NULL,
     NULL},
    {XSG_OPT_STRING, 'm', "metric", "NAME", "of this metric; default: time", &o.metric, NULL,
     "metric"},
    {XSG_OPT_STRING, 'l', "label", "TEXT", "the left side; default: performance, or the names",
     &o.label, NULL, NULL},
    {XSG_OPT_STRING, 'o', "output", "FILE", "where to; default: standard output", &o.file, NULL,
     "file"},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate badge -o perf.svg", "the newest stored comparison's verdict",
    "xsgate badge --target parse --endpoint", "a target's value and trend, for shields.io", NULL};
static const struct xsg_opt_spec spec = {
    "badge",
    "badge [--endpoint] [--target NAME] [-o FILE] [FILE.json]",
    "write a badge for a README",
    "Writes an SVG badge: passed, regressed, undecided or could not judge, as the newest\n"
    "gate said or a JSON report does; unknown when there is none. With --target the newest value "
    "of\n"
    "this branch's runs and the last change in their history.",
    opts,
    examples,
    "file"};
const struct xsg_command xsg_cmd_badge = {.spec = &spec, .run = run};
