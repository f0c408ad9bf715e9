/* A run, whole or not at all. */
#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/calltree.h"
#include "base/stats.h"
#include "baseline/store_internal.h"

/* Ids that this call has met already: a run names the same few texts again and again. */
struct names {
    struct xsg_map strings, sites, measures;
};

struct site {
    int64_t id, function;
};

/* The id of the row that find selects, or of the one that add makes. */
static int intern(struct xsg_store *store, const char *find, const char *add,
                  const struct xsg_bind *binds, size_t n, int64_t *id, struct xsg_err *err)
{
    *id = 0;
    int rc = xsg__store_number(store, id, err, find, binds, n);
    if (rc != XSG_OK || *id != 0)
        return rc;
    rc = xsg__store_exec(store, err, add, binds, n);
    *id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int64_t remembered(const struct xsg_map *map, const void *key, size_t n)
{
    return (int64_t)(intptr_t)xsg_map_get(map, key, n);
}

static void remember(struct xsg_map *map, const void *key, size_t n, int64_t id)
{
    bool is_new;
    *xsg_map_put(map, key, n, &is_new) = (void *)(intptr_t)id;
}

/* NULL has the id 0. */
static int string_id(struct xsg_store *store, struct names *names, const char *text, int64_t *id,
                     struct xsg_err *err)
{
    *id = 0;
    if (!text)
        return XSG_OK;
    size_t n = strlen(text);
    *id = remembered(&names->strings, text, n);
    if (*id)
        return XSG_OK;
    int rc = intern(store, "SELECT id FROM strings WHERE text = ?1",
                    "INSERT INTO strings (text) VALUES (?1)", XSG_BIND(xsg__text(text)), id, err);
    if (rc == XSG_OK)
        remember(&names->strings, text, n, *id);
    return rc;
}

static int string_ids(struct xsg_store *store, struct names *names, const char *const *texts,
                      int64_t *ids, size_t n, struct xsg_err *err)
{
    int rc = XSG_OK;
    for (size_t i = 0; i < n && rc == XSG_OK; i++)
        rc = string_id(store, names, texts[i], &ids[i], err);
    return rc;
}

/* NULL and "" differ in the key. */
static void key_text(struct xsg_buf *key, const char *text)
{
    xsg_buf_putc(key, text ? '=' : '-');
    if (text)
        xsg_buf_put(key, text, strlen(text) + 1);
}

static int site_of(struct xsg_store *store, struct names *names, const struct xsg_function *f,
                   struct site *site, struct xsg_err *err)
{
    struct xsg_buf *key = &store->key;
    const char *const texts[] = {f->name, f->file, f->module};
    const struct site *known;
    int64_t ids[3];
    bool is_new;
    xsg_buf_clear(key);
    for (int i = 0; i < 3; i++)
        key_text(key, texts[i]);
    xsg_buf_put(key, &f->line, sizeof f->line);
    xsg_buf_put(key, &f->end_line, sizeof f->end_line);
    xsg_buf_put(key, &f->code, sizeof f->code);
    xsg_buf_put(key, &f->code_deep, sizeof f->code_deep);
    known = xsg_map_get(&names->sites, key->data, key->len);
    if (known) {
        *site = *known;
        return XSG_OK;
    }
    int rc = string_ids(store, names, texts, ids, 3, err);
    if (rc == XSG_OK)
        rc = intern(store,
                    "SELECT id FROM functions"
                    " WHERE ifnull(name, 0) = ifnull(?1, 0) AND ifnull(file, 0) = ifnull(?2, 0)",
                    "INSERT INTO functions (name, file) VALUES (?1, ?2)",
                    XSG_BIND(xsg__id(ids[0]), xsg__id(ids[1])), &site->function, err);
    if (rc == XSG_OK)
        rc = intern(store,
                    "SELECT id FROM sites WHERE function = ?1 AND line = ?2 AND end_line = ?3"
                    " AND ifnull(module, 0) = ifnull(?4, 0) AND code = ?5 AND code_deep = ?6",
                    "INSERT INTO sites (function, line, end_line, module, code, code_deep)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    XSG_BIND(xsg__int(site->function), xsg__int(f->line), xsg__int(f->end_line),
                             xsg__id(ids[2]), xsg__int((int64_t)f->code),
                             xsg__int((int64_t)f->code_deep)),
                    &site->id, err);
    if (rc != XSG_OK)
        return rc;
    struct site *kept = XSG_NEW(&store->scratch, struct site);
    *kept = *site;
    *xsg_map_put(&names->sites, key->data, key->len, &is_new) = kept;
    return XSG_OK;
}

static int measure_id(struct xsg_store *store, struct names *names, const struct xsg_series *series,
                      int64_t *id, struct xsg_err *err)
{
    struct xsg_buf *key = &store->key;
    const char *const texts[] = {series->target, series->metric, series->unit};
    int64_t ids[3];
    xsg_buf_clear(key);
    for (int i = 0; i < 3; i++)
        key_text(key, texts[i]);
    *id = remembered(&names->measures, key->data, key->len);
    if (*id)
        return XSG_OK;
    int rc = string_ids(store, names, texts, ids, 3, err);
    if (rc == XSG_OK)
        rc = intern(store,
                    "SELECT id FROM measures WHERE target = ?1 AND metric = ?2"
                    " AND ifnull(unit, 0) = ifnull(?3, 0)",
                    "INSERT INTO measures (target, metric, unit) VALUES (?1, ?2, ?3)",
                    XSG_BIND(xsg__int(ids[0]), xsg__int(ids[1]), xsg__id(ids[2])), id, err);
    if (rc == XSG_OK)
        remember(&names->measures, key->data, key->len, *id);
    return rc;
}

static int commit_id(struct xsg_store *store, const struct xsg_commit *commit, int64_t *id,
                     struct xsg_err *err)
{
    const char *oid = commit->oid ? commit->oid : "";
    *id = 0;
    int rc = xsg__store_number(store, id, err, "SELECT id FROM commits WHERE oid = ?1",
                               XSG_BIND(xsg__text(oid)));
    if (rc != XSG_OK || *id)
        return rc;
    rc = xsg__store_exec(
        store, err, "INSERT INTO commits (oid, subject, time) VALUES (?1, ?2, ?3)",
        XSG_BIND(xsg__text(oid), xsg__text(commit->subject), xsg__int(commit->time)));
    *id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int environment_id(struct xsg_store *store, const struct xsg_environment *e, int64_t *id,
                          struct xsg_err *err)
{
    return intern(store,
                  "SELECT id FROM environments WHERE fingerprint IS ?1 AND cpu_model IS ?2"
                  " AND cores = ?3 AND memory = ?4 AND kernel IS ?5 AND os IS ?6 AND libc IS ?7"
                  " AND compiler IS ?8 AND virtualization IS ?9 AND governor IS ?10 AND gpu IS ?11"
                  " AND xsgate IS ?12",
                  "INSERT INTO environments (fingerprint, cpu_model, cores, memory, kernel, os,"
                  " libc, compiler, virtualization, governor, gpu, xsgate)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                  XSG_BIND(xsg__text(e->fingerprint), xsg__text(e->cpu_model), xsg__int(e->cores),
                           xsg__int(e->memory), xsg__text(e->kernel), xsg__text(e->os),
                           xsg__text(e->libc), xsg__text(e->compiler), xsg__text(e->virtualization),
                           xsg__text(e->governor), xsg__text(e->gpu), xsg__text(e->xsgate)),
                  id, err);
}

static int insert_head(struct xsg_store *store, const struct xsg_run *run, const char *uid,
                       int64_t *id, struct xsg_err *err)
{
    int64_t commit, environment;
    int rc = commit_id(store, &run->commit, &commit, err);
    if (rc == XSG_OK)
        rc = environment_id(store, &run->environment, &environment, err);
    if (rc == XSG_OK)
        rc = xsg__store_exec(
            store, err,
            "INSERT INTO runs (uid, session, created, elapsed_s, commit_id, describe, dirty,"
            " environment, suite_hash, shared) VALUES (ifnull(?1, lower(hex(randomblob(16)))), ?2,"
            " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            XSG_BIND(xsg__text(uid), xsg__text(run->session), xsg__int(run->created),
                     xsg__double(run->elapsed_s), xsg__int(commit), xsg__text(run->commit.describe),
                     xsg__int(run->commit.dirty), xsg__int(environment), xsg__text(run->suite_hash),
                     xsg__text(run->shared)));
    *id = sqlite3_last_insert_rowid(store->db);
    return rc;
}

static int64_t counter(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Little-endian whatever the machine, one NaN for all of them. */
static void encode_values(struct xsg_buf *out, const double *values, size_t n)
{
    xsg_buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = UINT64_C(0x7ff8000000000000);
        if (!isnan(values[i]))
            memcpy(&bits, &values[i], sizeof bits);
        bits = htole64(bits);
        xsg_buf_put(out, &bits, sizeof bits);
    }
}

static int insert_target(struct xsg_store *store, struct names *names, int64_t run, size_t ord,
                         const struct xsg_target_run *target, struct xsg_err *err)
{
    const char *const texts[] = {target->name, target->command, target->profile};
    int64_t ids[3];
    int rc = string_ids(store, names, texts, ids, 3, err);
    if (rc != XSG_OK)
        return rc;
    struct xsg_bind tree = xsg__id(0), control = xsg__id(0);
    if (target->tree.n_nodes > 0) {
        xsg_buf_clear(&store->bytes);
        xsg_calltree_encode(&store->bytes, &target->tree);
        tree = xsg__blob(store->bytes.data, store->bytes.len);
    }
    if (target->n_control > 0) {
        encode_values(&store->key, target->control, target->n_control);
        control = xsg__blob(store->key.data, store->key.len);
    }
    return xsg__store_exec(
        store, err,
        "INSERT INTO targets (run, ord, name, command, profile, lost, samples, invalid, tree,"
        " pairing, pairing_reason, control, \"binary\", look, fresh_from)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        XSG_BIND(xsg__int(run), xsg__int((int64_t)ord), xsg__int(ids[0]), xsg__id(ids[1]),
                 xsg__id(ids[2]), xsg__int(counter(target->lost)),
                 xsg__int(counter(target->samples)), xsg__text(target->invalid), tree,
                 xsg__int(target->pairing), xsg__text(target->pairing_reason), control,
                 xsg__int((int64_t)target->binary), xsg__int(target->look),
                 xsg__int((int64_t)target->fresh_from)));
}

/* A series on its way into the file: rows go in by key, so that they are written in one piece. */
struct series_row {
    int64_t measure, site, function;
    size_t ord;
};

static int by_key(const void *a, const void *b)
{
    const struct series_row *x = a, *y = b;
    if (x->measure != y->measure)
        return x->measure < y->measure ? -1 : 1;
    if (x->function != y->function)
        return x->function < y->function ? -1 : 1;
    return x->ord < y->ord ? -1 : x->ord > y->ord;
}

static int name_series(struct xsg_store *store, struct names *names, const struct xsg_run *run,
                       struct series_row *rows, struct xsg_err *err)
{
    struct site site;
    for (size_t i = 0; i < run->n_series; i++) {
        rows[i].ord = i;
        int rc = measure_id(store, names, &run->series[i], &rows[i].measure, err);
        if (rc == XSG_OK)
            rc = site_of(store, names, &run->series[i].function, &site, err);
        if (rc != XSG_OK)
            return rc;
        rows[i].site = site.id;
        rows[i].function = site.function;
    }
    return XSG_OK;
}

/* digest: of the values that a shared run does not have; NULL: they are here. */
static int insert_series(struct xsg_store *store, int64_t run, const struct xsg_series *series,
                         const struct series_row *row, const struct xsg_digest *digest,
                         double *seen, struct xsg_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < series->n; i++) {
        if (!isnan(series->values[i]))
            seen[n++] = series->values[i];
    }
    encode_values(&store->bytes, series->values, series->n);
    return xsg__store_exec(
        store, err,
        "INSERT INTO series (run, measure, function, ord, site, n, median, mean, data, mad)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        XSG_BIND(xsg__int(run), xsg__int(row->measure), xsg__int(row->function),
                 xsg__int((int64_t)row->ord), xsg__int(row->site),
                 xsg__int(digest ? digest->n : (int64_t)n), xsg__double(xsg_median(seen, n)),
                 xsg__double(digest ? digest->mean : xsg_mean(seen, n)),
                 xsg__blob(store->bytes.data, store->bytes.len),
                 xsg__double(digest ? digest->mad : (double)NAN)));
}

static int insert_all_series(struct xsg_store *store, struct names *names, int64_t id,
                             const struct xsg_run *run, const struct xsg_digest *digests,
                             struct xsg_err *err)
{
    struct series_row *rows = XSG_NEW_ARRAY(&store->scratch, struct series_row, run->n_series + 1);
    size_t longest = 0;
    int rc = name_series(store, names, run, rows, err);
    if (rc != XSG_OK)
        return rc;
    for (size_t i = 0; i < run->n_series; i++)
        longest = run->series[i].n > longest ? run->series[i].n : longest;
    double *seen = XSG_NEW_ARRAY(&store->scratch, double, longest + 1);
    qsort(rows, run->n_series, sizeof *rows, by_key);
    for (size_t i = 0; rc == XSG_OK && i < run->n_series; i++)
        rc = insert_series(store, id, &run->series[rows[i].ord], &rows[i],
                           digests ? &digests[rows[i].ord] : NULL, seen, err);
    return rc;
}

int xsg__store_check_run(const struct xsg_run *run, struct xsg_err *err)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        const struct xsg_target_run *target = &run->targets[i];
        if (!target->name)
            return xsg_fail(err, XSG_EINVAL, "a target without a name cannot be stored");
        for (size_t k = 0; k < target->n_control; k++) {
            if (isinf(target->control[k]))
                return xsg_fail(err, XSG_EINVAL,
                                "control pair %zu of target '%s' is infinite and cannot be stored",
                                k + 1, target->name);
        }
    }
    for (size_t i = 0; i < run->n_series; i++) {
        const struct xsg_series *series = &run->series[i];
        if (!series->target || !series->metric)
            return xsg_fail(err, XSG_EINVAL, "a series without target or metric cannot be stored");
        for (size_t k = 0; k < series->n; k++) {
            if (isinf(series->values[k]))
                return xsg_fail(err, XSG_EINVAL,
                                "%s of '%s' in target '%s' is infinite in round %zu and cannot be "
                                "stored",
                                series->metric,
                                series->function.name ? series->function.name : "the whole target",
                                series->target, k + 1);
        }
    }
    return XSG_OK;
}

int xsg__store_insert_run(struct xsg_store *store, const struct xsg_run *run, const char *uid,
                          const struct xsg_digest *digests, int64_t *id, struct xsg_err *err)
{
    struct names names;
    xsg_map_init(&names.strings, &store->scratch);
    xsg_map_init(&names.sites, &store->scratch);
    xsg_map_init(&names.measures, &store->scratch);
    int rc = insert_head(store, run, uid, id, err);
    for (size_t i = 0; rc == XSG_OK && i < run->n_targets; i++)
        rc = insert_target(store, &names, *id, i, &run->targets[i], err);
    if (rc == XSG_OK)
        rc = insert_all_series(store, &names, *id, run, digests, err);
    for (size_t i = 0; rc == XSG_OK && i < run->n_warnings; i++)
        rc = xsg__store_exec(store, err,
                             "INSERT INTO run_warnings (run, ord, text) VALUES (?1, ?2, ?3)",
                             XSG_BIND(xsg__int(*id), xsg__int((int64_t)i),
                                      xsg__text(run->warnings[i] ? run->warnings[i] : "")));
    return rc == XSG_OK ? xsg__store_make_trends(store, err) : rc;
}

int xsg_store_put(struct xsg_store *store, struct xsg_run *run, struct xsg_err *err)
{
    int64_t id = 0;
    int rc = xsg__store_check_run(run, err);
    if (rc == XSG_OK)
        rc = xsg__store_begin(store, "BEGIN IMMEDIATE", err);
    if (rc != XSG_OK)
        return rc;
    rc = xsg__store_insert_run(store, run, NULL, NULL, &id, err);
    rc = xsg__store_end(store, rc, err);
    if (rc == XSG_OK)
        run->id = id;
    xsg_arena_release(&store->scratch);
    return rc;
}

static int insert_comparison(struct xsg_store *store, int64_t base, int64_t head, int64_t created,
                             const struct xsg_comparison *comparison, const char *json, int64_t *id,
                             struct xsg_err *err)
{
    int rc = xsg__store_exec(store, err,
                             "INSERT INTO comparisons (uid, base, head, created, verdict, json)"
                             " VALUES (lower(hex(randomblob(16))), ?1, ?2, ?3, ?4, ?5)",
                             XSG_BIND(xsg__int(base), xsg__int(head), xsg__int(created),
                                      xsg__text(xsg_verdict_name(comparison->verdict)),
                                      xsg__text(json)));
    *id = sqlite3_last_insert_rowid(store->db);
    return rc == XSG_OK ? xsg__store_exec(store, err, "DELETE FROM unjudged", NULL, 0) : rc;
}

int xsg_store_put_comparison(struct xsg_store *store, struct xsg_run *base, struct xsg_run *head,
                             struct xsg_comparison *comparison, const char *json,
                             struct xsg_err *err)
{
    int64_t base_id = base->id, head_id = head->id, id = 0;
    int rc = xsg__store_check_run(base, err);
    if (rc == XSG_OK)
        rc = xsg__store_check_run(head, err);
    if (rc == XSG_OK)
        rc = xsg__store_begin(store, "BEGIN IMMEDIATE", err);
    if (rc != XSG_OK)
        return rc;
    if (!base_id)
        rc = xsg__store_insert_run(store, base, NULL, NULL, &base_id, err);
    if (rc == XSG_OK && head == base)
        head_id = base_id;
    if (rc == XSG_OK && !head_id)
        rc = xsg__store_insert_run(store, head, NULL, NULL, &head_id, err);
    if (rc == XSG_OK)
        rc = insert_comparison(store, base_id, head_id, head->created, comparison, json, &id, err);
    rc = xsg__store_end(store, rc, err);
    if (rc == XSG_OK) {
        base->id = base_id;
        head->id = head_id;
        comparison->id = id;
    }
    xsg_arena_release(&store->scratch);
    return rc;
}

int xsg_store_put_unjudged(struct xsg_store *store, int64_t created, const char *json,
                           struct xsg_err *err)
{
    return xsg__store_exec(store, err,
                           "INSERT OR REPLACE INTO unjudged (id, created, json) VALUES (1, ?1, ?2)",
                           XSG_BIND(xsg__int(created), xsg__text(json)));
}
