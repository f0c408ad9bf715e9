#include "profiler/code.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "profiler/code_parts.h"

struct xsg_code_cache {
    struct xsg_arena arena;
    struct xsg_map files;    /* size, time, path and root -> struct xsg_code_file, or none */
    struct xsg_map programs; /* list of files -> struct xsg_code_program */
};

static const char unreadable; /* a file that cannot be read is not tried again */

struct xsg_code_cache *xsg_code_open(void)
{
    struct xsg_code_cache *code = calloc(1, sizeof *code);
    if (!code)
        xsg_out_of_memory(sizeof *code);
    xsg_map_init(&code->files, &code->arena);
    xsg_map_init(&code->programs, &code->arena);
    return code;
}

void xsg_code_close(struct xsg_code_cache *code)
{
    if (!code)
        return;
    for (size_t i = 0; i < code->files.n; i++)
        if (code->files.entries[i].value != &unreadable)
            xsg__code_file_close(code->files.entries[i].value);
    xsg_arena_release(&code->arena);
    free(code);
}

static struct xsg_code_file *file_of(struct xsg_code_cache *code, const char *root,
                                     const char *path)
{
    struct stat st;
    if (!path || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    const struct {
        int64_t device, inode, size, seconds, nanoseconds;
    } state = {(int64_t)st.st_dev, (int64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec,
               st.st_mtim.tv_nsec};
    struct xsg_buf key = XSG_BUF_INIT;
    bool is_new;
    xsg_buf_put(&key, &state, sizeof state);
    xsg_buf_put(&key, path, strlen(path) + 1);
    xsg_buf_puts(&key, root);
    void **place = xsg_map_put(&code->files, key.data, key.len, &is_new);
    xsg_buf_release(&key);
    if (is_new) {
        struct xsg_code_file *file = XSG_NEW(&code->arena, struct xsg_code_file);
        bool loaded = xsg__code_file_load(file, &code->arena, path, root);
        if (!loaded)
            xsg__code_file_close(file);
        *place = loaded ? (void *)file : (void *)(uintptr_t)&unreadable;
    }
    return *place == &unreadable ? NULL : *place;
}

static int compare_pointers(const void *a, const void *b)
{
    const void *x = *(void *const *)a, *y = *(void *const *)b;
    return (x > y) - (x < y);
}

struct xsg_code_program *xsg_code_program(struct xsg_code_cache *code, const char *root,
                                          const char *const *paths, size_t n)
{
    struct xsg_code_file **files = XSG_NEW_ARRAY(&code->arena, struct xsg_code_file *, n + 1);
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if ((files[found] = file_of(code, root ? root : "", paths[i])))
            found++;
    if (found)
        qsort(files, found, sizeof *files, compare_pointers);
    size_t unique = 0;
    for (size_t i = 0; i < found; i++)
        if (unique == 0 || files[unique - 1] != files[i])
            files[unique++] = files[i];
    files[unique] = found < n ? (struct xsg_code_file *)1 : NULL; /* a part of the key */
    void **place = xsg_map_put(&code->programs, files, (unique + 1) * sizeof *files, NULL);
    if (!*place) {
        struct xsg_code_program *program = XSG_NEW(&code->arena, struct xsg_code_program);
        program->arena = &code->arena;
        program->files = files;
        program->n_files = unique;
        program->whole = found == n;
        xsg_map_init(&program->nodes, &code->arena);
        xsg_map_init(&program->exports, &code->arena);
        xsg_map_init(&program->deep_groups, &code->arena);
        *place = program;
    }
    return *place;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t xsg__code_mix_set(uint64_t hash, uint64_t *numbers, size_t n)
{
    if (n)
        qsort(numbers, n, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || numbers[i] != numbers[i - 1])
            hash = xsg__code_mix(hash, numbers[i]);
    return hash;
}

uint64_t xsg_code_binary(struct xsg_code_program *program)
{
    if (!program->whole || program->n_files == 0)
        return 0;
    if (!program->binary) {
        uint64_t *each = XSG_NEW_ARRAY(program->arena, uint64_t, program->n_files);
        for (size_t i = 0; i < program->n_files; i++)
            each[i] = xsg__code_file_binary(program->files[i]);
        program->binary = xsg__code_mix_set(3, each, program->n_files);
        if (!program->binary)
            program->binary = 1;
    }
    return program->binary;
}
