/*
 * JSON by cJSON, with its traps closed: integers are written exactly (cJSON prints doubles),
 * numbers that are not finite are null, and parsing is strict: the grammar of RFC 8259 to the
 * letter, valid UTF-8, no duplicate keys, no NUL in strings, at most 512 levels. Parsed numbers are
 * doubles: whole ones beyond 2^53 travel as strings. The tree is cJSON's own: see <cjson/cJSON.h>
 * for walking it. Only base includes cJSON.
 */
#ifndef XSG_BASE_JSON_H
#define XSG_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/error.h"

/* Parses exactly n bytes. The result is freed with cJSON_Delete(). XSG_EINVAL with line:column. */
int xsg_json_parse(const char *text, size_t n, cJSON **root, struct xsg_err *err);

/* Reading: each returns 0, or XSG_ENOTFOUND when absent or null, or XSG_EINVAL for another type. */
int xsg_json_get_string(const cJSON *object, const char *key, const char **value);
int xsg_json_get_double(const cJSON *object, const char *key, double *value);
int xsg_json_get_int(const cJSON *object, const char *key, int64_t *value); /* |value| < 2^53 */
int xsg_json_get_bool(const cJSON *object, const char *key, bool *value);

/*
 * Writing is streaming, into a buffer, and needs no tree. Commas and indentation are the writer's
 * business; nesting is checked by assertion. Strings: broken UTF-8 becomes U+FFFD.
 */
struct xsg_json_writer {
    struct xsg_buf *out;
    int indent; /* spaces per level; 0: one line */
    int depth;
    bool first, after_key;
    char stack[64]; /* '{' or '[' per level */
};

void xsg_json_writer_init(struct xsg_json_writer *w, struct xsg_buf *out, int indent);
void xsg_json_begin_object(struct xsg_json_writer *w);
void xsg_json_end_object(struct xsg_json_writer *w);
void xsg_json_begin_array(struct xsg_json_writer *w);
void xsg_json_end_array(struct xsg_json_writer *w);
void xsg_json_key(struct xsg_json_writer *w, const char *key);
void xsg_json_string(struct xsg_json_writer *w, const char *value); /* NULL -> null */
void xsg_json_string_n(struct xsg_json_writer *w, const char *value, size_t n);
void xsg_json_int(struct xsg_json_writer *w, int64_t value);
void xsg_json_double(struct xsg_json_writer *w, double value); /* shortest form that reads back */
void xsg_json_bool(struct xsg_json_writer *w, bool value);
void xsg_json_null(struct xsg_json_writer *w);

#endif
