/* Comparisons and a run made by hand, for the reports' tests. */
#ifndef XSG_TESTS_GOLDEN_FIXTURE_H
#define XSG_TESTS_GOLDEN_FIXTURE_H

#include <xsgate/comparison.h>

#include "base/arena.h"

/* Every verdict of a delta, two targets, call trees. */
struct xsg_comparison *fixture_regressed(struct xsg_arena *arena);
struct xsg_comparison *fixture_passed(struct xsg_arena *arena);
struct xsg_comparison *fixture_undecided(struct xsg_arena *arena);
/* A target that failed on one side, one that only base has, a regression besides. */
struct xsg_comparison *fixture_invalid(struct xsg_arena *arena);
/* A gate that ended before it measured anything: a build failed. */
struct xsg_comparison *fixture_unmeasured(struct xsg_arena *arena);
/* Every text is what an attacker of some format would choose. */
struct xsg_comparison *fixture_hostile(struct xsg_arena *arena);
/* Thousands of functions, the first eight with names of 64 kB. */
struct xsg_comparison *fixture_huge(struct xsg_arena *arena);

extern const char *const hostile_texts[];
extern const size_t n_hostile_texts;

#endif
