/* Reading xsgate.yml: one target, and the words that it is made of. */
#include <string.h>

#include "base/metric.h"
#include "harness/suite.h"
#include "harness/suite_value.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { LONGEST_NAME = 100 };

static const struct xsg_suite_target default_target = {
    .profile = XSG_MODE_SAMPLE, .timeout_s = 60, .warmup = 1, .rate_hz = 250};

/* In the order of the bits of enum xsg_profile_mode. */
static const char *const modes[] = {"scopes", "functions", "sample", "instructions"};
static const char *const later_modes[] = {"memory", "cupti", "hip", "opencl", "nvtx", "itt", "mpi"};
static const char *const later_metrics[] = {"allocations", "bytes", "gpu_time"};

/* ---- words ---------------------------------------------------------------------------------- */

static int read_profile(struct xsg_suite_reader *r, const struct xsg_yaml *node, unsigned *profile)
{
    const struct xsg_yaml **items;
    size_t n, mode;
    int rc =
        xsg_suite_list(r, node, "a list of scopes, functions, sample, instructions", &items, &n);
    if (rc)
        return rc;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        rc = xsg_suite_word(r, items[i], "profile", modes, COUNT(modes), later_modes,
                            COUNT(later_modes), &mode);
        if (rc)
            return rc;
        bits |= 1u << mode;
    }
    if (bits == 0)
        return xsg_yaml_fail(&r->file, node, true, r->err,
                             "'profile' is empty; name at least one of scopes, functions, sample, "
                             "instructions");
    *profile = bits;
    return XSG_OK;
}

int xsg_suite_pairing(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      enum xsg_pairing *pairing)
{
    size_t index;
    int rc = xsg_suite_word(r, node, "pairing", xsg_pairing_names, XSG_N_PAIRINGS, NULL, 0, &index);
    if (rc == XSG_OK)
        *pairing = (enum xsg_pairing)index;
    return rc;
}

int xsg_suite_metric(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **metric)
{
    const char **names = XSG_NEW_ARRAY(r->arena, const char *, xsg_n_metrics);
    size_t index;
    for (size_t i = 0; i < xsg_n_metrics; i++)
        names[i] = xsg_metrics[i].name;
    int rc = xsg_suite_word(r, node, "metric", names, xsg_n_metrics, later_metrics,
                            COUNT(later_metrics), &index);
    if (rc == XSG_OK)
        *metric = names[index];
    return rc;
}

int xsg_suite_metrics(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      const char ***metrics, size_t *n_metrics)
{
    const struct xsg_yaml **items;
    size_t n;
    int rc = xsg_suite_list(r, node, "a list of metrics, such as [time]", &items, &n);
    if (rc || n == 0)
        return rc;
    const char **list = XSG_NEW_ARRAY(r->arena, const char *, n);
    for (size_t i = 0; i < n; i++) {
        rc = xsg_suite_metric(r, items[i], &list[i]);
        if (rc)
            return rc;
    }
    *metrics = list;
    *n_metrics = n;
    return XSG_OK;
}

/* ---- targets -------------------------------------------------------------------------------- */

static int read_name(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    int rc = xsg_suite_text(r, node, "a name", name);
    if (rc)
        return rc;
    size_t good = strspn(*name, allowed);
    if ((*name)[good] != '\0')
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "a target's name has letters, digits, '_', '.' and '-' only, not %s",
                             xsg_suite_shown(r, *name));
    if (good > LONGEST_NAME)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "a target's name has at most %d characters", LONGEST_NAME);
    return XSG_OK;
}

/* A folder that cannot lead out of the checkout by its text (links are the repository's own). */
static int read_directory(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                          const char **directory)
{
    int rc = xsg_suite_text(r, node, "a folder of the repository", directory);
    if (rc)
        return rc;
    bool outside = (*directory)[0] == '/';
    for (const char *p = *directory; *p && !outside; p += strcspn(p, "/"), p += *p == '/')
        outside = strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0');
    if (outside)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "'directory' is a path inside of the repository, not %s",
                             xsg_suite_shown(r, *directory));
    return XSG_OK;
}

/* One variable; the place is the key of a map, or the item of a list. */
static int add_env(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *name,
                   const char *value, struct xsg_suite_target *target)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    /* The others, XSGATE_NODES and XSGATE_LIMIT, give the profiler more room. */
    static const char *const own[] = {"XSGATE_SESSION", "XSGATE_PROFILE", "XSGATE_RATE",
                                      "XSGATE_BENCH", "XSGATE_PADDING"};
    if (!*name || strchr("0123456789", *name) || name[strspn(name, allowed)])
        return xsg_yaml_fail(&r->file, node, true, r->err,
                             "%s is not the name of an environment variable",
                             xsg_suite_shown(r, name));
    for (size_t i = 0; i < COUNT(own); i++) {
        if (strcmp(name, own[i]) == 0)
            return xsg_yaml_fail(&r->file, node, true, r->err, "'%s' is set by xsgate itself",
                                 name);
    }
    target->env[target->n_env++] = xsg_printf(r->arena, "%s=%s", name, value);
    return XSG_OK;
}

/* A map of variables, or a list of KEY=value. */
static int read_env(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                    struct xsg_suite_target *target)
{
    if (node->type == XSG_YAML_SCALAR)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "'env' expects a map of variables, such as 'LANG: C'");
    target->env = XSG_NEW_ARRAY(r->arena, const char *, node->n_children + 1);
    int rc = XSG_OK;
    for (const struct xsg_yaml *var = node->child; var && rc == XSG_OK; var = var->next) {
        if (var->type != XSG_YAML_SCALAR)
            return xsg_yaml_fail(&r->file, var, false, r->err, "a variable's value is a text");
        if (node->type == XSG_YAML_MAP) {
            rc = add_env(r, var, var->key, var->text, target);
            continue;
        }
        size_t n = strcspn(var->text, "=");
        if (!var->text[n])
            return xsg_yaml_fail(&r->file, var, false, r->err, "expected KEY=value, not %s",
                                 xsg_suite_shown(r, var->text));
        rc = add_env(r, var, xsg_strndup(r->arena, var->text, n), var->text + n + 1, target);
    }
    return rc;
}

static int read_target_value(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                             struct xsg_suite_target *target)
{
    const char *key = node->key;
    int64_t number;
    int rc = XSG_OK;
    if (strcmp(key, "name") == 0)
        return read_name(r, node, &target->name);
    if (strcmp(key, "command") == 0)
        return xsg_suite_text(r, node, "a command line", &target->command);
    if (xsg_suite_is_blank(node))
        return XSG_OK; /* the default */
    if (strcmp(key, "directory") == 0)
        return read_directory(r, node, &target->directory);
    if (strcmp(key, "profile") == 0)
        return read_profile(r, node, &target->profile);
    if (strcmp(key, "metrics") == 0)
        return xsg_suite_metrics(r, node, &target->metrics, &target->n_metrics);
    if (strcmp(key, "env") == 0)
        return read_env(r, node, target);
    if (strcmp(key, "timeout") == 0)
        return xsg_suite_seconds(r, node, &target->timeout_s);
    if (strcmp(key, "pairing") == 0)
        return xsg_suite_pairing(r, node, &target->pairing);
    if (strcmp(key, "warmup") == 0) {
        rc = xsg_suite_int(r, node, 1, 100, &number);
        if (rc == XSG_OK)
            target->warmup = (int)number;
        return rc;
    }
    return xsg_suite_int(r, node, 1, 10000, &target->rate_hz);
}

int xsg_suite_target(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                     struct xsg_suite_target *target)
{
    static const char *const keys[] = {"name",    "command", "directory", "profile", "metrics",
                                       "timeout", "warmup",  "rate",      "env",     "pairing"};
    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "a target is a map with at least 'name' and 'command'");
    int rc = xsg_yaml_check_keys(&r->file, node, keys, COUNT(keys), r->err);
    *target = default_target;
    target->line = node->line;
    for (const struct xsg_yaml *value = node->child; value && rc == XSG_OK; value = value->next)
        rc = read_target_value(r, value, target);
    if (rc)
        return rc;
    if (!target->name)
        return xsg_yaml_fail(&r->file, node, false, r->err, "this target has no 'name'");
    if (!target->command)
        return xsg_yaml_fail(&r->file, node, false, r->err, "the target '%s' has no 'command'",
                             target->name);
    return XSG_OK;
}
