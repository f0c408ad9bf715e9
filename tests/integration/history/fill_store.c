/*
 * Fills a store with runs of the commits whose ids stand on stdin, oldest first: what a project's
 * CI would have left there. Functions by name: steady; stepped (+6 % from 40 % of the commits on);
 * creeping (ten times 1 %); moved_house (steady, but 30 % slower on the machine that measures from
 * 70 % on); noisy (20 %).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "baseline/store.h"

enum { MOST = 10000, ROUNDS = 5, FUNCTIONS = 5 };

static char oids[MOST][48];

static double course(size_t function, double part, size_t i, size_t n)
{
    switch (function) {
    case 1:
        return part >= 0.4 ? 1.06 : 1;
    case 2:
        return pow(1.01, fmin(10, floor(12.0 * (double)i / (double)n)));
    default:
        return 1;
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"steady", "stepped", "creeping", "moved_house", "noisy"};
    struct xsg_store *store;
    struct xsg_err err = {0};
    struct xsg_rng rng;
    size_t n = 0;
    if (argc != 2 || xsg_store_open(&store, argv[1], true, &err) != 0) {
        fprintf(stderr, "fill_store STORE < oids: %s\n", err.text);
        return 1;
    }
    xsg_rng_init(&rng, 42);
    while (n < MOST && scanf("%47s", oids[n]) == 1)
        n++;
    for (size_t i = 0; i < n; i++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        double part = (double)i / (double)n, values[FUNCTIONS][ROUNDS];
        struct xsg_target_run target = {.name = "parse", .command = "./parse", .profile = "sample"};
        struct xsg_series series[FUNCTIONS];
        bool other = part >= 0.7;
        for (size_t f = 0; f < FUNCTIONS; f++) {
            double level = 1e7 * (double)(f + 1) * course(f, part, i, n) * (other ? 1.3 : 1);
            double run_noise = exp((f == 4 ? 0.2 : 0.01) * xsg_rng_normal(&rng));
            for (size_t k = 0; k < ROUNDS; k++)
                values[f][k] = level * run_noise * exp(0.003 * xsg_rng_normal(&rng));
            series[f] = (struct xsg_series){
                .target = "parse",
                .function = {.name = names[f], .file = "src/parse.c", .line = (int)f * 10 + 1},
                .metric = "time",
                .unit = "ns",
                .values = values[f],
                .n = ROUNDS};
        }
        struct xsg_run run = {
            .session = oids[i],
            .created = 1700000000 + (int64_t)i * 3600,
            .commit = {.oid = oids[i], .describe = "main", .time = 1700000000 + (int64_t)i * 3600},
            .environment = {.fingerprint = other ? "bbbbbbbbbbbbbbbb" : "aaaaaaaaaaaaaaaa",
                            .cpu_model = other ? "New CPU" : "Old CPU",
                            .cores = 8},
            .targets = &target,
            .n_targets = 1,
            .series = series,
            .n_series = FUNCTIONS};
        if (xsg_store_put(store, &run, &err) != 0) {
            fprintf(stderr, "fill_store: %s\n", err.text);
            return 1;
        }
        xsg_arena_release(&arena);
    }
    xsg_store_close(store);
    printf("%zu\n", n);
    return 0;
}
