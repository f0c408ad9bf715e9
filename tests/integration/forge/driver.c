/*
 * ci/forge against a server, with libcurl and a clock that does not wait: sleeping only moves it
 * on. The environment is the CI system's; prints what came of it, a line each:
 *
 *   driver [--budget S] [--answer BYTES] [--stall S] [--login NAME] COMMAND [ARGUMENT...]
 *     comment ID FILE | keep ID FILE (update only) | delete ID
 *     check NAME ANNOTATIONS | status NAME TEXT | merge-base A B | pull-head N
 *
 *   slept 2.0        each wait
 *   result 0         the return code
 *   error ..., hint ..., url ..., oid ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "ci/forge/http.h"

static int64_t skipped_ns;

static int64_t monotonic_ns(void *arg)
{
    (void)arg;
    return xsg_system_clock.monotonic_ns(NULL) + skipped_ns;
}

static int64_t realtime_s(void *arg)
{
    (void)arg;
    return xsg_system_clock.realtime_s(NULL) + skipped_ns / 1000000000;
}

static void sleep_ns(void *arg, int64_t ns)
{
    (void)arg;
    if (ns <= 0)
        return;
    skipped_ns += ns;
    printf("slept %.1f\n", (double)ns / 1e9);
}

static const struct xsg_clock fast_clock = {monotonic_ns, realtime_s, sleep_ns, NULL};

static const char *get_variable(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

struct job {
    struct xsg_arena arena;
    struct xsg_forge *forge;
    const char *url, *oid;
    struct xsg_err err;
};

static int comment(struct job *job, char **words, bool create)
{
    char *body = NULL;
    size_t n;
    int rc = xsg_read_file(&job->arena, words[1], (size_t)64 << 20, &body, &n, &job->err);

    return rc != 0 ? rc
                   : xsg_forge_comment(job->forge, &job->arena, words[0], body, create, &job->url,
                                       &job->err);
}

static int check(struct job *job, const char *name, size_t n)
{
    struct xsg_forge_annotation *annotations =
        XSG_NEW_ARRAY(&job->arena, struct xsg_forge_annotation, n + 1);
    struct xsg_forge_check data = {name, "a title", "a summary", XSG_FORGE_FAILURE, annotations, n};
    int64_t id;
    int rc = xsg_forge_check_begin(job->forge, name, &id, &job->err);

    for (size_t i = 0; i < n; i++)
        annotations[i] = (struct xsg_forge_annotation){
            .path = "src/a.c",
            .line = (int)i + 1,
            .end_line = (int)i + 1,
            .failure = true,
            .title = xsg_printf(&job->arena, "function %zu", i),
            .message = "slower",
        };
    return rc != 0 ? rc : xsg_forge_check_end(job->forge, id, &data, &job->err);
}

static int carry_out(struct job *job, char **words)
{
    const char *command = words[0];

    if (strcmp(command, "comment") == 0 || strcmp(command, "keep") == 0)
        return comment(job, words + 1, command[0] == 'c');
    if (strcmp(command, "delete") == 0)
        return xsg_forge_comment_delete(job->forge, words[1], &job->err);
    if (strcmp(command, "check") == 0)
        return check(job, words[1], strtoul(words[2], NULL, 10));
    if (strcmp(command, "status") == 0)
        return xsg_forge_status(job->forge, words[1], words[2], XSG_FORGE_FAILURE, &job->err);
    if (strcmp(command, "merge-base") == 0)
        return xsg_forge_merge_base(job->forge, &job->arena, words[1], words[2], &job->oid,
                                    &job->err);
    if (strcmp(command, "pull-head") == 0)
        return xsg_forge_pull_head(job->forge, &job->arena, strtoll(words[1], NULL, 10), &job->oid,
                                   &job->err);
    fprintf(stderr, "driver: unknown command %s\n", command);
    exit(2);
}

int main(int argc, char **argv)
{
    struct job job = {.arena = XSG_ARENA_INIT};
    struct xsg_http_limits limits = {.stall_s = 1, .connect_s = 3};
    struct xsg_forge_options options = {.getenv = get_variable, .clock = &fast_clock};
    struct xsg_forge_context context;
    struct xsg_http_curl *curl;
    struct xsg_http http;
    int rc, i = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--budget") == 0)
            options.budget_s = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--answer") == 0)
            limits.answer = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--stall") == 0)
            limits.stall_s = strtod(argv[i + 1], NULL);
        else
            options.login = argv[i + 1];
    }
    rc = xsg_forge_detect(&job.arena, get_variable, NULL, &context, &job.err);
    if (rc != 0)
        printf("event %s\n", job.err.text);
    job.err = (struct xsg_err){0};
    rc = xsg_http_open(&curl, &limits, get_variable, NULL, NULL, &job.err);
    if (rc != 0)
        return 2;
    http = xsg_http_of(curl);
    options.http = &http;
    rc = xsg_forge_open(&job.forge, &context, &options, &job.err);
    if (rc == 0)
        rc = carry_out(&job, argv + i);
    printf("result %d\n", rc);
    printf("error %s\nhint %s\n", job.err.text, job.err.hint);
    printf("url %s\noid %s\n", job.url ? job.url : "", job.oid ? job.oid : "");
    xsg_forge_close(job.forge);
    xsg_http_close(curl);
    xsg_arena_release(&job.arena);
    return 0;
}
