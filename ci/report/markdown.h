/* The parts of the Markdown report: foreign text made harmless, links, sections of rows. */
#ifndef XSG_CI_REPORT_MARKDOWN_H
#define XSG_CI_REPORT_MARKDOWN_H

#include "ci/report/parts.h"

#define XSG_MARKDOWN_NAME 120 /* columns of a name, a path, a commit's description */
#define XSG_MARKDOWN_TEXT 300 /* columns of prose */

/* Foreign prose that does nothing: no markup, no link, no mention, no reference, no emoji; line
 * ends, control, bidi and zero-width characters show as escapes; cut to width columns. */
void xsg_markdown_put_text(struct xsg_buf *out, const char *text, size_t width);
/* The same for each of its lines; what stands below the first, a program's output, is code. */
void xsg_markdown_put_lines(struct xsg_buf *out, const char *text, size_t width);
/* A foreign name as code, cut in its middle; what is copied from it is the name itself. */
void xsg_markdown_put_code(struct xsg_buf *out, const char *name);
/* path:line, a link when source_url is usable and the path lies in the repository. */
void xsg_markdown_put_source(struct xsg_buf *out, const struct xsg_function *function,
                             const char *source_url);
/* The first ten digits of a commit as code, a link when commit_url is usable. */
void xsg_markdown_put_commit(struct xsg_buf *out, const char *oid, const char *commit_url);
/* [words](url); false and nothing when url is NULL or not usable. words are ours. */
bool xsg_markdown_put_link(struct xsg_buf *out, const char *words, const char *url);

/* "42 s", "12 min", "3 h", rounded up; "-" when unknown. */
void xsg_markdown_put_duration(struct xsg_buf *out, double seconds);

/*
 * The tables: what got slower, what is invalid, then folded what got faster, is undecided, does not
 * count, was added or removed. Nothing is written beyond out->len == limit but sentences that say
 * how many rows did not fit, XSG_MARKDOWN_TAILS bytes at most.
 */
#define XSG_MARKDOWN_TAILS 2048
void xsg_markdown_put_tables(struct xsg_buf *out, const struct xsg_comparison *comparison,
                             const struct xsg_report_options *options, size_t limit);

#endif
