/*
 * Scopes for C11 and C++17: name what a program does, and xsgate measures it.
 *
 *     void parse(struct doc *doc)
 *     {
 *         XSG_FUNC();                          // this function, until it returns
 *         for (...) {
 *             XSG_SCOPE("token");              // until the end of the block
 *             ...
 *         }
 *         XSG_COUNTER("tokens", n);            // summed, by call path
 *     }
 *
 * Nothing has to be linked and nothing happens outside of a gate: a constructor looks once for a
 * runtime (linked in, or preloaded by the gate), and without one a scope is one load and one
 * branch. With -DXSG_DISABLE everything vanishes at compile time.
 *
 * Names of scopes, counters and attribute keys must be string literals (or otherwise live as long
 * as the code). All macros are thread-safe, may be used in signal handlers (an entry at a moment
 * when the tree is being changed is counted, not recorded), never fail, never allocate in a
 * measured scope, and keep errno. A scope left by longjmp loses its time, not its count, and heals
 * itself. gcc and clang on Linux; x86-64 and aarch64 read the time-stamp counter inline.
 */
#ifndef XSGATE_PROFILE_H
#define XSGATE_PROFILE_H

#ifdef XSG_DISABLE

#define XSG_SCOPE(name) ((void)0)
#define XSG_SCOPE_TIMED(name) ((void)0)
#define XSG_FUNC() ((void)0)
#define XSG_BEGIN(name) ((void)0)
#define XSG_END() ((void)0)
#define XSG_COUNTER(name, value) ((void)sizeof(value))
#define XSG_ATTR(key, number) ((void)sizeof(number))
#define XSG_ATTR_TEXT(key, value) ((void)sizeof(value))
#define XSG_BENCH(name) for (int xsg__once = 1; xsg__once; xsg__once = 0)

#else

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* ---- the macros ------------------------------------------------------------------------------ */

/* The rest of the enclosing block is the scope `name`. A scope that is entered often and is short
 * is counted always and timed 1 in 64; XSG_SCOPE_TIMED times each call whatever it costs. */
#define XSG_SCOPE(name) XSG__SCOPE(name, 0, __COUNTER__)
#define XSG_SCOPE_TIMED(name) XSG__SCOPE(name, XSG__ALWAYS_TIMED, __COUNTER__)

/* The rest of the enclosing function, under the function's own name. */
#define XSG_FUNC() XSG__SCOPE(XSG__FUNCTION, 0, __COUNTER__)

/* A scope whose ends are not in one block, on one thread and properly nested. An end without its
 * beginning is counted and ignored; at most 256 may be open in a thread. */
#define XSG_BEGIN(name)                                                                            \
    do {                                                                                           \
        static struct xsg__site xsg__site_here = XSG__SITE(name, XSG__KIND_SCOPE, 0);              \
        if (xsg__api)                                                                              \
            xsg__api->begin(&xsg__site_here);                                                      \
    } while (0)
#define XSG_END()                                                                                  \
    do {                                                                                           \
        if (xsg__api)                                                                              \
            xsg__api->end();                                                                       \
    } while (0)

/* Adds value (converted to int64_t) to a counter of the current scope. */
#define XSG_COUNTER(name, value) XSG__NUMBER(name, value, XSG__KIND_COUNTER)

/* Describes the current scope: a number (int64_t; the last one stays), or a text, e.g. the format
 * of the document being parsed. A text is copied; each distinct key=value takes room in the
 * session. */
#define XSG_ATTR(key, number) XSG__NUMBER(key, number, XSG__KIND_ATTR)
#define XSG_ATTR_TEXT(key, value)                                                                  \
    do {                                                                                           \
        static struct xsg__site xsg__site_here = XSG__SITE(key, XSG__KIND_ATTR, 0);                \
        if (xsg__api)                                                                              \
            xsg__api->text(&xsg__site_here, (value));                                              \
    } while (0)

/*
 * XSG_BENCH("name") { body }: each run of the body is one call of the scope `name`. Once without a
 * gate; under a gate as often as $XSGATE_BENCH says, the same for the base as for the head:
 * "name=count;name2=count2", or "calibrate:200ms" until that time has passed. `break` ends it.
 * Two statements: give it braces where one is expected.
 */
#define XSG_BENCH(name) XSG__BENCH(name, __COUNTER__)

/* ---- private from here: the contract with the runtime, version XSG__ABI ------------------------
 */

#define XSG__ABI 1u
#define XSG__SLOTS 2048u /* call sites with an inline cache; those beyond take the slow path */

enum xsg__kind { /* = enum xsg_seg_site_kind of the session file */
                 XSG__KIND_SCOPE = 0,
                 XSG__KIND_BENCH = 1,
                 XSG__KIND_COUNTER = 2,
                 XSG__KIND_ATTR = 3
};

#define XSG__ALWAYS_TIMED 1u /* flag of a site */

struct xsg__site {
    const char *name, *file, *function;
    uint32_t line, kind, flags;
    uint32_t cache; /* offset of its cache in the thread's block; 0: the one that never hits */
    uint32_t index; /* + 1 in the session's table; 0: not registered */
};

struct xsg__node { /* = struct xsg_seg_node of the session file */
    uint64_t key, calls, timed, ticks, next, credit;
    uint32_t stack, up, parent, hist;
};

struct xsg__cache {
    struct xsg__node *parent, *own;
};

struct xsg__thread {        /* the part of a thread's block that inline code knows */
    struct xsg__cache none; /* of sites that are not known yet: never hits */
    struct xsg__node *current;
    uint64_t reserved;
    struct xsg__cache cache[XSG__SLOTS];
};

struct xsg__frame {        /* an open scope: two registers of the function */
    struct xsg__node *own; /* NULL: not recorded */
    uint64_t start;        /* ticks; 0: counted, not timed */
};

struct xsg__bench {
    struct xsg__frame frame;
    struct xsg__site *site;
    uint64_t left;                  /* further runs that are granted */
    uint64_t done;                  /* runs so far, while calibrating */
    uint64_t start_ns, deadline_ns; /* CLOCK_MONOTONIC; 0: not calibrating */
};

struct xsg__api {
    uint32_t abi, size;
    uint32_t scopes; /* 1: scopes are to be recorded; 0: benches only */
    uint32_t reserved;
    /* *here is the module's xsg__here, which it may set. The thunks: see xsg__slow_enter. */
    struct xsg__frame (*enter)(struct xsg__site *, struct xsg__thread **here, uint64_t stack);
    void (*leave)(struct xsg__node *, uint64_t start, uint64_t now);
    void (*thunk_enter)(void);
    void (*thunk_leave)(void);
    void (*begin)(struct xsg__site *);
    void (*end)(void);
    void (*number)(struct xsg__site *, int64_t);
    void (*text)(struct xsg__site *, const char *);
    void (*bench)(struct xsg__bench *);       /* grants the first runs */
    int (*bench_more)(struct xsg__bench *);   /* 1: further runs were granted */
    void (*bench_enter)(struct xsg__bench *); /* recorded also where scopes are not */
    void (*bench_leave)(struct xsg__bench *);
};

#define XSG__LOST ((struct xsg__thread *)1)

#define XSG__JOIN2(a, b) a##b
#define XSG__JOIN(a, b) XSG__JOIN2(a, b)
#define XSG__SITE(name, kind, flags)                                                               \
    {                                                                                              \
        (name), __FILE__, __func__, __LINE__, (kind), (flags), 0, 0                                \
    }
#define XSG__PRIVATE static inline __attribute__((always_inline, no_instrument_function, unused))
#define XSG__SLOW static __attribute__((noinline, cold, no_instrument_function, unused))
#define XSG__LIKELY(x) __builtin_expect(!!(x), 1)
#define XSG__FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#ifdef __cplusplus
#define XSG__FUNCTION __PRETTY_FUNCTION__
extern "C" {
#else
#define XSG__FUNCTION __func__
#endif

/* One of each per module (executable or shared object), found without the dynamic linker. */
extern const struct xsg__api *xsg__api;     /* NULL: idle */
extern const struct xsg__api *xsg__session; /* NULL: no gate; set also when only benches count */
extern __thread struct xsg__thread *xsg__here;

__attribute__((weak, visibility("hidden"))) const struct xsg__api *xsg__api = NULL;
__attribute__((weak, visibility("hidden"))) const struct xsg__api *xsg__session = NULL;
/* initial-exec: 8 bytes of static TLS per module, one instruction; no allocation on first use. */
__attribute__((weak, visibility("hidden"),
               tls_model("initial-exec"))) __thread struct xsg__thread *xsg__here = NULL;

/* Present in programs that link the runtime (static ones must). NULL: no session. */
#ifdef XSG__RUNTIME
__attribute__((visibility("default"))) const struct xsg__api *xsg__runtime_v1(uint32_t abi);
#else
__attribute__((weak, visibility("default"))) const struct xsg__api *xsg__runtime_v1(uint32_t abi);
#endif
/* dlsym under a private name: <dlfcn.h> may or may not be included beside, in C or in C++. */
__attribute__((weak)) void *xsg__dlsym(void *handle, const char *name) __asm__("dlsym");

#ifndef XSG__RUNTIME
/* Weak references alone would never bind in executables that are linked with -no-pie. */
__attribute__((constructor(101), no_instrument_function)) static void xsg__bind(void)
{
    const struct xsg__api *(*find)(uint32_t) = NULL;
    const struct xsg__api *api;

    if (xsg__session || !getenv("XSGATE_SESSION"))
        return;
    if (xsg__runtime_v1)
        find = xsg__runtime_v1;
    else if (xsg__dlsym)
        *(void **)(void *)&find = xsg__dlsym(NULL /* RTLD_DEFAULT */, "xsg__runtime_v1");
    api = find ? find(XSG__ABI) : NULL;
    if (!api || api->abi != XSG__ABI)
        return;
    xsg__session = api;
    if (api->scopes)
        xsg__api = api;
}
#endif

XSG__PRIVATE uint64_t xsg__ticks(void)
{
#if defined(__x86_64__)
    uint64_t low, high; /* the upper halves of both registers are cleared */
    __asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return high << 32 | low;
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
#else
    return 1; /* the runtime reads a system clock and keeps every call on the slow path */
#endif
}

XSG__PRIVATE void xsg__note_stack(uint32_t *low)
{
    /* the low half: only places within one stack are compared */
#if defined(__x86_64__)
    __asm__ __volatile__("{movl %%esp, %0|mov %0, esp}" : "=m"(*low));
#elif defined(__aarch64__)
    uint64_t sp;
    __asm__ __volatile__("mov %0, sp" : "=r"(sp));
    *low = (uint32_t)sp;
#else
    *low = (uint32_t)(uintptr_t)__builtin_frame_address(0);
#endif
}

/*
 * The slow halves are in the runtime. On x86-64 they are reached by a jump that keeps all general
 * registers but the named ones, so that a scope costs the function around it no call: no saved
 * registers, no aligned stack, nothing while idle.
 */
#if defined(__x86_64__) && defined(__LP64__) && !defined(__APX_F__)
#define XSG__THUNKS 1
#define XSG__JUMP(thunk)                                                                           \
    "{leaq 1f(%%rip), %%rax|lea rax, 1f[rip]}\n\t{jmp *%[" #thunk "]|jmp %[" #thunk "]}\n1:"
#define XSG__VECTORS                                                                               \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#ifdef __AVX512F__
#define XSG__MORE_VECTORS                                                                          \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",  \
        "k6", "k7"
#else
#define XSG__MORE_VECTORS
#endif

XSG__PRIVATE struct xsg__frame xsg__slow_enter(struct xsg__site *site)
{
    struct xsg__frame frame;

    __asm__ __volatile__(XSG__JUMP(thunk)
                         : "=&a"(frame.own), "=&d"(frame.start)
                         : "D"(site), "S"(&xsg__here), [thunk] "m"(xsg__api->thunk_enter)
                         : "r11", "cc", "memory", XSG__VECTORS XSG__MORE_VECTORS);
    return frame;
}

XSG__PRIVATE void xsg__slow_leave(struct xsg__node *own, uint64_t start, uint64_t now)
{
    uint64_t lost;

    __asm__ __volatile__(XSG__JUMP(thunk)
                         : "=&a"(lost), "+d"(now)
                         : "D"(own), "S"(start), [thunk] "m"(xsg__session->thunk_leave)
                         : "r11", "cc", "memory", XSG__VECTORS XSG__MORE_VECTORS);
    (void)lost;
}
#else
XSG__SLOW struct xsg__frame xsg__slow_enter(struct xsg__site *site)
{
    return xsg__api->enter(site, &xsg__here, (uint64_t)(uintptr_t)__builtin_dwarf_cfa());
}

XSG__SLOW void xsg__slow_leave(struct xsg__node *own, uint64_t start, uint64_t now)
{
    xsg__session->leave(own, start, now);
}
#endif

/*
 * Enter: the call counts at once, and only while `current` is the node itself, so that a signal
 * handler which enters scopes in between never touches the same node. Reading the clock is last.
 */
XSG__PRIVATE struct xsg__frame xsg__enter(struct xsg__site *site)
{
    struct xsg__frame frame = {NULL, 0};
    struct xsg__thread *t;
    const struct xsg__cache *cache;
    uint64_t calls;

    t = xsg__here;
    if (!XSG__LIKELY((uintptr_t)t > (uintptr_t)XSG__LOST)) {
        if (XSG__LIKELY(!xsg__api))
            return frame;
        return xsg__slow_enter(site);
    }
    cache =
        (const struct xsg__cache *)(const void *)((char *)t +
                                                  __atomic_load_n(&site->cache, __ATOMIC_RELAXED));
    if (!XSG__LIKELY(cache->parent == t->current))
        return xsg__slow_enter(site);
    frame.own = cache->own;
    t->current = frame.own;
    XSG__FENCE();
    xsg__note_stack(&frame.own->stack);
    calls = frame.own->calls + 1;
    frame.own->calls = calls;
    if (calls >= frame.own->next)
        frame.start = xsg__ticks();
    return frame;
}

/* Takes one from a node's credit; 0 when there was none. */
XSG__PRIVATE int xsg__take_credit(struct xsg__node *own)
{
#ifdef __x86_64__
    __asm__ goto("{subq $1, %0|sub %0, 1}\n\tjc %l1" : : "m"(own->credit) : "memory", "cc" : none);
    return 1;
none:
    return 0;
#else
    return own->credit-- != 0;
#endif
}

/* Leave: the clock first. There is no credit in a node that a forked child has not seen end yet. */
XSG__PRIVATE void xsg__leave(const struct xsg__frame *frame)
{
    struct xsg__node *own = frame->own;

    if (!own)
        return;
    if (frame->start) {
        uint64_t now = xsg__ticks(), d;

        if (!XSG__LIKELY(!__builtin_sub_overflow(now, frame->start, &d) && xsg__take_credit(own))) {
            xsg__slow_leave(own, frame->start, now);
            return;
        }
        own->ticks += d;
    }
    XSG__FENCE();
    xsg__here->current = (struct xsg__node *)(void *)((char *)own - own->up);
}

XSG__PRIVATE struct xsg__bench xsg__bench_begin(struct xsg__site *site)
{
    struct xsg__bench bench = {{NULL, 0}, site, 1, 0, 0, 0};

    if (xsg__session)
        xsg__session->bench(&bench);
    return bench;
}

XSG__PRIVATE int xsg__bench_next(struct xsg__bench *bench)
{
    if (bench->frame.own)
        xsg__session->bench_leave(bench);
    if (!bench->left && !(bench->deadline_ns && xsg__session->bench_more(bench)))
        return 0;
    bench->left--;
    if (xsg__session)
        xsg__session->bench_enter(bench);
    return 1;
}

XSG__PRIVATE void xsg__bench_end(struct xsg__bench *bench)
{
    if (bench->frame.own) /* open after `break`, return or an exception */
        xsg__session->bench_leave(bench);
}

#ifdef __cplusplus
} /* extern "C" */

#define XSG__INLINE inline __attribute__((always_inline, no_instrument_function))

struct xsg__scope_guard {
    struct xsg__frame frame;
    XSG__INLINE explicit xsg__scope_guard(struct xsg__site *site) : frame(xsg__enter(site))
    {
    }
    XSG__INLINE ~xsg__scope_guard()
    {
        xsg__leave(&frame);
    }
    xsg__scope_guard(const xsg__scope_guard &) = delete;
    xsg__scope_guard &operator=(const xsg__scope_guard &) = delete;
};

struct xsg__bench_guard : xsg__bench {
    XSG__INLINE explicit xsg__bench_guard(struct xsg__site *where)
        : xsg__bench(xsg__bench_begin(where))
    {
    }
    XSG__INLINE ~xsg__bench_guard()
    {
        xsg__bench_end(this);
    }
    xsg__bench_guard(const xsg__bench_guard &) = delete;
    xsg__bench_guard &operator=(const xsg__bench_guard &) = delete;
};

#define XSG__SCOPE_GUARD(id, where) const struct xsg__scope_guard id(where)
#define XSG__BENCH_GUARD(id, where) struct xsg__bench_guard id(where)
#else
#define XSG__SCOPE_GUARD(id, where)                                                                \
    const struct xsg__frame id __attribute__((cleanup(xsg__leave), unused)) = xsg__enter(where)
#define XSG__BENCH_GUARD(id, where)                                                                \
    struct xsg__bench id __attribute__((cleanup(xsg__bench_end))) = xsg__bench_begin(where)
#endif

#define XSG__SCOPE(name, flags, id)                                                                \
    static struct xsg__site XSG__JOIN(xsg__site_, id) = XSG__SITE(name, XSG__KIND_SCOPE, flags);   \
    XSG__SCOPE_GUARD(XSG__JOIN(xsg__frame_, id), &XSG__JOIN(xsg__site_, id))

#define XSG__BENCH(name, id)                                                                       \
    static struct xsg__site XSG__JOIN(xsg__site_, id) = XSG__SITE(name, XSG__KIND_BENCH, 0);       \
    for (XSG__BENCH_GUARD(XSG__JOIN(xsg__bench_, id), &XSG__JOIN(xsg__site_, id));                 \
         xsg__bench_next(&XSG__JOIN(xsg__bench_, id));)

#define XSG__NUMBER(name, value, kind)                                                             \
    do {                                                                                           \
        static struct xsg__site xsg__site_here = XSG__SITE(name, kind, 0);                         \
        if (xsg__api)                                                                              \
            xsg__api->number(&xsg__site_here, (int64_t)(value));                                   \
    } while (0)

#endif /* XSG_DISABLE */
#endif
