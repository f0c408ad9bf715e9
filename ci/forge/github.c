/* GitHub's REST interface, version 2022-11-28. URLs are built, never taken from an answer's body:
 * behind a proxy they name another host. */
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "ci/forge/event.h"
#include "ci/forge/parts.h"
#include "ci/forge/url.h"

enum { DESCRIPTION_LIMIT = 140 };

#define NEEDS_COMMENT "pull-requests: write"
#define NEEDS_STATUS "statuses: write"
#define NEEDS_READ "contents: read"

/* ---- comments -------------------------------------------------------------------------------- */

static const char *create_path(struct xsg_forge *forge, struct xsg_arena *arena)
{
    return xsg_printf(arena, "/repos/%s/issues/%lld/comments", forge->context.repository,
                      (long long)forge->context.pull_request);
}

static const char *list_path(struct xsg_forge *forge, struct xsg_arena *arena)
{
    return xsg_printf(arena, "%s?per_page=100", create_path(forge, arena));
}

static const char *note_path(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id)
{
    return xsg_printf(arena, "/repos/%s/issues/comments/%lld", forge->context.repository,
                      (long long)id);
}

static bool read_note(const cJSON *element, struct xsg_forge_note *note)
{
    const cJSON *user = cJSON_GetObjectItemCaseSensitive(element, "user");
    const char *type = NULL;

    if (!cJSON_IsObject(element) || xsg_json_get_int(element, "id", &note->id) != 0)
        return false;
    xsg_json_get_string(element, "body", &note->body);
    xsg_json_get_string(element, "html_url", &note->url);
    xsg_json_get_string(user, "login", &note->author); /* a deleted account: null */
    xsg_json_get_string(user, "type", &type);
    note->is_bot = type && strcmp(type, "Bot") == 0;
    return true;
}

static const char *note_url(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id)
{
    return xsg_printf(arena, "%s/%s/pull/%lld#issuecomment-%lld", forge->context.server_url,
                      forge->context.repository, (long long)forge->context.pull_request,
                      (long long)id);
}

const struct xsg_forge_api xsg_forge_github_api = {
    .list_path = list_path,
    .create_path = create_path,
    .note_path = note_path,
    .update_method = "PATCH",
    .read_note = read_note,
    .note_url = note_url,
    .login_key = "login",
    .fallback = "github-actions[bot]",
    .permission = NEEDS_COMMENT,
    .body_limit = 65536,
};

/* ---- small calls ----------------------------------------------------------------------------- */

int xsg_forge_need_github(const struct xsg_forge *forge, const char *what, struct xsg_err *err)
{
    if (forge->context.kind != XSG_FORGE_GITHUB)
        return xsg_fail(err, XSG_EINVAL, "%s: GitLab has none; the job's own status is shown there",
                        what);
    return xsg_forge_need_repository(forge, err);
}

const char *xsg_forge_head(const struct xsg_forge *forge)
{
    return forge->context.head_sha ? forge->context.head_sha : forge->context.measured_sha;
}

static void put_status(struct xsg_buf *body, const struct xsg_forge *forge, const char *name,
                       const char *description, enum xsg_forge_conclusion conclusion)
{
    static const char *const states[] = {"success", "failure", "success", "error", "error"};
    struct xsg_json_writer w;
    size_t n = strlen(description);

    if (n > DESCRIPTION_LIMIT) /* bytes are never fewer than characters; not cut within one */
        for (n = DESCRIPTION_LIMIT; n > 0 && ((unsigned char)description[n] & 0xc0) == 0x80; n--) {
        }
    xsg_json_writer_init(&w, body, 0);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "state");
    xsg_json_string(&w, states[conclusion]);
    xsg_json_key(&w, "context");
    xsg_json_string(&w, name);
    xsg_json_key(&w, "description");
    xsg_json_string_n(&w, description, n);
    if (forge->context.run_url) {
        xsg_json_key(&w, "target_url");
        xsg_json_string(&w, forge->context.run_url);
    }
    xsg_json_end_object(&w);
}

int xsg_forge_status(struct xsg_forge *forge, const char *name, const char *description,
                     enum xsg_forge_conclusion conclusion, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_buf body = XSG_BUF_INIT;
    struct xsg_call call = {.method = "POST"};
    struct xsg_err why = {0};
    int rc = xsg_forge_need_github(forge, "a commit status", err);

    if (rc == 0 && !xsg_forge_head(forge))
        rc = xsg_fail(err, XSG_EINVAL, "the CI system does not say which commit this is");
    if (rc != 0)
        return rc;
    put_status(&body, forge, name, description, conclusion);
    call.path = xsg_printf(&scratch, "/repos/%s/statuses/%s", forge->context.repository,
                           xsg_forge_head(forge));
    call.body = xsg_buf_str(&body);
    rc = xsg_forge_call(forge, &scratch, &call, NEEDS_STATUS, &why);
    cJSON_Delete(call.json);
    /* The newest status of a context is the one that counts: a second one does no harm. */
    if (rc != 0 && call.lost && xsg_client_pause(&forge->client, 1, &why) == 0) {
        why = (struct xsg_err){0};
        rc = xsg_forge_call(forge, &scratch, &call, NEEDS_STATUS, &why);
        cJSON_Delete(call.json);
    }
    if (rc != 0)
        xsg_fail_hint(err, xsg_fail(err, rc, "%s", why.text), "%s", why.hint);
    xsg_buf_release(&body);
    xsg_arena_release(&scratch);
    return rc;
}

/* GET path; key.sha of the answer. */
static int get_sha(struct xsg_forge *forge, struct xsg_arena *arena, const char *path,
                   const char *key, const char **oid, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_call call = {.method = "GET", .path = path};
    const char *sha = NULL;
    int rc = xsg_forge_call(forge, &scratch, &call, NEEDS_READ, err);

    if (rc == 0) {
        xsg_json_get_string(cJSON_GetObjectItemCaseSensitive(call.json, key), "sha", &sha);
        if (xsg_forge_is_sha(sha))
            *oid = xsg_strdup(arena, sha);
        else
            rc = xsg_fail(err, XSG_ECORRUPT, "GET %s: the answer has no %s.sha", path, key);
    }
    cJSON_Delete(call.json);
    xsg_arena_release(&scratch);
    return rc;
}

int xsg_forge_merge_base(struct xsg_forge *forge, struct xsg_arena *arena, const char *base,
                         const char *head, const char **oid, struct xsg_err *err)
{
    struct xsg_buf path = XSG_BUF_INIT;
    int rc = xsg_forge_need_github(forge, "comparing commits", err);

    if (rc != 0)
        return rc;
    xsg_buf_printf(&path, "/repos/%s/compare/", forge->context.repository);
    xsg_url_put_segment(&path, base);
    xsg_buf_puts(&path, "...");
    xsg_url_put_segment(&path, head);
    xsg_buf_puts(&path, "?per_page=1"); /* the commits between are not asked for */
    rc = get_sha(forge, arena, xsg_buf_str(&path), "merge_base_commit", oid, err);
    xsg_buf_release(&path);
    return rc;
}

int xsg_forge_pull_head(struct xsg_forge *forge, struct xsg_arena *arena, int64_t number,
                        const char **oid, struct xsg_err *err)
{
    int rc = xsg_forge_need_github(forge, "the head of a pull request", err);

    return rc != 0 ? rc
                   : get_sha(forge, arena,
                             xsg_printf(arena, "/repos/%s/pulls/%lld", forge->context.repository,
                                        (long long)number),
                             "head", oid, err);
}
