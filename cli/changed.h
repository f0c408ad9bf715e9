/* Does a commit range touch a function? Joins the diff (baseline) with source lines (profile). */
#ifndef XSG_CLI_CHANGED_H
#define XSG_CLI_CHANGED_H

#include <stdbool.h>

#include <xsgate/run.h>

#include "baseline/git.h"

struct xsg_changed {
    struct xsg_git_changes changes;
    bool known;                /* false: no diff could be made, everything is unknown */
    const struct xsg_run *run; /* head: bounds scopes, which know their first line only */
};

/* Is every file that differs a source, a build file or documentation, by its name: nothing that a
 * program reads when it runs? False when the difference is unknown. */
bool xsg_changed_sources_only(const struct xsg_changed *changed);

/* 1, 0, or -1 for unknown. The shape that struct xsg_compare_options wants. */
int xsg_changed_function(void *changed, const struct xsg_function *function);

#endif
