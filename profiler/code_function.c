/* Functions by address, with all of their pieces. */
#include <stdlib.h>
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

struct piece {
    const struct xsg_code_symbol *symbol;
    uint64_t number;
};

/* "f", "f.part", "f.constprop": which piece it is, whatever its number. */
static int compare_kinds(const struct piece *a, const struct piece *b)
{
    size_t n = xsg__code_name_length(a->symbol->name), m = xsg__code_name_length(b->symbol->name);
    int by_name = strncmp(a->symbol->name, b->symbol->name, n < m ? n : m);
    return by_name ? by_name : (n > m) - (n < m);
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    int by_kind = compare_kinds(x, y);
    return by_kind ? by_kind
                   : (x->symbol->addr > y->symbol->addr) - (x->symbol->addr < y->symbol->addr);
}

static bool are_equal(const struct piece *pieces, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (pieces[i].number != pieces[0].number)
            return false;
    return true;
}

/*
 * Pieces of one kind that are all equal count once: how many units have a copy of an inline
 * function is not its code. Where they differ (static functions of one name in several units,
 * variants for constant arguments) a set would not tell which is which: {a, a, b} and {a, b, b}
 * are two programs. So it is how many there are, in which unit and in which order. Which of them
 * is meant is not asked: a piece is local, whatever it belongs to, and what the profile cannot
 * tell apart has to have one number.
 */
static uint64_t mix_pieces(struct piece *pieces, size_t n)
{
    uint64_t hash = 2;
    for (size_t i = 0; i < n; i++)
        if (pieces[i].number == 0)
            return 0;
    qsort(pieces, n, sizeof *pieces, compare_pieces);
    const bool all_equal = are_equal(pieces, n);
    for (size_t i = 0, end = 0; i < n; i = end) {
        while (end < n && (all_equal || compare_kinds(&pieces[i], &pieces[end]) == 0))
            end++;
        bool equal = are_equal(pieces + i, end - i);
        hash = xsg__code_mix(hash, equal ? 1 : end - i);
        for (size_t j = i; j < (equal ? i + 1 : end); j++) {
            hash = xsg__code_mix_text(hash, equal ? "" : pieces[j].symbol->unit);
            hash = xsg__code_mix(hash, pieces[j].number);
        }
    }
    return hash ? hash : 1;
}

/* Of all pieces, but those that are read with the function that jumps to them. deep: in a program.
 */
static uint64_t code_of_group(struct xsg_code_program *program, struct xsg_code_file *file,
                              const struct xsg_code_group *group, bool deep)
{
    struct piece *pieces = XSG_NEW_ARRAY(program->arena, struct piece, group->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct xsg_code_symbol *member = &file->functions.list[group->members[i]];
        if (xsg__code_is_cold(member->name) || (n && pieces[n - 1].symbol->addr == member->addr))
            continue;
        uint64_t number = deep ? xsg__code_deep(program, file, member->addr)
                               : xsg__code_shallow(file, xsg__code_body(file, member->addr));
        pieces[n++] = (struct piece){member, number};
    }
    return n ? mix_pieces(pieces, n) : 0;
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
