/* What xsg_forge_detect makes of the environment: a line each, "name value". */
#include <stdio.h>
#include <stdlib.h>

#include "ci/forge/forge.h"

static const char *get_variable(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

int main(void)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_forge_context c;
    struct xsg_err err = {{0}, {0}}, why = {{0}, {0}};
    int rc = xsg_forge_detect(&arena, get_variable, NULL, &c, &err);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"event_name", c.event_name},     {"api_url", c.api_url},
        {"repository", c.repository},     {"head_sha", c.head_sha},
        {"base_sha", c.base_sha},         {"base_ref", c.base_ref},
        {"head_ref", c.head_ref},         {"head_repository", c.head_repository},
        {"measured_sha", c.measured_sha},
    };

    printf("result %d\nkind %d\nevent %d\n", rc, c.kind, c.event);
    printf("error %s\n", err.text);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].value)
            printf("%s %s\n", texts[i].name, texts[i].value);
    }
    printf("pull_request %lld\nforeign %d\n", (long long)c.pull_request, c.foreign);
    printf("may_run %d\n", xsg_forge_may_run(&c, &why));
    xsg_arena_release(&arena);
    return 0;
}
