/* The waivers file: waivers that are whole, or a sentence with its place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baseline/waiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_waivers waivers;
    struct xsg_err err = {0};
    if (xsg_waivers_parse(&arena, "fuzz.yml", (const char *)data, n, &waivers, &err) != 0) {
        if (strncmp(err.text, "fuzz.yml", 8) != 0)
            abort();
    } else {
        for (size_t i = 0; i < waivers.n; i++) {
            const struct xsg_waiver *w = &waivers.item[i];
            if ((!w->function && !w->target) || !w->reason || !w->until ||
                (!w->until_time && strlen(w->until) != 40))
                abort();
        }
    }
    xsg_arena_release(&arena);
    return 0;
}
