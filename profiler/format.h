/*
 * The bytes of a session: what the target side writes and the host side reads.
 *
 * A session is a folder ($XSGATE_SESSION). Every process of the target that attaches creates one
 * segment file in it, "PID-NONCE.xseg", maps it MAP_SHARED and writes through the mapping only, so
 * that the page cache keeps everything when the process dies in any way. The file grows in extents;
 * each is reserved on the disk (fallocate) before it is mapped, so that a full disk shows as a lost
 * thread and never as SIGBUS in the target.
 *
 * Integers are little-endian, offsets count from the file's start, structures are 8-aligned. A
 * writer fills a record completely and publishes it last (release store of a count or of an
 * extent's kind), so that a reader of a killed process sees whole records only. A reader trusts
 * nothing: every offset, count, index and string is checked.
 *
 * Layout: header (XSG_SEG_HEADER_SIZE) | directory of extents | extents ...
 */
#ifndef XSG_PROFILER_FORMAT_H
#define XSG_PROFILER_FORMAT_H

#include <stdint.h>

#define XSG_SEG_MAGIC "XSGSEG\r\n" /* 8 bytes; catches text-mode damage */
#define XSG_SEG_VERSION 1u
#define XSG_SEG_SUFFIX ".xseg"
#define XSG_SEG_HEADER_SIZE 4096u
#define XSG_SEG_MAX_EXTENTS 1024u

enum xsg_seg_clock { XSG_SEG_CLOCK_TSC = 0, XSG_SEG_CLOCK_NS = 1 /* CLOCK_MONOTONIC ns */ };

enum xsg_seg_state {
    XSG_SEG_RUNNING = 0, /* still so after the process ended: it was killed or called _exit */
    XSG_SEG_EXITED = 1,
    XSG_SEG_EXECED = 2 /* exec was called; a new segment of the same pid may follow */
};

enum xsg_seg_mode { XSG_SEG_MODE_SCOPES = 1, XSG_SEG_MODE_FUNCTIONS = 2, XSG_SEG_MODE_SAMPLE = 4 };

enum xsg_seg_extent_kind {
    XSG_SEG_EXTENT_FREE = 0,
    XSG_SEG_EXTENT_SITES = 1,   /* struct xsg_seg_table, then struct xsg_seg_site[] */
    XSG_SEG_EXTENT_STRINGS = 2, /* struct xsg_seg_table, then bytes; entry size 1 */
    XSG_SEG_EXTENT_MODULES = 3, /* struct xsg_seg_table, then struct xsg_seg_module[] */
    XSG_SEG_EXTENT_THREAD = 4   /* struct xsg_seg_thread, nodes, histograms */
};

/* How the stacks of samples were walked. */
enum xsg_seg_unwinder {
    XSG_SEG_UNWINDER_NONE = 0,      /* not sampled, or only the interrupted address is known */
    XSG_SEG_UNWINDER_LIBUNWIND = 1, /* complete: by the unwind tables of the code */
    XSG_SEG_UNWINDER_FRAMES = 2     /* frame pointers: loses the callers of frameless functions */
};

/* What the reader of samples has to be told. */
enum xsg_seg_sample_note {
    XSG_SEG_NOTE_TARGET_SIGPROF = 1, /* the target uses SIGPROF itself: sampling stopped there */
    XSG_SEG_NOTE_NO_TIMER = 2,       /* a thread got no timer (RLIMIT_SIGPENDING): not sampled */
    XSG_SEG_NOTE_SMALL_STACK = 4 /* a thread's signal stack is too small: samples_cut, or none */
};

struct xsg_seg_extent {
    uint64_t offset;
    uint64_t size;
    uint32_t kind; /* published last */
    uint32_t reserved;
};

/* A (ticks, CLOCK_MONOTONIC) pair: the tightest of several tries. Ticks become ns on the host. */
struct xsg_seg_clock_pair {
    uint64_t ticks;
    uint64_t mono_ns;
};

struct xsg_seg_header {
    char magic[8];
    uint32_t version;
    uint32_t header_size; /* XSG_SEG_HEADER_SIZE */
    uint32_t node_size;   /* sizeof(struct xsg_seg_node), and so on: a reader checks them */
    uint32_t hist_size;
    uint32_t site_size;
    uint32_t module_size;
    uint32_t pid;
    uint32_t ppid;
    uint32_t clock;   /* enum xsg_seg_clock */
    uint32_t modes;   /* enum xsg_seg_mode bits that were armed */
    uint32_t state;   /* enum xsg_seg_state */
    uint32_t rate_hz; /* asked sampling rate; 0 without */
    uint64_t start_realtime_ns;
    struct xsg_seg_clock_pair start; /* at attach */
    struct xsg_seg_clock_pair
        last;                /* renewed at thread ends, forks and at exit; = start if never */
    uint64_t cost_timed;     /* ticks that a timed scope takes in all, measured at attach */
    uint64_t cost_inner;     /* the part of it inside its own measured time */
    uint64_t cost_counted;   /* ticks that a counted scope takes in all, in 1/256 tick */
    uint64_t function_timed; /* the same for an instrumented function's two hooks; 0: not armed */
    uint64_t function_inner;
    uint64_t function_counted; /* in 1/256 tick */
    /* What did not fit or could not be recorded. Never reset. */
    uint64_t lost_threads; /* threads that got no region */
    uint64_t lost_sites;
    uint64_t lost_strings;
    uint64_t lost_modules;
    uint32_t unwinder;         /* enum xsg_seg_unwinder */
    uint32_t sample_notes;     /* enum xsg_seg_sample_note bits, added as they happen */
    uint32_t directory_offset; /* XSG_SEG_HEADER_SIZE */
    uint32_t n_extents;        /* capacity of the directory: XSG_SEG_MAX_EXTENTS */
    char exe[1024];            /* /proc/self/exe, NUL-terminated, cut if longer */
    char command[1024];        /* arguments joined by NULs, ends with two NULs, cut if longer */
    uint64_t phase_ns; /* CPU time that the process spent before it began, to begin at that phase of
                          the tick that XSGATE_PHASE names */
};

/* Head of a table extent. n is published last. Several extents of a kind continue each other: the
 * first entry of the second has the index that follows the last of the first's capacity. */
struct xsg_seg_table {
    uint32_t capacity;
    uint32_t n;
    uint32_t first; /* index of its first entry */
    uint32_t reserved;
};

/* A string reference: index of its first byte in the strings table; 0 is the empty string. Strings
 * are NUL-terminated and never cross an extent. */
typedef uint32_t xsg_seg_string;

enum xsg_seg_site_kind {
    XSG_SEG_SITE_SCOPE = 0,
    XSG_SEG_SITE_BENCH = 1, /* XSG_BENCH: its calls are iterations */
    XSG_SEG_SITE_COUNTER = 2,
    XSG_SEG_SITE_ATTR = 3 /* name is "key" for numbers, "key=value" for text */
};

struct xsg_seg_site {
    xsg_seg_string name, file, function;
    uint32_t line;
    uint32_t kind; /* enum xsg_seg_site_kind */
    uint32_t reserved;
};

struct xsg_seg_module {
    uint64_t start, end; /* mapped address range [start, end) over all its segments */
    uint64_t bias;       /* load bias: file's virtual address = runtime address - bias */
    xsg_seg_string path; /* "" only for unknown; "[vdso]" for the vdso */
    uint32_t build_id_n; /* bytes used of build_id; 0: none */
    uint8_t build_id[32];
};

/*
 * One call path. key says what it is: the kind in the top byte, the value below.
 * calls is exact for scopes and functions; a call counts when it is entered, so a killed process
 * leaves its open scopes with a call that has no time yet. Not every call is timed: timed is the
 * number of calls that the timed ones stand for, ticks the durations summed with the same weights
 * (a node whose every call is timed has weights of 1; a hot one, timed 1 in its histogram's period
 * of 8 or 64, that weight), so that inclusive time = ticks x calls / timed, unknown while timed is
 * 0. A call of a hot node that is longer than XSG_SEG_LONG_CALL x cost_timed was interrupted, or is
 * too rare to be multiplied: it has a weight of 1, and the like of it in untimed calls stays in the
 * caller's time. How many durations were really measured is the histogram's n, or more where the
 * histogram is thinned (always-timed scopes). Self time is inclusive minus the children's inclusive
 * times. credit calls are in timed already though they are still to come: a reader takes timed -
 * credit, or timed when that would be negative (the process was killed within a decrement). A
 * process made by fork starts with the path on which it was forked: calls 1 each, time from the
 * fork on. A parent's index is smaller than its child's.
 * For SAMPLE nodes (a stack's frames, outermost first, each node one return address or, at the
 * leaf, the interrupted address): calls = samples that ended in this node, ticks = their weight in
 * ns of thread CPU time (not ticks), timed = calls. Self values; inclusive is the sum over the
 * subtree. For COUNTER and ATTR nodes: calls = times set, ticks = sum (COUNTER) or last value
 * (ATTR) as a two's complement integer; min and max (two's complement as well) in the histogram,
 * whose buckets stay 0.
 */
#define XSG_SEG_LONG_CALL 1024u

enum xsg_seg_key_kind {
    XSG_SEG_KEY_ROOT = 0,     /* value 0: node 0; value 1: node 1, the overflow node */
    XSG_SEG_KEY_SITE = 1,     /* index of the site */
    XSG_SEG_KEY_FUNCTION = 2, /* runtime address of the function's entry */
    XSG_SEG_KEY_RETURN = 3,   /* sampled return address (look up address - 1) */
    XSG_SEG_KEY_LEAF = 4,     /* sampled instruction address (look up as it is) */
    XSG_SEG_KEY_TRUNCATED =
        5 /* value 0: the stack was cut here: deeper than the limit or unreadable */
};
#define XSG_SEG_KEY(kind, value)                                                                   \
    (((uint64_t)(kind) << 56) | ((uint64_t)(value)&0xffffffffffffffull))
#define XSG_SEG_KEY_KIND(key) ((uint32_t)((key) >> 56))
#define XSG_SEG_KEY_VALUE(key) ((key)&0xffffffffffffffull)

struct xsg_seg_node { /* 64 bytes, aligned so: one cache line */
    uint64_t key;
    uint64_t calls;
    uint64_t timed;
    uint64_t ticks;
    uint64_t next;   /* 0: each call is timed; else the call count from which one is timed again */
    uint64_t credit; /* calls that timed holds in advance; their histogram entries are left out */
    uint32_t stack;  /* writer's business: low half of the stack pointer at its last entry */
    uint32_t up;     /* writer's business: bytes from its parent to it in memory */
    uint32_t parent; /* its own index for nodes 0 and 1 */
    uint32_t hist;   /* index + 1 of its histogram, 0: none */
};

#define XSG_SEG_NODE_ROOT 0u
#define XSG_SEG_NODE_OVERFLOW                                                                      \
    1u /* calls here had no room for a node of their own: counted only,                            \
          their time stays with the scope that they were called from */

#define XSG_SEG_BUCKETS 248 /* bucket of v: see base/hist.h, whose layout this is */

struct xsg_seg_hist { /* 1024 bytes */
    uint64_t min;     /* all ones while empty */
    uint64_t max;
    uint64_t first;  /* ticks of the first call (cold); 0: not timed */
    uint32_t n;      /* values recorded in bucket[] */
    uint32_t period; /* of a hot node: one call in so many is timed (8 or 64); 0: not hot */
    uint32_t bucket[XSG_SEG_BUCKETS];
};

/* Head of a thread's region. Reused by a later thread when its thread has ended. */
struct xsg_seg_thread {
    uint32_t tid;     /* of the thread that had it last */
    uint32_t in_use;  /* 1 while a thread owns it; may stay 1 when a thread was not seen to end */
    uint32_t threads; /* how many threads have used it so far */
    uint32_t node_capacity;
    uint32_t nodes; /* published last; at least 2 */
    uint32_t hist_capacity;
    uint32_t hists;
    uint32_t reserved;
    uint64_t nodes_offset; /* from the extent's start */
    uint64_t hists_offset;
    uint64_t lost_nodes; /* times that a node could not be made; node 1 has what landed there */
    uint64_t lost_hists;
    uint64_t
        reentries; /* a signal handler entered while the tree was being changed: not recorded */
    uint64_t unmatched;    /* exits without their enter (longjmp, exceptions): healed */
    uint64_t too_deep;     /* entries below the deepest recorded level (4096): not recorded, or in
                              node 1 */
    uint64_t negative;     /* the clock ran backwards: counted as 0 */
    uint64_t samples;      /* timer signals handled */
    uint64_t sample_ns;    /* their weight: ns of thread CPU time */
    uint64_t overruns;     /* timer expirations that were merged into another's signal */
    uint64_t samples_lost; /* taken at a moment when the tree could not be changed */
    uint64_t samples_cut;  /* recorded by their leaf alone: no room on the signal stack */
    uint64_t cpu_ns;       /* thread CPU time when it ended; 0: not known */
    char name[16];         /* comm of the last thread */
};

#endif
