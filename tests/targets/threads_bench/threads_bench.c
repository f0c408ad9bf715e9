/*
 * A multi-threaded benchmark: a bounded work queue feeds blocks of numbers to a few threads, which
 * transform and digest them.
 *     threads_bench [BLOCKS [THREADS]]
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xsgate/profile.h>

#define NOINLINE __attribute__((noinline))

/* The queue holds all: a full one would make queue_put as slow as the threads are. */
enum { BLOCK = 4096, QUEUE = 4096, MAX_THREADS = 64 };

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    uint32_t seeds[QUEUE];
    size_t first, n;
    bool closed;
};

struct worker {
    pthread_t thread;
    struct queue *queue;
    uint64_t digest;
    size_t blocks;
};

NOINLINE static void queue_put(struct queue *queue, uint32_t seed)
{
    XSG_FUNC();
    pthread_mutex_lock(&queue->lock);
    while (queue->n == QUEUE)
        pthread_cond_wait(&queue->emptied, &queue->lock);
    queue->seeds[(queue->first + queue->n++) % QUEUE] = seed;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

/* false: closed and empty. */
NOINLINE static bool queue_take(struct queue *queue, uint32_t *seed)
{
    bool taken;

    XSG_FUNC();
    pthread_mutex_lock(&queue->lock);
    while (queue->n == 0 && !queue->closed)
        pthread_cond_wait(&queue->filled, &queue->lock);
    taken = queue->n > 0;
    if (taken) {
        *seed = queue->seeds[queue->first];
        queue->first = (queue->first + 1) % QUEUE;
        queue->n--;
        pthread_cond_signal(&queue->emptied);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

static void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

NOINLINE static void fill_block(uint32_t *block, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;

    XSG_FUNC();
    for (size_t i = 0; i < BLOCK; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        block[i] = state;
    }
}

/* In place: each pass adds to a number the one that lies a stride behind it. */
NOINLINE static void transform_block(uint32_t *block)
{
    XSG_FUNC();
    for (size_t stride = 1; stride < BLOCK; stride *= 4) {
        for (size_t i = stride; i < BLOCK; i++)
            block[i] = (block[i] << 7 | block[i] >> 25) + block[i - stride];
    }
}

NOINLINE static uint64_t digest_block(const uint32_t *block)
{
    uint64_t digest = 0x9e3779b97f4a7c15u;

    XSG_FUNC();
    for (int pass = 0; pass < 6; pass++) {
        for (size_t i = 0; i < BLOCK; i++) {
            digest ^= block[i] + (uint64_t)i;
            digest *= 0xff51afd7ed558ccdu;
            digest ^= digest >> 33;
        }
    }
    return digest;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    uint32_t block[BLOCK];
    uint32_t seed;

    XSG_FUNC();
    while (queue_take(worker->queue, &seed)) {
        fill_block(block, seed);
        transform_block(block);
        worker->digest ^= digest_block(block);
        worker->blocks++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    uint32_t blocks = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 4000;
    size_t threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 3, done = 0;
    struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .filled = PTHREAD_COND_INITIALIZER,
                          .emptied = PTHREAD_COND_INITIALIZER};
    struct worker workers[MAX_THREADS] = {0};
    uint64_t digest = 0;

    if (threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: threads_bench [BLOCKS [THREADS]], 1 to %d threads\n", MAX_THREADS);
        return 2;
    }
    for (size_t i = 0; i < threads; i++) {
        workers[i].queue = &queue;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            perror("threads_bench");
            exit(1);
        }
    }
    for (uint32_t seed = 0; seed < blocks; seed++)
        queue_put(&queue, seed);
    queue_close(&queue);
    for (size_t i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        digest ^= workers[i].digest;
        done += workers[i].blocks;
    }
    printf("%zu blocks by %zu threads, %016llx\n", done, threads, (unsigned long long)digest);
    return done == blocks ? 0 : 1;
}
