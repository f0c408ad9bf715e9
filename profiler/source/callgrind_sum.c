/*
 * Costs and calls of callgrind files -> counts per function, under the names that other sources
 * give them.
 *
 * An instruction belongs to a chain of functions: the innermost inlined one, those that it is
 * inlined into, the real one, whose own its cost is. The total of a function is what
 * was executed at its places (own or in what is inlined there) and below the calls from there. That
 * counts twice what a function does while it is called by itself, directly or through others: in a
 * cycle of the call graph the total is therefore at most what the cycle's functions execute plus
 * what is called out of the cycle, which no outermost call of any of them can exceed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"
#include "profiler/source/callgrind.h"

/* A module without symbols is worth a note when it executed more than this share of all. */
#define NAMELESS_NOTED 0.01

struct nameless {
    double instructions;
};

struct xsg_callgrind_sum {
    struct xsg_arena *arena;
    struct xsg_map index; /* name and file -> number + 1 */
    struct xsg_counts_function *functions;
    size_t n, cap;
    double instructions, syscalls;
    size_t n_processes;
    struct xsg_map nameless; /* module -> struct nameless */
};

/* The functions that a place belongs to, innermost first; no function twice. */
struct chain {
    uint32_t *functions;
    size_t n;
};

struct edge {
    uint32_t from, to;
};

/* One file while it is added. */
struct adding {
    struct xsg_callgrind_sum *sum;
    struct xsg_arena *arena; /* scratch */
    const struct xsg_callgrind *file;
    struct xsg_symboliser *symboliser;
    uint32_t *real; /* by function of the file: the function of the counts */
    bool *skip;     /* by function of the file: valgrind's own */
    struct edge *edges;
    size_t n_edges, cap_edges;
    struct xsg_map known_edges;
    uint32_t *cycle;             /* by function: its cycle's number; 0: in none */
    double *total, *cycle_total; /* by function; by cycle */
};

struct xsg_callgrind_sum *xsg_callgrind_sum_open(struct xsg_arena *arena)
{
    struct xsg_callgrind_sum *sum = XSG_NEW(arena, struct xsg_callgrind_sum);
    sum->arena = arena;
    xsg_map_init(&sum->index, arena);
    xsg_map_init(&sum->nameless, arena);
    return sum;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static uint32_t number_of(struct xsg_callgrind_sum *sum, const struct xsg_function *f)
{
    struct xsg_buf key = XSG_BUF_INIT;
    bool is_new;
    xsg_buf_puts(&key, f->name);
    if (f->file) {
        xsg_buf_putc(&key, '\0');
        xsg_buf_puts(&key, f->file);
    }
    void **place = xsg_map_put(&sum->index, key.data, key.len, &is_new);
    xsg_buf_release(&key);
    if (is_new) {
        sum->functions =
            xsg_grow(sum->arena, sum->functions, &sum->cap, sum->n + 1, sizeof *sum->functions);
        struct xsg_function *copy = &sum->functions[sum->n].function;
        sum->functions[sum->n] = (struct xsg_counts_function){.function = *f};
        copy->name = xsg_strdup(sum->arena, f->name);
        copy->file = xsg_strdup(sum->arena, f->file);
        copy->module = xsg_strdup(sum->arena, f->module);
        *place = (void *)(uintptr_t)++sum->n;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

/* Where callgrind knows no symbol the name is an address, of this run and build only. */
static bool is_address(const char *name)
{
    return name[0] == '0' && name[1] == 'x';
}

/* What the file itself says. */
static uint32_t named_by_file(struct adding *a, const struct xsg_callgrind_function *f)
{
    struct xsg_function function = {
        .name = f->name && (f->object || !is_address(f->name)) ? xsg_demangle(a->arena, f->name)
                                                               : "[unknown]",
        .file = f->file,
        .module = f->object ? xsg_path_base(f->object) : NULL,
    };
    if (f->file && a->symboliser)
        function.file = xsg_symboliser_source(a->symboliser, f->file);
    return number_of(a->sum, &function);
}

static bool is_in(const struct chain *chain, uint32_t function)
{
    for (size_t i = 0; i < chain->n; i++) {
        if (chain->functions[i] == function)
            return true;
    }
    return false;
}

/* A place of a function of the file. The chain is valid until the arena is released. */
static struct chain chain_at(struct adding *a, uint32_t function, uint64_t address)
{
    const struct xsg_callgrind_function *f = &a->file->functions[function];
    const struct xsg_frame *frames;
    struct chain chain = {0};
    if (!a->symboliser || !a->file->has_addresses || !f->object) {
        chain.functions = XSG_NEW(a->arena, uint32_t);
        chain.functions[chain.n++] = named_by_file(a, f);
        return chain;
    }
    const struct xsg_module module = {.end = UINT64_MAX, .path = f->object};
    size_t n = xsg_symbolise(a->symboliser, &module, address, &frames);
    chain.functions = XSG_NEW_ARRAY(a->arena, uint32_t, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t number = number_of(a->sum, &frames[i].function);
        if (!is_in(&chain, number))
            chain.functions[chain.n++] = number;
    }
    return chain;
}

/* Valgrind preloads libraries of its own. */
static bool is_valgrinds(const struct xsg_callgrind_function *f)
{
    return f->object && strncmp(xsg_path_base(f->object), "vgpreload_", 10) == 0;
}

/* Which real function a function of the file is: that of the first place seen in it. */
static void name_functions(struct adding *a)
{
    const struct xsg_callgrind *file = a->file;
    bool *named = XSG_NEW_ARRAY(a->arena, bool, file->n_functions);
    a->real = XSG_NEW_ARRAY(a->arena, uint32_t, file->n_functions);
    a->skip = XSG_NEW_ARRAY(a->arena, bool, file->n_functions);
    for (size_t i = 0; i < file->n_functions; i++)
        a->skip[i] = is_valgrinds(&file->functions[i]);
    for (size_t i = 0; i < file->n_costs; i++) {
        uint32_t f = file->costs[i].function;
        if (named[f] || a->skip[f])
            continue;
        named[f] = true;
        struct chain chain = chain_at(a, f, file->costs[i].address);
        a->real[f] = chain.functions[chain.n - 1];
    }
    for (uint32_t f = 0; f < file->n_functions; f++) {
        if (!named[f] && !a->skip[f])
            a->real[f] = named_by_file(a, &file->functions[f]);
    }
}

/* ---- cycles -----------------------------------------------------------------------------------
 */

static void add_edge(struct adding *a, uint32_t from, uint32_t to)
{
    const uint32_t key[2] = {from, to};
    bool is_new;
    xsg_map_put(&a->known_edges, key, sizeof key, &is_new);
    if (!is_new)
        return;
    a->edges = xsg_grow(a->arena, a->edges, &a->cap_edges, a->n_edges + 1, sizeof *a->edges);
    a->edges[a->n_edges++] = (struct edge){from, to};
}

/* Who calls whom, and what is inlined into what. */
static void collect_edges(struct adding *a)
{
    const struct xsg_callgrind *file = a->file;
    for (size_t i = 0; i < file->n_costs; i++) {
        if (a->skip[file->costs[i].function])
            continue;
        struct chain chain = chain_at(a, file->costs[i].function, file->costs[i].address);
        for (size_t k = 1; k < chain.n; k++)
            add_edge(a, chain.functions[k], chain.functions[k - 1]);
    }
    for (size_t i = 0; i < file->n_calls; i++) {
        const struct xsg_callgrind_call *call = &file->calls[i];
        if (a->skip[call->caller] || a->skip[call->callee])
            continue;
        struct chain chain = chain_at(a, call->caller, call->address);
        add_edge(a, chain.functions[0], a->real[call->callee]);
        for (size_t k = 1; k < chain.n; k++)
            add_edge(a, chain.functions[k], chain.functions[k - 1]);
    }
}

static int compare_edges(const void *x, const void *y)
{
    const struct edge *a = x, *b = y;
    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a->to > b->to) - (a->to < b->to);
}

/* Tarjan's strongly connected components, without recursion: a chain of calls may be long. */
struct walk {
    uint32_t *order, *low; /* 1, 2, ... as they were met; 0: not yet */
    uint32_t *stack, *path;
    size_t *next, *first; /* edges of a function: first[f] up to first[f + 1] */
    bool *on_stack;
    size_t n_stack, n_path;
    uint32_t n_met, n_cycles;
};

static void enter(struct walk *w, uint32_t f)
{
    w->order[f] = w->low[f] = ++w->n_met;
    w->next[f] = w->first[f];
    w->stack[w->n_stack++] = f;
    w->on_stack[f] = true;
    w->path[w->n_path++] = f;
}

/* f is done: when it is the first of its component, that is complete. Alone it is no cycle: its
 * calls of itself are left out of its total anyway. */
static void leave(struct adding *a, struct walk *w, uint32_t f)
{
    w->n_path--;
    if (w->n_path > 0 && w->low[f] < w->low[w->path[w->n_path - 1]])
        w->low[w->path[w->n_path - 1]] = w->low[f];
    if (w->low[f] != w->order[f])
        return;
    uint32_t cycle = w->stack[w->n_stack - 1] == f ? 0 : ++w->n_cycles;
    for (uint32_t member = f + 1; member != f;) {
        member = w->stack[--w->n_stack];
        w->on_stack[member] = false;
        a->cycle[member] = cycle;
    }
}

static void visit(struct adding *a, struct walk *w, uint32_t start)
{
    enter(w, start);
    while (w->n_path > 0) {
        uint32_t f = w->path[w->n_path - 1];
        if (w->next[f] == w->first[f + 1]) {
            leave(a, w, f);
            continue;
        }
        uint32_t to = a->edges[w->next[f]++].to;
        if (w->order[to] == 0)
            enter(w, to);
        else if (w->on_stack[to] && w->order[to] < w->low[f])
            w->low[f] = w->order[to];
    }
}

static void find_cycles(struct adding *a)
{
    size_t n = a->sum->n;
    struct walk w = {.order = XSG_NEW_ARRAY(a->arena, uint32_t, n),
                     .low = XSG_NEW_ARRAY(a->arena, uint32_t, n),
                     .stack = XSG_NEW_ARRAY(a->arena, uint32_t, n),
                     .path = XSG_NEW_ARRAY(a->arena, uint32_t, n),
                     .next = XSG_NEW_ARRAY(a->arena, size_t, n),
                     .first = XSG_NEW_ARRAY(a->arena, size_t, n + 1),
                     .on_stack = XSG_NEW_ARRAY(a->arena, bool, n)};
    a->cycle = XSG_NEW_ARRAY(a->arena, uint32_t, n);
    if (a->n_edges > 0)
        qsort(a->edges, a->n_edges, sizeof *a->edges, compare_edges);
    for (size_t i = 0, f = 0; f <= n; f++) {
        while (i < a->n_edges && a->edges[i].from < f)
            i++;
        w.first[f] = i;
    }
    for (uint32_t f = 0; f < n; f++) {
        if (w.order[f] == 0)
            visit(a, &w, f);
    }
    a->total = XSG_NEW_ARRAY(a->arena, double, n);
    a->cycle_total = XSG_NEW_ARRAY(a->arena, double, (size_t)w.n_cycles + 1);
}

/* ---- values -----------------------------------------------------------------------------------
 */

/* Executed at a place, or below a call from it (of callee; UINT32_MAX: at the place itself). */
static void add_at(struct adding *a, const struct chain *chain, double instructions,
                   uint32_t callee)
{
    uint32_t entered = callee == UINT32_MAX ? 0 : a->cycle[callee];
    for (size_t i = 0; i < chain->n; i++) {
        uint32_t f = chain->functions[i], cycle = a->cycle[f];
        bool counted = false; /* for this cycle, by an inner function of the chain */
        if (f != callee)
            a->total[f] += instructions;
        for (size_t k = 0; k < i && !counted; k++)
            counted = a->cycle[chain->functions[k]] == cycle;
        if (cycle != 0 && cycle != entered && !counted)
            a->cycle_total[cycle] += instructions;
    }
}

static void note_nameless(struct adding *a, const struct xsg_function *f, double instructions)
{
    bool is_new;
    if (!f->module || f->file || !strstr(f->name, "+0x"))
        return;
    void **place = xsg_map_put(&a->sum->nameless, f->module, strlen(f->module), &is_new);
    if (is_new)
        *place = XSG_NEW(a->sum->arena, struct nameless);
    ((struct nameless *)*place)->instructions += instructions;
}

static void add_costs(struct adding *a)
{
    struct xsg_callgrind_sum *sum = a->sum;
    for (size_t i = 0; i < a->file->n_costs; i++) {
        const struct xsg_callgrind_cost *cost = &a->file->costs[i];
        if (a->skip[cost->function])
            continue;
        struct chain chain = chain_at(a, cost->function, cost->address);
        struct xsg_counts_function *f = &sum->functions[chain.functions[chain.n - 1]];
        f->instructions += (double)cost->instructions;
        f->syscalls += (double)cost->syscalls;
        sum->instructions += (double)cost->instructions;
        sum->syscalls += (double)cost->syscalls;
        add_at(a, &chain, (double)cost->instructions, UINT32_MAX);
        note_nameless(a, &f->function, (double)cost->instructions);
    }
}

static void add_calls(struct adding *a)
{
    for (size_t i = 0; i < a->file->n_calls; i++) {
        const struct xsg_callgrind_call *call = &a->file->calls[i];
        if (a->skip[call->caller] || a->skip[call->callee])
            continue;
        uint32_t callee = a->real[call->callee];
        struct chain chain = chain_at(a, call->caller, call->address);
        a->sum->functions[callee].calls += (double)call->calls;
        add_at(a, &chain, (double)call->instructions, callee);
    }
}

void xsg_callgrind_sum_add(struct xsg_callgrind_sum *sum, const struct xsg_callgrind *file,
                           struct xsg_symboliser *symboliser)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct adding a = {.sum = sum, .arena = &scratch, .file = file, .symboliser = symboliser};
    double before = sum->instructions;
    xsg_map_init(&a.known_edges, &scratch);
    name_functions(&a);
    collect_edges(&a); /* from here on, no function is new */
    find_cycles(&a);
    add_costs(&a);
    add_calls(&a);
    for (size_t f = 0; f < sum->n; f++) {
        double total = a.total[f], whole = sum->instructions - before;
        if (a.cycle[f] != 0 && total > a.cycle_total[a.cycle[f]])
            total = a.cycle_total[a.cycle[f]];
        sum->functions[f].total += total < whole ? total : whole;
    }
    sum->n_processes++;
    xsg_arena_release(&scratch);
}

static int by_instructions(const void *x, const void *y)
{
    const struct xsg_counts_function *a = x, *b = y;
    if (a->instructions != b->instructions)
        return a->instructions > b->instructions ? -1 : 1;
    int order = strcmp(a->function.name, b->function.name);
    if (order)
        return order;
    return strcmp(a->function.file ? a->function.file : "",
                  b->function.file ? b->function.file : "");
}

void xsg_callgrind_sum_finish(struct xsg_callgrind_sum *sum, struct xsg_counts *counts)
{
    *counts = (struct xsg_counts){.functions = sum->functions,
                                  .n_functions = sum->n,
                                  .instructions = sum->instructions,
                                  .syscalls = sum->syscalls,
                                  .n_processes = sum->n_processes};
    if (sum->n > 0)
        qsort(counts->functions, counts->n_functions, sizeof *counts->functions, by_instructions);
    counts->notes = XSG_NEW_ARRAY(sum->arena, const char *, sum->nameless.n);
    for (size_t i = 0; i < sum->nameless.n; i++)
        counts->notes[counts->n_notes++] =
            xsg_printf(sum->arena, "%s has no symbols: its functions are named by their addresses",
                       sum->nameless.entries[i].key);
}
