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

/* Of all pieces, but those that are read with the function that jumps to them. deep: in a program.
 */
static uint64_t code_of_group(struct xsg_code_program *program, struct xsg_code_file *file,
                              const struct xsg_code_group *group, bool deep)
{
    uint64_t *each = XSG_NEW_ARRAY(program->arena, uint64_t, group->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct xsg_code_symbol *member = &file->functions.list[group->members[i]];
        if (xsg__code_is_cold(member->name))
            continue;
        each[n++] = deep ? xsg__code_deep(program, file, member->addr)
                         : xsg__code_shallow(file, xsg__code_body(file, member->addr));
    }
    return n ? mix_members(each, n) : 0;
}

void xsg_code_function(struct xsg_code_program *program, const char *path, uint64_t vaddr,
                       uint64_t *code, uint64_t *code_deep)
{
    struct xsg_code_file *file = find_file(program, path);
    *code = *code_deep = 0;
    const struct xsg_code_symbol *symbol =
        file && file->machine ? xsg__code_symbol(&file->functions, vaddr) : NULL;
    struct xsg_code_group *group =
        symbol ? xsg_map_get(&file->groups, symbol->name, xsg__source_name_length(symbol->name))
               : NULL;
    if (!group)
        return;
    if (!group->known)
        group->code = code_of_group(program, file, group, false);
    group->known = true;
    *code = group->code;
    void **place = xsg_map_put(&program->deep_groups, &group, sizeof group, NULL);
    if (!*place) {
        uint64_t *deep = XSG_NEW(program->arena, uint64_t);
        *deep = *code ? code_of_group(program, file, group, true) : 0;
        *place = deep;
    }
    *code_deep = *(uint64_t *)*place;
}
