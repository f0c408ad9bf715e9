/*
 * junit: a test suite per target, a test case per delta, for tools that show JUnit results. A
 * verdict that no delta shows (nothing was measured, a build failed, another baseline regressed)
 * has a suite of its own: a file without a failed case would be green.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"

/* In an attribute a reader takes a line end for a space unless it is a reference. */
static void put_lines(struct xsg_buf *out, const char *text)
{
    struct xsg_buf line = XSG_BUF_INIT;

    for (int i = 0; i < XSG_REPORT_LINES && xsg_report_next_line(&text, &line); i++) {
        xsg_buf_puts(out, i > 0 ? "&#10;| " : "");
        xsg_report_put_xml(out, xsg_buf_str(&line));
    }
    xsg_buf_release(&line);
}

static void put_message(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    if (isnan(delta->ratio)) { /* nothing was measured: there is only the cause */
        put_lines(out, delta->cause ? delta->cause : "no values");
        return;
    }
    xsg_format_change(change, delta->ratio);
    xsg_format_change(low, delta->low);
    xsg_format_change(high, delta->high);
    xsg_buf_printf(out, "%s of ", change);
    xsg_report_put_xml(out, delta->metric);
    xsg_buf_printf(out, " (%s to %s), threshold %.3g %%", low, high, delta->threshold * 100);
    if (delta->cause) {
        xsg_buf_puts(out, ": ");
        put_lines(out, delta->cause);
    }
}

static void put_element(struct xsg_buf *out, const char *element, const struct xsg_delta *delta)
{
    xsg_buf_printf(out, "\n      <%s message=\"", element);
    put_message(out, delta);
    xsg_buf_puts(out, "\"/>\n    ");
}

static void put_case(struct xsg_buf *out, const struct xsg_delta *delta)
{
    bool nanoseconds = strcmp(delta->unit, "ns") == 0 && !isnan(delta->head.median);

    xsg_buf_puts(out, "    <testcase classname=\"");
    xsg_report_put_xml(out, delta->target);
    xsg_buf_puts(out, "\" name=\"");
    xsg_report_put_xml(out, delta->function.name ? delta->function.name : "(whole target)");
    if (strcmp(delta->metric, "time") != 0) {
        xsg_buf_puts(out, " ");
        xsg_report_put_xml(out, delta->metric);
    }
    xsg_buf_printf(out, "\" time=\"%.9f\"", nanoseconds ? delta->head.median / 1e9 : 0.0);
    if (delta->function.file) {
        xsg_buf_puts(out, " file=\"");
        xsg_report_put_xml(out, delta->function.file);
        xsg_buf_putc(out, '"');
        if (delta->function.line > 0)
            xsg_buf_printf(out, " line=\"%d\"", delta->function.line);
    }
    xsg_buf_putc(out, '>');
    if (delta->verdict == XSG_DELTA_REGRESSED && delta->counts)
        put_element(out, "failure", delta);
    else if (delta->verdict == XSG_DELTA_INVALID)
        put_element(out, "error", delta);
    else if (delta->verdict == XSG_DELTA_UNDECIDED)
        put_element(out, "skipped", delta);
    xsg_buf_puts(out, "</testcase>\n");
}

/* Ignored functions do not fail. */
static size_t count_failures(const struct xsg_comparison *c, const char *target)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_deltas; i++)
        n += c->deltas[i].verdict == XSG_DELTA_REGRESSED && c->deltas[i].counts &&
             strcmp(c->deltas[i].target, target) == 0;
    return n;
}

static void put_suite(struct xsg_buf *out, const struct xsg_comparison *c,
                      const struct xsg_target_run *target)
{
    size_t tests = 0;

    for (int v = XSG_DELTA_REGRESSED; v <= XSG_DELTA_INVALID; v++)
        tests += xsg_report_count(c, target->name, (enum xsg_delta_verdict)v);
    xsg_buf_puts(out, "  <testsuite name=\"");
    xsg_report_put_xml(out, target->name);
    xsg_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
                   tests, count_failures(c, target->name),
                   xsg_report_count(c, target->name, XSG_DELTA_INVALID),
                   xsg_report_count(c, target->name, XSG_DELTA_UNDECIDED));
    for (size_t i = 0; i < c->n_deltas; i++) {
        if (strcmp(c->deltas[i].target, target->name) == 0)
            put_case(out, &c->deltas[i]);
    }
    xsg_buf_puts(out, "  </testsuite>\n");
}

/* The element that says it, or NULL: a case has it already, or all is well. */
static const char *missing_element(const struct xsg_comparison *c)
{
    const struct xsg_target_run *target;
    size_t failures = 0, errors = 0;

    for (size_t i = 0; (target = xsg_report_target(c, i)); i++) {
        failures += count_failures(c, target->name);
        errors += xsg_report_count(c, target->name, XSG_DELTA_INVALID);
    }
    if (c->verdict == XSG_VERDICT_INVALID && errors == 0)
        return "error";
    return c->verdict == XSG_VERDICT_REGRESSED && failures == 0 ? "failure" : NULL;
}

static void put_verdict(struct xsg_buf *out, const struct xsg_comparison *c, const char *element)
{
    bool error = strcmp(element, "error") == 0;

    xsg_buf_printf(out,
                   "  <testsuite name=\"xsgate\" tests=\"1\" failures=\"%d\" errors=\"%d\" "
                   "skipped=\"0\">\n"
                   "    <testcase classname=\"xsgate\" name=\"verdict\" time=\"0.000000000\">\n"
                   "      <%s message=\"",
                   !error, error, element);
    put_lines(out, c->reason ? c->reason : xsg_verdict_name(c->verdict));
    xsg_buf_puts(out, "\"/>\n    </testcase>\n  </testsuite>\n");
}

void xsg_report_junit(struct xsg_buf *out, const struct xsg_comparison *comparison,
                      const struct xsg_report_options *options)
{
    const struct xsg_target_run *target;
    const char *element = missing_element(comparison);

    (void)options;
    xsg_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"xsgate\">\n");
    for (size_t i = 0; (target = xsg_report_target(comparison, i)); i++)
        put_suite(out, comparison, target);
    if (element)
        put_verdict(out, comparison, element);
    xsg_buf_puts(out, "</testsuites>\n");
}
