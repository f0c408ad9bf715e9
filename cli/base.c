#include "cli/base.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

const char *xsg_base_getenv(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

/* The forge's compare call: a question that must not hold up the gate. */
static int ask_forge(void *arg, struct xsg_arena *arena, const char *base, const char *head,
                     const char **oid, struct xsg_err *err)
{
    struct xsg_forge *forge = NULL;
    struct xsg_forge_options options = {.getenv = xsg_base_getenv,
                                        .clock = &xsg_system_clock,
                                        .budget_s = 15,
                                        .interrupt = &xsg_interrupted};
    int rc = xsg_forge_open(&forge, arg, &options, err);

    if (rc == 0)
        rc = xsg_forge_merge_base(forge, arena, base, head, oid, err);
    xsg_forge_close(forge);
    return rc;
}

/* Is what stands here the forge's own merge of the pull request, and not what somebody merged? */
static bool is_forge_merge(const struct xsg_forge_context *context, const struct xsg_commit *head)
{
    return (context->event == XSG_EVENT_PULL_REQUEST ||
            context->event == XSG_EVENT_PULL_REQUEST_TARGET) &&
           context->measured_sha && strcmp(context->measured_sha, head->oid) == 0 &&
           context->head_sha && strcmp(context->head_sha, head->oid) != 0;
}

int xsg_base_select(struct xsg_cli *cli, struct xsg_project *project,
                    const struct xsg_forge_context *context, const struct xsg_commit *head,
                    const char *baseline, bool fetch, struct xsg_selection *selection)
{
    struct xsg_select_request request = {
        .reference = baseline,
        .event = context->kind == XSG_FORGE_NONE ? NULL
                 : context->event_name           ? context->event_name
                                                 : "CI",
        .event_base = context->base_sha,
        .event_ref = context->base_ref,
        .event_exact = context->event == XSG_EVENT_MERGE_GROUP,
        .forge_merge = is_forge_merge(context, head),
        .fetch = fetch,
        .interrupt = &xsg_interrupted,
        .ask = context->has_token ? ask_forge : NULL,
        .ask_arg = (void *)(uintptr_t)context,
    };

    return xsg_select_base(project->git, cli->arena, &request, selection, &cli->err);
}
