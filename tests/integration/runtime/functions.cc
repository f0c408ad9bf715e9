// Exceptions through instrumented frames: clang emits no exit hook on the way.
#include <cstdlib>
#include <stdexcept>

static volatile int sink;

__attribute__((noinline)) static void thrower(int depth)
{
    if (depth == 0)
        throw std::runtime_error("planned");
    thrower(depth - 1);
    sink = sink + 1;
}

__attribute__((noinline)) static void catcher()
{
    try {
        thrower(3);
    } catch (const std::exception &) {
        sink = sink + 2;
    }
}

__attribute__((noinline)) static void after()
{
    sink = sink + 3;
}

__attribute__((noinline)) static void loop(int n)
{
    for (int i = 0; i < n; i++)
        catcher();
    after();
}

int main(int argc, char **argv)
{
    loop(argc > 1 ? std::atoi(argv[1]) : 1);
    return 0;
}
