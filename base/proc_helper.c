/*
 * Why a helper: the kernel counts the memory that a forked child shares with its parent, up to
 * exec, in the child's peak RSS, and copying its page tables in the child's CPU time. Forked from a
 * gate that holds 300 MB, /bin/true "needs" 300 MB and 5 ms of system time. Forked from a helper
 * that was itself forked at the beginning of main, it needs what it needs, run after run.
 */
#include "base/proc_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/proc.h"

static int helper_fd = -1; /* our end of the connection to the helper */

/* ---- a watch as bytes: these numbers, then the strings, each with its NUL ---------------------
 */

struct packed {
    uint32_t n_paths, n_argv, n_env;
    int32_t pin_cpu;
    uint8_t own_group, has_cwd, has_meet;
};

enum { FD_CONTROL, FD_PACK, FD_MEET, FD_STREAMS, N_FDS = FD_STREAMS + 3 };

static uint32_t pack_strings(struct xsg_buf *out, char *const *strings)
{
    uint32_t n = 0;
    for (; strings[n]; n++)
        xsg_buf_put(out, strings[n], strlen(strings[n]) + 1);
    return n;
}

/* Strings that lie one behind the other from *p, as a NULL-terminated array. */
static char **unpack_strings(struct xsg_arena *arena, char **p, uint32_t n)
{
    char **strings = XSG_NEW_ARRAY(arena, char *, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        strings[i] = *p;
        *p += strlen(*p) + 1;
    }
    return strings;
}

/* The packed watch in an anonymous file, or -1. */
static int pack(const struct xsg_watch *watch)
{
    struct xsg_buf strings = XSG_BUF_INIT;
    struct packed head = {.pin_cpu = watch->pin_cpu,
                          .own_group = watch->own_group,
                          .has_cwd = watch->cwd != NULL,
                          .has_meet = watch->meet >= 0};
    head.n_paths = pack_strings(&strings, watch->paths);
    head.n_argv = pack_strings(&strings, watch->argv);
    head.n_env = pack_strings(&strings, watch->env);
    if (watch->cwd)
        xsg_buf_put(&strings, watch->cwd, strlen(watch->cwd) + 1);
    int fd = memfd_create("xsgate-launch", MFD_CLOEXEC);
    struct xsg_buf all = XSG_BUF_INIT;
    xsg_buf_put(&all, &head, sizeof head);
    xsg_buf_put(&all, xsg_buf_str(&strings), strings.len);
    for (size_t done = 0; fd >= 0 && done < all.len;) {
        ssize_t put = write(fd, all.data + done, all.len - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            close(fd);
            fd = -1;
            break;
        }
        done += (size_t)put;
    }
    xsg_buf_release(&all);
    xsg_buf_release(&strings);
    return fd;
}

/* In the fork that becomes the watcher. The bytes are our own: written by this program's other
 * half. */
__attribute__((noreturn)) static void watch_packed(const int fds[N_FDS])
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct stat st;
    if (fstat(fds[FD_PACK], &st) != 0)
        _exit(1);
    char *bytes =
        mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[FD_PACK], 0);
    if (bytes == MAP_FAILED)
        _exit(1);
    struct packed head;
    memcpy(&head, bytes, sizeof head);
    char *p = bytes + sizeof head;
    struct xsg_watch watch = {.pin_cpu = head.pin_cpu,
                              .own_group = head.own_group,
                              .control = fds[FD_CONTROL],
                              .meet = head.has_meet ? fds[FD_MEET] : -1};
    memcpy(watch.streams, fds + FD_STREAMS, sizeof watch.streams);
    watch.paths = unpack_strings(&arena, &p, head.n_paths);
    watch.argv = unpack_strings(&arena, &p, head.n_argv);
    watch.env = unpack_strings(&arena, &p, head.n_env);
    watch.cwd = head.has_cwd ? p : NULL;
    close(fds[FD_PACK]);
    xsg_watch_run(&watch);
}

/* ---- the helper ----------------------------------------------------------------------------- */

union fd_message {
    struct cmsghdr header;
    char space[CMSG_SPACE(N_FDS * sizeof(int))];
};

/* One request: its descriptors; those that it does not bring are -1. False when the caller is gone.
 */
static bool receive(int connection, int fds[N_FDS])
{
    char byte;
    union fd_message control;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    ssize_t got;
    do
        got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    for (int i = 0; i < N_FDS; i++)
        fds[i] = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int) * N_FDS))
        memcpy(fds, CMSG_DATA(header), sizeof(int) * N_FDS);
    return true;
}

__attribute__((noreturn)) static void serve(int connection)
{
    int fds[N_FDS];
    sigset_t all;
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* ends with the caller's connection, not with Ctrl-C */
    sigaction(SIGCHLD, &action, NULL);    /* watchers report to the caller; nobody waits for them */
    while (receive(connection, fds)) {
        if (fds[FD_CONTROL] >= 0 && fork() == 0)
            watch_packed(fds);
        /* If there was no fork, the caller sees the end of its connection. */
        for (int i = 0; i < N_FDS; i++) {
            if (fds[i] >= 0)
                close(fds[i]);
        }
    }
    _exit(0);
}

int xsg_proc_start_helper(struct xsg_err *err)
{
    int pair[2];
    if (helper_fd >= 0)
        return XSG_OK;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return xsg_fail(err, XSG_EFAILED, "cannot make a socket: %s", xsg_system_reason(errno));
    pid_t pid = fork();
    if (pid < 0) {
        int reason = errno;
        close(pair[0]);
        close(pair[1]);
        return xsg_fail(err, XSG_EFAILED, "cannot start another process: %s",
                        xsg_system_reason(reason));
    }
    if (pid == 0) {
        close(pair[0]);
        serve(pair[1]);
    }
    close(pair[1]);
    helper_fd = pair[0];
    return XSG_OK;
}

bool xsg_helper_launch(const struct xsg_watch *watch)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    if (helper_fd < 0)
        return false;
    /* The helper's folder is the one where the program began; ours may have changed since. */
    struct xsg_watch moved = *watch;
    moved.cwd = xsg_path_absolute(&arena, watch->cwd ? watch->cwd : ".");
    int fds[N_FDS] = {[FD_CONTROL] = watch->control, [FD_PACK] = pack(&moved)};
    /* A message has them all: one that is not there is another once more. */
    fds[FD_MEET] = watch->meet >= 0 ? watch->meet : watch->control;
    /* Its streams are those of the beginning, too. */
    for (int i = 0; i < 3; i++)
        fds[FD_STREAMS + i] = watch->streams[i] >= 0 ? watch->streams[i] : i;
    union fd_message control = {.space = {0}};
    char byte = 'L';
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(header), fds, sizeof fds);
    bool sent = fds[FD_PACK] >= 0 && sendmsg(helper_fd, &message, MSG_NOSIGNAL) == 1;
    if (fds[FD_PACK] >= 0)
        close(fds[FD_PACK]);
    xsg_arena_release(&arena);
    return sent;
}
