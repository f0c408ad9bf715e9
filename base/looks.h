/*
 * Repeated looks at growing data with one error in all: what level each look may test at.
 *
 * A test that is repeated at information t_1 < ... < t_K = 1 (rounds by rounds planned) spends of
 * its error e at look k what the spending function gained since the look before: e s(t_k) - e
 * s(t_(k-1)), s of xsg_alpha_spent() (Lan and DeMets 1983). The boundary of look k is the one that
 * a Brownian motion, which was below all boundaries before, exceeds there with that probability:
 * found by integrating its density from look to look (Armitage, McPherson and Rowe 1969; Jennison
 * and Turnbull 2000, chapter 19). Because the looks are correlated, each may test at a higher level
 * than what it spends. A test statistic that is not normal is compared by its p-value with the
 * level of the normal boundary (their section 3.8, "significance level approach"). Stopping for
 * another reason, such as a pass, only lowers the error.
 */
#ifndef XSG_BASE_LOOKS_H
#define XSG_BASE_LOOKS_H

#include <stddef.h>

enum { XSG_LOOKS_MAX = 8, XSG_LOOKS_GRID = 18 };

/* Plain data; made once, read by any thread. */
struct xsg_looks {
    size_t n;
    double information[XSG_LOOKS_MAX];           /* ascending, the last is 1 */
    double level[XSG_LOOKS_MAX][XSG_LOOKS_GRID]; /* ln of the level, by ln of the error in all */
};

/* information: n of them (1 to XSG_LOOKS_MAX), ascending; only their ratios matter. */
void xsg_looks_init(struct xsg_looks *looks, const double *information, size_t n);
/* Looks at doubling information. */
void xsg_looks_doubling(struct xsg_looks *looks, size_t n);

/* The level of look k (from 0) that keeps all looks together at error, in (0, 0.5]. */
double xsg_looks_level(const struct xsg_looks *looks, size_t k, double error);
/* The inverse: the error in all at which the p-value p would be just enough at look k. 1 when p is
 * above every level. NaN stays NaN. */
double xsg_looks_error(const struct xsg_looks *looks, size_t k, double p);

#endif
