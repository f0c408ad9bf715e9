#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/str.h"
#include "xsgate/comparison.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void test_globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything::at/all", true},
        {"parse_*", "parse_json", true},
        {"parse_*", "reparse_json", false},
        {"*_slow", "a_slow_slow", true},
        {"*_slow", "a_slow_slower", false},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXcYb", false},
        {"?", "x", true},
        {"?", "", false},
        {"?", "\xc3\xa9", true}, /* a character, not a byte */
        {"??", "\xc3\xa9", false},
        {"?", "\xff", true}, /* a broken byte counts as one */
        {"[abc]x", "bx", true},
        {"[abc]x", "dx", false},
        {"[a-f0]", "e", true},
        {"[a-f0]", "0", true},
        {"[a-f0]", "g", false},
        {"[!a-f]", "g", true},
        {"[^a-f]", "b", false},
        {"[]x]", "]", true},
        {"[a-]", "-", true},
        {"operator[]", "operator[]", true}, /* a class without an end is itself */
        {"operator[]*", "operator[](int)", true},
        {"ns::f(char const*, int)", "ns::f(char const*, int)", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"\\", "\\", true},
        {"a\\?c", "a?c", true},
        {"***a***", "bab", true},
        {"abc", "abcd", false},
        {"abcd", "abc", false},
    };
    for (size_t i = 0; i < N(cases); i++) {
        if (xsg_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
    }
}

/* The naive matcher would need 2^30 steps here. */
static void test_globs_cannot_be_made_slow(void **state)
{
    (void)state;
    char pattern[61], text[20001];
    for (size_t i = 0; i < 60; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[59] = 'b';
    pattern[60] = '\0';
    memset(text, 'a', 20000);
    text[20000] = '\0';
    clock_t start = clock();
    assert_false(xsg_glob(pattern, text));
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
}

static void test_edit_distance(void **state)
{
    (void)state;
    assert_int_equal(xsg_edit_distance("", "", 5), 0);
    assert_int_equal(xsg_edit_distance("abc", "", 5), 3);
    assert_int_equal(xsg_edit_distance("kitten", "sitting", 5), 3);
    assert_int_equal(xsg_edit_distance("tresh", "thresh", 5), 1);
    assert_int_equal(xsg_edit_distance("ab", "ba", 5), 1); /* neighbours swapped */
    assert_int_equal(xsg_edit_distance("abcdef", "uvwxyz", 3), 4);
    char a[1000], b[1000];
    memset(a, 'a', 999);
    memset(b, 'a', 999);
    a[999] = b[999] = '\0';
    assert_int_equal(xsg_edit_distance(a, b, 2), 0);
    b[500] = 'x';
    assert_int_equal(xsg_edit_distance(a, b, 2), 3); /* too long to look */
    struct xsg_rng rng;
    xsg_rng_init(&rng, 3);
    for (int i = 0; i < 500; i++) { /* symmetric, and at most the longer one */
        char x[12] = "", y[12] = "";
        size_t nx = (size_t)xsg_rng_below(&rng, 11), ny = (size_t)xsg_rng_below(&rng, 11);
        for (size_t j = 0; j < nx; j++)
            x[j] = (char)('a' + xsg_rng_below(&rng, 3));
        for (size_t j = 0; j < ny; j++)
            y[j] = (char)('a' + xsg_rng_below(&rng, 3));
        size_t d = xsg_edit_distance(x, y, 20);
        assert_int_equal(d, xsg_edit_distance(y, x, 20));
        assert_true(d <= (nx > ny ? nx : ny) && d >= (nx > ny ? nx - ny : ny - nx));
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"name", "command", "profile", "threshold", "timeout", "if"};
    assert_string_equal(xsg_nearest("nmae", names, N(names)), "name");
    assert_string_equal(xsg_nearest("comand", names, N(names)), "command");
    assert_string_equal(xsg_nearest("thresh", names, N(names)), "threshold"); /* a beginning */
    assert_string_equal(xsg_nearest("time-out", names, N(names)), "timeout");
    assert_null(xsg_nearest("banana", names, N(names)));
    assert_null(xsg_nearest("xy", names, N(names)));
    assert_null(xsg_nearest("", names, N(names)));
    assert_null(xsg_nearest("name", NULL, 0));
}

static void test_ratios(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"5%", 0.05},     {"0.05", 0.05},
                {"1.5 %", 0.015}, {"0", 0},
                {"100%", 1},      {".5", 0.5},
                {"2.%", 0.02},    {"0.1%", 0.001},
                {"150 % ", 1.5},  {"0.30000000000000000000001", 0.3}};
    static const char *const bad[] = {
        "",    "%", "x",   "-5%", "5%%",   "5 percent",        "0x10", "inf", "nan%", "1e3", "1,5%",
        " 5%", ".", "5 5", "+5%", "1.2.3", "99999999999999999"};
    double value;
    for (size_t i = 0; i < N(good); i++) {
        assert_int_equal(xsg_parse_ratio(good[i].text, &value), 0);
        assert_true(fabs(value - good[i].value) < 1e-15);
    }
    assert_int_equal(xsg_parse_ratio("5%", &value), 0);
    assert_true(value == 0.05); /* the very double that 0.05 is */
    for (size_t i = 0; i < N(bad); i++) {
        if (xsg_parse_ratio(bad[i], &value) != XSG_EINVAL)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void test_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"60s", 60},   {"5m", 300},    {"250ms", 0.25}, {"1.5h", 5400}, {"90", 90},
                {"1 min", 60}, {"2d", 172800}, {"7us", 7e-6},   {"3ns", 3e-9},  {"0", 0}};
    static const char *const bad[] = {"", "s", "-1s", "5 parsecs", "1h30m", "1M", "5mss", "1e3s"};
    double value;
    for (size_t i = 0; i < N(good); i++) {
        assert_int_equal(xsg_parse_seconds(good[i].text, &value), 0);
        assert_true(fabs(value - good[i].value) <= 1e-12 * good[i].value);
    }
    for (size_t i = 0; i < N(bad); i++)
        assert_int_equal(xsg_parse_seconds(bad[i], &value), XSG_EINVAL);
}

static void test_integers(void **state)
{
    (void)state;
    int64_t value;
    assert_int_equal(xsg_parse_int("-12", -100, 100, &value), 0);
    assert_int_equal(value, -12);
    assert_int_equal(xsg_parse_int("9223372036854775807", 0, INT64_MAX, &value), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(xsg_parse_int("9223372036854775808", 0, INT64_MAX, &value), XSG_EINVAL);
    static const char *const bad[] = {"",    "-",   " 1",   "1 ",  "1.0",
                                      "0x1", "101", "-101", "--1", "1a"};
    for (size_t i = 0; i < N(bad); i++)
        assert_int_equal(xsg_parse_int(bad[i], -100, 100, &value), XSG_EINVAL);
}

#define assert_formats(call, expected)                                                             \
    do {                                                                                           \
        char out[64];                                                                              \
        call;                                                                                      \
        assert_string_equal(out, expected);                                                        \
    } while (0)
#define NS(value, expected) assert_formats(xsg_format_ns(out, sizeof out, value), expected)
#define BYTES(value, expected) assert_formats(xsg_format_bytes(out, sizeof out, value), expected)
#define VALUE(value, unit, expected)                                                               \
    assert_formats(xsg_format_value(out, sizeof out, value, unit), expected)

static void test_numbers_for_people(void **state)
{
    (void)state;
    NS(0, "0 ns");
    NS(5, "5.00 ns");
    NS(12.34, "12.3 ns");
    NS(999.4, "999 ns");
    NS(999.6, "1.00 us");
    NS(9.996, "10.0 ns");
    NS(99.97, "100 ns");
    NS(1234567, "1.23 ms");
    NS(-1234567, "-1.23 ms");
    NS(61.5e9, "61.5 s");
    NS(600e9, "10.0 min");
    NS(7200e9, "2.00 h");
    NS(NAN, "-");
    NS(INFINITY, "-");
    BYTES(0, "0 B");
    BYTES(512, "512 B");
    BYTES(1023, "1023 B");
    BYTES(1024, "1.00 KiB");
    BYTES(1236992, "1.18 MiB");
    BYTES(1048575, "1.00 MiB");
    BYTES(1e15, "909 TiB");
    BYTES(-2048, "-2.00 KiB");
    VALUE(1234, "count", "1234");
    VALUE(99999, "count", "99999");
    VALUE(1234567, "count", "1.23 M");
    VALUE(1.5, "count", "1.50");
    VALUE(0.052, "ratio", "5.2 %");
    VALUE(3.14159, "furlongs", "3.14 furlongs");
    VALUE(2048, "bytes", "2.00 KiB");
    VALUE(2048, "ns", "2.05 us");
    VALUE(NAN, "count", "-");
    VALUE(NAN, "x", "-");
}

static void test_display_width(void **state)
{
    (void)state;
    assert_int_equal(xsg_display_width(""), 0);
    assert_int_equal(xsg_display_width("abc"), 3);
    assert_int_equal(xsg_display_width("na\xc3\xafve"), 5);
    assert_int_equal(xsg_display_width("nai\xcc\x88ve"), 5); /* a combining mark */
    assert_int_equal(xsg_display_width("\xe6\xbc\xa2\xe5\xad\x97"), 4);
    assert_int_equal(xsg_display_width("\xf0\x9f\x9a\x80"), 2);
    assert_int_equal(xsg_display_width("a\x1b\tb"), 2);
    assert_int_equal(xsg_display_width("\xff\xc3"), 2);
}

static void check_printable(const char *text, size_t n, const char *expected)
{
    struct xsg_buf out = XSG_BUF_INIT;
    xsg_put_printable(&out, text, n);
    assert_string_equal(xsg_buf_str(&out), expected);
    xsg_buf_release(&out);
}
#define PRINTABLE(text, expected) check_printable(text, sizeof(text) - 1, expected)

static void test_foreign_text_is_made_harmless(void **state)
{
    (void)state;
    PRINTABLE("std::vector<int>::at(\xc3\xa9)", "std::vector<int>::at(\xc3\xa9)");
    PRINTABLE("a\x1b[31mred", "a\\x1b[31mred");
    PRINTABLE("a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd");
    PRINTABLE("nul\0here", "nul\\x00here");
    PRINTABLE("\x7f", "\\x7f");
    PRINTABLE("\xc2\x9b"
              "2J",
              "\\u{009b}2J"); /* C1: a terminal's other escape */
    PRINTABLE("\xe2\x80\xae"
              "evil",
              "\\u{202e}evil");
    PRINTABLE("a\xe2\x80\x8b"
              "b",
              "a\\u{200b}b");
    PRINTABLE("\xff\xfe", "\\xff\\xfe");
    PRINTABLE("cut \xe2\x82", "cut \\xe2\\x82");
    PRINTABLE("", "");
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abc",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "\xc3",
                                      "\xc3\x28",
                                      "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < N(good); i++)
        assert_true(xsg_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < N(bad); i++)
        assert_false(xsg_is_utf8(bad[i], strlen(bad[i])));
    uint32_t c = 0;
    assert_int_equal(xsg_utf8_decode("\xf0\x9f\x9a\x80", 4, &c), 4);
    assert_int_equal(c, 0x1f680);
    assert_int_equal(xsg_utf8_decode("\xf0\x9f\x9a\x80", 3, &c), 0);
    assert_int_equal(xsg_utf8_decode("", 0, &c), 0);
}

/* Whatever the bytes, what comes out is valid and holds no control character. */
static void test_printable_on_random_bytes(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 11);
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        size_t n = (size_t)xsg_rng_below(&rng, sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(xsg_rng_below(&rng, 3) ? xsg_rng_below(&rng, 256)
                                                     : 0xe2 - xsg_rng_below(&rng, 2) * 0x62);
        struct xsg_buf out = XSG_BUF_INIT;
        xsg_put_printable(&out, bytes, n);
        assert_true(xsg_is_utf8(xsg_buf_str(&out), out.len));
        for (size_t i = 0; i < out.len; i++)
            assert_true((unsigned char)out.data[i] >= 0x20 && out.data[i] != 0x7f);
        xsg_buf_release(&out);
    }
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(xsg_hash("", 0) == 0xcbf29ce484222325u); /* the published vectors of FNV-1a */
    assert_true(xsg_hash("a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(xsg_hash("foobar", 6) == 0x85944171f73967e8u);
}

static void test_clock(void **state)
{
    (void)state;
    char out[21];
    xsg_format_utc(out, 0);
    assert_string_equal(out, "1970-01-01T00:00:00Z");
    xsg_format_utc(out, 1795234506);
    assert_string_equal(out, "2026-11-21T04:15:06Z");
    xsg_format_utc(out, INT64_MAX);
    assert_int_equal(strlen(out), 20);
    const struct xsg_clock *clock = &xsg_system_clock;
    int64_t start = clock->monotonic_ns(clock->arg);
    clock->sleep_ns(clock->arg, 20000000);
    clock->sleep_ns(clock->arg, -5);
    int64_t slept = clock->monotonic_ns(clock->arg) - start;
    assert_in_range(slept, 20000000, 2000000000);
    assert_true(clock->realtime_s(clock->arg) > 1700000000);
}

static void test_metrics_and_verdicts(void **state)
{
    (void)state;
    assert_null(xsg_metric_find("no such metric"));
    assert_null(xsg_metric_find(NULL));
    assert_string_equal(xsg_metric_find("peak_rss")->unit, "bytes");
    assert_true(xsg_metric_find("calls")->deterministic);
    for (size_t i = 0; i < xsg_n_metrics; i++) {
        assert_ptr_equal(xsg_metric_find(xsg_metrics[i].name), &xsg_metrics[i]);
        assert_true(xsg_metrics[i].help[0] != '\0');
    }
    assert_string_equal(xsg_verdict_name(XSG_VERDICT_PASSED), "passed");
    assert_string_equal(xsg_verdict_name(XSG_VERDICT_INVALID), "invalid");
    static const char *const names[] = {"regressed", "improved", "unchanged", "undecided",
                                        "added",     "removed",  "invalid"};
    for (int i = 0; i <= XSG_DELTA_INVALID; i++)
        assert_string_equal(xsg_delta_verdict_name((enum xsg_delta_verdict)i), names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_globs_cannot_be_made_slow),
        cmocka_unit_test(test_edit_distance),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_numbers_for_people),
        cmocka_unit_test(test_display_width),
        cmocka_unit_test(test_foreign_text_is_made_harmless),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_printable_on_random_bytes),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_metrics_and_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
