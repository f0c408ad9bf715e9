#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "base/str.h"

/* Text for roff: nothing in it is a request or an escape, and a hyphen stays the one that can be
 * copied to a command line. */
static void put_roff(struct xsg_buf *out, const char *text, size_t n)
{
    bool line_start = out->len == 0 || out->data[out->len - 1] == '\n';
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = xsg_utf8_decode(text + i, n - i, &c);
        const char *as = c == '-'    ? "\\-"
                         : c == '\\' ? "\\e"
                         : c == '"'  ? "\\(dq"
                         : c == '\'' ? "\\(aq"
                         : c == '^'  ? "\\(ha"
                         : c == '`'  ? "\\(ga"
                         : c == '~'  ? "\\(ti"
                                     : NULL;
        if (line_start && c == '.')
            xsg_buf_puts(out, "\\&");
        if (as)
            xsg_buf_puts(out, as);
        else if (len > 1)
            xsg_buf_printf(out, "\\[u%04X]", (unsigned)c);
        else
            xsg_buf_putc(out, text[i]);
        line_start = text[i] == '\n';
        i += len ? len : 1;
    }
}

static void put_text(struct xsg_buf *out, const char *text)
{
    put_roff(out, text, strlen(text));
}

/* Paragraphs with "\n\n" between them, each followed by a line break. */
static void put_paragraphs(struct xsg_buf *out, const char *text)
{
    for (;;) {
        const char *end = strstr(text, "\n\n");
        put_roff(out, text, end ? (size_t)(end - text) : strlen(text));
        xsg_buf_putc(out, '\n');
        if (!end)
            return;
        xsg_buf_puts(out, ".PP\n");
        text = end + 2;
    }
}

static void put_option(struct xsg_buf *out, const struct xsg_opt *opt)
{
    xsg_buf_puts(out, ".TP\n");
    if (opt->short_name)
        xsg_buf_printf(out, "\\fB\\-%c\\fR, ", opt->short_name);
    xsg_buf_puts(out, "\\fB\\-\\-");
    put_text(out, opt->name);
    xsg_buf_puts(out, "\\fR");
    if (opt->arg) {
        xsg_buf_puts(out, "=\\fI");
        put_text(out, opt->arg);
        xsg_buf_puts(out, "\\fR");
    }
    xsg_buf_putc(out, '\n');
    put_text(out, opt->help);
    for (size_t i = 0; opt->choices && opt->choices[i]; i++) {
        xsg_buf_puts(out, i ? ", " : ": ");
        xsg_buf_puts(out, "\\fB");
        put_text(out, opt->choices[i]);
        xsg_buf_puts(out, "\\fR");
    }
    xsg_buf_puts(out, ".\n");
}

static void put_examples(struct xsg_buf *out, const char *const *examples)
{
    for (size_t i = 0; examples[i] && examples[i + 1]; i += 2) {
        xsg_buf_puts(out, ".TP\n\\fB");
        put_text(out, examples[i]);
        xsg_buf_puts(out, "\\fR\n");
        put_text(out, examples[i + 1]);
        xsg_buf_putc(out, '\n');
    }
}

static void put_command(struct xsg_buf *out, const char *program, const struct xsg_opt_spec *spec)
{
    xsg_buf_puts(out, ".SS ");
    put_text(out, spec->command);
    xsg_buf_puts(out, "\n\\fB");
    put_text(out, program);
    xsg_buf_puts(out, "\\fR ");
    put_text(out, spec->usage);
    xsg_buf_puts(out, "\n.PP\n");
    put_paragraphs(out, spec->description ? spec->description : spec->summary);
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++)
        put_option(out, opt);
    if (spec->examples) {
        xsg_buf_puts(out, ".PP\nExamples:\n");
        put_examples(out, spec->examples);
    }
}

void xsg_opt_man(struct xsg_buf *out, const char *program, const char *version,
                 const struct xsg_opt_spec *global, const struct xsg_opt_spec *const *commands,
                 size_t n)
{
    xsg_buf_puts(out, ".TH ");
    for (const char *p = program; *p; p++)
        xsg_buf_putc(out, (char)toupper((unsigned char)*p));
    /* No date: the same source makes the same page. */
    xsg_buf_printf(out, " 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n", program, version);
    put_text(out, program);
    xsg_buf_puts(out, " \\- ");
    put_text(out, global->summary);
    xsg_buf_puts(out, "\n.SH SYNOPSIS\n\\fB");
    put_text(out, program);
    xsg_buf_puts(out, "\\fR ");
    put_text(out, global->usage);
    xsg_buf_puts(out, "\n.SH DESCRIPTION\n");
    put_paragraphs(out, global->description ? global->description : global->summary);
    xsg_buf_puts(out, ".SH OPTIONS\n");
    for (const struct xsg_opt *opt = global->opts; opt && opt->type; opt++)
        put_option(out, opt);
    xsg_buf_puts(out, ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nhelp, also for each command.\n");
    xsg_buf_puts(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < n; i++)
        put_command(out, program, commands[i]);
    if (global->examples) {
        xsg_buf_puts(out, ".SH EXAMPLES\n");
        put_examples(out, global->examples);
    }
}
