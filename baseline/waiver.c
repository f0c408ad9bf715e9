#include "baseline/waiver.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/yaml.h"

#define LIMIT ((size_t)1 << 20)
#define DAY 86400

static const char head[] = "# Slowdowns that are known and accepted for a while; past their end "
                           "they fail the gate again.\n"
                           "# 'xsgate waive' adds and removes entries; so may you.\n"
                           "waivers:\n";

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_commit(const char *text)
{
    return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static bool parse_day(const char *text, int64_t *day)
{
    struct tm tm = {0}, back;
    int end = 0;
    if (strspn(text, "0123456789-") != strlen(text) ||
        sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3 ||
        end != 10 || text[end])
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    back = tm;
    time_t time = timegm(&back);
    if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon) /* 30 February */
        return false;
    *day = (int64_t)time;
    return true;
}

int xsg_waiver_set_until(struct xsg_waiver *waiver, const char *until, struct xsg_err *err)
{
    int64_t day = 0;
    waiver->until = until;
    waiver->until_time = 0;
    if (is_commit(until))
        return XSG_OK;
    if (!parse_day(until, &day))
        return xsg_fail(err, XSG_EINVAL,
                        "until: expected a day like 2026-12-31 or a whole commit id, not '%.60s'",
                        until);
    waiver->until_time = day + DAY;
    return XSG_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int take_field(const struct xsg_yaml_file *file, const struct xsg_yaml *node,
                      struct xsg_waiver *waiver, struct xsg_err *err)
{
    struct xsg_err why = {{0}, {0}};
    if (node->type != XSG_YAML_SCALAR || !node->text[0])
        return xsg_yaml_fail(file, node, false, err, "'%s' is a text", node->key);
    if (strcmp(node->key, "function") == 0)
        waiver->function = node->text;
    else if (strcmp(node->key, "target") == 0)
        waiver->target = node->text;
    else if (strcmp(node->key, "reason") == 0)
        waiver->reason = node->text;
    else if (xsg_waiver_set_until(waiver, node->text, &why) != XSG_OK)
        return xsg_yaml_fail(file, node, false, err, "%s", why.text);
    return XSG_OK;
}

static int take_waiver(const struct xsg_yaml_file *file, const struct xsg_yaml *node,
                       struct xsg_waiver *waiver, struct xsg_err *err)
{
    static const char *const keys[] = {"function", "target", "until", "reason"};
    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(file, node, false, err,
                             "a waiver has 'function' or 'target', 'until' and 'reason'");
    int rc = xsg_yaml_check_keys(file, node, keys, sizeof keys / sizeof *keys, err);
    *waiver = (struct xsg_waiver){.line = node->line};
    for (const struct xsg_yaml *f = node->child; f && rc == XSG_OK; f = f->next)
        rc = take_field(file, f, waiver, err);
    if (rc != XSG_OK)
        return rc;
    if (!waiver->function && !waiver->target)
        return xsg_yaml_fail(file, node, false, err, "this waiver has no 'function'");
    if (!waiver->until)
        return xsg_yaml_fail(file, node, false, err, "this waiver has no 'until'");
    if (!waiver->reason)
        return xsg_yaml_fail(file, node, false, err, "this waiver has no 'reason'");
    return XSG_OK;
}

int xsg_waivers_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                      struct xsg_waivers *waivers, struct xsg_err *err)
{
    static const char *const keys[] = {"waivers"};
    struct xsg_yaml_file file;
    *waivers = (struct xsg_waivers){0};
    int rc = xsg_yaml_parse(arena, name, text, n, &file, err);
    if (rc != XSG_OK || !file.root)
        return rc;
    if (file.root->type != XSG_YAML_MAP)
        return xsg_yaml_fail(&file, file.root, false, err, "expected 'waivers:' and a list");
    rc = xsg_yaml_check_keys(&file, file.root, keys, 1, err);
    const struct xsg_yaml *list = rc == XSG_OK ? xsg_yaml_get(file.root, "waivers") : NULL;
    if (!list || (list->type == XSG_YAML_SCALAR && !list->text[0]))
        return rc;
    if (list->type != XSG_YAML_LIST)
        return xsg_yaml_fail(&file, list, false, err, "'waivers' is a list");
    waivers->item = XSG_NEW_ARRAY(arena, struct xsg_waiver, list->n_children + 1);
    for (const struct xsg_yaml *item = list->child; item && rc == XSG_OK; item = item->next)
        rc = take_waiver(&file, item, &waivers->item[waivers->n++], err);
    return rc;
}

static int read_text(struct xsg_arena *arena, const char *path, char **text, size_t *n,
                     struct xsg_err *err)
{
    *text = xsg_strdup(arena, "");
    *n = 0;
    return xsg_is_file(path) ? xsg_read_file(arena, path, LIMIT, text, n, err) : XSG_OK;
}

int xsg_waivers_read(struct xsg_arena *arena, const char *path, struct xsg_waivers *waivers,
                     struct xsg_err *err)
{
    char *text;
    size_t n;
    int rc = read_text(arena, path, &text, &n, err);
    return rc == XSG_OK ? xsg_waivers_parse(arena, path, text, n, waivers, err) : rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A JSON string is a YAML string. */
static void put_field(struct xsg_buf *out, const char *lead, const char *key, const char *value)
{
    struct xsg_json_writer w;
    if (!value)
        return;
    xsg_buf_printf(out, "%s%s: ", lead, key);
    xsg_json_writer_init(&w, out, 0);
    xsg_json_string(&w, value);
    xsg_buf_putc(out, '\n');
}

static void put_waiver(struct xsg_buf *out, const struct xsg_waiver *w)
{
    put_field(out, "  - ", w->function ? "function" : "target",
              w->function ? w->function : w->target);
    if (w->function)
        put_field(out, "    ", "target", w->target);
    put_field(out, "    ", "until", w->until);
    put_field(out, "    ", "reason", w->reason);
}

static bool is_indented(const char *line)
{
    return *line == ' ' || *line == '\t';
}

/* Lines first .. of the text up to the next entry, comment at the margin, or end are left out. */
static void put_without(struct xsg_buf *out, const char *text, const bool *gone, size_t n_lines)
{
    bool within = false;
    const char *line = text;
    for (size_t i = 1; *line; i++) {
        size_t n = strcspn(line, "\n") + 1;
        n = line[n - 1] ? n : n - 1;
        const char *word = line + strspn(line, " \t");
        if (i <= n_lines && gone[i])
            within = true;
        else if (within && (*word == '-' || *word == '#' || !is_indented(line)))
            within = false;
        if (!within)
            xsg_buf_put(out, line, n);
        line += n;
    }
}

static int check_and_write(struct xsg_arena *arena, const char *path, const struct xsg_buf *out,
                           struct xsg_err *err)
{
    struct xsg_waivers check;
    const char *text = xsg_buf_str(out);
    int rc = xsg_waivers_parse(arena, path, text, out->len, &check, err);
    if (rc != XSG_OK) {
        xsg_err_prefix(err, "the entry cannot be written into this file by a program");
        return xsg_fail_hint(err, rc, "edit %s by hand", path);
    }
    return xsg_write_file(path, text, out->len, err);
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static int rewrite(struct xsg_arena *arena, const char *path, const char *function,
                   const char *target, bool any_target, const struct xsg_waiver *added,
                   size_t *removed, struct xsg_err *err)
{
    struct xsg_waivers old;
    struct xsg_buf out = XSG_BUF_INIT;
    char *text;
    size_t n;
    *removed = 0;
    int rc = read_text(arena, path, &text, &n, err);
    if (rc == XSG_OK)
        rc = xsg_waivers_parse(arena, path, text, n, &old, err);
    if (rc != XSG_OK)
        return rc;
    size_t n_lines = count_lines(text);
    bool *gone = XSG_NEW_ARRAY(arena, bool, n_lines + 2);
    for (size_t i = 0; i < old.n; i++) {
        const struct xsg_waiver *w = &old.item[i];
        if (!same(w->function, function) || (!any_target && !same(w->target, target)))
            continue;
        gone[w->line] = true;
        ++*removed;
    }
    put_without(&out, text, gone, n_lines);
    if (out.len == 0 && added)
        xsg_buf_puts(&out, head);
    else if (out.len > 0 && out.data[out.len - 1] != '\n')
        xsg_buf_putc(&out, '\n');
    if (added)
        put_waiver(&out, added);
    if (added || *removed > 0)
        rc = check_and_write(arena, path, &out, err);
    xsg_buf_release(&out);
    return rc;
}

int xsg_waivers_add(struct xsg_arena *arena, const char *path, const struct xsg_waiver *waiver,
                    struct xsg_err *err)
{
    size_t replaced;
    return rewrite(arena, path, waiver->function, waiver->target, false, waiver, &replaced, err);
}

int xsg_waivers_remove(struct xsg_arena *arena, const char *path, const char *function,
                       const char *target, size_t *removed, struct xsg_err *err)
{
    return rewrite(arena, path, function, target, target == NULL, NULL, removed, err);
}
