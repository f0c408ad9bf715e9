/*
 * report: a comparison -> text. Pure functions into a buffer. Everything that came from the target
 * or the repository (names, files, output) is hostile and escaped for the format at hand.
 */
#ifndef XSG_CI_REPORT_REPORT_H
#define XSG_CI_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/comparison.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct xsg_report_options {
    int columns;  /* terminal: width; at least 40 is honoured */
    bool color;   /* terminal */
    bool all;     /* also unchanged functions (terminal, markdown) */
    size_t limit; /* markdown: bytes; 0: 65000; at least 16384 is honoured. Rows are dropped whole,
                     counts stay true */
    const char *html; /* where the HTML report lies, for a line of text; may be NULL */

    /* Where the report is read: markdown's links. Ours or the CI system's, not the target's; all
     * may be NULL, then there is no link. */
    const char *id;           /* the gate's id, shown when there are several gates; NULL: one */
    const char *head_sha;     /* the branch's own commit, when a merge of it was measured */
    const char *source_url;   /* of the head commit's files, without trailing slash:
                                 "https://github.com/o/r/blob/SHA" */
    const char *commit_url;   /* of a commit, the oid follows: "https://github.com/o/r/commit" */
    const char *run_url;      /* this CI run's page */
    const char *artifact_url; /* where the HTML report can be downloaded: run_url + "#artifacts" */
};

/* A report format. The table xsg_report_formats is the registry: name -> writer. */
struct xsg_report_format {
    const char *name; /* "text", "markdown", "json", "html", "junit", "github" */
    const char *help;
    void (*write)(struct xsg_buf *out, const struct xsg_comparison *comparison,
                  const struct xsg_report_options *options);
};
extern const struct xsg_report_format xsg_report_formats[];
extern const size_t xsg_n_report_formats;
const struct xsg_report_format *xsg_report_find(const char *name); /* NULL if unknown */

/* The per-function table of one run (show, record), worst first, for a terminal. */
void xsg_report_run(struct xsg_buf *out, const struct xsg_run *run,
                    const struct xsg_report_options *options);

/* Reads a JSON report back (hostile input): all that the contract has. base and head runs are made
 * with commit, environment and targets only; series and trees are the store's business. */
int xsg_report_read_json(struct xsg_arena *arena, const char *text, size_t n,
                         struct xsg_comparison *comparison, struct xsg_err *err);

#endif
