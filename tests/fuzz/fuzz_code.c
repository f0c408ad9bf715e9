/* Object files as the identity of machine code reads them (profiler/code.h): two readings agree. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiler/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SPAN = 0x2000, STEP = 16 }; /* where the seeds have their functions */

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* All of its functions in the places that the seeds have: sums, which differ when one differs. */
static uint64_t read_all(const char *path)
{
    static const uint64_t bases[] = {0, 0x400000, UINT64_MAX - SPAN + 1};
    struct xsg_code_cache *cache = xsg_code_open();
    struct xsg_code_program *program = xsg_code_program(cache, "/root", &path, 1);
    uint64_t sum = 0, code, deep;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        for (uint64_t at = 0; at < SPAN; at += STEP) {
            xsg_code_function(program, path, bases[i] + at, &code, &deep);
            require(code || !deep);
            sum = sum * 31 + code + 7 * deep;
        }
    }
    sum += xsg_code_binary(program);
    xsg_code_close(cache);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[64];
    int file = memfd_create("object", MFD_CLOEXEC);
    require(file >= 0 && write(file, data, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    uint64_t first = read_all(path);
    require(first == read_all(path));
    close(file);
    return 0;
}
