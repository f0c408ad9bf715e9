/* bisect: finds the commit that made something slower. */
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/bisect.h"

static struct {
    const char *function, *target;
    struct xsg_gate_options gate;
} o = {.gate = XSG_GATE_OPTIONS_INIT};

static int find_commits(struct xsg_bisect *b, const struct xsg_strings *words)
{
    struct xsg_cli *cli = b->cli;
    struct xsg_git *git = b->project->git;
    struct xsg_commit good = {0}, bad = {0};
    if (words->n < 1 || words->n > 2)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "bisect takes GOOD and BAD; BAD is HEAD if left out");
    int rc = xsg_git_resolve(git, cli->arena, words->item[0], &good, &cli->err);
    if (rc == 0)
        rc = words->n == 2 ? xsg_git_resolve(git, cli->arena, words->item[1], &bad, &cli->err)
                           : xsg_git_head(git, cli->arena, &bad, &cli->err);
    if (rc == 0)
        rc = xsg_git_first_parents(git, cli->arena, bad.oid, good.oid, &b->commits, &cli->err);
    if (rc != 0)
        return rc;
    if (!b->commits.met)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "%s is not among the commits that %s went through (its first parents%s)",
                        words->item[0], words->n == 2 ? words->item[1] : "HEAD",
                        b->commits.complete ? "" : ", as far as this shallow clone has them");
    return b->commits.n < 2 ? xsg_fail(&cli->err, XSG_EINVAL, "GOOD and BAD are the same commit")
                            : 0;
}

static void put_commit(struct xsg_buf *out, const struct xsg_commit *commit)
{
    xsg_buf_puts(out, commit->oid);
    if (commit->subject && *commit->subject) {
        xsg_buf_puts(out, "  ");
        xsg_put_printable(out, commit->subject, strlen(commit->subject));
    }
    xsg_buf_putc(out, '\n');
}

/* The first slow commit; or, where neighbours could not be measured, all that it may be. */
static void put_answer(struct xsg_buf *out, const struct xsg_bisect *b)
{
    char size[XSG_CHANGE_SIZE];
    size_t n = b->bad - b->good;
    xsg_format_size(size, b->bad_ratio / b->good_ratio);
    if (n == 1) {
        put_commit(out, &b->commits.item[b->bad]);
    } else {
        xsg_buf_printf(out,
                       "one of these %zu commits (those before the last could not be "
                       "measured):\n",
                       n);
        for (size_t i = b->good + 1; i <= b->bad; i++)
            put_commit(out, &b->commits.item[i]);
    }
    xsg_buf_puts(out, "made ");
    if (b->function) {
        xsg_put_printable(out, b->function, strlen(b->function));
        xsg_buf_puts(out, " (");
        if (strcmp(b->function, b->in_good) != 0) {
            xsg_buf_puts(out, "was ");
            xsg_put_printable(out, b->in_good, strlen(b->in_good));
            xsg_buf_puts(out, "; ");
        }
        xsg_buf_printf(out, "target %s)", b->target);
    } else {
        xsg_buf_printf(out, "target %s", b->target);
    }
    if (strcmp(b->metric, "time") == 0)
        xsg_buf_printf(out, " %s slower\n", size);
    else
        xsg_buf_printf(out, " need %s more %s\n", size, b->metric);
    if (b->unsure)
        xsg_buf_puts(out, "not every step was certain: compare this commit with its parent\n");
    xsg_buf_printf(out, "%zu commits, %zu comparisons, %zu rounds, %.0f s of measuring",
                   b->commits.n - 1, b->comparisons, b->rounds, b->seconds);
    if (b->builds_failed)
        xsg_buf_printf(out, ", %zu did not build", b->builds_failed);
    xsg_buf_putc(out, '\n');
}

static int search(struct xsg_bisect *b)
{
    char size[XSG_CHANGE_SIZE];
    bool done = false;
    xsg_info("%zu commits after %.10s up to %.10s", b->commits.n - 1, b->commits.item[0].oid,
             b->commits.item[b->commits.n - 1].oid);
    int rc = xsg_bisect_begin(b, o.target, o.function);
    xsg_progress_clear();
    if (rc != 0)
        return rc;
    xsg_format_change(size, b->ratio);
    xsg_info("%.10s  slow  %s in %s%s", b->commits.item[b->bad].oid, size,
             b->function ? b->function : "target ", b->function ? "" : b->target);
    while (rc == 0 && !done)
        rc = xsg_bisect_step(b, &done);
    xsg_progress_clear();
    return rc;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_project project = {0};
    struct xsg_bisect bisect = {.cli = cli, .project = &project, .options = &o.gate};
    struct xsg_strings targets = {.item = &o.target, .n = o.target != NULL};
    struct xsg_buf out = XSG_BUF_INIT;
    int lock = -1, status = XSG_EXIT_PASSED;
    int rc = xsg_project_open(&project, cli, XSG_NEED_SUITE | XSG_NEED_MEASURE);
    if (rc == 0)
        rc = xsg_project_select(&project, cli, &targets);
    if (rc == 0)
        rc = xsg_gate_prepare(cli, &project, &o.gate);
    if (rc == 0)
        rc = find_commits(&bisect, words);
    if (rc == 0)
        rc = xsg_gate_lock(cli, &project, &lock);
    if (rc == 0)
        rc = search(&bisect);
    xsg_unlock_file(lock);
    if (rc == 0) {
        put_answer(&out, &bisect);
        xsg_cli_print(out.data, out.len);
        status =
            bisect.bad - bisect.good == 1 && !bisect.unsure ? XSG_EXIT_PASSED : XSG_EXIT_INVALID;
    }
    xsg_buf_release(&out);
    xsg_project_close(&project);
    return rc != 0 ? rc : status;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_STRING, 'f', "function", "NAME", "follow this function; default: the worst in BAD",
     &o.function, NULL, NULL},
    {XSG_OPT_STRING, 0, "target", "NAME", "measure only this target", &o.target, NULL, "target"},
    {XSG_OPT_RATIO, 't', "threshold", "PERCENT", "smallest slowdown of BAD that is looked for",
     &o.gate.threshold, NULL, NULL},
    {XSG_OPT_LIST, 'm', "metric", "NAME", "what to judge; default: time", &o.gate.metrics, NULL,
     "metric"},
    {XSG_OPT_SECONDS, 0, "max-time", "TIME", "longest measuring of one commit, e.g. 2m",
     &o.gate.max_time, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate bisect v1.2 main", "which commit since the release made it slower?",
    "xsgate bisect abc123 --function parse_number", "of one function, up to HEAD", NULL};
static const struct xsg_opt_spec spec = {
    "bisect",
    "bisect GOOD [BAD]",
    "find the commit that made something slower",
    "Measures commits between GOOD and BAD beside GOOD, in as few rounds as it takes to know\n"
    "each one's side. Commits that do not build are passed over. Status 0: found; 3: not found.",
    opts,
    examples,
    "ref"};
const struct xsg_command xsg_cmd_bisect = {.spec = &spec, .run = run};
