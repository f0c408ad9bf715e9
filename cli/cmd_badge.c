/* badge: the state of the branch as a picture for a README. */
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "ci/report/badge.h"
#include "ci/report/report.h"
#include "cli/input.h"

#define REPORT_FILE_LIMIT ((size_t)64 << 20)

static struct {
    const char *label, *file;
    bool endpoint;
} o;

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

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_badge badge;
    int rc;

    if (words->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "badge takes one JSON report file, or none");
    rc = make_state(cli, words->n ? words->item[0] : NULL, &badge);
    if (rc != 0)
        return rc;
    badge.label = o.label ? o.label : "performance";
    if (o.endpoint)
        xsg_badge_put_endpoint(&out, &badge);
    else
        xsg_badge_put_svg(&out, &badge);
    if (o.file)
        rc = xsg_write_file(o.file, out.data, out.len, &cli->err);
    else
        xsg_cli_print(out.data, out.len);
    xsg_buf_release(&out);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_FLAG, 'e', "endpoint", NULL, "JSON for shields.io's endpoint badge instead of SVG",
     &o.endpoint, NULL, NULL},
    {XSG_OPT_STRING, 'l', "label", "TEXT", "the left side; default: performance", &o.label, NULL,
     NULL},
    {XSG_OPT_STRING, 'o', "output", "FILE", "where to; default: standard output", &o.file, NULL,
     "file"},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate badge -o perf.svg", "the newest stored comparison's verdict",
    "xsgate badge --endpoint report.json", "of a report file, for shields.io", NULL};
static const struct xsg_opt_spec spec = {
    "badge",
    "badge [--endpoint] [-o FILE] [FILE.json]",
    "write a badge for a README",
    "Writes an SVG badge: passed, regressed, undecided or could not judge, from the newest stored\n"
    "comparison or a JSON report; unknown when there is none.",
    opts,
    examples,
    "file"};
const struct xsg_command xsg_cmd_badge = {&spec, false, run};
