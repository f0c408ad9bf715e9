/* html: a target's deltas as a table that is complete without any script. */
#include <math.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/html_parts.h"
#include "ci/report/parts.h"

#define MAX_ROWS ((size_t)2000)
#define CAUSE_WIDTH 600

enum { BAR_WIDTH = 132, BAR_HEIGHT = 14 };

void xsg_html_put_text(struct xsg_buf *out, const char *text, size_t width)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    if (!text)
        return;
    xsg_report_put_cell(&safe, text, width, false);
    for (size_t i = 0; i < safe.len; i++) {
        char c = safe.data[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            xsg_buf_printf(out, "&#%d;", c);
        else
            xsg_buf_putc(out, c);
    }
    xsg_buf_release(&safe);
}

void xsg_html_put_lines(struct xsg_buf *out, const char *text, size_t width)
{
    struct xsg_buf line = XSG_BUF_INIT;
    int n = 0;

    for (; n < XSG_REPORT_LINES && xsg_report_next_line(&text, &line); n++) {
        if (n > 0)
            xsg_buf_puts(out, n > 1 ? "\n" : "<span class=\"output\">");
        xsg_html_put_text(out, xsg_buf_str(&line), width);
    }
    xsg_buf_puts(out, n > 1 ? "</span>" : "");
    xsg_buf_release(&line);
}

void xsg_html_put_where(struct xsg_buf *out, const struct xsg_function *function)
{
    xsg_html_put_text(out, function->file ? function->file : function->module, XSG_HTML_NAME_WIDTH);
    if (function->file && function->line > 0)
        xsg_buf_printf(out, ":%d", function->line);
}

/* -- the bar ------------------------------------------------------------------------------------*/

/* The change that the bar's ends stand for: the same for all rows of a table. */
static double bar_scale(const struct xsg_comparison *c, const char *target)
{
    double scale = 0;

    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        bool judged = d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_IMPROVED ||
                      (d->verdict == XSG_DELTA_UNDECIDED && d->counts);
        if (strcmp(d->target, target) != 0)
            continue;
        scale = fmax(scale, fmin(2 * d->threshold, 1));
        if (judged)
            scale = fmax(scale, fmax(fabs(d->low - 1), fabs(d->high - 1)) * 1.05);
    }
    return scale > 0 && scale < 1 ? scale : 1;
}

static double bar_x(double ratio, double scale)
{
    double x = (double)BAR_WIDTH / 2 * (1 + (ratio - 1) / scale);

    return x < 1 ? 1 : x > BAR_WIDTH - 1 ? BAR_WIDTH - 1 : x;
}

static void put_bar_line(struct xsg_buf *out, const char *name, double x)
{
    xsg_buf_printf(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>", name, x,
                   x, BAR_HEIGHT);
}

static void put_bar(struct xsg_buf *out, const struct xsg_delta *d, double scale)
{
    double low, high;

    if (isnan(d->ratio) || isnan(d->low) || isnan(d->high))
        return;
    low = bar_x(d->low, scale);
    high = bar_x(d->high, scale);
    xsg_buf_printf(out, "<svg class=\"bar %s\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">",
                   xsg_delta_verdict_name(d->verdict), BAR_WIDTH, BAR_HEIGHT);
    put_bar_line(out, "zero", bar_x(1, scale));
    if (d->threshold > 0 && d->threshold < scale) {
        put_bar_line(out, "limit", bar_x(1 + d->threshold, scale));
        put_bar_line(out, "limit", bar_x(1 - d->threshold, scale));
    }
    xsg_buf_printf(out,
                   "<rect class=\"span\" x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"6\" rx=\"2\"/>",
                   low, fmax(high - low, 1));
    xsg_buf_printf(out,
                   "<rect class=\"mid\" x=\"%.1f\" y=\"2\" width=\"3\" height=\"10\" rx=\"1\"/>",
                   bar_x(d->ratio, scale) - 1.5);
    xsg_buf_puts(out, "</svg>");
}

/* -- cells --------------------------------------------------------------------------------------*/

/* A cell's head with what it is sorted by; "" for a number that is not known. */
static void open_cell(struct xsg_buf *out, const char *names, double value)
{
    xsg_buf_printf(out, "<td class=\"%s\" data-v=\"", names);
    if (!isnan(value))
        xsg_buf_printf(out, "%.9g", fmax(fmin(value, 1e300), -1e300));
    xsg_buf_puts(out, "\">");
}

static void put_interval(struct xsg_buf *out, const struct xsg_delta *d, double scale)
{
    char low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    open_cell(out, "interval", d->low);
    put_bar(out, d, scale);
    if (!isnan(d->low) && !isnan(d->high)) {
        xsg_format_change(low, d->low);
        xsg_format_change(high, d->high);
        xsg_buf_printf(out, "%s to %s", low, high);
    }
    xsg_buf_puts(out, "</td>");
}

static void put_values(struct xsg_buf *out, const struct xsg_delta *d)
{
    char base[32] = "–", head[32] = "–";
    const char *unit = d->unit ? d->unit : "";

    if (!isnan(d->base.median))
        xsg_format_value(base, sizeof base, d->base.median, unit);
    if (!isnan(d->head.median))
        xsg_format_value(head, sizeof head, d->head.median, unit);
    open_cell(out, "values n", isnan(d->head.median) ? d->base.median : d->head.median);
    xsg_html_put_text(out, base, sizeof base);
    xsg_buf_puts(out, " &gt; ");
    xsg_html_put_text(out, head, sizeof head);
    xsg_buf_puts(out, "</td>");
}

static void put_calls(struct xsg_buf *out, const struct xsg_delta *d)
{
    char base[32], head[32];
    bool both = !isnan(d->base.calls) && !isnan(d->head.calls);
    bool none = isnan(d->base.calls) && isnan(d->head.calls);

    xsg_format_value(base, sizeof base, d->base.calls, "count");
    xsg_format_value(head, sizeof head, d->head.calls, "count");
    open_cell(out, "calls n", isnan(d->head.calls) ? d->base.calls : d->head.calls);
    if (both && strcmp(base, head) != 0)
        xsg_buf_printf(out, "%s &gt; %s", base, head);
    else if (!none)
        xsg_buf_puts(out, isnan(d->head.calls) ? base : head);
    xsg_buf_puts(out, "</td>");
}

/* What the page shows at first: unclear functions that cannot matter are their own group, and so
 * are slower ones that fail nothing. */
static const char *group_of(const struct xsg_delta *d)
{
    if (xsg_report_is_spared(d))
        return "spared";
    if (d->verdict == XSG_DELTA_UNDECIDED && !d->counts && d->function.name)
        return "minor";
    return xsg_delta_verdict_name(d->verdict);
}

static void put_row(struct xsg_buf *out, const struct xsg_delta *d, double scale)
{
    bool spared = xsg_report_is_spared(d);
    const char *verdict = spared ? "spared" : xsg_delta_verdict_name(d->verdict);
    char change[XSG_CHANGE_SIZE];

    xsg_format_change(change, d->ratio);
    xsg_buf_printf(out, "<tr data-group=\"%s\"%s>", group_of(d),
                   d->function.name ? "" : " class=\"whole\"");
    xsg_buf_printf(out, "<td class=\"verdict %s\" data-v=\"%d\">%s%s</td><td class=\"name\">",
                   verdict, (int)d->verdict, xsg_report_word(d), spared ? ", not counted" : "");
    xsg_html_put_text(out, d->function.name ? d->function.name : "whole target",
                      XSG_HTML_NAME_WIDTH);
    if (d->metric && strcmp(d->metric, "time") != 0) {
        xsg_buf_puts(out, " <span class=\"about\">");
        xsg_html_put_text(out, d->metric, 40);
        xsg_buf_puts(out, "</span>");
    }
    xsg_buf_puts(out, "</td>");
    open_cell(out,
              spared                              ? "change n spared"
              : d->verdict == XSG_DELTA_REGRESSED ? "change n regressed"
              : d->verdict == XSG_DELTA_IMPROVED  ? "change n improved"
                                                  : "change n",
              d->ratio);
    xsg_buf_printf(out, "%s</td>", isnan(d->ratio) ? "" : change);
    put_interval(out, d, scale);
    open_cell(out, "share n", d->share);
    if (!isnan(d->share))
        xsg_buf_printf(out, "%.1f %%", d->share * 100);
    xsg_buf_puts(out, "</td>");
    put_values(out, d);
    put_calls(out, d);
    xsg_buf_puts(out, "<td class=\"cause\">");
    xsg_html_put_lines(out, d->cause, CAUSE_WIDTH);
    xsg_buf_puts(out, "</td><td class=\"where\">");
    xsg_html_put_where(out, &d->function);
    xsg_buf_puts(out, "</td></tr>\n");
}

void xsg_html_put_table(struct xsg_buf *out, const struct xsg_comparison *comparison,
                        const char *target)
{
    static const char heading[] =
        "<div class=\"scroll\"><table><thead><tr>"
        "<th scope=\"col\" data-key=\"verdict\">verdict</th>"
        "<th scope=\"col\" data-key=\"function\">function</th>"
        "<th scope=\"col\" data-key=\"change\" class=\"n\">change</th>"
        "<th scope=\"col\" data-key=\"interval\">interval</th>"
        "<th scope=\"col\" data-key=\"share\" class=\"n\">share</th>"
        "<th scope=\"col\" data-key=\"values\" class=\"n\">base &gt; head</th>"
        "<th scope=\"col\" data-key=\"calls\" class=\"n\">calls</th>"
        "<th scope=\"col\" data-key=\"cause\">cause</th>"
        "<th scope=\"col\" data-key=\"where\">where</th></tr></thead><tbody>\n";
    double scale = bar_scale(comparison, target);
    size_t n = 0;

    xsg_buf_puts(out, heading);
    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *d = &comparison->deltas[i];
        if (strcmp(d->target, target) == 0 && n++ < MAX_ROWS)
            put_row(out, d, scale);
    }
    xsg_buf_puts(out, "</tbody></table></div>\n");
    if (n > MAX_ROWS)
        xsg_buf_printf(out,
                       "<p class=\"left\">The first %zu of %zu functions, worst first; the JSON "
                       "report has all.</p>\n",
                       MAX_ROWS, n);
}
