/* The text of a callgrind file -> functions, costs and calls. All of it is foreign bytes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "profiler/source/callgrind.h"

enum { MAX_EVENTS = 64, N_POSITIONS = 2 };

/* What the next line of positions is about. */
enum follows { FOLLOWS_NOTHING, FOLLOWS_CALL, FOLLOWS_JUMP };

/* "(12) name" is a name and its number; "(12)" means it again. Objects, files and functions each
 * have their own numbers. */
struct names {
    struct xsg_map by_number, by_text;
};

struct sums {
    uint64_t instructions, syscalls;
};

struct parser {
    struct xsg_arena *arena;
    struct xsg_callgrind *out;
    struct xsg_err *err;
    size_t line;
    const char *p, *end; /* what is left of the line */
    struct names objects, files, names;
    struct xsg_map functions; /* object and name -> index + 1 */
    size_t cap_functions, cap_costs, cap_calls;
    int n_events, at_instructions, at_syscalls; /* -1: there is none */
    bool has_address, has_line;
    uint64_t last[N_POSITIONS]; /* positions may be told as a distance from the last ones */
    const char *object, *file;  /* NULL: unknown */
    const char *callee_object, *callee_file, *callee_name;
    bool has_function, has_callee;
    uint32_t function;
    enum follows follows;
    uint64_t calls;
    struct sums part; /* of the costs since the last totals */
    struct sums summary, totals;
    bool open, has_summary, has_totals;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return xsg_fail(p->err, XSG_ECORRUPT, "line %zu: %s", p->line, text);
}

/* ---- words and numbers ------------------------------------------------------------------------
 */

static void skip_blanks(struct parser *p)
{
    while (p->p < p->end && (*p->p == ' ' || *p->p == '\t'))
        p->p++;
}

/* Is this the line's key? Then what is left is what stands behind it. */
static bool take_key(struct parser *p, const char *key)
{
    size_t n = strlen(key);
    if ((size_t)(p->end - p->p) < n || memcmp(p->p, key, n) != 0)
        return false;
    p->p += n;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Decimal, or hexadecimal with 0x. */
static int take_number(struct parser *p, uint64_t *value)
{
    unsigned base = 10;
    if (p->end - p->p > 2 && p->p[0] == '0' && p->p[1] == 'x') {
        base = 16;
        p->p += 2;
    }
    const char *start = p->p;
    *value = 0;
    for (; p->p < p->end && digit_of(*p->p) < (int)base; p->p++) {
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, (unsigned)digit_of(*p->p), value))
            return fail(p, "a number is too large");
    }
    return p->p > start ? 0 : fail(p, "a number was expected");
}

static int add(struct parser *p, uint64_t *sum, uint64_t more)
{
    return __builtin_add_overflow(*sum, more, sum) ? fail(p, "the sum is too large") : 0;
}

/* "0x1234", "+3", "-3", or "*" for the last one. */
static int take_position(struct parser *p, uint64_t last, uint64_t *value)
{
    skip_blanks(p);
    char sign = p->p < p->end ? *p->p : '\0';
    if (sign == '*') {
        p->p++;
        *value = last;
        return 0;
    }
    p->p += sign == '+' || sign == '-';
    int rc = take_number(p, value);
    if (rc == 0 && sign == '+' && __builtin_add_overflow(last, *value, value))
        return fail(p, "a position is too large");
    if (rc == 0 && sign == '-' && __builtin_sub_overflow(last, *value, value))
        return fail(p, "a position is below 0");
    return rc;
}

static int take_positions(struct parser *p, uint64_t *address, uint64_t *line)
{
    *address = *line = 0;
    int rc = p->has_address ? take_position(p, p->last[0], address) : 0;
    if (rc == 0 && p->has_line)
        rc = take_position(p, p->last[1], line);
    return rc;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static const char *keep_text(struct parser *p, struct names *names, const char *text, size_t n)
{
    bool is_new;
    void **place = xsg_map_put(&names->by_text, text, n, &is_new);
    if (is_new)
        *place = xsg_strndup(p->arena, text, n);
    return *place;
}

static int take_name(struct parser *p, struct names *names, const char **name)
{
    uint64_t number = 0;
    skip_blanks(p);
    bool numbered = p->p < p->end && *p->p == '(' && p->end - p->p > 1 && digit_of(p->p[1]) < 10;
    if (numbered) {
        p->p++;
        int rc = take_number(p, &number);
        if (rc)
            return rc;
        if (p->p == p->end || *p->p != ')')
            return fail(p, "the number of a name has no end");
        p->p++;
        skip_blanks(p);
    }
    if (!numbered) {
        *name = keep_text(p, names, p->p, (size_t)(p->end - p->p));
        return 0;
    }
    bool is_new;
    if (p->p == p->end) { /* meant again */
        *name = xsg_map_get(&names->by_number, &number, sizeof number);
        return *name ? 0 : fail(p, "the name (%llu) is not defined", (unsigned long long)number);
    }
    void **place = xsg_map_put(&names->by_number, &number, sizeof number, &is_new);
    size_t n = (size_t)(p->end - p->p);
    if (is_new) /* its own text, also where two names are the same: they are two functions */
        *place = xsg_strndup(p->arena, p->p, n);
    else if (strlen(*place) != n || memcmp(*place, p->p, n) != 0)
        return fail(p, "the name (%llu) is defined twice", (unsigned long long)number);
    *name = *place;
    return 0;
}

static const char *known(const char *name)
{
    return name && *name && strcmp(name, "???") != 0 ? name : NULL;
}

/* Found or made; names are the same when they are at the same place. */
static uint32_t function_of(struct parser *p, const char *object, const char *file,
                            const char *name)
{
    const uintptr_t key[2] = {(uintptr_t)object, (uintptr_t)name};
    struct xsg_callgrind *out = p->out;
    bool is_new;
    void **place = xsg_map_put(&p->functions, key, sizeof key, &is_new);
    if (is_new) {
        out->functions = xsg_grow(p->arena, out->functions, &p->cap_functions, out->n_functions + 1,
                                  sizeof *out->functions);
        out->functions[out->n_functions] =
            (struct xsg_callgrind_function){known(object), known(file), known(name)};
        *place = (void *)(uintptr_t)++out->n_functions;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

/* ---- costs ------------------------------------------------------------------------------------
 */

static int put_cost(struct parser *p, uint64_t address, const struct sums *cost)
{
    struct xsg_callgrind *out = p->out;
    int rc = add(p, &p->part.instructions, cost->instructions);
    if (rc == 0)
        rc = add(p, &p->part.syscalls, cost->syscalls);
    if (rc)
        return rc;
    p->open = true;
    if (cost->instructions == 0 && cost->syscalls == 0)
        return 0;
    out->costs =
        xsg_grow(p->arena, out->costs, &p->cap_costs, out->n_costs + 1, sizeof *out->costs);
    out->costs[out->n_costs++] =
        (struct xsg_callgrind_cost){p->function, address, cost->instructions, cost->syscalls};
    return 0;
}

static void put_call(struct parser *p, uint64_t address, const struct sums *cost)
{
    struct xsg_callgrind *out = p->out;
    uint32_t callee = function_of(p, p->callee_object ? p->callee_object : p->object,
                                  p->callee_file ? p->callee_file : p->file, p->callee_name);
    out->calls =
        xsg_grow(p->arena, out->calls, &p->cap_calls, out->n_calls + 1, sizeof *out->calls);
    out->calls[out->n_calls++] =
        (struct xsg_callgrind_call){p->function, callee, address, p->calls, cost->instructions};
    p->callee_object = p->callee_file = p->callee_name = NULL;
    p->has_callee = false;
}

/* Positions and, from the left, as many costs as are not 0. */
static int read_costs(struct parser *p)
{
    struct sums cost = {0};
    uint64_t line;
    if (p->n_events == 0)
        return fail(p, "there are costs before 'events:'");
    if (!p->has_function)
        return fail(p, "there are costs before 'fn='");
    enum follows follows = p->follows;
    p->follows = FOLLOWS_NOTHING;
    uint64_t address;
    int rc = take_positions(p, &address, &line);
    p->last[0] = address;
    p->last[1] = line;
    skip_blanks(p);
    for (int i = 0; rc == 0 && p->p < p->end; i++, skip_blanks(p)) {
        uint64_t value;
        rc = i < p->n_events ? take_number(p, &value)
                             : fail(p, "there are more costs than 'events:' names");
        if (rc == 0 && i == p->at_instructions)
            cost.instructions = value;
        else if (rc == 0 && i == p->at_syscalls)
            cost.syscalls = value;
    }
    if (rc || follows == FOLLOWS_JUMP)
        return rc;
    if (follows == FOLLOWS_NOTHING)
        return put_cost(p, address, &cost);
    put_call(p, address, &cost);
    return 0;
}

/* "calls=COUNT POSITIONS": the next line has the caller's position and the costs below it. */
static int read_calls(struct parser *p)
{
    uint64_t address, line;
    if (!p->has_callee)
        return fail(p, "'calls=' without 'cfn='");
    int rc = take_number(p, &p->calls);
    if (rc == 0)
        rc = take_positions(p, &address, &line);
    p->follows = FOLLOWS_CALL;
    return rc;
}

/* ---- the head of a part -----------------------------------------------------------------------
 */

static int read_events(struct parser *p)
{
    p->n_events = 0;
    p->at_instructions = p->at_syscalls = -1;
    for (skip_blanks(p); p->p < p->end; skip_blanks(p)) {
        const char *start = p->p;
        while (p->p < p->end && *p->p != ' ' && *p->p != '\t')
            p->p++;
        size_t n = (size_t)(p->p - start);
        if (n == 2 && memcmp(start, "Ir", n) == 0)
            p->at_instructions = p->n_events;
        if (n == 8 && memcmp(start, "sysCount", n) == 0)
            p->at_syscalls = p->n_events;
        if (++p->n_events > MAX_EVENTS)
            return fail(p, "there are more than %d events", MAX_EVENTS);
    }
    if (p->at_instructions < 0)
        return fail(p, "instructions (the event Ir) are not counted");
    return 0;
}

static int read_position_names(struct parser *p)
{
    p->has_address = p->has_line = false;
    for (skip_blanks(p); p->p < p->end; skip_blanks(p)) {
        if (take_key(p, "instr") && !p->has_line)
            p->has_address = true;
        else if (take_key(p, "line"))
            p->has_line = true;
        else
            return fail(p, "a kind of position is not known");
    }
    p->out->has_addresses |= p->has_address;
    return 0;
}

static int read_sums(struct parser *p, struct sums *sums)
{
    *sums = (struct sums){0};
    int rc = 0;
    skip_blanks(p);
    for (int i = 0; rc == 0 && p->p < p->end; i++, skip_blanks(p)) {
        uint64_t value;
        rc = take_number(p, &value);
        if (rc == 0 && i == p->at_instructions)
            sums->instructions = value;
        else if (rc == 0 && i == p->at_syscalls)
            sums->syscalls = value;
    }
    return rc;
}

static bool same_sums(const struct sums *a, const struct sums *b)
{
    return a->instructions == b->instructions && a->syscalls == b->syscalls;
}

/*
 * A part ends with its totals, the sums of its costs. Other writers give a summary at the head
 * instead; callgrind's own also has what was not yet attributed, so it only serves without totals.
 */
static int close_part(struct parser *p)
{
    if (p->follows != FOLLOWS_NOTHING)
        return fail(p, "the line after 'calls=' is missing");
    if (p->open && !p->has_totals && !p->has_summary)
        return fail(p, "the file ends before its totals: it is cut off");
    if (p->has_totals ? !same_sums(&p->totals, &p->part)
                      : p->has_summary && !same_sums(&p->summary, &p->part))
        return fail(p, "the costs add up to %llu, the file says %llu: it is damaged or cut off",
                    (unsigned long long)p->part.instructions,
                    (unsigned long long)(p->has_totals ? p->totals : p->summary).instructions);
    int rc = add(p, &p->out->instructions, p->part.instructions);
    if (rc == 0)
        rc = add(p, &p->out->syscalls, p->part.syscalls);
    p->part = (struct sums){0};
    p->open = p->has_totals = p->has_summary = false;
    p->has_function = false;
    return rc;
}

/* ---- lines ------------------------------------------------------------------------------------
 */

static int read_function(struct parser *p)
{
    const char *name;
    int rc = take_name(p, &p->names, &name);
    if (rc)
        return rc;
    p->function = function_of(p, p->object, p->file, name);
    p->has_function = true;
    p->has_callee = false;
    p->callee_object = p->callee_file = p->callee_name = NULL;
    return 0;
}

static int read_callee(struct parser *p)
{
    p->has_callee = true;
    return take_name(p, &p->names, &p->callee_name);
}

static int read_jump(struct parser *p)
{
    p->follows = FOLLOWS_JUMP;
    return 0;
}

/* Lines with "=": names and arcs. 1: it is none. */
static int read_body_key(struct parser *p)
{
    const char *ignored;
    if (take_key(p, "fn="))
        return read_function(p);
    if (take_key(p, "fl=") || take_key(p, "fi=") || take_key(p, "fe="))
        return take_name(p, &p->files, &p->file);
    if (take_key(p, "ob="))
        return take_name(p, &p->objects, &p->object);
    if (take_key(p, "cfn="))
        return read_callee(p);
    if (take_key(p, "cfi=") || take_key(p, "cfl="))
        return take_name(p, &p->files, &p->callee_file);
    if (take_key(p, "cob="))
        return take_name(p, &p->objects, &p->callee_object);
    if (take_key(p, "calls="))
        return read_calls(p);
    if (take_key(p, "jump=") || take_key(p, "jcnd="))
        return read_jump(p);
    if (take_key(p, "jfi="))
        return take_name(p, &p->files, &ignored);
    if (take_key(p, "jfn="))
        return take_name(p, &p->names, &ignored);
    return 1;
}

static int read_version(struct parser *p)
{
    uint64_t version;
    skip_blanks(p);
    int rc = take_number(p, &version);
    if (rc == 0 && version != 1)
        return fail(p, "version %llu of the format is not known", (unsigned long long)version);
    return rc;
}

/* Lines "key: value"; keys that say nothing about costs are passed over. */
static int read_head_key(struct parser *p)
{
    if (take_key(p, "version:"))
        return read_version(p);
    if (take_key(p, "positions:"))
        return read_position_names(p);
    if (take_key(p, "events:")) {
        int rc = close_part(p);
        return rc ? rc : read_events(p);
    }
    if (take_key(p, "totals:")) {
        p->has_totals = true;
        int rc = read_sums(p, &p->totals);
        return rc ? rc : close_part(p);
    }
    if (take_key(p, "summary:")) {
        p->has_summary = true;
        return read_sums(p, &p->summary);
    }
    const char *colon = memchr(p->p, ':', (size_t)(p->end - p->p));
    return colon ? 0 : fail(p, "the line is none of the format's");
}

static int read_line(struct parser *p)
{
    skip_blanks(p);
    if (p->p == p->end || *p->p == '#')
        return 0;
    if (digit_of(*p->p) < 10 || *p->p == '+' || *p->p == '-' || *p->p == '*')
        return read_costs(p);
    if (p->follows != FOLLOWS_NOTHING)
        return fail(p, "the line after 'calls=' is missing");
    int rc = read_body_key(p);
    return rc == 1 ? read_head_key(p) : rc;
}

static void names_init(struct names *names, struct xsg_arena *arena)
{
    xsg_map_init(&names->by_number, arena);
    xsg_map_init(&names->by_text, arena);
}

int xsg_callgrind_parse(struct xsg_arena *arena, const char *data, size_t n,
                        struct xsg_callgrind *out, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT; /* the tables' own */
    struct parser p = {.arena = arena, .out = out, .err = err, .has_line = true};
    const char *end = data + n;
    int rc = 0;
    *out = (struct xsg_callgrind){0};
    p.at_instructions = p.at_syscalls = -1;
    names_init(&p.objects, &scratch);
    names_init(&p.files, &scratch);
    names_init(&p.names, &scratch);
    xsg_map_init(&p.functions, &scratch);
    for (const char *at = data; rc == 0 && at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        p.p = at;
        p.end = newline ? newline : end;
        at = newline ? newline + 1 : end;
        if (p.end > p.p && p.end[-1] == '\r')
            p.end--;
        p.line++;
        rc = read_line(&p);
    }
    if (rc == 0)
        rc = close_part(&p);
    if (rc == 0 && p.n_events == 0)
        rc = fail(&p, "the file ends before 'events:': it is cut off");
    xsg_arena_release(&scratch);
    return rc;
}
