/* Statements, transactions, and SQLite's answers as sentences. */
#include "baseline/store_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"

int xsg__store_patience_ms = 30000;

struct xsg_bind xsg__int(int64_t value)
{
    return (struct xsg_bind){.type = XSG_BIND_INT, .number = value};
}

struct xsg_bind xsg__id(int64_t value)
{
    return (struct xsg_bind){.type = value ? XSG_BIND_INT : XSG_BIND_NULL, .number = value};
}

struct xsg_bind xsg__double(double value)
{
    return (struct xsg_bind){.type = XSG_BIND_DOUBLE, .real = value};
}

struct xsg_bind xsg__text(const char *value)
{
    return (struct xsg_bind){.type = value ? XSG_BIND_TEXT : XSG_BIND_NULL,
                             .bytes = value,
                             .n = value ? strlen(value) : 0};
}

struct xsg_bind xsg__blob(const void *bytes, size_t n)
{
    /* A NULL pointer would be bound as NULL, not as an empty value. */
    return (struct xsg_bind){.type = XSG_BIND_BLOB, .bytes = bytes ? bytes : "", .n = n};
}

int xsg__store_damaged(struct xsg_store *store, struct xsg_err *err, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    xsg_fail(err, XSG_ECORRUPT, "the store '%s' is damaged: %s", store->path, what);
    return xsg_fail_hint(
        err, XSG_ECORRUPT,
        "'xsgate store verify' lists the damage; put a backup in its place or move "
        "the file away, it is never overwritten");
}

static const char *system_reason(struct xsg_store *store, const char *otherwise)
{
    int number = store->db ? sqlite3_system_errno(store->db) : 0;
    return number ? xsg_system_reason(number) : otherwise;
}

int xsg__store_fail(struct xsg_store *store, int sqlite_code, struct xsg_err *err)
{
    const char *path = store->path;
    switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
        return xsg_fail(err, XSG_EFAILED, "cannot write the store '%s': the disk is full", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return xsg_fail(err, XSG_EBUSY, "another process has held the store '%s' for %g s", path,
                        xsg__store_patience_ms / 1e3);
    case SQLITE_NOTADB:
        xsg_fail(err, XSG_ECORRUPT, "'%s' is not a store: it is no SQLite database", path);
        return xsg_fail_hint(err, XSG_ECORRUPT,
                             "move it away or name another file with --store; it is never "
                             "overwritten");
    case SQLITE_READONLY:
        return xsg_fail(err, XSG_EFAILED, "the store '%s' cannot be written: %s", path,
                        store->unwritable ? store->unwritable : "it is read-only");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return xsg_fail(err, XSG_EFAILED, "cannot open the store '%s': %s", path,
                        system_reason(store, "permission denied"));
    case SQLITE_IOERR:
        return xsg_fail(err, XSG_EFAILED, "cannot read or write the store '%s': %s", path,
                        system_reason(store, sqlite3_errstr(sqlite_code)));
    case SQLITE_NOMEM:
        return xsg_fail(err, XSG_ENOMEM, "out of memory while using the store '%s'", path);
    case SQLITE_TOOBIG:
        return xsg_fail(err, XSG_EFAILED, "a value is too large for the store '%s' (%d MiB)", path,
                        XSG_STORE_LONGEST >> 20);
    default: /* CORRUPT; and ERROR, CONSTRAINT, MISMATCH: only another schema than ours gives those
              */
        return xsg__store_damaged(
            store, err, "%s", store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(sqlite_code));
    }
}

static int bind(sqlite3_stmt *statement, int at, const struct xsg_bind *value)
{
    switch (value->type) {
    case XSG_BIND_INT:
        return sqlite3_bind_int64(statement, at, value->number);
    case XSG_BIND_DOUBLE:
        return sqlite3_bind_double(statement, at, value->real);
    case XSG_BIND_TEXT:
        return sqlite3_bind_text64(statement, at, value->bytes, value->n, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case XSG_BIND_BLOB:
        return sqlite3_bind_blob64(statement, at, value->bytes, value->n, SQLITE_STATIC);
    case XSG_BIND_NULL:
        break;
    }
    return sqlite3_bind_null(statement, at);
}

static int prepare(struct xsg_store *store, const char *sql, sqlite3_stmt **statement)
{
    for (size_t i = 0; i < store->n_prepared; i++) {
        if (store->prepared[i].sql == sql) {
            *statement = store->prepared[i].statement;
            return SQLITE_OK;
        }
    }
    int code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code != SQLITE_OK)
        return code;
    assert(store->n_prepared < XSG_STORE_STATEMENTS);
    store->prepared[store->n_prepared].sql = sql;
    store->prepared[store->n_prepared++].statement = *statement;
    return SQLITE_OK;
}

int xsg__store_query(struct xsg_store *store, sqlite3_stmt **statement, struct xsg_err *err,
                     const char *sql, const struct xsg_bind *binds, size_t n)
{
    int code = prepare(store, sql, statement);
    if (code != SQLITE_OK)
        return xsg__store_fail(store, code, err);
    sqlite3_reset(*statement);
    for (size_t i = 0; i < n && code == SQLITE_OK; i++)
        code = bind(*statement, (int)i + 1, &binds[i]);
    return code == SQLITE_OK ? XSG_OK : xsg__store_fail(store, code, err);
}

int xsg__store_next(struct xsg_store *store, sqlite3_stmt *statement, bool *row,
                    struct xsg_err *err)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (*row)
        return XSG_OK;
    int rc = code == SQLITE_DONE ? XSG_OK : xsg__store_fail(store, code, err);
    sqlite3_reset(statement);
    return rc;
}

int xsg__store_exec(struct xsg_store *store, struct xsg_err *err, const char *sql,
                    const struct xsg_bind *binds, size_t n)
{
    sqlite3_stmt *statement;
    bool row = true;
    int rc = xsg__store_query(store, &statement, err, sql, binds, n);
    while (rc == XSG_OK && row)
        rc = xsg__store_next(store, statement, &row, err);
    return rc;
}

int xsg__store_number(struct xsg_store *store, int64_t *value, struct xsg_err *err, const char *sql,
                      const struct xsg_bind *binds, size_t n)
{
    sqlite3_stmt *statement;
    bool row;
    int rc = xsg__store_query(store, &statement, err, sql, binds, n);
    if (rc == XSG_OK)
        rc = xsg__store_next(store, statement, &row, err);
    if (rc == XSG_OK && row) {
        *value = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return rc;
}

int xsg__store_script(struct xsg_store *store, const char *sql, struct xsg_err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? XSG_OK : xsg__store_fail(store, code, err);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int xsg__store_begin(struct xsg_store *store, const char *how, struct xsg_err *err)
{
    if (store->unwritable && strcmp(how, "BEGIN") != 0)
        return xsg__store_fail(store, SQLITE_READONLY, err);
    if (!sqlite3_get_autocommit(store->db)) /* a call that was left by longjmp */
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    /* SQLite's own waiting covers a lock that is held; it gives up at once where waiting could be a
     * deadlock (recovery of the log, the change to WAL). Nothing is held here, so ask again. */
    int64_t until = now_ms() + xsg__store_patience_ms;
    int code;
    while ((code = sqlite3_exec(store->db, how, NULL, NULL, NULL)) != SQLITE_OK) {
        if ((code & 0xff) != SQLITE_BUSY || now_ms() >= until)
            return xsg__store_fail(store, code, err);
        sqlite3_sleep(5);
    }
    return XSG_OK;
}

int xsg__store_end(struct xsg_store *store, int rc, struct xsg_err *err)
{
    if (rc == XSG_OK) {
        int code = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return XSG_OK;
        rc = xsg__store_fail(store, code, err);
    }
    /* Open readers would keep the transaction alive. */
    for (size_t i = 0; i < store->n_prepared; i++)
        sqlite3_reset(store->prepared[i].statement);
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

char *xsg__column_text(struct xsg_arena *arena, sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t n = (size_t)sqlite3_column_bytes(statement, column);
    if (!text)
        xsg_out_of_memory(n);
    return xsg_strndup(arena, text, n);
}
