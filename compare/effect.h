/* How much did one series change, and how sure is that? Pure numbers; no policy. */
#ifndef XSG_COMPARE_EFFECT_H
#define XSG_COMPARE_EFFECT_H

#include <stdbool.h>
#include <stddef.h>

/* Fewer invocations per side say nothing about a noisy metric: a 20 %-trimmed t with n = 4 would
 * rest on four values and three degrees of freedom, with one outlier spoiling either. */
#define XSG_EFFECT_MIN_N 5

struct xsg_sample_pair {
    const double *base, *head; /* finite, >= 0; paired: base[i] and head[i] are of one round */
    size_t n_base, n_head;     /* equal when paired */
    bool paired;
    double resolution; /* step that values come in: one sample's weight, or 1; > 0 */
    double inflation;  /* of the standard error, at least 1: the machine is worse than the rounds
                          show  (control pairs) */
    double bias;       /* of ln(head / base), at least 0, in either direction: the same */
};

enum xsg_effect_method {
    XSG_EFFECT_NONE,  /* too few values, or nothing on the base side: no number is to be used */
    XSG_EFFECT_EXACT, /* deterministic on both sides */
    XSG_EFFECT_LOG_RATIOS, /* 20 %-trimmed mean of ln(head / base), or Yuen's on logarithms */
    XSG_EFFECT_MEANS       /* ratio of means, Fieller's interval: zeros and coarse values */
};

struct xsg_effect {
    enum xsg_effect_method method;
    double ratio, low,
        high;              /* head / base, interval with alpha on each side; high may be infinite */
    double p_more, p_less; /* one-sided, for ratio > 1 and for ratio < 1; NaN when exact or none */
    double cost_high;      /* upper bound of mean(head) - mean(base), same error as high */
    double se, df;         /* of ln ratio; NaN when exact or none */
};

/*
 * Estimates with error alpha (in (0, 0.5)) on each side of the interval. The p-values agree with
 * it: p_more < alpha exactly when low > 1. A bias widens the interval on both sides, and evidence
 * begins beyond it.
 *
 * Log-ratios: y_i = ln(head_i / base_i); 20 %-trimmed mean, winsorised standard error, Student's t
 * (Yuen 1974). Two independent samples: Yuen's test on logarithms.
 *
 * Means: logarithms do not exist for zeros, and leaving rounds with zeros out would keep the rounds
 * in which the function happened to be seen, which biases the ratio; trimming coarse counts does
 * the same more gently. So where a value is zero or the mean is below 20 steps of the resolution,
 * the estimate is mean(head) / mean(base) with the interval of Fieller 1954: all R for which a
 * t-test of head_i - R base_i does not reject. At R = 1 that is the plain paired t-test, which is
 * symmetric when nothing changed, however skewed the counts are.
 *
 * Resolution: values that repeat say nothing about the part below one step. The spread that
 * rounding alone would give two values is step^2 / 6; what the observed spread of differences lacks
 * of it is treated as an error common to all rounds, which more rounds do not average out.
 */
void xsg_effect_estimate(struct xsg_effect *effect, const struct xsg_sample_pair *pair,
                         double alpha);

/* The standard error of n pairs whose log-ratios are normal with this standard deviation, as
 * xsg_effect_estimate() would find it on average, and its degrees of freedom; and back from the
 * plain standard error of a 20 %-trimmed mean of n values. */
double xsg_effect_expected(double spread, size_t n, double *df);
double xsg_effect_spread(double se, size_t n);

/* Deterministic metric: false when the values of a side spread by more than 0.05 % (it is then not
 * deterministic after all, and an estimate is needed). */
bool xsg_effect_exact(struct xsg_effect *effect, const struct xsg_sample_pair *pair);

#endif
