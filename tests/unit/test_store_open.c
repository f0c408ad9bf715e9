/* Opening: new, older, newer, foreign, unwritable files, and two processes at once. */
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baseline/store_internal.h"
#include "tests/unit/temp_store.h"

static void assert_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' has no '%s' in it", text, part);
}

static void put_one(struct temp_store *t)
{
    struct xsg_run run = sample_run(&t->arena, 5, 3, 4);
    if (xsg_store_put(t->store, &run, &t->err) != XSG_OK)
        fail_msg("%s", t->err.text);
}

/* The newest schema's number and some more. */
static const char *version(struct temp_store *t, int more)
{
    return xsg_printf(&t->arena, "%d", xsg__store_schema_version() + more);
}

static void a_store_is_made_only_when_asked_for(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, false), XSG_ENOTFOUND);
    assert_text(t->err.text, "there is no store at '");
    assert_false(xsg_is_dir(xsg_path_dir(&t->arena, t->path)));
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    struct xsg_store_stat stat;
    assert_int_equal(xsg_store_stat(t->store, &stat, &t->err), XSG_OK);
    assert_int_equal(stat.schema_version, xsg__store_schema_version());
    assert_int_equal(stat.runs, 0);
    assert_int_equal(stat.oldest, 0);
    assert_string_equal(temp_store_ask(t, "PRAGMA journal_mode"), "wal");
    assert_string_equal(temp_store_ask(t, "PRAGMA auto_vacuum"), "2");
    assert_string_equal(temp_store_ask(t, "PRAGMA user_version"), version(t, 0));
    temp_store_assert_clean(t);
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&t->arena, t->path), &t->err), XSG_OK);
    assert_int_equal(xsg_write_file(t->path, "", 0, &t->err), XSG_OK);
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    put_one(t);
}

static void refused(struct temp_store *t, int code, const char *sentence)
{
    char *before, *after;
    size_t n, m;
    assert_int_equal(xsg_read_file(&t->arena, t->path, 1 << 24, &before, &n, NULL), XSG_OK);
    assert_int_equal(temp_store_open(t, true), code);
    assert_text(t->err.text, sentence);
    assert_int_equal(xsg_read_file(&t->arena, t->path, 1 << 24, &after, &m, NULL), XSG_OK);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
}

static void what_is_not_ours_is_refused_and_left_alone(void **state)
{
    struct temp_store *t = *state;
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    xsg_mkdirs(xsg_path_dir(&t->arena, t->path), NULL);
    assert_int_equal(xsg_write_file(t->path, noise, sizeof noise, NULL), XSG_OK);
    refused(t, XSG_ECORRUPT, "is not a store: it is no SQLite database");
    assert_text(t->err.hint, "it is never overwritten");
    unlink(t->path);
    temp_store_do(t, "CREATE TABLE precious (x)");
    refused(t, XSG_ECORRUPT, "is a SQLite database of another program, not a store of xsgate");
    unlink(t->path);
    mkdir(t->path, 0777);
    assert_int_equal(temp_store_open(t, true), XSG_EINVAL);
    assert_text(t->err.text, "is not a file: a store cannot be there");
    rmdir(t->path);
}

static void a_newer_store_is_refused_and_left_alone(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    put_one(t);
    xsg_store_close(t->store);
    t->store = NULL;
    temp_store_do(t, "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
    refused(t, XSG_EFAILED,
            xsg_printf(&t->arena, "was made by a newer xsgate (schema 99, this one knows %s)",
                       version(t, 0)));
    temp_store_do(t, "PRAGMA user_version = -3; PRAGMA wal_checkpoint(TRUNCATE)");
    refused(t, XSG_ECORRUPT, "is damaged: its schema has the number -3");
    temp_store_do(t, xsg_printf(&t->arena, "PRAGMA user_version = %s", version(t, 0)));
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    assert_int_equal(temp_store_runs(t), 1);
}

static void an_older_store_is_brought_up_to_date(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    put_one(t);
    const struct xsg_embedded *known = xsg__store_migrations;
    static const char better[] = "ALTER TABLE runs ADD COLUMN note TEXT;";
    static const char broken[] = "DELETE FROM series; DROP TABLE nowhere;";
    int n = xsg__store_schema_version();
    struct xsg_embedded more[64] = {{NULL, NULL, 0}};
    memcpy(more, known, (size_t)n * sizeof *known);
    more[n] = (struct xsg_embedded){"better.sql", better, sizeof better - 1};
    more[n + 1] = (struct xsg_embedded){"broken.sql", broken, sizeof broken - 1};
    xsg__store_migrations = more;
    /* The last step fails: the one before stays, it leaves no trace. */
    int rc = temp_store_open(t, false);
    char *reached = temp_store_ask(t, "PRAGMA user_version");
    char *series = temp_store_ask(t, "SELECT count(*) FROM series");
    more[n + 1].name = NULL;
    int again = temp_store_open(t, false);
    int64_t runs = again == XSG_OK ? temp_store_runs(t) : -1;
    if (again == XSG_OK)
        put_one(t);
    xsg__store_migrations = known;
    assert_int_equal(rc, XSG_ECORRUPT);
    assert_string_equal(reached, version(t, 1));
    assert_string_equal(series, "9");
    assert_int_equal(again, XSG_OK);
    assert_int_equal(runs, 1);
    assert_int_equal(temp_store_open(t, false), XSG_EFAILED);
    assert_text(t->err.text, xsg_printf(&t->arena, "(schema %s, this one knows %s)", version(t, 1),
                                        version(t, 0)));
}

static void a_store_of_the_first_schema_keeps_its_runs(void **state)
{
    struct temp_store *t = *state;
    const struct xsg_embedded *known = xsg__store_migrations;
    const struct xsg_embedded first[] = {known[0], {NULL, NULL, 0}};
    xsg__store_migrations = first;
    int rc = temp_store_open(t, true);
    xsg__store_migrations = known;
    assert_int_equal(rc, XSG_OK);
    temp_store_do(t, "INSERT INTO strings VALUES (1, 'parse'), (2, 'f'), (3, 'time');"
                     "INSERT INTO functions VALUES (1, 2, NULL);"
                     "INSERT INTO sites VALUES (1, 1, NULL, 3, 9);"
                     "INSERT INTO measures VALUES (1, 1, 3, NULL);"
                     "INSERT INTO commits VALUES (1, 'abc', 's', 5);"
                     "INSERT INTO environments (id, cores, memory) VALUES (1, 2, 3);"
                     "INSERT INTO runs VALUES (1, 'u', NULL, 1, 1.0, 1, NULL, 0, 1, NULL);"
                     "INSERT INTO targets VALUES (1, 1, 0, 1, NULL, NULL, 0, 0, NULL, NULL);"
                     "INSERT INTO series VALUES (1, 0, 1, 1, 1, 0.0, 0.0, zeroblob(8))");
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    struct xsg_run run;
    assert_int_equal(xsg_store_get(t->store, &t->arena, 1, &run, &t->err), XSG_OK);
    assert_int_equal(run.n_series, 1);
    assert_int_equal(run.series[0].function.end_line, 9);
    assert_true(run.series[0].function.code == 0 && run.series[0].function.code_deep == 0);
    assert_int_equal(run.targets[0].pairing, XSG_PAIRING_AUTO);
    assert_int_equal(run.targets[0].n_control, 0);
    assert_true(run.targets[0].binary == 0);
    put_one(t);
    temp_store_assert_clean(t);
}

/* Runs look in a process that is nobody in particular, as permissions mean nothing to root. */
static void as_nobody(struct temp_store *t, int (*look)(struct temp_store *t))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        _exit(look(t));
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static int says(struct temp_store *t, int code, int expected, const char *sentence)
{
    if (code == expected && strstr(t->err.text, sentence))
        return 0;
    printf("%d: '%s', not '%s'\n", code, t->err.text, sentence);
    fflush(stdout);
    return 1;
}

static int read_but_not_write(struct temp_store *t)
{
    struct xsg_run run;
    if (temp_store_open(t, true) != XSG_OK ||
        xsg_store_get(t->store, &t->arena, 1, &run, &t->err) != XSG_OK || run.n_series != 9)
        return says(t, 1, 0, "a run");
    return says(t, xsg_store_put(t->store, &run, &t->err), XSG_EFAILED, "cannot be written: ");
}

static int no_permission(struct temp_store *t)
{
    return says(t, temp_store_open(t, true), XSG_EFAILED, ": permission denied");
}

static void a_read_only_store_can_be_read(void **state)
{
    struct temp_store *t = *state;
    char *folder = xsg_path_dir(&t->arena, t->path);
    chmod(t->folder, 0755);
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    put_one(t);
    xsg_store_close(t->store);
    t->store = NULL;
    chmod(folder, 0555);
    chmod(t->path, 0444);
    as_nobody(t, read_but_not_write);
    chmod(t->path, 0666); /* the file could be written, the files beside it not */
    as_nobody(t, read_but_not_write);
    chmod(folder, 0777);
    chmod(t->path, 0444);
    as_nobody(t, read_but_not_write);
    chmod(t->path, 0000);
    as_nobody(t, no_permission);
    chmod(t->path, 0644);
    chmod(folder, 0000);
    as_nobody(t, no_permission);
    chmod(folder, 0755);
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    assert_int_equal(temp_store_runs(t), 1);
}

static int cannot_make(struct temp_store *t)
{
    return says(t, temp_store_open(t, true), XSG_EFAILED, "permission denied");
}

static void a_folder_that_cannot_be_made_says_so(void **state)
{
    struct temp_store *t = *state;
    chmod(t->folder, 0555);
    as_nobody(t, cannot_make);
    chmod(t->folder, 0755);
    assert_int_equal(xsg_write_file(xsg_path_dir(&t->arena, t->path), "x", 1, NULL), XSG_OK);
    assert_int_equal(temp_store_open(t, true), XSG_EFAILED);
}

static void many_processes_open_a_new_store_at_once(void **state)
{
    struct temp_store *t = *state;
    for (int round = 0; round < 10; round++) {
        pid_t children[6];
        int start[2];
        char byte;
        assert_int_equal(pipe(start), 0);
        for (int i = 0; i < 6; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                close(start[1]);
                if (read(start[0], &byte, 1) != 0)
                    _exit(2);
                int rc = temp_store_open(t, true);
                struct xsg_run run = sample_run(&t->arena, (uint64_t)i, 3, 4);
                if (rc == XSG_OK)
                    rc = xsg_store_put(t->store, &run, &t->err);
                if (rc != XSG_OK)
                    fprintf(stderr, "%s\n", t->err.text);
                _exit(rc != XSG_OK);
            }
        }
        close(start[0]);
        close(start[1]);
        for (int i = 0; i < 6; i++) {
            int status;
            waitpid(children[i], &status, 0);
            assert_int_equal(status, 0);
        }
        assert_int_equal(temp_store_open(t, false), XSG_OK);
        assert_int_equal(temp_store_runs(t), 6);
        temp_store_assert_clean(t);
        xsg_store_close(t->store);
        t->store = NULL;
        assert_int_equal(xsg_remove_tree(xsg_path_dir(&t->arena, t->path), NULL), XSG_OK);
    }
}

static void a_writer_that_does_not_let_go_is_waited_for_a_while(void **state)
{
    struct temp_store *t = *state;
    sqlite3 *other;
    int patience = xsg__store_patience_ms;
    xsg__store_patience_ms = 200;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    put_one(t);
    assert_int_equal(sqlite3_open(t->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct xsg_run run = sample_run(&t->arena, 6, 3, 4), got;
    int busy = xsg_store_put(t->store, &run, &t->err);
    int read = xsg_store_get(t->store, &t->arena, 1, &got, NULL);
    sqlite3_close(other);
    xsg__store_patience_ms = patience;
    assert_int_equal(busy, XSG_EBUSY);
    assert_text(t->err.text, "another process has held the store '");
    assert_text(t->err.text, "' for 0.2 s");
    assert_int_equal(read, XSG_OK);
    assert_int_equal(xsg_store_put(t->store, &run, NULL), XSG_OK);
    assert_int_equal(temp_store_runs(t), 2);
}

/* What a stranger could put into a file that says it is a store. */
static void a_hostile_schema_does_no_harm(void **state)
{
    struct temp_store *t = *state;
    static const char *const attacks[] = {
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM strings; END",
        "ALTER TABLE series RENAME TO hidden; CREATE VIEW series AS"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i AS run, i AS ord, 1 AS measure, 1 AS function, 1 AS site, 1 AS n, 1.0 AS "
        "median, 1.0 AS mean,"
        " zeroblob(8) AS data FROM n",
        "DROP VIEW v_series; DROP TABLE series",
        "DROP VIEW v_series; DROP TABLE series;"
        "CREATE TABLE series (run, measure, function, ord, site, n, median, mean, data);"
        "INSERT INTO series VALUES (1, 1, 1, 0, 1, 1, 'x', 'y', 'not a blob')",
        "INSERT INTO trends SELECT id, 1, 0, x'0102' FROM functions;"
        "INSERT INTO trend_blocks VALUES (9223372036854775807)",
        "UPDATE sites SET line = 99999999999, end_line = -5",
        "UPDATE targets SET lost = -1, samples = -2"};
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        struct xsg_run run;
        char **findings;
        size_t n = 0, added;
        assert_int_equal(temp_store_open(t, true), XSG_OK);
        put_one(t);
        xsg_store_close(t->store);
        t->store = NULL;
        temp_store_do(t, attacks[i]);
        assert_int_equal(temp_store_open(t, false), XSG_OK);
        int got = xsg_store_get(t->store, &t->arena, 1, &run, NULL);
        int verified = xsg_store_verify(t->store, &t->arena, &findings, &n, NULL);
        if (got == XSG_OK && (verified != XSG_OK || n == 0) && i < 4)
            fail_msg("attack %zu went unseen", i);
        if (i == 4 && got == XSG_OK)
            assert_int_equal(run.series[0].function.line, 0);
        char *stolen = t->path;
        t->path = xsg_path_join(&t->arena, t->folder, "mine/store.db");
        assert_int_equal(temp_store_open(t, true), XSG_OK);
        int merged = xsg_store_merge(t->store, stolen, &added, NULL);
        assert_true(merged == XSG_OK || added == 0);
        temp_store_assert_clean(t);
        t->path = stolen;
        xsg_store_close(t->store);
        t->store = NULL;
        xsg_remove_tree(xsg_path_dir(&t->arena, t->path), NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_folder, temp_store_teardown)
        TEST(a_store_is_made_only_when_asked_for),
        TEST(an_empty_file_becomes_a_store),
        TEST(what_is_not_ours_is_refused_and_left_alone),
        TEST(a_newer_store_is_refused_and_left_alone),
        TEST(an_older_store_is_brought_up_to_date),
        TEST(a_store_of_the_first_schema_keeps_its_runs),
        TEST(a_read_only_store_can_be_read),
        TEST(a_folder_that_cannot_be_made_says_so),
        TEST(many_processes_open_a_new_store_at_once),
        TEST(a_writer_that_does_not_let_go_is_waited_for_a_while),
        TEST(a_hostile_schema_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
