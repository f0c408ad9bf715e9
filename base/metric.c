#include "base/metric.h"

#include <string.h>

const struct xsg_metric xsg_metrics[] = {
    {"time", "ns", XSG_BETTER_LESS, false, true, false,
     "self time of a function and of what is inlined into it; of a target: CPU time, or wall time "
     "when it mostly waits"},
    {"total", "ns", XSG_BETTER_LESS, false, true, false,
     "time of a function and all that it calls"},
    {"inlined", "ns", XSG_BETTER_LESS, false, true, false,
     "time of a function as a part of others' machine code: theirs, sampled"},
    {"calls", "count", XSG_BETTER_LESS, true, true, false, "calls of a function"},
    {"wall", "ns", XSG_BETTER_LESS, false, false, false, "elapsed time of the target"},
    {"cpu", "ns", XSG_BETTER_LESS, false, false, false, "user and system time of the target"},
    {"user", "ns", XSG_BETTER_LESS, false, false, false, "user time of the target"},
    {"system", "ns", XSG_BETTER_LESS, false, false, false, "system time of the target"},
    {"peak_rss", "bytes", XSG_BETTER_LESS, false, false, false,
     "largest resident memory of the target"},
    {"page_faults", "count", XSG_BETTER_LESS, false, false, false, "minor and major page faults"},
    {"context_switches", "count", XSG_BETTER_LESS, false, false, false,
     "voluntary and involuntary context switches"},
    {"instructions", "count", XSG_BETTER_LESS, true, true, true,
     "instructions executed, in a function's own code or in the target"},
    {"instructions_total", "count", XSG_BETTER_LESS, true, true, true,
     "instructions of a function and all that it calls"},
    {"syscalls", "count", XSG_BETTER_LESS, true, true, true, "system calls"},
    {"counted_calls", "count", XSG_BETTER_LESS, true, true, true,
     "calls of a function while instructions are counted"},
};
const size_t xsg_n_metrics = sizeof xsg_metrics / sizeof xsg_metrics[0];

const struct xsg_metric *xsg_metric_find(const char *name)
{
    for (size_t i = 0; name && i < xsg_n_metrics; i++) {
        if (strcmp(xsg_metrics[i].name, name) == 0)
            return &xsg_metrics[i];
    }
    return NULL;
}
