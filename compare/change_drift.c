/* Is a staircase a ramp? Level, ramp, level: two knots and two levels against a level per step. */
#include <math.h>

#include "compare/change_parts.h"

enum { KNOTS = 48 }; /* places tried for each knot */

/* Sums of x, squares and i * x over the range, all relative to center and its start. */
struct range {
    const struct xsg_level_fit *fit;
    size_t from, to;
    const double *moment; /* prefix sums of (i - from) * (x - center) */
    double n;
};

static double sum_of(const struct range *r, size_t a, size_t b)
{
    return r->fit->sum[b] - r->fit->sum[a];
}

/* Least squares of x = l0 (1 - w) + l1 w, w: 0 before knot a, 1 from knot b on, linear between. */
static double ramp_error(const struct range *r, size_t a, size_t b, double level[2])
{
    double width = (double)(b - a), m = width - 1; /* inner points: w = j / width, j = 1 .. m */
    double s1 = m / 2, s2 = m * (m + 1) * (2 * m + 1) / (6 * width * width); /* of w, w^2 */
    double ww = s2 + (double)(r->to - b), w = s1 + (double)(r->to - b);
    double inner = r->moment[b - r->from] - r->moment[a + 1 - r->from] -
                   (double)(a - r->from) * sum_of(r, a + 1, b);
    double wx = inner / width + sum_of(r, b, r->to), x = sum_of(r, r->from, r->to);
    double uu = r->n - 2 * w + ww, uw = w - ww, ux = x - wx; /* u = 1 - w */
    double det = uu * ww - uw * uw;
    if (!(det > 1e-9))
        return (double)INFINITY;
    level[0] = (ux * ww - wx * uw) / det;
    level[1] = (wx * uu - ux * uw) / det;
    double square = r->fit->sum2[r->to] - r->fit->sum2[r->from];
    return fmax(0, square - level[0] * ux - level[1] * wx);
}

static double best_ramp(const struct range *r, size_t *from, size_t *to, double level[2])
{
    double best = (double)INFINITY, tried[2] = {0};
    size_t n = r->to - r->from, step = n / KNOTS + 1;
    for (size_t a = r->from; a + 4 < r->to; a += step) {
        for (size_t b = a + 3; b < r->to; b += step) {
            double error = ramp_error(r, a, b, tried);
            if (error >= best)
                continue;
            best = error;
            *from = a;
            *to = b;
            level[0] = tried[0] + r->fit->center;
            level[1] = tried[1] + r->fit->center;
        }
    }
    return best;
}

bool xsg__change_drift(const struct xsg_level_fit *fit, size_t first, size_t last, size_t *from,
                       size_t *to, double level[2])
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct range r = {.fit = fit, .from = fit->bound[first - 1], .to = fit->bound[last + 1]};
    double stairs = 0;
    r.n = (double)(r.to - r.from);
    double *moment = XSG_NEW_ARRAY(&scratch, double, r.to - r.from + 1);
    for (size_t i = r.from; i < r.to; i++)
        moment[i - r.from + 1] =
            moment[i - r.from] + (double)(i - r.from) * (fit->x[i] - fit->center);
    r.moment = moment;
    for (size_t b = first - 1; b <= last; b++)
        stairs += xsg__change_error(fit, fit->bound[b], fit->bound[b + 1]);
    double ramp = best_ramp(&r, from, to, level);
    xsg_arena_release(&scratch);
    /* A step costs two parameters, its place and its level; a ramp has four in all. */
    double saved = (double)(2 * (last - first + 1) + 1) - 4;
    double variance = fit->sigma * fit->sigma * xsg__change_inflation(fit, 30);
    return ramp - stairs < saved * variance * log(r.n);
}
