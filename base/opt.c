/* Parsing; the texts are made in opt_help.c, opt_man.c and opt_completion.c. */
#include "base/opt.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct parser {
    struct xsg_arena *arena;
    const struct xsg_opt_spec *spec;
    int argc;
    char *const *argv;
    int at; /* next argument */
    bool *help;
    struct xsg_err *err;
};

void xsg_strings_add(struct xsg_arena *arena, struct xsg_strings *list, const char *item)
{
    list->item = xsg_grow(arena, list->item, &list->cap, list->n + 1, sizeof *list->item);
    list->item[list->n++] = item;
}

static bool takes_value(const struct xsg_opt *opt)
{
    return opt->type != XSG_OPT_FLAG && opt->type != XSG_OPT_COUNT;
}

/* Words of the command line as they may be printed. */
static const char *shown(const struct parser *p, const char *word, size_t n)
{
    struct xsg_buf text = XSG_BUF_INIT;
    xsg_put_printable(&text, word, n);
    const char *copy = xsg_strdup(p->arena, xsg_buf_str(&text));
    xsg_buf_release(&text);
    return copy;
}

static int bad_value(const struct parser *p, const struct xsg_opt *opt, const char *value,
                     const char *expected)
{
    return xsg_fail(p->err, XSG_EINVAL, "--%s: expected %s, not '%s'", opt->name, expected,
                    shown(p, value, strlen(value)));
}

static int check_choice(const struct parser *p, const struct xsg_opt *opt, const char *value)
{
    if (!opt->choices)
        return XSG_OK;
    struct xsg_buf list = XSG_BUF_INIT;
    size_t n = 0;
    for (; opt->choices[n]; n++) {
        if (strcmp(opt->choices[n], value) == 0) {
            xsg_buf_release(&list);
            return XSG_OK;
        }
        xsg_buf_printf(&list, "%s%s", n ? ", " : "", opt->choices[n]);
    }
    const char *nearest = xsg_nearest(value, opt->choices, n);
    if (nearest)
        xsg_fail_hint(p->err, 0, "did you mean '%s'?", nearest);
    int rc = bad_value(p, opt, value, xsg_printf(p->arena, "one of %s", xsg_buf_str(&list)));
    xsg_buf_release(&list);
    return rc;
}

static int store_list(const struct parser *p, const struct xsg_opt *opt, const char *value)
{
    if (!opt->choices) {
        xsg_strings_add(p->arena, opt->value, value);
        return XSG_OK;
    }
    for (;;) {
        size_t n = strcspn(value, ",");
        const char *item = xsg_strndup(p->arena, value, n);
        int rc = check_choice(p, opt, item);
        if (rc)
            return rc;
        xsg_strings_add(p->arena, opt->value, item);
        if (value[n] == '\0')
            return XSG_OK;
        value += n + 1;
    }
}

static int store_ratio(const struct parser *p, const struct xsg_opt *opt, const char *value)
{
    double ratio;
    if (xsg_parse_ratio(value, &ratio) != 0)
        return bad_value(p, opt, value, "a share such as 5% or 0.05");
    if (ratio >= 1 && !strchr(value, '%'))
        return bad_value(p, opt, value, "a share below 1, or a percentage such as 5%");
    *(double *)opt->value = ratio;
    return XSG_OK;
}

static int store_value(const struct parser *p, const struct xsg_opt *opt, const char *value)
{
    switch (opt->type) {
    case XSG_OPT_STRING:
        *(const char **)opt->value = value;
        return check_choice(p, opt, value);
    case XSG_OPT_LIST:
        return store_list(p, opt, value);
    case XSG_OPT_INT:
        if (xsg_parse_int(value, 0, INT64_MAX, opt->value) != 0)
            return bad_value(p, opt, value, "a whole number");
        return XSG_OK;
    case XSG_OPT_RATIO:
        return store_ratio(p, opt, value);
    case XSG_OPT_SECONDS:
        if (xsg_parse_seconds(value, opt->value) != 0)
            return bad_value(p, opt, value, "a time such as 60s, 5m or 250ms");
        return XSG_OK;
    default:
        return XSG_OK;
    }
}

static void store_switch(const struct xsg_opt *opt, bool on)
{
    if (opt->type == XSG_OPT_COUNT)
        ++*(int *)opt->value;
    else
        *(bool *)opt->value = on;
}

/* The option named by name[0 .. n); *negated when it is "no-" and a flag's name. */
static const struct xsg_opt *find_long(const struct xsg_opt_spec *spec, const char *name, size_t n,
                                       bool *negated)
{
    *negated = false;
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++) {
        if (strlen(opt->name) == n && memcmp(opt->name, name, n) == 0)
            return opt;
    }
    for (const struct xsg_opt *opt = spec->opts; n > 3 && opt && opt->type; opt++) {
        if (opt->type == XSG_OPT_FLAG && memcmp(name, "no-", 3) == 0 &&
            strlen(opt->name) == n - 3 && memcmp(opt->name, name + 3, n - 3) == 0) {
            *negated = true;
            return opt;
        }
    }
    return NULL;
}

static int unknown_option(const struct parser *p, const char *name, size_t n)
{
    struct xsg_strings names = {0};
    for (const struct xsg_opt *opt = p->spec->opts; opt && opt->type; opt++)
        xsg_strings_add(p->arena, &names, opt->name);
    xsg_strings_add(p->arena, &names, "help");
    const char *word = xsg_strndup(p->arena, name, n);
    const char *nearest = xsg_nearest(word, names.item, names.n);
    const char *copy = shown(p, name, n);
    if (nearest)
        return xsg_fail(p->err, XSG_EINVAL, "unknown option '--%s'; did you mean '--%s'?", copy,
                        nearest);
    return xsg_fail(p->err, XSG_EINVAL, "unknown option '--%s'", copy);
}

/* The next argument as the option's value, unless it looks like an option: then one was forgotten.
 */
static int take_value(struct parser *p, const struct xsg_opt *opt, const char **value)
{
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
    if (!next || (next[0] == '-' && next[1] != '\0'))
        return xsg_fail(p->err, XSG_EINVAL, "--%s needs a value: --%s=%s", opt->name, opt->name,
                        opt->arg ? opt->arg : "VALUE");
    p->at++;
    *value = next;
    return XSG_OK;
}

static int parse_long(struct parser *p, const char *word)
{
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    const char *value = name[n] ? name + n + 1 : NULL;
    bool negated;
    const struct xsg_opt *opt = find_long(p->spec, name, n, &negated);
    if (!opt && !value && strcmp(name, "help") == 0) {
        *p->help = true;
        return XSG_OK;
    }
    if (!opt)
        return unknown_option(p, name, n);
    if (!takes_value(opt)) {
        if (value)
            return xsg_fail(p->err, XSG_EINVAL, "--%s takes no value", opt->name);
        store_switch(opt, !negated);
        return XSG_OK;
    }
    int rc = value ? XSG_OK : take_value(p, opt, &value);
    return rc ? rc : store_value(p, opt, value);
}

static const struct xsg_opt *find_short(const struct xsg_opt_spec *spec, char c)
{
    for (const struct xsg_opt *opt = spec->opts; opt && opt->type; opt++) {
        if (opt->short_name == c)
            return opt;
    }
    return NULL;
}

/* "-v", "-qv", "-C dir", "-Cdir". */
static int parse_short(struct parser *p, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        const struct xsg_opt *opt = find_short(p->spec, *c);
        if (!opt && *c == 'h') {
            *p->help = true;
            continue;
        }
        if (!opt)
            return xsg_fail(p->err, XSG_EINVAL, "unknown option '-%s'", shown(p, c, strnlen(c, 1)));
        if (!takes_value(opt)) {
            store_switch(opt, true);
            continue;
        }
        const char *value = c + 1;
        int rc = *value ? XSG_OK : take_value(p, opt, &value);
        return rc ? rc : store_value(p, opt, value);
    }
    return XSG_OK;
}

int xsg_opt_parse(struct xsg_arena *arena, const struct xsg_opt_spec *spec, int argc,
                  char *const *argv, bool stop_at_word, struct xsg_strings *rest, bool *help,
                  struct xsg_err *err)
{
    struct parser p = {.arena = arena,
                       .spec = spec,
                       .argc = argc,
                       .argv = argv,
                       .at = 1,
                       .help = help,
                       .err = err};
    *help = false;
    bool only_words = false;
    while (p.at < argc) {
        const char *word = argv[p.at++];
        int rc = XSG_OK;
        if (only_words || word[0] != '-' || word[1] == '\0') {
            xsg_strings_add(arena, rest, word);
            only_words = only_words || stop_at_word;
        } else if (strcmp(word, "--") == 0) {
            only_words = true;
        } else {
            rc = word[1] == '-' ? parse_long(&p, word) : parse_short(&p, word);
        }
        /* Who asks for help gets it, whatever else the line says. */
        if (*help)
            return XSG_OK;
        if (rc)
            return rc;
    }
    return XSG_OK;
}
