/* What the files of this room share. */
#ifndef XSG_CI_FORGE_PARTS_H
#define XSG_CI_FORGE_PARTS_H

#include "ci/forge/client.h"
#include "ci/forge/forge.h"

/* A comment as a forge's list has it. Pointers into the list's element. */
struct xsg_forge_note {
    int64_t id;
    const char *body, *author, *url;
    bool is_bot;
};

/* What differs between forges when one comment is kept. Paths live in the arena. */
struct xsg_forge_api {
    const char *(*list_path)(struct xsg_forge *forge, struct xsg_arena *arena);
    const char *(*create_path)(struct xsg_forge *forge, struct xsg_arena *arena);
    const char *(*note_path)(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id);
    const char *update_method;
    /* False for what is no comment of a person or program. */
    bool (*read_note)(const cJSON *element, struct xsg_forge_note *note);
    const char *(*note_url)(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id);
    const char *login_key;  /* of the answer to GET /user */
    const char *fallback;   /* whose comments are ours when the token cannot ask; NULL: nobody's */
    const char *permission; /* what posting a comment needs, for the hint */
    size_t body_limit;      /* in UTF-16 units, the dearest way to count */
};
extern const struct xsg_forge_api xsg_forge_github_api, xsg_forge_gitlab_api;

struct xsg_forge {
    struct xsg_arena arena; /* of the handle's own texts */
    struct xsg_forge_context context;
    const struct xsg_forge_api *api;
    struct xsg_http_curl *curl; /* NULL when the caller brought its own transport */
    struct xsg_http http;
    struct xsg_client client;
    const char *login; /* whose comments are ours; NULL until it was asked for */
    bool login_is_fallback;
    char *secret; /* a page of its own: the authorization header */
    size_t secret_size;
};

/* NULL when there is none. */
const char *xsg_forge_find_token(enum xsg_forge_kind kind, xsg_getenv_fn *getenv, void *arg);

/* client call, with a hint for the refusals that a workflow's permissions explain. */
int xsg_forge_call(struct xsg_forge *forge, struct xsg_arena *arena, struct xsg_call *call,
                   const char *permission, struct xsg_err *err);
/* That hint for an answer of this status; returns rc. */
int xsg_forge_explain(const struct xsg_forge *forge, int status, const char *permission, int rc,
                      struct xsg_err *err);
/* "/repos/owner/name". XSG_EINVAL: the environment did not say. */
int xsg_forge_need_repository(const struct xsg_forge *forge, struct xsg_err *err);

/* XSG_EINVAL where the forge is another one: "what: GitLab has none". */
int xsg_forge_need_github(const struct xsg_forge *forge, const char *what, struct xsg_err *err);
/* The commit that status and check belong to; NULL when the environment did not say. */
const char *xsg_forge_head(const struct xsg_forge *forge);

#endif
