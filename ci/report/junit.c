/* junit: a test suite per target, a test case per delta, for tools that show JUnit results. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"

/* XML 1.0 has no way to write most control characters, nor text that is not UTF-8: they are shown
 * as escapes by xsg_put_printable before the five special characters are replaced. */
static void put_text(struct xsg_buf *out, const char *text)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_put_printable(&safe, text ? text : "", text ? strlen(text) : 0);
    for (size_t i = 0; i < safe.len; i++) {
        switch (safe.data[i]) {
        case '&':
            xsg_buf_puts(out, "&amp;");
            break;
        case '<':
            xsg_buf_puts(out, "&lt;");
            break;
        case '>':
            xsg_buf_puts(out, "&gt;");
            break;
        case '"':
            xsg_buf_puts(out, "&quot;");
            break;
        case '\'':
            xsg_buf_puts(out, "&apos;");
            break;
        default:
            xsg_buf_putc(out, safe.data[i]);
        }
    }
    xsg_buf_release(&safe);
}

static void put_message(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    xsg_format_change(change, delta->ratio);
    xsg_format_change(low, delta->low);
    xsg_format_change(high, delta->high);
    xsg_buf_printf(out, "%s of %s (%s to %s), threshold %.3g %%", change, delta->metric, low, high,
                   delta->threshold * 100);
    if (delta->cause) {
        xsg_buf_puts(out, ": ");
        put_text(out, delta->cause);
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
    put_text(out, delta->target);
    xsg_buf_puts(out, "\" name=\"");
    put_text(out, delta->function.name ? delta->function.name : "(whole target)");
    if (strcmp(delta->metric, "time") != 0) {
        xsg_buf_puts(out, " ");
        put_text(out, delta->metric);
    }
    xsg_buf_printf(out, "\" time=\"%.9f\"", nanoseconds ? delta->head.median / 1e9 : 0.0);
    if (delta->function.file) {
        xsg_buf_puts(out, " file=\"");
        put_text(out, delta->function.file);
        xsg_buf_printf(out, "\" line=\"%d\"", delta->function.line);
    }
    xsg_buf_putc(out, '>');
    if (delta->verdict == XSG_DELTA_REGRESSED)
        put_element(out, "failure", delta);
    else if (delta->verdict == XSG_DELTA_INVALID)
        put_element(out, "error", delta);
    else if (delta->verdict == XSG_DELTA_UNDECIDED)
        put_element(out, "skipped", delta);
    xsg_buf_puts(out, "</testcase>\n");
}

static const char *invalid_of(const struct xsg_comparison *c, const struct xsg_target_run *head)
{
    for (size_t i = 0; i < c->base->n_targets; i++) {
        if (strcmp(c->base->targets[i].name, head->name) == 0 && c->base->targets[i].invalid)
            return c->base->targets[i].invalid;
    }
    return head->invalid;
}

static void put_suite(struct xsg_buf *out, const struct xsg_comparison *c,
                      const struct xsg_target_run *target)
{
    const char *invalid = invalid_of(c, target);
    size_t tests = invalid ? 1 : 0;

    for (int v = XSG_DELTA_REGRESSED; v <= XSG_DELTA_INVALID; v++)
        tests += xsg_report_count(c, target->name, (enum xsg_delta_verdict)v);
    xsg_buf_puts(out, "  <testsuite name=\"");
    put_text(out, target->name);
    xsg_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
                   tests, xsg_report_count(c, target->name, XSG_DELTA_REGRESSED),
                   xsg_report_count(c, target->name, XSG_DELTA_INVALID) + (invalid ? 1 : 0),
                   xsg_report_count(c, target->name, XSG_DELTA_UNDECIDED));
    if (invalid) {
        xsg_buf_puts(out, "    <testcase classname=\"");
        put_text(out, target->name);
        xsg_buf_puts(out, "\" name=\"measurement\" time=\"0\">\n      <error message=\"");
        put_text(out, invalid);
        xsg_buf_puts(out, "\"/>\n    </testcase>\n");
    }
    for (size_t i = 0; i < c->n_deltas; i++) {
        if (strcmp(c->deltas[i].target, target->name) == 0)
            put_case(out, &c->deltas[i]);
    }
    xsg_buf_puts(out, "  </testsuite>\n");
}

void xsg_report_junit(struct xsg_buf *out, const struct xsg_comparison *comparison,
                      const struct xsg_report_options *options)
{
    (void)options;
    xsg_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"xsgate\">\n");
    for (size_t i = 0; i < comparison->head->n_targets; i++)
        put_suite(out, comparison, &comparison->head->targets[i]);
    xsg_buf_puts(out, "</testsuites>\n");
}
