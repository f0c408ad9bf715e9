/*
 * Memory: handles are opened and closed; everything else lives in the arena that you were given.
 *
 * An arena never gives single pieces back; it is released whole. Allocation never returns NULL:
 * when the system has no memory left the arena's out-of-memory handler runs, and it does not return
 * (cli prints a sentence and exits with 3; tests longjmp). Not thread-safe.
 */
#ifndef XSG_BASE_ARENA_H
#define XSG_BASE_ARENA_H

#include <stddef.h>

struct xsg_arena_block;

struct xsg_arena {
    struct xsg_arena_block *head;
    size_t used; /* bytes handed out, for tests and limits */
};

#define XSG_ARENA_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }

/* Zeroed memory, aligned for any object. n * size is checked for overflow. */
void *xsg_alloc(struct xsg_arena *arena, size_t n, size_t size);
#define XSG_NEW(arena, type) ((type *)xsg_alloc((arena), 1, sizeof(type)))
#define XSG_NEW_ARRAY(arena, type, n) ((type *)xsg_alloc((arena), (n), sizeof(type)))

/* Grows an array of *cap elements to hold at least need (copies; the old piece stays in the arena).
 */
void *xsg_grow(struct xsg_arena *arena, void *old, size_t *cap, size_t need, size_t size);

char *xsg_strdup(struct xsg_arena *arena, const char *s); /* NULL stays NULL */
char *xsg_strndup(struct xsg_arena *arena, const char *s, size_t n);
char *xsg_printf(struct xsg_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives everything back; the arena is then empty and usable again. */
void xsg_arena_release(struct xsg_arena *arena);

/* Called with the size that could not be had; must not return. NULL restores the default (abort).
 */
void xsg_arena_on_oom(void (*handler)(size_t size));
/* Runs that handler; for what allocates outside an arena (base/buf). */
__attribute__((noreturn)) void xsg_out_of_memory(size_t size);

/* For fault injection: fails the n-th allocation of a block from now (0 = never). */
void xsg_arena_fail_at(unsigned long n);

#endif
