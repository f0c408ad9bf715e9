/*
 * Errors travel as a return code and one sentence.
 *
 * A function that can fail returns 0, or a negative enum xsg_status, and writes one sentence into
 * the caller's struct xsg_err (which may be NULL). The sentence leaves out what the caller already
 * knows; a caller may put its own context in front with xsg_err_prefix(). A lower message is never
 * overwritten. Only cli prints errors. Programming errors are assertions, never error codes.
 */
#ifndef XSG_BASE_ERROR_H
#define XSG_BASE_ERROR_H

enum xsg_status {
    XSG_OK = 0,
    XSG_EINVAL = -1,    /* the user's input is wrong: configuration, option, reference   (exit 2) */
    XSG_ENOTFOUND = -2, /* what was named does not exist                                 (exit 2) */
    XSG_EFAILED = -3,   /* a target, a build, a measurement or the system failed         (exit 3) */
    XSG_ECORRUPT = -4,  /* stored or received bytes are not what they should be          (exit 3) */
    XSG_EINTR =
        -5, /* the user asked to stop (SIGINT, SIGTERM)                      (128 + signal) */
    XSG_ENOMEM = -6, /* out of memory                                                 (exit 3) */
    XSG_EBUSY = -7   /* somebody else holds it; trying again may help                 (exit 3) */
};

struct xsg_err {
    char text[4096]; /* "" while there is no error; always NUL-terminated */
    char hint[512];  /* the next step for the user, or "" */
};

/* Records a sentence and returns code, so that a failure is one line: return xsg_fail(err, ...). */
int xsg_fail(struct xsg_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the next step for the user; returns code. */
int xsg_fail_hint(struct xsg_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the sentence that is already there. */
void xsg_err_prefix(struct xsg_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
