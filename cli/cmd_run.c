/* run: measures HEAD or the work tree, stores it, and with --baseline gates it. */
#include <string.h>

#include "base/log.h"
#include "cli/base.h"
#include "cli/gate.h"
#include "cli/publish.h"

static struct {
    struct xsg_strings baselines;
    bool no_fetch;
    struct xsg_gate_options gate;
} o = {.gate = XSG_GATE_OPTIONS_INIT};

/* What --baseline named and is not HEAD itself. */
struct chosen {
    const char *name, *how;
    struct xsg_commit base;
};

struct choice {
    struct xsg_cli *cli;
    struct xsg_project *project;
    struct xsg_forge_context context;
    struct xsg_commit head;
    struct chosen *item;
    size_t n;
};

static bool is_new(const struct choice *choice, const struct xsg_commit *base)
{
    for (size_t i = 0; i < choice->n; i++) {
        if (strcmp(choice->item[i].base.oid, base->oid) == 0)
            return false;
    }
    return true;
}

static int choose(struct choice *choice, const char *name)
{
    struct xsg_cli *cli = choice->cli;
    struct xsg_selection selection = {0};
    int rc = xsg_base_select(cli, choice->project, &choice->context, &choice->head, name,
                             !o.no_fetch, &selection);
    if (rc != 0) {
        xsg_publish_no_base(cli, choice->project, &choice->head, !o.gate.no_publish);
        return rc;
    }
    if (selection.none)
        xsg_warn("%s: nothing to compare, this commit is measured and stored", selection.how);
    else if (selection.same_as_head && !choice->head.dirty)
        xsg_warn("%s is this commit itself: nothing to compare, it is measured and stored", name);
    else if (!is_new(choice, &selection.base))
        xsg_warn("%s is the same commit as a baseline before it", name);
    else
        choice->item[choice->n++] = (struct chosen){name, selection.how, selection.base};
    return 0;
}

/* A name fit for a file's. */
static const char *file_name(struct xsg_cli *cli, const char *name)
{
    char *safe = xsg_strdup(cli->arena, name);
    for (char *p = safe; *p; p++) {
        if (*p == '/' || *p == '\\' || (unsigned char)*p < ' ')
            *p = '-';
    }
    return safe;
}

/* "html:perf.html" -> "html:perf.v1.2.html"; what goes to stdout stays. */
static struct xsg_strings reports_for(struct xsg_cli *cli, const char *name)
{
    struct xsg_strings named = {0};
    for (size_t i = 0; i < o.gate.reports.n; i++) {
        const char *report = o.gate.reports.item[i], *file = strchr(report, ':');
        const char *slash = file ? strrchr(file, '/') : NULL;
        const char *dot = file ? strrchr(slash ? slash : file, '.') : NULL;
        if (file && !dot)
            report = xsg_printf(cli->arena, "%s.%s", report, name);
        else if (file)
            report = xsg_printf(cli->arena, "%.*s.%s%s", (int)(dot - report), report, name, dot);
        xsg_strings_add(cli->arena, &named, report);
    }
    return named;
}

static int gate_against(struct choice *choice, size_t i, struct xsg_gate_others *others)
{
    struct xsg_gate_side base = {.commit = choice->item[i].base};
    struct xsg_gate_side head = {.work_tree = true, .commit = choice->head};
    struct xsg_gate_options options = o.gate;
    if (choice->n > 1)
        options.others = others;
    if (i > 0) {
        options.baseline = file_name(choice->cli, choice->item[i].name);
        options.reports = reports_for(choice->cli, options.baseline);
        options.no_publish = true;
    }
    return xsg_gate_run(choice->cli, choice->project, &base, &head, choice->item[i].how, &options);
}

/* The first baseline comes last: it tells what the others found, and the worst decides. So each has
 * its part of the error that the call may make, and of its time. */
static int gate(struct choice *choice)
{
    struct xsg_gate_others others = {.verdict = XSG_VERDICT_PASSED};
    int rc = 0;
    choice->project->suite.gate.alpha /= (double)choice->n;
    o.gate.max_time /= (double)choice->n;
    for (size_t i = choice->n; i-- > 0 && rc >= 0;) {
        rc = gate_against(choice, i, &others);
        if (i > 0 && rc == XSG_EFAILED) { /* an old base that builds no more; the others go on */
            const char *text = choice->cli->err.text; /* its first line; all of it was a warning */
            struct xsg_comparison failed = {.verdict = XSG_VERDICT_INVALID};
            failed.reason = xsg_strndup(choice->cli->arena, text, strcspn(text, "\n"));
            xsg_warn("%s: %s", choice->item[i].name, text);
            xsg_gate_record(choice->cli, &others, choice->item[i].name, &choice->item[i].base,
                            &failed);
            choice->cli->err = (struct xsg_err){0};
            rc = 0;
        }
    }
    return rc;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project;
    struct choice choice = {.cli = cli, .project = &project};
    int rc = xsg_project_open(&project, cli, XSG_NEED_SUITE | XSG_NEED_STORE | XSG_NEED_MEASURE);

    /* A broken event is no reason not to measure; xsg_gate_prepare says it. */
    xsg_forge_detect(cli->arena, xsg_base_getenv, NULL, &choice.context, NULL);
    if (rc == 0)
        rc = xsg_project_select(&project, cli, words);
    if (rc == 0)
        rc = xsg_gate_prepare(cli, &project, &o.gate);
    if (rc == 0)
        rc = xsg_git_head(project.git, cli->arena, &choice.head, &cli->err);
    choice.item = XSG_NEW_ARRAY(cli->arena, struct chosen, o.baselines.n + 1);
    for (size_t i = 0; rc == 0 && i < o.baselines.n; i++)
        rc = choose(&choice, o.baselines.item[i]);
    if (rc == 0 && choice.n == 0) {
        struct xsg_gate_side head = {.work_tree = true, .commit = choice.head};
        rc = xsg_gate_measure_one(cli, &project, &head, &o.gate);
    } else if (rc == 0) {
        rc = gate(&choice);
    }
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_LIST, 'b', "baseline", "REF",
     "gate against the merge base with REF or auto (repeatable)", &o.baselines, NULL, "ref"},
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
    "REF is built beside it and both run in alternating rounds. Of several baselines the worst\n"
    "verdict decides.",
    opts,
    examples,
    "target"};
const struct xsg_command xsg_cmd_run = {.spec = &spec, .run = run, .keeps_status = true};
