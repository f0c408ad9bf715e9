/*
 * A thread's call tree. A node is one call path; the thread's table in private memory finds a child
 * by (parent, key), so that the file holds no links. Nodes are appended and published by the count.
 */
#include "profiler/runtime/runtime.h"

enum {
    WARM = 1024,     /* timed calls before a node may become hot; a power of two */
    HOT_FACTOR = 20, /* hot: the mean is below this many times the cost of timing it */
    THIN_MASK = 2 * XSG__THIN - 1
};

/* xorshift32 (Marsaglia 2003). Jitter keeps the timing from aliasing with the program's own period.
 */
static uint32_t draw(struct xsg__block *block)
{
    uint32_t x = block->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    block->random = x;
    return x & THIN_MASK;
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
    if (parent == XSG_SEG_NODE_OVERFLOW) {
        block->head->lost_nodes++;
        return XSG_SEG_NODE_OVERFLOW;
    }
    for (at = xsg__hash(parent, key) & block->index_mask; block->index[at];
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

static void add_duration(struct xsg__block *block, struct xsg__node *node, uint64_t d)
{
    struct xsg_seg_hist *hist = xsg__node_hist(block, node);

    if (XSG__UNLIKELY(!hist))
        return;
    if (XSG__UNLIKELY(node->timed == 0))
        hist->first = d ? d : 1;
    if (d < hist->min)
        hist->min = d;
    if (d > hist->max)
        hist->max = d;
    hist->bucket[bucket_of(d)]++;
    hist->n++;
}

/*
 * How often a node is timed. It starts with every call; when its mean turns out so short that the
 * timing would distort it, it becomes hot: next = the call that is timed again, 1 in 64 on average,
 * each standing for 64. A node that must be timed always is then thinned in its histogram only:
 * record = the timed call that is recorded again.
 */
static void plan(struct xsg__block *block, struct xsg__node *node)
{
    bool always = block->depth[xsg__node_index(block, node)] & XSG__ALWAYS;
    uint64_t cost = xsg__process.header->cost_timed;

    if (node->next) {
        node->next = node->calls + 1 + draw(block);
    } else if (node->record) {
        node->record = node->timed + draw(block);
    } else if ((node->timed & (WARM - 1)) == 0 && !xsg__process.config.full &&
               node->ticks < cost * HOT_FACTOR * node->timed) {
        if (!always)
            node->next = node->calls + 1 + draw(block);
        else if (xsg__process.clock == XSG_SEG_CLOCK_TSC) /* else the inline code cannot time */
            node->record = node->timed + draw(block);
    }
}

void xsg__node_record(struct xsg__block *block, struct xsg__node *node, uint64_t start,
                      uint64_t now)
{
    uint64_t weight = node->next ? XSG__THIN : 1, d;

    if (XSG__UNLIKELY(start < block->hot.floor)) /* begun before the fork: this process's part */
        start = block->hot.floor;
    d = now - start;
    if (XSG__UNLIKELY(now < start)) {
        block->head->negative++;
        d = 0;
    }
    add_duration(block, node, d);
    node->timed += weight;
    node->ticks += d * weight;
    plan(block, node);
}
