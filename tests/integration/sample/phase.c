/* What a program does in its first milliseconds, and seven times as much of the same. It reads no
 * clock: to read that of its CPU time may cost a thread its core until the next tick. */
enum { EARLY = 2000000, TIMES = 7 };

static volatile unsigned sink;

__attribute__((noinline)) static void early(void)
{
    for (unsigned i = 0; i < EARLY; i++)
        sink += i;
}

__attribute__((noinline)) static void rest(void)
{
    for (unsigned i = 0; i < TIMES * EARLY; i++)
        sink += i;
}

int main(void)
{
    early();
    rest();
    return 0;
}
