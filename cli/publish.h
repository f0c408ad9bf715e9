/*
 * What a gate leaves with the CI system that it runs in: step outputs, step summary, report files,
 * and on a pull request the comment, the check and the status. Nothing here changes the gate's
 * status: what cannot be posted is a warning.
 */
#ifndef XSG_CLI_PUBLISH_H
#define XSG_CLI_PUBLISH_H

#include <xsgate/comparison.h>

#include "ci/forge/forge.h"
#include "ci/report/report.h"
#include "cli/cli.h"
#include "cli/project.h"

struct xsg_publish {
    struct xsg_cli *cli;
    const struct xsg_project *project;
    struct xsg_forge_context context; /* kind NONE: nothing is published */
    struct xsg_forge *forge;          /* NULL: nothing can be posted, and it was said why */
    int64_t check;                    /* begun, and not yet ended; 0: none */
    bool done;
};

/*
 * May this process run what is checked out (xsg_forge_may_run)? XSG_EINVAL if not, unless the user
 * takes the risk. Also: RUNNER_DEBUG makes us verbose, and an event that cannot be read is said.
 */
int xsg_publish_check_trust(struct xsg_cli *cli, bool take_risk);

/* Before measuring: finds out where we are and begins the check. Always ended by xsg_publish_end().
 */
void xsg_publish_begin(struct xsg_publish *publish, struct xsg_cli *cli,
                       const struct xsg_project *project, bool enabled);
/* The gate's answer. html_page: where the HTML report was left, or NULL. */
void xsg_publish_comparison(struct xsg_publish *publish, const struct xsg_comparison *comparison,
                            const char *html_page);
/* There is none: a build failed, or the user stopped it; the sentence and its hint are cli->err's.
 */
void xsg_publish_failure(struct xsg_publish *publish, const struct xsg_run *base,
                         const struct xsg_run *head);
/* A commit was measured, and there is nothing to compare it with. */
void xsg_publish_measured(struct xsg_publish *publish, const struct xsg_run *run);
void xsg_publish_end(struct xsg_publish *publish);

/* The gate did not even begin: no base was found for head. Begins, says why, and ends. */
void xsg_publish_no_base(struct xsg_cli *cli, const struct xsg_project *project,
                         const struct xsg_commit *head, bool enabled);

/* Markdown's links for this CI run: urls from the context, in the arena. */
void xsg_publish_links(struct xsg_arena *arena, const struct xsg_forge_context *context,
                       const struct xsg_suite_ci *config, struct xsg_report_options *options);

#endif
