/* html: one self-contained page: the table, the flame graph of the head run, how it was measured.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/change.h"
#include "base/embed.h"
#include "base/json.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define MAX_NODES 20000
#define MAX_ROWS 2000
#define MAX_TEXT 2000 /* bytes of a foreign text that are shown */

extern const struct xsg_embedded xsg_report_assets[]; /* report.css, report.js */

/* -- escaping ------------------------------------------------------------------------------------
 */

/* For text and for attributes in double quotes. Control and bidi characters show as escapes. */
static void put_text(struct xsg_buf *out, const char *text)
{
    struct xsg_buf safe = XSG_BUF_INIT;
    size_t n = strlen(text);

    xsg_put_printable(&safe, text, n > MAX_TEXT ? MAX_TEXT : n);
    if (n > MAX_TEXT)
        xsg_buf_puts(&safe, "…");
    for (size_t i = 0; i < safe.len; i++) {
        switch (safe.data[i]) {
        case '<':
            xsg_buf_puts(out, "&lt;");
            break;
        case '>':
            xsg_buf_puts(out, "&gt;");
            break;
        case '&':
            xsg_buf_puts(out, "&amp;");
            break;
        case '"':
            xsg_buf_puts(out, "&quot;");
            break;
        default:
            xsg_buf_putc(out, safe.data[i]);
        }
    }
    xsg_buf_release(&safe);
}

/* JSON inside of <script>: nothing in it may look like markup, "</script>" and "<!--" above all. */
static void put_script_json(struct xsg_buf *out, const struct xsg_buf *json)
{
    for (size_t i = 0; i < json->len; i++) {
        char c = json->data[i];
        if (c == '<' || c == '>' || c == '&')
            xsg_buf_printf(out, "\\u%04x", (unsigned char)c);
        else
            xsg_buf_putc(out, c);
    }
}

static void put_asset(struct xsg_buf *out, const char *name)
{
    for (const struct xsg_embedded *file = xsg_report_assets; file->name; file++) {
        if (strcmp(file->name, name) == 0)
            xsg_buf_put(out, file->data, file->n);
    }
}

/* -- the table -----------------------------------------------------------------------------------
 */

static void put_number_cell(struct xsg_buf *out, double value, const char *unit)
{
    char text[32] = "";

    if (isnan(value) || isinf(value)) {
        xsg_buf_puts(out, "<td class=\"number\" data-value=\"-1\"></td>");
        return;
    }
    xsg_format_value(text, sizeof text, value, unit);
    xsg_buf_printf(out, "<td class=\"number\" data-value=\"%.17g\">%s</td>", value, text);
}

static double bar_position(double ratio, double span)
{
    double x = isnan(ratio) ? 0 : log(ratio) / span;

    return 65 + 60 * fmax(-1, fmin(1, x));
}

/* The interval on a logarithmic scale, no change in the middle, the threshold dashed. */
static void put_bar(struct xsg_buf *out, const struct xsg_delta *d)
{
    double limit = log1p(d->threshold);
    double far = fmax(fabs(log(d->low)), fabs(log(d->high)));
    double span = fmax(3 * limit, fmin(far * 1.1, log(4)));
    double low = bar_position(d->low, span), high = bar_position(d->high, span);

    xsg_buf_printf(out,
                   "<svg class=\"bar\" viewBox=\"0 0 130 14\" aria-hidden=\"true\">"
                   "<line class=\"zero\" x1=\"65\" x2=\"65\" y1=\"0\" y2=\"14\"/>"
                   "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"14\"/>"
                   "<rect class=\"range\" x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"6\"/>"
                   "<rect class=\"mark\" x=\"%.1f\" y=\"2\" width=\"2\" height=\"10\"/></svg>",
                   bar_position(1 + d->threshold, span), bar_position(1 + d->threshold, span), low,
                   fmax(1, high - low), bar_position(d->ratio, span) - 1);
}

static void put_change_cell(struct xsg_buf *out, const struct xsg_delta *d)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];
    bool measured = d->ratio > 0 && d->low > 0 && d->high > 0 && !isinf(d->ratio);

    xsg_format_change(change, d->ratio);
    xsg_buf_printf(out, "<td class=\"number\" data-value=\"%.17g\">%s",
                   isnan(d->ratio) ? 0 : fmin(d->ratio, 1e300), change);
    if (measured) {
        xsg_format_change(low, d->low);
        xsg_format_change(high, d->high);
        xsg_buf_printf(out, "<br><span class=\"dim\">%s to %s</span>", low, high);
        put_bar(out, d);
    }
    xsg_buf_puts(out, "</td>");
}

static void put_row(struct xsg_buf *out, const struct xsg_delta *d)
{
    const char *word = xsg_report_word(d);
    bool quiet =
        d->verdict == XSG_DELTA_UNCHANGED || (d->verdict == XSG_DELTA_UNDECIDED && !d->counts);

    xsg_buf_printf(out, "<tr data-quiet=\"%d\"><td class=\"%s\">%s</td>", quiet, word, word);
    put_change_cell(out, d);
    if (isnan(d->share))
        xsg_buf_puts(out, "<td class=\"number\" data-value=\"-1\"></td>");
    else
        xsg_buf_printf(out, "<td class=\"number\" data-value=\"%.17g\">%.1f %%</td>", d->share,
                       d->share * 100);
    xsg_buf_puts(out, "<td class=\"name\">");
    if (d->function.name) {
        xsg_buf_puts(out, "<code>");
        put_text(out, d->function.name);
        xsg_buf_puts(out, "</code>");
    } else {
        xsg_buf_puts(out, "whole target");
    }
    if (d->function.file) {
        xsg_buf_puts(out, "<br><span class=\"dim\">");
        put_text(out, d->function.file);
        if (d->function.line > 0)
            xsg_buf_printf(out, ":%d", d->function.line);
        xsg_buf_puts(out, "</span>");
    }
    xsg_buf_puts(out, "</td>");
    put_number_cell(out, d->base.median, d->unit);
    put_number_cell(out, d->head.median, d->unit);
    put_number_cell(out, d->head.calls, "count");
    xsg_buf_puts(out, "<td class=\"cause\">");
    put_text(out, d->cause ? d->cause : "");
    xsg_buf_puts(out, "</td></tr>\n");
}

static void put_table(struct xsg_buf *out, const struct xsg_comparison *c, const char *target)
{
    static const char *const columns[] = {"verdict", "change", "share", "function",
                                          "base",    "head",   "calls", "cause"};
    size_t rows = 0, left_out = 0;

    xsg_buf_puts(out, "<div class=\"tools\"><input type=\"search\" class=\"filter\" "
                      "placeholder=\"filter functions\" aria-label=\"filter functions\">"
                      "<label><input type=\"checkbox\" class=\"all\"> also unchanged ones</label>"
                      "</div>\n<div class=\"scroll\"><table><thead><tr>");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        xsg_buf_printf(out, "<th scope=\"col\"><button type=\"button\">%s</button></th>",
                       columns[i]);
    xsg_buf_puts(out, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < c->n_deltas; i++) {
        if (strcmp(c->deltas[i].target, target) != 0)
            continue;
        if (rows++ < MAX_ROWS)
            put_row(out, &c->deltas[i]);
        else
            left_out++;
    }
    xsg_buf_puts(out, "</tbody></table></div>\n");
    if (left_out > 0)
        xsg_buf_printf(out, "<p class=\"dim\">%zu further rows were left out.</p>\n", left_out);
}

/* -- the flame graph -----------------------------------------------------------------------------
 */

static const struct xsg_delta *delta_of(const struct xsg_comparison *c, const char *target,
                                        const struct xsg_function *f)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->function.name && strcmp(d->metric, "time") == 0 && strcmp(d->target, target) == 0 &&
            strcmp(d->function.name, f->name) == 0 &&
            strcmp(d->function.file ? d->function.file : "", f->file ? f->file : "") == 0)
            return d;
    }
    return NULL;
}

static void put_short(struct xsg_json_writer *w, const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (text)
        xsg_json_string_n(w, text, n > MAX_TEXT ? MAX_TEXT : n);
    else
        xsg_json_null(w);
}

static void put_functions(struct xsg_json_writer *w, const struct xsg_comparison *c,
                          const struct xsg_target_run *target)
{
    const struct xsg_calltree *tree = &target->tree;

    xsg_json_key(w, "functions");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < tree->n_functions; i++) {
        const struct xsg_function *f = &tree->functions[i];
        const struct xsg_delta *d = f->name ? delta_of(c, target->name, f) : NULL;
        char change[XSG_CHANGE_SIZE] = "";
        bool told = d && (d->verdict == XSG_DELTA_REGRESSED || d->verdict == XSG_DELTA_IMPROVED);
        if (told)
            xsg_format_change(change, d->ratio);
        xsg_json_begin_array(w);
        put_short(w, f->name ? f->name : "");
        put_short(w, f->file);
        xsg_json_int(w, f->line);
        xsg_json_string(w, !told ? "" : d->verdict == XSG_DELTA_REGRESSED ? "slower" : "faster");
        xsg_json_string(w, change);
        xsg_json_end_array(w);
    }
    xsg_json_end_array(w);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* The total that a node must reach so that at most MAX_NODES are drawn; 0 when all fit. */
static double smallest_drawn(const struct xsg_calltree *tree)
{
    double *totals, limit;

    if (tree->n_nodes <= MAX_NODES)
        return 0;
    totals = malloc(tree->n_nodes * sizeof *totals);
    if (!totals)
        return INFINITY;
    for (size_t i = 0; i < tree->n_nodes; i++)
        totals[i] = tree->nodes[i].total;
    qsort(totals, tree->n_nodes, sizeof *totals, by_size);
    limit = totals[MAX_NODES];
    free(totals);
    return nextafter(limit, INFINITY);
}

/* A node is never larger than its parent, so that parents of drawn nodes are drawn. */
static size_t put_nodes(struct xsg_json_writer *w, const struct xsg_calltree *tree)
{
    double smallest = smallest_drawn(tree);
    uint32_t *drawn = calloc(tree->n_nodes, sizeof *drawn);
    uint32_t n = 0;

    xsg_json_key(w, "nodes");
    xsg_json_begin_array(w);
    for (size_t i = 0; drawn && i < tree->n_nodes; i++) {
        const struct xsg_tree_node *node = &tree->nodes[i];
        bool known = i == 0 || node->parent == 0 || drawn[node->parent] > 0;
        if (i > 0 && (node->total < smallest || !known))
            continue;
        xsg_json_begin_array(w);
        xsg_json_int(w, drawn[node->parent]);
        xsg_json_int(w, node->function);
        xsg_json_double(w, round(node->self));
        xsg_json_double(w, round(node->total));
        xsg_json_double(w, node->calls);
        xsg_json_end_array(w);
        drawn[i] = n++;
    }
    free(drawn);
    xsg_json_end_array(w);
    return tree->n_nodes - n;
}

static void put_flame(struct xsg_buf *out, const struct xsg_comparison *c,
                      const struct xsg_target_run *target)
{
    struct xsg_buf json = XSG_BUF_INIT;
    struct xsg_json_writer w;
    size_t left_out;

    if (target->tree.n_nodes < 2) {
        xsg_buf_puts(out, "<p class=\"dim\">No call tree is at hand for a flame graph.</p>\n");
        return;
    }
    xsg_json_writer_init(&w, &json, 0);
    xsg_json_begin_object(&w);
    put_functions(&w, c, target);
    left_out = put_nodes(&w, &target->tree);
    xsg_json_end_object(&w);
    xsg_buf_puts(out, "<h3>Where head's time goes</h3><div class=\"tools\"><input type=\"search\" "
                      "class=\"find\" placeholder=\"find in the flame graph\" aria-label=\"find in "
                      "the flame graph\"><span class=\"dim\">click to zoom; red is slower than "
                      "base, green faster</span></div>\n<div class=\"flame\"><noscript>The flame "
                      "graph needs JavaScript.</noscript></div><p class=\"details dim\"></p>\n"
                      "<script type=\"application/json\">");
    put_script_json(out, &json);
    xsg_buf_puts(out, "</script>\n");
    if (left_out > 0)
        xsg_buf_printf(out, "<p class=\"dim\">%zu small nodes were left out.</p>\n", left_out);
    xsg_buf_release(&json);
}

/* -- the page ------------------------------------------------------------------------------------
 */

static void put_headline(struct xsg_buf *out, const struct xsg_comparison *c)
{
    static const char *const words[] = {"passed", "regressed", "undecided", "could not judge"};
    const struct xsg_run *runs[] = {c->base, c->head};

    xsg_buf_printf(out, "<h1><span class=\"verdict %s\">%s</span>", xsg_verdict_name(c->verdict),
                   words[c->verdict]);
    put_text(out, c->reason ? c->reason : "");
    xsg_buf_puts(out, "</h1>\n<div class=\"sides\">");
    for (size_t i = 0; i < 2; i++) {
        struct xsg_buf commit = XSG_BUF_INIT;
        xsg_report_put_commit(&commit, &runs[i]->commit);
        xsg_buf_printf(out, "<span class=\"dim\">%s</span><span>", i == 0 ? "base" : "head");
        put_text(out, xsg_buf_str(&commit));
        if (runs[i]->commit.subject) {
            xsg_buf_puts(out, " <span class=\"dim\">");
            put_text(out, runs[i]->commit.subject);
            xsg_buf_puts(out, "</span>");
        }
        xsg_buf_puts(out, "</span>");
        xsg_buf_release(&commit);
    }
    xsg_buf_printf(
        out,
        "</div>\n<p class=\"dim\">%zu %s in %.1f s; threshold %.3g %%, error %.3g %% for "
        "all functions together</p>\n",
        c->rounds, c->paired ? "interleaved rounds" : "invocations, base from the store",
        c->elapsed_s, c->gate.threshold * 100, c->gate.alpha * 100);
}

static void put_fact(struct xsg_buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    xsg_buf_printf(out, "<span class=\"dim\">%s</span><span>", name);
    put_text(out, value);
    xsg_buf_puts(out, "</span>");
}

static void put_method(struct xsg_buf *out, const struct xsg_comparison *c)
{
    const struct xsg_environment *e = &c->head->environment;
    char cores[16];

    snprintf(cores, sizeof cores, "%d", e->cores);
    xsg_buf_puts(out, "<details><summary>Machine and method</summary><div class=\"sides\">");
    put_fact(out, "processor", e->cpu_model);
    put_fact(out, "cores", cores);
    put_fact(out, "virtualisation", e->virtualization);
    put_fact(out, "kernel", e->kernel);
    put_fact(out, "system", e->os);
    put_fact(out, "C library", e->libc);
    put_fact(out, "compiler", e->compiler);
    put_fact(out, "xsgate", e->xsgate);
    xsg_buf_puts(out, "</div><p>Base and head ran in turns, in random order; only differences "
                      "within a round count. A function's time is its own, without its callees'. "
                      "It is slower when the interval excludes no change and the estimate reaches "
                      "the threshold.</p></details>\n");
}

void xsg_report_html(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options)
{
    (void)options;
    xsg_buf_printf(out,
                   "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
                   "<title>xsgate: %s</title>\n<style>\n",
                   xsg_verdict_name(comparison->verdict));
    put_asset(out, "report.css");
    xsg_buf_puts(out, "</style></head><body>\n");
    put_headline(out, comparison);
    for (size_t i = 0; i < comparison->n_warnings; i++) {
        xsg_buf_puts(out, "<p>Note: ");
        put_text(out, comparison->warnings[i]);
        xsg_buf_puts(out, "</p>\n");
    }
    for (size_t i = 0; i < comparison->head->n_targets; i++) {
        const struct xsg_target_run *target = &comparison->head->targets[i];
        xsg_buf_puts(out, "<section class=\"target\"><h2>");
        put_text(out, target->name);
        if (target->profile) {
            xsg_buf_puts(out, " <span class=\"dim\">");
            put_text(out, target->profile);
            xsg_buf_puts(out, "</span>");
        }
        xsg_buf_puts(out, "</h2>\n");
        put_table(out, comparison, target->name);
        put_flame(out, comparison, target);
        xsg_buf_puts(out, "</section>\n");
    }
    put_method(out, comparison);
    xsg_buf_puts(out, "<script>\n");
    put_asset(out, "report.js");
    xsg_buf_puts(out, "</script>\n</body></html>\n");
}
