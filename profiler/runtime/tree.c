/*
 * A thread's call tree. A node is one call path; the thread's table in private memory finds a child
 * by (parent, key), so that the file holds no links. Nodes are appended and published by the count.
 */
#include "profiler/runtime/runtime.h"

enum {
    WARM = 1024,     /* timed calls before a node may become hot; a power of two */
    HOT_FACTOR = 20, /* hot: the mean is below this many times the cost of timing it */
    WARM_FACTOR = 8, /* and below this many times that, it is timed 1 in 8 */
    SELDOM = 64,     /* a hot node is timed 1 in this many calls; powers of two */
    OFTEN = SELDOM / WARM_FACTOR
};

/* xorshift32 (Marsaglia 2003). Jitter keeps the timing from aliasing with the program's own period.
 */
static uint32_t draw(struct xsg__block *block, uint32_t period)
{
    uint32_t x = block->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    block->random = x;
    return x & (2 * period - 1); /* period - 1/2 on average */
}

static uint32_t make(struct xsg__block *block, uint32_t parent, uint64_t key)
{
    struct xsg_seg_thread *head = block->head;
    uint32_t n = head->nodes;
    struct xsg__node *node = &block->nodes[n];

    if (n >= head->node_capacity) {
        head->lost_nodes++;
        return XSG_SEG_NODE_OVERFLOW;
    }
    if ((block->depth[parent] & XSG__DEPTH) + 1 >= XSG__MAX_DEPTH) {
        head->too_deep++;
        return XSG_SEG_NODE_OVERFLOW;
    }
    node->key = key;
    node->parent = parent;
    node->up = (n - parent) * (uint32_t)sizeof *node;
    block->depth[n] = (uint16_t)((block->depth[parent] & XSG__DEPTH) + 1);
    __atomic_store_n(&head->nodes, n + 1, __ATOMIC_RELEASE);
    return n;
}

uint32_t xsg__node_child(struct xsg__block *block, uint32_t parent, uint64_t key)
{
    uint32_t at;

    if (XSG__UNLIKELY(parent >=
                      block->head->nodes)) /* a frame of before a fork that lost its tree */
        parent = XSG_SEG_NODE_ROOT;

    for (at = xsg__hash(&block->nodes[parent], key) & block->index_mask; block->index[at];
         at = (at + 1) & block->index_mask) {
        const struct xsg__node *node = &block->nodes[block->index[at]];

        if (node->key == key && node->parent == parent)
            return block->index[at];
    }
    parent = make(block, parent, key);
    if (parent != XSG_SEG_NODE_OVERFLOW)
        block->index[at] =
            parent; /* the table is twice as large as the nodes: always a free entry */
    return parent;
}

struct xsg__node *xsg__node_below(struct xsg__block *block, const struct xsg__node *parent,
                                  uint64_t key)
{
    uint32_t own = xsg__node_child(block, xsg__node_index(block, parent), key);

    if (XSG__LIKELY(own != XSG_SEG_NODE_OVERFLOW))
        return &block->nodes[own];
    block->nodes[XSG_SEG_NODE_OVERFLOW].calls++;
    return NULL;
}

struct xsg_seg_hist *xsg__node_hist(struct xsg__block *block, struct xsg__node *node)
{
    struct xsg_seg_thread *head = block->head;

    if (!node->hist) {
        if (head->hists >= head->hist_capacity) {
            head->lost_hists++;
            return NULL;
        }
        block->hists[head->hists].min = UINT64_MAX;
        __atomic_store_n(&head->hists, head->hists + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&node->hist, head->hists, __ATOMIC_RELEASE);
    }
    return &block->hists[node->hist - 1];
}

/* Bucket of a duration: see base/hist.h. */
static uint32_t bucket_of(uint64_t d)
{
    uint32_t k;

    d = d < 4 ? 4 : d; /* not d | 4, which would move 8 above 10 */
    k = 63u - (uint32_t)__builtin_clzll(d);
    return (k - 2) * 4 + (uint32_t)(d >> (k - 2) & 3);
}

static inline void add_duration(struct xsg_seg_hist *hist, uint64_t d)
{
    if (XSG__UNLIKELY(d < hist->min))
        hist->min = d;
    if (XSG__UNLIKELY(d > hist->max))
        hist->max = d;
    hist->bucket[bucket_of(d)]++;
    hist->n++;
}

/*
 * How often a node is timed. It starts with every call; when its mean turns out so short that the
 * timing would distort it, it becomes hot: next = the call that is timed again, 1 in 64 (or in 8,
 * if it is not that short) on average, each standing for as many, unless it was so long that
 * something interrupted it. A node that must be timed always is then thinned in its histogram only:
 * it gets credit for as many calls as are to pass without an entry.
 */
static __attribute__((noinline)) void consider(struct xsg__block *block, struct xsg__node *node)
{
    const struct xsg_seg_header *header = xsg__process.header;
    bool function = XSG_SEG_KEY_KIND(node->key) == XSG_SEG_KEY_FUNCTION;
    uint64_t cost = function ? header->function_timed : header->cost_timed;
    uint64_t short_calls = cost * HOT_FACTOR * node->timed;
    uint16_t *depth = &block->depth[xsg__node_index(block, node)];
    uint32_t period = node->ticks < short_calls ? SELDOM : OFTEN;

    if (xsg__process.config.full || !node->hist || node->ticks >= short_calls * WARM_FACTOR)
        return;
    if (!(*depth & XSG__ALWAYS)) {
        block->hists[node->hist - 1].period = period;
        node->next = node->calls + 1 + draw(block, period);
    } else if (period == SELDOM && xsg__process.clock == XSG_SEG_CLOCK_TSC) {
        *depth |= XSG__THINNED; /* else the inline code cannot time */
    }
}

/* The weight of a hot node's timed call; and when the next is timed. */
static inline uint64_t weigh(struct xsg__block *block, struct xsg__node *node, uint64_t d)
{
    uint32_t period = block->hists[node->hist - 1].period;
    uint64_t limit = xsg__process.header->cost_timed * XSG_SEG_LONG_CALL;

    node->next = node->calls + 1 + draw(block, period);
    return XSG__LIKELY(d <= limit) ? period : 1;
}

/* The first timed call, a call begun before the fork, a clock gone backwards, a missing histogram.
 */
static __attribute__((noinline, cold)) uint64_t
record_oddly(struct xsg__block *block, struct xsg__node *node, uint64_t start, uint64_t now)
{
    struct xsg_seg_hist *hist = xsg__node_hist(block, node);

    if (start < block->floor) /* only this process's part */
        start = block->floor;
    if (now < start) {
        block->head->negative++;
        now = start;
    }
    if (hist && node->timed == 0)
        hist->first = now > start ? now - start : 1;
    return start;
}

/* An estimate, so that it makes no new minimum. */
static __attribute__((noinline, cold)) uint64_t without_preemption(const struct xsg__block *block,
                                                                   const struct xsg__node *node,
                                                                   uint64_t start, uint64_t now)
{
    uint64_t d = now - start - xsg__preempted_between(block, start, now), least = 0;

    if (node->hist && block->hists[node->hist - 1].n > 0)
        least = block->hists[node->hist - 1].min;
    if (least > now - start)
        least = now - start;
    return d < least ? least : d;
}

static inline __attribute__((always_inline)) void
record(struct xsg__block *block, struct xsg__node *node, uint64_t start, uint64_t now)
{
    uint64_t d;
    uint32_t ahead;

    if (XSG__UNLIKELY(!node->hist || start < block->floor || now < start)) {
        start = record_oddly(block, node, start, now);
        now = now < start ? start : now;
    }
    d = now - start;
    if (XSG__UNLIKELY(now >= block->preempted.check_at))
        xsg__preempted_look(block);
    if (XSG__UNLIKELY(start < block->preempted.latest))
        d = without_preemption(block, node, start, now);
    if (XSG__LIKELY(node->hist))
        add_duration(&block->hists[node->hist - 1], d);
    if (node->next) {
        uint64_t weight = weigh(block, node, d);

        node->timed += weight;
        node->ticks += d * weight;
        return;
    }
    node->timed++;
    node->ticks += d;
    if (XSG__UNLIKELY(block->depth[xsg__node_index(block, node)] & XSG__THINNED)) {
        ahead = draw(block, SELDOM);
        node->timed += ahead; /* killed in between, timed is off by less than a tenth */
        node->credit += ahead;
    } else if (XSG__UNLIKELY((node->timed & (WARM - 1)) == 0)) {
        consider(block, node);
    }
}

void xsg__node_record(struct xsg__block *block, struct xsg__node *node, uint64_t start,
                      uint64_t now)
{
    record(block, node, start, now);
}

/* Every timed call of a scope that is not thinned comes this way. */
void xsg__leave_slowly(struct xsg__node *own, uint64_t start, uint64_t now)
{
    struct xsg__block *block = xsg__self;

    if (XSG__UNLIKELY((uintptr_t)block <= 1 || !xsg__node_held(block, own)))
        return; /* a coroutine that came from another thread */
    if (XSG__UNLIKELY(xsg__process.clock != XSG_SEG_CLOCK_TSC))
        now = xsg__now();
    if (XSG__LIKELY(own->credit == UINT64_MAX)) /* there was none, and it was taken all the same */
        own->credit = 0;
    if (XSG__LIKELY(!block->busy)) { /* else a handler's: counted, not timed */
        block->busy = 1;
        XSG__FENCE();
        if (XSG__UNLIKELY(block->flags & XSG__UNSETTLED))
            xsg__process_settle(block);
        record(block, own, start, now);
        xsg__busy_leave(block);
    }
    block->hot.current = xsg__node_parent(own);
}
