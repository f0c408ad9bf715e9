/* A program that does what its arguments say, one after the other; see the table at the end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xsgate/profile.h>

static volatile unsigned long sink;

static void spin(int ms)
{
    struct timespec t;
    long long end = 0, now;

    do {
        for (int i = 0; i < 20000; i++)
            sink += (unsigned long)i;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        now = (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
        if (end == 0)
            end = now + ms;
    } while (now < end);
}

static void with_scopes(int n)
{
    for (int i = 0; i < n; i++) {
        XSG_SCOPE("step");
        sink++;
    }
}

static void with_bench(int n)
{
    (void)n;
    XSG_BENCH("loop")
    {
        for (int i = 0; i < 1000; i++)
            sink++;
    }
}

static void deeper(int n)
{
    XSG_SCOPE_TIMED("deeper");
    if (n > 1)
        deeper(n - 1);
    sink++;
}

static void print_many(int megabytes)
{
    static char line[1 << 20];

    memset(line, '.', sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < megabytes; i++)
        fwrite(line, 1, sizeof line, stdout);
    puts("the last line \033[31m");
    fflush(stdout);
}

/* A grandchild in a session of its own that outlives everybody. */
static void leave_child(int n)
{
    for (int i = 0; i < n; i++) {
        if (fork() == 0) {
            setsid();
            sleep(60);
            _exit(0);
        }
    }
}

static void fork_and_wait(int n)
{
    for (int i = 0; i < n; i++) {
        if (fork() == 0) {
            with_scopes(100);
            exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
}

static void print_environment(int n)
{
    (void)n;
    for (char **entry = environ; *entry; entry++)
        puts(*entry);
    fflush(stdout);
}

/* CPU time so far, in ns. */
static void print_cpu(int n)
{
    struct timespec t;

    (void)n;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    printf("%lld\n", (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    fflush(stdout);
}

static void crash(int n)
{
    (void)n;
    fputs("about to crash\n", stderr);
    raise(SIGSEGV);
}

static void hang(int n)
{
    (void)n;
    for (;;)
        pause();
}

static void ignore_term(int n)
{
    (void)n;
    signal(SIGTERM, SIG_IGN);
}

static void close_all(int n)
{
    (void)n;
    for (int fd = 0; fd < 256; fd++)
        close(fd);
}

static void leave(int status)
{
    exit(status);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*act)(int);
    } acts[] = {
        {"spin", spin},           {"scopes", with_scopes},
        {"bench", with_bench},    {"deeper", deeper},
        {"print", print_many},    {"leave_child", leave_child},
        {"fork", fork_and_wait},  {"environment", print_environment},
        {"cpu", print_cpu},       {"crash", crash},
        {"hang", hang},           {"ignore_term", ignore_term},
        {"close_all", close_all}, {"exit", leave},
    };

    for (int i = 1; i + 1 < argc; i += 2) {
        for (size_t k = 0; k < sizeof acts / sizeof acts[0]; k++) {
            if (strcmp(argv[i], acts[k].name) == 0)
                acts[k].act(atoi(argv[i + 1]));
        }
    }
    return 0;
}
