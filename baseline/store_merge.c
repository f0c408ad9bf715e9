/* Taking over what another store has. Everything goes through the same reading and writing as any
 * run, so a stranger's file can bring in nothing that this program would not have written itself.
 */
#include <string.h>

#include "base/json.h"
#include "baseline/store_internal.h"

static int local_id(struct xsg_store *store, const char *uid, int64_t *id, struct xsg_err *err)
{
    *id = 0;
    return xsg__store_number(store, id, err, "SELECT id FROM runs WHERE uid = ?1",
                             XSG_BIND(xsg__text(uid)));
}

static int take_run(struct xsg_store *store, struct xsg_store *other, int64_t theirs,
                    const char *uid, size_t *added, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_run run;
    int64_t id;
    int rc = local_id(store, uid, &id, err);
    if (rc == XSG_OK && id == 0) {
        rc = xsg__store_read_run(other, &arena, theirs, &run, err);
        if (rc == XSG_OK)
            rc = xsg__store_check_run(&run, err);
        if (rc == XSG_OK)
            rc = xsg__store_insert_run(store, &run, uid, NULL, &id, err);
        *added += rc == XSG_OK;
        xsg_arena_release(&store->scratch);
    }
    xsg_arena_release(&arena);
    return rc;
}

static int take_runs(struct xsg_store *store, struct xsg_store *other, size_t *added,
                     struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    sqlite3_stmt *s;
    bool row = true;
    int rc = xsg__store_query(other, &s, err,
                              "SELECT id, uid FROM runs WHERE shared IS NULL ORDER BY id", NULL, 0);
    while (rc == XSG_OK && (rc = xsg__store_next(other, s, &row, err)) == XSG_OK && row) {
        const char *uid = xsg__column_text(&arena, s, 1);
        rc = uid ? take_run(store, other, sqlite3_column_int64(s, 0), uid, added, err)
                 : xsg__store_damaged(other, err, "a run has no uid");
        xsg_arena_release(&arena);
    }
    return rc;
}

struct foreign_comparison {
    const char *uid, *base, *head, *verdict, *json;
    int64_t created;
};

static int take_comparison(struct xsg_store *store, struct xsg_store *other,
                           const struct foreign_comparison *c, struct xsg_err *err)
{
    struct xsg_err why = {{0}, {0}};
    cJSON *root = NULL;
    int64_t known = 0, base, head;
    if (!c->uid || !c->base || !c->head || !c->verdict || !c->json ||
        xsg_json_parse(c->json, strlen(c->json), &root, &why) != XSG_OK)
        return xsg__store_damaged(other, err, "a comparison is not whole%s%s",
                                  why.text[0] ? ": " : "", why.text);
    cJSON_Delete(root);
    int rc = xsg__store_number(store, &known, err, "SELECT id FROM comparisons WHERE uid = ?1",
                               XSG_BIND(xsg__text(c->uid)));
    if (rc != XSG_OK || known)
        return rc;
    rc = local_id(store, c->base, &base, err);
    if (rc == XSG_OK)
        rc = local_id(store, c->head, &head, err);
    if (rc != XSG_OK)
        return rc;
    return xsg__store_exec(store, err,
                           "INSERT INTO comparisons (uid, base, head, created, verdict, json)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                           XSG_BIND(xsg__text(c->uid), xsg__int(base), xsg__int(head),
                                    xsg__int(c->created), xsg__text(c->verdict),
                                    xsg__text(c->json)));
}

static int take_comparisons(struct xsg_store *store, struct xsg_store *other, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    sqlite3_stmt *s;
    bool row = true;
    int rc = xsg__store_query(other, &s, err,
                              "SELECT x.uid, b.uid, h.uid, x.verdict, x.json, x.created"
                              " FROM comparisons x JOIN runs b ON b.id = x.base"
                              " JOIN runs h ON h.id = x.head ORDER BY x.id",
                              NULL, 0);
    while (rc == XSG_OK && (rc = xsg__store_next(other, s, &row, err)) == XSG_OK && row) {
        struct foreign_comparison c = {.created = sqlite3_column_int64(s, 5)};
        const char **const texts[] = {&c.uid, &c.base, &c.head, &c.verdict, &c.json};
        for (int i = 0; i < 5; i++)
            *texts[i] = xsg__column_text(&arena, s, i);
        rc = take_comparison(store, other, &c, err);
        xsg_arena_release(&arena);
    }
    return rc;
}

int xsg_store_merge(struct xsg_store *store, const char *other, size_t *added, struct xsg_err *err)
{
    struct xsg_store *from;
    size_t n = 0;
    *added = 0;
    int rc = xsg_store_open(&from, other, false, err);
    if (rc != XSG_OK)
        return rc;
    rc = xsg__store_begin(from, "BEGIN", err);
    if (rc == XSG_OK)
        rc = xsg__store_begin(store, "BEGIN IMMEDIATE", err);
    if (rc == XSG_OK) {
        rc = take_runs(store, from, &n, err);
        if (rc == XSG_OK)
            rc = take_comparisons(store, from, err);
        rc = xsg__store_end(store, rc, err);
    }
    if (rc == XSG_OK)
        *added = n;
    xsg_store_close(from);
    return rc;
}
