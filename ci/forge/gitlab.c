/* GitLab's REST interface, version 4: notes of merge requests. */
#include "base/buf.h"
#include "ci/forge/parts.h"
#include "ci/forge/url.h"

static const char *create_path(struct xsg_forge *forge, struct xsg_arena *arena)
{
    struct xsg_buf path = XSG_BUF_INIT;
    const char *text;

    xsg_buf_puts(&path, "/projects/");
    xsg_url_put_segment(&path, forge->context.project);
    xsg_buf_printf(&path, "/merge_requests/%lld/notes", (long long)forge->context.pull_request);
    text = xsg_strdup(arena, xsg_buf_str(&path));
    xsg_buf_release(&path);
    return text;
}

static const char *list_path(struct xsg_forge *forge, struct xsg_arena *arena)
{
    return xsg_printf(arena, "%s?per_page=100&sort=asc", create_path(forge, arena));
}

static const char *note_path(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id)
{
    return xsg_printf(arena, "%s/%lld", create_path(forge, arena), (long long)id);
}

static bool read_note(const cJSON *element, struct xsg_forge_note *note)
{
    const cJSON *author = cJSON_GetObjectItemCaseSensitive(element, "author");
    bool system = false;

    if (!cJSON_IsObject(element) || xsg_json_get_int(element, "id", &note->id) != 0)
        return false;
    xsg_json_get_string(element, "body", &note->body);
    xsg_json_get_string(author, "username", &note->author);
    xsg_json_get_bool(element, "system", &system);
    return !system; /* "changed the description": not written by anybody */
}

static const char *note_url(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id)
{
    if (!forge->context.repository)
        return NULL;
    return xsg_printf(arena, "%s/%s/-/merge_requests/%lld#note_%lld", forge->context.server_url,
                      forge->context.repository, (long long)forge->context.pull_request,
                      (long long)id);
}

const struct xsg_forge_api xsg_forge_gitlab_api = {
    .list_path = list_path,
    .create_path = create_path,
    .note_path = note_path,
    .update_method = "PUT",
    .read_note = read_note,
    .note_url = note_url,
    .login_key = "username",
    .fallback = NULL,
    .permission = NULL,
    .body_limit = 1000000,
};
