/* The tree being filled: functions, nodes, counters, benches, notes. fold_finish.c makes the
 * profile. */
#include "profiler/fold_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int xsg_fold_open(struct xsg_fold **out, struct xsg_arena *arena, struct xsg_err *err)
{
    (void)err;
    struct xsg_fold *fold = XSG_NEW(arena, struct xsg_fold);
    fold->arena = arena;
    xsg_map_init(&fold->function_map, arena);
    xsg_map_init(&fold->child_map, arena);
    xsg_map_init(&fold->counters, arena);
    xsg_map_init(&fold->benches, arena);
    xsg_map_init(&fold->notes, arena);
    fold->functions = xsg_grow(arena, NULL, &fold->cap_functions, 1, sizeof *fold->functions);
    fold->functions[0].function.name = XSG_FOLD_ROOT;
    fold->n_functions = 1;
    fold->nodes = xsg_grow(arena, NULL, &fold->cap_nodes, 1, sizeof *fold->nodes);
    fold->n_nodes = 1;
    *out = fold;
    return 0;
}

/* "name\0file", and one byte more where there is no file, so that NULL and "" differ. */
static void *find_place(struct xsg_fold *fold, const char *name, const char *file, bool *is_new)
{
    size_t n_name = strlen(name) + 1, n_file = file ? strlen(file) : 1;
    char small[512];
    size_t n = n_name + n_file;
    char *key = n <= sizeof small ? small : xsg_alloc(fold->arena, n, 1);
    memcpy(key, name, n_name);
    memcpy(key + n_name, file ? file : "", n_file);
    return xsg_map_put(&fold->function_map, key, n, is_new);
}

/* What only informs is kept from whoever knew it. */
static void inform(struct xsg_fold *fold, struct xsg_function *known, const struct xsg_function *f)
{
    if (!known->module && f->module)
        known->module = xsg_strdup(fold->arena, f->module);
    if (known->line == 0 && f->line > 0)
        known->line = f->line;
    if (known->end_line == 0 && f->end_line > 0)
        known->end_line = f->end_line;
}

void xsg_fold_join_code(struct xsg_function *known, bool *differ, const struct xsg_function *f)
{
    if (f->code_deep == 0 && f->code == 0) /* a part of another's code, or a library's */
        return;
    bool first = known->code == 0 && !*differ;
    bool equal = known->code == f->code && known->code_deep == f->code_deep;
    *differ |= f->code == 0 || (!first && !equal);
    known->code = *differ ? 0 : f->code;
    known->code_deep = *differ ? XSG_CODE_UNREAD : f->code_deep;
}

uint32_t xsg_fold_function(struct xsg_fold *fold, const struct xsg_function *function)
{
    bool is_new;
    const char *name = function->name ? function->name : "[unknown]";
    void **place = find_place(fold, name, function->file, &is_new);
    if (is_new) {
        fold->functions = xsg_grow(fold->arena, fold->functions, &fold->cap_functions,
                                   fold->n_functions + 1, sizeof *fold->functions);
        struct xsg_function *f = &fold->functions[fold->n_functions].function;
        f->name = xsg_strdup(fold->arena, name);
        f->file = xsg_strdup(fold->arena, function->file);
        *place = (void *)(uintptr_t)fold->n_functions++;
    }
    uint32_t index = (uint32_t)(uintptr_t)*place;
    inform(fold, &fold->functions[index].function, function);
    xsg_fold_join_code(&fold->functions[index].function, &fold->functions[index].codes_differ,
                       function);
    return index;
}

/* Deep paths: the ancestor that a recursion folds into, or a parent that is not too deep. */
static uint32_t shallower(const struct xsg_fold *fold, uint32_t parent, uint32_t function,
                          uint32_t kind, bool *found)
{
    for (uint32_t at = parent; at != 0; at = fold->nodes[at].parent) {
        if (fold->nodes[at].function == function && fold->nodes[at].kind == kind) {
            *found = true;
            return at;
        }
    }
    while (fold->nodes[parent].depth >= XSG_FOLD_DEPTH_HARD)
        parent = fold->nodes[parent].parent;
    return parent;
}

uint32_t xsg_fold_child(struct xsg_fold *fold, uint32_t parent, uint32_t function, uint32_t kind)
{
    if (fold->nodes[parent].depth >= XSG_FOLD_DEPTH_SOFT) {
        bool found = false;
        parent = shallower(fold, parent, function, kind, &found);
        if (found)
            return parent;
    }
    const uint32_t key[3] = {parent, function, kind};
    bool is_new;
    void **place = xsg_map_put(&fold->child_map, key, sizeof key, &is_new);
    if (is_new) {
        fold->nodes = xsg_grow(fold->arena, fold->nodes, &fold->cap_nodes, fold->n_nodes + 1,
                               sizeof *fold->nodes);
        fold->nodes[fold->n_nodes] = (struct xsg_fold_node){.parent = parent,
                                                            .function = function,
                                                            .kind = kind,
                                                            .depth = fold->nodes[parent].depth + 1};
        *place = (void *)(uintptr_t)fold->n_nodes++;
    }
    return (uint32_t)(uintptr_t)*place;
}

struct xsg_fold_node *xsg_fold_node(struct xsg_fold *fold, uint32_t node)
{
    return &fold->nodes[node];
}

void xsg_fold_inlined(struct xsg_fold *fold, uint32_t function, uint32_t into, double ns,
                      uint64_t samples)
{
    fold->functions[function].given += ns;
    fold->functions[function].samples_given += samples;
    fold->functions[into].taken += ns;
    fold->functions[into].samples_taken += samples;
}

void xsg_fold_frame(struct xsg_fold *fold, uint32_t function, bool inlined)
{
    fold->functions[function].own_code |= !inlined;
    fold->functions[function].inlined |= inlined;
}

struct xsg_hist *xsg_fold_hist(struct xsg_fold *fold, uint32_t function)
{
    struct xsg_fold_function *f = &fold->functions[function];
    if (!f->hist) {
        f->hist = XSG_NEW(fold->arena, struct xsg_hist);
        xsg_hist_init(f->hist);
    }
    return f->hist;
}

struct xsg_fold_sums *xsg_fold_sums(struct xsg_fold *fold)
{
    return &fold->sums;
}

void xsg_fold_counter(struct xsg_fold *fold, const char *name, double sum, uint64_t n, double min,
                      double max)
{
    bool is_new;
    void **place = xsg_map_put(&fold->counters, name, strlen(name), &is_new);
    if (is_new) {
        struct xsg_profile_counter *counter = XSG_NEW(fold->arena, struct xsg_profile_counter);
        *counter = (struct xsg_profile_counter){.min = NAN, .max = NAN};
        *place = counter;
    }
    struct xsg_profile_counter *counter = *place;
    counter->sum += sum;
    counter->n += n;
    counter->min = fmin(counter->min, min); /* fmin and fmax pass over NaN */
    counter->max = fmax(counter->max, max);
}

void xsg_fold_bench(struct xsg_fold *fold, const char *name, uint64_t iterations)
{
    bool is_new;
    void **place = xsg_map_put(&fold->benches, name, strlen(name), &is_new);
    if (is_new)
        *place = XSG_NEW(fold->arena, struct xsg_profile_bench);
    ((struct xsg_profile_bench *)*place)->iterations += iterations;
}

void xsg_fold_note(struct xsg_fold *fold, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xsg_map_put(&fold->notes, text, strlen(text), NULL);
}
