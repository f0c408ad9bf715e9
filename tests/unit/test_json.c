#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int parse(const char *text, size_t n, struct xsg_err *err)
{
    cJSON *root;
    /* Exactly n bytes, so that a sanitizer sees a read behind them. */
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    int rc = xsg_json_parse(copy, n, &root, err);
    free(copy);
    assert_true((rc == 0) == (root != NULL));
    cJSON_Delete(root);
    return rc;
}

static void test_accepts_json(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       "[]",
                                       "null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0",
                                       "-1.5e+10",
                                       "1E5",
                                       "123456789012345678901",
                                       "\"\"",
                                       "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
                                       "\"\\ud83d\\ude80\"",
                                       "[1,2,[3,{}]]",
                                       "{\"a\":{\"b\":[]},\"c\":null}",
                                       "\t{\n\"x\" : 1 ,\r\"y\": 2 }\n",
                                       "\"\xc3\xa9\x7f\"",
                                       "\xef\xbb\xbf{}",
                                       "{\"a\":1,\"A\":2}",
                                       "{\"\":0}"};
    for (size_t i = 0; i < N(good); i++) {
        struct xsg_err err = {"", ""};
        if (parse(good[i], strlen(good[i]), &err) != 0)
            fail_msg("%s: %s", good[i], err.text);
    }
}

static void test_refuses_the_rest(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "1:1: the text ends where a value is expected"},
        {"{} x", "1:4: unexpected text after the end"},
        {"{}{}", "1:3: unexpected text after the end"},
        {"01", "1:2: a number must not begin with 0"},
        {"-", "1:2: expected a digit"},
        {"1.", "1:3: expected a digit"},
        {".5", "1:1: expected a value"},
        {"+1", "1:1: expected a value"},
        {"1e", "1:3: expected a digit"},
        {"1e+", "1:4: expected a digit"},
        {"0x10", "1:2: unexpected text after the end"},
        {"NaN", "1:1: expected a value"},
        {"Infinity", "1:1: expected a value"},
        {"tru", "1:1: expected a value"},
        {"truex", "1:5: unexpected text after the end"},
        {"'a'", "1:1: expected a value"},
        {"\"a", "1:1: this string has no end"},
        {"\"a\\", "1:4: unknown escape in a string"},
        {"\"\\x41\"", "1:3: unknown escape in a string"},
        {"\"\\u12g4\"", "1:6: expected four hexadecimal digits after \\u"},
        {"\"\\u12", "1:6: expected four hexadecimal digits after \\u"},
        {"\"\\u0000\"", "1:8: a string must not contain the NUL character"},
        {"\"\\ud83d\"", "1:8: half of a surrogate pair in a string"},
        {"\"\\ude80\"", "1:8: half of a surrogate pair in a string"},
        {"\"\\ud83d\\u0041\"", "1:14: half of a surrogate pair in a string"},
        {"\"a\nb\"", "1:3: a control character in a string must be escaped"},
        {"\"\xff\"", "1:2: this is not valid UTF-8"},
        {"\"\xc3\"", "1:2: this is not valid UTF-8"},
        {"[1,]", "1:4: expected a value"},
        {"[1 2]", "1:4: expected ',' or ']'"},
        {"[", "1:2: the text ends where a value is expected"},
        {"[1}", "1:3: expected ',' or ']'"},
        {"{\"a\" 1}", "1:6: expected ':' after the key"},
        {"{a:1}", "1:2: expected a key in double quotes"},
        {"{\"a\":1,}", "1:8: expected a key in double quotes"},
        {"{\"a\":}", "1:6: expected a value"},
        {"{\"a\":1", "1:7: expected ',' or '}'"},
        {"{\n  \"\xc3\xa9\": tru\n}", "2:8: expected a value"}, /* columns are characters */
        {"/* c */ {}", "1:1: expected a value"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "the key 'a' stands twice in one object"},
        {"[{\"x\":{\"\\u001b\":1,\"\\u001b\":1}}]", "the key '\\x1b' stands twice in one object"},
    };
    for (size_t i = 0; i < N(bad); i++) {
        struct xsg_err err = {"", ""};
        assert_int_equal(parse(bad[i].text, strlen(bad[i].text), &err), XSG_EINVAL);
        assert_string_equal(err.text, bad[i].error);
    }
    assert_int_equal(parse("{}\0x", 4, NULL), XSG_EINVAL);
    assert_int_equal(parse("\"\0\"", 3, NULL), XSG_EINVAL);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    static char deep[200000];
    memset(deep, '[', 512);
    memset(deep + 512, ']', 512);
    assert_int_equal(parse(deep, 1024, NULL), 0);
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    struct xsg_err err = {"", ""};
    assert_int_equal(parse(deep, sizeof deep, &err), XSG_EINVAL);
    assert_string_equal(err.text, "1:513: nested too deeply");
}

static void test_many_keys_stay_quick(void **state)
{
    (void)state;
    struct xsg_buf text = XSG_BUF_INIT;
    xsg_buf_putc(&text, '{');
    for (int i = 0; i < 100000; i++)
        xsg_buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i, i);
    xsg_buf_putc(&text, '}');
    assert_int_equal(parse(text.data, text.len, NULL), 0);
    xsg_buf_release(&text);
}

static void test_reading(void **state)
{
    (void)state;
    const char *text =
        "{\"s\":\"x\",\"d\":2.5,\"i\":-7,\"big\":9007199254740993,"
        "\"max\":9007199254740991,\"b\":true,\"n\":null,\"huge\":1e999,\"id\":2500000000}";
    cJSON *root;
    assert_int_equal(xsg_json_parse(text, strlen(text), &root, NULL), 0);
    const char *s = "untouched";
    double d = 0;
    int64_t i = 0;
    bool b = false;
    assert_int_equal(xsg_json_get_string(root, "s", &s), 0);
    assert_string_equal(s, "x");
    assert_int_equal(xsg_json_get_string(root, "S", &s), XSG_ENOTFOUND); /* case counts */
    assert_int_equal(xsg_json_get_string(root, "n", &s), XSG_ENOTFOUND);
    assert_int_equal(xsg_json_get_string(root, "d", &s), XSG_EINVAL);
    assert_int_equal(xsg_json_get_double(root, "d", &d), 0);
    assert_true(d == 2.5);
    assert_int_equal(xsg_json_get_double(root, "huge", &d), XSG_EINVAL); /* no infinity comes out */
    assert_int_equal(xsg_json_get_double(root, "s", &d), XSG_EINVAL);
    assert_int_equal(xsg_json_get_int(root, "i", &i), 0);
    assert_int_equal(i, -7);
    assert_int_equal(xsg_json_get_int(root, "id", &i), 0); /* beyond 32 bits */
    assert_true(i == 2500000000);
    assert_int_equal(xsg_json_get_int(root, "max", &i), 0);
    assert_true(i == 9007199254740991);
    assert_int_equal(xsg_json_get_int(root, "big", &i), XSG_EINVAL); /* a digit was lost */
    assert_int_equal(xsg_json_get_int(root, "d", &i), XSG_EINVAL);
    assert_int_equal(xsg_json_get_int(root, "none", &i), XSG_ENOTFOUND);
    assert_int_equal(xsg_json_get_bool(root, "b", &b), 0);
    assert_true(b);
    assert_int_equal(xsg_json_get_bool(root, "i", &b), XSG_EINVAL);
    cJSON_Delete(root);
}

static void write_sample(struct xsg_buf *out, int indent)
{
    struct xsg_json_writer w;
    xsg_json_writer_init(&w, out, indent);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "name");
    xsg_json_string(&w, "x\"\\\n\x01");
    xsg_json_key(&w, "list");
    xsg_json_begin_array(&w);
    xsg_json_int(&w, 1);
    xsg_json_begin_object(&w);
    xsg_json_end_object(&w);
    xsg_json_bool(&w, false);
    xsg_json_end_array(&w);
    xsg_json_key(&w, "none");
    xsg_json_begin_array(&w);
    xsg_json_end_array(&w);
    xsg_json_key(&w, "nothing");
    xsg_json_string(&w, NULL);
    xsg_json_end_object(&w);
}

static void test_writing(void **state)
{
    (void)state;
    struct xsg_buf out = XSG_BUF_INIT;
    write_sample(&out, 0);
    assert_string_equal(xsg_buf_str(&out),
                        "{\"name\":\"x\\\"\\\\\\n\\u0001\",\"list\":[1,{},false],"
                        "\"none\":[],\"nothing\":null}");
    xsg_buf_clear(&out);
    write_sample(&out, 2);
    assert_string_equal(xsg_buf_str(&out), "{\n  \"name\": \"x\\\"\\\\\\n\\u0001\",\n"
                                           "  \"list\": [\n    1,\n    {},\n    false\n  ],\n"
                                           "  \"none\": [],\n  \"nothing\": null\n}");
    assert_int_equal(parse(out.data, out.len, NULL), 0);
    xsg_buf_release(&out);
}

static const char *one_double(struct xsg_buf *out, double value)
{
    struct xsg_json_writer w;
    xsg_buf_clear(out);
    xsg_json_writer_init(&w, out, 0);
    xsg_json_double(&w, value);
    return xsg_buf_str(out);
}

static void test_numbers_are_written_exactly(void **state)
{
    (void)state;
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_json_writer w;
    const int64_t integers[] = {0, -1, INT64_MAX, INT64_MIN, 9007199254740991, 1700000000123456789};
    static const char *const expected[] = {"0",
                                           "-1",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "9007199254740991",
                                           "1700000000123456789"};
    for (size_t i = 0; i < N(integers); i++) {
        xsg_buf_clear(&out);
        xsg_json_writer_init(&w, &out, 0);
        xsg_json_int(&w, integers[i]);
        assert_string_equal(xsg_buf_str(&out), expected[i]);
    }
    assert_string_equal(one_double(&out, 0.1), "0.1");
    assert_string_equal(one_double(&out, 5), "5");
    assert_string_equal(one_double(&out, 1e300), "1e+300");
    assert_string_equal(one_double(&out, 1 / 3.0), "0.3333333333333333");
    assert_string_equal(one_double(&out, NAN), "null");
    assert_string_equal(one_double(&out, -INFINITY), "null");
    struct xsg_rng rng;
    xsg_rng_init(&rng, 2);
    for (int i = 0; i < 5000; i++) {
        uint64_t bits = xsg_rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            assert_true(strtod(one_double(&out, value), NULL) == value);
    }
    xsg_buf_release(&out);
}

/* Any bytes as a string come out as JSON, and valid ones come back as they were. */
static void test_any_string_survives(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 4);
    struct xsg_buf out = XSG_BUF_INIT;
    for (int round = 0; round < 3000; round++) {
        char bytes[40];
        size_t n = (size_t)xsg_rng_below(&rng, sizeof bytes);
        unsigned limit = round % 2 ? 256 : 128;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(1 + xsg_rng_below(&rng, limit - 1));
        xsg_buf_clear(&out);
        struct xsg_json_writer w;
        xsg_json_writer_init(&w, &out, 0);
        xsg_json_string_n(&w, bytes, n);
        cJSON *root;
        assert_int_equal(xsg_json_parse(out.data, out.len, &root, NULL), 0);
        if (xsg_is_utf8(bytes, n)) {
            assert_int_equal(strlen(root->valuestring), n);
            assert_memory_equal(root->valuestring, bytes, n);
        }
        cJSON_Delete(root);
    }
    xsg_buf_clear(&out);
    struct xsg_json_writer w;
    xsg_json_writer_init(&w, &out, 0);
    xsg_json_string(&w, "a\xff"
                        "b\xe2\x80\xa8");
    assert_string_equal(xsg_buf_str(&out), "\"a\xef\xbf\xbd"
                                           "b\\u2028\"");
    xsg_buf_release(&out);
}

/* Damage to a document: never a crash, and what is taken is what cJSON can print and we read again.
 */
static void test_mutations(void **state)
{
    (void)state;
    static const char seed[] =
        "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null],\"b\":{\"c\":\"\xc3\xa9\"}}";
    struct xsg_rng rng;
    xsg_rng_init(&rng, 8);
    int taken = 0;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed];
        size_t n = sizeof seed - 1;
        memcpy(text, seed, n);
        for (uint64_t i = 1 + xsg_rng_below(&rng, 2); i > 0; i--) {
            static const char likely[] = "{}[]\",:\\u0123eE+-. tfn\n\x80\xff";
            text[xsg_rng_below(&rng, n)] = likely[xsg_rng_below(&rng, sizeof likely)];
        }
        if (round % 5 == 0)
            n = (size_t)xsg_rng_below(&rng, n);
        cJSON *root;
        if (xsg_json_parse(text, n, &root, NULL) != 0)
            continue;
        taken++;
        char *printed = cJSON_PrintUnformatted(root);
        assert_non_null(printed);
        assert_int_equal(parse(printed, strlen(printed), NULL), 0);
        free(printed);
        cJSON_Delete(root);
    }
    assert_in_range(taken, 100, 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_json),
        cmocka_unit_test(test_refuses_the_rest),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_many_keys_stay_quick),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_numbers_are_written_exactly),
        cmocka_unit_test(test_any_string_survives),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
