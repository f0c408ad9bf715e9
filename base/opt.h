/*
 * One option table per command gives parsing, help, the man page and shell completion.
 *
 * Accepted: --name=value, --name value, -n value, -nvalue, -qv (flags together), --no-name for
 * flags,
 * "--" ends options. The last of several values wins, except for lists and counts. -h and --help
 * are known without a table. Texts are ours, not foreign; they may contain UTF-8.
 */
#ifndef XSG_BASE_OPT_H
#define XSG_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum xsg_opt_type {
    XSG_OPT_END = 0,
    XSG_OPT_FLAG,   /* bool *      --name, --no-name */
    XSG_OPT_STRING, /* const char ** */
    XSG_OPT_LIST,   /* struct xsg_strings *   may be given several times; with choices: a,b,c too */
    XSG_OPT_INT,    /* int64_t *   non-negative */
    XSG_OPT_RATIO,  /* double *    5% or 0.05; a bare 5 is refused */
    XSG_OPT_SECONDS, /* double *    5m, 60s */
    XSG_OPT_COUNT    /* int *       -v -v */
};

struct xsg_strings {
    const char **item;
    size_t n, cap;
};

struct xsg_opt {
    enum xsg_opt_type type;
    char short_name;            /* or 0 */
    const char *name;           /* without "--" */
    const char *arg;            /* the argument's name in help: "REF"; NULL for flags */
    const char *help;           /* one line, no full stop */
    void *value;                /* where it goes */
    const char *const *choices; /* NULL-terminated list of allowed words, or NULL */
    const char *complete; /* what the argument is, for completion: "ref", "file", "dir", "target" */
};

/* What one command accepts and says about itself. */
struct xsg_opt_spec {
    const char *command;        /* "run" */
    const char *usage;          /* "run [--baseline REF] [TARGET...]" */
    const char *summary;        /* one line for the list of commands */
    const char *description;    /* paragraphs, "\n\n" between: help shows the first, man page all */
    const struct xsg_opt *opts; /* ends with XSG_OPT_END */
    const char *const *examples; /* pairs: command line, what it does; NULL-terminated */
    const char *complete; /* what positional arguments are: "ref", "file", "target", or NULL */
};

/*
 * Parses argv[1..argc); options and positional arguments may mix; "--" ends options; stop_at_word:
 * the first positional ends options too (for record CMD...). Positionals land in rest (arena).
 * XSG_EINVAL names the option and the nearest known one. *help is set by -h or --help.
 */
int xsg_opt_parse(struct xsg_arena *arena, const struct xsg_opt_spec *spec, int argc,
                  char *const *argv, bool stop_at_word, struct xsg_strings *rest, bool *help,
                  struct xsg_err *err);

void xsg_strings_add(struct xsg_arena *arena, struct xsg_strings *list, const char *item);

void xsg_opt_help(struct xsg_buf *out, const char *program, const struct xsg_opt_spec *spec);
/* One man page for the program and all its commands (man 7 groff_man macros). */
void xsg_opt_man(struct xsg_buf *out, const char *program, const char *version,
                 const struct xsg_opt_spec *global, const struct xsg_opt_spec *const *commands,
                 size_t n);
/* shell: "bash", "zsh", "fish". */
int xsg_opt_completion(struct xsg_buf *out, const char *program, const char *shell,
                       const struct xsg_opt_spec *global,
                       const struct xsg_opt_spec *const *commands, size_t n, struct xsg_err *err);

#endif
