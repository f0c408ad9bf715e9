/* segment_seeds FOLDER: writes the hand-made inputs of corpus/segment. */
#include <stdio.h>

#include "base/fs.h"
#include "tests/unit/segment_builder.h"

static struct built_segment built;

static int put(const char *folder, const char *name)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    size_t n;
    segment_tighten(&built);
    unsigned char *data = segment_write(&built, &n);
    int rc = xsg_write_file(xsg_path_join(&arena, folder, name), data, n, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    free(data);
    xsg_arena_release(&arena);
    return rc;
}

static void build_scopes(void)
{
    segment_init(&built);
    built.header.cost_timed = 30;
    built.header.cost_inner = 10;
    built.header.cost_counted = 300;
    uint64_t bench = segment_site(&built, XSG_SEG_SITE_BENCH, "bench", "b.c", 3);
    uint64_t counter = segment_site(&built, XSG_SEG_SITE_COUNTER, "bytes", "b.c", 4);
    uint64_t attribute = segment_site(&built, XSG_SEG_SITE_ATTR, "k=v", "b.c", 4);
    uint64_t scope = segment_scope(&built, "f");
    for (int i = 0; i < 2; i++) {
        struct built_thread *t = segment_thread(&built);
        uint32_t a = segment_node(t, 0, bench, 3, 100000);
        uint32_t b = segment_node(t, a, scope, 1000, 50000);
        t->nodes[b].next = 1001;
        segment_durations(segment_hist(t, b), 50, 40);
        segment_hist(t, segment_node(t, b, counter, 4, 40))->n = 4;
        segment_node(t, b, attribute, 1, 0);
        t->nodes[1].calls = 2;
    }
}

static void build_samples(void)
{
    segment_init(&built);
    built.header.modes = XSG_SEG_MODE_SAMPLE;
    built.header.state = XSG_SEG_RUNNING;
    built.header.last = built.header.start;
    built.header.rate_hz = 250;
    segment_module(&built, 0x10000, 0x20000, "/usr/bin/app");
    segment_module(&built, 0x18000, 0x30000, "/opt/libxsgate-runtime.so");
    struct built_thread *t = segment_thread(&built);
    uint32_t s = segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_RETURN, 0x10020), 0, 0);
    segment_node(t, s, XSG_SEG_KEY(XSG_SEG_KEY_LEAF, 0x19000), 2, 8000000);
    s = segment_node(t, 0, XSG_SEG_KEY(XSG_SEG_KEY_TRUNCATED, 0), 0, 0);
    segment_node(t, s, XSG_SEG_KEY(XSG_SEG_KEY_LEAF, 0x10020), 1, 4000000);
    t->head.samples = 3;
    t->head.sample_ns = 12000000;
}

static void build_functions(void)
{
    segment_init(&built);
    built.header.modes = XSG_SEG_MODE_FUNCTIONS;
    built.header.clock = XSG_SEG_CLOCK_NS;
    segment_module(&built, 0x10000, 0x20000, "/usr/bin/app");
    struct built_thread *t = segment_thread(&built);
    uint32_t at = 0;
    for (uint64_t i = 0; i < 8; i++) /* a recursion of two */
        at = segment_node(t, at, XSG_SEG_KEY(XSG_SEG_KEY_FUNCTION, 0x10100 + i % 2 * 64), 1,
                          1000 - i * 100);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    build_scopes();
    if (put(argv[1], "scopes"))
        return 1;
    build_samples();
    if (put(argv[1], "samples"))
        return 1;
    build_functions();
    if (put(argv[1], "functions"))
        return 1;
    segment_init(&built);
    return put(argv[1], "empty") ? 1 : 0;
}
