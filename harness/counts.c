/* The command of a counted run, and what came of it. */
#include "harness/counts.h"

#include <string.h>

#include "base/buf.h"
#include "base/opt.h"
#include "harness/launch_failure.h"
#include "profiler/source/callgrind.h"

/*
 * With addresses, for the symboliser; without lines, which it knows better. Names stay as they are
 * in the object files, recursions are not told apart by them, and a function's calls of itself are
 * counted. Children count, as they do in the target's CPU time. No file but ours is written or
 * read.
 */
static const char *const callgrind[] = {
    "valgrind",
    "--command-line-only=yes",
    "--tool=callgrind",
    "-q",
    "--run-libc-freeres=no",
    "--run-cxx-freeres=no",
    "--vgdb=no",
    "--trace-children=yes",
    "--dump-instr=yes",
    "--dump-line=no",
    "--demangle=no",
    "--separate-recs=1",
    "--skip-direct-rec=no",
    "--collect-systime=nsec",
};

/* A percent sign begins a format in valgrind's names of files. */
static const char *out_file(struct xsg_arena *arena, const char *folder)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *result;

    xsg_buf_puts(&out, "--callgrind-out-file=");
    for (const char *p = folder; *p; p++) {
        if (*p == '%')
            xsg_buf_putc(&out, '%');
        xsg_buf_putc(&out, *p);
    }
    xsg_buf_puts(&out, "/callgrind.out.%p");
    result = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return result;
}

const char *const *xsg_counts_argv(struct xsg_arena *arena, const char *const *argv,
                                   const char *folder)
{
    struct xsg_strings words = {0};

    for (size_t i = 0; i < sizeof callgrind / sizeof callgrind[0]; i++)
        xsg_strings_add(arena, &words, callgrind[i]);
    xsg_strings_add(arena, &words, out_file(arena, folder));
    xsg_strings_add(arena, &words, "--");
    for (; *argv; argv++)
        xsg_strings_add(arena, &words, *argv);
    xsg_strings_add(arena, &words, NULL);
    return words.item;
}

void xsg_counts_judge(struct xsg_arena *arena, const struct xsg_launch *launch, const char *folder,
                      struct xsg_invocation *out)
{
    struct xsg_err err = {0};

    if (out->failure) {
        out->failure = xsg_printf(arena, "under callgrind it %s", out->failure);
        if (out->proc.timed_out)
            out->hint = "callgrind is up to 70 times slower than the program: give the target less "
                        "to do, or raise its 'timeout:'";
        else if (out->output && strstr(out->output, "unhandled instruction"))
            out->hint = "valgrind does not know an instruction of it: build it for an older "
                        "processor (without -march=native), or take 'instructions' out of "
                        "'profile:'";
        return;
    }
    if (xsg_callgrind_read(arena, folder, launch->root, &out->counts, &err) == 0)
        return;
    out->failure = xsg_printf(arena, "its instructions could not be counted: %s", err.text);
    out->hint = "a set-uid program cannot be counted, nor one that ends by _exit in a library";
}

void xsg_counts_not_started(struct xsg_arena *arena, const struct xsg_err *why,
                            struct xsg_invocation *out)
{
    out->failure = xsg_printf(arena, "instructions are counted by valgrind: %s", why->text);
    out->hint = "install the package 'valgrind', or take 'instructions' out of 'profile:'";
}
