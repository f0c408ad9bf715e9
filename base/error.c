#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts at a character's border when vsnprintf had to cut, so that no half character is printed. */
static void cut_cleanly(char *text, size_t size, int wanted)
{
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t n = size - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(text + n, "...", 4);
}

__attribute__((format(printf, 3, 0))) static void put(char *text, size_t size, const char *format,
                                                      va_list args)
{
    int wanted = vsnprintf(text, size, format, args);
    if (wanted < 0)
        text[0] = '\0';
    cut_cleanly(text, size, wanted);
}

int xsg_fail(struct xsg_err *err, int code, const char *format, ...)
{
    if (err && err->text[0] == '\0') {
        va_list args;
        va_start(args, format);
        put(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}

int xsg_fail_hint(struct xsg_err *err, int code, const char *format, ...)
{
    if (err && err->hint[0] == '\0') {
        va_list args;
        va_start(args, format);
        put(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
    return code;
}

void xsg_err_prefix(struct xsg_err *err, const char *format, ...)
{
    if (!err || err->text[0] == '\0')
        return;
    char old[sizeof err->text];
    char context[sizeof err->text / 2];
    va_list args;
    memcpy(old, err->text, sizeof old);
    va_start(args, format);
    put(context, sizeof context, format, args);
    va_end(args);
    int wanted = snprintf(err->text, sizeof err->text, "%s: %s", context, old);
    cut_cleanly(err->text, sizeof err->text, wanted);
}
