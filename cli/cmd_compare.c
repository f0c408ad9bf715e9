/* compare: two commits, measured side by side unless they were already. */
#include <string.h>

#include "cli/gate.h"

static struct {
    struct xsg_gate_options gate;
    struct xsg_strings targets;
} o = {.gate = XSG_GATE_OPTIONS_INIT};

static int choose_sides(struct xsg_cli *cli, struct xsg_project *project,
                        const struct xsg_strings *words, struct xsg_gate_side *base,
                        struct xsg_gate_side *head)
{
    int rc;

    if (words->n < 1 || words->n > 2)
        return xsg_fail(&cli->err, XSG_EINVAL, "compare takes BASE, or BASE and HEAD");
    rc = xsg_git_resolve(project->git, cli->arena, words->item[0], &base->commit, &cli->err);
    if (rc != 0)
        return rc;
    if (words->n == 2)
        return xsg_git_resolve(project->git, cli->arena, words->item[1], &head->commit, &cli->err);
    head->work_tree = true;
    return xsg_git_head(project->git, cli->arena, &head->commit, &cli->err);
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project;
    struct xsg_gate_side base = {0}, head = {0};
    int rc = xsg_project_open(&project, cli, XSG_NEED_SUITE | XSG_NEED_STORE | XSG_NEED_MEASURE);

    if (rc == 0)
        rc = xsg_project_select(&project, cli, &o.targets);
    if (rc == 0)
        rc = xsg_gate_prepare(cli, &project, &o.gate);
    if (rc == 0)
        rc = choose_sides(cli, &project, words, &base, &head);
    if (rc == 0 && strcmp(base.commit.oid, head.commit.oid) == 0 && !head.commit.dirty)
        rc = xsg_fail(&cli->err, XSG_EINVAL, "both sides are commit %.10s: nothing to compare",
                      base.commit.oid);
    if (rc == 0)
        rc = xsg_gate_run(cli, &project, &base, &head, words->item[0], &o.gate);
    xsg_project_close(&project);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_LIST, 0, "target", "NAME", "only this target of the suite (repeatable)", &o.targets,
     NULL, "target"},
    XSG_GATE_OPTION_ROWS(o.gate),
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate compare abc123", "the work tree against a commit",
                                       "xsgate compare v1.0 v1.1 --report markdown:notes.md",
                                       "two releases", NULL};
static const struct xsg_opt_spec spec = {
    "compare",
    "compare BASE [HEAD]",
    "compare two commits; HEAD defaults to the work tree",
    "Builds both commits, measures them in alternating rounds and compares them. What was "
    "measured\n"
    "before, side by side on this machine, is taken from the store.",
    opts,
    examples,
    "ref"};
const struct xsg_command xsg_cmd_compare = {.spec = &spec, .run = run, .keeps_status = true};
