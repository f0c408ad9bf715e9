/*
 * markdown: the comment on a pull request, and the summary of a CI step. The answer first, what got
 * slower in one table, the rest folded. Never longer than the limit: whole rows are left out, the
 * least first, and their number is said.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "ci/report/markdown.h"

#define LIMIT ((size_t)65000)       /* a comment holds 65536 characters */
#define LEAST_LIMIT ((size_t)16384) /* answer and method fit in any case */
#define METHOD_LIMIT ((size_t)8000)
#define MOST_TARGETS 8

static void put_answer(struct xsg_buf *out, const struct xsg_comparison *c,
                       const struct xsg_report_options *options)
{
    static const char *const words[] = {"✅ **xsgate: passed**", "❌ **xsgate: regressed**",
                                        "❔ **xsgate: undecided**",
                                        "⚠️ **xsgate: could not judge**"};
    const char *reason = c->reason;
    struct xsg_buf line = XSG_BUF_INIT;

    xsg_buf_puts(out, words[c->verdict]);
    if (options->id) {
        xsg_buf_puts(out, " (");
        xsg_markdown_put_text(out, options->id, XSG_MARKDOWN_NAME);
        xsg_buf_putc(out, ')');
    }
    if (xsg_report_next_line(&reason, &line)) {
        xsg_buf_puts(out, " – ");
        xsg_markdown_put_text(out, xsg_buf_str(&line), XSG_MARKDOWN_TEXT);
    }
    xsg_buf_release(&line);
    xsg_buf_putc(out, '\n');
}

/* Which commits, and where more stands. */
static void put_context(struct xsg_buf *out, const struct xsg_comparison *c,
                        const struct xsg_report_options *options)
{
    const struct xsg_commit *head = &c->head->commit;
    const char *dot = " · ";

    xsg_buf_putc(out, '\n');
    xsg_markdown_put_commit(out, options->head_sha ? options->head_sha : head->oid,
                            options->commit_url);
    xsg_buf_puts(out, head->dirty ? " with local changes, against " : " against ");
    xsg_markdown_put_commit(out, c->base->commit.oid, options->commit_url);
    if (options->artifact_url) {
        xsg_buf_puts(out, dot);
        if (!xsg_markdown_put_link(out, "full report", options->artifact_url))
            out->len -= strlen(dot);
    }
    if (options->run_url) {
        xsg_buf_puts(out, dot);
        if (!xsg_markdown_put_link(out, "CI run", options->run_url))
            out->len -= strlen(dot);
    }
    out->data[out->len] = '\0';
    xsg_buf_putc(out, '\n');
}

/* -- how it was measured -------------------------------------------------------------------------
 */

static void put_side(struct xsg_buf *out, const char *word, const struct xsg_commit *commit,
                     const struct xsg_report_options *options)
{
    xsg_buf_printf(out, "- %s ", word);
    xsg_markdown_put_commit(out, commit->oid, options->commit_url);
    if (commit->describe && commit->describe[0]) {
        xsg_buf_puts(out, " (");
        xsg_markdown_put_text(out, commit->describe, XSG_MARKDOWN_NAME);
        xsg_buf_putc(out, ')');
    }
    if (commit->dirty)
        xsg_buf_puts(out, " with local changes");
    xsg_buf_putc(out, '\n');
}

static void put_pairing(struct xsg_buf *out, const struct xsg_target_run *target)
{
    const char *pairing = xsg_report_pairing(target);

    if (!pairing)
        return;
    xsg_buf_puts(out, "- target ");
    xsg_markdown_put_text(out, target->name, XSG_MARKDOWN_NAME);
    xsg_buf_printf(out, " – %s", pairing);
    if (target->pairing_reason) {
        xsg_buf_puts(out, " (");
        xsg_markdown_put_text(out, target->pairing_reason, XSG_MARKDOWN_NAME);
        xsg_buf_putc(out, ')');
    }
    xsg_buf_putc(out, '\n');
}

static void put_rounds(struct xsg_buf *out, const struct xsg_comparison *c)
{
    const struct xsg_target_run *target;

    if (c->rounds == 0) /* it did not come to measuring */
        return;
    xsg_buf_printf(out, "- %zu %s in ", c->rounds,
                   c->paired ? "interleaved rounds" : "invocations against a stored base");
    xsg_markdown_put_duration(out, c->elapsed_s);
    xsg_buf_putc(out, '\n');
    for (size_t i = 0; i < MOST_TARGETS && (target = xsg_report_target(c, i)); i++)
        put_pairing(out, target);
    xsg_buf_printf(out,
                   "- intervals at %.4g %%; threshold %.3g %%; error %.3g %% over all functions of "
                   "a target\n",
                   c->level * 100, c->gate.threshold * 100, c->gate.alpha * 100);
}

static void put_part(struct xsg_buf *out, const char *separator, const char *text)
{
    if (!text || !text[0])
        return;
    xsg_buf_puts(out, separator);
    xsg_markdown_put_text(out, text, XSG_MARKDOWN_NAME);
}

static void put_environment(struct xsg_buf *out, const struct xsg_environment *e)
{
    if (!e->cpu_model)
        return;
    xsg_buf_printf(out, "- %d core%s of ", e->cores, e->cores == 1 ? "" : "s");
    xsg_markdown_put_text(out, e->cpu_model, XSG_MARKDOWN_NAME);
    put_part(out, ", ", e->virtualization);
    put_part(out, ", ", e->gpu);
    put_part(out, ", ", e->os);
    put_part(out, ", ", e->compiler);
    put_part(out, ", xsgate ", e->xsgate);
    xsg_buf_putc(out, '\n');
}

/* Notes while they fit, and how many did not. */
static void put_notes(struct xsg_buf *out, const struct xsg_comparison *c)
{
    for (size_t i = 0; i < c->n_warnings; i++) {
        size_t before = out->len;
        xsg_buf_puts(out, "- note: ");
        xsg_markdown_put_lines(out, c->warnings[i], XSG_MARKDOWN_TEXT);
        xsg_buf_putc(out, '\n');
        if (out->len <= METHOD_LIMIT)
            continue;
        out->len = before;
        xsg_buf_printf(out, "- %zu more notes did not fit here\n", c->n_warnings - i);
        return;
    }
}

static void put_method(struct xsg_buf *out, const struct xsg_comparison *c,
                       const struct xsg_report_options *options)
{
    xsg_buf_puts(out, "\n<details><summary>how this was measured");
    if (c->n_warnings > 0)
        xsg_buf_printf(out, ", %zu note%s", c->n_warnings, c->n_warnings == 1 ? "" : "s");
    xsg_buf_puts(out, "</summary>\n\n");
    put_side(out, "base", &c->base->commit, options);
    if (options->head_sha && c->head->commit.oid &&
        strcmp(options->head_sha, c->head->commit.oid) != 0) {
        xsg_buf_puts(out, "- head ");
        xsg_markdown_put_commit(out, options->head_sha, options->commit_url);
        xsg_buf_puts(out, ", of which this merge was measured:\n");
        put_side(out, "merge", &c->head->commit, options);
    } else {
        put_side(out, "head", &c->head->commit, options);
    }
    put_rounds(out, c);
    put_environment(out, &c->head->environment);
    put_notes(out, c);
    xsg_buf_puts(out, "\n</details>\n");
}

/* "+0.1 % (-0.7 % to +0.9 %)", or why there is no number. */
static void put_whole(struct xsg_buf *out, const struct xsg_delta *delta)
{
    char change[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    if (isnan(delta->ratio)) {
        put_part(out, "", delta->cause ? delta->cause : "not measured");
        return;
    }
    xsg_format_change(change, delta->ratio);
    xsg_format_change(low, delta->low);
    xsg_format_change(high, delta->high);
    xsg_buf_puts(out, change);
    if (isinf(delta->high))
        xsg_buf_printf(out, " (%s or more)", low);
    else if (!isnan(delta->low) && !isnan(delta->high))
        xsg_buf_printf(out, " (%s to %s)", low, high);
}

/* What a target did as a whole is told, also where no table has a row for it. */
static size_t put_wholes(struct xsg_buf *out, const struct xsg_comparison *c)
{
    const struct xsg_target_run *target;
    size_t same = 0, n = 0;

    for (size_t i = 0; n < MOST_TARGETS && (target = xsg_report_target(c, i)); i++) {
        const struct xsg_delta *d = xsg_report_whole(c, target->name);
        bool unchanged = d && d->verdict == XSG_DELTA_UNCHANGED;
        if (!unchanged && !(d && d->verdict == XSG_DELTA_UNDECIDED && !d->counts))
            continue;
        xsg_buf_puts(out, n++ == 0 ? "\n<b>" : "<br>\n<b>");
        xsg_markdown_put_text(out, target->name, XSG_MARKDOWN_NAME);
        xsg_buf_puts(out, "</b> as a whole: ");
        put_whole(out, d);
        same += unchanged;
    }
    if (n > 0)
        xsg_buf_putc(out, '\n');
    return same;
}

/* What nobody has to read, in numbers. */
static void put_counts(struct xsg_buf *out, const struct xsg_comparison *c,
                       const struct xsg_report_options *options)
{
    const char *rule, *between = "";
    size_t same = xsg_report_count(c, NULL, XSG_DELTA_UNCHANGED);
    size_t minor = xsg_report_count_minor(c, NULL, &rule);

    if (options->all)
        return;
    same -= put_wholes(out, c);
    if (same + minor == 0)
        return;
    xsg_buf_putc(out, '\n');
    if (same > 0) {
        xsg_buf_printf(out, "%zu unchanged", same);
        between = ", ";
    }
    if (minor > 0) {
        xsg_buf_printf(out, "%s%zu unclear but not counted", between, minor);
        put_part(out, ": ", rule);
    }
    xsg_buf_puts(out, ".\n");
}

void xsg_report_markdown(struct xsg_buf *out, const struct xsg_comparison *comparison,
                         const struct xsg_report_options *options)
{
    size_t limit = options->limit ? options->limit : LIMIT, reserved;
    struct xsg_buf end = XSG_BUF_INIT;

    limit = limit < LEAST_LIMIT ? LEAST_LIMIT : limit;
    put_counts(&end, comparison, options);
    put_method(&end, comparison, options);
    reserved = end.len + XSG_MARKDOWN_TAILS;
    put_answer(out, comparison, options);
    put_context(out, comparison, options);
    xsg_markdown_put_tables(out, comparison, options, limit > reserved ? limit - reserved : 0);
    xsg_buf_put(out, end.data, end.len);
    xsg_buf_release(&end);
}
