#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/yaml.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct xsg_arena arena;
static struct xsg_err err;
static struct xsg_yaml_file file;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static int parse(const char *text)
{
    memset(&err, 0, sizeof err);
    return xsg_yaml_parse(&arena, "c.yml", text, strlen(text), &file, &err);
}

static void test_a_configuration(void **state)
{
    (void)state;
    assert_int_equal(parse("# comment\n"
                           "build: cmake -S . && make   # builds\n"
                           "threshold: 5%\n"
                           "targets:\n"
                           "  - name: parse\n"
                           "    profile: [sample, \"scopes\"]\n"
                           "  - name: 'it''s'\n"
                           "    note: |\n"
                           "      two\n"
                           "      lines\n"
                           "empty:\n"),
                     0);
    const struct xsg_yaml *root = file.root;
    assert_int_equal(root->type, XSG_YAML_MAP);
    assert_int_equal(root->n_children, 4);
    assert_string_equal(xsg_yaml_get(root, "build")->text, "cmake -S . && make");
    const struct xsg_yaml *threshold = xsg_yaml_get(root, "threshold");
    assert_string_equal(threshold->text, "5%");
    assert_string_equal(threshold->key, "threshold");
    assert_false(threshold->quoted);
    assert_int_equal(threshold->line, 3);
    assert_int_equal(threshold->column, 12);
    assert_int_equal(threshold->key_line, 3);
    assert_int_equal(threshold->key_column, 1);
    const struct xsg_yaml *targets = xsg_yaml_get(root, "targets");
    assert_int_equal(targets->type, XSG_YAML_LIST);
    assert_int_equal(targets->n_children, 2);
    const struct xsg_yaml *first = targets->child, *second = first->next;
    assert_null(first->key);
    assert_null(second->next);
    assert_int_equal(first->line, 5);
    assert_string_equal(xsg_yaml_get(first, "profile")->child->text, "sample");
    assert_true(xsg_yaml_get(first, "profile")->child->next->quoted);
    assert_string_equal(xsg_yaml_get(second, "name")->text, "it's");
    assert_string_equal(xsg_yaml_get(second, "note")->text, "two\nlines\n");
    assert_true(xsg_yaml_get(second, "note")->quoted);
    assert_string_equal(xsg_yaml_get(root, "empty")->text, "");
    assert_false(xsg_yaml_get(root, "empty")->quoted);
    assert_null(xsg_yaml_get(root, "nothing"));
    assert_null(xsg_yaml_get(targets, "name"));
    assert_null(xsg_yaml_get(NULL, "name"));
}

static void test_empty_documents(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# only a comment\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < N(empty); i++) {
        assert_int_equal(parse(empty[i]), 0);
        assert_null(file.root);
    }
    assert_int_equal(parse("---\n"), 0);
    assert_string_equal(file.root->text, "");
}

/* Nothing is turned into something else. */
static void test_scalars_stay_text(void **state)
{
    (void)state;
    assert_int_equal(parse("[yes, 010, 1e3, ~, null, 5%, 1:30, \"\\x41\"]"), 0);
    static const char *const expected[] = {"yes", "010", "1e3", "~", "null", "5%", "1:30", "A"};
    const struct xsg_yaml *item = file.root->child;
    for (size_t i = 0; i < N(expected); i++, item = item->next)
        assert_string_equal(item->text, expected[i]);
    assert_null(item);
}

static void check_error(const char *text, const char *error, const char *hint)
{
    int rc = parse(text);
    if (rc != XSG_EINVAL || strcmp(err.text, error) != 0 || (hint && strcmp(err.hint, hint) != 0))
        fail_msg("'%s' gave %d: %s\n%s", text, rc, err.text, err.hint);
    assert_null(file.root);
}

static void test_errors_show_the_place(void **state)
{
    (void)state;
    check_error("a: 1\nb: 2\na: 3\n", "c.yml:3:1: the key 'a' is already on line 1",
                "  3 | a: 3\n    | ^");
    check_error("a: b: c\n",
                "c.yml:1:5: a second ': ' in one line; quote the value if it is part of it",
                "  1 | a: b: c\n    |     ^");
    check_error("a:\n\t- x\n",
                "c.yml:2:1: while scanning for the next token: a tab cannot be used here; indent "
                "with spaces",
                "  2 |     - x\n    | ^");
    /* What is never closed is shown where it begins. */
    check_error("a: 1\nb: \"no end\nc: 2\n",
                "c.yml:2:4: while scanning a quoted scalar: found unexpected end of stream",
                "  2 | b: \"no end\n    |    ^");
    check_error("list: [a, b\n",
                "c.yml:1:7: while parsing a flow sequence: did not find expected ',' or ']'", NULL);
    check_error("a: *nowhere\n",
                "c.yml:1:4: anchors (&) and aliases (*) are not supported; quote the text if it "
                "is one",
                NULL);
    check_error("a: &x 1\n",
                "c.yml:1:4: anchors (&) and aliases (*) are not supported; quote the text if it "
                "is one",
                NULL);
    check_error("a: !!int 5\n",
                "c.yml:1:4: tags (!) are not supported; quote the text if it is one", NULL);
    check_error("a: 1\n---\nb: 2\n", "c.yml:2:1: a second document begins here; only one is read",
                NULL);
    check_error("? [a, b]\n: c\n", "c.yml:1:3: a key must be text", NULL);
    check_error("? {a: 1}\n: c\n", "c.yml:1:3: a key must be text", NULL);
    check_error("a: \"x\\0y\"\n", "c.yml:1:4: a value must not contain the NUL character", NULL);
    check_error("\"x\\0y\": 1\n", "c.yml:1:1: a key must not contain the NUL character", NULL);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    assert_int_equal(parse("a: 1\nb: \xff\n"), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:2:4: this is not text that YAML allows: invalid leading "
                                  "UTF-8 octet");
    assert_string_equal(err.hint, "  2 | b: \\xff\n    |    ^");
    assert_int_equal(parse("a: \x1b[31m\n"), XSG_EINVAL);
    assert_string_equal(err.text,
                        "c.yml:1:4: this is not text that YAML allows: control characters are not "
                        "allowed");
    assert_non_null(strstr(err.hint, "a: \\x1b[31m"));
    assert_int_equal(xsg_yaml_parse(&arena, "c.yml", "a: \0", 4, &file, NULL), XSG_EINVAL);
    /* UTF-16 is not guessed from its byte order mark. */
    assert_int_equal(xsg_yaml_parse(&arena, "c.yml",
                                    "\xff\xfe"
                                    "a\0",
                                    4, &file, NULL),
                     XSG_EINVAL);
}

static void test_columns_are_characters(void **state)
{
    (void)state;
    check_error("\xc3\xa9t\xc3\xa9: \xe6\xbc\xa2: x\n",
                "c.yml:1:7: a second ': ' in one line; quote the value if it is part of it",
                "  1 | \xc3\xa9t\xc3\xa9: \xe6\xbc\xa2: x\n    |        ^");
    /* The line breaks are libyaml's, so that the line shown is the line meant. */
    check_error("a: 1\r\nb: 2\rc: 3\xe2\x80\xa8"
                "d: 4\na: 5\n",
                "c.yml:5:1: the key 'a' is already on line 1", "  5 | a: 5\n    | ^");
}

static void test_of_long_lines_the_part_around_is_shown(void **state)
{
    (void)state;
    struct xsg_buf text = XSG_BUF_INIT;
    xsg_buf_puts(&text, "{first: 1");
    for (int i = 0; i < 200; i++)
        xsg_buf_printf(&text, ", key%03d: %d", i, i);
    xsg_buf_puts(&text, ", first: 2");
    for (int i = 200; i < 400; i++)
        xsg_buf_printf(&text, ", key%03d: %d", i, i);
    xsg_buf_puts(&text, "}");
    assert_int_equal(parse(xsg_buf_str(&text)), XSG_EINVAL);
    char *line_end = strchr(err.hint, '\n');
    assert_non_null(line_end);
    assert_true(line_end - err.hint < 90);
    const char *caret = strchr(err.hint, '^');
    assert_non_null(caret);
    assert_memory_equal(err.hint + (caret - line_end - 1), "first: 2", 8);
    assert_memory_equal(line_end - 3, "...", 3);
    xsg_buf_release(&text);
}

static void test_limits(void **state)
{
    (void)state;
    char text[400];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    text[128] = '\0';
    assert_int_equal(parse(text), 0);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    text[130] = '\0';
    check_error(text, "c.yml:1:65: nested deeper than 64 levels", NULL);

    size_t n = 1024 * 1024 + 1;
    char *large = xsg_alloc(&arena, n + 1, 1);
    memset(large, '[', n);
    assert_int_equal(parse(large), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:1:1: larger than 1048576 bytes");
    large[n - 1] = '\0'; /* a megabyte of brackets is not even read to its end */
    assert_int_equal(parse(large), XSG_EINVAL);
    assert_true(arena.used < 4 * n);
}

static void test_many_keys_stay_quick(void **state)
{
    (void)state;
    struct xsg_buf text = XSG_BUF_INIT;
    for (int i = 0; i < 60000; i++)
        xsg_buf_printf(&text, "k%d: v\n", i);
    assert_int_equal(parse(xsg_buf_str(&text)), 0);
    assert_int_equal(file.root->n_children, 60000);
    xsg_buf_release(&text);
}

static void test_known_keys(void **state)
{
    (void)state;
    static const char *const known[] = {"name", "command", "timeout"};
    assert_int_equal(parse("name: x\ncommand: y\n"), 0);
    assert_int_equal(xsg_yaml_check_keys(&file, file.root, known, N(known), &err), 0);
    assert_int_equal(parse("name: x\ncomand: y\n"), 0);
    assert_int_equal(xsg_yaml_check_keys(&file, file.root, known, N(known), &err), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:2:1: unknown key 'comand'; did you mean 'command'?");
    assert_string_equal(err.hint, "  2 | comand: y\n    | ^");
    assert_int_equal(parse("\"banana\\e[0m\": 1\n"), 0);
    assert_int_equal(xsg_yaml_check_keys(&file, file.root, known, N(known), &err), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:1:1: unknown key 'banana\\x1b[0m'; known are name, "
                                  "command, timeout");
    assert_int_equal(parse("- a\n"), 0);
    assert_int_equal(xsg_yaml_check_keys(&file, file.root, known, N(known), &err), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:1:1: expected a map with the keys name, command, timeout");
}

static void test_errors_at_a_node(void **state)
{
    (void)state;
    assert_int_equal(parse("a:\n  b: x\n"), 0);
    const struct xsg_yaml *b = xsg_yaml_get(xsg_yaml_get(file.root, "a"), "b");
    assert_int_equal(xsg_yaml_fail(&file, b, false, &err, "expected %s", "a number"), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:2:6: expected a number");
    assert_string_equal(err.hint, "  2 |   b: x\n    |      ^");
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_yaml_fail(&file, b, true, &err, "why"), XSG_EINVAL);
    assert_string_equal(err.text, "c.yml:2:3: why");
    memset(&err, 0, sizeof err);
    xsg_yaml_fail(&file, NULL, false, &err, "empty");
    assert_string_equal(err.text, "c.yml:1:1: empty");
    assert_int_equal(xsg_yaml_fail(&file, b, true, NULL, "nobody listens"), XSG_EINVAL);
}

/* Damage to a configuration: never a crash; an error always has a place and a printable hint. */
static void test_mutations(void **state)
{
    (void)state;
    static const char seed[] = "build: make\ntargets:\n  - name: p\n    profile: [a, 'b']\n"
                               "gates:\n  - {function: \"x_*\", threshold: 2%}\n";
    struct xsg_rng rng;
    xsg_rng_init(&rng, 21);
    int refused = 0;
    for (int round = 0; round < 20000; round++) {
        size_t n = sizeof seed - 1;
        char *text = malloc(n); /* of exact size, for the sanitizer */
        assert_non_null(text);
        memcpy(text, seed, n);
        for (uint64_t i = 1 + xsg_rng_below(&rng, 3); i > 0; i--) {
            static const char likely[] = ":-[]{}'\"\n\t\r #&*!|>%@`,?\\\x80\xff\xe2\x1b";
            text[xsg_rng_below(&rng, n)] = likely[xsg_rng_below(&rng, sizeof likely)];
        }
        if (round % 5 == 0)
            n = (size_t)xsg_rng_below(&rng, n);
        memset(&err, 0, sizeof err);
        if (xsg_yaml_parse(&arena, "m", text, n, &file, &err) != 0) {
            int line = 0, column = 0;
            refused++;
            assert_int_equal(sscanf(err.text, "m:%d:%d: ", &line, &column), 2);
            assert_true(line >= 1 && column >= 1);
            assert_non_null(strchr(err.hint, '^'));
            assert_true(xsg_is_utf8(err.hint, strlen(err.hint)));
            for (const char *p = err.hint; *p; p++)
                assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
        }
        free(text);
        xsg_arena_release(&arena);
    }
    assert_in_range(refused, 1000, 19000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_configuration),
        TEST(test_empty_documents),
        TEST(test_scalars_stay_text),
        TEST(test_errors_show_the_place),
        TEST(test_bytes_that_are_no_text),
        TEST(test_columns_are_characters),
        TEST(test_of_long_lines_the_part_around_is_shown),
        TEST(test_limits),
        TEST(test_many_keys_stay_quick),
        TEST(test_known_keys),
        TEST(test_errors_at_a_node),
        TEST(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
