/* Sorted tables of a module's functions: from its symbols, its PLT stubs and its unwind tables. */
#include <stdlib.h>
#include <string.h>

#include "profiler/symbol_parts.h"

enum { MAX_SYMBOLS = 1 << 24 };

static void add(struct xsg_symbol_table *table, struct xsg_arena *arena, uint64_t start,
                uint64_t size, uint64_t limit, const char *name)
{
    if (start + size < start || table->n >= MAX_SYMBOLS)
        return;
    table->symbols =
        xsg_grow(arena, table->symbols, &table->cap, table->n + 1, sizeof *table->symbols);
    table->symbols[table->n++] =
        (struct xsg_symbol){.start = start, .end = start + size, .limit = limit, .name = name};
}

/* Of several names of one address: the public looking, the shorter, the first in the alphabet. */
static int compare_names(const char *a, const char *b)
{
    if (!a || !b)
        return !a - !b;
    size_t na = strspn(a, "_"), nb = strspn(b, "_");
    if (!strncmp(a, "_Z", 2) || !strncmp(a, "_R", 2))
        na = 0;
    if (!strncmp(b, "_Z", 2) || !strncmp(b, "_R", 2))
        nb = 0;
    if (na != nb)
        return na < nb ? -1 : 1;
    size_t la = strlen(a), lb = strlen(b);
    if (la != lb)
        return la < lb ? -1 : 1;
    return strcmp(a, b);
}

static int compare_symbols(const void *a, const void *b)
{
    const struct xsg_symbol *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    bool has_x = x->end > x->start, has_y = y->end > y->start;
    if (has_x != has_y)
        return has_x ? -1 : 1;
    return compare_names(x->name, y->name);
}

/*
 * Sorts, leaves one symbol per address, drops labels without a size inside of sized functions, and
 * lets the other labels reach to the next symbol or their section's end.
 */
static void finish(struct xsg_symbol_table *table)
{
    if (!table->n)
        return;
    qsort(table->symbols, table->n, sizeof *table->symbols, compare_symbols);
    size_t n = 0;
    uint64_t covered = 0;
    for (size_t i = 0; i < table->n; i++) {
        struct xsg_symbol s = table->symbols[i];
        if (n && table->symbols[n - 1].start == s.start)
            continue;
        if (s.end == s.start && s.start < covered)
            continue;
        if (s.end > covered)
            covered = s.end;
        table->symbols[n++] = s;
    }
    table->n = n;
    for (size_t i = 0; i < n; i++) {
        struct xsg_symbol *s = &table->symbols[i];
        if (s->end == s->start)
            s->end = i + 1 < n && s[1].start < s->limit ? s[1].start : s->limit;
    }
}

const struct xsg_symbol *xsg__symbol_find(const struct xsg_symbol_table *table, uint64_t vaddr)
{
    size_t low = 0, high = table->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (table->symbols[mid].start <= vaddr)
            low = mid + 1;
        else
            high = mid;
    }
    /* A symbol may lie within another's size (assembly): the innermost that reaches so far. */
    for (size_t back = 0; low > 0 && back < 16; low--, back++)
        if (vaddr < table->symbols[low - 1].end)
            return &table->symbols[low - 1];
    return NULL;
}

static Elf_Scn *section_of_type(Elf *elf, uint32_t type)
{
    for (Elf_Scn *scn = NULL; elf && (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr shdr;
        if (gelf_getshdr(scn, &shdr) && shdr.sh_type == type)
            return scn;
    }
    return NULL;
}

static bool is_code(Elf *elf, size_t index)
{
    GElf_Shdr shdr;
    Elf_Scn *scn = elf_getscn(elf, index);
    return scn && gelf_getshdr(scn, &shdr) && (shdr.sh_flags & SHF_EXECINSTR);
}

static uint64_t section_end(Elf *elf, size_t index)
{
    GElf_Shdr shdr;
    Elf_Scn *scn = index < SHN_LORESERVE ? elf_getscn(elf, index) : NULL;
    return scn && gelf_getshdr(scn, &shdr) ? shdr.sh_addr + shdr.sh_size : 0;
}

static bool is_function(Elf *elf, const GElf_Sym *sym, const char *name)
{
    if (sym->st_shndx == SHN_UNDEF || !name || !*name || name[0] == '$')
        return false; /* "$x", "$d": marks in ARM code */
    int type = GELF_ST_TYPE(sym->st_info);
    if (type == STT_FUNC || type == STT_GNU_IFUNC)
        return true;
    return type == STT_NOTYPE && sym->st_shndx < SHN_LORESERVE && is_code(elf, sym->st_shndx);
}

static bool load_symbols(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *elf,
                         uint32_t type)
{
    Elf_Scn *scn = section_of_type(elf, type);
    GElf_Shdr shdr;
    Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
    if (!data || !data->d_buf || !gelf_getshdr(scn, &shdr) || !shdr.sh_entsize)
        return false;
    size_t n = data->d_size / shdr.sh_entsize;
    for (size_t i = 1; i < n && i < INT32_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym))
            break;
        const char *name = elf_strptr(elf, shdr.sh_link, sym.st_name);
        if (is_function(elf, &sym, name))
            add(table, arena, sym.st_value, sym.st_size, section_end(elf, sym.st_shndx),
                xsg_strndup(arena, name, xsg__source_name_length(name)));
    }
    return table->n > 0;
}

/* ---- PLT stubs: "jmp *slot(%rip)"; the relocation of the slot names the function ----------------
 */

struct slot {
    uint64_t address;
    const char *name;
};

struct slots {
    struct slot *list;
    size_t n, cap;
};

static int compare_slots(const void *a, const void *b)
{
    uint64_t x = ((const struct slot *)a)->address, y = ((const struct slot *)b)->address;
    return (x > y) - (x < y);
}

static void load_relocations(struct slots *slots, struct xsg_arena *arena, Elf *elf, Elf_Scn *scn,
                             const GElf_Shdr *shdr)
{
    GElf_Shdr symbols;
    Elf_Scn *symbol_scn = elf_getscn(elf, shdr->sh_link);
    Elf_Data *data = elf_getdata(scn, NULL);
    Elf_Data *symbol_data = symbol_scn ? elf_getdata(symbol_scn, NULL) : NULL;
    if (!data || !symbol_data || !shdr->sh_entsize || !gelf_getshdr(symbol_scn, &symbols))
        return;
    size_t n = data->d_size / shdr->sh_entsize;
    for (size_t i = 0; i < n && i < INT32_MAX; i++) {
        GElf_Rela rela;
        GElf_Sym sym;
        if (!gelf_getrela(data, (int)i, &rela))
            return;
        uint64_t index = GELF_R_SYM(rela.r_info);
        if (!index || index > INT32_MAX || !gelf_getsym(symbol_data, (int)index, &sym))
            continue;
        const char *name = elf_strptr(elf, symbols.sh_link, sym.st_name);
        if (!name || !*name)
            continue;
        slots->list = xsg_grow(arena, slots->list, &slots->cap, slots->n + 1, sizeof *slots->list);
        slots->list[slots->n++] = (struct slot){rela.r_offset, name};
    }
}

static void add_stubs(struct xsg_symbol_table *table, struct xsg_arena *arena,
                      const struct slots *slots, Elf_Scn *scn, const GElf_Shdr *shdr)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    if (!data || !data->d_buf)
        return;
    const unsigned char *code = data->d_buf;
    uint64_t stub = shdr->sh_entsize >= 8 && shdr->sh_entsize <= 64 ? shdr->sh_entsize : 16;
    for (size_t i = 0; i + 6 <= data->d_size; i++) {
        if (code[i] != 0xff || code[i + 1] != 0x25)
            continue;
        int32_t displacement;
        memcpy(&displacement, code + i + 2, sizeof displacement);
        struct slot key = {shdr->sh_addr + i + 6 + (uint64_t)(int64_t)displacement, NULL};
        const struct slot *slot =
            slots->n ? bsearch(&key, slots->list, slots->n, sizeof key, compare_slots) : NULL;
        if (slot)
            add(table, arena, shdr->sh_addr + i / stub * stub, stub, 0,
                xsg_printf(arena, "%.*s@plt", (int)xsg__source_name_length(slot->name),
                           slot->name));
    }
}

static void load_plt(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *image)
{
    GElf_Ehdr ehdr;
    size_t names;
    if (!gelf_getehdr(image, &ehdr) || ehdr.e_machine != EM_X86_64 ||
        elf_getshdrstrndx(image, &names))
        return;
    struct slots slots = {0};
    GElf_Shdr shdr;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(image, scn));)
        if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA)
            load_relocations(&slots, arena, image, scn, &shdr);
    if (!slots.n)
        return;
    qsort(slots.list, slots.n, sizeof *slots.list, compare_slots);
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(image, scn));) {
        const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(image, names, shdr.sh_name) : NULL;
        if (name && !strncmp(name, ".plt", 4) && shdr.sh_type == SHT_PROGBITS)
            add_stubs(table, arena, &slots, scn, &shdr);
    }
}

void xsg__symbol_table_load(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *image,
                            Elf *debug)
{
    if (!load_symbols(table, arena, image, SHT_SYMTAB) &&
        !load_symbols(table, arena, debug, SHT_SYMTAB))
        load_symbols(table, arena, image, SHT_DYNSYM);
    load_plt(table, arena, image);
    finish(table);
}

/* ---- functions of stripped code: the ranges of .eh_frame ----------------------------------------
 */

struct eh {
    Elf_Data *data;
    uint64_t address;
    const unsigned char *ident;
};

/* Reads an encoded pointer (DW_EH_PE_*) of the kinds that linkers leave in .eh_frame. */
static bool read_encoded(const struct eh *eh, const uint8_t **at, const uint8_t *end,
                         unsigned encoding, uint64_t *value)
{
    static const uint8_t sizes[16] = {8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8, 0, 0, 0};
    size_t size = sizes[encoding & 0x0f];
    if (!size || (size_t)(end - *at) < size || (encoding & 0x70) > 0x10)
        return false;
    uint64_t raw = 0;
    memcpy(&raw, *at, size); /* little-endian, like the code that this runs on */
    if ((encoding & 0x08) && size < 8 && (raw >> (8 * size - 1)))
        raw |= UINT64_MAX << (8 * size);
    if (encoding & 0x10)
        raw += eh->address + (uint64_t)(*at - (const uint8_t *)eh->data->d_buf);
    *at += size;
    *value = raw;
    return true;
}

/* The encoding of its FDEs' addresses, from the augmentation of a CIE; -1: not understood. */
static int fde_encoding(const struct eh *eh, const Dwarf_CIE *cie)
{
    const char *letter = cie->augmentation;
    const uint8_t *at = cie->augmentation_data;
    if (*letter != 'z' || !at)
        return *letter ? -1 : 0;
    const uint8_t *end = at + cie->augmentation_data_size;
    for (letter++; *letter && at < end; letter++) {
        uint64_t ignored;
        unsigned personality;
        switch (*letter) {
        case 'R':
            return *at;
        case 'L':
            at++;
            break;
        case 'P':
            personality = *at++ & 0x0f; /* only its size matters */
            if (!read_encoded(eh, &at, end, personality, &ignored))
                return -1;
            break;
        case 'S':
        case 'B':
            break;
        default:
            return -1;
        }
    }
    return 0;
}

static void add_fde(struct xsg_symbol_table *table, struct xsg_arena *arena, const struct eh *eh,
                    const Dwarf_FDE *fde)
{
    Dwarf_Off next;
    Dwarf_CFI_Entry cie;
    if (dwarf_next_cfi(eh->ident, eh->data, true, fde->CIE_pointer, &next, &cie) != 0 ||
        !dwarf_cfi_cie_p(&cie))
        return;
    int encoding = fde_encoding(eh, &cie.cie);
    const uint8_t *at = fde->start;
    uint64_t start, size;
    if (encoding < 0 || encoding == 0xff ||
        !read_encoded(eh, &at, fde->end, (unsigned)encoding & 0x7f, &start) ||
        !read_encoded(eh, &at, fde->end, (unsigned)encoding & 0x07, &size) || !size)
        return;
    add(table, arena, start, size, 0, NULL);
}

void xsg__frame_table_load(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *image)
{
    GElf_Ehdr ehdr;
    size_t names;
    if (!gelf_getehdr(image, &ehdr) || elf_getshdrstrndx(image, &names))
        return;
    struct eh eh = {.ident = ehdr.e_ident};
    for (Elf_Scn *scn = NULL; !eh.data && (scn = elf_nextscn(image, scn));) {
        GElf_Shdr shdr;
        const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(image, names, shdr.sh_name) : NULL;
        if (name && !strcmp(name, ".eh_frame") && shdr.sh_type != SHT_NOBITS) {
            eh.data = elf_rawdata(scn, NULL);
            eh.address = shdr.sh_addr;
        }
    }
    if (!eh.data || !eh.data->d_buf)
        return;
    Dwarf_CFI_Entry entry;
    for (Dwarf_Off at = 0, next; at < eh.data->d_size; at = next) {
        int result = dwarf_next_cfi(ehdr.e_ident, eh.data, true, at, &next, &entry);
        if (result > 0 || next <= at || next == (Dwarf_Off)-1)
            break;
        if (result == 0 && !dwarf_cfi_cie_p(&entry))
            add_fde(table, arena, &eh, &entry.fde);
    }
    finish(table);
}
