#include "overhead_leaf.h"

__attribute__((noinline)) void leaf_function(unsigned long x)
{
    __asm__ __volatile__("" ::"r"(x));
}
