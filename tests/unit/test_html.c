/* The HTML report: complete, well-formed, bounded, and deaf to what names contain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "ci/report/report.h"
#include "tests/unit/sample_page.h"

static const char *const calm[] = {"parse", "main", "parse_value", "skip_space"};

static struct xsg_buf render(const struct xsg_comparison *c)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options options = {0};

    assert_non_null(xsg_report_find("html"));
    xsg_report_find("html")->write(&out, c, &options);
    assert_int_equal(strlen(out.data), out.len); /* no NUL among it */
    return out;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

/* The page's text without our own style and script, whose angle brackets are no tags. */
static char *without_assets(const struct xsg_buf *page)
{
    char *text = strdup(page->data), *style = strstr(text, "<style>");
    char *script = strstr(text, "<script>");

    assert_non_null(style);
    assert_non_null(script);
    *script = '\0';
    memset(style, ' ', (size_t)(strstr(style, "</style>") + strlen("</style>") - style));
    return text;
}

/* Every element that is opened is closed, in order. */
static void assert_balanced(const char *text)
{
    const char *names[64];
    size_t lengths[64], depth = 0;

    for (const char *p = text; (p = strchr(p, '<')); p++) {
        const char *name = p + (p[1] == '/' ? 2 : 1), *end = strchr(p, '>');
        size_t n = strcspn(name, " >/");
        assert_non_null(end);
        if (p[1] == '!' || end[-1] == '/' || strncmp(name, "meta", 4) == 0 ||
            strncmp(name, "br", 2) == 0)
            continue;
        if (p[1] != '/') {
            assert_true(depth < 64);
            names[depth] = name;
            lengths[depth++] = n;
            continue;
        }
        assert_true(depth > 0);
        depth--;
        assert_int_equal(lengths[depth], n);
        assert_memory_equal(names[depth], name, n);
    }
    assert_int_equal(depth, 2); /* html and body end behind the script */
}

static cJSON *tree_of(const char *page)
{
    struct xsg_err err = {0};
    cJSON *root = NULL;
    const char *data = strstr(page, "id=\"tree-0\">");

    assert_non_null(data);
    data += strlen("id=\"tree-0\">");
    assert_int_equal(xsg_json_parse(data, (size_t)(strstr(data, "</script>") - data), &root, &err),
                     0);
    return root;
}

static void test_calm(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_buf page = render(&c);
    char *text = without_assets(&page);

    (void)state;
    assert_balanced(text);
    assert_non_null(strstr(text, "<h1 class=\"regressed\">Regressed</h1>"));
    assert_non_null(strstr(text, "parse_value is 21 % slower"));
    assert_non_null(strstr(text, "0123456789 (feature)"));
    assert_non_null(strstr(text, ">+21 %</td>"));
    assert_non_null(strstr(text, "+20 % to +22 %"));
    assert_non_null(strstr(text, "2.00 ms &gt; 2.42 ms"));
    assert_non_null(strstr(text, "src/parse.c:10"));
    assert_non_null(strstr(text, "the machine was busy"));
    assert_int_equal(count(text, "<tr data-group="), 4);
    assert_int_equal(count(text, "class=\"limit\""), 8);
    free(text);
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

/* What a failed program printed stands below the sentence, line by line, and is no markup. */
static void test_output(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_buf page;
    char *text;

    (void)state;
    c.deltas[0].cause = "head: ended with status 3\n  | <b>oh</b>\n  | \x1b[31m  two\nthree";
    page = render(&c);
    text = without_assets(&page);
    assert_balanced(text);
    assert_non_null(strstr(text, "<td class=\"cause\">head: ended with status 3"
                                 "<span class=\"output\">&#60;b&#62;oh&#60;/b&#62;\n"
                                 "\\x1b[31m  two\nthree</span></td>"));
    free(text);
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

static void test_data(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_buf page = render(&c);
    cJSON *tree = tree_of(page.data);
    cJSON *parents = cJSON_GetObjectItem(tree, "parent"), *function;

    (void)state;
    assert_int_equal(cJSON_GetArraySize(parents), 5);
    assert_int_equal(cJSON_GetArrayItem(parents, 4)->valueint, 2);
    function = cJSON_GetArrayItem(cJSON_GetObjectItem(tree, "functions"), 2);
    assert_string_equal(cJSON_GetArrayItem(function, 0)->valuestring, "parse_value");
    assert_string_equal(cJSON_GetArrayItem(function, 3)->valuestring, "regressed");
    assert_string_equal(cJSON_GetArrayItem(function, 4)->valuestring, "slower +21 %");
    cJSON_Delete(tree);
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

/* Whatever the names are, the page has the elements of the calm one. */
static void test_hostile(void **state)
{
    static char long_name[65536];
    static const char *const texts[] = {"</script><script>alert(1)</script>",
                                        "<!--<script>",
                                        "\"'><img src=x onerror=alert(1)>",
                                        "&lt;b&gt;]]>",
                                        "a\xe2\x80\xa8"
                                        "b\xe2\x80\xa9"
                                        "c\xe2\x80\xae"
                                        "d\x01\x1b[2J",
                                        "\xff\xfe<\xc3",
                                        "%s%n",
                                        long_name};
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison quiet = sample_page(&arena, calm, true);
    struct xsg_buf like = render(&quiet);
    size_t elements = count(like.data, "<");

    (void)state;
    memset(long_name, '<', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *const names[] = {texts[i], texts[i], texts[i], texts[i]};
        struct xsg_comparison c = sample_page(&arena, names, true);
        struct xsg_buf page = render(&c);
        char *text = without_assets(&page);
        cJSON *tree = tree_of(page.data);
        assert_balanced(text);
        assert_int_equal(count(page.data, "<script"), 2);
        assert_int_equal(count(page.data, "</script"), 2);
        assert_int_equal(count(page.data, "<"), elements);
        assert_null(strstr(text, "\xe2\x80\xa8"));
        assert_null(strstr(text, "\xe2\x80\xae"));
        assert_null(strchr(text, '\x1b'));
        assert_true(page.len < like.len + 200000);
        cJSON_Delete(tree);
        free(text);
        xsg_buf_release(&page);
    }
    xsg_buf_release(&like);
    xsg_arena_release(&arena);
}

static void test_no_tree(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_buf page;

    (void)state;
    c.head->targets[0].tree = (struct xsg_calltree){0};
    page = render(&c);
    assert_non_null(strstr(page.data, "No flame graph"));
    assert_null(strstr(page.data, "data-tree="));
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

/* 60000 nodes and 5000 functions: the heaviest and the first stay, the rest is counted. */
static void test_large(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_calltree *tree = &c.head->targets[0].tree;
    struct xsg_buf page;
    cJSON *json;

    (void)state;
    tree->n_nodes = 60000;
    tree->nodes = XSG_NEW_ARRAY(&arena, struct xsg_tree_node, tree->n_nodes);
    for (uint32_t i = 0; i < tree->n_nodes; i++)
        tree->nodes[i] = (struct xsg_tree_node){i ? (i - 1) / 2 : 0, i % 4, 1, 2e6 / (2 + i), NAN};
    c.n_deltas = 5000;
    c.deltas = XSG_NEW_ARRAY(&arena, struct xsg_delta, c.n_deltas);
    for (size_t i = 0; i < c.n_deltas; i++)
        c.deltas[i] = sample_delta(calm[i % 4], NAN, NAN, XSG_DELTA_ADDED);
    page = render(&c);
    json = tree_of(page.data);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "total")), 20000);
    assert_int_equal(count(page.data, "<tr data-group="), 2000);
    assert_non_null(strstr(page.data, "The first 2000 of 5000 functions"));
    assert_non_null(strstr(page.data, "40000 of 60000 nodes"));
    cJSON_Delete(json);
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

/* Indices out of range and numbers that are none, as a broken caller could pass them. */
static void test_broken_tree(void **state)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison c = sample_page(&arena, calm, false);
    struct xsg_calltree *tree = &c.head->targets[0].tree;
    struct xsg_buf page;
    cJSON *json;

    (void)state;
    tree->nodes[0].function = 99;
    tree->nodes[2].parent = 4;
    tree->nodes[3].total = INFINITY;
    tree->nodes[3].self = -1;
    page = render(&c);
    json = tree_of(page.data);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "total")), 3);
    cJSON_Delete(json);
    xsg_buf_release(&page);
    xsg_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calm),       cmocka_unit_test(test_output),
        cmocka_unit_test(test_data),       cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_no_tree),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_broken_tree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
