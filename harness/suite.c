#include "harness/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/metric.h"
#include "base/str.h"
#include "harness/suite_value.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { LARGEST_FILE = 1024 * 1024, LONGEST_NAME = 100 };

static const struct xsg_suite_target default_target = {
    .profile = XSG_MODE_SAMPLE, .timeout_s = 60, .warmup = 1, .rate_hz = 250};

/* In the order of the bits of enum xsg_profile_mode. */
static const char *const modes[] = {"scopes", "functions", "sample"};
static const char *const later_modes[] = {"instructions", "memory", "cupti", "hip",
                                          "opencl",       "nvtx",   "itt",   "mpi"};
static const char *const later_metrics[] = {"instructions", "allocations", "bytes", "gpu_time"};

/* ---- words ---------------------------------------------------------------------------------- */

static int read_profile(struct xsg_suite_reader *r, const struct xsg_yaml *node, unsigned *profile)
{
    const struct xsg_yaml **items;
    size_t n, mode;
    int rc = xsg_suite_list(r, node, "a list of scopes, functions, sample", &items, &n);
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
                             "'profile' is empty; name at least one of scopes, functions, sample");
    *profile = bits;
    return XSG_OK;
}

static int read_metric(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **metric)
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

static int read_metrics(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                        const char ***metrics, size_t *n_metrics)
{
    const struct xsg_yaml **items;
    size_t n;
    int rc = xsg_suite_list(r, node, "a list of metrics, such as [time]", &items, &n);
    if (rc || n == 0)
        return rc;
    const char **list = XSG_NEW_ARRAY(r->arena, const char *, n);
    for (size_t i = 0; i < n; i++) {
        rc = read_metric(r, items[i], &list[i]);
        if (rc)
            return rc;
    }
    *metrics = list;
    *n_metrics = n;
    return XSG_OK;
}

static int read_texts(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char *expected,
                      const char ***texts, size_t *n_texts)
{
    const struct xsg_yaml **items;
    int rc = xsg_suite_list(r, node, expected, &items, n_texts);
    *texts = XSG_NEW_ARRAY(r->arena, const char *, *n_texts + 1);
    for (size_t i = 0; i < *n_texts; i++)
        (*texts)[i] = items[i]->text;
    return rc;
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
        return read_metrics(r, node, &target->metrics, &target->n_metrics);
    if (strcmp(key, "env") == 0)
        return read_env(r, node, target);
    if (strcmp(key, "timeout") == 0)
        return xsg_suite_seconds(r, node, &target->timeout_s);
    if (strcmp(key, "warmup") == 0) {
        rc = xsg_suite_int(r, node, 1, 100, &number);
        if (rc == XSG_OK)
            target->warmup = (int)number;
        return rc;
    }
    return xsg_suite_int(r, node, 1, 10000, &target->rate_hz);
}

static int read_target(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                       struct xsg_suite_target *target)
{
    static const char *const keys[] = {"name",    "command", "directory", "profile", "metrics",
                                       "timeout", "warmup",  "rate",      "env"};
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

static int read_targets(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                        struct xsg_suite *suite)
{
    if (!node)
        return xsg_yaml_fail(&r->file, r->file.root, false, r->err,
                             "'targets' is missing: the list of what to measure, each with a "
                             "'name' and a 'command'");
    if (node->type != XSG_YAML_LIST || node->n_children == 0)
        return xsg_yaml_fail(&r->file, node, true, r->err,
                             "'targets' expects a list, each item with a 'name' and a 'command'");
    suite->targets = XSG_NEW_ARRAY(r->arena, struct xsg_suite_target, node->n_children);
    for (const struct xsg_yaml *item = node->child; item; item = item->next) {
        struct xsg_suite_target *target = &suite->targets[suite->n_targets];
        int rc = read_target(r, item, target);
        if (rc)
            return rc;
        for (size_t i = 0; i < suite->n_targets; i++) {
            if (strcmp(suite->targets[i].name, target->name) == 0)
                return xsg_yaml_fail(&r->file, xsg_yaml_get(item, "name"), false, r->err,
                                     "the target '%s' is already on line %d", target->name,
                                     suite->targets[i].line);
        }
        suite->n_targets++;
    }
    return XSG_OK;
}

/* ---- gates ---------------------------------------------------------------------------------- */

/* A rule for a target that is not there would silently never match. */
static int check_rule_target(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                             const struct xsg_suite *suite)
{
    const char **names = XSG_NEW_ARRAY(r->arena, const char *, suite->n_targets);
    for (size_t i = 0; i < suite->n_targets; i++) {
        names[i] = suite->targets[i].name;
        if (xsg_glob(node->text, names[i]))
            return XSG_OK;
    }
    const char *nearest = xsg_nearest(node->text, names, suite->n_targets);
    return xsg_yaml_fail(&r->file, node, false, r->err, "no target is named %s; %s '%s'%s",
                         xsg_suite_shown(r, node->text), nearest ? "did you mean" : "there is",
                         nearest ? nearest : names[0], nearest ? "?" : "");
}

static int read_rule(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                     const struct xsg_suite *suite, struct xsg_gate_rule *rule)
{
    static const char *const keys[] = {"function", "target", "metric", "threshold"};
    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "a gate is a map with 'threshold' and any of 'function', 'target', "
                             "'metric'");
    int rc = xsg_yaml_check_keys(&r->file, node, keys, COUNT(keys), r->err);
    bool has_threshold = false;
    rule->line = node->line;
    for (const struct xsg_yaml *value = node->child; value && rc == XSG_OK; value = value->next) {
        if (strcmp(value->key, "threshold") == 0) {
            rc = xsg_suite_threshold(r, value, &rule->threshold);
            has_threshold = true;
        } else if (strcmp(value->key, "function") == 0) {
            rc = xsg_suite_text(r, value, "a function's name, * for any text", &rule->function);
        } else if (strcmp(value->key, "target") == 0) {
            rc = xsg_suite_text(r, value, "a target's name, * for any text", &rule->target);
            if (rc == XSG_OK)
                rc = check_rule_target(r, value, suite);
        } else {
            rc = xsg_suite_text(r, value, "a metric's name", &rule->metric);
            if (rc == XSG_OK)
                rc = read_metric(r, value, &rule->metric);
        }
    }
    if (rc == XSG_OK && !has_threshold)
        return xsg_yaml_fail(&r->file, node, false, r->err, "this gate has no 'threshold'");
    return rc;
}

static int read_rules(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      struct xsg_suite *suite)
{
    if (xsg_suite_is_blank(node))
        return XSG_OK;
    if (node->type != XSG_YAML_LIST)
        return xsg_yaml_fail(&r->file, node, true, r->err,
                             "'gates' expects a list, each item with 'threshold' and any of "
                             "'function', 'target', 'metric'");
    struct xsg_gate *gate = &suite->gate;
    gate->rules = XSG_NEW_ARRAY(r->arena, struct xsg_gate_rule, node->n_children + 1);
    for (const struct xsg_yaml *item = node->child; item; item = item->next) {
        int rc = read_rule(r, item, suite, &gate->rules[gate->n_rules]);
        if (rc)
            return rc;
        gate->n_rules++;
    }
    return XSG_OK;
}

static int read_alpha(struct xsg_suite_reader *r, const struct xsg_yaml *node, double *alpha)
{
    int rc = xsg_suite_ratio(r, node, alpha);
    if (rc == XSG_OK && (*alpha <= 0 || *alpha > 0.2))
        return xsg_yaml_fail(&r->file, node, false, r->err,
                             "'alpha' is the rate of false alarms, more than 0 and at most 0.2, "
                             "not %s",
                             xsg_suite_shown(r, node->text));
    return rc;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int read_top_value(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                          struct xsg_suite *suite)
{
    struct xsg_gate *gate = &suite->gate;
    const char *key = node->key;
    if (strcmp(key, "targets") == 0 || strcmp(key, "gates") == 0 || xsg_suite_is_blank(node))
        return XSG_OK; /* read on their own, or the default */
    if (strcmp(key, "build") == 0)
        return xsg_suite_text(r, node, "a shell command", &suite->build);
    if (strcmp(key, "build_timeout") == 0)
        return xsg_suite_seconds(r, node, &suite->build_timeout_s);
    if (strcmp(key, "threshold") == 0)
        return xsg_suite_threshold(r, node, &gate->threshold);
    if (strcmp(key, "alpha") == 0)
        return read_alpha(r, node, &gate->alpha);
    if (strcmp(key, "min_share") == 0)
        return xsg_suite_ratio(r, node, &gate->min_share);
    if (strcmp(key, "metrics") == 0)
        return read_metrics(r, node, &gate->metrics, &gate->n_metrics);
    return read_texts(r, node, "a list of function names, * for any text", &gate->ignore,
                      &gate->n_ignore);
}

static int read_file(struct xsg_suite_reader *r, struct xsg_suite *suite)
{
    static const char *const keys[] = {"build",   "build_timeout", "threshold",
                                       "alpha",   "min_share",     "metrics",
                                       "targets", "gates",         "ignore"};
    const struct xsg_yaml *root = r->file.root;
    if (!root)
        return xsg_yaml_fail(&r->file, NULL, false, r->err,
                             "the file is empty; at least 'targets' is needed");
    int rc = xsg_yaml_check_keys(&r->file, root, keys, COUNT(keys), r->err);
    for (const struct xsg_yaml *value = root->child; value && rc == XSG_OK; value = value->next)
        rc = read_top_value(r, value, suite);
    if (rc)
        return rc;
    rc = read_targets(r, xsg_yaml_get(root, "targets"), suite);
    const struct xsg_yaml *gates = xsg_yaml_get(root, "gates");
    if (rc == XSG_OK && gates)
        rc = read_rules(r, gates, suite);
    return rc;
}

static const char *const time_only[] = {"time"};

static void set_metrics(struct xsg_arena *arena, struct xsg_suite *suite)
{
    for (size_t i = 0; i < suite->n_targets; i++) {
        struct xsg_suite_target *target = &suite->targets[i];
        if (target->n_metrics > 0)
            continue;
        bool set = suite->gate.n_metrics > 0;
        target->n_metrics = set ? suite->gate.n_metrics : COUNT(time_only);
        target->metrics = XSG_NEW_ARRAY(arena, const char *, target->n_metrics);
        memcpy(target->metrics, set ? suite->gate.metrics : (const char **)(uintptr_t)time_only,
               target->n_metrics * sizeof *target->metrics);
    }
}

/* What was measured, not how it is judged: thresholds and time-outs may change freely. */
static const char *hash_suite(struct xsg_arena *arena, const struct xsg_suite *suite)
{
    struct xsg_buf buf = XSG_BUF_INIT;
    xsg_buf_printf(&buf, "1\n%s%c", suite->build ? suite->build : "", 0);
    for (size_t i = 0; i < suite->n_targets; i++) {
        const struct xsg_suite_target *t = &suite->targets[i];
        xsg_buf_printf(&buf, "%s%c%s%c%s%c%u %lld %zu", t->name, 0, t->command, 0,
                       t->directory ? t->directory : "", 0, t->profile, (long long)t->rate_hz,
                       t->n_env);
        for (size_t k = 0; k < t->n_env; k++)
            xsg_buf_put(&buf, t->env[k], strlen(t->env[k]) + 1);
        xsg_buf_putc(&buf, '\n');
    }
    const char *hash =
        xsg_printf(arena, "%016llx", (unsigned long long)xsg_hash(buf.data, buf.len));
    xsg_buf_release(&buf);
    return hash;
}

int xsg_suite_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                    struct xsg_suite *suite, struct xsg_err *err)
{
    struct xsg_suite_reader r = {.arena = arena, .err = err};
    *suite = (struct xsg_suite){.file = xsg_strdup(arena, name), .build_timeout_s = 1800};
    suite->gate = (struct xsg_gate){.threshold = 0.05, .alpha = 0.01, .min_share = 0.005};
    int rc = xsg_yaml_parse(arena, suite->file, text, n, &r.file, err);
    if (rc == XSG_OK)
        rc = read_file(&r, suite);
    if (rc)
        return rc;
    set_metrics(arena, suite);
    suite->hash = hash_suite(arena, suite);
    return XSG_OK;
}

int xsg_suite_load(struct xsg_arena *arena, const char *path, struct xsg_suite *suite,
                   struct xsg_err *err)
{
    char *text;
    size_t n;
    int rc = xsg_read_file(arena, path, LARGEST_FILE, &text, &n, err);
    if (rc) /* whatever the reason, it is the configuration that is wrong */
        return rc == XSG_EFAILED ? XSG_EINVAL : rc;
    return xsg_suite_parse(arena, path, text, n, suite, err);
}

/* ---- finding and narrowing ------------------------------------------------------------------ */

int xsg_suite_find(struct xsg_arena *arena, const char *folder, const char *stop, char **path,
                   struct xsg_err *err)
{
    static const char *const names[] = {"xsgate.yml", ".xsgate.yml", ".github/xsgate.yml"};
    char *at = xsg_path_absolute(arena, folder);
    const char *last = stop ? xsg_path_absolute(arena, stop) : "/";
    for (;;) {
        for (size_t i = 0; i < COUNT(names); i++) {
            *path = xsg_path_join(arena, at, names[i]);
            if (xsg_is_file(*path))
                return XSG_OK;
        }
        if (strcmp(at, last) == 0 || strcmp(at, "/") == 0)
            break;
        at = xsg_path_dir(arena, at);
    }
    *path = NULL;
    xsg_fail(err, XSG_ENOTFOUND, "there is no xsgate.yml in '%s'%s", folder,
             stop ? " or above it in the repository" : " or above it");
    if (xsg_is_file(xsg_path_join(arena, folder, "xsgate.yaml")))
        return xsg_fail_hint(err, XSG_ENOTFOUND, "rename xsgate.yaml to xsgate.yml");
    return xsg_fail_hint(err, XSG_ENOTFOUND, "'xsgate init' writes one with comments");
}

int xsg_suite_select(struct xsg_arena *arena, struct xsg_suite *suite, const char *const *names,
                     size_t n, struct xsg_err *err)
{
    if (n == 0)
        return XSG_OK;
    const char **known = XSG_NEW_ARRAY(arena, const char *, suite->n_targets);
    bool *wanted = XSG_NEW_ARRAY(arena, bool, suite->n_targets);
    for (size_t i = 0; i < suite->n_targets; i++)
        known[i] = suite->targets[i].name;
    for (size_t k = 0; k < n; k++) {
        bool any = false;
        for (size_t i = 0; i < suite->n_targets; i++) {
            if (xsg_glob(names[k], known[i]))
                any = wanted[i] = true;
        }
        if (any)
            continue;
        struct xsg_suite_reader r = {.arena = arena};
        const char *nearest = xsg_nearest(names[k], known, suite->n_targets);
        xsg_fail(err, XSG_EINVAL, "there is no target %s in %s", xsg_suite_shown(&r, names[k]),
                 suite->file);
        if (nearest)
            return xsg_fail_hint(err, XSG_EINVAL, "did you mean '%s'?", nearest);
        return xsg_fail_hint(err, XSG_EINVAL, "targets: %s",
                             xsg_suite_joined(&r, known, suite->n_targets));
    }
    struct xsg_suite_target *kept = XSG_NEW_ARRAY(arena, struct xsg_suite_target, suite->n_targets);
    size_t n_kept = 0;
    for (size_t i = 0; i < suite->n_targets; i++) {
        if (wanted[i])
            kept[n_kept++] = suite->targets[i];
    }
    suite->targets = kept;
    suite->n_targets = n_kept;
    return XSG_OK;
}
