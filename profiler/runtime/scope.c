/* What <xsgate/profile.h> calls: the slow half of a scope, pairs, numbers, texts, benches. */
#include <errno.h>
#include <string.h>

#include "profiler/runtime/runtime.h"

enum { STACK_REACH = 1 << 20 }; /* bytes; stack pointers further apart are of different stacks */

bool xsg__guard_enter(struct xsg__block *block)
{
    if (XSG__UNLIKELY(!xsg__busy_enter(block))) {
        block->head->reentries++;
        return false;
    }
    if (XSG__UNLIKELY(block->flags & XSG__UNSETTLED))
        xsg__process_settle(block);
    return true;
}

/*
 * The innermost open scope that is still alive. longjmp leaves scopes without their end: one that
 * was entered deeper in the stack than we are now is dead, and so is the same scope at the same
 * place.
 */
static struct xsg__node *living(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    struct xsg__node *node = block->hot.current;

    if (XSG__UNLIKELY(!xsg__node_held(block, node)))
        return block->nodes;
    while (node != block->nodes && node->stack && stack - node->stack < STACK_REACH &&
           (stack != node->stack || node->key == key)) {
        block->head->unmatched++;
        node = xsg__node_parent(node);
    }
    return node;
}

/* A handler in between must miss: the parent goes first and comes last. */
static void remember(struct xsg__cache *cache, struct xsg__node *parent, struct xsg__node *own)
{
    cache->parent = NULL;
    XSG__FENCE();
    cache->own = own;
    XSG__FENCE();
    cache->parent = parent;
}

/* The site's node below parent; NULL: not recorded. Under the guard. */
static struct xsg__node *site_node(struct xsg__block *block, struct xsg__site *site, uint32_t index,
                                   struct xsg__node *parent)
{
    struct xsg__node *own;

    if (index == XSG__SITE_LOST)
        return NULL;
    own = xsg__node_below(block, parent, XSG_SEG_KEY(XSG_SEG_KEY_SITE, index - 1));
    if (!own)
        return NULL;
    if (site->flags & XSG__ALWAYS_TIMED)
        block->depth[xsg__node_index(block, own)] |= XSG__ALWAYS;
    if (index <= XSG__SLOTS && xsg__process.clock == XSG_SEG_CLOCK_TSC)
        remember(&block->hot.cache[index - 1], parent, own);
    return own;
}

/* Its index in the table, + 1; XSG__SITE_LOST when it found no room. Under the guard. */
static uint32_t index_of(struct xsg__site *site)
{
    uint32_t index = __atomic_load_n(&site->index, __ATOMIC_RELAXED);

    if (XSG__LIKELY(index))
        return index;
    xsg__site_add(site);
    return __atomic_load_n(&site->index, __ATOMIC_RELAXED);
}

static struct xsg__frame enter(struct xsg__block *block, struct xsg__site *site, uint32_t stack)
{
    struct xsg__frame frame = {NULL, 0};
    struct xsg__node *own;
    uint32_t index;

    if (!xsg__guard_enter(block))
        return frame;
    index = index_of(site);
    block->hot.current = living(block, XSG_SEG_KEY(XSG_SEG_KEY_SITE, index - 1), stack);
    own = site_node(block, site, index, block->hot.current);
    xsg__busy_leave(block);
    if (!own)
        return frame;
    block->hot.current = own;
    XSG__FENCE();
    own->stack = stack;
    own->calls++;
    frame.own = own;
    if (own->calls >= own->next)
        frame.start = xsg__now();
    return frame;
}

struct xsg__frame xsg__enter_slowly(struct xsg__site *site, struct xsg__thread **here,
                                    uint64_t stack)
{
    struct xsg__frame none = {NULL, 0};
    struct xsg__block *block = *here == XSG__LOST ? NULL : xsg__thread_get();

    if (!block) {
        if (xsg__thread_lost())
            *here = XSG__LOST;
        return none;
    }
    *here = &block->hot;
    return enter(block, site, (uint32_t)stack);
}

/* ---- XSG_BEGIN, XSG_END ---- */

static bool is_open(const struct xsg__block *block, const struct xsg__node *own)
{
    uint32_t wanted = xsg__node_index(block, own);
    uint32_t at = xsg__node_index(block, block->hot.current);

    while (at != wanted && at > XSG_SEG_NODE_OVERFLOW)
        at = block->nodes[at].parent;
    return at == wanted;
}

/* Drops pairs that an outer scope's end has closed already. */
static void drop_dead(struct xsg__block *block)
{
    while (block->depth_begins > 0 && block->depth_begins <= XSG__MAX_BEGIN &&
           block->begins[block->depth_begins - 1].own &&
           !is_open(block, block->begins[block->depth_begins - 1].own)) {
        block->depth_begins--;
        block->head->unmatched++;
    }
}

static void api_begin(struct xsg__site *site)
{
    struct xsg__block *block = xsg__thread_get();
    struct xsg__begin *begin;

    if (!block || !xsg__guard_enter(block))
        return;
    drop_dead(block);
    if (block->depth_begins++ < XSG__MAX_BEGIN) {
        begin = &block->begins[block->depth_begins - 1];
        begin->own = site_node(block, site, index_of(site), block->hot.current);
        if (begin->own) {
            begin->own->stack = 0; /* it may well outlive the frame that began it */
            begin->own->calls++;
            block->hot.current = begin->own;
            begin->start = begin->own->calls >= begin->own->next ? xsg__now() : 0;
        }
    } else {
        block->head->too_deep++;
    }
    xsg__busy_leave(block);
}

static void api_end(void)
{
    uint64_t now = xsg__now();
    struct xsg__block *block = xsg__thread_get();
    const struct xsg__begin *begin;

    if (!block || !xsg__guard_enter(block))
        return;
    drop_dead(block);
    if (block->depth_begins == 0) {
        block->head->unmatched++;
    } else if (--block->depth_begins < XSG__MAX_BEGIN) {
        begin = &block->begins[block->depth_begins];
        if (begin->own && begin->start)
            xsg__node_record(block, begin->own, begin->start, now);
        if (begin->own)
            block->hot.current = xsg__node_parent(begin->own);
    }
    xsg__busy_leave(block);
}

/* ---- numbers and texts ---- */

static void add_number(struct xsg__block *block, struct xsg__node *node, uint32_t kind,
                       int64_t value)
{
    struct xsg_seg_hist *hist = xsg__node_hist(block, node);

    node->calls++;
    node->timed = node->calls;
    node->ticks = (kind == XSG__KIND_COUNTER ? node->ticks : 0) + (uint64_t)value;
    if (!hist)
        return;
    if (hist->n == 0 || value < (int64_t)hist->min)
        hist->min = (uint64_t)value;
    if (hist->n == 0 || value > (int64_t)hist->max)
        hist->max = (uint64_t)value;
    hist->n++;
}

static void api_number(struct xsg__site *site, int64_t value)
{
    struct xsg__block *block = xsg__thread_get();
    const struct xsg__cache *cache;
    struct xsg__node *node;

    if (!block || !xsg__guard_enter(block))
        return;
    cache =
        (const void *)((const char *)&block->hot + __atomic_load_n(&site->cache, __ATOMIC_RELAXED));
    if (cache->parent == block->hot.current)
        node = cache->own;
    else
        node = site_node(block, site, index_of(site), block->hot.current);
    if (node)
        add_number(block, node, site->kind, value);
    xsg__busy_leave(block);
}

static void api_text(struct xsg__site *site, const char *value)
{
    struct xsg__block *block = xsg__thread_get();
    struct xsg__node *node;
    int64_t index;

    if (!value || !block || !xsg__guard_enter(block))
        return;
    index = xsg__text_site(site, value);
    if (index >= 0) {
        node = xsg__node_below(block, block->hot.current, XSG_SEG_KEY(XSG_SEG_KEY_SITE, index));
        if (node)
            node->timed = ++node->calls;
    }
    xsg__busy_leave(block);
}

/* ---- benches ---- */

/* "200ms" in ns; 0 when it is not a time. */
static uint64_t parse_time(const char *text)
{
    uint64_t value = 0;

    for (; *text >= '0' && *text <= '9' && value < 1000000000; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    if (strncmp(text, "ns", 2) == 0)
        return value;
    if (strncmp(text, "us", 2) == 0)
        return value * 1000;
    if (strncmp(text, "ms", 2) == 0)
        return value * 1000000;
    return *text == 's' ? value * 1000000000 : 0;
}

/* The count of "name=count;name2=count2" for this name; 1 when it is not listed. */
static uint64_t parse_count(const char *list, const char *name)
{
    size_t n = strlen(name);
    uint64_t value = 0;

    while (list && *list) {
        const char *end = strchr(list, ';');
        const char *equals = end ? memrchr(list, '=', (size_t)(end - list)) : strrchr(list, '=');

        if (equals && (size_t)(equals - list) == n && memcmp(list, name, n) == 0) {
            for (equals++; *equals >= '0' && *equals <= '9' && value < UINT64_MAX / 16; equals++)
                value = value * 10 + (uint64_t)(*equals - '0');
            return value ? value : 1;
        }
        list = end ? end + 1 : NULL;
    }
    return 1;
}

static void api_bench(struct xsg__bench *bench)
{
    const char *wish = xsg__process.config.bench;
    uint64_t ns;

    bench->left = 1;
    if (strncmp(wish, "calibrate:", 10) == 0) {
        ns = parse_time(wish + 10);
        if (ns) {
            bench->start_ns = xsg__mono_ns();
            bench->deadline_ns = bench->start_ns + ns;
            bench->done = 1;
        }
    } else {
        bench->left = parse_count(wish, bench->site->name);
    }
}

/* Grants an eighth of what the pace so far lets expect, so that the time is overrun by little. */
static int api_bench_more(struct xsg__bench *bench)
{
    uint64_t now = xsg__mono_ns(), passed = now - bench->start_ns, grant;

    if (now >= bench->deadline_ns)
        return 0;
    grant = passed ? (bench->deadline_ns - now) / (passed / bench->done + 1) / 8 : bench->done;
    bench->left = grant < 1 ? 1 : grant > bench->done ? bench->done : grant;
    bench->done += bench->left;
    return 1;
}

static void api_bench_enter(struct xsg__bench *bench)
{
    struct xsg__block *block = xsg__thread_get();

    bench->frame.own = NULL;
    if (block)
        bench->frame = enter(block, bench->site, (uint32_t)(uintptr_t)__builtin_dwarf_cfa());
}

static void api_bench_leave(struct xsg__bench *bench)
{
    uint64_t now = xsg__now();
    struct xsg__block *block = xsg__thread_peek();

    if (bench->frame.start)
        xsg__leave_slowly(bench->frame.own, bench->frame.start, now);
    else if (block && xsg__node_held(block, bench->frame.own))
        block->hot.current = xsg__node_parent(bench->frame.own);
    bench->frame.own = NULL;
}

#ifdef XSG__THUNKS
#define XSG__API_THUNKS xsg__thunk_enter, xsg__thunk_leave
#else
#define XSG__API_THUNKS NULL, NULL
#endif
#define XSG__API_TABLE(record)                                                                     \
    {                                                                                              \
        XSG__ABI, sizeof(struct xsg__api), record, 0, xsg__enter_slowly, xsg__leave_slowly,        \
            XSG__API_THUNKS, api_begin, api_end, api_number, api_text, api_bench, api_bench_more,  \
            api_bench_enter, api_bench_leave                                                       \
    }

static const struct xsg__api scopes_api = XSG__API_TABLE(1);
static const struct xsg__api benches_api = XSG__API_TABLE(0);

__attribute__((visibility("default"))) const struct xsg__api *xsg__runtime_v1(uint32_t abi)
{
    if (abi != XSG__ABI || !xsg__process_attach())
        return NULL;
    return xsg__process.config.modes & XSG_SEG_MODE_SCOPES ? &scopes_api : &benches_api;
}
