/*
 * Functions, inlined instances and source lines from DWARF.
 *
 * At opening only the address ranges of the units are read. A unit is walked whole when the first
 * address in it is looked up: each function and each inlined instance with code becomes a piece,
 * and the unit's line table then tells how far down its source every function reaches. Nothing in
 * the file bounds the walk reliably (siblings may point anywhere), hence the budgets.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/symbol_parts.h"

enum {
    NONE = UINT32_MAX,
    MAX_NESTING = 200,       /* of DIEs, and of inlined instances */
    MAX_DIES = 20000000,     /* visited in one unit */
    MAX_RANGES = 4000000,    /* of one unit, or of all units' own */
    MAX_DIE_RANGES = 1 << 16 /* of one DIE */
};

struct range {
    uint64_t low, high;
    uint32_t owner; /* index of a piece, or of a unit */
};

struct ranges {
    struct range *list;
    size_t n, cap;
};

struct piece {
    Dwarf_Die die;
    uint32_t parent; /* NONE: a function's own code */
    uint32_t first_child, next_sibling;
    uint32_t first_range, n_ranges;
    uint32_t origin;
    int call_line;
};

/* A function as the source has it; all pieces made from it share it. */
struct origin {
    Dwarf_Die die, piece;    /* the abstract one, and the piece's that was first */
    const char *name, *file; /* as in the object file; file not yet resolved */
    const char *comp_dir;
    int line, end_line;
};

struct unit {
    Dwarf_Die die;     /* has the line table */
    Dwarf_Die content; /* has the functions: of the split unit where there is one */
    bool loaded;
    struct piece *pieces;
    size_t n_pieces, cap_pieces;
    struct ranges ranges, functions; /* of all pieces in their order; of functions by address */
    struct origin *origins;
    size_t n_origins, cap_origins;
    struct xsg_map origin_of; /* address of the origin's DIE -> index + 1 */
    struct xsg_map scope_of;  /* see xsg__dwarf_scoped_name */
    bool cpp;
    size_t dies;
};

struct xsg_dwarf {
    struct xsg_arena *arena;
    struct xsg_source_root *root;
    Dwarf *dwarf;
    struct unit *units;
    size_t n_units, cap_units;
    struct ranges ranges;
};

/* ---- ranges -------------------------------------------------------------------------------------
 */

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    if (x->high != y->high)
        return x->high > y->high ? -1 : 1;
    return (x->owner > y->owner) - (x->owner < y->owner);
}

static size_t add_ranges(struct ranges *ranges, struct xsg_arena *arena, Dwarf_Die *die,
                         uint32_t owner)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    size_t n = 0;
    while (n < MAX_DIE_RANGES && ranges->n < MAX_RANGES &&
           (offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
        if (low >= high || low == 0) /* 0: code that the linker dropped */
            continue;
        ranges->list =
            xsg_grow(arena, ranges->list, &ranges->cap, ranges->n + 1, sizeof(struct range));
        ranges->list[ranges->n++] = (struct range){low, high, owner};
        n++;
    }
    return n;
}

static void sort_ranges(struct ranges *ranges)
{
    if (ranges->n)
        qsort(ranges->list, ranges->n, sizeof *ranges->list, compare_ranges);
}

static uint32_t find_owner(const struct ranges *ranges, uint64_t vaddr)
{
    size_t low = 0, high = ranges->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (ranges->list[mid].low <= vaddr)
            low = mid + 1;
        else
            high = mid;
    }
    for (size_t back = 0; low > 0 && back < 16; low--, back++)
        if (vaddr < ranges->list[low - 1].high)
            return ranges->list[low - 1].owner;
    return NONE;
}

/* ---- origins ------------------------------------------------------------------------------------
 */

static const char *string_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* File and compilation folder of a declaration. Not dwarf_decl_file: to it, file 0 is no file, but
 * in DWARF 5 it is the unit's own source, and clang uses it. */
static void read_file(struct origin *origin, Dwarf_Die *die)
{
    Dwarf_Attribute attribute, dir;
    Dwarf_Word index;
    Dwarf_Half version;
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t n;
    if (dwarf_formudata(dwarf_attr_integrate(die, DW_AT_decl_file, &attribute), &index) != 0 ||
        dwarf_cu_info(attribute.cu, &version, NULL, &unit, NULL, NULL, NULL, NULL) != 0 ||
        dwarf_getsrcfiles(&unit, &files, &n) != 0 || index >= n || (index == 0 && version < 5))
        return;
    origin->file = dwarf_filesrc(files, index, NULL, NULL);
    origin->comp_dir = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &dir));
}

static void read_origin(struct origin *origin, Dwarf_Die *die)
{
    read_file(origin, die);
    if (dwarf_decl_line(die, &origin->line) != 0 || origin->line < 0)
        origin->line = 0;
    origin->end_line = origin->line;
}

static uint32_t origin_of(struct unit *unit, struct xsg_arena *arena, Dwarf_Die *die)
{
    Dwarf_Die at = *die, next;
    Dwarf_Attribute attribute;
    for (int chain = 0; chain < 16; chain++) {
        if (!dwarf_formref_die(dwarf_attr(&at, DW_AT_abstract_origin, &attribute), &next))
            break;
        at = next;
    }
    void **place = xsg_map_put(&unit->origin_of, &at.addr, sizeof at.addr, NULL);
    if (!*place) {
        unit->origins = xsg_grow(arena, unit->origins, &unit->cap_origins, unit->n_origins + 1,
                                 sizeof *unit->origins);
        unit->origins[unit->n_origins] = (struct origin){.die = at, .piece = *die};
        read_origin(&unit->origins[unit->n_origins], die);
        *place = (void *)(uintptr_t)++unit->n_origins;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

/* ---- the walk -----------------------------------------------------------------------------------
 */

static uint32_t add_piece(struct unit *unit, struct xsg_arena *arena, Dwarf_Die *die,
                          uint32_t parent)
{
    uint32_t index = (uint32_t)unit->n_pieces;
    size_t first = unit->ranges.n;
    if (!add_ranges(&unit->ranges, arena, die, index))
        return NONE;
    unit->pieces =
        xsg_grow(arena, unit->pieces, &unit->cap_pieces, unit->n_pieces + 1, sizeof *unit->pieces);
    struct piece *piece = &unit->pieces[unit->n_pieces++];
    *piece = (struct piece){.die = *die,
                            .parent = parent,
                            .first_child = NONE,
                            .next_sibling = NONE,
                            .first_range = (uint32_t)first,
                            .n_ranges = (uint32_t)(unit->ranges.n - first)};
    if (parent != NONE) {
        piece->next_sibling = unit->pieces[parent].first_child;
        unit->pieces[parent].first_child = index;
        Dwarf_Attribute attribute;
        Dwarf_Word line;
        if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &line) == 0 &&
            line <= INT32_MAX)
            piece->call_line = (int)line;
    }
    piece->origin = origin_of(unit, arena, die);
    return index;
}

struct place { /* where in the tree of DIEs the walk is */
    const struct xsg_dwarf_scope *scope;
    uint32_t piece;
    int depth;
};

static void walk(struct unit *unit, struct xsg_arena *arena, Dwarf_Die *parent, struct place place);

static const struct xsg_dwarf_scope *scope_in(struct unit *unit, struct xsg_arena *arena,
                                              Dwarf_Die *die, const struct xsg_dwarf_scope *outer)
{
    if (!unit->cpp)
        return NULL;
    struct xsg_dwarf_scope *scope = XSG_NEW(arena, struct xsg_dwarf_scope);
    *scope = (struct xsg_dwarf_scope){.outer = outer, .name = dwarf_diename(die)};
    return scope;
}

static void note_scope(struct unit *unit, const Dwarf_Die *die, const struct xsg_dwarf_scope *scope)
{
    if (scope)
        *xsg_map_put(&unit->scope_of, &die->addr, sizeof die->addr, NULL) =
            (void *)(uintptr_t)scope;
}

static void walk_one(struct unit *unit, struct xsg_arena *arena, Dwarf_Die *die, struct place place)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_subprogram:
        if (!dwarf_hasattr(die, DW_AT_linkage_name))
            note_scope(unit, die, place.scope);
        place.piece = add_piece(unit, arena, die, NONE);
        break;
    case DW_TAG_inlined_subroutine:
        if (place.piece == NONE || (place.piece = add_piece(unit, arena, die, place.piece)) == NONE)
            return;
        break;
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
        break;
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        place.piece = NONE;
        note_scope(unit, die, place.scope);
        place.scope = scope_in(unit, arena, die, place.scope);
        break;
    default:
        return;
    }
    place.depth++;
    walk(unit, arena, die, place);
}

static void walk(struct unit *unit, struct xsg_arena *arena, Dwarf_Die *parent, struct place place)
{
    Dwarf_Die die, next;
    if (place.depth > MAX_NESTING || !dwarf_haschildren(parent) || dwarf_child(parent, &die) != 0)
        return;
    for (;;) {
        if (++unit->dies > MAX_DIES)
            return;
        walk_one(unit, arena, &die, place);
        const char *at = die.addr;
        if (dwarf_siblingof(&die, &next) != 0 || (const char *)next.addr <= at)
            return;
        die = next;
    }
}

static bool piece_has(const struct unit *unit, const struct piece *piece, uint64_t vaddr)
{
    for (uint32_t i = 0; i < piece->n_ranges; i++) {
        const struct range *range = &unit->ranges.list[piece->first_range + i];
        if (range->low <= vaddr && vaddr < range->high)
            return true;
    }
    return false;
}

/* The innermost piece at vaddr; NONE outside of all functions. */
static uint32_t find_piece(const struct unit *unit, uint64_t vaddr)
{
    uint32_t at = find_owner(&unit->functions, vaddr);
    for (uint32_t child = at == NONE ? NONE : unit->pieces[at].first_child; child != NONE;) {
        if (piece_has(unit, &unit->pieces[child], vaddr)) {
            at = child;
            child = unit->pieces[at].first_child;
        } else {
            child = unit->pieces[child].next_sibling;
        }
    }
    return at;
}

/* A function ends at the last line of its file among its own, not its inlined callees', code. */
static void find_end_lines(struct unit *unit)
{
    Dwarf_Lines *lines;
    size_t n;
    if (dwarf_getsrclines(&unit->die, &lines, &n) != 0)
        return;
    for (size_t i = 0; i + 1 < n; i++) {
        Dwarf_Line *row = dwarf_onesrcline(lines, i), *after = dwarf_onesrcline(lines, i + 1);
        Dwarf_Addr vaddr, next;
        bool end;
        int line;
        if (dwarf_lineendsequence(row, &end) || end || dwarf_lineaddr(row, &vaddr) ||
            dwarf_lineaddr(after, &next) || dwarf_lineno(row, &line))
            continue;
        /* A row without bytes is often the caller's, at the very start of an inlined instance. */
        uint32_t piece = vaddr == next ? NONE : find_piece(unit, vaddr);
        struct origin *origin = piece == NONE ? NULL : &unit->origins[unit->pieces[piece].origin];
        if (!origin || line <= origin->end_line || !origin->line)
            continue;
        const char *file = dwarf_linesrc(row, NULL, NULL);
        if (file && origin->file && (file == origin->file || !strcmp(file, origin->file)))
            origin->end_line = line;
    }
}

static bool is_cpp(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
        return true;
    default:
        return false;
    }
}

/*
 * gcc gives functions of internal linkage no linkage name, although they may be overloaded and live
 * in namespaces. Their names are put together from the DIEs, not taken from .symtab: a function
 * must have one name in all builds, also where all of its calls were inlined.
 */
static void name_origin(const struct unit *unit, struct xsg_arena *arena, struct origin *origin)
{
    origin->name = string_attribute(&origin->piece, DW_AT_linkage_name);
    if (!origin->name)
        origin->name = string_attribute(&origin->piece, DW_AT_MIPS_linkage_name);
    if (origin->name)
        return;
    origin->name = dwarf_diename(&origin->piece);
    Dwarf_Attribute attribute;
    if (!unit->cpp || !origin->name || dwarf_hasattr_integrate(&origin->piece, DW_AT_external))
        return;
    Dwarf_Die declaration;
    if (!dwarf_formref_die(dwarf_attr(&origin->die, DW_AT_specification, &attribute), &declaration))
        declaration = origin->die;
    origin->name = xsg__dwarf_scoped_name(arena, &unit->scope_of, origin->name, &declaration);
}

static void load_unit(struct unit *unit, struct xsg_arena *arena)
{
    unit->loaded = true;
    xsg_map_init(&unit->origin_of, arena);
    xsg_map_init(&unit->scope_of, arena);
    unit->cpp = is_cpp(&unit->content);
    walk(unit, arena, &unit->content, (struct place){.piece = NONE});
    for (size_t i = 0; i < unit->n_origins; i++)
        name_origin(unit, arena, &unit->origins[i]);
    for (size_t i = 0; i < unit->n_pieces; i++) {
        const struct piece *piece = &unit->pieces[i];
        for (uint32_t j = 0; piece->parent == NONE && j < piece->n_ranges; j++) {
            struct ranges *to = &unit->functions;
            to->list = xsg_grow(arena, to->list, &to->cap, to->n + 1, sizeof *to->list);
            to->list[to->n++] = unit->ranges.list[piece->first_range + j];
        }
    }
    sort_ranges(&unit->functions);
    find_end_lines(unit);
}

/* ---- look-ups -----------------------------------------------------------------------------------
 */

static struct unit *find_unit(struct xsg_dwarf *dwarf, uint64_t vaddr)
{
    uint32_t index = find_owner(&dwarf->ranges, vaddr);
    if (index == NONE)
        return NULL;
    struct unit *unit = &dwarf->units[index];
    if (!unit->loaded)
        load_unit(unit, dwarf->arena);
    return unit;
}

static bool line_at(struct xsg_dwarf *dwarf, struct unit *unit, uint64_t vaddr, const char **file,
                    int *line)
{
    Dwarf_Line *row = dwarf_getsrc_die(&unit->die, vaddr);
    *file = NULL;
    *line = 0;
    if (!row)
        return false;
    if (dwarf_lineno(row, line) != 0 || *line < 0)
        *line = 0;
    Dwarf_Attribute attribute;
    const char *dir = dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute));
    *file = xsg__source_path(dwarf->root, dir, dwarf_linesrc(row, NULL, NULL));
    return true;
}

static void fill_function(struct xsg_dwarf *dwarf, struct unit *unit, const struct piece *piece,
                          struct xsg_function *function)
{
    const struct origin *origin = &unit->origins[piece->origin];
    function->name = origin->name;
    function->line = origin->line;
    function->end_line = origin->end_line;
    function->file = xsg__source_path(dwarf->root, origin->comp_dir, origin->file);
    if (!function->file) /* line tables alone: the entry's line stands for the function's */
        line_at(dwarf, unit, unit->ranges.list[piece->first_range].low, &function->file,
                &function->line);
}

size_t xsg__dwarf_frames(struct xsg_dwarf *dwarf, uint64_t vaddr, const char *module,
                         struct xsg_frame **frames)
{
    struct unit *unit = find_unit(dwarf, vaddr);
    uint32_t innermost = unit ? find_piece(unit, vaddr) : NONE;
    if (innermost == NONE)
        return 0;
    size_t n = 0;
    for (uint32_t at = innermost; at != NONE; at = unit->pieces[at].parent)
        n++;
    *frames = XSG_NEW_ARRAY(dwarf->arena, struct xsg_frame, n);
    const char *ignored;
    int at_line;
    line_at(dwarf, unit, vaddr, &ignored, &at_line);
    struct xsg_frame *frame = *frames;
    for (uint32_t at = innermost; at != NONE; at = unit->pieces[at].parent, frame++) {
        const struct piece *piece = &unit->pieces[at];
        fill_function(dwarf, unit, piece, &frame->function);
        frame->function.module = module;
        frame->at_line = at_line;
        frame->inlined = piece->parent != NONE;
        at_line = piece->call_line;
    }
    return n;
}

bool xsg__dwarf_line(struct xsg_dwarf *dwarf, uint64_t vaddr, const char **file, int *line)
{
    struct unit *unit = find_unit(dwarf, vaddr);
    return unit && line_at(dwarf, unit, vaddr, file, line);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static void add_unit(struct xsg_dwarf *dwarf, const Dwarf_Die *die, const Dwarf_Die *split)
{
    dwarf->units = xsg_grow(dwarf->arena, dwarf->units, &dwarf->cap_units, dwarf->n_units + 1,
                            sizeof *dwarf->units);
    struct unit *unit = &dwarf->units[dwarf->n_units];
    *unit = (struct unit){.die = *die, .content = split->addr ? *split : *die};
    if (add_ranges(&dwarf->ranges, dwarf->arena, &unit->die, (uint32_t)dwarf->n_units))
        dwarf->n_units++;
}

/* libdw 0.188 reads on behind a table of strings that does not end in NUL. Asked after libdw has
 * decompressed the sections. */
static bool strings_end(Elf *elf)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names))
        return false;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr shdr;
        const char *name = gelf_getshdr(scn, &shdr) ? elf_strptr(elf, names, shdr.sh_name) : NULL;
        if (!name || (strcmp(name, ".debug_str") != 0 && strcmp(name, ".debug_line_str") != 0))
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        if (data && data->d_size && data->d_buf &&
            ((const char *)data->d_buf)[data->d_size - 1] != '\0')
            return false;
    }
    return true;
}

struct xsg_dwarf *xsg__dwarf_open(struct xsg_arena *arena, struct xsg_source_root *root, Elf *elf)
{
    Dwarf *handle = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    if (handle && !strings_end(elf)) {
        dwarf_end(handle);
        handle = NULL;
    }
    if (!handle)
        return NULL;
    struct xsg_dwarf *dwarf = XSG_NEW(arena, struct xsg_dwarf);
    *dwarf = (struct xsg_dwarf){.arena = arena, .root = root, .dwarf = handle};
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, split;
    while (dwarf_get_units(handle, cu, &cu, NULL, NULL, &die, &split) == 0)
        if (dwarf_tag(&die) == DW_TAG_compile_unit || dwarf_tag(&die) == DW_TAG_skeleton_unit)
            add_unit(dwarf, &die, &split);
    sort_ranges(&dwarf->ranges);
    return dwarf;
}

void xsg__dwarf_close(struct xsg_dwarf *dwarf)
{
    if (dwarf)
        dwarf_end(dwarf->dwarf);
}
