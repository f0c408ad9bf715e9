/*
 * children fork     children that work, and a parent that works
 * children exec     replaces itself again and again under sampling, then says so
 * children spawn    children by posix_spawn and vfork
 * children system   and by a shell
 * children busy     children of a process whose other threads are unwound and load libraries
 */
#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burn.h"

extern char **environ;

void in_child(void), in_parent(void);

__attribute__((noinline)) void in_child(void)
{
    burn(0.3);
}

__attribute__((noinline)) void in_parent(void)
{
    burn(0.3);
}

static int wait_for(pid_t pid)
{
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int forks(void)
{
    pid_t pid[3];
    for (int i = 0; i < 3; i++) {
        burn(0.05);
        pid[i] = fork();
        if (pid[i] == 0) {
            in_child();
            exit(0);
        }
    }
    in_parent();
    for (int i = 0; i < 3; i++)
        if (wait_for(pid[i]) != 0)
            return 1;
    return 0;
}

static int execs(char **argv, int left)
{
    char text[16];
    burn(0.02);
    if (left == 0) {
        puts("still here");
        return 0;
    }
    snprintf(text, sizeof text, "%d", left - 1);
    execl(argv[0], argv[0], "exec", text, (char *)NULL);
    return 1;
}

static int spawns(char **argv)
{
    char *const child[] = {argv[0], (char *)(uintptr_t) "nothing", NULL};
    for (int i = 0; i < 60; i++) {
        pid_t pid;
        burn(0.004);
        if (posix_spawn(&pid, argv[0], NULL, NULL, child, environ) != 0 || wait_for(pid) != 0)
            return 1;
        pid = vfork();
        if (pid == 0) {
            execv(argv[0], child);
            _exit(98);
        }
        if (wait_for(pid) != 0)
            return 1;
    }
    return 0;
}

static int systems(void)
{
    for (int i = 0; i < 40; i++) {
        burn(0.01);
        if (system("exit 3") != 3 << 8)
            return 1;
    }
    return 0;
}

static volatile int stop;

static void *keep_busy(void *plugin)
{
    while (!stop) {
        void *library = dlopen(plugin, RTLD_NOW);
        burn(0.001);
        if (library)
            dlclose(library);
    }
    return NULL;
}

static int busy(char *plugin)
{
    pthread_t thread[2];
    alarm(60);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, keep_busy, plugin) != 0)
            return 1;
    for (int i = 0; i < 150; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            burn(0.01);
            _exit(0);
        }
        if (wait_for(pid) != 0)
            return 2;
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "fork") == 0)
        return forks();
    if (strcmp(what, "exec") == 0)
        return execs(argv, argc > 2 ? atoi(argv[2]) : 60);
    if (strcmp(what, "spawn") == 0)
        return spawns(argv);
    if (strcmp(what, "system") == 0)
        return systems();
    if (strcmp(what, "busy") == 0 && argc > 2)
        return busy(argv[2]);
    return strcmp(what, "nothing") != 0;
}
