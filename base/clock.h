/* Time as a seam: everything that waits or measures takes a struct xsg_clock. */
#ifndef XSG_BASE_CLOCK_H
#define XSG_BASE_CLOCK_H

#include <stdint.h>

struct xsg_clock {
    int64_t (*monotonic_ns)(void *arg);
    int64_t (*realtime_s)(void *arg); /* seconds since 1970-01-01 UTC */
    void (*sleep_ns)(void *arg, int64_t ns);
    void *arg;
};

extern const struct xsg_clock xsg_system_clock;

/* "2026-11-21T04:05:06Z" into at least 21 bytes. */
void xsg_format_utc(char out[21], int64_t realtime_s);

#endif
