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

/* Bytes of the longest prefix of printable text that fits into width columns. */
static size_t prefix(const char *text, size_t width)
{
    struct xsg_buf part = XSG_BUF_INIT;
    size_t n = 0, len = strlen(text);

    while (n < len) {
        size_t step = 1;
        while (n + step < len && ((unsigned char)text[n + step] & 0xc0) == 0x80)
            step++;
        xsg_buf_put(&part, text + n, step);
        if (xsg_display_width(xsg_buf_str(&part)) > width)
            break;
        n += step;
    }
    xsg_buf_release(&part);
    return n;
}

void xsg_report_put_cell(struct xsg_buf *out, const char *text, size_t width, bool pad)
{
    struct xsg_buf safe = XSG_BUF_INIT;
    size_t have, n = text ? strlen(text) : 0;

    /* A hostile name may be megabytes long: what cannot be shown is not even escaped. */
    xsg_put_printable(&safe, text ? text : "", n > width * 4 ? width * 4 : n);
    have = xsg_display_width(xsg_buf_str(&safe));
    if (have > width || n > width * 4) {
        size_t keep = prefix(xsg_buf_str(&safe), width - 1);
        xsg_buf_put(out, xsg_buf_str(&safe), keep);
        xsg_buf_puts(out, "…");
        have = width;
    } else {
        xsg_buf_put(out, xsg_buf_str(&safe), safe.len);
    }
    for (; pad && have < width; have++)
        xsg_buf_putc(out, ' ');
    xsg_buf_release(&safe);
}
