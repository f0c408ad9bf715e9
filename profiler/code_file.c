/* An ELF file as the machine code's identity needs it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/str.h"
#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

enum { MAX_SECTIONS = 1 << 16 };

uint64_t xsg__code_mix_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    hash = xsg__code_mix(hash, n);
    for (; n >= 8; at += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        hash = xsg__code_mix(hash, word);
    }
    uint64_t rest = 0;
    if (n)
        memcpy(&rest, at, n);
    return n ? xsg__code_mix(hash, rest) : hash;
}

uint64_t xsg__code_mix_text(uint64_t hash, const char *text)
{
    return xsg__code_mix_bytes(hash, text, strlen(text));
}

/* ---- look-ups ---------------------------------------------------------------------------------
 */

const struct xsg_code_section *xsg__code_section(const struct xsg_code_file *file, uint64_t addr)
{
    size_t low = 0, high = file->n_sections;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (file->sections[mid].addr <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    const struct xsg_code_section *s = low ? &file->sections[low - 1] : NULL;
    return s && addr - s->addr < s->size ? s : NULL;
}

const unsigned char *xsg__code_bytes(const struct xsg_code_file *file, uint64_t addr, size_t n)
{
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    return s && s->data && n <= s->size - (addr - s->addr) ? s->data + (addr - s->addr) : NULL;
}

size_t xsg__code_symbol_from(const struct xsg_code_symbols *symbols, uint64_t addr)
{
    size_t low = 0, high = symbols->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (symbols->list[mid].addr < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct xsg_code_symbol *xsg__code_symbol(const struct xsg_code_symbols *symbols,
                                               uint64_t addr)
{
    size_t i = xsg__code_symbol_from(symbols, addr);
    if (i < symbols->n && symbols->list[i].addr == addr)
        return &symbols->list[i];
    for (size_t back = 0; i > 0 && back < 16; i--, back++)
        if (addr - symbols->list[i - 1].addr < symbols->list[i - 1].size)
            return xsg__code_symbol(symbols, symbols->list[i - 1].addr);
    return NULL;
}

size_t xsg__code_reloc_from(const struct xsg_code_file *file, uint64_t addr)
{
    size_t low = 0, high = file->n_relocs;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (file->relocs[mid].addr < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct xsg_code_reloc *xsg__code_reloc(const struct xsg_code_file *file, uint64_t addr)
{
    size_t i = xsg__code_reloc_from(file, addr);
    return i < file->n_relocs && file->relocs[i].addr == addr ? &file->relocs[i] : NULL;
}

/* ---- sections ---------------------------------------------------------------------------------
 */

static void add_section(struct xsg_code_file *file, Elf_Scn *scn, const GElf_Shdr *shdr,
                        const char *name)
{
    Elf_Data *data = shdr->sh_type == SHT_NOBITS ? NULL : elf_rawdata(scn, NULL);
    if (shdr->sh_addr + shdr->sh_size < shdr->sh_addr || file->n_sections >= MAX_SECTIONS)
        return;
    file->sections = xsg_grow(file->arena, file->sections, &file->cap_sections,
                              file->n_sections + 1, sizeof *file->sections);
    struct xsg_code_section *s = &file->sections[file->n_sections++];
    *s = (struct xsg_code_section){
        .addr = shdr->sh_addr,
        .size = shdr->sh_size,
        .exec = shdr->sh_flags & SHF_EXECINSTR,
        .write = (shdr->sh_flags & SHF_WRITE) && strncmp(name, ".data.rel.ro", 12) != 0,
        .got = !strncmp(name, ".got", 4),
        .plt = !strncmp(name, ".plt", 4),
        .table = shdr->sh_type != SHT_PROGBITS && shdr->sh_type != SHT_NOBITS &&
                 shdr->sh_type != SHT_INIT_ARRAY && shdr->sh_type != SHT_FINI_ARRAY &&
                 shdr->sh_type != SHT_PREINIT_ARRAY,
    };
    if (data && data->d_buf && data->d_size >= shdr->sh_size)
        s->data = data->d_buf;
}

static int compare_sections(const void *a, const void *b)
{
    const struct xsg_code_section *x = a, *y = b;
    return (x->addr > y->addr) - (x->addr < y->addr);
}

/* No two sections share bytes in what a linker writes. Of a file in which they do, a small one
 * could say a lot. */
static bool have_own_bytes(const struct xsg_symbol_file *opened)
{
    struct stat st;
    GElf_Shdr shdr;
    if (fstat(opened->fd, &st) != 0)
        return false;
    uint64_t left = (uint64_t)st.st_size;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(opened->elf, scn));) {
        if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
            continue;
        if (shdr.sh_size > left)
            return false;
        left -= shdr.sh_size;
    }
    return true;
}

static void load_sections(struct xsg_code_file *file, Elf *elf, size_t names)
{
    GElf_Shdr shdr;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;
        bool unmapped = shdr.sh_type == SHT_NOBITS && (shdr.sh_flags & SHF_TLS);
        if (name && (shdr.sh_flags & SHF_ALLOC) && shdr.sh_size && !unmapped)
            add_section(file, scn, &shdr, name);
    }
    if (file->n_sections)
        qsort(file->sections, file->n_sections, sizeof *file->sections, compare_sections);
    file->low = UINT64_MAX;
    for (size_t i = 0; i < file->n_sections; i++) {
        const struct xsg_code_section *s = &file->sections[i];
        file->low = s->addr < file->low ? s->addr : file->low;
        file->high = s->addr + s->size > file->high ? s->addr + s->size : file->high;
    }
}

/* The libraries that it is linked to. */
static void load_needed(struct xsg_code_file *file, Elf *elf)
{
    GElf_Shdr shdr;
    GElf_Dyn dyn;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        Elf_Data *data =
            gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_DYNAMIC ? elf_getdata(scn, NULL) : NULL;
        for (int i = 0; data && i < 65536 && gelf_getdyn(data, i, &dyn); i++) {
            const char *name =
                dyn.d_tag == DT_NEEDED ? elf_strptr(elf, shdr.sh_link, dyn.d_un.d_val) : NULL;
            if (name)
                file->needed = xsg__code_mix_text(file->needed, xsg_path_base(name));
        }
    }
}

static void load_tls(struct xsg_code_file *file, Elf *elf)
{
    size_t n;
    GElf_Phdr phdr;
    if (elf_getphdrnum(elf, &n) != 0)
        return;
    for (size_t i = 0; i < n && i < 1024; i++)
        if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_type == PT_TLS && phdr.p_align &&
            phdr.p_memsz < UINT32_MAX && phdr.p_align < UINT32_MAX) {
            file->tls_size = (phdr.p_memsz + phdr.p_align - 1) / phdr.p_align * phdr.p_align;
            file->tls_addr = phdr.p_vaddr;
            file->tls_filled = phdr.p_filesz;
        }
}

/* ---- symbols ----------------------------------------------------------------------------------
 */

static int compare_symbols(const void *a, const void *b)
{
    const struct xsg_code_symbol *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void add_symbol(struct xsg_code_file *file, struct xsg_code_symbols *to, const GElf_Sym *sym,
                       const char *name, const char *unit, bool exported)
{
    const char *version = strchr(name, '@');
    to->list = xsg_grow(file->arena, to->list, &to->cap, to->n + 1, sizeof *to->list);
    to->list[to->n++] = (struct xsg_code_symbol){
        .addr = sym->st_value,
        .size = sym->st_size,
        .name = version ? xsg_strndup(file->arena, name, (size_t)(version - name))
                        : xsg_strdup(file->arena, name),
        .unit = GELF_ST_BIND(sym->st_info) == STB_LOCAL ? unit : "",
        .function = GELF_ST_TYPE(sym->st_info) == STT_FUNC,
        .local = GELF_ST_BIND(sym->st_info) == STB_LOCAL,
        .exported = exported,
    };
}

static void load_symbols(struct xsg_code_file *file, Elf *elf, uint32_t type)
{
    GElf_Shdr shdr;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        Elf_Data *data;
        if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type || !shdr.sh_entsize ||
            !(data = elf_getdata(scn, NULL)))
            continue;
        size_t n = data->d_size / shdr.sh_entsize;
        const char *unit = ""; /* the symbol of a file is in front of what is local in it */
        for (size_t i = 1; i < n && i < INT32_MAX; i++) {
            GElf_Sym sym;
            if (!gelf_getsym(data, (int)i, &sym))
                break;
            const char *name = elf_strptr(elf, shdr.sh_link, sym.st_name);
            int kind = GELF_ST_TYPE(sym.st_info);
            if (kind == STT_FILE)
                unit = xsg_strdup(file->arena, name ? xsg_path_base(name) : "");
            if (!name || !*name || sym.st_shndx == SHN_UNDEF)
                continue;
            if (kind == STT_FUNC)
                add_symbol(file, &file->functions, &sym, name, unit, type == SHT_DYNSYM);
            else if (kind == STT_OBJECT && sym.st_size)
                add_symbol(file, &file->objects, &sym, name, unit, type == SHT_DYNSYM);
            else if (kind == STT_TLS && sym.st_size)
                add_symbol(file, &file->tls, &sym, name, unit, type == SHT_DYNSYM);
        }
    }
}

static void sort_symbols(struct xsg_code_symbols *symbols)
{
    if (symbols->n)
        qsort(symbols->list, symbols->n, sizeof *symbols->list, compare_symbols);
    size_t out = 0;
    for (size_t i = 0; i < symbols->n; i++) { /* the two tables of a file say much twice */
        struct xsg_code_symbol *last = out ? &symbols->list[out - 1] : NULL;
        if (last && compare_symbols(last, &symbols->list[i]) == 0) {
            last->exported |= symbols->list[i].exported;
            if (symbols->list[i].size > last->size)
                last->size = symbols->list[i].size;
        } else {
            symbols->list[out++] = symbols->list[i];
        }
    }
    symbols->n = out;
}

/* ---- relocations ------------------------------------------------------------------------------
 */

struct versions {
    Elf_Data *of_symbols; /* .gnu.version */
    struct xsg_map known; /* index of a version -> itself, when it is the C or C++ library's */
};

static void load_versions(struct versions *versions, struct xsg_arena *arena, Elf *elf)
{
    static const char *const known[] = {"GLIBC_", "GLIBCXX_", "CXXABI_", "GCC_"};
    GElf_Shdr shdr;
    xsg_map_init(&versions->known, arena);
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        if (!gelf_getshdr(scn, &shdr))
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        if (shdr.sh_type == SHT_GNU_versym)
            versions->of_symbols = data;
        if (shdr.sh_type != SHT_GNU_verneed || !data)
            continue;
        GElf_Verneed need;
        int at = 0;
        for (int i = 0; i < 4096 && gelf_getverneed(data, at, &need); i++) {
            GElf_Vernaux aux;
            int aux_at = at + (int)need.vn_aux;
            for (int j = 0; j < 4096 && gelf_getvernaux(data, aux_at, &aux); j++) {
                const char *name = elf_strptr(elf, shdr.sh_link, aux.vna_name);
                for (size_t k = 0; name && k < sizeof known / sizeof *known; k++)
                    if (!strncmp(name, known[k], strlen(known[k])))
                        *xsg_map_put(&versions->known, &aux.vna_other, sizeof aux.vna_other, NULL) =
                            versions;
                if (!aux.vna_next)
                    break;
                aux_at += (int)aux.vna_next;
            }
            if (!need.vn_next)
                break;
            at += (int)need.vn_next;
        }
    }
}

static bool is_known_library(const struct versions *versions, uint64_t symbol)
{
    GElf_Versym index;
    return versions->of_symbols &&
           gelf_getversym(versions->of_symbols, (int)symbol, &index) != NULL &&
           xsg_map_get(&versions->known, &index, sizeof(uint16_t));
}

static bool is_relative(int machine, uint64_t type)
{
    return machine == EM_X86_64 ? type == R_X86_64_RELATIVE : type == R_AARCH64_RELATIVE;
}

static bool is_symbolic(int machine, uint64_t type)
{
    if (machine == EM_X86_64)
        return type == R_X86_64_64 || type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT;
    return type == R_AARCH64_ABS64 || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_JUMP_SLOT;
}

static void add_reloc(struct xsg_code_file *file, Elf *elf, const struct versions *versions,
                      const GElf_Rela *rela, Elf_Data *symbols, size_t strings)
{
    uint64_t type = GELF_R_TYPE(rela->r_info), index = GELF_R_SYM(rela->r_info);
    struct xsg_code_reloc reloc = {.addr = rela->r_offset, .addend = (uint64_t)rela->r_addend};
    GElf_Sym sym;
    if (index && index < INT32_MAX && symbols && gelf_getsym(symbols, (int)index, &sym))
        reloc.name = elf_strptr(elf, strings, sym.st_name);
    reloc.name = xsg_strdup(file->arena, reloc.name);
    reloc.known_library = reloc.name && is_known_library(versions, index);
    reloc.copy =
        reloc.name && type == (file->machine == EM_X86_64 ? R_X86_64_COPY : R_AARCH64_COPY);
    reloc.opaque =
        reloc.name ? !is_symbolic(file->machine, type) : !is_relative(file->machine, type);
    file->relocs = xsg_grow(file->arena, file->relocs, &file->cap_relocs, file->n_relocs + 1,
                            sizeof *file->relocs);
    file->relocs[file->n_relocs++] = reloc;
}

static int compare_relocs(const void *a, const void *b)
{
    const struct xsg_code_reloc *x = a, *y = b;
    return (x->addr > y->addr) - (x->addr < y->addr);
}

/* false: there are relocations in a form that is not read. */
static bool load_relocs(struct xsg_code_file *file, Elf *elf)
{
    struct versions versions = {0};
    load_versions(&versions, file->arena, elf);
    GElf_Shdr shdr, symbols_shdr;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        if (!gelf_getshdr(scn, &shdr) || !(shdr.sh_flags & SHF_ALLOC))
            continue;
        if (shdr.sh_type == SHT_REL || shdr.sh_type == SHT_RELR)
            return false;
        Elf_Data *data = shdr.sh_type == SHT_RELA ? elf_getdata(scn, NULL) : NULL;
        if (!data || !shdr.sh_entsize)
            continue;
        Elf_Scn *symbols = shdr.sh_link ? elf_getscn(elf, shdr.sh_link) : NULL;
        Elf_Data *symbol_data = symbols ? elf_getdata(symbols, NULL) : NULL;
        if (!symbols || !gelf_getshdr(symbols, &symbols_shdr))
            symbols_shdr.sh_link = 0;
        size_t n = data->d_size / shdr.sh_entsize;
        GElf_Rela rela;
        for (size_t i = 0; i < n && i < INT32_MAX && gelf_getrela(data, (int)i, &rela); i++)
            add_reloc(file, elf, &versions, &rela, symbol_data, symbols_shdr.sh_link);
    }
    if (file->n_relocs)
        qsort(file->relocs, file->n_relocs, sizeof *file->relocs, compare_relocs);
    return true;
}

/* ---- functions by the name that the source has -------------------------------------------------
 */

static void group_functions(struct xsg_code_file *file)
{
    xsg_map_init(&file->groups, file->arena);
    for (size_t i = 0; i < file->functions.n; i++) {
        const char *name = file->functions.list[i].name;
        void **place = xsg_map_put(&file->groups, name, xsg__source_name_length(name), NULL);
        if (!*place)
            *place = XSG_NEW(file->arena, struct xsg_code_group);
        struct xsg_code_group *group = *place;
        group->members = xsg_grow(file->arena, group->members, &group->cap, group->n + 1,
                                  sizeof *group->members);
        group->members[group->n++] = (uint32_t)i;
    }
}

size_t xsg__code_name_length(const char *name)
{
    size_t n = strlen(name);
    for (;;) {
        size_t end = n;
        while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
            end--;
        if (end == n || end < 2 || name[end - 1] != '.')
            return n;
        n = end - 1;
    }
}

bool xsg__code_file_load(struct xsg_code_file *file, struct xsg_arena *arena, const char *path,
                         const char *root)
{
    *file = (struct xsg_code_file){
        .arena = arena, .path = xsg_strdup(arena, path), .root = xsg_strdup(arena, root)};
    xsg_map_init(&file->bodies, arena);
    xsg_map_init(&file->object_bodies, arena);
    xsg_map_init(&file->thread_bodies, arena);
    xsg_map_init(&file->returning, arena);
    xsg_map_init(&file->groups, arena);
    struct xsg_symbol_file *opened = XSG_NEW(arena, struct xsg_symbol_file);
    GElf_Ehdr ehdr;
    size_t names;
    if (xsg__symbol_file_open(opened, path, NULL))
        return false;
    file->handle = opened;
    if (!gelf_getehdr(opened->elf, &ehdr) || elf_getshdrstrndx(opened->elf, &names) ||
        ehdr.e_ident[EI_DATA] != ELFDATA2LSB || !have_own_bytes(opened))
        return false;
    file->fixed = ehdr.e_type == ET_EXEC;
    file->machine =
        ehdr.e_machine == EM_X86_64 || ehdr.e_machine == EM_AARCH64 ? ehdr.e_machine : 0;
    load_sections(file, opened->elf, names);
    load_tls(file, opened->elf);
    load_needed(file, opened->elf);
    load_symbols(file, opened->elf, SHT_SYMTAB);
    load_symbols(file, opened->elf, SHT_DYNSYM);
    sort_symbols(&file->functions);
    sort_symbols(&file->objects);
    sort_symbols(&file->tls);
    if (!load_relocs(file, opened->elf))
        file->machine = 0;
    group_functions(file);
    return file->n_sections > 0;
}

void xsg__code_file_close(struct xsg_code_file *file)
{
    if (file->handle)
        xsg__symbol_file_close(file->handle);
}
