/*
 * bisect: which commit of a line made a target or function slower. Every step measures one commit
 * beside GOOD in paired rounds and stops as soon as its slowdown is known to be more or less than
 * half of what BAD has lost: so far apart, few rounds are enough.
 */
#ifndef XSG_CLI_BISECT_H
#define XSG_CLI_BISECT_H

#include "cli/gate.h"

struct xsg_bisect {
    struct xsg_cli *cli;
    struct xsg_project *project;
    const struct xsg_gate_options *options;
    struct xsg_git_commits commits;         /* [0] is GOOD, the last is BAD */
    const char *target, *function, *metric; /* what is followed; function NULL: the whole target */
    const char *in_good;                    /* the function's name in GOOD, which may be another */
    double ratio;                           /* of BAD to GOOD */
    size_t good, bad;                       /* known by now; the cause lies in (good, bad] */
    double good_ratio, bad_ratio;           /* of these two, to GOOD */
    bool *skipped;                          /* did not build or run */
    bool unsure;                            /* a step was decided by its estimate alone */
    size_t comparisons, rounds, builds_failed;
    double seconds;
};

/* function NULL: what is slower in BAD says itself what to follow. XSG_EFAILED: BAD is not slower.
 */
int xsg_bisect_begin(struct xsg_bisect *bisect, const char *target, const char *function);
/* One more commit; *done when nothing between good and bad can be measured any more. */
int xsg_bisect_step(struct xsg_bisect *bisect, bool *done);

#endif
