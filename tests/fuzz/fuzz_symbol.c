/* Object files with debug information as the symboliser reads them (profiler/symbol.h). */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "profiler/symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SPAN = 0x2000, STEP = 8 }; /* where the seeds have their functions */

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void look_up(struct xsg_symboliser *s, const struct xsg_module *module, uint64_t address)
{
    const struct xsg_frame *frames;
    size_t n = xsg_symbolise(s, module, address, &frames);
    require(n > 0);
    for (size_t i = 0; i < n; i++) {
        require(frames[i].function.name && frames[i].function.name[0] && frames[i].at_line >= 0);
        require(frames[i].inlined == (i + 1 < n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint64_t biases[] = {0, 0x555555554000};
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_err err = {0};
    struct xsg_symboliser *s;
    char path[64];
    int file = memfd_create("object", MFD_CLOEXEC);
    require(file >= 0 && write(file, data, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++) {
        const struct xsg_module module = {
            .start = biases[i], .end = biases[i] + SPAN, .bias = biases[i], .path = path};
        require(xsg_symboliser_open(&s, &arena, "/src", &err) == 0);
        for (uint64_t at = 0; at < SPAN; at += STEP)
            look_up(s, &module, biases[i] + at);
        xsg_symboliser_close(s);
    }
    xsg_arena_release(&arena);
    close(file);
    return 0;
}
