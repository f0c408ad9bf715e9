/* The store: exact round trips, the rules of find, merge, prune and backup. */
#include "tests/unit/temp_store.h"

static void every_run_comes_back_as_it_was(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run runs[60], got;
    for (uint64_t i = 0; i < 60; i++) {
        runs[i] = hostile_run(&b->arena, i + 1);
        assert_int_equal(xsg_store_put(b->store, &runs[i], &b->err), XSG_OK);
        assert_int_equal(runs[i].id, i + 1);
    }
    assert_int_equal(temp_store_open(b, false), XSG_OK);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(xsg_store_get(b->store, &b->arena, runs[i].id, &got, &b->err), XSG_OK);
        assert_int_equal(got.id, runs[i].id);
        assert_true(same_run(&got, &runs[i]));
    }
    temp_store_assert_clean(b);
}

static void the_folder_hides_itself_from_git(void **state)
{
    struct temp_store *b = *state;
    char *text;
    size_t n;
    const char *name = xsg_path_join(&b->arena, b->folder, ".xsgate/.gitignore");
    assert_int_equal(xsg_read_file(&b->arena, name, 100, &text, &n, &b->err), XSG_OK);
    assert_string_equal(text, "*\n");
    /* A folder of the user's is left as it is. */
    struct xsg_store *other;
    const char *path = xsg_path_join(&b->arena, b->folder, "shared/store.db");
    assert_int_equal(xsg_store_open(&other, path, true, &b->err), XSG_OK);
    xsg_store_close(other);
    assert_false(xsg_is_file(xsg_path_join(&b->arena, b->folder, "shared/.gitignore")));
}

static void an_infinite_value_is_refused_and_nothing_is_stored(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run = sample_run(&b->arena, 1, 4, 5);
    run.series[7].values[2] = INFINITY;
    assert_int_equal(xsg_store_put(b->store, &run, &b->err), XSG_EINVAL);
    assert_string_equal(b->err.text, "total of 'function_2' in target 'parse' is infinite in round "
                                     "3 and cannot be stored");
    assert_int_equal(run.id, 0);
    struct xsg_store_stat stat;
    assert_int_equal(xsg_store_stat(b->store, &stat, NULL), XSG_OK);
    assert_int_equal(stat.runs, 0);
}

static void an_absent_id_says_so(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run;
    char *json;
    size_t n;
    int64_t base, head;
    assert_int_equal(xsg_store_get(b->store, &b->arena, 7, &run, &b->err), XSG_ENOTFOUND);
    assert_string_equal(b->err.text, "the store has no run 7");
    struct xsg_err err = {{0}, {0}};
    assert_int_equal(
        xsg_store_get_comparison(b->store, &b->arena, 0, &json, &n, &base, &head, &err),
        XSG_ENOTFOUND);
    assert_string_equal(err.text, "the store has no comparison yet");
}

static void find_takes_the_newest_that_is_comparable(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run[5], got;
    const char *oid = NULL;
    for (int i = 0; i < 5; i++) {
        run[i] = sample_run(&b->arena, 3, 2, 3);
        oid = run[i].commit.oid;
        run[i].created = 100 + (i == 1 ? 50 : i);
    }
    run[2].commit.dirty = true;
    run[2].created = 500;
    run[3].environment.fingerprint = "another";
    run[4].suite_hash = "other suite";
    for (int i = 0; i < 5; i++)
        assert_int_equal(xsg_store_put(b->store, &run[i], &b->err), XSG_OK);
    const struct {
        struct xsg_store_query query;
        int expected;
    } cases[] = {
        {{.oid = oid, .fingerprint = "0123456789abcdef", .suite_hash = "feedface"}, 1},
        {{.oid = oid,
          .fingerprint = "0123456789abcdef",
          .suite_hash = "feedface",
          .dirty_too = true},
         2},
        {{.oid = oid, .fingerprint = "another"}, 3},
        {{.oid = oid, .suite_hash = "other suite"}, 4},
        {{.oid = oid}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(xsg_store_find(b->store, &b->arena, &cases[i].query, &got, &b->err),
                         XSG_OK);
        assert_int_equal(got.id, run[cases[i].expected].id);
        assert_true(same_run(&got, &run[cases[i].expected]));
    }
}

/* A gate of some targets stores a run, too: it is none of all of them. */
static void find_wants_all_the_targets(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run both = sample_run(&b->arena, 3, 2, 3), one = both, got;
    struct xsg_target_run two[] = {both.targets[0], both.targets[0]};
    static const char *const names[] = {"parse", "print", "sum"};
    struct xsg_store_query query = {.oid = one.commit.oid, .targets = names, .n_targets = 1};
    two[1].name = "print";
    both.targets = two;
    both.n_targets = 2;
    one.created = both.created + 1;
    assert_int_equal(xsg_store_put(b->store, &both, &b->err), XSG_OK);
    assert_int_equal(xsg_store_put(b->store, &one, &b->err), XSG_OK);
    assert_int_equal(xsg_store_find(b->store, &b->arena, &query, &got, &b->err), XSG_OK);
    assert_int_equal(got.id, one.id);
    query.n_targets = 2;
    assert_int_equal(xsg_store_find(b->store, &b->arena, &query, &got, &b->err), XSG_OK);
    assert_int_equal(got.id, both.id);
    query.n_targets = 3;
    assert_int_equal(xsg_store_find(b->store, &b->arena, &query, &got, &b->err), XSG_ENOTFOUND);
    assert_non_null(strstr(b->err.text, "(2 in all, 2 of other targets only)"));
}

static void find_says_what_there_is_instead(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run = sample_run(&b->arena, 3, 2, 3), got;
    run.commit.dirty = true;
    assert_int_equal(xsg_store_put(b->store, &run, &b->err), XSG_OK);
    struct xsg_store_query query = {.oid = run.commit.oid, .fingerprint = "x"};
    assert_int_equal(xsg_store_find(b->store, &b->arena, &query, &got, &b->err), XSG_ENOTFOUND);
    assert_string_equal(b->err.text, "the store has no comparable run of commit 0000000000 (1 in "
                                     "all, 1 in another environment, 1 of a changed work tree)");
    struct xsg_err err = {{0}, {0}};
    query.oid = "abcdefabcdefabcdef";
    assert_int_equal(xsg_store_find(b->store, &b->arena, &query, &got, &err), XSG_ENOTFOUND);
    assert_string_equal(err.text, "the store has no run of commit abcdefabcd");
}

static void a_comparison_is_stored_with_both_runs(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run base = sample_run(&b->arena, 1, 3, 4), head = sample_run(&b->arena, 2, 3, 4);
    struct xsg_comparison c = {.verdict = XSG_VERDICT_REGRESSED, .base = &base, .head = &head};
    assert_int_equal(
        xsg_store_put_comparison(b->store, &base, &head, &c, "{\"schema\": 1}", &b->err), XSG_OK);
    assert_true(base.id && head.id && c.id);
    struct xsg_comparison again = {.verdict = XSG_VERDICT_PASSED};
    assert_int_equal(xsg_store_put_comparison(b->store, &base, &head, &again, "{}", &b->err),
                     XSG_OK);
    struct xsg_store_stat stat;
    assert_int_equal(xsg_store_stat(b->store, &stat, NULL), XSG_OK);
    assert_int_equal(stat.runs, 2);
    assert_int_equal(stat.comparisons, 2);
    assert_int_equal(stat.values, 2 * 9 * 4);
    assert_int_equal(stat.functions, 2);
    assert_int_equal(stat.oldest, 1700000001);
    assert_int_equal(stat.newest, 1700000002);
    assert_true(stat.bytes > 4096);
    char *json;
    size_t n;
    int64_t base_id, head_id;
    assert_int_equal(
        xsg_store_get_comparison(b->store, &b->arena, c.id, &json, &n, &base_id, &head_id, &b->err),
        XSG_OK);
    assert_string_equal(json, "{\"schema\": 1}");
    assert_int_equal(n, strlen(json));
    assert_int_equal(base_id, base.id);
    assert_int_equal(head_id, head.id);
    assert_int_equal(
        xsg_store_get_comparison(b->store, &b->arena, 0, &json, &n, &base_id, &head_id, &b->err),
        XSG_OK);
    assert_string_equal(json, "{}");
    temp_store_assert_clean(b);
}

static void assert_newest(struct temp_store *b, const char *expected, int64_t base, int64_t head)
{
    char *json;
    size_t n;
    int64_t base_id, head_id;
    assert_int_equal(
        xsg_store_get_comparison(b->store, &b->arena, 0, &json, &n, &base_id, &head_id, &b->err),
        XSG_OK);
    assert_string_equal(json, expected);
    assert_int_equal(base_id, base);
    assert_int_equal(head_id, head);
}

static void a_gate_that_could_not_judge_is_the_newest_until_the_next(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run base = sample_run(&b->arena, 1, 3, 4), head = sample_run(&b->arena, 2, 3, 4);
    struct xsg_run other = sample_run(&b->arena, 3, 5, 4);
    struct xsg_comparison c = {.verdict = XSG_VERDICT_PASSED, .base = &base, .head = &head};
    struct xsg_store_prune old = {.older_than = 1700000003};
    size_t removed;
    assert_int_equal(xsg_store_put_unjudged(b->store, 1700000000, "[0]", &b->err), XSG_OK);
    assert_newest(b, "[0]", 0, 0);
    assert_int_equal(xsg_store_put_comparison(b->store, &base, &head, &c, "{}", &b->err), XSG_OK);
    assert_newest(b, "{}", base.id, head.id);
    assert_int_equal(xsg_store_put_unjudged(b->store, 1700000000, "[0]", &b->err), XSG_OK);
    assert_int_equal(xsg_store_put_comparison(b->store, &base, &head, &c, "{}", &b->err), XSG_OK);
    assert_newest(b, "{}", base.id, head.id); /* with nothing new but itself */
    assert_int_equal(xsg_store_put_unjudged(b->store, 1700000000, "[0]", &b->err), XSG_OK);
    assert_int_equal(xsg_store_put(b->store, &other, &b->err), XSG_OK);
    assert_newest(b, "[0]", 0, 0); /* a run alone is no verdict */
    assert_int_equal(xsg_store_put_unjudged(b->store, 1700000001, "[1]", &b->err), XSG_OK);
    assert_int_equal(xsg_store_put_unjudged(b->store, 1700000003, "[3]", &b->err), XSG_OK);
    assert_newest(b, "[3]", 0, 0);
    temp_store_assert_clean(b);
    assert_int_equal(xsg_store_prune(b->store, &old, &removed, &b->err), XSG_OK);
    assert_newest(b, "[3]", 0, 0);
    old.older_than++;
    assert_int_equal(xsg_store_prune(b->store, &old, &removed, &b->err), XSG_OK);
    assert_int_equal(xsg_store_get_comparison(b->store, &b->arena, 0, NULL, NULL, NULL, NULL, NULL),
                     XSG_ENOTFOUND); /* that was older than both */
}

static void numbers_are_summed_up_over_the_rounds_that_saw_the_function(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run = sample_run(&b->arena, 1, 1, 4);
    memcpy(run.series[0].values, (double[]){1, NAN, 2, 6}, 4 * sizeof(double));
    for (int i = 0; i < 4; i++)
        run.series[1].values[i] = NAN;
    assert_int_equal(xsg_store_put(b->store, &run, &b->err), XSG_OK);
    assert_string_equal(
        temp_store_ask(b,
                       "SELECT n || ' ' || median || ' ' || mean || ' ' || hex(data) FROM v_series"
                       " WHERE metric = 'time'"),
        "3 2.0 3.0 000000000000F03F000000000000F87F0000000000000040"
        "0000000000001840");
    assert_string_equal(
        temp_store_ask(b, "SELECT n || ' ' || (median IS NULL) || (mean IS NULL) FROM v_series"
                          " WHERE metric = 'total'"),
        "0 11");
    temp_store_assert_clean(b);
}

static void a_large_store_is_compact(void **state)
{
    struct temp_store *b = *state;
    struct xsg_store_stat stat;
    for (uint64_t i = 0; i < 20; i++) { /* every commit moves every function by a line */
        struct xsg_run run = sample_run(&b->arena, i + 1, 300, 20);
        for (size_t k = 0; k < run.n_series; k++)
            run.series[k].function.line += (int)i;
        assert_int_equal(xsg_store_put(b->store, &run, &b->err), XSG_OK);
    }
    assert_int_equal(xsg_store_stat(b->store, &stat, NULL), XSG_OK);
    assert_int_equal(stat.values, 20 * 900 * 20);
    double per_value = (double)stat.bytes / (double)stat.values;
    print_message("%.1f bytes per value\n", per_value);
    assert_true(per_value < 16);
}

static void damage_in_the_numbers_is_found(void **state)
{
    struct temp_store *b = *state;
    struct xsg_run run = sample_run(&b->arena, 1, 3, 4), got;
    struct xsg_comparison c = {.verdict = XSG_VERDICT_PASSED};
    assert_int_equal(xsg_store_put_comparison(b->store, &run, &run, &c, "{}", &b->err), XSG_OK);
    temp_store_assert_clean(b);
    temp_store_do(b, "UPDATE series SET data = zeroblob(13) WHERE ord = 0;"
                     "UPDATE series SET n = 9 WHERE ord = 1;"
                     "UPDATE series SET data = x'000000000000f07f' WHERE ord = 2;"
                     "UPDATE targets SET tree = x'00';"
                     "UPDATE comparisons SET json = '{';"
                     "CREATE TABLE guest (x);"
                     "DELETE FROM sites WHERE id = (SELECT max(id) FROM sites)");
    char **findings;
    size_t n;
    assert_int_equal(xsg_store_verify(b->store, &b->arena, &findings, &n, &b->err), XSG_OK);
    static const char *const expected[] = {
        "the schema has a foreign table guest",
        "series 0 of run 1: 13 bytes are no whole number of values",
        "series 1 of run 1: n, median or mean is not that of its 4 values",
        "series 2 of run 1: value 1 is infinite",
        "series 6 of run 1 has no name",
        "target 0 of run 1: call tree: ",
        "comparison 1: ",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++)
            found = found || strstr(findings[k], expected[i]);
        if (!found)
            fail_msg("not found: %s", expected[i]);
    }
    assert_int_equal(xsg_store_get(b->store, &b->arena, run.id, &got, &b->err), XSG_ECORRUPT);
    assert_non_null(strstr(b->err.text, "is damaged: the call tree of target 'parse'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_setup, temp_store_teardown)
        TEST(every_run_comes_back_as_it_was),
        TEST(the_folder_hides_itself_from_git),
        TEST(an_infinite_value_is_refused_and_nothing_is_stored),
        TEST(an_absent_id_says_so),
        TEST(find_takes_the_newest_that_is_comparable),
        TEST(find_wants_all_the_targets),
        TEST(find_says_what_there_is_instead),
        TEST(a_comparison_is_stored_with_both_runs),
        TEST(a_gate_that_could_not_judge_is_the_newest_until_the_next),
        TEST(numbers_are_summed_up_over_the_rounds_that_saw_the_function),
        TEST(a_large_store_is_compact),
        TEST(damage_in_the_numbers_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
