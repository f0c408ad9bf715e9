/* What is said of a whole file: its hash, and which functions have their address taken. */
#include <string.h>

#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

/* ---- the whole ---------------------------------------------------------------------------------
 */

/* The root differs between checkouts where __FILE__ is in the data. */
uint64_t xsg__code_mix_data(const struct xsg_code_file *file, uint64_t hash,
                            const unsigned char *data, size_t n)
{
    size_t root_n = strlen(file->root);
    if (root_n < 2)
        return xsg__code_mix_bytes(hash, data, n);
    for (const unsigned char *found; (found = memmem(data, n, file->root, root_n));) {
        hash = xsg__code_mix_bytes(hash, data, (size_t)(found - data));
        n -= (size_t)(found - data) + root_n;
        data = found + root_n;
    }
    return xsg__code_mix_bytes(hash, data, n);
}

uint64_t xsg__code_file_binary(const struct xsg_code_file *file)
{
    uint64_t hash = xsg__code_mix(file->needed, (uint64_t)file->fixed);
    for (size_t i = 0; i < file->n_sections; i++) {
        const struct xsg_code_section *s = &file->sections[i];
        if (s->table) /* has run paths in it; what else it says is in the relocations */
            continue;
        hash = xsg__code_mix(hash, s->addr);
        hash = xsg__code_mix(hash, s->size);
        if (s->data)
            hash = s->exec ? xsg__code_mix_bytes(hash, s->data, s->size)
                           : xsg__code_mix_data(file, hash, s->data, s->size);
    }
    for (size_t i = 0; i < file->n_relocs; i++) {
        const struct xsg_code_reloc *r = &file->relocs[i];
        hash = xsg__code_mix(xsg__code_mix(hash, r->addr), r->addend);
        hash = xsg__code_mix_text(hash, r->name ? r->name : "");
    }
    return hash ? hash : 1;
}

/* ---- functions whose address is taken -----------------------------------------------------------
 */

static void take(const struct xsg_code_file *file, struct xsg_map *taken, uint64_t addr)
{
    size_t i = xsg__code_symbol_from(&file->functions, addr);
    if (i < file->functions.n && file->functions.list[i].addr == addr)
        *xsg_map_put(taken, &addr, sizeof addr, NULL) = taken;
}

static void take_from_text(const struct xsg_code_file *file, const struct xsg_code_section *s,
                           struct xsg_map *taken)
{
    for (size_t i = 0; i + 4 <= s->size; i++) {
        int32_t word;
        memcpy(&word, s->data + i, sizeof word);
        uint64_t after = s->addr + i + 4;
        if (i >= 3 && s->data[i - 2] == 0x8d && (s->data[i - 1] & 0xc7) == 5) /* lea x(%rip) */
            take(file, taken, after + (uint64_t)(int64_t)word);
        else if (file->fixed && (uint32_t)word >= file->low && (uint32_t)word < file->high)
            take(file, taken, (uint32_t)word);
    }
}

static void take_from_words(const struct xsg_code_file *file, const struct xsg_code_section *s,
                            struct xsg_map *taken)
{
    for (uint64_t i = (8 - s->addr % 8) % 8; i + 8 <= s->size; i += 8) {
        uint64_t word;
        memcpy(&word, s->data + i, sizeof word);
        if (word >= file->low && word < file->high)
            take(file, taken, word);
    }
}

bool xsg__code_taken(const struct xsg_code_file *file, struct xsg_map *taken)
{
    if (file->machine != EM_X86_64)
        return false;
    for (size_t i = 0; i < file->n_sections; i++) {
        const struct xsg_code_section *s = &file->sections[i];
        if (s->data && s->exec)
            take_from_text(file, s, taken);
        else if (s->data && !s->table)
            take_from_words(file, s, taken);
    }
    for (size_t i = 0; i < file->n_relocs; i++)
        if (!file->relocs[i].name)
            take(file, taken, file->relocs[i].addend);
    for (size_t i = 0; i < file->functions.n; i++)
        if (file->functions.list[i].exported)
            take(file, taken, file->functions.list[i].addr);
    return true;
}
