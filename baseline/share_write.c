/* A run as one line of JSON: what history needs, and not more. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/stats.h"
#include "baseline/share.h"

/* A function of a target with the place of its series. Targets as wholes have no name. */
struct entry {
    const struct xsg_function *function;
    double weight; /* its time; infinite for what is never dropped */
    size_t first, n;
};

static void text(struct xsg_json_writer *w, const char *key, const char *value)
{
    if (!value)
        return;
    xsg_json_key(w, key);
    xsg_json_string_n(w, value, strnlen(value, XSG_SHARE_TEXT));
}

static void write_environment(struct xsg_json_writer *w, const struct xsg_environment *e)
{
    xsg_json_key(w, "environment");
    xsg_json_begin_object(w);
    text(w, "fingerprint", e->fingerprint);
    text(w, "cpu_model", e->cpu_model);
    xsg_json_key(w, "cores");
    xsg_json_int(w, e->cores);
    xsg_json_key(w, "memory");
    xsg_json_int(w, e->memory);
    text(w, "kernel", e->kernel);
    text(w, "os", e->os);
    text(w, "libc", e->libc);
    text(w, "compiler", e->compiler);
    text(w, "virtualization", e->virtualization);
    text(w, "governor", e->governor);
    text(w, "gpu", e->gpu);
    text(w, "xsgate", e->xsgate);
    xsg_json_end_object(w);
}

static void write_targets(struct xsg_json_writer *w, const struct xsg_run *run)
{
    xsg_json_key(w, "targets");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < run->n_targets; i++) {
        xsg_json_begin_object(w);
        text(w, "name", run->targets[i].name);
        text(w, "profile", run->targets[i].profile);
        text(w, "invalid", run->targets[i].invalid);
        xsg_json_end_object(w);
    }
    xsg_json_end_array(w);
}

static size_t target_of(const struct xsg_run *run, const struct xsg_series *series)
{
    size_t i = 0;
    while (i < run->n_targets && strcmp(run->targets[i].name, series->target) != 0)
        i++;
    return i;
}

static bool same_place(const struct xsg_series *a, const struct xsg_series *b)
{
    const struct xsg_function *f = &a->function, *g = &b->function;
    return strcmp(a->target, b->target) == 0 && !f->name == !g->name && !f->file == !g->file &&
           (!f->name || strcmp(f->name, g->name) == 0) &&
           (!f->file || strcmp(f->file, g->file) == 0);
}

static size_t seen(const struct xsg_series *series, double *x)
{
    size_t n = 0;
    for (size_t i = 0; i < series->n; i++) {
        if (!isnan(series->values[i]))
            x[n++] = series->values[i];
    }
    return n;
}

/* [target, function, metric, unit, n, median, mean, mad] */
static void write_series(struct xsg_json_writer *w, const struct xsg_run *run,
                         const struct xsg_series *series, int64_t function)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    double *x = XSG_NEW_ARRAY(&arena, double, series->n + 1);
    size_t n = seen(series, x);
    const double numbers[] = {xsg_median(x, n), xsg_mean(x, n), xsg_mad(x, n)};
    xsg_json_begin_array(w);
    xsg_json_int(w, (int64_t)target_of(run, series));
    xsg_json_int(w, function);
    xsg_json_string(w, series->metric);
    xsg_json_string(w, series->unit ? series->unit : "");
    xsg_json_int(w, (int64_t)n);
    for (int i = 0; i < 3; i++)
        xsg_json_double(w, fabs(numbers[i]) <= XSG_SHARE_VALUE ? numbers[i] : (double)NAN);
    xsg_json_end_array(w);
    xsg_arena_release(&arena);
}

static bool is_too_long(const char *name, size_t most)
{
    return name && strlen(name) > most;
}

/* The metrics of a function stand together in a run. */
static size_t find_entries(const struct xsg_run *run, struct entry *entries, size_t *too_long)
{
    size_t n = 0;
    *too_long = 0;
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *series = &run->series[i];
        const struct xsg_function *f = &series->function;
        if (is_too_long(f->name, XSG_SHARE_NAME) || is_too_long(f->file, XSG_SHARE_NAME) ||
            is_too_long(series->unit, XSG_SHARE_UNIT) || !series->metric[0] ||
            is_too_long(series->metric, XSG_SHARE_UNIT)) {
            *too_long += strcmp(series->metric, "time") == 0;
            continue;
        }
        if (target_of(run, series) == run->n_targets)
            continue;
        bool more = n > 0 && entries[n - 1].first + entries[n - 1].n == i &&
                    same_place(&run->series[i - 1], series);
        struct entry *entry = more ? &entries[n - 1] : &entries[n++];
        if (!more)
            *entry = (struct entry){f, f->name ? 0 : (double)INFINITY, i, 0};
        entry->n++;
        for (size_t k = 0; strcmp(series->metric, "time") == 0 && k < series->n; k++)
            entry->weight += isnan(series->values[k]) ? 0 : series->values[k];
    }
    return n;
}

static int by_weight(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* How many of the entries fit: a bound from above on what each takes. */
static size_t count_fitting(const struct xsg_run *run, const struct entry *entries, size_t n,
                            size_t room)
{
    size_t used = 0, i = 0;
    for (; i < n; i++) {
        const struct xsg_function *f = entries[i].function;
        used += 40 + 6 * ((f->name ? strlen(f->name) : 0) + (f->file ? strlen(f->file) : 0));
        for (size_t k = 0; k < entries[i].n; k++) {
            const struct xsg_series *series = &run->series[entries[i].first + k];
            used += 130 + 6 * (strlen(series->metric) + (series->unit ? strlen(series->unit) : 0));
        }
        if (used > room)
            break;
    }
    return i;
}

static void write_functions(struct xsg_json_writer *w, const struct entry *entries, size_t n)
{
    xsg_json_key(w, "functions");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < n; i++) {
        xsg_json_begin_array(w);
        xsg_json_string(w, entries[i].function->name);
        xsg_json_string(w, entries[i].function->file);
        xsg_json_int(w, entries[i].function->line);
        xsg_json_end_array(w);
    }
    xsg_json_end_array(w);
}

static void write_numbers(struct xsg_json_writer *w, const struct xsg_run *run)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct entry *entries = XSG_NEW_ARRAY(&arena, struct entry, run->n_series + 1);
    size_t too_long, n = find_entries(run, entries, &too_long);
    if (n > 1)
        qsort(entries, n, sizeof *entries, by_weight);
    size_t room = w->out->len < XSG_SHARE_LINE ? XSG_SHARE_LINE - w->out->len : 0;
    size_t kept = count_fitting(run, entries, n, room);
    write_functions(w, entries, kept);
    xsg_json_key(w, "series");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < kept; i++) {
        for (size_t k = 0; k < entries[i].n; k++)
            write_series(w, run, &run->series[entries[i].first + k], (int64_t)i);
    }
    xsg_json_end_array(w);
    xsg_json_key(w, "left_out");
    xsg_json_int(w, (int64_t)(n - kept + too_long));
    xsg_arena_release(&arena);
}

void xsg_share_write(struct xsg_buf *out, const struct xsg_run *run, const char *uid)
{
    struct xsg_buf line = XSG_BUF_INIT;
    struct xsg_json_writer w;
    xsg_json_writer_init(&w, &line, 0);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "xsgate");
    xsg_json_int(&w, XSG_SHARE_VERSION);
    text(&w, "uid", uid);
    text(&w, "commit", run->commit.oid);
    xsg_json_key(&w, "created");
    xsg_json_int(&w, run->created);
    xsg_json_key(&w, "elapsed_s");
    xsg_json_double(&w, run->elapsed_s);
    text(&w, "session", run->session);
    text(&w, "describe", run->commit.describe);
    text(&w, "subject", run->commit.subject);
    xsg_json_key(&w, "time");
    xsg_json_int(&w, run->commit.time);
    text(&w, "suite", run->suite_hash);
    write_environment(&w, &run->environment);
    write_targets(&w, run);
    write_numbers(&w, run);
    xsg_json_end_object(&w);
    xsg_buf_put(out, line.data, line.len);
    xsg_buf_release(&line);
}
