/* The history of functions: stored runs of a branch's commits, and their change points. */
#ifndef XSG_CLI_HISTORY_H
#define XSG_CLI_HISTORY_H

#include "base/map.h"
#include "baseline/trend.h"
#include "ci/report/trend.h"
#include "cli/project.h"
#include "compare/change.h"

struct xsg_history {
    struct xsg_cli *cli;
    struct xsg_store *store;
    struct xsg_git_commits commits; /* the branch, oldest first */
    struct xsg_map position;        /* oid -> index into commits, plus one */
    struct xsg_trend_runs runs;
    const char **environments; /* for people, index as in runs */
    struct xsg_change_options change;
    size_t elsewhere; /* clean runs of commits that are not on the branch */
};

/* since: only commits after it (NULL: all). */
int xsg_history_open(struct xsg_history *history, struct xsg_cli *cli, struct xsg_project *project,
                     const char *since);

/* One function (NULL: the target). Without points: trend->n_points is 0. */
int xsg_history_read(struct xsg_history *history, const struct xsg_trend_query *query,
                     struct xsg_report_trend *trend);

/* The changes of these points, into trend; its points are the same. */
void xsg_history_find_changes(struct xsg_arena *arena, const struct xsg_change_point *points,
                              size_t n, const struct xsg_change_options *options,
                              struct xsg_report_trend *trend);

/* The newest run on the branch that has this target (NULL: any); XSG_ENOTFOUND: there is none. */
int xsg_history_newest(struct xsg_history *history, const char *target, struct xsg_run *run);

#endif
