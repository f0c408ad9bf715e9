/* Names for addresses: a line "path build-id bias address" in, the frames of it out, one a line:
 * "name|file|line|end line|line in it|inlined", then an empty line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/symbol.h"

static size_t from_hex(const char *text, uint8_t *to, size_t room)
{
    size_t n = 0;
    for (unsigned byte; n < room && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        to[n] = (uint8_t)byte;
    return n;
}

int main(int argc, char **argv)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_symboliser *s;
    char path[512], id[80];
    uint64_t bias, address;
    uint8_t bytes[32];
    if (argc < 2 || xsg_symboliser_open(&s, &arena, argv[1], NULL))
        return 2;
    while (scanf("%511s %79s %" SCNx64 " %" SCNx64, path, id, &bias, &address) == 4) {
        struct xsg_module module = {.end = UINT64_MAX, .bias = bias, .path = path};
        module.build_id = bytes;
        module.build_id_n = from_hex(id, bytes, sizeof bytes);
        const struct xsg_frame *frames;
        size_t n = xsg_symbolise(s, &module, address, &frames);
        for (size_t i = 0; i < n; i++) {
            const struct xsg_function *f = &frames[i].function;
            printf("%s|%s|%d|%d|%d|%d\n", f->name, f->file ? f->file : "", f->line, f->end_line,
                   frames[i].at_line, frames[i].inlined);
        }
        printf("\n");
    }
    xsg_symboliser_close(s);
    xsg_arena_release(&arena);
    return 0;
}
