/* Modules and keys of a segment -> functions of the fold. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "profiler/source/segment.h"

struct xsg_segment_module {
    struct xsg_module module;
    uint64_t reach;   /* the largest end of this and all before it */
    const char *base; /* of its path */
    bool ours;        /* runtime or unwinder: its frames are not the program's */
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ---- modules ---- */

static int compare_modules(const void *a, const void *b)
{
    const struct xsg_segment_module *x = a, *y = b;
    return (x->module.start > y->module.start) - (x->module.start < y->module.start);
}

static void load_modules(struct xsg_segment_naming *f)
{
    size_t n = xsg__segment_n_modules(f->segment);
    f->modules = XSG_NEW_ARRAY(f->scratch, struct xsg_segment_module, n);
    for (size_t i = 0; i < n; i++) {
        struct xsg_seg_module from;
        xsg__segment_module(f->segment, i, &from);
        if (from.end <= from.start || from.build_id_n > sizeof from.build_id) {
            f->reading->losses->damaged++;
            continue;
        }
        struct xsg_segment_module *to = &f->modules[f->n_modules++];
        uint8_t *id = xsg_alloc(f->scratch, sizeof from.build_id, 1);
        memcpy(id, from.build_id, sizeof from.build_id);
        to->module = (struct xsg_module){.start = from.start,
                                         .end = from.end,
                                         .bias = from.bias,
                                         .path = xsg__segment_string(f->segment, from.path),
                                         .build_id = id,
                                         .build_id_n = from.build_id_n};
        to->base = xsg_path_base(to->module.path);
        to->ours = starts_with(to->base, "libxsgate-runtime") || starts_with(to->base, "libunwind");
    }
    qsort(f->modules, f->n_modules, sizeof *f->modules, compare_modules);
    uint64_t reach = 0;
    for (size_t i = 0; i < f->n_modules; i++) {
        if (f->modules[i].module.end > reach)
            reach = f->modules[i].module.end;
        f->modules[i].reach = reach;
    }
}

static const struct xsg_segment_module *find_module(const struct xsg_segment_naming *f,
                                                    uint64_t address)
{
    size_t low = 0, high = f->n_modules;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->modules[middle].module.start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    /* Overlaps (a closed library's place, used again) are few: a bound for hostile tables. */
    for (size_t i = low, tries = 64; i-- > 0 && tries > 0; tries--) {
        if (f->modules[i].reach <= address)
            return NULL;
        if (f->modules[i].module.end > address)
            return &f->modules[i];
    }
    return NULL;
}

/* The modules below the checkout's root: what the commit decides. */
static bool is_of_project(const struct xsg_segment_naming *f,
                          const struct xsg_segment_module *module)
{
    const char *root = f->reading->root, *path = module->module.path;
    return root && !module->ours && starts_with(path, root) && path[strlen(root)] == '/';
}

static void load_program(struct xsg_segment_naming *f)
{
    if (!f->reading->code)
        return;
    const char **paths = XSG_NEW_ARRAY(f->scratch, const char *, f->n_modules);
    size_t n = 0;
    for (size_t i = 0; i < f->n_modules; i++) {
        const char *path = f->modules[i].module.path;
        if (!is_of_project(f, &f->modules[i]))
            continue;
        paths[n++] = path;
        xsg_map_put(f->reading->modules, path, strlen(path), NULL);
    }
    if (n)
        f->program = xsg_code_program(f->reading->code, f->reading->root, paths, n);
}

/* ---- keys -> functions ---- */

/* Compilers write the file as they were given it: absolute, or relative to a folder unknown here.
 */
static const char *scope_file(const struct xsg_segment_naming *f, const char *file)
{
    const struct xsg_segment_reading *r = f->reading;
    char path[PATH_MAX];
    if (!*file)
        return NULL;
    if (*file == '/')
        return r->symboliser ? xsg_symboliser_source(r->symboliser, file) : file;
    const char *rest = file;
    while (starts_with(rest, "./") || starts_with(rest, "../"))
        rest += rest[1] == '/' ? 2 : 3;
    if (rest == file || !r->root || strlen(r->root) + strlen(rest) + 2 > sizeof path)
        return file;
    stpcpy(stpcpy(stpcpy(path, r->root), "/"), rest);
    return access(path, F_OK) == 0 ? rest : file;
}

static void add_name(struct xsg_segment_naming *f, struct xsg_segment_names *names,
                     const struct xsg_function *function)
{
    names->functions[names->n++] = xsg_fold_function(f->reading->fold, function);
}

static void name_scope(struct xsg_segment_naming *f, struct xsg_segment_names *names,
                       uint64_t index)
{
    struct xsg_seg_site site;
    if (!xsg__segment_site(f->segment, index, &site))
        return;
    const char *name = xsg__segment_string(f->segment, site.name);
    const struct xsg_function function = {
        .name = *name ? name : "[unnamed]",
        .file = scope_file(f, xsg__segment_string(f->segment, site.file)),
        .line = site.line <= INT_MAX ? (int)site.line : 0,
    };
    add_name(f, names, &function);
}

static bool is_ours(const struct xsg_function *function)
{
    return function->name && (starts_with(function->name, "xsg__") ||
                              starts_with(function->name, "__cyg_profile_func_"));
}

/* For tests and fuzzing: names without symbols. */
static size_t frames_without_symbols(struct xsg_segment_naming *f,
                                     const struct xsg_segment_module *module, uint64_t address,
                                     const struct xsg_frame **frames)
{
    struct xsg_frame *frame = XSG_NEW(f->scratch, struct xsg_frame);
    frame->function.name = "[unknown]";
    if (module) {
        frame->function.name = xsg_printf(f->scratch, "%s+0x%llx", module->base,
                                          (unsigned long long)(address - module->module.bias));
        frame->function.module = module->base;
    }
    *frames = frame;
    return 1;
}

static size_t frames_at(struct xsg_segment_naming *f, const struct xsg_segment_module *module,
                        uint64_t address, const struct xsg_frame **frames)
{
    if (!f->reading->symboliser)
        return frames_without_symbols(f, module, address, frames);
    return xsg_symbolise(f->reading->symboliser, module ? &module->module : NULL, address, frames);
}

static void take_code(const struct xsg_segment_naming *f, const struct xsg_segment_module *module,
                      uint64_t address, struct xsg_function *function)
{
    xsg_code_function(f->program, module->module.path, address - module->module.bias,
                      &function->code, &function->code_deep);
    if (function->code == 0 && is_of_project(f, module))
        function->code_deep = XSG_CODE_UNREAD;
}

static void name_frames(struct xsg_segment_naming *f, struct xsg_segment_names *names,
                        uint64_t address)
{
    const struct xsg_frame *frames;
    const struct xsg_segment_module *module = find_module(f, address);
    if (module && module->ours)
        return;
    size_t n = frames_at(f, module, address, &frames);
    names->functions = XSG_NEW_ARRAY(f->scratch, uint32_t, n);
    for (size_t i = n; i-- > 0;) {
        struct xsg_function function = frames[i].function;
        if (i + 1 == n && module && f->program)
            take_code(f, module, address, &function);
        if (is_ours(&function))
            break; /* and what is inlined into it */
        if (f->reading->keep_addresses && frames[i].at_line > 0)
            function.name = xsg_printf(f->scratch, "%s:%d", function.name, frames[i].at_line);
        add_name(f, names, &function);
    }
    if (module && n > 0 && frames[0].function.name && !frames[0].function.file &&
        strstr(frames[0].function.name, "+0x"))
        names->nameless = module->base;
}

const struct xsg_segment_names *xsg__names_of(struct xsg_segment_naming *f, uint64_t key)
{
    bool is_new;
    void **place = xsg_map_put(&f->names, &key, sizeof key, &is_new);
    if (!is_new)
        return *place;
    struct xsg_segment_names *names = XSG_NEW(f->scratch, struct xsg_segment_names);
    *place = names;
    names->functions = XSG_NEW(f->scratch, uint32_t);
    const uint64_t value = XSG_SEG_KEY_VALUE(key);
    const struct xsg_frame *frames;
    const struct xsg_function cut = {.name = "[truncated]"};
    size_t n;
    switch (XSG_SEG_KEY_KIND(key)) {
    case XSG_SEG_KEY_SITE:
        name_scope(f, names, value);
        break;
    case XSG_SEG_KEY_FUNCTION: /* the function itself; what is inlined there has its own hooks */
        n = frames_at(f, find_module(f, value), value, &frames);
        add_name(f, names, &frames[n - 1].function);
        break;
    case XSG_SEG_KEY_RETURN:
        name_frames(f, names, value - 1);
        break;
    case XSG_SEG_KEY_LEAF:
        name_frames(f, names, value);
        break;
    default:
        add_name(f, names, &cut);
    }
    return names;
}

void xsg__names_init(struct xsg_segment_naming *f, const struct xsg_segment *segment,
                     const struct xsg_segment_reading *reading, struct xsg_arena *scratch)
{
    *f = (struct xsg_segment_naming){.segment = segment, .reading = reading, .scratch = scratch};
    xsg_map_init(&f->names, scratch);
    load_modules(f);
    load_program(f);
}
