/*
 * The target's signals and the sampler's, kept apart.
 *
 * The sampler has SIGPROF as long as the target does not want it. A target that installs a handler
 * for it, blocks it alone or waits for it, uses it: then sampling stops, visibly. Setting it to its
 * default or ignoring it is no use: that is remembered, answered and otherwise left out, so that
 * programs which reset all signals are sampled. Blocking all signals, as worker threads do, does
 * not block the sampler's, or such threads would have no samples; what the target then asks for is
 * answered as if it were blocked.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiler/runtime/sample.h"

#define EXPORT __attribute__((visibility("default")))

/* libc's own functions. Looked up together at the sampler's start: dlsym takes the loader's lock,
 * and who holds that may wait for a thread that has come to a wrapper. */
/* clang-format off */
#define WRAPPED(X)                                                                                 \
    X(sigaction) X(signal) X(sysv_signal) X(sigset) X(sigignore) X(pthread_sigmask)                \
    X(sigprocmask) X(sigwait) X(sigwaitinfo) X(sigtimedwait) X(sigaltstack)
/* clang-format on */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset, sigignore: still called */

static struct {
    bool found;
#define MEMBER(name) __typeof__(&name) name;
    WRAPPED(MEMBER)
} libc;

__attribute__((constructor(101))) static void find_all(void)
{
#define FIND(name) *(void **)(void *)&libc.name = dlsym(RTLD_NEXT, #name);
    WRAPPED(FIND)
    __atomic_store_n(&libc.found, true, __ATOMIC_RELEASE);
}

#pragma GCC diagnostic pop

#define REAL(name)                                                                                 \
    ((__atomic_load_n(&libc.found, __ATOMIC_ACQUIRE) ? (void)0 : find_all()), libc.name)

typedef void handler_function(int);

enum { MANY = 24 }; /* a set of this many of the 31 classic signals means "all", not SIGPROF */

static struct sigaction wish;                       /* what the target believes of SIGPROF */
static __thread volatile uint32_t believes_blocked; /* the target, in this thread */
static __thread volatile uint32_t really_blocked;   /* it asked for SIGPROF by name */

/* ---- the sampler's side -------------------------------------------------------------------------
 */

bool xsg__signals_start(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction ours = {.sa_sigaction = handler};

    if (REAL(sigaction)(SIGPROF, NULL, &wish) != 0 ||
        (wish.sa_handler != SIG_DFL && wish.sa_handler != SIG_IGN))
        return false;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    sigdelset(&ours.sa_mask, SIGSEGV); /* a fault in the handler must end in a core, not a loop */
    sigdelset(&ours.sa_mask, SIGBUS);
    sigdelset(&ours.sa_mask, SIGFPE);
    sigdelset(&ours.sa_mask, SIGILL);
    sigdelset(&ours.sa_mask, SIGTRAP);
    sigdelset(&ours.sa_mask, SIGABRT);
    sigdelset(&ours.sa_mask, SIGSYS);
    return REAL(sigaction)(SIGPROF, &ours, NULL) == 0;
}

void xsg__signals_mask(int how, sigset_t *old)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    REAL(pthread_sigmask)(how, &set, old);
}

void xsg__signals_restore(const sigset_t *old)
{
    REAL(pthread_sigmask)(SIG_SETMASK, old, NULL);
}

/* A thread starts with its creator's mask, where the sampler's signal may be blocked by a call that
 * did not come through here. */
void xsg__signals_thread(void)
{
    sigset_t old;

    xsg__signals_mask(SIG_UNBLOCK, &old);
    believes_blocked = sigismember(&old, SIGPROF) == 1;
    really_blocked = 0;
}

void xsg__signals_foreign(int signo, siginfo_t *info, void *context)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};

    (void)info;
    (void)context;
    if (wish.sa_handler == SIG_IGN)
        return;
    REAL(sigaction)(signo, &standard, NULL); /* it ends the process when the handler returns */
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signo);
}

bool xsg__signal_stack_fits(size_t size)
{
    size_t frame = getauxval(AT_MINSIGSTKSZ);

    return size >= (frame ? frame : 2048) + 4096;
}

/* ---- dispositions -------------------------------------------------------------------------------
 */

static bool is_no_use(handler_function *handler)
{
    return handler == SIG_DFL || handler == SIG_IGN;
}

static bool concerns_us(int signo)
{
    return XSG__UNLIKELY(signo == SIGPROF) && xsg__sampling();
}

EXPORT int sigaction(int signo, const struct sigaction *act, struct sigaction *old)
{
    struct sigaction before = wish, wanted;
    int rc = 0;

    if (!concerns_us(signo))
        return REAL(sigaction)(signo, act, old);
    if (act) {
        wanted = *act; /* may be the same as *old */
        if (is_no_use(wanted.sa_handler)) {
            wish = wanted;
        } else {
            xsg__sample_stop(XSG_SEG_NOTE_TARGET_SIGPROF);
            rc = REAL(sigaction)(signo, &wanted, NULL);
        }
    }
    if (old && rc == 0)
        *old = before;
    return rc;
}

EXPORT int __sigaction(int signo, const struct sigaction *act, struct sigaction *old);
EXPORT int __sigaction(int signo, const struct sigaction *act, struct sigaction *old)
{
    return sigaction(signo, act, old);
}

/* signal() and its relatives, which do not go through the public sigaction. */
static handler_function *set_handler(int signo, handler_function *handler,
                                     handler_function *(*real)(int, handler_function *))
{
    handler_function *before = wish.sa_handler, *rc;

    if (!concerns_us(signo))
        return real(signo, handler);
    if (is_no_use(handler)) {
        memset(&wish, 0, sizeof wish);
        wish.sa_handler = handler;
        return before;
    }
    xsg__sample_stop(XSG_SEG_NOTE_TARGET_SIGPROF);
    rc = real(signo, handler);
    return rc == SIG_ERR ? rc : before;
}

EXPORT handler_function *signal(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(signal));
}

EXPORT handler_function *ssignal(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(signal));
}

handler_function *bsd_signal(int signo, handler_function *handler);
EXPORT handler_function *bsd_signal(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(signal));
}

EXPORT handler_function *sysv_signal(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(sysv_signal));
}

EXPORT handler_function *__sysv_signal(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(sysv_signal));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* programs still call them */
EXPORT handler_function *sigset(int signo, handler_function *handler)
{
    return set_handler(signo, handler, REAL(sigset));
}

EXPORT int sigignore(int signo)
{
    return concerns_us(signo) ? (set_handler(signo, SIG_IGN, NULL), 0) : REAL(sigignore)(signo);
}

#pragma GCC diagnostic pop

/* ---- masks --------------------------------------------------------------------------------------
 */

static bool means_all(const sigset_t *set)
{
    int n = 0;

    for (int signo = 1; signo < 32; signo++)
        n += sigismember(set, signo) == 1;
    return n >= MANY;
}

typedef int mask_function(int, const sigset_t *, sigset_t *);

/*
 * A set that means all signals is passed on without SIGPROF. One that names it is passed on as it
 * is; what the thread does until it is unblocked stays without samples. libunwind blocks all
 * signals around its locks and must be taken at its word: the handler takes the same locks.
 */
static int set_mask(mask_function *real, const void *caller, int how, const sigset_t *set,
                    sigset_t *old)
{
    bool before = believes_blocked, has = set && sigismember(set, SIGPROF) == 1;
    bool lets_go;
    sigset_t wanted;
    int rc;

    if (xsg__in_handler) { /* libunwind, which blocks all signals: they are blocked */
        if (old)
            sigfillset(old);
        return 0;
    }
    if (!xsg__sampling() || xsg__unwinder_has(caller))
        return real(how, set, old);
    lets_go = set && (how == SIG_UNBLOCK ? has : how == SIG_SETMASK && !has);
    if (really_blocked && lets_go) {
        xsg__sample_skip();
        really_blocked = 0;
    }
    if (set) {
        wanted = *set; /* may be the same as *old */
        if (has && how != SIG_UNBLOCK && !really_blocked) {
            if (means_all(set))
                sigdelset(&wanted, SIGPROF);
            else
                really_blocked = 1;
        }
    }
    rc = real(how, set ? &wanted : NULL, old);
    if (rc == 0 && set && (has || how == SIG_SETMASK))
        believes_blocked = has && how != SIG_UNBLOCK;
    if (rc == 0 && old && before)
        sigaddset(old, SIGPROF);
    return rc;
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    return set_mask(REAL(pthread_sigmask), __builtin_return_address(0), how, set, old);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    return set_mask(REAL(sigprocmask), __builtin_return_address(0), how, set, old);
}

/* ---- waiting for signals ------------------------------------------------------------------------
 */

/* The set to wait for instead: without SIGPROF where all signals are meant. */
static const sigset_t *set_to_wait_for(const sigset_t *set, sigset_t *without)
{
    if (!xsg__sampling() || sigismember(set, SIGPROF) != 1)
        return set;
    if (!means_all(set)) {
        xsg__sample_stop(XSG_SEG_NOTE_TARGET_SIGPROF);
        return set;
    }
    *without = *set;
    sigdelset(without, SIGPROF);
    return without;
}

EXPORT int sigwait(const sigset_t *set, int *signo)
{
    sigset_t without;

    return REAL(sigwait)(set_to_wait_for(set, &without), signo);
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    sigset_t without;

    return REAL(sigwaitinfo)(set_to_wait_for(set, &without), info);
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit)
{
    sigset_t without;

    return REAL(sigtimedwait)(set_to_wait_for(set, &without), info, limit);
}

/* ---- signal stacks ------------------------------------------------------------------------------
 */

EXPORT int sigaltstack(const stack_t *stack, stack_t *old)
{
    size_t size = stack && !(stack->ss_flags & SS_DISABLE) ? stack->ss_size : 0;
    bool changes = stack && xsg__sampling();
    int rc;

    if (changes && size && !xsg__signal_stack_fits(size))
        xsg__sample_signal_stack(size); /* first: no signal must land on it */
    rc = REAL(sigaltstack)(stack, old);
    if (changes && rc == 0)
        xsg__sample_signal_stack(size);
    return rc;
}
