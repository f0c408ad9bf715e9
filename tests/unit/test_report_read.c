/* Reading a JSON report that somebody else, or nobody in their right mind, wrote. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
#include "ci/report/report.h"

struct text {
    struct xsg_arena arena;
    char *data;
    size_t n;
};

static int setup(void **state)
{
    static struct text t;
    t = (struct text){.data = NULL};
    assert_int_equal(xsg_read_file(&t.arena, XSG_TEST_DATA "/golden/expected/regressed.json",
                                   (size_t)1 << 20, &t.data, &t.n, NULL),
                     0);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct text *t = *state;
    xsg_arena_release(&t->arena);
    return 0;
}

static int read_text(const char *text, size_t n, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c;
    int rc = xsg_report_read_json(&arena, text, n, &c, err);
    if (rc == 0) { /* what was read can be rendered, whatever it says */
        struct xsg_buf out = XSG_BUF_INIT;
        const struct xsg_report_options options = {.columns = 80, .all = true};
        for (size_t i = 0; i < xsg_n_report_formats; i++)
            xsg_report_formats[i].write(&out, &c, &options);
        xsg_buf_release(&out);
    }
    xsg_arena_release(&arena);
    return rc;
}

static void test_contents(void **state)
{
    struct text *t = *state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c;
    assert_int_equal(xsg_report_read_json(&arena, t->data, t->n, &c, NULL), 0);
    assert_int_equal(c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(c.n_deltas, 9);
    assert_string_equal(c.deltas[1].function.name, "parse_string");
    assert_int_equal(c.deltas[1].function.line, 88);
    assert_int_equal(c.deltas[1].changed, 1);
    assert_float_equal(c.deltas[1].ratio, 1.213, 1e-12);
    assert_null(c.deltas[0].function.name);
    assert_int_equal(c.deltas[0].changed, -1);
    assert_int_equal(c.deltas[4].verdict, XSG_DELTA_ADDED);
    assert_true(isnan(c.deltas[4].base.mean) && isnan(c.deltas[4].low) && isnan(c.deltas[4].high));
    assert_true(isinf(c.deltas[8].high));
    assert_false(c.deltas[8].counts);
    assert_string_equal(c.deltas[0].through, "parse_string");
    assert_int_equal(c.deltas[0].code, XSG_CODE_UNKNOWN);
    assert_int_equal(c.deltas[1].code, XSG_CODE_DIFFERENT);
    assert_true(c.deltas[1].by_calls == 0 && c.deltas[1].by_cost > 14e6);
    assert_true(isnan(c.deltas[1].detectable) && isnan(c.deltas[2].by_calls));
    assert_string_equal(c.deltas[3].moved, "cost went to scan_digits");
    assert_string_equal(c.deltas[3].matched, "parse_int");
    assert_int_equal(c.head->n_targets, 2);
    assert_string_equal(c.base->commit.describe, "main");
    assert_int_equal(c.n_warnings, 1);
    xsg_arena_release(&arena);
}

/* What the CI said survives a write and a read; what is no such object is refused. */
static void test_ci(void **state)
{
    struct text *t = *state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c, again;
    struct xsg_buf out = XSG_BUF_INIT;
    const struct xsg_report_options options = {.columns = 80};
    const char *bad;

    assert_int_equal(xsg_report_read_json(&arena, t->data, t->n, &c, NULL), 0);
    assert_int_equal(c.ci.pull_request, 0);
    assert_null(c.ci.head_sha);
    c.ci = (struct xsg_comparison_ci){9007199254740991, "0123456789012345678901234567890123456789"};
    xsg_report_find("json")->write(&out, &c, &options);
    assert_int_equal(xsg_report_read_json(&arena, out.data, out.len, &again, NULL), 0);
    assert_int_equal(again.ci.pull_request, c.ci.pull_request);
    assert_string_equal(again.ci.head_sha, c.ci.head_sha);
    bad = xsg_printf(&arena, "{\"ci\": [],%s", t->data + 1);
    assert_int_equal(xsg_report_read_json(&arena, bad, strlen(bad), &again, NULL), XSG_EINVAL);
    bad = xsg_printf(&arena, "{\"ci\": {\"pull_request\": -1},%s", t->data + 1);
    assert_int_equal(xsg_report_read_json(&arena, bad, strlen(bad), &again, NULL), XSG_EINVAL);
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
}

static void test_truncated(void **state)
{
    struct text *t = *state;
    /* The last byte is the line break, without which it is whole. */
    for (size_t n = 0; n + 1 < t->n; n++) {
        struct xsg_err err = {0};
        assert_int_not_equal(read_text(t->data, n, &err), 0);
        assert_int_not_equal(err.text[0], '\0');
    }
    assert_int_equal(read_text(t->data, t->n - 1, NULL), 0);
}

static void test_damaged(void **state)
{
    struct text *t = *state;
    struct xsg_rng rng;
    size_t refused = 0;
    xsg_rng_init(&rng, 11);
    for (size_t i = 0; i < 2000; i++) {
        static const char bytes[] = "\"{}[],:-0e9tn\\\xff";
        size_t at = xsg_rng_below(&rng, t->n);
        char old = t->data[at];
        t->data[at] = bytes[xsg_rng_below(&rng, sizeof bytes)];
        refused += read_text(t->data, t->n, NULL) != 0;
        t->data[at] = old;
    }
    assert_in_range(refused, 1000, 1999);
}

/* Replaces the first occurrence and expects this sentence. */
static void refuse(struct text *t, const char *old, const char *replacement, const char *sentence)
{
    struct xsg_err err = {0};
    const char *at = strstr(t->data, old);
    assert_non_null(at);
    char *text = xsg_printf(&t->arena, "%.*s%s%s", (int)(at - t->data), t->data, replacement,
                            at + strlen(old));
    assert_int_not_equal(read_text(text, strlen(text), &err), 0);
    if (!strstr(err.text, sentence))
        assert_string_equal(err.text, sentence);
}

static void test_wrong_types(void **state)
{
    struct text *t = *state;
    refuse(t, "\"schema\": 1", "\"schema\": 2", "schema 2; this xsgate reads schema 1");
    refuse(t, "\"schema\": 1", "\"schema\": \"1\"", "schema: expected a whole number");
    refuse(t, "\"verdict\": \"regressed\"", "\"verdict\": \"great\"",
           "passed, regressed, undecided or invalid");
    refuse(t, "\"rounds\": 20", "\"rounds\": -1", "rounds: expected a whole number");
    refuse(t, "\"rounds\": 20", "\"rounds\": 1e300", "rounds: expected a whole number");
    refuse(t, "\"dirty\": false", "\"dirty\": 0", "base.dirty: expected true or false");
    refuse(t, "\"cores\": 4", "\"cores\": [4]", "cores: expected a whole number");
    refuse(t, "\"name\": \"json\"", "\"name\": null", "targets.name: expected a text");
    refuse(t, "\"metric\": \"time\"", "\"metric\": 7", "deltas.metric: expected a text");
    refuse(t, "\"median\": 200000000", "\"median\": \"x\"", "median: expected a number or null");
    refuse(t, "\"deltas\": [", "\"deltas\": [3, ", "deltas.[]: expected an object");
    refuse(t, "\"rounds\": 20", "\"rounds\": 20, \"rounds\": 21", "rounds");
}

/* A row that was measured in other layouts. */
static void test_layouts(void **state)
{
    struct text *t = *state;
    struct xsg_comparison c;
    assert_int_equal(xsg_read_file(&t->arena, XSG_TEST_DATA "/golden/expected/undecided.json",
                                   (size_t)1 << 20, &t->data, &t->n, NULL),
                     0);
    assert_int_equal(xsg_report_read_json(&t->arena, t->data, t->n, &c, NULL), 0);
    const struct xsg_delta *d = &c.deltas[0];
    while (d->layout == XSG_LAYOUT_NONE)
        d++;
    assert_int_equal(d->layout, XSG_LAYOUT_GONE);
    assert_int_equal(d->n_layouts, 3);
    assert_float_equal(d->layouts[2], 0.988, 1e-12);
    refuse(t, "\"layout\": \"gone\"", "\"layout\": \"away\"", "open, persists or gone");
    refuse(t, "\"layout\": \"gone\"", "\"layout\": 3", "layout: expected a text");
    refuse(t, "1.114,", "\"1.114\",", "layouts: expected a list of numbers");
    refuse(t, "\"layouts\": [", "\"layouts\": {}, \"x\": [", "layouts: expected a list of numbers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_contents),    TEST(test_ci),
                                       TEST(test_truncated),   TEST(test_damaged),
                                       TEST(test_wrong_types), TEST(test_layouts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
