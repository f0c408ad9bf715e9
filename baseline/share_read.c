/* A line of a note to a run. It may be anybody's: everything is checked, and bounded. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "baseline/share.h"

enum {
    MOST_TARGETS = 256,
    MOST_SERIES = 20000,
    /* A cut text may have grown by what stands for broken bytes. */
    LONGEST_TEXT = 4 * XSG_SHARE_TEXT,
    LONGEST_NAME = 4 * XSG_SHARE_NAME,
    LONGEST_UNIT = 4 * XSG_SHARE_UNIT,
    ONE_DAY = 86400
};

struct reader {
    struct xsg_arena *arena;
    struct xsg_shared_run *shared;
    const char **functions[2]; /* names and files */
    int *lines;
    size_t n_functions;
    struct xsg_err *err;
};

static int refuse(struct reader *r, const char *what)
{
    return xsg_fail(r->err, XSG_EINVAL, "its %s is not as it must be", what);
}

/* ---- single values ---- */

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

/* Absent gives NULL. */
static int read_text(struct reader *r, const cJSON *object, const char *key, const char **value)
{
    const char *text = NULL;
    int rc = xsg_json_get_string(object, key, &text);
    *value = NULL;
    if (rc == XSG_ENOTFOUND)
        return XSG_OK;
    if (rc != XSG_OK || strlen(text) > LONGEST_TEXT)
        return refuse(r, key);
    *value = xsg_strdup(r->arena, text);
    return XSG_OK;
}

static int read_count(struct reader *r, const cJSON *object, const char *key, int64_t most,
                      int64_t *value)
{
    if (xsg_json_get_int(object, key, value) != XSG_OK || *value < 0 || *value > most)
        return refuse(r, key);
    return XSG_OK;
}

/* ---- the head ---- */

static int read_environment(struct reader *r, const cJSON *root)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, "environment");
    struct xsg_environment *e = &r->shared->run.environment;
    const struct {
        const char *key;
        const char **value;
    } texts[] = {{"fingerprint", &e->fingerprint},
                 {"cpu_model", &e->cpu_model},
                 {"kernel", &e->kernel},
                 {"os", &e->os},
                 {"libc", &e->libc},
                 {"compiler", &e->compiler},
                 {"virtualization", &e->virtualization},
                 {"governor", &e->governor},
                 {"gpu", &e->gpu},
                 {"xsgate", &e->xsgate}};
    int64_t cores = 0;
    int rc = cJSON_IsObject(object) ? XSG_OK : refuse(r, "environment");
    for (size_t i = 0; rc == XSG_OK && i < sizeof texts / sizeof *texts; i++)
        rc = read_text(r, object, texts[i].key, texts[i].value);
    if (rc == XSG_OK)
        rc = read_count(r, object, "cores", 1 << 20, &cores);
    if (rc == XSG_OK)
        rc = read_count(r, object, "memory", INT64_C(1) << 52, &e->memory);
    if (rc == XSG_OK && e->fingerprint && !is_hex(e->fingerprint, 16))
        rc = refuse(r, "fingerprint");
    e->cores = (int)cores;
    return rc;
}

static int read_head(struct reader *r, const cJSON *root, const char *oid, int64_t now)
{
    struct xsg_run *run = &r->shared->run;
    const struct {
        const char *key;
        const char **value;
    } texts[] = {{"uid", &r->shared->uid},          {"commit", &run->commit.oid},
                 {"session", &run->session},        {"describe", &run->commit.describe},
                 {"subject", &run->commit.subject}, {"suite", &run->suite_hash}};
    int rc = XSG_OK;
    for (size_t i = 0; rc == XSG_OK && i < sizeof texts / sizeof *texts; i++)
        rc = read_text(r, root, texts[i].key, texts[i].value);
    if (rc != XSG_OK)
        return rc;
    if (!r->shared->uid || !is_hex(r->shared->uid, 32))
        return refuse(r, "uid");
    if (!run->commit.oid || strcmp(run->commit.oid, oid) != 0)
        return xsg_fail(r->err, XSG_EINVAL, "it is about another commit than its note");
    rc = read_count(r, root, "created", now + ONE_DAY, &run->created);
    if (rc == XSG_OK)
        rc = read_count(r, root, "time", INT64_C(1) << 40, &run->commit.time);
    if (rc == XSG_OK && (xsg_json_get_double(root, "elapsed_s", &run->elapsed_s) != XSG_OK ||
                         !(run->elapsed_s >= 0 && run->elapsed_s < 1e9)))
        rc = refuse(r, "elapsed_s");
    return rc;
}

/* ---- targets, functions, numbers ---- */

/* The array of that name with at most most elements. */
static int find_array(struct reader *r, const cJSON *root, const char *key, int most,
                      const cJSON **array, size_t *n)
{
    *array = cJSON_GetObjectItemCaseSensitive(root, key);
    if (!cJSON_IsArray(*array) || cJSON_GetArraySize(*array) > most)
        return refuse(r, key);
    *n = (size_t)cJSON_GetArraySize(*array);
    return XSG_OK;
}

static int read_targets(struct reader *r, const cJSON *root)
{
    struct xsg_run *run = &r->shared->run;
    const cJSON *array, *item;
    size_t n, i = 0;
    int rc = find_array(r, root, "targets", MOST_TARGETS, &array, &n);
    if (rc != XSG_OK)
        return rc;
    run->targets = XSG_NEW_ARRAY(r->arena, struct xsg_target_run, n + 1);
    run->n_targets = n;
    cJSON_ArrayForEach(item, array)
    {
        struct xsg_target_run *target = &run->targets[i++];
        rc = read_text(r, item, "name", &target->name);
        if (rc == XSG_OK)
            rc = read_text(r, item, "profile", &target->profile);
        if (rc == XSG_OK)
            rc = read_text(r, item, "invalid", &target->invalid);
        if (rc == XSG_OK && (!target->name || !*target->name))
            rc = refuse(r, "targets");
        if (rc != XSG_OK)
            return rc;
    }
    return XSG_OK;
}

/* The elements of an array of exactly n. */
static bool elements(const cJSON *array, const cJSON **item, int n)
{
    int i = 0;
    const cJSON *next;
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != n)
        return false;
    cJSON_ArrayForEach(next, array) item[i++] = next;
    return true;
}

static bool is_name(const cJSON *item)
{
    return cJSON_IsNull(item) ||
           (cJSON_IsString(item) && strlen(item->valuestring) <= LONGEST_NAME);
}

/* A whole number from low to high. */
static bool is_whole(const cJSON *item, double low, double high)
{
    return cJSON_IsNumber(item) && item->valuedouble >= low && item->valuedouble <= high &&
           floor(item->valuedouble) == item->valuedouble;
}

static bool is_value(const cJSON *item)
{
    return cJSON_IsNull(item) ||
           (cJSON_IsNumber(item) && fabs(item->valuedouble) <= XSG_SHARE_VALUE);
}

static double value_of(const cJSON *item)
{
    return cJSON_IsNull(item) ? (double)NAN : item->valuedouble;
}

static int read_functions(struct reader *r, const cJSON *root)
{
    const cJSON *array, *item, *part[3];
    size_t n, i = 0;
    int rc = find_array(r, root, "functions", MOST_SERIES, &array, &n);
    if (rc != XSG_OK)
        return rc;
    for (int k = 0; k < 2; k++)
        r->functions[k] = XSG_NEW_ARRAY(r->arena, const char *, n + 1);
    r->lines = XSG_NEW_ARRAY(r->arena, int, n + 1);
    r->n_functions = n;
    cJSON_ArrayForEach(item, array)
    {
        if (!elements(item, part, 3) || !is_name(part[0]) || !is_name(part[1]) ||
            !is_whole(part[2], 0, INT_MAX))
            return refuse(r, "functions");
        for (int k = 0; k < 2; k++)
            r->functions[k][i] = xsg_strdup(r->arena, part[k]->valuestring);
        r->lines[i++] = (int)part[2]->valuedouble;
    }
    return XSG_OK;
}

static int read_one_series(struct reader *r, const cJSON *item, size_t i)
{
    const cJSON *part[8];
    struct xsg_run *run = &r->shared->run;
    struct xsg_series *series = &run->series[i];
    if (!elements(item, part, 8) || !is_whole(part[0], 0, (double)run->n_targets - 1) ||
        !is_whole(part[1], 0, (double)r->n_functions - 1) || !cJSON_IsString(part[2]) ||
        !cJSON_IsString(part[3]) || strlen(part[2]->valuestring) > LONGEST_UNIT ||
        strlen(part[3]->valuestring) > LONGEST_UNIT || !part[2]->valuestring[0] ||
        !is_whole(part[4], 0, 1e9) || !is_value(part[5]) || !is_value(part[6]) ||
        !is_value(part[7]) || value_of(part[7]) < 0)
        return refuse(r, "series");
    size_t f = (size_t)part[1]->valuedouble;
    *series = (struct xsg_series){
        .target = run->targets[(size_t)part[0]->valuedouble].name,
        .function = {.name = r->functions[0][f], .file = r->functions[1][f], .line = r->lines[f]},
        .metric = xsg_strdup(r->arena, part[2]->valuestring),
        .unit = part[3]->valuestring[0] ? xsg_strdup(r->arena, part[3]->valuestring) : NULL,
        .values = XSG_NEW_ARRAY(r->arena, double, 1),
        .n = 1};
    series->values[0] = value_of(part[5]);
    r->shared->digests[i] =
        (struct xsg_digest){(int64_t)part[4]->valuedouble, value_of(part[6]), value_of(part[7])};
    return XSG_OK;
}

static int read_series(struct reader *r, const cJSON *root)
{
    struct xsg_run *run = &r->shared->run;
    const cJSON *array, *item;
    size_t n, i = 0;
    int rc = find_array(r, root, "series", MOST_SERIES, &array, &n);
    if (rc != XSG_OK)
        return rc;
    run->series = XSG_NEW_ARRAY(r->arena, struct xsg_series, n + 1);
    r->shared->digests = XSG_NEW_ARRAY(r->arena, struct xsg_digest, n + 1);
    run->n_series = n;
    cJSON_ArrayForEach(item, array)
    {
        rc = read_one_series(r, item, i++);
        if (rc != XSG_OK)
            return rc;
    }
    return XSG_OK;
}

static int read_left_out(struct reader *r, const cJSON *root)
{
    struct xsg_run *run = &r->shared->run;
    int64_t n;
    int rc = read_count(r, root, "left_out", INT64_C(1) << 40, &n);
    if (rc != XSG_OK || n == 0)
        return rc;
    run->warnings = XSG_NEW_ARRAY(r->arena, const char *, 1);
    run->warnings[run->n_warnings++] =
        xsg_printf(r->arena, "%lld of its functions, the coldest, were not shared", (long long)n);
    return XSG_OK;
}

/* ---- the line ---- */

static int read_all(struct reader *r, const cJSON *root, const char *oid, int64_t now)
{
    int64_t version;
    if (!cJSON_IsObject(root) || xsg_json_get_int(root, "xsgate", &version) != XSG_OK ||
        version < 1)
        return xsg_fail(r->err, XSG_EINVAL, "it is no record of xsgate");
    if (version > XSG_SHARE_VERSION)
        return xsg_fail(r->err, XSG_ENOTFOUND, "it is of a newer xsgate");
    int rc = read_head(r, root, oid, now);
    if (rc == XSG_OK)
        rc = read_environment(r, root);
    if (rc == XSG_OK)
        rc = read_targets(r, root);
    if (rc == XSG_OK)
        rc = read_functions(r, root);
    if (rc == XSG_OK)
        rc = read_series(r, root);
    return rc == XSG_OK ? read_left_out(r, root) : rc;
}

int xsg_share_read(struct xsg_arena *arena, const char *line, size_t n, const char *oid,
                   int64_t now, struct xsg_shared_run *shared, struct xsg_err *err)
{
    struct reader r = {.arena = arena, .shared = shared, .err = err};
    cJSON *root = NULL;
    *shared = (struct xsg_shared_run){0};
    if (n > XSG_SHARE_LONGEST)
        return xsg_fail(err, XSG_EINVAL, "it is longer than %d bytes", XSG_SHARE_LONGEST);
    int rc = xsg_json_parse(line, n, &root, err);
    if (rc == XSG_OK)
        rc = read_all(&r, root, oid, now);
    cJSON_Delete(root);
    return rc;
}
