/* What the files of the store share; nobody else includes this. */
#ifndef XSG_BASELINE_STORE_INTERNAL_H
#define XSG_BASELINE_STORE_INTERNAL_H

#include <endian.h>
#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"
#include "base/embed.h"
#include "base/map.h"
#include "baseline/store.h"

enum {
    XSG_STORE_APPLICATION = 0x78736774, /* "xsgt", in the file's header: file(1) and we know it */
    XSG_STORE_STATEMENTS = 128,
    XSG_STORE_LONGEST = 256 << 20 /* bytes of one value: what is larger is damage or an attack */
};

struct xsg_store {
    sqlite3 *db;
    char *path;
    const char *unwritable; /* why nothing can be written, or NULL */
    int version;            /* of the schema in the file */
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } prepared[XSG_STORE_STATEMENTS];
    size_t n_prepared;
    /* Working memory of one call. Here and not on the stack, so that it is given back even when the
     * handler of an exhausted memory leaves by longjmp. */
    struct xsg_arena scratch;
    struct xsg_buf bytes;
    struct xsg_buf key;
};

/* How long to wait for another writer; then XSG_EBUSY. */
extern int xsg__store_patience_ms;

/* Number i of a column of values: eight bytes each, little-endian. */
static inline double xsg__store_value(const unsigned char *data, size_t i)
{
    uint64_t bits;
    double value;
    memcpy(&bits, data + 8 * i, sizeof bits);
    bits = le64toh(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- store_sql.c: statements, transactions, errors ---- */

struct xsg_bind {
    enum { XSG_BIND_NULL, XSG_BIND_INT, XSG_BIND_DOUBLE, XSG_BIND_TEXT, XSG_BIND_BLOB } type;
    int64_t number;
    double real;
    const void *bytes; /* must live until the call returns */
    size_t n;
};
struct xsg_bind xsg__int(int64_t value);
struct xsg_bind xsg__id(int64_t value); /* 0 becomes NULL */
struct xsg_bind xsg__double(double value);
struct xsg_bind xsg__text(const char *value); /* NULL becomes NULL */
struct xsg_bind xsg__blob(const void *bytes, size_t n);
#define XSG_BIND(...)                                                                              \
    (const struct xsg_bind[]){__VA_ARGS__},                                                        \
        sizeof((struct xsg_bind[]){__VA_ARGS__}) / sizeof(struct xsg_bind)

/* Prepares (once per text: sql must be a string literal) and binds. Step it with next. */
int xsg__store_query(struct xsg_store *store, sqlite3_stmt **statement, struct xsg_err *err,
                     const char *sql, const struct xsg_bind *binds, size_t n);
/* One row further: *row is false at the end, and the statement is then reset. */
int xsg__store_next(struct xsg_store *store, sqlite3_stmt *statement, bool *row,
                    struct xsg_err *err);
/* The whole of a statement that gives no rows. */
int xsg__store_exec(struct xsg_store *store, struct xsg_err *err, const char *sql,
                    const struct xsg_bind *binds, size_t n);
/* First column of the first row as a number; *value stays as it was when there is no row. */
int xsg__store_number(struct xsg_store *store, int64_t *value, struct xsg_err *err, const char *sql,
                      const struct xsg_bind *binds, size_t n);
/* Statements without parameters that are not kept: pragmas, migrations. */
int xsg__store_script(struct xsg_store *store, const char *sql, struct xsg_err *err);

/* how: "BEGIN" to read one state, "BEGIN IMMEDIATE" to write. Waits for others. */
int xsg__store_begin(struct xsg_store *store, const char *how, struct xsg_err *err);
/* Commits when rc is 0, else takes back; returns rc or the commit's failure. */
int xsg__store_end(struct xsg_store *store, int rc, struct xsg_err *err);

/* The sentence for what SQLite just answered. */
int xsg__store_fail(struct xsg_store *store, int sqlite_code, struct xsg_err *err);
int xsg__store_damaged(struct xsg_store *store, struct xsg_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A column's text in the arena; NULL for NULL. */
char *xsg__column_text(struct xsg_arena *arena, sqlite3_stmt *statement, int column);

/* ---- store_schema.c ---- */

extern const struct xsg_embedded
    *xsg__store_migrations;          /* ended by a NULL name; tests replace it */
int xsg__store_schema_version(void); /* the newest that this program knows */
/* Brings an older or empty file to the newest schema. */
int xsg__store_migrate(struct xsg_store *store, struct xsg_err *err);
/* Says in findings what the file's schema has that ours has not, and the other way round. */
int xsg__store_schema_differs(struct xsg_store *store, struct xsg_arena *arena, char **finding,
                              struct xsg_err *err);

/* ---- store.c ---- */

/* Settings that every connection to a file of unknown origin gets. */
void xsg__store_harden(sqlite3 *db);

/* ---- store_put.c, store_get.c: one run inside the caller's transaction ---- */

/* uid NULL: a fresh one. digests: one per series of a shared run; NULL: it has its values. */
int xsg__store_insert_run(struct xsg_store *store, const struct xsg_run *run, const char *uid,
                          const struct xsg_digest *digests, int64_t *id, struct xsg_err *err);
int xsg__store_check_run(const struct xsg_run *run, struct xsg_err *err);
int xsg__store_read_run(struct xsg_store *store, struct xsg_arena *arena, int64_t id,
                        struct xsg_run *run, struct xsg_err *err);

/* ---- store_trend.c: inside the caller's transaction ---- */

/* Turns the newest runs into rows of trends, as soon as there are enough of them. */
int xsg__store_make_trends(struct xsg_store *store, struct xsg_err *err);
/* Before runs or names are removed; make them anew afterwards. */
int xsg__store_forget_trends(struct xsg_store *store, struct xsg_err *err);
/* A row "function, measure, last, data" of trends says what series says, where that still is. */
int xsg__store_check_trend(struct xsg_store *store, sqlite3_stmt *row, struct xsg_err *err);

#endif
