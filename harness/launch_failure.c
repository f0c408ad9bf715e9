#include "harness/launch_failure.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "harness/machine.h"
#include "harness/target_command.h"
#include "profiler/format.h"

enum { SHOWN_LINES = 12, SHOWN_BYTES = 2000, LONGEST_LINE = 400 };

/* ---- the output -------------------------------------------------------------------------------
 */

static void put_line(struct xsg_buf *out, const char *text, size_t n)
{
    size_t shown = n;

    if (n > LONGEST_LINE)
        for (shown = LONGEST_LINE; shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80;)
            shown--; /* not within a character */
    xsg_buf_puts(out, "\n  | ");
    xsg_put_printable(out, text, shown);
    if (shown < n)
        xsg_buf_puts(out, "...");
}

/* What is left of the output's end, as one text. */
static const char *join_output(struct xsg_arena *arena, const struct xsg_proc_result *proc,
                               size_t *n)
{
    size_t head = proc->output_head_n, tail = proc->output_tail_n;
    char *text;

    if (proc->output_total > head + tail || head + tail == 0) { /* there is a gap between them */
        *n = tail;
        return proc->output_tail;
    }
    text = xsg_alloc(arena, head + tail + 1, 1);
    memcpy(text, proc->output_head, head);
    if (tail > 0)
        memcpy(text + head, proc->output_tail, tail);
    *n = head + tail;
    return text;
}

const char *xsg_output_lines(struct xsg_arena *arena, const struct xsg_proc_result *proc,
                             size_t lines, size_t bytes)
{
    struct xsg_buf line = XSG_BUF_INIT;
    const char *result = "";
    size_t end, start, used = 0;
    const char *text = join_output(arena, proc, &end);

    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\r'))
        end--; /* blank lines at the end say nothing */
    for (size_t i = 0; end > 0 && i < lines; i++) {
        for (start = end; start > 0 && text[start - 1] != '\n';)
            start--;
        xsg_buf_clear(&line);
        put_line(&line, text + start, end - start);
        used += line.len;
        if (used > bytes && i > 0)
            break;
        result = xsg_printf(arena, "%s%s", xsg_buf_str(&line), result);
        end = start > 0 ? start - 1 : 0;
    }
    xsg_buf_release(&line);
    return *result ? result : NULL;
}

/* ---- the process ------------------------------------------------------------------------------
 */

/* A gate's remedies are written in xsgate.yml; of a command that record runs there is none. */
static const char *remedy(const struct xsg_launch *launch, const char *in_suite,
                          const char *on_command_line)
{
    return launch->pass_output ? on_command_line : in_suite;
}

static bool said(const struct xsg_invocation *out, const char *text)
{
    return out->output && strstr(out->output, text);
}

static void judge_signal(struct xsg_arena *arena, const struct xsg_launch *launch,
                         struct xsg_invocation *out)
{
    int number = out->proc.signal;
    const char *name = sigabbrev_np(number);

    out->failure = name ? xsg_printf(arena, "was killed by SIG%s (%s)", name, sigdescr_np(number))
                        : xsg_printf(arena, "was killed by signal %d", number);
    if (number == SIGKILL)
        out->hint = "when memory runs out the kernel kills the largest process; its log says so";
    else if (number == SIGXCPU)
        out->hint = "the limit on CPU time is too low: see 'ulimit -t'";
    else
        out->hint = remedy(launch,
                           "run its command by hand; if it fails only when measured, try another "
                           "'profile:'",
                           "if it fails only when profiled, try another '--profile'");
}

static void judge_status(struct xsg_arena *arena, const struct xsg_launch *launch,
                         struct xsg_invocation *out)
{
    int status = out->proc.exit_status;
    bool by_shell =
        !launch->argv && strcmp(xsg_target_argv(arena, launch->target->command)[0], "/bin/sh") == 0;

    out->failure = xsg_printf(arena, "ended with status %d", status);
    if (said(out, "ASan runtime does not come first"))
        out->hint = remedy(launch,
                           "it is built with a sanitizer: measure a build without, or set "
                           "'env: {ASAN_OPTIONS: verify_asan_link_order=0}'",
                           "it is built with a sanitizer: profile a build without, or set "
                           "ASAN_OPTIONS=verify_asan_link_order=0");
    else if (by_shell && status == 127)
        out->hint = "the shell did not find a command; paths are seen from the checkout's root";
    else if (by_shell && status == 126)
        out->hint = "the shell may not execute a command: check its permissions";
    else
        out->hint = remedy(launch, "a target has to end with status 0", NULL);
}

void xsg_judge_process(struct xsg_arena *arena, const struct xsg_launch *launch,
                       struct xsg_invocation *out)
{
    const struct xsg_proc_result *proc = &out->proc;

    if (!proc->timed_out && !proc->signal && proc->exit_status == 0)
        return;
    out->output = xsg_output_lines(arena, proc, SHOWN_LINES, SHOWN_BYTES);
    if (proc->timed_out) {
        out->failure =
            xsg_printf(arena, "did not end within %g s",
                       launch->timeout_s > 0 ? launch->timeout_s : launch->target->timeout_s);
        out->hint = remedy(launch, "raise the target's 'timeout:' or give it less to do",
                           "raise '--timeout' or give it less to do");
    } else if (proc->signal) {
        judge_signal(arena, launch, out);
    } else {
        judge_status(arena, launch, out);
    }
}

/* ---- the profile ------------------------------------------------------------------------------
 */

/* Does an ELF file of 64 bits ask for a dynamic loader? Foreign bytes: everything is checked. */
static const char *elf_obstacle(const unsigned char *data, size_t n)
{
    Elf64_Ehdr header;

    if (n < sizeof header || memcmp(data, ELFMAG, SELFMAG) != 0)
        return NULL;
    if (data[EI_CLASS] != ELFCLASS64)
        return "is not a program of 64 bits";
    memcpy(&header, data, sizeof header);
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > n)
        return NULL;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        size_t at = (size_t)header.e_phoff + i * sizeof segment;
        if (at + sizeof segment > n)
            return NULL; /* not all of it was read */
        memcpy(&segment, data + at, sizeof segment);
        if (segment.p_type == PT_INTERP)
            return NULL;
    }
    return "is statically linked";
}

const char *xsg_preload_obstacle(const char *program)
{
    unsigned char data[4096];
    const char *obstacle = NULL;
    struct stat st;
    ssize_t n;
    int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return NULL;
    n = read(fd, data, sizeof data);
    if (n > 0)
        obstacle = elf_obstacle(data, (size_t)n);
    if (!obstacle && fstat(fd, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)))
        obstacle = "is set-uid or set-gid";
    close(fd);
    return obstacle;
}

static void judge_attachment(struct xsg_arena *arena, const char *program,
                             struct xsg_invocation *out)
{
    const char *obstacle = program ? xsg_preload_obstacle(program) : NULL;

    if (obstacle)
        out->failure = xsg_printf(arena, "the profiler did not attach: the program %s", obstacle);
    else
        out->failure = "the profiler did not attach to any process";
    out->hint = "a static or set-uid program cannot be preloaded: link xsgate::runtime into it, or "
                "profile a dynamically linked build";
    out->output = xsg_output_lines(arena, &out->proc, SHOWN_LINES, SHOWN_BYTES);
}

/* Fewer samples than this say nothing of a thread, not even that it works. */
enum { FEW_SAMPLES = 5 };

/* Every attached thread could have used its part of the CPU time, and would have been sampled at
 * least a few times: then it was used elsewhere. */
static bool would_have_been_sampled(const struct xsg_profile *profile, double cpu_ms,
                                    int64_t rate_hz)
{
    double threads = (double)(profile->n_threads > profile->n_processes ? profile->n_threads
                                                                        : profile->n_processes);
    double periods = cpu_ms / 1e3 * (double)rate_hz / threads;

    if (!(profile->modes & XSG_SEG_MODE_SAMPLE) || profile->lost > 0 || periods < FEW_SAMPLES)
        return false;
    return cpu_ms / 1e3 * xsg_machine_sampling_rate() / threads >= FEW_SAMPLES;
}

/* A wrapper that starts slowly may be sampled once or twice: that is no profile of its target. */
static bool was_used_elsewhere(const struct xsg_invocation *out, int64_t rate_hz)
{
    const double little = 0.05; /* of the CPU time */
    const struct xsg_profile *profile = &out->profile;
    double cpu_ns = (double)(out->proc.user_ns + out->proc.system_ns);

    if (profile->samples >= FEW_SAMPLES || profile->total_ns >= little * cpu_ns || cpu_ns < 50e6)
        return false;
    return would_have_been_sampled(profile, cpu_ns * 1e-6, rate_hz);
}

static void judge_losses(struct xsg_arena *arena, const struct xsg_launch *launch,
                         struct xsg_invocation *out)
{
    const struct xsg_profile *profile = &out->profile;
    double recorded = (double)profile->samples, paths = (double)profile->lost_paths;
    struct xsg_buf notes = XSG_BUF_INIT;

    for (size_t i = 0; i < profile->n_functions; i++)
        recorded += profile->functions[i].calls;
    if (profile->lost == profile->lost_paths && paths <= XSG_LOST_PATHS_LIMIT * (recorded + paths))
        return;
    for (size_t i = 0; i < profile->n_notes && i < SHOWN_LINES; i++)
        put_line(&notes, profile->notes[i], strlen(profile->notes[i]));
    out->failure = xsg_printf(arena, "%llu record%s of the profiler %s lost",
                              (unsigned long long)profile->lost, profile->lost == 1 ? "" : "s",
                              profile->lost == 1 ? "was" : "were");
    out->hint = remedy(launch,
                       "give it more room, in the target's 'env:': XSGATE_NODES: 131072 (call "
                       "paths per thread), XSGATE_LIMIT: 268435456 (bytes per process)",
                       "give it more room, in its environment: XSGATE_NODES=131072 (call paths "
                       "per thread), XSGATE_LIMIT=268435456 (bytes per process)");
    out->output = notes.len ? xsg_strdup(arena, notes.data) : NULL;
    xsg_buf_release(&notes);
}

static void judge_samples(struct xsg_arena *arena, const struct xsg_launch *launch,
                          struct xsg_invocation *out)
{
    double cpu_ms = (double)(out->proc.user_ns + out->proc.system_ns) / 1e6;

    if (was_used_elsewhere(out, launch->target->rate_hz)) {
        out->failure = xsg_printf(
            arena,
            "the profiler did not attach to the process that did the work (%.1f ms of CPU time)",
            cpu_ms);
        out->hint =
            "a wrapper that resets the environment (env -i, sudo) has to pass LD_PRELOAD and "
            "XSGATE_* on; a static or set-uid program cannot be preloaded";
        return;
    }
    if (out->profile.kinds & XSG_PROFILE_SAMPLE) {
        judge_losses(arena, launch, out);
        return;
    }
    out->failure = xsg_printf(arena, "no sample was taken in %.1f ms of CPU time", cpu_ms);
    if (cpu_ms < 50)
        out->hint =
            remedy(launch, "give the target more to do: 100 ms of CPU time and more per invocation",
                   "give it more to do, or raise '--rate'");
    else
        out->hint = "'xsgate doctor' says which sampling rate this machine delivers";
}

void xsg_judge_profile(struct xsg_arena *arena, const struct xsg_launch *launch,
                       const char *program, struct xsg_invocation *out)
{
    const struct xsg_profile *profile = &out->profile;
    unsigned asked = launch->target->profile;

    if (profile->n_processes == 0) {
        judge_attachment(arena, program, out);
    } else if ((asked & XSG_MODE_SCOPES) && !(profile->kinds & XSG_PROFILE_SCOPE)) {
        out->failure = "no scope was entered";
        out->hint = remedy(
            launch, "mark code with XSG_SCOPE of <xsgate/profile.h>, or use 'profile: [sample]'",
            "mark code with XSG_SCOPE of <xsgate/profile.h>, or use '--profile sample'");
    } else if ((asked & XSG_MODE_FUNCTIONS) && !(profile->kinds & XSG_PROFILE_FUNCTION)) {
        out->failure = "no instrumented function was entered";
        out->hint =
            remedy(launch, "build it with -finstrument-functions, or use 'profile: [sample]'",
                   "build it with -finstrument-functions, or use '--profile sample'");
    } else if (asked & XSG_MODE_SAMPLE) {
        judge_samples(arena, launch, out);
    } else {
        judge_losses(arena, launch, out);
    }
}
