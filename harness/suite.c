#include "harness/suite.h"

#include <string.h>

#include "base/fs.h"
#include "base/metric.h"
#include "base/str.h"
#include "base/yaml.h"
#include "harness/suite_read.h"

#define SUITE_FILE_LIMIT ((size_t)1 << 20)

static const char *const suite_keys[] = {"build",   "build_timeout", "threshold",
                                         "alpha",   "min_share",     "metrics",
                                         "targets", "gates",         "ignore"};
static const char *const target_keys[] = {"name", "command", "directory", "profile", "metrics",
                                          "env",  "timeout", "warmup",    "rate"};
static const char *const gate_keys[] = {"function", "target", "metric", "threshold"};

#define N(array) (sizeof(array) / sizeof(array)[0])

static int read_profile(struct xsg_suite_reader *r, const struct xsg_yaml *node, unsigned *bits)
{
    static const char *const words[] = {"scopes", "functions", "sample"};
    static const char *const later[] = {"instructions", "memory", "cupti", "hip",
                                        "opencl",       "nvtx",   "itt",   "mpi"};
    const char **items;
    size_t n;
    int rc = xsg_read_list(r, node, &items, &n);

    *bits = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *nearest;
        size_t k = 0;
        while (k < N(words) && strcmp(items[i], words[k]) != 0)
            k++;
        if (k < N(words)) {
            *bits |= 1u << k;
            continue;
        }
        for (k = 0; k < N(later); k++) {
            if (strcmp(items[i], later[k]) == 0)
                return xsg_yaml_fail(r->file, node, false, r->err,
                                     "profile '%s' is not available in this version; available: "
                                     "scopes, functions, sample",
                                     items[i]);
        }
        nearest = xsg_nearest(items[i], words, N(words));
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "unknown profile '%s'; expected scopes, functions or sample%s%s%s",
                             items[i], nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
    }
    if (rc == 0 && *bits == 0)
        rc = xsg_yaml_fail(r->file, node, true, r->err,
                           "'profile' is empty; expected scopes, functions or sample");
    return rc;
}

static int read_metrics(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                        const char ***metrics, size_t *n)
{
    int rc = xsg_read_list(r, node, metrics, n);

    for (size_t i = 0; rc == 0 && i < *n; i++) {
        const char *names[64], *nearest;
        if (xsg_metric_find((*metrics)[i]))
            continue;
        for (size_t k = 0; k < xsg_n_metrics && k < N(names); k++)
            names[k] = xsg_metrics[k].name;
        nearest = xsg_nearest((*metrics)[i], names, xsg_n_metrics);
        rc = xsg_yaml_fail(r->file, node, false, r->err, "unknown metric '%s'%s%s%s", (*metrics)[i],
                           nearest ? "; did you mean '" : "", nearest ? nearest : "",
                           nearest ? "'?" : "");
    }
    return rc;
}

static int read_name(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **name)
{
    int rc = xsg_read_text(r, node, name);

    if (rc == 0 &&
        strspn(*name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
            strlen(*name))
        rc = xsg_yaml_fail(r->file, node, false, r->err,
                           "a target's name is made of letters, digits, '_', '.' and '-'");
    return rc;
}

static int check_env(struct xsg_suite_reader *r, const struct xsg_yaml *node, const char **env,
                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strchr(env[i], '=') || env[i][0] == '=')
            return xsg_yaml_fail(r->file, node, false, r->err, "env '%s': expected KEY=value",
                                 env[i]);
    }
    return 0;
}

static int read_target_key(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                           struct xsg_suite_target *t)
{
    const char *key = node->key;
    int64_t number = 0;
    int rc;

    if (strcmp(key, "name") == 0)
        return read_name(r, node, &t->name);
    if (strcmp(key, "command") == 0)
        return xsg_read_text(r, node, &t->command);
    if (strcmp(key, "directory") == 0)
        return xsg_read_text(r, node, &t->directory);
    if (strcmp(key, "profile") == 0)
        return read_profile(r, node, &t->profile);
    if (strcmp(key, "metrics") == 0)
        return read_metrics(r, node, &t->metrics, &t->n_metrics);
    if (strcmp(key, "timeout") == 0)
        return xsg_read_seconds(r, node, &t->timeout_s);
    if (strcmp(key, "rate") == 0)
        return xsg_read_int(r, node, 1, 10000, &t->rate_hz);
    if (strcmp(key, "warmup") == 0) {
        rc = xsg_read_int(r, node, 1, 1000, &number);
        t->warmup = (int)number;
        return rc;
    }
    rc = xsg_read_list(r, node, &t->env, &t->n_env);
    return rc == 0 ? check_env(r, node, t->env, t->n_env) : rc;
}

static int read_target(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                       struct xsg_suite *suite, size_t index)
{
    struct xsg_suite_target *t = &suite->targets[index];
    int rc;

    *t = (struct xsg_suite_target){.profile = XSG_MODE_SAMPLE,
                                   .timeout_s = 60,
                                   .warmup = 1,
                                   .rate_hz = 250,
                                   .line = node->line};
    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "expected a target with 'name:' and 'command:'");
    rc = xsg_yaml_check_keys(r->file, node, target_keys, N(target_keys), r->err);
    for (const struct xsg_yaml *child = node->child; rc == 0 && child; child = child->next)
        rc = read_target_key(r, child, t);
    if (rc == 0 && !t->name)
        rc = xsg_yaml_fail(r->file, node, false, r->err, "this target has no 'name:'");
    if (rc == 0 && !t->command)
        rc = xsg_yaml_fail(r->file, node, false, r->err, "target '%s' has no 'command:'", t->name);
    for (size_t i = 0; rc == 0 && i < index; i++) {
        if (strcmp(suite->targets[i].name, t->name) == 0)
            rc =
                xsg_yaml_fail(r->file, node, false, r->err, "target '%s' stands in line %d already",
                              t->name, suite->targets[i].line);
    }
    return rc;
}

static int read_targets(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                        struct xsg_suite *suite)
{
    int rc = 0;

    if (node->type != XSG_YAML_LIST || node->n_children == 0)
        return xsg_yaml_fail(r->file, node, true, r->err,
                             "'targets' is a list of at least one target");
    suite->targets = XSG_NEW_ARRAY(r->arena, struct xsg_suite_target, node->n_children);
    for (const struct xsg_yaml *child = node->child; rc == 0 && child; child = child->next) {
        rc = read_target(r, child, suite, suite->n_targets);
        suite->n_targets++;
    }
    return rc;
}

static int read_gate(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                     struct xsg_gate_rule *rule)
{
    int rc;

    *rule = (struct xsg_gate_rule){.line = node->line};
    if (node->type != XSG_YAML_MAP)
        return xsg_yaml_fail(r->file, node, false, r->err,
                             "expected a rule with 'function:' and 'threshold:'");
    rc = xsg_yaml_check_keys(r->file, node, gate_keys, N(gate_keys), r->err);
    for (const struct xsg_yaml *child = node->child; rc == 0 && child; child = child->next) {
        if (strcmp(child->key, "function") == 0)
            rc = xsg_read_text(r, child, &rule->function);
        else if (strcmp(child->key, "target") == 0)
            rc = xsg_read_text(r, child, &rule->target);
        else if (strcmp(child->key, "metric") == 0)
            rc = xsg_read_text(r, child, &rule->metric);
        else
            rc = xsg_read_threshold(r, child, &rule->threshold);
    }
    if (rc == 0 && rule->threshold <= 0)
        rc = xsg_yaml_fail(r->file, node, false, r->err, "this rule has no 'threshold:'");
    return rc;
}

static int read_gates(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                      struct xsg_gate *gate)
{
    int rc = 0;

    if (node->type != XSG_YAML_LIST)
        return xsg_yaml_fail(r->file, node, true, r->err, "'gates' is a list of rules");
    gate->rules = XSG_NEW_ARRAY(r->arena, struct xsg_gate_rule, node->n_children);
    for (const struct xsg_yaml *child = node->child; rc == 0 && child; child = child->next) {
        rc = read_gate(r, child, &gate->rules[gate->n_rules]);
        gate->n_rules++;
    }
    return rc;
}

static int read_suite_key(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                          struct xsg_suite *suite)
{
    const char *key = node->key;

    if (strcmp(key, "build") == 0)
        return xsg_read_text(r, node, &suite->build);
    if (strcmp(key, "build_timeout") == 0)
        return xsg_read_seconds(r, node, &suite->build_timeout_s);
    if (strcmp(key, "threshold") == 0)
        return xsg_read_threshold(r, node, &suite->gate.threshold);
    if (strcmp(key, "alpha") == 0)
        return xsg_read_threshold(r, node, &suite->gate.alpha);
    if (strcmp(key, "min_share") == 0)
        return xsg_read_threshold(r, node, &suite->gate.min_share);
    if (strcmp(key, "metrics") == 0)
        return read_metrics(r, node, &suite->gate.metrics, &suite->gate.n_metrics);
    if (strcmp(key, "targets") == 0)
        return read_targets(r, node, suite);
    if (strcmp(key, "gates") == 0)
        return read_gates(r, node, &suite->gate);
    return xsg_read_list(r, node, &suite->gate.ignore, &suite->gate.n_ignore);
}

/* Over what decides whether stored numbers mean the same: build line, commands, profiles, rates. */
static const char *suite_hash(struct xsg_arena *arena, const struct xsg_suite *suite)
{
    struct xsg_buf text = XSG_BUF_INIT;
    const char *hash;

    xsg_buf_printf(&text, "%s\n", suite->build ? suite->build : "");
    for (size_t i = 0; i < suite->n_targets; i++) {
        const struct xsg_suite_target *t = &suite->targets[i];
        xsg_buf_printf(&text, "%s\n%s\n%s\n%u %lld\n", t->name, t->command,
                       t->directory ? t->directory : "", t->profile, (long long)t->rate_hz);
        for (size_t k = 0; k < t->n_env; k++)
            xsg_buf_printf(&text, "%s\n", t->env[k]);
    }
    hash = xsg_printf(arena, "%016llx", (unsigned long long)xsg_hash(text.data, text.len));
    xsg_buf_release(&text);
    return hash;
}

int xsg_suite_parse(struct xsg_arena *arena, const char *name, const char *text, size_t n,
                    struct xsg_suite *suite, struct xsg_err *err)
{
    struct xsg_yaml_file file;
    struct xsg_suite_reader r = {arena, &file, err};
    int rc = xsg_yaml_parse(arena, name, text, n, &file, err);

    *suite = (struct xsg_suite){.file = xsg_strdup(arena, name), .build_timeout_s = 1800};
    suite->gate = (struct xsg_gate){.threshold = 0.05, .alpha = 0.01, .min_share = 0.005};
    if (rc != 0)
        return rc;
    if (!file.root || file.root->type != XSG_YAML_MAP) {
        xsg_fail(err, XSG_EINVAL, "%s: %s", name,
                 file.root ? "expected 'key: value' lines" : "is empty");
        return xsg_fail_hint(err, XSG_EINVAL, "'xsgate init --force' writes one to start from");
    }
    rc = xsg_yaml_check_keys(&file, file.root, suite_keys, N(suite_keys), err);
    for (const struct xsg_yaml *node = file.root->child; rc == 0 && node; node = node->next)
        rc = read_suite_key(&r, node, suite);
    if (rc == 0 && suite->n_targets == 0)
        rc = xsg_yaml_fail(&file, file.root, false, err, "there are no 'targets:'");
    if (rc == 0)
        suite->hash = suite_hash(arena, suite);
    return rc;
}

int xsg_suite_load(struct xsg_arena *arena, const char *path, struct xsg_suite *suite,
                   struct xsg_err *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = xsg_read_file(arena, path, SUITE_FILE_LIMIT, &text, &n, err);

    if (rc != 0)
        return rc == XSG_EFAILED ? XSG_EINVAL : rc;
    return xsg_suite_parse(arena, path, text, n, suite, err);
}

int xsg_suite_find(struct xsg_arena *arena, const char *folder, const char *stop, char **path,
                   struct xsg_err *err)
{
    static const char *const names[] = {"xsgate.yml", ".xsgate.yml", ".github/xsgate.yml"};
    const char *at = folder;

    for (;;) {
        for (size_t i = 0; i < N(names); i++) {
            *path = xsg_path_join(arena, at, names[i]);
            if (xsg_is_file(*path))
                return 0;
        }
        if (strcmp(at, stop) == 0 || strcmp(at, "/") == 0 || strcmp(at, ".") == 0)
            break;
        at = xsg_path_dir(arena, at);
    }
    xsg_fail(err, XSG_ENOTFOUND, "there is no xsgate.yml here or above");
    return xsg_fail_hint(err, XSG_ENOTFOUND, "'xsgate init' writes one");
}

int xsg_suite_select(struct xsg_arena *arena, struct xsg_suite *suite, const char *const *names,
                     size_t n, struct xsg_err *err)
{
    bool *keep = XSG_NEW_ARRAY(arena, bool, suite->n_targets);
    const char **known = XSG_NEW_ARRAY(arena, const char *, suite->n_targets);
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (size_t k = 0; k < suite->n_targets; k++) {
            known[k] = suite->targets[k].name;
            if (xsg_glob(names[i], known[k]))
                any = keep[k] = true;
        }
        if (!any) {
            const char *nearest = xsg_nearest(names[i], known, suite->n_targets);
            xsg_fail(err, XSG_EINVAL, "%s has no target '%s'", suite->file, names[i]);
            return nearest ? xsg_fail_hint(err, XSG_EINVAL, "did you mean '%s'?", nearest)
                           : XSG_EINVAL;
        }
    }
    for (size_t k = 0; k < suite->n_targets; k++) {
        if (keep[k])
            suite->targets[kept++] = suite->targets[k];
    }
    suite->n_targets = kept;
    return 0;
}
