#include "base/calltree.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* The fewest bytes that a function and a node take: what a count is checked against, before memory
 * is asked for. */
enum { MIN_FUNCTION = 5, MIN_NODE = 5, VERSION = 1 };

static const char magic[4] = {'X', 'S', 'G', 'T'};

static void put_varint(struct xsg_buf *out, uint64_t value)
{
    while (value >= 0x80) {
        xsg_buf_putc(out, (char)(value | 0x80));
        value >>= 7;
    }
    xsg_buf_putc(out, (char)value);
}

static void put_text(struct xsg_buf *out, const char *text)
{
    if (!text) {
        put_varint(out, 0);
        return;
    }
    size_t n = strlen(text);
    put_varint(out, (uint64_t)n + 1);
    xsg_buf_put(out, text, n);
}

static void put_double(struct xsg_buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_varint(out, __builtin_bswap64(bits));
}

void xsg_calltree_encode(struct xsg_buf *out, const struct xsg_calltree *tree)
{
    xsg_buf_put(out, magic, sizeof magic);
    xsg_buf_putc(out, VERSION);
    put_varint(out, tree->n_functions);
    for (size_t i = 0; i < tree->n_functions; i++) {
        const struct xsg_function *f = &tree->functions[i];
        put_text(out, f->name);
        put_text(out, f->file);
        put_text(out, f->module);
        put_varint(out, f->line > 0 ? (uint64_t)f->line : 0);
        put_varint(out, f->end_line > 0 ? (uint64_t)f->end_line : 0);
    }
    put_varint(out, tree->n_nodes);
    for (size_t i = 0; i < tree->n_nodes; i++) {
        const struct xsg_tree_node *node = &tree->nodes[i];
        assert(node->function < tree->n_functions);
        assert(i == 0 ? node->parent == 0 : node->parent < i);
        put_varint(out, i - node->parent);
        put_varint(out, node->function);
        put_double(out, node->self);
        put_double(out, node->total);
        put_double(out, node->calls);
    }
}

/* What is left to read. After the first fault nothing more is read, and the caller asks once. */
struct reader {
    const unsigned char *at, *end;
    const char *fault; /* NULL while all is well */
};

static uint64_t fault(struct reader *r, const char *what)
{
    if (!r->fault)
        r->fault = what;
    r->at = r->end;
    return 0;
}

static uint64_t get_varint(struct reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end)
            return fault(r, "it is cut short");
        uint64_t byte = *r->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    return fault(r, "a number has too many digits");
}

static size_t get_count(struct reader *r, size_t min_size)
{
    uint64_t n = get_varint(r);
    if (n > (uint64_t)(r->end - r->at) / min_size)
        return (size_t)fault(r, "a count is larger than the data");
    return (size_t)n;
}

static char *get_text(struct reader *r, struct xsg_arena *arena)
{
    uint64_t n = get_varint(r);
    if (n == 0)
        return NULL;
    n--;
    if (n > (uint64_t)(r->end - r->at)) {
        fault(r, "a name reaches beyond the data");
        return NULL;
    }
    if (memchr(r->at, '\0', n)) {
        fault(r, "a name contains a NUL");
        return NULL;
    }
    char *text = xsg_strndup(arena, (const char *)r->at, n);
    r->at += n;
    return text;
}

static int get_line(struct reader *r)
{
    uint64_t line = get_varint(r);
    if (line > INT_MAX)
        return (int)fault(r, "a line number is out of range");
    return (int)line;
}

static double get_double(struct reader *r)
{
    uint64_t bits = __builtin_bswap64(get_varint(r));
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value) || signbit(value)) {
        fault(r, "a value is not a finite number of at least 0");
        return 0;
    }
    return value;
}

static void get_functions(struct reader *r, struct xsg_arena *arena, struct xsg_calltree *tree)
{
    tree->n_functions = get_count(r, MIN_FUNCTION);
    tree->functions = XSG_NEW_ARRAY(arena, struct xsg_function, tree->n_functions);
    for (size_t i = 0; i < tree->n_functions && !r->fault; i++) {
        struct xsg_function *f = &tree->functions[i];
        f->name = get_text(r, arena);
        f->file = get_text(r, arena);
        f->module = get_text(r, arena);
        f->line = get_line(r);
        f->end_line = get_line(r);
    }
}

static void get_nodes(struct reader *r, struct xsg_arena *arena, struct xsg_calltree *tree)
{
    tree->n_nodes = get_count(r, MIN_NODE);
    tree->nodes = XSG_NEW_ARRAY(arena, struct xsg_tree_node, tree->n_nodes);
    for (size_t i = 0; i < tree->n_nodes && !r->fault; i++) {
        struct xsg_tree_node *node = &tree->nodes[i];
        uint64_t up = get_varint(r);
        uint64_t function = get_varint(r);
        if (i == 0 ? up != 0 : (up == 0 || up > i))
            fault(r, "a node's parent does not come before it");
        if (function >= tree->n_functions)
            fault(r, "a node's function does not exist");
        node->parent = (uint32_t)(i - up);
        node->function = (uint32_t)function;
        node->self = get_double(r);
        node->total = get_double(r);
        node->calls = get_double(r);
    }
}

int xsg_calltree_decode(struct xsg_arena *arena, const void *data, size_t n,
                        struct xsg_calltree *tree, struct xsg_err *err)
{
    *tree = (struct xsg_calltree){0};
    const unsigned char *bytes = data;
    if (n < sizeof magic + 1 || memcmp(bytes, magic, sizeof magic) != 0)
        return xsg_fail(err, XSG_ECORRUPT, "this is not a call tree");
    if (bytes[sizeof magic] != VERSION)
        return xsg_fail(err, XSG_ECORRUPT,
                        "the call tree has version %d, and this program knows %d",
                        bytes[sizeof magic], VERSION);
    struct reader r = {.at = bytes + sizeof magic + 1, .end = bytes + n};
    get_functions(&r, arena, tree);
    get_nodes(&r, arena, tree);
    if (!r.fault && r.at != r.end)
        fault(&r, "bytes follow its end");
    if (tree->n_nodes > UINT32_MAX || tree->n_functions > UINT32_MAX)
        fault(&r, "it is too large");
    if (r.fault) {
        *tree = (struct xsg_calltree){0};
        return xsg_fail(err, XSG_ECORRUPT, "the call tree is damaged: %s", r.fault);
    }
    return 0;
}
