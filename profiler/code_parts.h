/*
 * What the files of the machine code's identity share; nobody else includes this.
 *
 * code.c        the cache, programs
 * code_function.c  functions by address, with all of their pieces
 * code_file.c   an ELF file: sections, symbols, relocations
 * code_scan.c   the whole file's hash; functions whose address is taken
 * code_body.c   instructions of a function -> body: a hash, and the places that it refers to
 * code_body_end.c  what is run behind a function's last instruction
 * code_data.c   what a place is: constant, string, table, variable, function, import
 * code_deep.c   bodies -> the hash with all that is called
 *
 * All input is hostile: everything read from a file goes through xsg__code_bytes.
 */
#ifndef XSG_PROFILER_CODE_PARTS_H
#define XSG_PROFILER_CODE_PARTS_H

#include <stdbool.h>

#include "base/map.h"
#include "profiler/code.h"

enum {
    XSG_CODE_MAX_NAMELESS = 1 << 22, /* bytes of what one body refers to without a name */
    XSG_CODE_MAX_BODY = 1 << 22,     /* bytes of one function */
    XSG_CODE_MAX_OBJECT = 64 << 20,  /* bytes of one table */
    XSG_CODE_MAX_TEXT = 32 << 20,    /* bytes of code read for one program */
    XSG_CODE_MAX_TABLE = 1 << 16     /* entries of a jump table */
};

struct xsg_code_section {
    uint64_t addr, size;
    const unsigned char *data; /* NULL: zeros (.bss) */
    bool exec, write, got, plt;
    bool table; /* of the linker: symbols, relocations, notes */
};

struct xsg_code_symbol {
    uint64_t addr, size;
    const char *name; /* as in the file, without a version */
    const char *unit; /* the source file's name, of what is local; else "" */
    bool function, local, exported;
};

struct xsg_code_symbols { /* by addr, then name */
    struct xsg_code_symbol *list;
    size_t n, cap;
};

struct xsg_code_reloc { /* of the dynamic linker */
    uint64_t addr;
    const char *name; /* NULL: relative, to addend */
    uint64_t addend;
    bool known_library; /* name is of the C or C++ library */
    bool opaque;        /* of a kind that is not understood: thread-local and the like */
    bool copy;          /* of name's initial value, from the library that has it */
};

struct xsg_code_file {
    const char *path, *root;           /* root: that is left out of the data; "": none */
    void *handle;                      /* of libelf */
    int machine;                       /* EM_X86_64, EM_AARCH64, or 0: code is not understood */
    bool fixed;                        /* addresses stand in the code: not position-independent */
    uint64_t low, high;                /* of all sections */
    uint64_t needed;                   /* a hash of the names of its libraries */
    uint64_t tls_size;                 /* of PT_TLS, rounded up to its alignment; 0: none */
    uint64_t tls_addr, tls_filled;     /* the initial values; all else of it is zeros */
    struct xsg_code_section *sections; /* that are loaded, by addr */
    size_t n_sections, cap_sections;
    struct xsg_code_symbols functions, objects, tls;
    struct xsg_code_reloc *relocs; /* by addr */
    size_t n_relocs, cap_relocs;
    struct xsg_map bodies;        /* addr -> struct xsg_code_body */
    struct xsg_map object_bodies; /* addr -> struct xsg_code_body, of data */
    struct xsg_map thread_bodies; /* the same, of thread-local variables */
    struct xsg_map returning;     /* addr -> whether the function there may return */
    struct xsg_map groups;        /* source name -> struct xsg_code_group */
    struct xsg_arena *arena;
    uint64_t text_read;
    uint64_t *marks; /* places that something refers to, sorted */
    size_t n_marks, cap_marks;
    bool marks_loaded;
};

/* All pieces of a function: indices of file->functions. */
struct xsg_code_group {
    uint32_t *members;
    size_t n, cap;
    bool known; /* code is */
    uint64_t code;
};

enum xsg_code_place {
    XSG_CODE_FUNCTION, /* of the same file, at addr */
    XSG_CODE_OBJECT,   /* of the same file, at addr */
    XSG_CODE_THREAD,   /* thread-local variable of the same file, at addr of its block; or all */
    XSG_CODE_IMPORT,   /* name */
    XSG_CODE_INDIRECT  /* any function whose address is taken */
};

#define XSG_CODE_WHOLE_BLOCK UINT64_MAX /* instead of a thread-local variable's place in it */

struct xsg_code_ref {
    enum xsg_code_place place;
    uint64_t addr;
    const char *name;
    bool known_library;
};

/* A function's or an object's content: equal hashes and equal refs mean equal content. */
struct xsg_code_body {
    bool unknown;
    size_t nameless; /* bytes of nameless things in it so far */
    int depth;       /* while it is made: of nameless things in nameless things */
    uint64_t hash;
    struct xsg_code_ref *refs;
    size_t n_refs, cap_refs;
};

static inline uint64_t xsg__code_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9fb21c651e98df25);
    hash ^= hash >> 29;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return hash ^ (hash >> 32);
}
uint64_t xsg__code_mix_bytes(uint64_t hash, const void *bytes, size_t n);
uint64_t xsg__code_mix_text(uint64_t hash, const char *text); /* its length too */

/* ---- code_file.c ---- */
bool xsg__code_file_load(struct xsg_code_file *file, struct xsg_arena *arena, const char *path,
                         const char *root);
void xsg__code_file_close(struct xsg_code_file *file);
const struct xsg_code_section *xsg__code_section(const struct xsg_code_file *file, uint64_t addr);
/* n bytes at addr, or NULL when they are not all in one section with contents. */
const unsigned char *xsg__code_bytes(const struct xsg_code_file *file, uint64_t addr, size_t n);
/* The symbol that has addr in it; of several the first by name that starts there. */
const struct xsg_code_symbol *xsg__code_symbol(const struct xsg_code_symbols *symbols,
                                               uint64_t addr);
/* The first that starts at or behind addr. */
size_t xsg__code_symbol_from(const struct xsg_code_symbols *symbols, uint64_t addr);
const struct xsg_code_reloc *xsg__code_reloc(const struct xsg_code_file *file, uint64_t addr);
size_t xsg__code_reloc_from(const struct xsg_code_file *file, uint64_t addr);
/* ---- code_scan.c ---- */
uint64_t xsg__code_file_binary(const struct xsg_code_file *file);
/* Bytes of data, without the text of the file's root. */
uint64_t xsg__code_mix_data(const struct xsg_code_file *file, uint64_t hash,
                            const unsigned char *data, size_t n);
/* Adds the functions of the file whose address is taken somewhere in it, perhaps some more. false:
 * it cannot be told. */
bool xsg__code_taken(const struct xsg_code_file *file, struct xsg_map *taken);

/* ---- code_data.c ---- */
/* How an instruction or a pointer gets at a place. */
enum xsg_code_access {
    XSG_CODE_ACCESS_EXACT,   /* reads or writes size bytes there */
    XSG_CODE_ACCESS_POINTER, /* takes its address: what is around it may be meant */
    XSG_CODE_ACCESS_GUESS    /* the same, and it may be a mere number */
};
/* Puts what is at addr into the body; makes it unknown when it cannot be told. */
void xsg__code_put_place(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                         enum xsg_code_access access, size_t size);
/* A place in code: a callee or a pointer to one; addr is the start of a function or of a stub. */
void xsg__code_put_callee(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr);
void xsg__code_add_ref(struct xsg_code_file *file, struct xsg_code_body *body,
                       struct xsg_code_ref ref);
/* Where the nameless thing at addr ends: at the next place that is referred to. */
uint64_t xsg__code_extent(struct xsg_code_file *file, uint64_t addr);
const struct xsg_code_body *xsg__code_object(struct xsg_code_file *file, uint64_t addr);
const struct xsg_code_body *xsg__code_thread(struct xsg_code_file *file, uint64_t addr);

/* ---- code_body.c ---- */
const struct xsg_code_body *xsg__code_body(struct xsg_code_file *file, uint64_t addr);
/* Is the name one of the piece of a function that is hardly ever run? */
bool xsg__code_is_cold(const char *name);
/* The cold pieces of the function, one after the other: *next is 0 at first. NULL: no more. */
const struct xsg_code_symbol *xsg__code_next_cold(const struct xsg_code_file *file,
                                                  const struct xsg_code_symbol *function,
                                                  size_t *next);
/* What the PLT stub at addr jumps to; NULL: it is none. */
const struct xsg_code_reloc *xsg__code_stub(const struct xsg_code_file *file, uint64_t addr);

/* ---- code_body_end.c; insn is Capstone's, for their own use ---- */
struct cs_insn;
struct xsg_code_last { /* instruction but padding */
    unsigned id;       /* Capstone's */
    enum { XSG_CODE_TO_UNKNOWN, XSG_CODE_TO_CODE, XSG_CODE_TO_SLOT } kind;
    uint64_t to;
};
/* Is what stands behind it run after it? */
bool xsg__code_runs_on(struct xsg_code_file *file, size_t disassembler, struct cs_insn *insn,
                       const struct xsg_code_last *last);
uint64_t xsg__code_behind(const struct xsg_code_file *file, size_t disassembler,
                          struct cs_insn *insn, uint64_t end);

/* ---- code_deep.c ---- */
struct xsg_code_program {
    struct xsg_arena *arena;
    struct xsg_code_file **files;
    size_t n_files;
    bool whole;             /* every file was readable */
    uint64_t binary;        /* 0: not made yet */
    struct xsg_map nodes;   /* see code_deep.c */
    struct xsg_map exports; /* name -> what the files export by it: functions and variables */
    bool exports_loaded;
    struct xsg_map deep_groups; /* group -> uint64_t */
};
/* Of numbers in any order, each once; sorts them. */
uint64_t xsg__code_mix_set(uint64_t hash, uint64_t *numbers, size_t n);
uint64_t xsg__code_shallow(struct xsg_code_file *file, const struct xsg_code_body *body);
uint64_t xsg__code_deep(struct xsg_code_program *program, struct xsg_code_file *file,
                        uint64_t addr);

/* A name without the numbers that compilers count their own with: "table.3" -> "table". */
size_t xsg__code_name_length(const char *name);

#endif
