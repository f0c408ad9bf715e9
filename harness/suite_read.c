#include "harness/suite_read.h"

#include "base/str.h"

int xsg_read_text(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **text)
{
    if (node->type != XSG_YAML_SCALAR || !node->text[0])
        return xsg_yaml_fail(r->file, node, node->type != XSG_YAML_SCALAR, r->err,
                             "expected a text for '%s'", node->key ? node->key : "this item");
    *text = node->text;
    return 0;
}

int xsg_read_list(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char ***items,
                  size_t *n)
{
    int rc = 0;

    *n = 0;
    *items = XSG_NEW_ARRAY(r->arena, const char *, node->n_children + 1);
    if (node->type == XSG_YAML_SCALAR) {
        rc = xsg_read_text(r, node, &(*items)[0]);
        *n = rc == 0;
        return rc;
    }
    if (node->type != XSG_YAML_LIST)
        return xsg_yaml_fail(r->file, node, true, r->err, "expected a list for '%s': [a, b]",
                             node->key);
    for (const struct xsg_yaml *child = node->child; rc == 0 && child; child = child->next)
        rc = xsg_read_text(r, child, &(*items)[(*n)++]);
    return rc;
}

int xsg_read_int(struct xsg_suite_reader *r, const struct xsg_yaml *node, int64_t low, int64_t high,
                 int64_t *value)
{
    if (node->type != XSG_YAML_SCALAR || xsg_parse_int(node->text, low, high, value) != 0)
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "'%s': expected a whole number from %lld to %lld", node->key,
                             (long long)low, (long long)high);
    return 0;
}

int xsg_read_seconds(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *seconds)
{
    if (node->type != XSG_YAML_SCALAR || xsg_parse_seconds(node->text, seconds) != 0 ||
        !(*seconds > 0))
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "'%s': expected a time such as 60s, 5m or 250ms", node->key);
    return 0;
}

int xsg_read_threshold(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *ratio)
{
    int rc;

    if (node->type != XSG_YAML_SCALAR || xsg_parse_ratio(node->text, ratio) != 0 || !(*ratio > 0))
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "'%s': expected a percentage such as 5%%", node->key);
    if (*ratio < 1)
        return 0;
    rc = xsg_yaml_fail(r->file, node, false, r->err, "'%s': expected less than 100%%", node->key);
    return xsg_fail_hint(
        r->err, rc,
        "it is the change itself: 50%% means 1.5 times slower, 150%% would mean 2.5 "
        "times");
}
