/*
 * badge: a small picture for a README, and the JSON that shields.io draws one from. Pure. Texts may
 * be foreign: they are made printable, cut to 60 columns and escaped.
 */
#ifndef XSG_CI_REPORT_BADGE_H
#define XSG_CI_REPORT_BADGE_H

#include <xsgate/comparison.h>

#include "base/buf.h"

enum xsg_badge_color {
    XSG_BADGE_BRIGHTGREEN,
    XSG_BADGE_GREEN,
    XSG_BADGE_YELLOW,
    XSG_BADGE_ORANGE,
    XSG_BADGE_RED,
    XSG_BADGE_BLUE,
    XSG_BADGE_LIGHTGREY
};

struct xsg_badge {
    const char *label;   /* left, on grey; "" or NULL: the message alone */
    const char *message; /* right, on the colour */
    enum xsg_badge_color color;
};

/* Message and colour for a branch; comparison NULL: unknown. The label is the caller's. */
struct xsg_badge xsg_badge_of_verdict(const struct xsg_comparison *comparison);

/* SVG 1.1, flat, 20 pixels high, with a title for screen readers. */
void xsg_badge_put_svg(struct xsg_buf *out, const struct xsg_badge *badge);
/* The "endpoint" schema of shields.io: nothing but its keys, which refuses others. */
void xsg_badge_put_endpoint(struct xsg_buf *out, const struct xsg_badge *badge);

/* Width of text at 11 pixels in Verdana, the font that badges are measured with. Characters beyond
 * ASCII are taken for letters of 7 pixels, wide ones of 11. */
double xsg_badge_text_width(const char *text);

#endif
