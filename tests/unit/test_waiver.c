/* Waivers: the file, what people wrote in it, and what they do to a verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "baseline/waiver.h"
#include "compare/compare.h"

static struct xsg_arena arena;
static struct xsg_err err;
static char *folder;

static int setup(void **state)
{
    (void)state;
    err = (struct xsg_err){0};
    return xsg_temp_dir(&arena, "/tmp", &folder, &err);
}

static int teardown(void **state)
{
    (void)state;
    xsg_remove_tree(folder, NULL);
    xsg_arena_release(&arena);
    return 0;
}

static struct xsg_waiver waiver_of(const char *function, const char *target, const char *until)
{
    struct xsg_waiver w = {.function = function, .target = target, .reason = "a \"good\" one: #1"};
    assert_int_equal(xsg_waiver_set_until(&w, until, &err), XSG_OK);
    return w;
}

static void days_and_commits(void **state)
{
    (void)state;
    struct xsg_waiver w = waiver_of("f", NULL, "2026-12-31");
    assert_int_equal(w.until_time, 1798761600); /* 2027-01-01 00:00 UTC */
    w = waiver_of("f", NULL, "0123456789abcdef0123456789abcdef01234567");
    assert_int_equal(w.until_time, 0);
    static const char *const bad[] = {"2026-02-30", "2026-13-01",  "tomorrow", "2026-1-1",
                                      "",           "2026-12-31x", "0123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(xsg_waiver_set_until(&w, bad[i], NULL), XSG_EINVAL);
}

static void what_was_added_is_read(void **state)
{
    (void)state;
    const char *path = xsg_path_join(&arena, folder, XSG_WAIVERS_FILE);
    struct xsg_waivers got;
    assert_int_equal(xsg_waivers_read(&arena, path, &got, &err), XSG_OK);
    assert_int_equal(got.n, 0);
    struct xsg_waiver a = waiver_of("parse(int, char const*)", NULL, "2026-12-31");
    struct xsg_waiver b = waiver_of("operator[]", "json", "2027-01-01");
    struct xsg_waiver c = waiver_of(NULL, "json", "2027-01-01");
    assert_int_equal(xsg_waivers_add(&arena, path, &a, &err), XSG_OK);
    assert_int_equal(xsg_waivers_add(&arena, path, &b, &err), XSG_OK);
    assert_int_equal(xsg_waivers_add(&arena, path, &c, &err), XSG_OK);
    a = waiver_of("parse(int, char const*)", NULL, "2028-01-01"); /* in place of the first */
    assert_int_equal(xsg_waivers_add(&arena, path, &a, &err), XSG_OK);
    assert_int_equal(xsg_waivers_read(&arena, path, &got, &err), XSG_OK);
    assert_int_equal(got.n, 3);
    assert_string_equal(got.item[0].function, "operator[]");
    assert_string_equal(got.item[0].target, "json");
    assert_string_equal(got.item[0].reason, "a \"good\" one: #1");
    assert_null(got.item[1].function);
    assert_string_equal(got.item[2].until, "2028-01-01");
    size_t removed;
    assert_int_equal(xsg_waivers_remove(&arena, path, "operator[]", NULL, &removed, &err), XSG_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(xsg_waivers_remove(&arena, path, "operator[]", NULL, &removed, &err), XSG_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(xsg_waivers_read(&arena, path, &got, &err), XSG_OK);
    assert_int_equal(got.n, 2);
}

static void what_people_wrote_stays(void **state)
{
    (void)state;
    const char *path = xsg_path_join(&arena, folder, XSG_WAIVERS_FILE);
    static const char text[] = "# ours\n"
                               "waivers:\n"
                               "# the parser\n"
                               "- function: f\n"
                               "  until: 2026-12-31\n"
                               "  reason: >\n"
                               "    two\n"
                               "    lines\n"
                               "# the printer\n"
                               "- {function: g, until: 2026-12-31, reason: r} # short\n";
    assert_int_equal(xsg_write_file(path, text, sizeof text - 1, &err), XSG_OK);
    size_t removed, n;
    char *after;
    assert_int_equal(xsg_waivers_remove(&arena, path, "f", NULL, &removed, &err), XSG_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(xsg_read_file(&arena, path, 1 << 20, &after, &n, &err), XSG_OK);
    assert_string_equal(after, "# ours\nwaivers:\n# the parser\n# the printer\n"
                               "- {function: g, until: 2026-12-31, reason: r} # short\n");
}

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"waivers:\n- function: f\n  until: soon\n  reason: r\n", "w.yml:3:10: until: expected"},
        {"waivers:\n- function: f\n  reason: r\n", "no 'until'"},
        {"waivers:\n- function: f\n  until: 2026-12-31\n", "no 'reason'"},
        {"waivers:\n- until: 2026-12-31\n  reason: r\n", "no 'function'"},
        {"waivers:\n- funtion: f\n", "function"},
        {"waivers: 3\n", "is a list"},
        {"- f\n", "expected 'waivers:'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct xsg_waivers got;
        err = (struct xsg_err){0};
        assert_int_equal(
            xsg_waivers_parse(&arena, "w.yml", cases[i].text, strlen(cases[i].text), &got, &err),
            XSG_EINVAL);
        if (!strstr(err.text, cases[i].expected) && !strstr(err.hint, cases[i].expected))
            fail_msg("'%s' lacks '%s'", err.text, cases[i].expected);
    }
}

/* ---- in the gate ----------------------------------------------------------------------------- */

enum { ROUNDS = 20 };

/* Two functions of 60 and 40 ms; head's first takes factor as long. */
static struct xsg_run run_of(double factor)
{
    struct xsg_run run = {.session = "s", .n_targets = 1, .n_series = 3};
    run.targets = XSG_NEW(&arena, struct xsg_target_run);
    run.targets[0].name = "t";
    run.series = XSG_NEW_ARRAY(&arena, struct xsg_series, 3);
    const char *const names[] = {"slow", "calm", NULL};
    const char *const metrics[] = {"time", "time", "cpu"};
    double level[] = {60e6 * factor, 40e6, 60e6 * factor + 40e6};
    for (size_t i = 0; i < 3; i++) {
        double *values = XSG_NEW_ARRAY(&arena, double, ROUNDS);
        for (size_t k = 0; k < ROUNDS; k++)
            values[k] = level[i] * (1 + 0.002 * (double)((k * 7 + i * 3) % 5));
        run.series[i] = (struct xsg_series){.target = "t",
                                            .function = {.name = names[i], .file = "f.c"},
                                            .metric = metrics[i],
                                            .unit = "ns",
                                            .values = values,
                                            .n = ROUNDS};
    }
    return run;
}

static struct xsg_comparison judge(struct xsg_gate_waiver *waivers, size_t n)
{
    static struct xsg_run base, head;
    struct xsg_comparison c;
    struct xsg_gate gate;
    base = run_of(1);
    head = run_of(1.3);
    xsg_gate_init(&gate);
    gate.waivers = waivers;
    gate.n_waivers = n;
    assert_int_equal(xsg_compare(&arena, &base, &head, &gate, NULL, &c, &err), 0);
    return c;
}

static const struct xsg_delta *delta_of(const struct xsg_comparison *c, const char *function)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const char *name = c->deltas[i].function.name;
        if (function ? name && strcmp(name, function) == 0 : !name)
            return &c->deltas[i];
    }
    fail();
    return NULL;
}

static void a_waiver_keeps_the_gate_green(void **state)
{
    (void)state;
    struct xsg_gate_waiver w = {.function = "slow", .reason = "known", .until = "2026-12-31"};
    struct xsg_comparison c = judge(NULL, 0);
    assert_int_equal(c.verdict, XSG_VERDICT_REGRESSED);
    c = judge(&w, 1);
    assert_int_equal(c.verdict, XSG_VERDICT_PASSED);
    assert_non_null(strstr(c.reason, "1 waived"));
    const struct xsg_delta *d = delta_of(&c, "slow");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED); /* told all the same */
    assert_string_equal(d->waiver, "known");
    assert_non_null(strstr(d->cause, "waived until 2026-12-31: known"));
    assert_string_equal(delta_of(&c, NULL)->waiver, "known"); /* the target is slower by it alone */
    assert_null(delta_of(&c, "calm")->waiver);
}

static void an_expired_one_does_not(void **state)
{
    (void)state;
    struct xsg_gate_waiver w = {.function = "slow",
                                .reason = "known",
                                .until = "2020-12-31",
                                .expired = "expired on 2020-12-31"};
    struct xsg_comparison c = judge(&w, 1);
    assert_int_equal(c.verdict, XSG_VERDICT_REGRESSED);
    assert_non_null(strstr(delta_of(&c, "slow")->cause, "its waiver (known) expired on 2020"));
    assert_null(delta_of(&c, "slow")->waiver);
}

static void another_waiver_does_not_help(void **state)
{
    (void)state;
    struct xsg_gate_waiver w[] = {
        {.function = "calm", .reason = "r", .until = "2026-12-31"},
        {.function = "slow", .target = "another", .reason = "r", .until = "2026-12-31"}};
    assert_int_equal(judge(w, 2).verdict, XSG_VERDICT_REGRESSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(days_and_commits),
        TEST(what_was_added_is_read),
        TEST(what_people_wrote_stays),
        TEST(mistakes_are_named_with_their_place),
        TEST(a_waiver_keeps_the_gate_green),
        TEST(an_expired_one_does_not),
        TEST(another_waiver_does_not_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
