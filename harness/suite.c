#include "harness/suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/metric.h"
#include "base/str.h"
#include "harness/suite_value.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { LARGEST_FILE = 1024 * 1024 };

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

/* ---- targets ------------------------------------------------------------------------------- */

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
        int rc = xsg_suite_target(r, item, target);
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

/* Nor would one for a metric that is not judged. */
static int check_rule_metric(struct xsg_suite_reader *r, const struct xsg_yaml *node,
                             const struct xsg_suite *suite, const struct xsg_gate_rule *rule)
{
    if (!rule->metric)
        return XSG_OK;
    for (size_t i = 0; i < suite->n_targets; i++) {
        const struct xsg_suite_target *target = &suite->targets[i];
        if (rule->target && !xsg_glob(rule->target, target->name))
            continue;
        for (size_t k = 0; k < target->n_metrics; k++) {
            if (strcmp(target->metrics[k], rule->metric) == 0)
                return XSG_OK;
        }
    }
    return xsg_yaml_fail(&r->file, xsg_yaml_get(node, "metric"), false, r->err,
                         "this gate's metric is not judged; add '%s' to the list 'metrics:' of the "
                         "target or of the file",
                         rule->metric);
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
                rc = xsg_suite_metric(r, value, &rule->metric);
        }
    }
    if (rc == XSG_OK && !has_threshold)
        return xsg_yaml_fail(&r->file, node, false, r->err, "this gate has no 'threshold'");
    return rc ? rc : check_rule_metric(r, node, suite, rule);
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
    if (strcmp(key, "ci") == 0)
        return xsg_suite_read_ci(r, node, &suite->ci);
    if (strcmp(key, "alpha") == 0)
        return read_alpha(r, node, &gate->alpha);
    if (strcmp(key, "min_share") == 0)
        return xsg_suite_ratio(r, node, &gate->min_share);
    if (strcmp(key, "metrics") == 0)
        return xsg_suite_metrics(r, node, &gate->metrics, &gate->n_metrics);
    if (strcmp(key, "pairing") == 0)
        return xsg_suite_pairing(r, node, &suite->pairing);
    if (strcmp(key, "relink") == 0)
        return xsg_suite_switch(r, node, &suite->relink);
    return read_texts(r, node, "a list of function names, * for any text", &gate->ignore,
                      &gate->n_ignore);
}

static const char *const time_only[] = {"time"}, *const counts_only[] = {"instructions"};

static const char **copy_names(struct xsg_arena *arena, const char *const *names, size_t n)
{
    const char **copy = XSG_NEW_ARRAY(arena, const char *, n);
    memcpy(copy, names, n * sizeof *copy);
    return copy;
}

/* What is judged by counts has to be counted. */
static int check_counted(const struct xsg_suite_reader *r, const struct xsg_yaml *node,
                         const struct xsg_suite_target *target)
{
    for (size_t i = 0; i < target->n_metrics; i++) {
        const struct xsg_metric *metric = xsg_metric_find(target->metrics[i]);
        if (metric && metric->counted && !(target->profile & XSG_MODE_INSTRUCTIONS))
            return xsg_yaml_fail(&r->file, node, false, r->err,
                                 "the target '%s' is judged by '%s', which it does not count; add "
                                 "'instructions' to its 'profile:'",
                                 target->name, metric->name);
    }
    return XSG_OK;
}

/* A target that says nothing has the file's; one may say "auto". */
static void set_pairing(const struct xsg_suite_reader *r, struct xsg_suite *suite)
{
    const struct xsg_yaml *node = xsg_yaml_get(r->file.root, "targets")->child;

    for (size_t i = 0; i < suite->n_targets; i++, node = node->next) {
        if (!xsg_yaml_get(node, "pairing"))
            suite->targets[i].pairing = suite->pairing;
    }
}

/* A target without metrics of its own has the file's; the gate learns of those that have. */
static int set_metrics(const struct xsg_suite_reader *r, struct xsg_suite *suite)
{
    struct xsg_gate *gate = &suite->gate;
    const struct xsg_yaml *node = xsg_yaml_get(r->file.root, "targets")->child;
    int rc = XSG_OK;
    gate->own_metrics = XSG_NEW_ARRAY(r->arena, struct xsg_gate_metrics, suite->n_targets);
    for (size_t i = 0; i < suite->n_targets && rc == XSG_OK; i++, node = node->next) {
        struct xsg_suite_target *target = &suite->targets[i];
        bool own = target->n_metrics > 0;
        if (!own && gate->n_metrics > 0) {
            target->metrics = copy_names(r->arena, gate->metrics, gate->n_metrics);
            target->n_metrics = gate->n_metrics;
        } else if (!own) {
            own = target->profile == XSG_MODE_INSTRUCTIONS; /* nothing else is known of it */
            target->metrics = copy_names(r->arena, own ? counts_only : time_only, 1);
            target->n_metrics = 1;
        }
        if (own)
            gate->own_metrics[gate->n_own_metrics++] =
                (struct xsg_gate_metrics){target->name, target->metrics, target->n_metrics};
        rc = check_counted(r, node, target);
    }
    return rc;
}

static int read_file(struct xsg_suite_reader *r, struct xsg_suite *suite)
{
    static const char *const keys[] = {"build",     "build_timeout", "threshold", "alpha",
                                       "min_share", "pairing",       "relink",    "metrics",
                                       "targets",   "gates",         "ignore",    "ci"};
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
    if (rc)
        return rc;
    set_pairing(r, suite);
    rc = set_metrics(r, suite);
    if (rc)
        return rc;
    const struct xsg_yaml *gates = xsg_yaml_get(root, "gates");
    if (gates)
        rc = read_rules(r, gates, suite);
    return rc;
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
    *suite = (struct xsg_suite){.file = xsg_strdup(arena, name),
                                .build_timeout_s = 1800,
                                .relink = true,
                                .ci = XSG_SUITE_CI_DEFAULT};
    suite->gate =
        (struct xsg_gate){.threshold = 0.05, .alpha = 0.01, .beta = 0.05, .min_share = 0.005};
    int rc = xsg_yaml_parse(arena, suite->file, text, n, &r.file, err);
    if (rc == XSG_OK)
        rc = read_file(&r, suite);
    if (rc)
        return rc;
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
