/*
 * Statistics kernels: pure functions on arrays of doubles, shared by the plan's stop rule and the
 * comparison. No function changes its input; n = 0 gives NaN unless said otherwise.
 */
#ifndef XSG_BASE_STATS_H
#define XSG_BASE_STATS_H

#include <stddef.h>

double xsg_mean(const double *x, size_t n);
double xsg_median(const double *x, size_t n);
double xsg_quantile(const double *x, size_t n, double p); /* type 7 of Hyndman and Fan 1996 */
double xsg_stddev(const double *x, size_t n); /* n - 1 in the denominator; NaN if n < 2 */
double xsg_mad(const double *x, size_t n);    /* 1.4826 x median absolute deviation */

struct xsg_estimate {
    double location; /* estimate of the location */
    double se;       /* its standard error; 0 when all values agree */
    double df;       /* degrees of freedom of Student's t for it */
    size_t n;        /* values used */
};

/* trim-trimmed mean with the winsorised standard error (Tukey, McLaughlin 1963; Yuen 1974, sec. 2):
 * g = floor(trim n) values cut at each end, df = n - 2g - 1. n < 2: se and df are NaN. */
struct xsg_estimate xsg_trimmed_mean(const double *x, size_t n, double trim);

/* Yuen's two-sample estimate of location(y) - location(x), Welch-Satterthwaite df (Yuen 1974). */
struct xsg_estimate xsg_yuen(const double *x, size_t nx, const double *y, size_t ny, double trim);

double xsg_normal_cdf(double z);
double xsg_normal_quantile(double p);
double xsg_t_cdf(double t, double df);      /* regularised incomplete beta */
double xsg_t_quantile(double p, double df); /* p in (0, 1) */

/* Two-sided confidence interval at level 1 - alpha. */
void xsg_interval(const struct xsg_estimate *e, double alpha, double *low, double *high);

/* p-value that the location is > limit (one-sided: small p speaks for "greater"). With se = 0 it is
 * 0 or 1. */
double xsg_p_greater(const struct xsg_estimate *e, double limit);

/* Adjusted p-values, in place order kept: Benjamini and Hochberg 1995; Holm 1979. NaN stays NaN and
 * does not count. */
void xsg_adjust_bh(const double *p, size_t n, double *adjusted);
void xsg_adjust_holm(const double *p, size_t n, double *adjusted);

/* Cumulative alpha spent at information fraction t in [0, 1]: Pocock-type spending function
 * alpha ln(1 + (e - 1) t) (Lan, DeMets 1983). */
double xsg_alpha_spent(double alpha, double t);

#endif
