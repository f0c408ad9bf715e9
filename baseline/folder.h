/*
 * The folder .xsgate, where the store and the checkouts live. Not private to this room: with a
 * store elsewhere the first to need it is who measures, whose scratch folders are in it, too.
 */
#ifndef XSG_BASELINE_FOLDER_H
#define XSG_BASELINE_FOLDER_H

#include "base/error.h"

/* Makes the folder; one named .xsgate gets a .gitignore of "*" so that git never sees it. */
int xsg_folder_make(const char *path, struct xsg_err *err);

#endif
