/* A history as a picture: points, levels, changes, and where another machine begins. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "ci/report/html_parts.h"
#include "ci/report/trend_parts.h"

#define WIDTH 960.0
#define HEIGHT 320.0
#define LEFT 76.0
#define RIGHT 16.0
#define TOP 34.0
#define BOTTOM 34.0

struct picture {
    struct xsg_buf *out;
    const struct xsg_report_trend *trend;
    struct xsg_trend_scale scale;
};

static double x_of(const struct picture *p, size_t point)
{
    double last = p->trend->n_points > 1 ? (double)(p->trend->n_points - 1) : 1;
    return LEFT + (WIDTH - LEFT - RIGHT) * (double)point / last;
}

static double y_of(const struct picture *p, double value)
{
    double part = (value - p->scale.low) / (p->scale.high - p->scale.low);
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - fmin(fmax(part, 0), 1));
}

static void put_axis(const struct picture *p)
{
    for (int i = 0; i <= 4; i++) {
        double value = p->scale.low + (p->scale.high - p->scale.low) * i / 4, y = y_of(p, value);
        char label[40];
        xsg_format_value(label, sizeof label, value, p->trend->unit ? p->trend->unit : "");
        xsg_buf_printf(p->out,
                       "<line class=\"grid\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>"
                       "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">",
                       LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4);
        xsg_html_put_text(p->out, label, 40);
        xsg_buf_puts(p->out, "</text>\n");
    }
    for (int end = 0; end < 2 && p->trend->n_points > 0; end++) {
        size_t i = end ? p->trend->n_points - 1 : 0;
        xsg_buf_printf(p->out, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">",
                       end ? WIDTH - RIGHT : LEFT, HEIGHT - 10, end ? "end" : "start");
        xsg_trend_put_date(p->out, p->trend->points[i].time);
        xsg_buf_puts(p->out, "</text>\n");
    }
}

/* One path for all: a history may have ten thousand points. */
static void put_points(const struct picture *p)
{
    xsg_buf_puts(p->out, "<path class=\"point\" d=\"");
    for (size_t i = 0; i < p->trend->n_points; i++)
        xsg_buf_printf(p->out, "M%.1f %.1fh0", x_of(p, i), y_of(p, p->trend->points[i].value));
    xsg_buf_puts(p->out, "\"/>\n");
}

static void put_level(void *arg, const struct xsg_trend_level *level)
{
    const struct picture *p = arg;
    double y = y_of(p, level->value);
    xsg_buf_printf(p->out,
                   "<line class=\"level%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                   level->worse    ? " worse"
                   : level->better ? " better"
                                   : "",
                   x_of(p, level->from), y, x_of(p, level->to), y);
}

static void put_change(const struct picture *p, const struct xsg_report_change *c)
{
    bool worse = xsg_trend_is_worse(p->trend, c);
    double from = x_of(p, c->first), to = x_of(p, c->last), x = x_of(p, c->at);
    const char *class = worse ? "worse" : "better";
    xsg_buf_printf(p->out, "<g class=\"%s\"><title>", class);
    xsg_trend_put_size(p->out, p->trend, c);
    xsg_buf_putc(p->out, ' ');
    xsg_trend_put_range(p->out, p->trend, c);
    xsg_buf_printf(p->out,
                   "</title><rect class=\"range\" x=\"%.1f\" y=\"%g\" width=\"%.1f\" "
                   "height=\"%g\"/>",
                   from, TOP, fmax(to - from, 1), HEIGHT - TOP - BOTTOM);
    if (c->drift)
        xsg_buf_printf(p->out,
                       "<line class=\"level %s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
                       "y2=\"%.1f\"/>",
                       class, from, y_of(p, c->before), to, y_of(p, c->after));
    xsg_buf_printf(p->out, "<text class=\"size\" x=\"%.1f\" y=\"%g\" text-anchor=\"%s\">",
                   x < LEFT + 40 ? LEFT : x, TOP - 8,
                   x < LEFT + 40            ? "start"
                   : x > WIDTH - RIGHT - 40 ? "end"
                                            : "middle");
    xsg_trend_put_size(p->out, p->trend, c);
    xsg_buf_puts(p->out, "</text></g>\n");
}

static void put_machines(const struct picture *p)
{
    const struct xsg_report_trend *t = p->trend;
    for (size_t i = 1; i < t->n_points && t->n_environments <= 4; i++) {
        if (t->points[i].environment == t->points[i - 1].environment)
            continue;
        double x = (x_of(p, i) + x_of(p, i - 1)) / 2;
        xsg_buf_printf(p->out,
                       "<line class=\"machine\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\">"
                       "<title>another environment: ",
                       x, TOP, x, HEIGHT - BOTTOM);
        xsg_html_put_text(p->out, t->environments[t->points[i].environment], 120);
        xsg_buf_puts(p->out, "</title></line>\n");
    }
}

static void put_description(const struct picture *p)
{
    struct xsg_buf title = XSG_BUF_INIT;
    xsg_trend_put_title(&title, p->trend);
    xsg_buf_puts(p->out, "<title>");
    xsg_html_put_text(p->out, xsg_buf_str(&title), XSG_HTML_NAME_WIDTH);
    xsg_buf_printf(p->out, "</title>\n<desc>%zu points; ", p->trend->n_points);
    for (size_t i = 0; i < p->trend->n_changes; i++) {
        xsg_trend_put_size(p->out, p->trend, &p->trend->changes[i]);
        xsg_buf_putc(p->out, ' ');
        xsg_trend_put_range(p->out, p->trend, &p->trend->changes[i]);
        xsg_buf_puts(p->out, "; ");
    }
    xsg_buf_puts(p->out, p->trend->n_changes ? "</desc>\n" : "no change found</desc>\n");
    xsg_buf_release(&title);
}

/* The colours are the report page's: the same meaning on both. */
static const char style[] =
    "<style>\n"
    "svg.trend { --ink: #1d2127; --soft: #5d6670; --line: #e3e5e8; --worse: #c02b2b;"
    " --better: #1c7c47; --dot: #4a6fa5; }\n"
    "@media (prefers-color-scheme: dark) { svg.trend { --ink: #e4e7ea; --soft: #9aa4ae;"
    " --line: #2d3339; --worse: #ff8278; --better: #66cf92; --dot: #8ab4f5; } }\n"
    ".trend text { font: 12px system-ui, sans-serif; fill: var(--soft); }\n"
    ".trend .grid { stroke: var(--line); }\n"
    ".trend .point { stroke: var(--dot); stroke-width: 4; stroke-linecap: round; fill: none;"
    " stroke-opacity: .75; }\n"
    ".trend .level { stroke: var(--ink); stroke-width: 2; }\n"
    ".trend .level.worse { stroke: var(--worse); }\n"
    ".trend .level.better { stroke: var(--better); }\n"
    ".trend .worse .range { fill: var(--worse); opacity: .18; }\n"
    ".trend .better .range { fill: var(--better); opacity: .18; }\n"
    ".trend .worse .size { fill: var(--worse); font-weight: 600; }\n"
    ".trend .better .size { fill: var(--better); font-weight: 600; }\n"
    ".trend .machine { stroke: var(--soft); stroke-dasharray: 3 4; }\n"
    "</style>\n";

void xsg_report_trend_svg(struct xsg_buf *out, const struct xsg_report_trend *trend)
{
    struct picture p = {out, trend, xsg_trend_scale(trend)};
    xsg_buf_printf(out,
                   "<svg class=\"trend\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
                   "viewBox=\"0 0 %g %g\">\n",
                   WIDTH, HEIGHT);
    put_description(&p);
    xsg_buf_puts(out, style);
    put_axis(&p);
    put_machines(&p);
    for (size_t i = 0; i < trend->n_changes; i++)
        put_change(&p, &trend->changes[i]);
    put_points(&p);
    xsg_trend_levels(trend, put_level, &p);
    xsg_buf_puts(out, "</svg>\n");
}
