/*
 * trend: one metric of one function (or target) over all stored runs. Reading only; memory in the
 * arena; the store's handle is for one thread at a time.
 */
#ifndef XSG_BASELINE_TREND_H
#define XSG_BASELINE_TREND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "baseline/store.h"

struct xsg_trend_run {
    int64_t id, created; /* created: seconds since the epoch */
    const char *oid, *suite_hash;
    int64_t time; /* the commit's */
    bool dirty;
    size_t environment; /* index into environments */
};

struct xsg_trend_environment {
    const char *fingerprint, *cpu_model, *compiler; /* NULL: unknown */
    int cores;
};

/* All runs by id (the order in which they were stored), without their numbers. */
struct xsg_trend_runs {
    struct xsg_trend_run *run;
    size_t n;
    struct xsg_trend_environment *environments; /* of one fingerprint: one */
    size_t n_environments;
};
int xsg_trend_runs(struct xsg_store *store, struct xsg_arena *arena, struct xsg_trend_runs *runs,
                   struct xsg_err *err);

struct xsg_trend_query {
    const char *target;   /* name */
    const char *function; /* name; NULL: the whole target */
    const char *file;     /* NULL: any; the one with most points when several have the name */
    const char *metric;
};

/* A run in which the function was seen. */
struct xsg_trend_point {
    size_t run;    /* index into the runs given */
    double median; /* over the run's rounds */
    double spread; /* relative standard error of median; NaN: unknown */
};

struct xsg_trend {
    const char *file, *unit; /* NULL: unknown */
    struct xsg_trend_point *points;
    size_t n; /* 0: never seen */
};

/* Milliseconds for ten thousand runs. What was never seen has no points and is no error. */
int xsg_trend_read(struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_trend_runs *runs, const struct xsg_trend_query *query,
                   struct xsg_trend *trend, struct xsg_err *err);

/* Names of functions that were ever stored, for "did you mean". */
int xsg_trend_functions(struct xsg_store *store, struct xsg_arena *arena, const char ***names,
                        size_t *n, struct xsg_err *err);

#endif
