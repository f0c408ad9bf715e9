/* Callgrind's files: names, positions, totals of recursions, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "profiler/source/callgrind.h"

static struct xsg_arena arena;

static int release(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static struct xsg_counts read_text(const char *text)
{
    struct xsg_callgrind file;
    struct xsg_counts counts;
    struct xsg_err err = {0};
    if (xsg_callgrind_parse(&arena, text, strlen(text), &file, &err) != 0)
        fail_msg("%s", err.text);
    struct xsg_callgrind_sum *sum = xsg_callgrind_sum_open(&arena);
    xsg_callgrind_sum_add(sum, &file, NULL);
    xsg_callgrind_sum_finish(sum, &counts);
    return counts;
}

static const struct xsg_counts_function *find(const struct xsg_counts *counts, const char *name)
{
    for (size_t i = 0; i < counts->n_functions; i++) {
        if (strcmp(counts->functions[i].function.name, name) == 0)
            return &counts->functions[i];
    }
    fail_msg("there is no function %s", name);
    return NULL;
}

static void expect(const struct xsg_counts *counts, const char *name, int self, int total,
                   int calls, int syscalls)
{
    const struct xsg_counts_function *f = find(counts, name);
    assert_int_equal((int)f->instructions, self);
    assert_int_equal((int)f->total, total);
    assert_int_equal((int)f->calls, calls);
    assert_int_equal((int)f->syscalls, syscalls);
}

static char *corpus(const char *name)
{
    char *text;
    size_t n;
    struct xsg_err err = {0};
    const char *path = xsg_printf(&arena, "%s/fuzz/corpus/callgrind/%s", XSG_TEST_DATA, name);
    if (xsg_read_file(&arena, path, 1 << 20, &text, &n, &err) != 0)
        fail_msg("%s", err.text);
    return text;
}

/* Compressed names, relative positions, calls into another object. */
static void reads_what_callgrind_writes(void **state)
{
    (void)state;
    struct xsg_counts counts = read_text(corpus("small"));
    assert_int_equal(counts.n_functions, 4);
    assert_int_equal((int)counts.instructions, 690);
    assert_int_equal((int)counts.syscalls, 3);
    expect(&counts, "main", 30, 690, 0, 0);
    expect(&counts, "parse", 580, 600, 2, 0);
    expect(&counts, "write", 60, 60, 3, 3);
    expect(&counts, "strlen", 20, 20, 1, 0);
    assert_string_equal(find(&counts, "parse")->function.file, "work.c");
    assert_string_equal(find(&counts, "parse")->function.module, "work");
    assert_null(find(&counts, "write")->function.file);
    assert_string_equal(find(&counts, "write")->function.module, "libc.so.6");
    assert_string_equal(counts.functions[0].function.name, "parse"); /* largest first */
}

/* Plain names, another event before Ir, jumps, a second part with a summary only. */
static void reads_what_others_write(void **state)
{
    (void)state;
    struct xsg_counts counts = read_text(corpus("lines"));
    assert_int_equal((int)counts.instructions, 180);
    /* The two call each other: neither has more than the two together. */
    expect(&counts, "even", 110, 180, 3, 0);
    expect(&counts, "odd", 70, 180, 4, 0);
}

static void a_function_that_calls_itself_counts_once(void **state)
{
    (void)state;
    struct xsg_counts counts =
        read_text("events: Ir\nfn=main\n1 10\ncfn=walk\ncalls=1 5\n2 100\n"
                  "fn=walk\n5 70\ncfn=walk\ncalls=9 5\n6 90\n"
                  "cfn=leaf\ncalls=10 9\n7 30\nfn=leaf\n9 30\ntotals: 110\n");
    expect(&counts, "main", 10, 110, 0, 0);
    expect(&counts, "walk", 70, 100, 10, 0);
    expect(&counts, "leaf", 30, 30, 10, 0);
}

/* a -> b -> c -> a, with a way out: the cycle's total is its own and what it calls outside. */
static void a_cycle_does_not_exceed_the_whole(void **state)
{
    (void)state;
    struct xsg_counts counts =
        read_text("events: Ir\nfn=main\n1 5\ncfn=a\ncalls=1 1\n1 95\n"
                  "fn=a\n1 10\ncfn=b\ncalls=4 1\n1 300\n"
                  "fn=b\n1 20\ncfn=c\ncalls=4 1\n1 280\ncfn=out\ncalls=2 1\n1 15\n"
                  "fn=c\n1 50\ncfn=a\ncalls=3 1\n1 200\nfn=out\n1 15\ntotals: 100\n");
    expect(&counts, "main", 5, 100, 0, 0);
    expect(&counts, "a", 10, 95, 4, 0);
    expect(&counts, "b", 20, 95, 4, 0);
    expect(&counts, "c", 50, 95, 4, 0);
    expect(&counts, "out", 15, 15, 2, 0);
}

/* Two functions of one name in one program are two where the file numbers them. */
static void processes_are_added_by_name(void **state)
{
    (void)state;
    const char *text =
        "events: Ir\nfn=(1) main\n1 2\nfn=(2) init\n1 3\nfn=(3) init\n1 4\ntotals: 9\n";
    struct xsg_callgrind file;
    struct xsg_counts counts;
    struct xsg_callgrind_sum *sum = xsg_callgrind_sum_open(&arena);
    assert_int_equal(xsg_callgrind_parse(&arena, text, strlen(text), &file, NULL), 0);
    assert_int_equal(file.n_functions, 3);
    xsg_callgrind_sum_add(sum, &file, NULL);
    xsg_callgrind_sum_add(sum, &file, NULL);
    xsg_callgrind_sum_finish(sum, &counts);
    assert_int_equal(counts.n_processes, 2);
    expect(&counts, "main", 4, 4, 0, 0);
    expect(&counts, "init", 14, 14, 0, 0);
}

static void valgrinds_own_libraries_are_left_out(void **state)
{
    (void)state;
    struct xsg_counts counts = read_text(
        "events: Ir\nob=/bin/work\nfn=main\n1 10\ncob=/usr/libexec/valgrind/vgpreload_core.so\n"
        "cfn=hook\ncalls=1 1\n2 7\nob=/usr/libexec/valgrind/vgpreload_core.so\nfn=hook\n1 7\n"
        "totals: 17\n");
    assert_int_equal((int)counts.instructions, 10);
    assert_int_equal(counts.n_functions, 1);
    expect(&counts, "main", 10, 10, 0, 0);
}

static void names_are_demangled(void **state)
{
    (void)state;
    struct xsg_counts counts = read_text("events: Ir\nfn=_ZN3geo4Grid3rowEf\n1 2\ntotals: 2\n");
    expect(&counts, "geo::Grid::row(float)", 2, 2, 0, 0);
}

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"empty", "ends before 'events:'"},
        {"cut", "cut off"},
        {"cut-call", "line after 'calls=' is missing"},
        {"wrong-total", "line 45: the costs add up to 690, the file says 691"},
        {"no-events", "costs before 'events:'"},
        {"overflow", "sum is too large"},
        {"number", "number is too large"},
        {"below", "position is below 0"},
        {"undefined", "the name (7) is not defined"},
        {"twice", "the name (7) is defined twice"},
        {"more-costs", "more costs than"},
        {"version", "version 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct xsg_callgrind file;
        struct xsg_err err = {0};
        const char *text = corpus(cases[i].name);
        assert_int_equal(xsg_callgrind_parse(&arena, text, strlen(text), &file, &err),
                         XSG_ECORRUPT);
        if (!strstr(err.text, cases[i].why))
            fail_msg("%s: %s", cases[i].name, err.text);
    }
}

/* Whatever is cut off is noticed: no prefix of a file passes for a whole one. */
static void no_prefix_is_accepted(void **state)
{
    (void)state;
    const char *text = corpus("small");
    size_t n = strlen(text) - strlen("\ntotals: 690 3\n");
    size_t first = (size_t)(strstr(text, "0x1000 10") - text) + strlen("0x1000 10");
    for (size_t i = first; i < n; i++) {
        struct xsg_callgrind file;
        struct xsg_err err = {0};
        assert_int_equal(xsg_callgrind_parse(&arena, text, i, &file, &err), XSG_ECORRUPT);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(reads_what_callgrind_writes, release),
        cmocka_unit_test_teardown(reads_what_others_write, release),
        cmocka_unit_test_teardown(a_function_that_calls_itself_counts_once, release),
        cmocka_unit_test_teardown(a_cycle_does_not_exceed_the_whole, release),
        cmocka_unit_test_teardown(processes_are_added_by_name, release),
        cmocka_unit_test_teardown(valgrinds_own_libraries_are_left_out, release),
        cmocka_unit_test_teardown(names_are_demangled, release),
        cmocka_unit_test_teardown(refuses_what_is_wrong, release),
        cmocka_unit_test_teardown(no_prefix_is_accepted, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
