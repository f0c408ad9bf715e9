/* What the pictures of a history share. */
#ifndef XSG_CI_REPORT_TREND_PARTS_H
#define XSG_CI_REPORT_TREND_PARTS_H

#include "ci/report/trend.h"

/* The values that a picture shows: nearly all points and every level; the rest lies at its edge. */
struct xsg_trend_scale {
    double low, high;
    size_t outside;
};
struct xsg_trend_scale xsg_trend_scale(const struct xsg_report_trend *trend);

/* A level holds from point from to point to, of one environment; at drifts it slopes. */
struct xsg_trend_level {
    size_t from, to, environment;
    double value;
    bool worse, better; /* than the level before it */
};
/* Calls put for each level. */
void xsg_trend_levels(const struct xsg_report_trend *trend,
                      void (*put)(void *arg, const struct xsg_trend_level *level), void *arg);

bool xsg_trend_is_worse(const struct xsg_report_trend *trend, const struct xsg_report_change *c);
/* "+5.1 %", or "10 > 20" where a ratio has no meaning. */
void xsg_trend_put_size(struct xsg_buf *out, const struct xsg_report_trend *trend,
                        const struct xsg_report_change *c);
/* "in abc1234567" or "within 4 commits, likeliest abc1234567": where the cause lies. */
void xsg_trend_put_range(struct xsg_buf *out, const struct xsg_report_trend *trend,
                         const struct xsg_report_change *c);
void xsg_trend_put_date(struct xsg_buf *out, int64_t time); /* 2026-05-01, UTC */
/* "parse_number (target parse)" or "target parse"; with the metric where it is not time. Foreign.
 */
void xsg_trend_put_title(struct xsg_buf *out, const struct xsg_report_trend *trend);

#endif
