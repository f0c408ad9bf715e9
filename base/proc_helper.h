/* A process that forks watchers on the caller's behalf. For base/proc.c only. */
#ifndef XSG_BASE_PROC_HELPER_H
#define XSG_BASE_PROC_HELPER_H

#include <stdbool.h>

#include "base/proc_watch.h"

/* Hands the watch to the helper; false when there is none, and the caller must fork by itself. */
bool xsg_helper_launch(const struct xsg_watch *watch);

#endif
