/* json: the contract of docs/formats/report.schema.json. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "ci/report/parts.h"

#define SCHEMA 1

static void put_string(struct xsg_json_writer *w, const char *key, const char *value)
{
    xsg_json_key(w, key);
    xsg_json_string(w, value);
}

static void put_int(struct xsg_json_writer *w, const char *key, int64_t value)
{
    xsg_json_key(w, key);
    xsg_json_int(w, value);
}

static void put_double(struct xsg_json_writer *w, const char *key, double value)
{
    xsg_json_key(w, key);
    xsg_json_double(w, value);
}

static void put_bool(struct xsg_json_writer *w, const char *key, bool value)
{
    xsg_json_key(w, key);
    xsg_json_bool(w, value);
}

static void put_environment(struct xsg_json_writer *w, const struct xsg_environment *e)
{
    xsg_json_key(w, "environment");
    xsg_json_begin_object(w);
    put_string(w, "cpu_model", e->cpu_model);
    put_int(w, "cores", e->cores);
    put_int(w, "memory", e->memory);
    put_string(w, "kernel", e->kernel);
    put_string(w, "os", e->os);
    put_string(w, "libc", e->libc);
    put_string(w, "compiler", e->compiler);
    put_string(w, "virtualization", e->virtualization);
    put_string(w, "governor", e->governor);
    put_string(w, "gpu", e->gpu);
    put_string(w, "xsgate", e->xsgate);
    put_string(w, "fingerprint", e->fingerprint);
    xsg_json_end_object(w);
}

static void put_side(struct xsg_json_writer *w, const char *key, const struct xsg_run *run)
{
    xsg_json_key(w, key);
    xsg_json_begin_object(w);
    put_string(w, "commit", run->commit.oid);
    put_string(w, "describe", run->commit.describe);
    put_string(w, "subject", run->commit.subject);
    put_int(w, "time", run->commit.time);
    put_bool(w, "dirty", run->commit.dirty);
    put_environment(w, &run->environment);
    xsg_json_end_object(w);
}

static void put_gate(struct xsg_json_writer *w, const struct xsg_gate *gate)
{
    xsg_json_key(w, "gate");
    xsg_json_begin_object(w);
    put_double(w, "threshold", gate->threshold);
    put_double(w, "alpha", gate->alpha);
    put_double(w, "min_share", gate->min_share);
    put_bool(w, "strict", gate->strict);
    put_string(w, "filter", gate->filter);
    xsg_json_end_object(w);
}

static const struct xsg_target_run *find_target(const struct xsg_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        if (strcmp(run->targets[i].name, name) == 0)
            return &run->targets[i];
    }
    return NULL;
}

/* What can invalidate a target differs by side: both are kept. */
static void put_targets(struct xsg_json_writer *w, const struct xsg_comparison *c)
{
    const struct xsg_target_run *target;

    xsg_json_key(w, "targets");
    xsg_json_begin_array(w);
    for (size_t i = 0; (target = xsg_report_target(c, i)); i++) {
        const struct xsg_target_run *base = find_target(c->base, target->name);
        const struct xsg_target_run *head = find_target(c->head, target->name);
        xsg_json_begin_object(w);
        put_string(w, "name", target->name);
        put_string(w, "command", target->command);
        put_string(w, "profile", target->profile);
        if (target->pairing > XSG_PAIRING_AUTO && target->pairing <= XSG_PAIRING_TWO_CORE) {
            put_string(w, "pairing", xsg_pairing_names[target->pairing]);
            put_string(w, "pairing_reason", target->pairing_reason);
        }
        put_bool(w, "in_base", base != NULL);
        put_bool(w, "in_head", head != NULL);
        put_int(w, "samples", (int64_t)target->samples);
        put_int(w, "lost", (int64_t)((head ? head->lost : 0) + (base ? base->lost : 0)));
        put_string(w, "invalid_base", base ? base->invalid : NULL);
        put_string(w, "invalid_head", head ? head->invalid : NULL);
        xsg_json_end_object(w);
    }
    xsg_json_end_array(w);
}

static void put_summary(struct xsg_json_writer *w, const char *key, const struct xsg_summary *s)
{
    xsg_json_key(w, key);
    xsg_json_begin_object(w);
    put_double(w, "median", s->median);
    put_double(w, "mean", s->mean);
    put_int(w, "n", (int64_t)s->n);
    put_double(w, "calls", s->calls);
    xsg_json_end_object(w);
}

static const char *code_name(enum xsg_code code)
{
    static const char *const names[] = {
        [XSG_CODE_SAME] = "same",
        [XSG_CODE_SAME_DEEP] = "same_deep",
        [XSG_CODE_DIFFERENT] = "different",
    };
    return code <= XSG_CODE_DIFFERENT ? names[code] : NULL;
}

/* Only where it was asked. */
static void put_layout(struct xsg_json_writer *w, const struct xsg_delta *d)
{
    static const char *const names[] = {
        [XSG_LAYOUT_OPEN] = "open",
        [XSG_LAYOUT_PERSISTS] = "persists",
        [XSG_LAYOUT_GONE] = "gone",
    };
    if (d->layout == XSG_LAYOUT_NONE || d->layout > XSG_LAYOUT_GONE)
        return;
    put_string(w, "layout", names[d->layout]);
    xsg_json_key(w, "layouts");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < d->n_layouts; i++)
        xsg_json_double(w, d->layouts[i]);
    xsg_json_end_array(w);
}

static void put_why(struct xsg_json_writer *w, const struct xsg_delta *d)
{
    put_string(w, "code", code_name(d->code));
    put_layout(w, d);
    put_string(w, "through", d->through);
    put_string(w, "matched", d->matched);
    put_string(w, "moved", d->moved);
    put_string(w, "waiver", d->waiver);
    put_double(w, "by_calls", d->by_calls);
    put_double(w, "by_cost", d->by_cost);
    put_double(w, "detectable", d->detectable);
    put_double(w, "settle_rounds", d->settle_rounds);
    put_double(w, "settle_s", d->settle_s);
}

static void put_delta(struct xsg_json_writer *w, const struct xsg_delta *d)
{
    xsg_json_begin_object(w);
    put_string(w, "target", d->target);
    put_string(w, "function", d->function.name);
    put_string(w, "file", d->function.file);
    xsg_json_key(w, "line");
    if (d->function.line > 0)
        xsg_json_int(w, d->function.line);
    else
        xsg_json_null(w);
    put_string(w, "module", d->function.module);
    put_string(w, "metric", d->metric);
    put_string(w, "unit", d->unit);
    put_summary(w, "base", &d->base);
    put_summary(w, "head", &d->head);
    put_double(w, "ratio", d->ratio);
    put_double(w, "low", d->low);
    put_double(w, "high", d->high);
    put_double(w, "p", d->p);
    put_double(w, "share", d->share);
    put_double(w, "threshold", d->threshold);
    put_string(w, "verdict", xsg_delta_verdict_name(d->verdict));
    put_string(w, "cause", d->cause);
    xsg_json_key(w, "changed");
    if (d->changed < 0)
        xsg_json_null(w);
    else
        xsg_json_bool(w, d->changed != 0);
    put_string(w, "rule", d->rule);
    put_bool(w, "counts", d->counts);
    put_why(w, d);
    xsg_json_end_object(w);
}

static void put_ci(struct xsg_json_writer *w, const struct xsg_comparison_ci *ci)
{
    if (ci->pull_request <= 0 && !ci->head_sha)
        return;
    xsg_json_key(w, "ci");
    xsg_json_begin_object(w);
    if (ci->pull_request > 0)
        put_int(w, "pull_request", ci->pull_request);
    put_string(w, "head_sha", ci->head_sha);
    xsg_json_end_object(w);
}

void xsg_report_json(struct xsg_buf *out, const struct xsg_comparison *comparison,
                     const struct xsg_report_options *options)
{
    struct xsg_json_writer w;

    (void)options;
    xsg_json_writer_init(&w, out, 1);
    xsg_json_begin_object(&w);
    put_int(&w, "schema", SCHEMA);
    put_string(&w, "verdict", xsg_verdict_name(comparison->verdict));
    put_string(&w, "reason", comparison->reason);
    put_bool(&w, "paired", comparison->paired);
    put_side(&w, "base", comparison->base);
    put_side(&w, "head", comparison->head);
    put_double(&w, "elapsed_s", comparison->elapsed_s);
    put_int(&w, "rounds", (int64_t)comparison->rounds);
    put_double(&w, "level", comparison->level);
    put_ci(&w, &comparison->ci);
    put_gate(&w, &comparison->gate);
    put_targets(&w, comparison);
    xsg_json_key(&w, "deltas");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < comparison->n_deltas; i++)
        put_delta(&w, &comparison->deltas[i]);
    xsg_json_end_array(&w);
    xsg_json_key(&w, "warnings");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < comparison->n_warnings; i++)
        xsg_json_string(&w, comparison->warnings[i]);
    xsg_json_end_array(&w);
    xsg_json_end_object(&w);
    xsg_buf_putc(out, '\n');
}
