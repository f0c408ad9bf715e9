/* The folder .xsgate, where the store and the checkouts live. Private to this room. */
#ifndef XSG_BASELINE_FOLDER_H
#define XSG_BASELINE_FOLDER_H

#include "base/error.h"

/* Makes the folder; one named .xsgate gets a .gitignore of "*" so that git never sees it. */
int xsg__folder_make(const char *path, struct xsg_err *err);

#endif
