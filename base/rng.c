#include "base/rng.h"

#include <errno.h>
#include <math.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void xsg_rng_init(struct xsg_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t xsg_rng_next(struct xsg_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t xsg_rng_below(struct xsg_rng *rng, uint64_t n)
{
    /* The first 2^64 mod n values are refused, so that every remainder has as many. */
    uint64_t refused = (0 - n) % n;
    uint64_t value;
    do
        value = xsg_rng_next(rng);
    while (value < refused);
    return value % n;
}

double xsg_rng_double(struct xsg_rng *rng)
{
    return (double)(xsg_rng_next(rng) >> 11) * 0x1p-53;
}

double xsg_rng_normal(struct xsg_rng *rng)
{
    /* Box and Muller 1958; 1 - u keeps the logarithm's argument above 0. */
    double radius = sqrt(-2 * log(1 - xsg_rng_double(rng)));
    return radius * cos(2 * 3.14159265358979323846 * xsg_rng_double(rng));
}

uint64_t xsg_rng_seed_from_system(void)
{
    uint64_t seed = 0;
    ssize_t got;
    do
        got = getrandom(&seed, sizeof seed, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof seed) {
        /* A kernel without getrandom: not for secrets, different in each process is enough. */
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid() << 44;
    }
    return seed;
}
