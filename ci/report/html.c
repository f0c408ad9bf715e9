/*
 * html: one page that needs nothing else. The text and the tables stand in it; its script adds
 * sorting, filters and the flame graphs. The content policy admits only the embedded script and
 * style, by their hashes, so that a mistake in escaping would still not run.
 */
#include <stdio.h>
#include <string.h>

#include "base/embed.h"
#include "base/str.h"
#include "ci/report/html_parts.h"
#include "ci/report/parts.h"

#define TEXT_WIDTH 1000
#define MAX_WARNINGS ((size_t)100)

extern const struct xsg_embedded xsg_report_assets[]; /* report.css, report.js */

static const struct xsg_embedded *asset(const char *name)
{
    const struct xsg_embedded *file = xsg_report_assets;

    while (file->name && strcmp(file->name, name) != 0)
        file++;
    return file;
}

/* 64 hexadecimal digits as the base64 that a content policy is written in. */
static void put_base64(struct xsg_buf *out, const char *hex)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, n = 0;

    for (; *hex; hex++) {
        bits = bits << 4 | (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
        for (n += 4; n >= 6; n -= 6)
            xsg_buf_putc(out, digits[bits >> (n - 6) & 63]);
    }
    xsg_buf_putc(out, digits[bits << (6 - n) & 63]); /* 256 bits: four are left */
    xsg_buf_putc(out, '=');
}

static void put_head(struct xsg_buf *out, const struct xsg_comparison *c)
{
    xsg_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "script-src 'sha256-");
    put_base64(out, XSG_REPORT_JS_SHA256);
    xsg_buf_puts(out, "'; style-src 'sha256-");
    put_base64(out, XSG_REPORT_CSS_SHA256);
    xsg_buf_printf(out,
                   "'; base-uri 'none'; form-action 'none'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<title>xsgate: %s</title>\n<style>",
                   xsg_verdict_name(c->verdict));
    xsg_buf_put(out, asset("report.css")->data, asset("report.css")->n);
    xsg_buf_puts(out, "</style>\n</head>\n<body>\n");
}

static void put_fact(struct xsg_buf *out, const char *term, const char *text)
{
    if (!text || !*text)
        return;
    xsg_buf_printf(out, "<div><dt>%s</dt><dd>", term);
    xsg_html_put_text(out, text, XSG_HTML_NAME_WIDTH);
    xsg_buf_puts(out, "</dd></div>\n");
}

static void put_commit(struct xsg_buf *out, const char *term, const struct xsg_commit *commit)
{
    struct xsg_buf text = XSG_BUF_INIT;

    xsg_report_put_commit(&text, commit);
    xsg_buf_printf(out, "<div><dt>%s</dt><dd>", term);
    xsg_html_put_text(out, xsg_buf_str(&text), XSG_HTML_NAME_WIDTH);
    if (commit->subject && *commit->subject) {
        xsg_buf_puts(out, "<br><span class=\"about\">");
        xsg_html_put_text(out, commit->subject, 120);
        xsg_buf_puts(out, "</span>");
    }
    xsg_buf_puts(out, "</dd></div>\n");
    xsg_buf_release(&text);
}

static void put_answer(struct xsg_buf *out, const struct xsg_comparison *c)
{
    static const char *const words[] = {"Passed", "Regressed", "Undecided", "Could not judge"};
    char text[80];

    xsg_buf_printf(out, "<header>\n<h1 class=\"%s\">%s</h1>\n<p class=\"reason\">",
                   xsg_verdict_name(c->verdict), words[c->verdict]);
    xsg_html_put_lines(out, c->reason, TEXT_WIDTH);
    xsg_buf_puts(out, "</p>\n<dl class=\"facts\">\n");
    put_commit(out, "base", &c->base->commit);
    put_commit(out, "head", &c->head->commit);
    snprintf(text, sizeof text, "%zu%s", c->rounds, c->paired ? "" : ", base from the store");
    put_fact(out, "rounds", text);
    snprintf(text, sizeof text, "%.3g %%", c->gate.threshold * 100);
    put_fact(out, "threshold", text);
    snprintf(text, sizeof text, "%.1f s", c->elapsed_s);
    put_fact(out, "measured in", text);
    xsg_buf_puts(out, "</dl>\n");
}

static void put_warnings(struct xsg_buf *out, const struct xsg_comparison *c)
{
    if (c->n_warnings == 0)
        return;
    xsg_buf_puts(out, "<ul class=\"warnings\" aria-label=\"Warnings\">\n");
    for (size_t i = 0; i < c->n_warnings && i < MAX_WARNINGS; i++) {
        xsg_buf_puts(out, "<li>");
        xsg_html_put_lines(out, c->warnings[i], TEXT_WIDTH);
        xsg_buf_puts(out, "</li>\n");
    }
    if (c->n_warnings > MAX_WARNINGS)
        xsg_buf_printf(out, "<li>and %zu more</li>\n", c->n_warnings - MAX_WARNINGS);
    xsg_buf_puts(out, "</ul>\n");
}

static void put_invalid(struct xsg_buf *out, const char *side, const struct xsg_run *run,
                        const char *target)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        const struct xsg_target_run *t = &run->targets[i];
        if (strcmp(t->name, target) != 0)
            continue;
        if (t->invalid) {
            xsg_buf_printf(out, "<p class=\"bad\">%s: ", side);
            xsg_html_put_lines(out, t->invalid, TEXT_WIDTH);
            xsg_buf_puts(out, "</p>\n");
        }
        if (t->lost > 0)
            xsg_buf_printf(out, "<p class=\"bad\">%s: %llu records did not fit</p>\n", side,
                           (unsigned long long)t->lost);
    }
}

static void put_target(struct xsg_buf *out, const struct xsg_comparison *c, size_t index)
{
    const struct xsg_target_run *target = xsg_report_target(c, index);

    xsg_buf_puts(out, "<section>\n<h2>");
    xsg_html_put_text(out, target->name, XSG_HTML_NAME_WIDTH);
    xsg_buf_puts(out, "</h2>\n<p class=\"about\"><code>");
    xsg_html_put_text(out, target->command, TEXT_WIDTH);
    xsg_buf_puts(out, "</code>");
    if (target->profile && *target->profile) {
        xsg_buf_puts(out, " · ");
        xsg_html_put_text(out, target->profile, 80);
    }
    if (target->samples > 0)
        xsg_buf_printf(out, " · %llu samples", (unsigned long long)target->samples);
    xsg_buf_puts(out, "</p>\n");
    put_invalid(out, "base", c->base, target->name);
    put_invalid(out, "head", c->head, target->name);
    xsg_html_put_table(out, c, target->name);
    if (index < c->head->n_targets) /* the slower run's; a target that is gone has none */
        xsg_html_put_flame(out, c, index);
    xsg_buf_puts(out, "</section>\n");
}

static void put_environment(struct xsg_buf *out, const struct xsg_environment *e)
{
    char cores[32] = "", memory[32] = "";

    if (e->cores > 0)
        snprintf(cores, sizeof cores, "%d", e->cores);
    if (e->memory > 0)
        xsg_format_bytes(memory, sizeof memory, (double)e->memory);
    xsg_buf_puts(out, "<dl class=\"method\">\n");
    put_fact(out, "processor", e->cpu_model);
    put_fact(out, "cores", cores);
    put_fact(out, "memory", memory);
    put_fact(out, "kernel", e->kernel);
    put_fact(out, "system", e->os);
    put_fact(out, "C library", e->libc);
    put_fact(out, "compiler", e->compiler);
    put_fact(out, "virtualization", e->virtualization);
    put_fact(out, "frequency governor", e->governor);
    put_fact(out, "GPU", e->gpu);
    put_fact(out, "xsgate", e->xsgate);
    put_fact(out, "fingerprint", e->fingerprint);
    xsg_buf_puts(out, "</dl>\n");
}

/* How the rounds of each target ran, and why so. */
static void put_pairings(struct xsg_buf *out, const struct xsg_comparison *c)
{
    const struct xsg_target_run *target;

    xsg_buf_puts(out, "<dl class=\"method\">\n");
    for (size_t i = 0; (target = xsg_report_target(c, i)); i++) {
        const char *pairing = xsg_report_pairing(target);
        if (!pairing)
            continue;
        xsg_buf_puts(out, "<div><dt>rounds of ");
        xsg_html_put_text(out, target->name, XSG_HTML_NAME_WIDTH);
        xsg_buf_printf(out, "</dt><dd>%s", pairing);
        if (target->pairing_reason) {
            xsg_buf_puts(out, " (");
            xsg_html_put_text(out, target->pairing_reason, XSG_HTML_NAME_WIDTH);
            xsg_buf_putc(out, ')');
        }
        xsg_buf_puts(out, "</dd></div>\n");
    }
    xsg_buf_puts(out, "</dl>\n");
}

static void put_method(struct xsg_buf *out, const struct xsg_comparison *c)
{
    xsg_buf_puts(out, "<details>\n<summary>Environment and method</summary>\n");
    put_environment(out, &c->head->environment);
    put_pairings(out, c);
    xsg_buf_printf(
        out,
        "<p>%s Changes are ratios of self time, head by base, with their confidence interval. A "
        "function is slower when its interval excludes no change and the estimate exceeds the "
        "threshold (%.3g %% where no rule says otherwise), unchanged when the interval excludes "
        "the threshold, unclear otherwise. The chance of any false alarm, over all targets, "
        "functions and looks, is at most %.3g %%; functions below %.3g %% of the target on both "
        "sides are not judged.</p>\n"
        "</details>\n",
        c->paired ? "Base and head ran in rounds of one each; only differences within a round "
                    "count."
                  : "The head was measured against stored numbers of the base.",
        c->gate.threshold * 100, c->gate.alpha * 100, c->gate.min_share * 100);
}

void xsg_report_html(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options)
{
    (void)options;
    put_head(out, comparison);
    put_answer(out, comparison);
    put_warnings(out, comparison);
    xsg_buf_puts(out, "</header>\n<main>\n");
    for (size_t i = 0; xsg_report_target(comparison, i); i++)
        put_target(out, comparison, i);
    xsg_buf_puts(out, "</main>\n");
    put_method(out, comparison);
    xsg_buf_puts(out, "<script>");
    xsg_buf_put(out, asset("report.js")->data, asset("report.js")->n);
    xsg_buf_puts(out, "</script>\n</body>\n</html>\n");
}
