/* The environment that a target is started in. */
#ifndef XSG_HARNESS_TARGET_ENV_H
#define XSG_HARNESS_TARGET_ENV_H

#include <stddef.h>

#include "base/arena.h"
#include "harness/launch.h"

/*
 * A NULL-terminated environment for a target: ours, less
 * - secrets of CI: every name that ends in _TOKEN, _SECRET, _PASSWORD, _KEY or _CREDENTIALS, and
 *   what starts with ACTIONS_ (the runner's own interfaces): a benchmark of a pull request has no
 *   business with them;
 * - XSGATE_* of a gate around this one;
 * plus the target's own "env:", the session of the profiler and a padding variable. LD_PRELOAD of
 * the user is kept, behind ours. All from the arena.
 */
const char *const *xsg_target_env(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                                  const struct xsg_launch *launch, const char *session);

/* The same for the build command: nothing is taken away or added but XSGATE_*. */
const char *const *xsg_build_env(struct xsg_arena *arena);

#endif
