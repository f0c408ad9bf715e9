/* Looking for damage, and saying where. Nothing is repaired: that would be guessing. */
#include <math.h>
#include <string.h>

#include "base/calltree.h"
#include "base/json.h"
#include "base/stats.h"
#include "baseline/store_internal.h"

enum { MOST_FINDINGS = 100 };

struct findings {
    struct xsg_store *store;
    struct xsg_arena *arena;
    char **item;
    size_t n, cap;
    bool no_memory; /* a check could not be made: that is not damage */
};

static void add(struct findings *findings, char *text)
{
    if (findings->n >= MOST_FINDINGS)
        return;
    findings->item = xsg_grow(findings->arena, findings->item, &findings->cap, findings->n + 1,
                              sizeof *findings->item);
    findings->item[findings->n++] = text;
}

/* Damage found on the way is a finding, and the other checks go on; anything else ends verify. */
static int absorb(struct findings *findings, int rc, const struct xsg_err *why, struct xsg_err *err)
{
    if (rc == XSG_ECORRUPT) {
        add(findings, xsg_strdup(findings->arena, why->text));
        return XSG_OK;
    }
    return rc == XSG_OK ? rc : xsg_fail(err, rc, "%s", why->text);
}

/* Calls look for each row of a query. */
static int each(struct findings *findings, const char *sql,
                void (*look)(struct findings *findings, sqlite3_stmt *row), struct xsg_err *err)
{
    struct xsg_err why = {{0}, {0}};
    sqlite3_stmt *s;
    bool row = true;
    int rc = xsg__store_query(findings->store, &s, &why, sql, NULL, 0);
    while (rc == XSG_OK && (rc = xsg__store_next(findings->store, s, &row, &why)) == XSG_OK && row)
        look(findings, s);
    if (findings->no_memory && rc == XSG_OK)
        rc = xsg__store_fail(findings->store, SQLITE_NOMEM, &why);
    return absorb(findings, rc, &why, err);
}

static void look_at_integrity(struct findings *findings, sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 0);
    if (!text || strstr(text, "error code=7")) /* SQLITE_NOMEM, as the check words it */
        findings->no_memory = true;
    else if (strcmp(text, "ok") != 0)
        add(findings, xsg_printf(findings->arena, "database: %.300s", text));
}

static void look_at_reference(struct findings *findings, sqlite3_stmt *row)
{
    const char *from = (const char *)sqlite3_column_text(row, 0);
    const char *to = (const char *)sqlite3_column_text(row, 2);
    add(findings, xsg_printf(findings->arena,
                             "row %lld of %.100s refers to a row of %.100s that is not there",
                             (long long)sqlite3_column_int64(row, 1), from ? from : "a table",
                             to ? to : "another"));
}

/* The values that are numbers, in a place of their own. False: there is an infinite one at *bad. */
static bool read_seen(const unsigned char *data, size_t n, double *seen, size_t *n_seen,
                      size_t *bad)
{
    *n_seen = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = xsg__store_value(data, i);
        if (isinf(value)) {
            *bad = i + 1;
            return false;
        }
        if (!isnan(value))
            seen[(*n_seen)++] = value;
    }
    return true;
}

/* n, median and mean are what the values say, to the last bit: so a bit that turned over in any of
 * them is found without a checksum. */
static bool is_summary(sqlite3_stmt *row, const double *seen, size_t n)
{
    double median = xsg_median(seen, n), mean = xsg_mean(seen, n);
    if (sqlite3_column_type(row, 6) != SQLITE_NULL) /* its values stayed where it was measured */
        return n <= 1 && (n == 0 || sqlite3_column_double(row, 4) == median);
    if (sqlite3_column_int64(row, 2) != (int64_t)n)
        return false;
    if (n == 0)
        return sqlite3_column_type(row, 4) == SQLITE_NULL &&
               sqlite3_column_type(row, 5) == SQLITE_NULL;
    return (isnan(median) || sqlite3_column_double(row, 4) == median) &&
           (isnan(mean) || sqlite3_column_double(row, 5) == mean);
}

static void look_at_series(struct findings *findings, sqlite3_stmt *row)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    const char *name =
        xsg_printf(&arena, "series %lld of run %lld", (long long)sqlite3_column_int64(row, 1),
                   (long long)sqlite3_column_int64(row, 0));
    const unsigned char *data = sqlite3_column_blob(row, 3);
    size_t bytes = (size_t)sqlite3_column_bytes(row, 3), n, bad;
    double *seen = XSG_NEW_ARRAY(&arena, double, bytes / 8 + 1);
    if (sqlite3_column_type(row, 3) != SQLITE_BLOB || bytes % 8 != 0)
        add(findings, xsg_printf(findings->arena, "%s: %zu bytes are no whole number of values",
                                 name, bytes));
    else if (!read_seen(data, bytes / 8, seen, &n, &bad))
        add(findings, xsg_printf(findings->arena, "%s: value %zu is infinite", name, bad));
    else if (!is_summary(row, seen, n))
        add(findings, xsg_printf(findings->arena,
                                 "%s: n, median or mean is not that of its %zu values", name, n));
    xsg_arena_release(&arena);
}

static void look_at_tree(struct findings *findings, sqlite3_stmt *row)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_calltree tree;
    struct xsg_err why = {{0}, {0}};
    if (xsg_calltree_decode(&arena, sqlite3_column_blob(row, 2),
                            (size_t)sqlite3_column_bytes(row, 2), &tree, &why) != XSG_OK)
        add(findings, xsg_printf(findings->arena, "target %lld of run %lld: call tree: %s",
                                 (long long)sqlite3_column_int64(row, 1),
                                 (long long)sqlite3_column_int64(row, 0), why.text));
    xsg_arena_release(&arena);
}

static void look_at_comparison(struct findings *findings, sqlite3_stmt *row)
{
    struct xsg_err why = {{0}, {0}};
    cJSON *root = NULL;
    const char *text = (const char *)sqlite3_column_text(row, 1);
    size_t n = (size_t)sqlite3_column_bytes(row, 1);
    if (!text)
        findings->no_memory = true;
    else if (xsg_json_parse(text, n, &root, &why) != XSG_OK)
        add(findings, xsg_printf(findings->arena, "comparison %lld: %s",
                                 (long long)sqlite3_column_int64(row, 0), why.text));
    else
        cJSON_Delete(root);
}

static void look_at_orphan(struct findings *findings, sqlite3_stmt *row)
{
    add(findings, xsg_printf(findings->arena, "series %lld of run %lld has no name",
                             (long long)sqlite3_column_int64(row, 1),
                             (long long)sqlite3_column_int64(row, 0)));
}

static void look_at_misplaced(struct findings *findings, sqlite3_stmt *row)
{
    add(findings, xsg_printf(findings->arena, "series %lld of run %lld stands in a wrong place",
                             (long long)sqlite3_column_int64(row, 1),
                             (long long)sqlite3_column_int64(row, 0)));
}

static void look_at_trend(struct findings *findings, sqlite3_stmt *row)
{
    struct xsg_err why = {{0}, {0}};
    int rc = xsg__store_check_trend(findings->store, row, &why);
    if (rc == XSG_ENOMEM)
        findings->no_memory = true;
    else if (rc != XSG_OK)
        add(findings, xsg_strdup(findings->arena, why.text));
}

static int check_schema(struct findings *findings, struct xsg_err *err)
{
    struct xsg_err why = {{0}, {0}};
    char *finding = NULL;
    int rc = xsg__store_schema_differs(findings->store, findings->arena, &finding, &why);
    if (finding)
        add(findings, finding);
    return absorb(findings, rc, &why, err);
}

static int check_all(struct findings *findings, struct xsg_err *err)
{
    static const struct {
        const char *sql;
        void (*look)(struct findings *findings, sqlite3_stmt *row);
    } checks[] = {
        {"PRAGMA integrity_check(100)", look_at_integrity},
        {"PRAGMA foreign_key_check", look_at_reference},
        {"SELECT s.run, s.ord, s.n, s.data, s.median, s.mean, r.shared FROM series s"
         " JOIN runs r ON r.id = s.run",
         look_at_series},
        {"SELECT run, ord FROM series WHERE site NOT IN (SELECT p.id FROM sites p JOIN functions f"
         " ON f.id = p.function) OR measure NOT IN (SELECT id FROM measures)",
         look_at_orphan},
        {"SELECT s.run, s.ord FROM series s JOIN sites p ON p.id = s.site"
         " WHERE p.function <> s.function UNION ALL SELECT run, max(ord) FROM series"
         " GROUP BY run HAVING max(ord) + 1 <> count(*) OR min(ord) <> 0"
         " OR count(DISTINCT ord) <> count(*)",
         look_at_misplaced},
        {"SELECT function, measure, last, data FROM trends", look_at_trend},
        {"SELECT run, ord, tree FROM targets WHERE tree IS NOT NULL", look_at_tree},
        {"SELECT id, json FROM comparisons UNION ALL SELECT 0, json FROM unjudged",
         look_at_comparison},
    };
    int rc = check_schema(findings, err);
    for (size_t i = 0; rc == XSG_OK && i < sizeof checks / sizeof *checks; i++)
        rc = each(findings, checks[i].sql, checks[i].look, err);
    return rc;
}

int xsg_store_verify(struct xsg_store *store, struct xsg_arena *arena, char ***findings, size_t *n,
                     struct xsg_err *err)
{
    struct findings found = {.store = store, .arena = arena};
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    rc = check_all(&found, err);
    rc = xsg__store_end(store, rc, err);
    *findings = found.item;
    *n = found.n;
    return rc;
}
