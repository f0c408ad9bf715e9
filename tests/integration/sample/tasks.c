/* One thread per task, each shorter than the sampler's period. Prints the CPU time that they used.
 */
#include <pthread.h>
#include <stdio.h>

#include "burn.h"

static double used;

static void *task(void *arg)
{
    (void)arg;
    burn(0.0015);
    used += burn_clock(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

int main(void)
{
    for (int i = 0; i < 600; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, task, NULL) != 0)
            return 1;
        pthread_join(thread, NULL);
    }
    printf("%.6f\n", used + burn_clock(CLOCK_THREAD_CPUTIME_ID));
    return 0;
}
