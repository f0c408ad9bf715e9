#include "cli/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "base/stats.h"

static const char *describe(struct xsg_arena *arena, const struct xsg_trend_environment *e)
{
    const char *fingerprint = e->fingerprint && *e->fingerprint ? e->fingerprint : "unknown";
    if (!e->cpu_model)
        return xsg_printf(arena, "environment %.8s", fingerprint);
    return xsg_printf(arena, "%s, %d cores%s%s (environment %.8s)", e->cpu_model, e->cores,
                      e->compiler ? ", " : "", e->compiler ? e->compiler : "", fingerprint);
}

static int find_commits(struct xsg_history *h, struct xsg_project *project, const char *since)
{
    struct xsg_cli *cli = h->cli;
    struct xsg_commit head = {0}, first = {0};
    bool is_new;
    int rc = xsg_git_head(project->git, cli->arena, &head, &cli->err);
    if (rc == 0 && since)
        rc = xsg_git_resolve(project->git, cli->arena, since, &first, &cli->err);
    if (rc == 0)
        rc = xsg_git_first_parents(project->git, cli->arena, head.oid, since ? first.oid : NULL,
                                   &h->commits, &cli->err);
    if (rc != 0)
        return rc;
    if (since && !h->commits.met)
        return xsg_fail(&cli->err, XSG_ENOTFOUND,
                        "%s is not among the commits that HEAD went through%s", since,
                        h->commits.complete ? "" : ", as far as this shallow clone has them");
    for (size_t i = 0; i < h->commits.n; i++) {
        const char *oid = h->commits.item[i].oid;
        *xsg_map_put(&h->position, oid, strlen(oid), &is_new) = (void *)(intptr_t)(i + 1);
    }
    return 0;
}

static size_t position_of(const struct xsg_history *h, const struct xsg_trend_run *run)
{
    return (size_t)(intptr_t)xsg_map_get(&h->position, run->oid, strlen(run->oid));
}

int xsg_history_open(struct xsg_history *h, struct xsg_cli *cli, struct xsg_project *project,
                     const char *since)
{
    *h = (struct xsg_history){.cli = cli, .store = project->store};
    xsg_map_init(&h->position, cli->arena);
    int rc = find_commits(h, project, since);
    if (rc == 0)
        rc = xsg_trend_runs(h->store, cli->arena, &h->runs, &cli->err);
    if (rc != 0)
        return rc;
    h->environments = XSG_NEW_ARRAY(cli->arena, const char *, h->runs.n_environments + 1);
    for (size_t i = 0; i < h->runs.n_environments; i++)
        h->environments[i] = describe(cli->arena, &h->runs.environments[i]);
    for (size_t i = 0; i < h->runs.n; i++)
        h->elsewhere += !h->runs.run[i].dirty && !position_of(h, &h->runs.run[i]);
    return 0;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* A measured value on its way to a point: all runs of a commit in an environment make one. */
struct measured {
    size_t position, environment, run;
    double value, spread;
};

static int by_commit(const void *a, const void *b)
{
    const struct measured *x = a, *y = b;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    if (x->environment != y->environment)
        return x->environment < y->environment ? -1 : 1;
    return x->run < y->run ? -1 : x->run > y->run;
}

static struct measured *take(const struct xsg_history *h, const struct xsg_trend *trend, size_t *n)
{
    struct measured *m = XSG_NEW_ARRAY(h->cli->arena, struct measured, trend->n + 1);
    *n = 0;
    for (size_t i = 0; i < trend->n; i++) {
        const struct xsg_trend_point *p = &trend->points[i];
        const struct xsg_trend_run *run = &h->runs.run[p->run];
        size_t position = position_of(h, run);
        if (position && !run->dirty)
            m[(*n)++] =
                (struct measured){position - 1, run->environment, p->run, p->median, p->spread};
    }
    if (*n > 1)
        qsort(m, *n, sizeof *m, by_commit);
    return m;
}

struct series {
    struct xsg_report_point *points;
    struct xsg_change_point *values;
    const char **suites;
    size_t n;
};

static void add_point(const struct xsg_history *h, struct series *s, const struct measured *m,
                      size_t n)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *values = XSG_NEW_ARRAY(&scratch, double, n);
    const struct xsg_commit *commit = &h->commits.item[m->position];
    double spread = m->spread;
    for (size_t i = 0; i < n; i++) {
        values[i] = m[i].value;
        spread = fmin(spread, m[i].spread);
    }
    double value = xsg_median(values, n);
    s->suites[s->n] = h->runs.run[m->run].suite_hash;
    s->points[s->n] = (struct xsg_report_point){.oid = commit->oid,
                                                .subject = commit->subject,
                                                .time = commit->time,
                                                .position = m->position,
                                                .value = value,
                                                .environment = m->environment};
    s->values[s->n++] = (struct xsg_change_point){value, spread, m->environment};
    xsg_arena_release(&scratch);
}

static void make_series(const struct xsg_history *h, const struct measured *m, size_t n,
                        struct series *s)
{
    struct xsg_arena *arena = h->cli->arena;
    *s = (struct series){.points = XSG_NEW_ARRAY(arena, struct xsg_report_point, n + 1),
                         .values = XSG_NEW_ARRAY(arena, struct xsg_change_point, n + 1),
                         .suites = XSG_NEW_ARRAY(arena, const char *, n + 1)};
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1;
             k < n && m[k].position == m[i].position && m[k].environment == m[i].environment;)
            k++;
        add_point(h, s, &m[i], k - i);
    }
}

/* ---- what is told ---------------------------------------------------------------------------- */

static bool same_suite(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

void xsg_history_find_changes(struct xsg_arena *arena, const struct xsg_change_point *points,
                              size_t n, const struct xsg_change_options *options,
                              struct xsg_report_trend *trend)
{
    struct xsg_change_list list;
    xsg_change_find(arena, points, n, options, &list);
    trend->noise = list.noise;
    trend->changes = XSG_NEW_ARRAY(arena, struct xsg_report_change, list.n + 1);
    for (size_t i = 0; i < list.n; i++) {
        const struct xsg_change *c = &list.item[i];
        trend->changes[trend->n_changes++] =
            (struct xsg_report_change){.drift = c->kind == XSG_CHANGE_DRIFT,
                                       .first = c->first,
                                       .last = c->last,
                                       .at = c->at,
                                       .before = c->before,
                                       .after = c->after,
                                       .ratio = c->ratio,
                                       .p = c->p};
    }
}

static void take_changes(const struct xsg_history *h, const struct series *s,
                         struct xsg_report_trend *trend)
{
    xsg_history_find_changes(h->cli->arena, s->values, s->n, &h->change, trend);
    for (size_t i = 0; i < trend->n_changes; i++) {
        struct xsg_report_change *c = &trend->changes[i];
        c->suite_changed = !same_suite(s->suites[c->first], s->suites[c->last]);
    }
}

static void note(struct xsg_report_trend *trend, const char *text)
{
    trend->notes[trend->n_notes++] = text;
}

static void take_notes(const struct xsg_history *h, struct xsg_report_trend *trend)
{
    struct xsg_arena *arena = h->cli->arena;
    trend->notes = XSG_NEW_ARRAY(arena, const char *, trend->n_environments + 3);
    for (size_t e = 0; e < trend->n_environments && trend->n_environments > 1; e++) {
        size_t n = 0, first = trend->n_points;
        for (size_t i = trend->n_points; i-- > 0;) {
            if (trend->points[i].environment != e)
                continue;
            n++;
            first = i;
        }
        if (n > 0)
            note(trend, xsg_printf(arena, "%zu point%s, from %.10s on: %s", n, n == 1 ? "" : "s",
                                   trend->points[first].oid, h->environments[e]));
    }
    if (trend->n_notes > 1)
        note(trend,
             "levels of different environments are not compared: each begins a series of its own");
    else
        trend->n_notes = 0;
    if (h->elsewhere > 0 && trend->n_points == 0)
        note(trend, xsg_printf(arena, "%zu stored runs are of commits that HEAD did not go through",
                               h->elsewhere));
    if (!h->commits.complete)
        note(trend, "this clone is shallow: older commits are not known here");
}

int xsg_history_read(struct xsg_history *h, const struct xsg_trend_query *query,
                     struct xsg_report_trend *trend)
{
    struct xsg_trend stored;
    struct series series;
    size_t n;
    const struct xsg_metric *metric = xsg_metric_find(query->metric);
    int rc = xsg_trend_read(h->store, h->cli->arena, &h->runs, query, &stored, &h->cli->err);
    if (rc != 0)
        return rc;
    struct measured *measured = take(h, &stored, &n);
    make_series(h, measured, n, &series);
    *trend =
        (struct xsg_report_trend){.target = query->target,
                                  .function = query->function,
                                  .file = stored.file,
                                  .metric = query->metric,
                                  .unit = stored.unit,
                                  .more_is_better = metric && metric->better == XSG_BETTER_MORE,
                                  .points = series.points,
                                  .n_points = series.n,
                                  .environments = h->environments,
                                  .n_environments = h->runs.n_environments};
    take_changes(h, &series, trend);
    take_notes(h, trend);
    return 0;
}

static bool has_target(const struct xsg_run *run, const char *target)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        if (!target || strcmp(run->targets[i].name, target) == 0)
            return true;
    }
    return false;
}

/* Runs with this target are tried from the newest commit on. */
int xsg_history_newest(struct xsg_history *h, const char *target, struct xsg_run *run)
{
    struct xsg_cli *cli = h->cli;
    size_t limit = h->commits.n + 1;
    for (;;) {
        size_t best = h->runs.n, position = 0;
        for (size_t i = 0; i < h->runs.n; i++) {
            size_t at = h->runs.run[i].dirty ? 0 : position_of(h, &h->runs.run[i]);
            if (at >= position && at > 0 && at < limit) {
                position = at;
                best = i;
            }
        }
        if (best == h->runs.n)
            break;
        int rc = xsg_store_get(h->store, cli->arena, h->runs.run[best].id, run, &cli->err);
        if (rc != 0 || has_target(run, target))
            return rc;
        limit = position;
    }
    xsg_fail(&cli->err, XSG_ENOTFOUND,
             "the store has no run%s%s of a commit that HEAD went through",
             target ? " with target " : "", target ? target : "");
    return xsg_fail_hint(&cli->err, XSG_ENOTFOUND, "'xsgate run' measures and stores a commit");
}
