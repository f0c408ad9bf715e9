/* Call trees as folded stacks, the text that flame graph tools read. */
#include "profiler/fold.h"

#include <math.h>
#include <string.h>

static void put_escaped(struct xsg_buf *out, const char *name)
{
    for (const char *p = name ? name : "[unknown]"; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '\\')
            xsg_buf_puts(out, "\\\\");
        else if (c == ';' || c < 0x20 || c == 0x7f)
            xsg_buf_printf(out, "\\x%02x", c);
        else
            xsg_buf_putc(out, (char)c);
    }
}

static void put_name(struct xsg_buf *out, const struct xsg_calltree *tree, size_t node)
{
    put_escaped(out, tree->functions[tree->nodes[node].function].name);
}

void xsg_calltree_put_folded(struct xsg_buf *out, const struct xsg_calltree *tree)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    size_t *path = XSG_NEW_ARRAY(&scratch, size_t, tree->n_nodes);
    for (size_t i = 0; i < tree->n_nodes; i++) {
        double self = nearbyint(tree->nodes[i].self);
        if (!(self >= 1))
            continue;
        size_t depth = 0;
        for (size_t at = i; at != 0; at = tree->nodes[at].parent)
            path[depth++] = at;
        if (depth == 0) /* the root's own time has no other name */
            put_name(out, tree, 0);
        while (depth > 0) {
            put_name(out, tree, path[--depth]);
            if (depth > 0)
                xsg_buf_putc(out, ';');
        }
        xsg_buf_printf(out, " %.0f\n", self);
    }
    xsg_arena_release(&scratch);
}
