#include "profiler/symbol.h"

#include <string.h>
#include <sys/auxv.h>

#include "base/fs.h"
#include "profiler/symbol_parts.h"

struct module {
    const char *name; /* for messages and frames: base name of the path */
    const char *path;
    struct xsg_symbol_file image, debug;
    struct xsg_dwarf *dwarf; /* NULL: no debug information */
    struct xsg_symbol_table symbols, frames;
    bool frames_loaded;
};

struct frames {
    const struct xsg_frame *list;
    size_t n;
};

struct xsg_symboliser {
    struct xsg_arena *arena; /* for results */
    struct xsg_arena own;    /* for tables */
    struct xsg_source_root root;
    struct xsg_map modules; /* path and build-id -> struct module */
    struct xsg_map known;   /* module and vaddr -> struct frames */
    struct xsg_map strings; /* results' texts, once each */
    const char **warnings;
    size_t n_warnings, cap_warnings;
};

int xsg_symboliser_open(struct xsg_symboliser **out, struct xsg_arena *arena, const char *root,
                        struct xsg_err *err)
{
    *out = NULL;
    if (elf_version(EV_CURRENT) == EV_NONE)
        return xsg_fail(err, XSG_EFAILED, "libelf is too old for this program");
    struct xsg_symboliser *s = XSG_NEW(arena, struct xsg_symboliser);
    s->arena = arena;
    xsg__source_root_init(&s->root, &s->own, root);
    xsg_map_init(&s->modules, &s->own);
    xsg_map_init(&s->known, &s->own);
    xsg_map_init(&s->strings, &s->own);
    *out = s;
    return 0;
}

void xsg_symboliser_close(struct xsg_symboliser *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->modules.n; i++) {
        struct module *module = s->modules.entries[i].value;
        xsg__dwarf_close(module->dwarf);
        xsg__symbol_file_close(&module->debug);
        xsg__symbol_file_close(&module->image);
    }
    xsg_arena_release(&s->own);
}

size_t xsg_symboliser_warnings(const struct xsg_symboliser *s, const char *const **warnings)
{
    *warnings = s->warnings;
    return s->n_warnings;
}

static void warn(struct xsg_symboliser *s, const char *text)
{
    s->warnings =
        xsg_grow(s->arena, s->warnings, &s->cap_warnings, s->n_warnings + 1, sizeof *s->warnings);
    s->warnings[s->n_warnings++] = text;
}

/* ---- modules ------------------------------------------------------------------------------------
 */

/* The kernel maps the same vdso into every process; this one's serves when the build-id is equal.
 */
static Elf *own_vdso(void)
{
    const unsigned char *start = (const unsigned char *)getauxval(AT_SYSINFO_EHDR);
    if (!start)
        return NULL;
    Elf64_Ehdr ehdr;
    memcpy(&ehdr, start, sizeof ehdr);
    size_t size = ehdr.e_shoff + (size_t)ehdr.e_shnum * ehdr.e_shentsize;
    if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 || size < sizeof ehdr || size > 16384)
        return NULL;
    return elf_memory((char *)(uintptr_t)start, size); /* never written to */
}

static bool open_image(struct xsg_symboliser *s, struct module *to, const struct xsg_module *from)
{
    struct xsg_err err = {0};
    if (!strcmp(to->name, "[vdso]")) {
        to->image.elf = own_vdso();
        if (to->image.elf &&
            (!from->build_id_n ||
             !xsg__symbol_file_has_id(&to->image, from->build_id, from->build_id_n)))
            xsg__symbol_file_close(&to->image);
        return to->image.elf != NULL;
    }
    if (xsg__symbol_file_open(&to->image, to->path, &err)) {
        warn(s, xsg_printf(s->arena, "no names for %s: %s", to->name, err.text));
        return false;
    }
    if (from->build_id_n &&
        !xsg__symbol_file_has_id(&to->image, from->build_id, from->build_id_n)) {
        warn(s, xsg_printf(s->arena, "no names for %s: %s was rebuilt since (build-id differs)",
                           to->name, to->path));
        xsg__symbol_file_close(&to->image);
        return false;
    }
    return true;
}

static void load_module(struct xsg_symboliser *s, struct module *to, const struct xsg_module *from)
{
    to->image.fd = to->debug.fd = -1;
    to->path = from->path ? xsg_strdup(&s->own, from->path) : "";
    to->name = xsg_strdup(s->arena, xsg_path_base(to->path));
    if (!*to->path || !open_image(s, to, from))
        return;
    Elf *with_dwarf = to->image.elf;
    if (!xsg__symbol_file_has(&to->image, ".debug_info") &&
        xsg__symbol_file_debug(&s->own, &to->image, to->path, &to->debug))
        with_dwarf = to->debug.elf;
    to->dwarf = xsg__dwarf_open(&s->own, &s->root, with_dwarf);
    xsg__symbol_table_load(&to->symbols, &s->own, to->image.elf, to->debug.elf);
}

static struct module *find_module(struct xsg_symboliser *s, const struct xsg_module *module)
{
    struct xsg_buf key = XSG_BUF_INIT;
    xsg_buf_puts(&key, module->path ? module->path : "");
    xsg_buf_putc(&key, '\0');
    if (module->build_id_n)
        xsg_buf_put(&key, module->build_id, module->build_id_n);
    bool is_new;
    void **place = xsg_map_put(&s->modules, key.data, key.len, &is_new);
    xsg_buf_release(&key);
    if (is_new) {
        struct module *fresh = XSG_NEW(&s->own, struct module);
        *place = fresh;
        load_module(s, fresh, module);
        return fresh;
    }
    return *place;
}

/* ---- names --------------------------------------------------------------------------------------
 */

static const char *keep(struct xsg_symboliser *s, const char *text)
{
    if (!text)
        return NULL;
    bool is_new;
    void **place = xsg_map_put(&s->strings, text, strlen(text), &is_new);
    if (is_new)
        *place = xsg_strdup(s->arena, text);
    return *place;
}

static const char *source_name(struct xsg_symboliser *s, const char *raw)
{
    size_t n = xsg__source_name_length(raw);
    return xsg_demangle(&s->own, xsg_strndup(&s->own, raw, n));
}

static const char *nameless(struct xsg_symboliser *s, struct module *module, uint64_t vaddr)
{
    if (!*module->path)
        return "[unknown]";
    if (!strcmp(module->name, "[vdso]"))
        return module->name;
    if (!module->frames_loaded && module->image.elf)
        xsg__frame_table_load(&module->frames, &s->own, module->image.elf);
    module->frames_loaded = true;
    const struct xsg_symbol *function = xsg__symbol_find(&module->frames, vaddr);
    return xsg_printf(&s->own, "%s+0x%llx", module->name,
                      (unsigned long long)(function ? function->start : vaddr));
}

static const char *symbol_name(struct xsg_symboliser *s, struct module *module, uint64_t vaddr)
{
    const struct xsg_symbol *symbol = xsg__symbol_find(&module->symbols, vaddr);
    if (!symbol || !*symbol->name)
        return nameless(s, module, vaddr);
    size_t n = strlen(symbol->name);
    if (n > 4 && !strcmp(symbol->name + n - 4, "@plt"))
        return xsg_printf(&s->own, "%s@plt",
                          xsg_demangle(&s->own, xsg_strndup(&s->own, symbol->name, n - 4)));
    return xsg_demangle(&s->own, symbol->name);
}

/* raw: what the debug information says; NULL if nothing. Hostile one says "". */
static const char *frame_name(struct xsg_symboliser *s, struct module *module, uint64_t vaddr,
                              const char *raw)
{
    const char *name = raw ? source_name(s, raw) : NULL;
    return name && *name ? name : symbol_name(s, module, vaddr);
}

static struct frames look_up(struct xsg_symboliser *s, struct module *module, uint64_t vaddr)
{
    struct xsg_frame *list = NULL;
    size_t n = module->dwarf ? xsg__dwarf_frames(module->dwarf, vaddr, module->name, &list) : 0;
    if (!n) {
        list = XSG_NEW(&s->own, struct xsg_frame);
        list->function.name = symbol_name(s, module, vaddr);
        list->function.module = *module->path ? module->name : NULL;
        if (module->dwarf)
            xsg__dwarf_line(module->dwarf, vaddr, &list->function.file, &list->at_line);
        n = 1;
    } else {
        for (size_t i = 0; i < n; i++)
            list[i].function.name = frame_name(s, module, vaddr, list[i].function.name);
    }
    struct xsg_frame *result = XSG_NEW_ARRAY(s->arena, struct xsg_frame, n);
    for (size_t i = 0; i < n; i++) {
        result[i] = list[i];
        result[i].function.name = keep(s, list[i].function.name);
        result[i].function.file = keep(s, list[i].function.file);
    }
    return (struct frames){.list = result, .n = n};
}

size_t xsg_symbolise(struct xsg_symboliser *s, const struct xsg_module *module, uint64_t address,
                     const struct xsg_frame **frames)
{
    static const struct xsg_module nowhere = {0};
    struct module *found = find_module(s, module ? module : &nowhere);
    struct {
        uint64_t module, vaddr;
    } key = {(uintptr_t)found, address - (module ? module->bias : 0)};
    if (!*found->path)
        key.vaddr = 0;
    bool is_new;
    void **place = xsg_map_put(&s->known, &key, sizeof key, &is_new);
    struct frames *result = *place;
    if (is_new) {
        *place = result = XSG_NEW(&s->own, struct frames);
        *result = look_up(s, found, key.vaddr);
    }
    *frames = result->list;
    return result->n;
}

const char *xsg_symboliser_source(struct xsg_symboliser *s, const char *path)
{
    return xsg__source_path(&s->root, NULL, path);
}
