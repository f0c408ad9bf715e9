/* Source files relative to the checkout, so that two checkouts of one project agree on names. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "profiler/symbol_parts.h"

/* Removes "//", "/./", "/../" and a leading "./" by text alone, in place. */
static void normalise(char *path)
{
    bool absolute = path[0] == '/';
    char *out = path + absolute, *floor = out; /* ".." cannot go above floor */
    for (const char *in = path; *in;) {
        while (*in == '/')
            in++;
        size_t n = strcspn(in, "/");
        bool up = n == 2 && in[0] == '.' && in[1] == '.';
        if (n == 0 || (n == 1 && in[0] == '.')) {
            in += n;
            continue;
        }
        if (up && out > floor) {
            while (out > floor && out[-1] != '/')
                out--;
            if (out > floor)
                out--; /* the slash before the removed name */
        } else if (!up || !absolute) {
            if (out > path + absolute)
                *out++ = '/';
            memmove(out, in, n);
            out += n;
            if (up)
                floor = out;
        }
        in += n;
    }
    *out = '\0';
}

static const char *without_slash(struct xsg_arena *arena, const char *path)
{
    char *copy = xsg_strdup(arena, path);
    normalise(copy);
    return copy;
}

void xsg__source_root_init(struct xsg_source_root *root, struct xsg_arena *arena, const char *path)
{
    *root = (struct xsg_source_root){.arena = arena};
    xsg_map_init(&root->known, arena);
    if (!path || !*path)
        return;
    char *real = realpath(path, NULL);
    root->given = without_slash(arena, xsg_path_absolute(arena, path));
    root->real = real ? xsg_strdup(arena, real) : NULL;
    free(real);
}

/* The part of path below folder, or NULL. */
static const char *below(const char *path, const char *folder)
{
    size_t n = folder ? strlen(folder) : 0;
    if (!folder || strncmp(path, folder, n) != 0)
        return NULL;
    if (n && folder[n - 1] == '/') /* the root folder itself */
        return path + n;
    return path[n] == '/' && path[n + 1] ? path + n + 1 : NULL;
}

/* Compilers write $PWD, which may go through symbolic links that the given root does not. */
static const char *below_root(struct xsg_source_root *root, const char *path)
{
    const char *rest = below(path, root->given);
    if (!rest)
        rest = below(path, root->real);
    if (rest || !root->real || path[0] != '/')
        return rest;
    char *real = realpath(path, NULL);
    rest = real ? below(real, root->real) : NULL;
    rest = rest ? xsg_strdup(root->arena, rest) : NULL;
    free(real);
    return rest;
}

const char *xsg__source_path(struct xsg_source_root *root, const char *comp_dir, const char *name)
{
    if (!name || !*name)
        return NULL;
    size_t dir_n = comp_dir ? strlen(comp_dir) : 0, name_n = strlen(name);
    char *key = xsg_alloc(root->arena, dir_n + name_n + 2, 1);
    memcpy(key, comp_dir ? comp_dir : "", dir_n);
    memcpy(key + dir_n + 1, name, name_n);
    bool is_new;
    void **place = xsg_map_put(&root->known, key, dir_n + 1 + name_n, &is_new);
    if (!is_new)
        return *place;
    char *path = comp_dir && *comp_dir ? xsg_path_join(root->arena, comp_dir, name)
                                       : xsg_strdup(root->arena, name);
    normalise(path);
    const char *rest = below_root(root, path);
    *place = rest ? xsg_strdup(root->arena, rest) : path;
    return *place;
}
