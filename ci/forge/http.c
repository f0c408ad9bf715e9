#include "ci/forge/http.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

enum { HEADERS_LIMIT = 256 * 1024, MOST_HEADERS = 16 };

struct xsg_http_curl {
    CURL *easy;
    struct xsg_http_limits limits;
    char *ca_file, *ca_dir; /* NULL: the system's */
    volatile const int *interrupt;
};

/* What one exchange collects. */
struct exchange {
    struct xsg_http_curl *http;
    struct xsg_arena *arena;
    struct xsg_http_answer *answer;
    struct xsg_buf body;
    size_t header_bytes;
    bool too_long;
};

int xsg_http_open(struct xsg_http_curl **out, const struct xsg_http_limits *limits,
                  xsg_getenv_fn *getenv, void *getenv_arg, volatile const int *interrupt,
                  struct xsg_err *err)
{
    struct xsg_http_curl *http = calloc(1, sizeof *http);
    const char *file = getenv(getenv_arg, "CURL_CA_BUNDLE");
    const char *dir = getenv(getenv_arg, "SSL_CERT_DIR");

    if (!http)
        xsg_out_of_memory(sizeof *http);
    if (!file || !*file)
        file = getenv(getenv_arg, "SSL_CERT_FILE");
    http->ca_file = file && *file ? strdup(file) : NULL;
    http->ca_dir = dir && *dir ? strdup(dir) : NULL;
    http->interrupt = interrupt;
    if (limits)
        http->limits = *limits;
    if (http->limits.connect_s <= 0)
        http->limits.connect_s = 10;
    if (http->limits.stall_s <= 0)
        http->limits.stall_s = 20;
    if (http->limits.answer == 0)
        http->limits.answer = (size_t)32 << 20;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        http->easy = curl_easy_init();
    if (!http->easy) {
        xsg_http_close(http);
        return xsg_fail(err, XSG_EFAILED, "libcurl cannot be started");
    }
    *out = http;
    return 0;
}

void xsg_http_close(struct xsg_http_curl *http)
{
    if (!http)
        return;
    if (http->easy)
        curl_easy_cleanup(http->easy);
    curl_global_cleanup();
    free(http->ca_file);
    free(http->ca_dir);
    free(http);
}

void xsg_http_ignore_interrupt(struct xsg_http_curl *http)
{
    http->interrupt = NULL;
}

/* ---- what comes back ------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;

    (void)size; /* always 1 */
    if (n > x->http->limits.answer - x->body.len) {
        x->too_long = true;
        return 0; /* ends the transfer */
    }
    xsg_buf_put(&x->body, data, n);
    return n;
}

static const char **header_member(struct xsg_http_answer *answer, const char *name, size_t n)
{
    const struct {
        const char *name;
        const char **member;
    } known[] = {
        {"content-type", &answer->content_type},
        {"location", &answer->location},
        {"link", &answer->link},
        {"date", &answer->date},
        {"retry-after", &answer->retry_after},
        {"x-ratelimit-remaining", &answer->limit_remaining},
        {"x-ratelimit-reset", &answer->limit_reset},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0)
            return known[i].member;
    }
    return NULL;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    const char *colon = memchr(data, ':', n);
    size_t start, end = n;
    const char **member;

    (void)size;
    x->header_bytes += n;
    if (x->header_bytes > HEADERS_LIMIT) {
        x->too_long = true;
        return 0;
    }
    if (n >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* another answer begins, after a 100 */
        *x->answer = (struct xsg_http_answer){0};
        return n;
    }
    member = colon ? header_member(x->answer, data, (size_t)(colon - data)) : NULL;
    if (!member)
        return n;
    start = (size_t)(colon - data) + 1;
    while (start < end && strchr(" \t", data[start]))
        start++;
    while (end > start && strchr(" \t\r\n", data[end - 1]))
        end--;
    if (*member && member == &x->answer->link) /* several are one list */
        *member = xsg_printf(x->arena, "%s, %.*s", *member, (int)(end - start), data + start);
    else
        *member = xsg_strndup(x->arena, data + start, end - start);
    return n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct exchange *x = arg;

    (void)a, (void)b, (void)c, (void)d;
    return x->http->interrupt && *x->http->interrupt != 0;
}

/* ---- what goes out --------------------------------------------------------------------------- */

/* The list's nodes are ours: libcurl reads the secret header where the handle keeps it. */
static struct curl_slist *link_headers(struct curl_slist nodes[MOST_HEADERS],
                                       const struct xsg_http_request *request)
{
    size_t n = 0;

    for (; request->headers[n] && n < MOST_HEADERS - 2; n++)
        nodes[n].data = (char *)(uintptr_t)request->headers[n];
    if (request->authorization)
        nodes[n++].data = (char *)(uintptr_t)request->authorization;
    nodes[n++].data = (char *)(uintptr_t) "Expect:"; /* no waiting for 100 Continue */
    for (size_t i = 0; i < n; i++)
        nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
    return nodes;
}

static void set_transfer(CURL *easy, struct exchange *x, double timeout_s)
{
    const struct xsg_http_limits *limits = &x->http->limits;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(limits->connect_s * 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_s > 0.001 ? (long)(timeout_s * 1000) : 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     limits->stall_s < 1 ? 1L : (long)limits->stall_s);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
}

static void set_trust(CURL *easy, const struct xsg_http_curl *http)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
    if (http->ca_dir)
        curl_easy_setopt(easy, CURLOPT_CAPATH, http->ca_dir);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    /* A proxy's CONNECT does not get our headers, the token least of all. */
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_request(CURL *easy, const struct xsg_http_request *request,
                        struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "xsgate/" XSG_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    /* On a kept connection that died libcurl sends the request again by itself, a POST too. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, strcmp(request->method, "POST") == 0 ? 1L : 0L);
}

static bool is_hopeless(CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_WRITE_ERROR: /* on_body, on_header: too long */
    case CURLE_ABORTED_BY_CALLBACK:
        return true;
    default:
        return false;
    }
}

static int explain(const struct exchange *x, CURLcode code, const char *detail, struct xsg_err *err)
{
    if (x->too_long)
        return xsg_fail(err, XSG_EFAILED, "the answer is longer than %zu bytes",
                        x->http->limits.answer);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return xsg_fail(err, XSG_EINTR, "interrupted");
    xsg_fail(err, XSG_EFAILED, "%s", detail[0] ? detail : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        return xsg_fail_hint(err, XSG_EFAILED,
                             "SSL_CERT_FILE names the file of certificates to trust, for a proxy "
                             "or an own forge; checking cannot be switched off");
    return XSG_EFAILED;
}

static int send_request(void *arg, struct xsg_arena *arena, const struct xsg_http_request *request,
                        struct xsg_http_answer *answer, struct xsg_err *err)
{
    struct xsg_http_curl *http = arg;
    struct exchange x = {.http = http, .arena = arena, .answer = answer};
    struct curl_slist nodes[MOST_HEADERS];
    char detail[CURL_ERROR_SIZE] = "";
    long status = 0, sent = 0;
    CURLcode code;

    *answer = (struct xsg_http_answer){0};
    curl_easy_reset(http->easy); /* keeps the connection */
    set_transfer(http->easy, &x, request->timeout_s);
    set_trust(http->easy, http);
    set_request(http->easy, request, link_headers(nodes, request));
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, detail);
    code = curl_easy_perform(http->easy);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(http->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_reset(http->easy); /* forgets pointers to this frame */
    answer->status = (int)status;
    answer->n = x.body.len;
    answer->body = xsg_alloc(arena, x.body.len + 1, 1);
    memcpy(answer->body, xsg_buf_str(&x.body), x.body.len);
    answer->may_have_arrived = code != CURLE_OK && sent > 0;
    answer->hopeless = code != CURLE_OK && is_hopeless(code);
    xsg_buf_release(&x.body);
    return code == CURLE_OK ? 0 : explain(&x, code, detail, err);
}

struct xsg_http xsg_http_of(struct xsg_http_curl *curl)
{
    return (struct xsg_http){send_request, curl};
}
