/* Runs a fuzz target over files and folders, for tests without libFuzzer. Fails without any input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A block of exactly the input's size, so that a sanitizer sees each read beyond it. */
static int replay(const char *path)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    char *data;
    size_t n;
    if (xsg_read_file(&arena, path, (size_t)64 << 20, &data, &n, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        xsg_arena_release(&arena);
        return -1;
    }
    uint8_t *copy = malloc(n ? n : 1);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = (uint8_t)data[i];
    if (copy)
        LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    xsg_arena_release(&arena);
    return copy ? 0 : -1;
}

static int replay_folder(const char *folder, size_t *done)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    char **names;
    size_t n;
    int rc = xsg_list_dir(&arena, folder, &names, &n, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    for (size_t i = 0; rc == 0 && i < n; i++, (*done)++)
        rc = replay(xsg_path_join(&arena, folder, names[i]));
    xsg_arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    size_t done = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int rc = xsg_is_dir(argv[i]) ? replay_folder(argv[i], &done) : replay(argv[i]);
        if (rc)
            return 1;
        done += !xsg_is_dir(argv[i]);
    }
    printf("%zu inputs\n", done);
    return done > 0 ? 0 : 1;
}
