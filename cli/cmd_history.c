/* history: the course of functions over the commits of a branch, and where it changed. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/history.h"
#include "cli/output.h"

#define VALUES_LIMIT ((size_t)16 << 20)
#define TABLE_SHARE                                                                                \
    0.005 /* functions below this part of their target are not looked at unasked                   \
           */

static struct {
    const char *target, *metric, *since, *format, *file, *values;
    double threshold;
} o = {.metric = "time", .format = "text"};

struct list {
    struct xsg_report_trend *item;
    size_t n, cap;
};

static struct xsg_report_trend *add(struct xsg_cli *cli, struct list *list)
{
    list->item = xsg_grow(cli->arena, list->item, &list->cap, list->n + 1, sizeof *list->item);
    list->item[list->n] = (struct xsg_report_trend){0};
    return &list->item[list->n];
}

/* "time" of a target is stored as what it is: CPU time, or elapsed time for one that waits. */
static int read_one(struct xsg_history *h, struct list *list, const char *target,
                    const char *function, const char *file)
{
    static const char *const kinds[] = {"cpu", "wall"};
    struct xsg_trend_query query = {
        .target = target, .function = function, .file = file, .metric = o.metric};
    struct xsg_report_trend *trend = add(h->cli, list);
    int rc = xsg_history_read(h, &query, trend);
    for (int i = 0; i < 2 && rc == 0 && !trend->n_points && !function; i++) {
        if (strcmp(o.metric, "time") != 0)
            break;
        query.metric = kinds[i];
        rc = xsg_history_read(h, &query, trend);
    }
    if (rc == 0 && trend->n_points > 0)
        list->n++;
    return rc;
}

/* ---- one function ---------------------------------------------------------------------------- */

static int not_found(struct xsg_history *h, const char *function)
{
    struct xsg_cli *cli = h->cli;
    const char **names, *nearest;
    size_t n;
    int rc = xsg_trend_functions(h->store, cli->arena, &names, &n, &cli->err);
    if (rc != 0)
        return rc;
    nearest = xsg_nearest(function, names, n);
    rc = xsg_fail(&cli->err, XSG_ENOTFOUND,
                  "no stored run of this branch has %s of a function '%s'%s%s", o.metric, function,
                  o.target ? " in target " : "", o.target ? o.target : "");
    return nearest ? xsg_fail_hint(&cli->err, rc, "did you mean '%s'?", nearest) : rc;
}

/* A name as it is stored, or a C++ name without its arguments, or a glob. */
static bool is_meant(const char *asked, const char *name)
{
    size_t n = strlen(asked);
    return strcmp(asked, name) == 0 || (strncmp(asked, name, n) == 0 && name[n] == '(') ||
           (strpbrk(asked, "*?") && xsg_glob(asked, name));
}

static int read_named(struct xsg_history *h, struct list *list, const struct xsg_run *newest,
                      const char *function)
{
    const char **names;
    size_t n;
    int rc = xsg_trend_functions(h->store, h->cli->arena, &names, &n, &h->cli->err);
    for (size_t t = 0; rc == 0 && t < newest->n_targets; t++) {
        const char *target = newest->targets[t].name;
        if (o.target && strcmp(o.target, target) != 0)
            continue;
        for (size_t i = 0; rc == 0 && i < n; i++) {
            if (is_meant(function, names[i]))
                rc = read_one(h, list, target, names[i], NULL);
        }
    }
    return rc == 0 && list->n == 0 ? not_found(h, function) : rc;
}

/* ---- all that matter ------------------------------------------------------------------------- */

static double mean_of(const struct xsg_series *s)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!isnan(s->values[i])) {
            sum += s->values[i];
            n++;
        }
    }
    return n ? sum / (double)n : 0;
}

static double total_of(const struct xsg_run *run, const char *target)
{
    double total = 0;
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *s = &run->series[i];
        if (s->function.name && strcmp(s->target, target) == 0 && strcmp(s->metric, "time") == 0)
            total += mean_of(s);
    }
    return total;
}

static int read_target(struct xsg_history *h, struct list *list, const struct xsg_run *newest,
                       const char *target)
{
    double total = total_of(newest, target);
    int rc = read_one(h, list, target, NULL, NULL);
    for (size_t i = 0; rc == 0 && i < newest->n_series; i++) {
        const struct xsg_series *s = &newest->series[i];
        if (s->function.name && strcmp(s->target, target) == 0 && strcmp(s->metric, "time") == 0 &&
            mean_of(s) >= TABLE_SHARE * total)
            rc = read_one(h, list, target, s->function.name, s->function.file);
    }
    return rc;
}

static double newest_change(const struct xsg_report_trend *t)
{
    return t->n_changes ? (double)t->points[t->changes[t->n_changes - 1].at].position : -1;
}

static double size_of(const struct xsg_report_trend *t)
{
    if (!t->n_changes)
        return 0;
    double ratio = t->changes[t->n_changes - 1].ratio;
    return isnan(ratio) ? (double)INFINITY : fabs(log(ratio));
}

static int newest_first(const void *a, const void *b)
{
    double x = newest_change(a), y = newest_change(b);
    if (x == y) {
        x = size_of(a);
        y = size_of(b);
    }
    return x < y ? 1 : x > y ? -1 : 0;
}

static int read_all(struct xsg_history *h, struct list *list, const struct xsg_run *newest)
{
    int rc = 0;
    for (size_t t = 0; rc == 0 && t < newest->n_targets; t++) {
        if (!o.target || strcmp(o.target, newest->targets[t].name) == 0)
            rc = read_target(h, list, newest, newest->targets[t].name);
    }
    if (rc == 0 && list->n > 1)
        qsort(list->item, list->n, sizeof *list->item, newest_first);
    return rc;
}

/* ---- a series from a file -------------------------------------------------------------------- */

static int parse_values(struct xsg_cli *cli, char *text, struct xsg_change_point *points, size_t *n)
{
    size_t line = 0;
    *n = 0;
    for (char *at = text, *end; at && *at; at = end) {
        end = strchr(at, '\n');
        if (end)
            *end++ = '\0';
        line++;
        while (isspace((unsigned char)*at))
            at++;
        if (!*at || *at == '#')
            continue;
        char *rest;
        double value = strtod(at, &rest);
        if (rest == at || isinf(value))
            return xsg_fail(&cli->err, XSG_EINVAL, "%s:%zu: expected a number", o.values, line);
        char *after = rest + strspn(rest, " \t,;");
        long environment = strtol(after, &rest, 10);
        if (*after && (rest == after || environment < 0 || rest[strspn(rest, " \t\r")]))
            return xsg_fail(&cli->err, XSG_EINVAL,
                            "%s:%zu: expected the number of an environment after the value",
                            o.values, line);
        points[(*n)++] = (struct xsg_change_point){value, (double)NAN, (size_t)environment};
    }
    return 0;
}

static void tell_values(struct xsg_cli *cli, const struct xsg_change_point *points, size_t n,
                        struct xsg_report_trend *trend)
{
    struct xsg_change_options options = {.min_effect = o.threshold};
    *trend = (struct xsg_report_trend){.target = o.values, .metric = "time", .unit = ""};
    trend->points = XSG_NEW_ARRAY(cli->arena, struct xsg_report_point, n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t e = points[i].environment;
        trend->points[i] =
            (struct xsg_report_point){.oid = xsg_printf(cli->arena, "point %zu", i + 1),
                                      .position = i,
                                      .value = points[i].value,
                                      .environment = e};
        trend->n_environments = e >= trend->n_environments ? e + 1 : trend->n_environments;
    }
    trend->n_points = n;
    trend->environments = XSG_NEW_ARRAY(cli->arena, const char *, trend->n_environments + 1);
    for (size_t e = 0; e < trend->n_environments; e++)
        trend->environments[e] = xsg_printf(cli->arena, "environment %zu", e);
    xsg_history_find_changes(cli->arena, points, n, &options, trend);
}

static int read_values(struct xsg_cli *cli, struct list *list)
{
    char *text = NULL;
    size_t n = 0, lines = 1;
    int rc = xsg_read_file(cli->arena, o.values, VALUES_LIMIT, &text, &n, &cli->err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    struct xsg_change_point *points = XSG_NEW_ARRAY(cli->arena, struct xsg_change_point, lines);
    rc = parse_values(cli, text, points, &n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (points[i].environment >= 1000)
            rc = xsg_fail(&cli->err, XSG_EINVAL, "%s: environments are numbers below 1000",
                          o.values);
    }
    if (rc == 0 && n > 10000)
        rc =
            xsg_fail(&cli->err, XSG_EINVAL, "%s: %zu values; at most 10000 are taken", o.values, n);
    if (rc == 0)
        tell_values(cli, points, n, add(cli, list));
    list->n = 1;
    return rc;
}

/* ---- output ---------------------------------------------------------------------------------- */

static bool is_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static int write_out(struct xsg_cli *cli, const struct list *list, bool one)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_trend_options options = {.columns = xsg_terminal_columns(STDOUT_FILENO, 100),
                                               .color = !o.file && xsg_color_for(STDOUT_FILENO),
                                               .unicode = is_unicode()};
    if (strcmp(o.format, "json") == 0)
        xsg_report_trend_json(&out, list->item, list->n);
    else if (strcmp(o.format, "html") == 0)
        xsg_report_trend_html(&out, list->item, list->n);
    else if (strcmp(o.format, "svg") == 0)
        xsg_report_trend_svg(&out, &list->item[0]);
    else if (!one)
        xsg_report_trend_table(&out, list->item, list->n, &options);
    for (size_t i = 0; i < list->n && one && strcmp(o.format, "text") == 0; i++) {
        xsg_buf_puts(&out, i ? "\n" : "");
        xsg_report_trend_text(&out, &list->item[i], &options);
    }
    return xsg_output_put(cli, o.file, &out);
}

static int check_options(struct xsg_cli *cli, const struct xsg_strings *words)
{
    if (words->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "history takes one function, or none");
    if (o.values && words->n)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "--values takes the series from a file: no function");
    if (strcmp(o.format, "svg") == 0 && !words->n && !o.values)
        return xsg_fail(&cli->err, XSG_EINVAL, "--format svg draws one function: name it");
    return 0;
}

static int read_store(struct xsg_cli *cli, struct list *list, const char *function)
{
    struct xsg_project project = {0};
    struct xsg_history history;
    struct xsg_run newest = {0};
    int rc = xsg_project_open(&project, cli, XSG_NEED_STORE_EXISTS);
    if (rc == 0)
        rc = xsg_history_open(&history, cli, &project, o.since);
    if (rc == 0) {
        history.change.min_effect = o.threshold;
        rc = xsg_history_newest(&history, o.target, &newest);
    }
    if (rc == 0)
        rc = function ? read_named(&history, list, &newest, function)
                      : read_all(&history, list, &newest);
    xsg_project_close(&project);
    return rc;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct list list = {0};
    const char *function = words->n ? words->item[0] : NULL;
    int rc = check_options(cli, words);
    if (rc == 0)
        rc = o.values ? read_values(cli, &list) : read_store(cli, &list, function);
    if (rc == 0)
        rc = write_out(cli, &list, function || o.values);
    return rc;
}

static const char *const formats[] = {"text", "svg", "html", "json", NULL};
static const struct xsg_opt opts[] = {
    {XSG_OPT_STRING, 0, "target", "NAME", "only this target", &o.target, NULL, "target"},
    {XSG_OPT_STRING, 'm', "metric", "NAME", "what to follow; default: time", &o.metric, NULL,
     "metric"},
    {XSG_OPT_STRING, 0, "since", "REV", "only commits from this one on", &o.since, NULL, "ref"},
    {XSG_OPT_RATIO, 't', "threshold", "PERCENT", "smallest change that is told; default 0.5%",
     &o.threshold, NULL, NULL},
    {XSG_OPT_STRING, 'f', "format", "FORMAT", "text, svg, html, json", &o.format, formats, NULL},
    {XSG_OPT_STRING, 'o', "output", "FILE", "write there instead of the terminal", &o.file, NULL,
     "file"},
    {XSG_OPT_STRING, 0, "values", "FILE", "find changes in a series of numbers, one a line",
     &o.values, NULL, "file"},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate history", "what changed last, and where",
                                       "xsgate history parse_number -f html -o history.html",
                                       "one function's course as a page", NULL};
static const struct xsg_opt_spec spec = {
    "history",
    "history [FUNCTION]",
    "the course of functions over the commits, and where it changed",
    "Follows stored runs along the first parents of HEAD. Without a function: the newest change\n"
    "of every target and function that matters. Other machines are series of their own.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_history = {.spec = &spec, .run = run};
