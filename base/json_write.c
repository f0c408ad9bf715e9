#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

void xsg_json_writer_init(struct xsg_json_writer *w, struct xsg_buf *out, int indent)
{
    *w = (struct xsg_json_writer){.out = out, .indent = indent, .first = true};
}

static void new_line(struct xsg_json_writer *w)
{
    if (w->indent > 0)
        xsg_buf_printf(w->out, "\n%*s", w->depth * w->indent, "");
}

/* What stands between the one before and the next member or element. */
static void separate(struct xsg_json_writer *w)
{
    if (!w->first)
        xsg_buf_putc(w->out, ',');
    w->first = false;
    if (w->depth > 0)
        new_line(w);
}

static void before_value(struct xsg_json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    assert(w->depth > 0 ? w->stack[w->depth - 1] == '[' : w->first);
    separate(w);
}

static void begin(struct xsg_json_writer *w, char bracket)
{
    before_value(w);
    assert(w->depth < (int)sizeof w->stack);
    w->stack[w->depth++] = bracket;
    w->first = true;
    xsg_buf_putc(w->out, bracket);
}

static void end(struct xsg_json_writer *w, char bracket)
{
    assert(w->depth > 0 && w->stack[w->depth - 1] == bracket && !w->after_key);
    w->depth--;
    if (!w->first)
        new_line(w);
    w->first = false;
    xsg_buf_putc(w->out, bracket == '{' ? '}' : ']');
}

void xsg_json_begin_object(struct xsg_json_writer *w)
{
    begin(w, '{');
}

void xsg_json_end_object(struct xsg_json_writer *w)
{
    end(w, '{');
}

void xsg_json_begin_array(struct xsg_json_writer *w)
{
    begin(w, '[');
}

void xsg_json_end_array(struct xsg_json_writer *w)
{
    end(w, '[');
}

static void put_string(struct xsg_buf *out, const char *value, size_t n)
{
    static const char special[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";
    xsg_buf_putc(out, '"');
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = xsg_utf8_decode(value + i, n - i, &c);
        const char *found = len == 1 && c ? strchr(special, (int)c) : NULL;
        if (len == 0)
            xsg_buf_puts(out, "\xef\xbf\xbd");
        else if (found)
            xsg_buf_printf(out, "\\%c", letter[found - special]);
        else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029)
            xsg_buf_printf(out, "\\u%04x", (unsigned)c); /* the last two end lines in JavaScript */
        else
            xsg_buf_put(out, value + i, len);
        i += len ? len : 1;
    }
    xsg_buf_putc(out, '"');
}

void xsg_json_key(struct xsg_json_writer *w, const char *key)
{
    assert(w->depth > 0 && w->stack[w->depth - 1] == '{' && !w->after_key);
    separate(w);
    put_string(w->out, key, strlen(key));
    xsg_buf_puts(w->out, w->indent > 0 ? ": " : ":");
    w->after_key = true;
}

void xsg_json_string_n(struct xsg_json_writer *w, const char *value, size_t n)
{
    before_value(w);
    put_string(w->out, value, n);
}

void xsg_json_string(struct xsg_json_writer *w, const char *value)
{
    if (value)
        xsg_json_string_n(w, value, strlen(value));
    else
        xsg_json_null(w);
}

void xsg_json_int(struct xsg_json_writer *w, int64_t value)
{
    before_value(w);
    xsg_buf_printf(w->out, "%" PRId64, value);
}

void xsg_json_double(struct xsg_json_writer *w, double value)
{
    char text[40] = "null";
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    before_value(w);
    xsg_buf_puts(w->out, text);
}

void xsg_json_bool(struct xsg_json_writer *w, bool value)
{
    before_value(w);
    xsg_buf_puts(w->out, value ? "true" : "false");
}

void xsg_json_null(struct xsg_json_writer *w)
{
    before_value(w);
    xsg_buf_puts(w->out, "null");
}
