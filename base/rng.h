/* xoshiro256** (Blackman, Vigna 2018): seedable, reproducible, not for secrets. */
#ifndef XSG_BASE_RNG_H
#define XSG_BASE_RNG_H

#include <stdint.h>

struct xsg_rng {
    uint64_t s[4];
};

void xsg_rng_init(struct xsg_rng *rng, uint64_t seed); /* any seed, expanded by splitmix64 */
uint64_t xsg_rng_next(struct xsg_rng *rng);
uint64_t xsg_rng_below(struct xsg_rng *rng, uint64_t n); /* uniform in [0, n), n > 0, unbiased */
double xsg_rng_double(struct xsg_rng *rng);              /* uniform in [0, 1) */
double xsg_rng_normal(struct xsg_rng *rng);              /* standard normal */
uint64_t xsg_rng_seed_from_system(void);                 /* getrandom */

#endif
