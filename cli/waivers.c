#include "cli/waivers.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

const char *xsg_waivers_path(struct xsg_cli *cli, const struct xsg_project *project)
{
    return xsg_path_join(cli->arena, xsg_path_dir(cli->arena, project->suite.file),
                         XSG_WAIVERS_FILE);
}

const char *xsg_waiver_expired(struct xsg_cli *cli, struct xsg_project *project,
                               const struct xsg_waiver *waiver, const char *head)
{
    struct xsg_commit base = {0};
    struct xsg_err err = {0};
    if (waiver->until_time > 0) {
        int64_t now = xsg_system_clock.realtime_s(xsg_system_clock.arg);
        return now < waiver->until_time ? NULL
                                        : xsg_printf(cli->arena, "expired on %s", waiver->until);
    }
    if (xsg_git_merge_base(project->git, cli->arena, waiver->until, head, &base, &err) != 0) {
        /* Whether head has it cannot be told: not silently, and not in its favour. */
        xsg_warn("a waiver until commit %.10s does not hold: %s", waiver->until, err.text);
        return xsg_printf(cli->arena, "does not hold: commit %.10s is not known here",
                          waiver->until);
    }
    return strcmp(base.oid, waiver->until) == 0
               ? xsg_printf(cli->arena, "expired with commit %.10s", waiver->until)
               : NULL;
}

int xsg_waivers_apply(struct xsg_cli *cli, struct xsg_project *project, const char *head)
{
    struct xsg_gate *gate = &project->suite.gate;
    struct xsg_waivers waivers;
    int rc = xsg_waivers_read(cli->arena, xsg_waivers_path(cli, project), &waivers, &cli->err);
    if (rc != 0)
        return rc;
    gate->n_waivers = 0;
    gate->waivers = XSG_NEW_ARRAY(cli->arena, struct xsg_gate_waiver, waivers.n + 1);
    for (size_t i = 0; i < waivers.n; i++) {
        const struct xsg_waiver *w = &waivers.item[i];
        gate->waivers[gate->n_waivers++] =
            (struct xsg_gate_waiver){.function = w->function,
                                     .target = w->target,
                                     .reason = w->reason,
                                     .until = w->until,
                                     .expired = xsg_waiver_expired(cli, project, w, head)};
    }
    return 0;
}
