/* Known call trees by heart: scopes CASE [NUMBER [NUMBER]]. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <xsgate/profile.h>

#include "shared.h"

static __thread volatile unsigned long sink;

/* CPU time, so that a neighbour does not do the waiting. */
static void spin(unsigned long ns)
{
    struct timespec from, now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((unsigned long)(now.tv_sec - from.tv_sec) * 1000000000ul + (unsigned long)now.tv_nsec -
               (unsigned long)from.tv_nsec <
           ns);
}

static void leaf(void)
{
    XSG_FUNC();
    sink++;
}

static void middle(int n)
{
    XSG_FUNC();
    for (int i = 0; i < n; i++)
        leaf();
    {
        XSG_SCOPE("block");
        leaf();
    }
}

/* root -> top (1) -> middle (n) -> leaf (3 n), block (n) -> leaf (n) */
static void tree(long n)
{
    XSG_SCOPE("top");
    for (long i = 0; i < n; i++)
        middle(3);
}

static void *tree_thread(void *arg)
{
    tree(*(long *)arg);
    return NULL;
}

static int tree_c11(void *arg)
{
    tree(*(long *)arg);
    return 0;
}

static pthread_barrier_t all_here;

static void *crowd_thread(void *arg)
{
    tree(*(long *)arg);
    pthread_barrier_wait(&all_here); /* nobody ends before everybody has begun */
    return NULL;
}

static void crowd(long count, long n)
{
    pthread_t *handle = calloc((size_t)count, sizeof *handle);

    pthread_barrier_init(&all_here, NULL, (unsigned)count);
    for (long i = 0; i < count; i++)
        if (pthread_create(&handle[i], NULL, crowd_thread, &n) != 0)
            exit(9);
    for (long i = 0; i < count; i++)
        pthread_join(handle[i], NULL);
    free(handle);
}

static void threads(long count, long n)
{
    pthread_t *handle = calloc((size_t)count, sizeof *handle);

    for (long i = 0; i < count; i++)
        if (pthread_create(&handle[i], NULL, tree_thread, &n) != 0)
            exit(9);
    for (long i = 0; i < count; i++)
        pthread_join(handle[i], NULL);
    free(handle);
}

/* Threads one after another, so that regions serve again. */
static void relay(long count, long n)
{
    for (long i = 0; i < count; i++) {
        pthread_t handle;
        thrd_t other;

        if (i % 2 == 0 || getenv("TSAN_OPTIONS")) { /* which knows no C11 threads */
            if (pthread_create(&handle, NULL, tree_thread, &n) != 0)
                exit(9);
            pthread_join(handle, NULL);
        } else {
            if (thrd_create(&other, tree_c11, &n) != thrd_success)
                exit(9);
            thrd_join(other, NULL);
        }
    }
}

static void pairs_then_kill(long n)
{
    for (long i = 0; i < n; i++) {
        XSG_SCOPE("pair");
        sink++;
    }
    raise(SIGKILL);
}

static void numbers(long n)
{
    XSG_SCOPE("numbers");
    for (long i = 1; i <= n; i++) {
        XSG_COUNTER("bytes", i);
        XSG_ATTR("last", -i);
    }
    XSG_ATTR_TEXT("format", "json");
    for (int i = 0; i < 3; i++)
        XSG_ATTR_TEXT("format", "yaml");
}

static void benches(void)
{
    XSG_BENCH("fast")
    {
        sink++;
    }
    XSG_BENCH("slow")
    {
        spin(200000);
    }
    XSG_BENCH("broken")
    {
        XSG_SCOPE("inside");
        if (sink)
            break;
    }
    XSG_SCOPE("after");
    sink++;
}

static jmp_buf back;

static void jumper(int depth)
{
    XSG_SCOPE("jumper");
    if (depth == 0)
        longjmp(back, 1);
    if (depth > 0)
        jumper(depth - 1);
}

static void jumps_once(void)
{
    if (setjmp(back) == 0)
        jumper(2);
}

/* No scope is open around the loop: only the stack tells that the jumpers are over. */
static void jumps(long n)
{
    for (long i = 0; i < n; i++)
        jumps_once();
    XSG_SCOPE("after");
    leaf();
}

static void pairs(void)
{
    XSG_BEGIN("outer");
    XSG_BEGIN("inner");
    sink++;
    XSG_END();
    leaf();
    XSG_END();
    XSG_END(); /* one too many */
    {
        XSG_SCOPE("block");
        XSG_BEGIN("lost"); /* its end never comes: the block's end closes it */
    }
    XSG_BEGIN("outer");
    XSG_END();
    XSG_SCOPE("last");
    sink++;
}

static volatile sig_atomic_t handled;

static void handler(int signal)
{
    (void)signal;
    handled++;
    XSG_SCOPE("handler");
    leaf();
}

/* Scopes under a timer's fire; new call paths all the time, so that the slow half is hit as well.
 */
static void path(unsigned bits, int depth)
{
    if (depth == 0)
        return;
    if (bits & 1) {
        XSG_SCOPE("one");
        path(bits >> 1, depth - 1);
    } else {
        XSG_SCOPE("zero");
        path(bits >> 1, depth - 1);
    }
}

static void signals(long ms)
{
    struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    struct timespec from, now;
    unsigned bits = 1;
    long n = 0;

    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &every, NULL);
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        bits = bits * 1664525u + 1013904223u;
        path(bits >> 8, 12);
        tree(1);
        n++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%ld %ld\n", n, (long)handled);
}

static void overflow(int n)
{
    volatile char room[4096];

    XSG_SCOPE("down");
    room[0] = (char)n;
    if (n < 1 << 30)
        overflow(n + room[0] % 2 + 1);
    sink += (unsigned long)room[0];
}

static void recursion(long n)
{
    XSG_SCOPE("deep");
    if (n > 1)
        recursion(n - 1);
    sink++;
}

/* A neighbour on the same CPU takes half of it; waiting is the program's own. */
static int contended(long slices)
{
    cpu_set_t one;
    pid_t neighbour;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    neighbour = fork();
    if (neighbour == 0)
        for (;;)
            sink++;
    {
        XSG_SCOPE("whole");
        for (long i = 0; i < slices; i++) {
            XSG_SCOPE("slice");
            spin(1000000);
        }
    }
    {
        XSG_SCOPE("waits");
        usleep(30000);
    }
    kill(neighbour, SIGKILL);
    waitpid(neighbour, NULL, 0);
    return 0;
}

static int forks(long n)
{
    int status = 0, worst = 0;

    XSG_SCOPE("parent");
    leaf();
    spin(20000000);
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            {
                XSG_SCOPE("child");
                leaf();
                leaf();
            }
            if (i == 1)
                threads(2, 5);
            if (i == 2)
                raise(SIGKILL);
            return 0;
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) > worst)
            worst = WEXITSTATUS(status);
        leaf();
    }
    return worst;
}

static int execs(char **argv)
{
    char path[] = "/nonexistent/program", *missing[] = {path, NULL};

    XSG_SCOPE("before");
    if (execv(missing[0], missing) != -1 || errno != ENOENT)
        return 8;
    execl(argv[0], argv[0], "tree", "2", (char *)NULL);
    return 7;
}

/* What daemons do: leave the folder, close everything, drop the terminal. */
static int daemonish(void)
{
    struct rlimit limit;

    leaf();
    if (chdir("/") != 0)
        return 1;
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 0; fd < 256; fd++)
        close(fd);
    threads(3, 10);
    tree(5);
    return open_descriptors() == 0 ? 0 : 6;
}

static int plugins(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    void (*run)(long);

    if (!library)
        return 5;
    *(void **)(void *)&run = dlsym(library, "plugin_run");
    run(7);
    if (dlclose(library) != 0)
        return 4;
    library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    *(void **)(void *)&run = dlsym(library, "plugin_run");
    run(4);
    return 0;
}

/* As many call sites as asked for cannot be written down: many paths instead. */
static void wide(long n)
{
    for (long i = 0; i < n; i++)
        path((unsigned)i, 14);
}

static void mixed_costs(long n)
{
    for (long i = 0; i < n; i++) {
        {
            XSG_SCOPE("short");
            sink++;
        }
        {
            XSG_SCOPE("long");
            spin(20000);
        }
        {
            XSG_SCOPE_TIMED("always");
            sink++;
        }
    }
}

/* Cost alternates with the period of the thinned timing: without jitter the estimate would be off.
 */
static void aliasing(long n)
{
    for (long i = 0; i < n; i++) {
        XSG_SCOPE("periodic");
        if (i % 64 == 0)
            spin(6400);
        else
            sink++;
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? atol(argv[2]) : 0, m = argc > 3 ? atol(argv[3]) : 0;

    if (strcmp(what, "tree") == 0)
        tree(n);
    else if (strcmp(what, "threads") == 0)
        threads(n, m);
    else if (strcmp(what, "crowd") == 0)
        crowd(n, m);
    else if (strcmp(what, "relay") == 0)
        relay(n, m);
    else if (strcmp(what, "kill") == 0)
        pairs_then_kill(n);
    else if (strcmp(what, "numbers") == 0)
        numbers(n);
    else if (strcmp(what, "bench") == 0)
        benches();
    else if (strcmp(what, "jumps") == 0)
        jumps(n);
    else if (strcmp(what, "pairs") == 0)
        pairs();
    else if (strcmp(what, "signals") == 0)
        signals(n);
    else if (strcmp(what, "overflow") == 0)
        overflow(0);
    else if (strcmp(what, "recursion") == 0)
        recursion(n);
    else if (strcmp(what, "fork") == 0)
        return forks(n);
    else if (strcmp(what, "contended") == 0)
        return contended(n);
    else if (strcmp(what, "exec") == 0)
        return execs(argv);
    else if (strcmp(what, "daemon") == 0)
        return daemonish();
    else if (strcmp(what, "plugin") == 0)
        return plugins(argv[2]);
    else if (strcmp(what, "wide") == 0)
        wide(n);
    else if (strcmp(what, "mixed") == 0)
        mixed_costs(n);
    else if (strcmp(what, "aliasing") == 0)
        aliasing(n);
    else if (strcmp(what, "other") == 0)
        other_file(n);
    else
        return 2;
    return 0;
}
