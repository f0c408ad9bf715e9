/*
 * Builds the bytes of a segment file (profiler/format.h) in memory, for tests of what reads them.
 * Nodes 0 and 1 of a thread are there from the start. Everything is public: a test bends what it
 * wants bent before, or in the bytes after, segment_write().
 */
#ifndef XSG_TESTS_SEGMENT_BUILDER_H
#define XSG_TESTS_SEGMENT_BUILDER_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/format.h"

#define BUILDER __attribute__((unused)) static

enum {
    BUILD_STRINGS = 4096,
    BUILD_SITES = 40,
    BUILD_MODULES = 10,
    BUILD_NODES = 200,
    BUILD_HISTS = 30,
    BUILD_THREADS = 4,
    BUILD_EXTENTS = 16 /* of the directory */
};

struct built_thread {
    struct xsg_seg_thread head;
    struct xsg_seg_node nodes[BUILD_NODES];
    struct xsg_seg_hist hists[BUILD_HISTS];
};

struct built_segment {
    struct xsg_seg_header header;
    char strings[BUILD_STRINGS];
    struct xsg_seg_site sites[BUILD_SITES];
    struct xsg_seg_module modules[BUILD_MODULES];
    struct built_thread threads[BUILD_THREADS];
    uint32_t n_strings, n_sites, n_modules, n_threads;
    int tight; /* see segment_tighten */
};

/* A tick is a ns, measuring costs nothing. */
BUILDER void segment_init(struct built_segment *s)
{
    memset(s, 0, sizeof *s);
    struct xsg_seg_header *h = &s->header;
    memcpy(h->magic, XSG_SEG_MAGIC, sizeof h->magic);
    h->version = XSG_SEG_VERSION;
    h->header_size = XSG_SEG_HEADER_SIZE;
    h->node_size = sizeof(struct xsg_seg_node);
    h->hist_size = sizeof(struct xsg_seg_hist);
    h->site_size = sizeof(struct xsg_seg_site);
    h->module_size = sizeof(struct xsg_seg_module);
    h->pid = 100;
    h->clock = XSG_SEG_CLOCK_TSC;
    h->modes = XSG_SEG_MODE_SCOPES;
    h->state = XSG_SEG_EXITED;
    h->start = (struct xsg_seg_clock_pair){1000000000, 5000000000};
    h->last = (struct xsg_seg_clock_pair){2000000000, 6000000000};
    h->directory_offset = XSG_SEG_HEADER_SIZE;
    h->n_extents = BUILD_EXTENTS;
    s->n_strings = 1; /* the empty string */
}

BUILDER xsg_seg_string segment_string(struct built_segment *s, const char *text)
{
    uint32_t at = s->n_strings, n = (uint32_t)strlen(text) + 1;
    assert(at + n <= BUILD_STRINGS);
    memcpy(s->strings + at, text, n);
    s->n_strings += n;
    return at;
}

BUILDER uint64_t segment_site(struct built_segment *s, uint32_t kind, const char *name,
                              const char *file, uint32_t line)
{
    assert(s->n_sites < BUILD_SITES);
    s->sites[s->n_sites] = (struct xsg_seg_site){.name = segment_string(s, name),
                                                 .file = segment_string(s, file),
                                                 .function = segment_string(s, "f"),
                                                 .line = line,
                                                 .kind = kind};
    return XSG_SEG_KEY(XSG_SEG_KEY_SITE, s->n_sites++);
}

BUILDER uint64_t segment_scope(struct built_segment *s, const char *name)
{
    return segment_site(s, XSG_SEG_SITE_SCOPE, name, "a.c", 7);
}

BUILDER void segment_module(struct built_segment *s, uint64_t start, uint64_t end, const char *path)
{
    assert(s->n_modules < BUILD_MODULES);
    s->modules[s->n_modules++] = (struct xsg_seg_module){
        .start = start, .end = end, .bias = start, .path = segment_string(s, path)};
}

BUILDER struct built_thread *segment_thread(struct built_segment *s)
{
    assert(s->n_threads < BUILD_THREADS);
    struct built_thread *t = &s->threads[s->n_threads++];
    t->head =
        (struct xsg_seg_thread){.tid = 100 + s->n_threads,
                                .threads = 1,
                                .node_capacity = BUILD_NODES,
                                .nodes = 2,
                                .hist_capacity = BUILD_HISTS,
                                .nodes_offset = sizeof(struct xsg_seg_thread),
                                .hists_offset = sizeof(struct xsg_seg_thread) + sizeof t->nodes,
                                .name = "test"};
    t->nodes[1].key = XSG_SEG_KEY(XSG_SEG_KEY_ROOT, 1);
    t->nodes[1].parent = 1;
    return t;
}

/* Every call timed. */
BUILDER uint32_t segment_node(struct built_thread *t, uint32_t parent, uint64_t key, uint64_t calls,
                              uint64_t ticks)
{
    assert(t->head.nodes < BUILD_NODES);
    t->nodes[t->head.nodes] = (struct xsg_seg_node){
        .key = key, .calls = calls, .timed = calls, .ticks = ticks, .parent = parent};
    return t->head.nodes++;
}

BUILDER struct xsg_seg_hist *segment_hist(struct built_thread *t, uint32_t node)
{
    assert(t->head.hists < BUILD_HISTS);
    struct xsg_seg_hist *hist = &t->hists[t->head.hists++];
    hist->min = UINT64_MAX;
    t->nodes[node].hist = t->head.hists;
    return hist;
}

BUILDER void segment_durations(struct xsg_seg_hist *hist, uint64_t ticks, uint32_t n)
{
    uint64_t v = ticks < 4 ? 4 : ticks;
    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    hist->bucket[(top - 2) * 4 + ((v >> (top - 2)) & 3)] += n;
    hist->n += n;
    hist->min = ticks < hist->min ? ticks : hist->min;
    hist->max = ticks > hist->max ? ticks : hist->max;
}

/* Where the next extent goes; its bytes are zero. */
BUILDER unsigned char *segment_extent(unsigned char *data, size_t *end, uint32_t i, uint32_t kind,
                                      size_t size)
{
    struct xsg_seg_extent extent = {.offset = *end, .size = size, .kind = kind};
    memcpy(data + XSG_SEG_HEADER_SIZE + i * sizeof extent, &extent, sizeof extent);
    *end += size;
    return data + extent.offset;
}

BUILDER void segment_table(unsigned char *at, uint32_t capacity, uint32_t n, const void *entries,
                           size_t size)
{
    struct xsg_seg_table table = {.capacity = capacity, .n = n};
    memcpy(at, &table, sizeof table);
    memcpy(at + sizeof table, entries, n * size);
}

enum {
    BUILD_BASE = XSG_SEG_HEADER_SIZE + BUILD_EXTENTS * sizeof(struct xsg_seg_extent),
    BUILD_TABLE = sizeof(struct xsg_seg_table)
};

/* The thread's region: head, nodes, histograms, as its head says. */
BUILDER void segment_region(unsigned char *at, const struct built_thread *t)
{
    memcpy(at, &t->head, sizeof t->head);
    memcpy(at + t->head.nodes_offset, t->nodes, t->head.node_capacity * sizeof t->nodes[0]);
    memcpy(at + t->head.hists_offset, t->hists, t->head.hist_capacity * sizeof t->hists[0]);
}

BUILDER size_t segment_region_size(const struct built_thread *t)
{
    return t->head.hists_offset + t->head.hist_capacity * sizeof t->hists[0];
}

/* The file's bytes, from malloc; extents in the order strings, sites, modules, threads. */
BUILDER unsigned char *segment_write(const struct built_segment *s, size_t *n)
{
    uint32_t strings = s->tight ? s->n_strings : BUILD_STRINGS;
    uint32_t sites = s->tight ? s->n_sites : BUILD_SITES;
    uint32_t modules = s->tight ? s->n_modules : BUILD_MODULES;
    size_t string_bytes = BUILD_TABLE + strings;
    size_t site_bytes = BUILD_TABLE + sites * sizeof s->sites[0];
    size_t module_bytes = BUILD_TABLE + modules * sizeof s->modules[0];
    size_t size = BUILD_BASE + string_bytes + site_bytes + module_bytes, end = BUILD_BASE;
    for (uint32_t i = 0; i < s->n_threads; i++)
        size += segment_region_size(&s->threads[i]);
    unsigned char *data = calloc(1, size);
    assert(data);
    memcpy(data, &s->header, sizeof s->header);
    segment_table(segment_extent(data, &end, 0, XSG_SEG_EXTENT_STRINGS, string_bytes), strings,
                  s->n_strings, s->strings, 1);
    segment_table(segment_extent(data, &end, 1, XSG_SEG_EXTENT_SITES, site_bytes), sites,
                  s->n_sites, s->sites, sizeof s->sites[0]);
    segment_table(segment_extent(data, &end, 2, XSG_SEG_EXTENT_MODULES, module_bytes), modules,
                  s->n_modules, s->modules, sizeof s->modules[0]);
    for (uint32_t i = 0; i < s->n_threads; i++)
        segment_region(segment_extent(data, &end, 3 + i, XSG_SEG_EXTENT_THREAD,
                                      segment_region_size(&s->threads[i])),
                       &s->threads[i]);
    assert(end == size);
    *n = size;
    return data;
}

/* Capacities as small as they can be: a small file, each of whose bytes matters. */
BUILDER void segment_tighten(struct built_segment *s)
{
    s->tight = 1;
    for (uint32_t i = 0; i < s->n_threads; i++) {
        struct xsg_seg_thread *head = &s->threads[i].head;
        head->node_capacity = head->nodes;
        head->hist_capacity = head->hists;
        head->hists_offset = head->nodes_offset + head->nodes * sizeof(struct xsg_seg_node);
    }
}

#undef BUILDER
#endif
