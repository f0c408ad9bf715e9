/* History: medians of a function over many runs in one row, so that it is read in milliseconds. */
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "baseline/store_internal.h"
#include "baseline/trend.h"

/* A row of trends has the entries of this many runs: what fits into a page of the file. */
enum { BLOCK_RUNS = 60, ENTRY = 16 };

struct entry {
    int64_t run;
    double median, spread;
};

/* ---- making ---------------------------------------------------------------------------------- */

/* Relative standard error of the median, from the median absolute deviation as of normal values. */
static double relative_error(const unsigned char *data, size_t n, double *values, double median)
{
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        const double value = xsg__store_value(data, i);
        if (isfinite(value))
            values[seen++] = value;
    }
    if (seen < 2 || !(fabs(median) > 0))
        return (double)NAN;
    return 1.2533 * xsg_mad(values, seen) / sqrt((double)seen) / fabs(median);
}

static double spread_of(struct xsg_store *store, sqlite3_stmt *s, int column, double median)
{
    bool blob = sqlite3_column_type(s, column) == SQLITE_BLOB;
    const unsigned char *data = sqlite3_column_blob(s, column);
    size_t n = blob ? (size_t)sqlite3_column_bytes(s, column) / 8 : 0;
    double few[128], *values = few;
    if (n > sizeof few / sizeof *few)
        values = XSG_NEW_ARRAY(&store->scratch, double, n);
    return relative_error(data, n, values, median);
}

static void put_entry(struct xsg_buf *out, int64_t back, double spread, double median)
{
    float narrow = (float)spread;
    uint32_t offset = htole32((uint32_t)back), spread_bits;
    uint64_t median_bits;
    memcpy(&spread_bits, &narrow, sizeof spread_bits);
    memcpy(&median_bits, &median, sizeof median_bits);
    spread_bits = htole32(spread_bits);
    median_bits = htole64(median_bits);
    xsg_buf_put(out, &offset, sizeof offset);
    xsg_buf_put(out, &spread_bits, sizeof spread_bits);
    xsg_buf_put(out, &median_bits, sizeof median_bits);
}

static struct entry read_entry(const unsigned char *data, int64_t last)
{
    uint32_t back, spread_bits;
    uint64_t median_bits;
    float spread;
    struct entry e;
    memcpy(&back, data, sizeof back);
    memcpy(&spread_bits, data + 4, sizeof spread_bits);
    memcpy(&median_bits, data + 8, sizeof median_bits);
    spread_bits = le32toh(spread_bits);
    median_bits = le64toh(median_bits);
    memcpy(&spread, &spread_bits, sizeof spread);
    memcpy(&e.median, &median_bits, sizeof e.median);
    e.run = last - (int64_t)le32toh(back);
    e.spread = (double)spread;
    return e;
}

static int flush(struct xsg_store *store, int64_t function, int64_t measure, int64_t last,
                 struct xsg_err *err)
{
    if (store->bytes.len == 0)
        return XSG_OK;
    int rc = xsg__store_exec(
        store, err, "INSERT INTO trends (function, measure, last, data) VALUES (?1, ?2, ?3, ?4)",
        XSG_BIND(xsg__int(function), xsg__int(measure), xsg__int(last),
                 xsg__blob(store->bytes.data, store->bytes.len)));
    xsg_buf_clear(&store->bytes);
    return rc;
}

/* Series of the runs after `after` up to `last`, turned round. A function that is twice in a run
 * (two sites) counts with the first. */
static int make_block(struct xsg_store *store, int64_t after, int64_t last, struct xsg_err *err)
{
    sqlite3_stmt *s;
    int64_t function = 0, measure = 0, run = 0;
    bool row = true;
    xsg_buf_clear(&store->bytes);
    int rc = xsg__store_query(store, &s, err,
                              "SELECT function, measure, run, median, data FROM series"
                              " WHERE run > ?1 AND run <= ?2 AND median IS NOT NULL"
                              " AND function IN (SELECT id FROM functions)"
                              " ORDER BY function, measure, run, ord",
                              XSG_BIND(xsg__int(after), xsg__int(last)));
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        int64_t f = sqlite3_column_int64(s, 0), m = sqlite3_column_int64(s, 1);
        int64_t r = sqlite3_column_int64(s, 2);
        if (f != function || m != measure) {
            rc = flush(store, function, measure, last, err);
            function = f;
            measure = m;
        } else if (r == run) {
            continue;
        }
        run = r;
        double median = sqlite3_column_double(s, 3);
        if (last - r <= UINT32_MAX) /* ids are consecutive in any store that we wrote */
            put_entry(&store->bytes, last - r, spread_of(store, s, 4, median), median);
    }
    if (rc == XSG_OK)
        rc = flush(store, function, measure, last, err);
    if (rc == XSG_OK)
        rc = xsg__store_exec(store, err, "INSERT INTO trend_blocks (last) VALUES (?1)",
                             XSG_BIND(xsg__int(last)));
    return rc;
}

static int newest_block(struct xsg_store *store, int64_t *last, struct xsg_err *err)
{
    *last = 0;
    return xsg__store_number(store, last, err, "SELECT ifnull(max(last), 0) FROM trend_blocks",
                             NULL, 0);
}

int xsg__store_make_trends(struct xsg_store *store, struct xsg_err *err)
{
    for (;;) {
        int64_t after, last = 0;
        int rc = newest_block(store, &after, err);
        if (rc == XSG_OK)
            rc =
                xsg__store_number(store, &last, err,
                                  "SELECT id FROM runs WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2",
                                  XSG_BIND(xsg__int(after), xsg__int(BLOCK_RUNS - 1)));
        if (rc != XSG_OK || last == 0)
            return rc;
        rc = make_block(store, after, last, err);
        if (rc != XSG_OK)
            return rc;
    }
}

int xsg__store_forget_trends(struct xsg_store *store, struct xsg_err *err)
{
    int rc = xsg__store_exec(store, err, "DELETE FROM trends", NULL, 0);
    return rc == XSG_OK ? xsg__store_exec(store, err, "DELETE FROM trend_blocks", NULL, 0) : rc;
}

static int check_entry(struct xsg_store *store, int64_t function, int64_t measure,
                       const struct entry *e, struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row;
    int rc = xsg__store_query(store, &s, err,
                              "SELECT median FROM series WHERE run = ?1 AND measure = ?2"
                              " AND function = ?3 AND median IS NOT NULL ORDER BY ord LIMIT 1",
                              XSG_BIND(xsg__int(e->run), xsg__int(measure), xsg__int(function)));
    if (rc == XSG_OK)
        rc = xsg__store_next(store, s, &row, err);
    if (rc != XSG_OK)
        return rc;
    bool same = row && sqlite3_column_double(s, 0) == e->median;
    sqlite3_reset(s);
    if (same)
        return XSG_OK;
    return xsg_fail(err, XSG_ECORRUPT, "the trend of function %lld has another median in run %lld",
                    (long long)function, (long long)e->run);
}

int xsg__store_check_trend(struct xsg_store *store, sqlite3_stmt *row, struct xsg_err *err)
{
    int64_t function = sqlite3_column_int64(row, 0), measure = sqlite3_column_int64(row, 1);
    const unsigned char *data = sqlite3_column_blob(row, 3);
    size_t bytes = (size_t)sqlite3_column_bytes(row, 3);
    int rc = XSG_OK;
    if (bytes % ENTRY != 0 || (bytes > 0 && sqlite3_column_type(row, 3) != SQLITE_BLOB))
        return xsg_fail(err, XSG_ECORRUPT, "the trend of function %lld has %zu bytes",
                        (long long)function, bytes);
    for (size_t i = 0; i < bytes && rc == XSG_OK; i += ENTRY) {
        struct entry e = read_entry(data + i, sqlite3_column_int64(row, 2));
        rc = check_entry(store, function, measure, &e, err);
    }
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int read_environments(struct xsg_store *store, struct xsg_arena *arena,
                             struct xsg_trend_runs *runs, struct xsg_map *by_id,
                             struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true, is_new;
    int rc = xsg__store_query(
        store, &s, err,
        "SELECT id, fingerprint, cpu_model, compiler, cores FROM environments ORDER BY id", NULL,
        0);
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        int64_t id = sqlite3_column_int64(s, 0), cores = sqlite3_column_int64(s, 4);
        const char *fingerprint = xsg__column_text(arena, s, 1);
        size_t k = 0;
        while (k < runs->n_environments &&
               !same_text(runs->environments[k].fingerprint, fingerprint))
            k++;
        if (k == runs->n_environments) {
            runs->environments =
                xsg_grow(arena, runs->environments, &cap, k + 1, sizeof *runs->environments);
            runs->environments[runs->n_environments++] = (struct xsg_trend_environment){
                .fingerprint = fingerprint,
                .cpu_model = xsg__column_text(arena, s, 2),
                .compiler = xsg__column_text(arena, s, 3),
                .cores = cores > 0 && cores < 1 << 20 ? (int)cores : 0};
        }
        *xsg_map_put(by_id, &id, sizeof id, &is_new) = (void *)(intptr_t)(k + 1);
    }
    return rc;
}

static int read_runs(struct xsg_store *store, struct xsg_arena *arena, struct xsg_trend_runs *runs,
                     const struct xsg_map *environments, struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true;
    const char *suite = NULL;
    int rc = xsg__store_query(store, &s, err,
                              "SELECT r.id, r.created, r.dirty, r.environment, r.suite_hash, c.oid,"
                              " c.time FROM runs r JOIN commits c ON c.id = r.commit_id"
                              " ORDER BY r.id",
                              NULL, 0);
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        int64_t environment = sqlite3_column_int64(s, 3);
        size_t known =
            (size_t)(intptr_t)xsg_map_get(environments, &environment, sizeof environment);
        const char *text = (const char *)sqlite3_column_text(s, 4);
        if (!same_text(text, suite)) /* hardly ever */
            suite = xsg__column_text(arena, s, 4);
        const char *oid = xsg__column_text(arena, s, 5);
        if (!known || !oid)
            return xsg__store_damaged(store, err, "run %lld has no commit or environment",
                                      (long long)sqlite3_column_int64(s, 0));
        runs->run = xsg_grow(arena, runs->run, &cap, runs->n + 1, sizeof *runs->run);
        runs->run[runs->n++] = (struct xsg_trend_run){.id = sqlite3_column_int64(s, 0),
                                                      .created = sqlite3_column_int64(s, 1),
                                                      .dirty = sqlite3_column_int64(s, 2) != 0,
                                                      .environment = known - 1,
                                                      .suite_hash = suite,
                                                      .oid = oid,
                                                      .time = sqlite3_column_int64(s, 6)};
    }
    return rc;
}

int xsg_trend_runs(struct xsg_store *store, struct xsg_arena *arena, struct xsg_trend_runs *runs,
                   struct xsg_err *err)
{
    struct xsg_map environments;
    *runs = (struct xsg_trend_runs){0};
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    xsg_map_init(&environments, &store->scratch);
    rc = read_environments(store, arena, runs, &environments, err);
    if (rc == XSG_OK)
        rc = read_runs(store, arena, runs, &environments, err);
    rc = xsg__store_end(store, rc, err);
    xsg_arena_release(&store->scratch);
    return rc;
}

struct course {
    struct xsg_store *store;
    struct xsg_arena *arena;
    const struct xsg_trend_runs *runs;
    int64_t measure, function;
    struct xsg_trend_point *points;
    size_t n, cap;
    size_t at; /* runs before this one are done */
};

/* Entries come by run; one of a run that is gone is passed over. */
static void add_point(struct course *c, int64_t run, double median, double spread)
{
    while (c->at < c->runs->n && c->runs->run[c->at].id < run)
        c->at++;
    if (c->at == c->runs->n || c->runs->run[c->at].id != run || !isfinite(median))
        return;
    c->points = xsg_grow(c->arena, c->points, &c->cap, c->n + 1, sizeof *c->points);
    c->points[c->n++] = (struct xsg_trend_point){c->at++, median, spread};
}

static void take_entries(struct course *c, int64_t last, const unsigned char *data, size_t bytes)
{
    for (size_t i = 0; i + ENTRY <= bytes; i += ENTRY) {
        struct entry e = read_entry(data + i, last);
        add_point(c, e.run, e.median, e.spread);
    }
}

static int read_blocks(struct course *c, struct xsg_err *err)
{
    sqlite3_stmt *s;
    bool row = true;
    int rc = xsg__store_query(
        c->store, &s, err,
        "SELECT last, data FROM trends WHERE function = ?1 AND measure = ?2 ORDER BY last",
        XSG_BIND(xsg__int(c->function), xsg__int(c->measure)));
    while (rc == XSG_OK && (rc = xsg__store_next(c->store, s, &row, err)) == XSG_OK && row) {
        const unsigned char *data = sqlite3_column_blob(s, 1);
        take_entries(c, sqlite3_column_int64(s, 0), data, (size_t)sqlite3_column_bytes(s, 1));
    }
    return rc;
}

/* The newest runs are in no block yet. */
static int read_newest(struct course *c, struct xsg_err *err)
{
    sqlite3_stmt *s;
    int64_t after;
    bool row = false;
    int rc = newest_block(c->store, &after, err);
    for (size_t i = 0; rc == XSG_OK && i < c->runs->n; i++) {
        int64_t run = c->runs->run[i].id;
        if (run <= after)
            continue;
        rc = xsg__store_query(c->store, &s, err,
                              "SELECT median, data FROM series WHERE run = ?1 AND measure = ?2"
                              " AND function = ?3 AND median IS NOT NULL ORDER BY ord LIMIT 1",
                              XSG_BIND(xsg__int(run), xsg__int(c->measure), xsg__int(c->function)));
        if (rc == XSG_OK)
            rc = xsg__store_next(c->store, s, &row, err);
        if (rc == XSG_OK && row) {
            double median = sqlite3_column_double(s, 0);
            add_point(c, run, median, spread_of(c->store, s, 1, median));
            sqlite3_reset(s);
        }
    }
    return rc;
}

static int text_id(struct xsg_store *store, const char *text, int64_t *id, struct xsg_err *err)
{
    *id = 0;
    return text ? xsg__store_number(store, id, err, "SELECT id FROM strings WHERE text = ?1",
                                    XSG_BIND(xsg__text(text)))
                : XSG_OK;
}

struct candidate {
    int64_t function;
    const char *file;
};

/* Functions of that name, and the measure; none is no error. */
static int find_candidates(struct xsg_store *store, struct xsg_arena *arena,
                           const struct xsg_trend_query *query, struct candidate **found, size_t *n,
                           struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    int64_t name;
    bool row = true;
    *found = NULL;
    *n = 0;
    int rc = text_id(store, query->function, &name, err);
    if (rc != XSG_OK || (query->function && !name))
        return rc;
    rc =
        xsg__store_query(store, &s, err,
                         "SELECT f.id, t.text FROM functions f LEFT JOIN strings t ON t.id = f.file"
                         " WHERE ifnull(f.name, 0) = ?1 ORDER BY f.id",
                         XSG_BIND(xsg__int(name)));
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        const char *file = xsg__column_text(arena, s, 1);
        if (query->file && !same_text(file, query->file))
            continue;
        *found = xsg_grow(arena, *found, &cap, *n + 1, sizeof **found);
        (*found)[(*n)++] = (struct candidate){sqlite3_column_int64(s, 0), file};
    }
    return rc;
}

static int find_measure(struct xsg_store *store, struct xsg_arena *arena,
                        const struct xsg_trend_query *query, int64_t *measure, const char **unit,
                        struct xsg_err *err)
{
    sqlite3_stmt *s;
    int64_t target, metric;
    bool row = false;
    *measure = 0;
    int rc = text_id(store, query->target, &target, err);
    if (rc == XSG_OK)
        rc = text_id(store, query->metric, &metric, err);
    if (rc == XSG_OK)
        rc = xsg__store_query(store, &s, err,
                              "SELECT q.id, u.text FROM measures q LEFT JOIN strings u"
                              " ON u.id = q.unit WHERE q.target = ?1 AND q.metric = ?2"
                              " ORDER BY q.id DESC LIMIT 1",
                              XSG_BIND(xsg__int(target), xsg__int(metric)));
    if (rc == XSG_OK)
        rc = xsg__store_next(store, s, &row, err);
    if (rc == XSG_OK && row) {
        *measure = sqlite3_column_int64(s, 0);
        *unit = xsg__column_text(arena, s, 1);
        sqlite3_reset(s);
    }
    return rc;
}

static int read_trend(struct xsg_store *store, struct xsg_arena *arena,
                      const struct xsg_trend_runs *runs, const struct xsg_trend_query *query,
                      struct xsg_trend *trend, struct xsg_err *err)
{
    struct candidate *candidates;
    size_t n;
    int64_t measure;
    int rc = find_measure(store, arena, query, &measure, &trend->unit, err);
    if (rc != XSG_OK || !measure)
        return rc;
    rc = find_candidates(store, arena, query, &candidates, &n, err);
    for (size_t i = 0; rc == XSG_OK && i < n; i++) {
        struct course course = {.store = store,
                                .arena = arena,
                                .runs = runs,
                                .measure = measure,
                                .function = candidates[i].function};
        rc = read_blocks(&course, err);
        if (rc == XSG_OK)
            rc = read_newest(&course, err);
        if (rc == XSG_OK && course.n > trend->n) {
            trend->points = course.points;
            trend->n = course.n;
            trend->file = candidates[i].file;
        }
    }
    return rc;
}

int xsg_trend_read(struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_trend_runs *runs, const struct xsg_trend_query *query,
                   struct xsg_trend *trend, struct xsg_err *err)
{
    *trend = (struct xsg_trend){0};
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    rc = read_trend(store, arena, runs, query, trend, err);
    rc = xsg__store_end(store, rc, err);
    xsg_arena_release(&store->scratch);
    return rc;
}

int xsg_trend_functions(struct xsg_store *store, struct xsg_arena *arena, const char ***names,
                        size_t *n, struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true;
    *names = NULL;
    *n = 0;
    int rc = xsg__store_query(store, &s, err,
                              "SELECT DISTINCT t.text FROM functions f JOIN strings t"
                              " ON t.id = f.name",
                              NULL, 0);
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        const char *text = xsg__column_text(arena, s, 0);
        if (!text)
            continue;
        *names = xsg_grow(arena, *names, &cap, *n + 1, sizeof **names);
        (*names)[(*n)++] = text;
    }
    return rc;
}
