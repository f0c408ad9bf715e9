/* The normal distribution and Student's t. */
#include <math.h>

#include "base/stats.h"

#define PI 3.14159265358979323846

double xsg_normal_cdf(double z)
{
    return erfc(-z * 0.70710678118654752440) / 2;
}

double xsg_normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -HUGE_VAL : HUGE_VAL;
    if (p == 0.5)
        return 0;
    if (p > 0.5)
        return -xsg_normal_quantile(1 - p);
    /* A rough start (Abramowitz and Stegun 26.2.23), then Halley's method on the exact function:
     * each step triples the correct digits. */
    double t = sqrt(-2 * log(p));
    double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                         (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
    for (int i = 0; i < 4; i++) {
        double density = exp(-z * z / 2) / 2.50662827463100050242;
        double step = (xsg_normal_cdf(z) - p) / density;
        if (!isfinite(step))
            break;
        z -= step / (1 + z * step / 2);
    }
    return z;
}

/* Continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double beta_fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double last = 1;
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            last = c * d;
            f *= last;
        }
        if (fabs(last - 1) < 1e-16)
            break;
    }
    return f;
}

/* lgamma() writes a global of libm; this one does not. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* ln Gamma(a + 1/2) - ln Gamma(a); of large a the difference of two huge numbers would be noise, so
 * there its asymptotic series (DLMF 5.11.13). */
static double log_gamma_step(double a)
{
    if (a < 100)
        return log_gamma(a + 0.5) - log_gamma(a);
    return log(a) / 2 - 1 / (8 * a) + 1 / (192 * a * a * a) - 1 / (640 * pow(a, 5));
}

/* Regularised incomplete beta function I_x(a, 1/2); y = 1 - x, given because it may be more exact;
 * step is log_gamma_step(a). */
static double incomplete_beta_half(double x, double y, double a, double step)
{
    const double b = 0.5;
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    double log_x = y < 0.5 ? log1p(-y) : log(x);
    double front = exp(step + a * log_x) * sqrt(y / PI);
    /* The fraction converges quickly below the mean; beyond it the mirrored one does. */
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(y, b, a) / b;
}

static double t_cdf(double t, double df, double step)
{
    if (isinf(t))
        return t > 0 ? 1 : 0;
    double t2 = t * t;
    double x = isinf(t2) ? 0 : df / (df + t2), y = isinf(t2) ? 1 : t2 / (df + t2);
    double tail = incomplete_beta_half(x, y, df / 2, step) / 2;
    return t > 0 ? 1 - tail : tail;
}

double xsg_t_cdf(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return NAN;
    if (isinf(df) || df > 1e10) /* nothing is left between t and the normal */
        return xsg_normal_cdf(t);
    return t_cdf(t, df, log_gamma_step(df / 2));
}

/* Density of t, for Newton's steps. */
static double t_density(double t, double df, double step)
{
    return exp(step - (df + 1) / 2 * log1p(t * t / df)) / sqrt(df * PI);
}

/* Cornish-Fisher (Abramowitz, Stegun 26.7.5), for p < 1/2; where it fails, any negative number. */
static double near_quantile(double p, double df)
{
    double z = xsg_normal_quantile(p), z3 = z * z * z;
    double t = z + (z3 + z) / (4 * df) + (5 * z3 * z * z + 16 * z3 + 3 * z) / (96 * df * df);
    return t < 0 && isfinite(t) ? t : -1;
}

double xsg_t_quantile(double p, double df)
{
    if (!(p > 0 && p < 1) || !(df > 0))
        return NAN;
    if (p == 0.5)
        return 0;
    if (p > 0.5)
        return -xsg_t_quantile(1 - p, df);
    if (isinf(df) || df > 1e10)
        return xsg_normal_quantile(p);
    /* Below the median: Newton's steps on the logarithm of p, which far out is nearly linear in
     * that of t; they bisect when they leave what is known of the root. */
    double low = -1e300, high = 0, t = near_quantile(p, df), step = log_gamma_step(df / 2);
    for (int i = 0; i < 200; i++) {
        double reached = t_cdf(t, df, step);
        if (reached > p)
            high = t;
        else
            low = t;
        double next = t - log(reached / p) * reached / t_density(t, df, step);
        if (fabs(next - t) <= 1e-9 * fabs(next)) /* the digits double with each step */
            return next;
        if (!(next > low && next < high))
            next = (low + high) / 2;
        t = next;
    }
    return t;
}
