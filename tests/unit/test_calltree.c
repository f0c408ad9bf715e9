/* The call tree's bytes: exact round trips, and no damage that gets through or does harm. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/calltree.h"
#include "base/rng.h"

/* Names that break escapes, terminals and line formats. */
static const char *const hostile[] = {"",
                                      ";",
                                      "a;b c",
                                      "new\nline",
                                      "\\",
                                      "\\x3b",
                                      "\x01\x7f\xff",
                                      "\xc3\x28",
                                      "main",
                                      " 12",
                                      "std::map<int, char>::operator[](int const&)",
                                      "\r\t"};

static const char *pick(struct xsg_rng *rng)
{
    size_t n = sizeof hostile / sizeof *hostile;
    size_t i = xsg_rng_below(rng, n + 1);
    return i == n ? NULL : hostile[i];
}

static struct xsg_calltree random_tree(struct xsg_arena *arena, struct xsg_rng *rng)
{
    struct xsg_calltree tree = {.n_functions = 1 + xsg_rng_below(rng, 20),
                                .n_nodes = 1 + xsg_rng_below(rng, 60)};
    tree.functions = XSG_NEW_ARRAY(arena, struct xsg_function, tree.n_functions);
    for (size_t i = 0; i < tree.n_functions; i++)
        tree.functions[i] = (struct xsg_function){.name = pick(rng),
                                                  .file = pick(rng),
                                                  .module = pick(rng),
                                                  .line = (int)xsg_rng_below(rng, 0x7fffffff),
                                                  .end_line = (int)xsg_rng_below(rng, 300)};
    tree.nodes = XSG_NEW_ARRAY(arena, struct xsg_tree_node, tree.n_nodes);
    for (size_t i = 0; i < tree.n_nodes; i++)
        tree.nodes[i] =
            (struct xsg_tree_node){.parent = i ? (uint32_t)xsg_rng_below(rng, i) : 0,
                                   .function = (uint32_t)xsg_rng_below(rng, tree.n_functions),
                                   .self = xsg_rng_double(rng) * 1e9,
                                   .total = (double)xsg_rng_below(rng, 1000),
                                   .calls = i % 3 ? 5e-324 : 0};
    return tree;
}

static void assert_text(const char *a, const char *b)
{
    if (!a || !b)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void assert_same(const struct xsg_calltree *a, const struct xsg_calltree *b)
{
    assert_int_equal(a->n_functions, b->n_functions);
    for (size_t i = 0; i < a->n_functions; i++) {
        assert_text(a->functions[i].name, b->functions[i].name);
        assert_text(a->functions[i].file, b->functions[i].file);
        assert_text(a->functions[i].module, b->functions[i].module);
        assert_int_equal(a->functions[i].line, b->functions[i].line);
        assert_int_equal(a->functions[i].end_line, b->functions[i].end_line);
    }
    assert_int_equal(a->n_nodes, b->n_nodes);
    for (size_t i = 0; i < a->n_nodes; i++) {
        assert_int_equal(a->nodes[i].parent, b->nodes[i].parent);
        assert_int_equal(a->nodes[i].function, b->nodes[i].function);
        assert_memory_equal(&a->nodes[i].self, &b->nodes[i].self, sizeof(double));
        assert_memory_equal(&a->nodes[i].total, &b->nodes[i].total, sizeof(double));
        assert_memory_equal(&a->nodes[i].calls, &b->nodes[i].calls, sizeof(double));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 11);
    for (int i = 0; i < 300; i++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_buf bytes = XSG_BUF_INIT;
        struct xsg_calltree tree = random_tree(&arena, &rng), back;
        struct xsg_err err = {0};
        xsg_calltree_encode(&bytes, &tree);
        assert_int_equal(xsg_calltree_decode(&arena, bytes.data, bytes.len, &back, &err), 0);
        assert_same(&tree, &back);
        xsg_buf_release(&bytes);
        xsg_arena_release(&arena);
    }
}

/* By hand, so that the layout in the header is what is written. */
static void test_bytes(void **state)
{
    (void)state;
    struct xsg_function f = {.name = "m", .line = 300};
    struct xsg_tree_node nodes[2] = {{.total = 1.0}, {.parent = 0, .self = 1.0, .total = 1.0}};
    struct xsg_calltree tree = {.functions = &f, .n_functions = 1, .nodes = nodes, .n_nodes = 2};
    const unsigned char expected[] = {'X',  'S',  'G', 'T',  1,    1,    2,    'm',  0,    0,
                                      0xac, 0x02, 0,   2,    0,    0,    0,    0xbf, 0xe0, 0x03,
                                      0,    1,    0,   0xbf, 0xe0, 0x03, 0xbf, 0xe0, 0x03, 0};
    struct xsg_buf bytes = XSG_BUF_INIT;
    xsg_calltree_encode(&bytes, &tree);
    assert_int_equal(bytes.len, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    xsg_buf_release(&bytes);
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 5);
    struct xsg_calltree tree = random_tree(&arena, &rng), back;
    struct xsg_buf bytes = XSG_BUF_INIT;
    xsg_calltree_encode(&bytes, &tree);
    for (size_t n = 0; n < bytes.len; n++) {
        struct xsg_err err = {0};
        char *copy = xsg_alloc(&arena, n, 1);
        memcpy(copy, bytes.data, n);
        assert_int_equal(xsg_calltree_decode(&arena, copy, n, &back, &err), XSG_ECORRUPT);
        assert_true(err.text[0] != '\0');
        assert_int_equal(back.n_nodes, 0);
    }
    xsg_buf_release(&bytes);
    xsg_arena_release(&arena);
}

/* Whatever decodes keeps the promises of the header, and encodes again. */
static void test_damage(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_calltree tree = random_tree(&arena, &rng), back;
        struct xsg_buf bytes = XSG_BUF_INIT, again = XSG_BUF_INIT;
        xsg_calltree_encode(&bytes, &tree);
        for (size_t i = 0, n = 1 + xsg_rng_below(&rng, 4); i < n; i++)
            bytes.data[xsg_rng_below(&rng, bytes.len)] = (char)xsg_rng_next(&rng);
        struct xsg_err err = {0};
        if (xsg_calltree_decode(&arena, bytes.data, bytes.len, &back, &err) == 0) {
            for (size_t i = 0; i < back.n_nodes; i++) {
                assert_true(i == 0 || back.nodes[i].parent < i);
                assert_true(back.nodes[i].function < back.n_functions);
                assert_true(isfinite(back.nodes[i].self) && back.nodes[i].self >= 0);
            }
            xsg_calltree_encode(&again, &back);
        }
        assert_true(arena.used < 1024 * 1024);
        xsg_buf_release(&bytes);
        xsg_buf_release(&again);
        xsg_arena_release(&arena);
    }
}

static void test_lying_counts(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_calltree tree;
    struct xsg_err err = {0};
    const char many[] = "XSGT\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    const char digits[] = "XSGT\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    assert_int_equal(xsg_calltree_decode(&arena, many, sizeof many - 1, &tree, &err), XSG_ECORRUPT);
    assert_string_equal(err.text, "the call tree is damaged: a count is larger than the data");
    assert_int_equal(xsg_calltree_decode(&arena, digits, sizeof digits - 1, &tree, &err),
                     XSG_ECORRUPT);
    assert_int_equal(xsg_calltree_decode(&arena, "XSGT\x02", 5, &tree, NULL), XSG_ECORRUPT);
    assert_int_equal(xsg_calltree_decode(&arena, "", 0, &tree, NULL), XSG_ECORRUPT);
    assert_true(arena.used < 4096);
    xsg_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut_at_every_byte), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_lying_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
