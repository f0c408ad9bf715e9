/*
 * Inside of the target: what the runtime's files share. Nothing of this is public.
 *
 * The rules of this room, for every file in it:
 * - never print, exit, raise, or leave a descriptor open; keep errno; what cannot be done is
 * counted;
 * - no allocation after a thread's start, and never malloc: memory comes from mmap at attach;
 * - every function is built without instrumentation (the build refuses -finstrument-functions), so
 *   that the hooks cannot call themselves;
 * - the thread's tree changes only between xsg__busy_enter and xsg__busy_leave, so that a signal
 *   handler, which finds the guard taken, drops its entry and counts it;
 * - the process lock is taken in normal context or under the guard, hence never twice by a thread.
 *
 * segment.c    the mapped file: extents, clock
 * table.c      sites, strings, modules in the file
 * modules.c    which file is mapped where
 * process.c    attach, exit, fork, environment
 * thread.c     a thread's region and block
 * tree.c       nodes, durations, histograms
 * preempted.c  time that other programs had
 * scope.c      what <xsgate/profile.h> calls
 * function.c   -finstrument-functions
 * cost.c       what a scope costs here
 * interpose.c  threads, libraries, exec; preloaded library only, as are
 * sample.c     the sampler, with unwind.c and sample_signals.c
 */
#ifndef XSG_PROFILER_RUNTIME_RUNTIME_H
#define XSG_PROFILER_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XSG__RUNTIME 1 /* the runtime itself is not bound to a runtime */
#include <xsgate/profile.h>

#include "profiler/format.h"

#define XSG__UNLIKELY(x) __builtin_expect(!!(x), 0)

enum {
    XSG__MAX_DEPTH = 4096, /* levels of the tree, and of the functions' stack */
    XSG__CALLEES = 1024,   /* a power of two */
    XSG__MAX_BEGIN = 256,  /* open XSG_BEGINs of a thread */
    XSG__SPANS = 256       /* of preemption that a thread remembers */
};

enum xsg__flag {
    XSG__FUNCTIONS = 1, /* functions mode is armed */
    XSG__UNSETTLED = 2  /* forked: the region is a private copy until the first slow path */
};

#define XSG__DEPTH 0x1fffu
#define XSG__ALWAYS 0x8000u  /* each call of this node is timed: XSG_SCOPE_TIMED */
#define XSG__THINNED 0x4000u /* and only some go into its histogram */

struct xsg__begin {        /* an open XSG_BEGIN */
    struct xsg__node *own; /* NULL: not recorded */
    uint64_t start;
};

struct xsg__look { /* at a thread's clocks */
    uint64_t ticks, mono_ns, cpu_ns;
    uint64_t switches; /* voluntary context switches */
};

struct xsg__span { /* ticks: taken of from .. to */
    uint64_t from, to, taken;
};

struct xsg__preempted {
    uint64_t check_at; /* ticks from which a call's end looks again */
    uint64_t latest;   /* end of the newest span; a call that began later overlaps none */
    uint32_t n;
    struct xsg__look last;
    struct xsg__span span[XSG__SPANS]; /* oldest first */
};

/* A thread's block: private memory, made together with its region and used again with it. */
struct xsg__block {
    struct xsg__thread hot; /* first: what <xsgate/profile.h> knows */
    /* What the function hooks touch: one cache line. */
    __attribute__((aligned(64))) struct xsg__node *nodes;
    struct xsg__node **top;     /* innermost open function, in path */
    struct xsg__cache *callees; /* XSG__CALLEES entries: (function, depth) -> node */
    uint64_t *starts;           /* ticks at which a node's open call began, by node */
    uint32_t *index;            /* hash table over (parent, key): node indexes, 0 free */
    uint32_t index_mask;        /* entries of index, minus 1 */
    uint32_t beyond;            /* open functions that found no room */
    volatile uint32_t busy;     /* the guard */
    uint32_t flags;             /* enum xsg__flag */

    struct xsg_seg_hist *hists;
    struct xsg_seg_thread *head; /* the region; its address never changes, not by fork either */
    uint64_t floor;              /* ticks at attach or fork: no scope's time starts before */
    uint32_t random;             /* xorshift32 state, never 0 */
    uint32_t depth_begins;
    uint32_t tid;
    uint32_t released;       /* its thread has said that it ends */
    size_t size;             /* of this mapping */
    size_t region_size;      /* of head's */
    uint16_t *depth;         /* of each node: XSG__DEPTH bits, and flags */
    struct xsg__node **path; /* open functions, outermost first; NULL unless they are armed */
    struct xsg__node nobody; /* path[0], whom nobody calls */
    struct xsg__begin begins[XSG__MAX_BEGIN];
    struct xsg__preempted preempted;
    void *sampler;           /* sample.c's own */
    struct xsg__block *next; /* all blocks of the process; never shortened except by fork */
};

struct xsg__config { /* read once, at attach */
    uint32_t modes;  /* enum xsg_seg_mode */
    uint32_t rate_hz;
    uint32_t phase;     /* XSGATE_PHASE: thousandths of a tick at which it starts; 0: as it comes */
    uint32_t nodes;     /* per thread */
    uint64_t limit;     /* bytes of segment per process */
    bool full;          /* XSGATE_TIMING=full: each call of each scope is timed and recorded */
    char bench[4096];   /* XSGATE_BENCH or "" */
    char session[1024]; /* absolute path */
};

struct xsg__process {
    bool attached; /* it was tried */
    bool armed;    /* false: no session, nothing below is valid */
    struct xsg__config config;
    struct xsg_seg_header *header; /* mapping of header and directory */
    struct xsg_seg_extent *directory;
    char path[1120];    /* of the segment's file */
    uint64_t file_size; /* so far */
    uint32_t extents;   /* used entries of the directory */
    uint32_t clock;     /* enum xsg_seg_clock */
    bool unsettled;     /* forked: no file of its own yet, and the tables are still the parent's */
    bool homeless;      /* and there will be none */
    struct xsg__block *blocks;
};

extern struct xsg__process xsg__process;

/* ---- process.c ---- */
/* Attaches on the first call, which must be in normal context; true if a session is armed. */
bool xsg__process_attach(void);
void xsg__lock(void);
bool xsg__trylock(void);
void xsg__unlock(void);
/* Gives a forked child its own file, and block (or NULL) its region there. Under block's guard.
 * false: there is no room; recording goes on into private memory. */
bool xsg__process_settle(struct xsg__block *block);

/* ---- thread.c ---- */
/* The calling thread's block, made on the first call; NULL when there is no room (counted). Also
 * from signal handlers, where a thread without a block may get NULL. */
struct xsg__block *xsg__thread_get(void);
/* The block if there is one; one load. */
struct xsg__block *xsg__thread_peek(void);
extern __thread struct xsg__block *xsg__self; /* NULL: not yet; (struct xsg__block *)1: no room */
extern __thread struct xsg__block
    *xsg__hooked;            /* the same while functions are recorded, else NULL */
bool xsg__thread_lost(void); /* it asked for a block and there was no room */
/* At the thread's end, in the thread: notes its CPU time, gives the region to later threads. */
void xsg__thread_end(void);
void xsg__thread_note(struct xsg__block *block);
void xsg__threads_init(void);
void xsg__threads_forked(void);
bool xsg__thread_settle(struct xsg__block *block);
/* A block outside of the segment, for measuring; NULL: no memory. */
struct xsg__block *xsg__block_scratch(void);
void xsg__block_discard(struct xsg__block *block);

static inline bool xsg__busy_enter(struct xsg__block *block)
{
    if (block->busy)
        return false;
    block->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return true;
}

static inline void xsg__busy_leave(struct xsg__block *block)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    block->busy = 0;
}

/* ---- tree.c ---- */
/* The child of parent with this key, made if absent; XSG_SEG_NODE_OVERFLOW when there is no room or
 * the path is too deep (counted). Under the guard. Async-signal-safe. */
uint32_t xsg__node_child(struct xsg__block *block, uint32_t parent, uint64_t key);
/* The same as a node; NULL when there is no room, with the call counted in the overflow node. */
struct xsg__node *xsg__node_below(struct xsg__block *block, const struct xsg__node *parent,
                                  uint64_t key);
/* Its histogram, made if absent; NULL when there is no room (counted). Under the guard. */
struct xsg_seg_hist *xsg__node_hist(struct xsg__block *block, struct xsg__node *node);
/* Adds one timed call to a node: durations, histogram, and when the next call is to be timed. */
void xsg__node_record(struct xsg__block *block, struct xsg__node *node, uint64_t start,
                      uint64_t now);
/* The end of a timed scope of the calling thread, and its parent is current again. */
void xsg__leave_slowly(struct xsg__node *own, uint64_t start, uint64_t now);

/* ---- preempted.c ---- */
void xsg__preempted_start(struct xsg__block *block); /* in the thread; also after a fork */
void xsg__preempted_look(struct xsg__block *block);
/* Ticks of start .. end that other programs had. */
uint64_t xsg__preempted_between(const struct xsg__block *block, uint64_t start, uint64_t end);

static inline uint32_t xsg__hash(const struct xsg__node *parent, uint64_t key)
{
    return (uint32_t)(((key ^ (uint64_t)(uintptr_t)parent << 20) * 0x9e3779b97f4a7c15u) >> 32);
}

/* Is it of this thread's tree? */
static inline bool xsg__node_held(const struct xsg__block *block, const struct xsg__node *node)
{
    return node >= block->nodes && node < block->nodes + block->head->node_capacity;
}

/* The node that is current again when this one ends. */
static inline struct xsg__node *xsg__node_parent(struct xsg__node *node)
{
    return (struct xsg__node *)(void *)((char *)node - node->up);
}

static inline uint32_t xsg__node_index(const struct xsg__block *block, const struct xsg__node *node)
{
    return (uint32_t)(node - block->nodes);
}

/* ---- segment.c ---- */
uint64_t xsg__mono_ns(void); /* CLOCK_MONOTONIC */
struct xsg_seg_clock_pair xsg__clock_pair(void);
/* Creates the process's file with header, directory and first tables. Under the lock. */
bool xsg__segment_create(struct xsg_seg_header *from); /* from: a forked child's, else NULL */
bool xsg__segment_privatize(void); /* in a forked child: detaches the header from the parent's */
void xsg__renew_last(void);        /* the header's last clock pair */
/* Maps a new extent of this size (rounded up to pages) and kind; kind is published by the caller
 * when the extent is filled. Under the lock. NULL: no room, limit, quota or descriptor. */
void *xsg__extent_add(size_t size, uint32_t *extent);
void xsg__extent_publish(uint32_t extent, uint32_t kind);
static inline uint64_t xsg__now(void) /* ticks of the segment's clock */
{
    return XSG__LIKELY(xsg__process.clock == XSG_SEG_CLOCK_TSC) ? xsg__ticks() : xsg__mono_ns();
}

void xsg__lost(uint64_t *counter); /* counts up a field of the header, atomically */

/* ---- table.c ---- */
#define XSG__CACHE(slot)                                                                           \
    (uint32_t)(offsetof(struct xsg__thread, cache) + (slot) * sizeof(struct xsg__cache))
#define XSG__SITE_LOST UINT32_MAX /* site->index of one that found no room */
/* Index of a string in the table, 0 if it is empty or does not fit (counted). Under the lock. */
xsg_seg_string xsg__string_add(const char *text, size_t n);
/* Registers a site: sets site->index and site->cache. Under the guard; takes the lock. */
void xsg__site_add(struct xsg__site *site);
/* Index of the ATTR site "key=value"; -1 when it does not fit (counted). Under the guard. */
int64_t xsg__text_site(const struct xsg__site *key, const char *value);
/* Adds a module unless it is known; path is set here. Under the lock. */
bool xsg__module_add(const struct xsg_seg_module *module, const char *path);
bool xsg__modules_has(uint64_t address); /* async-signal-safe */
/* Moves the tables of a forked child from its parent's file to its own. Under the lock. */
bool xsg__tables_settle(void);

/* ---- modules.c ---- */
/* Adds newly mapped modules to the table. Normal context only: it takes the loader's lock. */
void xsg__modules_refresh(void);
void xsg__modules_forked(void); /* in a forked child */

/* ---- scope.c, function.c, cost.c, thunk.c ---- */
struct xsg__frame xsg__enter_slowly(struct xsg__site *site, struct xsg__thread **here,
                                    uint64_t stack);
void xsg__thunk_enter(void); /* only to be jumped to, see thunk.c */
void xsg__thunk_leave(void);
__attribute__((visibility("default"))) void __cyg_profile_func_enter(void *function, void *caller);
__attribute__((visibility("default"))) void __cyg_profile_func_exit(void *function, void *caller);
void xsg__path_close(struct xsg__block *block); /* at exit: times the functions that are open */
void xsg__costs_measure(struct xsg_seg_header *header);
/* What a slow path does first: takes the guard and settles a forked child. false: drop the entry.
 */
bool xsg__guard_enter(struct xsg__block *block);

/* ---- sample.c (weak no-ops in none.c until the sampler is linked) ------------------------------
 * Called only when XSG_SEG_MODE_SAMPLE is armed. process_start: once, in normal context, before the
 * first thread_start. thread_start: in the new thread before its start routine, at the attach of
 * the main thread, and in the only thread of a forked child. thread_end: in the thread, after its
 * start routine. fork_child runs before thread_start in the child; the parent's timers do not exist
 * there. */
void xsg__sample_process_start(void);
void xsg__sample_process_end(void);
void xsg__sample_thread_start(struct xsg__block *block);
void xsg__sample_thread_end(struct xsg__block *block);
void xsg__sample_fork_prepare(void);
void xsg__sample_fork_parent(void);
void xsg__sample_fork_child(void);

#endif
