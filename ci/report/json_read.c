/* Reads a JSON report back: bytes from anywhere, so that every type and range is checked. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "ci/report/report.h"

#define MAX_DELTAS 1000000

struct reader {
    struct xsg_arena *arena;
    struct xsg_err *err;
    const char *where; /* the part being read, for errors */
};

static int fail(struct reader *r, const char *key, const char *expected)
{
    return xsg_fail(r->err, XSG_EINVAL, "this is not an xsgate report: %s.%s: expected %s",
                    r->where, key, expected);
}

static int get_text(struct reader *r, const cJSON *object, const char *key, const char **out)
{
    const char *text = NULL;
    int rc = xsg_json_get_string(object, key, &text);

    if (rc == XSG_EINVAL)
        return fail(r, key, "a text or null");
    *out = rc == 0 ? xsg_strdup(r->arena, text) : NULL;
    return 0;
}

static int get_number(struct reader *r, const cJSON *object, const char *key, double *out)
{
    int rc = xsg_json_get_double(object, key, out);

    if (rc == XSG_EINVAL)
        return fail(r, key, "a number or null");
    if (rc == XSG_ENOTFOUND)
        *out = NAN;
    return 0;
}

static int get_integer(struct reader *r, const cJSON *object, const char *key, int64_t *out)
{
    int rc = xsg_json_get_int(object, key, out);

    if (rc == XSG_EINVAL || (rc == 0 && *out < 0))
        return fail(r, key, "a whole number that is not negative");
    if (rc == XSG_ENOTFOUND)
        *out = 0;
    return 0;
}

static int get_flag(struct reader *r, const cJSON *object, const char *key, bool *out)
{
    int rc = xsg_json_get_bool(object, key, out);

    if (rc == XSG_EINVAL)
        return fail(r, key, "true or false");
    if (rc == XSG_ENOTFOUND)
        *out = false;
    return 0;
}

static int get_member(struct reader *r, const cJSON *object, const char *key, bool array,
                      const cJSON **out)
{
    *out = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!*out || (array ? !cJSON_IsArray(*out) : !cJSON_IsObject(*out)))
        return fail(r, key, array ? "a list" : "an object");
    return 0;
}

static int read_environment(struct reader *r, const cJSON *side, struct xsg_environment *e)
{
    const cJSON *object;
    int64_t cores = 0;
    int rc = get_member(r, side, "environment", false, &object);

    if (rc == 0)
        rc = get_integer(r, object, "cores", &cores);
    e->cores = cores > 1000000 ? 1000000 : (int)cores;
    if (rc == 0)
        rc = get_integer(r, object, "memory", &e->memory);
    if (rc == 0)
        rc = get_text(r, object, "cpu_model", &e->cpu_model);
    if (rc == 0)
        rc = get_text(r, object, "kernel", &e->kernel);
    if (rc == 0)
        rc = get_text(r, object, "os", &e->os);
    if (rc == 0)
        rc = get_text(r, object, "libc", &e->libc);
    if (rc == 0)
        rc = get_text(r, object, "compiler", &e->compiler);
    if (rc == 0)
        rc = get_text(r, object, "virtualization", &e->virtualization);
    if (rc == 0)
        rc = get_text(r, object, "governor", &e->governor);
    if (rc == 0)
        rc = get_text(r, object, "gpu", &e->gpu);
    if (rc == 0)
        rc = get_text(r, object, "xsgate", &e->xsgate);
    if (rc == 0)
        rc = get_text(r, object, "fingerprint", &e->fingerprint);
    return rc;
}

static int read_side(struct reader *r, const cJSON *root, const char *key, struct xsg_run *run)
{
    const cJSON *side;
    int rc = get_member(r, root, key, false, &side);

    r->where = key;
    if (rc == 0)
        rc = get_text(r, side, "commit", &run->commit.oid);
    if (rc == 0)
        rc = get_text(r, side, "describe", &run->commit.describe);
    if (rc == 0)
        rc = get_text(r, side, "subject", &run->commit.subject);
    if (rc == 0)
        rc = get_integer(r, side, "time", &run->commit.time);
    if (rc == 0)
        rc = get_flag(r, side, "dirty", &run->commit.dirty);
    if (rc == 0)
        rc = read_environment(r, side, &run->environment);
    r->where = "report";
    if (!run->commit.oid)
        run->commit.oid = "";
    return rc;
}

static int read_gate(struct reader *r, const cJSON *root, struct xsg_gate *gate)
{
    const cJSON *object;
    int rc = get_member(r, root, "gate", false, &object);

    if (rc == 0)
        rc = get_number(r, object, "threshold", &gate->threshold);
    if (rc == 0)
        rc = get_number(r, object, "alpha", &gate->alpha);
    if (rc == 0)
        rc = get_number(r, object, "min_share", &gate->min_share);
    if (rc == 0)
        rc = get_flag(r, object, "strict", &gate->strict);
    if (rc == 0)
        rc = get_text(r, object, "filter", &gate->filter);
    return rc;
}

static int read_pairing(struct reader *r, const cJSON *item, struct xsg_target_run *target)
{
    const char *name = NULL;
    int rc = get_text(r, item, "pairing", &name);

    if (rc == 0)
        rc = get_text(r, item, "pairing_reason", &target->pairing_reason);
    if (rc != 0 || !name)
        return rc;
    for (size_t i = XSG_PAIRING_ALTERNATE; i < XSG_N_PAIRINGS; i++) {
        if (strcmp(name, xsg_pairing_names[i]) == 0) {
            target->pairing = (enum xsg_pairing)i;
            return 0;
        }
    }
    return fail(r, "pairing", "alternate, same-core, two-core or null");
}

static int read_target(struct reader *r, const cJSON *item, struct xsg_target_run *target)
{
    int64_t samples = 0, lost = 0;
    int rc = cJSON_IsObject(item) ? 0 : fail(r, "[]", "an object");

    if (rc == 0)
        rc = get_text(r, item, "name", &target->name);
    if (rc == 0 && !target->name)
        rc = fail(r, "name", "a text");
    if (rc == 0)
        rc = get_text(r, item, "command", &target->command);
    if (rc == 0)
        rc = get_text(r, item, "profile", &target->profile);
    if (rc == 0)
        rc = read_pairing(r, item, target);
    if (rc == 0)
        rc = get_integer(r, item, "samples", &samples);
    if (rc == 0)
        rc = get_integer(r, item, "lost", &lost);
    target->samples = (uint64_t)samples;
    target->lost = (uint64_t)lost;
    return rc;
}

static bool is_false(const cJSON *object, const char *key)
{
    return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* A report does not say which side lost records: head is given them. */
static int read_targets(struct reader *r, const cJSON *root, struct xsg_run *base,
                        struct xsg_run *head)
{
    const cJSON *list, *item;
    int rc = get_member(r, root, "targets", true, &list);

    if (rc != 0)
        return rc;
    base->targets = XSG_NEW_ARRAY(r->arena, struct xsg_target_run, cJSON_GetArraySize(list));
    head->targets = XSG_NEW_ARRAY(r->arena, struct xsg_target_run, cJSON_GetArraySize(list));
    r->where = "targets";
    cJSON_ArrayForEach(item, list)
    {
        struct xsg_target_run both = {0};
        struct xsg_target_run *b = &base->targets[base->n_targets];
        struct xsg_target_run *h = &head->targets[head->n_targets];
        rc = read_target(r, item, &both);
        *b = *h = both;
        b->lost = 0;
        if (rc == 0)
            rc = get_text(r, item, "invalid_base", &b->invalid);
        if (rc == 0)
            rc = get_text(r, item, "invalid_head", &h->invalid);
        if (rc != 0)
            return rc;
        base->n_targets += !is_false(item, "in_base");
        head->n_targets += !is_false(item, "in_head");
    }
    r->where = "report";
    return 0;
}

static int read_summary(struct reader *r, const cJSON *delta, const char *key,
                        struct xsg_summary *s)
{
    const cJSON *object;
    int64_t n = 0;
    int rc = get_member(r, delta, key, false, &object);

    if (rc == 0)
        rc = get_number(r, object, "median", &s->median);
    if (rc == 0)
        rc = get_number(r, object, "mean", &s->mean);
    if (rc == 0)
        rc = get_number(r, object, "calls", &s->calls);
    if (rc == 0)
        rc = get_integer(r, object, "n", &n);
    s->n = (size_t)n;
    return rc;
}

static int read_delta_verdict(struct reader *r, const cJSON *object, enum xsg_delta_verdict *out)
{
    const char *name = NULL;

    if (xsg_json_get_string(object, "verdict", &name) == 0) {
        for (int v = XSG_DELTA_REGRESSED; v <= XSG_DELTA_INVALID; v++) {
            if (strcmp(name, xsg_delta_verdict_name((enum xsg_delta_verdict)v)) == 0) {
                *out = (enum xsg_delta_verdict)v;
                return 0;
            }
        }
    }
    return fail(r, "verdict", "one of the seven verdicts of a delta");
}

static int read_identity(struct reader *r, const cJSON *object, struct xsg_delta *d)
{
    int64_t line = 0;
    int rc = get_text(r, object, "target", &d->target);

    if (rc == 0 && !d->target)
        rc = fail(r, "target", "a text");
    if (rc == 0)
        rc = get_text(r, object, "function", &d->function.name);
    if (rc == 0)
        rc = get_text(r, object, "file", &d->function.file);
    if (rc == 0)
        rc = get_text(r, object, "module", &d->function.module);
    if (rc == 0)
        rc = get_integer(r, object, "line", &line);
    d->function.line = line > 100000000 ? 0 : (int)line;
    if (rc == 0)
        rc = get_text(r, object, "metric", &d->metric);
    if (rc == 0)
        rc = get_text(r, object, "unit", &d->unit);
    if (rc == 0 && (!d->metric || !d->unit))
        rc = fail(r, d->metric ? "unit" : "metric", "a text");
    return rc;
}

static int read_code(struct reader *r, const cJSON *object, enum xsg_code *code)
{
    static const char *const names[] = {
        [XSG_CODE_SAME] = "same",
        [XSG_CODE_SAME_DEEP] = "same_deep",
        [XSG_CODE_DIFFERENT] = "different",
    };
    const char *name = NULL;
    int rc = get_text(r, object, "code", &name);

    *code = XSG_CODE_UNKNOWN;
    if (rc != 0 || !name)
        return rc;
    for (size_t i = XSG_CODE_SAME; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *code = (enum xsg_code)i;
            return 0;
        }
    }
    return fail(r, "code", "same, same_deep, different or null");
}

static int read_layouts(struct reader *r, const cJSON *object, struct xsg_delta *d)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "layouts"), *item;
    if (!list)
        return 0;
    if (!cJSON_IsArray(list))
        return fail(r, "layouts", "a list of numbers");
    d->layouts = XSG_NEW_ARRAY(r->arena, double, (size_t)cJSON_GetArraySize(list) + 1);
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item))
            return fail(r, "layouts", "a list of numbers");
        d->layouts[d->n_layouts++] = item->valuedouble;
    }
    return 0;
}

static int read_layout(struct reader *r, const cJSON *object, struct xsg_delta *d)
{
    static const char *const names[] = {
        [XSG_LAYOUT_OPEN] = "open",
        [XSG_LAYOUT_PERSISTS] = "persists",
        [XSG_LAYOUT_GONE] = "gone",
    };
    const char *name = NULL;
    int rc = get_text(r, object, "layout", &name);

    if (rc != 0 || !name)
        return rc;
    for (size_t i = XSG_LAYOUT_OPEN; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            d->layout = (enum xsg_layout)i;
    }
    return d->layout == XSG_LAYOUT_NONE ? fail(r, "layout", "open, persists or gone")
                                        : read_layouts(r, object, d);
}

static int read_why(struct reader *r, const cJSON *object, struct xsg_delta *d)
{
    const struct {
        const char *name, **into;
    } texts[] = {{"through", &d->through},
                 {"matched", &d->matched},
                 {"moved", &d->moved},
                 {"waiver", &d->waiver}};
    const struct {
        const char *name;
        double *into;
    } numbers[] = {{"by_calls", &d->by_calls},
                   {"by_cost", &d->by_cost},
                   {"detectable", &d->detectable},
                   {"settle_rounds", &d->settle_rounds},
                   {"settle_s", &d->settle_s}};
    int rc = read_code(r, object, &d->code);

    if (rc == 0)
        rc = read_layout(r, object, d);
    for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
        rc = get_text(r, object, texts[i].name, texts[i].into);
    for (size_t i = 0; rc == 0 && i < sizeof numbers / sizeof numbers[0]; i++)
        rc = get_number(r, object, numbers[i].name, numbers[i].into);
    return rc;
}

static int read_delta(struct reader *r, const cJSON *object, struct xsg_delta *d)
{
    bool changed = false;
    int rc = cJSON_IsObject(object) ? read_identity(r, object, d) : fail(r, "[]", "an object");

    if (rc == 0)
        rc = read_summary(r, object, "base", &d->base);
    if (rc == 0)
        rc = read_summary(r, object, "head", &d->head);
    if (rc == 0)
        rc = get_number(r, object, "ratio", &d->ratio);
    if (rc == 0)
        rc = get_number(r, object, "low", &d->low);
    if (rc == 0)
        rc = get_number(r, object, "high", &d->high);
    if (rc == 0)
        rc = get_number(r, object, "p", &d->p);
    if (rc == 0)
        rc = get_number(r, object, "share", &d->share);
    if (rc == 0)
        rc = get_number(r, object, "threshold", &d->threshold);
    if (rc == 0)
        rc = read_delta_verdict(r, object, &d->verdict);
    if (rc == 0)
        rc = get_text(r, object, "cause", &d->cause);
    if (rc == 0)
        rc = get_text(r, object, "rule", &d->rule);
    if (rc == 0)
        rc = get_flag(r, object, "counts", &d->counts);
    if (rc == 0)
        rc = read_why(r, object, d);
    if (rc != 0)
        return rc;
    if (isnan(d->high) && d->low >= 0)
        d->high = INFINITY; /* JSON has no infinity: null */
    if (!cJSON_GetObjectItemCaseSensitive(object, "counts"))
        d->counts = true;
    d->changed = xsg_json_get_bool(object, "changed", &changed) == 0 ? changed : -1;
    return 0;
}

static int read_deltas(struct reader *r, const cJSON *root, struct xsg_comparison *c)
{
    const cJSON *list, *item;
    int rc = get_member(r, root, "deltas", true, &list);

    if (rc != 0)
        return rc;
    if (cJSON_GetArraySize(list) > MAX_DELTAS)
        return fail(r, "deltas", "at most a million");
    c->deltas = XSG_NEW_ARRAY(r->arena, struct xsg_delta, (size_t)cJSON_GetArraySize(list));
    r->where = "deltas";
    cJSON_ArrayForEach(item, list)
    {
        rc = read_delta(r, item, &c->deltas[c->n_deltas]);
        if (rc != 0)
            return rc;
        c->n_deltas++;
    }
    r->where = "report";
    return 0;
}

static int read_warnings(struct reader *r, const cJSON *root, struct xsg_comparison *c)
{
    const cJSON *list, *item;
    int rc = get_member(r, root, "warnings", true, &list);

    if (rc != 0)
        return rc;
    c->warnings = XSG_NEW_ARRAY(r->arena, const char *, (size_t)cJSON_GetArraySize(list));
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return fail(r, "warnings", "texts");
        c->warnings[c->n_warnings++] = xsg_strdup(r->arena, item->valuestring);
    }
    return 0;
}

static int read_head(struct reader *r, const cJSON *root, struct xsg_comparison *c)
{
    const char *name = NULL;
    int64_t schema = 0, rounds = 0;
    int v;

    if (!cJSON_IsObject(root) || xsg_json_get_int(root, "schema", &schema) != 0)
        return fail(r, "schema", "a whole number");
    if (schema != 1)
        return xsg_fail(r->err, XSG_EINVAL,
                        "this report has schema %lld; this xsgate reads schema 1",
                        (long long)schema);
    if (xsg_json_get_string(root, "verdict", &name) != 0)
        return fail(r, "verdict", "a text");
    for (v = XSG_VERDICT_PASSED; v <= XSG_VERDICT_INVALID; v++) {
        if (strcmp(name, xsg_verdict_name((enum xsg_verdict)v)) == 0)
            break;
    }
    if (v > XSG_VERDICT_INVALID)
        return fail(r, "verdict", "passed, regressed, undecided or invalid");
    c->verdict = (enum xsg_verdict)v;
    if (get_text(r, root, "reason", &c->reason) != 0 ||
        get_flag(r, root, "paired", &c->paired) != 0 ||
        get_number(r, root, "elapsed_s", &c->elapsed_s) != 0 ||
        get_number(r, root, "level", &c->level) != 0 ||
        get_integer(r, root, "rounds", &rounds) != 0)
        return XSG_EINVAL;
    c->rounds = (size_t)rounds;
    return 0;
}

static int read_ci(struct reader *r, const cJSON *root, struct xsg_comparison_ci *ci)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, "ci");
    int rc;

    if (!object || cJSON_IsNull(object))
        return 0;
    if (!cJSON_IsObject(object))
        return fail(r, "ci", "an object");
    r->where = "ci";
    rc = get_integer(r, object, "pull_request", &ci->pull_request);
    if (rc == 0)
        rc = get_text(r, object, "head_sha", &ci->head_sha);
    r->where = "report";
    return rc;
}

int xsg_report_read_json(struct xsg_arena *arena, const char *text, size_t n,
                         struct xsg_comparison *comparison, struct xsg_err *err)
{
    struct reader r = {arena, err, "report"};
    struct xsg_run *runs = XSG_NEW_ARRAY(arena, struct xsg_run, 2);
    cJSON *root = NULL;
    int rc = xsg_json_parse(text, n, &root, err);

    *comparison = (struct xsg_comparison){.base = &runs[0], .head = &runs[1]};
    if (rc == 0)
        rc = read_head(&r, root, comparison);
    if (rc == 0)
        rc = read_side(&r, root, "base", &runs[0]);
    if (rc == 0)
        rc = read_side(&r, root, "head", &runs[1]);
    if (rc == 0)
        rc = read_ci(&r, root, &comparison->ci);
    if (rc == 0)
        rc = read_gate(&r, root, &comparison->gate);
    if (rc == 0)
        rc = read_targets(&r, root, &runs[0], &runs[1]);
    if (rc == 0)
        rc = read_deltas(&r, root, comparison);
    if (rc == 0)
        rc = read_warnings(&r, root, comparison);
    cJSON_Delete(root);
    return rc;
}
