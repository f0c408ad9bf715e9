#include "base/proc_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GIVE_UP_MS = 5000, MEET_MS = 3000, HIGHEST_FD = 1024 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the child, up to exec ------------------------------------------------------------------ */

struct failure {
    enum xsg_watch_stage stage;
    int error;
};

__attribute__((noreturn)) static void child_fail(int fd, enum xsg_watch_stage stage, int error)
{
    struct failure failure = {stage, error};
    ssize_t put = write(fd, &failure, sizeof failure);
    _exit(put == (ssize_t)sizeof failure ? 127 : 126);
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL); /* refused for SIGKILL, SIGSTOP and libc's own */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As execvp: the next place is tried when there is nothing here, or nothing that may be run. */
static int exec_first(const struct xsg_watch *watch)
{
    int error = ENOENT;
    for (char **path = watch->paths; *path; path++) {
        execve(*path, watch->argv, watch->env);
        if (errno == EACCES)
            error = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR)
            return errno;
    }
    return error;
}

/* Says "ready", and waits for the other's word or its end; not for ever, should it be stopped. */
static void meet_other(int fd)
{
    struct pollfd other = {.fd = fd, .events = POLLIN};
    if (send(fd, "r", 1, MSG_NOSIGNAL) == 1)
        poll(&other, 1, MEET_MS);
}

__attribute__((noreturn)) static void run_child(const struct xsg_watch *watch, pid_t watcher,
                                                int failure_fd)
{
    /* Dies with its watcher, which nothing but SIGKILL ends early. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != watcher)
        _exit(126);
    if (watch->own_group)
        setpgid(0, 0);
    for (int i = 0; i < 3; i++) {
        if (watch->streams[i] >= 0)
            dup2(watch->streams[i], i);
    }
    if (watch->pin_cpu >= 0 && watch->pin_cpu < CPU_SETSIZE) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)watch->pin_cpu, &cpus);
        sched_setaffinity(0, sizeof cpus, &cpus); /* a wish: containers may refuse it */
    }
    if (watch->cwd && chdir(watch->cwd) != 0)
        child_fail(failure_fd, XSG_WATCH_CHDIR, errno);
    reset_signals();
    if (watch->meet >= 0)
        meet_other(watch->meet);
    child_fail(failure_fd, XSG_WATCH_EXEC, exec_first(watch));
}

/* The child's pid once it runs its program; -1 with *failure when it does not. */
static pid_t start_child(const struct xsg_watch *watch, struct failure *failure)
{
    int fds[2];
    pid_t watcher = getpid();
    *failure = (struct failure){XSG_WATCH_FORK, 0};
    if (pipe2(fds, O_CLOEXEC) != 0) {
        failure->error = errno;
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        run_child(watch, watcher, fds[1]);
    if (pid < 0)
        failure->error = errno;
    else if (watch->own_group)
        setpgid(pid, pid); /* whichever of the two comes first; here so that a kill cannot miss */
    close(fds[1]);
    ssize_t got = pid > 0 ? read(fds[0], failure, sizeof *failure) : 0;
    close(fds[0]);
    if (pid > 0 && got == (ssize_t)sizeof *failure) {
        waitpid(pid, NULL, 0);
        return -1;
    }
    return pid;
}

/* ---- what the child leaves behind ----------------------------------------------------------- */

static bool have_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The parent of a process by its name in /proc, or -1. */
static long parent_of(int proc, const char *pid)
{
    char path[64], text[512];
    size_t n = strlen(pid);
    if (n > 20)
        return -1;
    memcpy(path, pid, n);
    memcpy(path + n, "/stat", 6);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    /* "pid (name) state ppid": the name may hold anything, so the last parenthesis counts. */
    const char *p = strrchr(text, ')');
    if (!p || strlen(p) < 5)
        return -1;
    long parent = 0;
    for (p += 4; *p >= '0' && *p <= '9'; p++)
        parent = parent * 10 + (*p - '0');
    return parent;
}

/* Sends a signal to each child of this process: orphans of the target come here. */
static void signal_children(int signal)
{
    _Alignas(struct dirent64) char buffer[8192];
    pid_t self = getpid();
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long got;
    while (proc >= 0 && (got = syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(buffer + at);
            at += entry->d_reclen;
            long pid = 0;
            for (const char *p = entry->d_name; *p >= '0' && *p <= '9'; p++)
                pid = pid * 10 + (*p - '0');
            if (pid > 1 && parent_of(proc, entry->d_name) == self) {
                kill((pid_t)pid, signal);
                kill((pid_t)pid, SIGCONT);
            }
        }
    }
    if (proc >= 0)
        close(proc);
}

static void signal_all(const struct xsg_watch *watch, pid_t child, int signal)
{
    pid_t group = watch->own_group ? -child : child;
    kill(group, signal);
    kill(group, SIGCONT); /* a stopped process would never see it */
    signal_children(signal);
}

/* Kills and reaps until nobody is left. Killing one hands its children over, hence the loop. */
static int kill_leftovers(void)
{
    int killed = 0;
    int64_t give_up = now_ns() + (int64_t)GIVE_UP_MS * 1000000;
    while (have_children() && now_ns() < give_up) {
        signal_children(SIGKILL);
        siginfo_t info = {0};
        int status;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            break;
        if (info.si_pid == 0) {
            poll(NULL, 0, 1);
            continue;
        }
        if (waitpid(info.si_pid, &status, 0) > 0 && WIFSIGNALED(status) &&
            WTERMSIG(status) == SIGKILL)
            killed++;
    }
    return killed;
}

/* ---- the watcher ---------------------------------------------------------------------------- */

static bool is_needed(const struct xsg_watch *watch, int fd)
{
    return fd == watch->control || fd == watch->streams[0] || fd == watch->streams[1] ||
           fd == watch->streams[2] || fd == watch->meet;
}

/* Keeps nothing of the caller's open: its locks and pipes must end with it, not with the target.
 * What is to be inherited by the child (not close-on-exec) stays when the child is in the caller's
 * group. */
static void close_foreign(const struct xsg_watch *watch)
{
    for (int fd = 3; fd < HIGHEST_FD; fd++) {
        int flags = is_needed(watch, fd) ? -1 : fcntl(fd, F_GETFD);
        if (flags >= 0 && (watch->own_group || (flags & FD_CLOEXEC)))
            close(fd);
    }
    if (watch->own_group)
        syscall(SYS_close_range, HIGHEST_FD, UINT_MAX, 0); /* where there is such a call */
}

static void report(int control, const struct xsg_watch_report *message)
{
    /* A caller that is gone needs no report. */
    send(control, message, sizeof *message, MSG_NOSIGNAL);
}

/* Reaps orphans that ended by themselves; true when the child itself has ended (and is not reaped).
 */
static bool reap_orphans(pid_t child)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return false;
        if (info.si_pid == child)
            return true;
        waitpid(info.si_pid, NULL, 0);
    }
}

/* Until the child ends; passes on what the caller asks for. */
static void watch_child(const struct xsg_watch *watch, int control, int signals, pid_t child)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    while (!reap_orphans(child)) {
        /* Without a signalfd, look every 20 ms. */
        if (poll(fds, 2, signals < 0 ? 20 : -1) < 0)
            continue;
        if (fds[0].revents) {
            struct signalfd_siginfo info;
            ssize_t ignored = read(signals, &info, sizeof info);
            (void)ignored;
        }
        if (fds[1].revents) {
            char command;
            ssize_t got = recv(control, &command, 1, MSG_DONTWAIT);
            if (got == 0 || (got == 1 && command == XSG_WATCH_KILL))
                signal_all(watch, child, SIGKILL);
            else if (got == 1)
                signal_all(watch, child, SIGTERM);
            if (got == 0)
                fds[1].fd = -1; /* the caller is gone; it will not say more */
        }
    }
}

/* The second number of /proc/PID/schedstat: ns that the process was ready to run and had no CPU. It
 * is there until the process is reaped. 0 where the kernel does not count it. */
static int64_t time_queued(pid_t child)
{
    char text[128] = "", digits[16], *p = text;
    int64_t value = 0;
    int n = 0;
    for (pid_t rest = child; rest > 0 && n < (int)sizeof digits; rest /= 10)
        digits[n++] = (char)('0' + rest % 10);
    memcpy(p, "/proc/", 6);
    for (p += 6; n > 0;)
        *p++ = digits[--n];
    memcpy(p, "/schedstat", sizeof "/schedstat");
    int fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    p = strchr(text, ' ');
    for (p = p ? p + 1 : text + strlen(text); *p >= '0' && *p <= '9' && value < INT64_MAX / 16; p++)
        value = value * 10 + (*p - '0');
    return value;
}

void xsg_watch_run(const struct xsg_watch *given)
{
    struct xsg_watch watch = *given;
    struct xsg_watch_report message = {.kind = XSG_WATCH_STARTED};
    struct failure failure;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &action, NULL); /* ignored, the kernel would reap before we look */
    if (watch.own_group)
        setpgid(0, 0); /* survives a SIGKILL of the caller's group, and then cleans up */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    close_foreign(&watch);

    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    int signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);

    int64_t start = now_ns();
    pid_t child = start_child(&watch, &failure);
    if (child < 0) {
        message = (struct xsg_watch_report){
            .kind = XSG_WATCH_FAILED, .stage = failure.stage, .error = failure.error};
        report(watch.control, &message);
        _exit(1);
    }
    for (int i = 0; i < 3; i++) {
        if (watch.streams[i] > 2)
            close(watch.streams[i]);
    }
    if (watch.meet >= 0) {
        close(watch.meet);
        start = now_ns(); /* it has waited for the other */
    }
    report(watch.control, &message);
    watch_child(&watch, watch.control, signals, child);
    message.wall_ns = now_ns() - start;
    message.queued_ns = time_queued(child);

    /* The group goes in one stroke, so that nobody in it can fork away; the child is still unreaped
     * and keeps the group's number from being given to others. */
    if (watch.own_group)
        kill(-child, SIGKILL);
    wait4(child, &message.status, 0, &message.usage);
    message.leftovers = kill_leftovers();
    message.kind = XSG_WATCH_ENDED;
    report(watch.control, &message);
    _exit(0);
}
