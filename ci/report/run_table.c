/* The per-function table of one run (show, record). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define HOTTEST 25

enum { SELF = 11, SHARE = 8, TOTAL = 11, CALLS = 10 };

struct row {
    const struct xsg_function *function;
    double self, total, calls; /* medians over the rounds; NaN: not known */
};

/* What is shown: times, or the counts of a target without any. */
struct columns {
    const char *self, *total, *calls; /* metrics */
    const char *unit;
};

static const struct columns times = {"time", "total", "calls", "ns"};
static const struct columns counts = {"instructions", "instructions_total", "counted_calls",
                                      "count"};

struct rows {
    const struct columns *columns;
    struct row *row;
    size_t n;
    double sum;
};

static const struct columns *choose_columns(const struct xsg_run *run, const char *target)
{
    const struct columns *columns = &times;

    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *series = &run->series[i];
        if (!series->function.name || strcmp(series->target, target) != 0)
            continue;
        if (strcmp(series->metric, times.self) == 0)
            return &times;
        if (strcmp(series->metric, counts.self) == 0)
            columns = &counts;
    }
    return columns;
}

/* A function that was not seen in a round took nothing there, as in a comparison; a target's
 * missing value is left out. */
static double median_of(const struct xsg_series *series)
{
    double *x = malloc((series->n + 1) * sizeof *x);
    double median;
    size_t n = 0;

    for (size_t i = 0; x && i < series->n; i++) {
        if (!isnan(series->values[i]) || series->function.name)
            x[n++] = isnan(series->values[i]) ? 0 : series->values[i];
    }
    median = xsg_median(x, n);
    free(x);
    return median;
}

static struct row *find_row(struct rows *rows, const struct xsg_function *function)
{
    for (size_t i = rows->n; i > 0; i--) { /* the metrics of a function stand together */
        struct row *row = &rows->row[i - 1];
        if (strcmp(row->function->name, function->name) == 0 &&
            strcmp(row->function->file ? row->function->file : "",
                   function->file ? function->file : "") == 0)
            return row;
    }
    rows->row[rows->n] = (struct row){function, NAN, NAN, NAN};
    return &rows->row[rows->n++];
}

static int by_self(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    double p = isnan(x->self) ? -1 : x->self, q = isnan(y->self) ? -1 : y->self;

    return p < q ? 1 : p > q ? -1 : strcmp(x->function->name, y->function->name);
}

static void take_value(struct rows *rows, const struct xsg_series *series)
{
    const struct columns *columns = rows->columns;
    bool self = strcmp(series->metric, columns->self) == 0;
    bool total = strcmp(series->metric, columns->total) == 0;
    double value;
    struct row *row;

    if (!self && !total && strcmp(series->metric, columns->calls) != 0)
        return;
    row = find_row(rows, &series->function);
    value = median_of(series);
    if (self) {
        row->self = value;
        rows->sum += isnan(value) ? 0 : value;
    } else if (total) {
        row->total = value;
    } else {
        row->calls = value;
    }
}

static void collect_rows(struct rows *rows, const struct xsg_run *run, const char *target)
{
    rows->columns = choose_columns(run, target);
    rows->row = calloc(run->n_series + 1, sizeof *rows->row);
    for (size_t i = 0; rows->row && i < run->n_series; i++) {
        if (run->series[i].function.name && strcmp(run->series[i].target, target) == 0)
            take_value(rows, &run->series[i]);
    }
    if (rows->row)
        qsort(rows->row, rows->n, sizeof *rows->row, by_self);
}

static void put_number(struct xsg_buf *out, double value, const char *unit, size_t width)
{
    char text[32] = "";

    if (!isnan(value))
        xsg_format_value(text, sizeof text, value, unit);
    xsg_report_put_cell(out, text, width, true);
}

static void put_row(struct xsg_buf *out, const struct rows *rows, const struct row *row,
                    size_t columns)
{
    const char *unit = rows->columns->unit;
    char share[32] = "", where[512] = "";
    size_t left = columns > 60 ? columns - 2 - SELF - SHARE - TOTAL - CALLS : 20;
    const struct xsg_function *f = row->function;

    if (!isnan(row->self) && rows->sum > 0)
        snprintf(share, sizeof share, "%.1f %%", 100 * row->self / rows->sum);
    if (f->file && f->line > 0)
        snprintf(where, sizeof where, "%s:%d", f->file, f->line);
    else if (f->file || f->module)
        snprintf(where, sizeof where, "%s", f->file ? f->file : f->module);
    xsg_buf_puts(out, "  ");
    put_number(out, row->self, unit, SELF);
    xsg_report_put_cell(out, share, SHARE, true);
    put_number(out, row->total, unit, TOTAL);
    if (isnan(row->calls) || row->calls <= 0)
        xsg_report_put_cell(out, "", CALLS, true);
    else
        put_number(out, row->calls, "count", CALLS);
    xsg_report_put_name(out, f->name, left * 3 / 5 - 1, true);
    xsg_buf_putc(out, ' ');
    xsg_report_put_path(out, where, left - left * 3 / 5, false);
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    xsg_buf_putc(out, '\n');
}

static void put_totals(struct xsg_buf *out, const struct xsg_run *run,
                       const struct xsg_target_run *target)
{
    static const char *const metrics[] = {"wall", "cpu", "peak_rss", "instructions", "syscalls"};
    /* Of two sides that shared a core, the wall time is twice a lone one's: it says nothing. */
    size_t first = target->pairing == XSG_PAIRING_SAME_CORE ? 1 : 0;

    for (size_t m = first; m < sizeof metrics / sizeof metrics[0]; m++) {
        for (size_t i = 0; i < run->n_series; i++) {
            const struct xsg_series *series = &run->series[i];
            char text[32];
            if (series->function.name || strcmp(series->target, target->name) != 0 ||
                strcmp(series->metric, metrics[m]) != 0)
                continue;
            xsg_format_value(text, sizeof text, median_of(series), series->unit);
            xsg_buf_printf(out, "  %s %s", metrics[m], text);
        }
    }
}

static void put_target(struct xsg_buf *out, const struct xsg_run *run,
                       const struct xsg_target_run *target,
                       const struct xsg_report_options *options)
{
    struct rows rows = {0};
    size_t columns = (size_t)(options->columns < 60 ? 60 : options->columns);
    size_t shown;

    collect_rows(&rows, run, target->name);
    shown = options->all || rows.n <= HOTTEST ? rows.n : HOTTEST;
    xsg_buf_puts(out, options->color ? "\033[1m" : "");
    xsg_report_put_cell(out, target->name, columns / 2, false);
    xsg_buf_puts(out, options->color ? "\033[0m" : "");
    put_totals(out, run, target);
    if (target->samples)
        xsg_buf_printf(out, "  %llu samples", (unsigned long long)target->samples);
    xsg_buf_puts(out, "\n  ");
    xsg_report_put_cell(out, "self", SELF, true);
    xsg_report_put_cell(out, "share", SHARE, true);
    xsg_report_put_cell(out, "total", TOTAL, true);
    xsg_report_put_cell(out, "calls", CALLS, true);
    xsg_buf_puts(out, "function\n");
    for (size_t i = 0; i < shown; i++)
        put_row(out, &rows, &rows.row[i], columns);
    if (shown < rows.n)
        xsg_buf_printf(out, "  %zu more functions (--all)\n", rows.n - shown);
    free(rows.row);
}

void xsg_report_run(struct xsg_buf *out, const struct xsg_run *run,
                    const struct xsg_report_options *options)
{
    if (run->commit.oid && run->commit.oid[0]) {
        struct xsg_buf line = XSG_BUF_INIT;
        xsg_report_put_commit(&line, &run->commit);
        xsg_put_printable(out, xsg_buf_str(&line), line.len);
        if (run->shared) {
            xsg_buf_puts(out, "\nmeasured elsewhere, fetched from '");
            xsg_put_printable(out, run->shared, strlen(run->shared));
            xsg_buf_puts(out, "': medians only");
        }
        xsg_buf_puts(out, "\n\n");
        xsg_buf_release(&line);
    }
    for (size_t i = 0; i < run->n_targets; i++) {
        if (i > 0)
            xsg_buf_putc(out, '\n');
        put_target(out, run, &run->targets[i], options);
    }
    for (size_t i = 0; i < run->n_warnings; i++) {
        const char *rest = run->warnings[i];
        struct xsg_buf line = XSG_BUF_INIT;
        xsg_buf_puts(out, "note: ");
        for (size_t k = 0; k < XSG_REPORT_LINES && xsg_report_next_line(&rest, &line); k++) {
            xsg_buf_puts(out, k > 0 ? "\n      | " : "");
            xsg_put_printable(out, xsg_buf_str(&line), line.len);
        }
        xsg_buf_putc(out, '\n');
        xsg_buf_release(&line);
    }
}
