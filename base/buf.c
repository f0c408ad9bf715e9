#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* Room for n more bytes and the NUL. Out of memory is the arena's business: one handler for both.
 */
static void reserve(struct xsg_buf *buf, size_t n)
{
    if (buf->data && n < buf->cap - buf->len)
        return;
    size_t need;
    if (__builtin_add_overflow(buf->len, n, &need) || need >= PTRDIFF_MAX)
        xsg_out_of_memory(SIZE_MAX);
    need++;
    size_t cap = buf->cap < 64 ? 64 : buf->cap;
    while (cap < need)
        cap = cap > PTRDIFF_MAX / 2 ? need : cap * 2;
    char *data = realloc(buf->data, cap);
    if (!data)
        xsg_out_of_memory(cap);
    buf->data = data;
    buf->cap = cap;
}

void xsg_buf_put(struct xsg_buf *buf, const void *bytes, size_t n)
{
    reserve(buf, n);
    if (n > 0)
        memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
}

void xsg_buf_puts(struct xsg_buf *buf, const char *s)
{
    xsg_buf_put(buf, s, strlen(s));
}

void xsg_buf_putc(struct xsg_buf *buf, char c)
{
    xsg_buf_put(buf, &c, 1);
}

void xsg_buf_vprintf(struct xsg_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    assert(n >= 0);
    reserve(buf, (size_t)n);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
    va_end(again);
    buf->len += (size_t)n;
}

void xsg_buf_printf(struct xsg_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    xsg_buf_vprintf(buf, format, args);
    va_end(args);
}

void xsg_buf_clear(struct xsg_buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

const char *xsg_buf_str(const struct xsg_buf *buf)
{
    return buf->data ? buf->data : "";
}

void xsg_buf_release(struct xsg_buf *buf)
{
    free(buf->data);
    *buf = (struct xsg_buf)XSG_BUF_INIT;
}
