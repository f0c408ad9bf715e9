/* The commit that a run is compared with: what the user named, and what CI knows about it. */
#ifndef XSG_CLI_BASE_H
#define XSG_CLI_BASE_H

#include "baseline/select.h"
#include "ci/forge/forge.h"
#include "cli/project.h"

/* The process's environment, as xsg_getenv_fn. */
const char *xsg_base_getenv(void *arg, const char *name);

/* baseline as --baseline names it; context: of xsg_forge_detect. */
int xsg_base_select(struct xsg_cli *cli, struct xsg_project *project,
                    const struct xsg_forge_context *context, const struct xsg_commit *head,
                    const char *baseline, bool fetch, struct xsg_selection *selection);

#endif
