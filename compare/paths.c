#include "compare/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void make_key(struct xsg_buf *key, const struct xsg_function *f)
{
    xsg_buf_clear(key);
    xsg_buf_puts(key, f->name ? f->name : "");
    if (f->file) {
        xsg_buf_putc(key, '\0');
        xsg_buf_puts(key, f->file);
    }
}

static uint32_t number_of(struct xsg_paths *paths, const struct xsg_function *f)
{
    struct xsg_buf key = XSG_BUF_INIT;
    bool is_new;
    make_key(&key, f);
    void **place = xsg_map_put(&paths->index, key.data, key.len, &is_new);
    xsg_buf_release(&key);
    if (is_new) {
        paths->functions = xsg_grow(paths->arena, paths->functions, &paths->cap, paths->n + 1,
                                    sizeof *paths->functions);
        paths->functions[paths->n] = f;
        *place = (void *)(uintptr_t)++paths->n;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

uint32_t xsg_paths_find(const struct xsg_paths *paths, const struct xsg_function *function)
{
    struct xsg_buf key = XSG_BUF_INIT;
    make_key(&key, function);
    uintptr_t number = (uintptr_t)xsg_map_get(&paths->index, key.data, key.len);
    xsg_buf_release(&key);
    return number ? (uint32_t)(number - 1) : XSG_PATHS_NONE;
}

static struct xsg_paths_edge *edge_of(struct xsg_paths *paths, uint32_t parent, uint32_t child)
{
    const uint32_t key[2] = {parent, child};
    bool is_new;
    void **place = xsg_map_put(&paths->edge_index, key, sizeof key, &is_new);
    if (is_new) {
        paths->edges = xsg_grow(paths->arena, paths->edges, &paths->cap_edges, paths->n_edges + 1,
                                sizeof *paths->edges);
        paths->edges[paths->n_edges] = (struct xsg_paths_edge){parent, child, {0, 0}};
        *place = (void *)(uintptr_t)++paths->n_edges;
    }
    return &paths->edges[(uintptr_t)*place - 1];
}

static void add_tree(struct xsg_paths *paths, const struct xsg_target_run *target, int side)
{
    const struct xsg_calltree *tree = target ? &target->tree : NULL;
    if (!tree || tree->n_nodes == 0)
        return;
    uint32_t *numbers = XSG_NEW_ARRAY(paths->arena, uint32_t, tree->n_functions);
    for (size_t i = 0; i < tree->n_functions; i++)
        numbers[i] = number_of(paths, &tree->functions[i]);
    for (size_t i = 1; i < tree->n_nodes; i++) {
        const struct xsg_tree_node *node = &tree->nodes[i];
        if (node->parent == 0) /* the root is no function */
            continue;
        uint32_t parent = numbers[tree->nodes[node->parent].function];
        if (parent != numbers[node->function])
            edge_of(paths, parent, numbers[node->function])->total[side] += node->total;
    }
}

static int compare_by_child(const void *a, const void *b, void *arg)
{
    const struct xsg_paths_edge *edges = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (edges[x].child != edges[y].child)
        return edges[x].child < edges[y].child ? -1 : 1;
    return (x > y) - (x < y);
}

static void find_tops(struct xsg_paths *paths, const struct xsg_target_run *target)
{
    const struct xsg_calltree *tree = target ? &target->tree : NULL;
    for (size_t i = 1; tree && i < tree->n_nodes; i++)
        if (tree->nodes[i].parent == 0)
            paths->top[xsg_paths_find(paths, &tree->functions[tree->nodes[i].function])] = true;
}

void xsg_paths_init(struct xsg_paths *paths, struct xsg_arena *arena,
                    const struct xsg_target_run *base, const struct xsg_target_run *head)
{
    *paths = (struct xsg_paths){.arena = arena};
    xsg_map_init(&paths->index, arena);
    xsg_map_init(&paths->edge_index, arena);
    add_tree(paths, base, 0);
    add_tree(paths, head, 1);
    paths->top = XSG_NEW_ARRAY(arena, bool, paths->n + 1);
    find_tops(paths, base);
    find_tops(paths, head);
    paths->by_child = XSG_NEW_ARRAY(arena, uint32_t, paths->n_edges + 1);
    paths->first = XSG_NEW_ARRAY(arena, uint32_t, paths->n + 2);
    for (uint32_t i = 0; i < paths->n_edges; i++)
        paths->by_child[i] = i;
    if (paths->n_edges)
        qsort_r(paths->by_child, paths->n_edges, sizeof *paths->by_child, compare_by_child,
                paths->edges);
    for (uint32_t i = 0, f = 0; f <= paths->n; f++) {
        while (i < paths->n_edges && paths->edges[paths->by_child[i]].child < f)
            i++;
        paths->first[f] = i;
    }
}

bool xsg_paths_calls(const struct xsg_paths *paths, uint32_t parent, uint32_t child)
{
    const uint32_t key[2] = {parent, child};
    return xsg_map_get(&paths->edge_index, key, sizeof key) != NULL;
}

bool xsg_paths_has_caller(const struct xsg_paths *paths, uint32_t function)
{
    return paths->first[function + 1] > paths->first[function];
}

bool xsg_paths_siblings(const struct xsg_paths *paths, uint32_t a, uint32_t b)
{
    for (uint32_t i = paths->first[a]; i < paths->first[a + 1]; i++)
        if (xsg_paths_calls(paths, paths->edges[paths->by_child[i]].parent, b))
            return true;
    return false;
}
