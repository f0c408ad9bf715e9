/* Is this text JSON? For base/json.c only. */
#ifndef XSG_BASE_JSON_CHECK_H
#define XSG_BASE_JSON_CHECK_H

#include <stddef.h>

/* NULL when text[0 .. n) is one JSON value; otherwise what is wrong at *offset. */
const char *xsg_json_check(const char *text, size_t n, size_t *offset);

#endif
