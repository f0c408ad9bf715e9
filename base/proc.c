#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc_helper.h"
#include "base/proc_watch.h"

extern char **environ;

enum { LOOK_EVERY_MS = 100, PIPE_SIZE = 1024 * 1024 };

/* ---- output: a head, and a ring for the tail ------------------------------------------------- */

struct capture {
    size_t keep;
    char *head, *ring; /* malloc'ed: the arena gets what is left at the end */
    size_t head_n;
    uint64_t total;
};

static void capture_put(struct capture *c, const char *data, size_t n)
{
    size_t to_head = c->keep - c->head_n < n ? c->keep - c->head_n : n;
    if (to_head > 0)
        memcpy(c->head + c->head_n, data, to_head);
    c->head_n += to_head;
    c->total += to_head;
    data += to_head;
    n -= to_head;
    /* Of what is longer than the ring, only the end would stay. */
    if (n > c->keep) {
        c->total += n - c->keep;
        data += n - c->keep;
        n = c->keep;
    }
    while (n > 0) {
        size_t at = (size_t)((c->total - c->head_n) % c->keep);
        size_t part = c->keep - at < n ? c->keep - at : n;
        memcpy(c->ring + at, data, part);
        c->total += part;
        data += part;
        n -= part;
    }
}

static void capture_finish(struct xsg_arena *arena, const struct capture *c,
                           struct xsg_proc_result *result)
{
    result->output_total = c->total;
    result->output_head_n = c->head_n;
    result->output_head = xsg_alloc(arena, c->head_n + 1, 1);
    memcpy(result->output_head, c->head, c->head_n);
    uint64_t rest = c->total - c->head_n;
    size_t n = rest < c->keep ? (size_t)rest : c->keep;
    size_t start = rest > c->keep ? (size_t)(rest % c->keep) : 0;
    result->output_tail_n = n;
    result->output_tail = xsg_alloc(arena, n + 1, 1);
    memcpy(result->output_tail, c->ring + start, n - start);
    memcpy(result->output_tail + n - start, c->ring, start);
}

/* Reads what is there, at most limit bytes. False at the end of the pipe. */
static bool drain(int fd, struct capture *c, size_t limit)
{
    static _Thread_local char chunk[65536];
    while (limit > 0) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0; /* EAGAIN: the pipe is empty, not ended */
        capture_put(c, chunk, (size_t)got);
        limit -= (size_t)got < limit ? (size_t)got : limit;
    }
    return true;
}

/* ---- starting ------------------------------------------------------------------------------- */

static const char *find_env(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++) {
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    }
    return NULL;
}

/* Where the program may be: itself when it has a slash, else in each folder of the child's PATH. */
static char **candidate_paths(struct xsg_arena *arena, const char *name, char *const *env)
{
    size_t n = 0, cap = 0;
    char **paths = NULL;
    const char *path = find_env(env, "PATH");
    if (strchr(name, '/') || !*name) {
        paths = XSG_NEW_ARRAY(arena, char *, 2);
        paths[0] = xsg_strdup(arena, name);
        return paths;
    }
    for (const char *p = path ? path : "/usr/local/bin:/usr/bin:/bin";;) {
        size_t len = strcspn(p, ":");
        paths = xsg_grow(arena, paths, &cap, n + 2, sizeof *paths);
        paths[n++] = xsg_path_join(arena, len ? xsg_strndup(arena, p, len) : ".", name);
        paths[n] = NULL;
        if (p[len] == '\0')
            return paths;
        p += len + 1;
    }
}

static char **copy_strings(struct xsg_arena *arena, const char *const *strings)
{
    size_t n = 0;
    while (strings[n])
        n++;
    char **copy = XSG_NEW_ARRAY(arena, char *, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = xsg_strdup(arena, strings[i]);
    return copy;
}

/* What belongs to one run. */
struct run {
    const struct xsg_proc_spec *spec;
    struct xsg_proc_result *result;
    struct xsg_watch watch;
    struct capture capture;
    int control; /* our end; -1 when closed */
    int output;  /* reading end; -1 when ended or not captured */
    pid_t watcher;
    bool asked_to_end; /* SIGTERM was asked for */
    bool asked_to_die;
    int64_t deadline, kill_at; /* monotonic ns, INT64_MAX: none */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_streams(struct run *run, struct xsg_err *err)
{
    int pair[2], fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return xsg_fail(err, XSG_EFAILED, "cannot make a socket: %s", xsg_system_reason(errno));
    run->control = pair[0];
    run->watch.control = pair[1];
    if (run->spec->pass_output)
        return XSG_OK;
    struct stat st;
    run->watch.streams[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (run->watch.streams[0] < 0 || fstat(run->watch.streams[0], &st) != 0)
        return xsg_fail(err, XSG_EFAILED, "cannot open /dev/null: %s", xsg_system_reason(errno));
    /* Tools that replace their output file turn it into a file when root lets them. */
    if (!S_ISCHR(st.st_mode))
        return xsg_fail(err, XSG_EFAILED, "/dev/null is not a device: somebody replaced it");
    if (pipe2(fds, O_CLOEXEC) != 0)
        return xsg_fail(err, XSG_EFAILED, "cannot make a pipe: %s", xsg_system_reason(errno));
    run->output = fds[0];
    run->watch.streams[1] = run->watch.streams[2] = fds[1];
    /* Only our end: the file status flags of the child's own must stay as programs expect them. */
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE); /* fewer stops of a target that prints a lot */
    size_t keep = run->spec->keep_output;
    run->capture.keep = keep;
    run->capture.head = malloc(keep + 1);
    run->capture.ring = malloc(keep + 1);
    if (!run->capture.head || !run->capture.ring)
        xsg_out_of_memory(keep);
    return XSG_OK;
}

/* The child's ends; both output streams are one pipe. */
static void close_child_ends(struct run *run)
{
    close_fd(&run->watch.control);
    close_fd(&run->watch.streams[0]);
    close_fd(&run->watch.streams[1]);
    run->watch.streams[2] = -1;
}

static int start_watcher(struct run *run, struct xsg_err *err)
{
    sigset_t all, before;
    int reason = 0;
    if (!xsg_helper_launch(&run->watch)) {
        sigfillset(&all);
        /* No handler of ours may run in the watcher. */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        run->watcher = fork();
        if (run->watcher == 0)
            xsg_watch_run(&run->watch);
        reason = run->watcher < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    close_child_ends(run);
    if (reason)
        return xsg_fail(err, XSG_EFAILED, "cannot start another process: %s",
                        xsg_system_reason(reason));
    return XSG_OK;
}

static int explain_failure(const struct run *run, const struct xsg_watch_report *report,
                           struct xsg_err *err)
{
    const char *name = run->spec->argv[0];
    bool has_path = strchr(name, '/') != NULL;
    if (report->stage == XSG_WATCH_CHDIR)
        return xsg_fail(err, XSG_EFAILED, "cannot change to the folder '%s': %s",
                        run->spec->cwd ? run->spec->cwd : ".", xsg_system_reason(report->error));
    if (report->stage == XSG_WATCH_EXEC && report->error == ENOENT && !has_path)
        return xsg_fail(err, XSG_EFAILED, "cannot start '%s': it is in no folder of PATH", name);
    if (report->stage == XSG_WATCH_EXEC && report->error == ENOENT && !run->spec->cwd &&
        xsg_is_file(name))
        return xsg_fail(err, XSG_EFAILED,
                        "cannot start '%s': the interpreter or loader that it names does not exist",
                        name);
    if (report->error == ENOEXEC)
        return xsg_fail(err, XSG_EFAILED,
                        "cannot start '%s': it is neither a program for this machine nor a script "
                        "that begins with #!",
                        name);
    return xsg_fail(err, XSG_EFAILED, "cannot start '%s': %s", name,
                    xsg_system_reason(report->error));
}

/* ---- while it runs -------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    return xsg_system_clock.monotonic_ns(xsg_system_clock.arg);
}

static int64_t after(double seconds)
{
    return seconds > 1e9 ? INT64_MAX : now_ns() + (int64_t)(seconds * 1e9);
}

static void command(const struct run *run, char what)
{
    send(run->control, &what, 1, MSG_NOSIGNAL); /* a watcher that is gone shows in the next recv */
}

static bool is_raised(volatile const int *flag)
{
    return flag && __atomic_load_n(flag, __ATOMIC_RELAXED);
}

/* SIGTERM when time is up or the user asks to stop, SIGKILL when that did not help. */
static void check_limits(struct run *run)
{
    if (!run->asked_to_end) {
        bool stop = is_raised(run->spec->interrupt) || is_raised(run->spec->cancel);
        if (!stop && now_ns() < run->deadline)
            return;
        run->result->interrupted = stop;
        run->result->timed_out = !stop;
        run->asked_to_end = true;
        run->kill_at = after(run->spec->grace_s > 0 ? run->spec->grace_s : 2);
        command(run, XSG_WATCH_TERM);
    } else if (!run->asked_to_die && now_ns() >= run->kill_at) {
        run->asked_to_die = true;
        command(run, XSG_WATCH_KILL);
    }
}

static int wait_ms(const struct run *run)
{
    int64_t next = run->asked_to_end ? run->kill_at : run->deadline;
    int64_t left = next == INT64_MAX || run->asked_to_die ? INT64_MAX : next - now_ns();
    if (left > (int64_t)LOOK_EVERY_MS * 1000000)
        return LOOK_EVERY_MS;
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

/* The watcher's next report; false when it is gone without one. */
static bool next_report(struct run *run, struct xsg_watch_report *report)
{
    for (;;) {
        check_limits(run);
        struct pollfd fds[] = {{.fd = run->control, .events = POLLIN},
                               {.fd = run->output, .events = POLLIN}};
        if (poll(fds, 2, wait_ms(run)) < 0)
            continue;
        if (fds[1].revents && !drain(run->output, &run->capture, PIPE_SIZE))
            close_fd(&run->output);
        if (fds[0].revents)
            return recv(run->control, report, sizeof *report, 0) == (ssize_t)sizeof *report;
    }
}

static int64_t timeval_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

static void take_end(const struct xsg_watch_report *report, struct xsg_proc_result *result)
{
    bool exited = WIFEXITED(report->status);
    result->exit_status = exited ? WEXITSTATUS(report->status) : -1;
    result->signal = exited ? 0 : WTERMSIG(report->status);
    result->wall_ns = report->wall_ns;
    result->queued_ns = report->queued_ns;
    result->leftovers = report->leftovers;
    result->user_ns = timeval_ns(report->usage.ru_utime);
    result->system_ns = timeval_ns(report->usage.ru_stime);
    result->peak_rss = (int64_t)report->usage.ru_maxrss * 1024;
    result->minor_faults = report->usage.ru_minflt;
    result->major_faults = report->usage.ru_majflt;
    result->voluntary_switches = report->usage.ru_nvcsw;
    result->involuntary_switches = report->usage.ru_nivcsw;
}

static int follow(struct run *run, struct xsg_err *err)
{
    struct xsg_watch_report report;
    bool alive = next_report(run, &report);
    if (alive && report.kind == XSG_WATCH_FAILED)
        return explain_failure(run, &report, err);
    if (alive) {
        run->result->started = true;
        alive = next_report(run, &report);
    }
    if (!alive)
        return xsg_fail(err, XSG_EFAILED, "'%s' was lost: its watching process was killed",
                        run->spec->argv[0]);
    /* All that it wrote is in the pipe; one that still holds the pipe open is not waited for. */
    if (run->output >= 0)
        drain(run->output, &run->capture, 4 * (size_t)PIPE_SIZE);
    take_end(&report, run->result);
    return XSG_OK;
}

int xsg_proc_meeting(int ends[2], struct xsg_err *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return xsg_fail(err, XSG_EFAILED, "cannot make a socket: %s", xsg_system_reason(errno));
    return XSG_OK;
}

int xsg_proc_run(struct xsg_arena *arena, const struct xsg_proc_spec *spec,
                 struct xsg_proc_result *result, struct xsg_err *err)
{
    *result = (struct xsg_proc_result){.exit_status = -1};
    if (is_raised(spec->interrupt) || is_raised(spec->cancel)) {
        result->interrupted = true;
        return XSG_OK;
    }
    struct run run = {.spec = spec, .result = result, .control = -1, .output = -1, .watcher = -1};
    run.watch = (struct xsg_watch){.cwd = spec->cwd,
                                   .pin_cpu = spec->pin_cpu,
                                   .own_group = !spec->pass_output,
                                   .streams = {-1, -1, -1},
                                   .control = -1,
                                   .meet = spec->meet > 0 ? spec->meet : -1};
    run.watch.argv = copy_strings(arena, spec->argv);
    run.watch.env = spec->env ? copy_strings(arena, spec->env) : environ;
    run.watch.paths = candidate_paths(arena, spec->argv[0], run.watch.env);
    run.deadline = spec->timeout_s > 0 ? after(spec->timeout_s) : INT64_MAX;
    run.kill_at = INT64_MAX;

    int rc = open_streams(&run, err);
    if (rc)
        goto out;
    rc = start_watcher(&run, err);
    if (rc)
        goto out;
    rc = follow(&run, err);
    if (!spec->pass_output)
        capture_finish(arena, &run.capture, result);
out:
    close_fd(&run.control); /* a watcher that still runs kills the child now */
    close_child_ends(&run);
    close_fd(&run.output);
    while (run.watcher > 0 && waitpid(run.watcher, NULL, 0) < 0 && errno == EINTR)
        ;
    free(run.capture.head);
    free(run.capture.ring);
    return rc;
}
