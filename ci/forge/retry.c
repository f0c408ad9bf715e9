/* What to do about an answer that is no success. Pure. */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "ci/forge/client.h"

/* Seconds since 1970 of an HTTP date in its one current form (RFC 9110, 5.6.7), or -1. */
static int64_t http_date(const char *text)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;

    return end && *end == '\0' ? (int64_t)timegm(&tm) : -1;
}

enum xsg_retry xsg_retry_kind(const struct xsg_http_answer *answer, const char *words)
{
    if (answer->hopeless)
        return XSG_RETRY_NEVER;
    if (answer->status == 429)
        return XSG_RETRY_LIMIT;
    if (answer->status == 403)
        return answer->retry_after ||
                       (answer->limit_remaining && strcmp(answer->limit_remaining, "0") == 0) ||
                       strcasestr(words, "rate limit") || strcasestr(words, "abuse detection")
                   ? XSG_RETRY_LIMIT
                   : XSG_RETRY_NEVER;
    if (answer->status == 0 || answer->may_have_arrived)
        return XSG_RETRY_FAULT;
    return answer->status >= 500 ? XSG_RETRY_FAULT : XSG_RETRY_NEVER;
}

double xsg_retry_wait(const struct xsg_http_answer *answer, enum xsg_retry kind, int tries,
                      double jitter, int64_t now)
{
    int64_t seconds, date = http_date(answer->date);
    double backoff = (double)(1u << (tries < 10 ? tries - 1 : 9));

    if (date >= 0)
        now = date;
    if (answer->retry_after) {
        if (xsg_parse_int(answer->retry_after, 0, INT32_MAX, &seconds) == 0)
            return (double)seconds;
        seconds = http_date(answer->retry_after);
        if (seconds >= 0)
            return seconds > now ? (double)(seconds - now) : 0;
    }
    if (kind == XSG_RETRY_FAULT)
        return backoff * (0.5 + jitter);
    if (answer->limit_remaining && strcmp(answer->limit_remaining, "0") == 0 &&
        answer->limit_reset && xsg_parse_int(answer->limit_reset, 0, INT64_MAX / 2, &seconds) == 0)
        return seconds > now ? (double)(seconds - now) + 1 : 1;
    return 60 * backoff;
}
