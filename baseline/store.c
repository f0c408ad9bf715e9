/* Opening and closing the store, and what is in it at a glance. */
#include "baseline/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "baseline/folder.h"
#include "baseline/store_internal.h"

/*
 * A store may come from anywhere (an artifact, a cache, a fork's pull request): its schema is data
 * of strangers. No triggers, no views, no functions with side effects in its schema, no way to edit
 * the schema itself; every page's cells are checked before use; no memory-mapped reading, which a
 * file that is cut meanwhile turns into SIGBUS.
 */
void xsg__store_harden(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, XSG_STORE_LONGEST);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_exec(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", NULL, NULL, NULL);
}

static void close_db(struct xsg_store *store)
{
    for (size_t i = 0; i < store->n_prepared; i++)
        sqlite3_finalize(store->prepared[i].statement);
    store->n_prepared = 0;
    sqlite3_close_v2(store->db);
    store->db = NULL;
}

static int open_db(struct xsg_store *store, const char *name, int flags, struct xsg_err *err)
{
    int code = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        if (store->db)
            code = sqlite3_extended_errcode(store->db);
        return xsg__store_fail(store, code, err);
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, xsg__store_patience_ms);
    xsg__store_harden(store->db);
    if (sqlite3_db_readonly(store->db, "main") == 1 && !store->unwritable)
        store->unwritable =
            access(store->path, W_OK) == 0 ? "it is read-only" : xsg_system_reason(errno);
    return XSG_OK;
}

/*
 * In WAL mode even a reader makes files beside the database. Where the folder forbids that, the
 * file can still be read as it is: no log lies beside it, and nobody who could write one shares our
 * view.
 */
static int open_unchanging(struct xsg_store *store, struct xsg_err *err)
{
    struct xsg_buf uri = XSG_BUF_INIT;
    xsg_buf_puts(&uri, "file:");
    for (const char *p = store->path; *p; p++) {
        if (strchr("%?#", *p))
            xsg_buf_printf(&uri, "%%%02x", (unsigned)(unsigned char)*p);
        else
            xsg_buf_putc(&uri, *p);
    }
    xsg_buf_puts(&uri, "?immutable=1");
    store->unwritable = "its folder is read-only";
    close_db(store);
    int rc = open_db(store, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    xsg_buf_release(&uri);
    return rc;
}

static bool folder_is_read_only(struct xsg_store *store)
{
    const char *folder = xsg_path_dir(&store->scratch, store->path);
    const char *log = xsg_printf(&store->scratch, "%s-wal", store->path);
    struct stat st;
    return access(folder, W_OK) != 0 && stat(log, &st) != 0;
}

struct header {
    int64_t application, version, tables;
};

/* In one transaction: another process may be making the schema just now. */
static int read_header(struct xsg_store *store, struct header *header, struct xsg_err *err)
{
    int rc = xsg__store_begin(store, "BEGIN", err);
    if (rc != XSG_OK)
        return rc;
    rc = xsg__store_number(store, &header->tables, err, "SELECT count(*) FROM sqlite_schema", NULL,
                           0);
    if (rc == XSG_OK)
        rc = xsg__store_number(store, &header->application, err, "PRAGMA application_id", NULL, 0);
    if (rc == XSG_OK)
        rc = xsg__store_number(store, &header->version, err, "PRAGMA user_version", NULL, 0);
    return xsg__store_end(store, rc, err);
}

static int judge_header(struct xsg_store *store, const struct header *header, struct xsg_err *err)
{
    int known = xsg__store_schema_version();
    bool empty = header->application == 0 && header->version == 0 && header->tables == 0;
    if (!empty && header->application != XSG_STORE_APPLICATION)
        return xsg_fail(err, XSG_ECORRUPT,
                        "'%s' is a SQLite database of another program, not a store of xsgate",
                        store->path);
    if (header->version > known) {
        xsg_fail(err, XSG_EFAILED,
                 "the store '%s' was made by a newer xsgate (schema %lld, this one knows %d)",
                 store->path, (long long)header->version, known);
        return xsg_fail_hint(err, XSG_EFAILED,
                             "use that xsgate, or name another file with --store");
    }
    if (!empty && header->version < 1)
        return xsg__store_damaged(store, err, "its schema has the number %lld",
                                  (long long)header->version);
    store->version = (int)header->version;
    return XSG_OK;
}

/* WAL: readers never wait for the writer, nor it for them. The change is kept in the file. */
static int use_log(struct xsg_store *store, struct xsg_err *err)
{
    for (int waited = 0;; waited += 5) {
        /* auto_vacuum only takes effect before the first page is written. */
        int code =
            sqlite3_exec(store->db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL",
                         NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return XSG_OK;
        if ((code & 0xff) != SQLITE_BUSY || waited >= xsg__store_patience_ms)
            return xsg__store_fail(store, code, err);
        sqlite3_sleep(5);
    }
}

static int prepare_schema(struct xsg_store *store, struct xsg_err *err)
{
    struct header header = {0};
    int rc = read_header(store, &header, err);
    if (rc == XSG_OK)
        rc = judge_header(store, &header, err);
    if (rc != XSG_OK || store->version == xsg__store_schema_version())
        return rc;
    if (store->unwritable) {
        if (header.version == 0)
            return xsg_fail(err, XSG_EFAILED, "the store '%s' is empty and cannot be written: %s",
                            store->path, store->unwritable);
        return xsg_fail(err, XSG_EFAILED,
                        "the store '%s' was made by an older xsgate and cannot be brought up to "
                        "date: %s",
                        store->path, store->unwritable);
    }
    if (header.version == 0)
        rc = use_log(store, err);
    return rc == XSG_OK ? xsg__store_migrate(store, err) : rc;
}

static int open_and_check(struct xsg_store *store, bool create, struct xsg_err *err)
{
    struct xsg_err first = {{0}, {0}};
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int rc = open_db(store, store->path, flags, &first);
    if (rc == XSG_OK)
        rc = prepare_schema(store, &first);
    if (rc == XSG_EFAILED && !store->version && xsg_is_file(store->path) &&
        folder_is_read_only(store)) {
        first.text[0] = '\0';
        rc = open_unchanging(store, &first);
        if (rc == XSG_OK)
            rc = prepare_schema(store, &first);
    }
    if (rc != XSG_OK) {
        xsg_fail(err, rc, "%s", first.text);
        return first.hint[0] ? xsg_fail_hint(err, rc, "%s", first.hint) : rc;
    }
    /* FULL: a run costs minutes to measure and one fsync to keep. With NORMAL a power cut could
     * take back a run that the user was told is stored. */
    return xsg__store_script(store, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY", err);
}

static int check_place(const char *path, bool create, struct xsg_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISREG(st.st_mode)
                   ? XSG_OK
                   : xsg_fail(err, XSG_EINVAL, "'%s' is not a file: a store cannot be there", path);
    if (errno != ENOENT)
        return xsg_fail(err, XSG_EFAILED, "cannot open the store '%s': %s", path,
                        xsg_system_reason(errno));
    if (create)
        return XSG_OK;
    xsg_fail(err, XSG_ENOTFOUND, "there is no store at '%s'", path);
    return xsg_fail_hint(err, XSG_ENOTFOUND, "'xsgate run' makes one");
}

int xsg_store_open(struct xsg_store **out, const char *path, bool create, struct xsg_err *err)
{
    *out = NULL;
    struct xsg_store *store = calloc(1, sizeof *store);
    if (!store)
        return xsg_fail(err, XSG_ENOMEM, "out of memory");
    char *absolute = xsg_path_absolute(&store->scratch, path);
    int rc = XSG_ENOMEM;
    store->path = strdup(absolute);
    if (!store->path)
        xsg_fail(err, rc, "out of memory");
    else
        rc = check_place(absolute, create, err);
    if (rc == XSG_OK && create && !xsg_is_file(absolute))
        rc = xsg_folder_make(xsg_path_dir(&store->scratch, absolute), err);
    if (rc == XSG_OK)
        rc = open_and_check(store, create, err);
    xsg_arena_release(&store->scratch);
    if (rc == XSG_OK)
        *out = store;
    else
        xsg_store_close(store);
    return rc;
}

void xsg_store_close(struct xsg_store *store)
{
    if (!store)
        return;
    close_db(store);
    xsg_arena_release(&store->scratch);
    xsg_buf_release(&store->bytes);
    xsg_buf_release(&store->key);
    free(store->path);
    free(store);
}

int xsg_store_stat(struct xsg_store *store, struct xsg_store_stat *stat, struct xsg_err *err)
{
    sqlite3_stmt *statement;
    bool row;
    *stat = (struct xsg_store_stat){.schema_version = store->version};
    int rc = xsg__store_query(
        store, &statement, err,
        "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM comparisons),"
        " (SELECT count(*) FROM functions WHERE name IS NOT NULL),"
        " (SELECT total(length(data)) / 8 FROM series),"
        " (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size),"
        " (SELECT min(created) FROM runs), (SELECT max(created) FROM runs),"
        " (SELECT count(*) FROM runs WHERE shared IS NOT NULL)",
        NULL, 0);
    if (rc == XSG_OK)
        rc = xsg__store_next(store, statement, &row, err);
    if (rc != XSG_OK || !row)
        return rc;
    int64_t *const fields[] = {&stat->runs,  &stat->comparisons, &stat->functions, &stat->values,
                               &stat->bytes, &stat->oldest,      &stat->newest,    &stat->shared};
    for (int i = 0; i < 8; i++)
        *fields[i] = sqlite3_column_int64(statement, i);
    sqlite3_reset(statement);
    return XSG_OK;
}
