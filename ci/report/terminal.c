/* text: the table that a person reads at the end of a gate. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define MIN_COLUMNS 40
#define WIDE 130       /* from here on the cause stands in the row */
#define UNCLEAR_ROWS 8 /* of a target, unless all are asked for */

enum { WORD = 8, CHANGE = 9, INTERVAL = 20, SHARE = 9, VALUES = 21 };

struct table {
    struct xsg_buf *out;
    const struct xsg_comparison *comparison;
    const struct xsg_report_options *options;
    size_t columns;
    size_t name, where; /* widths of the two columns that give way */
    bool values;        /* there is room for base -> head */
};

static const char *paint(const struct table *t, const char *escape)
{
    return t->options->color ? escape : "";
}

static const char *verdict_color(enum xsg_delta_verdict verdict)
{
    switch (verdict) {
    case XSG_DELTA_REGRESSED:
    case XSG_DELTA_INVALID:
        return "\033[1;31m";
    case XSG_DELTA_IMPROVED:
        return "\033[32m";
    case XSG_DELTA_UNDECIDED:
        return "\033[33m";
    default:
        return "\033[2m";
    }
}

/* -- cells ---------------------------------------------------------------------------------------
 */

static void put_interval(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE], text[2 * XSG_CHANGE_SIZE + 8] = "";

    if (!isnan(delta->low) && !isnan(delta->high)) {
        xsg_format_change(low, delta->low);
        xsg_format_change(high, delta->high);
        snprintf(text, sizeof text, "%s to %s", low, high);
    }
    xsg_report_put_cell(out, text, INTERVAL, true);
}

static void put_values(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char base[32] = "-", head[32] = "-", text[72];

    if (!isnan(delta->base.median))
        xsg_format_value(base, sizeof base, delta->base.median, delta->unit);
    if (!isnan(delta->head.median))
        xsg_format_value(head, sizeof head, delta->head.median, delta->unit);
    snprintf(text, sizeof text, "%s > %s", base, head);
    xsg_report_put_cell(out, text, VALUES, true);
}

static void format_where(char *out, size_t size, const struct xsg_function *function)
{
    if (function->file && function->line > 0)
        snprintf(out, size, "%s:%d", function->file, function->line);
    else
        snprintf(out, size, "%s",
                 function->file     ? function->file
                 : function->module ? function->module
                                    : "");
}

static const char *name_of(const struct xsg_delta *delta)
{
    return delta->function.name ? delta->function.name : "(whole target)";
}

/* Text in lines of at most width columns, each indented; the first one too. */
static void put_wrapped(struct xsg_buf *out, const char *text, size_t indent, size_t columns)
{
    struct xsg_buf safe = XSG_BUF_INIT;
    size_t width = columns > indent + 20 ? columns - indent : 20;
    const char *p;

    xsg_put_printable(&safe, text, strlen(text));
    for (p = xsg_buf_str(&safe); *p;) {
        size_t n = strlen(p), cut = n;
        if (n > width) {
            for (cut = width; cut > width / 2 && p[cut] != ' '; cut--)
                ;
            if (p[cut] != ' ')
                for (cut = width; ((unsigned char)p[cut] & 0xc0) == 0x80; cut--)
                    ;
        }
        xsg_buf_printf(out, "%*s%.*s\n", (int)indent, "", (int)cut, p);
        p += cut;
        p += strspn(p, " ");
    }
    xsg_buf_release(&safe);
}

static void put_row(const struct table *t, const struct xsg_delta *delta)
{
    struct xsg_buf *out = t->out;
    char change[XSG_CHANGE_SIZE], share[16], where[512];
    bool decided = delta->verdict != XSG_DELTA_UNCHANGED;

    xsg_format_change(change, delta->ratio);
    snprintf(share, sizeof share, "%.1f %%", delta->share * 100);
    format_where(where, sizeof where, &delta->function);
    xsg_buf_printf(out, "  %s", paint(t, verdict_color(delta->verdict)));
    xsg_report_put_cell(out, xsg_report_word(delta), WORD, true);
    xsg_report_put_cell(out, change, CHANGE, true);
    xsg_buf_puts(out, paint(t, "\033[0m"));
    put_interval(out, delta);
    if (t->values)
        put_values(out, delta);
    xsg_report_put_cell(out, isnan(delta->share) ? "" : share, SHARE, true);
    xsg_buf_puts(out, paint(t, decided ? "\033[1m" : ""));
    xsg_report_put_cell(out, name_of(delta), t->name, true);
    xsg_buf_puts(out, paint(t, "\033[0m"));
    xsg_buf_putc(out, ' ');
    xsg_report_put_cell(out, where, t->where, t->columns >= WIDE && delta->cause);
    if (t->columns >= WIDE && delta->cause && decided) {
        size_t used = 2 + WORD + CHANGE + INTERVAL + (t->values ? VALUES : 0) + SHARE + t->name +
                      t->where + 2;
        xsg_buf_puts(out, " ");
        xsg_report_put_cell(out, delta->cause, t->columns - used, false);
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    xsg_buf_putc(out, '\n');
    if (t->columns < WIDE && delta->cause && decided)
        put_wrapped(out, delta->cause, 2 + WORD, t->columns);
}

/* -- the table -----------------------------------------------------------------------------------
 */

/* Unclear functions whose change could not matter to the target are counted, not listed: with
 * sampling there are dozens of them, and nothing follows from them. */
static bool is_shown(const struct table *t, const struct xsg_delta *delta, size_t *unclear)
{
    if (t->options->all)
        return true;
    if (delta->verdict == XSG_DELTA_UNCHANGED)
        return false;
    if (delta->verdict != XSG_DELTA_UNDECIDED || !delta->function.name)
        return true;
    return ++*unclear <= UNCLEAR_ROWS && delta->counts;
}

static void fit_columns(struct table *t)
{
    size_t fixed, left, name = 14, where = 1;

    for (size_t i = 0; i < t->comparison->n_deltas; i++) {
        const struct xsg_delta *delta = &t->comparison->deltas[i];
        char text[512];
        size_t n = xsg_display_width(name_of(delta)), m;
        size_t unclear = 0;
        if (!is_shown(t, delta, &unclear))
            continue;
        format_where(text, sizeof text, &delta->function);
        m = xsg_display_width(text);
        name = n > name ? n : name;
        where = m > where ? m : where;
    }
    t->values = t->columns >= 110;
    fixed = 2 + WORD + CHANGE + INTERVAL + (t->values ? VALUES : 0) + SHARE + 1;
    left = t->columns > fixed + 20 ? t->columns - fixed : 20;
    if (t->columns >= WIDE)
        left = left > 90 ? left - 45 : left / 2; /* the cause's share */
    if (name + where > left) {
        where = where > left / 2 ? left / 2 : where;
        name = left - where;
    }
    t->name = name;
    t->where = where;
}

static void put_heading(const struct table *t)
{
    struct xsg_buf *out = t->out;

    xsg_buf_printf(out, "  %s", paint(t, "\033[4m"));
    xsg_report_put_cell(out, "", WORD, true);
    xsg_report_put_cell(out, "change", CHANGE, true);
    xsg_report_put_cell(out, "interval", INTERVAL, true);
    if (t->values)
        xsg_report_put_cell(out, "base > head", VALUES, true);
    xsg_report_put_cell(out, "share", SHARE, true);
    xsg_report_put_cell(out, "function", t->name, true);
    xsg_buf_printf(out, " where%s\n", paint(t, "\033[0m"));
}

static void put_target(struct table *t, const struct xsg_target_run *target)
{
    const struct xsg_comparison *c = t->comparison;
    size_t same = xsg_report_count(c, target->name, XSG_DELTA_UNCHANGED);
    size_t unclear = 0, hidden = 0;

    xsg_buf_printf(t->out, "\n%s", paint(t, "\033[1m"));
    xsg_report_put_cell(t->out, target->name, t->columns / 2, false);
    xsg_buf_printf(t->out, "%s", paint(t, "\033[0m"));
    if (target->profile) {
        xsg_buf_puts(t->out, "  ");
        xsg_report_put_cell(t->out, target->profile, t->columns / 3, false);
    }
    xsg_buf_putc(t->out, '\n');
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *delta = &c->deltas[i];
        if (strcmp(delta->target, target->name) != 0)
            continue;
        if (is_shown(t, delta, &unclear))
            put_row(t, delta);
        else
            hidden += delta->verdict == XSG_DELTA_UNDECIDED;
    }
    if (hidden > 0)
        xsg_buf_printf(t->out, "  %s%zu unclear, too small to matter%s\n", paint(t, "\033[2m"),
                       hidden, paint(t, "\033[0m"));
    if (!t->options->all && same > 0)
        xsg_buf_printf(t->out, "  %s%zu unchanged%s\n", paint(t, "\033[2m"), same,
                       paint(t, "\033[0m"));
}

static void put_headline(struct table *t)
{
    static const char *const words[] = {"PASSED", "REGRESSED", "UNDECIDED", "COULD NOT JUDGE"};
    static const char *const colors[] = {"\033[1;32m", "\033[1;31m", "\033[1;33m", "\033[1;31m"};
    const struct xsg_comparison *c = t->comparison;
    struct xsg_buf line = XSG_BUF_INIT;

    xsg_buf_printf(t->out, "%s%s%s", paint(t, colors[c->verdict]), words[c->verdict],
                   paint(t, "\033[0m"));
    if (c->reason) {
        struct xsg_buf safe = XSG_BUF_INIT;
        xsg_put_printable(&safe, c->reason, strlen(c->reason));
        xsg_buf_printf(t->out, ": %s", xsg_buf_str(&safe));
        xsg_buf_release(&safe);
    }
    xsg_buf_puts(t->out, "\nbase ");
    xsg_report_put_commit(&line, &c->base->commit);
    xsg_report_put_cell(t->out, xsg_buf_str(&line), t->columns - 5, false);
    xsg_buf_clear(&line);
    xsg_buf_puts(t->out, "\nhead ");
    xsg_report_put_commit(&line, &c->head->commit);
    xsg_report_put_cell(t->out, xsg_buf_str(&line), t->columns - 5, false);
    xsg_buf_putc(t->out, '\n');
    xsg_buf_release(&line);
}

static void put_footer(const struct table *t)
{
    const struct xsg_comparison *c = t->comparison;

    xsg_buf_printf(
        t->out, "\n%zu %s, %.1f s; threshold %.3g %%, error %.3g %% for all functions together\n",
        c->rounds, c->paired ? "rounds" : "invocations, base from the store", c->elapsed_s,
        c->gate.threshold * 100, c->gate.alpha * 100);
    for (size_t i = 0; i < c->n_warnings; i++) {
        xsg_buf_printf(t->out, "%snote:%s\n", paint(t, "\033[33m"), paint(t, "\033[0m"));
        t->out->len--; /* the sentence follows on the same line */
        t->out->data[t->out->len] = '\0';
        xsg_buf_putc(t->out, ' ');
        xsg_put_printable(t->out, c->warnings[i], strlen(c->warnings[i]));
        xsg_buf_putc(t->out, '\n');
    }
    if (c->verdict == XSG_VERDICT_UNDECIDED)
        xsg_buf_puts(t->out, "more rounds would tell: --rounds 80, or a longer --max-time\n");
    if (t->options->html) {
        xsg_buf_puts(t->out, "report: ");
        xsg_put_printable(t->out, t->options->html, strlen(t->options->html));
        xsg_buf_putc(t->out, '\n');
    }
}

void xsg_report_text(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options)
{
    struct table t = {.out = out, .comparison = comparison, .options = options};

    t.columns = (size_t)(options->columns < MIN_COLUMNS ? MIN_COLUMNS : options->columns);
    fit_columns(&t);
    put_headline(&t);
    if (comparison->n_deltas > 0) {
        xsg_buf_putc(out, '\n');
        put_heading(&t);
        for (size_t i = 0; i < comparison->head->n_targets; i++)
            put_target(&t, &comparison->head->targets[i]);
    }
    put_footer(&t);
}
