/*
 * Reading xsgate.yml: single values and targets. Each returns 0 or XSG_EINVAL with
 * "file:line:column: sentence" and the line with a caret as the hint. Private to the suite's files.
 */
#ifndef XSG_HARNESS_SUITE_VALUE_H
#define XSG_HARNESS_SUITE_VALUE_H

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/yaml.h"

struct xsg_suite_reader {
    struct xsg_arena *arena;
    struct xsg_yaml_file file;
    struct xsg_err *err;
};

/* Foreign text fit for an error: escaped, quoted, cut when long. */
const char *xsg_suite_shown(struct xsg_suite_reader *r, const char *text);
/* The names as "a, b, c". */
const char *xsg_suite_joined(struct xsg_suite_reader *r, const char *const *names, size_t n);

/* A text that is not empty; expected says what for: "a shell command". */
int xsg_suite_text(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *expected,
                   const char **text);
/* A ratio in [0, 1): "5%" or "0.05". */
int xsg_suite_ratio(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio);
/* A gate's threshold: a ratio, with an explanation where 100 % and more are asked for. */
int xsg_suite_threshold(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio);
/* A duration in (0, 7 days]. */
int xsg_suite_seconds(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *seconds);
int xsg_suite_int(struct xsg_suite_reader *r, const struct xsg_yaml *node, int64_t low,
                  int64_t high, int64_t *value);
/* A list of texts, or one text for a list of one, or nothing for an empty list. items may be NULL:
 * the nodes are only checked. */
int xsg_suite_list(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *expected,
                   const struct xsg_yaml ***items, size_t *n);
/* "key:" with nothing behind it: as if it was not there. */
bool xsg_suite_is_blank(const struct xsg_yaml *node);

/*
 * One of names[n] (its index). later[n_later]: words that other versions know; they are refused
 * with what is available in this one.
 */
int xsg_suite_word(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *what,
                   const char *const *names, size_t n, const char *const *later, size_t n_later,
                   size_t *index);

/* on or off. */
int xsg_suite_switch(struct xsg_suite_reader *r, const struct xsg_yaml *node, bool *on);

/* ---- suite_target.c ---- */
int xsg_suite_metric(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **metric);
int xsg_suite_pairing(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      enum xsg_pairing *pairing);
/* An empty list leaves both as they are. */
int xsg_suite_metrics(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      const char ***metrics, size_t *n_metrics);
struct xsg_suite_target;
int xsg_suite_target(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                     struct xsg_suite_target *target);

/* ---- suite_ci.c ---- */
struct xsg_suite_ci;
int xsg_suite_read_ci(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      struct xsg_suite_ci *ci);

#endif
