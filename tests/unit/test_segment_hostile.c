/* Segments that were cut, damaged or forged: a sentence, or the whole records before the damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "profiler/fold.h"
#include "profiler/source/session.h"
#include "tests/unit/segment_builder.h"

static struct built_segment built;

/* Something of everything that a segment can hold. */
static void build(void)
{
    segment_init(&built);
    built.header.modes = XSG_SEG_MODE_SCOPES | XSG_SEG_MODE_SAMPLE;
    built.header.cost_timed = 30;
    built.header.cost_inner = 10;
    built.header.cost_counted = 300;
    segment_module(&built, 0x10000, 0x20000, "/usr/bin/app");
    segment_module(&built, 0x18000, 0x30000, "/usr/lib/libx.so");
    uint64_t f = segment_scope(&built, "f"), g = segment_scope(&built, "g");
    uint64_t bench = segment_site(&built, XSG_SEG_SITE_BENCH, "bench", "b.c", 3);
    uint64_t counter = segment_site(&built, XSG_SEG_SITE_COUNTER, "bytes", "b.c", 4);
    uint64_t attribute = segment_site(&built, XSG_SEG_SITE_ATTR, "k=v", "b.c", 4);
    for (int i = 0; i < 2; i++) {
        struct built_thread *t = segment_thread(&built);
        uint32_t a = segment_node(t, 0, bench, 3, 100000);
        uint32_t b = segment_node(t, a, f, 10, 50000);
        uint32_t c = segment_node(t, b, g, 1000, 20000);
        t->nodes[c].next = 1001;
        segment_durations(segment_hist(t, b), 5000, 10);
        segment_durations(segment_hist(t, c), 20, 100);
        segment_hist(t, segment_node(t, b, counter, 4, 40))->n = 4;
        segment_node(t, b, attribute, 1, 0);
        segment_node(t, c, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, 0x10040), 5, 700);
        uint32_t s = segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_RETURN, 0x10020), 0, 0);
        segment_node(t, s, XSG_SEG_KEY(XSG_SEG_KEY_LEAF, 0x19000), 2, 8000);
        s = segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_TRUNCATED, 0), 0, 0);
        segment_node(t, s, XSG_SEG_KEY(XSG_SEG_KEY_LEAF, 0x10020), 1, 4000);
    }
    segment_tighten(&built);
}

struct reading {
    struct xsg_arena arena;
    struct xsg_profile profile;
    struct xsg_err err;
    int rc;
};

/* From a block of exactly n bytes, so that a sanitizer sees each read beyond it. */
static void read_bytes(struct reading *r, const unsigned char *data, size_t n)
{
    struct xsg_fold *fold;
    *r = (struct reading){0};
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    assert_int_equal(xsg_fold_open(&fold, &r->arena, NULL), 0);
    r->rc = xsg_segment_read(&r->arena, copy, n, NULL, fold, &r->err);
    free(copy); /* nothing may point into it */
    assert_int_equal(xsg_fold_finish(fold, &r->profile, NULL), 0);
}

/* Whatever came out keeps the promises of profile.h. */
static void check(const struct reading *r)
{
    const struct xsg_profile *p = &r->profile;
    if (r->rc) {
        assert_int_equal(r->rc, XSG_ECORRUPT);
        assert_true(r->err.text[0] != '\0');
    }
    assert_true(isfinite(p->total_ns) && p->total_ns >= 0);
    for (size_t i = 0; i < p->n_functions; i++) {
        const struct xsg_profile_function *f = &p->functions[i];
        assert_true(isfinite(f->self) && f->self >= 0);
        assert_true(isfinite(f->total) && f->total >= 0);
        assert_true(isfinite(f->self_se) && f->self_se >= 0);
        assert_true(f->function.name && f->calls >= 0);
    }
    for (size_t i = 1; i < p->tree.n_nodes; i++) {
        assert_true(p->tree.nodes[i].parent < i);
        assert_true(p->tree.nodes[i].function < p->tree.n_functions);
    }
    for (size_t i = 0; i < p->n_notes; i++)
        assert_true(p->notes[i][0] != '\0');
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    struct reading whole, cut;
    size_t n, wholes = 0, errors = 0;
    build();
    unsigned char *data = segment_write(&built, &n);
    read_bytes(&whole, data, n);
    assert_int_equal(whole.rc, 0);
    assert_int_equal(whole.profile.lost, 0);
    double last = 0;
    for (size_t i = 0; i < n; i++) {
        read_bytes(&cut, data, i);
        check(&cut);
        assert_true(cut.profile.samples <= whole.profile.samples);
        if (cut.rc) {
            errors++;
            assert_int_equal(cut.profile.n_functions, 0);
        } else {
            assert_true(cut.profile.lost > 0);
            assert_true(cut.profile.n_functions >= last);
            last = (double)cut.profile.n_functions;
            wholes += cut.profile.n_functions > 3;
        }
        xsg_arena_release(&cut.arena);
    }
    assert_true(errors >= XSG_SEG_HEADER_SIZE);
    assert_true(wholes > 0); /* the first thread's records live when the second's are cut off */
    xsg_arena_release(&whole.arena);
    free(data);
}

/* Room that was reserved and never used may be missing. */
static void test_cut_behind_the_records(void **state)
{
    (void)state;
    struct reading r;
    size_t n;
    segment_init(&built);
    struct built_thread *t = segment_thread(&built);
    segment_node(t, 0, segment_scope(&built, "f"), 1, 5);
    unsigned char *data = segment_write(&built, &n);
    read_bytes(&r, data, n - sizeof t->hists - 100 * sizeof t->nodes[0]);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.profile.lost, 0);
    assert_true(r.profile.total_ns == 5);
    xsg_arena_release(&r.arena);
    free(data);
}

static void damage(unsigned char *data, size_t n, struct xsg_rng *rng)
{
    static const uint64_t values[] = {
        0, 1, 2, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, 0x7f, UINT32_MAX, 4096, 1024, 255};
    const size_t dull = 512; /* names of the program, up to the directory */
    size_t times = 1 + xsg_rng_below(rng, 4);
    while (times-- > 0) {
        size_t at = xsg_rng_below(rng, n);
        if (at >= dull && at < XSG_SEG_HEADER_SIZE)
            at = XSG_SEG_HEADER_SIZE + at % (n - XSG_SEG_HEADER_SIZE);
        if (xsg_rng_below(rng, 2)) {
            data[at] = (unsigned char)xsg_rng_next(rng);
            continue;
        }
        size_t size = (size_t)1 << xsg_rng_below(rng, 4);
        uint64_t value = values[xsg_rng_below(rng, sizeof values / sizeof *values)];
        at = at / size * size;
        if (at + size <= n)
            memcpy(data + at, &value, size);
    }
}

static void test_random_damage(void **state)
{
    (void)state;
    struct xsg_rng rng;
    size_t n, survived = 0;
    xsg_rng_init(&rng, 20260101);
    build();
    unsigned char *data = segment_write(&built, &n), *copy = malloc(n);
    for (int i = 0; i < 20000; i++) {
        struct reading r;
        memcpy(copy, data, n);
        damage(copy, n, &rng);
        read_bytes(&r, copy, n);
        check(&r);
        survived += r.rc == 0;
        assert_true(r.arena.used < 16 * 1024 * 1024);
        xsg_arena_release(&r.arena);
    }
    assert_true(survived > 1000 && survived < 20000);
    free(copy);
    free(data);
}

/* A built segment with one thing wrong, and how it must end. */
struct forgery {
    size_t extent; /* of the directory; (size_t)-1: nothing there */
    struct xsg_seg_extent entry;
    const char *sentence; /* part of the error; NULL: it is read, with a loss */
};

static void expect(const struct forgery *forged)
{
    struct reading r;
    size_t n;
    unsigned char *data = segment_write(&built, &n);
    if (forged->extent != (size_t)-1)
        memcpy(data + XSG_SEG_HEADER_SIZE + forged->extent * sizeof forged->entry, &forged->entry,
               sizeof forged->entry);
    read_bytes(&r, data, n);
    check(&r);
    if (forged->sentence) {
        assert_int_equal(r.rc, XSG_ECORRUPT);
        if (!strstr(r.err.text, forged->sentence))
            fail_msg("\"%s\" does not say \"%s\"", r.err.text, forged->sentence);
    } else {
        assert_int_equal(r.rc, 0);
        assert_true(r.profile.lost > 0);
    }
    xsg_arena_release(&r.arena);
    free(data);
}

static void expect_header(const char *sentence)
{
    const struct forgery forged = {.extent = (size_t)-1, .sentence = sentence};
    expect(&forged);
}

static void test_headers(void **state)
{
    (void)state;
    build();
    built.header.magic[6] = '\n'; /* went through a text-mode copy */
    expect_header("not a segment");
    build();
    memset(built.header.magic, 0, sizeof built.header.magic);
    expect_header("ended before");
    build();
    built.header.version = 7;
    expect_header("format 7");
    build();
    built.header.node_size = 72;
    expect_header("other sizes");
    build();
    built.header.directory_offset = UINT32_MAX;
    expect_header(NULL); /* cut: the directory is beyond the end */
    build();
    built.header.n_extents = UINT32_MAX;
    expect_header("directory is out of range");
    struct reading r;
    read_bytes(&r, (const unsigned char *)"", 0);
    assert_string_equal(r.err.text, "it is cut short: 0 bytes, and its head takes 4096");
    xsg_arena_release(&r.arena);
}

static void test_extents(void **state)
{
    (void)state;
    const struct forgery forgeries[] = {
        {9, {UINT64_MAX - 10, 100, XSG_SEG_EXTENT_THREAD, 0}, "out of range"},
        {9, {1 << 20, UINT64_MAX, XSG_SEG_EXTENT_SITES, 0}, "out of range"},
        {9, {64, 4096, XSG_SEG_EXTENT_SITES, 0}, "out of range"},
        {9, {BUILD_BASE + 8, 4096, XSG_SEG_EXTENT_STRINGS, 0}, "overlap"},
        {9, {(uint64_t)1 << 40, (uint64_t)1 << 41, XSG_SEG_EXTENT_THREAD, 0}, NULL},
        {9, {(uint64_t)1 << 20, 4, XSG_SEG_EXTENT_THREAD, 0}, NULL},
        {9, {(uint64_t)1 << 20, 4096, 77, 0}, NULL},
        {9, {(uint64_t)1 << 20, 0, XSG_SEG_EXTENT_STRINGS, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        build();
        expect(&forgeries[i]);
    }
}

static void test_threads(void **state)
{
    (void)state;
    build();
    built.threads[0].head.nodes = UINT32_MAX;
    expect_header(NULL);
    build();
    built.threads[0].nodes[3].parent = 3; /* its own child */
    expect_header(NULL);
    build();
    built.threads[0].nodes[3].parent = 5; /* a cycle: 5's parent is 4, whose is 3 */
    expect_header(NULL);
    build();
    built.threads[0].nodes[3].parent = UINT32_MAX;
    expect_header(NULL);
    build();
    built.threads[0].nodes[3].key = XSG_SEG_KEY(XSG_SEG_KEY_SITE, 99);
    expect_header(NULL);
    build();
    built.threads[0].nodes[3].key = XSG_SEG_KEY(200, 1);
    expect_header(NULL);
    build();
    built.sites[0].kind = 99;
    expect_header(NULL);
    build();
    built.modules[0].build_id_n = 33;
    expect_header(NULL);
}

/* Bad strings are empty names, not losses. */
static void test_strings(void **state)
{
    (void)state;
    struct reading r;
    size_t n;
    build();
    built.sites[0].name = UINT32_MAX;
    built.strings[built.n_strings - 1] = 'x'; /* the last one has no end */
    built.sites[1].name = built.n_strings - 1;
    unsigned char *data = segment_write(&built, &n);
    read_bytes(&r, data, n);
    check(&r);
    assert_int_equal(r.rc, 0);
    bool found = false;
    for (size_t i = 0; i < r.profile.n_functions; i++)
        found = found || strcmp(r.profile.functions[i].function.name, "[unnamed]") == 0;
    assert_true(found);
    xsg_arena_release(&r.arena);
    free(data);
}

/* The largest numbers there are: sums stay finite. */
static void test_huge_numbers(void **state)
{
    (void)state;
    struct reading r;
    size_t n;
    build();
    built.header.cost_timed = built.header.cost_inner = built.header.cost_counted = UINT64_MAX;
    built.header.last.ticks = built.header.start.ticks + 1000000;
    for (uint32_t i = 2; i < built.threads[0].head.nodes; i++) {
        struct xsg_seg_node *node = &built.threads[0].nodes[i];
        node->calls = node->ticks = UINT64_MAX;
        node->timed = 1 + i % 3;
        node->next = i % 2 ? UINT64_MAX : 0;
    }
    memset(built.threads[0].hists, 0xff, sizeof built.threads[0].hists);
    unsigned char *data = segment_write(&built, &n);
    read_bytes(&r, data, n);
    check(&r);
    assert_int_equal(r.rc, 0);
    xsg_arena_release(&r.arena);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_byte), cmocka_unit_test(test_cut_behind_the_records),
        cmocka_unit_test(test_random_damage),     cmocka_unit_test(test_headers),
        cmocka_unit_test(test_extents),           cmocka_unit_test(test_threads),
        cmocka_unit_test(test_strings),           cmocka_unit_test(test_huge_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
