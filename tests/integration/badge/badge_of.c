/* badge_of svg|endpoint LABEL MESSAGE COLOR: a badge of any texts. COLOR is the enum's number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ci/report/badge.h"

int main(int argc, char **argv)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_badge badge;

    if (argc != 5)
        return 2;
    badge = (struct xsg_badge){argv[2], argv[3], (enum xsg_badge_color)atoi(argv[4])};
    if (strcmp(argv[1], "svg") == 0)
        xsg_badge_put_svg(&out, &badge);
    else
        xsg_badge_put_endpoint(&out, &badge);
    size_t written = fwrite(out.data, 1, out.len, stdout);
    int rc = written == out.len ? 0 : 1;
    xsg_buf_release(&out);
    return rc;
}
