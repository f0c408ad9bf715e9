/* A string-keyed hash map. Keys are copied into the arena. Iteration follows insertion order. */
#ifndef XSG_BASE_MAP_H
#define XSG_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct xsg_map_entry {
    const char *key; /* NUL-terminated copy; may contain NULs when key_len says so */
    size_t key_len;
    void *value;
};

struct xsg_map {
    struct xsg_arena *arena;
    struct xsg_map_entry *entries; /* entries[0 .. n): insertion order */
    size_t n, cap;
    size_t *slots; /* index + 1 into entries, 0 = empty */
    size_t n_slots;
};

void xsg_map_init(struct xsg_map *map, struct xsg_arena *arena);
/* The value's place, made (NULL value) when absent; valid until the next insertion. */
void **xsg_map_put(struct xsg_map *map, const void *key, size_t key_len, bool *is_new);
void *xsg_map_get(const struct xsg_map *map, const void *key, size_t key_len); /* NULL if absent */

#endif
