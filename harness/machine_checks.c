/* What doctor asks the machine. Each check is one function; the table at the end is the list. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "harness/machine.h"

struct context {
    struct xsg_arena *arena;
    const char *folder, *runtime;
};

static const char *read_line(struct context *c, const char *path)
{
    char *text = NULL;
    size_t n = 0;

    if (xsg_read_file(c->arena, path, 65536, &text, &n, NULL) != 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static struct xsg_check check_runtime(struct context *c)
{
    struct xsg_check check = {"runtime library", XSG_CHECK_OK, c->runtime, NULL};

    if (!c->runtime)
        return (struct xsg_check){"runtime library", XSG_CHECK_PROBLEM,
                                  "libxsgate-runtime.so was not found",
                                  "install xsgate whole, or set XSGATE_RUNTIME to its path"};
    if (access(c->runtime, R_OK) != 0) {
        check.state = XSG_CHECK_PROBLEM;
        check.remedy = "it cannot be read: check its permissions";
    }
    return check;
}

static struct xsg_check check_program(struct context *c, const char *name, const char *command,
                                      const char *remedy)
{
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    struct xsg_proc_spec spec = {.argv = argv, .timeout_s = 10, .pin_cpu = -1, .keep_output = 256};
    struct xsg_proc_result result = {0};

    if (xsg_proc_run(c->arena, &spec, &result, NULL) != 0 || result.exit_status != 0)
        return (struct xsg_check){name, XSG_CHECK_NOTE, "not found", remedy};
    return (struct xsg_check){
        name, XSG_CHECK_OK,
        xsg_strndup(c->arena, result.output_head, strcspn(result.output_head, "\n")), NULL};
}

static struct xsg_check check_compiler(struct context *c)
{
    return check_program(c, "compiler", "exec ${CC:-cc} --version",
                         "set CC, or install one; only targets that are built need it");
}

static struct xsg_check check_cores(struct context *c)
{
    struct xsg_environment e;
    struct xsg_check check = {"processor", XSG_CHECK_OK, NULL, NULL};

    xsg_machine_environment(c->arena, &e);
    check.finding = xsg_printf(
        c->arena, "%s, %d usable core%s%s%s", e.cpu_model ? e.cpu_model : "unknown", e.cores,
        e.cores == 1 ? "" : "s", e.virtualization[0] ? ", " : "", e.virtualization);
    if (e.cores < 2) {
        check.state = XSG_CHECK_NOTE;
        check.remedy = "with one core every other process disturbs: expect more rounds";
    }
    return check;
}

static struct xsg_check check_governor(struct context *c)
{
    const char *path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    const char *governor = read_line(c, path);

    if (!governor)
        return (struct xsg_check){"frequency governor", XSG_CHECK_OK, "not adjustable here", NULL};
    if (strcmp(governor, "performance") == 0)
        return (struct xsg_check){"frequency governor", XSG_CHECK_OK, governor, NULL};
    return (struct xsg_check){"frequency governor", XSG_CHECK_NOTE, governor,
                              "sudo cpupower frequency-set -g performance"};
}

static struct xsg_check check_turbo(struct context *c)
{
    const char *no_turbo = read_line(c, "/sys/devices/system/cpu/intel_pstate/no_turbo");
    const char *boost = read_line(c, "/sys/devices/system/cpu/cpufreq/boost");
    bool on = (no_turbo && strcmp(no_turbo, "0") == 0) || (boost && strcmp(boost, "1") == 0);

    if (!no_turbo && !boost)
        return (struct xsg_check){"turbo", XSG_CHECK_OK, "not visible here", NULL};
    if (!on)
        return (struct xsg_check){"turbo", XSG_CHECK_OK, "off", NULL};
    return (struct xsg_check){"turbo", XSG_CHECK_NOTE, "on: the clock follows heat and neighbours",
                              "interleaved rounds cancel most of it; turning it off helps further"};
}

static struct xsg_check check_smt(struct context *c)
{
    const char *active = read_line(c, "/sys/devices/system/cpu/smt/active");

    if (!active || strcmp(active, "1") != 0)
        return (struct xsg_check){"hyper-threads", XSG_CHECK_OK, "none visible", NULL};
    return (struct xsg_check){"hyper-threads", XSG_CHECK_NOTE, "two threads share a core",
                              "keep the sibling of the measured core idle"};
}

static struct xsg_check check_load(struct context *c)
{
    double load[1] = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct xsg_check check = {"load", XSG_CHECK_OK, NULL, NULL};

    if (getloadavg(load, 1) != 1)
        load[0] = 0;
    check.finding = xsg_printf(c->arena, "%.2f on %ld cores", load[0], cores);
    if (load[0] > 0.5 * (double)cores) {
        check.state = XSG_CHECK_NOTE;
        check.remedy = "other programs are running: stop them, or expect more rounds";
    }
    return check;
}

static struct xsg_check check_quota(struct context *c)
{
    const char *max = read_line(c, "/sys/fs/cgroup/cpu.max");

    if (!max || strncmp(max, "max", 3) == 0)
        return (struct xsg_check){"CPU quota", XSG_CHECK_OK, "none", NULL};
    return (struct xsg_check){"CPU quota", XSG_CHECK_NOTE,
                              xsg_printf(c->arena, "cpu.max is %s", max),
                              "a throttled target shows stalls: raise the container's CPU limit"};
}

static struct xsg_check check_clock(struct context *c)
{
    const char *source =
        read_line(c, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    bool good = source && (strcmp(source, "tsc") == 0 || strcmp(source, "kvm-clock") == 0 ||
                           strcmp(source, "arch_sys_counter") == 0);

    return (struct xsg_check){"clock source", good ? XSG_CHECK_OK : XSG_CHECK_NOTE,
                              source ? source : "unknown",
                              good ? NULL : "reading this clock is slow; scopes cost more"};
}

static volatile sig_atomic_t ticks;

static void count_tick(int number)
{
    (void)number;
    ticks++;
}

/* Signals of a 1 kHz thread-CPU-time timer during 100 ms of CPU time: what sampling really gets. */
static int delivered_rate(void)
{
    struct sigaction action = {.sa_handler = count_tick, .sa_flags = SA_RESTART}, old;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    struct itimerspec interval = {{0, 1000000}, {0, 1000000}};
    struct timespec now;
    timer_t timer;
    int64_t start, end;

    ticks = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPROF, &action, &old);
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
        return -1;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    start = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    timer_settime(timer, 0, &interval, NULL);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        end = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    } while (end - start < 100000000);
    timer_delete(timer);
    signal(SIGPROF, SIG_IGN); /* drops one that is still pending */
    sigaction(SIGPROF, &old, NULL);
    return (int)(ticks * 10);
}

static struct xsg_check check_timer(struct context *c)
{
    int rate = delivered_rate();
    struct xsg_check check = {"sampling rate", XSG_CHECK_OK, NULL, NULL};

    if (rate < 0)
        return (struct xsg_check){"sampling rate", XSG_CHECK_PROBLEM, "CPU-time timers do not work",
                                  "use profile: [scopes] or [functions]"};
    check.finding = xsg_printf(c->arena, "at most about %d Hz of CPU time", rate);
    if (rate < 90) {
        check.state = XSG_CHECK_NOTE;
        check.remedy = "few samples: let targets run longer, or use scopes";
    }
    return check;
}

static struct xsg_check check_perf(struct context *c)
{
    const char *paranoid = read_line(c, "/proc/sys/kernel/perf_event_paranoid");

    return (struct xsg_check){
        "perf events", XSG_CHECK_OK,
        paranoid ? xsg_printf(c->arena, "perf_event_paranoid is %s (not needed)", paranoid)
                 : "not available (not needed)",
        NULL};
}

static struct xsg_check check_disk(struct context *c)
{
    struct statvfs fs;
    struct xsg_check check = {"disk space", XSG_CHECK_OK, NULL, NULL};
    char text[32];
    double bytes;

    if (statvfs(c->folder, &fs) != 0)
        return (struct xsg_check){"disk space", XSG_CHECK_NOTE, "unknown", NULL};
    bytes = (double)fs.f_bavail * (double)fs.f_frsize;
    xsg_format_bytes(text, sizeof text, bytes);
    check.finding = xsg_printf(c->arena, "%s free", text);
    if (bytes < 512e6) {
        check.state = XSG_CHECK_PROBLEM;
        check.remedy = "'xsgate store prune --checkouts' frees what xsgate itself holds";
    }
    return check;
}

size_t xsg_machine_checks(struct xsg_arena *arena, const char *folder, const char *runtime,
                          struct xsg_check **checks)
{
    static struct xsg_check (*const all[])(struct context *) = {
        check_runtime, check_compiler, check_cores, check_governor, check_turbo, check_smt,
        check_load,    check_quota,    check_clock, check_timer,    check_perf,  check_disk,
    };
    struct context context = {arena, folder, runtime};
    size_t n = sizeof all / sizeof all[0];

    *checks = XSG_NEW_ARRAY(arena, struct xsg_check, n);
    for (size_t i = 0; i < n; i++)
        (*checks)[i] = all[i](&context);
    return n;
}
