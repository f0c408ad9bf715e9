/*
 * What our own instruments cost here, in ticks: the reader subtracts it. Measured once at attach,
 * on a node outside of any region, by the very code that the target runs inline.
 */
#include "profiler/runtime/runtime.h"

enum { ROUNDS = 9, PAIRS = 200 };

struct cost {
    uint64_t total; /* of PAIRS pairs: the fastest round */
    uint64_t inner; /* the measured time of those */
};

static struct xsg__thread scratch;
static const struct xsg__api nothing; /* is called: the cache hits, and there is credit */
static struct xsg__site site = {"", "", "", 0, 0, 0, XSG__CACHE(1), 1};

static struct cost measure_scope(uint64_t next)
{
    struct cost best = {UINT64_MAX, 0};
    /* in a static program these are the target's own */
    struct xsg__thread *before = xsg__here;
    const struct xsg__api *api_before = xsg__api;
    static struct xsg__node nodes[2]; /* the root and its child */
    struct xsg__node *own = &nodes[1];

    own->up = sizeof *own;
    own->next = next;

    scratch.current = scratch.cache[1].parent = nodes;
    scratch.cache[1].own = own;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = xsg__ticks(), total;

        own->ticks = 0;
        own->credit = PAIRS;
        xsg__here = &scratch;
        xsg__api = &nothing;
        for (int i = 0; i < PAIRS; i++) {
            struct xsg__frame frame = xsg__enter(&site);

            xsg__leave(&frame);
        }
        xsg__here = before;
        xsg__api = api_before;
        total = xsg__ticks() - start;
        if (total < best.total) {
            best.total = total;
            best.inner = own->ticks;
        }
    }
    return best;
}

/* The hooks on a block of its own: the target's tree must not see it. */
static struct cost measure_hooks(struct xsg__block *block, uint64_t next)
{
    struct cost best = {UINT64_MAX, 0};
    uint64_t key = XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, (uintptr_t)&scratch);
    struct xsg__node *own = &block->nodes[xsg__node_child(block, XSG_SEG_NODE_ROOT, key)];
    struct xsg__block *before = xsg__hooked;

    own->next = next;
    xsg__hooked = block;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = xsg__ticks(), total;

        own->ticks = own->timed = 0;
        for (int i = 0; i < PAIRS; i++) {
            __cyg_profile_func_enter(&scratch, NULL);
            __cyg_profile_func_exit(&scratch, NULL);
        }
        total = xsg__ticks() - start;
        if (total < best.total) {
            best.total = total;
            best.inner = own->ticks;
        }
    }
    xsg__hooked = before;
    return best;
}

void xsg__costs_measure(struct xsg_seg_header *header)
{
    struct cost timed, counted;
    struct xsg__block *block;

    if (xsg__process.clock != XSG_SEG_CLOCK_TSC)
        return; /* 0: not known, nothing is subtracted, and no node becomes hot */
    timed = measure_scope(0);
    counted = measure_scope(UINT64_MAX);
    header->cost_timed = timed.total / PAIRS;
    header->cost_inner = timed.inner / PAIRS;
    header->cost_counted = counted.total * 256 / PAIRS;
    if (!(xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS))
        return;
    block = xsg__block_scratch();
    if (!block)
        return;
    timed = measure_hooks(block, 0);
    counted = measure_hooks(block, UINT64_MAX);
    header->function_timed = timed.total / PAIRS;
    header->function_inner = timed.inner / PAIRS;
    header->function_counted = counted.total * 256 / PAIRS;
    xsg__block_discard(block);
}
