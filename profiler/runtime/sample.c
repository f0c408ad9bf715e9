/*
 * The sampler: each thread has a timer on its own CPU clock, whose signal records the stack.
 *
 * The kernel lets such a timer expire only in its tick, so a rate above CONFIG_HZ is not delivered.
 * Hence a sample is not worth "one period" but what the thread's CPU clock says has passed since
 * the last one: the weights sum up to the thread's CPU time at any rate.
 *
 * That alone would miss what a program does first: nothing before the first period could ever be
 * sampled, and the first sample would give all of it to what runs later. So the first expiry is
 * drawn from the first period. It can only be drawn in whole ticks; where in a tick the program
 * starts is sample_phase.c's matter. The first sample of a process stands for a whole period (not
 * for the part of it that has passed), as the last part of the last one is never accounted for:
 * then every moment of the program is expected to weigh the same.
 *
 * The handler allocates nothing, takes no lock of ours, keeps errno, runs on a stack of its own,
 * and blocks all other signals but those of faults, so that no handler of the target nests in it.
 */
#include <errno.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "profiler/runtime/sample.h"

enum { GUARD = 4096, FORK_WAIT_MS = 100, INHERITED_PERIODS = 8 };

static struct {
    bool ready;            /* the handler is installed */
    bool begun;            /* a thread of this process has been sampled */
    volatile bool stopped; /* for good */
    volatile int paused;   /* forks under way: handlers leave at once */
    pthread_t main_thread;
    uint64_t
        residue; /* ns of CPU time that threads had used since their last samples at their ends */
} state;

static __thread sigset_t fork_mask;
static __thread bool fork_clean; /* no handler was active when the process was copied */

bool xsg__sampling(void)
{
    return state.ready && !state.stopped;
}

static void note(uint32_t bit)
{
    __atomic_fetch_or(&xsg__process.header->sample_notes, bit, __ATOMIC_RELAXED);
}

static uint64_t thread_cpu(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the handler --------------------------------------------------------------------------------
 */

static void record(struct xsg__block *block, void **frames, size_t n, bool cut, uint64_t weight)
{
    uint32_t at = XSG_SEG_NODE_ROOT;
    struct xsg__node *leaf;

    if (cut)
        at = xsg__node_child(block, at, XSG_SEG_KEY(XSG_SEG_KEY_TRUNCATED, 0));
    for (size_t i = n; i-- > 1;)
        at = xsg__node_child(block, at, XSG_SEG_KEY(XSG_SEG_KEY_RETURN, (uintptr_t)frames[i]));
    at = xsg__node_child(block, at, XSG_SEG_KEY(XSG_SEG_KEY_LEAF, (uintptr_t)frames[0]));
    leaf = &block->nodes[at];
    leaf->calls++;
    leaf->timed++;
    leaf->ticks += weight;
}

static void sample(struct xsg__block *block, struct xsg__sampler *sampler, const siginfo_t *info,
                   ucontext_t *context)
{
    uint64_t now = thread_cpu();
    uint64_t weight = now > sampler->last_cpu ? now - sampler->last_cpu : 0;
    struct xsg_seg_thread *head = block->head;
    void **frames;
    bool cut;
    size_t n;

    if (weight < sampler->first_weight)
        weight = sampler->first_weight;
    weight += sampler->inherited;
    sampler->inherited = 0;
    sampler->first_weight = 0;
    sampler->last_cpu = now;
    if (!xsg__busy_enter(block)) { /* time inside of the runtime itself: not the target's */
        head->samples_lost++;
        return;
    }
    n = xsg__unwind(sampler, context, &frames, &cut);
    if (n)
        record(block, frames, n, cut, weight);
    else
        record(block, frames, 1, true, weight);
    head->samples_cut += n == 0;
    head->samples++;
    head->sample_ns += weight;
    head->overruns += info->si_overrun > 0 ? (uint64_t)info->si_overrun : 0;
    xsg__busy_leave(block);
}

static bool is_ours(const siginfo_t *info)
{
    if (info->si_code != SI_TIMER)
        return false;
    for (struct xsg__block *block = xsg__process.blocks; block; block = block->next)
        if (block->sampler && block->sampler == info->si_value.sival_ptr)
            return true;
    return false;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    struct xsg__block *block = xsg__thread_peek();
    struct xsg__sampler *sampler = block ? block->sampler : NULL;

    if (!is_ours(info)) {
        xsg__signals_foreign(signo, info, context);
        errno = saved;
        return;
    }
    if (!sampler) /* the thread has just stopped being sampled */
        return;
    sampler->active = 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before paused is read: see fork_prepare */
    if (!state.paused && !state.stopped && sampler->armed && !xsg__in_handler) {
        xsg__in_handler = 1;
        errno = 0; /* libunwind repeats system calls as long as it reads EINTR there */
        sample(block, sampler, info, context);
        xsg__in_handler = 0;
    }
    __atomic_store_n(&sampler->active, 0, __ATOMIC_RELEASE);
    errno = saved;
}

void xsg__sample_skip(void)
{
    struct xsg__block *block = xsg__thread_peek();
    struct xsg__sampler *sampler = block ? block->sampler : NULL;
    uint64_t now = thread_cpu();
    uint32_t at;

    if (!sampler || !sampler->armed || !xsg__busy_enter(block))
        return;
    at = xsg__node_child(block, XSG_SEG_NODE_ROOT, XSG_SEG_KEY(XSG_SEG_KEY_TRUNCATED, 0));
    block->nodes[at].ticks += now - sampler->last_cpu;
    block->head->sample_ns += now - sampler->last_cpu;
    sampler->last_cpu = now;
    xsg__busy_leave(block);
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static struct xsg__sampler *make_sampler(void)
{
    size_t size = (sizeof(struct xsg__sampler) + 4095) / 4096 * 4096;
    char *at = mmap(NULL, size + GUARD + XSG__SIGNAL_STACK, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xsg__sampler *sampler = (struct xsg__sampler *)(void *)at;

    if (at == MAP_FAILED)
        return NULL;
    mprotect(at + size, GUARD, PROT_NONE);
    sampler->signal_stack = at + size + GUARD;
    return sampler;
}

/* The main thread's frames reach up to where the kernel put its arguments. */
static uintptr_t find_stack_top(void)
{
    void **end;

    if (pthread_equal(pthread_self(), state.main_thread) &&
        (end = dlsym(RTLD_DEFAULT, "__libc_stack_end")) != NULL)
        return (uintptr_t)*end;
    return (uintptr_t)__builtin_frame_address(0);
}

/* Unless the thread has one already; false: the one it has cannot even take the signal's frame. */
static bool give_signal_stack(struct xsg__sampler *sampler)
{
    stack_t old, ours = {.ss_sp = sampler->signal_stack, .ss_size = XSG__SIGNAL_STACK};

    if (syscall(SYS_sigaltstack, NULL, &old) != 0)
        return false;
    if (!(old.ss_flags & SS_DISABLE) && old.ss_sp != sampler->signal_stack)
        return xsg__signal_stack_fits(old.ss_size);
    return syscall(SYS_sigaltstack, &ours, NULL) == 0;
}

static bool make_timer(struct xsg__sampler *sampler)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};

    event.sigev_value.sival_ptr = sampler;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    return syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &sampler->timer) == 0;
}

static uint64_t period_ns(void)
{
    return 1000000000u / xsg__process.config.rate_hz;
}

static void set_timer(struct xsg__sampler *sampler, bool on)
{
    uint64_t period = period_ns();
    uint64_t first = sampler->first;
    struct itimerspec spec = {{0}, {0}};

    if (on) {
        spec.it_interval.tv_sec = (time_t)(period / 1000000000u);
        spec.it_interval.tv_nsec = (long)(period % 1000000000u);
        spec.it_value.tv_sec = (time_t)(first / 1000000000u);
        spec.it_value.tv_nsec = (long)(first % 1000000000u);
    }
    syscall(SYS_timer_settime, sampler->timer, 0, &spec, NULL);
}

/*
 * A thread that ends has used up to a period since its last sample. Programs that start a thread
 * for every small task would hardly be sampled at all. So the next thread inherits that time: its
 * first sample comes so much earlier and weighs so much more. (Not more than some periods, lest one
 * sample gets the rests of many threads.)
 */
static void inherit(struct xsg__sampler *sampler)
{
    uint64_t most = INHERITED_PERIODS * period_ns();
    uint64_t have = __atomic_load_n(&state.residue, __ATOMIC_RELAXED);

    do {
        sampler->inherited = have < most ? have : most;
    } while (!__atomic_compare_exchange_n(&state.residue, &have, have - sampler->inherited, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/* See the head of this file. The coarse clocks advance once in a tick. */
static void draw_first(struct xsg__sampler *sampler, bool is_first, uint32_t random)
{
    uint64_t period = period_ns(), tick = 0, n;
    struct timespec coarse;

    if (clock_getres(CLOCK_MONOTONIC_COARSE, &coarse) == 0 && coarse.tv_sec == 0)
        tick = (uint64_t)coarse.tv_nsec;
    n = tick ? period / tick : 0;
    sampler->first_weight = is_first ? (period < tick ? tick : period) : 0;
    if (sampler->inherited)
        sampler->first = sampler->inherited < period ? period - sampler->inherited : 1;
    else
        sampler->first = 1 + (n ? (random >> 8) % n * tick : 0);
}

static void leave_to_next(struct xsg__sampler *sampler)
{
    uint64_t now = thread_cpu();

    if (now > sampler->last_cpu)
        sampler->inherited += now - sampler->last_cpu;
    __atomic_fetch_add(&state.residue, sampler->inherited, __ATOMIC_RELAXED);
    sampler->inherited = 0;
}

/* Once for each timer, whoever comes first: its thread or the one that stops all. */
static bool disarm(struct xsg__sampler *sampler)
{
    if (!__atomic_exchange_n(&sampler->armed, 0, __ATOMIC_SEQ_CST))
        return false;
    syscall(SYS_timer_delete, sampler->timer);
    return true;
}

/* What is computed until the tick has come to the phase that is wanted is not sampled. It comes
 * last: to read a thread's CPU clock, as the timer does too, may end its time slice. */
static void start_timer(struct xsg__sampler *sampler, bool is_first)
{
    if (!is_first || xsg__process.config.phase == 0) {
        set_timer(sampler, true);
        return;
    }
    __atomic_store_n(&sampler->armed, 0, __ATOMIC_SEQ_CST);
    sampler->last_cpu = thread_cpu();
    set_timer(sampler, true);
    sampler->last_cpu += xsg__sample_phase();
    __atomic_store_n(&sampler->armed, 1, __ATOMIC_SEQ_CST);
}

void xsg__sample_thread_start(struct xsg__block *block)
{
    struct xsg__sampler *sampler = block->sampler;
    bool is_first;
    int saved = errno;

    if (!xsg__sampling())
        return;
    if (!sampler)
        sampler = block->sampler = make_sampler();
    if (!sampler || !make_timer(sampler)) {
        note(XSG_SEG_NOTE_NO_TIMER);
        errno = saved;
        return;
    }
    sampler->stack_top = find_stack_top();
    sampler->active = 0;
    sampler->last_cpu = thread_cpu();
    is_first = !__atomic_exchange_n(&state.begun, true, __ATOMIC_RELAXED);
    inherit(sampler);
    draw_first(sampler, is_first, block->random);
    /* Not in a forked child: a thread that does not exist there may have held the loader's lock. */
    if (!sampler->warm) {
        xsg__modules_refresh();
        xsg__unwind_thread();
        sampler->warm = 1;
    }
    __atomic_store_n(&sampler->armed, 1, __ATOMIC_SEQ_CST);
    xsg__signals_thread();
    if (!give_signal_stack(sampler))
        note(XSG_SEG_NOTE_SMALL_STACK);
    else if (!state.stopped)
        start_timer(sampler, is_first);
    if (state.stopped) /* meanwhile */
        disarm(sampler);
    errno = saved;
}

/* A signal that was on its way arrives before timer_delete returns, hence not on a missing stack.
 * The unwinder's own data of this thread is freed after this (its key is younger than thread.c's).
 */
void xsg__sample_thread_end(struct xsg__block *block)
{
    struct xsg__sampler *sampler = block->sampler;
    stack_t now, none = {.ss_flags = SS_DISABLE};

    if (!sampler || !disarm(sampler))
        return;
    leave_to_next(sampler);
    sampler->warm = 0;
    if (syscall(SYS_sigaltstack, NULL, &now) == 0 && now.ss_sp == sampler->signal_stack)
        syscall(SYS_sigaltstack, &none, NULL);
    xsg__modules_refresh();
}

void xsg__sample_signal_stack(size_t size)
{
    struct xsg__block *block = xsg__thread_peek();
    struct xsg__sampler *sampler = block ? block->sampler : NULL;

    if (!sampler || !sampler->armed || !xsg__sampling())
        return;
    if (size && !xsg__signal_stack_fits(size)) {
        set_timer(sampler, false);
        note(XSG_SEG_NOTE_SMALL_STACK);
    } else if (give_signal_stack(sampler)) {
        set_timer(sampler, true);
    }
}

/* ---- the process --------------------------------------------------------------------------------
 */

void xsg__sample_process_start(void)
{
    state.main_thread = pthread_self();
    xsg__unwind_start();
    if (xsg__signals_start(on_signal))
        state.ready = true;
    else
        note(XSG_SEG_NOTE_TARGET_SIGPROF);
}

void xsg__sample_process_end(void)
{
    struct xsg__block *block = xsg__thread_peek();

    if (block)
        xsg__sample_thread_end(block);
}

void xsg__sample_stop(uint32_t reason)
{
    if (state.stopped)
        return;
    state.stopped = true;
    note(reason);
    for (struct xsg__block *block = xsg__process.blocks; block; block = block->next) {
        struct xsg__sampler *sampler = block->sampler;
        if (sampler)
            disarm(sampler);
    }
}

/* ---- fork ---------------------------------------------------------------------------------------
 */

static bool any_active(void)
{
    for (struct xsg__block *block = xsg__process.blocks; block; block = block->next) {
        const struct xsg__sampler *sampler = block->sampler;
        if (sampler && __atomic_load_n(&sampler->active, __ATOMIC_ACQUIRE))
            return true;
    }
    return false;
}

/* A handler holds libunwind's locks, which the child would never see released. */
void xsg__sample_fork_prepare(void)
{
    struct timespec pause = {0, 1000000};

    xsg__signals_mask(SIG_BLOCK, &fork_mask);
    __atomic_fetch_add(&state.paused, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < FORK_WAIT_MS && any_active(); i++)
        nanosleep(&pause, NULL);
    fork_clean = !any_active();
}

void xsg__sample_fork_parent(void)
{
    __atomic_fetch_sub(&state.paused, 1, __ATOMIC_SEQ_CST);
    xsg__signals_restore(&fork_mask);
}

void xsg__sample_fork_child(void)
{
    for (struct xsg__block *block = xsg__process.blocks; block; block = block->next) {
        struct xsg__sampler *sampler = block->sampler;
        if (sampler)
            sampler->active = sampler->armed = 0; /* timers are not inherited */
    }
    if (!fork_clean)
        xsg__unwind_forget();
    state.paused = 0;
    state.residue = 0; /* the parent's */
    state.begun = false;
    xsg__signals_restore(&fork_mask);
}
