/* markdown: the tables. Three columns at most, so that a phone shows them without scrolling. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/markdown.h"

struct tables {
    struct xsg_buf *out;
    const struct xsg_comparison *comparison;
    const struct xsg_report_options *options;
    size_t limit;
    bool several; /* targets: each row names its own */
};

/* -- cells ---------------------------------------------------------------------------------------
 */

/* "+21 %" that does not break between number and sign. */
static void put_change(struct xsg_buf *out, double ratio)
{
    char change[XSG_CHANGE_SIZE];

    xsg_format_change(change, ratio);
    for (const char *p = change; *p; p++)
        xsg_buf_puts(out, *p == ' ' ? "\u00a0" : (char[]){*p, '\0'});
}

static void put_what(const struct tables *t, const struct xsg_delta *delta)
{
    struct xsg_buf *out = t->out;

    if (delta->function.name) {
        xsg_markdown_put_code(out, delta->function.name);
    } else {
        /* Asterisks would depend on what stands beside them. */
        xsg_buf_puts(out, "<b>");
        xsg_markdown_put_text(out, delta->target, XSG_MARKDOWN_NAME);
        xsg_buf_puts(out, "</b> as a whole");
    }
    if (strcmp(delta->metric, "time") != 0) {
        xsg_buf_puts(out, ", ");
        xsg_markdown_put_text(out, delta->metric, XSG_MARKDOWN_NAME);
    }
    if (delta->function.name && t->several) {
        xsg_buf_puts(out, " in ");
        xsg_markdown_put_text(out, delta->target, XSG_MARKDOWN_NAME);
    }
    if (delta->matched) {
        xsg_buf_puts(out, "<br>was ");
        xsg_markdown_put_code(out, delta->matched);
    }
}

static void put_below(struct xsg_buf *out, const char *text)
{
    if (!text || !text[0])
        return;
    xsg_buf_puts(out, "<br>");
    xsg_markdown_put_lines(out, text, XSG_MARKDOWN_TEXT);
}

static void put_where(const struct tables *t, const struct xsg_delta *delta)
{
    /* What was removed does not stand in the head commit. */
    const char *source_url = delta->verdict == XSG_DELTA_REMOVED ? NULL : t->options->source_url;

    if (!delta->function.file)
        return;
    xsg_buf_puts(t->out, "<br><sub>");
    xsg_markdown_put_source(t->out, &delta->function, source_url);
    xsg_buf_puts(t->out, "</sub>");
}

static void put_interval(struct xsg_buf *out, const struct xsg_delta *delta)
{
    xsg_buf_puts(out, "**");
    put_change(out, delta->ratio);
    xsg_buf_puts(out, "**");
    if (isnan(delta->low) || isnan(delta->high))
        return;
    xsg_buf_puts(out, "<br>");
    put_change(out, delta->low);
    if (isinf(delta->high)) {
        xsg_buf_puts(out, " or\u00a0more");
    } else {
        xsg_buf_puts(out, " to\u00a0");
        put_change(out, delta->high);
    }
}

/* What the target feels of it: share x change. */
static void put_impact(struct xsg_buf *out, const struct xsg_delta *delta)
{
    if (isnan(delta->share) || isnan(delta->ratio))
        return;
    put_change(out, 1 + delta->share * (delta->ratio - 1));
    if (delta->function.name)
        xsg_buf_printf(out, "<br>share %.3g\u00a0%%", delta->share * 100);
}

/* A report may come from anywhere: a number that is none is unknown. */
static bool is_known(double value)
{
    return value > 0 && value < 1e6;
}

/* Undecided: what it would take. */
static void put_remedy(struct xsg_buf *out, const struct xsg_delta *delta)
{
    bool known = is_known(delta->settle_rounds) || is_known(delta->detectable);

    if ((!known || delta->layout == XSG_LAYOUT_GONE) && delta->cause) {
        xsg_markdown_put_lines(out, delta->cause, XSG_MARKDOWN_TEXT);
        return;
    }
    if (is_known(delta->settle_rounds)) {
        xsg_buf_printf(out, "%.0f rounds", ceil(delta->settle_rounds));
        if (is_known(delta->settle_s)) {
            xsg_buf_puts(out, ", about ");
            xsg_markdown_put_duration(out, delta->settle_s);
        }
    } else {
        xsg_buf_puts(out, "more rounds will hardly settle it");
    }
    if (is_known(delta->detectable)) {
        char size[XSG_CHANGE_SIZE];
        xsg_format_size(size, 1 + delta->detectable);
        xsg_buf_printf(out, "<br>these rounds see %s and more", size);
    }
}

/* -- rows ----------------------------------------------------------------------------------------
 */

static void put_changed_row(const struct tables *t, const struct xsg_delta *delta)
{
    xsg_buf_puts(t->out, "| ");
    put_what(t, delta);
    put_below(t->out, delta->cause);
    if (delta->moved && !(delta->cause && strstr(delta->cause, delta->moved)))
        put_below(t->out, delta->moved);
    put_where(t, delta);
    xsg_buf_puts(t->out, " | ");
    put_interval(t->out, delta);
    xsg_buf_puts(t->out, " | ");
    put_impact(t->out, delta);
    xsg_buf_puts(t->out, " |\n");
}

static void put_undecided_row(const struct tables *t, const struct xsg_delta *delta)
{
    xsg_buf_puts(t->out, "| ");
    put_what(t, delta);
    put_where(t, delta);
    xsg_buf_puts(t->out, " | ");
    put_interval(t->out, delta);
    xsg_buf_puts(t->out, " | ");
    put_remedy(t->out, delta);
    xsg_buf_puts(t->out, " |\n");
}

static void put_spared_row(const struct tables *t, const struct xsg_delta *delta)
{
    xsg_buf_puts(t->out, "| ");
    put_what(t, delta);
    put_below(t->out, delta->cause);
    put_where(t, delta);
    xsg_buf_puts(t->out, " | ");
    put_interval(t->out, delta);
    xsg_buf_puts(t->out, " | ");
    if (delta->waiver) {
        xsg_buf_puts(t->out, "waived: ");
        xsg_markdown_put_text(t->out, delta->waiver, XSG_MARKDOWN_TEXT);
    } else if (delta->through) {
        xsg_buf_puts(t->out, "through ");
        xsg_markdown_put_code(t->out, delta->through);
    } else {
        xsg_markdown_put_text(t->out, delta->rule ? delta->rule : "", XSG_MARKDOWN_TEXT);
    }
    xsg_buf_puts(t->out, " |\n");
}

static void put_invalid_row(const struct tables *t, const struct xsg_delta *delta)
{
    xsg_buf_puts(t->out, "| ");
    put_what(t, delta);
    put_where(t, delta);
    xsg_buf_puts(t->out, " | ");
    xsg_markdown_put_lines(t->out, delta->cause ? delta->cause : "", XSG_MARKDOWN_TEXT);
    xsg_buf_puts(t->out, " |\n");
}

/* Added or removed: one side's value. */
static void put_single_row(const struct tables *t, const struct xsg_delta *delta)
{
    const struct xsg_summary *side =
        delta->verdict == XSG_DELTA_ADDED ? &delta->head : &delta->base;
    char value[32];

    xsg_buf_puts(t->out, "| ");
    put_what(t, delta);
    put_where(t, delta);
    xsg_format_value(value, sizeof value, side->median, delta->unit ? delta->unit : "");
    xsg_buf_puts(t->out, " | ");
    xsg_markdown_put_text(t->out, value, sizeof value);
    if (isnan(delta->share))
        xsg_buf_puts(t->out, " | |\n");
    else
        xsg_buf_printf(t->out, " | %.3g\u00a0%% |\n", delta->share * 100);
}

/* -- sections ------------------------------------------------------------------------------------
 */

static bool is_invalid(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_INVALID;
}
static bool is_faster(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_IMPROVED;
}
/* What could not matter to the target is not worth a reader's time: it is counted only. */
static bool is_undecided(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_UNDECIDED && d->counts;
}
static bool is_added(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_ADDED;
}
static bool is_removed(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_REMOVED;
}
static bool is_unchanged(const struct xsg_delta *d)
{
    return d->verdict == XSG_DELTA_UNCHANGED;
}

struct section {
    bool (*is)(const struct xsg_delta *delta);
    const char *words; /* after a number */
    const char *heads; /* of the table's columns */
    void (*put)(const struct tables *t, const struct xsg_delta *delta);
    bool folded;
};

static const char of_changes[] = "| function | change | impact |\n| --- | --- | --- |\n";
static const struct section sections[] = {
    {xsg_report_is_failing, "slower", of_changes, put_changed_row, false},
    {is_invalid, "invalid", "| what | why |\n| --- | --- |\n", put_invalid_row, false},
    {is_faster, "faster", of_changes, put_changed_row, true},
    {is_undecided, "undecided", "| function | change | would settle it |\n| --- | --- | --- |\n",
     put_undecided_row, true},
    {xsg_report_is_spared, "slower but not counted",
     "| function | change | why not |\n| --- | --- | --- |\n", put_spared_row, true},
    {is_added, "added", "| function | value | share |\n| --- | --- | --- |\n", put_single_row,
     true},
    {is_removed, "removed", "| function | value | share |\n| --- | --- | --- |\n", put_single_row,
     true},
    {is_unchanged, "unchanged", of_changes, put_changed_row, true},
};
#define N_SECTIONS (sizeof sections / sizeof sections[0])
_Static_assert(N_SECTIONS * 240 <= XSG_MARKDOWN_TAILS, "tails of the sections");

/* Rows from the worst on while they fit; returns how many did not. */
static size_t put_rows(const struct tables *t, const struct section *s)
{
    size_t dropped = 0;

    for (size_t i = 0; i < t->comparison->n_deltas; i++) {
        size_t before = t->out->len;
        if (!s->is(&t->comparison->deltas[i]))
            continue;
        if (dropped == 0)
            s->put(t, &t->comparison->deltas[i]);
        if (dropped > 0 || t->out->len > t->limit) {
            t->out->len = before;
            t->out->data[before] = '\0';
            dropped++;
        }
    }
    return dropped;
}

/* At most 240 bytes besides what is kept below the limit. */
static void put_section(const struct tables *t, const struct section *s)
{
    struct xsg_buf *out = t->out;
    size_t n = 0, dropped;

    for (size_t i = 0; i < t->comparison->n_deltas; i++)
        n += s->is(&t->comparison->deltas[i]);
    if (n == 0)
        return;
    if (out->len + 240 > t->limit) {
        xsg_buf_printf(out, "\n%zu %s did not fit here.\n", n, s->words);
        return;
    }
    if (s->folded)
        xsg_buf_printf(out, "\n<details><summary>%zu %s</summary>\n", n, s->words);
    xsg_buf_printf(out, "\n%s", s->heads);
    dropped = put_rows(t, s);
    if (dropped > 0)
        xsg_buf_printf(out, "\n%zu more %s did not fit here.\n", dropped, s->words);
    if (s->folded)
        xsg_buf_puts(out, "\n</details>\n");
}

void xsg_markdown_put_tables(struct xsg_buf *out, const struct xsg_comparison *comparison,
                             const struct xsg_report_options *options, size_t limit)
{
    struct tables t = {.out = out, .comparison = comparison, .options = options, .limit = limit};

    t.several = xsg_report_target(comparison, 1) != NULL;
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (sections[i].is != is_unchanged || options->all)
            put_section(&t, &sections[i]);
    }
}
