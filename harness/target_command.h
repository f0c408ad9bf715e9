/* A target's command line as the words to execute. */
#ifndef XSG_HARNESS_TARGET_COMMAND_H
#define XSG_HARNESS_TARGET_COMMAND_H

#include "base/arena.h"

/*
 * NULL-terminated. A command that means the same without a shell is split at blanks and executed as
 * it is, so that no shell is measured with it; any other becomes /bin/sh -c COMMAND.
 */
const char *const *xsg_target_argv(struct xsg_arena *arena, const char *command);

/* /bin/sh with these options ("-c", "-ec") and the command. */
const char *const *xsg_shell_argv(struct xsg_arena *arena, const char *options,
                                  const char *command);

/* The file that argv[0] means for a child with this folder and PATH ("" if unset), or NULL. */
const char *xsg_target_program(struct xsg_arena *arena, const char *name, const char *folder,
                               const char *path);

#endif
