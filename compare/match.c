#include "compare/match.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/metric.h"

static void put_part(struct xsg_buf *key, const char *text)
{
    /* NULL and "" are two different names. */
    xsg_buf_putc(key, text ? 1 : 0);
    if (text)
        xsg_buf_put(key, text, strlen(text) + 1);
}

static void make_key(struct xsg_buf *key, const char *metric, const struct xsg_function *function)
{
    xsg_buf_clear(key);
    put_part(key, metric);
    put_part(key, function ? function->name : NULL);
    put_part(key, function && function->name ? function->file : NULL);
}

static bool is_value(double v)
{
    return isfinite(v) && v >= 0;
}

/* The rounds, or the counted runs, in which something was measured. */
static bool *seen_in(const struct xsg_side *side, const char *metric)
{
    const struct xsg_metric *known = xsg_metric_find(metric);
    return known && known->counted ? side->counted : side->measured;
}

void xsg_side_init(struct xsg_side *side, struct xsg_arena *arena, const struct xsg_run *run,
                   const struct xsg_target_run *target)
{
    *side = (struct xsg_side){.run = run, .target = target};
    xsg_map_init(&side->series, arena);
    if (!target)
        return;
    struct xsg_buf key = XSG_BUF_INIT;
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *s = &run->series[i];
        if (strcmp(s->target, target->name) != 0)
            continue;
        if (s->n > side->n_rounds)
            side->n_rounds = s->n;
        make_key(&key, s->metric, &s->function);
        void **place = xsg_map_put(&side->series, key.data, key.len, NULL);
        if (!*place)
            *place = &run->series[i];
    }
    xsg_buf_release(&key);
    side->measured = XSG_NEW_ARRAY(arena, bool, side->n_rounds + 1);
    side->counted = XSG_NEW_ARRAY(arena, bool, side->n_rounds + 1);
    for (size_t i = 0; i < side->series.n; i++) {
        const struct xsg_series *s = side->series.entries[i].value;
        bool *seen = seen_in(side, s->metric);
        for (size_t k = 0; k < s->n; k++)
            seen[k] |= is_value(s->values[k]);
    }
}

const struct xsg_series *xsg_side_find(const struct xsg_side *side, const char *metric,
                                       const struct xsg_function *function)
{
    struct xsg_buf key = XSG_BUF_INIT;
    make_key(&key, metric, function);
    const struct xsg_series *s = xsg_map_get(&side->series, key.data, key.len);
    xsg_buf_release(&key);
    return s;
}

/* ---- matching -------------------------------------------------------------------------------- */

/* How often a name is left alone on each side, and the last match in which it is. */
struct alone {
    size_t base, head;
    struct xsg_match *in_base, *in_head;
};

static struct alone *alone_of(struct xsg_arena *arena, struct xsg_map *map,
                              const struct xsg_series *s)
{
    void **place = xsg_map_put(map, s->function.name, strlen(s->function.name), NULL);
    if (!*place)
        *place = XSG_NEW(arena, struct alone);
    return *place;
}

static size_t keep_matched(struct xsg_match *matches, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (matches[i].base || matches[i].head)
            matches[kept++] = matches[i];
    }
    return kept;
}

/* Joins what differs in the file only, when one is alone on each side. */
static size_t match_moved(struct xsg_arena *arena, struct xsg_match *matches, size_t n)
{
    struct xsg_map names;
    xsg_map_init(&names, arena);
    for (size_t i = 0; i < n; i++) {
        struct xsg_match *m = &matches[i];
        if (m->base && m->head)
            continue;
        struct alone *a = alone_of(arena, &names, m->base ? m->base : m->head);
        if (m->base) {
            a->base++;
            a->in_base = m;
        } else {
            a->head++;
            a->in_head = m;
        }
    }
    for (size_t i = 0; i < names.n; i++) {
        struct alone *a = names.entries[i].value;
        if (a->base != 1 || a->head != 1)
            continue;
        a->in_base->head = a->in_head->head;
        a->in_head->head = NULL;
    }
    return keep_matched(matches, n);
}

/* ---- renamed functions ---- */

struct twins { /* matches that one side alone has, by what they have in common */
    struct xsg_match *base, *head;
    size_t n_base, n_head;
};

static uint64_t code_of(const struct xsg_match *m, bool deep)
{
    const struct xsg_function *f = m->base ? &m->base->function : &m->head->function;
    return deep && f->code != 0 ? f->code_deep : f->code;
}

/* Callers in common, or the same file where callers are not known. */
static bool same_place(const struct xsg_paths *paths, const struct xsg_function *a,
                       const struct xsg_function *b)
{
    uint32_t x = xsg_paths_find(paths, a), y = xsg_paths_find(paths, b);
    if (x != XSG_PATHS_NONE && y != XSG_PATHS_NONE &&
        (xsg_paths_has_caller(paths, x) || xsg_paths_has_caller(paths, y)))
        return xsg_paths_siblings(paths, x, y);
    return a->file && b->file && strcmp(a->file, b->file) == 0;
}

/* Joins functions whose machine code is equal, when one is alone on each side and they are called
 * from the same place. deep: the code of callees, but not their names. */
static void match_by_code(struct xsg_arena *arena, const struct xsg_paths *paths,
                          struct xsg_match *matches, size_t n, bool deep)
{
    struct xsg_map codes;
    xsg_map_init(&codes, arena);
    for (size_t i = 0; i < n; i++) {
        struct xsg_match *m = &matches[i];
        uint64_t code = (m->base != NULL) != (m->head != NULL) ? code_of(m, deep) : 0;
        if (code == 0)
            continue;
        void **place = xsg_map_put(&codes, &code, sizeof code, NULL);
        struct twins *twins = *place ? *place : (*place = XSG_NEW(arena, struct twins));
        *(m->base ? &twins->base : &twins->head) = m;
        ++*(m->base ? &twins->n_base : &twins->n_head);
    }
    for (size_t i = 0; i < codes.n; i++) {
        struct twins *twins = codes.entries[i].value;
        if (twins->n_base != 1 || twins->n_head != 1 ||
            !same_place(paths, &twins->base->base->function, &twins->head->head->function))
            continue;
        twins->base->head = twins->head->head;
        twins->base->by_code = true;
        twins->head->head = NULL;
    }
}

void xsg_match_functions(struct xsg_arena *arena, const struct xsg_side *base,
                         const struct xsg_side *head, const struct xsg_paths *paths,
                         const char *metric, struct xsg_match **matches, size_t *n)
{
    struct xsg_match *list =
        XSG_NEW_ARRAY(arena, struct xsg_match, base->series.n + head->series.n + 1);
    size_t count = 0;
    for (size_t i = 0; i < base->series.n; i++) {
        const struct xsg_series *s = base->series.entries[i].value;
        if (!s->function.name || strcmp(s->metric, metric) != 0)
            continue;
        const struct xsg_map_entry *e = &base->series.entries[i];
        list[count++] =
            (struct xsg_match){.base = s, .head = xsg_map_get(&head->series, e->key, e->key_len)};
    }
    for (size_t i = 0; i < head->series.n; i++) {
        const struct xsg_series *s = head->series.entries[i].value;
        if (!s->function.name || strcmp(s->metric, metric) != 0)
            continue;
        const struct xsg_map_entry *e = &head->series.entries[i];
        if (!xsg_map_get(&base->series, e->key, e->key_len))
            list[count++] = (struct xsg_match){.head = s};
    }
    *matches = list;
    count = match_moved(arena, list, count);
    match_by_code(arena, paths, list, count, false);
    match_by_code(arena, paths, list, count, true);
    *n = keep_matched(list, count);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The value of round i, or NaN when the round says nothing about this series. */
static double value_at(const struct xsg_series *s, const bool *seen, size_t i)
{
    if (!s || !seen[i])
        return (double)NAN;
    if (i < s->n && is_value(s->values[i]))
        return s->values[i];
    return s->function.name ? 0 : (double)NAN;
}

double xsg_side_mean(const struct xsg_side *side, const char *metric,
                     const struct xsg_function *function)
{
    const struct xsg_series *s = xsg_side_find(side, metric, function);
    double sum = 0;
    size_t n = 0;
    const bool *seen = s ? seen_in(side, metric) : NULL;
    for (size_t i = 0; s && i < side->n_rounds; i++) {
        double v = value_at(s, seen, i);
        if (isnan(v))
            continue;
        sum += v;
        n++;
    }
    return n ? sum / (double)n : (double)NAN;
}

static size_t collect(double *out, const struct xsg_series *s, const struct xsg_side *side)
{
    size_t n = 0;
    const bool *seen = s ? seen_in(side, s->metric) : NULL;
    for (size_t i = 0; i < side->n_rounds; i++) {
        double v = value_at(s, seen, i);
        if (!isnan(v))
            out[n++] = v;
    }
    return n;
}

void xsg_match_values(struct xsg_arena *arena, const struct xsg_match *match,
                      const struct xsg_side *base, const struct xsg_side *head, bool paired,
                      struct xsg_values *values)
{
    values->base = XSG_NEW_ARRAY(arena, double, base->n_rounds + 1);
    values->head = XSG_NEW_ARRAY(arena, double, head->n_rounds + 1);
    values->n_base = values->n_head = 0;
    if (!paired || !match->base || !match->head) {
        values->n_base = collect(values->base, match->base, base);
        values->n_head = collect(values->head, match->head, head);
        return;
    }
    const bool *base_seen = seen_in(base, match->base->metric);
    const bool *head_seen = seen_in(head, match->head->metric);
    for (size_t i = 0; i < base->n_rounds && i < head->n_rounds; i++) {
        double b = value_at(match->base, base_seen, i), h = value_at(match->head, head_seen, i);
        if (isnan(b) || isnan(h))
            continue;
        values->base[values->n_base++] = b;
        values->head[values->n_head++] = h;
    }
}

static const bool *seen_by(const struct xsg_side *side, const struct xsg_match *match)
{
    return seen_in(side, match->base ? match->base->metric : match->head->metric);
}

static double sum_at(const struct xsg_match *matches, size_t n, bool head, const bool *seen,
                     size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        double v = value_at(head ? matches[k].head : matches[k].base, seen, i);
        if (!isnan(v))
            sum += v;
    }
    return sum;
}

void xsg_match_sum(struct xsg_arena *arena, const struct xsg_match *matches, size_t n,
                   const struct xsg_side *base, const struct xsg_side *head, bool paired,
                   struct xsg_values *values)
{
    const bool *base_seen = seen_by(base, &matches[0]), *head_seen = seen_by(head, &matches[0]);
    *values = (struct xsg_values){.base = XSG_NEW_ARRAY(arena, double, base->n_rounds + 1),
                                  .head = XSG_NEW_ARRAY(arena, double, head->n_rounds + 1)};
    for (size_t i = 0; i < base->n_rounds; i++)
        if (base_seen[i] && (!paired || (i < head->n_rounds && head_seen[i])))
            values->base[values->n_base++] = sum_at(matches, n, false, base_seen, i);
    for (size_t i = 0; i < head->n_rounds; i++)
        if (head_seen[i] && (!paired || (i < base->n_rounds && base_seen[i])))
            values->head[values->n_head++] = sum_at(matches, n, true, head_seen, i);
}
