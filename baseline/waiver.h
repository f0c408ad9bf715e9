/*
 * Waivers: slowdowns that are known and accepted until a day or a commit. They stand in a text file
 * beside xsgate.yml, so that they are reviewed and versioned like it. Hostile input: strict YAML.
 */
#ifndef XSG_BASELINE_WAIVER_H
#define XSG_BASELINE_WAIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define XSG_WAIVERS_FILE "xsgate-waivers.yml"

struct xsg_waiver {
    const char *function; /* name or glob; NULL: the whole target */
    const char *target;   /* name or glob; NULL: every one */
    const char *reason;
    const char *until;  /* "2026-12-31" (that day included, UTC), or a commit's 40 hex digits */
    int64_t until_time; /* the first second after it; 0: until is a commit */
    int line;           /* where it begins */
};

struct xsg_waivers {
    struct xsg_waiver *item;
    size_t n;
};

/* An absent file has none. XSG_EINVAL: path:line:column and what was expected. */
int xsg_waivers_read(struct xsg_arena *arena, const char *path, struct xsg_waivers *waivers,
                     struct xsg_err *err);
int xsg_waivers_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                      struct xsg_waivers *waivers, struct xsg_err *err);

/* Checks and sets until_time from until. */
int xsg_waiver_set_until(struct xsg_waiver *waiver, const char *until, struct xsg_err *err);

/* Adds one at the end; the file is made when absent, and what people wrote there stays. One for the
 * same function and target is replaced. */
int xsg_waivers_add(struct xsg_arena *arena, const char *path, const struct xsg_waiver *waiver,
                    struct xsg_err *err);
/* Removes those of the function (NULL: of whole targets) and target (NULL: whatever target). */
int xsg_waivers_remove(struct xsg_arena *arena, const char *path, const char *function,
                       const char *target, size_t *removed, struct xsg_err *err);

#endif
