/*
 * A program whose call tree one knows by heart. A run of `known_tree N` (10 if not given) calls
 *     main            1
 *       trunk         N
 *         branch      3 N      three times per trunk
 *           leaf     12 N      four times per branch
 *         leaf       2 N      and twice directly: 14 N in all
 *       ring          N        calls itself down from 5: 6 N calls on 6 paths
 *       thread_main   2        one each of two threads, which call leaf 5 N times each: 24 N in all
 * and prints these counts.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))

static uint64_t sink; /* written by the main thread only */

NOINLINE static uint64_t leaf(uint64_t state)
{
    XSG_FUNC();
    for (int i = 0; i < 2000; i++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    return state;
}

NOINLINE static uint64_t branch(uint64_t state)
{
    XSG_FUNC();
    for (int i = 0; i < 4; i++)
        state = leaf(state);
    return state;
}

NOINLINE static uint64_t trunk(uint64_t state)
{
    XSG_FUNC();
    for (int i = 0; i < 3; i++)
        state = branch(state);
    state = leaf(state);
    return leaf(state) + 1;
}

NOINLINE static uint64_t ring(uint64_t state, int deeper)
{
    XSG_FUNC();
    for (int i = 0; i < 500; i++)
        state = state * 2862933555777941757u + 3037000493u;
    return deeper > 0 ? ring(state, deeper - 1) + 1 : state;
}

static void *thread_main(void *arg)
{
    unsigned long n = *(const unsigned long *)arg;
    uint64_t state = n;

    XSG_FUNC();
    for (unsigned long i = 0; i < 5 * n; i++)
        state = leaf(state);
    return (void *)(uintptr_t)(state | 1);
}

int main(int argc, char **argv)
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10;
    pthread_t threads[2];

    XSG_FUNC();
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, thread_main, &n) != 0) {
            perror("known_tree");
            exit(1);
        }
    }
    for (unsigned long i = 0; i < n; i++) {
        sink += trunk(i);
        sink += ring(i, 5);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("main 1, trunk %lu, branch %lu, leaf %lu, ring %lu, thread_main 2\n", n, 3 * n, 24 * n,
           6 * n);
    return sink == 0;
}
