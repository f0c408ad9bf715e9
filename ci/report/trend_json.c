/* A history as JSON: an array of series with their points and changes. */
#include <string.h>

#include "base/json.h"
#include "ci/report/trend.h"

static void put_text(struct xsg_json_writer *w, const char *key, const char *text)
{
    xsg_json_key(w, key);
    xsg_json_string(w, text);
}

static void put_number(struct xsg_json_writer *w, const char *key, double value)
{
    xsg_json_key(w, key);
    xsg_json_double(w, value);
}

static void put_point(struct xsg_json_writer *w, const struct xsg_report_point *p)
{
    xsg_json_begin_object(w);
    put_text(w, "commit", p->oid);
    xsg_json_key(w, "time");
    xsg_json_int(w, p->time);
    put_number(w, "value", p->value);
    xsg_json_key(w, "environment");
    xsg_json_int(w, (int64_t)p->environment);
    xsg_json_end_object(w);
}

static void put_change(struct xsg_json_writer *w, const struct xsg_report_trend *t,
                       const struct xsg_report_change *c)
{
    xsg_json_begin_object(w);
    put_text(w, "kind", c->drift ? "drift" : "step");
    xsg_json_key(w, "index");
    xsg_json_int(w, (int64_t)c->at);
    put_text(w, "commit", t->points[c->at].oid);
    put_text(w, "after", t->points[c->first].oid);
    put_text(w, "up_to", t->points[c->last].oid);
    put_number(w, "base", c->before);
    put_number(w, "head", c->after);
    put_number(w, "ratio", c->ratio);
    put_number(w, "p", c->p);
    xsg_json_key(w, "environment");
    xsg_json_int(w, (int64_t)t->points[c->at].environment);
    xsg_json_end_object(w);
}

static void put_trend(struct xsg_json_writer *w, const struct xsg_report_trend *t)
{
    xsg_json_begin_object(w);
    put_text(w, "target", t->target);
    put_text(w, "function", t->function);
    put_text(w, "file", t->file);
    put_text(w, "metric", t->metric);
    put_text(w, "unit", t->unit);
    put_number(w, "noise", t->noise);
    xsg_json_key(w, "environments");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < t->n_environments; i++)
        xsg_json_string(w, t->environments[i]);
    xsg_json_end_array(w);
    xsg_json_key(w, "points");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < t->n_points; i++)
        put_point(w, &t->points[i]);
    xsg_json_end_array(w);
    xsg_json_key(w, "changes");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < t->n_changes; i++)
        put_change(w, t, &t->changes[i]);
    xsg_json_end_array(w);
    xsg_json_key(w, "notes");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < t->n_notes; i++)
        xsg_json_string(w, t->notes[i]);
    xsg_json_end_array(w);
    xsg_json_end_object(w);
}

void xsg_report_trend_json(struct xsg_buf *out, const struct xsg_report_trend *trends, size_t n)
{
    struct xsg_json_writer w;
    xsg_json_writer_init(&w, out, 1);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "schema");
    xsg_json_int(&w, 1);
    xsg_json_key(&w, "histories");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < n; i++)
        put_trend(&w, &trends[i]);
    xsg_json_end_array(&w);
    xsg_json_end_object(&w);
    xsg_buf_putc(out, '\n');
}
