/* What most commands need first: the repository, its configuration and its store. */
#ifndef XSG_CLI_PROJECT_H
#define XSG_CLI_PROJECT_H

#include <stdbool.h>

#include "baseline/git.h"
#include "baseline/store.h"
#include "cli/cli.h"
#include "harness/launch.h"
#include "harness/suite.h"
#include "profiler/code.h"

struct xsg_project {
    struct xsg_git *git;
    struct xsg_store *store;
    struct xsg_suite suite;
    const char *folder; /* ROOT/.xsgate */
    const char *store_path;
    char *runtime;               /* libxsgate-runtime.so */
    struct xsg_code_cache *code; /* of what is measured */
    char *scratch;               /* session folders; removed by close */
    int scratch_lock;            /* held while the folder is in use */
};

enum xsg_project_need {
    XSG_NEED_SUITE = 1,
    XSG_NEED_STORE = 2,        /* made when absent */
    XSG_NEED_STORE_EXISTS = 4, /* absent is an error */
    XSG_NEED_MEASURE = 8       /* runtime library and scratch folder */
};

/* Opens the repository that we stand in and what else is needed. Close in any case. */
int xsg_project_open(struct xsg_project *project, struct xsg_cli *cli, unsigned need);
void xsg_project_close(struct xsg_project *project);

/* Keeps the targets named by words (all when none) whose names match the filter glob (or NULL). */
int xsg_project_select(struct xsg_project *project, struct xsg_cli *cli,
                       const struct xsg_strings *words);

struct xsg_launcher xsg_project_launcher(const struct xsg_project *project);

#endif
