/*
 * The hash over a function and all that it calls. Functions and objects are nodes, what they refer
 * to are edges; strongly connected nodes (recursion) are hashed together, by name, the others from
 * the leaves upward. Tarjan 1972, without recursion.
 */
#include <string.h>

#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

struct node {
    struct xsg_code_file *file; /* NULL: the one of indirect calls */
    enum xsg_code_place place;
    uint64_t addr;
    const struct xsg_code_body *body;
    struct node **next; /* what it refers to in the project */
    size_t n_next, cap_next;
    size_t index, low; /* index 0: not visited */
    size_t done;       /* of next */
    size_t member;     /* of the recursion that is hashed now */
    bool on_stack, unknown, finished;
    uint64_t deep;
};

struct stack {
    struct node **list;
    size_t n, cap;
};

struct walk {
    struct xsg_code_program *program;
    struct stack path, open;
    size_t index;
};

/* ---- by name -----------------------------------------------------------------------------------
 */

static uint64_t name_at(const struct xsg_code_symbols *symbols, uint64_t addr)
{
    const struct xsg_code_symbol *symbol = xsg__code_symbol(symbols, addr);
    const char *name = symbol ? symbol->name : "";
    return xsg__code_mix_bytes(21, name, xsg__code_name_length(name));
}

static const struct xsg_code_symbols *symbols_of(const struct xsg_code_file *file,
                                                 enum xsg_code_place place)
{
    return place == XSG_CODE_FUNCTION ? &file->functions
           : place == XSG_CODE_OBJECT ? &file->objects
                                      : &file->tls;
}

static const struct xsg_code_body *body_of(struct xsg_code_file *file, enum xsg_code_place place,
                                           uint64_t addr)
{
    return place == XSG_CODE_FUNCTION ? xsg__code_body(file, addr)
           : place == XSG_CODE_OBJECT ? xsg__code_object(file, addr)
                                      : xsg__code_thread(file, addr);
}

static bool is_variable(enum xsg_code_place place)
{
    return place == XSG_CODE_OBJECT || place == XSG_CODE_THREAD;
}

/* 0: unknown. */
static uint64_t name_of(struct xsg_code_file *file, const struct xsg_code_ref *ref)
{
    switch (ref->place) {
    case XSG_CODE_FUNCTION:
    case XSG_CODE_OBJECT:
    case XSG_CODE_THREAD:
        return name_at(symbols_of(file, ref->place), ref->addr);
    case XSG_CODE_IMPORT:
        return xsg__code_mix_text(22, ref->name);
    default:
        return 23;
    }
}

/* A variable's name and what is in it; what it points to by name alone. */
static uint64_t variable_of(struct xsg_code_file *file, const struct xsg_code_ref *ref)
{
    const struct xsg_code_body *object = body_of(file, ref->place, ref->addr);
    uint64_t hash = xsg__code_mix(name_of(file, ref), object->hash);
    for (size_t i = 0; i < object->n_refs; i++)
        hash = xsg__code_mix(hash, name_of(file, &object->refs[i]));
    return object->unknown ? 0 : hash;
}

uint64_t xsg__code_shallow(struct xsg_code_file *file, const struct xsg_code_body *body)
{
    uint64_t hash = body->hash;
    if (body->unknown)
        return 0;
    for (size_t i = 0; i < body->n_refs; i++) {
        const struct xsg_code_ref *ref = &body->refs[i];
        uint64_t part = is_variable(ref->place) ? variable_of(file, ref) : name_of(file, ref);
        if (!part)
            return 0;
        hash = xsg__code_mix(hash, part);
    }
    return hash ? hash : 1;
}

/* ---- the graph ---------------------------------------------------------------------------------
 */

static struct node *node_of(struct xsg_code_program *program, struct xsg_code_file *file,
                            enum xsg_code_place place, uint64_t addr)
{
    const struct {
        uint64_t file, addr, place;
    } key = {(uintptr_t)file, addr, place};
    bool is_new;
    void **slot = xsg_map_put(&program->nodes, &key, sizeof key, &is_new);
    if (is_new) {
        struct node *node = XSG_NEW(program->arena, struct node);
        node->file = file;
        node->place = place;
        node->addr = addr;
        *slot = node;
    }
    return *slot;
}

static void add_next(struct xsg_code_program *program, struct node *node, struct node *next)
{
    node->next =
        xsg_grow(program->arena, node->next, &node->cap_next, node->n_next + 1, sizeof *node->next);
    node->next[node->n_next++] = next;
}

struct export
{
    struct xsg_code_file *file;
    enum xsg_code_place place;
    uint64_t addr;
    struct export *more; /* of the same name in other files */
};

/* A copy of a variable is exported, too: what is in it comes from the other file. */
static void add_exports(struct xsg_code_program *program, struct xsg_code_file *file,
                        enum xsg_code_place kind)
{
    const struct xsg_code_symbols *symbols = symbols_of(file, kind);
    for (size_t i = 0; i < symbols->n; i++) {
        const struct xsg_code_symbol *symbol = &symbols->list[i];
        const struct xsg_code_reloc *reloc =
            kind == XSG_CODE_OBJECT ? xsg__code_reloc(file, symbol->addr) : NULL;
        if (!symbol->exported || (reloc && reloc->copy))
            continue;
        void **place = xsg_map_put(&program->exports, symbol->name, strlen(symbol->name), NULL);
        struct export *entry = XSG_NEW(program->arena, struct export);
        *entry = (struct export){file, kind, symbol->addr, *place};
        *place = entry;
    }
}

static void load_exports(struct xsg_code_program *program)
{
    program->exports_loaded = true;
    for (size_t f = 0; f < program->n_files; f++) {
        add_exports(program, program->files[f], XSG_CODE_FUNCTION);
        add_exports(program, program->files[f], XSG_CODE_OBJECT);
        add_exports(program, program->files[f], XSG_CODE_THREAD);
    }
}

static const struct export *find_export(struct xsg_code_program *program, const char *name)
{
    if (!program->exports_loaded)
        load_exports(program);
    return xsg_map_get(&program->exports, name, strlen(name));
}

/* What a linker puts into every program is not called through pointers. */
static bool is_start_code(const char *name)
{
    static const char *const names[] = {"main",
                                        "_start",
                                        "_init",
                                        "_fini",
                                        "frame_dummy",
                                        "register_tm_clones",
                                        "deregister_tm_clones",
                                        "__do_global_dtors_aux",
                                        "_dl_relocate_static_pie"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void expand_indirect(struct xsg_code_program *program, struct node *node)
{
    for (size_t f = 0; f < program->n_files; f++) {
        struct xsg_code_file *file = program->files[f];
        struct xsg_map taken;
        xsg_map_init(&taken, program->arena);
        if (!xsg__code_taken(file, &taken))
            node->unknown = true;
        for (size_t i = 0; i < taken.n; i++) {
            uint64_t addr;
            memcpy(&addr, taken.entries[i].key, sizeof addr);
            const struct xsg_code_symbol *symbol = xsg__code_symbol(&file->functions, addr);
            if (symbol && !is_start_code(symbol->name))
                add_next(program, node, node_of(program, file, XSG_CODE_FUNCTION, addr));
        }
    }
}

static void expand(struct xsg_code_program *program, struct node *node)
{
    if (node->place == XSG_CODE_INDIRECT) {
        expand_indirect(program, node);
        return;
    }
    node->body = body_of(node->file, node->place, node->addr);
    node->unknown = node->body->unknown;
    for (size_t i = 0; !node->unknown && i < node->body->n_refs; i++) {
        const struct xsg_code_ref *ref = &node->body->refs[i];
        if (ref->place == XSG_CODE_INDIRECT)
            add_next(program, node, node_of(program, NULL, XSG_CODE_INDIRECT, 0));
        else if (ref->place != XSG_CODE_IMPORT)
            add_next(program, node, node_of(program, node->file, ref->place, ref->addr));
        else
            for (const struct export *e = find_export(program, ref->name); e; e = e->more)
                add_next(program, node, node_of(program, e->file, e->place, e->addr));
    }
}

/* ---- hashes ------------------------------------------------------------------------------------
 */

static uint64_t own_name(const struct node *node)
{
    if (node->place == XSG_CODE_INDIRECT)
        return 31;
    return name_at(symbols_of(node->file, node->place), node->addr);
}

/* Its content with all names; 0: unknown. */
static uint64_t shallow(const struct node *node)
{
    if (node->unknown)
        return 0;
    if (node->place == XSG_CODE_INDIRECT)
        return 32;
    return xsg__code_shallow(node->file, node->body);
}

/* Alone: callees in order, each by what it is. A variable is also itself, whatever is in it. */
static uint64_t finish_one(struct xsg_code_program *program, const struct node *node)
{
    uint64_t hash = node->body ? node->body->hash : 33;
    for (size_t i = 0; i < node->n_next; i++)
        if (node->next[i]->deep == 0)
            return 0;
    if (node->unknown)
        return 0;
    if (node->place == XSG_CODE_INDIRECT) {
        uint64_t *each = XSG_NEW_ARRAY(program->arena, uint64_t, node->n_next + 1);
        for (size_t i = 0; i < node->n_next; i++)
            each[i] = node->next[i]->deep;
        return xsg__code_mix_set(34, each, node->n_next) | 1;
    }
    if (is_variable(node->place))
        hash = xsg__code_mix(hash, own_name(node));
    size_t next = 0;
    for (size_t i = 0; i < node->body->n_refs; i++) {
        const struct xsg_code_ref *ref = &node->body->refs[i];
        if (ref->place != XSG_CODE_IMPORT) {
            hash = xsg__code_mix(hash, node->next[next++]->deep);
            continue;
        }
        hash = xsg__code_mix(hash, name_of(node->file, ref));
        for (const struct export *e = find_export(program, ref->name); e; e = e->more)
            hash = xsg__code_mix(hash, node->next[next++]->deep);
    }
    return hash ? hash : 1;
}

/* What a node of a recursion refers to: outside of it by what that is, inside by numbers[index of
 * the member]; NULL: not at all. */
static uint64_t mix_next(struct xsg_code_program *program, uint64_t hash, const struct node *node,
                         const uint64_t *numbers)
{
    uint64_t *each = XSG_NEW_ARRAY(program->arena, uint64_t, node->n_next + 1);
    for (size_t i = 0; i < node->n_next; i++) {
        const struct node *next = node->next[i];
        each[i] = next->finished ? next->deep : numbers ? numbers[next->member] : 37;
    }
    if (node->place == XSG_CODE_INDIRECT) /* as they lie in memory */
        return xsg__code_mix_set(hash, each, node->n_next);
    for (size_t i = 0; i < node->n_next; i++)
        hash = xsg__code_mix(hash, each[i]);
    return hash;
}

/* Members are told apart by their names and content, by what they refer to outside, and by all that
 * of those they refer to inside: names alone may be of several. */
static void finish_together(struct xsg_code_program *program, struct node **members, size_t n)
{
    bool unknown = false;
    uint64_t *first = XSG_NEW_ARRAY(program->arena, uint64_t, n);
    uint64_t *second = XSG_NEW_ARRAY(program->arena, uint64_t, n);
    uint64_t *all = XSG_NEW_ARRAY(program->arena, uint64_t, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t own = shallow(members[i]);
        unknown |= own == 0;
        for (size_t j = 0; j < members[i]->n_next; j++)
            unknown |= members[i]->next[j]->finished && members[i]->next[j]->deep == 0;
        first[i] = mix_next(program, xsg__code_mix(own, own_name(members[i])), members[i], NULL);
        members[i]->member = i;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = second[i] = mix_next(program, first[i], members[i], first);
    uint64_t hash = xsg__code_mix_set(35, all, n);
    for (size_t i = 0; i < n; i++)
        members[i]->deep = unknown ? 0 : xsg__code_mix(hash, xsg__code_mix(second[i], 36)) | 1;
}

static void push(struct walk *walk, struct stack *stack, struct node *node)
{
    stack->list =
        xsg_grow(walk->program->arena, stack->list, &stack->cap, stack->n + 1, sizeof *stack->list);
    stack->list[stack->n++] = node;
}

static void enter(struct walk *walk, struct node *node)
{
    expand(walk->program, node);
    node->index = node->low = ++walk->index;
    node->on_stack = true;
    push(walk, &walk->path, node);
    push(walk, &walk->open, node);
}

static void leave(struct walk *walk, struct node *node)
{
    if (walk->path.n) {
        struct node *parent = walk->path.list[walk->path.n - 1];
        parent->low = node->low < parent->low ? node->low : parent->low;
    }
    if (node->low != node->index)
        return;
    size_t first = walk->open.n;
    while (walk->open.list[--first] != node)
        continue;
    struct node **members = walk->open.list + first;
    size_t n = walk->open.n - first;
    bool alone = n == 1;
    for (size_t i = 0; i < node->n_next; i++)
        alone &= node->next[i] != node;
    if (alone)
        node->deep = finish_one(walk->program, node);
    else
        finish_together(walk->program, members, n);
    for (size_t i = 0; i < n; i++) {
        members[i]->on_stack = false;
        members[i]->finished = true;
    }
    walk->open.n = first;
}

uint64_t xsg__code_deep(struct xsg_code_program *program, struct xsg_code_file *file, uint64_t addr)
{
    struct node *root = node_of(program, file, XSG_CODE_FUNCTION, addr);
    struct walk walk = {.program = program};
    if (root->finished)
        return root->deep;
    enter(&walk, root);
    while (walk.path.n) {
        struct node *node = walk.path.list[walk.path.n - 1];
        if (node->done == node->n_next) {
            walk.path.n--;
            leave(&walk, node);
            continue;
        }
        struct node *next = node->next[node->done++];
        if (!next->index)
            enter(&walk, next);
        else if (next->on_stack && next->index < node->low)
            node->low = next->index;
    }
    return root->deep;
}
