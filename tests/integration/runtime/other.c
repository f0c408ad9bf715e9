/* The header in a second translation unit of the same module; and what needs no header. */
#include "shared.h"

#include <fcntl.h>
#include <xsgate/profile.h>

void other_file(long n)
{
    XSG_FUNC();
    for (long i = 0; i < n; i++) {
        XSG_SCOPE("elsewhere");
    }
}

int open_descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}
