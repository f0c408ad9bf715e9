#include "harness/target_env.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static bool ends_with(const char *name, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n >= m && memcmp(name + n - m, end, m) == 0;
}

static bool is_name(const char *entry, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(entry, name, n) == 0;
}

/* See the header; entry is "NAME=value", n the name's length. */
static bool is_secret(const char *entry, size_t n)
{
    static const char *const ends[] = {"_TOKEN",      "_SECRET", "_PASSWORD",   "_PASSWD",
                                       "_PASSPHRASE", "_KEY",    "_CREDENTIALS"};
    static const char *const begins[] = {"ACTIONS_", "CI_JOB_JWT"};
    static const char *const names[] = {"GITHUB_ENV",         "GITHUB_PATH",   "GITHUB_OUTPUT",
                                        "GITHUB_STATE",       "SSH_AUTH_SOCK", "GPG_AGENT_INFO",
                                        "GITHUB_STEP_SUMMARY"};

    for (size_t i = 0; i < N(ends); i++) {
        if (ends_with(entry, n, ends[i]))
            return true;
    }
    for (size_t i = 0; i < N(begins); i++) {
        if (strncmp(entry, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    for (size_t i = 0; i < N(names); i++) {
        if (is_name(entry, n, names[i]))
            return true;
    }
    return false;
}

/* What belongs to who called us: an outer gate, a git hook. */
static bool is_callers(const char *entry, size_t n)
{
    static const char *const names[] = {
        "GIT_DIR",        "GIT_WORK_TREE",        "GIT_INDEX_FILE",
        "GIT_PREFIX",     "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR",
        "XSGATE_SESSION", "XSGATE_PROFILE",       "XSGATE_RATE",
        "XSGATE_BENCH",   "XSGATE_PADDING",       "XSGATE_LIMIT",
        "XSGATE_NODES",   "XSGATE_TIMING",        "XSGATE_CLOCK",
        "XSGATE_PHASE",
    };

    for (size_t i = 0; i < N(names); i++) {
        if (is_name(entry, n, names[i]))
            return true;
    }
    return false;
}

/* Does list hold the variable of this entry already? What is added first stays. */
static bool has_name(const struct xsg_strings *list, const char *entry)
{
    size_t n = strcspn(entry, "=");

    for (size_t i = 0; i < list->n; i++) {
        if (strncmp(list->item[i], entry, n) == 0 && list->item[i][n] == '=')
            return true;
    }
    return false;
}

static const char *preload_of(const struct xsg_suite_target *target)
{
    for (size_t i = 0; i < target->n_env; i++) {
        if (strncmp(target->env[i], "LD_PRELOAD=", 11) == 0)
            return target->env[i] + 11;
    }
    return getenv("LD_PRELOAD");
}

static void add_profiler(struct xsg_arena *arena, struct xsg_strings *list,
                         const struct xsg_launcher *launcher, const struct xsg_launch *launch,
                         const char *session)
{
    unsigned modes = launch->target->profile;
    const char *preload = preload_of(launch->target);

    xsg_strings_add(arena, list, xsg_printf(arena, "XSGATE_SESSION=%s", session));
    xsg_strings_add(arena, list,
                    xsg_printf(arena, "XSGATE_PROFILE=%s%s%s",
                               modes & XSG_MODE_SCOPES ? "scopes," : "",
                               modes & XSG_MODE_FUNCTIONS ? "functions," : "",
                               modes & XSG_MODE_SAMPLE ? "sample" : ""));
    xsg_strings_add(arena, list,
                    xsg_printf(arena, "XSGATE_RATE=%lld", (long long)launch->target->rate_hz));
    xsg_strings_add(arena, list,
                    preload && *preload
                        ? xsg_printf(arena, "LD_PRELOAD=%s:%s", launcher->runtime, preload)
                        : xsg_printf(arena, "LD_PRELOAD=%s", launcher->runtime));
    if (launch->bench)
        xsg_strings_add(arena, list, xsg_printf(arena, "XSGATE_BENCH=%s", launch->bench));
    if (launch->start_phase > 0) /* equally long whatever it is */
        xsg_strings_add(
            arena, list,
            xsg_printf(arena, "XSGATE_PHASE=%03d", 1 + (int)(launch->start_phase * 998)));
}

const char *const *xsg_target_env(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                                  const struct xsg_launch *launch, const char *session)
{
    struct xsg_strings list = {0};
    char *padding = xsg_alloc(arena, launch->env_padding + 1, 1);

    if (!launch->no_profile)
        add_profiler(arena, &list, launcher, launch, session);
    for (size_t i = 0; i < launch->target->n_env; i++) {
        if (!has_name(&list, launch->target->env[i]))
            xsg_strings_add(arena, &list, launch->target->env[i]);
    }
    memset(padding, 'x', launch->env_padding);
    xsg_strings_add(arena, &list, xsg_printf(arena, "XSGATE_PADDING=%s", padding));
    for (char **entry = environ; *entry; entry++) {
        size_t n = strcspn(*entry, "=");
        if (!is_callers(*entry, n) && !is_secret(*entry, n) && !has_name(&list, *entry))
            xsg_strings_add(arena, &list, *entry);
    }
    xsg_strings_add(arena, &list, NULL);
    return list.item;
}

const char *const *xsg_build_env(struct xsg_arena *arena)
{
    return xsg_build_env_with(arena, NULL);
}

const char *const *xsg_build_env_with(struct xsg_arena *arena, const char *const *more)
{
    struct xsg_strings list = {0};

    for (; more && *more; more++)
        xsg_strings_add(arena, &list, *more);
    for (char **entry = environ; *entry; entry++) {
        if (!is_callers(*entry, strcspn(*entry, "=")) && !has_name(&list, *entry))
            xsg_strings_add(arena, &list, *entry);
    }
    xsg_strings_add(arena, &list, NULL);
    return list.item;
}

const char *xsg_env_value(const char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    }
    return NULL;
}
