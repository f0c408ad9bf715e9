/*
 * codequality: GitLab's list of findings, shown on the lines of a merge request.
 * metrics: OpenMetrics text, which a merge request shows beside the target branch's values.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/json.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define MOST_FINDINGS 200
#define MOST_METRICS 500
#define MIN_SHARE 0.01
#define NAME_WIDTH 120
#define TEXT_WIDTH 300

/* ---- codequality ----------------------------------------------------------------------------- */

static bool is_finding(const struct xsg_delta *delta)
{
    return xsg_report_is_failing(delta) || delta->verdict == XSG_DELTA_INVALID;
}

static const char *name_of(const struct xsg_delta *delta)
{
    return delta->function.name ? delta->function.name : delta->target;
}

static void put_description(struct xsg_json_writer *w, const struct xsg_delta *delta)
{
    struct xsg_buf text = XSG_BUF_INIT, line = XSG_BUF_INIT;
    const char *cause = delta->cause;
    char change[XSG_CHANGE_SIZE];

    xsg_report_put_name(&text, name_of(delta), NAME_WIDTH, false);
    if (!isnan(delta->ratio)) {
        xsg_format_change(change, delta->ratio);
        xsg_buf_printf(&text, " %s ", change);
        xsg_report_put_cell(&text, delta->metric, NAME_WIDTH, false);
    }
    if (delta->function.name) {
        xsg_buf_puts(&text, " in target ");
        xsg_report_put_cell(&text, delta->target, NAME_WIDTH, false);
    }
    if (xsg_report_next_line(&cause, &line)) { /* one line is what is shown */
        xsg_buf_puts(&text, ": ");
        xsg_report_put_cell(&text, xsg_buf_str(&line), TEXT_WIDTH, false);
    }
    xsg_json_key(w, "description");
    xsg_json_string(w, xsg_buf_str(&text));
    xsg_buf_release(&line);
    xsg_buf_release(&text);
}

/* The same finding has the same print from push to push: its number is not part of it. */
static void put_fingerprint(struct xsg_json_writer *w, const struct xsg_delta *delta)
{
    const char *const parts[] = {delta->target, delta->metric, delta->function.name,
                                 delta->function.file};
    struct xsg_buf all = XSG_BUF_INIT;
    char print[40];

    for (size_t i = 0; i < 4; i++) {
        const char *part = parts[i] ? parts[i] : "";
        xsg_buf_put(&all, part, strlen(part) + 1);
    }
    unsigned long long first = xsg_hash(all.data, all.len);
    xsg_buf_puts(&all, "xsgate");
    snprintf(print, sizeof print, "%016llx%016llx", first,
             (unsigned long long)xsg_hash(all.data, all.len));
    xsg_json_key(w, "fingerprint");
    xsg_json_string(w, print);
    xsg_buf_release(&all);
}

/* A target as a whole, or a function of elsewhere, stands where the target is described. */
static void put_location(struct xsg_json_writer *w, const struct xsg_function *function)
{
    bool inside =
        function->name && xsg_report_is_inside(function->file) && strlen(function->file) <= 1000;
    struct xsg_buf path = XSG_BUF_INIT;

    xsg_report_put_path(&path, inside ? function->file : "xsgate.yml", 4000, false);
    xsg_json_key(w, "location");
    xsg_json_begin_object(w);
    xsg_json_key(w, "path");
    xsg_json_string(w, xsg_buf_str(&path));
    xsg_json_key(w, "lines");
    xsg_json_begin_object(w);
    xsg_json_key(w, "begin");
    xsg_json_int(w, inside && function->line > 0 ? function->line : 1);
    xsg_json_end_object(w);
    xsg_json_end_object(w);
    xsg_buf_release(&path);
}

void xsg_report_codequality(struct xsg_buf *out, const struct xsg_comparison *comparison,
                            const struct xsg_report_options *options)
{
    struct xsg_json_writer w;
    size_t n = 0;

    (void)options;
    xsg_json_writer_init(&w, out, 2);
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < comparison->n_deltas && n < MOST_FINDINGS; i++) {
        const struct xsg_delta *delta = &comparison->deltas[i];
        if (!is_finding(delta))
            continue;
        n++;
        xsg_json_begin_object(&w);
        put_description(&w, delta);
        xsg_json_key(&w, "check_name");
        xsg_json_string(&w, "xsgate");
        put_fingerprint(&w, delta);
        xsg_json_key(&w, "severity");
        xsg_json_string(&w, delta->verdict == XSG_DELTA_INVALID ? "critical" : "major");
        put_location(&w, &delta->function);
        xsg_json_end_object(&w);
    }
    xsg_json_end_array(&w);
    xsg_buf_putc(out, '\n');
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void put_label(struct xsg_buf *out, const char *name, const char *value)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_report_put_name(&safe, value, NAME_WIDTH, false);
    xsg_buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < safe.len; i++) {
        if (safe.data[i] == '\\' || safe.data[i] == '"')
            xsg_buf_putc(out, '\\');
        xsg_buf_putc(out, safe.data[i]);
    }
    xsg_buf_putc(out, '"');
    xsg_buf_release(&safe);
}

void xsg_report_metrics(struct xsg_buf *out, const struct xsg_comparison *comparison,
                        const struct xsg_report_options *options)
{
    size_t n = 0;

    (void)options;
    xsg_buf_puts(out, "# TYPE xsgate gauge\n"
                      "# HELP xsgate Median per run of the head commit, in the label's unit.\n");
    for (size_t i = 0; i < comparison->n_deltas && n < MOST_METRICS; i++) {
        const struct xsg_delta *delta = &comparison->deltas[i];
        bool small = delta->function.name && delta->share < MIN_SHARE;
        if (small || !isfinite(delta->head.median))
            continue;
        n++;
        xsg_buf_puts(out, "xsgate{");
        put_label(out, "target", delta->target);
        xsg_buf_putc(out, ',');
        if (delta->function.name) {
            put_label(out, "function", delta->function.name);
            xsg_buf_putc(out, ',');
            put_label(out, "file", delta->function.file ? delta->function.file : "");
            xsg_buf_putc(out, ',');
        }
        put_label(out, "metric", delta->metric);
        xsg_buf_putc(out, ',');
        put_label(out, "unit", delta->unit ? delta->unit : "");
        xsg_buf_printf(out, "} %.9g\n", delta->head.median);
    }
    xsg_buf_puts(out, "# EOF\n");
}
