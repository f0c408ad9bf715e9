/*
 * One HTTP exchange, as a seam: libcurl carries it in the program, a script in the tests. What to
 * repeat, follow and believe is decided above, in client.c. libcurl is included here only.
 */
#ifndef XSG_CI_FORGE_HTTP_H
#define XSG_CI_FORGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "ci/forge/forge.h"

struct xsg_http_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value", NULL-terminated */
    const char *authorization;  /* one more of them, the secret one; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_n;
    double timeout_s; /* for all of it */
};

/* Strings and body live in the arena that send was given; a header that was not there is NULL. */
struct xsg_http_answer {
    int status;
    char *body; /* NUL behind its end */
    size_t n;
    const char *content_type, *location, *link, *date;
    const char *retry_after, *limit_remaining, *limit_reset;
    bool may_have_arrived; /* no answer, and yet the server may have done what it was asked */
    bool hopeless;         /* no answer, and trying again cannot help: the certificate is wrong */
};

struct xsg_http {
    /* 0: an answer of whatever status. XSG_EFAILED: none, or one that is not to be believed. */
    int (*send)(void *arg, struct xsg_arena *arena, const struct xsg_http_request *request,
                struct xsg_http_answer *answer, struct xsg_err *err);
    void *arg;
};

struct xsg_http_limits {
    double connect_s; /* 0: 10 */
    double stall_s;   /* without a byte; 0: 20 */
    size_t answer;    /* bytes; 0: 32 MiB: a hundred comments as long as they may be */
};

/*
 * libcurl: certificates are always checked; CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR are read
 * through getenv, proxies by libcurl itself (https_proxy, no_proxy ...). Redirects are not
 * followed. interrupt: becomes non-zero to stop; may be NULL.
 */
struct xsg_http_curl;
int xsg_http_open(struct xsg_http_curl **out, const struct xsg_http_limits *limits,
                  xsg_getenv_fn *getenv, void *getenv_arg, volatile const int *interrupt,
                  struct xsg_err *err);
struct xsg_http xsg_http_of(struct xsg_http_curl *curl);
void xsg_http_ignore_interrupt(struct xsg_http_curl *curl);
void xsg_http_close(struct xsg_http_curl *curl);

#endif
