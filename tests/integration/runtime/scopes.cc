// The same header in C++: RAII through exceptions, templates, lambdas, thread_local destructors.
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <xsgate/profile.h>

namespace shop
{
template <typename T> struct Cart {
    T total(T n) const
    {
        XSG_FUNC();
        return n > 1 ? n + total(n - 1) : n;
    }
};
}

static void thrower(int depth)
{
    XSG_SCOPE("thrower");
    if (depth == 0)
        throw std::runtime_error("planned");
    thrower(depth - 1);
}

static void catcher()
{
    XSG_SCOPE("catcher");
    try {
        thrower(2);
    } catch (const std::exception &) {
        XSG_SCOPE("caught");
    }
    XSG_SCOPE("sibling");
}

struct Late {
    std::string text = "x";
    ~Late()
    {
        XSG_SCOPE("late");
        text.clear();
    }
};
static thread_local Late late;

struct Early {
    Early()
    {
        XSG_SCOPE("static constructor");
    }
};
static Early early;

int main(int argc, char **argv)
{
    const int n = argc > 1 ? std::atoi(argv[1]) : 1;

    for (int i = 0; i < n; i++)
        catcher();
    std::thread([] {
        XSG_SCOPE("lambda");
        late.text += "y";
    }).join();
    XSG_BENCH("bench")
    {
        if (shop::Cart<long>().total(3) != 6)
            return 1;
    }
    XSG_BEGIN("pair");
    XSG_END();
    XSG_COUNTER("count", n);
    XSG_ATTR("attr", 1.5);
    XSG_ATTR_TEXT("key", std::string("value").c_str());
    return 0;
}
