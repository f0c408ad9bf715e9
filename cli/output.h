/* Where reports go: --report FORMAT[:FILE], stdout, and the page that every gate leaves behind. */
#ifndef XSG_CLI_OUTPUT_H
#define XSG_CLI_OUTPUT_H

#include <xsgate/comparison.h>

#include "cli/cli.h"

/*
 * Checks every FORMAT[:FILE] before anything is measured. XSG_EINVAL names the nearest format, or
 * says why the file cannot be written; folders on the way to it need not be there.
 */
int xsg_output_check(struct xsg_cli *cli, const struct xsg_strings *reports);

/*
 * Writes all reports. stdout gets the terminal table unless a report without a file takes its
 * place. html_page: where the HTML page is left in any case, or NULL. Folders on the way to a file
 * are made. A report that cannot be written is an error; the others are written all the same.
 */
int xsg_output_write(struct xsg_cli *cli, const struct xsg_comparison *comparison,
                     const struct xsg_strings *reports, const char *html_page);

/* The reports that have a file, of a gate that ended before it could compare: what an earlier one
 * has left there must not be taken for its own. What cannot be written is a warning. */
void xsg_output_write_failed(struct xsg_cli *cli, const struct xsg_comparison *comparison,
                             const struct xsg_strings *reports);

/* Writes the text to file, or to stdout for NULL, and releases it. */
int xsg_output_put(struct xsg_cli *cli, const char *file, struct xsg_buf *out);

#endif
