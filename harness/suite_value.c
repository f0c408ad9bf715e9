#include "harness/suite_value.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { LONGEST_SHOWN = 60 };

const char *xsg_suite_shown(struct xsg_suite_reader *r, const char *text)
{
    struct xsg_buf buf = XSG_BUF_INIT;
    size_t n = strnlen(text, LONGEST_SHOWN);
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    xsg_buf_putc(&buf, '\'');
    xsg_put_printable(&buf, text, n);
    xsg_buf_puts(&buf, text[n] ? "...'" : "'");
    const char *shown = xsg_strdup(r->arena, xsg_buf_str(&buf));
    xsg_buf_release(&buf);
    return shown;
}

const char *xsg_suite_joined(struct xsg_suite_reader *r, const char *const *names, size_t n)
{
    struct xsg_buf buf = XSG_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        xsg_buf_printf(&buf, "%s%s", i ? ", " : "", names[i]);
    const char *joined = xsg_strdup(r->arena, xsg_buf_str(&buf));
    xsg_buf_release(&buf);
    return joined;
}

/* What stands there instead of what was expected. */
static const char *describe(struct xsg_suite_reader *r, const struct xsg_yaml *node)
{
    if (node->type == XSG_YAML_LIST)
        return "a list";
    if (node->type == XSG_YAML_MAP)
        return "a map";
    return node->text[0] ? xsg_suite_shown(r, node->text) : "nothing";
}

static int fail_expected(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                         const char *expected)
{
    /* Nothing has no place of its own: point at the key. */
    bool at_key = node->type == XSG_YAML_SCALAR && !node->text[0];
    const char *found = describe(r, node);
    if (node->key)
        return xsg_yaml_fail(&r->file, node, at_key, r->err, "'%s' expects %s, not %s", node->key,
                             expected, found);
    return xsg_yaml_fail(&r->file, node, at_key, r->err, "expected %s, not %s", expected, found);
}

bool xsg_suite_is_blank(const struct xsg_yaml *node)
{
    return node->type == XSG_YAML_SCALAR && !node->quoted && !node->text[0];
}

int xsg_suite_text(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *expected,
                   const char **text)
{
    if (node->type != XSG_YAML_SCALAR || node->text[strspn(node->text, " \t\r\n")] == '\0')
        return fail_expected(r, node, expected);
    *text = node->text;
    return XSG_OK;
}

static bool parse_ratio(const struct xsg_yaml *node, double *ratio)
{
    return node->type == XSG_YAML_SCALAR && xsg_parse_ratio(node->text, ratio) == XSG_OK;
}

int xsg_suite_ratio(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio)
{
    double value;
    if (!parse_ratio(node, &value) || value >= 1)
        return fail_expected(r, node, "a share below 100 %, such as 5% or 0.05");
    *ratio = value;
    return XSG_OK;
}

int xsg_suite_threshold(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio)
{
    double value;
    if (!parse_ratio(node, &value))
        return fail_expected(r, node, "a threshold such as 5% or 0.05");
    if (value < 1) {
        *ratio = value;
        return XSG_OK;
    }
    const char *text = xsg_suite_shown(r, node->text);
    bool percent = strchr(node->text, '%') != NULL;
    if (!percent && value > 1 && value < 2)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "%s would mean %g times slower; write %g%%, or %g%% for %g times",
                             text, value + 1, value, (value - 1) * 100, value);
    if (!percent && value < 100)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "%s would mean %g %%, which is %g times slower; write %g%%", text,
                             value * 100, value + 1, value);
    /* Other tools give the ratio of new to old; here it is the growth alone. */
    if (value > 1 && value < 2)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "%s would mean %g times slower; write %g%%", text, value + 1,
                             (value - 1) * 100);
    return xsg_yaml_fail(&r->file, node, false, r->err,
                         "%s would mean %g times slower; a threshold is below 100%%, such as 5%%",
                         text, value + 1);
}

int xsg_suite_seconds(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *seconds)
{
    double value;
    if (node->type != XSG_YAML_SCALAR || xsg_parse_seconds(node->text, &value) || value <= 0 ||
        value > 7 * 86400)
        return fail_expected(r, node, "a duration such as 90s, 5m or 1.5h, at most 7 days");
    *seconds = value;
    return XSG_OK;
}

int xsg_suite_int(struct xsg_suite_reader *r, const struct xsg_yaml *node, int64_t low,
                  int64_t high, int64_t *value)
{
    if (node->type == XSG_YAML_SCALAR && xsg_parse_int(node->text, low, high, value) == XSG_OK)
        return XSG_OK;
    return fail_expected(
        r, node,
        xsg_printf(r->arena, "a whole number from %lld to %lld", (long long)low, (long long)high));
}

int xsg_suite_list(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *expected,
                   const struct xsg_yaml ***items, size_t *n)
{
    size_t count = 0;
    *n = 0;
    *items = NULL;
    if (xsg_suite_is_blank(node))
        return XSG_OK;
    if (node->type == XSG_YAML_MAP)
        return fail_expected(r, node, expected);
    const struct xsg_yaml **found =
        XSG_NEW_ARRAY(r->arena, const struct xsg_yaml *, node->n_children + 1);
    const struct xsg_yaml *item = node->type == XSG_YAML_LIST ? node->child : node;
    for (; item; item = node->type == XSG_YAML_LIST ? item->next : NULL) {
        if (item->type != XSG_YAML_SCALAR || !item->text[0])
            return fail_expected(r, item, expected);
        found[count++] = item;
    }
    *items = found;
    *n = count;
    return XSG_OK;
}

static bool listed(const char *word, const char *const *names, size_t n, size_t *index)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], word) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

int xsg_suite_word(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *what,
                   const char *const *names, size_t n, const char *const *later, size_t n_later,
                   size_t *index)
{
    size_t ignored;
    if (node->type != XSG_YAML_SCALAR)
        return fail_expected(r, node,
                             xsg_printf(r->arena, "one of %s", xsg_suite_joined(r, names, n)));
    if (listed(node->text, names, n, index))
        return XSG_OK;
    const char *shown = xsg_suite_shown(r, node->text);
    if (listed(node->text, later, n_later, &ignored))
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "%s %s is not available in this version; available: %s", what, shown,
                             xsg_suite_joined(r, names, n));
    const char *nearest = xsg_nearest(node->text, names, n);
    if (nearest)
        return xsg_yaml_fail(&r->file, node, false, r->err, "unknown %s %s; did you mean '%s'?",
                             what, shown, nearest);
    return xsg_yaml_fail(&r->file, node, false, r->err, "unknown %s %s; available: %s", what, shown,
                         xsg_suite_joined(r, names, n));
}

int xsg_suite_switch(struct xsg_suite_reader *r, const struct xsg_yaml *node, bool *on)
{
    static const char *const words[] = {"on", "off"};
    size_t index = 0;
    int rc =
        xsg_suite_word(r, node, "value", words, sizeof words / sizeof words[0], NULL, 0, &index);

    *on = index == 0;
    return rc;
}
