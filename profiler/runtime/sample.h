/*
 * The sampler's files among themselves. Preloaded library only.
 *
 * sample.c          timers, the signal handler, fork
 * unwind.c          from an interrupted context to a stack
 * sample_signals.c  what the target does with signals, so that neither disturbs the other
 * sample_phase.c    where in the tick the first thread begins
 */
#ifndef XSG_PROFILER_RUNTIME_SAMPLE_H
#define XSG_PROFILER_RUNTIME_SAMPLE_H

#include <signal.h>
#include <ucontext.h>

#include "profiler/runtime/runtime.h"

enum {
    XSG__MAX_FRAMES = 512,
    XSG__HANDLER_FRAMES = 8, /* of the handler and the unwinder themselves */
    XSG__SIGNAL_STACK = 64 * 1024,
    XSG__UNWIND_ROOM = 8 * 1024 /* stack that a walk may need: twice what was seen */
};

/* A thread's part, in block->sampler; made once per block and used again with it. */
struct xsg__sampler {
    int timer;                /* kernel's id */
    uint32_t armed;           /* the timer exists */
    volatile uint32_t active; /* the handler runs */
    uint32_t warm;            /* the unwinder is ready in this thread */
    uint64_t last_cpu;        /* ns of thread CPU time that are accounted for */
    uint64_t inherited;       /* ns of ended threads that go to its next sample */
    uint64_t first;           /* ns of CPU time at which the timer first expires */
    uint64_t first_weight;    /* what the next sample weighs at least; 0: no matter */
    uintptr_t stack_top;      /* no frame of the thread lies above */
    void *signal_stack;       /* XSG__SIGNAL_STACK bytes above a guard page */
    void *frames[XSG__MAX_FRAMES + XSG__HANDLER_FRAMES];
};

/* True while the calling thread runs the sampler's handler. */
extern __thread volatile uint32_t xsg__in_handler;

/* ---- unwind.c ---- */
/* In normal context, before the first sample: finds the unwinder. */
void xsg__unwind_start(void);
/* In normal context, in each sampled thread: makes what the unwinder makes on first use. */
void xsg__unwind_thread(void);
/*
 * The stack at context, innermost frame first: frames[0] is the interrupted address, the others are
 * return addresses. Returns their number, or 0 when there is no room to walk: then frames[0] alone
 * is valid. *frames points into the sampler. *cut: the stack is deeper than XSG__MAX_FRAMES. In the
 * handler only.
 */
size_t xsg__unwind(struct xsg__sampler *sampler, ucontext_t *context, void ***frames, bool *cut);
/* After a fork that could not wait for a walk: its locks may be held for ever. */
void xsg__unwind_forget(void);
/* Is this address libunwind's code? */
bool xsg__unwinder_has(const void *address);

/* ---- sample_phase.c ---- */
/* Computes until the tick has come to the phase that is asked for; says for how many ns of CPU
 * time. Async-signal-safe. */
uint64_t xsg__sample_phase(void);

/* ---- sample.c ---- */
/* The target wants SIGPROF for itself: no thread is sampled from now on. Normal context. */
void xsg__sample_stop(uint32_t note);
/* The calling thread's signal stack was changed by the target to this many bytes; 0: none. */
void xsg__sample_signal_stack(size_t size);
/* Is SIGPROF the sampler's? */
bool xsg__sampling(void);
/* The thread could not be sampled up to now: that time belongs to no function. Normal context. */
void xsg__sample_skip(void);

/* ---- sample_signals.c ---- */
/* Installs the sampler's handler for SIGPROF, keeping what the target had. false: it uses SIGPROF.
 */
bool xsg__signals_start(void (*handler)(int, siginfo_t *, void *));
/* What SIGPROF would do had the target no sampler: it came from somewhere else. In the handler. */
void xsg__signals_foreign(int signo, siginfo_t *info, void *context);
/* In a thread that is to be sampled: lets SIGPROF through. */
void xsg__signals_thread(void);
/* Can a signal be taken on an alternate stack of this size? */
bool xsg__signal_stack_fits(size_t size);
/* Real pthread_sigmask for SIGPROF alone; how is SIG_BLOCK or SIG_UNBLOCK. */
void xsg__signals_mask(int how, sigset_t *old);
void xsg__signals_restore(const sigset_t *old);

#endif
