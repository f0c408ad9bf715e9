#include "ci/report/parts.h"

#include <string.h>

#include "base/str.h"

const char *xsg_report_word(const struct xsg_delta *delta)
{
    bool time = delta->unit && strcmp(delta->unit, "ns") == 0;

    switch (delta->verdict) {
    case XSG_DELTA_REGRESSED:
        return time ? "slower" : "worse";
    case XSG_DELTA_IMPROVED:
        return time ? "faster" : "better";
    case XSG_DELTA_UNCHANGED:
        return "same";
    case XSG_DELTA_UNDECIDED:
        return "unclear";
    case XSG_DELTA_ADDED:
        return "added";
    case XSG_DELTA_REMOVED:
        return "removed";
    case XSG_DELTA_INVALID:
        return "invalid";
    }
    return "";
}

size_t xsg_report_count(const struct xsg_comparison *comparison, const char *target,
                        enum xsg_delta_verdict verdict)
{
    size_t n = 0;

    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *delta = &comparison->deltas[i];
        n += delta->verdict == verdict && (!target || strcmp(delta->target, target) == 0);
    }
    return n;
}

const struct xsg_delta *xsg_report_whole(const struct xsg_comparison *comparison,
                                         const char *target)
{
    const struct xsg_delta *whole = NULL;

    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *delta = &comparison->deltas[i];
        if (delta->function.name || strcmp(delta->target, target) != 0)
            continue;
        if (strcmp(delta->metric, "time") == 0)
            return delta;
        whole = whole ? whole : delta;
    }
    return whole;
}

size_t xsg_report_count_minor(const struct xsg_comparison *comparison, const char *target,
                              const char **rule)
{
    size_t n = 0;

    *rule = NULL;
    for (size_t i = 0; i < comparison->n_deltas; i++) {
        const struct xsg_delta *d = &comparison->deltas[i];
        if (d->verdict != XSG_DELTA_UNDECIDED || d->counts || !d->function.name ||
            (target && strcmp(d->target, target) != 0))
            continue;
        if (n++ == 0)
            *rule = d->rule;
        else if (*rule && (!d->rule || strcmp(*rule, d->rule) != 0))
            *rule = NULL;
    }
    return n;
}

bool xsg_report_is_failing(const struct xsg_delta *delta)
{
    return delta->verdict == XSG_DELTA_REGRESSED && delta->counts && !delta->waiver;
}

bool xsg_report_is_spared(const struct xsg_delta *delta)
{
    return delta->verdict == XSG_DELTA_REGRESSED && !xsg_report_is_failing(delta);
}

bool xsg_report_is_inside(const char *path)
{
    if (!path || path[0] == '/' || path[0] == '\0')
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

void xsg_report_put_commit(struct xsg_buf *out, const struct xsg_commit *commit)
{
    if (!commit->oid || !commit->oid[0])
        xsg_buf_puts(out, "no commit");
    else if (commit->describe && commit->describe[0])
        xsg_buf_printf(out, "%.10s (%s)", commit->oid, commit->describe);
    else
        xsg_buf_printf(out, "%.10s", commit->oid);
    if (commit->dirty)
        xsg_buf_puts(out, " with local changes");
}

const struct xsg_target_run *xsg_report_target(const struct xsg_comparison *comparison, size_t i)
{
    const struct xsg_run *head = comparison->head, *base = comparison->base;

    if (i < head->n_targets)
        return &head->targets[i];
    i -= head->n_targets;
    for (size_t k = 0; k < base->n_targets; k++) {
        bool in_head = false;
        for (size_t h = 0; h < head->n_targets; h++)
            in_head |= strcmp(head->targets[h].name, base->targets[k].name) == 0;
        if (!in_head && i-- == 0)
            return &base->targets[k];
    }
    return NULL;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Columns of the character at text, and its bytes in *step. */
static size_t width_of(const char *text, size_t *step)
{
    char one[8] = "";

    for (*step = 1; continues(text[*step]) && *step < sizeof one - 1;)
        ++*step;
    memcpy(one, text, *step);
    return xsg_display_width(one);
}

/* Bytes of the longest prefix of printable text that fits into width columns. */
static size_t prefix(const char *text, size_t width)
{
    size_t n = 0, used = 0, step;

    while (text[n]) {
        used += width_of(text + n, &step);
        if (used > width)
            break;
        n += step;
    }
    return n;
}

/* Where the longest suffix begins that fits. */
static size_t suffix(const char *text, size_t len, size_t width)
{
    size_t start = len, used = 0, step;

    while (start > 0) {
        size_t previous = start - 1;
        while (previous > 0 && continues(text[previous]))
            previous--;
        used += width_of(text + previous, &step);
        if (used > width)
            break;
        start = previous;
    }
    /* A combining mark belongs to what was cut off. */
    while (start < len && width_of(text + start, &step) == 0)
        start += step;
    return start;
}

/* Escaped text, so that nothing below has to think of control characters. A hostile name may be
 * megabytes long: of what cannot be shown neither end is escaped. */
static bool put_ends(struct xsg_buf *safe, const char *text, size_t width)
{
    size_t n = strlen(text), most = width * 4 + 16;

    if (n <= 2 * most) {
        xsg_put_printable(safe, text, n);
        return true;
    }
    const char *end = text + n - most;
    while (continues(*end))
        end++;
    for (n = most; continues(text[n]); n--)
        ;
    xsg_put_printable(safe, text, n);
    xsg_put_printable(safe, end, strlen(end));
    return false;
}

/* Cut so that at most `front` columns stay before the ellipsis and the rest after it. */
static void put_cut(struct xsg_buf *out, const char *text, size_t width, size_t front, bool pad)
{
    struct xsg_buf safe = XSG_BUF_INIT;
    bool whole = put_ends(&safe, text ? text : "", width);
    const char *shown = xsg_buf_str(&safe);
    size_t have = xsg_display_width(shown), before = out->len;

    if (width == 0) {
        have = 0;
    } else if (have > width || !whole) {
        size_t from = suffix(shown, safe.len, width - 1 - front);
        xsg_buf_put(out, shown, prefix(shown, front));
        xsg_buf_puts(out, "…");
        xsg_buf_puts(out, shown + from);
        have = xsg_display_width(out->data + before);
    } else {
        xsg_buf_put(out, shown, safe.len);
    }
    for (; pad && have < width; have++)
        xsg_buf_putc(out, ' ');
    xsg_buf_release(&safe);
}

void xsg_report_put_cell(struct xsg_buf *out, const char *text, size_t width, bool pad)
{
    put_cut(out, text, width, width > 0 ? width - 1 : 0, pad);
}

void xsg_report_put_name(struct xsg_buf *out, const char *text, size_t width, bool pad)
{
    put_cut(out, text, width, width / 2, pad);
}

void xsg_report_put_path(struct xsg_buf *out, const char *text, size_t width, bool pad)
{
    put_cut(out, text, width, 0, pad);
}

bool xsg_report_next_line(const char **rest, struct xsg_buf *line)
{
    const char *text = *rest ? *rest : "";
    size_t n;

    xsg_buf_clear(line);
    if (*text == '\0')
        return false;
    if (*text == '\n') { /* not the first one */
        text++;
        n = strspn(text, " ");
        if (strncmp(text + n, "| ", 2) == 0)
            text += n + 2;
    }
    n = strcspn(text, "\n");
    xsg_buf_put(line, text, n);
    *rest = text + n;
    return true;
}

void xsg_report_put_xml(struct xsg_buf *out, const char *text)
{
    struct xsg_buf safe = XSG_BUF_INIT;

    xsg_put_printable(&safe, text ? text : "", text ? strlen(text) : 0);
    for (size_t i = 0; i < safe.len; i++) {
        /* U+FFFE and U+FFFF are valid UTF-8 that XML forbids. */
        if (strncmp(safe.data + i, "\xef\xbf\xbe", 3) == 0 ||
            strncmp(safe.data + i, "\xef\xbf\xbf", 3) == 0) {
            xsg_buf_printf(out, "\\u{ff%02x}", (unsigned char)safe.data[i + 2] + 0x40);
            i += 2;
            continue;
        }
        switch (safe.data[i]) {
        case '&':
            xsg_buf_puts(out, "&amp;");
            break;
        case '<':
            xsg_buf_puts(out, "&lt;");
            break;
        case '>':
            xsg_buf_puts(out, "&gt;");
            break;
        case '"':
            xsg_buf_puts(out, "&quot;");
            break;
        case '\'':
            xsg_buf_puts(out, "&apos;");
            break;
        default:
            xsg_buf_putc(out, safe.data[i]);
        }
    }
    xsg_buf_release(&safe);
}

const char *xsg_report_pairing(const struct xsg_target_run *target)
{
    static const char *const words[] = {NULL, "base and head one after the other, in random order",
                                        "base and head at once on one core",
                                        "base and head at once on two cores, swapped at random"};

    return target->pairing <= XSG_PAIRING_TWO_CORE ? words[target->pairing] : NULL;
}
