#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/str.h"

/* ---- arena ------------------------------------------------------------------------------------
 */

static void test_pieces_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_rng rng;
    struct {
        unsigned char *p;
        size_t n;
    } pieces[2000];
    xsg_rng_init(&rng, 5);
    for (size_t i = 0; i < 2000; i++) {
        /* Mostly small, some larger than a block. */
        pieces[i].n = (size_t)xsg_rng_below(&rng, i % 100 == 0 ? 3000000 : 300);
        pieces[i].p = xsg_alloc(&arena, pieces[i].n, 1);
        assert_int_equal((uintptr_t)pieces[i].p % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < pieces[i].n; j++)
            assert_int_equal(pieces[i].p[j], 0);
        memset(pieces[i].p, (int)(i & 0xff), pieces[i].n);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t j = 0; j < pieces[i].n; j++)
            assert_int_equal(pieces[i].p[j], i & 0xff);
    }
    xsg_arena_release(&arena);
    assert_int_equal(arena.used, 0);
    assert_non_null(xsg_alloc(&arena, 1, 1)); /* usable again */
    xsg_arena_release(&arena);
}

static void test_an_empty_piece_has_an_address(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    assert_ptr_not_equal(xsg_alloc(&arena, 0, 8), xsg_alloc(&arena, 8, 0));
    xsg_arena_release(&arena);
}

static void test_grow_keeps_what_was_there(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    int *list = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        list = xsg_grow(&arena, list, &cap, (size_t)i + 1, sizeof *list);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    assert_true(arena.used < 1000 * sizeof *list * 4); /* doubles, not one by one */
    assert_ptr_equal(xsg_grow(&arena, list, &cap, 10, sizeof *list), list);
    xsg_arena_release(&arena);
}

static void test_copies_of_text(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    assert_null(xsg_strdup(&arena, NULL));
    assert_null(xsg_strndup(&arena, NULL, 5));
    assert_string_equal(xsg_strdup(&arena, ""), "");
    assert_string_equal(xsg_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(xsg_strndup(&arena, "abc", 30), "abc");
    assert_string_equal(xsg_printf(&arena, "%d-%s", 5, "x"), "5-x");
    xsg_arena_release(&arena);
}

static jmp_buf out_of_memory;
static size_t wanted;

static void on_oom(size_t size)
{
    wanted = size;
    longjmp(out_of_memory, 1);
}

/* Calls an allocation that must not come back. */
#define assert_out_of_memory(call)                                                                 \
    do {                                                                                           \
        if (setjmp(out_of_memory) == 0) {                                                          \
            (void)(call);                                                                          \
            fail_msg("%s came back", #call);                                                       \
        }                                                                                          \
    } while (0)

static void test_impossible_sizes_are_out_of_memory(void **state)
{
    (void)state;
    static struct xsg_arena arena;
    static size_t cap;
    xsg_arena_on_oom(on_oom);
    assert_out_of_memory(xsg_alloc(&arena, SIZE_MAX / 2, 3)); /* would wrap around */
    assert_int_equal(wanted, SIZE_MAX);
    assert_out_of_memory(xsg_alloc(&arena, SIZE_MAX, 1));
    assert_out_of_memory(xsg_alloc(&arena, PTRDIFF_MAX, 1));
    assert_out_of_memory(xsg_grow(&arena, NULL, &cap, SIZE_MAX / 4, 8));
    assert_int_equal(cap, 0);
    assert_non_null(xsg_alloc(&arena, 100, 1));
    xsg_arena_on_oom(NULL);
    xsg_arena_release(&arena);
}

static void test_the_nth_block_fails_on_demand(void **state)
{
    (void)state;
    static struct xsg_arena arena;
    static int blocks;
    xsg_arena_on_oom(on_oom);
    xsg_arena_fail_at(3);
    blocks = 0;
    if (setjmp(out_of_memory) == 0) {
        for (; blocks < 10; blocks++)
            xsg_alloc(&arena, 5000000, 1);
        fail_msg("no block failed");
    }
    assert_int_equal(blocks, 2);
    assert_non_null(xsg_alloc(&arena, 5000000, 1)); /* once only */
    xsg_arena_fail_at(0);
    xsg_arena_on_oom(NULL);
    xsg_arena_release(&arena);
}

/* ---- buffer -----------------------------------------------------------------------------------
 */

static void test_buffer(void **state)
{
    (void)state;
    struct xsg_buf buf = XSG_BUF_INIT;
    assert_string_equal(xsg_buf_str(&buf), "");
    xsg_buf_put(&buf, NULL, 0);
    assert_string_equal(buf.data, "");
    xsg_buf_puts(&buf, "abc");
    xsg_buf_putc(&buf, '-');
    xsg_buf_printf(&buf, "%03d%s", 7, "!");
    assert_string_equal(xsg_buf_str(&buf), "abc-007!");
    assert_int_equal(buf.len, 8);
    xsg_buf_put(&buf, "\0x", 2);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "abc-007!\0x", 11);
    xsg_buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(xsg_buf_str(&buf), "");
    for (int i = 0; i < 10000; i++)
        xsg_buf_printf(&buf, "%d,", i);
    assert_int_equal(buf.len, 48890);
    assert_string_equal(buf.data + buf.len - 10, "9998,9999,");
    xsg_buf_release(&buf);
    assert_null(buf.data);
}

/* The NUL must have room at every length. */
static void test_buffer_at_every_length(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        struct xsg_buf buf = XSG_BUF_INIT;
        for (size_t i = 0; i < n; i++)
            xsg_buf_putc(&buf, 'x');
        xsg_buf_printf(&buf, "%s", "");
        assert_int_equal(buf.len, n);
        assert_true(n == 0 || buf.cap > n);
        assert_int_equal(strlen(xsg_buf_str(&buf)), n);
        xsg_buf_release(&buf);
    }
}

/* ---- map --------------------------------------------------------------------------------------
 */

static void test_map(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_map map;
    xsg_map_init(&map, &arena);
    assert_null(xsg_map_get(&map, "a", 1));
    static int values[20000];
    bool is_new;
    for (int i = 0; i < 20000; i++) {
        char *key = xsg_printf(&arena, "key %d", i * 7);
        void **place = xsg_map_put(&map, key, strlen(key), &is_new);
        assert_true(is_new);
        assert_null(*place);
        *place = &values[i];
        memset(key, 'z', strlen(key)); /* the map has its own copy */
    }
    assert_int_equal(map.n, 20000);
    for (int i = 0; i < 20000; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d", i * 7);
        assert_ptr_equal(xsg_map_get(&map, key, strlen(key)), &values[i]);
        assert_string_equal(map.entries[i].key, key); /* insertion order */
        assert_ptr_equal(*xsg_map_put(&map, key, strlen(key), &is_new), &values[i]);
        assert_false(is_new);
    }
    assert_null(xsg_map_get(&map, "key 1", 5));
    xsg_arena_release(&arena);
}

static void test_map_keys_are_bytes(void **state)
{
    (void)state;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_map map;
    int one, two, none;
    xsg_map_init(&map, &arena);
    *xsg_map_put(&map, "a\0b", 3, NULL) = &one;
    *xsg_map_put(&map, "a", 1, NULL) = &two;
    *xsg_map_put(&map, "", 0, NULL) = &none;
    assert_ptr_equal(xsg_map_get(&map, "a\0b", 3), &one);
    assert_ptr_equal(xsg_map_get(&map, "a", 1), &two);
    assert_ptr_equal(xsg_map_get(&map, NULL, 0), &none);
    assert_int_equal(map.n, 3);
    xsg_arena_release(&arena);
}

/* ---- error ------------------------------------------------------------------------------------
 */

static void test_errors(void **state)
{
    (void)state;
    struct xsg_err err = {"", ""};
    assert_int_equal(xsg_fail(NULL, XSG_EBUSY, "%s", "x"), XSG_EBUSY);
    xsg_err_prefix(NULL, "x");
    xsg_err_prefix(&err, "nothing to explain");
    assert_string_equal(err.text, "");
    assert_int_equal(xsg_fail(&err, XSG_EINVAL, "no %s", "luck"), XSG_EINVAL);
    assert_int_equal(xsg_fail(&err, XSG_EFAILED, "later"), XSG_EFAILED);
    xsg_err_prefix(&err, "target '%s'", "parse");
    assert_string_equal(err.text, "target 'parse': no luck");
    assert_int_equal(xsg_fail_hint(&err, XSG_EINVAL, "try %d", 1), XSG_EINVAL);
    xsg_fail_hint(&err, XSG_EINVAL, "another");
    assert_string_equal(err.hint, "try 1");
}

static void test_long_errors_are_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct xsg_err err = {"", ""};
        struct xsg_buf text = XSG_BUF_INIT;
        for (size_t i = 0; i < shift; i++)
            xsg_buf_putc(&text, 'x');
        while (text.len < 5000)
            xsg_buf_puts(&text, "\xe2\x82\xac");
        xsg_fail(&err, XSG_EINVAL, "%s", xsg_buf_str(&text));
        size_t n = strlen(err.text);
        assert_true(n < sizeof err.text && n > sizeof err.text - 8);
        assert_string_equal(err.text + n - 3, "...");
        assert_true(xsg_is_utf8(err.text, n));
        xsg_err_prefix(&err, "%s", xsg_buf_str(&text));
        assert_true(xsg_is_utf8(err.text, strlen(err.text)));
        xsg_buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zero_aligned_and_apart),
        cmocka_unit_test(test_an_empty_piece_has_an_address),
        cmocka_unit_test(test_grow_keeps_what_was_there),
        cmocka_unit_test(test_copies_of_text),
        cmocka_unit_test(test_impossible_sizes_are_out_of_memory),
        cmocka_unit_test(test_the_nth_block_fails_on_demand),
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_buffer_at_every_length),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_keys_are_bytes),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_long_errors_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
