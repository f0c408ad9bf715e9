/*
 * What xsgate makes of a program under callgrind, for counts.py:
 *
 *   list_counts command FOLDER COMMAND...   the command line of a counted run, a word per line
 *   list_counts raw FILE                    "SELF<tab>TOTAL<tab>NAME" as the file names functions,
 *                                           then "CALLER<tab>calls<tab>CALLEE"
 *   list_counts counts FOLDER ROOT "SELF<tab>TOTAL<tab>CALLS<tab>SYSCALLS<tab>NAME<tab>FILE"
 */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "harness/counts.h"
#include "profiler/source/callgrind.h"

static int print_command(struct xsg_arena *arena, char **words)
{
    const char *const *argv =
        xsg_counts_argv(arena, (const char *const *)(uintptr_t)(words + 1), words[0]);
    for (; *argv; argv++)
        puts(*argv);
    return 0;
}

static const char *name_of(const struct xsg_callgrind *file, uint32_t function)
{
    const char *name = file->functions[function].name;
    return name ? name : "[unknown]";
}

/* Without a symboliser: what is compared with callgrind_annotate are callgrind's own functions. */
static int print_raw(struct xsg_arena *arena, const char *path, struct xsg_err *err)
{
    struct xsg_callgrind_sum *sum = xsg_callgrind_sum_open(arena);
    struct xsg_callgrind file;
    struct xsg_counts counts;
    char *data;
    size_t n;
    int rc = xsg_read_file(arena, path, (size_t)1 << 30, &data, &n, err);
    if (rc == 0)
        rc = xsg_callgrind_parse(arena, data, n, &file, err);
    if (rc)
        return rc;
    xsg_callgrind_sum_add(sum, &file, NULL);
    xsg_callgrind_sum_finish(sum, &counts);
    for (size_t i = 0; i < counts.n_functions; i++)
        printf("%.0f\t%.0f\t%s\n", counts.functions[i].instructions, counts.functions[i].total,
               counts.functions[i].function.name);
    for (size_t i = 0; i < file.n_calls; i++)
        printf("%s\tcalls\t%s\n", name_of(&file, file.calls[i].caller),
               name_of(&file, file.calls[i].callee));
    return 0;
}

static int print_counts(struct xsg_arena *arena, const char *folder, const char *root,
                        struct xsg_err *err)
{
    struct xsg_counts counts;
    int rc = xsg_callgrind_read(arena, folder, root, &counts, err);
    for (size_t i = 0; rc == 0 && i < counts.n_functions; i++) {
        const struct xsg_counts_function *f = &counts.functions[i];
        printf("%.0f\t%.0f\t%.0f\t%.0f\t%s\t%s\n", f->instructions, f->total, f->calls, f->syscalls,
               f->function.name, f->function.file ? f->function.file : "");
    }
    return rc;
}

int main(int argc, char **argv)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    int rc = 2;
    if (argc > 3 && strcmp(argv[1], "command") == 0)
        rc = print_command(&arena, argv + 2);
    else if (argc == 3 && strcmp(argv[1], "raw") == 0)
        rc = print_raw(&arena, argv[2], &err);
    else if (argc == 4 && strcmp(argv[1], "counts") == 0)
        rc = print_counts(&arena, argv[2], argv[3], &err);
    if (rc)
        fprintf(stderr, "list_counts: %s\n", err.text[0] ? err.text : "see its head for its use");
    xsg_arena_release(&arena);
    return rc ? 1 : 0;
}
