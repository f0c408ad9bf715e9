// Exceptions through many frames and longjmp, for some seconds of CPU time under sampling. Prints
// how many bytes of the sampler's signal stack were used.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <sys/auxv.h>

#include "burn.h"

static std::jmp_buf jump;

__attribute__((noinline)) static int fall(int depth)
{
    if (depth == 0)
        throw std::runtime_error("bottom");
    return fall(depth - 1) + 1;
}

__attribute__((noinline)) static int leap(int depth)
{
    if (depth == 0)
        std::longjmp(jump, 7);
    return depth > 1000 ? 0 : leap(depth - 1) + 1;
}

static long caught, thrown, leapt;

__attribute__((noinline)) static void both(int depth)
{
    thrown++;
    try {
        burn_sink += (uint64_t)fall(depth);
    } catch (const std::runtime_error &) {
        caught++;
    }
    if (setjmp(jump) == 7)
        leapt++;
    else
        burn_sink += (uint64_t)leap(depth);
}

int main()
{
    stack_t stack = {};
    sigaltstack(nullptr, &stack);
    auto *bytes = static_cast<unsigned char *>(stack.ss_sp);
    if (!(stack.ss_flags & SS_DISABLE))
        std::memset(bytes, 0xa5, stack.ss_size);
    double end = burn_clock(CLOCK_THREAD_CPUTIME_ID) + 1.5;
    while (burn_clock(CLOCK_THREAD_CPUTIME_ID) < end)
        for (int depth = 0; depth < 20; depth++)
            both(depth);
    std::size_t low = 0;
    while (!(stack.ss_flags & SS_DISABLE) && low < stack.ss_size && bytes[low] == 0xa5)
        low++;
    std::printf("%zu %lu %s\n", stack.ss_size - low, getauxval(AT_MINSIGSTKSZ),
                caught == thrown && leapt == thrown ? "all came back" : "some were lost");
    return caught == thrown && leapt == thrown ? 0 : 1;
}
