/* Threads that each use a known CPU time, some one after the other. Prints the sum of their clocks.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "burn.h"

static double used[64];

static void *work(void *arg)
{
    double *to = arg;
    burn(0.4);
    *to = burn_clock(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 4;
    double sum = 0;
    pthread_t thread[64];
    if (argc > 2) { /* as servers do: workers get no signals */
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < n; i++)
            if (pthread_create(&thread[i], NULL, work, &used[round * n + i]) != 0)
                return 1;
        for (int i = 0; i < n; i++)
            pthread_join(thread[i], NULL);
    }
    for (int i = 0; i < 2 * n; i++)
        sum += used[i];
    printf("%.9f\n", sum + burn_clock(CLOCK_THREAD_CPUTIME_ID));
    return 0;
}
