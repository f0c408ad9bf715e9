#include "cli/input.h"

#include "base/fs.h"
#include "ci/report/report.h"

int xsg_input_file(struct xsg_cli *cli, const char *path, size_t limit,
                   struct xsg_comparison *comparison)
{
    char *text = NULL;
    size_t n = 0;
    int rc = xsg_read_file(cli->arena, path, limit, &text, &n, &cli->err);

    if (rc != 0)
        return rc; /* it names the path */
    rc = xsg_report_read_json(cli->arena, text, n, comparison, &cli->err);
    if (rc != 0)
        xsg_err_prefix(&cli->err, "%s", path);
    return rc;
}

int xsg_input_stored(struct xsg_cli *cli, struct xsg_project *project, int64_t id,
                     struct xsg_comparison *comparison)
{
    struct xsg_run *runs = XSG_NEW_ARRAY(cli->arena, struct xsg_run, 2);
    int64_t base = 0, head = 0;
    char *json = NULL;
    size_t n = 0;
    int rc = xsg_store_get_comparison(project->store, cli->arena, id, &json, &n, &base, &head,
                                      &cli->err);

    if (rc == 0)
        rc = xsg_report_read_json(cli->arena, json, n, comparison, &cli->err);
    if (rc == 0 && base == 0)
        return 0; /* it could not judge: what is known of the runs is in the report */
    if (rc == 0)
        rc = xsg_store_get(project->store, cli->arena, base, &runs[0], &cli->err);
    if (rc == 0)
        rc = xsg_store_get(project->store, cli->arena, head, &runs[1], &cli->err);
    if (rc != 0)
        return rc;
    comparison->base = &runs[0];
    comparison->head = &runs[1];
    return 0;
}
