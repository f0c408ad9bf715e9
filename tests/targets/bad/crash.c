/* Works for a while, then writes where nothing is. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    volatile uint64_t sum = 0;
    volatile int *volatile nowhere = NULL;

    for (uint64_t i = 0; i < 20000000; i++)
        sum += i;
    puts("about to crash");
    fflush(stdout);
    *nowhere = (int)sum;
    return 0;
}
