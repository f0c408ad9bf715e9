/* Waivers as the gate sees them: which hold for a head commit today, and which expired. */
#ifndef XSG_CLI_WAIVERS_H
#define XSG_CLI_WAIVERS_H

#include "baseline/waiver.h"
#include "cli/project.h"

/* Beside the configuration file. */
const char *xsg_waivers_path(struct xsg_cli *cli, const struct xsg_project *project);

/* NULL while it holds; else "expired on 2026-12-31", "expired with commit abc" (head has it). */
const char *xsg_waiver_expired(struct xsg_cli *cli, struct xsg_project *project,
                               const struct xsg_waiver *waiver, const char *head);

/* Reads the file into the gate of the project's suite. head: the commit that is judged. */
int xsg_waivers_apply(struct xsg_cli *cli, struct xsg_project *project, const char *head);

#endif
