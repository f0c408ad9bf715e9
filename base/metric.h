/* The metrics that xsgate knows: name, unit, which way is better, deterministic or noisy. */
#ifndef XSG_BASE_METRIC_H
#define XSG_BASE_METRIC_H

#include <stdbool.h>
#include <stddef.h>

enum xsg_better { XSG_BETTER_LESS, XSG_BETTER_MORE, XSG_BETTER_NEITHER };

struct xsg_metric {
    const char *name;
    const char *unit; /* "ns", "bytes", "count" */
    enum xsg_better better;
    bool deterministic;
    bool per_function;
    bool counted; /* has a value per counted run (profile: instructions), not one per round */
    const char *help;
};

/*
 * per function: time (self time, ns), total (inclusive time, ns), calls (count)
 * per target:   wall, cpu (user + system), user, system (ns), peak_rss (bytes), page_faults,
 *               context_switches (count); "time" of a target is cpu, or wall for one that waits.
 * counted:      instructions (of a function: in its own code), syscalls, per function and target;
 *               instructions_total, counted_calls per function.
 */
extern const struct xsg_metric xsg_metrics[];
extern const size_t xsg_n_metrics;
const struct xsg_metric *xsg_metric_find(const char *name); /* NULL if unknown */

#endif
