/* An event's payload: JSON by the forge, with text of whoever opened the pull request in it. */
#ifndef XSG_CI_FORGE_EVENT_H
#define XSG_CI_FORGE_EVENT_H

#include "ci/forge/forge.h"

/*
 * Fills the members that the payload of a GitHub event knows; context->event says which event it
 * is. What is missing or not of the expected form stays as it was. XSG_ECORRUPT: no JSON object.
 */
int xsg_forge_read_event(struct xsg_arena *arena, const char *text, size_t n,
                         struct xsg_forge_context *context, struct xsg_err *err);

/* 40 or 64 hex digits, and not all of them zeros. NULL is none. */
bool xsg_forge_is_sha(const char *text);
/* "owner/name" of letters, digits, '.', '_', '-'. NULL is none. */
bool xsg_forge_is_repository(const char *text);
/* A ref's or person's name that is fit for a URL's path or a sentence: no control characters. */
bool xsg_forge_is_plain(const char *text);

#endif
