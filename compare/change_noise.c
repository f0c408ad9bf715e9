/* How noisy a series is, with its own changes and outliers not mistaken for noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "compare/change_parts.h"

enum {
    LAGS = 4,
    WINDOW = 3,
    WAVE_LENGTHS = 16
}; /* the running median is over 2 WINDOW + 1 points */

/* Shrinks a short series' autocorrelation towards what CI machines show. */
#define USUAL_RHO 0.25
#define USUAL_POINTS 15
#define MOST_RHO 0.95

/* Differences of points lag apart that no bound separates. */
static size_t differences(const struct xsg_level_fit *fit, const double *x, size_t lag, double *out)
{
    size_t n = 0;
    for (size_t s = 0; s + 1 < fit->n_bounds; s++) {
        for (size_t i = fit->bound[s]; i + lag < fit->bound[s + 1]; i++)
            out[n++] = x[i + lag] - x[i];
    }
    return n;
}

/* A normal's standard deviation from the 80 % quantile of |difference|: up there two modes of one
 * machine count as noise, and one outlier in ten does little. */
static double quantile_scale(double *d, size_t n)
{
    double middle = xsg_median(d, n);
    for (size_t i = 0; i < n; i++)
        d[i] = fabs(d[i] - middle);
    return xsg_quantile(d, n, 0.8) / (1.2815515655446004 * sqrt(2));
}

/* Half the mean square of differences, each cut at limit. */
static double half_square(const double *d, size_t n, double limit)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fmin(d[i] * d[i], limit * limit);
    return n ? sum / (2 * (double)n) : (double)NAN;
}

/* Of a first-order process half the mean square of differences at lag k is s^2 (1 - rho^k): the rho
 * that fits the observed growth over the lags best. */
static double fit_rho(const double *square, size_t n)
{
    double best = 0, best_error = (double)INFINITY;
    for (double rho = 0; rho < MOST_RHO; rho += 0.01) {
        double mean = 0, error = 0;
        for (size_t k = 1; k <= n; k++)
            mean += log(square[k - 1] / (1 - pow(rho, (double)k))) / (double)n;
        for (size_t k = 1; k <= n; k++) {
            double miss = log(square[k - 1] / (1 - pow(rho, (double)k))) - mean;
            error += miss * miss;
        }
        if (error < best_error) {
            best_error = error;
            best = rho;
        }
    }
    return best;
}

double xsg__change_inflation(const struct xsg_level_fit *fit, double n)
{
    double rho = fit->rho, rest = 1 - rho, inflation = 1;
    if (n >= 2 && rho > 0)
        inflation = 1 + 2 * rho / rest - 2 * rho * (1 - pow(rho, n)) / (n * rest * rest);
    for (int w = 0; w < XSG_CHANGE_WAVES && fit->sigma > 0; w++) {
        double length = 4 << w;
        if (fit->wave[w] > 0 && (length <= n || w == 0))
            inflation = fmax(inflation, fmin(length, n) * fit->wave[w] / (fit->sigma * fit->sigma));
    }
    return inflation;
}

/*
 * What comes and goes by itself (machine states, times of day) moves the means of neighbouring
 * blocks all the time; a change does so once. So the median over all pairs of neighbouring blocks
 * tells how far means wander here, whatever the noise is like.
 */
static void measure_waves(struct xsg_level_fit *fit)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *d = XSG_NEW_ARRAY(&scratch, double, fit->n);
    for (int w = 0; w < XSG_CHANGE_WAVES; w++) {
        size_t length = (size_t)4 << w, n = 0;
        if (fit->n < WAVE_LENGTHS * length)
            break;
        for (size_t k = 0; k + 1 < fit->n_bounds; k++) {
            for (size_t i = fit->bound[k]; i + 2 * length <= fit->bound[k + 1]; i++)
                d[n++] = (fit->sum[i + 2 * length] - 2 * fit->sum[i + length] + fit->sum[i]) /
                         (double)length;
        }
        if (n < fit->n / 5)
            continue;
        double middle = xsg_median(d, n); /* not 0 on a slope */
        for (size_t i = 0; i < n; i++)
            d[i] = fabs(d[i] - middle);
        double s = xsg_median(d, n) / (0.6744897501960817 * sqrt(2));
        fit->wave[w] = s * s;
    }
    xsg_arena_release(&scratch);
}

/* The variance of the noise itself, not of differences. */
static void estimate(struct xsg_level_fit *fit, const double *x, double scale)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *d = XSG_NEW_ARRAY(&scratch, double, fit->n);
    double square[LAGS];
    size_t lags = 0;
    double rho = 0;
    for (size_t k = 1; k <= LAGS && fit->n >= 12; k++, lags++) {
        size_t n = differences(fit, x, k, d);
        if (n < 8)
            break;
        square[k - 1] = half_square(d, n, 4 * sqrt(2) * scale);
        if (!(square[k - 1] > 0))
            break;
    }
    if (lags > 1)
        rho = fit_rho(square, lags);
    double weight = (double)fit->n / ((double)fit->n + USUAL_POINTS);
    fit->rho = scale > 0 ? rho * weight + USUAL_RHO * (1 - weight) : 0;
    double noise = lags ? square[0] / (1 - fit->rho) : scale * scale;
    fit->sigma = fmax(sqrt(noise), fit->floor);
    xsg_arena_release(&scratch);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What stands alone is pulled in to its neighbours; a level of WINDOW + 1 points stays whole, and
 * fewer at either end are no level yet: there the window stands still. */
static void pull_in(struct xsg_level_fit *fit, double limit)
{
    double window[2 * WINDOW + 1];
    size_t n = fit->n < 2 * WINDOW + 1 ? fit->n : 2 * WINDOW + 1;
    for (size_t i = 0; i < fit->n; i++) {
        size_t from = i > WINDOW ? i - WINDOW : 0;
        from = from + n > fit->n ? fit->n - n : from;
        memcpy(window, fit->y + from, n * sizeof *window);
        qsort(window, n, sizeof *window, by_value);
        double middle = n % 2 ? window[n / 2] : (window[n / 2 - 1] + window[n / 2]) / 2;
        fit->x[i] = fmin(fmax(fit->y[i], middle - limit), middle + limit);
    }
}

static void add_up(struct xsg_level_fit *fit)
{
    fit->center = xsg_median(fit->x, fit->n); /* small numbers keep their digits */
    for (size_t i = 0; i < fit->n; i++) {
        double v = fit->x[i] - fit->center;
        fit->sum[i + 1] = fit->sum[i] + v;
        fit->sum2[i + 1] = fit->sum2[i] + v * v;
    }
}

void xsg__change_noise(struct xsg_level_fit *fit)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *d = XSG_NEW_ARRAY(&scratch, double, fit->n);
    size_t n = differences(fit, fit->y, 1, d);
    double scale = fmax(n ? quantile_scale(d, n) : 0, fit->floor / 2);
    pull_in(fit, 3 * scale);
    estimate(fit, fit->x, scale);
    add_up(fit);
    measure_waves(fit);
    xsg_arena_release(&scratch);
}
