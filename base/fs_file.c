/* Whole files: reading, replacing, locking. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/rng.h"

int xsg_read_file(struct xsg_arena *arena, const char *path, size_t limit, char **data, size_t *n,
                  struct xsg_err *err)
{
    int rc = XSG_OK;
    struct xsg_buf text = XSG_BUF_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return xsg_fail(err, errno == ENOENT ? XSG_ENOTFOUND : XSG_EFAILED, "cannot read '%s': %s",
                        path, xsg_system_reason(errno));
    /* Read to the end: sizes of files in /proc and of pipes are not known beforehand. */
    for (;;) {
        char chunk[16384];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = xsg_fail(err, XSG_EFAILED, "cannot read '%s': %s", path, xsg_system_reason(errno));
            goto out;
        }
        if (got == 0)
            break;
        if ((size_t)got > limit - text.len) {
            rc = xsg_fail(err, XSG_EINVAL, "'%s' is larger than %zu bytes", path, limit);
            goto out;
        }
        xsg_buf_put(&text, chunk, (size_t)got);
    }
    *data = xsg_alloc(arena, text.len + 1, 1);
    memcpy(*data, xsg_buf_str(&text), text.len);
    *n = text.len;
out:
    xsg_buf_release(&text);
    close(fd);
    return rc;
}

/* 0 or an errno. */
static int write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        data += put;
        n -= (size_t)put;
    }
    return 0;
}

/* Onto what is no regular file (a device, a pipe): it must not be replaced. */
static int write_in_place(const char *path, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int reason = write_all(fd, data, n);
    if (close(fd) != 0 && reason == 0)
        reason = errno;
    return reason;
}

/* Makes the rename itself durable; not every file system can, and then nothing is lost by trying.
 */
static void sync_dir_of(const char *path)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    int fd = open(xsg_path_dir(&arena, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    xsg_arena_release(&arena);
}

static int write_and_rename(const char *path, const char *temporary, mode_t mode, const void *data,
                            size_t n)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int reason = write_all(fd, data, n);
    if (reason == 0 && mode != 0 && fchmod(fd, mode) != 0)
        reason = errno;
    if (reason == 0 && fsync(fd) != 0)
        reason = errno;
    if (close(fd) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && rename(temporary, path) != 0)
        reason = errno;
    if (reason)
        unlink(temporary);
    else
        sync_dir_of(path);
    return reason;
}

int xsg_write_file(const char *path, const void *data, size_t n, struct xsg_err *err)
{
    int reason;
    struct stat st;
    struct xsg_arena arena = XSG_ARENA_INIT;
    if (strcmp(path, "-") == 0) {
        fflush(stdout);
        reason = write_all(STDOUT_FILENO, data, n);
        if (reason)
            return xsg_fail(err, XSG_EFAILED, "cannot write to standard output: %s",
                            xsg_system_reason(reason));
        return XSG_OK;
    }
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) {
        reason = EISDIR;
    } else if (exists && !S_ISREG(st.st_mode)) {
        reason = write_in_place(path, data, n);
    } else {
        char real[PATH_MAX];
        const char *target = exists && realpath(path, real) ? real : path; /* a link stays a link */
        char *temporary = xsg_printf(&arena, "%s.%08lx.tmp", target,
                                     (unsigned long)(xsg_rng_seed_from_system() & 0xffffffffu));
        reason = write_and_rename(target, temporary, exists ? st.st_mode & 07777 : 0, data, n);
    }
    xsg_arena_release(&arena);
    if (reason)
        return xsg_fail(err, XSG_EFAILED, "cannot write '%s': %s", path, xsg_system_reason(reason));
    return XSG_OK;
}

int xsg_lock_file(const char *path, bool wait, int *fd, struct xsg_err *err)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return xsg_fail(err, XSG_EFAILED, "cannot open the lock '%s': %s", path,
                        xsg_system_reason(errno));
    if (flock(file, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) {
        *fd = file;
        return XSG_OK;
    }
    int reason = errno;
    close(file);
    if (reason == EWOULDBLOCK)
        return xsg_fail(err, XSG_EBUSY, "another process holds '%s'", path);
    if (reason == EINTR)
        return xsg_fail(err, XSG_EINTR, "interrupted while waiting for '%s'", path);
    return xsg_fail(err, XSG_EFAILED, "cannot lock '%s': %s", path, xsg_system_reason(reason));
}

void xsg_unlock_file(int fd)
{
    close(fd);
}
