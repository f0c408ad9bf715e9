/* Many values alive across the ends of scopes whose slow halves run: none may change. */
#include <stdio.h>
#include <stdlib.h>
#include <xsgate/profile.h>

typedef float quad __attribute__((vector_size(16)));
typedef double wide __attribute__((vector_size(64)));

struct all {
    unsigned long integers[10];
    double doubles[8];
    quad quads[3];
    wide wides[2];
};

/* A leaf: arguments and locals live in whatever registers the compiler likes, and in the red zone.
 */
__attribute__((noinline)) static unsigned long integers(unsigned long a, unsigned long b,
                                                        unsigned long c, unsigned long d,
                                                        unsigned long e, unsigned long f)
{
    volatile unsigned long red[8] = {a, b, c, d, e, f, a + b, c + d};

    XSG_SCOPE("integers");
    unsigned long g = a * 3 + b, h = c * 5 + d, i = e * 7 + f, j = a ^ f, k = b ^ e;
    {
        XSG_SCOPE_TIMED("inner");
        g += h ^ i;
    }
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k +
           red[0] + red[5] + red[7];
}

static unsigned long integers_bare(unsigned long a, unsigned long b, unsigned long c,
                                   unsigned long d, unsigned long e, unsigned long f)
{
    unsigned long g = a * 3 + b, h = c * 5 + d, i = e * 7 + f, j = a ^ f, k = b ^ e;

    g += h ^ i;
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + a +
           f + c + d;
}

__attribute__((noinline)) static double doubles(double a, double b, double c, double d, quad *q,
                                                wide *w)
{
    XSG_SCOPE("doubles");
    quad local = *q;
    wide other = *w;
    {
        XSG_SCOPE_TIMED("inner");
        local += *q;
        other *= 2.0;
    }
    return a + 2 * b + 3 * c + 4 * d + (double)local[0] + (double)local[3] + other[0] + other[7];
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 1;

    for (long n = 0; n < rounds; n++) {
        unsigned long x = (unsigned long)n * 2654435761u;
        quad q = {1, 2, 3, (float)(n % 100)};
        wide w = {0.5, 1, 2, 3, 4, 5, 6, (double)n};
        double expected = 1.0 + 4 + 9 + 16 + 2 + 2 * (double)(n % 100) + 1 + 2 * (double)n;

        if (integers(x, x + 1, x ^ 7, x * 3, x - 9, ~x) !=
            integers_bare(x, x + 1, x ^ 7, x * 3, x - 9, ~x)) {
            printf("integers differ in round %ld\n", n);
            return 1;
        }
        if (doubles(1, 2, 3, 4, &q, &w) < expected || doubles(1, 2, 3, 4, &q, &w) > expected) {
            printf("doubles differ in round %ld\n", n);
            return 1;
        }
    }
    return 0;
}
