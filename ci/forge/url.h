/* URLs of answers: foreign text that decides where a token goes. Pure. */
#ifndef XSG_CI_FORGE_URL_H
#define XSG_CI_FORGE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * "https://host[:port]" of a URL, lower case, with the port written out: the unit within which a
 * token may travel. NULL for anything else than plain http and https: user names, blanks,
 * backslashes, non-ASCII and an empty host are refused, so that nobody reads it differently.
 */
const char *xsg_url_origin(struct xsg_arena *arena, const char *url);
bool xsg_url_same_origin(const char *a, const char *b);
/* Is what is sent to it safe from listeners: https, or this machine itself? */
bool xsg_url_is_private(const char *url);

/* What a Location or a Link means, seen from base: a whole URL, or a path from the host's root.
 * NULL for other forms. */
const char *xsg_url_resolve(struct xsg_arena *arena, const char *base, const char *reference);

/* The target of rel="next" in a Link header (RFC 8288), or NULL. */
const char *xsg_link_next(struct xsg_arena *arena, const char *header);

/* text as one segment of a path: everything but letters, digits and -._~ becomes %XX. */
void xsg_url_put_segment(struct xsg_buf *out, const char *text);

#endif
