/* The suite: what xsgate.yml says. Contract: the design's section on xsgate.yml, docs/guide. */
#ifndef XSG_HARNESS_SUITE_H
#define XSG_HARNESS_SUITE_H

#include <xsgate/comparison.h>

#include "base/arena.h"
#include "base/error.h"

enum xsg_profile_mode { /* as bits; names as in the configuration */
                        XSG_MODE_SCOPES = 1,
                        XSG_MODE_FUNCTIONS = 2,
                        XSG_MODE_SAMPLE = 4,
                        XSG_MODE_INSTRUCTIONS = 8 /* counted runs besides the rounds */
};

struct xsg_suite_target {
    const char *name;      /* unique, [A-Za-z0-9_.-]+ */
    const char *command;   /* run in the checkout's root (or directory); no shell unless needed */
    const char *directory; /* relative to the checkout's root; NULL: the root */
    unsigned profile;      /* enum xsg_profile_mode bits; default sample */
    const char **metrics;  /* names of base/metric.h; default: time, or instructions
                             where nothing else is profiled */
    size_t n_metrics;
    const char **env; /* "KEY=value" set for the target: a map, or a list of KEY=value */
    size_t n_env;
    double timeout_s; /* default 60 */
    int warmup;       /* invocations per side before the first round, at least 1 (default) */
    int64_t rate_hz;  /* sampling rate; default 250 */
    enum xsg_pairing pairing; /* default: the suite's, or AUTO */
    int line;
};

enum xsg_suite_comment {
    XSG_COMMENT_OFF,
    XSG_COMMENT_ON,    /* made when there is something to say, then kept up to date */
    XSG_COMMENT_ALWAYS /* made for a pass too */
};

/* What is posted to the forge. */
struct xsg_suite_ci {
    const char *id;    /* of the gate, in the comment's marker and the check's name */
    const char *login; /* the account whose comments are ours; NULL: found out */
    enum xsg_suite_comment comment;
    bool check, annotations, status;
};
#define XSG_SUITE_CI_DEFAULT                                                                       \
    (struct xsg_suite_ci)                                                                          \
    {                                                                                              \
        .id = "xsgate", .comment = XSG_COMMENT_ON, .check = true, .annotations = true              \
    }

struct xsg_suite {
    const char *file;       /* the path it was read from */
    const char *build;      /* shell command, run in each checkout; NULL: nothing to build */
    double build_timeout_s; /* default 1800 */
    struct xsg_suite_target *targets;
    size_t n_targets;
    enum xsg_pairing pairing; /* of targets that have none of their own */
    bool relink;              /* link in other orders what got slower with identical code */
    struct xsg_gate gate;     /* threshold, rules, ignore, metrics; alpha, min_share */
    struct xsg_suite_ci ci;
    const char *hash; /* hex over what decides comparability: build, commands, profiles */
};

/* Looks for xsgate.yml, .xsgate.yml, .github/xsgate.yml from folder upward to stop (inclusive).
 * XSG_ENOTFOUND with a hint to run init. */
int xsg_suite_find(struct xsg_arena *arena, const char *folder, const char *stop, char **path,
                   struct xsg_err *err);
int xsg_suite_load(struct xsg_arena *arena, const char *path, struct xsg_suite *suite,
                   struct xsg_err *err);
/* text for tests and fuzzing; name as it is to be shown. */
int xsg_suite_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                    struct xsg_suite *suite, struct xsg_err *err);
/* Keeps the named targets only (globs allowed). An unknown one is XSG_EINVAL with the nearest name.
 */
int xsg_suite_select(struct xsg_arena *arena, struct xsg_suite *suite, const char *const *names,
                     size_t n, struct xsg_err *err);

/* The commented xsgate.yml that init writes. */
extern const char xsg_suite_template[];

#endif
