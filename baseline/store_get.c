/* Reading runs and comparisons back. The file may be a stranger's: nothing in it is believed. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/calltree.h"
#include "base/looks.h"
#include "baseline/store_internal.h"

/* Texts by id. Kept once, however often the file refers to them: memory stays in proportion to the
 * file's size. */
struct texts {
    struct xsg_store *store;
    struct xsg_arena *arena;
    struct xsg_map map;
};

static int text_of(struct texts *texts, int64_t id, const char **text, struct xsg_err *err)
{
    *text = NULL;
    if (id == 0)
        return XSG_OK;
    *text = xsg_map_get(&texts->map, &id, sizeof id);
    if (*text)
        return XSG_OK;
    sqlite3_stmt *statement;
    bool row, is_new;
    int rc = xsg__store_query(texts->store, &statement, err,
                              "SELECT text FROM strings WHERE id = ?1", XSG_BIND(xsg__int(id)));
    if (rc == XSG_OK)
        rc = xsg__store_next(texts->store, statement, &row, err);
    if (rc != XSG_OK)
        return rc;
    char *copy = row ? xsg__column_text(texts->arena, statement, 0) : NULL;
    sqlite3_reset(statement);
    if (!copy)
        return xsg__store_damaged(texts->store, err, "text %lld is missing", (long long)id);
    *xsg_map_put(&texts->map, &id, sizeof id, &is_new) = copy;
    *text = copy;
    return XSG_OK;
}

/* Consecutive columns of string ids. */
static int texts_of(struct texts *texts, sqlite3_stmt *statement, int column,
                    const char **const *into, int n, struct xsg_err *err)
{
    int rc = XSG_OK;
    for (int i = 0; i < n && rc == XSG_OK; i++)
        rc = text_of(texts, sqlite3_column_int64(statement, column + i), into[i], err);
    return rc;
}

static int small_int(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);
    return value < 0 || value > INT_MAX ? 0 : (int)value;
}

static int read_head(struct xsg_store *store, struct xsg_arena *arena, int64_t id,
                     struct xsg_run *run, struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row;
    int rc = xsg__store_query(
        store, &s, err,
        "SELECT r.session, r.created, r.elapsed_s, r.describe, r.dirty, r.suite_hash,"
        " c.oid, c.subject, c.time, e.fingerprint, e.cpu_model, e.cores, e.memory, e.kernel, e.os,"
        " e.libc, e.compiler, e.virtualization, e.governor, e.gpu, e.xsgate, r.shared"
        " FROM runs r JOIN commits c ON c.id = r.commit_id"
        " JOIN environments e ON e.id = r.environment WHERE r.id = ?1",
        XSG_BIND(xsg__int(id)));
    if (rc == XSG_OK)
        rc = xsg__store_next(store, s, &row, err);
    if (rc != XSG_OK)
        return rc;
    if (!row)
        return xsg_fail(err, XSG_ENOTFOUND, "the store has no run %lld", (long long)id);
    struct xsg_environment *e = &run->environment;
    const struct {
        int column;
        const char **into;
    } texts[] = {{0, &run->session},
                 {3, &run->commit.describe},
                 {5, &run->suite_hash},
                 {6, &run->commit.oid},
                 {7, &run->commit.subject},
                 {9, &e->fingerprint},
                 {10, &e->cpu_model},
                 {13, &e->kernel},
                 {14, &e->os},
                 {15, &e->libc},
                 {16, &e->compiler},
                 {17, &e->virtualization},
                 {18, &e->governor},
                 {19, &e->gpu},
                 {20, &e->xsgate},
                 {21, &run->shared}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i].into = xsg__column_text(arena, s, texts[i].column);
    run->id = id;
    run->created = sqlite3_column_int64(s, 1);
    run->elapsed_s = sqlite3_column_double(s, 2);
    run->commit.dirty = sqlite3_column_int64(s, 4) != 0;
    run->commit.time = sqlite3_column_int64(s, 8);
    e->cores = small_int(s, 11);
    e->memory = sqlite3_column_int64(s, 12);
    sqlite3_reset(s);
    return XSG_OK;
}

/* A column of doubles; what: whose they are, for the message. */
static int read_values(struct texts *texts, sqlite3_stmt *s, int column, const char *what,
                       const char *target, double **values, size_t *n, struct xsg_err *err)
{
    const unsigned char *data = sqlite3_column_blob(s, column);
    size_t bytes = (size_t)sqlite3_column_bytes(s, column);
    if (bytes % 8 != 0 || (bytes > 0 && sqlite3_column_type(s, column) != SQLITE_BLOB))
        return xsg__store_damaged(texts->store, err,
                                  "%s of target '%.100s' has %zu bytes of values", what, target,
                                  bytes);
    *n = bytes / 8;
    *values = XSG_NEW_ARRAY(texts->arena, double, *n ? *n : 1);
    for (size_t i = 0; i < *n; i++) {
        (*values)[i] = xsg__store_value(data, i);
        if (isinf((*values)[i]))
            return xsg__store_damaged(texts->store, err, "%s of target '%.100s' is infinite", what,
                                      target);
    }
    return XSG_OK;
}

static int read_target(struct texts *texts, sqlite3_stmt *s, struct xsg_target_run *target,
                       struct xsg_err *err)
{
    const char **const names[] = {&target->name, &target->command, &target->profile};
    int rc = texts_of(texts, s, 0, names, 3, err);
    if (rc != XSG_OK)
        return rc;
    if (!target->name)
        return xsg__store_damaged(texts->store, err, "a target has no name");
    int64_t lost = sqlite3_column_int64(s, 3), samples = sqlite3_column_int64(s, 4);
    target->lost = lost < 0 ? 0 : (uint64_t)lost;
    target->samples = samples < 0 ? 0 : (uint64_t)samples;
    target->invalid = xsg__column_text(texts->arena, s, 5);
    int64_t pairing = sqlite3_column_int64(s, 7);
    if (pairing > XSG_PAIRING_AUTO && pairing <= XSG_PAIRING_TWO_CORE)
        target->pairing = (enum xsg_pairing)pairing;
    target->pairing_reason = xsg__column_text(texts->arena, s, 8);
    target->binary = (uint64_t)sqlite3_column_int64(s, 10);
    int64_t look = sqlite3_column_int64(s, 11), fresh = sqlite3_column_int64(s, 12);
    target->look = look < 0 || look > XSG_LOOKS_MAX ? 0 : (int)look;
    target->fresh_from = fresh < 0 ? 0 : (size_t)fresh;
    rc = read_values(texts, s, 9, "the control pairs", target->name, &target->control,
                     &target->n_control, err);
    if (rc != XSG_OK)
        return rc;
    if (sqlite3_column_type(s, 6) == SQLITE_NULL)
        return XSG_OK;
    struct xsg_err why = {{0}, {0}};
    const void *tree = sqlite3_column_blob(s, 6);
    rc = xsg_calltree_decode(texts->arena, tree, (size_t)sqlite3_column_bytes(s, 6), &target->tree,
                             &why);
    if (rc != XSG_OK)
        return xsg__store_damaged(texts->store, err, "the call tree of target '%.100s': %s",
                                  target->name, why.text);
    return XSG_OK;
}

static int read_targets(struct texts *texts, struct xsg_run *run, struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true;
    int rc = xsg__store_query(texts->store, &s, err,
                              "SELECT name, command, profile, lost, samples, invalid, tree,"
                              " pairing, pairing_reason, control, \"binary\", look, fresh_from "
                              "FROM targets WHERE run = ?1 ORDER BY ord",
                              XSG_BIND(xsg__int(run->id)));
    while (rc == XSG_OK && (rc = xsg__store_next(texts->store, s, &row, err)) == XSG_OK && row) {
        run->targets =
            xsg_grow(texts->arena, run->targets, &cap, run->n_targets + 1, sizeof *run->targets);
        struct xsg_target_run *target = &run->targets[run->n_targets++];
        *target = (struct xsg_target_run){0};
        rc = read_target(texts, s, target, err);
    }
    return rc;
}

static int read_one_series(struct texts *texts, sqlite3_stmt *s, struct xsg_series *series,
                           struct xsg_err *err)
{
    const char **const names[] = {&series->target,        &series->metric,
                                  &series->unit,          &series->function.name,
                                  &series->function.file, &series->function.module};
    int rc = texts_of(texts, s, 1, names, 6, err);
    if (rc != XSG_OK)
        return rc;
    if (!series->target || !series->metric)
        return xsg__store_damaged(texts->store, err, "a series has no target or no metric");
    series->function.line = small_int(s, 7);
    series->function.end_line = small_int(s, 8);
    series->function.code = (uint64_t)sqlite3_column_int64(s, 9);
    series->function.code_deep = (uint64_t)sqlite3_column_int64(s, 10);
    return read_values(texts, s, 0, series->metric, series->target, &series->values, &series->n,
                       err);
}

/* The file has series by what they measure; ord says where each stood. */
static int read_series_rows(struct texts *texts, struct xsg_run *run, size_t stored,
                            struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row = true;
    int rc = xsg__store_query(texts->store, &s, err,
                              "SELECT s.data, q.target, q.metric, q.unit, f.name, f.file, p.module,"
                              " p.line, p.end_line, p.code, p.code_deep, s.ord FROM series s"
                              " CROSS JOIN measures q ON q.id = s.measure"
                              " CROSS JOIN sites p ON p.id = s.site"
                              " CROSS JOIN functions f ON f.id = p.function WHERE s.run = ?1",
                              XSG_BIND(xsg__int(run->id)));
    while (rc == XSG_OK && (rc = xsg__store_next(texts->store, s, &row, err)) == XSG_OK && row) {
        int64_t ord = sqlite3_column_int64(s, 11);
        if (ord < 0 || (uint64_t)ord >= stored || run->series[ord].target)
            return xsg__store_damaged(texts->store, err, "run %lld has no or two series %lld",
                                      (long long)run->id, (long long)ord);
        rc = read_one_series(texts, s, &run->series[ord], err);
        run->n_series++;
    }
    return rc;
}

static int read_series(struct texts *texts, struct xsg_run *run, struct xsg_err *err)
{
    int64_t stored = 0;
    int rc =
        xsg__store_number(texts->store, &stored, err, "SELECT count(*) FROM series WHERE run = ?1",
                          XSG_BIND(xsg__int(run->id)));
    if (rc != XSG_OK || stored == 0)
        return rc;
    run->series = XSG_NEW_ARRAY(texts->arena, struct xsg_series, (size_t)stored);
    rc = read_series_rows(texts, run, (size_t)stored, err);
    if (rc == XSG_OK && (int64_t)run->n_series != stored)
        return xsg__store_damaged(texts->store, err,
                                  "run %lld has %lld series, but names for %zu only",
                                  (long long)run->id, (long long)stored, run->n_series);
    return rc;
}

static int read_warnings(struct texts *texts, struct xsg_run *run, struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true;
    int rc = xsg__store_query(texts->store, &s, err,
                              "SELECT text FROM run_warnings WHERE run = ?1 ORDER BY ord",
                              XSG_BIND(xsg__int(run->id)));
    while (rc == XSG_OK && (rc = xsg__store_next(texts->store, s, &row, err)) == XSG_OK && row) {
        run->warnings =
            xsg_grow(texts->arena, run->warnings, &cap, run->n_warnings + 1, sizeof *run->warnings);
        char *text = xsg__column_text(texts->arena, s, 0);
        run->warnings[run->n_warnings++] = text ? text : "";
    }
    return rc;
}

int xsg__store_read_run(struct xsg_store *store, struct xsg_arena *arena, int64_t id,
                        struct xsg_run *run, struct xsg_err *err)
{
    struct texts texts = {.store = store, .arena = arena};
    xsg_map_init(&texts.map, arena);
    *run = (struct xsg_run){0};
    int rc = read_head(store, arena, id, run, err);
    if (rc == XSG_OK)
        rc = read_targets(&texts, run, err);
    if (rc == XSG_OK)
        rc = read_series(&texts, run, err);
    if (rc == XSG_OK)
        rc = read_warnings(&texts, run, err);
    return rc;
}

int xsg_store_get(struct xsg_store *store, struct xsg_arena *arena, int64_t id, struct xsg_run *run,
                  struct xsg_err *err)
{
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    rc = xsg__store_read_run(store, arena, id, run, err);
    return xsg__store_end(store, rc, err);
}

/* Does run r have all of ?4 targets, whose names are in ?5 between separators? */
#define HAS_TARGETS                                                                                \
    "(SELECT count(*) FROM targets t JOIN strings s ON s.id = t.name WHERE t.run = r.id"           \
    " AND instr(?5, char(31) || s.text || char(31)) > 0) = ?4"

static const char *target_names(struct xsg_arena *arena, const struct xsg_store_query *query)
{
    const char *names = "\x1f";

    for (size_t i = 0; i < query->n_targets; i++)
        names = xsg_printf(arena, "%s%s\x1f", names, query->targets[i]);
    return names;
}

/* What there is of the commit when nothing fits: the user's next step depends on it. */
static int say_what_there_is(struct xsg_store *store, const struct xsg_store_query *query,
                             struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row;
    int rc = xsg__store_query(
        store, &s, err,
        "SELECT count(*), ifnull(sum(r.dirty), 0),"
        " ifnull(sum(?2 IS NOT NULL AND e.fingerprint IS NOT ?2), 0),"
        " ifnull(sum(?3 IS NOT NULL AND r.suite_hash IS NOT ?3), 0),"
        " ifnull(sum(r.shared IS NOT NULL), 0), ifnull(sum(NOT " HAS_TARGETS "), 0)"
        " FROM runs r JOIN commits c ON c.id = r.commit_id JOIN environments e"
        " ON e.id = r.environment WHERE c.oid = ?1",
        XSG_BIND(xsg__text(query->oid), xsg__text(query->fingerprint), xsg__text(query->suite_hash),
                 xsg__int((int64_t)query->n_targets),
                 xsg__text(target_names(&store->scratch, query))));
    if (rc == XSG_OK)
        rc = xsg__store_next(store, s, &row, err);
    if (rc != XSG_OK)
        return rc;
    long long all = sqlite3_column_int64(s, 0), dirty = sqlite3_column_int64(s, 1);
    long long elsewhere = sqlite3_column_int64(s, 2), otherwise = sqlite3_column_int64(s, 3);
    long long shared = sqlite3_column_int64(s, 4), partial = sqlite3_column_int64(s, 5);
    sqlite3_reset(s);
    if (all == 0)
        return xsg_fail(err, XSG_ENOTFOUND, "the store has no run of commit %.10s", query->oid);
    char what[200];
    int n = snprintf(what, sizeof what, "%lld in all", all);
    const struct {
        long long count;
        const char *text;
    } parts[] = {{query->shared_too ? 0 : shared, "shared as a summary"},
                 {elsewhere, "in another environment"},
                 {otherwise, "of another suite"},
                 {query->n_targets > 0 ? partial : 0, "of other targets only"},
                 {query->dirty_too ? 0 : dirty, "of a changed work tree"}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].count)
            n += snprintf(what + n, sizeof what - (size_t)n, ", %lld %s", parts[i].count,
                          parts[i].text);
    }
    return xsg_fail(err, XSG_ENOTFOUND, "the store has no comparable run of commit %.10s (%s)",
                    query->oid, what);
}

static int find_and_read(struct xsg_store *store, struct xsg_arena *arena,
                         const struct xsg_store_query *query, struct xsg_run *run,
                         struct xsg_err *err)
{
    int64_t id = 0;
    int rc = xsg__store_number(
        store, &id, err,
        "SELECT r.id FROM runs r JOIN commits c ON c.id = r.commit_id"
        " JOIN environments e ON e.id = r.environment WHERE c.oid = ?1"
        " AND (?2 IS NULL OR e.fingerprint = ?2) AND (?3 IS NULL OR r.suite_hash = ?3)"
        " AND (?4 = 0 OR " HAS_TARGETS ") AND (r.dirty = 0 OR ?6) AND (r.shared IS NULL OR ?7)"
        " ORDER BY r.shared IS NOT NULL, r.created DESC, r.id DESC LIMIT 1",
        XSG_BIND(xsg__text(query->oid), xsg__text(query->fingerprint), xsg__text(query->suite_hash),
                 xsg__int((int64_t)query->n_targets), xsg__text(target_names(arena, query)),
                 xsg__int(query->dirty_too), xsg__int(query->shared_too)));
    if (rc != XSG_OK)
        return rc;
    return id ? xsg__store_read_run(store, arena, id, run, err)
              : say_what_there_is(store, query, err);
}

int xsg_store_find(struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_store_query *query, struct xsg_run *run, struct xsg_err *err)
{
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    rc = find_and_read(store, arena, query, run, err);
    return xsg__store_end(store, rc, err);
}

int xsg_store_get_comparison(struct xsg_store *store, struct xsg_arena *arena, int64_t id,
                             char **json, size_t *n, int64_t *base_run, int64_t *head_run,
                             struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row;
    int rc = xsg__store_query(store, &s, err,
                              "SELECT json, 0, 0, 1 AS newer, 0 AS id FROM unjudged WHERE ?1 = 0"
                              " UNION ALL SELECT json, base, head, 0, id FROM comparisons"
                              " WHERE id = ?1 OR ?1 = 0 ORDER BY newer DESC, id DESC LIMIT 1",
                              XSG_BIND(xsg__int(id)));
    if (rc == XSG_OK)
        rc = xsg__store_next(store, s, &row, err);
    if (rc != XSG_OK)
        return rc;
    if (!row && id == 0)
        return xsg_fail(err, XSG_ENOTFOUND, "the store has no comparison yet");
    if (!row)
        return xsg_fail(err, XSG_ENOTFOUND, "the store has no comparison %lld", (long long)id);
    *json = xsg__column_text(arena, s, 0);
    *base_run = sqlite3_column_int64(s, 1);
    *head_run = sqlite3_column_int64(s, 2);
    sqlite3_reset(s);
    if (!*json)
        return xsg__store_damaged(store, err, "a comparison has no text");
    *n = strlen(*json);
    return XSG_OK;
}
