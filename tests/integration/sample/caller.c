/* The caller of a function without a frame: leaf calls sin, and 6 of 10 instructions are in there.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double leaf(double x), mid_a(double x), mid_b(double x);

__attribute__((noinline)) double leaf(double x)
{
    double sum = 0;
    for (int i = 0; i < 100; i++)
        sum += sin(x + i);
    return sum;
}

__attribute__((noinline)) double mid_a(double x)
{
    return leaf(x) + 1;
}

__attribute__((noinline)) double mid_b(double x)
{
    double sum = 0;
    for (int i = 0; i < 500; i++)
        sum += x * i / (sum + 1.5);
    return sum;
}

int main(int argc, char **argv)
{
    double sum = 0;
    int rounds = argc > 1 ? atoi(argv[1]) : 150000;
    for (int i = 0; i < rounds; i++)
        sum += mid_a(i) + mid_b(i);
    printf("%g\n", sum);
    return 0;
}
