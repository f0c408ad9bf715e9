/*
 * Reports byte for byte: golden CASE FOLDER renders every format of that fixture and compares it
 * with FOLDER/CASE.FORMAT. XSG_REWRITE=1 writes the files instead; look at the difference before
 * you commit it. golden --write CASE FORMAT [LIMIT] prints one report, for other programs' tests;
 * golden --linked the same with every link that a forge gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ci/report/report.h"
#include "fixture.h"

static const struct {
    const char *name;
    struct xsg_comparison *(*make)(struct xsg_arena *arena);
} fixtures[] = {
    {"regressed", fixture_regressed},   {"passed", fixture_passed},
    {"undecided", fixture_undecided},   {"invalid", fixture_invalid},
    {"hostile", fixture_hostile},       {"huge", fixture_huge},
    {"unmeasured", fixture_unmeasured},
};

/* As on GitHub, in the job of a pull request. */
#define LINKED                                                                                     \
    .head_sha = "b5c6d7e8f9a0b1c2d3e4f5061728394a5b6c7d8e",                                        \
    .source_url = "https://forge.example/o/r/blob/b5c6d7e8f9a0b1c2d3e4f5061728394a5b6c7d8e",       \
    .commit_url = "https://forge.example/o/r/commit",                                              \
    .run_url = "https://forge.example/o/r/actions/runs/7",                                         \
    .artifact_url = "https://forge.example/o/r/actions/runs/7#artifacts"

static const struct {
    const char *suffix, *format;
    struct xsg_report_options options;
} reports[] = {
    {"80.txt", "text", {.columns = 80}},
    {"200.txt", "text", {.columns = 200}},
    {"color.txt", "text", {.columns = 100, .color = true, .all = true, .html = "report.html"}},
    {"md", "markdown", {.limit = 0}},
    {"linked.md", "markdown", {.id = "nightly", .all = true, LINKED}},
    {"github.txt", "github", {.limit = 0}},
    {"codequality.json", "codequality", {.limit = 0}},
    {"metrics.txt", "metrics", {.limit = 0}},
    {"json", "json", {.limit = 0}},
    {"junit.xml", "junit", {.limit = 0}},
};

static struct xsg_comparison *find_fixture(struct xsg_arena *arena, const char *name)
{
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        if (strcmp(fixtures[i].name, name) == 0)
            return fixtures[i].make(arena);
    }
    fprintf(stderr, "no fixture \"%s\"\n", name);
    exit(2);
}

/* Says where two texts part. */
static void explain(const char *path, const char *want, size_t n_want, const struct xsg_buf *got)
{
    size_t i = 0, line = 1;
    while (i < n_want && i < got->len && want[i] == got->data[i])
        line += want[i++] == '\n';
    fprintf(stderr, "%s:%zu differs (XSG_REWRITE=1 rewrites)\n", path, line);
    while (i > 0 && want[i - 1] != '\n')
        i--;
    fprintf(stderr, "-%.*s\n", (int)strcspn(want + i, "\n"), want + i);
    fprintf(stderr, "+%.*s\n", (int)strcspn(got->data + i, "\n"), got->data + i);
}

static int check(struct xsg_arena *arena, const char *path, const struct xsg_buf *got)
{
    struct xsg_err err = {0};
    char *want = NULL;
    size_t n = 0;
    int rc;
    if (getenv("XSG_REWRITE")) {
        rc = xsg_write_file(path, got->data, got->len, &err);
    } else {
        rc = xsg_read_file(arena, path, (size_t)16 << 20, &want, &n, &err);
        if (rc == 0 && (n != got->len || memcmp(want, got->data, n) != 0)) {
            explain(path, want, n, got);
            return 1;
        }
    }
    if (rc != 0)
        fprintf(stderr, "%s\n", err.text);
    return rc != 0;
}

/* What was written reads back as the same report. */
static int check_reader(struct xsg_arena *arena, const struct xsg_buf *json)
{
    struct xsg_comparison again;
    struct xsg_err err = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    const struct xsg_report_options options = {.columns = 80};
    int failed = 0;
    if (xsg_report_read_json(arena, json->data, json->len, &again, &err) != 0) {
        fprintf(stderr, "reading the report back: %s\n", err.text);
        return 1;
    }
    xsg_report_find("json")->write(&out, &again, &options);
    if (out.len != json->len || memcmp(out.data, json->data, out.len) != 0) {
        explain("read back", json->data, json->len, &out);
        failed = 1;
    }
    xsg_buf_release(&out);
    return failed;
}

static int check_case(const char *name, const char *folder)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    const struct xsg_comparison *c = find_fixture(&arena, name);
    struct xsg_buf out = XSG_BUF_INIT;
    int failed = 0;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        xsg_buf_clear(&out);
        xsg_report_find(reports[i].format)->write(&out, c, &reports[i].options);
        failed |=
            check(&arena, xsg_printf(&arena, "%s/%s.%s", folder, name, reports[i].suffix), &out);
        if (strcmp(reports[i].format, "json") == 0)
            failed |= check_reader(&arena, &out);
    }
    static const int columns[] = {80, 200};
    for (size_t i = 0; i < 2; i++) {
        const struct xsg_report_options options = {.columns = columns[i]};
        xsg_buf_clear(&out);
        xsg_report_run(&out, c->head, &options);
        failed |=
            check(&arena, xsg_printf(&arena, "%s/%s.run%d.txt", folder, name, columns[i]), &out);
    }
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
    return failed;
}

static int print_one(const char *name, const char *format, bool linked, const char *limit)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    const struct xsg_report_options plain = {.columns = 100, .limit = strtoul(limit, NULL, 10)};
    const struct xsg_report_options all = {
        .columns = 100, .limit = strtoul(limit, NULL, 10), .all = true, LINKED};
    const struct xsg_report_options *options = linked ? &all : &plain;
    const struct xsg_report_format *writer = xsg_report_find(format);
    struct xsg_buf out = XSG_BUF_INIT;
    if (!writer) {
        fprintf(stderr, "no format \"%s\"\n", format);
        return 2;
    }
    writer->write(&out, find_fixture(&arena, name), options);
    size_t written = out.len ? fwrite(out.data, 1, out.len, stdout) : 0;
    int rc = written == out.len ? 0 : 1;
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && argc <= 5 && argv[1][0] == '-')
        return print_one(argv[2], argv[3], strcmp(argv[1], "--linked") == 0,
                         argc == 5 ? argv[4] : "0");
    if (argc == 3)
        return check_case(argv[1], argv[2]);
    fprintf(stderr, "usage: golden CASE FOLDER | golden --write|--linked CASE FORMAT [LIMIT]\n");
    return 2;
}
