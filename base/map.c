#include "base/map.h"

#include <string.h>

#include "base/str.h"

void xsg_map_init(struct xsg_map *map, struct xsg_arena *arena)
{
    *map = (struct xsg_map){.arena = arena};
}

/* The slot of the key, or the empty one where it would go. n_slots is a power of two, at most 3/4
 * full. */
static size_t *find_slot(const struct xsg_map *map, const void *key, size_t key_len)
{
    size_t mask = map->n_slots - 1;
    for (size_t i = xsg_hash(key, key_len) & mask;; i = (i + 1) & mask) {
        size_t *slot = &map->slots[i];
        if (*slot == 0)
            return slot;
        const struct xsg_map_entry *entry = &map->entries[*slot - 1];
        if (entry->key_len == key_len && (key_len == 0 || memcmp(entry->key, key, key_len) == 0))
            return slot;
    }
}

static void rehash(struct xsg_map *map)
{
    size_t n_slots = map->n_slots ? map->n_slots * 2 : 16;
    map->slots = XSG_NEW_ARRAY(map->arena, size_t, n_slots);
    map->n_slots = n_slots;
    for (size_t i = 0; i < map->n; i++)
        *find_slot(map, map->entries[i].key, map->entries[i].key_len) = i + 1;
}

void **xsg_map_put(struct xsg_map *map, const void *key, size_t key_len, bool *is_new)
{
    if (map->n >= map->n_slots / 4 * 3)
        rehash(map);
    size_t *slot = find_slot(map, key, key_len);
    if (is_new)
        *is_new = *slot == 0;
    if (*slot == 0) {
        map->entries =
            xsg_grow(map->arena, map->entries, &map->cap, map->n + 1, sizeof *map->entries);
        char *copy = xsg_alloc(map->arena, key_len + 1, 1);
        if (key_len > 0)
            memcpy(copy, key, key_len);
        map->entries[map->n] = (struct xsg_map_entry){.key = copy, .key_len = key_len};
        *slot = ++map->n;
    }
    return &map->entries[*slot - 1].value;
}

void *xsg_map_get(const struct xsg_map *map, const void *key, size_t key_len)
{
    if (map->n == 0)
        return NULL;
    size_t slot = *find_slot(map, key, key_len);
    return slot ? map->entries[slot - 1].value : NULL;
}
