/* Honest work in two functions, for builds that make it hard to see them. */
#include <stdint.h>
#include <stdio.h>

__attribute__((noinline)) static uint64_t first(uint64_t state)
{
    for (int i = 0; i < 60000000; i++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    return state;
}

__attribute__((noinline)) static uint64_t second(uint64_t state)
{
    for (int i = 0; i < 60000000; i++)
        state = (state ^ state >> 7) + (state << 9);
    return state;
}

int main(void)
{
    printf("%llx\n", (unsigned long long)second(first(1)));
    return 0;
}
