/* The measured leaves: each called a million times, in a translation unit of its own. */
#ifndef XSG_TESTS_BENCH_OVERHEAD_LEAF_H
#define XSG_TESTS_BENCH_OVERHEAD_LEAF_H

void leaf_bare(unsigned long x);
void leaf_floor(unsigned long x);    /* two clock reads, nothing else */
void leaf_timed(unsigned long x);    /* XSG_SCOPE_TIMED */
void leaf_scope(unsigned long x);    /* XSG_SCOPE */
void leaf_function(unsigned long x); /* built with -finstrument-functions, or with -pg */

#endif
