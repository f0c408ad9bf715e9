/* What rounds can tell apart: of those that were measured, and of those that could be. */
#include "compare/power.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/stats.h"
#include "compare/row.h"

#define TRIM 0.2

double xsg_evidence_at(const struct xsg_gate *gate, const struct xsg_looks *looks, size_t look,
                       double df)
{
    return xsg_t_quantile(1 - xsg_looks_level(looks, look, gate->alpha / XSG_ALPHA_PARTS), df);
}

double xsg_detectable(const struct xsg_gate *gate, const struct xsg_looks *looks, size_t look,
                      double se, double df, double bias)
{
    double seen = xsg_evidence_at(gate, looks, look, df) + xsg_t_quantile(1 - gate->beta, df);
    return expm1(seen * se + bias);
}

static const struct xsg_series *find(const struct xsg_run *run, const char *target,
                                     const char *function)
{
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *s = &run->series[i];
        bool named = function ? s->function.name && strcmp(s->function.name, function) == 0
                              : !s->function.name;
        if (named && strcmp(s->target, target) == 0 && strcmp(s->metric, "time") == 0)
            return s;
    }
    return NULL;
}

double xsg_power_spread(const struct xsg_run *base, const struct xsg_run *head, const char *target,
                        const char *function)
{
    const struct xsg_series *b = find(base, target, function), *h = find(head, target, function);
    struct xsg_arena arena = XSG_ARENA_INIT;
    size_t n = 0, most = b && h ? (b->n < h->n ? b->n : h->n) : 0;
    double *y = XSG_NEW_ARRAY(&arena, double, most + 1);
    double spread = NAN;
    for (size_t i = 0; i < most; i++) {
        if (b->values[i] > 0 && h->values[i] > 0)
            y[n++] = log(h->values[i] / b->values[i]);
    }
    if (n >= XSG_EFFECT_MIN_N)
        spread = xsg_effect_spread(xsg_trimmed_mean(y, n, TRIM).se, n);
    xsg_arena_release(&arena);
    return spread;
}

double xsg_power_detectable(const struct xsg_gate *gate, double spread, size_t rounds,
                            const struct xsg_looks *looks, size_t look)
{
    struct xsg_looks one;
    double df;
    double se = xsg_effect_expected(spread, rounds, &df);
    if (!looks) {
        xsg_looks_doubling(&one, 1);
        looks = &one;
        look = 0;
    }
    return rounds < XSG_EFFECT_MIN_N ? (double)NAN : xsg_detectable(gate, looks, look, se, df, 0);
}
