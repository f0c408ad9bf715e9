/*
 * Completion for bash, zsh and fish: commands, options, words to choose from, and what the tables
 * say about arguments ("ref", "file", "dir", "target").
 */
#include <stdio.h>
#include <string.h>

#include "base/opt.h"

struct context {
    struct xsg_buf *out;
    const char *program;
    const struct xsg_opt_spec *global;
    const struct xsg_opt_spec *const *commands;
    size_t n;
};

/* Shell commands that list what an argument may be; quiet where there is nothing. */
#define LIST_REFS                                                                                  \
    "git for-each-ref --format=\"%(refname:short)\" refs/heads refs/remotes refs/tags 2>/dev/null"
#define LIST_TARGETS "sed -n \"s/^ *- *name: *//p\" xsgate.yml 2>/dev/null"

/* Between single quotes; a quote itself as '\''. also: characters that get a backslash. */
static void put_quoted(struct xsg_buf *out, const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            xsg_buf_puts(out, "'\\''");
        else if (strchr(also, *text))
            xsg_buf_printf(out, "\\%c", *text);
        else
            xsg_buf_putc(out, *text);
    }
}

static void put_choices(struct xsg_buf *out, const struct xsg_opt *opt)
{
    for (size_t i = 0; opt->choices[i]; i++)
        xsg_buf_printf(out, "%s%s", i ? " " : "", opt->choices[i]);
}

static bool takes_value(const struct xsg_opt *opt)
{
    return opt->type != XSG_OPT_FLAG && opt->type != XSG_OPT_COUNT;
}

static bool is_kind(const char *kind, const char *name)
{
    return kind && strcmp(kind, name) == 0;
}

/* ---- bash ----------------------------------------------------------------------------------- */

static void bash_kind(struct xsg_buf *out, const char *kind)
{
    if (is_kind(kind, "ref"))
        xsg_buf_puts(out, "COMPREPLY=($(compgen -W \"$(" LIST_REFS ")\" -- \"$cur\"))");
    else if (is_kind(kind, "target"))
        xsg_buf_puts(out, "COMPREPLY=($(compgen -W \"$(" LIST_TARGETS ")\" -- \"$cur\"))");
    else if (is_kind(kind, "dir"))
        xsg_buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
    else if (is_kind(kind, "file"))
        xsg_buf_puts(out, "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
    else
        xsg_buf_puts(out, ":"); /* nothing to offer */
}

/* Values: a case per option that takes one. */
static void bash_values(struct xsg_buf *out, const struct xsg_opt_spec *spec, const char *command)
{
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++) {
        if (!takes_value(opt))
            continue;
        xsg_buf_printf(out, "    '%s --%s'", command, opt->name);
        if (opt->short_name)
            xsg_buf_printf(out, "|'%s -%c'", command, opt->short_name);
        xsg_buf_puts(out, ") ");
        if (opt->choices) {
            xsg_buf_puts(out, "COMPREPLY=($(compgen -W '");
            put_choices(out, opt);
            xsg_buf_puts(out, "' -- \"$cur\"))");
        } else {
            bash_kind(out, opt->complete);
        }
        xsg_buf_puts(out, "; return 0 ;;\n");
    }
}

static void bash_names(struct xsg_buf *out, const struct xsg_opt_spec *spec)
{
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++)
        xsg_buf_printf(out, "--%s ", opt->name);
    xsg_buf_puts(out, "--help");
}

/* The shell words of the global options that take a value, to step over when looking for the
 * command. */
static void bash_skip(struct xsg_buf *out, const struct xsg_opt_spec *global)
{
    bool any = false;
    for (const struct xsg_opt *opt = global->opts; opt && opt->type; opt++) {
        if (!takes_value(opt))
            continue;
        xsg_buf_printf(out, "%s--%s", any ? "|" : "      ", opt->name);
        any = true;
        if (opt->short_name)
            xsg_buf_printf(out, "|-%c", opt->short_name);
    }
    if (any)
        xsg_buf_puts(out, ")\n        [[ ${COMP_WORDS[i + 1]} == '=' ]] && i=$((i + 1))\n"
                          "        i=$((i + 1)) ;;\n");
}

static void put_bash(const struct context *c)
{
    struct xsg_buf *out = c->out;
    xsg_buf_printf(out, "# bash completion for %s\n_%s() {\n", c->program, c->program);
    xsg_buf_puts(out, "  local cur=${COMP_WORDS[COMP_CWORD]} prev= cmd= i\n"
                      "  ((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                      "  COMPREPLY=()\n"
                      "  # --name=value arrives as three words\n"
                      "  if [[ $cur == '=' ]]; then\n    cur=\n"
                      "  elif [[ $prev == '=' ]]; then\n"
                      "    prev=${COMP_WORDS[COMP_CWORD - 2]}\n  fi\n"
                      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                      "    case ${COMP_WORDS[i]} in\n");
    bash_skip(out, c->global);
    xsg_buf_puts(out, "      -*|=) ;;\n      *) cmd=${COMP_WORDS[i]}; break ;;\n    esac\n  done\n"
                      "  case \"$cmd $prev\" in\n");
    bash_values(out, c->global, "");
    for (size_t i = 0; i < c->n; i++)
        bash_values(out, c->commands[i], c->commands[i]->command);
    xsg_buf_puts(out, "  esac\n  case $cmd in\n    '')\n      if [[ $cur == -* ]]; then\n"
                      "        COMPREPLY=($(compgen -W '");
    bash_names(out, c->global);
    xsg_buf_puts(out, "' -- \"$cur\"))\n      else\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < c->n; i++)
        xsg_buf_printf(out, "%s%s", i ? " " : "", c->commands[i]->command);
    xsg_buf_puts(out, "' -- \"$cur\"))\n      fi ;;\n");
    for (size_t i = 0; i < c->n; i++) {
        xsg_buf_printf(out,
                       "    %s)\n      if [[ $cur == -* ]]; then\n"
                       "        COMPREPLY=($(compgen -W '",
                       c->commands[i]->command);
        bash_names(out, c->commands[i]);
        xsg_buf_puts(out, "' -- \"$cur\"))\n      else\n        ");
        bash_kind(out, c->commands[i]->complete);
        xsg_buf_puts(out, "\n      fi ;;\n");
    }
    xsg_buf_printf(out, "  esac\n}\ncomplete -F _%s %s\n", c->program, c->program);
}

/* ---- zsh ------------------------------------------------------------------------------------ */

static const char *zsh_action(const char *kind)
{
    return is_kind(kind, "ref")      ? "_xsg_refs"
           : is_kind(kind, "target") ? "_xsg_targets"
           : is_kind(kind, "dir")    ? "_files -/"
           : is_kind(kind, "file")   ? "_files"
                                     : "";
}

static void zsh_option(struct xsg_buf *out, const struct xsg_opt *opt, const char *indent)
{
    const char *many = opt->type == XSG_OPT_LIST || opt->type == XSG_OPT_COUNT ? "*" : "";
    const char *equals = takes_value(opt) ? "=" : "";
    for (int form = opt->short_name ? 0 : 1; form < 2; form++) {
        xsg_buf_printf(out, "%s'%s", indent, many);
        if (form == 0)
            xsg_buf_printf(out, "-%c%s[", opt->short_name, takes_value(opt) ? "+" : "");
        else
            xsg_buf_printf(out, "--%s%s[", opt->name, equals);
        put_quoted(out, opt->help, "[]:\\");
        xsg_buf_puts(out, "]");
        if (takes_value(opt)) {
            xsg_buf_puts(out, ":");
            put_quoted(out, opt->arg ? opt->arg : "VALUE", ":\\");
            xsg_buf_puts(out, ":");
            if (opt->choices) {
                xsg_buf_puts(out, "(");
                put_choices(out, opt);
                xsg_buf_puts(out, ")");
            } else {
                xsg_buf_puts(out, zsh_action(opt->complete));
            }
        }
        xsg_buf_puts(out, "' \\\n");
    }
}

static void zsh_options(struct xsg_buf *out, const struct xsg_opt_spec *spec, const char *indent)
{
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++)
        zsh_option(out, opt, indent);
    xsg_buf_printf(out, "%s'(- *)'{-h,--help}'[help]' \\\n", indent);
}

static void put_zsh(const struct context *c)
{
    struct xsg_buf *out = c->out;
    xsg_buf_printf(out, "#compdef %s\n\n", c->program);
    xsg_buf_puts(out, "_xsg_refs() {\n  local -a refs\n  refs=(${(f)\"$(" LIST_REFS
                      ")\"})\n  compadd -a refs\n}\n\n"
                      "_xsg_targets() {\n  local -a targets\n  targets=(${(f)\"$(" LIST_TARGETS
                      ")\"})\n  compadd -a targets\n}\n\n");
    xsg_buf_printf(out, "_%s() {\n  local context state state_descr line\n", c->program);
    xsg_buf_puts(out, "  typeset -A opt_args\n  local -a commands\n  commands=(\n");
    for (size_t i = 0; i < c->n; i++) {
        xsg_buf_printf(out, "    '%s:", c->commands[i]->command);
        put_quoted(out, c->commands[i]->summary, ":\\");
        xsg_buf_puts(out, "'\n");
    }
    xsg_buf_puts(out, "  )\n  _arguments -C \\\n");
    zsh_options(out, c->global, "    ");
    xsg_buf_puts(out, "    '1:command:->command' \\\n    '*::argument:->argument' && return 0\n"
                      "  case $state in\n  command)\n    _describe command commands ;;\n"
                      "  argument)\n    case $words[1] in\n");
    for (size_t i = 0; i < c->n; i++) {
        xsg_buf_printf(out, "    %s)\n      _arguments \\\n", c->commands[i]->command);
        zsh_options(out, c->commands[i], "        ");
        const char *action = zsh_action(c->commands[i]->complete);
        xsg_buf_printf(out, "        '*:argument:%s' ;;\n", *action ? action : " ");
    }
    xsg_buf_printf(out, "    esac ;;\n  esac\n}\n\n_%s \"$@\"\n", c->program);
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void fish_kind(struct xsg_buf *out, const char *kind)
{
    if (is_kind(kind, "ref"))
        xsg_buf_puts(out, " -a '(" LIST_REFS ")'");
    else if (is_kind(kind, "target"))
        xsg_buf_puts(out, " -a '(" LIST_TARGETS ")'");
    else if (is_kind(kind, "dir"))
        xsg_buf_puts(out, " -a '(__fish_complete_directories)'");
    else if (is_kind(kind, "file"))
        xsg_buf_puts(out, " -F");
}

static void fish_option(const struct context *c, const struct xsg_opt *opt, const char *condition)
{
    struct xsg_buf *out = c->out;
    xsg_buf_printf(out, "complete -c %s -n '%s' -l %s", c->program, condition, opt->name);
    if (opt->short_name)
        xsg_buf_printf(out, " -s %c", opt->short_name);
    if (takes_value(opt))
        xsg_buf_puts(out, is_kind(opt->complete, "file") ? " -r" : " -x");
    xsg_buf_puts(out, " -d '");
    for (const char *p = opt->help; *p; p++)
        xsg_buf_printf(out, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    xsg_buf_puts(out, "'");
    if (opt->choices) {
        xsg_buf_puts(out, " -a '");
        put_choices(out, opt);
        xsg_buf_puts(out, "'");
    } else if (takes_value(opt)) {
        fish_kind(out, opt->complete);
    }
    xsg_buf_putc(out, '\n');
}

static void put_fish(const struct context *c)
{
    struct xsg_buf *out = c->out;
    char condition[256];
    xsg_buf_printf(out, "# fish completion for %s\ncomplete -c %s -f\n", c->program, c->program);
    xsg_buf_printf(out, "complete -c %s -s h -l help -d help\n", c->program);
    for (const struct xsg_opt *opt = c->global->opts; opt && opt->type; opt++)
        fish_option(c, opt, "__fish_use_subcommand");
    for (size_t i = 0; i < c->n; i++) {
        const struct xsg_opt_spec *spec = c->commands[i];
        xsg_buf_printf(out, "complete -c %s -n __fish_use_subcommand -a %s -d '", c->program,
                       spec->command);
        for (const char *p = spec->summary; *p; p++)
            xsg_buf_printf(out, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
        xsg_buf_puts(out, "'\n");
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", spec->command);
        for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++)
            fish_option(c, opt, condition);
        if (spec->complete) {
            xsg_buf_printf(out, "complete -c %s -n '%s'", c->program, condition);
            fish_kind(out, spec->complete);
            xsg_buf_putc(out, '\n');
        }
    }
}

int xsg_opt_completion(struct xsg_buf *out, const char *program, const char *shell,
                       const struct xsg_opt_spec *global,
                       const struct xsg_opt_spec *const *commands, size_t n, struct xsg_err *err)
{
    static const struct {
        const char *shell;
        void (*put)(const struct context *c);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    struct context c = {out, program, global, commands, n};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].put(&c);
            return XSG_OK;
        }
    }
    return xsg_fail(err, XSG_EINVAL, "unknown shell '%.40s'; known are bash, zsh and fish", shell);
}
