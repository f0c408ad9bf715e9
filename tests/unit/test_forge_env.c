/* What the CI system's variables and event payloads say, those of attackers too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/fs.h"
#include "ci/forge/event.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ZEROS "0000000000000000000000000000000000000000"

static struct xsg_arena arena;
static struct xsg_forge_context c;
static struct xsg_err err;

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

/* ---- payloads -------------------------------------------------------------------------------- */

static int read_event(enum xsg_forge_event event, const char *text)
{
    c = (struct xsg_forge_context){.kind = XSG_FORGE_GITHUB, .event = event, .foreign = true};
    err = (struct xsg_err){0};
    return xsg_forge_read_event(&arena, text, strlen(text), &c, &err);
}

static const char *pull_request(const char *head_repo, const char *base_repo)
{
    return xsg_printf(&arena,
                      "{\"number\": 42, \"repository\": {\"full_name\": %s}, \"pull_request\": {"
                      "\"base\": {\"sha\": \"" A "\", \"ref\": \"main\"},"
                      "\"head\": {\"sha\": \"" B "\", \"ref\": \"topic\", \"repo\": %s}}}",
                      base_repo, head_repo);
}

static void test_pull_request(void **state)
{
    (void)state;
    assert_int_equal(read_event(XSG_EVENT_PULL_REQUEST,
                                pull_request("{\"full_name\": \"Octo/Demo\"}", "\"octo/demo\"")),
                     0);
    assert_int_equal(c.pull_request, 42);
    assert_string_equal(c.base_sha, A);
    assert_string_equal(c.head_sha, B);
    assert_string_equal(c.base_ref, "main");
    assert_string_equal(c.head_ref, "topic");
    assert_string_equal(c.head_repository, "Octo/Demo");
    assert_false(c.foreign); /* the forge does not tell names by their case */
}

static void test_foreign(void **state)
{
    static const char *const heads[] = {"null",
                                        "{}",
                                        "7",
                                        "{\"full_name\": null}",
                                        "{\"full_name\": \"mallory/demo\"}",
                                        "{\"full_name\": \"octo/demo2\"}",
                                        "{\"full_name\": \"octo/demo/\"}",
                                        "{\"full_name\": \"octo\\/demo \"}",
                                        "{\"full_name\": [\"octo/demo\"]}"};
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_int_equal(
            read_event(XSG_EVENT_PULL_REQUEST, pull_request(heads[i], "\"octo/demo\"")), 0);
        assert_true(c.foreign);
    }
    /* Not knowing whose this repository is, is no reason to trust. */
    read_event(XSG_EVENT_PULL_REQUEST, pull_request("{\"full_name\": \"octo/demo\"}", "null"));
    assert_true(c.foreign);
    read_event(XSG_EVENT_PULL_REQUEST, pull_request("null", "null"));
    assert_true(c.foreign);
    read_event(XSG_EVENT_PULL_REQUEST, "{}");
    assert_true(c.foreign);
}

static void test_other_events(void **state)
{
    (void)state;
    read_event(XSG_EVENT_PUSH,
               "{\"ref\": \"refs/heads/main\", \"before\": \"" A "\", \"after\": \"" B "\"}");
    assert_string_equal(c.base_sha, A);
    assert_string_equal(c.head_sha, B);
    assert_string_equal(c.head_ref, "main");
    read_event(XSG_EVENT_PUSH,
               "{\"ref\": \"refs/tags/v1\", \"before\": \"" ZEROS "\", \"after\": \"" B "\"}");
    assert_null(c.base_sha); /* a new ref */
    assert_string_equal(c.head_ref, "refs/tags/v1");
    read_event(XSG_EVENT_MERGE_GROUP,
               "{\"merge_group\": {\"base_sha\": \"" A "\", \"base_ref\": \"refs/heads/main\","
               "\"head_sha\": \"" B
               "\", \"head_ref\": \"refs/heads/gh-readonly-queue/main/pr-1\"}}");
    assert_string_equal(c.base_sha, A);
    assert_string_equal(c.base_ref, "main");
    assert_string_equal(c.head_ref, "gh-readonly-queue/main/pr-1");
}

static void test_workflow_run(void **state)
{
    static const char form[] =
        "{\"repository\": {\"full_name\": \"o/r\"}, \"workflow_run\": {\"head_sha\": \"" B "\","
        "\"head_repository\": {\"full_name\": \"%s\"}, \"pull_requests\": %s}}";
    (void)state;
    read_event(XSG_EVENT_WORKFLOW_RUN, xsg_printf(&arena, form, "mallory/r", "[]"));
    assert_true(c.foreign);
    assert_int_equal(c.pull_request, 0);
    assert_string_equal(c.head_sha, B);
    read_event(XSG_EVENT_WORKFLOW_RUN, xsg_printf(&arena, form, "o/r", "[{\"number\": 3}]"));
    assert_false(c.foreign);
    assert_int_equal(c.pull_request, 3);
    read_event(XSG_EVENT_WORKFLOW_RUN,
               xsg_printf(&arena, form, "o/r", "[{\"number\": 3}, {\"number\": 4}]"));
    assert_int_equal(c.pull_request, 0); /* which one? */
}

static void test_values_that_are_none(void **state)
{
    static const char *const numbers[] = {"-1", "0", "\"7\"", "1e30", "7.5", "9007199254740993"};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        read_event(XSG_EVENT_PULL_REQUEST, xsg_printf(&arena, "{\"number\": %s}", numbers[i]));
        assert_int_equal(c.pull_request, 0);
    }
    read_event(XSG_EVENT_PULL_REQUEST, "{\"number\": 9007199254740991}");
    assert_true(c.pull_request == INT64_C(9007199254740991));
    read_event(XSG_EVENT_PUSH,
               "{\"before\": \"../../x\", \"after\": \"" A "\\n\", \"ref\": \"a\\nb\"}");
    assert_null(c.base_sha);
    assert_null(c.head_sha);
    assert_null(c.head_ref);
    assert_int_equal(read_event(XSG_EVENT_PUSH, "[]"), XSG_ECORRUPT);
    assert_int_equal(read_event(XSG_EVENT_PUSH, "{\"ref\": "), XSG_ECORRUPT);
    assert_int_equal(read_event(XSG_EVENT_PUSH, ""), XSG_ECORRUPT);
}

static void test_names(void **state)
{
    static const char *const good[] = {"o/r", "a-b.c/D_e.f", ".github/.github"};
    static const char *const bad[] = {"",     "o",    "o/",    "/r",   "o/r/x",  "o/..", "../r",
                                      "o/r ", "o /r", "o/r?x", "o/r#", "o/r%2f", "ö/r",  "./r"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(xsg_forge_is_repository(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(xsg_forge_is_repository(bad[i]));
    assert_true(xsg_forge_is_sha(A) && xsg_forge_is_sha(A "bbbbbbbbbbbbbbbbbbbbbbbb"));
    assert_false(xsg_forge_is_sha(ZEROS) || xsg_forge_is_sha(A "b") || xsg_forge_is_sha(NULL));
}

/* ---- variables ------------------------------------------------------------------------------- */

struct variable {
    const char *name, *value;
};

static const char *look_up(void *arg, const char *name)
{
    for (const struct variable *v = arg; v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v->value;
    }
    return NULL;
}

static int detect(struct variable *variables)
{
    err = (struct xsg_err){0};
    return xsg_forge_detect(&arena, look_up, variables, &c, &err);
}

static void test_nowhere(void **state)
{
    struct variable none[] = {{"CI", "true"}, {"GITHUB_TOKEN", "x"}, {NULL, NULL}};
    (void)state;
    assert_int_equal(detect(none), 0);
    assert_int_equal(c.kind, XSG_FORGE_NONE);
    assert_false(c.has_token);
}

static void test_github(void **state)
{
    struct variable on[] = {{"GITHUB_ACTIONS", "true"},
                            {"GITHUB_EVENT_NAME", "schedule"},
                            {"GITHUB_REPOSITORY", "o/r"},
                            {"GITHUB_SERVER_URL", "https://ghe.example/"},
                            {"GITHUB_API_URL", "https://ghe.example/api/v3/"},
                            {"GITHUB_SHA", A},
                            {"GITHUB_RUN_ID", "12"},
                            {"GITHUB_RUN_ATTEMPT", "3"},
                            {"RUNNER_DEBUG", "1"},
                            {"GITHUB_TOKEN", ""},
                            {"GH_TOKEN", "x"},
                            {NULL, NULL}};
    (void)state;
    assert_int_equal(detect(on), 0);
    assert_int_equal(c.kind, XSG_FORGE_GITHUB);
    assert_int_equal(c.event, XSG_EVENT_OTHER);
    assert_string_equal(c.api_url, "https://ghe.example/api/v3");
    assert_string_equal(c.run_url, "https://ghe.example/o/r/actions/runs/12");
    assert_string_equal(c.run_id, "12-3");
    assert_string_equal(c.measured_sha, A);
    assert_true(c.debug && c.has_token && !c.foreign);
}

static void test_an_event_file_that_is_not_there(void **state)
{
    struct variable on[] = {{"GITHUB_ACTIONS", "true"},
                            {"GITHUB_EVENT_NAME", "pull_request_target"},
                            {"GITHUB_REPOSITORY", "o/r"},
                            {"GITHUB_EVENT_PATH", "/nowhere/event.json"},
                            {NULL, NULL}};
    (void)state;
    assert_int_equal(detect(on), XSG_EFAILED);
    assert_non_null(strstr(err.text, "/nowhere/event.json"));
    assert_non_null(strstr(err.hint, "mount"));
    assert_string_equal(c.repository, "o/r");
    assert_true(c.foreign); /* until somebody says that it is not */
    assert_false(xsg_forge_may_run(&c, &err));
}

static void test_gitlab(void **state)
{
    struct variable on[] = {{"GITLAB_CI", "true"},
                            {"CI_PIPELINE_SOURCE", "merge_request_event"},
                            {"CI_API_V4_URL", "https://gitlab.example/api/v4"},
                            {"CI_PROJECT_ID", "42"},
                            {"CI_PROJECT_PATH", "group/sub/project"},
                            {"CI_COMMIT_SHA", A},
                            {"CI_MERGE_REQUEST_IID", "9"},
                            {"CI_MERGE_REQUEST_DIFF_BASE_SHA", B},
                            {"CI_MERGE_REQUEST_PROJECT_ID", "42"},
                            {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "42"},
                            {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"},
                            {"GITLAB_TOKEN", "x"},
                            {NULL, NULL}};
    (void)state;
    assert_int_equal(detect(on), 0);
    assert_int_equal(c.kind, XSG_FORGE_GITLAB);
    assert_int_equal(c.event, XSG_EVENT_PULL_REQUEST);
    assert_int_equal(c.pull_request, 9);
    assert_string_equal(c.base_sha, B);
    assert_string_equal(c.head_sha, A);
    assert_string_equal(c.project, "42");
    assert_true(c.has_token && !c.foreign);
    on[9].value = "43";
    detect(on);
    assert_true(c.foreign);
    on[6].value = "9; rm";
    detect(on);
    assert_int_equal(c.pull_request, 0);
    assert_int_equal(c.event, XSG_EVENT_OTHER);
}

/* ---- may it run ------------------------------------------------------------------------------ */

static void test_may_run(void **state)
{
    static const struct {
        enum xsg_forge_event event;
        bool foreign, may;
    } cases[] = {
        {XSG_EVENT_PULL_REQUEST, true, true}, /* no privileges to abuse */
        {XSG_EVENT_PULL_REQUEST, false, true},        {XSG_EVENT_PUSH, false, true},
        {XSG_EVENT_PULL_REQUEST_TARGET, false, true}, {XSG_EVENT_PULL_REQUEST_TARGET, true, false},
        {XSG_EVENT_WORKFLOW_RUN, false, true},        {XSG_EVENT_WORKFLOW_RUN, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct xsg_forge_context context = {.kind = XSG_FORGE_GITHUB,
                                                  .event = cases[i].event,
                                                  .event_name = "the_event",
                                                  .foreign = cases[i].foreign};
        err = (struct xsg_err){0};
        assert_int_equal(xsg_forge_may_run(&context, &err), cases[i].may);
        assert_int_equal(err.text[0] == '\0', cases[i].may);
        assert_true(cases[i].may || strstr(err.hint, "two jobs"));
    }
}

/* ---- the runner's files ---------------------------------------------------------------------- */

static const char *content(const char *path)
{
    char *text = NULL;
    size_t n;
    assert_int_equal(xsg_read_file(&arena, path, (size_t)4 << 20, &text, &n, NULL), 0);
    return xsg_strdup(&arena, text);
}

static void test_outputs(void **state)
{
    char path[] = "/tmp/xsgate-output-XXXXXX";
    const struct xsg_forge_context context = {.output_path = path};
    const char *text, *name, *end;
    (void)state;
    close(mkstemp(path));
    xsg_write_file(path, "before", 6, NULL); /* whose line has no end */
    assert_int_equal(xsg_forge_output(&context, "verdict", "a=b<<c", &err), 0);
    assert_int_equal(xsg_forge_output(&context, "text", "one\nEOF\nx=y", &err), 0);
    assert_int_equal(xsg_forge_output(&context, "a=b", "x", &err), XSG_EINVAL);
    text = content(path);
    assert_memory_equal(text, "before\nverdict=a=b<<c\ntext<<", 28);
    name = text + 28;
    end = strchr(name, '\n');
    assert_string_equal(end,
                        xsg_printf(&arena, "\none\nEOF\nx=y\n%.*s\n", (int)(end - name), name));
    unlink(path);
    assert_int_equal(xsg_forge_output(&(struct xsg_forge_context){0}, "a", "b", &err), 0);
}

static void test_summary(void **state)
{
    char path[] = "/tmp/xsgate-summary-XXXXXX";
    const struct xsg_forge_context context = {.summary_path = path};
    size_t n = (size_t)1024 * 1024;
    char *text = xsg_alloc(&arena, n, 1);
    (void)state;
    close(mkstemp(path));
    memset(text, 'x', n);
    assert_int_equal(xsg_forge_summary(&context, "# one", 5, &err), 0);
    assert_int_equal(xsg_forge_summary(&context, "# two", 5, &err), 0);
    assert_string_equal(content(path), "# one\n\n# two\n");
    /* Whole or not at all: the forge drops a file that is a byte too long. */
    err = (struct xsg_err){0};
    assert_int_equal(xsg_forge_summary(&context, text, n - 13 - 1, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "1 MiB"));
    assert_string_equal(content(path), "# one\n\n# two\n");
    assert_int_equal(xsg_forge_summary(&context, text, n - 13 - 2, &err), 0);
    assert_int_equal(strlen(content(path)), n);
    unlink(path);
    assert_int_equal(
        xsg_forge_summary(&(struct xsg_forge_context){.summary_path = "/nowhere/x"}, "x", 1, &err),
        XSG_EFAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pull_request),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_other_events),
        cmocka_unit_test(test_workflow_run),
        cmocka_unit_test(test_values_that_are_none),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_github),
        cmocka_unit_test(test_an_event_file_that_is_not_there),
        cmocka_unit_test(test_gitlab),
        cmocka_unit_test(test_may_run),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_summary),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
