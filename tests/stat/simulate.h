/* Pairs of runs with known truth: function means, noise of a shared machine, and a sampler. */
#ifndef XSG_TESTS_STAT_SIMULATE_H
#define XSG_TESTS_STAT_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/rng.h"

enum noise {
    NOISE_LOGNORMAL, /* independent, per function and invocation */
    NOISE_HEAVY,     /* the same, and 1 in 12 values stretched by up to several times */
    NOISE_DRIFT,   /* an autoregressive machine factor between neighbouring invocations, and bursts
                      over many rounds */
    NOISE_BIMODAL, /* independent, and each invocation in one of two states that differ by 2 % */
    NOISE_QUANTISED, /* independent, in steps of a millisecond */
    NOISE_SAMPLED    /* DRIFT seen through a sampler: counts of 4 ms, many of them 0 */
};

struct simulation {
    enum noise noise;
    size_t n_functions;
    size_t rounds;
    double spread;     /* of ln value, per function and invocation */
    double target_ms;  /* all functions together, per invocation */
    size_t slow;       /* index of the function that head has slower */
    double slow_ratio; /* 1: none */
};

/* Function i of n takes a share that falls with 1 / (i + 1), as profiles do. */
double simulated_share(size_t i, size_t n);

void simulate(struct xsg_arena *arena, struct xsg_rng *rng, const struct simulation *s,
              struct xsg_run *base, struct xsg_run *head);

/* The first rounds of a run, as a look sees them (values are shared). */
void simulated_look(struct xsg_arena *arena, const struct xsg_run *run, size_t rounds,
                    struct xsg_run *out);

#endif
