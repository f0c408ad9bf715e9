/* What the pictures of a history share: scale, levels, phrases. */
#include "ci/report/trend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/change.h"
#include "base/stats.h"
#include "base/str.h"
#include "ci/report/trend_parts.h"

struct xsg_trend_scale xsg_trend_scale(const struct xsg_report_trend *trend)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *values = XSG_NEW_ARRAY(&scratch, double, trend->n_points + 1);
    struct xsg_trend_scale s = {0, 1, 0};
    for (size_t i = 0; i < trend->n_points; i++)
        values[i] = trend->points[i].value;
    if (trend->n_points > 0) {
        s.low = xsg_quantile(values, trend->n_points, 0.01);
        s.high = xsg_quantile(values, trend->n_points, 0.99);
    }
    for (size_t i = 0; i < trend->n_changes; i++) {
        const struct xsg_report_change *c = &trend->changes[i];
        s.low = fmin(s.low, fmin(c->before, c->after));
        s.high = fmax(s.high, fmax(c->before, c->after));
    }
    /* A calm series must not look wild: at least 4 % of its height are shown. */
    double middle = (s.low + s.high) / 2;
    double half = fmax((s.high - s.low) / 2 * 1.1, fabs(middle) * 0.02);
    half = half > 0 ? half : 1;
    s.low = middle - half;
    s.high = middle + half;
    for (size_t i = 0; i < trend->n_points; i++)
        s.outside += values[i] < s.low || values[i] > s.high;
    xsg_arena_release(&scratch);
    return s;
}

bool xsg_trend_is_worse(const struct xsg_report_trend *trend, const struct xsg_report_change *c)
{
    return (c->after > c->before) != trend->more_is_better;
}

/* Median of the points of a level, where no change says it. */
static double level_of(const struct xsg_report_trend *trend, size_t environment)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *values = XSG_NEW_ARRAY(&scratch, double, trend->n_points + 1);
    size_t n = 0;
    for (size_t i = 0; i < trend->n_points; i++) {
        if (trend->points[i].environment == environment)
            values[n++] = trend->points[i].value;
    }
    double level = xsg_median(values, n);
    xsg_arena_release(&scratch);
    return level;
}

static void put_levels_of(const struct xsg_report_trend *trend, size_t environment,
                          void (*put)(void *arg, const struct xsg_trend_level *level), void *arg)
{
    const struct xsg_report_change *before = NULL;
    struct xsg_trend_level level = {.environment = environment};
    size_t first = trend->n_points, last = 0;
    for (size_t i = 0; i < trend->n_points; i++) {
        if (trend->points[i].environment != environment)
            continue;
        first = first == trend->n_points ? i : first;
        last = i;
    }
    if (first == trend->n_points)
        return;
    level.from = first;
    for (size_t i = 0; i < trend->n_changes; i++) {
        const struct xsg_report_change *c = &trend->changes[i];
        if (trend->points[c->at].environment != environment)
            continue;
        level.to = c->drift ? c->first : c->at > level.from ? c->at - 1 : c->at;
        level.value = c->before;
        level.worse = before && xsg_trend_is_worse(trend, before);
        level.better = before && !level.worse;
        put(arg, &level);
        level.from = c->drift ? c->last : c->at;
        before = c;
    }
    level.to = last;
    level.value = before ? before->after : level_of(trend, environment);
    level.worse = before && xsg_trend_is_worse(trend, before);
    level.better = before && !level.worse;
    put(arg, &level);
}

void xsg_trend_levels(const struct xsg_report_trend *trend,
                      void (*put)(void *arg, const struct xsg_trend_level *level), void *arg)
{
    for (size_t e = 0; e < trend->n_environments; e++)
        put_levels_of(trend, e, put, arg);
}

void xsg_trend_put_size(struct xsg_buf *out, const struct xsg_report_trend *trend,
                        const struct xsg_report_change *c)
{
    char size[XSG_CHANGE_SIZE], before[40], after[40];
    if (!isnan(c->ratio)) {
        xsg_format_change(size, c->ratio);
        xsg_buf_puts(out, size);
        return;
    }
    xsg_format_value(before, sizeof before, c->before, trend->unit ? trend->unit : "");
    xsg_format_value(after, sizeof after, c->after, trend->unit ? trend->unit : "");
    xsg_buf_printf(out, "%s > %s", before, after);
}

void xsg_trend_put_range(struct xsg_buf *out, const struct xsg_report_trend *trend,
                         const struct xsg_report_change *c)
{
    const struct xsg_report_point *first = &trend->points[c->first], *at = &trend->points[c->at];
    const struct xsg_report_point *last = &trend->points[c->last];
    size_t commits = last->position > first->position ? last->position - first->position : 1;
    if (c->drift)
        xsg_buf_printf(out, "slowly over %zu commits, %.10s to %.10s", commits, first->oid,
                       last->oid);
    else if (commits == 1)
        xsg_buf_printf(out, "in %.10s", at->oid);
    else
        xsg_buf_printf(out, "within %zu commits, %.10s..%.10s, likeliest up to %.10s", commits,
                       first->oid, last->oid, at->oid);
}

void xsg_trend_put_date(struct xsg_buf *out, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm tm;
    if (seconds == 0)
        xsg_buf_puts(out, "-");
    else if (gmtime_r(&time, &tm))
        xsg_buf_printf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

void xsg_trend_put_title(struct xsg_buf *out, const struct xsg_report_trend *trend)
{
    if (trend->function)
        xsg_buf_printf(out, "%s (target %s)", trend->function, trend->target);
    else
        xsg_buf_printf(out, "target %s", trend->target);
    if (strcmp(trend->metric, "time") != 0)
        xsg_buf_printf(out, ", %s", trend->metric);
}
