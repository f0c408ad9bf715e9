/* html: the call tree of a target as data for the page's flame graph. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/change.h"
#include "base/json.h"
#include "base/map.h"
#include "ci/report/html_parts.h"
#include "ci/report/parts.h"

#define MAX_NODES ((size_t)20000)
#define GONE UINT32_MAX

struct flame {
    struct xsg_arena arena;
    const struct xsg_comparison *comparison;
    const struct xsg_target_run *target;
    uint32_t *node;     /* number on the page per node of the tree, or GONE */
    uint32_t *function; /* the same for functions */
    size_t n_nodes, n_left_out;
};

static int by_weight(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* The total that the lightest node shown has at least; hostile numbers count as 0. */
static double weight(const struct xsg_tree_node *node)
{
    return isfinite(node->total) && node->total > 0 ? node->total : 0;
}

/* The heaviest nodes whose callers are shown too. Equal weights: the first ones. */
static void choose(struct flame *f)
{
    const struct xsg_calltree *tree = &f->target->tree;
    double *weights = XSG_NEW_ARRAY(&f->arena, double, tree->n_nodes);
    double least = -1;

    f->node = XSG_NEW_ARRAY(&f->arena, uint32_t, tree->n_nodes);
    f->function = XSG_NEW_ARRAY(&f->arena, uint32_t, tree->n_functions + 1);
    for (size_t i = 0; i < tree->n_functions; i++)
        f->function[i] = GONE;
    for (size_t i = 0; i < tree->n_nodes; i++)
        weights[i] = weight(&tree->nodes[i]);
    if (tree->n_nodes > MAX_NODES) {
        qsort(weights, tree->n_nodes, sizeof *weights, by_weight);
        least = weights[MAX_NODES - 1];
    }
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct xsg_tree_node *node = &tree->nodes[i];
        bool shown = i == 0 || (node->parent < i && f->node[node->parent] != GONE &&
                                node->function < tree->n_functions && weight(node) >= least &&
                                f->n_nodes < MAX_NODES);
        f->node[i] = shown ? (uint32_t)f->n_nodes : GONE;
        f->n_nodes += shown;
        if (shown && node->function < tree->n_functions)
            f->function[node->function] = 0;
    }
    f->n_left_out = tree->n_nodes - f->n_nodes;
}

/* -- data ---------------------------------------------------------------------------------------*/

static void put_key(struct xsg_buf *key, const struct xsg_function *function)
{
    xsg_buf_clear(key);
    xsg_buf_puts(key, function->name ? function->name : "");
    xsg_buf_putc(key, '\0');
    xsg_buf_puts(key, function->file ? function->file : "");
}

/* The target's deltas of self time by function. */
static void index_deltas(struct flame *f, struct xsg_map *map)
{
    struct xsg_buf key = XSG_BUF_INIT;

    xsg_map_init(map, &f->arena);
    for (size_t i = 0; i < f->comparison->n_deltas; i++) {
        struct xsg_delta *delta = &f->comparison->deltas[i];
        if (strcmp(delta->target, f->target->name) != 0 || strcmp(delta->metric, "time") != 0 ||
            !delta->function.name)
            continue;
        put_key(&key, &delta->function);
        *xsg_map_put(map, key.data, key.len, NULL) = delta;
    }
    xsg_buf_release(&key);
}

static void put_string(struct xsg_json_writer *w, const char *text)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_report_put_cell(&safe, text ? text : "", XSG_HTML_NAME_WIDTH, false);
    xsg_json_string_n(w, xsg_buf_str(&safe), safe.len);
    xsg_buf_release(&safe);
}

static void put_place(struct xsg_json_writer *w, const struct xsg_function *function)
{
    struct xsg_buf text = XSG_BUF_INIT;

    xsg_report_put_cell(&text, function->file ? function->file : function->module,
                        XSG_HTML_NAME_WIDTH, false);
    if (function->file && function->line > 0)
        xsg_buf_printf(&text, ":%d", function->line);
    xsg_json_string_n(w, xsg_buf_str(&text), text.len);
    xsg_buf_release(&text);
}

/* [name, where, module, colour, change] */
static void put_function(struct xsg_json_writer *w, const struct xsg_function *function,
                         const struct xsg_delta *delta)
{
    char change[XSG_CHANGE_SIZE], text[XSG_CHANGE_SIZE + 16] = "";
    const char *colour = "";

    if (delta && delta->verdict == XSG_DELTA_REGRESSED)
        colour = "regressed";
    else if (delta && delta->verdict == XSG_DELTA_IMPROVED)
        colour = "improved";
    if (delta) {
        xsg_format_change(change, delta->ratio);
        snprintf(text, sizeof text, "%s %s", xsg_report_word(delta),
                 isnan(delta->ratio) ? "" : change);
    }
    xsg_json_begin_array(w);
    put_string(w, function->name);
    put_place(w, function);
    put_string(w, function->module);
    xsg_json_string(w, colour);
    xsg_json_string(w, text);
    xsg_json_end_array(w);
}

static void put_functions(struct flame *f, struct xsg_json_writer *w)
{
    const struct xsg_calltree *tree = &f->target->tree;
    struct xsg_buf key = XSG_BUF_INIT;
    struct xsg_map deltas;
    uint32_t n = 0;

    index_deltas(f, &deltas);
    xsg_json_key(w, "functions");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < tree->n_functions; i++) {
        if (f->function[i] == GONE)
            continue;
        f->function[i] = n++;
        put_key(&key, &tree->functions[i]);
        put_function(w, &tree->functions[i], xsg_map_get(&deltas, key.data, key.len));
    }
    if (n == 0)
        put_function(w, &(struct xsg_function){.name = f->target->name}, NULL);
    xsg_json_end_array(w);
    xsg_buf_release(&key);
}

enum column { PARENT, FUNCTION, SELF, TOTAL, CALLS, N_COLUMNS };

static double rounded(double value)
{
    return isfinite(value) && value > 0 ? round(value) : 0;
}

static void put_column(const struct flame *f, struct xsg_json_writer *w, enum column column)
{
    static const char *const names[] = {"parent", "function", "self", "total", "calls"};
    const struct xsg_calltree *tree = &f->target->tree;

    xsg_json_key(w, names[column]);
    xsg_json_begin_array(w);
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct xsg_tree_node *node = &tree->nodes[i];
        if (f->node[i] == GONE)
            continue;
        if (column == PARENT)
            xsg_json_int(w, i == 0 ? 0 : f->node[node->parent]);
        else if (column == FUNCTION)
            xsg_json_int(w, node->function < tree->n_functions ? f->function[node->function] : 0);
        else if (column == SELF)
            xsg_json_double(w, rounded(node->self));
        else if (column == TOTAL)
            xsg_json_double(w, rounded(node->total));
        else
            xsg_json_double(w, isfinite(node->calls) && node->calls > 0 ? node->calls : 0);
    }
    xsg_json_end_array(w);
}

/*
 * JSON inside <script>: the parser of HTML looks for "</script" and "<!--" there, whatever the JSON
 * means. These characters stand only in strings, where an escape says the same.
 */
static void put_script_json(struct xsg_buf *out, const struct xsg_buf *json)
{
    for (size_t i = 0; i < json->len; i++) {
        unsigned char c = (unsigned char)json->data[i];
        bool separator = c == 0xe2 && json->len - i > 2 &&
                         (unsigned char)json->data[i + 1] == 0x80 &&
                         ((unsigned char)json->data[i + 2] & 0xfe) == 0xa8;
        if (separator) {
            xsg_buf_printf(out, "\\u20%02x", 0x28 + ((unsigned char)json->data[i + 2] & 1));
            i += 2;
        } else if (c == '<' || c == '>' || c == '&') {
            xsg_buf_printf(out, "\\u%04x", c);
        } else {
            xsg_buf_putc(out, (char)c);
        }
    }
}

static void put_data(struct flame *f, struct xsg_buf *out, size_t index)
{
    struct xsg_buf json = XSG_BUF_INIT;
    struct xsg_json_writer w;

    xsg_json_writer_init(&w, &json, 0);
    xsg_json_begin_object(&w);
    put_functions(f, &w);
    for (enum column column = PARENT; column < N_COLUMNS; column++)
        put_column(f, &w, column);
    xsg_json_end_object(&w);
    xsg_buf_printf(out, "<script type=\"application/json\" id=\"tree-%zu\">", index);
    put_script_json(out, &json);
    xsg_buf_puts(out, "</script>\n");
    xsg_buf_release(&json);
}

void xsg_html_put_flame(struct xsg_buf *out, const struct xsg_comparison *comparison, size_t index)
{
    struct flame f = {.comparison = comparison, .target = &comparison->head->targets[index]};

    if (f.target->tree.n_nodes == 1) /* counted only: there are no call paths */
        return;
    xsg_buf_puts(out, "<h3>Where the head spends its time</h3>\n");
    if (f.target->tree.n_nodes == 0) {
        xsg_buf_puts(out, "<p class=\"left\">No flame graph: this report was made without the call "
                          "tree of the head's run.</p>\n");
        return;
    }
    choose(&f);
    xsg_buf_printf(out,
                   "<div class=\"flame\" data-tree=\"tree-%zu\"><p>The flame graph needs "
                   "JavaScript.</p></div>\n",
                   index);
    put_data(&f, out, index);
    if (f.n_left_out > 0)
        xsg_buf_printf(out,
                       "<p class=\"left\">%zu of %zu nodes of the call tree, the lightest, are "
                       "left out.</p>\n",
                       f.n_left_out, f.target->tree.n_nodes);
    xsg_arena_release(&f.arena);
}
