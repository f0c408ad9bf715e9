#include "cli/changed.h"

#include <limits.h>
#include <string.h>

/* A scope knows where it begins; it is taken to reach to the next one that begins in the file. */
static int end_of_scope(const struct xsg_run *run, const struct xsg_function *function)
{
    int end = INT_MAX;

    for (size_t i = 0; run && i < run->n_series; i++) {
        const struct xsg_function *other = &run->series[i].function;
        if (other->file && other->line > function->line && other->line <= end &&
            strcmp(other->file, function->file) == 0)
            end = other->line - 1;
    }
    return end;
}

int xsg_changed_function(void *arg, const struct xsg_function *function)
{
    const struct xsg_changed *changed = arg;
    int end;

    if (!changed->known || !function->file || function->line <= 0)
        return -1;
    end = function->end_line > 0 ? function->end_line : end_of_scope(changed->run, function);
    for (size_t i = 0; i < changed->changes.n; i++) {
        const struct xsg_git_range *range = &changed->changes.ranges[i];
        if (strcmp(range->file, function->file) == 0 && range->line <= end &&
            range->end_line >= function->line)
            return 1;
    }
    return 0;
}
