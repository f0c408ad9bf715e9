/* The policy: which threshold applies to whom. */
#include <string.h>

#include "base/str.h"
#include "compare/row.h"

void xsg_gate_init(struct xsg_gate *gate)
{
    *gate = (struct xsg_gate){.threshold = 0.05, .alpha = 0.01, .beta = 0.05, .min_share = 0.005};
}

static bool rule_matches(const struct xsg_gate_rule *rule, const char *target, const char *function,
                         const char *metric)
{
    if (rule->function && (!function || !xsg_glob(rule->function, function)))
        return false;
    if (rule->target && !xsg_glob(rule->target, target))
        return false;
    return !rule->metric || strcmp(rule->metric, metric) == 0;
}

const struct xsg_gate_rule *xsg_gate_rule_for(const struct xsg_gate *gate, const char *target,
                                              const char *function, const char *metric)
{
    for (size_t i = 0; i < gate->n_rules; i++) {
        if (rule_matches(&gate->rules[i], target, function, metric))
            return &gate->rules[i];
    }
    return NULL;
}

double xsg_gate_threshold(struct xsg_arena *arena, const struct xsg_gate *gate, const char *target,
                          const char *function, const char *metric, const char **rule,
                          bool *ignored)
{
    const struct xsg_gate_rule *r = xsg_gate_rule_for(gate, target, function, metric);
    *ignored = false;
    *rule = "threshold";
    if (r) {
        const char *what = r->function ? r->function : r->target ? r->target : r->metric;
        *rule = xsg_printf(arena, "gates[%zu]: %s", (size_t)(r - gate->rules), what ? what : "*");
    }
    for (size_t i = 0; function && i < gate->n_ignore; i++) {
        if (!xsg_glob(gate->ignore[i], function))
            continue;
        *rule = xsg_printf(arena, "ignored: %s", gate->ignore[i]);
        *ignored = true;
        break;
    }
    return r ? r->threshold : gate->threshold;
}
