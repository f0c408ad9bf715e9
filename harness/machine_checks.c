/* What doctor asks the machine. Each check is one function; the table at the end is the list. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "harness/machine_parts.h"

struct context {
    const struct xsg_machine *m;
    struct xsg_arena *arena;
    struct xsg_environment environment;
    const char *folder, *runtime;
};

static struct xsg_check ok(const char *name, const char *finding)
{
    return (struct xsg_check){name, XSG_CHECK_OK, finding, NULL};
}

static struct xsg_check note(const char *name, const char *finding, const char *remedy)
{
    return (struct xsg_check){name, XSG_CHECK_NOTE, finding, remedy};
}

static struct xsg_check problem(const char *name, const char *finding, const char *remedy)
{
    return (struct xsg_check){name, XSG_CHECK_PROBLEM, finding, remedy};
}

/* ---- programs ---------------------------------------------------------------------------------
 */

static bool run_quietly(struct context *c, const char *const *argv, const char *const *env,
                        struct xsg_proc_result *result)
{
    struct xsg_proc_spec spec = {
        .argv = argv, .env = env, .timeout_s = 10, .pin_cpu = -1, .keep_output = 512};

    *result = (struct xsg_proc_result){0};
    return xsg_proc_run(c->arena, &spec, result, NULL) == 0 && result->exit_status == 0;
}

static const char *first_output_line(struct context *c, const struct xsg_proc_result *result)
{
    return xsg_strndup(c->arena, result->output_head, strcspn(result->output_head, "\n"));
}

/* A preloaded process leaves a segment in its session's folder. */
static struct xsg_check try_runtime(struct context *c, const char *session)
{
    const char *argv[] = {"/bin/sh", "-c", ":", NULL};
    const char *env[] = {xsg_printf(c->arena, "LD_PRELOAD=%s", c->runtime),
                         xsg_printf(c->arena, "XSGATE_SESSION=%s", session), NULL};
    struct xsg_proc_result result;
    char **names;
    size_t n = 0;

    if (!run_quietly(c, argv, env, &result) || result.output_total > 0)
        return problem("runtime library",
                       xsg_printf(c->arena, "%s cannot be preloaded: %s", c->runtime,
                                  first_output_line(c, &result)),
                       "install the package for this machine's architecture and C library");
    if (xsg_list_dir(c->arena, session, &names, &n, NULL) != 0 || n == 0)
        return problem("runtime library",
                       xsg_printf(c->arena, "%s is loaded but records nothing", c->runtime),
                       "is another version of xsgate's library at that path? install it anew");
    return ok("runtime library", c->runtime);
}

static struct xsg_check check_runtime(struct context *c)
{
    struct xsg_check check;
    char *session;

    if (!c->runtime)
        return problem("runtime library", "libxsgate-runtime.so was not found",
                       "install xsgate whole, or set XSGATE_RUNTIME to its path");
    if (access(c->runtime, R_OK) != 0)
        return problem("runtime library", xsg_printf(c->arena, "%s cannot be read", c->runtime),
                       "check its permissions");
    if (xsg_temp_dir(c->arena, NULL, &session, NULL) != 0)
        return note("runtime library", "not tried: no temporary folder can be made",
                    "set TMPDIR to a folder that can be written");
    session = xsg_path_absolute(c->arena, session);
    check = try_runtime(c, session);
    xsg_remove_tree(session, NULL);
    return check;
}

static struct xsg_check check_compiler(struct context *c)
{
    if (c->environment.compiler)
        return ok("compiler", c->environment.compiler);
    return note("compiler", "neither $CC nor cc can be run",
                "set CC, or install one; only targets that are built need it");
}

static struct xsg_check check_git(struct context *c)
{
    const char *argv[] = {"git", "--version", NULL};
    struct xsg_proc_result result;

    if (run_quietly(c, argv, NULL, &result))
        return ok("git", first_output_line(c, &result));
    return note("git", "not found",
                "xsgate works without the program; builds that call it do not: install git");
}

static struct xsg_check check_valgrind(struct context *c)
{
    const char *argv[] = {"valgrind", "--version", NULL};
    struct xsg_proc_result result;

    if (run_quietly(c, argv, NULL, &result))
        return ok("valgrind", first_output_line(c, &result));
    return note("valgrind", "not found",
                "only 'profile: [instructions]' needs it: install the package valgrind");
}

/* ---- processor --------------------------------------------------------------------------------
 */

static struct xsg_check check_processor(struct context *c)
{
    const struct xsg_environment *e = &c->environment;
    const char *finding =
        xsg_printf(c->arena, "%s, %d usable core%s", e->cpu_model ? e->cpu_model : "unknown model",
                   e->cores, e->cores == 1 ? "" : "s");

    if (e->cores < 2)
        return note("processor", finding,
                    "with one core every other process disturbs: expect more rounds");
    return ok("processor", finding);
}

/* Share of all CPU time since the start that the hypervisor gave to others, or NaN. */
static double stolen_share(struct context *c)
{
    const char *line = xsg_machine_line(c->m, "/proc/stat");
    double t[8] = {0}, sum = 0;

    if (!line || sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3],
                        &t[4], &t[5], &t[6], &t[7]) != 8)
        return NAN;
    for (int i = 0; i < 8; i++)
        sum += t[i];
    return sum > 0 ? t[7] / sum : (double)NAN;
}

static struct xsg_check check_virtualization(struct context *c)
{
    const char *what = c->environment.virtualization;
    double stolen = stolen_share(c);

    if (!what[0])
        return ok("virtualisation", "none");
    if (stolen > 0.02)
        return note("virtualisation",
                    xsg_printf(c->arena, "%s; %.1f %% of the time went to other machines", what,
                               stolen * 100),
                    "a machine of its own measures better; here expect more rounds");
    return ok("virtualisation", what);
}

static struct xsg_check check_governor(struct context *c)
{
    const char *governor = c->environment.governor;

    if (!governor[0])
        return ok("frequency governor", "not adjustable here");
    if (strcmp(governor, "performance") == 0)
        return ok("frequency governor", governor);
    return note("frequency governor", governor, "sudo cpupower frequency-set -g performance");
}

static struct xsg_check check_turbo(struct context *c)
{
    const char *no_turbo = xsg_machine_line(c->m, "/sys/devices/system/cpu/intel_pstate/no_turbo");
    const char *boost = xsg_machine_line(c->m, "/sys/devices/system/cpu/cpufreq/boost");

    if (!no_turbo && !boost)
        return ok("turbo", "not visible here");
    if (no_turbo ? strcmp(no_turbo, "0") != 0 : strcmp(boost, "1") != 0)
        return ok("turbo", "off");
    return note("turbo", "on: the clock follows heat and neighbours",
                "interleaved rounds cancel most of it; turning it off in the firmware or in "
                "/sys/devices/system/cpu helps further");
}

static struct xsg_check check_smt(struct context *c)
{
    const char *active = xsg_machine_line(c->m, "/sys/devices/system/cpu/smt/active");

    if (!active || strcmp(active, "1") != 0)
        return ok("hyper-threads", "none visible");
    return note("hyper-threads", "two threads share a core",
                "keep the sibling of the measured core idle, or turn them off: "
                "echo off | sudo tee /sys/devices/system/cpu/smt/control");
}

static struct xsg_check check_counter(struct context *c)
{
    const char *source =
        xsg_machine_line(c->m, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    static const char *const fast[] = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                                       "arch_sys_counter"};
    bool is_fast = false;

    for (size_t i = 0; source && i < sizeof fast / sizeof fast[0]; i++)
        is_fast = is_fast || strcmp(source, fast[i]) == 0;
    if (!xsg_machine_has_steady_counter(c->m))
        return note("clock", "the time-stamp counter does not run at one rate",
                    "scopes read the system's clock instead and cost several times more; measure "
                    "longer pieces of work");
    if (source && !is_fast)
        return note("clock",
                    xsg_printf(c->arena, "the kernel's clock source is %s, slow to read", source),
                    "boot with clocksource=tsc if the kernel's log does not call it unstable");
    return ok("clock", source ? xsg_printf(c->arena, "steady counter, clock source %s", source)
                              : "steady counter");
}

/* ---- sampling ---------------------------------------------------------------------------------
 */

static volatile sig_atomic_t ticks;

static void count_tick(int number)
{
    (void)number;
    ticks++;
}

static int64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int xsg_machine_sampling_rate(void)
{
    struct sigaction action = {.sa_handler = count_tick, .sa_flags = SA_RESTART}, old;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
    struct itimerspec interval = {{0, 1000000}, {0, 1000000}};
    sigset_t own, before;
    timer_t timer;
    int64_t end;

    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0)
        return -1;
    ticks = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPROF, &action, &old);
    sigemptyset(&own);
    sigaddset(&own, SIGPROF);
    pthread_sigmask(SIG_UNBLOCK, &own, &before);
    end = cpu_ns() + 100000000;
    timer_settime(timer, 0, &interval, NULL);
    while (cpu_ns() < end)
        ;
    timer_delete(timer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPROF, SIG_IGN); /* drops one that is still pending */
    sigaction(SIGPROF, &old, NULL);
    return (int)(ticks * 10);
}

/* The kernel's tick, which bounds CPU-time timers, where its configuration can be read; else NULL.
 */
static const char *kernel_hz(struct context *c)
{
    const char *path =
        xsg_printf(c->arena, "/boot/config-%s", c->environment.kernel ? c->environment.kernel : "");

    return xsg_machine_field(c->m, path, "CONFIG_HZ", '=');
}

static struct xsg_check check_sampling(struct context *c)
{
    int rate = xsg_machine_sampling_rate();
    const char *hz = kernel_hz(c);
    const char *finding;

    if (rate < 0)
        return problem("sampling rate", "CPU-time timers do not work here",
                       "use 'profile: [scopes]' or [functions]");
    finding = xsg_printf(c->arena, "at most about %d per second of CPU time%s%s%s", rate,
                         hz ? " (kernel tick " : "", hz ? hz : "", hz ? " Hz)" : "");
    if (rate < 90)
        return note("sampling rate", finding, "let targets run for seconds, or use scopes");
    return ok("sampling rate", finding);
}

static struct xsg_check check_perf(struct context *c)
{
    const char *paranoid = xsg_machine_line(c->m, "/proc/sys/kernel/perf_event_paranoid");

    return ok("perf events",
              paranoid ? xsg_printf(c->arena, "perf_event_paranoid is %s; not needed", paranoid)
                       : "not available; not needed");
}

/* ---- surroundings -----------------------------------------------------------------------------
 */

static struct xsg_check check_load(struct context *c)
{
    const char *line = xsg_machine_line(c->m, "/proc/loadavg");
    double load = line ? strtod(line, NULL) : 0;
    int cores = c->environment.cores;
    const char *finding =
        xsg_printf(c->arena, "%.2f on %d core%s", load, cores, cores == 1 ? "" : "s");

    if (load > 0.5 * cores)
        return note("load", finding,
                    "other programs are running: stop them, or expect more rounds");
    return ok("load", finding);
}

static struct xsg_check check_quota(struct context *c)
{
    double quota = xsg_machine_quota(c->m);
    const char *finding = xsg_printf(c->arena, "%.3g CPUs", quota);

    if (quota == 0)
        return ok("CPU quota", "none");
    if (quota < 1)
        return problem("CPU quota", finding,
                       "a target is stopped in the middle of its work: allow the container at "
                       "least one whole CPU");
    if (quota < c->environment.cores)
        return note(
            "CPU quota", finding,
            "targets with more threads than that are throttled: raise the container's limit");
    return ok("CPU quota", finding);
}

static struct xsg_check check_layout(struct context *c)
{
    const char *space = xsg_machine_line(c->m, "/proc/sys/kernel/randomize_va_space");
    int own = personality(0xffffffff);

    if (own != -1 && (own & ADDR_NO_RANDOMIZE))
        return note("address randomisation", "off for this process and its children",
                    "every invocation gets the same layout, good or bad: call xsgate without "
                    "'setarch -R'");
    if (space && strcmp(space, "0") == 0)
        return note("address randomisation", "off",
                    "every invocation gets the same layout, good or bad: "
                    "sudo sysctl kernel.randomize_va_space=2");
    return ok("address randomisation", "on");
}

static struct xsg_check check_disk(struct context *c)
{
    struct statvfs fs;
    char text[32];
    double bytes;

    if (statvfs(c->folder, &fs) != 0)
        return note("disk space", "unknown", "is the folder still there?");
    bytes = (double)fs.f_bavail * (double)fs.f_frsize;
    xsg_format_bytes(text, sizeof text, bytes);
    if (bytes < 512e6)
        return problem("disk space", xsg_printf(c->arena, "%s free", text),
                       "'xsgate store prune --checkouts' frees what xsgate itself holds");
    return ok("disk space", xsg_printf(c->arena, "%s free", text));
}

size_t xsg_machine_checks_at(const struct xsg_machine *m, const char *folder, const char *runtime,
                             struct xsg_check **checks)
{
    static struct xsg_check (*const all[])(struct context *) = {
        check_runtime, check_compiler,       check_git,      check_valgrind, check_processor,
        check_quota,   check_virtualization, check_governor, check_turbo,    check_smt,
        check_load,    check_counter,        check_sampling, check_layout,   check_perf,
        check_disk,
    };
    struct context c = {.m = m, .arena = m->arena, .folder = folder, .runtime = runtime};
    size_t n = sizeof all / sizeof all[0];

    xsg_machine_environment_at(m, &c.environment);
    *checks = XSG_NEW_ARRAY(m->arena, struct xsg_check, n);
    for (size_t i = 0; i < n; i++)
        (*checks)[i] = all[i](&c);
    return n;
}

size_t xsg_machine_checks(struct xsg_arena *arena, const char *folder, const char *runtime,
                          struct xsg_check **checks)
{
    struct xsg_machine m = {arena, ""};

    return xsg_machine_checks_at(&m, folder, runtime, checks);
}
