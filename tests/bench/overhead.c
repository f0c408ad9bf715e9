/*
 * What the profiler costs: each row a ratio against its floor, both measured in turn in one
 * process.
 *
 *     overhead [--runtime FILE] [--pg FILE] [--repetitions N] [--pairs N] [--check]
 *
 * The driver starts itself once per row and number of threads, with the environment that the row
 * needs. A repetition runs, on every thread at once and each pinned to its own core: bare calls,
 * floor calls, the row's calls, each timed by the thread's CPU clock. Net = minus bare; ratio = net
 * of the row / net of the floor, the floor being two reads of the time-stamp counter. Printed:
 * median [lowest..highest] of the repetitions. The first row is bare against bare and must be about
 * 0.
 *
 * Sampling is measured on a program that works: CPU time of the work with the sampler / without,
 * process by process in turn; the median of the ratios of neighbours, with the 95 % interval of the
 * median by order statistics.
 *
 * --check: exit 1 when a row misses its aim.
 */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "overhead_leaf.h"

enum { MAX_REPETITIONS = 101, MAX_THREADS = 2 };

struct row {
    const char *name;
    const char *leaf;
    const char *profile; /* XSGATE_PROFILE; NULL: no session */
    const char *timing;  /* XSGATE_TIMING */
    enum { OURS, PG, UFTRACE } how;
    double aim; /* of the ratio; 0: none */
};

static const struct row rows[] = {
    {"bare against bare", "bare", NULL, NULL, OURS, 0},
    {"timed scope, 1 in 64 in its histogram", "timed", "scopes", NULL, OURS, 1.15},
    {"timed scope, each in the histogram", "timed", "scopes", "full", OURS, 0},
    {"counted scope, 1 in 64 timed", "scope", "scopes", NULL, OURS, 0.1},
    {"idle scope", "scope", NULL, NULL, OURS, 0},
    {"empty function hooks (libc's)", "function", NULL, NULL, OURS, 0},
    {"function hooks, counted", "function", "functions", NULL, OURS, 0},
    {"function hooks, each timed", "function", "functions", "full", OURS, 0},
    {"gprof -pg (counts only)", "function", NULL, NULL, PG, 0},
    {"uftrace -pg", "function", NULL, NULL, UFTRACE, 0},
};

static struct {
    const char *runtime, *pg, *self;
    long repetitions, pairs;
    bool check;
    char session[64];
} options = {NULL, NULL, NULL, 15, 1000000, false, ""};

/* ---- one measurement, in a process of its own ---- */

typedef void leaf(unsigned long);

static pthread_barrier_t barrier;

struct worker {
    leaf *run;
    int core;
    double *nets, *floors; /* ns per pair, by repetition */
};

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double per_call(leaf *run)
{
    double start;

    pthread_barrier_wait(&barrier);
    start = now_ns();
    for (long i = 0; i < options.pairs; i++)
        run((unsigned long)i);
    return (now_ns() - start) / (double)options.pairs;
}

static void *work(void *arg)
{
    const struct worker *worker = arg;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(worker->core, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    for (long i = -1; i < options.repetitions; i++) { /* -1: warm-up */
        double bare = per_call(leaf_bare);
        double lowest = per_call(leaf_floor) - bare;
        double net = per_call(worker->run) - bare;

        if (i >= 0) {
            worker->floors[i] = lowest;
            worker->nets[i] = net;
        }
    }
    return NULL;
}

static leaf *leaf_named(const char *name)
{
    return strcmp(name, "timed") == 0      ? leaf_timed
           : strcmp(name, "scope") == 0    ? leaf_scope
           : strcmp(name, "function") == 0 ? leaf_function
                                           : leaf_bare;
}

static int measure(const char *name, int threads)
{
    static double nets[MAX_THREADS][MAX_REPETITIONS], floors[MAX_THREADS][MAX_REPETITIONS];
    struct worker worker[MAX_THREADS];
    pthread_t handle[MAX_THREADS];

    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        worker[t] = (struct worker){leaf_named(name), threads == 1 ? 1 : t, nets[t], floors[t]};
        if (pthread_create(&handle[t], NULL, work, &worker[t]) != 0)
            return 1;
    }
    for (int t = 0; t < threads; t++)
        pthread_join(handle[t], NULL);
    for (int t = 0; t < threads; t++)
        for (long i = 0; i < options.repetitions; i++)
            printf("%f %f\n", nets[t][i], floors[t][i]);
    return 0;
}

/* Half a second of work of a common kind: branches, memory, calls. Prints its CPU time in ns. */
static unsigned long sift(unsigned *heap, unsigned long n, unsigned value)
{
    unsigned long at = 0;

    while (2 * at + 2 < n) {
        unsigned long child = 2 * at + 1;

        child += heap[child + 1] > heap[child];
        if (heap[child] <= value)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
    return at;
}

static int work_long(long steps)
{
    enum { SIZE = 1 << 16 };
    static unsigned heap[SIZE];
    unsigned long sum = 0;
    unsigned random = 1;
    double start = now_ns();

    for (long i = 0; i < steps; i++) {
        random = random * 1664525u + 1013904223u;
        sum += sift(heap, SIZE, random >> 1);
    }
    printf("%f %lu\n", now_ns() - start, sum);
    return 0;
}

/* ---- the driver ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *sorted, size_t n)
{
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static bool installed(const char *program)
{
    char command[256];

    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0; // NOLINT: a constant name
}

/* Builds the command and environment of a row; false when the peer is not here. */
static bool command_of(const struct row *row, int threads, char *command, size_t size)
{
    char environment[1024] = "", peer[512] = "";
    const char *program = row->how == OURS ? options.self : options.pg;

    if (row->how != OURS && (!program || access(program, X_OK) != 0))
        return false;
    if (row->how == UFTRACE) {
        if (!installed("uftrace"))
            return false;
        snprintf(peer, sizeof peer, "uftrace record --no-libcall -d %s/uftrace ", options.session);
    }
    if (row->profile)
        snprintf(environment, sizeof environment,
                 "LD_PRELOAD=%s XSGATE_SESSION=%s XSGATE_PROFILE=%s XSGATE_TIMING=%s ",
                 options.runtime, options.session, row->profile,
                 row->timing ? row->timing : "auto");
    snprintf(command, size, "cd %s && %s%s%s --measure %s %d --repetitions %ld --pairs %ld",
             options.session, environment, peer, program, row->leaf, threads, options.repetitions,
             row->how == UFTRACE ? options.pairs / 5 : options.pairs);
    return true;
}

/* Prints one cell; false when the aim is missed. */
static bool print_cell(const struct row *row, int threads)
{
    static double ratios[MAX_THREADS * MAX_REPETITIONS], nets[MAX_THREADS * MAX_REPETITIONS];
    char command[4096], cell[64];
    size_t n = 0;
    FILE *pipe;

    if (!command_of(row, threads, command, sizeof command)) {
        printf(" %-30s", "not installed");
        return true;
    }
    pipe = popen(command, "r"); // NOLINT: composed above
    while (pipe && n < sizeof nets / sizeof *nets) {
        double net, lowest;

        if (fscanf(pipe, "%lf %lf", &net, &lowest) != 2)
            break;
        nets[n] = net;
        ratios[n++] = net / lowest;
    }
    if (!pipe || pclose(pipe) != 0 || n == 0) {
        printf(" %-30s", "failed");
        return false;
    }
    qsort(nets, n, sizeof *nets, by_value);
    qsort(ratios, n, sizeof *ratios, by_value);
    snprintf(cell, sizeof cell, "%.3f [%.3f..%.3f] %.1f ns", median(ratios, n), ratios[0],
             ratios[n - 1], median(nets, n));
    printf(" %-30s", cell);
    fflush(stdout);
    return row->aim <= 0 || median(ratios, n) <= row->aim;
}

/* CPU time of the work in ns; 0 when it failed. */
static double work_once(bool sampled)
{
    char command[4096], environment[2048] = "";
    double ns = 0;
    FILE *pipe;

    if (sampled)
        snprintf(environment, sizeof environment,
                 "LD_PRELOAD=%s XSGATE_SESSION=%s XSGATE_PROFILE=sample XSGATE_RATE=250 ",
                 options.runtime, options.session);
    snprintf(command, sizeof command, "%s%s --work %ld", environment, options.self,
             options.pairs * 8);
    pipe = popen(command, "r"); // NOLINT: composed above
    if (!pipe)
        return 0;
    if (fscanf(pipe, "%lf", &ns) != 1)
        ns = 0;
    return pclose(pipe) == 0 ? ns : 0;
}

static bool print_sampling(bool sampled, const char *name)
{
    static double ratios[4 * MAX_REPETITIONS];
    size_t n = (size_t)options.repetitions * 2, rank;

    work_once(sampled); /* warm-up */
    for (size_t i = 0; i < n; i++) {
        double first = work_once(i % 2 == 0 && sampled), second = work_once(i % 2 == 1 && sampled);

        if (first <= 0 || second <= 0) {
            printf("%-43s failed\n", name);
            return false;
        }
        ratios[i] = i % 2 == 0 ? first / second : second / first;
    }
    qsort(ratios, n, sizeof *ratios, by_value);
    /* ranks n/2 -+ 0.98 sqrt(n) enclose the median with 95 % (Conover 1999, 3.2) */
    rank = (size_t)(0.98 * sqrt((double)n));
    printf("%-43s %.4f [%.4f..%.4f] of the CPU time without, %zu pairs\n", name, median(ratios, n),
           ratios[n / 2 > rank ? n / 2 - rank : 0], ratios[n / 2 + rank < n ? n / 2 + rank : n - 1],
           n);
    return true;
}

static int drive(void)
{
    bool met = true, all = true;

    printf("ratio to two clock reads, median [lowest..highest] of %ld repetitions of %ld pairs\n",
           options.repetitions, options.pairs);
    printf("%-38s %-6s %-30s %-30s\n", "", "aim", "T=1", "T=2");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char aim[16] = "";

        if (rows[i].aim > 0)
            snprintf(aim, sizeof aim, "%.2f", rows[i].aim);
        printf("%-38s %-6s", rows[i].name, aim);
        met = print_cell(&rows[i], 1);
        met = print_cell(&rows[i], 2) && met;
        printf(" %s\n", met ? "" : "MISSED");
        all = all && met;
    }
    all = print_sampling(false, "work against the same work") && all;
    all = print_sampling(true, "work sampled at 250 Hz") && all;
    return options.check && !all;
}

int main(int argc, char **argv)
{
    const char *leaf_name = NULL;
    long steps = 0;
    int threads = 1, status;
    char self[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    options.self = self;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--measure") == 0 && i + 2 < argc) {
            leaf_name = argv[++i];
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--work") == 0 && i + 1 < argc) {
            steps = atol(argv[++i]);
        } else if (strcmp(argv[i], "--runtime") == 0 && i + 1 < argc) {
            options.runtime = realpath(argv[++i], NULL);
        } else if (strcmp(argv[i], "--pg") == 0 && i + 1 < argc) {
            options.pg = realpath(argv[++i], NULL);
        } else if (strcmp(argv[i], "--repetitions") == 0 && i + 1 < argc) {
            options.repetitions = atol(argv[++i]);
        } else if (strcmp(argv[i], "--pairs") == 0 && i + 1 < argc) {
            options.pairs = atol(argv[++i]);
        } else if (strcmp(argv[i], "--check") == 0) {
            options.check = true;
        } else {
            fprintf(stderr, "overhead: unknown argument '%s'\n", argv[i]);
            return 2;
        }
    }
    if (options.repetitions < 1 || options.repetitions > MAX_REPETITIONS || options.pairs < 1 ||
        threads < 1 || threads > MAX_THREADS)
        return 2;
    if (steps > 0)
        return work_long(steps);
    if (leaf_name)
        return measure(leaf_name, threads);
    strcpy(options.session, "/tmp/xsgate-overhead-XXXXXX");
    if (!options.runtime || !mkdtemp(options.session))
        return 2;
    status = drive();
    snprintf(self, sizeof self, "rm -rf %s", options.session);
    return system(self) == 0 ? status : 1; // NOLINT: our own temporary folder
}
