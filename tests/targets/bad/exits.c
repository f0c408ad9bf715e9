/* Works, complains and ends with status 3. */
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    volatile uint64_t sum = 0;

    for (uint64_t i = 0; i < 20000000; i++)
        sum += i;
    fprintf(stderr, "exits: %llu is not what it should be\n", (unsigned long long)sum);
    return 3;
}
