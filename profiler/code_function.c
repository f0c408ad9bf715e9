/* Functions by address, with all of their pieces. */
#include <string.h>

#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

static struct xsg_code_file *find_file(const struct xsg_code_program *program, const char *path)
{
    for (size_t i = 0; path && i < program->n_files; i++)
        if (strcmp(program->files[i]->path, path) == 0)
            return program->files[i];
    return NULL;
}

/* Copies of a function that are equal count once: how many units have one is not its code. */
static uint64_t mix_members(uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (numbers[i] == 0)
            return 0;
    uint64_t hash = xsg__code_mix_set(2, numbers, n);
    return hash ? hash : 1;
}

void xsg_code_function(struct xsg_code_program *program, const char *path, uint64_t vaddr,
                       uint64_t *code, uint64_t *code_deep)
{
    struct xsg_code_file *file = find_file(program, path);
    *code = *code_deep = 0;
    const struct xsg_code_symbol *symbol =
        file && file->machine ? xsg__code_symbol(&file->functions, vaddr) : NULL;
    if (!symbol)
        return;
    const size_t name_n = xsg__source_name_length(symbol->name);
    struct xsg_code_group *group = xsg_map_get(&file->groups, symbol->name, name_n);
    if (!group)
        return;
    if (!group->known) {
        uint64_t *shallow = XSG_NEW_ARRAY(program->arena, uint64_t, 2 * group->n);
        size_t n = 0;
        for (size_t i = 0; i < group->n; i++) {
            const struct xsg_code_symbol *member = &file->functions.list[group->members[i]];
            if (!xsg__code_is_cold(member->name)) /* read with the function that jumps there */
                shallow[n++] = xsg__code_shallow(file, xsg__code_body(file, member->addr));
        }
        group->code = n ? mix_members(shallow, n) : 0;
        group->known = true;
    }
    *code = group->code;
    void **place = xsg_map_put(&program->deep_groups, &group, sizeof group, NULL);
    if (!*place) {
        uint64_t *deep = XSG_NEW_ARRAY(program->arena, uint64_t, group->n + 1);
        size_t n = 0;
        for (size_t i = 0; i < group->n; i++) {
            const struct xsg_code_symbol *member = &file->functions.list[group->members[i]];
            if (!xsg__code_is_cold(member->name))
                deep[n++] = xsg__code_deep(program, file, member->addr);
        }
        deep[0] = n && *code ? mix_members(deep, n) : 0;
        *place = deep;
    }
    *code_deep = *(uint64_t *)*place;
}
