/*
 * github: annotations as workflow commands of GitHub Actions, one a line. The runner shows ten of
 * each level per step and drops the others without a word: the tenth says how many there are.
 */
#include <math.h>
#include <string.h>

#include "base/change.h"
#include "ci/report/parts.h"

#define MOST 10 /* of a level */
#define NAME_WIDTH 100
#define TEXT_WIDTH 300

/* Printable text holds no line end, so that it cannot begin a command of its own. In properties
 * colon and comma separate. */
static void put_escaped(struct xsg_buf *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (*text == '%')
            xsg_buf_puts(out, "%25");
        else if (property && *text == ':')
            xsg_buf_puts(out, "%3A");
        else if (property && *text == ',')
            xsg_buf_puts(out, "%2C");
        else
            xsg_buf_putc(out, *text);
    }
}

static void put_text(struct xsg_buf *out, const char *text, size_t width, bool property)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_report_put_cell(&safe, text, width, false);
    put_escaped(out, xsg_buf_str(&safe), property);
    xsg_buf_release(&safe);
}

/* A message shows an escaped line end as one. */
static void put_lines(struct xsg_buf *out, const char *text)
{
    struct xsg_buf line = XSG_BUF_INIT;

    for (int i = 0; i < XSG_REPORT_LINES && xsg_report_next_line(&text, &line); i++) {
        xsg_buf_puts(out, i > 0 ? "%0A| " : "");
        put_text(out, xsg_buf_str(&line), TEXT_WIDTH, false);
    }
    xsg_buf_release(&line);
}

static void put_name(struct xsg_buf *out, const struct xsg_delta *delta, bool property)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    if (delta->function.name)
        xsg_report_put_name(&safe, delta->function.name, NAME_WIDTH, false);
    else
        xsg_report_put_name(&safe, delta->target, NAME_WIDTH, false);
    put_escaped(out, xsg_buf_str(&safe), property);
    xsg_buf_release(&safe);
}

static void put_place(struct xsg_buf *out, const struct xsg_function *function)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    if (!xsg_report_is_inside(function->file) || strlen(function->file) > 1000)
        return;
    xsg_report_put_path(&safe, function->file, 4000, false);
    xsg_buf_puts(out, "file=");
    put_escaped(out, xsg_buf_str(&safe), true);
    if (function->line > 0)
        xsg_buf_printf(out, ",line=%d", function->line);
    xsg_buf_putc(out, ',');
    xsg_buf_release(&safe);
}

static void put_percent(struct xsg_buf *out, double ratio, bool property)
{
    char change[XSG_CHANGE_SIZE];

    xsg_format_change(change, ratio);
    put_escaped(out, change, property);
}

static void put_message(struct xsg_buf *out, const struct xsg_delta *delta)
{
    const char *separator = "";

    if (!isnan(delta->ratio) && !isnan(delta->low) && !isnan(delta->high)) {
        put_percent(out, delta->ratio, false);
        xsg_buf_puts(out, " (");
        put_percent(out, delta->low, false);
        xsg_buf_puts(out, isinf(delta->high) ? " or more" : " to ");
        if (!isinf(delta->high))
            put_percent(out, delta->high, false);
        xsg_buf_puts(out, ") ");
        put_text(out, delta->metric, NAME_WIDTH, false);
        separator = "; ";
    }
    if (delta->function.name) {
        xsg_buf_puts(out, *separator ? " in target " : "in target ");
        put_text(out, delta->target, NAME_WIDTH, false);
        separator = "; ";
    }
    if (delta->cause) {
        xsg_buf_puts(out, separator);
        put_lines(out, delta->cause);
    }
}

static void put_annotation(struct xsg_buf *out, const char *level, const struct xsg_delta *delta)
{
    xsg_buf_printf(out, "::%s ", level);
    put_place(out, &delta->function);
    xsg_buf_puts(out, "title=");
    put_name(out, delta, true);
    if (!isnan(delta->ratio)) {
        xsg_buf_putc(out, ' ');
        put_percent(out, delta->ratio, true);
    } else {
        xsg_buf_printf(out, " %s", xsg_report_word(delta));
    }
    xsg_buf_puts(out, "::");
    put_message(out, delta);
    xsg_buf_putc(out, '\n');
}

static bool is_error(const struct xsg_delta *delta, bool strict)
{
    return xsg_report_is_failing(delta) || delta->verdict == XSG_DELTA_INVALID ||
           (strict && delta->verdict == XSG_DELTA_UNDECIDED && delta->counts);
}

static bool is_warning(const struct xsg_delta *delta, bool strict)
{
    return !strict && delta->verdict == XSG_DELTA_UNDECIDED && delta->counts;
}

static size_t put_level(struct xsg_buf *out, const struct xsg_comparison *c, const char *level,
                        bool (*is)(const struct xsg_delta *delta, bool strict))
{
    size_t n = 0, shown = 0;

    for (size_t i = 0; i < c->n_deltas; i++)
        n += is(&c->deltas[i], c->gate.strict);
    for (size_t i = 0; i < c->n_deltas && shown < (n > MOST ? MOST - 1 : n); i++) {
        if (!is(&c->deltas[i], c->gate.strict))
            continue;
        put_annotation(out, level, &c->deltas[i]);
        shown++;
    }
    if (shown < n)
        xsg_buf_printf(out, "::%s title=xsgate::%zu more are in the report\n", level, n - shown);
    return n;
}

void xsg_report_github(struct xsg_buf *out, const struct xsg_comparison *comparison,
                       const struct xsg_report_options *options)
{
    bool fails = comparison->verdict == XSG_VERDICT_REGRESSED ||
                 comparison->verdict == XSG_VERDICT_INVALID ||
                 (comparison->verdict == XSG_VERDICT_UNDECIDED && comparison->gate.strict);
    size_t errors, warnings;

    (void)options;
    errors = put_level(out, comparison, "error", is_error);
    warnings = put_level(out, comparison, "warning", is_warning);
    /* What no function stands for is said all the same. Nothing got slower: nothing is said. */
    if ((fails && errors > 0) || (!fails && warnings > 0) ||
        comparison->verdict == XSG_VERDICT_PASSED)
        return;
    xsg_buf_printf(out, "::%s title=xsgate %s::", fails ? "error" : "warning",
                   xsg_verdict_name(comparison->verdict));
    put_lines(out, comparison->reason);
    xsg_buf_putc(out, '\n');
}
