/* The sampler must not change what the target sees: which backtrace it gets, its descriptors,
 * errno. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burn.h"

int main(void)
{
    Dl_info info;
    void *frames[16];
    int fd = open("/dev/null", O_RDONLY);
    errno = EILSEQ;
    burn(0.3);
    if (errno != EILSEQ)
        return 1;
    if (fd != 3 || open("/dev/null", O_RDONLY) != 4) /* inherited: 0, 1, 2 */
        return 2;
    if (!dladdr((void *)&backtrace, &info) || !strstr(info.dli_fname, "libc.so"))
        return 3;
    if (backtrace(frames, 16) < 2)
        return 4;
    if (dlsym(RTLD_DEFAULT, "unw_backtrace"))
        return 5;
    return 0;
}
