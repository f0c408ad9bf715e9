/* Memory runs out at every possible moment, in SQLite and in our arenas: whole or nothing. */
#include <malloc.h>

#include "tests/unit/temp_store.h"

/* ---- SQLite's allocator, failing the n-th time ---- */

static long countdown;
static bool failed;

static bool fails_now(void)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    return failed = true;
}

static void *m_malloc(int n)
{
    return fails_now() ? NULL : malloc((size_t)n);
}

static void *m_realloc(void *p, int n)
{
    return fails_now() ? NULL : realloc(p, (size_t)n);
}

static int m_size(void *p)
{
    return p ? (int)malloc_usable_size(p) : 0;
}

static int m_roundup(int n)
{
    return (n + 7) & ~7;
}

static int m_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void m_shutdown(void *arg)
{
    (void)arg;
}

static void install(void)
{
    static sqlite3_mem_methods methods = {m_malloc,  free,   m_realloc,  m_size,
                                          m_roundup, m_init, m_shutdown, NULL};
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* so that every allocation comes here */
    sqlite3_initialize();
}

static void fail_at(long n)
{
    countdown = n;
    failed = false;
}

static void assert_says_so(int rc, const struct xsg_err *err, long n)
{
    if (rc != XSG_OK && !err->text[0])
        fail_msg("allocation %ld failed without a sentence", n);
    if (rc == XSG_ECORRUPT)
        fail_msg("allocation %ld was taken for damage: %s", n, err->text);
}

static void put_one(struct temp_store *t, uint64_t seed)
{
    struct xsg_run run = sample_run(&t->arena, seed, 3, 4);
    if (xsg_store_put(t->store, &run, &t->err) != XSG_OK)
        fail_msg("%s", t->err.text);
}

static void sqlite_has_no_memory_while_putting(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    int64_t stored = 0;
    for (long n = 1;; n++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_run run = sample_run(&arena, (uint64_t)n, 3, 4), got;
        struct xsg_err err = {{0}, {0}};
        fail_at(n);
        int rc = xsg_store_put(t->store, &run, &err);
        bool done = !failed;
        fail_at(0);
        assert_says_so(rc, &err, n);
        stored += rc == XSG_OK;
        if (temp_store_runs(t) != stored)
            fail_msg("after allocation %ld: %d", n, rc);
        if (rc == XSG_OK) {
            assert_int_equal(xsg_store_get(t->store, &arena, run.id, &got, &t->err), XSG_OK);
            assert_true(same_run(&got, &run));
        }
        xsg_arena_release(&arena);
        if (n % 7 == 0) /* with fresh and with used statements */
            assert_int_equal(temp_store_open(t, false), XSG_OK);
        if (done) {
            assert_int_equal(rc, XSG_OK);
            break;
        }
    }
    temp_store_assert_clean(t);
}

static void sqlite_has_no_memory_while_opening(void **state)
{
    struct temp_store *t = *state;
    for (long n = 1;; n += n < 300 ? 1 : 7) { /* making the schema takes thousands */
        fail_at(n);
        int rc = temp_store_open(t, true);
        bool done = !failed;
        fail_at(0);
        assert_says_so(rc, &t->err, n);
        if (temp_store_open(t, true) != XSG_OK)
            fail_msg("after allocation %ld: %s", n, t->err.text);
        put_one(t, 1);
        if (n % 10 == 0)
            temp_store_assert_clean(t);
        xsg_store_close(t->store);
        t->store = NULL;
        assert_int_equal(xsg_remove_tree(xsg_path_dir(&t->arena, t->path), NULL), XSG_OK);
        if (done) {
            assert_int_equal(rc, XSG_OK);
            print_message("%ld allocations\n", n - 1);
            break;
        }
    }
}

/* Opening a store that is there, reading, finding, counting, verifying, pruning. */
static int use(struct temp_store *t, struct xsg_arena *arena, struct xsg_err *err)
{
    struct xsg_run run;
    struct xsg_store_stat stat;
    struct xsg_store_query query = {.oid = "0000000000000000000000000000000000000000"};
    struct xsg_store_prune what = {.keep = 1, .dry_run = true};
    char **findings;
    size_t n;
    xsg_store_close(t->store);
    t->store = NULL;
    int rc = xsg_store_open(&t->store, t->path, false, err);
    if (rc == XSG_OK)
        rc = xsg_store_get(t->store, arena, 1, &run, err);
    if (rc == XSG_OK)
        rc = xsg_store_stat(t->store, &stat, err);
    if (rc == XSG_OK && xsg_store_find(t->store, arena, &query, &run, err) != XSG_ENOTFOUND)
        rc = XSG_ENOMEM;
    if (rc == XSG_OK)
        rc = xsg_store_verify(t->store, arena, &findings, &n, err);
    if (rc == XSG_OK && n > 0)
        fail_msg("no memory was taken for damage: %s", findings[0]);
    if (rc == XSG_OK)
        rc = xsg_store_prune(t->store, &what, &n, err);
    return rc;
}

static jmp_buf out_of_memory;

static void on_oom(size_t size)
{
    (void)size;
    longjmp(out_of_memory, 1);
}

static void sqlite_has_no_memory_while_reading(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    put_one(t, 1);
    put_one(t, 2);
    xsg_arena_on_oom(on_oom);
    for (volatile long n = 1;; n += n < 800 ? 1 : 7) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_err err = {{0}, {0}};
        volatile int rc = XSG_ENOMEM;
        fail_at(n);
        if (setjmp(out_of_memory) == 0) {
            rc = use(t, &arena, &err);
            assert_says_so(rc, &err, n);
        }
        bool done = !failed;
        fail_at(0);
        xsg_arena_release(&arena);
        if (done) {
            assert_int_equal(rc, XSG_OK);
            print_message("%ld allocations\n", n - 1);
            break;
        }
    }
    xsg_arena_on_oom(NULL);
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    assert_int_equal(temp_store_runs(t), 2);
    temp_store_assert_clean(t);
}

/* ---- our arenas ---- */

static void an_arena_has_no_memory_while_putting(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    struct xsg_run run = sample_run(&t->arena, 1, 60, 8);
    xsg_arena_on_oom(on_oom);
    volatile bool done = false;
    for (volatile unsigned long n = 1; !done; n++) {
        if (setjmp(out_of_memory) == 0) {
            xsg_arena_fail_at(n);
            int rc = xsg_store_put(t->store, &run, &t->err);
            done = true;
            xsg_arena_fail_at(0);
            assert_int_equal(rc, XSG_OK);
            print_message("%lu blocks\n", n - 1);
            assert_true(n > 2);
        } else {
            /* The transaction was left open: the next call takes it back. */
            struct xsg_arena arena = XSG_ARENA_INIT;
            struct xsg_run small = sample_run(&arena, 2, 1, 1);
            assert_int_equal(xsg_store_put(t->store, &small, &t->err), XSG_OK);
            assert_int_equal(temp_store_runs(t), n);
            xsg_arena_release(&arena);
        }
    }
    xsg_arena_on_oom(NULL);
    temp_store_assert_clean(t);
}

static void an_arena_has_no_memory_while_reading(void **state)
{
    struct temp_store *t = *state;
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    struct xsg_run run = sample_run(&t->arena, 1, 400, 30);
    assert_int_equal(xsg_store_put(t->store, &run, &t->err), XSG_OK);
    xsg_arena_on_oom(on_oom);
    volatile bool done = false;
    for (volatile unsigned long n = 1; !done; n++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_run got;
        if (setjmp(out_of_memory) == 0) {
            xsg_arena_fail_at(n);
            int rc = xsg_store_get(t->store, &arena, 1, &got, &t->err);
            done = true;
            xsg_arena_fail_at(0);
            assert_int_equal(rc, XSG_OK);
            assert_true(same_run(&got, &run));
            assert_true(n > 2);
        }
        xsg_arena_release(&arena);
    }
    xsg_arena_on_oom(NULL);
    put_one(t, 2);
    temp_store_assert_clean(t);
}

int main(void)
{
    install();
    temp_store_base = xsg_is_dir("/dev/shm") ? "/dev/shm" : "/tmp";
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_folder, temp_store_teardown)
        TEST(sqlite_has_no_memory_while_putting),   TEST(sqlite_has_no_memory_while_opening),
        TEST(sqlite_has_no_memory_while_reading),   TEST(an_arena_has_no_memory_while_putting),
        TEST(an_arena_has_no_memory_while_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
