/*
 * storm SECONDS PLUGIN...: two threads load and unload libraries, one walks the list of libraries
 * and allocates, all of them under sampling. A watchdog ends the program with status 9 when no
 * thread gets on for 3 seconds.
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "burn.h"

static unsigned long progress[3]; /* each by its own thread */
static volatile int stop;
static char **plugins;
static int n_plugins;

static void *load(void *arg)
{
    unsigned long *mine = arg;
    for (unsigned i = 0; !stop; i++) {
        void *library = dlopen(plugins[i % (unsigned)n_plugins], RTLD_NOW);
        int (*work)(int) = NULL;
        if (!library)
            exit(3);
        *(void **)(void *)&work = dlsym(library, "plugin_work");
        work(200);
        dlclose(library);
        __atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    burn_sink += info->dlpi_phnum + (arg != NULL);
    return 0;
}

static void *walk(void *arg)
{
    unsigned long *mine = arg;
    while (!stop) {
        dl_iterate_phdr(look, arg);
        free(malloc(1000 + burn_sink % 5000));
        __atomic_add_fetch(mine, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[3];
    unsigned long last[3] = {0};
    int seconds = argc > 1 ? atoi(argv[1]) : 10, stuck = 0;
    plugins = argv + 2;
    n_plugins = argc - 2;
    if (n_plugins < 1)
        return 2;
    alarm((unsigned)seconds + 20);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, i < 2 ? load : walk, &progress[i]);
    for (int tenth = 0; tenth < seconds * 10; tenth++) {
        int moved = 0;
        usleep(100000);
        for (int i = 0; i < 3; i++) {
            unsigned long now = __atomic_load_n(&progress[i], __ATOMIC_RELAXED);
            moved += now != last[i];
            last[i] = now;
        }
        stuck = moved ? 0 : stuck + 1;
        if (stuck >= 30) {
            fprintf(stderr, "no thread gets on\n");
            _exit(9);
        }
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    printf("%lu %lu %lu\n", progress[0], progress[1], progress[2]);
    return 0;
}
