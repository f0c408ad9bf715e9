/*
 * The store that follows the team without a server: runs as lines in git notes, under
 * refs/notes/xsgate (docs/formats/notes.md). Append-only; whoever can push can write there, so what
 * comes from there is foreign. Not thread-safe.
 */
#ifndef XSG_BASELINE_SHARE_H
#define XSG_BASELINE_SHARE_H

#include "base/buf.h"
#include "base/clock.h"
#include "baseline/git_program.h"
#include "baseline/store.h"

/* ---- one run, one line: share_record.c (pure) ---- */

enum {
    XSG_SHARE_VERSION = 1,
    XSG_SHARE_LINE = 256 << 10,  /* bytes of a line that we write: functions are dropped, coldest
                                    first, and the line says how many */
    XSG_SHARE_LONGEST = 1 << 20, /* bytes of a line that we read */
    XSG_SHARE_TEXT = 500,        /* bytes of a text about the run; what is longer is cut */
    XSG_SHARE_NAME = 4000,       /* bytes of a function's name or file; longer ones are dropped */
    XSG_SHARE_UNIT = 64          /* bytes of a metric's or a unit's name */
};
#define XSG_SHARE_VALUE 1e300 /* no value is larger */

/* Appends the line without its end. Neither values nor commands are in it. */
void xsg_share_write(struct xsg_buf *out, const struct xsg_run *run, const char *uid);

/* Reads line[0 .. n), which a note has on the commit oid. now: seconds since the epoch; what claims
 * to be from later is refused. XSG_EINVAL says why; XSG_ENOTFOUND: it is of a newer xsgate. */
int xsg_share_read(struct xsg_arena *arena, const char *line, size_t n, const char *oid,
                   int64_t now, struct xsg_shared_run *shared, struct xsg_err *err);

/* ---- with the others: share.c ---- */

struct xsg_share_options {
    const char *remote; /* NULL: "origin", or the only one */
    struct xsg_git_limits limits;
    const struct xsg_clock *clock;
};

struct xsg_share_result {
    const char *remote;
    size_t added;     /* runs that are there (push) or here (fetch) since now */
    size_t known;     /* that were there before */
    size_t newer;     /* lines of a newer xsgate, left alone */
    size_t refused;   /* lines and notes that are no records */
    char reason[200]; /* why the first of them was refused; "" */
    size_t attempts;  /* to push: others were faster in between */
};

/* Adds the runs of the store that the remote's notes lack. Others may push at the same time: what
 * they wrote stays. XSG_EBUSY: they were faster too many times. */
int xsg_share_push(struct xsg_git *git, struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_share_options *options, struct xsg_share_result *result,
                   struct xsg_err *err);
/* Adds the remote's runs to the store, as shared ones. */
int xsg_share_fetch(struct xsg_git *git, struct xsg_store *store, struct xsg_arena *arena,
                    const struct xsg_share_options *options, struct xsg_share_result *result,
                    struct xsg_err *err);

#endif
