/* What the report formats share: the writers' names for the registry, and small pieces of text. */
#ifndef XSG_CI_REPORT_PARTS_H
#define XSG_CI_REPORT_PARTS_H

#include "ci/report/report.h"

void xsg_report_text(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options);
void xsg_report_markdown(struct xsg_buf *out, const struct xsg_comparison *comparison,
                         const struct xsg_report_options *options);
void xsg_report_html(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options);
void xsg_report_junit(struct xsg_buf *out, const struct xsg_comparison *comparison,
                      const struct xsg_report_options *options);
void xsg_report_json(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options);

void xsg_report_github(struct xsg_buf *out, const struct xsg_comparison *comparison,
                       const struct xsg_report_options *options);
void xsg_report_codequality(struct xsg_buf *out, const struct xsg_comparison *comparison,
                            const struct xsg_report_options *options);
void xsg_report_metrics(struct xsg_buf *out, const struct xsg_comparison *comparison,
                        const struct xsg_report_options *options);

/* The delta's row in a word that fits its unit: "slower", "faster", "more", "less", "same" ... */
const char *xsg_report_word(const struct xsg_delta *delta);
/* How many deltas have this verdict (of one target, or of all for NULL). */
size_t xsg_report_count(const struct xsg_comparison *comparison, const char *target,
                        enum xsg_delta_verdict verdict);
/* What the target did as a whole: its time, or what else is judged of it; NULL: not in it. */
const struct xsg_delta *xsg_report_whole(const struct xsg_comparison *comparison,
                                         const char *target);
/* Unclear functions that do not count, of one target or of all for NULL: how many there are, and
 * the rule that they have in common, foreign text; *rule NULL: they have none. */
size_t xsg_report_count_minor(const struct xsg_comparison *comparison, const char *target,
                              const char **rule);
/* A slowdown that fails the gate: not waived, not ignored, not explained by another function. */
bool xsg_report_is_failing(const struct xsg_delta *delta);
/* Slower, but waived, ignored, explained by another function or due to the layout. */
bool xsg_report_is_spared(const struct xsg_delta *delta);
/* Is it a path below the repository's root: relative, no part of it ".."? */
bool xsg_report_is_inside(const char *path);
/* "abc1234567 (main)", "abc1234567 (feature), with local changes". Not escaped. */
void xsg_report_put_commit(struct xsg_buf *out, const struct xsg_commit *commit);

/* The targets of head, then those that only base has: target i, or NULL from the end on. */
const struct xsg_target_run *xsg_report_target(const struct xsg_comparison *comparison, size_t i);

/* How its rounds ran, as a phrase; NULL where that is not known. */
const char *xsg_report_pairing(const struct xsg_target_run *target);

/* Printable text cut to width columns, an ellipsis for what is left out; padded with spaces when
 * pad is set. Of prose the end goes; of a function's name the middle (namespaces begin it, the
 * function ends it); of a path the beginning. */
void xsg_report_put_cell(struct xsg_buf *out, const char *text, size_t width, bool pad);
void xsg_report_put_name(struct xsg_buf *out, const char *text, size_t width, bool pad);
void xsg_report_put_path(struct xsg_buf *out, const char *text, size_t width, bool pad);

/* The lines of a foreign text: what failed says so in the first one, and below it may stand the end
 * of a program's output, each line behind a bar. Takes the next one off *rest, without that bar;
 * false at the end. A writer escapes each and puts no more than XSG_REPORT_LINES of them. */
#define XSG_REPORT_LINES 16
bool xsg_report_next_line(const char **rest, struct xsg_buf *line);

/* Foreign text as XML text or attribute. XML 1.0 has no way to write most control characters, nor
 * text that is not UTF-8: they show as escapes. NULL is "". */
void xsg_report_put_xml(struct xsg_buf *out, const char *text);

#endif
