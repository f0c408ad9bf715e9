#include "base/looks.h"

#include <assert.h>
#include <math.h>

#include "base/stats.h"

/* Points of a density between two looks; 96 intervals give the levels to five digits. */
enum { POINTS = 97, BISECTIONS = 60 };
/* How far below the mean a path matters. */
#define FAR 8.0
#define LOWEST_ERROR -20.0                  /* ln: 2e-9 */
#define HIGHEST_ERROR -0.693147180559945309 /* ln 0.5 */

/* The paths that are still below all boundaries: density of the score at equal steps. */
struct paths {
    double low, step;
    double density[POINTS];
};

static double error_at(int i)
{
    return LOWEST_ERROR + (HIGHEST_ERROR - LOWEST_ERROR) * i / (XSG_LOOKS_GRID - 1);
}

/* Simpson's weight of point i, in steps. */
static double weight(int i)
{
    return i == 0 || i == POINTS - 1 ? 1.0 / 3 : i % 2 ? 4.0 / 3 : 2.0 / 3;
}

static double normal_density(double z)
{
    return exp(-z * z / 2) * 0.398942280401432678;
}

/* Probability that a path exceeds c when its score has grown by a variance of growth. */
static double exceed(const struct paths *paths, double growth, double c)
{
    double sum = 0, root = sqrt(growth);
    for (int i = 0; i < POINTS; i++) {
        double from = paths->low + i * paths->step;
        sum += weight(i) * paths->density[i] * xsg_normal_cdf((from - c) / root);
    }
    return sum * paths->step;
}

static void go_on(struct paths *paths, double growth, double information, double boundary)
{
    struct paths next = {.low = -FAR * sqrt(information)};
    double root = sqrt(growth);
    next.step = (boundary - next.low) / (POINTS - 1);
    for (int k = 0; k < POINTS; k++) {
        double to = next.low + k * next.step, sum = 0;
        for (int i = 0; i < POINTS; i++)
            sum += weight(i) * paths->density[i] *
                   normal_density((to - paths->low - i * paths->step) / root);
        next.density[k] = sum * paths->step / root;
    }
    *paths = next;
}

static void start(struct paths *paths, double information, double boundary)
{
    double root = sqrt(information);
    paths->low = -FAR * root;
    paths->step = (boundary - paths->low) / (POINTS - 1);
    for (int i = 0; i < POINTS; i++)
        paths->density[i] = normal_density((paths->low + i * paths->step) / root) / root;
}

/* The score that spends exactly that much. */
static double find_boundary(const struct paths *paths, double growth, double information,
                            double spend)
{
    double low = -FAR * sqrt(information), high = 10 * sqrt(information);
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        if (exceed(paths, growth, middle) > spend)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static void fill_levels(struct xsg_looks *looks, int index)
{
    const double *t = looks->information;
    double error = exp(error_at(index)), spent = xsg_alpha_spent(error, t[0]);
    struct paths paths;
    looks->level[0][index] = log(spent);
    start(&paths, t[0], -xsg_normal_quantile(spent) * sqrt(t[0]));
    for (size_t k = 1; k < looks->n; k++) {
        double growth = t[k] - t[k - 1], now = xsg_alpha_spent(error, t[k]);
        double boundary = find_boundary(&paths, growth, t[k], now - spent);
        looks->level[k][index] = log(xsg_normal_cdf(-boundary / sqrt(t[k])));
        if (k + 1 < looks->n)
            go_on(&paths, growth, t[k], boundary);
        spent = now;
    }
}

void xsg_looks_init(struct xsg_looks *looks, const double *information, size_t n)
{
    assert(n >= 1 && n <= XSG_LOOKS_MAX);
    *looks = (struct xsg_looks){.n = n};
    for (size_t k = 0; k < n; k++)
        looks->information[k] = information[k] / information[n - 1];
    for (int i = 0; i < XSG_LOOKS_GRID; i++)
        fill_levels(looks, i);
}

void xsg_looks_doubling(struct xsg_looks *looks, size_t n)
{
    double information[XSG_LOOKS_MAX];
    if (n > XSG_LOOKS_MAX)
        n = XSG_LOOKS_MAX;
    for (size_t k = 0; k < n; k++)
        information[k] = ldexp(1, (int)k);
    xsg_looks_init(looks, information, n);
}

/* y at x, between the points (x[i], y[i]), both ascending; beyond them with slope 1. */
static double interpolate(const double *x, const double *y, double at)
{
    int i = 0;
    if (at <= x[0])
        return y[0] + at - x[0];
    while (i + 2 < XSG_LOOKS_GRID && at > x[i + 1])
        i++;
    return y[i] + (y[i + 1] - y[i]) * (at - x[i]) / (x[i + 1] - x[i]);
}

static void errors(double out[XSG_LOOKS_GRID])
{
    for (int i = 0; i < XSG_LOOKS_GRID; i++)
        out[i] = error_at(i);
}

double xsg_looks_level(const struct xsg_looks *looks, size_t k, double error)
{
    double x[XSG_LOOKS_GRID];
    assert(k < looks->n && error > 0 && error <= 0.5);
    if (looks->n == 1)
        return error;
    errors(x);
    return exp(interpolate(x, looks->level[k], log(error)));
}

double xsg_looks_error(const struct xsg_looks *looks, size_t k, double p)
{
    double x[XSG_LOOKS_GRID];
    assert(k < looks->n);
    if (isnan(p) || looks->n == 1 || p <= 0)
        return p;
    if (log(p) > looks->level[k][XSG_LOOKS_GRID - 1])
        return 1;
    errors(x);
    return exp(interpolate(looks->level[k], x, log(p)));
}
