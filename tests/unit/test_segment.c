/* Segments by heart -> fold: times, costs, estimates, frames, values. Without symbols. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/fold.h"
#include "profiler/source/session.h"
#include "tests/unit/segment_builder.h"

static struct built_segment built;
static struct xsg_arena arena;

static int set_up(void **state)
{
    (void)state;
    segment_init(&built);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static struct xsg_profile read_built(void)
{
    struct xsg_fold *fold;
    struct xsg_profile profile;
    struct xsg_err err = {0};
    size_t n;
    unsigned char *data = segment_write(&built, &n);
    assert_int_equal(xsg_fold_open(&fold, &arena, &err), 0);
    if (xsg_segment_read(&arena, data, n, NULL, fold, &err))
        fail_msg("%s", err.text);
    free(data);
    assert_int_equal(xsg_fold_finish(fold, &profile, &err), 0);
    return profile;
}

static const struct xsg_profile_function *find(const struct xsg_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_functions; i++)
        if (strcmp(p->functions[i].function.name, name) == 0)
            return &p->functions[i];
    fail_msg("%s is missing", name);
    return NULL;
}

static bool has_note(const struct xsg_profile *p, const char *part)
{
    for (size_t i = 0; i < p->n_notes; i++)
        if (strstr(p->notes[i], part))
            return true;
    return false;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(1, fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

static void test_exact_tree(void **state)
{
    (void)state;
    uint64_t top = segment_scope(&built, "top"), leaf = segment_scope(&built, "leaf");
    for (int i = 0; i < 2; i++) { /* two threads */
        struct built_thread *t = segment_thread(&built);
        uint32_t a = segment_node(t, 0, top, 1, 1000);
        segment_node(t, a, leaf, 10, 300);
        segment_node(t, 0, leaf, 1, 7);
    }
    struct xsg_profile p = read_built();
    near(find(&p, "top")->self, 1400);
    near(find(&p, "top")->total, 2000);
    near(find(&p, "leaf")->self, 614);
    near(find(&p, "leaf")->calls, 22);
    near(find(&p, "leaf")->self_se, 0);
    near(p.total_ns, 2014);
    assert_string_equal(find(&p, "leaf")->function.file, "a.c");
    assert_int_equal(find(&p, "leaf")->function.line, 7);
    assert_int_equal(p.n_threads, 2);
    assert_int_equal(p.n_processes, 1);
    assert_int_equal(p.n_killed, 0);
    assert_int_equal(p.lost, 0);
    assert_int_equal(p.kinds, XSG_PROFILE_SCOPE);
    assert_int_equal(p.modes, XSG_SEG_MODE_SCOPES);
    assert_int_equal(p.n_notes, 0);
}

static void test_ticks_become_ns(void **state)
{
    (void)state;
    built.header.last.ticks = built.header.start.ticks + 2000000000; /* 2 ticks a ns */
    struct built_thread *t = segment_thread(&built);
    uint32_t node = segment_node(t, 0, segment_scope(&built, "f"), 2, 4096);
    segment_durations(segment_hist(t, node), 2048, 2);
    struct xsg_profile p = read_built();
    const struct xsg_profile_function *f = find(&p, "f");
    near(f->self, 2048);
    near(f->min, 1024);
    near(f->max, 1024);
    assert_int_equal(f->hist.total, 2);
    assert_int_equal(f->hist.count[xsg_hist_bucket(1024)], 2);
}

static void test_durations_keep_their_number(void **state)
{
    (void)state;
    built.header.last.ticks = built.header.start.ticks + 2300000000;
    built.header.cost_timed = 30;
    built.header.cost_inner = 17;
    struct built_thread *t = segment_thread(&built);
    uint32_t node = segment_node(t, 0, segment_scope(&built, "f"), 1000, 1000000);
    struct xsg_seg_hist *hist = segment_hist(t, node);
    uint64_t ticks = 3;
    for (int i = 0; i < 40; i++, ticks += ticks / 2)
        segment_durations(hist, ticks, 25);
    struct xsg_profile p = read_built();
    const struct xsg_profile_function *f = find(&p, "f");
    assert_int_equal(f->hist.total, 1000);
    uint64_t sum = 0;
    for (size_t i = 0; i < XSG_HIST_BUCKETS; i++)
        sum += f->hist.count[i];
    assert_int_equal(sum, 1000);
    near(f->min, 0); /* 3 - 17 ticks */
    /* the median, 25 % wide buckets on both sides */
    double expected = (3 * pow(1.5, 20) - 17) / 2.3;
    assert_true(fabs(xsg_hist_percentile(&f->hist, 50) / expected - 1) < 0.6);
}

/* By hand: top 1 call, leaf 10 calls, all timed; a timed call costs 30, 10 of it inside. */
static void test_costs_are_removed(void **state)
{
    (void)state;
    built.header.cost_timed = 30;
    built.header.cost_inner = 10;
    built.header.cost_counted = 256;
    struct built_thread *t = segment_thread(&built);
    uint32_t top = segment_node(t, 0, segment_scope(&built, "top"), 1, 10000);
    uint32_t middle = segment_node(t, top, segment_scope(&built, "middle"), 1, 5000);
    segment_node(t, middle, segment_scope(&built, "leaf"), 10, 1000);
    struct xsg_profile p = read_built();
    near(find(&p, "leaf")->self, 1000 - 10 * 10);
    near(find(&p, "middle")->total, 5000 - 10 - 10 * 30);
    near(find(&p, "top")->total, 10000 - 10 - 30 - 10 * 30);
    near(find(&p, "top")->self, find(&p, "top")->total - find(&p, "middle")->total);
}

static void test_costs_never_below_zero(void **state)
{
    (void)state;
    built.header.cost_timed = 30;
    built.header.cost_inner = 10;
    struct built_thread *t = segment_thread(&built);
    uint32_t top = segment_node(t, 0, segment_scope(&built, "top"), 1, 100);
    segment_node(t, top, segment_scope(&built, "leaf"), 100, 900);
    struct xsg_profile p = read_built();
    near(find(&p, "leaf")->self, 0);
    near(find(&p, "top")->self, 0);
    near(p.total_ns, 0);
}

/* Function hooks cost otherwise than scopes, and counted calls otherwise than timed ones. */
static void test_costs_of_hooks(void **state)
{
    (void)state;
    built.header.modes = XSG_SEG_MODE_FUNCTIONS;
    built.header.cost_timed = 30;
    built.header.cost_inner = 10;
    built.header.function_timed = 50;
    built.header.function_inner = 20;
    built.header.function_counted = 4 * 256;
    segment_module(&built, 0x1000, 0x9000, "/bin/app");
    struct built_thread *t = segment_thread(&built);
    uint32_t top = segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, 0x1100), 1, 100000);
    uint32_t leaf = segment_node(t, top, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, 0x2100), 1000, 0);
    t->nodes[leaf].next = 1010;
    t->nodes[leaf].timed = 1000;
    t->nodes[leaf].ticks = 30000;
    segment_durations(segment_hist(t, leaf), 30, 40); /* 40 of 1000 were measured */
    struct xsg_profile p = read_built();
    near(find(&p, "app+0x1100")->calls, 1000);
    near(find(&p, "app+0x1100")->self, 30000 - 1000 * 20);
    near(find(&p, "app+0x100")->total, 100000 - 20 - 40 * 50 - 960 * 4);
    assert_int_equal(p.kinds, XSG_PROFILE_FUNCTION);
}

/* 1 in N: the cold first call is no part of the mean. */
static void test_estimate(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    uint32_t node = segment_node(t, 0, segment_scope(&built, "f"), 1001, 0);
    t->nodes[node].timed = 11;
    t->nodes[node].ticks = 5000 + 10 * 100;
    t->nodes[node].next = 1010;
    struct xsg_seg_hist *hist = segment_hist(t, node);
    hist->first = 5000;
    segment_durations(hist, 5000, 1);
    segment_durations(hist, 100, 10);
    struct xsg_profile p = read_built();
    near(find(&p, "f")->self, 5000 + 1000 * 100);
    near(find(&p, "f")->calls, 1001);
    near(find(&p, "f")->self_se, 0); /* all others are alike */
}

static void test_estimate_without_histogram(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    uint32_t node = segment_node(t, 0, segment_scope(&built, "f"), 1000, 0);
    t->nodes[node].timed = 640;
    t->nodes[node].ticks = 6400;
    t->nodes[node].next = 1010;
    struct xsg_profile p = read_built();
    near(find(&p, "f")->self, 10000);
}

/* The published formula with numbers that a pocket calculator checks: m = 20 of N = 1000, half of
 * them in the bucket [96, 112), half in [192, 224): middles 103.5 and 207.5, s^2 = 52^2 x 20/19. */
static void test_standard_error(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    uint32_t node = segment_node(t, 0, segment_scope(&built, "f"), 1000, 0);
    t->nodes[node].timed = 1000;
    t->nodes[node].ticks = 150000;
    t->nodes[node].next = 1010;
    struct xsg_seg_hist *hist = segment_hist(t, node);
    segment_durations(hist, 100, 10);
    segment_durations(hist, 200, 10);
    struct xsg_profile p = read_built();
    near(find(&p, "f")->self_se, sqrt(1000.0 * 980 * (52.0 * 52 * 20 / 19) / 20));
}

/* A hot caller of a rare slow callee: the callee's time is the caller's too, once, and not the
 * caller's own. 100 calls of the caller, 64 x weight; 10 calls of 1 ms below it. */
static void test_long_calls_below_a_hot_node(void **state)
{
    (void)state;
    built.header.cost_timed = 30; /* the limit is 30720 ticks */
    struct built_thread *t = segment_thread(&built);
    uint32_t hot = segment_node(t, 0, segment_scope(&built, "hot"), 640000, 0);
    t->nodes[hot].timed = 640000;
    t->nodes[hot].ticks = 64000000;
    t->nodes[hot].next = 640001;
    struct xsg_seg_hist *hist = segment_hist(t, hot);
    segment_durations(hist, 100, 10000);
    segment_durations(hist, 4000000, 1); /* interrupted: says nothing of the others */
    segment_node(t, hot, segment_scope(&built, "slow"), 10, 10000000);
    struct xsg_profile p = read_built();
    double cost = 10 * 30; /* what timing slow took */
    near(find(&p, "slow")->total, 10000000);
    near(find(&p, "hot")->total, 64000000 + 10000000.0 * 63 / 64 - cost);
    near(find(&p, "hot")->self, 64000000 - 10000000.0 / 64 - cost);
    near(find(&p, "hot")->self_se, 0);
}

static void test_open_calls(void **state)
{
    (void)state;
    built.header.state = XSG_SEG_RUNNING;
    struct built_thread *t = segment_thread(&built);
    uint32_t top = segment_node(t, 0, segment_scope(&built, "top"), 1, 0);
    t->nodes[top].timed = 0;
    segment_node(t, top, segment_scope(&built, "leaf"), 5, 50);
    struct xsg_profile p = read_built();
    near(find(&p, "top")->self, 0);
    near(find(&p, "top")->total, 50);
    near(find(&p, "top")->calls, 1);
    assert_int_equal(p.n_killed, 1);
    assert_true(has_note(&p, "1 call had not returned"));
    assert_int_equal(p.lost, 0);
}

static void test_values(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    uint64_t counter = segment_site(&built, XSG_SEG_SITE_COUNTER, "bytes", "a.c", 1);
    uint64_t number = segment_site(&built, XSG_SEG_SITE_ATTR, "depth", "a.c", 1);
    uint64_t text = segment_site(&built, XSG_SEG_SITE_ATTR, "format=json", "a.c", 1);
    uint64_t bench = segment_site(&built, XSG_SEG_SITE_BENCH, "loop", "a.c", 1);
    uint32_t top = segment_node(t, 0, bench, 500, 5000);
    uint32_t a = segment_node(t, top, counter, 3, (uint64_t)-15);
    struct xsg_seg_hist *hist = segment_hist(t, a);
    hist->min = (uint64_t)-20;
    hist->max = 5;
    hist->n = 3;
    segment_node(t, 0, counter, 1, 100);
    segment_node(t, top, number, 2, (uint64_t)-4);
    segment_node(t, top, text, 9, 0);
    struct xsg_profile p = read_built();
    assert_int_equal(p.n_functions, 1);
    near(find(&p, "loop")->self, 5000); /* values take no time */
    assert_int_equal(p.n_benches, 1);
    assert_int_equal(p.benches[0].iterations, 500);
    assert_string_equal(p.benches[0].name, "loop");
    assert_int_equal(p.n_counters, 1);
    near(p.counters[0].sum, 85);
    assert_int_equal(p.counters[0].n, 4);
    near(p.counters[0].min, -20);
    near(p.counters[0].max, 5);
    assert_true(has_note(&p, "attributes: depth=-4 (2 x), format=json (9 x)"));
}

static uint64_t at(uint32_t kind, uint64_t address)
{
    return XSG_SEG_KEY(kind, address);
}

static void test_samples(void **state)
{
    (void)state;
    built.header.modes = XSG_SEG_MODE_SAMPLE;
    built.header.rate_hz = 250;
    segment_module(&built, 0x10000, 0x20000, "/usr/bin/app");
    segment_module(&built, 0x30000, 0x40000, "/opt/lib/xsgate/libxsgate-runtime.so");
    segment_module(&built, 0x50000, 0x60000, "/lib/libunwind.so.8");
    struct built_thread *t = segment_thread(&built);
    uint32_t start = segment_node(t, 0, at(XSG_SEG_KEY_RETURN, 0x30100), 0, 0); /* ours */
    uint32_t top = segment_node(t, start, at(XSG_SEG_KEY_RETURN, 0x10101), 0, 0);
    segment_node(t, top, at(XSG_SEG_KEY_LEAF, 0x10200), 2, 8000000);
    segment_node(t, top, at(XSG_SEG_KEY_LEAF, 0x50000), 1, 4000000);   /* the caller's */
    segment_node(t, start, at(XSG_SEG_KEY_LEAF, 0x30104), 1, 1000000); /* nobody's */
    segment_node(t, 0, at(XSG_SEG_KEY_LEAF, 0x70000), 1, 2000000);
    uint32_t cut = segment_node(t, 0, at(XSG_SEG_KEY_TRUNCATED, 0), 0, 0);
    segment_node(t, cut, at(XSG_SEG_KEY_LEAF, 0x10200), 1, 500000);
    t->head.samples = 6;
    t->head.sample_ns = 15500000;
    struct xsg_profile p = read_built();
    near(find(&p, "app+0x200")->self, 8500000);
    assert_int_equal(find(&p, "app+0x200")->samples, 3);
    assert_string_equal(find(&p, "app+0x200")->function.module, "app");
    near(find(&p, "app+0x100")->self, 4000000); /* return address - 1 */
    near(find(&p, "app+0x100")->total, 12000000);
    near(find(&p, "[unknown]")->self, 2000000);
    near(find(&p, "[profiler]")->self, 1000000);
    near(find(&p, "[truncated]")->total, 500000);
    near(find(&p, "app+0x200")->calls, 0);
    assert_int_equal(p.samples, 6);
    assert_int_equal(p.kinds, XSG_PROFILE_SAMPLE);
    near(p.total_ns, 15500000);
    assert_true(has_note(&p, "16.7 % of the stacks are cut"));
    assert_true(has_note(&p, "app has no symbols for 55 % of the sampled time"));
}

static void test_mixed_modes_stay_apart(void **state)
{
    (void)state;
    built.header.modes = XSG_SEG_MODE_SCOPES | XSG_SEG_MODE_SAMPLE;
    segment_module(&built, 0x10000, 0x20000, "/usr/bin/app");
    struct built_thread *t = segment_thread(&built);
    segment_node(t, 0, segment_scope(&built, "f"), 1, 100);
    segment_node(t, 0, at(XSG_SEG_KEY_LEAF, 0x10001), 1, 80);
    struct xsg_profile p = read_built();
    assert_int_equal(p.kinds, XSG_PROFILE_SCOPE | XSG_PROFILE_SAMPLE);
    near(p.total_ns, 100);
    assert_int_equal(p.tree.n_nodes, 5);
}

static void test_losses_are_told(void **state)
{
    (void)state;
    built.header.lost_threads = 2;
    built.header.lost_sites = 1;
    struct built_thread *t = segment_thread(&built);
    segment_node(t, 0, segment_scope(&built, "f"), 1, 100);
    t->nodes[1].calls = 40;
    t->head.node_capacity = t->head.nodes; /* full */
    t->head.unmatched = 3;
    t->head.too_deep = 4;
    t->head.reentries = 5;
    t->head.negative = 6;
    struct xsg_profile p = read_built();
    assert_int_equal(p.lost, 43);
    assert_true(has_note(&p, "2 threads had no room"));
    assert_true(has_note(&p, "1 scope had no room"));
    assert_true(has_note(&p, "40 calls"));
    assert_true(has_note(&p, "3 calls were left by longjmp"));
    assert_true(has_note(&p, "4 calls were nested too deep"));
    assert_true(has_note(&p, "5 calls in signal handlers"));
    assert_true(has_note(&p, "backwards in 6 calls"));
    near(find(&p, "f")->self, 100);
}

static void test_depth_alone_is_no_loss(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    t->nodes[1].calls = 40;
    t->head.too_deep = 40;
    struct xsg_profile p = read_built();
    assert_int_equal(p.lost, 0);
    assert_int_equal(p.n_notes, 1);
}

static void test_slow_timer_is_told(void **state)
{
    (void)state;
    built.header.rate_hz = 1000;
    struct built_thread *t = segment_thread(&built);
    t->head.samples = 250;
    t->head.sample_ns = 1000000000;
    t->head.samples_lost = 10;
    struct xsg_profile p = read_built();
    assert_true(has_note(&p, "250 samples per second"));
    assert_true(has_note(&p, "10 of 260 samples"));
    assert_int_equal(p.lost, 0);
}

static void test_sampler_is_told(void **state)
{
    (void)state;
    struct xsg_profile p = read_built();
    size_t before = p.n_notes;
    built.header.unwinder = XSG_SEG_UNWINDER_FRAMES;
    built.header.sample_notes =
        XSG_SEG_NOTE_TARGET_SIGPROF | XSG_SEG_NOTE_NO_TIMER | XSG_SEG_NOTE_SMALL_STACK;
    segment_thread(&built)->head.samples = 1;
    p = read_built();
    assert_int_equal(p.n_notes, before + 4);
    assert_true(has_note(&p, "frame pointers"));
    assert_true(has_note(&p, "SIGPROF itself"));
    assert_true(has_note(&p, "no timer"));
    assert_true(has_note(&p, "small signal stack"));
}

/* A second table of the same kind continues the first behind its capacity. */
static void test_continued_tables(void **state)
{
    (void)state;
    struct built_thread *t = segment_thread(&built);
    segment_scope(&built, "first");
    segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_SITE, BUILD_SITES), 1, 5);
    size_t n;
    unsigned char *data = segment_write(&built, &n);
    struct xsg_seg_site site = built.sites[0];
    struct xsg_seg_table table = {.capacity = 1, .n = 1, .first = BUILD_SITES};
    struct xsg_seg_extent extent = {
        .offset = n, .size = sizeof table + sizeof site, .kind = XSG_SEG_EXTENT_SITES};
    data = realloc(data, n + extent.size);
    memcpy(data + XSG_SEG_HEADER_SIZE + 9 * sizeof extent, &extent, sizeof extent);
    memcpy(data + n, &table, sizeof table);
    memcpy(data + n + sizeof table, &site, sizeof site);
    struct xsg_fold *fold;
    struct xsg_profile p;
    assert_int_equal(xsg_fold_open(&fold, &arena, NULL), 0);
    assert_int_equal(xsg_segment_read(&arena, data, n + extent.size, NULL, fold, NULL), 0);
    assert_int_equal(xsg_fold_finish(fold, &p, NULL), 0);
    near(find(&p, "first")->self, 5);
    free(data);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_exact_tree),
        TEST(test_ticks_become_ns),
        TEST(test_durations_keep_their_number),
        TEST(test_costs_are_removed),
        TEST(test_costs_never_below_zero),
        TEST(test_costs_of_hooks),
        TEST(test_estimate),
        TEST(test_estimate_without_histogram),
        TEST(test_standard_error),
        TEST(test_long_calls_below_a_hot_node),
        TEST(test_open_calls),
        TEST(test_values),
        TEST(test_samples),
        TEST(test_mixed_modes_stay_apart),
        TEST(test_losses_are_told),
        TEST(test_depth_alone_is_no_loss),
        TEST(test_slow_timer_is_told),
        TEST(test_sampler_is_told),
        TEST(test_continued_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
