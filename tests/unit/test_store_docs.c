/* The page about the store is true: its examples run and give rows, and it names every column. */
#include "tests/unit/temp_store.h"

static char *page;

static int setup(void **state)
{
    if (temp_store_setup(state) != 0)
        return -1;
    struct temp_store *t = *state;
    size_t n;
    for (uint64_t i = 1; i <= 3; i++) {
        struct xsg_run base = sample_run(&t->arena, 2 * i, 5, 6);
        struct xsg_run head = sample_run(&t->arena, 2 * i + 1, 5, 6);
        struct xsg_comparison c = {.verdict = XSG_VERDICT_REGRESSED};
        if (xsg_store_put_comparison(t->store, &base, &head, &c,
                                     "{\"deltas\": [{\"function\": \"f\", \"verdict\": "
                                     "\"regressed\"}]}",
                                     &t->err) != XSG_OK)
            return -1;
    }
    return xsg_read_file(&t->arena, XSG_TEST_DATA "/../docs/formats/store.md", 1 << 20, &page, &n,
                         &t->err);
}

static int rows_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    int rows = 0;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(s) == SQLITE_ROW)
        rows++;
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    return rows;
}

static void every_example_runs_and_gives_rows(void **state)
{
    struct temp_store *t = *state;
    sqlite3 *db;
    int examples = 0;
    assert_int_equal(sqlite3_open_v2(t->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (char *at = page; (at = strstr(at, "```sql\n")); examples++) {
        at += 7;
        char *end = strstr(at, "```");
        assert_non_null(end);
        char *sql = xsg_strndup(&t->arena, at, (size_t)(end - at));
        if (rows_of(db, sql) == 0)
            fail_msg("no rows: %s", sql);
        at = end + 3;
    }
    sqlite3_close(db);
    assert_true(examples >= 7);
}

static void the_figures_in_the_examples_are_those_of_the_runs(void **state)
{
    struct temp_store *t = *state;
    struct xsg_run run;
    assert_int_equal(xsg_store_get(t->store, &t->arena, 6, &run, &t->err), XSG_OK);
    char *slowest =
        temp_store_ask(t, "SELECT function FROM v_series WHERE run = 6 AND metric = 'time'"
                          " AND function IS NOT NULL ORDER BY mean DESC LIMIT 1");
    double most = 0;
    const char *name = NULL;
    for (size_t i = 3; i < run.n_series; i += 3) {
        double sum = 0;
        for (size_t k = 0; k < 6; k++)
            sum += run.series[i].values[k];
        if (sum > most) {
            most = sum;
            name = run.series[i].function.name;
        }
    }
    assert_string_equal(slowest, name);
}

/* As a word in back quotes; "uid" is not named by "uids". */
static bool is_named(const char *name)
{
    size_t n = strlen(name);
    for (const char *at = page; (at = strstr(at, name)); at++) {
        if (at[-1] == '`' && at[n] == '`')
            return true;
    }
    return false;
}

static void every_table_and_column_is_named(void **state)
{
    struct temp_store *t = *state;
    sqlite3 *db;
    sqlite3_stmt *s;
    int n = 0;
    assert_int_equal(sqlite3_open_v2(t->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(
                         db,
                         "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name)"
                         " AS c WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%'",
                         -1, &s, NULL),
                     SQLITE_OK);
    for (; sqlite3_step(s) == SQLITE_ROW; n++) {
        const char *table = (const char *)sqlite3_column_text(s, 0);
        const char *column = (const char *)sqlite3_column_text(s, 1);
        if (!is_named(table) || !is_named(column))
            fail_msg("%s.%s is not documented", table, column);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    assert_true(n > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, temp_store_teardown)
        TEST(every_example_runs_and_gives_rows),
        TEST(the_figures_in_the_examples_are_those_of_the_runs),
        TEST(every_table_and_column_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
