#include "cli/spread.h"

#include <math.h>
#include <string.h>

#include "compare/change.h"

int xsg_spread_open(struct xsg_spread *spread, struct xsg_cli *cli, struct xsg_project *project,
                    const char *fingerprint)
{
    *spread = (struct xsg_spread){.store = project->store, .fingerprint = fingerprint};
    return xsg_trend_runs(project->store, cli->arena, &spread->runs, &cli->err);
}

static bool is_here(const struct xsg_spread *s, const struct xsg_trend_run *run)
{
    const char *fingerprint = s->runs.environments[run->environment].fingerprint;
    return !run->dirty && fingerprint && s->fingerprint && strcmp(fingerprint, s->fingerprint) == 0;
}

/* In the order of measuring, since it is the hours that are asked about. Its changes are not
 * noise, and the detector tells them apart. */
static double noise_of(const struct xsg_spread *s, struct xsg_arena *scratch,
                       const struct xsg_trend *trend)
{
    struct xsg_change_point *points = XSG_NEW_ARRAY(scratch, struct xsg_change_point, trend->n + 1);
    struct xsg_change_list list;
    size_t n = 0;
    for (size_t i = 0; i < trend->n; i++) {
        if (is_here(s, &s->runs.run[trend->points[i].run]))
            points[n++] = (struct xsg_change_point){.value = trend->points[i].median,
                                                    .spread = trend->points[i].spread};
    }
    xsg_change_find(scratch, points, n, NULL, &list);
    return list.noise;
}

double xsg_spread_of(void *arg, const char *target, const char *function, const char *metric)
{
    static const char *const kinds[] = {NULL, "cpu", "wall"};
    const struct xsg_spread *s = arg;
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double noise = (double)NAN;
    for (int i = 0; i < 3; i++) { /* "time" of a target is stored as what it is */
        struct xsg_trend_query query = {
            .target = target, .function = function, .metric = kinds[i] ? kinds[i] : metric};
        struct xsg_trend trend;
        if (i > 0 && (function || strcmp(metric, "time") != 0))
            break;
        if (xsg_trend_read(s->store, &scratch, &s->runs, &query, &trend, NULL) == 0 &&
            trend.n > 0) {
            noise = noise_of(s, &scratch, &trend);
            break;
        }
    }
    xsg_arena_release(&scratch);
    return noise;
}
