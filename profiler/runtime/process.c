/*
 * The process: environment, attach, exit, fork.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "profiler/runtime/runtime.h"

struct xsg__process xsg__process;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void xsg__lock(void)
{
    pthread_mutex_lock(&lock);
}

bool xsg__trylock(void)
{
    return pthread_mutex_trylock(&lock) == 0;
}

void xsg__unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- environment ---- */

static uint64_t env_number(const char *name, uint64_t fallback, uint64_t low, uint64_t high)
{
    const char *text = getenv(name);
    uint64_t value = 0;

    if (!text || !*text)
        return fallback;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > UINT64_MAX / 16)
            return fallback;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value < low ? low : value > high ? high : value;
}

/* Is word in the comma-separated list? */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (list) {
        if (strncmp(list, word, n) == 0 && (list[n] == ',' || list[n] == '\0'))
            return true;
        list = strchr(list, ',');
        if (list)
            list++;
    }
    return false;
}

static bool read_session(struct xsg__config *config)
{
    const char *session = getenv("XSGATE_SESSION");
    size_t base = 0, n;

    if (!session || !*session)
        return false;
    n = strlen(session);
    if (*session != '/') { /* the target may change its folder later */
        if (!getcwd(config->session, sizeof config->session - 1))
            return false;
        base = strlen(config->session);
        config->session[base++] = '/';
    }
    if (base + n >= sizeof config->session)
        return false;
    memcpy(config->session + base, session, n + 1);
    return true;
}

static bool read_config(struct xsg__config *config)
{
    const char *modes = getenv("XSGATE_PROFILE");
    const char *timing = getenv("XSGATE_TIMING"), *bench = getenv("XSGATE_BENCH");
    bool large;

    /* A program with more rights than its caller must not be told where to write. */
    if (getauxval(AT_SECURE) || !read_session(config))
        return false;
    if (!modes || !*modes)
        modes = "scopes";
    if (listed(modes, "scopes"))
        config->modes |= XSG_SEG_MODE_SCOPES;
    if (listed(modes, "functions"))
        config->modes |= XSG_SEG_MODE_FUNCTIONS;
    if (listed(modes, "sample"))
        config->modes |= XSG_SEG_MODE_SAMPLE;
    large = config->modes & (XSG_SEG_MODE_FUNCTIONS | XSG_SEG_MODE_SAMPLE);
    config->rate_hz = (uint32_t)env_number("XSGATE_RATE", 250, 1, 100000);
    config->phase = (uint32_t)env_number("XSGATE_PHASE", 0, 0, 999);
    config->limit = env_number("XSGATE_LIMIT", 64 << 20, 256 << 10, (uint64_t)1 << 34);
    config->nodes = (uint32_t)env_number("XSGATE_NODES", large ? 32768 : 8192, 256, 1 << 22);
    config->full = timing && strcmp(timing, "full") == 0;
    if (bench && strlen(bench) < sizeof config->bench)
        memcpy(config->bench, bench, strlen(bench) + 1);
    return true;
}

/* Ticks only count time where the counter runs at one rate in every state of the processor. */
static uint32_t choose_clock(void)
{
    const char *wish = getenv("XSGATE_CLOCK");

    if (wish && strcmp(wish, "ns") == 0)
        return XSG_SEG_CLOCK_NS;
#if defined(__x86_64__)
    unsigned a, b, c, d = 0;

    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & 1u << 8) ? XSG_SEG_CLOCK_TSC
                                                                     : XSG_SEG_CLOCK_NS;
#elif defined(__aarch64__)
    return XSG_SEG_CLOCK_TSC; /* the generic timer runs at one rate by definition */
#else
    return XSG_SEG_CLOCK_NS;
#endif
}

/* ---- fork ---- */

/* A handler may call fork while this thread holds the lock: then the lock is the handler's as well.
 */
static bool nested;

static void fork_prepare(void)
{
    const struct xsg__block *block = xsg__thread_peek();
    if (xsg__process.config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_fork_prepare();
    nested = block && block->busy;
    if (!nested)
        xsg__lock();
}

static void fork_parent(void)
{
    if (!nested)
        xsg__unlock();
    if (xsg__process.config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_fork_parent();
}

/* Most children call exec at once: the file is made when there is something to record. */
static void fork_child(void)
{
    int saved = errno;
    struct xsg__block *block;

    xsg__process.unsettled = true;
    xsg__segment_privatize();
    xsg__threads_forked();
    xsg__modules_forked();
    if (!nested)
        xsg__unlock();
    if (xsg__process.config.modes & XSG_SEG_MODE_SAMPLE) {
        xsg__sample_fork_child();
        block = xsg__thread_peek();
        if (block && xsg__busy_enter(block)) {
            xsg__process_settle(block);
            xsg__busy_leave(block);
        }
        if (block)
            xsg__sample_thread_start(block);
    }
    errno = saved;
}

bool xsg__process_settle(struct xsg__block *block)
{
    struct xsg__process *process = &xsg__process;
    int saved = errno;

    xsg__lock();
    if (process->unsettled && !process->homeless) {
        if (xsg__segment_create(process->header) && xsg__tables_settle())
            process->unsettled = false;
        else
            process->homeless = true; /* once is enough: it would be tried at each new call path */
    }
    if (block && block->flags & XSG__UNSETTLED) {
        if (!process->unsettled && !xsg__thread_settle(block))
            xsg__lost(&process->header->lost_threads);
        block->flags &= ~(uint32_t)XSG__UNSETTLED;
    }
    xsg__unlock();
    errno = saved;
    return !process->unsettled;
}

/* ---- attach and exit ---- */

static void attach(void)
{
    struct xsg__process *process = &xsg__process;

    process->attached = true;
    if (!read_config(&process->config))
        return;
    process->clock = choose_clock();
    if (!xsg__segment_create(NULL))
        return;
    xsg__threads_init();
    xsg__costs_measure(process->header);
    pthread_atfork(fork_prepare, fork_parent, fork_child);
    process->armed = true;
    xsg__modules_refresh();
    if (process->config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_process_start();
    xsg__thread_get();
}

bool xsg__process_attach(void)
{
    int saved = errno;

    pthread_once(&once, attach);
    errno = saved;
    return xsg__process.armed;
}

__attribute__((constructor(101))) static void process_starts(void)
{
    xsg__process_attach();
}

__attribute__((destructor(101))) static void process_ends(void)
{
    struct xsg__block *block = xsg__thread_peek();
    int saved = errno;

    if (!xsg__process.armed || xsg__process.unsettled)
        return;
    if (xsg__process.config.modes & XSG_SEG_MODE_SAMPLE)
        xsg__sample_process_end();
    xsg__modules_refresh();
    if (block && !block->released) {
        xsg__path_close(block);
        xsg__thread_note(block);
    }
    xsg__renew_last();
    __atomic_store_n(&xsg__process.header->state, XSG_SEG_EXITED, __ATOMIC_RELEASE);
    errno = saved;
}
