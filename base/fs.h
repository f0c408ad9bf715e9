/* Files and folders. Paths are NUL-terminated bytes. Errors name the path and the system's reason.
 */
#ifndef XSG_BASE_FS_H
#define XSG_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Like strerror, in the words that a user of a gate needs: "the disk is full". */
const char *xsg_system_reason(int error_number);

char *xsg_path_join(struct xsg_arena *arena, const char *a, const char *b); /* absolute b wins */
char *xsg_path_absolute(struct xsg_arena *arena, const char *path);         /* lexical, from cwd */
const char *xsg_path_base(const char *path);                   /* part after last '/' */
char *xsg_path_dir(struct xsg_arena *arena, const char *path); /* "." when there is none */

bool xsg_is_file(const char *path);
bool xsg_is_dir(const char *path);
int xsg_mkdirs(const char *path, struct xsg_err *err); /* like mkdir -p */
/* Removes a tree; never follows links; absent is fine. */
int xsg_remove_tree(const char *path, struct xsg_err *err);

/* Reads at most limit bytes; a longer file is an error, not a truncation. NUL-terminated. */
int xsg_read_file(struct xsg_arena *arena, const char *path, size_t limit, char **data, size_t *n,
                  struct xsg_err *err);
/* Writes to a temporary file beside path, fsyncs, renames: whole or not at all. "-" is stdout. */
int xsg_write_file(const char *path, const void *data, size_t n, struct xsg_err *err);

/* Names in a folder, sorted bytewise, without "." and "..". */
int xsg_list_dir(struct xsg_arena *arena, const char *path, char ***names, size_t *n,
                 struct xsg_err *err);

/* A fresh folder from a template below dir: "xsgate-XXXXXX". */
int xsg_temp_dir(struct xsg_arena *arena, const char *dir, char **path, struct xsg_err *err);

/* An advisory lock on a file (flock), released by close or by the process's death. */
int xsg_lock_file(const char *path, bool wait, int *fd, struct xsg_err *err); /* XSG_EBUSY */
void xsg_unlock_file(int fd);

#endif
