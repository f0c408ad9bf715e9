/*
 * The history of a function or target as text, SVG, HTML and JSON. Pure functions into a buffer.
 * Names and subjects are foreign text and escaped.
 */
#ifndef XSG_CI_REPORT_TREND_H
#define XSG_CI_REPORT_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct xsg_report_point {
    const char *oid, *subject;
    int64_t time;       /* of the commit, seconds since the epoch */
    size_t position;    /* of the commit in its branch */
    double value;       /* median, in the metric's unit */
    size_t environment; /* index */
};

/* The change lies in the commits after point first up to point last; at: the likeliest. */
struct xsg_report_change {
    bool drift;
    size_t first, last, at;
    double before, after, ratio; /* ratio NaN: a level is not positive */
    double p;
    bool suite_changed; /* what was measured is not the same on both sides */
};

struct xsg_report_trend {
    const char *target, *function, *file; /* function NULL: the whole target */
    const char *metric, *unit;
    bool more_is_better;
    double noise; /* relative spread of single points; NaN: unknown */
    struct xsg_report_point *points;
    size_t n_points;
    struct xsg_report_change *changes;
    size_t n_changes;
    const char **environments; /* for people; index as in the points */
    size_t n_environments;
    const char **notes; /* sentences: what was left out, where a new machine began */
    size_t n_notes;
};

struct xsg_report_trend_options {
    int columns;
    bool color, unicode;
};

void xsg_report_trend_text(struct xsg_buf *out, const struct xsg_report_trend *trend,
                           const struct xsg_report_trend_options *options);
void xsg_report_trend_json(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n);
/* A picture that follows the reader's light or dark setting. */
void xsg_report_trend_svg(struct xsg_buf *out, const struct xsg_report_trend *trend);
/* One page for one or several; nothing else is needed to show it. */
void xsg_report_trend_html(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n);

/* Several: the newest and largest change of each, one line per function. */
void xsg_report_trend_table(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n,
                            const struct xsg_report_trend_options *options);

#endif
