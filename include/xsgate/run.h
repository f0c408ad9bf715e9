/*
 * What one measurement session leaves behind: a run, and the words that it is made of.
 *
 * event -> source -> profile (one invocation) -> series (one metric of one function, a value per
 * invocation) -> run (all series, with suite, commit and environment). All pointers belong to the
 * arena that the run was built in. Plain data, no locking: share it read-only.
 */
#ifndef XSGATE_RUN_H
#define XSGATE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A function's identity is its name and its source file; line and module only inform. */
struct xsg_function {
    const char *name;   /* demangled; NULL means "the whole target" */
    const char *file;   /* relative to the checkout's root where possible; NULL if unknown */
    const char *module; /* base name of the executable or library; NULL if unknown */
    int line;           /* first line, 1-based; 0 if unknown */
    int end_line;       /* last line; 0 if unknown */
    uint64_t code;      /* its machine code without addresses (profiler/code.h); 0: unknown */
    uint64_t code_deep; /* the same over it and all that it calls in the project; 0: unknown.
                           XSG_CODE_UNREAD where code is unknown of a function of the project */
};
#define XSG_CODE_UNREAD 1

/* How base and head of a round ran. */
enum xsg_pairing {
    XSG_PAIRING_AUTO,      /* as an option only */
    XSG_PAIRING_ALTERNATE, /* one after the other, in random order */
    XSG_PAIRING_SAME_CORE, /* at once on one core: the scheduler alternates them */
    XSG_PAIRING_TWO_CORE   /* at once on two cores, sides swapped at random */
};
#define XSG_N_PAIRINGS 4
/* "auto", "alternate", "same-core", "two-core", wherever they are written; then NULL. */
extern const char *const xsg_pairing_names[XSG_N_PAIRINGS + 1];

/* One metric of one function of one target. values[i] belongs to round i; NaN: not seen there. */
struct xsg_series {
    const char *target;
    struct xsg_function function;
    const char *metric; /* a name of base/metric.h: "time" is self time per invocation */
    const char *unit;   /* "ns", "bytes", "count" */
    double *values;
    size_t n;
};

/* The call tree of a target, summed over all rounds; node 0 is the root (name = the target's). */
struct xsg_tree_node {
    uint32_t parent;    /* index; 0 for the root itself; parents come before children */
    uint32_t function;  /* index into functions */
    double self, total; /* ns, mean per round */
    double calls;       /* mean per round; 0 when not counted (sampling) */
};

struct xsg_calltree {
    struct xsg_function *functions;
    size_t n_functions;
    struct xsg_tree_node *nodes;
    size_t n_nodes;
};

/* What must be equal for stored numbers of time to be comparable. NULL or 0: unknown. */
struct xsg_environment {
    const char *cpu_model;
    int cores;                  /* that this process may use */
    int64_t memory;             /* bytes */
    const char *kernel;         /* uname -r */
    const char *os;             /* PRETTY_NAME of os-release */
    const char *libc;           /* "glibc 2.36" */
    const char *compiler;       /* first line of $CC --version (or cc), as the build sees it */
    const char *virtualization; /* "kvm", "docker", "" ... */
    const char *governor;       /* cpufreq governor, "" when there is none */
    const char *gpu;            /* name and driver, NULL without one */
    const char *xsgate;         /* own version */
    const char *fingerprint;    /* 16 hex digits over the fields above that decide comparability */
};

struct xsg_commit {
    const char *oid;      /* 40 hex digits; "" when outside any repository */
    const char *describe; /* short human name: "main", "v1.2-3-gabc1234" */
    const char *subject;  /* first line of the message */
    int64_t time;         /* committer time, seconds since the epoch */
    bool dirty;           /* the work tree differed from the commit */
};

struct xsg_target_run {
    const char *name;
    const char *command;
    const char *profile; /* comma-separated: "scopes,sample" */
    struct xsg_calltree tree;
    uint64_t lost;       /* records that did not fit, over all rounds */
    uint64_t samples;    /* stack samples taken, over all rounds; 0 when not sampled */
    const char *invalid; /* why this target's numbers cannot be judged; NULL if they can */
    bool absent; /* its command does not exist on this side: the base of a new target. Not stored */
    enum xsg_pairing pairing;   /* how its rounds ran; AUTO: unknown or one side alone */
    const char *pairing_reason; /* one phrase for the report: why this pairing; may be NULL */
    double *control;            /* ln of the ratio of "time" of control pairs: base against base */
    size_t n_control;
    int look;          /* its rounds stopped at this look of several, from 1; 0: their number was
                          fixed beforehand, or is that of one side alone */
    size_t fresh_from; /* rounds before the fresh batch that was to confirm that look; 0: none */
    uint64_t binary; /* text and read-only data of the checkout's own modules that it ran, build ids
                        and paths left out; 0: unknown. Equal on both sides: identical programs */
};

struct xsg_run {
    int64_t id;          /* in the store; 0 while not stored */
    const char *shared;  /* the remote that it came from as a summary: one value per series, the
                            median, and never a baseline; NULL: measured here, or merged whole */
    const char *session; /* runs measured in the same interleaved rounds share it (hex) */
    int64_t created;     /* seconds since the epoch */
    double elapsed_s;
    struct xsg_commit commit;
    struct xsg_environment environment;
    const char *suite_hash; /* over commands, profiles and build line: what was measured */
    struct xsg_target_run *targets;
    size_t n_targets;
    struct xsg_series *series;
    size_t n_series;
    const char **warnings;
    size_t n_warnings;
};

#ifdef __cplusplus
}
#endif
#endif
