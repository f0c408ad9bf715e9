/*
 * A thread's region in the segment and its block beside it. Both are made at the thread's first use
 * and never unmapped, as code of the target may hold a pointer to them until the very end of the
 * thread: a block serves again when the kernel says that its thread is gone.
 */
#include <errno.h>
#include <signal.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "profiler/runtime/runtime.h"

enum {
    MIN_NODES = 256,
    NODES_PER_HIST = 8,
    SHARE = 128, /* a further thread gets at most this part of what the limit leaves */
    TOUCH = 2 * 1024 * 1024
};

#define NO_BLOCK ((struct xsg__block *)1)

__thread struct xsg__block *xsg__self, *xsg__hooked;
static __thread uint32_t attaching; /* a signal handler must not attach in the middle of it */
static pthread_key_t ending;
static bool have_key;

static uint32_t current_tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t region_size(uint32_t nodes, uint32_t hists)
{
    return round_up(sizeof(struct xsg_seg_thread), 64) +
           (size_t)nodes * sizeof(struct xsg_seg_node) +
           (size_t)hists * sizeof(struct xsg_seg_hist);
}

/* The first thread gets what was asked for, up to three quarters (tables and other threads want
 * room as well); many threads share what is left. */
static uint32_t choose_nodes(void)
{
    const struct xsg__process *process = &xsg__process;
    uint64_t left = process->config.limit - process->file_size;
    uint64_t per_node = sizeof(struct xsg_seg_node) + sizeof(struct xsg_seg_hist) / NODES_PER_HIST;
    uint64_t nodes = (process->blocks ? left / SHARE : left - left / 4) / per_node;

    if (process->config.limit < process->file_size)
        return 0;
    if (nodes < MIN_NODES && left / per_node > MIN_NODES)
        nodes = MIN_NODES;
    if (nodes > process->config.nodes)
        nodes = process->config.nodes;
    return (uint32_t)nodes & ~7u;
}

/* Page faults belong to the thread's start, not into the first scopes. */
static void touch(void *at, size_t size)
{
    if (size > TOUCH)
        size = TOUCH;
    for (size_t i = 0; i < size; i += 4096)
        *(volatile char *)((char *)at + i) = 0;
}

static struct xsg__block *map_block(uint32_t nodes)
{
    uint32_t entries = MIN_NODES;
    size_t size, functions = 0;
    struct xsg__block *block;
    char *at;

    while (entries < nodes)
        entries *= 2;
    entries *= 2;
    if (xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS)
        functions = (XSG__MAX_DEPTH + 1) * sizeof(struct xsg__node *) + nodes * sizeof(uint64_t) +
                    XSG__CALLEES * sizeof(struct xsg__cache);
    size = round_up(sizeof *block, 64) + entries * sizeof(uint32_t) + functions +
           round_up(nodes * sizeof(uint16_t), 64);
    block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    at = (char *)block + round_up(sizeof *block, 64);
    block->size = size;
    block->index = (uint32_t *)(void *)at;
    block->index_mask = entries - 1;
    at += entries * sizeof(uint32_t);
    if (functions) {
        block->callees = (struct xsg__cache *)(void *)at;
        block->starts = (uint64_t *)(void *)(block->callees + XSG__CALLEES);
        block->path = (struct xsg__node **)(void *)(block->starts + nodes);
    }
    at += functions;
    block->depth = (uint16_t *)(void *)at;
    return block;
}

static void fill_region(struct xsg_seg_thread *head, uint32_t nodes, uint32_t hists)
{
    struct xsg_seg_node *node;

    head->node_capacity = nodes;
    head->hist_capacity = hists;
    head->nodes_offset = round_up(sizeof *head, 64);
    head->hists_offset = head->nodes_offset + (uint64_t)nodes * sizeof *node;
    node = (struct xsg_seg_node *)(void *)((char *)head + head->nodes_offset);
    for (uint32_t i = 0; i < 2; i++) {
        node[i].key = XSG_SEG_KEY(XSG_SEG_KEY_ROOT, i);
        node[i].parent = i;
    }
    head->nodes = 2;
}

static void join(struct xsg__block *block, struct xsg_seg_thread *head, size_t size)
{
    block->head = head;
    block->region_size = round_up(size, 4096);
    block->nodes = (struct xsg__node *)(void *)((char *)head + head->nodes_offset);
    block->hists = (struct xsg_seg_hist *)(void *)((char *)head + head->hists_offset);
}

/* Under the lock. */
static struct xsg__block *make_block(void)
{
    uint32_t nodes = choose_nodes(), hists = nodes / NODES_PER_HIST, extent;
    size_t size = region_size(nodes, hists);
    struct xsg_seg_thread *head;
    struct xsg__block *block;

    if (nodes < MIN_NODES || xsg__process.unsettled)
        return NULL;
    block = map_block(nodes);
    if (!block)
        return NULL;
    head = xsg__extent_add(size, &extent);
    if (!head) {
        munmap(block, block->size);
        return NULL;
    }
    touch(head, size);
    fill_region(head, nodes, hists);
    join(block, head, size);
    block->next = xsg__process.blocks;
    __atomic_store_n(&xsg__process.blocks, block, __ATOMIC_RELEASE);
    xsg__extent_publish(extent, XSG_SEG_EXTENT_THREAD);
    return block;
}

static void start_thread(struct xsg__block *block, uint32_t tid)
{
    block->tid = tid;
    block->released = 0;
    block->beyond = block->depth_begins = 0;
    if (block->path) {
        block->path[0] = &block->nobody;
        block->top = block->path;
    }
    block->busy = 0;
    block->random = (uint32_t)(xsg__now() * 0x9e3779b9u) ^ tid << 16;
    if (!block->random)
        block->random = 1;
    block->flags = xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS ? XSG__FUNCTIONS : 0;
    block->hot.current = block->nodes;
    block->floor = xsg__now();
    xsg__preempted_start(block);
    block->head->tid = tid;
    block->head->threads++;
    prctl(PR_GET_NAME, block->head->name);
    __atomic_store_n(&block->head->in_use, 1, __ATOMIC_RELEASE);
}

struct xsg__block *xsg__block_scratch(void)
{
    size_t size = region_size(MIN_NODES, MIN_NODES / NODES_PER_HIST);
    struct xsg_seg_thread *head =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xsg__block *block;

    if (head == MAP_FAILED)
        return NULL;
    block = map_block(MIN_NODES);
    if (!block) {
        munmap(head, size);
        return NULL;
    }
    fill_region(head, MIN_NODES, MIN_NODES / NODES_PER_HIST);
    join(block, head, size);
    start_thread(block, current_tid());
    return block;
}

void xsg__block_discard(struct xsg__block *block)
{
    munmap(block->head, block->region_size);
    munmap(block, block->size);
}

/* A block whose thread has said that it ends, and has ended. Under the lock. */
static struct xsg__block *find_free(uint32_t tid)
{
    for (struct xsg__block *block = xsg__process.blocks; block; block = block->next) {
        if (!__atomic_load_n(&block->released, __ATOMIC_ACQUIRE))
            continue;
        if (block->tid == tid ||
            (syscall(SYS_tgkill, getpid(), block->tid, 0) < 0 && errno == ESRCH))
            return block;
    }
    return NULL;
}

static struct xsg__block *attach(void)
{
    struct xsg__block *block;
    uint32_t tid = current_tid();
    int saved = errno;

    if (xsg__process.unsettled)
        xsg__process_settle(NULL);
    xsg__lock();
    block = find_free(tid);
    if (!block)
        block = make_block();
    if (block)
        start_thread(block, tid);
    else
        xsg__lost(&xsg__process.header->lost_threads);
    xsg__unlock();
    if (block && have_key)
        pthread_setspecific(ending, block);
    errno = saved;
    return block;
}

struct xsg__block *xsg__thread_get(void)
{
    struct xsg__block *block = xsg__self;

    if (XSG__LIKELY(block && block != NO_BLOCK))
        return block;
    if (block == NO_BLOCK || attaching || !xsg__process.armed)
        return NULL;
    attaching = 1;
    XSG__FENCE();
    block = attach();
    xsg__self = block ? block : NO_BLOCK;
    XSG__FENCE();
    attaching = 0;
    if (block && xsg__process.config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_thread_start(block);
    return block;
}

struct xsg__block *xsg__thread_peek(void)
{
    return xsg__self == NO_BLOCK ? NULL : xsg__self;
}

bool xsg__thread_lost(void)
{
    return xsg__self == NO_BLOCK;
}

void xsg__thread_note(struct xsg__block *block)
{
    struct timespec cpu;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0)
        block->head->cpu_ns += (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
    prctl(PR_GET_NAME, block->head->name);
}

/* Destructors of other thread-local data may still enter scopes after this one: they are recorded.
 */
static void thread_ends(void *arg)
{
    struct xsg__block *block = arg;
    int saved = errno;

    if (block != xsg__self)
        return;
    if (xsg__process.config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_thread_end(block);
    xsg__thread_note(block);
    block->head->in_use = 0;
    if (!xsg__process.unsettled)
        xsg__renew_last();
    __atomic_store_n(&block->released, 1, __ATOMIC_RELEASE);
    errno = saved;
}

void xsg__thread_end(void)
{
    struct xsg__block *block = xsg__thread_peek();

    if (!block || block->released)
        return;
    if (have_key)
        pthread_setspecific(ending, NULL);
    thread_ends(block);
}

void xsg__threads_init(void)
{
    have_key = pthread_key_create(&ending, thread_ends) == 0;
}

/* ---- fork ---------------------------------------------------------------------------------------
 * The child must not write into its parent's file, and pointers into the region are all over the
 * stack: so the same addresses get private memory, with the same tree and no counts. */

static bool privatize(struct xsg__block *block)
{
    size_t size = block->region_size;
    char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xsg_seg_thread *head = block->head, *to = (struct xsg_seg_thread *)(void *)copy;
    struct xsg_seg_node *node;

    if (copy == MAP_FAILED)
        return false;
    fill_region(to, head->node_capacity, head->hist_capacity);
    memcpy(to->name, head->name, sizeof to->name);
    to->in_use = to->threads = 1;
    to->nodes = head->nodes;
    node = (struct xsg_seg_node *)(void *)(copy + to->nodes_offset);
    for (uint32_t i = 2; i < to->nodes; i++) {
        node[i].key = block->nodes[i].key;
        node[i].parent = block->nodes[i].parent;
        node[i].stack = block->nodes[i].stack;
        node[i].up = block->nodes[i].up;
    }
    return mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, head) != MAP_FAILED;
}

void xsg__threads_forked(void)
{
    struct xsg__block *block, *next;
    struct xsg__block *own = xsg__thread_peek();

    for (block = xsg__process.blocks; block; block = next) {
        next = block->next;
        if (block == own)
            continue;
        munmap(block->head, block->region_size);
        munmap(block, block->size);
    }
    xsg__process.blocks = own;
    xsg__self = own; /* one that got no room may try again */
    xsg__hooked = NULL;
    attaching = 0;
    if (!own)
        return;
    own->next = NULL;
    privatize(
        own); /* without memory the counts go to the parent's tree: wrong by little, no crash */
    own->tid = current_tid();
    own->head->tid = own->tid;
    own->floor = xsg__now();
    xsg__preempted_start(own);
    own->flags |= XSG__UNSETTLED;
    own->sampler = NULL;
    memset(own->hot.cache, 0, sizeof own->hot.cache);
    for (uint32_t i = xsg__node_index(own, own->hot.current); i > 1; i = own->nodes[i].parent)
        own->nodes[i].calls = 1;
}

bool xsg__thread_settle(struct xsg__block *block)
{
    size_t size = block->region_size;
    uint32_t extent;
    char *map = xsg__extent_add(size, &extent);
    const struct xsg_seg_thread *from = block->head;

    if (!map)
        return false;
    memcpy(map, from, from->nodes_offset + (size_t)from->nodes * sizeof(struct xsg_seg_node));
    memcpy(map + from->hists_offset, block->hists, (size_t)from->hists * sizeof *block->hists);
    if (mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, block->head) == MAP_FAILED) {
        munmap(map, size);
        return false;
    }
    xsg__extent_publish(extent, XSG_SEG_EXTENT_THREAD);
    return true;
}
