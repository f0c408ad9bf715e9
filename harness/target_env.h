/* The environment that a target is started in. */
#ifndef XSG_HARNESS_TARGET_ENV_H
#define XSG_HARNESS_TARGET_ENV_H

#include <stddef.h>

#include "base/arena.h"
#include "harness/launch.h"

/*
 * A NULL-terminated environment for a target: ours, as it is, less
 * - secrets of CI, with which a benchmark of a pull request has no business: every name that ends
 * in _TOKEN, _SECRET, _PASSWORD, _PASSWD, _PASSPHRASE, _KEY or _CREDENTIALS, GITLAB's CI_JOB_JWT*,
 *   and the agents' sockets SSH_AUTH_SOCK and GPG_AGENT_INFO;
 * - the runner's own interfaces, through which a target could steer later steps: ACTIONS_*,
 *   GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT, GITHUB_STATE and GITHUB_STEP_SUMMARY;
 * - what a gate around this one set for its profiler (XSGATE_SESSION, ...), and what git sets for
 * its hooks (GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, GIT_PREFIX, GIT_OBJECT_DIRECTORY,
 * GIT_COMMON_DIR). Plus the target's own "env:", which may bring back any of these, the profiler's
 * session, and XSGATE_PADDING, whose length varies per round. LD_PRELOAD is kept, behind ours.
 *
 * Deliberately untouched: the locale (the target shall work as it does for its users; both sides
 * have the same), GLIBC_TUNABLES and address randomisation (each invocation is one sample over
 * layouts). All from the arena.
 */
const char *const *xsg_target_env(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                                  const struct xsg_launch *launch, const char *session);

/* For the build command: ours, without an outer gate's and git's hooks' variables. It keeps the
 * tokens: a build may have to fetch private dependencies. more (NULL-terminated; NULL: none) comes
 * instead of our variables of the same name. */
const char *const *xsg_build_env(struct xsg_arena *arena);
const char *const *xsg_build_env_with(struct xsg_arena *arena, const char *const *more);

/* The value in such an environment, or NULL. */
const char *xsg_env_value(const char *const *env, const char *name);

#endif
