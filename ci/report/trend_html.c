/* Histories as one page: a picture and a table of changes each. No script. */
#include <math.h>
#include <stdio.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/html_parts.h"
#include "ci/report/trend_parts.h"

enum { MOST_SHOWN = 60, NEWEST = 20 };

static const char style[] =
    ":root { color-scheme: light dark; --page: #fbfbfa; --card: #fff; --ink: #1d2127;"
    " --soft: #5d6670; --line: #e3e5e8; --worse: #c02b2b; --better: #1c7c47; }\n"
    "@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1b1f23;"
    " --ink: #e4e7ea; --soft: #9aa4ae; --line: #2d3339; --worse: #ff8278; --better: #66cf92; } }\n"
    "* { box-sizing: border-box; }\n"
    "body { margin: 0 auto; padding: 28px 24px 56px; max-width: 1120px; background: var(--page);"
    " color: var(--ink); font: 14px/1.5 system-ui, sans-serif;"
    " font-variant-numeric: tabular-nums; }\n"
    "h1 { margin: 0; font-size: 24px; font-weight: 650; }\n"
    "h2 { margin: 0 0 4px; font-size: 17px; font-weight: 600; overflow-wrap: anywhere; }\n"
    "p { margin: 4px 0; color: var(--soft); overflow-wrap: anywhere; }\n"
    "section { margin-top: 22px; padding: 18px 20px; background: var(--card);"
    " border: 1px solid var(--line); border-radius: 10px; }\n"
    "svg { display: block; width: 100%; height: auto; margin: 8px 0; }\n"
    ".scroll { overflow-x: auto; }\n"
    "table { width: 100%; border-collapse: collapse; font-size: 13px; }\n"
    "caption { text-align: left; color: var(--soft); padding: 6px 0; }\n"
    "th, td { text-align: left; padding: 5px 12px 5px 0; border-top: 1px solid var(--line);"
    " vertical-align: top; }\n"
    "th { color: var(--soft); font-weight: 500; }\n"
    "td.worse { color: var(--worse); } td.better { color: var(--better); }\n"
    "code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .93em; }\n"
    "summary { cursor: pointer; color: var(--soft); }\n";

static void put_change(struct xsg_buf *out, const struct xsg_report_trend *t,
                       const struct xsg_report_change *c)
{
    char before[40], after[40];
    const char *unit = t->unit ? t->unit : "";
    xsg_format_value(before, sizeof before, c->before, unit);
    xsg_format_value(after, sizeof after, c->after, unit);
    xsg_buf_printf(out, "<tr><td class=\"%s\">", xsg_trend_is_worse(t, c) ? "worse" : "better");
    xsg_trend_put_size(out, t, c);
    xsg_buf_puts(out, "</td><td>");
    xsg_trend_put_date(out, t->points[c->at].time);
    xsg_buf_puts(out, "</td><td>");
    xsg_trend_put_range(out, t, c);
    if (!c->drift && t->points[c->at].subject) {
        xsg_buf_puts(out, "<br>");
        xsg_html_put_text(out, t->points[c->at].subject, 120);
    }
    if (c->suite_changed)
        xsg_buf_puts(out, "<br>what is measured changed there too");
    xsg_buf_puts(out, "</td><td>");
    xsg_html_put_text(out, before, 40);
    xsg_buf_puts(out, "</td><td>");
    xsg_html_put_text(out, after, 40);
    xsg_buf_printf(out, "</td><td>%s%.2g</td></tr>\n", c->p < 1e-4 ? "below " : "",
                   c->p < 1e-4 ? 1e-4 : c->p);
}

static void put_changes(struct xsg_buf *out, const struct xsg_report_trend *t)
{
    if (t->n_changes == 0) {
        xsg_buf_puts(out, "<p>No change found.</p>\n");
        return;
    }
    xsg_buf_puts(out, "<div class=\"scroll\"><table>\n<caption>Changes, newest first</caption>\n"
                      "<thead><tr><th scope=\"col\">change</th><th scope=\"col\">date</th>"
                      "<th scope=\"col\">where</th><th scope=\"col\">before</th>"
                      "<th scope=\"col\">after</th><th scope=\"col\">p</th></tr></thead>\n"
                      "<tbody>\n");
    for (size_t i = t->n_changes; i-- > 0;)
        put_change(out, t, &t->changes[i]);
    xsg_buf_puts(out, "</tbody>\n</table></div>\n");
}

static void put_newest(struct xsg_buf *out, const struct xsg_report_trend *t)
{
    size_t first = t->n_points > NEWEST ? t->n_points - NEWEST : 0;
    xsg_buf_printf(out,
                   "<details><summary>The newest %zu points</summary>\n<table>\n<thead><tr>"
                   "<th scope=\"col\">date</th><th scope=\"col\">commit</th>"
                   "<th scope=\"col\">value</th><th scope=\"col\">subject</th></tr></thead>\n"
                   "<tbody>\n",
                   t->n_points - first);
    for (size_t i = t->n_points; i-- > first;) {
        char value[40];
        xsg_format_value(value, sizeof value, t->points[i].value, t->unit ? t->unit : "");
        xsg_buf_puts(out, "<tr><td>");
        xsg_trend_put_date(out, t->points[i].time);
        xsg_buf_printf(out, "</td><td><code>%.10s</code></td><td>", t->points[i].oid);
        xsg_html_put_text(out, value, 40);
        xsg_buf_puts(out, "</td><td>");
        xsg_html_put_text(out, t->points[i].subject, 120);
        xsg_buf_puts(out, "</td></tr>\n");
    }
    xsg_buf_puts(out, "</tbody>\n</table></details>\n");
}

static void put_trend(struct xsg_buf *out, const struct xsg_report_trend *t)
{
    struct xsg_buf title = XSG_BUF_INIT;
    xsg_trend_put_title(&title, t);
    xsg_buf_puts(out, "<section>\n<h2>");
    xsg_html_put_text(out, xsg_buf_str(&title), XSG_HTML_NAME_WIDTH);
    xsg_buf_printf(out, "</h2>\n<p>%zu points", t->n_points);
    if (!isnan(t->noise)) {
        char size[XSG_CHANGE_SIZE];
        xsg_format_size(size, 1 + t->noise);
        xsg_buf_printf(out, ", each within about %s of its level", size);
    }
    xsg_buf_puts(out, "</p>\n");
    xsg_report_trend_svg(out, t);
    put_changes(out, t);
    for (size_t i = 0; i < t->n_notes; i++) {
        xsg_buf_puts(out, "<p>");
        xsg_html_put_text(out, t->notes[i], 300);
        xsg_buf_puts(out, "</p>\n");
    }
    put_newest(out, t);
    xsg_buf_puts(out, "</section>\n");
    xsg_buf_release(&title);
}

void xsg_report_trend_html(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n)
{
    size_t shown = 0, changed = 0;
    for (size_t i = 0; i < n; i++)
        changed += trends[i].n_changes > 0;
    xsg_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<title>xsgate: history</title>\n<style>\n");
    xsg_buf_puts(out, style);
    xsg_buf_puts(out, "</style>\n</head>\n<body>\n<main>\n<h1>History</h1>\n");
    if (n > 1)
        xsg_buf_printf(out, "<p>%zu of %zu functions and targets changed.</p>\n", changed, n);
    for (size_t i = 0; i < n && shown < MOST_SHOWN; i++) {
        if (n > 1 && trends[i].n_changes == 0)
            continue;
        put_trend(out, &trends[i]);
        shown++;
    }
    if (n > 1 && changed > shown)
        xsg_buf_printf(out, "<p>%zu more changed and are not shown.</p>\n", changed - shown);
    xsg_buf_puts(out, "</main>\n</body>\n</html>\n");
}
