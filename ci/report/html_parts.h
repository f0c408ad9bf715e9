/* What the files of the HTML report share. */
#ifndef XSG_CI_REPORT_HTML_PARTS_H
#define XSG_CI_REPORT_HTML_PARTS_H

#include <stdbool.h>

#include <xsgate/comparison.h>

#include "base/buf.h"

#define XSG_HTML_NAME_WIDTH 400 /* columns of a foreign name that are shown */

/* Foreign text for an element or a quoted attribute: cut to width columns, control and bidi
 * characters as visible escapes, and nothing in it is markup. NULL puts nothing. */
void xsg_html_put_text(struct xsg_buf *out, const char *text, size_t width);

/* The same for each of its lines; what stands below the first is a program's output. */
void xsg_html_put_lines(struct xsg_buf *out, const char *text, size_t width);

/* "file:line", the file, the module or nothing. Escaped. */
void xsg_html_put_where(struct xsg_buf *out, const struct xsg_function *function);

/* The table of a target: rows, at most 2000 of them, and a sentence for those left out. */
void xsg_html_put_table(struct xsg_buf *out, const struct xsg_comparison *comparison,
                        const char *target);

/*
 * The flame graph's place and its data, at most 20000 nodes by weight, as JSON in a <script> that
 * the page's own script draws. index tells the trees of one page apart. Without a tree, a sentence.
 */
void xsg_html_put_flame(struct xsg_buf *out, const struct xsg_comparison *comparison, size_t index);

#endif
