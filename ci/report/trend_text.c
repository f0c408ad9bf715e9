/* A history on a terminal: a plot of characters, and a line per change. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"
#include "ci/report/trend_parts.h"

enum { ROWS = 12, AXIS = 11, LEAST_COLUMNS = 40 };

enum mark { EMPTY, LEVEL, LEVEL_WORSE, LEVEL_BETTER, POINT, ABOVE, BELOW, MACHINE };

struct plot {
    const struct xsg_report_trend *trend;
    const struct xsg_report_trend_options *options;
    struct xsg_trend_scale scale;
    size_t columns;
    unsigned char *mark; /* ROWS x columns */
};

static const char *paint(const struct plot *p, const char *escape)
{
    return p->options->color ? escape : "";
}

static size_t column_of(const struct plot *p, size_t point)
{
    size_t n = p->trend->n_points;
    return n < 2 ? 0 : point * (p->columns - 1) / (n - 1);
}

static size_t row_of(const struct plot *p, double value)
{
    double part = (value - p->scale.low) / (p->scale.high - p->scale.low);
    part = fmin(fmax(part, 0), 1);
    return (size_t)lround((1 - part) * (ROWS - 1));
}

static void put_level(void *arg, const struct xsg_trend_level *level)
{
    struct plot *p = arg;
    size_t row = row_of(p, level->value);
    for (size_t c = column_of(p, level->from); c <= column_of(p, level->to); c++)
        p->mark[row * p->columns + c] = level->worse    ? LEVEL_WORSE
                                        : level->better ? LEVEL_BETTER
                                                        : LEVEL;
}

static void put_points(struct plot *p)
{
    const struct xsg_report_trend *t = p->trend;
    for (size_t i = 0; i < t->n_points; i++) {
        double v = t->points[i].value;
        unsigned char *mark = &p->mark[row_of(p, v) * p->columns + column_of(p, i)];
        *mark = v > p->scale.high ? ABOVE : v < p->scale.low ? BELOW : POINT;
    }
}

static void put_machines(struct plot *p)
{
    const struct xsg_report_trend *t = p->trend;
    for (size_t i = 1; i < t->n_points; i++) {
        if (t->points[i].environment == t->points[i - 1].environment || t->n_environments > 4)
            continue;
        for (size_t row = 0; row < ROWS; row++) {
            unsigned char *mark = &p->mark[row * p->columns + column_of(p, i)];
            *mark = *mark == EMPTY ? MACHINE : *mark;
        }
    }
}

static void put_cell(struct xsg_buf *out, const struct plot *p, enum mark mark)
{
    static const char *const wide[] = {" ", "─", "─", "─", "•", "▲", "▼", "┆"};
    static const char *const plain[] = {" ", "-", "-", "-", "*", "^", "v", ":"};
    static const char *const colors[] = {"", "\033[2m",  "\033[31m", "\033[32m",
                                         "", "\033[33m", "\033[33m", "\033[2m"};
    const char *text = p->options->unicode ? wide[mark] : plain[mark];
    if (p->options->color && colors[mark][0])
        xsg_buf_printf(out, "%s%s\033[0m", colors[mark], text);
    else
        xsg_buf_puts(out, text);
}

static void put_row(struct xsg_buf *out, const struct plot *p, size_t row)
{
    char label[40] = "";
    size_t used = p->columns;
    double step = (p->scale.high - p->scale.low) / (ROWS - 1);
    if (row % 4 == 0 || row == ROWS - 1)
        xsg_format_value(label, sizeof label, p->scale.high - step * (double)row,
                         p->trend->unit ? p->trend->unit : "");
    for (size_t n = xsg_display_width(label); n + 2 < AXIS; n++)
        xsg_buf_putc(out, ' ');
    xsg_buf_printf(out, "%s %s", label, p->options->unicode ? "┤" : "|");
    while (used > 0 && p->mark[row * p->columns + used - 1] == EMPTY)
        used--;
    for (size_t c = 0; c < used; c++)
        put_cell(out, p, p->mark[row * p->columns + c]);
    xsg_buf_putc(out, '\n');
}

/* Dates of the first and the last commit below their ends. */
static void put_dates(struct xsg_buf *out, const struct plot *p)
{
    const struct xsg_report_trend *t = p->trend;
    struct xsg_buf first = XSG_BUF_INIT, last = XSG_BUF_INIT;
    xsg_trend_put_date(&first, t->points[0].time);
    xsg_trend_put_date(&last, t->points[t->n_points - 1].time);
    xsg_buf_printf(out, "%*s%s", AXIS, "", xsg_buf_str(&first));
    if (t->n_points > 1 && p->columns > first.len + last.len)
        xsg_buf_printf(out, "%*s", (int)(p->columns - first.len), xsg_buf_str(&last));
    xsg_buf_putc(out, '\n');
    xsg_buf_release(&first);
    xsg_buf_release(&last);
}

static void draw(struct xsg_buf *out, struct plot *p)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    p->mark = xsg_alloc(&scratch, ROWS, p->columns);
    xsg_trend_levels(p->trend, put_level, p);
    put_machines(p);
    put_points(p);
    for (size_t row = 0; row < ROWS; row++)
        put_row(out, p, row);
    put_dates(out, p);
    if (p->scale.outside)
        xsg_buf_printf(out, "%*s%zu point%s outside, drawn at the edge\n", AXIS, "",
                       p->scale.outside, p->scale.outside == 1 ? "" : "s");
    xsg_arena_release(&scratch);
}

static void put_change(struct xsg_buf *out, const struct plot *p, const struct xsg_report_change *c)
{
    const struct xsg_report_trend *t = p->trend;
    const struct xsg_report_point *at = &t->points[c->at];
    struct xsg_buf size = XSG_BUF_INIT;
    char before[40], after[40];
    const char *unit = t->unit ? t->unit : "";
    xsg_trend_put_size(&size, t, c);
    xsg_format_value(before, sizeof before, c->before, unit);
    xsg_format_value(after, sizeof after, c->after, unit);
    xsg_buf_puts(out, paint(p, xsg_trend_is_worse(t, c) ? "\033[31m" : "\033[32m"));
    xsg_report_put_cell(out, xsg_buf_str(&size), 9, true);
    xsg_buf_puts(out, paint(p, "\033[0m"));
    xsg_buf_putc(out, ' ');
    xsg_trend_put_date(out, at->time);
    xsg_buf_puts(out, "  ");
    xsg_trend_put_range(out, t, c);
    xsg_buf_printf(out, "\n          %s > %s, p %s %.2g", before, after, c->p < 1e-4 ? "<" : "=",
                   c->p < 1e-4 ? 1e-4 : c->p);
    if (c->suite_changed)
        xsg_buf_puts(out, "; what is measured changed there too");
    if (!c->drift && at->subject && *at->subject) {
        xsg_buf_puts(out, "\n          ");
        xsg_report_put_cell(out, at->subject, (size_t)p->options->columns - 12, false);
    }
    xsg_buf_putc(out, '\n');
    xsg_buf_release(&size);
}

static void put_summary(struct xsg_buf *out, const struct xsg_report_trend *t)
{
    char size[XSG_CHANGE_SIZE];
    xsg_buf_printf(out, "%zu point%s of %s", t->n_points, t->n_points == 1 ? "" : "s", t->metric);
    if (!isnan(t->noise)) {
        xsg_format_size(size, 1 + t->noise);
        xsg_buf_printf(out, ", each within about %s of its level", size);
    }
    if (t->n_environments > 1)
        xsg_buf_printf(out, ", from %zu environments", t->n_environments);
    if (t->n_changes == 0)
        xsg_buf_puts(out, t->n_points < 8 ? "; too few to tell changes (8 are needed)"
                                          : "; no change found");
    else
        xsg_buf_printf(out, "; %zu change%s:", t->n_changes, t->n_changes == 1 ? "" : "s");
    xsg_buf_putc(out, '\n');
}

void xsg_report_trend_text(struct xsg_buf *out, const struct xsg_report_trend *trend,
                           const struct xsg_report_trend_options *options)
{
    struct xsg_report_trend_options o = *options;
    struct xsg_buf title = XSG_BUF_INIT;
    o.columns = o.columns < LEAST_COLUMNS ? LEAST_COLUMNS : o.columns;
    struct plot plot = {.trend = trend,
                        .options = &o,
                        .scale = xsg_trend_scale(trend),
                        .columns = (size_t)o.columns - AXIS - 1};
    xsg_trend_put_title(&title, trend);
    xsg_buf_puts(out, paint(&plot, "\033[1m"));
    xsg_report_put_name(out, xsg_buf_str(&title), (size_t)o.columns, false);
    xsg_buf_printf(out, "%s\n", paint(&plot, "\033[0m"));
    xsg_buf_release(&title);
    if (trend->n_points > 0)
        draw(out, &plot);
    put_summary(out, trend);
    for (size_t i = trend->n_changes; i-- > 0;)
        put_change(out, &plot, &trend->changes[i]);
    for (size_t i = 0; i < trend->n_notes; i++) {
        xsg_put_printable(out, trend->notes[i], strlen(trend->notes[i]));
        xsg_buf_putc(out, '\n');
    }
}

/* ---- several --------------------------------------------------------------------------------- */

static void put_line(struct xsg_buf *out, const struct xsg_report_trend *t,
                     const struct xsg_report_trend_options *o, size_t width)
{
    const struct xsg_report_change *c = &t->changes[t->n_changes - 1];
    struct xsg_buf size = XSG_BUF_INIT, title = XSG_BUF_INIT;
    bool worse = xsg_trend_is_worse(t, c);
    xsg_trend_put_size(&size, t, c);
    xsg_trend_put_title(&title, t);
    xsg_buf_puts(out, o->color ? worse ? "\033[31m" : "\033[32m" : "");
    xsg_report_put_cell(out, xsg_buf_str(&size), 9, true);
    xsg_buf_puts(out, o->color ? "\033[0m" : "");
    xsg_buf_putc(out, ' ');
    xsg_trend_put_date(out, t->points[c->at].time);
    xsg_buf_printf(out, "  %.10s  %-5s  %7zu  ", t->points[c->at].oid, c->drift ? "drift" : "step",
                   t->n_changes);
    xsg_report_put_name(out, xsg_buf_str(&title), width, false);
    xsg_buf_putc(out, '\n');
    xsg_buf_release(&size);
    xsg_buf_release(&title);
}

void xsg_report_trend_table(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n,
                            const struct xsg_report_trend_options *options)
{
    size_t columns = (size_t)(options->columns < 70 ? 70 : options->columns), changed = 0;
    for (size_t i = 0; i < n; i++) {
        if (trends[i].n_changes == 0)
            continue;
        if (changed++ == 0)
            xsg_buf_puts(out, "change    date        commit      kind   changes  function\n");
        put_line(out, &trends[i], options, columns - 52);
    }
    if (changed == 0)
        xsg_buf_printf(out, "no change found in the history of %zu function%s and targets\n", n,
                       n == 1 ? "" : "s");
    else
        xsg_buf_printf(out,
                       "%zu of %zu functions and targets changed; the newest change of each "
                       "is shown, 'xsgate history FUNCTION' has the others\n",
                       changed, n);
}
