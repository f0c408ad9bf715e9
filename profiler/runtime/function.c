/*
 * Programs built with -finstrument-functions: the compiler calls these two hooks at the beginning
 * and end of every function, inlined ones included. Enter and exit are separate calls, so the open
 * calls stand in a thread's array, each with its stack pointer: frames that longjmp or an exception
 * passed over (clang emits no exit for them) are found by it and dropped.
 *
 * The guard is taken for the whole of a hook: a signal handler that lands inside is not recorded.
 */
#include <errno.h>

#include "profiler/runtime/runtime.h"

#define XSG__COLD __attribute__((noinline, cold))

static void drop_top(struct xsg__block *block)
{
    block->depth_calls--;
    block->hot.current = block->calls[block->depth_calls].saved;
    block->head->unmatched++;
}

/*
 * Drops calls that are over though their end was not seen. Those deeper in the stack than the
 * caller of this hook are. At the same stack pointer stand functions that were inlined into each
 * other, and a dead call of the same function: the latter is dropped. Dead calls higher in the
 * stack look alive until their caller ends; then they go.
 */
static XSG__COLD void heal(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    uint32_t at;

    while (block->depth_calls > 0 && block->calls[block->depth_calls - 1].stack < stack)
        drop_top(block);
    for (at = block->depth_calls; at > 0 && block->calls[at - 1].stack == stack; at--)
        if (block->calls[at - 1].key == key) {
            while (block->depth_calls >= at)
                drop_top(block);
            return;
        }
}

static XSG__COLD struct xsg__node *find_slow(struct xsg__block *block, uint64_t key,
                                             uint32_t parent)
{
    uint32_t before = block->head->nodes, own;
    int saved = errno;

    own = xsg__node_child(block, parent, key);
    if (own >= before && !xsg__modules_has(XSG_SEG_KEY_VALUE(key)))
        xsg__modules_refresh(); /* first function of a library that was opened since */
    errno = saved;
    return &block->nodes[own];
}

static inline struct xsg__node *find(struct xsg__block *block, uint64_t key)
{
    uint32_t parent = xsg__node_index(block, block->hot.current);
    uint32_t at = block->index[xsg__hash(parent, key) & block->index_mask];
    struct xsg__node *own = &block->nodes[at];

    /* index 0 is free: node 0's key matches no function */
    if (XSG__LIKELY(own->key == key && own->parent == parent))
        return own;
    return find_slow(block, key, parent);
}

static inline void enter(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    struct xsg__call *call;
    struct xsg__node *own;
    uint32_t depth = block->depth_calls;

    if (depth > 0 && XSG__UNLIKELY(block->calls[depth - 1].stack <= stack)) {
        heal(block, key, stack);
        if (block->depth_calls < depth)
            block->depth_beyond = 0;
        depth = block->depth_calls;
    }
    if (XSG__UNLIKELY(depth == XSG__MAX_DEPTH)) {
        block->depth_beyond++;
        block->head->too_deep++;
        return;
    }
    own = find(block, key);
    call = &block->calls[depth];
    call->own = own;
    call->saved = block->hot.current;
    call->key = key;
    call->stack = stack;
    block->depth_calls = depth + 1;
    block->hot.current = own;
    own->calls++;
    call->start = own->calls >= own->next ? xsg__now() : 0;
}

/* An exit whose call is not the top one: those above it are dead, or it is itself unknown. */
static XSG__COLD bool find_call(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    uint32_t at;

    for (at = block->depth_calls; at > 0; at--) {
        const struct xsg__call *call = &block->calls[at - 1];

        if (call->key == key && call->stack >= stack)
            break;
    }
    if (at == 0) {
        block->head->unmatched++;
        return false;
    }
    while (block->depth_calls > at)
        drop_top(block);
    return true;
}

static inline void leave(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    const struct xsg__call *call;

    if (XSG__UNLIKELY(block->depth_beyond)) {
        if (stack <= block->calls[XSG__MAX_DEPTH - 1].stack) {
            block->depth_beyond--;
            return;
        }
        block->depth_beyond = 0; /* they were left without their exits */
    }
    if (XSG__UNLIKELY(block->depth_calls == 0)) {
        block->head->unmatched++;
        return;
    }
    call = &block->calls[block->depth_calls - 1];
    if (XSG__UNLIKELY(call->key != key || call->stack < stack)) {
        if (!find_call(block, key, stack))
            return;
        call = &block->calls[block->depth_calls - 1];
    }
    block->depth_calls--;
    if (call->start)
        xsg__node_record(block, call->own, call->start, xsg__now());
    block->hot.current = call->saved;
}

/* The calling thread's block, with the guard taken, when functions are to be recorded; else NULL.
 */
static XSG__COLD struct xsg__block *begin_slow(void)
{
    struct xsg__block *block;
    int saved = errno;

    if (!xsg__process.attached)
        xsg__process_attach();
    if (!xsg__process.armed || !(xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS))
        return NULL;
    block = xsg__thread_get();
    if (block && !xsg__slow_enter(block))
        block = NULL;
    errno = saved;
    return block;
}

static inline struct xsg__block *begin(void)
{
    struct xsg__block *block = xsg__self;

    if (XSG__LIKELY((uintptr_t)block > 1 && block->flags == XSG__FUNCTIONS && !block->busy)) {
        block->busy = 1;
        XSG__FENCE();
        return block;
    }
    return begin_slow();
}

void __cyg_profile_func_enter(void *function, void *caller)
{
    struct xsg__block *block = begin();

    (void)caller;
    if (!block)
        return;
    enter(block, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, (uintptr_t)function),
          (uint64_t)(uintptr_t)__builtin_dwarf_cfa());
    xsg__busy_leave(block);
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    struct xsg__block *block = begin();

    (void)caller;
    if (!block)
        return;
    leave(block, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, (uintptr_t)function),
          (uint64_t)(uintptr_t)__builtin_dwarf_cfa());
    xsg__busy_leave(block);
}

/* exit() was called inside of them: their time ends here. Scopes' frames are out of reach. */
void xsg__calls_close(struct xsg__block *block)
{
    uint64_t now = xsg__now();

    if (!block->calls || !xsg__busy_enter(block))
        return;
    while (block->depth_calls > 0) {
        const struct xsg__call *call = &block->calls[--block->depth_calls];

        if (call->start)
            xsg__node_record(block, call->own, call->start, now);
        block->hot.current = call->saved;
    }
    xsg__busy_leave(block);
}
