/* Between the files of compare/change: one environment's points on their way to changes. */
#ifndef XSG_COMPARE_CHANGE_PARTS_H
#define XSG_COMPARE_CHANGE_PARTS_H

#include <stdbool.h>

#include "compare/change.h"

enum { XSG_CHANGE_WAVES = 4 };

/* Levels are segments [bound[i], bound[i + 1]) of x; bound[0] = 0, bound[n_bounds - 1] = n. */
struct xsg_level_fit {
    struct xsg_change_options options;
    const double *y;    /* logarithms, or values where one is not positive */
    double *x;          /* y without outliers */
    double *sum, *sum2; /* prefix sums of x - center and its square, n + 1 of them */
    double center;
    size_t n;
    bool logarithms;
    double floor;                  /* of sigma: what the spread of single points says */
    double sigma;                  /* spread of one point */
    double rho;                    /* autocorrelation of neighbours, in [0, 0.95] */
    double wave[XSG_CHANGE_WAVES]; /* variance of a mean of 4, 8, 16 ... points; 0: unknown */
    size_t *bound;
    size_t n_bounds;
};

/* change_noise.c: sigma and rho from pairs that no bound separates; x and its sums; once, wave. */
void xsg__change_noise(struct xsg_level_fit *fit);
/* How much larger the variance of a mean of n is than without autocorrelation and waves. */
double xsg__change_inflation(const struct xsg_level_fit *fit, double n);

/* change.c: mean of x; sum of squared distances from it */
double xsg__change_mean(const struct xsg_level_fit *fit, size_t from, size_t to);
double xsg__change_error(const struct xsg_level_fit *fit, size_t from, size_t to);

/* change_drift.c: a ramp from level to level in place of the bounds first .. last (indexes into
 * bound), where it explains [bound[first - 1], bound[last + 1]) better. from, to: its knots. */
bool xsg__change_drift(const struct xsg_level_fit *fit, size_t first, size_t last, size_t *from,
                       size_t *to, double level[2]);

#endif
