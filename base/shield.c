#include "base/shield.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

/* The runner leaves out blanks in front of a command, those of Unicode too: whatever is not a
 * graphic ASCII character counts as one. */
static bool begins_command(const char *line, size_t n)
{
    size_t i = 0;

    while (i < n && (line[i] <= ' ' || line[i] >= 0x7f))
        i++;
    return n - i >= 2 && line[i] == ':' && line[i + 1] == ':';
}

bool xsg_has_commands(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = 0;
        while (i + length < n && text[i + length] != '\n' && text[i + length] != '\r')
            length++;
        if (begins_command(text + i, length))
            return true;
        i += length + 1;
    }
    return memmem(text, n, "##[", 3) != NULL;
}

void xsg_put_shielded(struct xsg_buf *out, const char *text, size_t n)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    unsigned long long a, b;

    if (!actions || strcmp(actions, "true") != 0 || !xsg_has_commands(text, n)) {
        xsg_buf_put(out, text, n);
        return;
    }
    a = xsg_rng_seed_from_system();
    b = xsg_rng_seed_from_system();
    xsg_buf_printf(out, "::stop-commands::%016llx%016llx\n", a, b);
    xsg_buf_put(out, text, n);
    if (n > 0 && text[n - 1] != '\n')
        xsg_buf_putc(out, '\n');
    xsg_buf_printf(out, "::%016llx%016llx::\n", a, b);
}
