/*
 * What a place is that code or data refers to. Named objects are referred to by name and content.
 * What has no symbol (constants, strings, jump tables, initial values of arrays) reaches as far as
 * the next place that anything in the file refers to.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

enum {
    MAX_NAMELESS = 1 << 16,
    MIN_TEXT = 4,            /* characters that no number that happens to be an address points to */
    MAX_DISTANCES = 1 << 22, /* of places, beyond which none are noted in tables of distances */
    DEEPEST = 8,             /* nameless things that point to nameless things */
    NEAR = 16                /* a pointer so far before an object may be meant as one into it */
};

/* ---- places that are referred to ---------------------------------------------------------------
 */

static void note(struct xsg_code_file *file, uint64_t addr)
{
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    if (!s || s->exec || s->table)
        return;
    file->marks =
        xsg_grow(file->arena, file->marks, &file->cap_marks, file->n_marks + 1, sizeof(uint64_t));
    file->marks[file->n_marks++] = addr;
}

/* The words of a table that clang makes of one of pointers: distances from it to what they pointed
 * to, without relocations. NULL: it is none. */
static const unsigned char *distances_of(const struct xsg_code_file *file,
                                         const struct xsg_code_symbol *object)
{
    const struct xsg_code_section *s = xsg__code_section(file, object->addr);
    return s && !s->write && !strncmp(object->name, "reltable.", 9) && object->size % 4 == 0
               ? xsg__code_bytes(file, object->addr, object->size)
               : NULL;
}

static uint64_t at_distance(uint64_t addr, const unsigned char *word)
{
    int32_t distance;
    memcpy(&distance, word, sizeof distance);
    return addr + (uint64_t)(int64_t)distance;
}

static void note_object(struct xsg_code_file *file, const struct xsg_code_symbol *object)
{
    const unsigned char *distances = distances_of(file, object);
    note(file, object->addr);
    for (uint64_t i = 0; distances && i < object->size && file->n_marks < MAX_DISTANCES; i += 4)
        note(file, at_distance(object->addr, distances + i));
}

/* At every byte. A place that is missed makes an extent longer: more is compared than need be. */
static void note_from_text(struct xsg_code_file *file, const struct xsg_code_section *s)
{
    for (size_t i = 1; i + 4 <= s->size; i++) {
        int32_t word;
        memcpy(&word, s->data + i, sizeof word);
        if ((s->data[i - 1] & 0xc7) == 5) /* x(%rip) */
            note(file, s->addr + i + 4 + (uint64_t)(int64_t)word);
        if (file->fixed && (uint32_t)word >= file->low && (uint32_t)word < file->high)
            note(file, (uint32_t)word);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void load_marks(struct xsg_code_file *file)
{
    file->marks_loaded = true;
    for (size_t i = 0; i < file->n_sections; i++) {
        const struct xsg_code_section *s = &file->sections[i];
        if (!s->data || s->table)
            continue;
        if (s->exec) {
            note_from_text(file, s);
            continue;
        }
        for (uint64_t at = (8 - s->addr % 8) % 8; file->fixed && at + 8 <= s->size; at += 8) {
            uint64_t word;
            memcpy(&word, s->data + at, sizeof word);
            if (word >= file->low && word < file->high)
                note(file, word);
        }
    }
    for (size_t i = 0; i < file->n_relocs; i++)
        if (!file->relocs[i].name)
            note(file, file->relocs[i].addend);
    for (size_t i = 0; i < file->objects.n; i++)
        note_object(file, &file->objects.list[i]);
    if (file->n_marks)
        qsort(file->marks, file->n_marks, sizeof *file->marks, compare_numbers);
}

uint64_t xsg__code_extent(struct xsg_code_file *file, uint64_t addr)
{
    if (!file->marks_loaded)
        load_marks(file);
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    size_t low = 0, high = file->n_marks;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (file->marks[mid] <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    uint64_t end = s ? s->addr + s->size : addr;
    return low < file->n_marks && file->marks[low] < end ? file->marks[low] : end;
}

/* ---- callees -----------------------------------------------------------------------------------
 */

void xsg__code_add_ref(struct xsg_code_file *file, struct xsg_code_body *body,
                       struct xsg_code_ref ref)
{
    body->hash = xsg__code_mix(body->hash, (uint64_t)ref.place + 101);
    body->refs =
        xsg_grow(file->arena, body->refs, &body->cap_refs, body->n_refs + 1, sizeof *body->refs);
    body->refs[body->n_refs++] = ref;
}

static bool calls_back(const char *name)
{
    static const char *const names[] = {"qsort",
                                        "qsort_r",
                                        "bsearch",
                                        "lfind",
                                        "lsearch",
                                        "tsearch",
                                        "tfind",
                                        "tdelete",
                                        "twalk",
                                        "twalk_r",
                                        "ftw",
                                        "ftw64",
                                        "nftw",
                                        "nftw64",
                                        "scandir",
                                        "scandir64",
                                        "scandirat",
                                        "scandirat64",
                                        "glob",
                                        "glob64",
                                        "pthread_create",
                                        "pthread_once",
                                        "call_once",
                                        "thrd_create",
                                        "atexit",
                                        "at_quick_exit",
                                        "on_exit",
                                        "__cxa_atexit",
                                        "dl_iterate_phdr",
                                        "signal",
                                        "sigaction",
                                        "pthread_atfork",
                                        "makecontext",
                                        "tdestroy",
                                        "fopencookie"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return strstr(name, "_M_start_thread") != NULL;
}

static void put_import(struct xsg_code_file *file, struct xsg_code_body *body,
                       const struct xsg_code_reloc *reloc)
{
    body->hash = xsg__code_mix(body->hash, reloc->addend);
    xsg__code_add_ref(file, body,
                      (struct xsg_code_ref){.place = XSG_CODE_IMPORT, .name = reloc->name});
    if (!reloc->known_library || calls_back(reloc->name))
        xsg__code_add_ref(file, body, (struct xsg_code_ref){.place = XSG_CODE_INDIRECT});
}

void xsg__code_put_callee(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr)
{
    const struct xsg_code_reloc *stub = xsg__code_stub(file, addr);
    size_t i = xsg__code_symbol_from(&file->functions, addr);
    if (stub)
        put_import(file, body, stub);
    else if (i < file->functions.n && file->functions.list[i].addr == addr)
        xsg__code_add_ref(file, body,
                          (struct xsg_code_ref){.place = XSG_CODE_FUNCTION, .addr = addr});
    else
        body->unknown = true;
}

/* ---- without a name ----------------------------------------------------------------------------
 */

static bool is_text(const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 && !strchr("\t\n\r\f\033", text[i]))
            return false;
    return xsg_is_utf8((const char *)text, n);
}

/* Bytes to the end of the text at addr, its NUL too; 0: it is none. */
static uint64_t text_size(const struct xsg_code_file *file, uint64_t addr)
{
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    if (!s || !s->data)
        return 0;
    const unsigned char *text = s->data + (addr - s->addr);
    uint64_t most = s->size - (addr - s->addr);
    const unsigned char *end = memchr(text, 0, most < MAX_NAMELESS ? most : MAX_NAMELESS);
    return end && end > text && is_text(text, (size_t)(end - text)) ? (uint64_t)(end - text) + 1
                                                                    : 0;
}

/* Pointers are what they point to, all else is itself. */
static void put_bytes(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                      uint64_t n)
{
    const unsigned char *bytes = xsg__code_bytes(file, addr, n);
    uint64_t done = 0, word;
    size_t next = xsg__code_reloc_from(file, addr);
    if (!bytes) {
        body->unknown = true;
        return;
    }
    for (uint64_t at = 0; at + 8 <= n && !body->unknown; at++) {
        while (next < file->n_relocs && file->relocs[next].addr < addr + at)
            next++; /* within the pointer before */
        const struct xsg_code_reloc *reloc =
            next < file->n_relocs && file->relocs[next].addr == addr + at ? &file->relocs[next]
                                                                          : NULL;
        if (!reloc && !(file->fixed && (addr + at) % 8 == 0))
            continue;
        memcpy(&word, bytes + at, sizeof word);
        if (!reloc && !xsg__code_section(file, word))
            continue;
        body->hash = xsg__code_mix_data(file, body->hash, bytes + done, at - done);
        done = at + 8;
        if (!reloc)
            xsg__code_put_place(file, body, word, XSG_CODE_ACCESS_GUESS, 0);
        else if (reloc->opaque)
            body->unknown = true;
        else if (reloc->name)
            put_import(file, body, reloc);
        else
            xsg__code_put_place(file, body, reloc->addend, XSG_CODE_ACCESS_POINTER, 0);
        at += 7;
    }
    body->hash = xsg__code_mix_data(file, body->hash, bytes + done, n - done);
}

/* The text, or what else it is, up to the next place; zeros at the end are padding. */
static void put_nameless(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                         enum xsg_code_access access)
{
    uint64_t text = text_size(file, addr), n = xsg__code_extent(file, addr) - addr;
    if (n < text)
        n = text;
    body->nameless += n;
    const unsigned char *bytes = n <= MAX_NAMELESS ? xsg__code_bytes(file, addr, n) : NULL;
    /* A table of pointers to itself would never end. */
    if (!bytes || (access == XSG_CODE_ACCESS_GUESS && text <= MIN_TEXT) || body->depth == DEEPEST ||
        body->nameless > XSG_CODE_MAX_NAMELESS) {
        body->unknown = true;
        return;
    }
    size_t last = xsg__code_reloc_from(file, addr + n);
    uint64_t least =
        last && file->relocs[last - 1].addr >= addr ? file->relocs[last - 1].addr + 8 - addr : text;
    while (n > least && n > text && bytes[n - 1] == 0)
        n--;
    body->hash = xsg__code_mix(body->hash, 201);
    body->depth++;
    put_bytes(file, body, addr, n);
    body->depth--;
}

static void put_constant(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                         size_t size)
{
    const unsigned char *bytes = size && size <= 64 ? xsg__code_bytes(file, addr, size) : NULL;
    size_t reloc = xsg__code_reloc_from(file, addr);
    if (!bytes || (reloc < file->n_relocs && file->relocs[reloc].addr < addr + size))
        body->unknown = true;
    else
        body->hash = xsg__code_mix_bytes(xsg__code_mix(body->hash, 202), bytes, size);
}

/* ---- places ------------------------------------------------------------------------------------
 */

static void put_slot(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr)
{
    const struct xsg_code_reloc *reloc = xsg__code_reloc(file, addr);
    const unsigned char *bytes = xsg__code_bytes(file, addr, 8);
    uint64_t value = 0;
    body->hash = xsg__code_mix(body->hash, 203);
    if (reloc && reloc->name) {
        put_import(file, body, reloc);
        return;
    }
    if (bytes)
        memcpy(&value, bytes, sizeof value);
    if (reloc && !reloc->opaque)
        value = reloc->addend;
    if ((reloc && reloc->opaque) || !bytes || (value && !xsg__code_section(file, value)))
        body->unknown = true;
    else if (value)
        xsg__code_put_place(file, body, value, XSG_CODE_ACCESS_POINTER, 0);
}

static void put_object(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                       const struct xsg_code_symbol *object, enum xsg_code_access access)
{
    body->hash = xsg__code_mix(body->hash, addr - object->addr);
    xsg__code_add_ref(file, body,
                      (struct xsg_code_ref){.place = XSG_CODE_OBJECT, .addr = object->addr});
    size_t next = xsg__code_symbol_from(&file->objects, addr + 1);
    if (access == XSG_CODE_ACCESS_EXACT || next >= file->objects.n ||
        file->objects.list[next].addr > addr + NEAR)
        return;
    body->hash = xsg__code_mix(body->hash, file->objects.list[next].addr - addr);
    xsg__code_add_ref(
        file, body,
        (struct xsg_code_ref){.place = XSG_CODE_OBJECT, .addr = file->objects.list[next].addr});
}

void xsg__code_put_place(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t addr,
                         enum xsg_code_access access, size_t size)
{
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    const struct xsg_code_symbol *object = s ? xsg__code_symbol(&file->objects, addr) : NULL;
    if (!s || s->table)
        body->unknown = true;
    else if (s->got && access == XSG_CODE_ACCESS_EXACT && !object)
        put_slot(file, body, addr);
    else if (s->exec && access != XSG_CODE_ACCESS_EXACT)
        xsg__code_put_callee(file, body, addr);
    else if (object)
        put_object(file, body, addr, object, access);
    else if (s->write)
        body->unknown = true;
    else if (access == XSG_CODE_ACCESS_EXACT)
        put_constant(file, body, addr, size);
    else
        put_nameless(file, body, addr, access);
}

/* ---- objects -----------------------------------------------------------------------------------
 */

static void put_distances(struct xsg_code_file *file, struct xsg_code_body *body,
                          const struct xsg_code_symbol *object, const unsigned char *distances)
{
    for (uint64_t i = 0; i < object->size && !body->unknown; i += 4)
        xsg__code_put_place(file, body, at_distance(object->addr, distances + i),
                            XSG_CODE_ACCESS_POINTER, 0);
}

static void read_object(struct xsg_code_file *file, struct xsg_code_body *body,
                        const struct xsg_code_symbol *symbol)
{
    const struct xsg_code_section *s = xsg__code_section(file, symbol->addr);
    const struct xsg_code_reloc *reloc = xsg__code_reloc(file, symbol->addr);
    body->hash = xsg__code_mix(301, symbol->size);
    if (reloc && reloc->copy) {
        xsg__code_add_ref(file, body,
                          (struct xsg_code_ref){.place = XSG_CODE_IMPORT, .name = reloc->name});
        return;
    }
    if (s && !s->data)
        return;
    const unsigned char *distances = distances_of(file, symbol);
    if (symbol->size > XSG_CODE_MAX_OBJECT)
        body->unknown = true;
    else if (distances)
        put_distances(file, body, symbol, distances);
    else
        put_bytes(file, body, symbol->addr, symbol->size);
}

const struct xsg_code_body *xsg__code_object(struct xsg_code_file *file, uint64_t addr)
{
    bool is_new;
    void **place = xsg_map_put(&file->object_bodies, &addr, sizeof addr, &is_new);
    if (!is_new)
        return *place;
    struct xsg_code_body *body = XSG_NEW(file->arena, struct xsg_code_body);
    *place = body;
    const struct xsg_code_symbol *symbol = xsg__code_symbol(&file->objects, addr);
    if (!symbol || symbol->addr != addr)
        body->unknown = true;
    else
        read_object(file, body, symbol);
    return body;
}

/* Of a variable of the thread's block, or of all of it: the initial values. */
static void read_thread(struct xsg_code_file *file, struct xsg_code_body *body, uint64_t from,
                        uint64_t size)
{
    uint64_t filled = from < file->tls_filled ? file->tls_filled - from : 0;
    body->hash = xsg__code_mix(302, size);
    filled = filled < size ? filled : size;
    if (filled > XSG_CODE_MAX_OBJECT)
        body->unknown = true;
    else if (filled)
        put_bytes(file, body, file->tls_addr + from, filled);
}

const struct xsg_code_body *xsg__code_thread(struct xsg_code_file *file, uint64_t addr)
{
    bool is_new;
    void **place = xsg_map_put(&file->thread_bodies, &addr, sizeof addr, &is_new);
    if (!is_new)
        return *place;
    struct xsg_code_body *body = XSG_NEW(file->arena, struct xsg_code_body);
    *place = body;
    const struct xsg_code_symbol *symbol = xsg__code_symbol(&file->tls, addr);
    if (addr == XSG_CODE_WHOLE_BLOCK)
        read_thread(file, body, 0, file->tls_size);
    else if (!symbol || symbol->addr != addr)
        body->unknown = true;
    else
        read_thread(file, body, addr, symbol->size);
    return body;
}
