/* report: renders a stored comparison, or a JSON report file, again. */
#include <math.h>

#include "base/fs.h"
#include "ci/report/report.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/project.h"

#define REPORT_FILE_LIMIT ((size_t)64 << 20)

static struct {
    struct xsg_strings formats;
    int64_t id;
} o;

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_comparison *comparison = XSG_NEW(cli->arena, struct xsg_comparison);
    struct xsg_project project = {0};
    int rc;

    if (words->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "report takes one JSON report file, or none");
    rc = xsg_output_check(cli, &o.formats);
    if (rc == 0 && words->n == 1) {
        rc = xsg_input_file(cli, words->item[0], REPORT_FILE_LIMIT, comparison);
    } else if (rc == 0) {
        rc = xsg_project_open(&project, cli, XSG_NEED_STORE_EXISTS);
        if (rc == 0)
            rc = xsg_input_stored(cli, &project, o.id, comparison);
    }
    if (rc == 0)
        rc = xsg_output_write(cli, comparison, &o.formats, NULL);
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_LIST, 'f', "format", "FORMAT[:FILE]",
     "text, markdown, json, html, junit, github, codequality, metrics", &o.formats, NULL, "report"},
    {XSG_OPT_INT, 0, "id", "N", "the comparison with this id; default: the newest", &o.id, NULL,
     NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate report --format html:perf.html", "the newest comparison as a page",
    "xsgate report result.json --format markdown", "a report file in another format", NULL};
static const struct xsg_opt_spec spec = {
    "report",
    "report [--format FORMAT[:FILE]] [FILE.json]",
    "render a stored comparison again",
    "Renders what the newest gate said, or a JSON report file. The exit status says only\n"
    "whether that worked.",
    opts,
    examples,
    "file"};
const struct xsg_command xsg_cmd_report = {.spec = &spec, .run = run};
