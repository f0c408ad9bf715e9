#include "base/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"

enum { DEEPEST = 64, LARGEST = 1024 * 1024 };

/* A list or map that is still open. */
struct level {
    struct xsg_yaml *node;
    struct xsg_yaml **tail; /* where its next child goes */
    struct xsg_map keys;    /* key -> first node that had it */
    const char *key;        /* the key that waits for its value, or NULL */
    int key_line, key_column;
};

struct builder {
    struct xsg_arena *arena;
    struct xsg_yaml_file *file;
    struct xsg_err *err;
    struct level stack[DEEPEST];
    int depth;
    int documents;
};

__attribute__((format(printf, 5, 0))) static int fail_at(const struct xsg_yaml_file *file, int line,
                                                         int column, struct xsg_err *err,
                                                         const char *format, va_list args);

__attribute__((format(printf, 4, 5))) static int fail(const struct builder *b, int line, int column,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = fail_at(b->file, line, column, b->err, format, args);
    va_end(args);
    return rc;
}

#define LINE(mark) ((int)(mark).line + 1)
#define COLUMN(mark) ((int)(mark).column + 1)

/* ---- errors --------------------------------------------------------------------------------- */

/* Bytes of the line break at p (as libyaml counts lines), 0 if there is none. */
static size_t line_break(const char *p, size_t n)
{
    if (n >= 2 && p[0] == '\r' && p[1] == '\n')
        return 2;
    if (n >= 1 && (p[0] == '\n' || p[0] == '\r'))
        return 1;
    if (n >= 2 && memcmp(p, "\xc2\x85", 2) == 0)
        return 2;
    if (n >= 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0))
        return 3;
    return 0;
}

static const char *find_line(const struct xsg_yaml_file *file, int line, size_t *n)
{
    const char *p = file->text, *end = file->text + file->n;
    for (int at = 1; at < line && p < end;) {
        size_t len = line_break(p, (size_t)(end - p));
        at += len > 0;
        p += len ? len : 1;
    }
    *n = 0;
    while (p + *n < end && !line_break(p + *n, (size_t)(end - p) - *n))
        ++*n;
    return p;
}

/* Bytes of the character at p, taking a broken byte for one. */
static size_t char_length(const char *p, size_t n)
{
    uint32_t ignored;
    size_t len = xsg_utf8_decode(p, n, &ignored);
    return len ? len : 1;
}

/* The line and a caret below the column, of a long line the part around it. */
static void put_caret(struct xsg_err *err, const struct xsg_yaml_file *file, int line, int column)
{
    enum { BEFORE = 40, AFTER = 30 };
    size_t n;
    const char *p = find_line(file, line, &n), *end = p + n;
    struct xsg_buf shown = XSG_BUF_INIT;
    size_t caret = 0;
    int at = 1;
    for (; p < end && at < column - BEFORE; at++)
        p += char_length(p, (size_t)(end - p));
    if (at > 1)
        xsg_buf_puts(&shown, "...");
    for (; p < end && at < column + AFTER; at++) {
        if (at == column)
            caret = xsg_display_width(xsg_buf_str(&shown));
        size_t len = char_length(p, (size_t)(end - p));
        if (*p == '\t')
            xsg_buf_puts(&shown, "    ");
        else
            xsg_put_printable(&shown, p, len);
        p += len;
    }
    if (at <= column)
        caret = xsg_display_width(xsg_buf_str(&shown));
    if (p < end)
        xsg_buf_puts(&shown, "...");
    int gutter = snprintf(NULL, 0, "%d", line);
    xsg_fail_hint(err, 0, "  %d | %s\n  %*s | %*s^", line, xsg_buf_str(&shown), gutter, "",
                  (int)caret, "");
    xsg_buf_release(&shown);
}

static int fail_at(const struct xsg_yaml_file *file, int line, int column, struct xsg_err *err,
                   const char *format, va_list args)
{
    if (err && err->text[0] == '\0') {
        struct xsg_buf text = XSG_BUF_INIT;
        xsg_buf_vprintf(&text, format, args);
        xsg_fail(err, XSG_EINVAL, "%s:%d:%d: %s", file->name, line, column, xsg_buf_str(&text));
        xsg_buf_release(&text);
        put_caret(err, file, line, column);
    }
    return XSG_EINVAL;
}

int xsg_yaml_fail(const struct xsg_yaml_file *file, const struct xsg_yaml *node, bool at_key,
                  struct xsg_err *err, const char *format, ...)
{
    bool use_key = at_key && node && node->key;
    int line = !node ? 1 : use_key ? node->key_line : node->line;
    int column = !node ? 1 : use_key ? node->key_column : node->column;
    va_list args;
    va_start(args, format);
    int rc = fail_at(file, line, column, err, format, args);
    va_end(args);
    return rc;
}

/* A byte that is no text; libyaml gives its offset only. */
static int fail_reading(const struct builder *b, size_t offset, const char *problem)
{
    int line = 1, column = 1;
    const char *text = b->file->text;
    size_t n = offset < b->file->n ? offset : b->file->n;
    for (size_t i = 0; i < n;) {
        size_t len = line_break(text + i, b->file->n - i);
        if (len) {
            line++;
            column = 1;
        } else {
            len = char_length(text + i, b->file->n - i);
            column++;
        }
        i += len;
    }
    return fail(b, line, column, "this is not text that YAML allows: %s", problem);
}

/* libyaml's words, said for people where they are known to puzzle. */
static const char *explain(const struct builder *b, const yaml_parser_t *parser)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    if (strstr(problem, "cannot start any token")) {
        size_t n;
        const char *p = find_line(b->file, LINE(parser->problem_mark), &n);
        if (memchr(p, '\t', n))
            return "a tab cannot be used here; indent with spaces";
    }
    if (strstr(problem, "mapping values are not allowed"))
        return "a second ': ' in one line; quote the value if it is part of it";
    return problem;
}

static int fail_parsing(const struct builder *b, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return xsg_fail(b->err, XSG_ENOMEM, "out of memory");
    if (parser->error == YAML_READER_ERROR)
        return fail_reading(b, parser->problem_offset, parser->problem);
    const char *problem = explain(b, parser);
    /* What was never closed is found at the end of the file; where it began says more. */
    size_t n;
    const char *line = find_line(b->file, LINE(parser->problem_mark), &n);
    bool at_end = line + n == b->file->text + b->file->n && parser->problem_mark.column >= n;
    yaml_mark_t mark = parser->context && at_end ? parser->context_mark : parser->problem_mark;
    if (parser->context)
        return fail(b, LINE(mark), COLUMN(mark), "%s: %s", parser->context, problem);
    return fail(b, LINE(mark), COLUMN(mark), "%s", problem);
}

/* ---- the tree ------------------------------------------------------------------------------- */

static int add_key(struct builder *b, struct level *level, const yaml_event_t *event)
{
    int line = LINE(event->start_mark), column = COLUMN(event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return fail(b, line, column, "a key must be text");
    const char *key = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (memchr(key, '\0', n))
        return fail(b, line, column, "a key must not contain the NUL character");
    bool is_new;
    void **first_line = xsg_map_put(&level->keys, key, n, &is_new);
    if (!is_new) {
        struct xsg_buf shown = XSG_BUF_INIT;
        xsg_put_printable(&shown, key, n);
        int rc = fail(b, line, column, "the key '%s' is already on line %d", xsg_buf_str(&shown),
                      *(int *)*first_line);
        xsg_buf_release(&shown);
        return rc;
    }
    *first_line = XSG_NEW(b->arena, int);
    *(int *)*first_line = line;
    level->key = xsg_strndup(b->arena, key, n);
    level->key_line = line;
    level->key_column = column;
    return XSG_OK;
}

static struct xsg_yaml *add_node(struct builder *b, enum xsg_yaml_type type, yaml_mark_t mark)
{
    struct xsg_yaml *node = XSG_NEW(b->arena, struct xsg_yaml);
    node->type = type;
    node->line = LINE(mark);
    node->column = COLUMN(mark);
    if (b->depth == 0) {
        b->file->root = node;
        return node;
    }
    struct level *parent = &b->stack[b->depth - 1];
    node->key = parent->key;
    node->key_line = parent->key_line;
    node->key_column = parent->key_column;
    parent->key = NULL;
    *parent->tail = node;
    parent->tail = &node->next;
    parent->node->n_children++;
    return node;
}

static int add_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (memchr(text, '\0', n))
        return fail(b, LINE(event->start_mark), COLUMN(event->start_mark),
                    "a value must not contain the NUL character");
    struct xsg_yaml *node = add_node(b, XSG_YAML_SCALAR, event->start_mark);
    node->text = xsg_strndup(b->arena, text, n);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return XSG_OK;
}

static int open_level(struct builder *b, enum xsg_yaml_type type, const yaml_event_t *event)
{
    if (b->depth == DEEPEST)
        return fail(b, LINE(event->start_mark), COLUMN(event->start_mark),
                    "nested deeper than %d levels", DEEPEST);
    struct xsg_yaml *node = add_node(b, type, event->start_mark);
    struct level *level = &b->stack[b->depth++];
    *level = (struct level){.node = node, .tail = &node->child};
    xsg_map_init(&level->keys, b->arena);
    return XSG_OK;
}

/* Anchors, aliases and tags would let a small file mean a huge or a surprising one. */
static int refuse_extras(const struct builder *b, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT) {
        anchor = event->data.alias.anchor;
    } else if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    int line = LINE(event->start_mark), column = COLUMN(event->start_mark);
    if (anchor)
        return fail(b, line, column,
                    "anchors (&) and aliases (*) are not supported; quote the text if it is one");
    if (tag)
        return fail(b, line, column, "tags (!) are not supported; quote the text if it is one");
    return XSG_OK;
}

static int take_event(struct builder *b, const yaml_event_t *event)
{
    int rc = refuse_extras(b, event);
    if (rc)
        return rc;
    struct level *level = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
    bool is_content = event->type == YAML_SCALAR_EVENT ||
                      event->type == YAML_SEQUENCE_START_EVENT ||
                      event->type == YAML_MAPPING_START_EVENT;
    if (is_content && level && level->node->type == XSG_YAML_MAP && !level->key)
        return add_key(b, level, event);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++b->documents > 1)
            return fail(b, LINE(event->start_mark), COLUMN(event->start_mark),
                        "a second document begins here; only one is read");
        return XSG_OK;
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_level(b, XSG_YAML_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return open_level(b, XSG_YAML_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return XSG_OK;
    default:
        return XSG_OK;
    }
}

int xsg_yaml_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                   struct xsg_yaml_file *file, struct xsg_err *err)
{
    *file = (struct xsg_yaml_file){.name = name, .text = text, .n = n};
    if (n > LARGEST)
        return xsg_fail(err, XSG_EINVAL, "%s:1:1: larger than %d bytes", name, LARGEST);
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return xsg_fail(err, XSG_ENOMEM, "out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);

    struct builder *b = XSG_NEW(arena, struct builder);
    b->arena = arena;
    b->file = file;
    b->err = err;
    int rc = XSG_OK;
    for (bool done = false; rc == XSG_OK && !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = fail_parsing(b, &parser);
            break;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        rc = take_event(b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (rc)
        file->root = NULL;
    return rc;
}

/* ---- reading it ----------------------------------------------------------------------------- */

const struct xsg_yaml *xsg_yaml_get(const struct xsg_yaml *map, const char *key)
{
    if (!map || map->type != XSG_YAML_MAP)
        return NULL;
    for (const struct xsg_yaml *child = map->child; child; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}

static void put_list(struct xsg_buf *out, const char *const *known, size_t n)
{
    for (size_t i = 0; i < n; i++)
        xsg_buf_printf(out, "%s%s", i ? ", " : "", known[i]);
}

int xsg_yaml_check_keys(const struct xsg_yaml_file *file, const struct xsg_yaml *map,
                        const char *const *known, size_t n, struct xsg_err *err)
{
    struct xsg_buf text = XSG_BUF_INIT;
    int rc = XSG_OK;
    if (map->type != XSG_YAML_MAP) {
        put_list(&text, known, n);
        rc = xsg_yaml_fail(file, map, false, err, "expected a map with the keys %s",
                           xsg_buf_str(&text));
        goto out;
    }
    for (const struct xsg_yaml *child = map->child; child; child = child->next) {
        size_t i = 0;
        while (i < n && strcmp(known[i], child->key) != 0)
            i++;
        if (i < n)
            continue;
        const char *nearest = xsg_nearest(child->key, known, n);
        xsg_buf_puts(&text, "unknown key '");
        xsg_put_printable(&text, child->key, strlen(child->key));
        xsg_buf_puts(&text, nearest ? "'; did you mean '" : "'; known are ");
        if (nearest)
            xsg_buf_printf(&text, "%s'?", nearest);
        else
            put_list(&text, known, n);
        rc = xsg_yaml_fail(file, child, true, err, "%s", xsg_buf_str(&text));
        goto out;
    }
out:
    xsg_buf_release(&text);
    return rc;
}
