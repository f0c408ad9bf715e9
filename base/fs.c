/* Paths and folders. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *xsg_system_reason(int error_number)
{
    switch (error_number) {
    case ENOSPC:
        return "the disk is full";
    case EDQUOT:
        return "the disk quota is used up";
    case EROFS:
        return "the file system is read-only";
    case ENOENT:
        return "there is no such file or folder";
    case EACCES:
    case EPERM:
        return "permission denied";
    default:
        return strerror(error_number);
    }
}

char *xsg_path_join(struct xsg_arena *arena, const char *a, const char *b)
{
    if (*b == '/' || *a == '\0')
        return xsg_strdup(arena, b);
    size_t n = strlen(a);
    return xsg_printf(arena, "%s%s%s", a, a[n - 1] == '/' || !*b ? "" : "/", b);
}

char *xsg_path_absolute(struct xsg_arena *arena, const char *path)
{
    char cwd[PATH_MAX];
    if (*path != '/' && getcwd(cwd, sizeof cwd))
        path = xsg_path_join(arena, cwd, path);
    /* The result is never longer: each part is copied once or taken back. */
    char *out = xsg_alloc(arena, strlen(path) + 2, 1);
    size_t n = 0;
    while (*path) {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (part > 0 && !(part == 1 && path[0] == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, part);
            n += part;
        }
        path += part + (path[part] == '/');
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

const char *xsg_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *xsg_path_dir(struct xsg_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xsg_strdup(arena, ".");
    while (slash > path && slash[-1] == '/')
        slash--;
    return slash == path ? xsg_strdup(arena, "/")
                         : xsg_strndup(arena, path, (size_t)(slash - path));
}

bool xsg_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool xsg_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int xsg_mkdirs(const char *path, struct xsg_err *err)
{
    char *copy = strdup(path);
    if (!copy)
        return xsg_fail(err, XSG_ENOMEM, "out of memory");
    int rc = XSG_OK;
    for (char *p = copy;;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        bool last = *p == '\0';
        *p = '\0';
        int reason = *copy && mkdir(copy, 0777) != 0 ? errno : 0;
        if (reason && !xsg_is_dir(copy)) {
            const char *why = reason == EEXIST || reason == ENOTDIR ? "a file is in its place"
                                                                    : xsg_system_reason(reason);
            rc = xsg_fail(err, XSG_EFAILED, "cannot make the folder '%s': %s", copy, why);
            break;
        }
        if (last)
            break;
        *p++ = '/';
    }
    free(copy);
    return rc;
}

enum { DEEPEST_TREE = 256 };

static int open_dir_at(int dir, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, flags);
    return fd;
}

/* Empties the folder behind fd and closes it. 0 or an errno. */
static int empty_dir(int fd, int depth)
{
    DIR *dir = depth < DEEPEST_TREE ? fdopendir(fd) : NULL;
    if (!dir) {
        int reason = depth < DEEPEST_TREE ? errno : ELOOP;
        close(fd);
        return reason;
    }
    int reason = 0;
    struct dirent *entry;
    fchmod(fd,
           0700); /* some builds leave read-only folders behind; if it fails, unlinkat says so */
    while (reason == 0 && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            reason = errno;
            break;
        }
        int child = open_dir_at(fd, name);
        reason = child < 0 ? errno : empty_dir(child, depth + 1);
        if (reason == 0 && unlinkat(fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            reason = errno;
    }
    closedir(dir);
    return reason;
}

int xsg_remove_tree(const char *path, struct xsg_err *err)
{
    struct stat st;
    int reason = 0;
    if (lstat(path, &st) != 0) {
        reason = errno;
    } else if (!S_ISDIR(st.st_mode)) {
        reason = unlink(path) == 0 ? 0 : errno;
    } else {
        int fd = open_dir_at(AT_FDCWD, path);
        reason = fd < 0 ? errno : empty_dir(fd, 0);
        if (reason == 0 && rmdir(path) != 0)
            reason = errno;
    }
    if (reason == 0 || reason == ENOENT)
        return XSG_OK;
    return xsg_fail(err, XSG_EFAILED, "cannot remove '%s': %s", path, xsg_system_reason(reason));
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int xsg_list_dir(struct xsg_arena *arena, const char *path, char ***names, size_t *n,
                 struct xsg_err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return xsg_fail(err, errno == ENOENT ? XSG_ENOTFOUND : XSG_EFAILED,
                        "cannot read the folder '%s': %s", path, xsg_system_reason(errno));
    size_t cap = 0, found = 0;
    char **list = NULL;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        list = xsg_grow(arena, list, &cap, found + 1, sizeof *list);
        list[found++] = xsg_strdup(arena, entry->d_name);
    }
    int reason = errno;
    closedir(dir);
    if (reason)
        return xsg_fail(err, XSG_EFAILED, "cannot read the folder '%s': %s", path,
                        xsg_system_reason(reason));
    if (found > 0)
        qsort(list, found, sizeof *list, by_bytes);
    *names = list;
    *n = found;
    return XSG_OK;
}

int xsg_temp_dir(struct xsg_arena *arena, const char *dir, char **path, struct xsg_err *err)
{
    if (!dir)
        dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/tmp";
    *path = xsg_path_join(arena, dir, "xsgate-XXXXXX");
    if (!mkdtemp(*path))
        return xsg_fail(err, XSG_EFAILED, "cannot make a temporary folder in '%s': %s", dir,
                        xsg_system_reason(errno));
    return XSG_OK;
}
