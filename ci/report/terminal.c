/* text: the table that a person reads at the end of a gate. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define MIN_COLUMNS 40
#define WIDE 130       /* from here on file and cause stand in the row, else below it */
#define UNCLEAR_ROWS 8 /* of a target, unless all are asked for */

enum { WORD = 8, CHANGE = 8, INTERVAL = 19, SHARE = 8, VALUES = 20 };

struct table {
    struct xsg_buf *out;
    const struct xsg_comparison *comparison;
    const struct xsg_report_options *options;
    size_t columns;
    size_t name, where, cause; /* widths of the columns that give way; where, cause: 0 if narrow */
    bool values;               /* there is room for base -> head */
};

static const char *paint(const struct table *t, const char *escape)
{
    return t->options->color ? escape : "";
}

static const char *verdict_color(const struct xsg_delta *delta)
{
    if (xsg_report_is_spared(delta))
        return "\033[33m";
    switch (delta->verdict) {
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

    if (isinf(delta->high)) {
        xsg_format_change(low, delta->low);
        snprintf(text, sizeof text, "%s or more", low);
    } else if (!isnan(delta->low) && !isnan(delta->high)) {
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

/* The function's name, with its metric when that is not the usual one. Foreign text. */
static const char *name_of(const struct xsg_delta *delta, struct xsg_buf *buf)
{
    xsg_buf_clear(buf);
    xsg_buf_puts(buf, delta->function.name ? delta->function.name : "(whole target)");
    if (strcmp(delta->metric, "time") != 0)
        xsg_buf_printf(buf, " [%s]", delta->metric);
    return xsg_buf_str(buf);
}

/* May a line end at this space? A number stays with its sign: "13 %". */
static bool may_break(const char *space)
{
    bool percent = space[0] && space[1] == '%' && !isalnum((unsigned char)space[2]);

    return *space == ' ' && !percent && space[1] != ';' && space[1] != ',';
}

/* A line that has to end within a word: a comma or semicolon begins none. */
static size_t before_sign(const char *text, size_t n)
{
    size_t at = n;

    while (at > 1 &&
           (strchr(";,", text[at]) || (at < n && ((unsigned char)text[at] & 0xc0) == 0x80)))
        at--;
    return at > 1 ? at : n;
}

/* Bytes of the next line of at most width columns, broken at a space where there is one. */
static size_t next_line(const char *text, size_t width)
{
    size_t n = 0, space = 0;

    while (text[n]) {
        size_t step = 1;
        while (((unsigned char)text[n + step] & 0xc0) == 0x80)
            step++;
        if (may_break(text + n))
            space = n;
        struct xsg_buf part = XSG_BUF_INIT;
        xsg_buf_put(&part, text, n + step);
        bool fits = xsg_display_width(xsg_buf_str(&part)) <= width;
        xsg_buf_release(&part);
        if (!fits)
            return space > width / 2 ? space : n > 0 ? before_sign(text, n) : step;
        n += step;
    }
    return n;
}

/* A line of foreign text in rows that begin with bar at column indent; the cursor stands behind the
 * first bar already. Not more rows than most: nobody reads them, and a hostile text may be endless.
 */
static void put_folded(const struct table *t, const char *text, size_t indent, const char *bar,
                       int most)
{
    struct xsg_buf safe = XSG_BUF_INIT;
    size_t room = indent + strlen(bar), n = strlen(text);
    size_t width = t->columns > room + 20 ? t->columns - room : 20;
    const char *p;

    xsg_put_printable(&safe, text, n > 4000 ? 4000 : n);
    p = xsg_buf_str(&safe);
    for (int row = 0; *p && row < most; row++) {
        size_t cut = next_line(p, width);
        if (row > 0)
            xsg_buf_printf(t->out, "%*s%s", (int)indent, "", bar);
        xsg_buf_put(t->out, p, cut);
        xsg_buf_putc(t->out, '\n');
        p += cut;
        p += strspn(p, " ");
    }
    if (safe.len == 0)
        xsg_buf_putc(t->out, '\n');
    xsg_buf_release(&safe);
}

/* Foreign prose that begins at column indent, where the cursor stands already, and what a program
 * printed below it. Each row of that begins with a bar: a CI system may take a line of the log for
 * a command. */
static void put_wrapped(const struct table *t, const char *text, size_t indent)
{
    struct xsg_buf line = XSG_BUF_INIT;

    xsg_report_next_line(&text, &line);
    put_folded(t, xsg_buf_str(&line), indent, "", 12);
    for (int i = 1; i < XSG_REPORT_LINES && xsg_report_next_line(&text, &line); i++) {
        xsg_buf_printf(t->out, "%*s%s", (int)indent, "", line.len > 0 ? "| " : "|");
        put_folded(t, xsg_buf_str(&line), indent, "| ", 6);
    }
    xsg_buf_release(&line);
}

static void end_row(struct xsg_buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    xsg_buf_putc(out, '\n');
}

/* Why it is slower, after that it fails nothing; a waiver says so itself. */
static void put_cause(struct xsg_buf *out, const struct xsg_delta *delta)
{
    if (xsg_report_is_spared(delta) && !delta->waiver)
        xsg_buf_printf(out, "not counted%s", delta->cause ? ": " : "");
    if (delta->cause)
        xsg_buf_puts(out, delta->cause);
}

/* Wide: file and cause follow in the row, and the cause goes on below itself. */
static void put_wide_end(const struct table *t, const struct xsg_delta *delta, const char *where)
{
    xsg_buf_putc(t->out, ' ');
    xsg_report_put_path(t->out, where, t->where, true);
    xsg_buf_putc(t->out, ' ');
    struct xsg_buf cause = XSG_BUF_INIT;
    put_cause(&cause, delta);
    if (cause.len > 0)
        put_wrapped(t, xsg_buf_str(&cause), t->columns - t->cause);
    else
        end_row(t->out);
    xsg_buf_release(&cause);
}

/* Narrow: the row ends with the name; file, then cause, stand below it. */
static void put_narrow_end(const struct table *t, const struct xsg_delta *delta, const char *where)
{
    struct xsg_buf below = XSG_BUF_INIT;

    end_row(t->out);
    struct xsg_buf cause = XSG_BUF_INIT;
    put_cause(&cause, delta);
    if (*where) {
        xsg_report_put_path(&below, where, t->columns / 2, false);
        if (cause.len > 0)
            xsg_buf_puts(&below, ": ");
    }
    xsg_buf_put(&below, xsg_buf_str(&cause), cause.len);
    xsg_buf_release(&cause);
    if (below.len > 0 && (delta->verdict != XSG_DELTA_UNCHANGED || isnan(delta->ratio))) {
        xsg_buf_printf(t->out, "%*s", 2 + WORD, "");
        put_wrapped(t, xsg_buf_str(&below), 2 + WORD);
    }
    xsg_buf_release(&below);
}

static void put_row(const struct table *t, const struct xsg_delta *delta)
{
    struct xsg_buf *out = t->out;
    struct xsg_buf name = XSG_BUF_INIT;
    char change[XSG_CHANGE_SIZE], share[24] = "", where[512];

    xsg_format_change(change, delta->ratio);
    if (!isnan(delta->share))
        snprintf(share, sizeof share, "%.1f %%", delta->share * 100);
    format_where(where, sizeof where, &delta->function);
    xsg_buf_printf(out, "  %s", paint(t, verdict_color(delta)));
    xsg_report_put_cell(out, xsg_report_word(delta), WORD, true);
    xsg_report_put_cell(out, change, CHANGE, true);
    xsg_buf_puts(out, paint(t, "\033[0m"));
    put_interval(out, delta);
    if (t->values)
        put_values(out, delta);
    xsg_report_put_cell(out, share, SHARE, true);
    xsg_buf_puts(out, paint(t, delta->verdict != XSG_DELTA_UNCHANGED ? "\033[1m" : ""));
    xsg_report_put_name(out, name_of(delta, &name), t->name, t->where > 0);
    xsg_buf_puts(out, paint(t, "\033[0m"));
    if (t->where > 0)
        put_wide_end(t, delta, where);
    else
        put_narrow_end(t, delta, where);
    xsg_buf_release(&name);
}

/* -- the table -----------------------------------------------------------------------------------
 */

/* What did not change is counted, but what the target did as a whole is always told. Unclear
 * functions whose change could not matter to the target are counted, not listed: with
 * sampling there are dozens of them, and nothing follows from them. */
static bool is_shown(const struct table *t, const struct xsg_delta *delta, size_t *unclear)
{
    if (t->options->all)
        return true;
    if (delta->verdict == XSG_DELTA_UNCHANGED)
        return !delta->function.name && delta == xsg_report_whole(t->comparison, delta->target);
    if (delta->verdict != XSG_DELTA_UNDECIDED || !delta->function.name)
        return true;
    return ++*unclear <= UNCLEAR_ROWS && delta->counts;
}

static size_t at_most(size_t x, size_t limit)
{
    return x < limit ? x : limit;
}

/* Names and files get what they need while a good part of a wide line is left to the cause. */
static void fit_columns(struct table *t)
{
    struct xsg_buf text = XSG_BUF_INIT;
    size_t name = 14, where = 5, unclear = 0;

    t->values = t->columns >= 105;
    size_t left = t->columns - at_most(t->columns, 2 + WORD + CHANGE + INTERVAL + SHARE +
                                                       (t->values ? VALUES : 0));
    for (size_t i = 0; i < t->comparison->n_deltas; i++) {
        const struct xsg_delta *delta = &t->comparison->deltas[i];
        char file[512];
        if (!is_shown(t, delta, &unclear))
            continue;
        format_where(file, sizeof file, &delta->function);
        size_t n = xsg_display_width(name_of(delta, &text)), m = xsg_display_width(file);
        name = n > name ? n : name;
        where = m > where ? m : where;
    }
    xsg_buf_release(&text);
    if (t->columns < WIDE) {
        t->name = left > 10 ? left : 10;
        return;
    }
    t->name = at_most(name, left * 3 / 8);
    t->where = at_most(where, left / 4);
    t->cause = left - t->name - t->where - 2;
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
    xsg_report_put_cell(out, "function", t->name, t->where > 0);
    if (t->where > 0) {
        xsg_buf_putc(out, ' ');
        xsg_report_put_cell(out, "where", t->where, true);
        xsg_buf_puts(out, " cause");
    }
    xsg_buf_printf(out, "%s\n", paint(t, "\033[0m"));
}

/* A remark below the target's name or its rows, wrapped. */
static void put_dim(const struct table *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put_dim(const struct table *t, const char *format, ...)
{
    struct xsg_buf text = XSG_BUF_INIT;
    va_list args;

    va_start(args, format);
    xsg_buf_vprintf(&text, format, args);
    va_end(args);
    xsg_buf_printf(t->out, "  %s", paint(t, "\033[2m"));
    put_wrapped(t, xsg_buf_str(&text), 2);
    t->out->data[--t->out->len] = '\0'; /* the line ends behind the color */
    xsg_buf_printf(t->out, "%s\n", paint(t, "\033[0m"));
    xsg_buf_release(&text);
}

/* How its rounds ran, and why so. */
static void put_pairing(struct table *t, const struct xsg_target_run *target)
{
    static const char *const words[] = {"", "one after the other", "at once on one core",
                                        "at once on two cores"};
    const char *reason = target->pairing_reason;

    if (target->pairing <= XSG_PAIRING_AUTO || target->pairing > XSG_PAIRING_TWO_CORE)
        return;
    put_dim(t, "base and head %s%s%s", words[target->pairing], reason ? ": " : "",
            reason ? reason : "");
}

/* Unclear functions that are not shown because they do not count. */
static void put_minor(const struct table *t, const char *target)
{
    const char *rule;
    size_t n = xsg_report_count_minor(t->comparison, target, &rule);

    if (n > 0 && !t->options->all)
        put_dim(t, "%zu unclear but not counted%s%s", n, rule ? ": " : "", rule ? rule : "");
}

static void put_target(struct table *t, const struct xsg_target_run *target)
{
    const struct xsg_comparison *c = t->comparison;
    size_t unclear = 0, more = 0, same = 0;

    xsg_buf_printf(t->out, "\n%s", paint(t, "\033[1m"));
    xsg_report_put_cell(t->out, target->name, t->columns / 2, false);
    xsg_buf_printf(t->out, "%s", paint(t, "\033[0m"));
    if (target->profile) {
        xsg_buf_puts(t->out, "  ");
        xsg_report_put_cell(t->out, target->profile, t->columns / 3, false);
    }
    xsg_buf_putc(t->out, '\n');
    put_pairing(t, target);
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *delta = &c->deltas[i];
        if (strcmp(delta->target, target->name) != 0)
            continue;
        if (is_shown(t, delta, &unclear))
            put_row(t, delta);
        else if (delta->verdict != XSG_DELTA_UNDECIDED)
            same++;
        else
            more += delta->counts;
    }
    if (more > 0)
        put_dim(t, "%zu more unclear", more);
    put_minor(t, target->name);
    if (same > 0)
        put_dim(t, "%zu unchanged", same);
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
        xsg_buf_puts(t->out, ": ");
        put_wrapped(t, c->reason, strlen(words[c->verdict]) + 2);
    } else {
        xsg_buf_putc(t->out, '\n');
    }
    xsg_buf_puts(t->out, "base ");
    xsg_report_put_commit(&line, &c->base->commit);
    xsg_report_put_cell(t->out, xsg_buf_str(&line), t->columns - 5, false);
    xsg_buf_clear(&line);
    xsg_buf_puts(t->out, "\nhead ");
    xsg_report_put_commit(&line, &c->head->commit);
    xsg_report_put_cell(t->out, xsg_buf_str(&line), t->columns - 5, false);
    xsg_buf_putc(t->out, '\n');
    xsg_buf_release(&line);
}

/* How many rounds would settle what is open, as far as its rows know; else nothing. */
static void put_outlook(struct xsg_buf *out, const struct xsg_comparison *c)
{
    size_t open = 0, known = 0, layout = 0;
    double rounds = 0;

    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->verdict != XSG_DELTA_UNDECIDED || !d->counts)
            continue;
        layout += d->layout == XSG_LAYOUT_GONE;
        open += d->layout != XSG_LAYOUT_GONE;
        if (d->layout == XSG_LAYOUT_GONE || !(d->settle_rounds > 0 && d->settle_rounds < 1e6))
            continue;
        known++;
        rounds = fmax(rounds, d->settle_rounds);
    }
    if (known > 0) {
        xsg_buf_printf(out, "; --rounds %.0f should tell", ceil(rounds / 10) * 10);
        if (known < open + layout)
            xsg_buf_printf(out, " for %zu of %zu", known, open + layout);
    } else if (layout > 0 && open == 0) {
        xsg_buf_puts(out, "; each build may draw another layout, and more rounds would not tell");
    }
}

/* What follows for the caller: the exit status, and the next step. */
static void put_advice(const struct table *t)
{
    const struct xsg_comparison *c = t->comparison;
    struct xsg_buf line = XSG_BUF_INIT;

    switch (c->verdict) {
    case XSG_VERDICT_PASSED:
    case XSG_VERDICT_REGRESSED:
        break;
    case XSG_VERDICT_UNDECIDED:
        xsg_buf_puts(&line, c->gate.strict ? "undecided fails here (--strict)"
                                           : "undecided does not fail without --strict");
        put_outlook(&line, c);
        put_wrapped(t, xsg_buf_str(&line), 0);
        break;
    case XSG_VERDICT_INVALID:
        put_wrapped(t,
                    "no verdict is possible: repair what is named above and run again; xsgate "
                    "doctor looks at this machine",
                    0);
        break;
    }
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
        xsg_buf_printf(t->out, "%snote:%s ", paint(t, "\033[33m"), paint(t, "\033[0m"));
        put_wrapped(t, c->warnings[i], 6);
    }
    put_advice(t);
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
    const struct xsg_target_run *target;

    t.columns = (size_t)(options->columns < MIN_COLUMNS ? MIN_COLUMNS : options->columns);
    fit_columns(&t);
    put_headline(&t);
    if (comparison->n_deltas > 0) {
        xsg_buf_putc(out, '\n');
        put_heading(&t);
        for (size_t i = 0; (target = xsg_report_target(comparison, i)); i++)
            put_target(&t, target);
    }
    put_footer(&t);
}
