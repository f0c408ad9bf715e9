/* The runner's files: step summary and step outputs. No network. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/rng.h"
#include "ci/forge/forge.h"

#define SUMMARY_LIMIT ((off_t)1024 * 1024) /* of a step; beyond it the whole upload is dropped */

/* Opens for appending, and says how long the file is and whether its last line has an end. */
static int open_end(const char *path, off_t *size, bool *whole_line, struct xsg_err *err)
{
    struct stat status;
    char last = '\n';
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0 || fstat(fd, &status) != 0) {
        xsg_fail(err, XSG_EFAILED, "'%s' cannot be written: %s", path, xsg_system_reason(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *size = status.st_size;
    if (status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) != 1)
        last = '\0';
    *whole_line = last == '\n';
    return fd;
}

/* A file that took only a part gets its old length back: half a table breaks all that follows. */
static int append(int fd, off_t size, const struct xsg_buf *text, const char *path,
                  struct xsg_err *err)
{
    size_t done = 0;

    while (done < text->len) {
        ssize_t n = write(fd, text->data + done, text->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int reason = n < 0 ? errno : ENOSPC;
            if (ftruncate(fd, size) != 0)
                reason = errno;
            return xsg_fail(err, XSG_EFAILED, "'%s' cannot be written: %s", path,
                            xsg_system_reason(reason));
        }
        done += (size_t)n;
    }
    return 0;
}

int xsg_forge_summary(const struct xsg_forge_context *context, const char *markdown, size_t n,
                      struct xsg_err *err)
{
    const char *path = context->summary_path;
    struct xsg_buf text = XSG_BUF_INIT;
    bool whole_line;
    off_t size;
    int fd, rc = 0;

    if (!path)
        return 0;
    fd = open_end(path, &size, &whole_line, err);
    if (fd < 0)
        return XSG_EFAILED;
    if (size > 0)
        xsg_buf_puts(&text, whole_line ? "\n" : "\n\n");
    xsg_buf_put(&text, markdown, n);
    xsg_buf_putc(&text, '\n');
    if (size > SUMMARY_LIMIT || (off_t)text.len > SUMMARY_LIMIT - size)
        rc = xsg_fail(err, XSG_EFAILED,
                      "the step's summary would pass 1 MiB, and the forge would drop all of it");
    else
        rc = append(fd, size, &text, path, err);
    close(fd);
    xsg_buf_release(&text);
    return rc;
}

/* A line that the value does not contain. */
static void make_delimiter(char out[40], const char *value)
{
    do
        snprintf(out, 40, "xsgate_%016llx%016llx", (unsigned long long)xsg_rng_seed_from_system(),
                 (unsigned long long)xsg_rng_seed_from_system());
    while (strstr(value, out));
}

int xsg_forge_output(const struct xsg_forge_context *context, const char *name, const char *value,
                     struct xsg_err *err)
{
    const char *path = context->output_path;
    struct xsg_buf text = XSG_BUF_INIT;
    char delimiter[40];
    bool whole_line;
    off_t size;
    int fd, rc;

    if (!path)
        return 0;
    if (name[0] == '\0' ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
        return xsg_fail(err, XSG_EINVAL, "'%s' is no name for a step's output", name);
    fd = open_end(path, &size, &whole_line, err);
    if (fd < 0)
        return XSG_EFAILED;
    if (!whole_line)
        xsg_buf_putc(&text, '\n');
    if (strpbrk(value, "\r\n")) {
        make_delimiter(delimiter, value);
        xsg_buf_printf(&text, "%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter);
    } else {
        xsg_buf_printf(&text, "%s=%s\n", name, value);
    }
    rc = append(fd, size, &text, path, err);
    close(fd);
    xsg_buf_release(&text);
    return rc;
}
