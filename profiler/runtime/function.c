/*
 * Programs built with -finstrument-functions: the compiler calls these two hooks at the beginning
 * and end of every function, inlined ones included. Enter and exit are separate calls, so the open
 * calls stand in a thread's array, each with its stack pointer: frames that longjmp or an exception
 * passed over (clang emits no exit for them) are found by it and dropped.
 *
 * The guard is taken for the whole of a hook: a signal handler that lands inside is not recorded.
 * What is rare stands out of line behind a jump, so that the hooks need no register of the caller.
 */
#include <errno.h>

#include "profiler/runtime/runtime.h"

#define XSG__COLD __attribute__((noinline, cold))

static void drop_top(struct xsg__block *block)
{
    block->hot.current = block->top->saved;
    block->top--;
    block->head->unmatched++;
}

/* ---- enter ---- */

/*
 * Drops calls that are over though their end was not seen. Those deeper in the stack than the
 * caller of this hook are. At the same stack pointer stand functions that were inlined into each
 * other, and a dead call of the same function: the latter is dropped. Dead calls higher in the
 * stack look alive until their caller ends; then they go.
 */
static void heal(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    const struct xsg__call *at;

    while (block->top->stack < stack) {
        drop_top(block);
        block->depth_beyond = 0;
    }
    for (at = block->top; at->stack == stack; at--)
        if (at->key == key) {
            while (block->top >= at)
                drop_top(block);
            block->depth_beyond = 0;
            return;
        }
}

static inline void push(struct xsg__block *block, struct xsg__node *own, uint64_t key,
                        uint64_t stack)
{
    struct xsg__call *call = block->top + 1;
    uint64_t calls;

    call->own = own;
    call->saved = block->hot.current;
    call->key = key;
    call->stack = stack;
    call->start = 0;
    block->top = call;
    if (XSG__UNLIKELY(!own)) /* no room: its end must be found all the same */
        return;
    block->hot.current = own;
    calls = own->calls + 1;
    own->calls = calls;
    if (XSG__UNLIKELY(calls >= own->next))
        call->start = xsg__now();
}

static struct xsg__node *find(struct xsg__block *block, uint64_t key)
{
    uint32_t before = block->head->nodes;
    struct xsg__node *own = xsg__node_below(block, block->hot.current, key);

    if (block->head->nodes > before && !xsg__modules_has(XSG_SEG_KEY_VALUE(key)))
        xsg__modules_refresh(); /* first function of a library that was opened since */
    return own;
}

/* With the guard taken. */
static XSG__COLD void enter_oddly(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    int saved = errno;

    if (block->top->stack <= stack)
        heal(block, key, stack);
    if (block->top == block->limit) {
        block->depth_beyond++;
        block->head->too_deep++;
    } else {
        push(block, find(block, key), key, stack);
    }
    xsg__busy_leave(block);
    errno = saved;
}

static inline void enter(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    struct xsg__node *parent = block->hot.current;
    uint32_t at = block->index[xsg__hash(parent, key) & block->index_mask];
    struct xsg__node *own = &block->nodes[at];

    /* index 0 is free: node 0's key is no function's */
    if (XSG__UNLIKELY(own->key != key || xsg__node_parent(own) != parent ||
                      block->top->stack <= stack || block->top == block->limit)) {
        enter_oddly(block, key, stack);
        return;
    }
    push(block, own, key, stack);
    xsg__busy_leave(block);
}

/* ---- exit ---- */

/*
 * May this call be the one that ends? The exit hook is often reached by a jump, after the function
 * has given up its frame: then its stack pointer is up to that of the function's own caller.
 */
static inline bool ends(const struct xsg__call *call, uint64_t key, uint64_t stack)
{
    return call->key == key && stack <= call[-1].stack;
}

static inline void pop(struct xsg__block *block)
{
    const struct xsg__call *call = block->top;

    block->hot.current = call->saved;
    block->top--;
}

static XSG__COLD void leave_timed(struct xsg__block *block)
{
    const struct xsg__call *call = block->top;

    xsg__node_record(block, call->own, call->start, xsg__now());
    pop(block);
    xsg__busy_leave(block);
}

/* The call that ends is not the top one: those above it are dead, or it is itself unknown. */
static XSG__COLD void leave_oddly(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    const struct xsg__call *call = block->top;

    if (block->depth_beyond && stack <= block->limit->stack) { /* reached by a jump: equal */
        block->depth_beyond--;
        xsg__busy_leave(block);
        return;
    }
    block->depth_beyond = 0; /* if there were any, they were left without their exits */
    while (call > block->calls && !ends(call, key, stack))
        call--;
    if (call == block->calls) {
        block->head->unmatched++;
        xsg__busy_leave(block);
        return;
    }
    while (block->top > call)
        drop_top(block);
    if (call->start) {
        leave_timed(block);
        return;
    }
    pop(block);
    xsg__busy_leave(block);
}

static inline void leave(struct xsg__block *block, uint64_t key, uint64_t stack)
{
    const struct xsg__call *call = block->top;

    if (XSG__UNLIKELY(!ends(call, key, stack) || block->depth_beyond)) {
        leave_oddly(block, key, stack);
        return;
    }
    if (XSG__UNLIKELY(call->start)) {
        leave_timed(block);
        return;
    }
    pop(block);
    xsg__busy_leave(block);
}

/* ---- the hooks ---- */

/* The calling thread's block with the guard taken, when functions are to be recorded; else NULL. */
static struct xsg__block *begin_oddly(void)
{
    struct xsg__block *block;

    if (xsg__process.attached && !(xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS))
        return NULL;
    if (!xsg__process_attach() || !(xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS))
        return NULL;
    block = xsg__thread_get();
    if (!block || !xsg__guard_enter(block))
        return NULL;
    xsg__hooked = block;
    return block;
}

static XSG__COLD void first_enter(uint64_t key, uint64_t stack)
{
    int saved = errno;
    struct xsg__block *block = begin_oddly();

    if (block)
        enter(block, key, stack);
    errno = saved;
}

static XSG__COLD void first_exit(uint64_t key, uint64_t stack)
{
    int saved = errno;
    struct xsg__block *block = begin_oddly();

    if (block)
        leave(block, key, stack);
    errno = saved;
}

static inline uint64_t key_of(const void *function)
{
    return (uint64_t)XSG_SEG_KEY_FUNCTION << 56 | (uintptr_t)function;
}

void __cyg_profile_func_enter(void *function, void *caller)
{
    struct xsg__block *block = xsg__hooked;
    uint64_t stack = (uint64_t)(uintptr_t)__builtin_dwarf_cfa();

    (void)caller;
    if (XSG__UNLIKELY(!block || block->busy)) {
        first_enter(key_of(function), stack);
        return;
    }
    block->busy = 1;
    XSG__FENCE();
    enter(block, key_of(function), stack);
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    struct xsg__block *block = xsg__hooked;
    uint64_t stack = (uint64_t)(uintptr_t)__builtin_dwarf_cfa();

    (void)caller;
    if (XSG__UNLIKELY(!block || block->busy)) {
        first_exit(key_of(function), stack);
        return;
    }
    block->busy = 1;
    XSG__FENCE();
    leave(block, key_of(function), stack);
}

/* exit() was called inside of them: their time ends here. Scopes' frames are out of reach. */
void xsg__calls_close(struct xsg__block *block)
{
    uint64_t now = xsg__now();

    if (!block->calls || !xsg__busy_enter(block))
        return;
    while (block->top > block->calls) {
        if (block->top->start)
            xsg__node_record(block, block->top->own, block->top->start, now);
        pop(block);
    }
    xsg__busy_leave(block);
}
