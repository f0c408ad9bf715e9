/*
 * comment_of FORMAT <TEXT: a comparison in which TEXT (any bytes, no NUL) stands wherever something
 * comes from the target, the repository or the CI's variables.
 */
#include <stdio.h>
#include <string.h>

#include "ci/report/report.h"
#include "fixture.h"

#define MOST ((size_t)4 << 20)

static void poison_delta(struct xsg_delta *d, const char *text, size_t i)
{
    d->target = d->metric = d->cause = d->rule = d->matched = d->moved = text;
    d->function.file = d->function.module = text;
    if (d->function.name)
        d->function.name = text;
    d->through = i % 3 == 0 ? text : NULL;
    d->waiver = i % 3 == 1 ? text : NULL;
    d->counts = true;
}

static struct xsg_run *poison_run(struct xsg_arena *arena, const struct xsg_run *from,
                                  const char *text)
{
    struct xsg_run *run = XSG_NEW(arena, struct xsg_run);

    *run = *from;
    run->commit.oid = run->commit.describe = run->commit.subject = text;
    run->environment = (struct xsg_environment){.cpu_model = text,
                                                .cores = 2,
                                                .kernel = text,
                                                .os = text,
                                                .compiler = text,
                                                .virtualization = text,
                                                .gpu = text,
                                                .xsgate = text};
    for (size_t i = 0; i < run->n_targets; i++) {
        run->targets[i].name = run->targets[i].command = run->targets[i].profile = text;
        run->targets[i].pairing = XSG_PAIRING_SAME_CORE;
        run->targets[i].pairing_reason = text;
    }
    return run;
}

static struct xsg_comparison *poison(struct xsg_arena *arena, const char *text)
{
    struct xsg_comparison *c = fixture_regressed(arena);
    const char **warnings = XSG_NEW(arena, const char *);

    /* One regressed delta of each kind: failing, waived, through another. */
    for (size_t i = 0; i < 3; i++)
        c->deltas[c->n_deltas++] = c->deltas[1];
    for (size_t i = 0; i < c->n_deltas; i++)
        poison_delta(&c->deltas[i], text, i);
    warnings[0] = text;
    c->warnings = warnings;
    c->n_warnings = 1;
    c->reason = text;
    c->base = poison_run(arena, c->base, text);
    c->head = poison_run(arena, c->head, text);
    return c;
}

int main(int argc, char **argv)
{
    static char text[MOST];
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_buf out = XSG_BUF_INIT;
    size_t n = fread(text, 1, sizeof text - 1, stdin);
    const struct xsg_report_format *format = argc == 2 ? xsg_report_find(argv[1]) : NULL;

    if (!format || n == sizeof text - 1)
        return 2;
    const struct xsg_report_options options = {.columns = 100,
                                               .all = true,
                                               .id = text,
                                               .head_sha = text,
                                               .source_url = "https://forge.example/o/r/blob/1",
                                               .commit_url = text,
                                               .run_url = text,
                                               .artifact_url = "https://forge.example/o/r/7#x"};
    format->write(&out, poison(&arena, text), &options);
    size_t written = fwrite(out.data, 1, out.len, stdout);
    int rc = written == out.len ? 0 : 1;
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
    return rc;
}
