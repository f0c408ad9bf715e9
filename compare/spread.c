/* Stored numbers of two hours differ by more than their rounds show: history says by how much. */
#include <math.h>

#include "base/stats.h"
#include "compare/row.h"

/* The interval as if a normal error of this standard deviation (of the logarithm) were added. */
static void widen(struct xsg_effect *e, double more, double alpha)
{
    double z = xsg_normal_quantile(1 - alpha), center = log(e->ratio);
    double below = (center - log(e->low)) / z, above = (log(e->high) - center) / z;
    below = hypot(below, more);
    above = hypot(above, more);
    e->low = exp(center - z * below);
    e->high = exp(center + z * above);
    e->p_more = fmax(e->p_more, xsg_normal_cdf(-center / below));
    e->p_less = fmax(e->p_less, xsg_normal_cdf(center / above));
    e->se = hypot(e->se, more); /* what could have been seen is larger, too */
}

void xsg_row_widen(const struct xsg_target_work *t, struct xsg_row *row)
{
    const struct xsg_compare_options *o = t->context->options;
    struct xsg_effect *e = &row->effect;
    if (t->context->paired || !o || !o->usual_spread || e->method == XSG_EFFECT_NONE ||
        e->method == XSG_EFFECT_EXACT || !(e->low > 0) || !(e->ratio > 0))
        return;
    double spread =
        o->usual_spread(o->spread_arg, t->name, row->delta.function.name, row->delta.metric);
    if (spread > 0) /* of both sides */
        widen(e, sqrt(2) * spread, t->error);
}
