/* Session folders: several processes, damaged and foreign files, clocks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "profiler/source/session.h"
#include "tests/unit/segment_builder.h"

struct fixture {
    struct xsg_arena arena;
    char *folder;
    struct built_segment built;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    return xsg_temp_dir(&fixture.arena, "/tmp", &fixture.folder, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int rc = xsg_remove_tree(f->folder, NULL);
    xsg_arena_release(&f->arena);
    return rc;
}

static void put_file(struct fixture *f, const char *name, const void *data, size_t n)
{
    assert_int_equal(xsg_write_file(xsg_path_join(&f->arena, f->folder, name), data, n, NULL), 0);
}

static void put_segment(struct fixture *f, const char *name)
{
    size_t n;
    unsigned char *data = segment_write(&f->built, &n);
    put_file(f, name, data, n);
    free(data);
}

/* One call of "work" of that many ticks. */
static void build_process(struct fixture *f, uint32_t pid, uint64_t ticks)
{
    segment_init(&f->built);
    f->built.header.pid = pid;
    struct built_thread *t = segment_thread(&f->built);
    segment_node(t, 0, segment_scope(&f->built, "work"), 1, ticks);
}

static struct xsg_profile read_folder(struct fixture *f)
{
    struct xsg_profile profile;
    struct xsg_err err = {0};
    if (xsg_session_read(&f->arena, f->folder, NULL, &profile, &err))
        fail_msg("%s", err.text);
    return profile;
}

static const char *note_with(const struct xsg_profile *p, const char *part)
{
    for (size_t i = 0; i < p->n_notes; i++)
        if (strstr(p->notes[i], part))
            return p->notes[i];
    return NULL;
}

static void test_processes_are_merged(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 100);
    put_segment(f, "10-a.xseg");
    build_process(f, 11, 200);
    f->built.header.state = XSG_SEG_RUNNING;
    put_segment(f, "11-b.xseg");
    build_process(f, 10, 400); /* after exec */
    put_segment(f, "10-c.xseg");
    put_file(f, "notes.txt", "hello", 5);
    put_file(f, ".xseg", "hello", 5); /* no name before the suffix */
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.n_functions, 1);
    assert_true(fabs(p.functions[0].self - 700) < 1e-6);
    assert_true(p.functions[0].calls == 3);
    assert_int_equal(p.n_processes, 2);
    assert_int_equal(p.n_threads, 2); /* what came after exec is the same thread */
    assert_int_equal(p.n_killed, 1);
    assert_int_equal(p.lost, 0);
    assert_int_equal(p.n_notes, 1);
    assert_non_null(note_with(&p, "1 of 2 processes ended without passing exit"));
}

/* The shell that waited for the target ends by _exit, and had nothing to lose. */
static void test_a_shell_beside_the_target(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 100);
    put_segment(f, "10-a.xseg");
    segment_init(&f->built);
    f->built.header.pid = 9;
    f->built.header.state = XSG_SEG_RUNNING;
    segment_thread(&f->built);
    put_segment(f, "9-b.xseg");
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.n_processes, 2);
    assert_int_equal(p.n_threads, 2);
    assert_int_equal(p.n_killed, 0);
    assert_int_equal(p.n_notes, 0);
}

static void test_nothing_there(void **state)
{
    struct fixture *f = *state;
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.n_processes, 0);
    assert_int_equal(p.n_functions, 0);
    assert_int_equal(p.tree.n_nodes, 1);
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    struct xsg_profile p;
    struct xsg_err err = {0};
    const char *missing = xsg_path_join(&f->arena, f->folder, "missing");
    assert_true(xsg_session_read(&f->arena, missing, NULL, &p, &err) < 0);
    assert_non_null(strstr(err.text, "missing"));
}

static void test_damaged_beside_whole(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 100);
    put_segment(f, "10-a.xseg");
    put_file(f, "11-b.xseg", "XSGSEG\r\n", 8);
    put_file(f, "12-c.xseg", "", 0);
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.n_processes, 1);
    assert_int_equal(p.lost, 2);
    assert_non_null(note_with(&p, "the segment 11-b.xseg is left out: it is cut short: 8 bytes"));
}

static void test_all_damaged(void **state)
{
    struct fixture *f = *state;
    struct xsg_profile p;
    struct xsg_err err = {0};
    put_file(f, "11-b.xseg", "XSGSEG\r\n", 8);
    assert_int_equal(xsg_session_read(&f->arena, f->folder, NULL, &p, &err), XSG_ECORRUPT);
    assert_string_equal(err.text, "11-b.xseg: it is cut short: 8 bytes, and its head takes 4096");
}

/* Neither waits for a writer of the pipe nor follows the link. */
static void test_strange_files(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 100);
    put_segment(f, "10-a.xseg");
    assert_int_equal(mkfifo(xsg_path_join(&f->arena, f->folder, "1-p.xseg"), 0600), 0);
    assert_int_equal(mkdir(xsg_path_join(&f->arena, f->folder, "2-d.xseg"), 0700), 0);
    assert_int_equal(symlink("/dev/zero", xsg_path_join(&f->arena, f->folder, "3-l.xseg")), 0);
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.lost, 3);
    assert_non_null(note_with(&p, "1-p.xseg is left out: it is not a file"));
    assert_true(fabs(p.functions[0].self - 100) < 1e-6);
}

static void test_many_damaged(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 100);
    put_segment(f, "10-a.xseg");
    for (int i = 0; i < 30; i++)
        put_file(f, xsg_printf(&f->arena, "2-%d.xseg", i), "x", 1);
    struct xsg_profile p = read_folder(f);
    assert_int_equal(p.lost, 30);
    assert_int_equal(p.n_notes, 9);
    assert_non_null(note_with(&p, "30 segments are left out in all"));
}

/* A killed process has one reading of the clock; another process's second one serves. */
static void test_clock_of_a_sibling(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 1000);
    f->built.header.last = f->built.header.start;
    f->built.header.state = XSG_SEG_RUNNING;
    put_segment(f, "10-a.xseg");
    build_process(f, 11, 1000);
    f->built.header.last.ticks = f->built.header.start.ticks + 2000000000;
    put_segment(f, "11-b.xseg");
    struct xsg_profile p = read_folder(f);
    assert_true(fabs(p.functions[0].self - 1000) < 1e-6); /* 2 x 1000 ticks of half a ns */
    assert_null(note_with(&p, "clock"));
}

static void test_clock_of_this_machine(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 1000000);
    f->built.header.last = f->built.header.start;
    put_segment(f, "10-a.xseg");
    struct xsg_profile p = read_folder(f);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_non_null(note_with(&p, "the clock's rate was measured on this machine afterwards"));
    /* some counter between 24 MHz and 6 GHz */
    assert_true(p.functions[0].self > 1000000 / 6.0 && p.functions[0].self < 1000000 * 45.0);
#else
    assert_non_null(note_with(&p, "the clock's rate is not known"));
#endif
}

static void test_clocks_that_disagree(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 1000);
    f->built.header.last.mono_ns += 10000000000;
    f->built.header.last.ticks += 10000000000;
    put_segment(f, "10-a.xseg");
    build_process(f, 11, 1000);
    f->built.header.last.ticks += 50000; /* 50 ppm of a second */
    put_segment(f, "11-b.xseg");
    struct xsg_profile p = read_folder(f);
    assert_non_null(note_with(&p, "the clocks of 1 of 2 processes differ"));
    assert_non_null(note_with(&p, "50 ppm"));
}

static void test_clock_in_ns(void **state)
{
    struct fixture *f = *state;
    build_process(f, 10, 1000);
    f->built.header.clock = XSG_SEG_CLOCK_NS;
    f->built.header.last.ticks = 7; /* of no interest */
    f->built.header.cost_timed = f->built.header.cost_inner = 50;
    put_segment(f, "10-a.xseg");
    struct xsg_profile p = read_folder(f);
    assert_true(p.functions[0].self == 1000);
    assert_int_equal(p.n_notes, 0);
}

/* Files of scopes: relative to the root, however the compiler was given them. */
static void test_files_of_scopes(void **state)
{
    struct fixture *f = *state;
    struct xsg_profile p;
    const struct xsg_session_options options = {.root = f->folder};
    assert_int_equal(xsg_mkdirs(xsg_path_join(&f->arena, f->folder, "src"), NULL), 0);
    put_file(f, "src/a.c", "", 0);
    segment_init(&f->built);
    struct built_thread *t = segment_thread(&f->built);
    const char *files[] = {xsg_path_join(&f->arena, f->folder, "src/a.c"), "../src/a.c",
                           "../../src/a.c", "src/a.c"};
    for (size_t i = 0; i < 4; i++)
        segment_node(t, 0, segment_site(&f->built, XSG_SEG_SITE_SCOPE, "s", files[i], 1), 1, 10);
    segment_node(t, 0, segment_site(&f->built, XSG_SEG_SITE_SCOPE, "s", "../gone.c", 1), 1, 1);
    segment_node(t, 0, segment_site(&f->built, XSG_SEG_SITE_SCOPE, "s", "", 1), 1, 0);
    put_segment(f, "10-a.xseg");
    assert_int_equal(xsg_session_read(&f->arena, f->folder, &options, &p, NULL), 0);
    assert_int_equal(p.n_functions, 3);
    assert_string_equal(p.functions[0].function.file, "src/a.c");
    assert_true(p.functions[0].calls == 4);
    assert_string_equal(p.functions[1].function.file, "../gone.c");
    assert_null(p.functions[2].function.file);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_processes_are_merged), TEST(test_a_shell_beside_the_target),
        TEST(test_nothing_there),        TEST(test_no_folder),
        TEST(test_damaged_beside_whole), TEST(test_all_damaged),
        TEST(test_strange_files),        TEST(test_many_damaged),
        TEST(test_clock_of_a_sibling),   TEST(test_clock_of_this_machine),
        TEST(test_clocks_that_disagree), TEST(test_clock_in_ns),
        TEST(test_files_of_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
