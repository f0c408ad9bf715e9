#include "compare/change.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/stats.h"
#include "compare/change_parts.h"

#define ALPHA 0.005
#define MIN_EFFECT 0.005
#define MIN_SEGMENT 4
#define PRIOR 6.0   /* points that the series' own spread counts for in a level's */
#define VISIBLE 0.6 /* a step of less than this many spreads is not told */
#define PENALTY 2.0 /* of a proposed step, in ln(n) variances */
#define TRUST 6.0   /* loss of likelihood at the ends of a confidence range, about 95 % */
#define FINE 1500   /* places tried for bounds; in a longer series every k-th, then moved */
#define PASSES 5    /* noise from the changes found, changes from the noise */

double xsg__change_mean(const struct xsg_level_fit *fit, size_t from, size_t to)
{
    return fit->center + (fit->sum[to] - fit->sum[from]) / (double)(to - from);
}

double xsg__change_error(const struct xsg_level_fit *fit, size_t from, size_t to)
{
    double sum = fit->sum[to] - fit->sum[from];
    double error = fit->sum2[to] - fit->sum2[from] - sum * sum / (double)(to - from);
    return error > 0 ? error : 0;
}

/* ---- proposing: optimal partitioning --------------------------------------------------------- */

struct partition {
    double *cost;     /* of the best partition of x[0 .. i) */
    size_t *previous; /* its last bound */
    size_t *start;    /* bounds that can still be the last one of a best partition */
    size_t n_starts;
};

static void extend(const struct xsg_level_fit *fit, struct partition *p, size_t to, double penalty)
{
    size_t least = fit->options.min_segment, kept = 0;
    p->cost[to] = (double)INFINITY;
    for (size_t k = 0; k < p->n_starts; k++) {
        size_t from = p->start[k];
        double cost = p->cost[from];
        if (to - from >= least) {
            cost += xsg__change_error(fit, from, to);
            if (cost + penalty < p->cost[to]) {
                p->cost[to] = cost + penalty;
                p->previous[to] = from;
            }
        }
        /* Worse now without the penalty: never better later. */
        if (to - from < least || cost <= p->cost[to])
            p->start[kept++] = from;
    }
    p->n_starts = kept;
}

/* The best place of a bound near where it is. */
static void move_bound(struct xsg_level_fit *fit, size_t b, size_t reach)
{
    size_t least = fit->options.min_segment, low = fit->bound[b - 1] + least, at = fit->bound[b];
    size_t high = fit->bound[b + 1] - least, from = at > reach ? at - reach : 0;
    double best = (double)INFINITY;
    for (size_t i = from > low ? from : low; i <= high && i <= at + reach; i++) {
        double error = xsg__change_error(fit, fit->bound[b - 1], i) +
                       xsg__change_error(fit, i, fit->bound[b + 1]);
        if (error < best) {
            best = error;
            fit->bound[b] = i;
        }
    }
}

static void propose(struct xsg_level_fit *fit)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    size_t n = fit->n, least = fit->options.min_segment, stride = n / FINE + 1, k = 0;
    double inflation = xsg__change_inflation(fit, 30);
    double penalty = PENALTY * fit->sigma * fit->sigma * inflation * log((double)n);
    struct partition p = {.cost = XSG_NEW_ARRAY(&scratch, double, n + 1),
                          .previous = XSG_NEW_ARRAY(&scratch, size_t, n + 1),
                          .start = XSG_NEW_ARRAY(&scratch, size_t, n + 1),
                          .n_starts = 1};
    for (size_t to = least; to < n; to += stride) {
        extend(fit, &p, to, penalty);
        if (to + least <= n)
            p.start[p.n_starts++] = to;
    }
    extend(fit, &p, n, penalty);
    fit->n_bounds = 1;
    for (size_t at = n; at > 0; at = p.previous[at])
        fit->n_bounds++;
    k = fit->n_bounds;
    for (size_t at = n; at > 0; at = p.previous[at])
        fit->bound[--k] = at;
    fit->bound[0] = 0;
    for (size_t b = 1; b + 1 < fit->n_bounds && stride > 1; b++)
        move_bound(fit, b, stride);
    xsg_arena_release(&scratch);
}

/* ---- judging --------------------------------------------------------------------------------- */

struct side {
    double mean, variance /* of the mean */, df;
};

static struct side side_of(const struct xsg_level_fit *fit, size_t from, size_t to)
{
    double n = (double)(to - from), inflation = xsg__change_inflation(fit, n);
    double own = PRIOR * fit->sigma * fit->sigma + xsg__change_error(fit, from, to);
    double df = PRIOR + n - 1;
    return (struct side){.mean = xsg__change_mean(fit, from, to),
                         .variance = own / df * inflation / n,
                         .df = PRIOR + (n - 1) / inflation};
}

/* Two-sided p of equal levels on both sides of bound b, over all places that it could have had. */
static double p_of(const struct xsg_level_fit *fit, size_t b)
{
    struct side l = side_of(fit, fit->bound[b - 1], fit->bound[b]);
    struct side r = side_of(fit, fit->bound[b], fit->bound[b + 1]);
    double variance = l.variance + r.variance;
    if (!(variance > 0)) /* nothing varies: any difference is one */
        return l.mean != r.mean ? 0 : 1;
    double df =
        variance * variance / (l.variance * l.variance / l.df + r.variance * r.variance / r.df);
    double p = 2 * xsg_t_cdf(-fabs(r.mean - l.mean) / sqrt(variance), df);
    return fmin(1, p * (double)fit->n);
}

static bool matters(const struct xsg_level_fit *fit, double before, double after)
{
    double size = fit->logarithms
                      ? expm1(fabs(after - before))
                      : fabs(after - before) / fmax(fmax(fabs(before), fabs(after)), 1e-300);
    return size >= fit->options.min_effect && fabs(after - before) >= VISIBLE * fit->sigma;
}

static void drop(struct xsg_level_fit *fit, size_t b)
{
    memmove(&fit->bound[b], &fit->bound[b + 1], (fit->n_bounds - b - 1) * sizeof *fit->bound);
    fit->n_bounds--;
}

static double judge(const struct xsg_level_fit *fit, size_t b)
{
    double before = xsg__change_mean(fit, fit->bound[b - 1], fit->bound[b]);
    double after = xsg__change_mean(fit, fit->bound[b], fit->bound[b + 1]);
    return matters(fit, before, after) ? p_of(fit, b) : 2;
}

/* The weakest goes first: its two levels become one, and its neighbours are judged against that. */
static void eliminate(struct xsg_level_fit *fit)
{
    while (fit->n_bounds > 2) {
        size_t weakest = 0;
        double worst = fit->options.alpha;
        for (size_t b = 1; b + 1 < fit->n_bounds; b++) {
            double p = judge(fit, b);
            if (p > worst) {
                worst = p;
                weakest = b;
            }
        }
        if (!weakest)
            return;
        drop(fit, weakest);
    }
}

static void fit_levels(struct xsg_level_fit *fit)
{
    fit->n_bounds = 2;
    fit->bound[0] = 0;
    fit->bound[1] = fit->n;
    for (int pass = 0; pass < PASSES; pass++) {
        size_t before = fit->n_bounds;
        xsg__change_noise(fit);
        propose(fit);
        eliminate(fit);
        if (pass > 0 && fit->n_bounds == before)
            break;
    }
}

/* ---- telling --------------------------------------------------------------------------------- */

static double level(const struct xsg_level_fit *fit, double y)
{
    return fit->logarithms ? exp(y) : y;
}

static void set_levels(const struct xsg_level_fit *fit, struct xsg_change *c, double before,
                       double after)
{
    c->before = level(fit, before);
    c->after = level(fit, after);
    c->ratio = c->before > 0 && c->after > 0 ? c->after / c->before : (double)NAN;
}

/* How far the bound could move either way before the fit gets clearly worse. */
static void set_range(const struct xsg_level_fit *fit, struct xsg_change *c, size_t b)
{
    size_t from = fit->bound[b - 1], at = fit->bound[b], to = fit->bound[b + 1];
    double before = xsg__change_mean(fit, from, at), after = xsg__change_mean(fit, at, to);
    double variance = fit->sigma * fit->sigma, loss = 0;
    c->at = at;
    c->first = at - 1;
    c->last = at;
    for (size_t i = at; i-- > from + 1;) { /* were x[i] on the new level already */
        loss +=
            (fit->x[i] - after) * (fit->x[i] - after) - (fit->x[i] - before) * (fit->x[i] - before);
        if (loss > TRUST * variance)
            break;
        c->first = i - 1;
    }
    loss = 0;
    for (size_t i = at; i + 1 < to; i++) { /* were x[i] on the old level still */
        loss +=
            (fit->x[i] - before) * (fit->x[i] - before) - (fit->x[i] - after) * (fit->x[i] - after);
        if (loss > TRUST * variance)
            break;
        c->last = i + 1;
    }
}

static void tell_step(const struct xsg_level_fit *fit, struct xsg_change *c, size_t b)
{
    c->kind = XSG_CHANGE_STEP;
    set_levels(fit, c, xsg__change_mean(fit, fit->bound[b - 1], fit->bound[b]),
               xsg__change_mean(fit, fit->bound[b], fit->bound[b + 1]));
    set_range(fit, c, b);
    c->p = p_of(fit, b);
}

static bool upward(const struct xsg_level_fit *fit, size_t b)
{
    return xsg__change_mean(fit, fit->bound[b], fit->bound[b + 1]) >
           xsg__change_mean(fit, fit->bound[b - 1], fit->bound[b]);
}

/* Bounds b .. of one direction that a ramp explains better (a slow one may be told as a single
 * step first); the last of them, or 0. */
static size_t drift_from(const struct xsg_level_fit *fit, size_t b, struct xsg_change *c)
{
    size_t last = b, from, to;
    double levels[2];
    while (last + 2 < fit->n_bounds && upward(fit, last + 1) == upward(fit, b))
        last++;
    for (; last >= b; last--) {
        if (!xsg__change_drift(fit, b, last, &from, &to, levels))
            continue;
        c->kind = XSG_CHANGE_DRIFT;
        c->first = from;
        c->last = to;
        c->at = from + (to - from + 1) / 2;
        set_levels(fit, c, levels[0], levels[1]);
        c->p = 1;
        for (size_t k = b; k <= last; k++)
            c->p = fmin(c->p, p_of(fit, k));
        return last;
    }
    return 0;
}

static size_t tell(const struct xsg_level_fit *fit, struct xsg_change *found)
{
    size_t n = 0;
    for (size_t b = 1; b + 1 < fit->n_bounds; b++) {
        size_t last = drift_from(fit, b, &found[n]);
        if (last)
            b = last;
        else
            tell_step(fit, &found[n], b);
        n++;
    }
    return n;
}

/* ---- one environment, and all of them -------------------------------------------------------- */

/* The points of one environment that have a value: their places in the whole. */
static size_t take(const struct xsg_change_point *points, size_t n, size_t environment, double *y,
                   size_t *place, double *floor)
{
    size_t m = 0;
    double *spread = y; /* before y is filled */
    for (size_t i = 0; i < n; i++) {
        if (points[i].environment == environment && isfinite(points[i].value) &&
            points[i].spread > 0)
            spread[m++] = points[i].spread;
    }
    *floor = m ? xsg_median(spread, m) : 0;
    m = 0;
    for (size_t i = 0; i < n; i++) {
        if (points[i].environment != environment || !isfinite(points[i].value))
            continue;
        y[m] = points[i].value;
        place[m++] = i;
    }
    return m;
}

/* Logarithms where all are positive; false where they are not. */
static bool to_logarithms(double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] > 0))
            return false;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = log(y[i]);
    return true;
}

static void add(struct xsg_arena *arena, struct xsg_change_list *list, size_t *cap,
                const struct xsg_change *c, const size_t *place, size_t environment)
{
    list->item = xsg_grow(arena, list->item, cap, list->n + 1, sizeof *list->item);
    struct xsg_change *into = &list->item[list->n++];
    *into = *c;
    into->first = place[c->first];
    into->last = place[c->last];
    into->at = place[c->at];
    into->environment = environment;
}

static void find_in(struct xsg_arena *arena, const struct xsg_change_point *points, size_t n,
                    size_t environment, const struct xsg_change_options *options,
                    struct xsg_change_list *list, size_t *cap, size_t *most)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    double *y = XSG_NEW_ARRAY(&scratch, double, n);
    size_t *place = XSG_NEW_ARRAY(&scratch, size_t, n);
    struct xsg_level_fit fit = {.options = *options};
    fit.n = take(points, n, environment, y, place, &fit.floor);
    if (fit.n >= 2 * options->min_segment) {
        fit.logarithms = to_logarithms(y, fit.n);
        if (!fit.logarithms)
            fit.floor *= fabs(xsg_median(y, fit.n));
        fit.y = y;
        fit.x = XSG_NEW_ARRAY(&scratch, double, fit.n);
        fit.sum = XSG_NEW_ARRAY(&scratch, double, fit.n + 1);
        fit.sum2 = XSG_NEW_ARRAY(&scratch, double, fit.n + 1);
        fit.bound = XSG_NEW_ARRAY(&scratch, size_t, fit.n + 2);
        struct xsg_change *found = XSG_NEW_ARRAY(&scratch, struct xsg_change, fit.n);
        fit_levels(&fit);
        size_t m = tell(&fit, found);
        for (size_t i = 0; i < m; i++)
            add(arena, list, cap, &found[i], place, environment);
        if (fit.n > *most) { /* the environment with most points speaks for the noise */
            *most = fit.n;
            list->noise = fit.logarithms ? fit.sigma : fit.sigma / fabs(xsg_median(y, fit.n));
        }
    }
    xsg_arena_release(&scratch);
}

static int by_place(const void *a, const void *b)
{
    const struct xsg_change *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static bool is_first_of_its_environment(const struct xsg_change_point *points, size_t i)
{
    for (size_t k = i; k-- > 0;) {
        if (points[k].environment == points[i].environment)
            return false;
    }
    return true;
}

void xsg_change_find(struct xsg_arena *arena, const struct xsg_change_point *points, size_t n,
                     const struct xsg_change_options *options, struct xsg_change_list *list)
{
    struct xsg_change_options o = options ? *options : (struct xsg_change_options){0};
    size_t cap = 0, most = 0;
    o.alpha = o.alpha > 0 ? o.alpha : ALPHA;
    o.min_effect = o.min_effect > 0 ? o.min_effect : MIN_EFFECT;
    o.min_segment = o.min_segment > 0 ? o.min_segment : MIN_SEGMENT;
    *list = (struct xsg_change_list){.noise = (double)NAN};
    for (size_t i = 0; i < n; i++) {
        if (is_first_of_its_environment(points, i))
            find_in(arena, points, n, points[i].environment, &o, list, &cap, &most);
    }
    if (list->n > 1)
        qsort(list->item, list->n, sizeof *list->item, by_place);
}
