#include "ci/forge/client.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "ci/forge/url.h"

enum { MOST_TRIES = 5, MOST_REDIRECTS = 5, MOST_PAGES = 100, LONGEST_WORDS = 300 };

#define BETWEEN_WRITES_NS ((int64_t)1000000000)

/* ---- time ------------------------------------------------------------------------------------ */

static int64_t now_ns(const struct xsg_client *client)
{
    return client->clock->monotonic_ns(client->clock->arg);
}

static double left_s(const struct xsg_client *client)
{
    return client->budget_s - (double)client->spent_ns / 1e9;
}

static bool is_interrupted(const struct xsg_client *client)
{
    return client->interrupt && *client->interrupt != 0;
}

static void sleep_for(struct xsg_client *client, int64_t ns)
{
    int64_t start = now_ns(client);

    client->clock->sleep_ns(client->clock->arg, ns);
    client->spent_ns += now_ns(client) - start;
}

static int wait_for(struct xsg_client *client, double seconds, struct xsg_err *err)
{
    if (seconds >= left_s(client))
        return xsg_fail(err, XSG_EBUSY,
                        "waiting %.0f s more would take longer than the %.0f s that posting may",
                        ceil(seconds), client->budget_s);
    sleep_for(client, (int64_t)(seconds * 1e9));
    return is_interrupted(client) ? xsg_fail(err, XSG_EINTR, "interrupted") : 0;
}

int xsg_client_pause(struct xsg_client *client, int tries, struct xsg_err *err)
{
    const struct xsg_http_answer none = {0};

    return wait_for(client,
                    xsg_retry_wait(&none, XSG_RETRY_FAULT, tries, xsg_rng_double(&client->rng), 0),
                    err);
}

/* ---- one exchange, with its redirects -------------------------------------------------------- */

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

static bool is_write(const char *method)
{
    return strcmp(method, "GET") != 0;
}

/* The forge counts writes that come faster than one a second against its secondary limit. */
static void space_writes(struct xsg_client *client, const char *method)
{
    int64_t since = now_ns(client) - client->last_write_ns;

    if (!is_write(method))
        return;
    if (client->last_write_ns != 0 && since < BETWEEN_WRITES_NS)
        sleep_for(client, BETWEEN_WRITES_NS - since);
    client->last_write_ns = now_ns(client);
}

static int send_once(struct xsg_client *client, struct xsg_arena *arena,
                     const struct xsg_http_request *request, struct xsg_http_answer *answer,
                     struct xsg_err *err)
{
    struct xsg_http_request timed = *request;
    int64_t start;
    int rc;

    *answer = (struct xsg_http_answer){.hopeless = true};
    space_writes(client, request->method);
    timed.timeout_s = left_s(client);
    if (timed.timeout_s <= 0)
        return xsg_fail(err, XSG_EBUSY, "the %.0f s that posting may take are over",
                        client->budget_s);
    start = now_ns(client);
    rc = client->http->send(client->http->arg, arena, &timed, answer, err);
    client->spent_ns += now_ns(client) - start;
    return rc;
}

static int follow(struct xsg_arena *arena, struct xsg_http_request *request,
                  const struct xsg_http_answer *answer, struct xsg_err *err)
{
    const char *url =
        answer->location ? xsg_url_resolve(arena, request->url, answer->location) : NULL;

    if (!url)
        return xsg_fail(err, XSG_EFAILED, "redirected to nowhere (status %d)", answer->status);
    if (!xsg_url_same_origin(url, request->url)) {
        request->authorization = NULL; /* and never again in this chain */
        if (!xsg_url_is_private(url))
            return xsg_fail(err, XSG_EFAILED, "redirected away from https; not followed");
    }
    request->url = url;
    return 0;
}

static int exchange(struct xsg_client *client, struct xsg_arena *arena, const struct xsg_call *call,
                    const char *url, struct xsg_http_answer *answer, struct xsg_err *err)
{
    struct xsg_http_request request = {
        .method = call->method,
        .url = url,
        .headers = client->headers,
        .authorization = client->authorization,
        .body = call->body,
        .body_n = call->body ? strlen(call->body) : 0,
    };
    int rc = send_once(client, arena, &request, answer, err);

    for (int n = 0; rc == 0 && is_redirect(answer->status); n++) {
        if (is_write(call->method)) {
            xsg_fail(err, XSG_EFAILED, "redirected (status %d); a %s is not sent elsewhere",
                     answer->status, call->method);
            rc = xsg_fail_hint(err, XSG_EFAILED, "was the repository renamed or moved?");
        } else if (n == MOST_REDIRECTS) {
            rc = xsg_fail(err, XSG_EFAILED, "redirected more than %d times", MOST_REDIRECTS);
        } else {
            rc = follow(arena, &request, answer, err);
        }
        if (rc != 0)
            answer->hopeless = true;
        else
            rc = send_once(client, arena, &request, answer, err);
    }
    return rc;
}

/* ---- what an answer says --------------------------------------------------------------------- */

static void add_words(struct xsg_buf *out, const char *text)
{
    if (!text || !*text)
        return;
    if (out->len > 0)
        xsg_buf_puts(out, "; ");
    xsg_put_printable(out, text, strnlen(text, LONGEST_WORDS));
}

/* The message of an error's body: GitHub's "message" and "errors", GitLab's "message" or "error".
 */
static const char *read_words(struct xsg_client *client, struct xsg_arena *arena,
                              const struct xsg_http_answer *answer)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *text = NULL, *words;
    cJSON *root = NULL;

    if (xsg_json_parse(answer->body ? answer->body : "", answer->n, &root, NULL) == 0 &&
        cJSON_IsObject(root)) {
        const cJSON *errors = cJSON_GetObjectItemCaseSensitive(root, "errors");
        const cJSON *first = cJSON_IsArray(errors) ? errors->child : NULL;
        if (xsg_json_get_string(root, "message", &text) == 0 ||
            xsg_json_get_string(root, "error", &text) == 0)
            add_words(&out, text);
        text = cJSON_IsString(first) ? first->valuestring : NULL;
        if (text || (cJSON_IsObject(first) && xsg_json_get_string(first, "message", &text) == 0))
            add_words(&out, text);
    }
    cJSON_Delete(root);
    words = xsg_buf_str(&out);
    if (client->secret && strstr(words, client->secret))
        words = "(its message repeats the token and is not shown)";
    words = xsg_strdup(arena, words);
    xsg_buf_release(&out);
    return words;
}

static int read_json(struct xsg_call *call, const struct xsg_http_answer *answer,
                     struct xsg_err *err)
{
    struct xsg_err why = {0};

    if (answer->status == 204 || strcmp(call->method, "DELETE") == 0)
        return 0;
    if (answer->n == 0)
        return xsg_fail(err, XSG_ECORRUPT, "status %d with an empty answer", answer->status);
    if (xsg_json_parse(answer->body, answer->n, &call->json, &why) == 0)
        return 0;
    if (answer->content_type && !strcasestr(answer->content_type, "json"))
        return xsg_fail(err, XSG_ECORRUPT,
                        "the answer is %.60s, not JSON: is there a proxy in between?",
                        answer->content_type);
    return xsg_fail(err, XSG_ECORRUPT, "the answer is broken JSON: %s", why.text);
}

static int fail_with_status(const struct xsg_call *call, struct xsg_err *err)
{
    return xsg_fail(err, XSG_EFAILED, "%d%s%s", call->status, call->words[0] ? ": " : "",
                    call->words);
}

/* ---- a call ---------------------------------------------------------------------------------- */

static int finish(struct xsg_arena *arena, struct xsg_call *call,
                  const struct xsg_http_answer *answer, const char *url, struct xsg_err *err)
{
    const char *next = answer->link ? xsg_link_next(arena, answer->link) : NULL;
    int rc = read_json(call, answer, err);

    if (rc != 0)
        call->lost = strcmp(call->method, "POST") == 0;
    call->next = next ? xsg_url_resolve(arena, url, next) : NULL;
    return rc;
}

/* One try. *kind says whether another one may follow, *wait after how long. */
static int attempt(struct xsg_client *client, struct xsg_arena *arena, struct xsg_call *call,
                   const char *url, int tries, enum xsg_retry *kind, double *wait,
                   struct xsg_err *err)
{
    struct xsg_http_answer answer;
    int rc = exchange(client, arena, call, url, &answer, err);

    *kind = XSG_RETRY_NEVER;
    call->status = rc == 0 ? answer.status : 0;
    call->words = rc == 0 ? read_words(client, arena, &answer) : "";
    if (rc == 0 && answer.status >= 200 && answer.status < 300)
        return finish(arena, call, &answer, url, err);
    *kind = xsg_retry_kind(&answer, call->words);
    *wait = xsg_retry_wait(&answer, *kind, tries, xsg_rng_double(&client->rng),
                           client->clock->realtime_s(client->clock->arg));
    if (strcmp(call->method, "POST") == 0 && (answer.may_have_arrived || call->status >= 500)) {
        call->lost = true;
        *kind = XSG_RETRY_NEVER;
    }
    return rc != 0 ? rc : fail_with_status(call, err);
}

int xsg_client_call(struct xsg_client *client, struct xsg_arena *arena, struct xsg_call *call,
                    struct xsg_err *err)
{
    const char *url = xsg_url_origin(arena, call->path)
                          ? call->path
                          : xsg_printf(arena, "%s%s", client->base, call->path);
    enum xsg_retry kind;
    double wait = 0;
    int rc;

    for (int tries = 1;; tries++) {
        struct xsg_err why = {0}, waited = {0};
        call->json = NULL;
        call->next = NULL;
        call->lost = false;
        rc = attempt(client, arena, call, url, tries, &kind, &wait, &why);
        if (rc == 0)
            return 0;
        if (kind != XSG_RETRY_NEVER && tries < (client->down ? 1 : MOST_TRIES) && rc != XSG_EINTR) {
            rc = wait_for(client, wait, &waited);
            if (rc == 0)
                continue;
        }
        client->down |= kind != XSG_RETRY_NEVER;
        xsg_fail(err, rc, "%s %s: %s%s%s", call->method, call->path, why.text,
                 waited.text[0] ? "; " : "", waited.text);
        return why.hint[0] ? xsg_fail_hint(err, rc, "%s", why.hint) : rc;
    }
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int check_page(const struct xsg_client *client, const char *next, const char *const *seen,
                      size_t n_seen, struct xsg_err *err)
{
    if (!xsg_url_same_origin(next, client->base))
        return xsg_fail(err, XSG_EFAILED, "its next page is on another host; not followed");
    for (size_t i = 0; i < n_seen; i++) {
        if (strcmp(seen[i], next) == 0)
            return xsg_fail(err, XSG_EFAILED, "its pages go round in a circle");
    }
    return n_seen < MOST_PAGES
               ? 0
               : xsg_fail(err, XSG_EFAILED, "it has more than %d pages", MOST_PAGES);
}

static int each_item(const cJSON *list, int (*item)(void *arg, const cJSON *element), void *arg,
                     struct xsg_err *err)
{
    const cJSON *element;

    if (!cJSON_IsArray(list))
        return xsg_fail(err, XSG_ECORRUPT, "the answer is no list");
    cJSON_ArrayForEach(element, list)
    {
        int rc = item(arg, element);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int xsg_client_list(struct xsg_client *client, const char *path,
                    int (*item)(void *arg, const cJSON *element), void *arg, int *status,
                    struct xsg_err *err)
{
    struct xsg_arena kept = XSG_ARENA_INIT;
    const char *seen[MOST_PAGES];
    size_t n_seen = 0;
    int rc = 0;

    for (const char *page = path; page && rc == 0;) {
        struct xsg_arena scratch = XSG_ARENA_INIT;
        struct xsg_call call = {.method = "GET", .path = page};
        rc = xsg_client_call(client, &scratch, &call, err);
        *status = call.status;
        if (rc == 0) {
            rc = each_item(call.json, item, arg, err);
            page = NULL;
        }
        if (rc == 0 && call.next) {
            rc = check_page(client, call.next, seen, n_seen, err);
            if (rc != 0)
                xsg_err_prefix(err, "GET %s", path);
            else
                page = seen[n_seen++] = xsg_strdup(&kept, call.next);
        }
        cJSON_Delete(call.json);
        xsg_arena_release(&scratch);
    }
    xsg_arena_release(&kept);
    return rc < 0 ? rc : 0;
}
