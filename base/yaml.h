/*
 * YAML by libyaml as a tree in an arena, with the positions that good errors need. Strict:
 * duplicate keys, aliases, tags, a second document, more than 64 levels or 1 MiB are errors.
 * Scalars stay text. Lines and columns count from 1.
 */
#ifndef XSG_BASE_YAML_H
#define XSG_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum xsg_yaml_type { XSG_YAML_SCALAR, XSG_YAML_LIST, XSG_YAML_MAP };

struct xsg_yaml {
    enum xsg_yaml_type type;
    int line, column;
    const char *text; /* scalar: NUL-terminated, no NUL inside; plain empty scalar: "" */
    bool quoted;      /* scalar: was it quoted or a block scalar? */
    const char *key;  /* this node's key in its map, else NULL */
    int key_line, key_column;
    struct xsg_yaml *child, *next; /* list items or map values, in order */
    size_t n_children;
};

struct xsg_yaml_file {
    const char *name; /* as it is to be named in errors */
    const char *text; /* the whole text, for showing the line and a caret */
    size_t n;
    struct xsg_yaml *root; /* NULL for an empty document */
};

/* All memory from the arena. XSG_EINVAL: "name:line:column: what is wrong", hint: line and caret.
 */
int xsg_yaml_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                   struct xsg_yaml_file *file, struct xsg_err *err);

/* An error at a node (its key when at_key), in the same form as the parser's. Returns XSG_EINVAL.
 */
int xsg_yaml_fail(const struct xsg_yaml_file *file, const struct xsg_yaml *node, bool at_key,
                  struct xsg_err *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The child of a map by key, or NULL. */
const struct xsg_yaml *xsg_yaml_get(const struct xsg_yaml *map, const char *key);

/* Every key of the map must be one of known[n]; the error names the nearest known key. */
int xsg_yaml_check_keys(const struct xsg_yaml_file *file, const struct xsg_yaml *map,
                        const char *const *known, size_t n, struct xsg_err *err);

#endif
