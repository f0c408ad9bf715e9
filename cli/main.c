/* The program's entry: global options, dispatch, the one place that prints errors and exits. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/shield.h"
#include "base/str.h"
#include "cli/base.h"
#include "cli/cli.h"
#include "cli/selftest.h"

volatile int xsg_interrupted;

static struct {
    const char *directory, *config, *store, *color;
    bool quiet, version;
    int verbose;
} global;

static const char *const color_words[] = {"auto", "always", "never", NULL};

static const struct xsg_opt global_opts[] = {
    {XSG_OPT_STRING, 'C', "directory", "DIR", "work as if started in DIR", &global.directory, NULL,
     "dir"},
    {XSG_OPT_STRING, 0, "config", "FILE", "read this xsgate.yml (may lie outside the repository)",
     &global.config, NULL, "file"},
    {XSG_OPT_STRING, 0, "store", "PATH", "database to use instead of .xsgate/store.db",
     &global.store, NULL, "file"},
    {XSG_OPT_FLAG, 'q', "quiet", NULL, "warnings and results only", &global.quiet, NULL, NULL},
    {XSG_OPT_COUNT, 'v', "verbose", NULL, "say more about what is being done", &global.verbose,
     NULL, NULL},
    {XSG_OPT_STRING, 0, "color", "WHEN", "auto, always or never", &global.color, color_words, NULL},
    {XSG_OPT_FLAG, 'V', "version", NULL, "print the version", &global.version, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};

static const char *const global_examples[] = {
    "xsgate run --baseline main", "measure this branch against its merge base with main",
    "xsgate compare abc123", "what changed since commit abc123", NULL};

const struct xsg_opt_spec xsg_global_spec = {
    .command = NULL,
    .usage = "[-C DIR] [--config FILE] [--store PATH] [-q|-v] [--color WHEN] COMMAND ...",
    .summary = "names the function that got slower, and fails the build",
    .description =
        "xsgate measures two commits of a program side by side on this machine, compares every\n"
        "function with statistics that hold on noisy machines, and says which one got slower, by\n"
        "how much, and why.\n\n"
        "Exit status: 0 passed, 1 regressed, 2 usage or configuration, 3 could not judge,\n"
        "4 undecided (with --strict only).",
    .opts = global_opts,
    .examples = global_examples,
    .complete = NULL,
};

const struct xsg_command *const xsg_commands[] = {
    &xsg_cmd_init,   &xsg_cmd_run,        &xsg_cmd_compare, &xsg_cmd_show,     &xsg_cmd_history,
    &xsg_cmd_waive,  &xsg_cmd_bisect,     &xsg_cmd_report,  &xsg_cmd_badge,    &xsg_cmd_comment,
    &xsg_cmd_record, &xsg_cmd_store,      &xsg_cmd_doctor,  &xsg_cmd_selftest, &xsg_cmd_help,
    &xsg_cmd_man,    &xsg_cmd_completion,
};
const size_t xsg_n_commands = sizeof xsg_commands / sizeof xsg_commands[0];

const struct xsg_command *xsg_command_find(const char *name)
{
    for (size_t i = 0; i < xsg_n_commands; i++) {
        if (strcmp(xsg_commands[i]->spec->command, name) == 0)
            return xsg_commands[i];
    }
    return NULL;
}

static bool stdout_failed;

void xsg_cli_print(const char *text, size_t n)
{
    struct xsg_buf out = XSG_BUF_INIT;

    xsg_put_shielded(&out, text, n);
    xsg_cli_write(xsg_buf_str(&out), out.len);
    xsg_buf_release(&out);
}

void xsg_cli_write(const char *text, size_t n)
{
    /* SIGPIPE is ignored, so a closed pipe shows as EPIPE here: the verdict does not depend on who
     * reads it. A full disk behind stdout is said. */
    if (fwrite(text, 1, n, stdout) == n && fflush(stdout) == 0)
        return;
    if (errno != EPIPE) {
        xsg_warn("cannot write to standard output: %s", strerror(errno));
        stdout_failed = true;
    }
    clearerr(stdout);
}

static void on_signal(int number)
{
    xsg_interrupted = number;
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue; /* nohup */
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void out_of_memory(size_t size)
{
    xsg_progress_clear();
    fprintf(stderr, "xsgate: out of memory (%zu bytes could not be had); nothing was stored\n",
            size);
    _exit(XSG_EXIT_INVALID);
}

static int status_of(int code)
{
    switch (code) {
    case XSG_EINVAL:
    case XSG_ENOTFOUND:
        return XSG_EXIT_USAGE;
    case XSG_EINTR:
        return 128 + (xsg_interrupted ? xsg_interrupted : SIGINT);
    default:
        return code < 0 ? XSG_EXIT_INVALID : code;
    }
}

static void put_foreign(struct xsg_buf *out, const char *text)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        xsg_put_printable(out, line, n);
        line += n;
        if (*line) {
            xsg_buf_putc(out, '\n');
            line++;
        }
    }
    xsg_buf_putc(out, '\n');
}

static void print_error(const struct xsg_err *err)
{
    struct xsg_buf text = XSG_BUF_INIT, out = XSG_BUF_INIT;

    xsg_progress_clear();
    if (err->text[0]) {
        xsg_buf_puts(&text, "xsgate: ");
        put_foreign(&text, err->text);
    }
    if (err->hint[0])
        put_foreign(&text, err->hint);
    xsg_put_shielded(&out, xsg_buf_str(&text), text.len);
    fputs(xsg_buf_str(&out), stderr);
    xsg_buf_release(&out);
    xsg_buf_release(&text);
}

static const struct xsg_opt *find_global(char short_name)
{
    for (const struct xsg_opt *o = global_opts; o->type != XSG_OPT_END; o++) {
        if (o->short_name == short_name)
            return o;
    }
    return NULL;
}

/* "-vv", "-qv", "-Cdir", "-qC dir". A letter that is not ours makes the word the command's. */
static bool is_global_cluster(const char *letters, bool *takes_next)
{
    for (const char *c = letters; *c; c++) {
        const struct xsg_opt *o = find_global(*c);
        if (!o)
            return false;
        if (o->type == XSG_OPT_STRING) { /* the rest is its value */
            *takes_next = c[1] == '\0';
            return true;
        }
    }
    return *letters != '\0';
}

/* Is argument a global option, and does its value follow as the next argument? */
static bool is_global(const char *argument, bool *takes_next)
{
    *takes_next = false;
    if (argument[0] == '-' && argument[1] != '-')
        return is_global_cluster(argument + 1, takes_next);
    for (const struct xsg_opt *o = global_opts; o->type != XSG_OPT_END; o++) {
        size_t n = strlen(o->name);
        bool has_value = o->type == XSG_OPT_STRING;
        if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, o->name, n) != 0)
            continue;
        *takes_next = has_value && argument[2 + n] == '\0';
        if (argument[2 + n] == '\0' || (has_value && argument[2 + n] == '='))
            return true;
    }
    return false;
}

/*
 * Global options may stand behind the command as well: they are moved in front of it. What follows
 * "--", and the words of a command that takes another program's (record), are not ours to read.
 * Returns the index of the command's word.
 */
static int hoist_globals(struct xsg_cli *cli, int argc, char **argv)
{
    char **rest = XSG_NEW_ARRAY(cli->arena, char *, (size_t)argc);
    const struct xsg_command *command = NULL;
    int n = 1, n_rest = 0, i = 1;
    bool takes_next;

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_global(argv[i], &takes_next)) {
            argv[n++] = argv[i];
            if (takes_next && i + 1 < argc)
                argv[n++] = argv[++i];
            continue;
        }
        if (n_rest == 0 && argv[i][0] != '-')
            command = xsg_command_find(argv[i]);
        else if (n_rest > 0 && command && command->stop_at_word && argv[i][0] != '-')
            break;
        else if (n_rest == 0 && (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)) {
            argv[n++] = argv[i];
            continue;
        }
        rest[n_rest++] = argv[i];
    }
    while (i < argc)
        rest[n_rest++] = argv[i++];
    memcpy(argv + n, rest, (size_t)n_rest * sizeof *argv);
    return n;
}

static int apply_globals(struct xsg_cli *cli)
{
    if (global.color)
        xsg_color_set(global.color);
    xsg_log_set_level(global.quiet     ? XSG_LOG_QUIET
                      : global.verbose ? XSG_LOG_VERBOSE
                                       : XSG_LOG_NORMAL);
    /* --config and --store are relative to where the user stands, -C only moves the work. */
    if (global.config)
        cli->config = xsg_path_absolute(cli->arena, global.config);
    if (global.store)
        cli->store = xsg_path_absolute(cli->arena, global.store);
    if (global.directory && chdir(global.directory) != 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "cannot work in '%s': %s", global.directory,
                        strerror(errno));
    cli->directory = global.directory;
    return 0;
}

static int print_command_help(const struct xsg_opt_spec *spec)
{
    struct xsg_buf out = XSG_BUF_INIT;

    xsg_opt_help(&out, "xsgate", spec);
    xsg_cli_print(out.data, out.len);
    xsg_buf_release(&out);
    return XSG_EXIT_PASSED;
}

static int unknown_command(struct xsg_cli *cli, const char *name)
{
    const char *names[32];
    const char *nearest;
    size_t n = 0;

    for (; n < xsg_n_commands; n++)
        names[n] = xsg_commands[n]->spec->command;
    nearest = xsg_nearest(name, names, n);
    xsg_fail(&cli->err, XSG_EINVAL, "'%s' is not a command", name);
    if (nearest)
        return xsg_fail_hint(&cli->err, XSG_EINVAL, "did you mean 'xsgate %s'?", nearest);
    return xsg_fail_hint(&cli->err, XSG_EINVAL, "see 'xsgate help'");
}

static int run_command(struct xsg_cli *cli, int argc, char **argv)
{
    const struct xsg_command *command = xsg_command_find(argv[0]);
    struct xsg_strings words = {0};
    bool help = false;
    int rc;

    if (!command)
        return unknown_command(cli, argv[0]);
    rc = xsg_opt_parse(cli->arena, command->spec, argc, argv, command->stop_at_word, &words, &help,
                       &cli->err);
    if (rc != 0)
        return rc;
    if (help)
        return print_command_help(command->spec);
    rc = command->run(cli, &words);
    if (command->keeps_status)
        stdout_failed = false;
    return rc;
}

static int run_program(struct xsg_cli *cli, int argc, char **argv)
{
    int word = hoist_globals(cli, argc, argv);
    struct xsg_strings rest = {0};
    bool help = false;
    int rc = xsg_opt_parse(cli->arena, &xsg_global_spec, word, argv, true, &rest, &help, &cli->err);

    if (rc != 0)
        return rc;
    if (global.version) {
        xsg_cli_print("xsgate " XSG_VERSION "\n", strlen("xsgate " XSG_VERSION "\n"));
        return XSG_EXIT_PASSED;
    }
    rc = apply_globals(cli);
    if (rc != 0)
        return rc;
    if (help || word >= argc) {
        static char help_word[] = "help";
        char *help_argv[] = {help_word, NULL};
        int status = run_command(cli, 1, help_argv);
        return help ? status : XSG_EXIT_USAGE;
    }
    return run_command(cli, argc - word, argv + word);
}

int main(int argc, char **argv)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_cli cli = {.arena = &arena, .program = argc > 0 ? argv[0] : "xsgate"};
    int code;

    if (argc == 3 && strcmp(argv[1], XSG_SELFTEST_TARGET) == 0)
        return xsg_selftest_target(argv[2]);
    xsg_arena_on_oom(out_of_memory);
    xsg_forge_protect(xsg_base_getenv, NULL);
    xsg_proc_start_helper(NULL); /* first of all, while there is little to inherit; works without */
    install_handlers();
    code = run_program(&cli, argc, argv);
    xsg_progress_clear();
    /* A library whose system call was interrupted calls that a failure of its own. */
    if (code < 0 && code != XSG_EINTR && xsg_interrupted) {
        cli.err = (struct xsg_err){0};
        code = xsg_fail(&cli.err, XSG_EINTR, "interrupted");
    }
    if (code < 0)
        print_error(&cli.err);
    xsg_arena_release(&arena);
    return code == XSG_EXIT_PASSED && stdout_failed ? XSG_EXIT_INVALID : status_of(code);
}
