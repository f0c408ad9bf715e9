/* A file of the source tree inside the program (cmake/EmbedFile.cmake makes tables of these). */
#ifndef XSG_BASE_EMBED_H
#define XSG_BASE_EMBED_H

#include <stddef.h>

struct xsg_embedded {
    const char *name; /* base name of the file; NULL ends a table */
    const char *data; /* its bytes, with a NUL behind them */
    size_t n;         /* without that NUL */
};

#endif
