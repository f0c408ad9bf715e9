/*
 * The rules of talking to a forge, above one HTTP exchange: what is repeated and when, which
 * redirects and links are followed, where the token goes, how long all of it may take.
 *
 *   limits      retry-after first, then the reset of a used-up quota (against the answer's own
 *               date), then 60 s doubling; 403 and 429 alike
 *   5xx, broken connections: a few tries, with jitter
 *   POST        is never repeated when it may have arrived: the call says lost, and its caller
 *               looks whether it did
 *   redirects   301, 302, 307, 308 of a GET; the token only within the same origin
 *   pages       by Link, within the same origin, a hundred at most, no page twice
 */
#ifndef XSG_CI_FORGE_CLIENT_H
#define XSG_CI_FORGE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "ci/forge/http.h"

struct xsg_client {
    const struct xsg_http *http;
    const struct xsg_clock *clock;
    const char *base;           /* "https://api.github.com": calls' paths begin behind it */
    const char *const *headers; /* of every request */
    const char *authorization;  /* the secret header; NULL: none */
    const char *secret;         /* the token in it, so that no message repeats it */
    double budget_s;            /* for all calls together, waits included */
    volatile const int *interrupt;
    int64_t spent_ns;
    bool down;             /* a call failed to the end: the next ones try once */
    int64_t last_write_ns; /* when the last writing request went out; 0: none did */
    struct xsg_rng rng;
};

struct xsg_call {
    const char *method;
    const char *path; /* below the base; or the whole URL of a page */
    const char *body; /* JSON; NULL: none */
    /* what came of it */
    int status;        /* 0: no answer */
    const char *words; /* the forge's own message, fit to be shown; "" */
    cJSON *json;       /* of a 2xx that has a body; the caller deletes it */
    const char *next;  /* URL of the next page, NULL at the last */
    bool lost;         /* a POST that failed but may have been carried out: look for its effect */
};

/*
 * One call with its repetitions. 0: a 2xx. XSG_EBUSY: the forge's limit or the budget is used up;
 * XSG_ECORRUPT: an answer that is no JSON; XSG_EINTR; else XSG_EFAILED with "POST /path: 403: why".
 */
int xsg_client_call(struct xsg_client *client, struct xsg_arena *arena, struct xsg_call *call,
                    struct xsg_err *err);

/* Calls item for each element of the lists that path and the pages after it answer with, until it
 * returns other than 0: 1 ends it with success, a negative code is handed up. status: the last
 * answer's; 0: none. */
int xsg_client_list(struct xsg_client *client, const char *path,
                    int (*item)(void *arg, const cJSON *element), void *arg, int *status,
                    struct xsg_err *err);

/* Waits before a caller's own repetition number tries (from 1). XSG_EBUSY: no budget for it. */
int xsg_client_pause(struct xsg_client *client, int tries, struct xsg_err *err);

/* ---- the decisions, pure --------------------------------------------------------------------- */

enum xsg_retry { XSG_RETRY_NEVER, XSG_RETRY_LIMIT, XSG_RETRY_FAULT };

/* Is this answer (status 0: none) a limit, a passing fault, or final? words: its message. */
enum xsg_retry xsg_retry_kind(const struct xsg_http_answer *answer, const char *words);
/* Seconds to wait before repetition number tries (from 1); jitter in [0, 1); now: seconds since
 * 1970, for an answer without a date. */
double xsg_retry_wait(const struct xsg_http_answer *answer, enum xsg_retry kind, int tries,
                      double jitter, int64_t now);

#endif
