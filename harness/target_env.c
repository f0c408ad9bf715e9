#include "harness/target_env.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"

static bool ends_with(const char *name, size_t n, const char *end)
{
    size_t m = strlen(end);

    return n >= m && memcmp(name + n - m, end, m) == 0;
}

static bool is_secret(const char *name, size_t n)
{
    static const char *const ends[] = {"_TOKEN", "_SECRET", "_PASSWORD", "_KEY", "_CREDENTIALS"};

    if (strncmp(name, "ACTIONS_", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(name, n, ends[i]))
            return true;
    }
    return false;
}

/* Does list hold the variable of this entry already? Later settings win, so they are added first.
 */
static bool has_name(const struct xsg_strings *list, const char *entry)
{
    size_t n = strcspn(entry, "=");

    for (size_t i = 0; i < list->n; i++) {
        if (strncmp(list->item[i], entry, n + 1) == 0)
            return true;
    }
    return false;
}

static void add_profiler(struct xsg_arena *arena, struct xsg_strings *list,
                         const struct xsg_launcher *launcher, const struct xsg_launch *launch,
                         const char *session)
{
    unsigned modes = launch->target->profile;
    const char *preload = getenv("LD_PRELOAD");

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
        if (strncmp(*entry, "XSGATE_", 7) != 0 && !is_secret(*entry, n) && !has_name(&list, *entry))
            xsg_strings_add(arena, &list, *entry);
    }
    xsg_strings_add(arena, &list, NULL);
    return list.item;
}

const char *const *xsg_build_env(struct xsg_arena *arena)
{
    struct xsg_strings list = {0};

    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, "XSGATE_", 7) != 0)
            xsg_strings_add(arena, &list, *entry);
    }
    xsg_strings_add(arena, &list, NULL);
    return list.item;
}
