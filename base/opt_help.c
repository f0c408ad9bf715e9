#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "base/str.h"

enum { COLUMNS = 79, WIDEST_OPTION = 28 };

/* Words of text[0 .. n) in lines of at most COLUMNS; the first begins at column at, others at
 * indent. */
static void put_wrapped(struct xsg_buf *out, const char *text, size_t n, size_t at, size_t indent)
{
    const char *end = text + n;
    bool fresh = true; /* nothing on this line yet */
    while (text < end) {
        size_t len = 0;
        while (text + len < end && text[len] != ' ' && text[len] != '\n')
            len++;
        char word[COLUMNS + 1];
        snprintf(word, sizeof word, "%.*s", (int)len, text);
        size_t width = xsg_display_width(word);
        if (len > 0 && !fresh && at + 1 + width > COLUMNS) {
            xsg_buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        if (len > 0) {
            if (!fresh)
                xsg_buf_putc(out, ' ');
            at += width + !fresh;
            xsg_buf_put(out, text, len);
            fresh = false;
        }
        text += len + (text + len < end);
    }
    xsg_buf_putc(out, '\n');
}

/* "-b, --baseline=REF" or "    --fresh". */
static void put_option_name(struct xsg_buf *out, const struct xsg_opt *opt)
{
    if (opt->short_name)
        xsg_buf_printf(out, "  -%c, --%s", opt->short_name, opt->name);
    else
        xsg_buf_printf(out, "      --%s", opt->name);
    if (opt->arg)
        xsg_buf_printf(out, " %s", opt->arg);
}

static size_t option_width(const struct xsg_opt *opt)
{
    struct xsg_buf name = XSG_BUF_INIT;
    put_option_name(&name, opt);
    size_t width = xsg_display_width(xsg_buf_str(&name));
    xsg_buf_release(&name);
    return width;
}

static void put_option(struct xsg_buf *out, const struct xsg_opt *opt, size_t column)
{
    struct xsg_buf help = XSG_BUF_INIT;
    xsg_buf_puts(&help, opt->help);
    if (opt->choices) {
        for (size_t i = 0; opt->choices[i]; i++)
            xsg_buf_printf(&help, "%s%s", i ? ", " : ": ", opt->choices[i]);
    }
    put_option_name(out, opt);
    size_t width = option_width(opt);
    if (width + 2 > column)
        xsg_buf_printf(out, "\n%*s", (int)column, "");
    else
        xsg_buf_printf(out, "%*s", (int)(column - width), "");
    put_wrapped(out, xsg_buf_str(&help), help.len, column, column);
    xsg_buf_release(&help);
}

static void put_options(struct xsg_buf *out, const struct xsg_opt_spec *spec)
{
    static const struct xsg_opt help = {
        .type = XSG_OPT_FLAG, .short_name = 'h', .name = "help", .help = "this text"};
    size_t column = option_width(&help) + 2;
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++) {
        size_t width = option_width(opt) + 2;
        if (width > column)
            column = width > WIDEST_OPTION ? WIDEST_OPTION : width;
    }
    xsg_buf_puts(out, "\nOptions:\n");
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++)
        put_option(out, opt, column);
    put_option(out, &help, column);
}

static void put_examples(struct xsg_buf *out, const char *const *examples)
{
    size_t widest = 0;
    bool beside = true; /* command and meaning fit one line */
    for (size_t i = 0; examples[i] && examples[i + 1]; i += 2) {
        size_t width = xsg_display_width(examples[i]);
        widest = width > widest ? width : widest;
    }
    for (size_t i = 0; examples[i] && examples[i + 1]; i += 2)
        beside = beside && 2 + widest + 2 + xsg_display_width(examples[i + 1]) <= COLUMNS;
    xsg_buf_puts(out, "\nExamples:\n");
    for (size_t i = 0; examples[i] && examples[i + 1]; i += 2) {
        size_t pad = widest - xsg_display_width(examples[i]) + 2;
        if (beside)
            xsg_buf_printf(out, "  %s%*s%s\n", examples[i], (int)pad, "", examples[i + 1]);
        else
            xsg_buf_printf(out, "  %s\n      %s\n", examples[i], examples[i + 1]);
    }
}

void xsg_opt_help(struct xsg_buf *out, const char *program, const struct xsg_opt_spec *spec)
{
    size_t indent = strlen("Usage: ") + strlen(program) + 1;
    xsg_buf_printf(out, "Usage: %s ", program);
    put_wrapped(out, spec->usage, strlen(spec->usage), indent, indent + 2);
    const char *about = spec->description ? spec->description : spec->summary;
    if (about) {
        const char *end = strstr(about, "\n\n");
        xsg_buf_putc(out, '\n');
        put_wrapped(out, about, end ? (size_t)(end - about) : strlen(about), 0, 0);
    }
    put_options(out, spec);
    if (spec->examples)
        put_examples(out, spec->examples);
}
