/*
 * tree MODE: a call tree that one knows by heart, once or several times.
 *
 *     top                 1
 *       middle            4
 *         leaf            3 each; counter "items" += 5 each
 *       recurse           1, and 9 below each other
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xsgate/profile.h>

#define FUNCTION __attribute__((noinline)) static

/* Of the thread's CPU time: the same for the clock of a scope and for samples, if undisturbed. */
__attribute__((noinline, no_instrument_function)) static void burn(long ms)
{
    struct timespec start, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

FUNCTION void leaf(void)
{
    XSG_FUNC();
    __asm__ __volatile__("");
}

FUNCTION void middle(void)
{
    XSG_FUNC();
    for (int i = 0; i < 3; i++)
        leaf();
    XSG_COUNTER("items", 5);
}

FUNCTION void recurse(int n)
{
    XSG_FUNC();
    if (n > 0)
        recurse(n - 1);
    __asm__ __volatile__("");
}

FUNCTION void top(void)
{
    XSG_FUNC();
    for (int i = 0; i < 4; i++)
        middle();
    recurse(9);
}

FUNCTION void heavy(void)
{
    XSG_FUNC();
    burn(300);
}

FUNCTION void light(void)
{
    XSG_FUNC();
    burn(100);
}

FUNCTION void work(void)
{
    XSG_FUNC();
    heavy();
    light();
    burn(100);
}

FUNCTION void die(void)
{
    XSG_FUNC();
    top();
    raise(SIGKILL);
}

FUNCTION void leave(void)
{
    XSG_FUNC();
    top();
    exit(0);
}

static void *run_thread(void *arg)
{
    (void)arg;
    top();
    return NULL;
}

FUNCTION void threads(void)
{
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        if (pthread_create(&thread[i], NULL, run_thread, NULL))
            abort();
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
}

FUNCTION void forks(void)
{
    pid_t pid = fork();
    top();
    if (pid == 0)
        exit(0);
    waitpid(pid, NULL, 0);
}

FUNCTION void bench(void)
{
    XSG_BENCH("loop")
    {
        leaf();
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"top", top},         {"work", work},   {"die", die},    {"leave", leave},
                 {"threads", threads}, {"forks", forks}, {"bench", bench}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, mode) == 0) {
            modes[i].run();
            return 0;
        }
    }
    return 2;
}
