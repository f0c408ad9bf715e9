/*
 * selftest: real gates over a bundled target in a repository of its own. Once with equal commits,
 * once with a slowdown planted in one function: does the gate stay silent, does it name that
 * function, and how small an effect could it see on this machine?
 */
#ifndef XSG_CLI_SELFTEST_H
#define XSG_CLI_SELFTEST_H

#include <xsgate/comparison.h>

#include "base/buf.h"
#include "cli/cli.h"

/* The target is this very program, called as "xsgate selftest-target FILE". FILE holds the factor
 * by which the planted function does more of its work. main.c looks for the word before anything
 * else, so that the target is one small process. */
#define XSG_SELFTEST_TARGET "selftest-target"
#define XSG_SELFTEST_PLANTED "large"
int xsg_selftest_target(const char *file);

/* The rounds that a gate which decides by itself looks at. */
enum { XSG_SELFTEST_LOOKS = 4, XSG_SELFTEST_ROUNDS = 40 };
extern const size_t xsg_selftest_rounds[XSG_SELFTEST_LOOKS];

/* What could be seen in the target (function NULL) or in one of its functions. */
struct xsg_selftest_row {
    const char *function;
    double share;  /* of the target's time */
    double spread; /* of pairs of equal programs: one standard deviation of ln(head / base) */
    double detectable[XSG_SELFTEST_LOOKS]; /* smallest ratio - 1; NaN: unknown */
};

struct xsg_selftest {
    double effect; /* that is planted: the target's ratio - 1 */
    double factor; /* of the planted function's work */
    const struct xsg_comparison *equal, *planted;
    bool quiet;  /* no false alarm */
    bool named;  /* the planted function, and no other */
    bool counts; /* valgrind is there */
    struct xsg_selftest_row rows[4];
    size_t n_rows;
};

/* Runs both gates in a temporary folder that is gone afterwards, whatever happens. test->effect is
 * given. XSG_EFAILED: could not be measured; XSG_EINTR: interrupted. */
int xsg_selftest_run(struct xsg_cli *cli, struct xsg_selftest *test);

void xsg_selftest_put_text(struct xsg_buf *out, const struct xsg_selftest *test, bool color);
void xsg_selftest_put_json(struct xsg_buf *out, const struct xsg_selftest *test);

#endif
