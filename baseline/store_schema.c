/* Numbered migrations: baseline/schema/NNNN_*.sql, inside the program. user_version is the number
 * of the last one that a file went through. */
#include <stdio.h>
#include <string.h>

#include "base/embed.h"
#include "baseline/store_internal.h"

extern const struct xsg_embedded xsg_schema_files[];
const struct xsg_embedded *xsg__store_migrations = xsg_schema_files;

int xsg__store_schema_version(void)
{
    int n = 0;
    while (xsg__store_migrations[n].name)
        n++;
    return n;
}

static int user_version(struct xsg_store *store, int64_t *version, struct xsg_err *err)
{
    return xsg__store_number(store, version, err, "PRAGMA user_version", NULL, 0);
}

/* One step in one transaction under the exclusive lock; *version is what the file then has. */
static int step(struct xsg_store *store, int64_t *version, struct xsg_err *err)
{
    char stamp[96];
    int rc = xsg__store_begin(store, "BEGIN EXCLUSIVE", err);
    if (rc != XSG_OK)
        return rc;
    /* Only now is it certain: another process may have been faster. */
    rc = user_version(store, version, err);
    if (rc == XSG_OK && *version < xsg__store_schema_version()) {
        snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                 XSG_STORE_APPLICATION, (int)*version + 1);
        rc = xsg__store_script(store, xsg__store_migrations[*version].data, err);
        if (rc == XSG_OK)
            rc = xsg__store_script(store, stamp, err);
        if (rc == XSG_OK)
            ++*version;
    }
    return xsg__store_end(store, rc, err);
}

int xsg__store_migrate(struct xsg_store *store, struct xsg_err *err)
{
    int64_t version = store->version;
    while (version < xsg__store_schema_version()) {
        int rc = step(store, &version, err);
        if (rc != XSG_OK)
            return rc;
    }
    store->version = (int)version;
    return XSG_OK;
}

/* The statements that made a schema, in one text. */
static int schema_text(sqlite3 *db, struct xsg_buf *text)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db,
                                  "SELECT type || ' ' || name, sql FROM sqlite_schema"
                                  " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1",
                                  -1, &statement, NULL);
    if (code != SQLITE_OK)
        return code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int i = 0; i < 2; i++) {
            xsg_buf_put(text, sqlite3_column_text(statement, i),
                        (size_t)sqlite3_column_bytes(statement, i));
            xsg_buf_putc(text, '\0');
        }
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Name and SQL of the entry that starts at *at; false at the end. */
static bool next_entry(const struct xsg_buf *text, size_t *at, const char **name, const char **sql)
{
    if (*at >= text->len)
        return false;
    *name = text->data + *at;
    *at += strlen(*name) + 1;
    *sql = *at < text->len ? text->data + *at : "";
    *at += strlen(*sql) + 1;
    return true;
}

/* The first entry of a that b lacks or has otherwise. */
static const char *first_missing(const struct xsg_buf *a, const struct xsg_buf *b)
{
    const char *name, *sql, *other_name, *other_sql;
    for (size_t i = 0; next_entry(a, &i, &name, &sql);) {
        bool found = false;
        for (size_t j = 0; !found && next_entry(b, &j, &other_name, &other_sql);)
            found = strcmp(name, other_name) == 0 && strcmp(sql, other_sql) == 0;
        if (!found)
            return name;
    }
    return NULL;
}

int xsg__store_schema_differs(struct xsg_store *store, struct xsg_arena *arena, char **finding,
                              struct xsg_err *err)
{
    struct xsg_buf ours = XSG_BUF_INIT, theirs = XSG_BUF_INIT;
    sqlite3 *fresh = NULL;
    int code = sqlite3_open(":memory:", &fresh);
    for (int i = 0; code == SQLITE_OK && i < xsg__store_schema_version(); i++)
        code = sqlite3_exec(fresh, xsg__store_migrations[i].data, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = schema_text(fresh, &ours);
    if (code == SQLITE_OK)
        code = schema_text(store->db, &theirs);
    *finding = NULL;
    if (code == SQLITE_OK) {
        const char *name = first_missing(&ours, &theirs);
        if (name)
            *finding = xsg_printf(arena, "the schema lacks or changed the %s", name);
        else if ((name = first_missing(&theirs, &ours)))
            *finding = xsg_printf(arena, "the schema has a foreign %s", name);
    }
    sqlite3_close_v2(fresh);
    xsg_buf_release(&ours);
    xsg_buf_release(&theirs);
    return code == SQLITE_OK ? XSG_OK : xsg__store_fail(store, code, err);
}
