/* Encoded call trees (base/calltree.h): what decodes encodes to the same tree. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/calltree.h"
#include "profiler/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The same values, in the one shortest form that the encoder has. */
static void round_trip(struct xsg_arena *arena, const struct xsg_calltree *tree)
{
    struct xsg_calltree again;
    struct xsg_buf first = XSG_BUF_INIT, second = XSG_BUF_INIT;
    xsg_calltree_encode(&first, tree);
    if (xsg_calltree_decode(arena, first.data, first.len, &again, NULL))
        abort();
    xsg_calltree_encode(&second, &again);
    if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
        abort();
    xsg_buf_release(&first);
    xsg_buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_calltree tree;
    struct xsg_err err = {0};
    if (xsg_calltree_decode(&arena, data, n, &tree, &err) == 0) {
        struct xsg_buf folded = XSG_BUF_INIT;
        round_trip(&arena, &tree);
        if (tree.n_nodes < 4096) /* a chain's folded text grows with its square */
            xsg_calltree_put_folded(&folded, &tree);
        xsg_buf_release(&folded);
    } else if (err.text[0] == '\0') {
        abort();
    }
    xsg_arena_release(&arena);
    return 0;
}
