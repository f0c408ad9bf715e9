/*
 * Names of C++ functions that have no linkage name in the debug information, written the way the
 * demangler writes names: "scope::name(int, char const*)".
 */
#include <dwarf.h>
#include <string.h>

#include "base/buf.h"
#include "profiler/symbol_parts.h"

enum {
    MAX_SCOPES = 32,
    MAX_TYPES = 24, /* length of a chain of pointers, qualifiers and typedefs */
    MAX_PARAMETERS = 64
};

static void put_scopes(struct xsg_buf *out, const struct xsg_dwarf_scope *scope, int depth)
{
    if (!scope || depth > MAX_SCOPES)
        return;
    put_scopes(out, scope->outer, depth + 1);
    xsg_buf_puts(out, scope->name ? scope->name : "(anonymous namespace)");
    xsg_buf_puts(out, "::");
}

/* What a pointer, reference or qualifier adds behind the type that it applies to; NULL: other. */
static const char *suffix_of(int tag)
{
    switch (tag) {
    case DW_TAG_pointer_type:
        return "*";
    case DW_TAG_reference_type:
        return "&";
    case DW_TAG_rvalue_reference_type:
        return "&&";
    case DW_TAG_const_type:
        return " const";
    case DW_TAG_volatile_type:
        return " volatile";
    case DW_TAG_typedef: /* demanglers know no typedefs */
    case DW_TAG_restrict_type:
        return "";
    default:
        return NULL;
    }
}

/* gcc's names for what demanglers write shorter. */
static const char *base_name(const char *name)
{
    static const char *const names[][2] = {
        {"long int", "long"},
        {"long unsigned int", "unsigned long"},
        {"short int", "short"},
        {"short unsigned int", "unsigned short"},
        {"unsigned int", "unsigned int"},
        {"long long int", "long long"},
        {"long long unsigned int", "unsigned long long"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i][0]))
            return names[i][1];
    return name;
}

static void put_type(struct xsg_buf *out, Dwarf_Die *typed, const struct xsg_map *scope_of)
{
    const char *suffixes[MAX_TYPES];
    size_t n = 0;
    Dwarf_Die type = *typed, next;
    Dwarf_Attribute attribute;
    bool found = false;
    const char *suffix = "";
    while (n < MAX_TYPES && suffix) {
        found = dwarf_formref_die(dwarf_attr_integrate(&type, DW_AT_type, &attribute), &next);
        if (!found)
            break;
        type = next;
        suffix = suffix_of(dwarf_tag(&type));
        if (suffix)
            suffixes[n++] = suffix;
    }
    const char *name = found ? dwarf_diename(&type) : "void";
    if (found)
        put_scopes(out, xsg_map_get(scope_of, &type.addr, sizeof type.addr), 0);
    xsg_buf_puts(out, name ? base_name(name) : "?");
    while (n-- > 0)
        xsg_buf_puts(out, suffixes[n]);
}

static void put_parameters(struct xsg_buf *out, Dwarf_Die *function, const struct xsg_map *scope_of)
{
    Dwarf_Die child, next;
    int n = 0;
    if (!dwarf_haschildren(function) || dwarf_child(function, &child) != 0)
        return;
    for (;;) {
        if (dwarf_tag(&child) == DW_TAG_formal_parameter &&
            !dwarf_hasattr_integrate(&child, DW_AT_artificial)) {
            xsg_buf_puts(out, n++ ? ", " : "");
            put_type(out, &child, scope_of);
        }
        const char *at = child.addr;
        if (n > MAX_PARAMETERS || dwarf_siblingof(&child, &next) != 0 ||
            (const char *)next.addr <= at)
            return;
        child = next;
    }
}

const char *xsg__dwarf_scoped_name(struct xsg_arena *arena, const struct xsg_map *scope_of,
                                   const char *name, Dwarf_Die *function)
{
    struct xsg_buf out = XSG_BUF_INIT;
    put_scopes(&out, xsg_map_get(scope_of, &function->addr, sizeof function->addr), 0);
    xsg_buf_puts(&out, name);
    xsg_buf_putc(&out, '(');
    put_parameters(&out, function, scope_of);
    xsg_buf_putc(&out, ')');
    const char *text = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return text;
}
