/* The files of a counted run -> counts. */
#include "profiler/source/callgrind.h"

#include <string.h>

#include "base/fs.h"

#define MAX_FILE ((size_t)1 << 30)
static const char prefix[] = "callgrind.out.";

static int add_file(struct xsg_callgrind_sum *sum, const char *path,
                    struct xsg_symboliser *symboliser, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_callgrind file;
    char *data;
    size_t n;
    int rc = xsg_read_file(&scratch, path, MAX_FILE, &data, &n, err);
    if (rc == 0) {
        rc = xsg_callgrind_parse(&scratch, data, n, &file, err);
        if (rc)
            xsg_err_prefix(err, "%s", xsg_path_base(path));
    }
    if (rc == 0)
        xsg_callgrind_sum_add(sum, &file, symboliser);
    xsg_arena_release(&scratch);
    return rc;
}

int xsg_callgrind_read(struct xsg_arena *arena, const char *folder, const char *root,
                       struct xsg_counts *counts, struct xsg_err *err)
{
    struct xsg_callgrind_sum *sum = xsg_callgrind_sum_open(arena);
    struct xsg_symboliser *symboliser = NULL;
    char **names;
    size_t n, n_read = 0;
    int rc = xsg_list_dir(arena, folder, &names, &n, err);
    if (rc == 0)
        rc = xsg_symboliser_open(&symboliser, arena, root, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) != 0)
            continue;
        rc = add_file(sum, xsg_path_join(arena, folder, names[i]), symboliser, err);
        n_read++;
    }
    if (rc == 0 && n_read == 0)
        rc = xsg_fail(err, XSG_ENOTFOUND, "callgrind left no counts");
    if (rc == 0)
        xsg_callgrind_sum_finish(sum, counts);
    xsg_symboliser_close(symboliser);
    return rc;
}
