/* Reading xsgate.yml: the map 'ci', what is posted to the forge. */
#include <string.h>

#include "harness/suite.h"
#include "harness/suite_value.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int read_comment(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                        enum xsg_suite_comment *when)
{
    static const char *const words[] = {"off", "on", "always"};
    size_t index = 0;
    int rc = xsg_suite_word(r, node, "value", words, COUNT(words), NULL, 0, &index);

    *when = (enum xsg_suite_comment)index;
    return rc;
}

/* Part of a comment's marker and name of the check: nothing that could end an HTML comment. */
static int read_id(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **id)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    int rc = xsg_suite_text(r, node, "a short name", id);

    if (rc == 0 && (strspn(*id, allowed) != strlen(*id) || strlen(*id) > 100 || strstr(*id, "--")))
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "'id' is a short name of letters, digits, '.', '_', '-' (not two in a "
                             "row), not %s",
                             xsg_suite_shown(r, node->text));
    return rc;
}

int xsg_suite_read_ci(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      struct xsg_suite_ci *ci)
{
    static const char *const keys[] = {"id", "login", "comment", "check", "annotations", "status"};
    int rc;

    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(&r->file, node, true, r->err,
                             "'ci' expects a map with any of 'id', 'login', 'comment', 'check', "
                             "'annotations', 'status'");
    rc = xsg_yaml_check_keys(&r->file, node, keys, COUNT(keys), r->err);
    for (const struct xsg_yaml *value = node->child; value && rc == 0; value = value->next) {
        if (xsg_suite_is_blank(value))
            continue;
        if (strcmp(value->key, "id") == 0)
            rc = read_id(r, value, &ci->id);
        else if (strcmp(value->key, "login") == 0)
            rc = xsg_suite_text(r, value, "an account's name, as \"app[bot]\"", &ci->login);
        else if (strcmp(value->key, "comment") == 0)
            rc = read_comment(r, value, &ci->comment);
        else if (strcmp(value->key, "check") == 0)
            rc = xsg_suite_switch(r, value, &ci->check);
        else if (strcmp(value->key, "annotations") == 0)
            rc = xsg_suite_switch(r, value, &ci->annotations);
        else
            rc = xsg_suite_switch(r, value, &ci->status);
    }
    return rc;
}
