/* A shared object with scopes of its own, linked or opened at run time. */
#include <xsgate/profile.h>

void plugin_run(long n);

void plugin_run(long n)
{
    XSG_SCOPE("plugin");
    for (long i = 0; i < n; i++) {
        XSG_SCOPE("step");
        XSG_COUNTER("steps", 1);
    }
}
