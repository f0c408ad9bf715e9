#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1024 * 1024 };

struct xsg_arena_block {
    struct xsg_arena_block *next;
    size_t size; /* bytes of data */
    size_t used;
    _Alignas(max_align_t) unsigned char data[];
};

static void (*oom_handler)(size_t size);
static unsigned long fail_countdown;

void xsg_arena_on_oom(void (*handler)(size_t size))
{
    oom_handler = handler;
}

void xsg_arena_fail_at(unsigned long n)
{
    fail_countdown = n;
}

void xsg_out_of_memory(size_t size)
{
    if (oom_handler)
        oom_handler(size);
    fprintf(stderr, "out of memory (%zu bytes wanted)\n", size);
    abort();
}

static struct xsg_arena_block *new_block(size_t size)
{
    if (fail_countdown > 0 && --fail_countdown == 0)
        xsg_out_of_memory(size);
    if (size > PTRDIFF_MAX - sizeof(struct xsg_arena_block))
        xsg_out_of_memory(size);
    struct xsg_arena_block *block = malloc(sizeof *block + size);
    if (!block)
        xsg_out_of_memory(size);
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

/* Blocks double up to a limit, so that small arenas stay small and large ones need few blocks. */
static struct xsg_arena_block *add_block(struct xsg_arena *arena, size_t need)
{
    size_t size = arena->head ? arena->head->size * 2 : FIRST_BLOCK;
    if (size > LARGEST_BLOCK)
        size = LARGEST_BLOCK;
    if (need <= size / 4 || !arena->head) {
        struct xsg_arena_block *block = new_block(need > size ? need : size);
        block->next = arena->head;
        arena->head = block;
        return block;
    }
    /* A large piece gets a block of its own, behind the head whose rest stays in use. */
    struct xsg_arena_block *block = new_block(need);
    block->next = arena->head->next;
    arena->head->next = block;
    return block;
}

void *xsg_alloc(struct xsg_arena *arena, size_t n, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX - align)
        xsg_out_of_memory(SIZE_MAX);
    if (bytes == 0)
        bytes = 1; /* so that every piece has its own address */
    size_t rounded = (bytes + align - 1) & ~(align - 1);
    struct xsg_arena_block *block = arena->head;
    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    void *piece = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    return memset(piece, 0, rounded);
}

void *xsg_grow(struct xsg_arena *arena, void *old, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return old;
    size_t larger = *cap < 8 ? 8 : *cap > SIZE_MAX / 2 ? SIZE_MAX : *cap * 2;
    if (larger < need)
        larger = need;
    void *grown = xsg_alloc(arena, larger, size);
    if (old && *cap > 0)
        memcpy(grown, old, *cap * size);
    *cap = larger;
    return grown;
}

char *xsg_strndup(struct xsg_arena *arena, const char *s, size_t n)
{
    if (!s)
        return NULL;
    n = strnlen(s, n);
    char *copy = xsg_alloc(arena, n + 1, 1);
    memcpy(copy, s, n);
    return copy;
}

char *xsg_strdup(struct xsg_arena *arena, const char *s)
{
    return s ? xsg_strndup(arena, s, strlen(s)) : NULL;
}

char *xsg_printf(struct xsg_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    char *text = xsg_alloc(arena, (size_t)n + 1, 1);
    vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text;
}

void xsg_arena_release(struct xsg_arena *arena)
{
    struct xsg_arena_block *block = arena->head;
    while (block) {
        struct xsg_arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->head = NULL;
    arena->used = 0;
}
