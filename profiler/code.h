/*
 * What a function's machine code is, without the addresses: so that two builds can be compared.
 *
 * code: equal numbers mean the same instructions on the same data. Left out of it are where the
 * function stands, padding, and where that lies to which it refers; what it refers to is in it:
 * callees and what is imported by name, constants, strings, tables and initial values of
 * variables (thread-local ones, too) by their bytes, jump tables (of interpreters, too) by the
 * places in the function that they lead to. All pieces of a function (".cold", ".part.0",
 * ".constprop.0", copies of other units) belong to it; where static functions of one name differ,
 * all of them do, by their units.
 *
 * code_deep: the same over the function and all of the project's functions that it calls or whose
 * address it takes, transitively. Callees count by their code there, not by name, except in
 * recursion; so do variables of the project's other files, by their initial values. Where a pointer
 * to a function is called, every function of the program whose address is taken anywhere belongs to
 * it; so it does for imported functions that call back (qsort), and for those of libraries that are
 * neither the project's nor the C or C++ library.
 *
 * What is not certainly understood makes the number 0: unknown. So is code of other machines than
 * x86-64, where an instruction has a whole address in it that can be taken out and looked up. On
 * aarch64 two or more (adrp, then add or a load) make one between them, the compiler moves them
 * apart and shares the first, and stubs, jump tables and thread-local variables have shapes of
 * their own: one that is misread would call different code identical. Files are hostile input. Not
 * thread-safe.
 */
#ifndef XSG_PROFILER_CODE_H
#define XSG_PROFILER_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct xsg_code_cache;   /* files that were read, and what is known of their functions */
struct xsg_code_program; /* files that run together in a process; lives as long as the cache */

/* Never fails; close gives everything back. */
struct xsg_code_cache *xsg_code_open(void);
void xsg_code_close(struct xsg_code_cache *code);

/*
 * The program made of the ELF files paths[n]. The files are read once, again when their build-id,
 * size or time changed. Unreadable files are left out. The same list gives the same program. Where
 * the text of root (the checkout's folder; NULL: none) stands in the data, as by __FILE__, it is
 * left out of all numbers.
 */
struct xsg_code_program *xsg_code_program(struct xsg_code_cache *code, const char *root,
                                          const char *const *paths, size_t n);

/* Of the function at vaddr (a virtual address of the file). 0 for what is unknown; a path that is
 * not of the program is unknown. */
void xsg_code_function(struct xsg_code_program *program, const char *path, uint64_t vaddr,
                       uint64_t *code, uint64_t *code_deep);

/*
 * What the program is: text, data and what is linked to it, of all its files in any order. Left
 * out: build ids, debug information, the paths of files and libraries. 0: a file was unreadable, or
 * there is none.
 */
uint64_t xsg_code_binary(struct xsg_code_program *program);

#endif
