/* run: measures HEAD or the work tree, stores it, and with --baseline gates it. */
#include "base/log.h"
#include "cli/base.h"
#include "cli/gate.h"
#include "cli/publish.h"

static struct {
    const char *baseline;
    bool no_fetch;
    struct xsg_gate_options gate;
} o = {.gate = XSG_GATE_OPTIONS_INIT};

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project;
    struct xsg_gate_side base = {0}, head = {.work_tree = true};
    struct xsg_selection selection = {0};
    struct xsg_forge_context context = {0};
    int rc = xsg_project_open(&project, cli, XSG_NEED_SUITE | XSG_NEED_STORE | XSG_NEED_MEASURE);

    /* A broken event is no reason not to measure; xsg_gate_prepare says it. */
    xsg_forge_detect(cli->arena, xsg_base_getenv, NULL, &context, NULL);
    if (rc == 0)
        rc = xsg_project_select(&project, cli, words);
    if (rc == 0)
        rc = xsg_gate_prepare(cli, &project, &o.gate);
    if (rc == 0)
        rc = xsg_git_head(project.git, cli->arena, &head.commit, &cli->err);
    if (rc == 0 && o.baseline) {
        rc = xsg_base_select(cli, &project, &context, &head.commit, o.baseline, !o.no_fetch,
                             &selection);
        if (rc != 0)
            xsg_publish_no_base(cli, &project, &head.commit, !o.gate.no_publish);
    }
    if (rc != 0)
        goto out;
    if (!o.baseline || selection.none || (selection.same_as_head && !head.commit.dirty)) {
        if (selection.none)
            xsg_warn("%s: nothing to compare, this commit is measured and stored", selection.how);
        else if (o.baseline)
            xsg_warn("%s is this commit itself: nothing to compare, it is measured and stored",
                     o.baseline);
        rc = xsg_gate_measure_one(cli, &project, &head, &o.gate);
        goto out;
    }
    base.commit = selection.base;
    rc = xsg_gate_run(cli, &project, &base, &head, selection.how, &o.gate);
out:
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_STRING, 'b', "baseline", "REF", "gate against the merge base with REF or auto",
     &o.baseline, NULL, "ref"},
    {XSG_OPT_FLAG, 0, "no-fetch", NULL, "fetch nothing where a shallow clone lacks the base",
     &o.no_fetch, NULL, NULL},
    XSG_GATE_OPTION_ROWS(o.gate),
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate run --baseline main", "did this branch make anything slower?",
    "xsgate run -b main -t 2% -r html:perf.html parse", "one target, 2 %, and a page", NULL};
static const struct xsg_opt_spec spec = {
    "run",
    "run [--baseline REF] [TARGET...]",
    "measure HEAD or the work tree; with --baseline, gate it",
    "Builds and measures the work tree and stores the result. With --baseline the merge base with\n"
    "REF is built beside it and both run in alternating rounds.",
    opts,
    examples,
    "target"};
const struct xsg_command xsg_cmd_run = {&spec, false, run};
