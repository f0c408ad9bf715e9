/*
 * Leaves two children behind that outlive it, one of them in a session of its own, both holding its
 * output open. They end after a minute should nobody end them.
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    for (int child = 0; child < 2; child++) {
        pid_t pid = fork();

        if (pid < 0) {
            perror("forks");
            return 1;
        }
        if (pid == 0) {
            if (child == 1)
                setsid();
            sleep(60);
            _exit(0);
        }
    }
    puts("two children are left behind");
    fflush(stdout);
    return 4;
}
