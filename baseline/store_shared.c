/* Runs that others measured: kept as history, apart from what was measured here. */
#include "baseline/store_internal.h"

int xsg_store_has(struct xsg_store *store, const char *uid, bool *known, struct xsg_err *err)
{
    int64_t id = 0;
    int rc = xsg__store_number(store, &id, err, "SELECT id FROM runs WHERE uid = ?1",
                               XSG_BIND(xsg__text(uid)));
    *known = id != 0;
    return rc;
}

static int put_one(struct xsg_store *store, const struct xsg_shared_run *shared, const char *source,
                   size_t *added, struct xsg_err *err)
{
    bool known;
    int64_t id;
    int rc = xsg_store_has(store, shared->uid, &known, err);
    if (rc != XSG_OK || known)
        return rc;
    struct xsg_run run = shared->run;
    run.shared = source;
    rc = xsg__store_check_run(&run, err);
    if (rc == XSG_OK)
        rc = xsg__store_insert_run(store, &run, shared->uid, shared->digests, &id, err);
    *added += rc == XSG_OK;
    return rc;
}

int xsg_store_put_shared(struct xsg_store *store, const struct xsg_shared_run *runs, size_t n,
                         const char *source, size_t *added, struct xsg_err *err)
{
    size_t count = 0;
    *added = 0;
    int rc = xsg__store_begin(store, "BEGIN IMMEDIATE", err);
    if (rc != XSG_OK)
        return rc;
    for (size_t i = 0; rc == XSG_OK && i < n; i++) {
        rc = put_one(store, &runs[i], source, &count, err);
        xsg_arena_release(&store->scratch);
    }
    rc = xsg__store_end(store, rc, err);
    if (rc == XSG_OK)
        *added = count;
    return rc;
}

int xsg_store_own_runs(struct xsg_store *store, struct xsg_arena *arena, size_t most,
                       struct xsg_store_key **keys, size_t *n, struct xsg_err *err)
{
    sqlite3_stmt *s;
    size_t cap = 0;
    bool row = true;
    *keys = NULL;
    *n = 0;
    int rc = xsg__store_query(store, &s, err,
                              "SELECT r.id, r.uid, c.oid FROM runs r"
                              " JOIN commits c ON c.id = r.commit_id"
                              " WHERE r.shared IS NULL AND r.dirty = 0 AND length(c.oid) = 40"
                              " ORDER BY r.created DESC, r.id DESC LIMIT ?1",
                              XSG_BIND(xsg__int((int64_t)most)));
    while (rc == XSG_OK && (rc = xsg__store_next(store, s, &row, err)) == XSG_OK && row) {
        *keys = xsg_grow(arena, *keys, &cap, *n + 1, sizeof **keys);
        (*keys)[(*n)++] = (struct xsg_store_key){.id = sqlite3_column_int64(s, 0),
                                                 .uid = xsg__column_text(arena, s, 1),
                                                 .oid = xsg__column_text(arena, s, 2)};
    }
    return rc;
}
