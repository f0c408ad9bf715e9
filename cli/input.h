/* Where a comparison comes from again: the store, or a JSON report file (hostile bytes). */
#ifndef XSG_CLI_INPUT_H
#define XSG_CLI_INPUT_H

#include <xsgate/comparison.h>

#include "cli/cli.h"
#include "cli/project.h"

/* Of a file at most limit bytes long. Errors begin with its path. */
int xsg_input_file(struct xsg_cli *cli, const char *path, size_t limit,
                   struct xsg_comparison *comparison);
/* The stored comparison with this id, with both runs; 0: the newest. The store has to be open. */
int xsg_input_stored(struct xsg_cli *cli, struct xsg_project *project, int64_t id,
                     struct xsg_comparison *comparison);

#endif
