/* A disk that fails: SQLite's default file system, with the n-th operation going wrong. */
#ifndef XSG_TESTS_FAULT_VFS_H
#define XSG_TESTS_FAULT_VFS_H

#include <stdbool.h>

void fault_vfs_install(void);
/* The n-th open, write, sync, truncation, deletion or growth from now fails with an SQLite code
 * (and all later ones too, when forever); n = 0: none. */
void fault_vfs_fail_at(long n, int code, bool forever);
/* Did one fail since the last call of fault_vfs_fail_at? */
bool fault_vfs_has_failed(void);

#endif
