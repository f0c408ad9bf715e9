/* A growing byte string for building text and files. Always NUL-terminated; may contain NULs. */
#ifndef XSG_BASE_BUF_H
#define XSG_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct xsg_buf {
    char *data; /* never NULL after the first put; NUL at data[len] */
    size_t len;
    size_t cap;
};

#define XSG_BUF_INIT                                                                               \
    {                                                                                              \
        0                                                                                          \
    }

void xsg_buf_put(struct xsg_buf *buf, const void *bytes, size_t n);
void xsg_buf_puts(struct xsg_buf *buf, const char *s);
void xsg_buf_putc(struct xsg_buf *buf, char c);
void xsg_buf_printf(struct xsg_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void xsg_buf_vprintf(struct xsg_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void xsg_buf_clear(struct xsg_buf *buf);            /* length 0, keeps the memory */
const char *xsg_buf_str(const struct xsg_buf *buf); /* "" for an empty one; owned by buf */
void xsg_buf_release(struct xsg_buf *buf);

#endif
