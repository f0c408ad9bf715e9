/* Never ends by itself (a minute at the most, should nobody end it), and ignores what it is asked
 * to. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    for (int i = 0; i < 60; i++)
        sleep(1);
    return 0;
}
