/*
 * The program: global options, what every command is handed, and how a command looks.
 *
 * A command is a struct at the head of its cmd_NAME.c. Its options land in a static struct of that
 * file, so that help, man page and completion can read the table without running anything.
 */
#ifndef XSG_CLI_CLI_H
#define XSG_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/opt.h"

/* Process statuses (contract). */
enum xsg_exit {
    XSG_EXIT_PASSED = 0,
    XSG_EXIT_REGRESSED = 1,
    XSG_EXIT_USAGE = 2,
    XSG_EXIT_INVALID = 3,
    XSG_EXIT_UNDECIDED = 4
};

struct xsg_cli {
    struct xsg_arena *arena;
    const char *program;   /* argv[0] */
    const char *directory; /* -C: where we are, after chdir; NULL when not given */
    const char *config;    /* --config, absolute; NULL: search */
    const char *store;     /* --store, absolute; NULL: below the repository's root */
    struct xsg_err err;    /* a failing command leaves its sentence here */
};

struct xsg_command {
    const struct xsg_opt_spec *spec;
    bool stop_at_word; /* the first word ends the options (record) */
    /* Returns the process's status; negative enum xsg_status means: print cli->err. */
    int (*run)(struct xsg_cli *cli, const struct xsg_strings *words);
    bool keeps_status; /* it is a verdict, or about more than standard output: see xsg_cli_print */
};

/* All commands in the order of help. */
extern const struct xsg_command *const xsg_commands[];
extern const size_t xsg_n_commands;
extern const struct xsg_opt_spec xsg_global_spec;
const struct xsg_command *xsg_command_find(const char *name);

/* The signal that asked us to stop, 0 while none did. Set by main's handler only. */
extern volatile int xsg_interrupted;

/* Writes to stdout whole; a reader that went away is no failure of ours. Print is for people: in a
 * CI log foreign text in it commands nothing (base/shield.h). Write is for programs. Where stdout
 * could not be written, a command that would have ended well ends with XSG_EXIT_INVALID, unless it
 * keeps_status. */
void xsg_cli_print(const char *text, size_t n);
void xsg_cli_write(const char *text, size_t n);

extern const struct xsg_command xsg_cmd_init, xsg_cmd_run, xsg_cmd_compare, xsg_cmd_show,
    xsg_cmd_history, xsg_cmd_waive, xsg_cmd_bisect, xsg_cmd_report, xsg_cmd_badge, xsg_cmd_comment,
    xsg_cmd_record, xsg_cmd_store, xsg_cmd_doctor, xsg_cmd_selftest, xsg_cmd_help, xsg_cmd_man,
    xsg_cmd_completion;

#endif
