/* Bytes -> header, tables, threads. */
#include "profiler/source/segment.h"

#include <stdlib.h>
#include <string.h>

/* [offset, offset + size) as far as the data reaches; false when it starts beyond. */
static bool clip(size_t n, uint64_t offset, uint64_t size, uint64_t *there)
{
    if (offset > n)
        return false;
    *there = size < n - offset ? size : n - offset;
    return true;
}

static int check_header(const struct xsg_seg_header *h, struct xsg_err *err)
{
    if (h->version != XSG_SEG_VERSION)
        return xsg_fail(err, XSG_ECORRUPT,
                        "it has format %u and this program reads format %u: the profiled program "
                        "used the runtime of another xsgate",
                        h->version, XSG_SEG_VERSION);
    if (h->header_size != XSG_SEG_HEADER_SIZE || h->node_size != sizeof(struct xsg_seg_node) ||
        h->hist_size != sizeof(struct xsg_seg_hist) ||
        h->site_size != sizeof(struct xsg_seg_site) ||
        h->module_size != sizeof(struct xsg_seg_module))
        return xsg_fail(err, XSG_ECORRUPT, "its records have other sizes than this program's");
    if (h->directory_offset < XSG_SEG_HEADER_SIZE || h->n_extents > XSG_SEG_MAX_EXTENTS)
        return xsg_fail(err, XSG_ECORRUPT, "its directory is out of range");
    return 0;
}

int xsg__segment_header(struct xsg_seg_header *header, const void *data, size_t n,
                        struct xsg_err *err)
{
    static const char unfinished[8];
    if (n < XSG_SEG_HEADER_SIZE)
        return xsg_fail(err, XSG_ECORRUPT, "it is cut short: %zu bytes, and its head takes %u", n,
                        XSG_SEG_HEADER_SIZE);
    memcpy(header, data, sizeof *header);
    if (memcmp(header->magic, unfinished, sizeof unfinished) == 0)
        return xsg_fail(err, XSG_ECORRUPT, "its process ended before it had written the head");
    if (memcmp(header->magic, XSG_SEG_MAGIC, sizeof header->magic) != 0)
        return xsg_fail(err, XSG_ECORRUPT, "it is not a segment of a session");
    header->exe[sizeof header->exe - 1] = '\0';
    header->command[sizeof header->command - 1] = '\0';
    return check_header(header, err);
}

/* The longest run of bytes up to and with the last NUL: strings end within the published part. */
static uint32_t whole_strings(const unsigned char *data, uint32_t n)
{
    while (n > 0 && data[n - 1] != '\0')
        n--;
    return n;
}

static void add_part(struct xsg_segment *s, struct xsg_arena *arena,
                     struct xsg_segment_table *table, const struct xsg_seg_extent *extent)
{
    struct xsg_seg_table head;
    uint64_t there;
    if (!clip(s->size, extent->offset, extent->size, &there) || there < sizeof head) {
        s->cut = true;
        return;
    }
    const unsigned char *data = s->data + extent->offset;
    memcpy(&head, data, sizeof head);
    if (head.n > head.capacity || head.capacity > UINT32_MAX - head.first ||
        head.capacity > (extent->size - sizeof head) / table->entry_size) {
        s->damaged++;
        return;
    }
    struct xsg_segment_part part = {.data = data + sizeof head, .first = head.first, .n = head.n};
    uint64_t fit = (there - sizeof head) / table->entry_size;
    if (fit < part.n) {
        part.n = (uint32_t)fit;
        s->cut = true;
    }
    if (table == &s->strings)
        part.n = whole_strings(part.data, part.n);
    table->parts =
        xsg_grow(arena, table->parts, &table->cap_parts, table->n_parts + 1, sizeof *table->parts);
    table->parts[table->n_parts++] = part;
}

/* How many of n records of this size at an offset within the extent are in the file. */
static uint32_t count_there(struct xsg_segment *s, const struct xsg_seg_extent *extent,
                            uint64_t offset, uint32_t n, size_t size)
{
    uint64_t there = 0;
    if (!clip(s->size, extent->offset + offset, (uint64_t)n * size, &there))
        there = 0;
    if (there / size < n)
        s->cut = true;
    return (uint32_t)(there / size);
}

static void add_thread(struct xsg_segment *s, struct xsg_arena *arena,
                       const struct xsg_seg_extent *extent)
{
    struct xsg_segment_thread thread = {0};
    uint64_t there;
    if (!clip(s->size, extent->offset, extent->size, &there) || there < sizeof thread.head) {
        s->cut = true;
        return;
    }
    memcpy(&thread.head, s->data + extent->offset, sizeof thread.head);
    const struct xsg_seg_thread *h = &thread.head;
    const uint64_t node = sizeof(struct xsg_seg_node), hist = sizeof(struct xsg_seg_hist);
    if (h->nodes < 2 || h->nodes > h->node_capacity || h->hists > h->hist_capacity ||
        h->nodes_offset < sizeof *h || h->nodes_offset > extent->size ||
        h->node_capacity > (extent->size - h->nodes_offset) / node || h->hists_offset < sizeof *h ||
        h->hists_offset > extent->size ||
        h->hist_capacity > (extent->size - h->hists_offset) / hist) {
        s->damaged++;
        return;
    }
    thread.n_nodes = count_there(s, extent, h->nodes_offset, h->nodes, node);
    thread.n_hists = count_there(s, extent, h->hists_offset, h->hists, hist);
    if (thread.n_nodes > 0)
        thread.node_bytes = s->data + extent->offset + h->nodes_offset;
    if (thread.n_hists > 0)
        thread.hist_bytes = s->data + extent->offset + h->hists_offset;
    s->threads = xsg_grow(arena, s->threads, &s->cap_threads, s->n_threads + 1, sizeof *s->threads);
    s->threads[s->n_threads++] = thread;
}

static int compare_extents(const void *a, const void *b)
{
    const struct xsg_seg_extent *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static int compare_parts(const void *a, const void *b)
{
    const struct xsg_segment_part *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The used entries of the directory, by offset; a writer's extents are disjoint. */
static int read_directory(struct xsg_segment *s, struct xsg_seg_extent *extents, size_t *n,
                          struct xsg_err *err)
{
    const size_t size = sizeof(struct xsg_seg_extent);
    uint64_t there = 0;
    *n = 0;
    clip(s->size, s->header.directory_offset, s->header.n_extents * size, &there);
    if (there < s->header.n_extents * size)
        s->cut = true;
    uint64_t floor = s->header.directory_offset + s->header.n_extents * (uint64_t)size;
    for (size_t i = 0; i < there / size; i++) {
        struct xsg_seg_extent extent;
        memcpy(&extent, s->data + s->header.directory_offset + i * size, size);
        if (extent.kind == XSG_SEG_EXTENT_FREE)
            continue;
        if (extent.offset < floor || extent.size > UINT64_MAX / 2 || extent.offset > UINT64_MAX / 2)
            return xsg_fail(err, XSG_ECORRUPT, "extent %zu of its directory is out of range", i);
        extents[(*n)++] = extent;
    }
    qsort(extents, *n, size, compare_extents);
    for (size_t i = 1; i < *n; i++)
        if (extents[i].offset < extents[i - 1].offset + extents[i - 1].size)
            return xsg_fail(err, XSG_ECORRUPT, "parts of it overlap");
    return 0;
}

/* Entries with two meanings are none. */
static void sort_parts(struct xsg_segment *s, struct xsg_segment_table *table)
{
    if (table->n_parts == 0)
        return;
    qsort(table->parts, table->n_parts, sizeof *table->parts, compare_parts);
    size_t kept = 1;
    for (size_t i = 1; i < table->n_parts; i++) {
        const struct xsg_segment_part *last = &table->parts[kept - 1];
        if (table->parts[i].first - last->first >= last->n)
            table->parts[kept++] = table->parts[i];
        else
            s->damaged++;
    }
    table->n_parts = kept;
}

int xsg__segment_open(struct xsg_segment *s, struct xsg_arena *arena, const void *data, size_t n,
                      struct xsg_err *err)
{
    *s = (struct xsg_segment){.data = data, .size = n};
    s->strings.entry_size = 1;
    s->sites.entry_size = sizeof(struct xsg_seg_site);
    s->modules.entry_size = sizeof(struct xsg_seg_module);
    int rc = xsg__segment_header(&s->header, data, n, err);
    if (rc)
        return rc;
    struct xsg_seg_extent *extents =
        XSG_NEW_ARRAY(arena, struct xsg_seg_extent, XSG_SEG_MAX_EXTENTS);
    size_t n_extents;
    rc = read_directory(s, extents, &n_extents, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n_extents; i++) {
        uint64_t table_head = sizeof(struct xsg_seg_table);
        switch (extents[i].size >= table_head ? extents[i].kind : XSG_SEG_EXTENT_FREE) {
        case XSG_SEG_EXTENT_SITES:
            add_part(s, arena, &s->sites, &extents[i]);
            break;
        case XSG_SEG_EXTENT_STRINGS:
            add_part(s, arena, &s->strings, &extents[i]);
            break;
        case XSG_SEG_EXTENT_MODULES:
            add_part(s, arena, &s->modules, &extents[i]);
            break;
        case XSG_SEG_EXTENT_THREAD:
            add_thread(s, arena, &extents[i]);
            break;
        default:
            s->damaged++;
        }
    }
    sort_parts(s, &s->sites);
    sort_parts(s, &s->strings);
    sort_parts(s, &s->modules);
    return 0;
}

static const struct xsg_segment_part *find_part(const struct xsg_segment_table *table,
                                                uint64_t index)
{
    size_t low = 0, high = table->n_parts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct xsg_segment_part *part = &table->parts[middle];
        if (index < part->first)
            high = middle;
        else if (index - part->first >= part->n)
            low = middle + 1;
        else
            return part;
    }
    return NULL;
}

bool xsg__segment_site(const struct xsg_segment *s, uint64_t index, struct xsg_seg_site *site)
{
    const struct xsg_segment_part *part = find_part(&s->sites, index);
    if (!part)
        return false;
    memcpy(site, part->data + (size_t)(index - part->first) * sizeof *site, sizeof *site);
    return true;
}

const char *xsg__segment_string(const struct xsg_segment *s, xsg_seg_string string)
{
    const struct xsg_segment_part *part = find_part(&s->strings, string);
    return part ? (const char *)part->data + (string - part->first) : "";
}

size_t xsg__segment_n_modules(const struct xsg_segment *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->modules.n_parts; i++)
        n += s->modules.parts[i].n;
    return n;
}

void xsg__segment_module(const struct xsg_segment *s, size_t i, struct xsg_seg_module *module)
{
    const struct xsg_segment_part *part = s->modules.parts;
    while (i >= part->n)
        i -= (part++)->n;
    memcpy(module, part->data + i * sizeof *module, sizeof *module);
}

void xsg__segment_node(const struct xsg_segment_thread *thread, uint32_t i,
                       struct xsg_seg_node *node)
{
    memcpy(node, thread->node_bytes + (size_t)i * sizeof *node, sizeof *node);
    if (node->credit <= node->timed)
        node->timed -= node->credit;
}

bool xsg__segment_hist(const struct xsg_segment_thread *thread, const struct xsg_seg_node *node,
                       struct xsg_seg_hist *hist)
{
    if (node->hist == 0 || node->hist > thread->n_hists)
        return false;
    memcpy(hist, thread->hist_bytes + (size_t)(node->hist - 1) * sizeof *hist, sizeof *hist);
    return true;
}
