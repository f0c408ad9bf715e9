/* cause: why a delta is what it is, as one phrase. Pure. */
#ifndef XSG_COMPARE_CAUSE_H
#define XSG_COMPARE_CAUSE_H

#include <xsgate/comparison.h>

#include "base/arena.h"

/*
 * Delta = delta calls x cost + calls x delta cost, split at the means (the mixed term is shared
 * equally); with the share of each. calls NaN or 0: only "costs more"; changed as in xsg_delta.
 */
const char *xsg_cause_describe(struct xsg_arena *arena, const struct xsg_delta *delta);

#endif
