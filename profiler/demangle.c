/*
 * Demangling by libiberty, through its callback forms: they allocate nothing, so that a hostile
 * name whose text would grow without end can be left by a jump as soon as it is too long.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#include "profiler/symbol_parts.h"

enum {
    MANGLED_MAX = 4096,   /* libiberty needs about 100 bytes of stack per byte of a name */
    DEMANGLED_MAX = 16384 /* longer names help nobody */
};

struct sink {
    char text[DEMANGLED_MAX];
    size_t n;
    jmp_buf too_long;
};

static void append(const char *piece, size_t n, void *arg)
{
    struct sink *sink = arg;
    if (n >= sizeof sink->text - sink->n)
        longjmp(sink->too_long, 1);
    if (n) /* libiberty closes with (NULL, 0) */
        memcpy(sink->text + sink->n, piece, n);
    sink->n += n;
}

static const char *try_one(struct xsg_arena *arena, const char *name, struct sink *sink,
                           int (*demangle)(const char *, int, demangle_callbackref, void *))
{
    sink->n = 0;
    if (setjmp(sink->too_long))
        return NULL;
    if (!demangle(name, DMGL_PARAMS | DMGL_ANSI, append, sink) || !sink->n)
        return NULL;
    return xsg_strndup(arena, sink->text, sink->n);
}

const char *xsg_demangle(struct xsg_arena *arena, const char *name)
{
    if (!name || name[0] != '_' || !(name[1] == 'Z' || name[1] == 'R' || name[1] == '_') ||
        strnlen(name, MANGLED_MAX + 1) > MANGLED_MAX)
        return name;
    struct sink sink;
    /* Rust first: its older names are valid C++ names with a hash as last part. */
    const char *text = try_one(arena, name, &sink, rust_demangle_callback);
    if (!text)
        text = try_one(arena, name, &sink, cplus_demangle_v3_callback);
    return text ? text : name;
}

/* What compilers append to a function's name for the pieces and variants that they make of it. */
static const char *const clone_suffixes[] = {
    "part", "isra", "constprop", "cold", "lto_priv", "localalias", "clone", "llvm", "__uniq"};

static bool is_clone_suffix(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof clone_suffixes / sizeof *clone_suffixes; i++)
        if (strlen(clone_suffixes[i]) == n && !memcmp(clone_suffixes[i], word, n))
            return true;
    return false;
}

size_t xsg__source_name_length(const char *name)
{
    const char *version = strchr(name, '@'); /* "memcpy@@GLIBC_2.14" */
    size_t n = version && version > name ? (size_t)(version - name) : strlen(name);
    for (;;) {
        size_t end = n, dot;
        while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
            end--;
        if (end != n && end && name[end - 1] == '.')
            end--; /* the number of a piece: "part.0" */
        else
            end = n;
        for (dot = end; dot && name[dot - 1] != '.'; dot--)
            continue;
        if (dot < 2 || !is_clone_suffix(name + dot, end - dot))
            return n;
        n = dot - 1;
    }
}
