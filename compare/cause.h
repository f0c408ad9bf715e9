/* cause: why a delta is what it is, as one phrase. Pure. */
#ifndef XSG_COMPARE_CAUSE_H
#define XSG_COMPARE_CAUSE_H

#include <xsgate/comparison.h>

#include "base/arena.h"

/*
 * Sets by_calls and by_cost: delta = delta calls x mean cost + mean calls x delta cost, the means
 * over both sides. The sum is exact; NaN where calls were not counted.
 */
void xsg_delta_split(struct xsg_delta *delta);

/* where: what of it changed in the source, or NULL; caller: who calls it and changed, or NULL. NULL
 * when there is nothing to say. */
const char *xsg_cause_describe(struct xsg_arena *arena, const struct xsg_delta *delta,
                               const char *where, const char *caller);

#endif
