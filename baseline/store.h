/*
 * The store: SQLite at .xsgate/store.db (the only place that includes sqlite3). WAL; a run is
 * stored whole or not at all; several processes may write at once (XSG_EBUSY after half
 * a minute). A handle is for one thread at a time.
 * The schema is documented in docs/formats/store.md and made by numbered migrations
 * (baseline/schema).
 */
#ifndef XSG_BASELINE_STORE_H
#define XSG_BASELINE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsgate/comparison.h>
#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"

struct xsg_store;

/* Makes folder and file when create. A newer schema, a damaged file, a read-only disk: one sentence
 * each; nothing stored is ever overwritten to "repair" it. */
int xsg_store_open(struct xsg_store **out, const char *path, bool create, struct xsg_err *err);
void xsg_store_close(struct xsg_store *store);

/* Stores the run, sets run->id. */
int xsg_store_put(struct xsg_store *store, struct xsg_run *run, struct xsg_err *err);
/* Both runs (unless stored already) and the comparison with its JSON, in one transaction. */
int xsg_store_put_comparison(struct xsg_store *store, struct xsg_run *base, struct xsg_run *head,
                             struct xsg_comparison *comparison, const char *json,
                             struct xsg_err *err);

int xsg_store_get(struct xsg_store *store, struct xsg_arena *arena, int64_t id, struct xsg_run *run,
                  struct xsg_err *err);
/* The newest run of a commit (not dirty unless dirty_too) that the rule finds comparable:
 * environment and suite hash equal where given, and all the targets measured that are given.
 * XSG_ENOTFOUND says what there is instead. */
struct xsg_store_query {
    const char *oid;
    const char *fingerprint; /* NULL: any */
    const char *suite_hash;  /* NULL: any */
    bool dirty_too;
    bool shared_too;            /* also a summary that somebody shared; it is no baseline */
    const char *const *targets; /* names; the run may have more. n_targets 0: any */
    size_t n_targets;
};
int xsg_store_find(struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_store_query *query, struct xsg_run *run, struct xsg_err *err);

/* The report of a gate that could not judge (its runs are not stored): until the next comparison is
 * put, it is what get_comparison finds as the newest. created: seconds since the epoch. */
int xsg_store_put_unjudged(struct xsg_store *store, int64_t created, const char *json,
                           struct xsg_err *err);

/* Comparison as stored JSON with the ids of its runs; id 0: the newest, whose runs are 0 where it
 * could not judge. */
int xsg_store_get_comparison(struct xsg_store *store, struct xsg_arena *arena, int64_t id,
                             char **json, size_t *n, int64_t *base_run, int64_t *head_run,
                             struct xsg_err *err);

/*
 * Runs of others, as shared through git notes: summaries. values[0] of each series is the median.
 * They are read like any run, with xsg_run.shared set, and are never found as a baseline.
 */
struct xsg_digest {
    int64_t n;        /* values that there were */
    double mean, mad; /* NaN: unknown; mad as xsg_mad */
};
struct xsg_shared_run {
    struct xsg_run run;
    const char *uid;
    struct xsg_digest *digests; /* one per series of run */
};
/* Adds those whose uid is not known yet, all or none. source: the remote's name. */
int xsg_store_put_shared(struct xsg_store *store, const struct xsg_shared_run *runs, size_t n,
                         const char *source, size_t *added, struct xsg_err *err);
int xsg_store_has(struct xsg_store *store, const char *uid, bool *known, struct xsg_err *err);
/* The newest runs, at most most, that can be shared: measured here, of a clean commit. */
struct xsg_store_key {
    int64_t id;
    const char *uid, *oid;
};
int xsg_store_own_runs(struct xsg_store *store, struct xsg_arena *arena, size_t most,
                       struct xsg_store_key **keys, size_t *n, struct xsg_err *err);

struct xsg_store_stat {
    int64_t shared; /* of the runs: summaries of others */
    int64_t runs, comparisons, functions, values, bytes;
    int schema_version;
    int64_t oldest, newest; /* seconds since the epoch; 0 when empty */
};
int xsg_store_stat(struct xsg_store *store, struct xsg_store_stat *stat, struct xsg_err *err);

/* verify: SQLite's integrity check, foreign keys, and every value blob's length and finiteness. */
int xsg_store_verify(struct xsg_store *store, struct xsg_arena *arena, char ***findings, size_t *n,
                     struct xsg_err *err);
/* merge: copies runs and comparisons of another store that this one lacks, all or none.
 * A run is known in every store by a random uid. An older other is brought up to date first. */
int xsg_store_merge(struct xsg_store *store, const char *other, size_t *added, struct xsg_err *err);
/* prune: removes all but the newest keep runs per commit (changed work trees apart) and
 * environment, and those older than; comparisons by the same rules per pair of commits. Runs of
 * comparisons that stay are kept. The space is given back. *removed counts runs. */
struct xsg_store_prune {
    int64_t keep;       /* per commit and environment; 0: no limit */
    int64_t older_than; /* seconds since the epoch; 0: no limit */
    bool dry_run;
};
int xsg_store_prune(struct xsg_store *store, const struct xsg_store_prune *what, size_t *removed,
                    struct xsg_err *err);
/* backup: a consistent copy by SQLite's backup interface while others write. */
int xsg_store_backup(struct xsg_store *store, const char *path, struct xsg_err *err);

#endif
