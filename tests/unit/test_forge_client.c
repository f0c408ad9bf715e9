/* The client's rules with a transport that follows a script and a clock that does not wait; and the
 * URLs that decide where a token goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ci/forge/client.h"
#include "ci/forge/url.h"

/* ---- URLs ------------------------------------------------------------------------------------ */

static void test_origins(void **state)
{
    static const struct {
        const char *url, *origin;
    } cases[] = {
        {"https://api.github.com/a?b#c", "https://api.github.com:443"},
        {"HTTPS://API.GitHub.com", "https://api.github.com:443"},
        {"http://127.0.0.1:8080/x", "http://127.0.0.1:8080"},
        {"http://[::1]:80/", "http://[::1]:80"},
        {"https://a?b", "https://a:443"},
        {"https://user@a/", NULL},
        {"https://a@b/", NULL},
        {"https://a\\@b/", NULL},
        {"https://a b/", NULL},
        {"https://a\n/", NULL},
        {"https://a:0/", NULL},
        {"https://a:99999/", NULL},
        {"https://a:/", NULL},
        {"https://a:443x/", NULL},
        {"https://[::1/", NULL},
        {"https://[]/", NULL},
        {"https:///x", NULL},
        {"https://", NULL},
        {"ftp://a/", NULL},
        {"//a/", NULL},
        {"/a", NULL},
        {"", NULL},
        {"https://\xc3\xb6.example/", NULL},
    };
    struct xsg_arena arena = XSG_ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *origin = xsg_url_origin(&arena, cases[i].url);
        if (cases[i].origin)
            assert_string_equal(origin, cases[i].origin);
        else
            assert_null(origin);
    }
    assert_true(xsg_url_same_origin("https://a/x", "https://A:443/y"));
    assert_false(xsg_url_same_origin("https://a/", "http://a/"));
    assert_false(xsg_url_same_origin("https://a/", "https://a.b/"));
    assert_false(xsg_url_same_origin("https://a/", "https://a:444/"));
    assert_false(xsg_url_same_origin("", ""));
    assert_true(xsg_url_is_private("https://x/") && xsg_url_is_private("http://localhost:1/"));
    assert_false(xsg_url_is_private("http://localhost.example/"));
    assert_false(xsg_url_is_private("http://127.0.0.10/"));
    xsg_arena_release(&arena);
}

static void test_links(void **state)
{
    static const struct {
        const char *header, *next;
    } cases[] = {
        {"<https://a/?page=2>; rel=\"next\", <https://a/?page=9>; rel=\"last\"",
         "https://a/?page=2"},
        {"<https://a/1>; rel=\"prev\",<https://a/3>;rel=next", "https://a/3"},
        {"<https://a/3>; title=\"x, <https://b/>; rel=next\"; rel=\"last\"", NULL},
        {"<https://a/3>; rel=\"last next\"", "https://a/3"},
        {"<https://a/3>; REL = \"NEXT\"", "https://a/3"},
        {"<https://a/3>; rel=\"nextish\"", NULL},
        {"<https://a/3>; title=\"\\\"; rel=next", NULL},
        {"<https://a/3", NULL},
        {"<https://a/3>; rel=\"next", "https://a/3"},
        {"https://a/3; rel=next", NULL},
        {"<>; rel=next", ""},
        {"", NULL},
        {" , ", NULL},
    };
    struct xsg_arena arena = XSG_ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *next = xsg_link_next(&arena, cases[i].header);
        if (cases[i].next)
            assert_string_equal(next, cases[i].next);
        else
            assert_null(next);
    }
    assert_string_equal(xsg_url_resolve(&arena, "https://a:1/x", "/y?z"), "https://a:1/y?z");
    assert_null(xsg_url_resolve(&arena, "https://a/x", "//b/y"));
    assert_null(xsg_url_resolve(&arena, "https://a/x", "y"));
    assert_null(xsg_url_resolve(&arena, "https://a/x", ""));
    xsg_arena_release(&arena);
}

/* ---- what to do about an answer -------------------------------------------------------------- */

static void test_kinds(void **state)
{
    static const struct {
        struct xsg_http_answer answer;
        const char *words;
        enum xsg_retry kind;
    } cases[] = {
        {{.status = 429}, "", XSG_RETRY_LIMIT},
        {{.status = 403}, "Resource not accessible by integration", XSG_RETRY_NEVER},
        {{.status = 403, .retry_after = "1"}, "", XSG_RETRY_LIMIT},
        {{.status = 403, .limit_remaining = "0"}, "", XSG_RETRY_LIMIT},
        {{.status = 403, .limit_remaining = "12"}, "", XSG_RETRY_NEVER},
        {{.status = 403}, "You have exceeded a secondary rate limit.", XSG_RETRY_LIMIT},
        {{.status = 401}, "", XSG_RETRY_NEVER},
        {{.status = 404}, "", XSG_RETRY_NEVER},
        {{.status = 422}, "", XSG_RETRY_NEVER},
        {{.status = 500}, "", XSG_RETRY_FAULT},
        {{.status = 503}, "", XSG_RETRY_FAULT},
        {{.status = 0}, "", XSG_RETRY_FAULT},
        {{.status = 200, .may_have_arrived = true}, "", XSG_RETRY_FAULT},
        {{.status = 0, .hopeless = true}, "", XSG_RETRY_NEVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(xsg_retry_kind(&cases[i].answer, cases[i].words), cases[i].kind);
}

static double wait_of(struct xsg_http_answer answer, enum xsg_retry kind, int tries)
{
    return xsg_retry_wait(&answer, kind, tries, 0.5, 1000);
}

static void test_waits(void **state)
{
    const char *date = "Thu, 01 Jan 1970 01:00:00 GMT"; /* 3600 */
    (void)state;
    assert_float_equal(wait_of((struct xsg_http_answer){.retry_after = "7"}, XSG_RETRY_LIMIT, 1), 7,
                       0);
    assert_float_equal(wait_of((struct xsg_http_answer){.retry_after = date}, XSG_RETRY_LIMIT, 1),
                       2600, 0);
    assert_float_equal(
        wait_of((struct xsg_http_answer){.retry_after = date, .date = date}, XSG_RETRY_LIMIT, 1), 0,
        0);
    assert_float_equal(
        wait_of(
            (struct xsg_http_answer){.limit_remaining = "0", .limit_reset = "3605", .date = date},
            XSG_RETRY_LIMIT, 1),
        6, 0);
    assert_float_equal(
        wait_of((struct xsg_http_answer){.limit_remaining = "0", .limit_reset = "10"},
                XSG_RETRY_LIMIT, 1),
        1, 0);
    /* Nonsense in the headers: as if they were not there. */
    assert_float_equal(wait_of((struct xsg_http_answer){.retry_after = "-5",
                                                        .limit_remaining = "0",
                                                        .limit_reset = "soon"},
                               XSG_RETRY_LIMIT, 1),
                       60, 0);
    assert_float_equal(wait_of((struct xsg_http_answer){0}, XSG_RETRY_LIMIT, 3), 240, 0);
    assert_float_equal(wait_of((struct xsg_http_answer){0}, XSG_RETRY_FAULT, 1), 1, 0);
    assert_float_equal(wait_of((struct xsg_http_answer){0}, XSG_RETRY_FAULT, 4), 8, 0);
    assert_float_equal(wait_of((struct xsg_http_answer){0}, XSG_RETRY_FAULT, 1000), 512, 0);
}

/* ---- a scripted transport -------------------------------------------------------------------- */

struct step {
    struct xsg_http_answer answer;
    const char *body; /* NULL: no answer, the connection broke */
};

struct script {
    const struct step *steps;
    size_t n, at;
    char last_authorization[64], last_url[200];
    int64_t now_ns;
    volatile int interrupt;
    size_t interrupt_at; /* the send that the user stops; 0: none */
};

static int scripted_send(void *arg, struct xsg_arena *arena, const struct xsg_http_request *request,
                         struct xsg_http_answer *answer, struct xsg_err *err)
{
    struct script *s = arg;
    const struct step *step = &s->steps[s->at < s->n ? s->at : s->n - 1];

    s->at++;
    *answer = step->answer;
    strncpy(s->last_authorization, request->authorization ? request->authorization : "",
            sizeof s->last_authorization - 1);
    strncpy(s->last_url, request->url, sizeof s->last_url - 1);
    assert_true(request->timeout_s > 0);
    if (s->at == s->interrupt_at)
        s->interrupt = 1;
    if (!step->body)
        return xsg_fail(err, XSG_EFAILED, "the connection broke");
    answer->n = strlen(step->body);
    answer->body = xsg_strdup(arena, step->body);
    return 0;
}

static int64_t monotonic_ns(void *arg)
{
    return ((struct script *)arg)->now_ns;
}

static int64_t realtime_s(void *arg)
{
    return ((struct script *)arg)->now_ns / 1000000000;
}

static void sleep_ns(void *arg, int64_t ns)
{
    ((struct script *)arg)->now_ns += ns;
}

static const char *const no_headers[] = {NULL};

struct rig {
    struct xsg_arena arena;
    struct script script;
    struct xsg_http http;
    struct xsg_clock clock;
    struct xsg_client client;
    struct xsg_err err;
};

static void rig_init(struct rig *r, const struct step *steps, size_t n)
{
    *r = (struct rig){.script = {.steps = steps, .n = n, .now_ns = 1}};
    r->http = (struct xsg_http){scripted_send, &r->script};
    r->clock = (struct xsg_clock){monotonic_ns, realtime_s, sleep_ns, &r->script};
    r->client = (struct xsg_client){.http = &r->http,
                                    .clock = &r->clock,
                                    .base = "https://api.example",
                                    .headers = no_headers,
                                    .authorization = "Authorization: Bearer sesame",
                                    .secret = "sesame",
                                    .budget_s = 60,
                                    .interrupt = &r->script.interrupt};
    xsg_rng_init(&r->client.rng, 1);
}

static int call(struct rig *r, const char *method)
{
    struct xsg_call c = {.method = method, .path = "/x", .body = "{}"};
    int rc = xsg_client_call(&r->client, &r->arena, &c, &r->err);
    cJSON_Delete(c.json);
    return rc != 0 && c.lost ? 1 : rc;
}

#define RIG(r, ...)                                                                                \
    struct rig r;                                                                                  \
    const struct step steps_of_##r[] = {__VA_ARGS__};                                              \
    rig_init(&r, steps_of_##r, sizeof steps_of_##r / sizeof steps_of_##r[0])

static void test_repeated(void **state)
{
    (void)state;
    RIG(r, {{.status = 500}, ""}, {{0}, NULL}, {{.status = 200}, "{}"});
    assert_int_equal(call(&r, "GET"), 0);
    assert_int_equal(r.script.at, 3);
    assert_true(r.script.now_ns >= 1500000000); /* half of 1 s and of 2 s at least */
    xsg_arena_release(&r.arena);
}

/* A forge that is down costs its retries once, not at every call. */
static void test_down(void **state)
{
    (void)state;
    RIG(r, {{0}, NULL});
    assert_int_equal(call(&r, "GET"), XSG_EFAILED);
    assert_int_equal(r.script.at, 5);
    r.err = (struct xsg_err){0};
    assert_int_equal(call(&r, "GET"), XSG_EFAILED);
    assert_int_equal(r.script.at, 6);
    xsg_arena_release(&r.arena);
}

static void test_a_post_is_lost(void **state)
{
    (void)state;
    RIG(refused, {{0}, NULL}, {{.status = 201}, "{}"});
    assert_int_equal(call(&refused, "POST"), 0); /* it never left: safe to repeat */
    assert_int_equal(refused.script.at, 2);
    RIG(broke, {{.may_have_arrived = true}, NULL});
    assert_int_equal(call(&broke, "POST"), 1);
    assert_int_equal(broke.script.at, 1);
    RIG(gateway, {{.status = 502}, ""});
    assert_int_equal(call(&gateway, "POST"), 1);
    RIG(nonsense, {{.status = 201}, "{"});
    assert_int_equal(call(&nonsense, "POST"), 1);
    assert_int_equal(nonsense.script.at, 1);
    RIG(patch, {{.may_have_arrived = true}, NULL}, {{.status = 200}, "{}"});
    assert_int_equal(call(&patch, "PATCH"), 0);
    xsg_arena_release(&refused.arena);
    xsg_arena_release(&broke.arena);
    xsg_arena_release(&gateway.arena);
    xsg_arena_release(&nonsense.arena);
    xsg_arena_release(&patch.arena);
}

static void test_budget(void **state)
{
    (void)state;
    RIG(r, {{.status = 429, .retry_after = "59"}, "{}"},
        {{.status = 429, .retry_after = "1"}, "{}"}, {{.status = 200}, "{}"});
    assert_int_equal(call(&r, "GET"), XSG_EBUSY); /* 59 s, and not one more */
    assert_int_equal(r.script.at, 2);
    assert_int_equal(r.script.now_ns, 1 + INT64_C(59000000000));
    /* What is left of it holds for the next call too. */
    r.err = (struct xsg_err){0};
    r.script.steps = (const struct step[]){{{.status = 200}, "{}"}};
    r.script.n = 1;
    assert_int_equal(call(&r, "GET"), 0);
    assert_true(r.client.spent_ns >= INT64_C(59000000000));
    xsg_arena_release(&r.arena);
}

static void test_interrupted(void **state)
{
    (void)state;
    RIG(r, {{.status = 500}, ""}, {{.status = 200}, "{}"});
    r.script.interrupt_at = 1;
    assert_int_equal(call(&r, "GET"), XSG_EINTR);
    assert_int_equal(r.script.at, 1);
    xsg_arena_release(&r.arena);
}

static void test_the_token_stays(void **state)
{
    (void)state;
    RIG(near, {{.status = 302, .location = "/y"}, ""}, {{.status = 200}, "{}"});
    assert_int_equal(call(&near, "GET"), 0);
    assert_string_equal(near.script.last_url, "https://api.example:443/y");
    assert_string_equal(near.script.last_authorization, "Authorization: Bearer sesame");
    RIG(far, {{.status = 302, .location = "https://other.example/y"}, ""},
        {{.status = 302, .location = "https://api.example/z"}, ""}, {{.status = 200}, "{}"});
    assert_int_equal(call(&far, "GET"), 0);
    assert_string_equal(far.script.last_url, "https://api.example/z");
    assert_string_equal(far.script.last_authorization, "");
    RIG(plain, {{.status = 302, .location = "http://api.example/y"}, ""}, {{.status = 200}, "{}"});
    assert_int_equal(call(&plain, "GET"), XSG_EFAILED);
    assert_int_equal(plain.script.at, 1);
    RIG(echo, {{.status = 422}, "{\"message\": \"you sent sesame\"}"});
    assert_int_equal(call(&echo, "GET"), XSG_EFAILED);
    assert_null(strstr(echo.err.text, "sesame"));
    xsg_arena_release(&near.arena);
    xsg_arena_release(&far.arena);
    xsg_arena_release(&plain.arena);
    xsg_arena_release(&echo.arena);
}

static int count_item(void *arg, const cJSON *element)
{
    (void)element;
    ++*(int *)arg;
    return 0;
}

static void test_pages(void **state)
{
    int n = 0, status = 0;
    (void)state;
    RIG(r, {{.status = 200, .link = "</p2>; rel=next"}, "[1, 2]"}, {{.status = 200}, "[3]"});
    assert_int_equal(xsg_client_list(&r.client, "/x", count_item, &n, &status, &r.err), 0);
    assert_int_equal(n, 3);
    assert_int_equal(status, 200);
    RIG(away, {{.status = 200, .link = "<https://other.example/>; rel=next"}, "[1]"});
    assert_int_equal(xsg_client_list(&away.client, "/x", count_item, &n, &status, &away.err),
                     XSG_EFAILED);
    assert_int_equal(away.script.at, 1);
    xsg_arena_release(&r.arena);
    xsg_arena_release(&away.arena);
}

static void test_writes_are_spaced(void **state)
{
    (void)state;
    RIG(r, {{.status = 200}, "{}"});
    call(&r, "PATCH");
    call(&r, "GET");
    assert_int_equal(r.script.now_ns, 1);
    call(&r, "PATCH");
    assert_int_equal(r.script.now_ns, 1 + INT64_C(1000000000));
    xsg_arena_release(&r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),        cmocka_unit_test(test_links),
        cmocka_unit_test(test_kinds),          cmocka_unit_test(test_waits),
        cmocka_unit_test(test_repeated),       cmocka_unit_test(test_down),
        cmocka_unit_test(test_a_post_is_lost), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_interrupted),    cmocka_unit_test(test_the_token_stays),
        cmocka_unit_test(test_pages),          cmocka_unit_test(test_writes_are_spaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
