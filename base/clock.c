#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t monotonic_ns(void *arg)
{
    (void)arg;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t realtime_s(void *arg)
{
    (void)arg;
    return (int64_t)time(NULL);
}

/* A signal ends the sleep early on purpose: the caller looks at its interrupt flag and decides. */
static void sleep_ns(void *arg, int64_t ns)
{
    (void)arg;
    if (ns <= 0)
        return;
    struct timespec wait = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&wait, NULL);
}

const struct xsg_clock xsg_system_clock = {
    .monotonic_ns = monotonic_ns, .realtime_s = realtime_s, .sleep_ns = sleep_ns};

void xsg_format_utc(char out[21], int64_t realtime)
{
    time_t t = (time_t)realtime;
    struct tm tm;
    /* Years of more than four digits do not fit the form; nothing of ours has them honestly. */
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900) {
        memcpy(out, "0000-00-00T00:00:00Z", 21);
        return;
    }
    strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
