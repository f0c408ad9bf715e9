/* Programs with a known call tree under the preloaded runtime -> session -> profile: exact. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/proc.h"
#include "profiler/fold.h"
#include "profiler/format.h"
#include "profiler/source/session.h"

struct fixture {
    struct xsg_arena arena;
    char *folder;
    struct xsg_proc_result result;
    struct xsg_profile profile;
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

/* Runs a variant of tree.c and reads its session; extra is one more variable or NULL. */
static const struct xsg_profile *measure(struct fixture *f, const char *variant, const char *mode,
                                         const char *profile, const char *extra)
{
    struct xsg_err err = {0};
    const char *argv[] = {xsg_path_join(&f->arena, XSG_TREES, variant), mode, NULL};
    const char *env[] = {xsg_printf(&f->arena, "XSGATE_SESSION=%s", f->folder),
                         xsg_printf(&f->arena, "XSGATE_PROFILE=%s", profile),
                         "LD_PRELOAD=" XSG_RUNTIME,
                         "PATH=/usr/bin:/bin",
                         extra,
                         NULL};
    const struct xsg_proc_spec spec = {
        .argv = argv, .env = env, .timeout_s = 60, .pin_cpu = -1, .keep_output = 4096};
    const struct xsg_session_options options = {.root = XSG_ROOT};
    if (xsg_proc_run(&f->arena, &spec, &f->result, &err))
        fail_msg("%s", err.text);
    if (xsg_session_read(&f->arena, f->folder, &options, &f->profile, &err))
        fail_msg("%s", err.text);
    return &f->profile;
}

static const struct xsg_profile_function *find(const struct xsg_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_functions; i++)
        if (strcmp(p->functions[i].function.name, name) == 0)
            return &p->functions[i];
    fail_msg("%s is missing", name);
    return NULL;
}

/* The node at "a;b;c" below the root. */
static const struct xsg_tree_node *node_at(struct fixture *f, const char *path)
{
    const struct xsg_calltree *tree = &f->profile.tree;
    char *rest = xsg_strdup(&f->arena, path);
    uint32_t at = 0;
    for (char *name = strtok(rest, ";"); name; name = strtok(NULL, ";")) {
        uint32_t next = 0;
        for (uint32_t i = 1; i < tree->n_nodes; i++)
            if (tree->nodes[i].parent == at &&
                strcmp(tree->functions[tree->nodes[i].function].name, name) == 0)
                next = i;
        if (next == 0)
            fail_msg("no %s in %s", name, path);
        at = next;
    }
    return &tree->nodes[at];
}

/* The name above the first node of this name. */
static const char *caller_of(struct fixture *f, const char *name)
{
    const struct xsg_calltree *tree = &f->profile.tree;
    for (size_t i = 1; i < tree->n_nodes; i++)
        if (strcmp(tree->functions[tree->nodes[i].function].name, name) == 0)
            return tree->functions[tree->nodes[tree->nodes[i].parent].function].name;
    return "";
}

static bool has_note(const struct xsg_profile *p, const char *part)
{
    for (size_t i = 0; i < p->n_notes; i++)
        if (strstr(p->notes[i], part))
            return true;
    return false;
}

/* Every number adds up: children within parents, own times to the whole. */
static void check_sums(const struct xsg_profile *p)
{
    const struct xsg_calltree *tree = &p->tree;
    double *below = calloc(tree->n_nodes, sizeof *below), self = 0;
    assert_non_null(below);
    for (size_t i = tree->n_nodes; i-- > 1;) {
        assert_true(fabs(tree->nodes[i].self + below[i] - tree->nodes[i].total) < 1);
        below[tree->nodes[i].parent] += tree->nodes[i].total;
        self += tree->nodes[i].self;
    }
    assert_true(fabs(self - tree->nodes[0].total) < 1);
    free(below);
}

/* The tree of the head of tree.c, that many times. */
static void check_tree(struct fixture *f, const char *above, double times)
{
    const struct xsg_profile *p = &f->profile;
    assert_int_equal(p->lost, 0);
    assert_true(find(p, "top")->calls == times);
    assert_true(find(p, "middle")->calls == 4 * times);
    assert_true(find(p, "leaf")->calls == 12 * times);
    assert_true(find(p, "recurse")->calls == 10 * times);
    const char *path = xsg_printf(&f->arena, "%stop", above);
    assert_true(node_at(f, path)->calls == times);
    path = xsg_printf(&f->arena, "%stop;middle;leaf", above);
    assert_true(node_at(f, path)->calls == 12 * times);
    path = xsg_printf(&f->arena, "%stop", above);
    for (int i = 0; i < 10; i++) {
        path = xsg_printf(&f->arena, "%s;recurse", path);
        assert_true(node_at(f, path)->calls == times);
    }
    check_sums(p);
}

static void test_scopes(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "top", "scopes", NULL);
    assert_int_equal(f->result.exit_status, 0);
    check_tree(f, "", 1);
    assert_int_equal(p->n_functions, 4);
    assert_int_equal(p->tree.n_nodes, 1 + 3 + 10);
    assert_int_equal(p->kinds, XSG_PROFILE_SCOPE);
    assert_int_equal(p->modes, XSG_SEG_MODE_SCOPES);
    assert_int_equal(p->n_processes, 1);
    assert_int_equal(p->n_killed, 0);
    assert_int_equal(p->n_counters, 1);
    assert_string_equal(p->counters[0].name, "items");
    assert_true(p->counters[0].sum == 20 && p->counters[0].n == 4);
    assert_true(p->counters[0].min == 5 && p->counters[0].max == 5);
    const struct xsg_profile_function *leaf = find(p, "leaf");
    assert_string_equal(leaf->function.file, "tests/integration/profile/tree.c");
    assert_int_equal(leaf->hist.total, 12);
    assert_true(leaf->min <= leaf->max && leaf->max < 1e9);
    assert_true(find(p, "recurse")->total <= find(p, "top")->total);
    assert_true(p->total_ns <= (double)f->result.wall_ns);
}

static void test_functions(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "functions", "top", "functions", NULL);
    assert_int_equal(f->result.exit_status, 0);
    check_tree(f, "main;", 1);
    assert_true(find(p, "main")->calls == 1);
    assert_int_equal(p->kinds, XSG_PROFILE_FUNCTION);
    const struct xsg_function *leaf = &find(p, "leaf")->function;
    assert_string_equal(leaf->file, "tests/integration/profile/tree.c");
    assert_string_equal(leaf->module, "functions");
    assert_true(leaf->line > 10 && leaf->end_line > leaf->line);
}

static void test_threads(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "threads", "scopes", NULL);
    check_tree(f, "", 3);
    assert_in_range(p->n_threads, 3, 4);
}

static void test_forks(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "forks", "scopes", NULL);
    check_tree(f, "", 2);
    assert_int_equal(p->n_processes, 2);
    assert_int_equal(p->n_killed, 0);
}

/* kill -9 in the middle of a scope: what had returned is exact, the open call has no time. */
static void test_killed(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "die", "scopes", NULL);
    assert_int_equal(f->result.signal, 9);
    check_tree(f, "die;", 1);
    assert_int_equal(p->n_killed, 1);
    assert_true(find(p, "die")->calls == 1);
    assert_true(find(p, "die")->self == 0);
    assert_true(find(p, "die")->total == find(p, "top")->total);
    assert_true(has_note(p, "1 of 1 process ended without passing exit"));
    assert_true(has_note(p, "had not returned"));
    assert_true(has_note(p, "clock's rate was measured"));
}

static void test_exit_within(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "leave", "scopes", NULL);
    check_tree(f, "leave;", 1);
    assert_int_equal(p->n_killed, 0);
    assert_true(find(p, "leave")->total >= find(p, "top")->total);
}

static void test_bench(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "bench", "scopes", "XSGATE_BENCH=loop=250");
    assert_int_equal(p->n_benches, 1);
    assert_string_equal(p->benches[0].name, "loop");
    assert_int_equal(p->benches[0].iterations, 250);
    assert_true(find(p, "loop")->calls == 250);
    assert_true(node_at(f, "loop;leaf")->calls == 250);
}

/* Durations: what was burnt is what is told; a scope cannot be shorter than its CPU time. */
static void test_times(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "scopes", "work", "scopes", NULL);
    assert_true(find(p, "heavy")->self >= 299e6);
    assert_true(find(p, "light")->self >= 99e6);
    assert_true(find(p, "work")->self >= 99e6);
    assert_true(find(p, "work")->total >= 497e6);
    assert_true(find(p, "work")->total <= (double)f->result.wall_ns);
    check_sums(p);
}

/* Samples of CPU time: 500 ms of it at 250 Hz give some 125; shares are known. */
static void test_samples(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "bare", "work", "sample", NULL);
    if (p->samples == 0) {
        print_message("skipped: this system delivers no samples\n");
        skip();
    }
    assert_int_equal(p->kinds, XSG_PROFILE_SAMPLE);
    double whole = find(p, "work")->total;
    assert_true(whole > 400e6 && whole < 600e6);
    assert_string_equal(caller_of(f, "heavy"), "work");
    assert_string_equal(caller_of(f, "light"), "work");
    assert_string_equal(caller_of(f, "work"), "main"); /* above it are the C library's frames */
    double heavy = find(p, "heavy")->total / whole;
    double light = find(p, "light")->total / whole;
    assert_true(heavy > 0.45 && heavy < 0.75);
    assert_true(light > 0.1 && light < 0.3);
    assert_true(find(p, "burn")->total > 0.9 * p->total_ns);
    assert_string_equal(find(p, "burn")->function.file, "tests/integration/profile/tree.c");
    for (size_t i = 0; i < p->n_functions; i++)
        assert_null(strstr(p->functions[i].function.name, "xsg__"));
    check_sums(p);
}

/* A program that knows nothing of scopes delivers none, and this is not a failure of reading. */
static void test_nothing_delivered(void **state)
{
    struct fixture *f = *state;
    const struct xsg_profile *p = measure(f, "bare", "top", "scopes", NULL);
    assert_int_equal(p->n_processes, 1);
    assert_int_equal(p->kinds, 0);
    assert_int_equal(p->n_functions, 0);
    assert_int_equal(p->modes, XSG_SEG_MODE_SCOPES);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_scopes),  TEST(test_functions),         TEST(test_threads), TEST(test_forks),
        TEST(test_killed),  TEST(test_exit_within),       TEST(test_bench),   TEST(test_times),
        TEST(test_samples), TEST(test_nothing_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
