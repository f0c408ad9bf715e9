/* The history of a function: the same numbers as the runs have, whatever else the store does. */
#include "tests/unit/temp_store.h"

#include "base/stats.h"
#include "baseline/trend.h"

enum { RUNS = 145 };

static void put_runs(struct temp_store *t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct xsg_run run = sample_run(&t->arena, i, 5, 4);
        if (i % 7 == 3)
            run.environment.fingerprint = "fedcba9876543210";
        if (i % 11 == 5)
            run.n_series -= 3; /* function_4 was not seen */
        assert_int_equal(xsg_store_put(t->store, &run, &t->err), XSG_OK);
    }
}

static struct xsg_trend read_trend(struct temp_store *t, struct xsg_trend_runs *runs,
                                   const char *function, const char *metric)
{
    struct xsg_trend trend;
    struct xsg_trend_query query = {.target = "parse", .function = function, .metric = metric};
    assert_int_equal(xsg_trend_runs(t->store, &t->arena, runs, &t->err), XSG_OK);
    assert_int_equal(xsg_trend_read(t->store, &t->arena, runs, &query, &trend, &t->err), XSG_OK);
    return trend;
}

/* Against the runs themselves. */
static void assert_agrees(struct temp_store *t, const char *function, const char *metric)
{
    struct xsg_trend_runs runs;
    struct xsg_trend trend = read_trend(t, &runs, function, metric);
    size_t at = 0;
    for (size_t i = 0; i < runs.n; i++) {
        struct xsg_run run;
        assert_int_equal(xsg_store_get(t->store, &t->arena, runs.run[i].id, &run, &t->err), XSG_OK);
        assert_string_equal(runs.run[i].oid, run.commit.oid);
        for (size_t k = 0; k < run.n_series; k++) {
            const struct xsg_series *s = &run.series[k];
            bool named = function ? s->function.name && strcmp(s->function.name, function) == 0
                                  : !s->function.name;
            double median = xsg_median(s->values, s->n);
            if (!named || strcmp(s->metric, metric) != 0 || isnan(median))
                continue;
            assert_true(at < trend.n);
            assert_int_equal(trend.points[at].run, i);
            assert_true(trend.points[at].median == median);
            at++;
        }
    }
    assert_int_equal(at, trend.n);
    assert_true(trend.n > 0);
}

static void history_agrees_with_the_runs(void **state)
{
    struct temp_store *t = *state;
    put_runs(t, 0, 40); /* in no block yet */
    assert_agrees(t, "function_2", "time");
    put_runs(t, 40, RUNS);
    assert_string_equal(temp_store_ask(t, "SELECT count(*) FROM trend_blocks"), "2");
    assert_agrees(t, "function_2", "time");
    assert_agrees(t, "function_4", "calls");
    assert_agrees(t, NULL, "total");
    temp_store_assert_clean(t);
}

static void what_was_never_seen_has_no_points(void **state)
{
    struct temp_store *t = *state;
    struct xsg_trend_runs runs;
    assert_int_equal(read_trend(t, &runs, "f", "time").n, 0);
    assert_int_equal(runs.n, 0);
    put_runs(t, 0, 3);
    assert_int_equal(read_trend(t, &runs, "f", "time").n, 0);
    assert_int_equal(read_trend(t, &runs, "function_1", "allocations").n, 0);
    assert_int_equal(read_trend(t, &runs, "function_1", "time").n, 3);
    assert_int_equal(runs.n, 3);
}

static void environments_are_told_apart(void **state)
{
    struct temp_store *t = *state;
    struct xsg_trend_runs runs;
    put_runs(t, 0, 20);
    read_trend(t, &runs, "function_1", "time");
    assert_int_equal(runs.n_environments, 2);
    for (size_t i = 0; i < runs.n; i++)
        assert_int_equal(runs.run[i].environment, i % 7 == 3 ? 1 : 0);
}

static void history_survives_prune_and_merge(void **state)
{
    struct temp_store *t = *state;
    put_runs(t, 0, RUNS);
    struct xsg_store_prune what = {.older_than = 1700000000 + 30};
    size_t removed;
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 30);
    assert_agrees(t, "function_3", "time");
    temp_store_assert_clean(t);
    struct temp_store into = {.folder = t->folder};
    into.path = xsg_path_join(&t->arena, t->folder, "other.db");
    assert_int_equal(xsg_store_open(&into.store, into.path, true, &into.err), XSG_OK);
    size_t added;
    assert_int_equal(xsg_store_merge(into.store, t->path, &added, &into.err), XSG_OK);
    assert_int_equal(added, RUNS - 30);
    assert_agrees(&into, "function_3", "time");
    temp_store_assert_clean(&into);
    xsg_store_close(into.store);
    xsg_arena_release(&into.arena);
}

static void a_wrong_trend_is_found(void **state)
{
    struct temp_store *t = *state;
    char **findings;
    size_t n;
    put_runs(t, 0, 70);
    temp_store_do(t, "UPDATE series SET median = median * 2 WHERE run = 9;"
                     "UPDATE trends SET data = x'00' WHERE measure = 2 AND function = 2");
    assert_int_equal(xsg_store_verify(t->store, &t->arena, &findings, &n, &t->err), XSG_OK);
    size_t medians = 0, lengths = 0;
    for (size_t i = 0; i < n; i++) {
        medians += strstr(findings[i], "has another median in run 9") != NULL;
        lengths += strstr(findings[i], "the trend of function 2 has 1 bytes") != NULL;
    }
    assert_true(medians > 5);
    assert_int_equal(lengths, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_setup, temp_store_teardown)
        TEST(history_agrees_with_the_runs), TEST(what_was_never_seen_has_no_points),
        TEST(environments_are_told_apart),  TEST(history_survives_prune_and_merge),
        TEST(a_wrong_trend_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
