/*
 * What so many rounds can tell on a machine where equal programs spread by so much. Pure.
 *
 * The smallest effect that is seen with probability 1 - beta: (t(1 - level) + t(1 - beta)) s, with
 * s the standard error of the 20 %-trimmed mean of the rounds' log-ratios, Student's t for its
 * degrees of freedom, and the level at which one row alone is evidence at a look (base/looks.h).
 * It is what struct xsg_delta's detectable is made of; s shrinks with the root of the rounds.
 */
#ifndef XSG_COMPARE_POWER_H
#define XSG_COMPARE_POWER_H

#include <stddef.h>

#include <xsgate/comparison.h>
#include <xsgate/run.h>

#include "base/looks.h"

/* One standard deviation of ln(head / base) of "time" over the rounds, robust; function NULL: of
 * the whole target. NaN: not measured, or in too few rounds. */
double xsg_power_spread(const struct xsg_run *base, const struct xsg_run *head, const char *target,
                        const char *function);

/* The smallest ratio - 1 that rounds with this spread tell from none, when they are judged at this
 * look; looks NULL: at the end only. NaN: too few rounds. */
double xsg_power_detectable(const struct xsg_gate *gate, double spread, size_t rounds,
                            const struct xsg_looks *looks, size_t look);

#endif
