/*
 * A segment file in memory, checked, and what its files share. Nobody outside of profiler/source
 * includes this.
 *
 * segment.c        bytes -> header, tables, threads, each checked against the file's size
 * segment_time.c   ticks of a thread's nodes -> own times, costs of measuring taken out
 * segment_clock.c  how many ns a tick takes
 * segment_names.c  sites and addresses -> functions
 * segment_fold.c   paths, durations, counters -> fold
 * segment_notes.c  losses -> sentences
 * session.c        the folder
 *
 * The bytes are hostile. They need not be aligned: records are copied out. What lies beyond the end
 * of a cut file is missing, the whole records before it count.
 */
#ifndef XSG_PROFILER_SOURCE_SEGMENT_H
#define XSG_PROFILER_SOURCE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "profiler/code.h"
#include "profiler/fold.h"
#include "profiler/format.h"
#include "profiler/symbol.h"

struct xsg_segment_part { /* an extent of a table */
    const unsigned char *data;
    uint32_t first, n;
};

struct xsg_segment_table { /* parts in order of first, disjoint */
    struct xsg_segment_part *parts;
    size_t n_parts, cap_parts;
    size_t entry_size;
};

struct xsg_segment_thread {
    struct xsg_seg_thread head;
    const unsigned char *node_bytes, *hist_bytes;
    uint32_t n_nodes, n_hists; /* that are there, at most head.nodes and head.hists */
};

struct xsg_segment {
    const unsigned char *data;
    size_t size;
    struct xsg_seg_header header;
    struct xsg_segment_table sites, strings, modules;
    struct xsg_segment_thread *threads;
    size_t n_threads, cap_threads;
    bool cut;         /* the file ends before its records do */
    uint64_t damaged; /* records left out because they cannot be right */
};

/* ---- segment.c ---- */
/* The header alone, from the first bytes of a file. XSG_ECORRUPT with a sentence. */
int xsg__segment_header(struct xsg_seg_header *header, const void *data, size_t n,
                        struct xsg_err *err);
int xsg__segment_open(struct xsg_segment *segment, struct xsg_arena *arena, const void *data,
                      size_t n, struct xsg_err *err);
/* false: there is no such entry. */
bool xsg__segment_site(const struct xsg_segment *segment, uint64_t index,
                       struct xsg_seg_site *site);
size_t xsg__segment_n_modules(const struct xsg_segment *segment);
/* i counts those that are there. */
void xsg__segment_module(const struct xsg_segment *segment, size_t i,
                         struct xsg_seg_module *module);
/* "" for a bad reference. Lives as long as the segment's bytes. */
const char *xsg__segment_string(const struct xsg_segment *segment, xsg_seg_string string);
void xsg__segment_node(const struct xsg_segment_thread *thread, uint32_t i,
                       struct xsg_seg_node *node);
/* false: it has none, or a bad one. */
bool xsg__segment_hist(const struct xsg_segment_thread *thread, const struct xsg_seg_node *node,
                       struct xsg_seg_hist *hist);

/* ---- segment_time.c ---- */
enum xsg_segment_what { /* what a node is; numbers of the writer that make no sense are BAD */
                        XSG_SEGMENT_BAD,
                        XSG_SEGMENT_ROOT,
                        XSG_SEGMENT_OVERFLOW,
                        XSG_SEGMENT_SCOPE,
                        XSG_SEGMENT_FUNCTION,
                        XSG_SEGMENT_FRAME, /* of a sampled stack */
                        XSG_SEGMENT_VALUE  /* counter or attribute */
};

struct xsg_segment_time {
    enum xsg_segment_what what;
    uint32_t parent;
    double self;     /* ticks (FRAME: ns); may be below 0 by noise of estimates */
    double variance; /* of self, ticks squared */
    bool open;       /* entered, and not one call of it has a duration */
};

/* One per node of the thread, by index. */
struct xsg_segment_time *xsg__segment_times(const struct xsg_segment *segment,
                                            const struct xsg_segment_thread *thread,
                                            struct xsg_arena *arena);
/* The part of a timed call's cost that lies inside of its measured time, in ticks. */
double xsg__segment_inner(const struct xsg_segment *segment, enum xsg_segment_what what);

/* ---- segment_clock.c ---- */
struct xsg_segment_clocks { /* over the segments of a session; starts zeroed */
    struct xsg_seg_clock_pair first, last;
    size_t n; /* pairs added */
};
void xsg__clocks_add(struct xsg_segment_clocks *clocks, const struct xsg_seg_header *header);
/* ns per tick from the pairs alone; 0: they are too near to each other, or make no sense. */
double xsg__clocks_rate(const struct xsg_segment_clocks *clocks);
/* The same, from one process's own pairs over at least 10 ms; 0: it cannot say. */
double xsg__clocks_own_rate(const struct xsg_seg_header *header);
/* ns per tick on this machine now, measured for at least 10 ms against a pair of the session when
 * that is from the same boot; 0: no such clock here. */
double xsg__clocks_host_rate(const struct xsg_segment_clocks *clocks);

/* ---- segment_notes.c ---- */
struct xsg_segment_losses {                             /* summed over the segments of a session */
    uint64_t threads, sites, strings, modules, no_room; /* no_room: calls without a node */
    uint64_t reentries, unmatched, too_deep, negative, samples_lost, open, open_nodes;
    uint64_t samples, sample_ns, truncated, damaged, cut, rate_hz;
    uint64_t by_frames;        /* samples walked by frame pointers */
    uint32_t sample_notes;     /* enum xsg_seg_sample_note bits */
    struct xsg_map nameless;   /* base name of a module -> struct xsg_segment_weight */
    struct xsg_map attributes; /* "key=value" or "key" -> struct xsg_segment_attribute */
};
struct xsg_segment_weight {
    double ns;
};
struct xsg_segment_attribute {
    uint64_t n;
    int64_t last;
    bool is_number;
};
void xsg__losses_init(struct xsg_segment_losses *losses, struct xsg_arena *arena);
/* Writes the notes and adds to the fold's sums. */
void xsg__losses_note(const struct xsg_segment_losses *losses, struct xsg_fold *fold);

/* ---- segment_names.c ---- */
struct xsg_segment_reading {           /* what reading a segment needs beside it */
    struct xsg_arena *arena;           /* for what stays */
    struct xsg_symboliser *symboliser; /* NULL: addresses are named "module+0x..." */
    const char *root;                  /* absolute, without links; NULL: none */
    struct xsg_code_cache *code;       /* NULL: codes stay unknown */
    struct xsg_map *modules;           /* paths of the project's own, over all segments */
    bool keep_addresses;
    double ns_per_tick;
    struct xsg_fold *fold;
    struct xsg_segment_losses *losses;
};

struct xsg_segment_names { /* what a key stands for: functions of the fold, outermost first */
    uint32_t *functions;
    size_t n;             /* 0: nothing of the program's */
    const char *nameless; /* the module, when the innermost frame has no symbol */
};

struct xsg_segment_module;
struct xsg_segment_naming {
    const struct xsg_segment *segment;
    const struct xsg_segment_reading *reading;
    struct xsg_arena *scratch;
    struct xsg_segment_module *modules; /* by start */
    size_t n_modules;
    struct xsg_code_program *program; /* of the project's modules; NULL: none */
    struct xsg_map names;             /* key -> struct xsg_segment_names */
};
void xsg__names_init(struct xsg_segment_naming *naming, const struct xsg_segment *segment,
                     const struct xsg_segment_reading *reading, struct xsg_arena *scratch);
const struct xsg_segment_names *xsg__names_of(struct xsg_segment_naming *naming, uint64_t key);

/* ---- segment_fold.c ---- */
void xsg__segment_fold(const struct xsg_segment *segment,
                       const struct xsg_segment_reading *reading);

#endif
