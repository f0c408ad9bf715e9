/*
 * Foreign text on its way into a CI log. GitHub's runner obeys lines of its log that begin with
 * "::", and "##[" anywhere in them; a target's output, a function's name or a commit's subject must
 * not command it. Under GITHUB_ACTIONS text that could is put between "::stop-commands::TOKEN" and
 * "::TOKEN::", with a token that is made for it. Other text, and text elsewhere, stays as it is.
 */
#ifndef XSG_BASE_SHIELD_H
#define XSG_BASE_SHIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

void xsg_put_shielded(struct xsg_buf *out, const char *text, size_t n);

/* Would a runner take something in text for a command? */
bool xsg_has_commands(const char *text, size_t n);

#endif
