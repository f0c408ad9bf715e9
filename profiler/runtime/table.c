/* The segment's tables: strings, sites, modules. All writing is under the process lock. */
#include <string.h>
#include <sys/mman.h>

#include "profiler/runtime/runtime.h"

enum { PARTS = 12, STRING_MAX = 4096, SEEN = 1024, TEXTS = 1024 };

/* A table's extents; each has twice the capacity of the one before. */
struct table {
    uint32_t kind, entry, capacity; /* of the first extent */
    uint32_t parts;
    struct xsg_seg_table *part[PARTS];
};

static struct table strings = {XSG_SEG_EXTENT_STRINGS, 1, 32768 - 16, 0, {NULL}};
static struct table sites = {XSG_SEG_EXTENT_SITES, sizeof(struct xsg_seg_site), 340, 0, {NULL}};
static struct table modules = {
    XSG_SEG_EXTENT_MODULES, sizeof(struct xsg_seg_module), 51, 0, {NULL}};

/* Strings that were added, by hash: file and function names repeat with every site. */
static xsg_seg_string seen[SEEN];

/* Sites of "key=value" attributes, by hash. index is + 1. */
static struct {
    uint64_t hash;
    uint32_t index;
} texts[TEXTS];

static struct xsg_seg_table *add_part(struct table *table)
{
    const struct xsg_seg_table *last = table->parts ? table->part[table->parts - 1] : NULL;
    uint32_t capacity = last ? last->capacity * 2 : table->capacity;
    struct xsg_seg_table *part;
    uint32_t extent;

    if (table->parts == PARTS)
        return NULL;
    part = xsg__extent_add(sizeof *part + (size_t)capacity * table->entry, &extent);
    if (!part)
        return NULL;
    part->capacity = capacity;
    part->first = last ? last->first + last->capacity : 0;
    xsg__extent_publish(extent, table->kind);
    __atomic_store_n(&table->part[table->parts], part, __ATOMIC_RELEASE);
    __atomic_store_n(&table->parts, table->parts + 1, __ATOMIC_RELEASE);
    return part;
}

/* Room for n entries in one part, or NULL; *index is that of the first. */
static void *reserve(struct table *table, uint32_t n, uint32_t *index)
{
    struct xsg_seg_table *part = table->parts ? table->part[table->parts - 1] : NULL;

    if (xsg__process.unsettled) /* the tables are still the parent's */
        return NULL;
    if (!part || part->capacity - part->n < n)
        part = add_part(table);
    if (!part || part->capacity < n)
        return NULL;
    *index = part->first + part->n;
    return (char *)(part + 1) + (size_t)part->n * table->entry;
}

static void publish(struct table *table, uint32_t n)
{
    struct xsg_seg_table *part = table->part[table->parts - 1];

    __atomic_store_n(&part->n, part->n + n, __ATOMIC_RELEASE);
}

static const void *entry_at(const struct table *table, uint32_t index)
{
    for (uint32_t i = 0; i < table->parts; i++) {
        const struct xsg_seg_table *part = table->part[i];

        if (index >= part->first && index - part->first < part->n)
            return (const char *)(part + 1) + (size_t)(index - part->first) * table->entry;
    }
    return NULL;
}

static uint32_t count(const struct table *table)
{
    const struct xsg_seg_table *last = table->parts ? table->part[table->parts - 1] : NULL;

    return last ? last->first + last->n : 0;
}

static uint64_t hash_bytes(uint64_t hash, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

static bool string_is(xsg_seg_string index, const char *text, size_t n)
{
    const char *known = entry_at(&strings, index);

    if (n > STRING_MAX)
        n = STRING_MAX;
    if (n == 0)
        return index == 0;
    return known && strncmp(known, text, n) == 0 && known[n] == '\0';
}

xsg_seg_string xsg__string_add(const char *text, size_t n)
{
    uint64_t hash;
    uint32_t index;
    char *at;

    if (n > STRING_MAX)
        n = STRING_MAX;
    if (n == 0)
        return 0;
    hash = hash_bytes(0xcbf29ce484222325u, text, n);
    if (seen[hash % SEEN] && string_is(seen[hash % SEEN], text, n))
        return seen[hash % SEEN];
    at = reserve(&strings, (uint32_t)n + 1, &index);
    if (at && index == 0) { /* the very first byte is the empty string */
        publish(&strings, 1);
        at = reserve(&strings, (uint32_t)n + 1, &index);
    }
    if (!at) {
        xsg__lost(&xsg__process.header->lost_strings);
        return 0;
    }
    memcpy(at, text, n);
    at[n] = '\0';
    publish(&strings, (uint32_t)n + 1);
    seen[hash % SEEN] = index;
    return index;
}

static bool site_is(const struct xsg_seg_site *entry, const struct xsg__site *site,
                    const char *name, size_t n)
{
    return entry->line == site->line && entry->kind == site->kind &&
           string_is(entry->name, name, n) &&
           string_is(entry->file, site->file, strlen(site->file)) &&
           string_is(entry->function, site->function, strlen(site->function));
}

/* The index of a site with these texts, added if absent; -1 when it does not fit. */
static int64_t site_index(const struct xsg__site *site, const char *name, size_t n)
{
    uint32_t index, known = count(&sites);
    struct xsg_seg_site *at;

    /* A library that was closed and opened again registers its sites again. */
    for (uint32_t i = 0; i < known; i++) {
        const struct xsg_seg_site *entry = entry_at(&sites, i);

        if (entry && site_is(entry, site, name, n))
            return i;
    }
    at = reserve(&sites, 1, &index);
    if (!at) {
        xsg__lost(&xsg__process.header->lost_sites);
        return -1;
    }
    at->name = xsg__string_add(name, n);
    at->file = xsg__string_add(site->file, strlen(site->file));
    at->function = xsg__string_add(site->function, strlen(site->function));
    at->line = site->line;
    at->kind = site->kind;
    publish(&sites, 1);
    return index;
}

void xsg__site_add(struct xsg__site *site)
{
    int64_t index;

    xsg__lock();
    if (!site->index) {
        index = site_index(site, site->name, strlen(site->name));
        if (index < 0) {
            __atomic_store_n(&site->index, XSG__SITE_LOST, __ATOMIC_RELAXED);
        } else {
            __atomic_store_n(&site->index, (uint32_t)index + 1, __ATOMIC_RELAXED);
            if (index < XSG__SLOTS) /* sites beyond the inline caches take the slow path */
                __atomic_store_n(&site->cache, XSG__CACHE((size_t)index), __ATOMIC_RELAXED);
        }
    }
    xsg__unlock();
}

int64_t xsg__text_site(const struct xsg__site *key, const char *value)
{
    size_t n = strlen(key->name), m = strnlen(value, 255);
    char text[512];
    uint64_t hash;
    int64_t index = -1;

    if (n > 255)
        n = 255;
    memcpy(text, key->name, n);
    text[n] = '=';
    memcpy(text + n + 1, value, m);
    hash = hash_bytes(0xcbf29ce484222325u ^ key->line, text, n + 1 + m) | 1;
    xsg__lock();
    for (uint32_t i = 0; i < TEXTS; i++) {
        uint32_t at = (uint32_t)((hash >> 8) + i) % TEXTS;

        if (texts[at].hash == 0) {
            index = site_index(key, text, n + 1 + m);
            if (index >= 0) {
                texts[at].hash = hash;
                texts[at].index = (uint32_t)index;
            }
            break;
        }
        if (texts[at].hash == hash) {
            index = texts[at].index;
            break;
        }
        if (i + 1 == TEXTS)
            xsg__lost(&xsg__process.header->lost_sites);
    }
    xsg__unlock();
    return index;
}

bool xsg__module_add(const struct xsg_seg_module *module, const char *path)
{
    struct xsg_seg_module entry = *module;
    uint32_t index, known = count(&modules);
    void *at;

    for (uint32_t i = 0; i < known; i++) {
        const struct xsg_seg_module *other = entry_at(&modules, i);

        if (other && other->start == entry.start && other->end == entry.end &&
            other->build_id_n == entry.build_id_n &&
            memcmp(other->build_id, entry.build_id, sizeof entry.build_id) == 0 &&
            string_is(other->path, path, strnlen(path, STRING_MAX)))
            return true;
    }
    entry.path = xsg__string_add(path, strlen(path));
    at = reserve(&modules, 1, &index);
    if (!at) {
        xsg__lost(&xsg__process.header->lost_modules);
        return false;
    }
    memcpy(at, &entry, sizeof entry);
    publish(&modules, 1);
    return true;
}

bool xsg__modules_has(uint64_t address)
{
    uint32_t parts = __atomic_load_n(&modules.parts, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < parts; i++) {
        const struct xsg_seg_table *part = __atomic_load_n(&modules.part[i], __ATOMIC_ACQUIRE);
        const struct xsg_seg_module *entry = (const void *)(part + 1);
        uint32_t n = __atomic_load_n(&part->n, __ATOMIC_ACQUIRE);

        for (uint32_t k = 0; k < n; k++)
            if (address >= entry[k].start && address < entry[k].end)
                return true;
    }
    return false;
}

/* Copies a table of the parent's file into this process's new one: same parts, same indexes. The
 * parent may still add entries to what is being read; they are complete when counted. */
static bool settle(struct table *table)
{
    for (uint32_t i = 0; i < table->parts; i++) {
        struct xsg_seg_table *old = table->part[i], *part;
        size_t size = sizeof *old + (size_t)old->capacity * table->entry;
        uint32_t extent, n = __atomic_load_n(&old->n, __ATOMIC_ACQUIRE);

        part = xsg__extent_add(size, &extent);
        if (!part)
            return false;
        memcpy(part + 1, old + 1, (size_t)n * table->entry);
        part->capacity = old->capacity;
        part->first = old->first;
        part->n = n;
        xsg__extent_publish(extent, table->kind);
        table->part[i] = part;
        munmap(old, (size + 4095) & ~(size_t)4095);
    }
    return true;
}

bool xsg__tables_settle(void)
{
    return settle(&sites) && settle(&modules) && settle(&strings);
}
