/* Built with -finstrument-functions and no header at all: functions CASE [NUMBER [NUMBER]]. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile unsigned long sink;

__attribute__((noinline)) static void leaf(void)
{
    sink++;
}

static inline void inlined(void)
{
    sink += 2;
    leaf();
}

__attribute__((noinline)) static void middle(int n)
{
    for (int i = 0; i < n; i++)
        leaf();
    inlined();
}

/* top (1) -> middle (n) -> leaf (3 n), inlined (n) -> leaf (n) */
__attribute__((noinline)) static void top(long n)
{
    for (long i = 0; i < n; i++)
        middle(3);
}

__attribute__((noinline)) static long recurse(long n)
{
    return n <= 1 ? 1 : 1 + recurse(n - 1);
}

static jmp_buf back;

__attribute__((noinline)) static void jumper(int depth)
{
    volatile char room[64];

    room[0] = (char)depth;
    if (depth == 0)
        longjmp(back, 1);
    if (depth > 0)
        jumper(depth - 1);
    room[1] = room[0];
}

__attribute__((noinline)) static void jump_once(void)
{
    if (setjmp(back) == 0)
        jumper(3);
}

__attribute__((noinline)) static void jumps(long n)
{
    for (long i = 0; i < n; i++)
        jump_once();
    leaf();
}

/* setjmp in the function that loops, so that no caller's end heals what the jump left open. */
__attribute__((noinline)) static void jumps_in_place(long n)
{
    volatile long i = 0;

    setjmp(back);
    while (i++ < n)
        jumper(3);
    leaf();
}

static void *worker(void *arg)
{
    top(*(long *)arg);
    return NULL;
}

static void threads(long count, long n)
{
    pthread_t *handle = calloc((size_t)count, sizeof *handle);

    for (long i = 0; i < count; i++)
        if (pthread_create(&handle[i], NULL, worker, &n) != 0)
            exit(9);
    for (long i = 0; i < count; i++)
        pthread_join(handle[i], NULL);
    free(handle);
}

static ucontext_t main_context, other_context;

__attribute__((noinline)) static void yielder(void)
{
    for (int i = 0; i < 3; i++) {
        leaf();
        swapcontext(&other_context, &main_context);
    }
}

static void coroutine(void)
{
    yielder();
}

static void coroutines(void)
{
    static char stack[65536];

    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    other_context.uc_link = &main_context;
    makecontext(&other_context, coroutine, 0);
    for (int i = 0; i < 4; i++) {
        swapcontext(&main_context, &other_context);
        middle(1);
    }
}

static volatile sig_atomic_t handled;

static void handler(int signal)
{
    (void)signal;
    handled++;
    leaf();
}

static void signals(long ms)
{
    struct itimerval every = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
    struct timespec from, now;
    long n = 0;

    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &every, NULL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        top(20);
        n += 20;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%ld %ld\n", n, (long)handled);
}

__attribute__((noinline)) static void leaves_by_exit(void)
{
    struct timespec from, now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < 20000000);
    exit(3);
}

static int forks(void)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        top(4);
        return 0;
    }
    waitpid(pid, &status, 0);
    top(1);
    return status;
}

__attribute__((noinline)) static long overflow(long n)
{
    volatile char room[1024];

    room[0] = (char)n;
    return n < 1 << 30 ? overflow(n + 1) + room[0] : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? atol(argv[2]) : 0, m = argc > 3 ? atol(argv[3]) : 0;

    if (strcmp(what, "tree") == 0)
        top(n);
    else if (strcmp(what, "recurse") == 0)
        return recurse(n) != n;
    else if (strcmp(what, "jumps") == 0)
        jumps(n);
    else if (strcmp(what, "jumps_in_place") == 0)
        jumps_in_place(n);
    else if (strcmp(what, "threads") == 0)
        threads(n, m);
    else if (strcmp(what, "coroutines") == 0)
        coroutines();
    else if (strcmp(what, "signals") == 0)
        signals(n);
    else if (strcmp(what, "exit") == 0) {
        top(1); /* its end looks for time that other programs had: what comes next has none of it */
        leaves_by_exit();
    } else if (strcmp(what, "fork") == 0)
        return forks();
    else if (strcmp(what, "overflow") == 0)
        return (int)overflow(0);
    else
        return 2;
    return 0;
}
