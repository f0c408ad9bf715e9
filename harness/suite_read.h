/* Reading typed values out of a YAML node, with errors that say where and what was expected. */
#ifndef XSG_HARNESS_SUITE_READ_H
#define XSG_HARNESS_SUITE_READ_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/yaml.h"

struct xsg_suite_reader {
    struct xsg_arena *arena;
    const struct xsg_yaml_file *file;
    struct xsg_err *err;
};

int xsg_read_text(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **text);
/* A list of texts; a single text is a list of one. */
int xsg_read_list(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char ***items,
                  size_t *n);
int xsg_read_int(struct xsg_suite_reader *r, const struct xsg_yaml *node, int64_t low, int64_t high,
                 int64_t *value);
int xsg_read_seconds(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *seconds);
/* "5%": more than 0 and less than 100 %. */
int xsg_read_threshold(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio);

#endif
