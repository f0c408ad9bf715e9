/* help, man, completion: what the option tables say, in three shapes. */
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"

static const struct xsg_opt no_opts[] = {{XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL}};

static size_t collect_specs(const struct xsg_opt_spec **specs)
{
    for (size_t i = 0; i < xsg_n_commands; i++)
        specs[i] = xsg_commands[i]->spec;
    return xsg_n_commands;
}

static int print(struct xsg_buf *out)
{
    xsg_cli_print(out->data, out->len);
    xsg_buf_release(out);
    return XSG_EXIT_PASSED;
}

/* -- help ----------------------------------------------------------------------------------------
 */

static int help_overview(void)
{
    struct xsg_buf out = XSG_BUF_INIT;

    xsg_buf_printf(&out, "xsgate %s: %s\n\nUsage: xsgate %s\n\nCommands:\n", XSG_VERSION,
                   xsg_global_spec.summary, xsg_global_spec.usage);
    for (size_t i = 0; i < xsg_n_commands; i++)
        xsg_buf_printf(&out, "  %-11s %s\n", xsg_commands[i]->spec->command,
                       xsg_commands[i]->spec->summary);
    xsg_buf_puts(&out, "\n'xsgate help COMMAND' tells more. First steps in a repository:\n"
                       "  xsgate init                  write xsgate.yml; edit its command line\n"
                       "  xsgate run --baseline main   measure this branch against main\n");
    return print(&out);
}

static int help_run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    const struct xsg_command *command;
    struct xsg_buf out = XSG_BUF_INIT;

    if (words->n == 0)
        return help_overview();
    command = xsg_command_find(words->item[0]);
    if (!command)
        return xsg_fail(&cli->err, XSG_EINVAL, "'%s' is not a command", words->item[0]);
    xsg_opt_help(&out, "xsgate", command->spec);
    return print(&out);
}

static const char *const help_examples[] = {"xsgate help run", "what run does and takes",
                                            "xsgate run --help", "the same", NULL};
static const struct xsg_opt_spec help_spec = {
    "help",        "help [COMMAND]", "explain a command", "Prints the help of a command.", no_opts,
    help_examples, "command"};
const struct xsg_command xsg_cmd_help = {.spec = &help_spec, .run = help_run};

/* -- man -----------------------------------------------------------------------------------------
 */

static int man_run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    const struct xsg_opt_spec *specs[32];
    size_t n = collect_specs(specs);
    struct xsg_buf out = XSG_BUF_INIT;

    (void)cli;
    (void)words;
    xsg_opt_man(&out, "xsgate", XSG_VERSION, &xsg_global_spec, specs, n);
    return print(&out);
}

static const char *const man_examples[] = {"xsgate man | man -l -", "read the manual page",
                                           "xsgate man > xsgate.1", "save it", NULL};
static const struct xsg_opt_spec man_spec = {
    "man",        "man", "print the manual page", "Prints the manual page in roff.", no_opts,
    man_examples, NULL};
const struct xsg_command xsg_cmd_man = {.spec = &man_spec, .run = man_run};

/* -- completion ----------------------------------------------------------------------------------
 */

static int completion_run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    const struct xsg_opt_spec *specs[32];
    size_t n = collect_specs(specs);
    struct xsg_buf out = XSG_BUF_INIT;
    int rc;

    if (words->n != 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "name one shell: bash, zsh or fish");
    rc = xsg_opt_completion(&out, "xsgate", words->item[0], &xsg_global_spec, specs, n, &cli->err);
    if (rc != 0) {
        xsg_buf_release(&out);
        return rc;
    }
    return print(&out);
}

static const char *const completion_examples[] = {
    "source <(xsgate completion bash)", "complete in this shell",
    "xsgate completion fish > ~/.config/fish/completions/xsgate.fish", "for good, in fish", NULL};
static const struct xsg_opt_spec completion_spec = {
    "completion",
    "completion SHELL",
    "print completion for bash, zsh or fish",
    "Prints a script that completes commands and options.",
    no_opts,
    completion_examples,
    NULL};
const struct xsg_command xsg_cmd_completion = {.spec = &completion_spec, .run = completion_run};
