/*
 * What the symboliser's files share; nobody else includes this.
 *
 * symbol.c        look-ups, their cache, and the names of last resort
 * symbol_file.c   opening a module: build-id, separate debug file
 * symbol_table.c  sorted tables from .symtab, .dynsym, the PLT and .eh_frame
 * symbol_dwarf.c  functions, inlined instances and lines
 * symbol_type.c   C++ names that are not in the file
 * symbol_path.c   source files relative to the checkout
 * demangle.c      names
 *
 * All input is hostile. libelf reads files by read(), not mmap: a file cut while it is read must
 * not raise SIGBUS. Addresses are virtual addresses of the module's file ("vaddr") everywhere here.
 */
#ifndef XSG_PROFILER_SYMBOL_PARTS_H
#define XSG_PROFILER_SYMBOL_PARTS_H

#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include "base/map.h"
#include "profiler/symbol.h"

/* ---- symbol_path.c ---- */
struct xsg_source_root {
    struct xsg_arena *arena;
    const char *given, *real; /* without a trailing slash; NULL: none */
    struct xsg_map known;     /* "comp_dir\0name" -> result */
};
void xsg__source_root_init(struct xsg_source_root *root, struct xsg_arena *arena, const char *path);
/* name as the debug information has it, below comp_dir when it is relative (may be NULL). */
const char *xsg__source_path(struct xsg_source_root *root, const char *comp_dir, const char *name);

/* ---- symbol_file.c ---- */
struct xsg_symbol_file {
    int fd;
    Elf *elf; /* NULL: not open */
};
int xsg__symbol_file_open(struct xsg_symbol_file *file, const char *path, struct xsg_err *err);
void xsg__symbol_file_close(struct xsg_symbol_file *file);
bool xsg__symbol_file_has_id(const struct xsg_symbol_file *file, const uint8_t *id, size_t n);
/* Has it the section? (with contents) */
bool xsg__symbol_file_has(const struct xsg_symbol_file *file, const char *section);
/* The separate debug file of image, by build-id, then by .gnu_debuglink. false: there is none. */
bool xsg__symbol_file_debug(struct xsg_arena *arena, const struct xsg_symbol_file *image,
                            const char *path, struct xsg_symbol_file *debug);

/* ---- symbol_table.c ---- */
struct xsg_symbol {
    uint64_t start, end;
    uint64_t limit;   /* how far it may reach when it has no size */
    const char *name; /* NULL in tables of .eh_frame */
};
struct xsg_symbol_table {
    struct xsg_symbol *symbols; /* by start, no two with the same */
    size_t n, cap;
};
void xsg__symbol_table_load(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *image,
                            Elf *debug);
void xsg__frame_table_load(struct xsg_symbol_table *table, struct xsg_arena *arena, Elf *image);
const struct xsg_symbol *xsg__symbol_find(const struct xsg_symbol_table *table, uint64_t vaddr);

/* ---- symbol_dwarf.c ---- */
struct xsg_dwarf;
struct xsg_dwarf *xsg__dwarf_open(struct xsg_arena *arena, struct xsg_source_root *root, Elf *elf);
void xsg__dwarf_close(struct xsg_dwarf *dwarf);
/*
 * The frames at vaddr, innermost first; 0 when no function of the debug information is there. Names
 * are as in the object file (NULL possible for the last). module is put into each.
 */
size_t xsg__dwarf_frames(struct xsg_dwarf *dwarf, uint64_t vaddr, const char *module,
                         struct xsg_frame **frames);
/* Source file and line of an address outside of any known function (assembly). */
bool xsg__dwarf_line(struct xsg_dwarf *dwarf, uint64_t vaddr, const char **file, int *line);

/* ---- symbol_type.c ---- */
struct xsg_dwarf_scope {
    const struct xsg_dwarf_scope *outer;
    const char *name; /* NULL: anonymous */
};
/* "scope::name(types of the parameters)" as a demangler would write it. scope_of: address of a
 * function's or type's DIE -> struct xsg_dwarf_scope; libdw itself keeps no parents. */
const char *xsg__dwarf_scoped_name(struct xsg_arena *arena, const struct xsg_map *scope_of,
                                   const char *name, Dwarf_Die *function);

/* ---- demangle.c ---- */
/* Length of the part of a symbol's name that names the function in the source: without a version
 * and without what compilers append for pieces (".part.0", ".isra.0", ".cold" ...). */
size_t xsg__source_name_length(const char *name);

#endif
