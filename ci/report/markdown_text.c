/*
 * markdown: foreign text as text, and links that are ours.
 *
 * Two kinds of readers have to be kept off: the Markdown parser, which takes a numeric character
 * reference as text wherever it stands, and what forges do afterwards with the rendered text
 * (mentions, references, emoji, formulas, addresses), where a character reference is the character
 * again. There an invisible word joiner after the sign keeps the pattern apart. Text in code is
 * left alone by them, and gets no joiners.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ci/report/markdown.h"

#define WORD_JOINER "&#8288;"
#define MOST_URL 2000
#define MOST_UNBROKEN 12

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* ":name:" is an emoji on GitHub and GitLab. */
static bool is_emoji(const char *colon)
{
    size_t n =
        strspn(colon + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-");

    return n > 0 && colon[1 + n] == ':';
}

/* Is text[i] the sign after which a mention, reference, address or formula would begin? @name, #1,
 * GitLab's !1 $1 &1 ~label %milestone [issue:1] ^alert {+x+}, ABC-1, $x$, http://,
 * www. */
static bool begins_pattern(const char *text, size_t i)
{
    char sign = text[i], next = text[i + 1];

    switch (sign) {
    case '@':
    case '#':
    case '!':
    case '&':
    case '~':
    case '%':
    case '^':
    case '*':
        return is_word(next) || next == '"' || next == '_';
    case '[':
    case '{':
        return is_word(next) || next == '+' || next == '-' || next == '_';
    case '$':
        return next != ' ';
    case '-':
        return i > 0 && isalpha((unsigned char)text[i - 1]) && isdigit((unsigned char)next);
    case ':':
        return next == '/' || is_emoji(text + i);
    case '.':
        return i >= 3 && strncasecmp(text + i - 3, "www", 3) == 0;
    default:
        return false;
    }
}

/*
 * Signs become character references: no emphasis, link, HTML or table cell can begin. A few mean
 * nothing in the middle of a line, and we never begin one with foreign text.
 */
static void put_inert(struct xsg_buf *out, const char *text, bool code)
{
    size_t run = 0; /* a long name or path may break after its separators: a phone is narrow */

    for (size_t i = 0; text[i]; i++) {
        bool pattern = begins_pattern(text, i);
        if (is_word(text[i]) || (!pattern && strchr(" ,;.:()/%+-=?'\"", text[i])))
            xsg_buf_putc(out, text[i]);
        else
            xsg_buf_printf(out, "&#%d;", (unsigned char)text[i]);
        /* An address's @ is looked for in code too; a break is not copied with the name. */
        if (pattern && (!code || text[i] == '@'))
            xsg_buf_puts(out, code ? "<wbr>" : WORD_JOINER);
        run = text[i] == ' ' ? 0 : run + 1;
        if (run >= MOST_UNBROKEN && strchr(":<,(/_", text[i]) && text[i + 1] != ':') {
            xsg_buf_puts(out, "<wbr>");
            run = 0;
        }
    }
}

void xsg_markdown_put_duration(struct xsg_buf *out, double seconds)
{
    if (!(seconds >= 0 && seconds < 1e9))
        xsg_buf_putc(out, '-');
    else if (seconds < 90)
        xsg_buf_printf(out, "%.0f s", ceil(seconds));
    else if (seconds < 90 * 60)
        xsg_buf_printf(out, "%.0f min", ceil(seconds / 60));
    else
        xsg_buf_printf(out, "%.0f h", ceil(seconds / 3600));
}

void xsg_markdown_put_text(struct xsg_buf *out, const char *text, size_t width)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_report_put_cell(&safe, text, width, false);
    put_inert(out, xsg_buf_str(&safe), false);
    xsg_buf_release(&safe);
}

static void put_code(struct xsg_buf *out, const struct xsg_buf *safe)
{
    xsg_buf_puts(out, "<code>");
    put_inert(out, safe->len ? safe->data : " ", true);
    xsg_buf_puts(out, "</code>");
}

void xsg_markdown_put_lines(struct xsg_buf *out, const char *text, size_t width)
{
    struct xsg_buf line = XSG_BUF_INIT, safe = XSG_BUF_INIT;

    xsg_report_next_line(&text, &line);
    xsg_markdown_put_text(out, xsg_buf_str(&line), width);
    for (int i = 1; i < XSG_REPORT_LINES && xsg_report_next_line(&text, &line); i++) {
        xsg_buf_clear(&safe);
        xsg_report_put_cell(&safe, xsg_buf_str(&line), width, false);
        xsg_buf_puts(out, "<br>");
        put_code(out, &safe);
    }
    xsg_buf_release(&safe);
    xsg_buf_release(&line);
}

void xsg_markdown_put_code(struct xsg_buf *out, const char *name)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_report_put_name(&safe, name, XSG_MARKDOWN_NAME, false);
    put_code(out, &safe);
    xsg_buf_release(&safe);
}

/* An address that can stand in parentheses as it is. It is the CI system's, but who knows whose
 * variables those are. */
static bool is_usable(const char *url)
{
    size_t n = url ? strlen(url) : 0;

    if (n == 0 || n > MOST_URL)
        return false;
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return false;
    return strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                       "-._~:/?#=%+@,") == n;
}

bool xsg_markdown_put_link(struct xsg_buf *out, const char *words, const char *url)
{
    if (!is_usable(url))
        return false;
    xsg_buf_printf(out, "[%s](%s)", words, url);
    return true;
}

static void put_path_encoded(struct xsg_buf *out, const char *path)
{
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (isalnum(c) || strchr("-._~/", c))
            xsg_buf_putc(out, *path);
        else
            xsg_buf_printf(out, "%%%02X", c);
    }
}

void xsg_markdown_put_source(struct xsg_buf *out, const struct xsg_function *function,
                             const char *source_url)
{
    struct xsg_buf shown = XSG_BUF_INIT;
    bool link = is_usable(source_url) && xsg_report_is_inside(function->file) &&
                strlen(function->file) <= MOST_URL;

    xsg_report_put_path(&shown, function->file, XSG_MARKDOWN_NAME, false);
    if (function->line > 0)
        xsg_buf_printf(&shown, ":%d", function->line);
    if (link)
        xsg_buf_putc(out, '[');
    put_inert(out, xsg_buf_str(&shown), false);
    if (link) {
        xsg_buf_printf(out, "](%s/", source_url);
        put_path_encoded(out, function->file);
        if (function->line > 0)
            xsg_buf_printf(out, "#L%d", function->line);
        xsg_buf_putc(out, ')');
    }
    xsg_buf_release(&shown);
}

void xsg_markdown_put_commit(struct xsg_buf *out, const char *oid, const char *commit_url)
{
    bool real = oid && strlen(oid) >= 40 && strspn(oid, "0123456789abcdef") == strlen(oid) &&
                strlen(oid) <= 64;

    if (!real) {
        xsg_buf_puts(out, "no commit");
    } else if (is_usable(commit_url)) {
        xsg_buf_printf(out, "[<code>%.10s</code>](%s/%s)", oid, commit_url, oid);
    } else {
        xsg_buf_printf(out, "<code>%.10s</code>", oid);
    }
}
