/* A line of a note, as anybody who can push may have written it. What is taken can be written
 * again, and is then the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baseline/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char oid[] = "0123456789012345678901234567890123456789";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_shared_run shared, again;
    struct xsg_err err = {{0}, {0}};
    struct xsg_buf out = XSG_BUF_INIT;
    int rc = xsg_share_read(&arena, (const char *)data, n, oid, 2000000000, &shared, &err);
    if (rc != XSG_OK) {
        if (err.text[0] == '\0')
            abort();
    } else {
        xsg_share_write(&out, &shared.run, shared.uid);
        if (memchr(out.data, '\n', out.len) ||
            xsg_share_read(&arena, out.data, out.len, oid, 2000000000, &again, &err) != XSG_OK ||
            strcmp(again.uid, shared.uid) != 0 || again.run.n_series > shared.run.n_series)
            abort();
    }
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
    return 0;
}
