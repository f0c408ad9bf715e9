/*
 * The outcome of comparing two runs: deltas, worst first, and the verdict. Plain data in an arena.
 */
#ifndef XSGATE_COMPARISON_H
#define XSGATE_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsgate/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The policy. Rules are tried in order, the first match wins. */
struct xsg_gate_rule {
    const char *function; /* glob over the function's name; NULL matches every one */
    const char *target;   /* glob; NULL matches every one */
    const char *metric;   /* name; NULL matches every one */
    double threshold;     /* 0.05 = 5 % */
    int line;             /* in the configuration file, for the report */
};

/* Judged metrics of one target, where they are not the gate's. */
struct xsg_gate_metrics {
    const char *target; /* its name */
    const char **metrics;
    size_t n_metrics;
};

/* A slowdown that is known and accepted: it is told, and does not fail the gate. */
struct xsg_gate_waiver {
    const char *function; /* name or glob; NULL: the whole target */
    const char *target;   /* name or glob; NULL: every one */
    const char *reason, *until;
    const char *expired; /* NULL while it holds; else since when: "expired on 2026-12-31" */
};

struct xsg_gate {
    double threshold; /* default for what no rule matches */
    double alpha; /* error of "regressed", over all targets, functions and looks; default 0.01 */
    double beta;  /* error of "unchanged", of one function or target over all looks: that it is
                     slower by its threshold after all; default 0.05 */
    double min_share; /* functions below this share of the target on both sides are not judged */
    struct xsg_gate_rule *rules;
    size_t n_rules;
    const char **ignore; /* globs of functions that never fail the gate */
    size_t n_ignore;
    const char *filter;   /* glob: other functions are not judged, the target is; NULL: all are */
    const char **metrics; /* judged metrics; empty: "time" */
    size_t n_metrics;
    struct xsg_gate_metrics *own_metrics; /* of single targets, instead of metrics */
    size_t n_own_metrics;
    struct xsg_gate_waiver *waivers;
    size_t n_waivers;
    bool strict; /* undecided fails too */
};

enum xsg_verdict { /* of the whole comparison */
                   XSG_VERDICT_PASSED,
                   XSG_VERDICT_REGRESSED,
                   XSG_VERDICT_UNDECIDED,
                   XSG_VERDICT_INVALID
};

enum xsg_delta_verdict {
    XSG_DELTA_REGRESSED,
    XSG_DELTA_IMPROVED,
    XSG_DELTA_UNCHANGED,
    XSG_DELTA_UNDECIDED,
    XSG_DELTA_ADDED,
    XSG_DELTA_REMOVED,
    XSG_DELTA_INVALID
};

/* Is the machine code of base and head the same, addresses left out? */
enum xsg_code {
    XSG_CODE_UNKNOWN,
    XSG_CODE_SAME,      /* in the function, but not in all that it calls, or that is unknown */
    XSG_CODE_SAME_DEEP, /* in the function and in all that it calls: a difference in time is layout,
                           input or noise */
    XSG_CODE_DIFFERENT
};

/* Was a slowdown of identical machine code there, too, when the programs were linked in another
 * order? */
enum xsg_layout {
    XSG_LAYOUT_NONE,     /* not asked: the code differs, or nothing got slower */
    XSG_LAYOUT_OPEN,     /* not measured, or not clear */
    XSG_LAYOUT_PERSISTS, /* in each of them: it is the input or the data */
    XSG_LAYOUT_GONE      /* it is the layout */
};

struct xsg_summary {
    double median, mean; /* of the values per invocation; NaN when absent */
    double calls;        /* mean calls per invocation; NaN when not counted */
    size_t n;
};

struct xsg_delta {
    const char *target;
    struct xsg_function function; /* name NULL: the whole target */
    const char *metric, *unit;
    struct xsg_summary base, head;
    double ratio;     /* estimate of head / base; 1.2 = 20 % slower; NaN for added, removed */
    double low, high; /* confidence interval of the ratio; high infinite: unbounded */
    double p;         /* one-sided, of the direction seen, adjusted over functions and looks:
                         evidence when below the gate's alpha; NaN if not tested */
    double share;     /* of the target's base total, in [0, 1]; head's share when added */
    double threshold; /* that applied */
    enum xsg_delta_verdict verdict;
    const char *cause; /* one phrase: "each call costs 21 % more; code changed in this range"; of a
                          target that failed with the end of its output in lines below it */
    int changed;       /* 1: the commit range touches the function, what is inlined into it or, of
                          total time, a callee that carries the change; 0: not; -1: unknown */
    const char *rule;  /* which rule decided: "threshold", "gates[0]: parse_*", "ignored: *_x",
                          "below min_share", "not in filter", "effect on the target too small" */
    bool counts;       /* takes part in the comparison's verdict; an ignored one does not */
    double detectable; /* smallest ratio - 1 that these rounds could have told from none; NaN:
                          unknown */
    double
        settle_rounds; /* undecided: rounds in all that would settle it; NaN: hardly any number */
    double settle_s;   /* the same in seconds of measuring; NaN: unknown */
    double by_calls;   /* of head.mean - base.mean, in the metric's unit: through more calls, */
    double by_cost;    /* and through costlier calls; the sum is exact. NaN: calls not counted */
    enum xsg_code code;
    enum xsg_layout layout;
    double *layouts; /* ratio as the build links, then as linked in other orders; NULL: none was */
    size_t n_layouts;
    const char *through; /* the deepest function that explains the change, when it is another one:
                            then this delta does not count by itself, unless it is the target's;
                            NULL */
    const char *matched; /* base's name of a function that was matched by code and callers; NULL */
    const char *moved;   /* cost came from or went to these functions (a phrase); NULL */
    const char *waiver;  /* reason of the waiver that keeps it from failing the gate; NULL */
};

/* What the CI system said about the run, for a second job that posts the report. A report that is
 * read back claims it: to be confirmed. */
struct xsg_comparison_ci {
    int64_t pull_request; /* 0: none */
    const char *head_sha; /* the pull request's own commit, not the merge; NULL: unknown */
};

struct xsg_comparison {
    int64_t id; /* in the store; 0 while not stored */
    enum xsg_verdict verdict;
    const char *reason; /* one sentence for the verdict */
    const struct xsg_run *base, *head;
    bool paired; /* interleaved rounds (true) or stored numbers (false) */
    double elapsed_s;
    size_t rounds;   /* pairs per target, the largest */
    double level;    /* confidence level of the intervals, two-sided: 0.98 */
    double progress; /* rounds of this look by rounds planned, in (0, 1]; 1: the last */
    struct xsg_gate gate;
    struct xsg_delta *deltas; /* invalid, regressed, undecided, improved, added, removed, */
    size_t n_deltas;          /* unchanged; within each by |ln ratio| x share, largest first */
    const char **warnings;
    size_t n_warnings;
    struct xsg_comparison_ci ci;
};

/* Names as in the JSON contract: "passed", "regressed", ... Never NULL. */
const char *xsg_verdict_name(enum xsg_verdict verdict);
const char *xsg_delta_verdict_name(enum xsg_delta_verdict verdict);

#ifdef __cplusplus
}
#endif
#endif
