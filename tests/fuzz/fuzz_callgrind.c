/* Callgrind files (profiler/source/callgrind.h): what is accepted adds up. */
#include <stdint.h>
#include <stdlib.h>

#include "profiler/source/callgrind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Sums of doubles: the order of adding shows in the last digits of numbers beyond 2^53. */
static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_counts(const struct xsg_counts *counts, const struct xsg_callgrind *file)
{
    double sum = 0, most = counts->instructions * (1 + 1e-9);
    for (size_t i = 0; i < counts->n_functions; i++) {
        const struct xsg_counts_function *f = &counts->functions[i];
        sum += f->instructions;
        check(f->function.name != NULL);
        check(f->instructions <= f->total * (1 + 1e-9) && f->total <= most);
    }
    check(sum <= most && sum >= counts->instructions * (1 - 1e-9));
    check(counts->instructions <= (double)file->instructions * (1 + 1e-9));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_callgrind file;
    struct xsg_counts counts;
    struct xsg_err err = {0};
    if (xsg_callgrind_parse(&arena, (const char *)data, n, &file, &err) == 0) {
        struct xsg_callgrind_sum *sum = xsg_callgrind_sum_open(&arena);
        xsg_callgrind_sum_add(sum, &file, NULL);
        xsg_callgrind_sum_finish(sum, &counts);
        check_counts(&counts, &file);
    } else {
        check(err.text[0] != '\0');
    }
    xsg_arena_release(&arena);
    return 0;
}
