/* Text as people see it: UTF-8, terminal columns, harmless forms, numbers with units. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (ranges[i].first <= c && c <= ranges[i].last)
            return true;
    }
    return false;
}
#define IN_RANGES(c, ranges) in_ranges((c), (ranges), sizeof(ranges) / sizeof((ranges)[0]))

size_t xsg_utf8_decode(const char *text, size_t n, uint32_t *code_point)
{
    if (n == 0)
        return 0;
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) {
        *code_point = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
        return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code_point = c;
    return len;
}

bool xsg_is_utf8(const char *text, size_t n)
{
    uint32_t c;
    for (size_t i = 0; i < n;) {
        size_t len = xsg_utf8_decode(text + i, n - i, &c);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

/* Combining marks, joiners and other characters that take no column of their own. */
static const struct range no_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},   {0x061c, 0x061c},
    {0x064b, 0x065f}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe01ef},
};

/* East Asian wide and full-width, and emoji. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x4dbf},   {0x4e00, 0xa4cf},
    {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

size_t xsg_display_width(const char *text)
{
    size_t width = 0, n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t len = xsg_utf8_decode(text + i, n - i, &c);
        i += len ? len : 1;
        if (len == 0)
            width++;
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || IN_RANGES(c, no_width))
            continue;
        else
            width += IN_RANGES(c, wide) ? 2 : 1;
    }
    return width;
}

/* Valid characters that would move, hide or reorder text on the reader's side. */
static const struct range unprintable[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x180e, 0x180e}, {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

void xsg_put_printable(struct xsg_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = xsg_utf8_decode(text + i, n - i, &c);
        if (len == 0)
            xsg_buf_printf(out, "\\x%02x", (unsigned char)text[i]);
        else if (!IN_RANGES(c, unprintable))
            xsg_buf_put(out, text + i, len);
        else
            xsg_buf_printf(out, c < 0x80 ? "\\x%02x" : "\\u{%04x}", (unsigned)c);
        i += len ? len : 1;
    }
}

/* Three significant digits without an exponent, for |value| < 100000. */
static void put_digits(char *out, size_t size, double value, const char *unit)
{
    double size_of = fabs(value);
    int decimals = size_of == 0 ? 0 : size_of < 9.995 ? 2 : size_of < 99.95 ? 1 : 0;
    snprintf(out, size, "%.*f%s", decimals, value, unit);
}

struct scale {
    double unit;  /* one of it in base units */
    double below; /* used when the value, in this unit, stays below */
    const char *name;
};

static void put_scaled(char *out, size_t size, double value, const struct scale *scales, size_t n)
{
    if (!isfinite(value)) {
        snprintf(out, size, "-");
        return;
    }
    size_t i = 0;
    while (i + 1 < n && fabs(value) / scales[i].unit >= scales[i].below)
        i++;
    put_digits(out, size, value / scales[i].unit, scales[i].name);
}

void xsg_format_ns(char *out, size_t size, double ns)
{
    static const struct scale scales[] = {{1, 999.5, " ns"},      {1e3, 999.5, " us"},
                                          {1e6, 999.5, " ms"},    {1e9, 599.5, " s"},
                                          {60e9, 119.95, " min"}, {3600e9, HUGE_VAL, " h"}};
    put_scaled(out, size, ns, scales, sizeof scales / sizeof scales[0]);
}

void xsg_format_bytes(char *out, size_t size, double bytes)
{
    static const struct scale scales[] = {{1, 1023.5, " B"},
                                          {1024., 1023.5, " KiB"},
                                          {1048576., 1023.5, " MiB"},
                                          {1073741824., 1023.5, " GiB"},
                                          {1099511627776., HUGE_VAL, " TiB"}};
    if (isfinite(bytes) && fabs(bytes) < 1023.5 && bytes == floor(bytes))
        snprintf(out, size, "%.0f B", bytes);
    else
        put_scaled(out, size, bytes, scales, sizeof scales / sizeof scales[0]);
}

static void format_count(char *out, size_t size, double value)
{
    static const struct scale scales[] = {{1, 999.5, ""},
                                          {1e3, 999.5, " k"},
                                          {1e6, 999.5, " M"},
                                          {1e9, 999.5, " G"},
                                          {1e12, HUGE_VAL, " T"}};
    if (isfinite(value) && fabs(value) < 100000 && value == floor(value))
        snprintf(out, size, "%.0f", value); /* counts that can be read are shown exactly */
    else
        put_scaled(out, size, value, scales, sizeof scales / sizeof scales[0]);
}

void xsg_format_value(char *out, size_t size, double value, const char *unit)
{
    if (strcmp(unit, "ns") == 0)
        xsg_format_ns(out, size, value);
    else if (strcmp(unit, "bytes") == 0)
        xsg_format_bytes(out, size, value);
    else if (strcmp(unit, "count") == 0)
        format_count(out, size, value);
    else if (!isfinite(value))
        snprintf(out, size, "-");
    else if (strcmp(unit, "ratio") == 0)
        snprintf(out, size, "%.3g %%", value * 100);
    else
        snprintf(out, size, "%.3g%s%s", value, *unit ? " " : "", unit);
}
