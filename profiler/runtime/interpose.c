/*
 * What only the preloaded library can do: stand before libc.
 *
 * pthread_create, thrd_create   a thread must be sampled from its first instruction on
 * dlclose                       addresses in the tree must keep their meaning until the end
 * exec...                       the file shall say that the program was replaced, not killed
 *
 * Every wrapper forwards at once when it is not needed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#include "profiler/runtime/runtime.h"

#define XSG__EXPORT __attribute__((visibility("default")))

/* libc's own, looked up once each; racing threads find the same. */
#define XSG__REAL(name)                                                                            \
    ({                                                                                             \
        static __typeof__(&name) real_;                                                            \
        __typeof__(&name) found_ = __atomic_load_n(&real_, __ATOMIC_RELAXED);                      \
        if (!found_) {                                                                             \
            *(void **)(void *)&found_ = dlsym(RTLD_NEXT, #name);                                   \
            __atomic_store_n(&real_, found_, __ATOMIC_RELAXED);                                    \
        }                                                                                          \
        found_;                                                                                    \
    })

/* ---- threads ---- */

struct start {
    void *(*run)(void *);
    int (*run_c11)(void *);
    void *arg;
};

static bool sampling(void)
{
    return xsg__process.armed && xsg__process.config.modes & XSG_SEG_MODE_SAMPLE;
}

/* Made by the creator, in normal context; freed by the new thread before its own code runs. */
static struct start *make_start(void *(*run)(void *), int (*run_c11)(void *), void *arg)
{
    struct start *start = malloc(sizeof *start);

    if (start) {
        start->run = run;
        start->run_c11 = run_c11;
        start->arg = arg;
    }
    return start;
}

static void *run_posix(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    xsg__thread_get();
    return start.run(start.arg); /* its end is seen by the key's destructor */
}

static int run_c11(void *arg)
{
    struct start start = *(struct start *)arg;

    free(arg);
    xsg__thread_get();
    return start.run_c11(start.arg);
}

XSG__EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                               void *arg)
{
    struct start *start = sampling() ? make_start(run, NULL, arg) : NULL;
    int rc;

    if (!start)
        return XSG__REAL(pthread_create)(thread, attr, run, arg);
    rc = XSG__REAL(pthread_create)(thread, attr, run_posix, start);
    if (rc != 0)
        free(start);
    return rc;
}

/* glibc's thrd_create does not go through the public pthread_create. */
XSG__EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct start *start = sampling() ? make_start(NULL, run, arg) : NULL;
    int rc;

    if (!start)
        return XSG__REAL(thrd_create)(thread, run, arg);
    rc = XSG__REAL(thrd_create)(thread, run_c11, start);
    if (rc != thrd_success)
        free(start);
    return rc;
}

/* ---- libraries ---- */

/* A closed library's addresses could be given to another one, and both would be one node; the
 * unwinder's tables would be gone as well. So libraries stay while addresses are recorded. */
XSG__EXPORT int dlclose(void *handle)
{
    if (xsg__process.armed &&
        xsg__process.config.modes & (XSG_SEG_MODE_FUNCTIONS | XSG_SEG_MODE_SAMPLE))
        return 0;
    return XSG__REAL(dlclose)(handle);
}

/* ---- exec ---- */

/* A child of vfork runs in its parent's memory: it must not mark its parent's file. */
static bool mark_exec(void)
{
    struct xsg_seg_header *header = xsg__process.header;

    if (!xsg__process.armed || xsg__process.unsettled || header->pid != (uint32_t)getpid())
        return false;
    xsg__renew_last();
    __atomic_store_n(&header->state, XSG_SEG_EXECED, __ATOMIC_RELEASE);
    return true;
}

/* exec came back, so it failed. */
static int unmark_exec(bool marked, int rc)
{
    if (marked)
        __atomic_store_n(&xsg__process.header->state, XSG_SEG_RUNNING, __ATOMIC_RELEASE);
    return rc;
}

XSG__EXPORT int execve(const char *path, char *const argv[], char *const env[])
{
    bool marked = mark_exec();

    return unmark_exec(marked, XSG__REAL(execve)(path, argv, env));
}

XSG__EXPORT int execv(const char *path, char *const argv[])
{
    bool marked = mark_exec();

    return unmark_exec(marked, XSG__REAL(execv)(path, argv));
}

XSG__EXPORT int execvp(const char *file, char *const argv[])
{
    bool marked = mark_exec();

    return unmark_exec(marked, XSG__REAL(execvp)(file, argv));
}

XSG__EXPORT int execvpe(const char *file, char *const argv[], char *const env[])
{
    bool marked = mark_exec();

    return unmark_exec(marked, XSG__REAL(execvpe)(file, argv, env));
}

XSG__EXPORT int fexecve(int fd, char *const argv[], char *const env[])
{
    bool marked = mark_exec();

    return unmark_exec(marked, XSG__REAL(fexecve)(fd, argv, env));
}

static size_t count_args(va_list args)
{
    size_t n = 2; /* the first and the NULL */

    while (va_arg(args, char *))
        n++;
    return n;
}

/* The variadic ones become vectors on the stack: exec may be called where malloc may not. */
#define XSG__COLLECT(first)                                                                        \
    va_list list_;                                                                                 \
    size_t n_, i_;                                                                                 \
    char **argv;                                                                                   \
    va_start(list_, first);                                                                        \
    n_ = count_args(list_);                                                                        \
    va_end(list_);                                                                                 \
    argv = __builtin_alloca(n_ * sizeof *argv);                                                    \
    va_start(list_, first);                                                                        \
    *(const char **)(void *)&argv[0] = first;                                                      \
    for (i_ = 1; i_ < n_; i_++)                                                                    \
        argv[i_] = va_arg(list_, char *);

XSG__EXPORT int execl(const char *path, const char *first, ...)
{
    XSG__COLLECT(first)
    va_end(list_);
    return execv(path, argv);
}

XSG__EXPORT int execlp(const char *file, const char *first, ...)
{
    XSG__COLLECT(first)
    va_end(list_);
    return execvp(file, argv);
}

XSG__EXPORT int execle(const char *path, const char *first, ...)
{
    char *const *env;

    XSG__COLLECT(first)
    env = va_arg(list_, char *const *);
    va_end(list_);
    return execve(path, argv, env);
}
