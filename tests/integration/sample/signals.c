/* What targets do with SIGPROF, masks and signal stacks. Ends with 0 when all was as without
 * sampling. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "burn.h"

static volatile sig_atomic_t handled;

static void on_prof(int signo)
{
    (void)signo;
    handled = handled + 1;
}

static void start_itimer(void)
{
    struct itimerval every = {{0, 10000}, {0, 10000}};
    setitimer(ITIMER_PROF, &every, NULL);
}

static int own(void)
{
    struct sigaction mine = {.sa_handler = on_prof}, old, now;
    burn(0.1);
    if (sigaction(SIGPROF, &mine, &old) != 0 || old.sa_handler != SIG_DFL)
        return 1;
    start_itimer();
    burn(0.4);
    if (sigaction(SIGPROF, NULL, &now) != 0 || now.sa_handler != on_prof)
        return 2;
    printf("%d\n", (int)handled);
    return handled >= 10 && handled <= 120 ? 0 : 3;
}

static int own_by_signal(void)
{
    burn(0.1);
    if (signal(SIGPROF, on_prof) != SIG_DFL)
        return 1;
    raise(SIGPROF);
    burn(0.2);
    return handled == 1 && signal(SIGPROF, SIG_IGN) == on_prof ? 0 : 2;
}

static int reset(void)
{
    struct sigaction now;
    if (signal(SIGPROF, SIG_IGN) != SIG_DFL || signal(SIGPROF, SIG_DFL) != SIG_IGN)
        return 1;
    for (int signo = 1; signo < 32; signo++)
        signal(signo, SIG_DFL);
    if (sigaction(SIGPROF, NULL, &now) != 0 || now.sa_handler != SIG_DFL)
        return 2;
    burn(0.5);
    return 0;
}

static int ignore(void)
{
    if (signal(SIGPROF, SIG_IGN) != SIG_DFL)
        return 1;
    raise(SIGPROF);
    start_itimer();
    burn(0.5);
    return 0;
}

static int die(void)
{
    burn(0.1);
    raise(SIGPROF);
    return 1; /* not reached */
}

static int die_by_itimer(void)
{
    start_itimer();
    burn(2);
    return 1; /* not reached */
}

static int block(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    if (sigprocmask(SIG_BLOCK, &set, &old) != 0 || sigismember(&old, SIGPROF) != 0)
        return 1;
    burn(0.4);
    if (pthread_sigmask(SIG_UNBLOCK, &set, &old) != 0 || sigismember(&old, SIGPROF) != 1)
        return 2;
    burn(0.4);
    sigfillset(&set);
    if (sigprocmask(SIG_SETMASK, &set, &old) != 0 || sigismember(&old, SIGPROF) != 0)
        return 3;
    burn(0.2);
    sigemptyset(&set);
    return sigprocmask(SIG_SETMASK, &set, &old) == 0 && sigismember(&old, SIGPROF) == 1 ? 0 : 4;
}

static int wait_for_it(void)
{
    sigset_t set;
    int got = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGPROF);
    sigprocmask(SIG_BLOCK, &set, NULL);
    start_itimer();
    burn(0.1);
    return sigwait(&set, &got) == 0 && got == SIGPROF ? 0 : 1;
}

static void *wait_for_any(void *arg)
{
    sigset_t all;
    sigfillset(&all);
    for (int i = 0; i < 20; i++) {
        int got = 0;
        burn(0.02);
        if (sigwait(&all, &got) != 0 || got != SIGUSR1)
            *(int *)arg = got;
    }
    return NULL;
}

static int wait_for_all(void)
{
    pthread_t thread;
    sigset_t all;
    int wrong = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    if (pthread_create(&thread, NULL, wait_for_any, &wrong) != 0)
        return 1;
    for (int i = 0; i < 20; i++) {
        pthread_kill(thread, SIGUSR1);
        usleep(60000); /* longer than it works: signals do not add up */
    }
    for (int i = 0; i < 20; i++) {
        pthread_kill(thread, SIGUSR1);
        usleep(1000);
    }
    pthread_join(thread, NULL);
    return wrong;
}

static sigjmp_buf back;

static void on_segv(int signo)
{
    siglongjmp(back, signo);
}

int overflow(int n);

__attribute__((noinline)) int overflow(int n)
{
    volatile char room[4096];
    room[0] = (char)n;
    return n < 0 ? 0 : overflow(n + 1) + room[0];
}

/* A signal stack of the target's, small or not; it must work, whatever the sampler makes of it. */
static int stack(size_t size)
{
    stack_t mine = {.ss_sp = malloc(size), .ss_size = size}, old;
    struct sigaction catch = {.sa_handler = on_segv, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&mine, NULL) != 0)
        return errno == ENOMEM ? 0 : 1;
    sigaction(SIGSEGV, &catch, NULL);
    burn(0.4);
    if (size >= 8192 && sigsetjmp(back, 1) == 0) /* smaller ones cannot take any signal's frame */
        overflow(0);
    if (sigaltstack(NULL, &old) != 0 || old.ss_sp != mine.ss_sp || old.ss_size != size)
        return 2;
    mine.ss_flags = SS_DISABLE;
    return sigaltstack(&mine, NULL) == 0 ? (burn(0.4), 0) : 3;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } cases[] = {
        {"own", own},
        {"own_by_signal", own_by_signal},
        {"reset", reset},
        {"ignore", ignore},
        {"die", die},
        {"die_by_itimer", die_by_itimer},
        {"block", block},
        {"wait_for_it", wait_for_it},
        {"wait_for_all", wait_for_all},
    };
    for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(argv[1], cases[i].name) == 0)
            return cases[i].run();
    return argc == 3 && strcmp(argv[1], "stack") == 0 ? stack((size_t)atol(argv[2])) : 99;
}
