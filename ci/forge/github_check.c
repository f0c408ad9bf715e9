/* GitHub's check runs: begun before measuring, so that a repeated run does not show the old answer
 * meanwhile, and always completed. */
#include <string.h>

#include "base/buf.h"
#include "ci/forge/parts.h"
#include "ci/forge/url.h"

enum { ANNOTATIONS_PER_CALL = 50, TITLE_LIMIT = 255, MOST_POSTS = 3 };

#define NEEDS_CHECK "checks: write"

static void put_string(struct xsg_json_writer *w, const char *key, const char *value)
{
    xsg_json_key(w, key);
    xsg_json_string(w, value);
}

/* The first bytes of a text, not cut within a character. */
static void put_cut(struct xsg_json_writer *w, const char *key, const char *value, size_t limit)
{
    size_t n = strlen(value);

    if (n > limit)
        for (n = limit; n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80; n--) {
        }
    xsg_json_key(w, key);
    xsg_json_string_n(w, value, n);
}

static const char *checks_path(const struct xsg_forge *forge, struct xsg_arena *arena)
{
    return xsg_printf(arena, "/repos/%s/check-runs", forge->context.repository);
}

/* Tells our POST from those of other runs, when its answer is lost. */
static const char *external_id(const struct xsg_forge *forge)
{
    return forge->context.run_id ? forge->context.run_id : "xsgate";
}

/* ---- begin ----------------------------------------------------------------------------------- */

/* The check of this run, if the POST whose answer was lost made it; *id stays 0 if it did not. */
static int look_for(struct xsg_forge *forge, struct xsg_arena *arena, const char *name, int64_t *id,
                    struct xsg_err *err)
{
    struct xsg_call call = {.method = "GET"};
    struct xsg_buf path = XSG_BUF_INIT;
    const cJSON *item;
    int rc;

    xsg_buf_printf(&path, "/repos/%s/commits/%s/check-runs?per_page=100&check_name=",
                   forge->context.repository, xsg_forge_head(forge));
    xsg_url_put_segment(&path, name);
    call.path = xsg_strdup(arena, xsg_buf_str(&path));
    xsg_buf_release(&path);
    rc = xsg_forge_call(forge, arena, &call, NEEDS_CHECK, err);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(call.json, "check_runs"))
    {
        const char *its_name = "", *its_id = "";
        xsg_json_get_string(item, "name", &its_name);
        xsg_json_get_string(item, "external_id", &its_id);
        if (strcmp(its_name, name) == 0 && strcmp(its_id, external_id(forge)) == 0)
            xsg_json_get_int(item, "id", id);
    }
    cJSON_Delete(call.json);
    return rc;
}

static void put_begin(struct xsg_buf *body, struct xsg_forge *forge, const char *name)
{
    struct xsg_json_writer w;

    xsg_json_writer_init(&w, body, 0);
    xsg_json_begin_object(&w);
    put_string(&w, "name", name);
    put_string(&w, "head_sha", xsg_forge_head(forge));
    put_string(&w, "status", "in_progress");
    put_string(&w, "external_id", external_id(forge));
    if (forge->context.run_url)
        put_string(&w, "details_url", forge->context.run_url);
    xsg_json_end_object(&w);
}

/* One POST. 0 without an id: its answer was lost, and it is worth another look. */
static int post_check(struct xsg_forge *forge, struct xsg_arena *arena, const char *body,
                      int64_t *id, struct xsg_err *err)
{
    struct xsg_call call = {.method = "POST", .path = checks_path(forge, arena), .body = body};
    struct xsg_err why = {0};
    int rc = xsg_forge_call(forge, arena, &call, NEEDS_CHECK, &why);

    if (rc == 0 && xsg_json_get_int(call.json, "id", id) != 0)
        rc = xsg_fail(&why, XSG_ECORRUPT, "POST %s: the answer has no id", call.path);
    if (rc != 0 && call.lost)
        rc = 0;
    else if (rc != 0)
        xsg_fail_hint(err, xsg_fail(err, rc, "%s", why.text), "%s", why.hint);
    cJSON_Delete(call.json);
    return rc;
}

int xsg_forge_check_begin(struct xsg_forge *forge, const char *name, int64_t *id,
                          struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_buf body = XSG_BUF_INIT;
    int rc = xsg_forge_need_github(forge, "a check run", err);

    *id = 0;
    if (rc == 0 && !xsg_forge_head(forge))
        rc = xsg_fail(err, XSG_EINVAL, "the CI system does not say which commit this is");
    if (rc == 0)
        put_begin(&body, forge, name);
    for (int posts = 1; rc == 0 && *id == 0; posts++) {
        if (posts > MOST_POSTS) {
            rc = xsg_fail(err, XSG_EFAILED, "the check run could not be made in %d tries",
                          MOST_POSTS);
            break;
        }
        rc = post_check(forge, &scratch, xsg_buf_str(&body), id, err);
        if (rc == 0 && *id == 0)
            rc = xsg_client_pause(&forge->client, posts, err);
        if (rc == 0 && *id == 0)
            rc = look_for(forge, &scratch, name, id, err);
    }
    xsg_buf_release(&body);
    xsg_arena_release(&scratch);
    return rc;
}

/* ---- end ------------------------------------------------------------------------------------- */

static void put_annotation(struct xsg_json_writer *w, const struct xsg_forge_annotation *a)
{
    int line = a->line > 0 ? a->line : 1;

    xsg_json_begin_object(w);
    put_string(w, "path", a->path);
    xsg_json_key(w, "start_line");
    xsg_json_int(w, line);
    xsg_json_key(w, "end_line");
    xsg_json_int(w, a->end_line > line ? a->end_line : line);
    put_string(w, "annotation_level", a->failure ? "failure" : "notice");
    put_string(w, "message", a->message);
    if (a->title)
        put_cut(w, "title", a->title, TITLE_LIMIT);
    xsg_json_end_object(w);
}

/* One request's share of the annotations: from on, fifty at most. They add up at the forge. */
static void put_update(struct xsg_buf *body, const struct xsg_forge_check *check, size_t from,
                       bool last)
{
    static const char *const words[] = {"success", "failure", "neutral", "failure", "cancelled"};
    struct xsg_json_writer w;

    xsg_json_writer_init(&w, body, 0);
    xsg_json_begin_object(&w);
    put_string(&w, "name", check->name);
    put_string(&w, "status", last ? "completed" : "in_progress");
    if (last)
        put_string(&w, "conclusion", words[check->conclusion]);
    xsg_json_key(&w, "output");
    xsg_json_begin_object(&w);
    put_cut(&w, "title", check->title, TITLE_LIMIT);
    put_string(&w, "summary", check->summary);
    xsg_json_key(&w, "annotations");
    xsg_json_begin_array(&w);
    for (size_t i = from; i < check->n_annotations && i < from + ANNOTATIONS_PER_CALL; i++)
        put_annotation(&w, &check->annotations[i]);
    xsg_json_end_array(&w);
    xsg_json_end_object(&w);
    xsg_json_end_object(&w);
}

int xsg_forge_check_end(struct xsg_forge *forge, int64_t id, const struct xsg_forge_check *check,
                        struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    bool last = false;
    int rc = xsg_forge_need_github(forge, "a check run", err);

    for (size_t from = 0; rc == 0 && !last; from += ANNOTATIONS_PER_CALL) {
        struct xsg_buf body = XSG_BUF_INIT;
        struct xsg_call call = {.method = "PATCH"};
        last = check->n_annotations <= from + ANNOTATIONS_PER_CALL;
        put_update(&body, check, from, last);
        call.path = xsg_printf(&scratch, "%s/%lld", checks_path(forge, &scratch), (long long)id);
        call.body = xsg_buf_str(&body);
        rc = xsg_forge_call(forge, &scratch, &call, NEEDS_CHECK, err);
        cJSON_Delete(call.json);
        xsg_buf_release(&body);
    }
    xsg_arena_release(&scratch);
    return rc;
}
