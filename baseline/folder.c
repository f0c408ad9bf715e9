#include "baseline/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

int xsg_folder_make(const char *path, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    int rc = xsg_mkdirs(path, err);
    if (rc == XSG_OK && strcmp(xsg_path_base(path), ".xsgate") == 0) {
        const char *name = xsg_path_join(&arena, path, ".gitignore");
        /* O_EXCL: a file that the user wrote stays, and of two processes one writes. */
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            if (write(fd, "*\n", 2) != 2)
                rc = xsg_fail(err, XSG_EFAILED, "cannot write '%s': %s", name,
                              xsg_system_reason(errno));
            close(fd);
            if (rc != XSG_OK)
                unlink(name);
        } else if (errno != EEXIST) {
            rc =
                xsg_fail(err, XSG_EFAILED, "cannot write '%s': %s", name, xsg_system_reason(errno));
        }
    }
    xsg_arena_release(&arena);
    return rc;
}
