/* A store in a temporary folder. */
#ifndef XSG_TESTS_TEMP_STORE_H
#define XSG_TESTS_TEMP_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/fs.h"
#include "baseline/store.h"
#include "tests/unit/sample_run.h"

struct temp_store {
    struct xsg_arena arena;
    struct xsg_err err;
    char *folder;
    char *path;
    struct xsg_store *store;
};

/* Where: memory for tests that write thousands of times and do not mean the disk. */
static const char *temp_store_base = "/tmp";

static inline int temp_store_folder(void **state)
{
    struct temp_store *t = calloc(1, sizeof *t);
    *state = t;
    if (!t || xsg_temp_dir(&t->arena, temp_store_base, &t->folder, &t->err) != XSG_OK)
        return -1;
    t->path = xsg_path_join(&t->arena, t->folder, ".xsgate/store.db");
    return 0;
}

static inline int temp_store_setup(void **state)
{
    if (temp_store_folder(state) != 0)
        return -1;
    struct temp_store *t = *state;
    return xsg_store_open(&t->store, t->path, true, &t->err);
}

static inline int temp_store_teardown(void **state)
{
    struct temp_store *t = *state;
    xsg_store_close(t->store);
    xsg_remove_tree(t->folder, NULL);
    xsg_arena_release(&t->arena);
    free(t);
    return 0;
}

static inline int temp_store_open(struct temp_store *t, bool create)
{
    xsg_store_close(t->store);
    t->store = NULL;
    t->err = (struct xsg_err){{0}, {0}};
    return xsg_store_open(&t->store, t->path, create, &t->err);
}

static inline void temp_store_assert_clean(struct temp_store *t)
{
    char **findings;
    size_t n;
    if (xsg_store_verify(t->store, &t->arena, &findings, &n, &t->err) != XSG_OK)
        fail_msg("%s", t->err.text);
    if (n > 0)
        fail_msg("%s", findings[0]);
}

static inline int64_t temp_store_runs(struct temp_store *t)
{
    struct xsg_store_stat stat;
    if (xsg_store_stat(t->store, &stat, &t->err) != XSG_OK)
        fail_msg("%s", t->err.text);
    return stat.runs;
}

/* First column of the first row, by SQLite alone, as our users would. */
static inline char *temp_store_ask(struct temp_store *t, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    char *text = NULL;
    if (sqlite3_open(t->path, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        text = xsg_strdup(&t->arena, (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(db);
    return text;
}

static inline void temp_store_do(struct temp_store *t, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(t->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

#endif
