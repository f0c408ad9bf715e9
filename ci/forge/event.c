#include "ci/forge/event.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/str.h"

struct reader {
    struct xsg_arena *arena;
    struct xsg_forge_context *context;
};

bool xsg_forge_is_sha(const char *text)
{
    size_t n = text ? strspn(text, "0123456789abcdefABCDEF") : 0;

    return (n == 40 || n == 64) && text[n] == '\0' && strspn(text, "0") < n;
}

bool xsg_forge_is_repository(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t owner = text ? strspn(text, allowed) : 0;
    size_t name = owner > 0 && text[owner] == '/' ? strspn(text + owner + 1, allowed) : 0;

    /* "." and ".." would leave the path that they stand in. */
    return name > 0 && text[owner + 1 + name] == '\0' && strspn(text, ".") < owner &&
           strspn(text + owner + 1, ".") < name;
}

bool xsg_forge_is_plain(const char *text)
{
    size_t n = text ? strlen(text) : 0;

    if (n == 0 || n > 1024 || !xsg_is_utf8(text, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return true;
}

/* object.a.b as text that is_valid, or NULL. */
static const char *get(struct reader *r, const cJSON *object, const char *path,
                       bool (*is_valid)(const char *))
{
    const char *dot, *text = NULL;
    char key[32];

    while ((dot = strchr(path, '.'))) {
        size_t n = (size_t)(dot - path);
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        object = cJSON_GetObjectItemCaseSensitive(object, key);
        path = dot + 1;
    }
    if (!cJSON_IsObject(object) || xsg_json_get_string(object, path, &text) != 0 || !is_valid(text))
        return NULL;
    return xsg_strdup(r->arena, text);
}

static void put(const char **member, const char *value)
{
    if (value)
        *member = value;
}

static const char *without_heads(const char *ref)
{
    return ref && strncmp(ref, "refs/heads/", 11) == 0 && ref[11] ? ref + 11 : ref;
}

/* Another repository, or one that is gone: not to be trusted with this one's privileges. Names are
 * compared as the forge does, which keeps case but does not tell by it. */
static bool is_foreign(const char *head, const char *base)
{
    return !head || !base || strcasecmp(head, base) != 0;
}

static void read_pull_request(struct reader *r, const cJSON *root)
{
    struct xsg_forge_context *c = r->context;
    const cJSON *pull = cJSON_GetObjectItemCaseSensitive(root, "pull_request");
    const char *own = get(r, pull, "base.repo.full_name", xsg_forge_is_repository);
    int64_t number = 0;

    if (!own)
        own = get(r, root, "repository.full_name", xsg_forge_is_repository);
    if ((xsg_json_get_int(root, "number", &number) == 0 ||
         xsg_json_get_int(pull, "number", &number) == 0) &&
        number > 0)
        c->pull_request = number;
    put(&c->base_sha, get(r, pull, "base.sha", xsg_forge_is_sha));
    put(&c->head_sha, get(r, pull, "head.sha", xsg_forge_is_sha));
    put(&c->base_ref, get(r, pull, "base.ref", xsg_forge_is_plain));
    put(&c->head_ref, get(r, pull, "head.ref", xsg_forge_is_plain));
    c->head_repository = get(r, pull, "head.repo.full_name", xsg_forge_is_repository);
    c->foreign = is_foreign(c->head_repository, own);
}

static void read_push(struct reader *r, const cJSON *root)
{
    struct xsg_forge_context *c = r->context;

    put(&c->base_sha, get(r, root, "before", xsg_forge_is_sha));
    put(&c->head_sha, get(r, root, "after", xsg_forge_is_sha));
    put(&c->head_ref, without_heads(get(r, root, "ref", xsg_forge_is_plain)));
}

static void read_merge_group(struct reader *r, const cJSON *root)
{
    struct xsg_forge_context *c = r->context;
    const cJSON *group = cJSON_GetObjectItemCaseSensitive(root, "merge_group");

    put(&c->base_sha, get(r, group, "base_sha", xsg_forge_is_sha));
    put(&c->head_sha, get(r, group, "head_sha", xsg_forge_is_sha));
    put(&c->base_ref, without_heads(get(r, group, "base_ref", xsg_forge_is_plain)));
    put(&c->head_ref, without_heads(get(r, group, "head_ref", xsg_forge_is_plain)));
}

static void read_workflow_run(struct reader *r, const cJSON *root)
{
    struct xsg_forge_context *c = r->context;
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(root, "workflow_run");
    const cJSON *pulls = cJSON_GetObjectItemCaseSensitive(run, "pull_requests");
    const char *own = get(r, root, "repository.full_name", xsg_forge_is_repository);
    int64_t number = 0, id = 0;

    /* The page of the run that measured, where its artifacts are; this one only comments. */
    if (xsg_json_get_int(run, "id", &id) == 0 && id > 0)
        c->run_id = xsg_printf(r->arena, "%lld", (long long)id);
    if (id > 0 && c->server_url && c->repository)
        c->run_url = xsg_printf(r->arena, "%s/%s/actions/runs/%lld", c->server_url, c->repository,
                                (long long)id);
    put(&c->head_sha, get(r, run, "head_sha", xsg_forge_is_sha));
    put(&c->head_ref, get(r, run, "head_branch", xsg_forge_is_plain));
    c->head_repository = get(r, run, "head_repository.full_name", xsg_forge_is_repository);
    c->foreign = is_foreign(c->head_repository, own);
    if (cJSON_IsArray(pulls) && pulls->child && !pulls->child->next &&
        xsg_json_get_int(pulls->child, "number", &number) == 0 && number > 0)
        c->pull_request = number;
}

int xsg_forge_read_event(struct xsg_arena *arena, const char *text, size_t n,
                         struct xsg_forge_context *context, struct xsg_err *err)
{
    struct reader r = {arena, context};
    cJSON *root = NULL;
    int rc = xsg_json_parse(text, n, &root, err);

    if (rc != 0)
        return XSG_ECORRUPT;
    if (!cJSON_IsObject(root)) {
        cJSON_Delete(root);
        return xsg_fail(err, XSG_ECORRUPT, "not a JSON object");
    }
    switch (context->event) {
    case XSG_EVENT_PULL_REQUEST:
    case XSG_EVENT_PULL_REQUEST_TARGET:
        read_pull_request(&r, root);
        break;
    case XSG_EVENT_PUSH:
        read_push(&r, root);
        break;
    case XSG_EVENT_MERGE_GROUP:
        read_merge_group(&r, root);
        break;
    case XSG_EVENT_WORKFLOW_RUN:
        read_workflow_run(&r, root);
        break;
    case XSG_EVENT_OTHER:
        break;
    }
    cJSON_Delete(root);
    return 0;
}
