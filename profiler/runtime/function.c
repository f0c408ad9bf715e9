/*
 * Programs built with -finstrument-functions: the compiler calls these two hooks at the beginning
 * and end of every function, inlined ones included. The open functions are a path of the tree, and
 * each of its nodes is open once: so the node holds what a frame would, its stack pointer, and
 * whether this call is timed (calls >= next, at both ends). Calls that longjmp or an exception
 * passed over (clang emits no exit for them) are found by the stack pointers and dropped.
 *
 * The guard is taken for the whole of a hook: a signal handler that lands inside is not recorded.
 * What is rare stands out of line behind a jump, so that the hooks need no register of the caller;
 * and what is loaded is compared rather than followed, so that no hook waits for the one before.
 */
#include <errno.h>

#include "profiler/runtime/runtime.h"

#define XSG__COLD __attribute__((noinline, cold))

/* Stack pointers by their lower halves, which are right within one stack. */
static inline bool deeper(uint32_t stack, uint32_t than)
{
    return (int32_t)(stack - than) < 0;
}

static void drop_top(struct xsg__block *block)
{
    block->hot.current = xsg__node_parent(*block->top);
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
static void heal(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    struct xsg__node **at;

    while (block->top > block->path && deeper((*block->top)->stack, stack))
        drop_top(block);
    for (at = block->top; at > block->path && (*at)->stack == stack; at--)
        if ((*at)->key == key) {
            while (block->top >= at)
                drop_top(block);
            return;
        }
}

/* Not inlined: the hooks would save registers for the calls in it. */
static __attribute__((noinline)) void start_clock(struct xsg__block *block, struct xsg__node *own)
{
    uint64_t *start = &block->starts[xsg__node_index(block, own)];

    xsg__busy_leave(block);
    *start = xsg__now();
}

/* Opens a call, and gives the guard back. */
static inline void push(struct xsg__block *block, struct xsg__node *own, uint32_t stack)
{
    uint64_t calls = own->calls + 1;

    own->calls = calls;
    own->stack = stack;
    block->hot.current = own;
    *++block->top = own;
    if (XSG__UNLIKELY(calls >= own->next))
        start_clock(block, own);
    else
        xsg__busy_leave(block);
}

/* A call without a node, and all below it: only their number is kept, to find the end. */
static void lose(struct xsg__block *block)
{
    if (block->beyond++ == 0) /* counted when the node could not be made */
        return;
    block->nodes[XSG_SEG_NODE_OVERFLOW].calls++;
    if (block->top - block->path >= XSG__MAX_DEPTH - 1)
        block->head->too_deep++;
    else
        block->head->lost_nodes++;
}

/* With the guard taken. */
static XSG__COLD void enter_oddly(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    int saved = errno;
    struct xsg__node *own = NULL;
    uint32_t before = block->head->nodes;

    if (block->top == block->path) /* the outermost: nothing is above it */
        block->nobody.stack = stack + (1u << 30);
    if (block->beyond && !deeper(stack, (*block->top)->stack))
        block->beyond = 0; /* the caller of those is over as well */
    if (!deeper(stack, (*block->top)->stack))
        heal(block, key, stack);
    if (!block->beyond)
        own = xsg__node_below(block, block->hot.current, key);
    if (block->head->nodes > before && !xsg__modules_has(XSG_SEG_KEY_VALUE(key)))
        xsg__modules_refresh(); /* first function of a library that was opened since */
    errno = saved;
    if (own) {
        push(block, own, stack);
        return;
    }
    lose(block);
    xsg__busy_leave(block);
}

/* What the inline cache does not know: the hash table does, mostly. With the guard taken. */
static __attribute__((noinline)) void enter_elsewhere(struct xsg__block *block, uint64_t key,
                                                      uint32_t stack, struct xsg__cache *callee)
{
    struct xsg__node *parent = block->hot.current;
    uint32_t at = block->index[xsg__hash(parent, key) & block->index_mask];
    struct xsg__node *own = &block->nodes[at];

    /* index 0 is free: node 0's key is no function's */
    if (XSG__UNLIKELY(own->key != key || xsg__node_parent(own) != parent)) {
        enter_oddly(block, key, stack);
        return;
    }
    callee->own = own;
    callee->parent = parent;
    push(block, own, stack);
}

/* The node of a function is mostly the one that it had at this depth the last time. */
static inline struct xsg__cache *callee_of(const struct xsg__block *block, uint64_t key)
{
    uint32_t function = (uint32_t)key; /* the kind in the top byte would only be in the way */
    uint32_t at = function >> 4 ^ function >> 13 ^ (uint32_t)((uintptr_t)block->top >> 3);

    return &block->callees[at % XSG__CALLEES];
}

static inline void enter(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    struct xsg__cache *callee = callee_of(block, key);
    struct xsg__node *own = callee->own;

    if (XSG__UNLIKELY(!deeper(stack, (*block->top)->stack) || block->beyond)) {
        enter_oddly(block, key, stack);
        return;
    }
    if (XSG__UNLIKELY(callee->parent != block->hot.current || own->key != key)) {
        enter_elsewhere(block, key, stack, callee);
        return;
    }
    push(block, own, stack);
}

/* ---- exit ---- */

/*
 * May this call be the one that ends? The exit hook is often reached by a jump, after the function
 * has given up its frame: then its stack pointer is up to that of the function's own caller.
 */
static inline bool ends(struct xsg__node *const *at, uint64_t key, uint32_t stack)
{
    return (*at)->key == key && ((*at)->stack == stack || !deeper(at[-1]->stack, stack));
}

static inline void pop(struct xsg__block *block)
{
    block->hot.current = xsg__node_parent(*block->top);
    block->top--;
}

static XSG__COLD void leave_timed(struct xsg__block *block)
{
    struct xsg__node *own = *block->top;

    xsg__node_record(block, own, block->starts[xsg__node_index(block, own)], xsg__now());
    pop(block);
    xsg__busy_leave(block);
}

/* The call that ends is not the top one: those above it are dead, or it is itself unknown. */
static XSG__COLD void leave_oddly(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    struct xsg__node **at = block->top;

    if (block->beyond && !deeper((*at)->stack, stack)) { /* reached by a jump: equal */
        block->beyond--;
        xsg__busy_leave(block);
        return;
    }
    block->beyond = 0; /* if there were any, they were left without their exits */
    while (at > block->path && !ends(at, key, stack))
        at--;
    if (at == block->path) {
        block->head->unmatched++;
        xsg__busy_leave(block);
        return;
    }
    while (block->top > at)
        drop_top(block);
    if ((*at)->calls >= (*at)->next) {
        leave_timed(block);
        return;
    }
    pop(block);
    xsg__busy_leave(block);
}

static inline void leave(struct xsg__block *block, uint64_t key, uint32_t stack)
{
    const struct xsg__node *own = *block->top;

    if (XSG__UNLIKELY(!ends(block->top, key, stack) || block->beyond)) {
        leave_oddly(block, key, stack);
        return;
    }
    if (XSG__UNLIKELY(own->calls >= own->next)) {
        leave_timed(block);
        return;
    }
    pop(block);
    xsg__busy_leave(block);
}

/* ---- the hooks ---- */

/* The calling thread's block with the guard taken, when functions are to be recorded; else NULL. */
static struct xsg__block *begin(void)
{
    struct xsg__block *block;

    if (!xsg__process_attach() || !(xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS))
        return NULL;
    block = xsg__thread_get();
    if (!block || !xsg__guard_enter(block))
        return NULL;
    xsg__hooked = block;
    return block;
}

static inline bool armed(void)
{
    return !xsg__process.attached || xsg__process.config.modes & XSG_SEG_MODE_FUNCTIONS;
}

static XSG__COLD void first_enter(uint64_t key, uint32_t stack)
{
    int saved;
    struct xsg__block *block;

    if (!armed())
        return;
    saved = errno;
    block = begin();
    if (block)
        enter(block, key, stack);
    errno = saved;
}

static XSG__COLD void first_exit(uint64_t key, uint32_t stack)
{
    int saved;
    struct xsg__block *block;

    if (!armed())
        return;
    saved = errno;
    block = begin();
    if (block)
        leave(block, key, stack);
    errno = saved;
}

static inline uint64_t key_of(const void *function)
{
    return (uint64_t)XSG_SEG_KEY_FUNCTION << 56 | (uintptr_t)function;
}

static inline void function_enter(void *function, uint32_t stack)
{
    struct xsg__block *block = xsg__hooked;

    if (XSG__UNLIKELY(!block || block->busy)) {
        first_enter(key_of(function), stack);
        return;
    }
    block->busy = 1;
    XSG__FENCE();
    enter(block, key_of(function), stack);
}

static inline void function_exit(void *function, uint32_t stack)
{
    struct xsg__block *block = xsg__hooked;

    if (XSG__UNLIKELY(!block || block->busy)) {
        first_exit(key_of(function), stack);
        return;
    }
    block->busy = 1;
    XSG__FENCE();
    leave(block, key_of(function), stack);
}

#ifdef __x86_64__
/* Asked of the compiler, the caller's stack pointer takes five instructions. */
#define XSG__HOOK(name, body)                                                                      \
    __asm__(".pushsection .text\n"                                                                 \
            ".type " #name ", @function\n"                                                         \
            ".globl " #name "\n"                                                                   \
            ".balign 16\n" #name ":\n"                                                             \
            "    .cfi_startproc\n"                                                                 \
            "    endbr64\n"                                                                        \
            "    leaq 8(%rsp), %rsi\n"                                                             \
            "    jmp " #name "_at\n"                                                               \
            "    .cfi_endproc\n"                                                                   \
            ".size " #name ", . - " #name "\n"                                                     \
            ".popsection\n");                                                                      \
    void name##_at(void *function, uintptr_t stack);                                               \
    void name##_at(void *function, uintptr_t stack)                                                \
    {                                                                                              \
        body(function, (uint32_t)stack);                                                           \
    }
#else
#define XSG__HOOK(name, body)                                                                      \
    void name(void *function, void *caller)                                                        \
    {                                                                                              \
        (void)caller;                                                                              \
        body(function, (uint32_t)(uintptr_t)__builtin_dwarf_cfa());                                \
    }
#endif

XSG__HOOK(__cyg_profile_func_enter, function_enter)
XSG__HOOK(__cyg_profile_func_exit, function_exit)

/* exit() was called inside of them: their time ends here. Scopes' frames are out of reach. */
void xsg__path_close(struct xsg__block *block)
{
    uint64_t now = xsg__now();

    if (!block->path || !xsg__busy_enter(block))
        return;
    while (block->top > block->path) {
        struct xsg__node *own = *block->top;

        if (own->calls >= own->next)
            xsg__node_record(block, own, block->starts[xsg__node_index(block, own)], now);
        pop(block);
    }
    xsg__busy_leave(block);
}
