/*
 * Is a slowdown of identical machine code there, too, when the programs are linked in another
 * order? Builds both commits in checkouts of their own with the linker wrapped (cli/relink_ld.sh),
 * and measures the targets that ask for it; compare/layout.h decides.
 */
#ifndef XSG_CLI_GATE_LAYOUT_H
#define XSG_CLI_GATE_LAYOUT_H

#include "cli/gate.h"
#include "compare/compare.h"

struct xsg_gate_layout {
    struct xsg_cli *cli;
    struct xsg_project *project;
    const struct xsg_gate_side *base, *head; /* measured */
    const struct xsg_gate_options *options;
    struct xsg_compare_options *compare; /* layouts, n_layouts and no_layouts are filled */
};

/* Does nothing where nothing asks for it, or it is switched off. A layout that cannot be had is not
 * an error, but said in the rows; XSG_EINTR is. */
int xsg_gate_vary_layout(struct xsg_gate_layout *layout);

/* The environment for layout k (1 to 9) of a build: the linker's wrapper in folder, which is made.
 * XSG_EINVAL: the folder's name cannot be in a list of folders. */
int xsg_gate_layout_env(struct xsg_arena *arena, const char *folder, int k, const char *const **env,
                        struct xsg_err *err);

#endif
