/*
 * A neighbour on the same machine: bursts of work through memory, of 20 to 500 ms with pauses as
 * long, on the CPU that is given. disturb CPU SECONDS
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WORDS = 4 << 20 };

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    cpu_set_t set;
    uint64_t *words = calloc(WORDS, sizeof *words), x = 1;
    double end = now_s() + (argc > 2 ? atof(argv[2]) : 1);

    if (argc != 3 || !words) {
        fprintf(stderr, "usage: disturb CPU SECONDS\n");
        return 2;
    }
    CPU_ZERO(&set);
    CPU_SET(atoi(argv[1]), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        perror("disturb");
    while (now_s() < end) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        double burst = 0.02 + (double)(x >> 40) / (double)(1 << 24) * 0.48;
        double until = now_s() + burst;

        while (now_s() < until)
            for (int i = 0; i < 1000; i++) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                words[x >> 42] += x;
            }
        struct timespec pause = {0, (long)((burst < 0.9 ? burst : 0.9) * 1e9)};
        nanosleep(&pause, NULL);
    }
    free(words);
    return 0;
}
