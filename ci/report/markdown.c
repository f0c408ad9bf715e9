/* markdown: the pull-request comment. Answer first, table of what got worse, the rest folded. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define LIMIT ((size_t)65000) /* a comment holds 65536 characters */
#define NAME_WIDTH 120
#define CAUSE_WIDTH 300

/*
 * Forges look for mentions and references in the rendered text, where a character reference is the
 * character again: @name, #1, GH-1, and GitLab's !1 $1 &1 ~label %milestone. An invisible word
 * joiner after the sign keeps them apart from what follows; code is left alone by the forges.
 */
static bool begins_reference(const char *text, size_t i)
{
    char next = text[i + 1];
    bool word = (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z') ||
                (next >= 'a' && next <= 'z') || next == '"' || (unsigned char)next >= 0x80;

    if (text[i] == '-')
        return word && i > 1 && (text[i - 1] | 32) == 'h' && (text[i - 2] | 32) == 'g';
    return word && strchr("@#!$&~%", text[i]) != NULL;
}

/*
 * Foreign text as inline Markdown that does nothing: every ASCII punctuation mark becomes a numeric
 * character reference, which Markdown takes as text, so that no emphasis, link, HTML or table cell
 * (|) can begin. Control and bidi characters show as escapes.
 */
static void put_inert(struct xsg_buf *out, const char *text, size_t width, bool code)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    if (code)
        xsg_report_put_name(&safe, text, width, false);
    else
        xsg_report_put_cell(&safe, text, width, false);
    for (size_t i = 0; i < safe.len; i++) {
        unsigned char c = (unsigned char)safe.data[i];
        bool plain = c >= 0x80 || c == ' ' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z') || c == ',' || c == ';';
        if (plain)
            xsg_buf_putc(out, (char)c);
        else
            xsg_buf_printf(out, "&#%d;", c);
        if (!code && begins_reference(safe.data, i))
            xsg_buf_puts(out, "&#8288;");
    }
    xsg_buf_release(&safe);
}

static void put_text(struct xsg_buf *out, const char *text, size_t width)
{
    put_inert(out, text, width, false);
}

/* A name as code: monospaced, and as inert as other text. */
static void put_name(struct xsg_buf *out, const char *text)
{
    xsg_buf_puts(out, "<code>");
    put_inert(out, text, NAME_WIDTH, true);
    xsg_buf_puts(out, "</code>");
}

static void put_change(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    xsg_format_change(change, delta->ratio);
    xsg_buf_printf(out, "**%s**", change);
    if (isnan(delta->low) || isnan(delta->high))
        return;
    xsg_format_change(low, delta->low);
    xsg_format_change(high, delta->high);
    xsg_buf_printf(out, " (%s to %s)", low, high);
}

static void put_where(struct xsg_buf *out, const struct xsg_function *function)
{
    char line[16] = "";

    if (!function->file)
        return;
    xsg_buf_puts(out, "<br><sub>");
    put_text(out, function->file, NAME_WIDTH);
    if (function->line > 0)
        snprintf(line, sizeof line, ":%d", function->line);
    xsg_buf_printf(out, "%s</sub>", line);
}

static void put_row(struct xsg_buf *out, const struct xsg_delta *delta)
{
    xsg_buf_puts(out, "| ");
    if (delta->function.name)
        put_name(out, delta->function.name);
    else
        xsg_buf_puts(out, "the whole target");
    if (strcmp(delta->metric, "time") != 0) {
        xsg_buf_puts(out, " &#91;");
        put_text(out, delta->metric, NAME_WIDTH);
        xsg_buf_puts(out, "&#93;");
    }
    put_where(out, &delta->function);
    xsg_buf_puts(out, " | ");
    put_change(out, delta);
    if (isnan(delta->share))
        xsg_buf_puts(out, " | | ");
    else
        xsg_buf_printf(out, " | %.1f %% | ", delta->share * 100);
    if (delta->cause)
        put_text(out, delta->cause, CAUSE_WIDTH);
    xsg_buf_puts(out, " | ");
    put_text(out, delta->target, NAME_WIDTH);
    xsg_buf_puts(out, " |\n");
}

/* Unclear functions whose change could not matter to the target are not worth a reader's time. */
static bool is_listed(const struct xsg_delta *delta, enum xsg_delta_verdict verdict)
{
    return delta->verdict == verdict && (verdict != XSG_DELTA_UNDECIDED || delta->counts);
}

/* One verdict's table; rows that would pass the limit are dropped whole, and their number is said.
 */
static void put_section(struct xsg_buf *out, const struct xsg_comparison *c,
                        enum xsg_delta_verdict verdict, const char *title, bool folded,
                        size_t limit)
{
    size_t n = 0, dropped = 0;

    for (size_t i = 0; i < c->n_deltas; i++)
        n += is_listed(&c->deltas[i], verdict);
    if (n == 0)
        return;
    if (out->len + 600 > limit) {
        xsg_buf_printf(out, "\n%zu %s did not fit here.\n", n, title);
        return;
    }
    if (folded)
        xsg_buf_printf(out, "\n<details><summary>%zu %s</summary>\n", n, title);
    xsg_buf_puts(out, "\n| function | change | share | cause | target |\n"
                      "| --- | --- | ---: | --- | --- |\n");
    for (size_t i = 0; i < c->n_deltas; i++) {
        size_t before = out->len;
        if (!is_listed(&c->deltas[i], verdict))
            continue;
        put_row(out, &c->deltas[i]);
        if (dropped > 0 || out->len + 400 > limit) {
            out->len = before;
            out->data[before] = '\0';
            dropped++;
        }
    }
    if (dropped > 0)
        xsg_buf_printf(out, "\n%zu more %s did not fit here.\n", dropped, title);
    if (folded)
        xsg_buf_puts(out, "\n</details>\n");
}

static void put_answer(struct xsg_buf *out, const struct xsg_comparison *c)
{
    static const char *const words[] = {"✅ **xsgate passed**", "❌ **xsgate: slower**",
                                        "❔ **xsgate: undecided**",
                                        "⚠️ **xsgate could not judge**"};

    xsg_buf_puts(out, words[c->verdict]);
    if (c->reason) {
        xsg_buf_puts(out, ": ");
        put_text(out, c->reason, CAUSE_WIDTH);
    }
    xsg_buf_putc(out, '\n');
}

static void put_side(struct xsg_buf *out, const char *word, const struct xsg_run *run)
{
    struct xsg_buf commit = XSG_BUF_INIT;

    xsg_report_put_commit(&commit, &run->commit);
    xsg_buf_printf(out, "- %s ", word);
    put_text(out, xsg_buf_str(&commit), NAME_WIDTH);
    xsg_buf_putc(out, '\n');
    xsg_buf_release(&commit);
}

static void put_method(struct xsg_buf *out, const struct xsg_comparison *c)
{
    const struct xsg_environment *e = &c->head->environment;

    xsg_buf_puts(out, "\n<details><summary>how this was measured</summary>\n\n");
    put_side(out, "base", c->base);
    put_side(out, "head", c->head);
    xsg_buf_printf(
        out, "- %zu %s in %.0f s; threshold %.3g %%, error %.3g %% for all functions together\n",
        c->rounds, c->paired ? "interleaved rounds" : "invocations against a stored base",
        c->elapsed_s, c->gate.threshold * 100, c->gate.alpha * 100);
    if (e->cpu_model) {
        xsg_buf_printf(out, "- %d cores of ", e->cores);
        put_text(out, e->cpu_model, NAME_WIDTH);
        xsg_buf_putc(out, '\n');
    }
    for (size_t i = 0; i < c->n_warnings && i < 20; i++) {
        xsg_buf_puts(out, "- note: ");
        put_text(out, c->warnings[i], CAUSE_WIDTH);
        xsg_buf_putc(out, '\n');
    }
    xsg_buf_puts(out, "\n</details>\n");
}

void xsg_report_markdown(struct xsg_buf *out, const struct xsg_comparison *comparison,
                         const struct xsg_report_options *options)
{
    size_t end = out->len + (options->limit ? options->limit : LIMIT);
    struct xsg_buf method = XSG_BUF_INIT;
    size_t same = xsg_report_count(comparison, NULL, XSG_DELTA_UNCHANGED);
    size_t small = 0;
    size_t limit;

    for (size_t i = 0; i < comparison->n_deltas; i++)
        small +=
            comparison->deltas[i].verdict == XSG_DELTA_UNDECIDED && !comparison->deltas[i].counts;
    put_method(&method, comparison);
    limit = end > method.len + 200 ? end - method.len - 200 : 0; /* it always fits at the end */
    put_answer(out, comparison);
    put_section(out, comparison, XSG_DELTA_REGRESSED, "slower", false, limit);
    put_section(out, comparison, XSG_DELTA_INVALID, "invalid", false, limit);
    put_section(out, comparison, XSG_DELTA_IMPROVED, "faster", true, limit);
    put_section(out, comparison, XSG_DELTA_UNDECIDED, "unclear", true, limit);
    put_section(out, comparison, XSG_DELTA_ADDED, "added", true, limit);
    put_section(out, comparison, XSG_DELTA_REMOVED, "removed", true, limit);
    if (options->all)
        put_section(out, comparison, XSG_DELTA_UNCHANGED, "unchanged", true, limit);
    else if (same + small > 0)
        xsg_buf_printf(out, "\n%zu unchanged, %zu unclear and too small to matter.\n", same, small);
    xsg_buf_put(out, method.data, method.len);
    xsg_buf_release(&method);
}
