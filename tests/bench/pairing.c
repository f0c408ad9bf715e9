/*
 * How much do base and head of a round differ when nothing but the pairing does? Runs pairs of two
 * commands (the same one twice: A/A) in each of the three ways, interleaved, so that all see the
 * same machine in the same minutes, and prints the spread and the mean of ln(head / base) of CPU
 * time.
 *
 *     bench_pairing [--rounds N] [--runtime LIBRARY] BASE [HEAD]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/rng.h"
#include "base/stats.h"
#include "harness/launch.h"
#include "harness/machine.h"

enum { ALTERNATE, SAME_CORE, TWO_CORE, WAYS };
static const char *const names[WAYS] = {"alternate", "same-core", "two-core"};

static struct xsg_launcher launcher = {.scratch = "/tmp", .pin_cpu = -1};
static struct xsg_suite_target targets[2];
static int cpus[2];
static struct xsg_rng rng;
static bool bare = true;

static double cpu_ns(const struct xsg_invocation *run)
{
    if (run->failure) {
        fprintf(stderr, "%s\n", run->failure);
        exit(1);
    }
    return (double)(run->proc.user_ns + run->proc.system_ns);
}

static double now_s(void)
{
    return (double)xsg_system_clock.monotonic_ns(xsg_system_clock.arg) / 1e9;
}

/* One pair: ln(head / base). order: who is first, or on which core. */
static double run_one(int way, int order, double *ns)
{
    struct xsg_arena arena[2] = {XSG_ARENA_INIT, XSG_ARENA_INIT};
    struct xsg_arena *const arenas[2] = {&arena[0], &arena[1]};
    struct xsg_invocation out[2];
    struct xsg_launch launch[2] = {{.target = &targets[0], .root = ".", .no_profile = bare},
                                   {.target = &targets[1], .root = ".", .no_profile = bare}};
    struct xsg_err err = {0};
    int rc = 0;
    if (way == ALTERNATE) {
        launcher.pin_cpu = cpus[1];
        for (int i = 0; rc == 0 && i < 2; i++)
            rc = xsg_launch_run(&arena[i ^ order], &launcher, &launch[i ^ order], &out[i ^ order],
                                &err);
    } else {
        struct xsg_launch_pair pair = {.launch = {launch[order], launch[!order]},
                                       .cpu = {cpus[way == SAME_CORE], cpus[1]}};
        struct xsg_invocation swapped[2];
        rc = xsg_launch_pair(arenas, &launcher, &pair, swapped, &err);
        out[order] = swapped[0];
        out[!order] = swapped[1];
    }
    if (rc != 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    double base = cpu_ns(&out[0]), head = cpu_ns(&out[1]);
    *ns += base / 2 + head / 2;
    xsg_arena_release(&arena[0]);
    xsg_arena_release(&arena[1]);
    return log(head / base);
}

static void print(int way, const double *y, size_t n, double seconds, double ns)
{
    struct xsg_estimate e = xsg_trimmed_mean(y, n, 0.2);
    printf("%-10s n %3zu  spread %6.3f %% (sd %6.3f %%)  head/base %+7.3f %% +- %.3f  "
           "%5.0f ms CPU a side  %6.3f s a pair\n",
           names[way], n, 100 * xsg_mad(y, n), 100 * xsg_stddev(y, n), 100 * e.location, 100 * e.se,
           ns / 1e6 / (double)n, seconds / (double)n);
}

int main(int argc, char **argv)
{
    size_t rounds = 20;
    struct xsg_err err = {0};
    int i = 1;
    xsg_proc_start_helper(&err);
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = (size_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--runtime") == 0)
            launcher.runtime = argv[i + 1];
    }
    if (i >= argc)
        return 2;
    bare = !launcher.runtime;
    for (int k = 0; k < 2; k++)
        targets[k] = (struct xsg_suite_target){.name = "t",
                                               .command = argv[i + 1 < argc ? i + k : i],
                                               .profile = XSG_MODE_SAMPLE,
                                               .timeout_s = 600,
                                               .rate_hz = 250};
    if (xsg_machine_pick_cpus(cpus) < 2)
        cpus[0] = cpus[1];
    xsg_rng_init(&rng, xsg_rng_seed_from_system());
    double *y[WAYS], seconds[WAYS] = {0}, ns[WAYS] = {0};
    for (int way = 0; way < WAYS; way++)
        y[way] = calloc(rounds, sizeof *y[way]);
    for (size_t r = 0; r < rounds; r++) {
        for (int k = 0, first = (int)xsg_rng_below(&rng, WAYS); k < WAYS; k++) {
            int way = (first + k) % WAYS;
            double start = now_s();
            y[way][r] = run_one(way, (int)xsg_rng_below(&rng, 2), &ns[way]);
            seconds[way] += now_s() - start;
        }
    }
    for (int way = 0; way < WAYS; way++) {
        print(way, y[way], rounds, seconds[way], ns[way]);
        free(y[way]);
    }
    return 0;
}
