/* How far stored values of a function usually lie from their level, learned from its history. */
#ifndef XSG_CLI_SPREAD_H
#define XSG_CLI_SPREAD_H

#include "baseline/trend.h"
#include "cli/project.h"

struct xsg_spread {
    struct xsg_store *store;
    struct xsg_trend_runs runs;
    const char *fingerprint; /* only runs of this environment count */
};

int xsg_spread_open(struct xsg_spread *spread, struct xsg_cli *cli, struct xsg_project *project,
                    const char *fingerprint);

/* As usual_spread of xsg_compare_options; arg: struct xsg_spread. NaN: fewer than 8 runs. */
double xsg_spread_of(void *arg, const char *target, const char *function, const char *metric);

#endif
