/*
 * The store at size: commits x functions, generated. Prints ingest (beside plain sqlite3 inserting
 * the same rows into one table with the same key, in turns with ours), comparison of two commits,
 * history of one function, and bytes per value, at growing sizes.
 *
 *     bench_store [--commits N] [--functions N] [--rounds N] [--dir DIR]
 *
 * "own" is the process's CPU time: what the elapsed time is on a machine that nobody else uses.
 * One value is one double: the time of one function in one round. Each commit moves the lines of
 * the functions of one file in forty.
 */
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/stats.h"
#include "baseline/store.h"
#include "baseline/trend.h"
#include "compare/compare.h"

enum { FILES = 40, REPETITIONS = 9 };

static struct {
    size_t commits, functions, rounds;
    const char *dir;
} o = {1000, 2000, 10, "/tmp"};

/* This process's own time: what a quiet machine would take, when others disturb. */
static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return (double)xsg_system_clock.monotonic_ns(xsg_system_clock.arg) / 1e9;
}

static void fail(const char *what, const struct xsg_err *err)
{
    fprintf(stderr, "bench_store: %s failed: %s\n", what, err->text);
    exit(1);
}

/* ---- what is stored -------------------------------------------------------------------------- */

struct generator {
    struct xsg_arena arena;
    struct xsg_rng rng;
    struct xsg_run run;
    struct xsg_series *series;
    double *values;
};

static const char *function_name(struct xsg_arena *arena, size_t i)
{
    return xsg_printf(arena, "engine::part_%zu::function_%zu(int, char const*)", i % 17, i);
}

static void generator_init(struct generator *g)
{
    *g = (struct generator){0};
    xsg_rng_init(&g->rng, 1);
    struct xsg_target_run *target = XSG_NEW(&g->arena, struct xsg_target_run);
    target->name = "parse";
    target->command = "./bench_parse data/large.json";
    target->profile = "sample";
    g->values = XSG_NEW_ARRAY(&g->arena, double, (o.functions * o.rounds));
    g->series = XSG_NEW_ARRAY(&g->arena, struct xsg_series, o.functions);
    for (size_t i = 0; i < o.functions; i++)
        g->series[i] = (struct xsg_series){
            .target = target->name,
            .function = {.name = function_name(&g->arena, i),
                         .file = xsg_printf(&g->arena, "src/file_%zu.cpp", i % FILES),
                         .module = "bench_parse",
                         .line = (int)(10 * i + 1),
                         .end_line = (int)(10 * i + 8),
                         .code = i + 1},
            .metric = "time",
            .unit = "ns",
            .values = g->values + i * o.rounds,
            .n = o.rounds};
    g->run = (struct xsg_run){.elapsed_s = 60,
                              .environment = {.fingerprint = "0123456789abcdef", .cores = 8},
                              .suite_hash = "fedcba9876543210",
                              .targets = target,
                              .n_targets = 1,
                              .series = g->series,
                              .n_series = o.functions};
}

static const char *oid_of(char out[41], size_t commit)
{
    snprintf(out, 41, "%040zx", commit * 2654435761u + 1);
    return out;
}

static const struct xsg_run *generate(struct generator *g, size_t commit)
{
    static char oid[41], session[17];
    snprintf(session, sizeof session, "%016zx", commit);
    g->run.id = 0;
    g->run.session = session;
    g->run.created = 1700000000 + (int64_t)commit * 3600;
    g->run.commit = (struct xsg_commit){.oid = oid_of(oid, commit),
                                        .describe = "main",
                                        .subject = "something changed",
                                        .time = g->run.created - 600};
    for (size_t i = 0; i < o.functions; i++) {
        if (i % FILES == commit % FILES) {
            g->series[i].function.line++;
            g->series[i].function.end_line++;
        }
        for (size_t k = 0; k < o.rounds; k++)
            g->series[i].values[k] =
                1e4 * (double)(i + 1) * (1 + 0.02 * (xsg_rng_double(&g->rng) - 0.5));
    }
    return &g->run;
}

/* ---- plain sqlite3 --------------------------------------------------------------------------- */

struct plain {
    sqlite3 *db;
    sqlite3_stmt *insert;
};

static void plain_open(struct plain *p, const char *path)
{
    int code = sqlite3_open(path, &p->db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(
            p->db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE series (run INTEGER, measure INTEGER, function INTEGER, ord INTEGER,"
            " site INTEGER, n INTEGER, median REAL, mean REAL, data BLOB,"
            " PRIMARY KEY (run, measure, function, ord)) WITHOUT ROWID",
            NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(p->db, "INSERT INTO series VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)",
                                  -1, &p->insert, NULL);
    if (code != SQLITE_OK) {
        fprintf(stderr, "bench_store: plain sqlite3: %s\n", sqlite3_errmsg(p->db));
        exit(1);
    }
}

static void plain_put(struct plain *p, size_t commit, const struct xsg_run *run)
{
    sqlite3_exec(p->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *s = &run->series[i];
        sqlite3_bind_int64(p->insert, 1, (int64_t)commit + 1);
        sqlite3_bind_int64(p->insert, 2, (int64_t)i + 1);
        sqlite3_bind_int64(p->insert, 3, (int64_t)i);
        sqlite3_bind_int64(p->insert, 4, (int64_t)i + 1);
        sqlite3_bind_int64(p->insert, 5, (int64_t)s->n);
        sqlite3_bind_double(p->insert, 6, s->values[0]);
        sqlite3_bind_double(p->insert, 7, s->values[0]);
        sqlite3_bind_blob(p->insert, 8, s->values, (int)(s->n * sizeof(double)), SQLITE_STATIC);
        sqlite3_step(p->insert);
        sqlite3_reset(p->insert);
    }
    if (sqlite3_exec(p->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench_store: plain sqlite3: %s\n", sqlite3_errmsg(p->db));
        exit(1);
    }
}

/* ---- what is asked --------------------------------------------------------------------------- */

static void load(struct xsg_store *store, struct xsg_arena *arena, size_t commit,
                 struct xsg_run *run)
{
    struct xsg_err err = {0};
    char oid[41];
    struct xsg_store_query query = {.oid = oid_of(oid, commit)};
    if (xsg_store_find(store, arena, &query, run, &err) != 0)
        fail("finding a run", &err);
}

/* Two stored commits to a verdict. */
static double time_compare(struct xsg_store *store, size_t a, size_t b, double *own)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    struct xsg_gate gate;
    struct xsg_comparison comparison;
    double start = now(), begin = cpu();
    struct xsg_run *runs = XSG_NEW_ARRAY(&arena, struct xsg_run, 2);
    load(store, &arena, a, &runs[0]);
    load(store, &arena, b, &runs[1]);
    xsg_gate_init(&gate);
    if (xsg_compare(&arena, &runs[0], &runs[1], &gate, NULL, &comparison, &err) != 0)
        fail("the comparison", &err);
    double took = now() - start;
    *own = cpu() - begin;
    xsg_arena_release(&arena);
    return took;
}

static double time_history(struct xsg_store *store, size_t function, size_t expected, double *own)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    struct xsg_trend_runs runs;
    struct xsg_trend trend;
    const char *name = function_name(&arena, function);
    struct xsg_trend_query query = {.target = "parse", .function = name, .metric = "time"};
    double start = now(), begin = cpu();
    if (xsg_trend_runs(store, &arena, &runs, &err) != 0 ||
        xsg_trend_read(store, &arena, &runs, &query, &trend, &err) != 0)
        fail("the history", &err);
    double took = now() - start;
    *own = cpu() - begin;
    if (trend.n != expected) {
        fprintf(stderr, "bench_store: %zu points of history, expected %zu\n", trend.n, expected);
        exit(1);
    }
    xsg_arena_release(&arena);
    return took;
}

static void print_head(void)
{
    printf("%zu functions, %zu rounds\n", o.functions, o.rounds);
    printf("%21s %28s %16s %16s\n", "", "stored, 1000 values/s", "compare, ms", "history, ms");
    printf("%8s %12s %10s %10s %6s %8s %7s %8s %7s %8s %9s\n", "commits", "values", "ours",
           "sqlite", "ratio", "elapsed", "own", "elapsed", "own", "B/value", "file MB");
}

static void report(struct xsg_store *store, struct xsg_rng *rng, size_t commits, double ours,
                   double plain, size_t since)
{
    struct xsg_store_stat stat;
    struct xsg_err err = {0};
    double compare[REPETITIONS], compare_own[REPETITIONS];
    double history[REPETITIONS], history_own[REPETITIONS];
    double values = (double)(since * o.functions * o.rounds);
    if (xsg_store_stat(store, &stat, &err) != 0)
        fail("statistics", &err);
    for (int i = 0; i < REPETITIONS; i++) {
        compare[i] = time_compare(store, xsg_rng_below(rng, commits), xsg_rng_below(rng, commits),
                                  &compare_own[i]);
        history[i] = time_history(store, xsg_rng_below(rng, o.functions), commits, &history_own[i]);
    }
    printf("%8zu %12" PRId64 " %10.0f %10.0f %6.2f %8.1f %7.1f %8.1f %7.1f %8.1f %9.0f\n", commits,
           stat.values, values / ours / 1e3, values / plain / 1e3, plain / ours,
           xsg_median(compare, REPETITIONS) * 1e3, xsg_median(compare_own, REPETITIONS) * 1e3,
           xsg_median(history, REPETITIONS) * 1e3, xsg_median(history_own, REPETITIONS) * 1e3,
           (double)stat.bytes / (double)stat.values, (double)stat.bytes / 1e6);
    fflush(stdout);
}

/* ---- the run --------------------------------------------------------------------------------- */

static const char *fresh(struct xsg_arena *arena, const char *name)
{
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    const char *path = NULL;
    for (int i = 0; i < 3; i++) {
        path = xsg_printf(arena, "%s/%s%s", o.dir, name, suffixes[i]);
        unlink(path);
    }
    return path;
}

static void bench(void)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct generator g;
    struct xsg_store *store;
    struct plain plain;
    struct xsg_err err = {0};
    double ours = 0, theirs = 0;
    size_t since = 0;
    if (xsg_store_open(&store, fresh(&arena, "bench-store.db"), true, &err) != 0)
        fail("opening", &err);
    plain_open(&plain, fresh(&arena, "bench-plain.db"));
    generator_init(&g);
    print_head();
    for (size_t c = 0; c < o.commits; c++) {
        struct xsg_run run = *generate(&g, c);
        double start = now();
        if (xsg_store_put(store, &run, &err) != 0)
            fail("storing", &err);
        double middle = now();
        plain_put(&plain, c, &run);
        ours += middle - start;
        theirs += now() - middle;
        since++;
        if (c + 1 == o.commits || (c + 1 >= 64 && ((c + 1) & c) == 0)) {
            report(store, &g.rng, c + 1, ours, theirs, since);
            ours = theirs = 0;
            since = 0;
        }
    }
    xsg_store_close(store);
    sqlite3_finalize(plain.insert);
    sqlite3_close(plain.db);
    fresh(&arena, "bench-store.db");
    fresh(&arena, "bench-plain.db");
    xsg_arena_release(&g.arena);
    xsg_arena_release(&arena);
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        size_t n = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--commits") == 0)
            o.commits = n;
        else if (strcmp(argv[i], "--functions") == 0)
            o.functions = n;
        else if (strcmp(argv[i], "--rounds") == 0)
            o.rounds = n;
        else if (strcmp(argv[i], "--dir") == 0)
            o.dir = argv[i + 1];
    }
    bench();
    return 0;
}
