/* The handle: token, transport and rules of one connection. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ci/forge/parts.h"
#include "ci/forge/url.h"

static const char *const github_headers[] = {
    /* Two forms: some validating proxies know answers only by the general one. */
    "Accept: application/vnd.github+json, application/json;q=0.9",
    "X-GitHub-Api-Version: 2022-11-28",
    "Content-Type: application/json",
    NULL,
};
static const char *const gitlab_headers[] = {
    "Accept: application/json",
    "Content-Type: application/json",
    NULL,
};

/* ---- the token ------------------------------------------------------------------------------- */

/* It stands in one page that is neither swapped nor dumped, and is cleared when the handle closes.
 * libcurl copies it into the request that it sends; xsg_forge_protect() is for that. */
static int keep_secret(struct xsg_forge *forge, const char *token, struct xsg_err *err)
{
    const char *prefix =
        forge->context.kind == XSG_FORGE_GITLAB ? "PRIVATE-TOKEN: " : "Authorization: Bearer ";
    size_t n = strcspn(token, "\r\n"), at = strlen(prefix);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)token[i] <= ' ' || (unsigned char)token[i] >= 0x7f)
            return xsg_fail(err, XSG_EINVAL, "the token has characters that no token has");
    }
    if (n < 8 || n + at + 1 > page)
        return xsg_fail(err, XSG_EINVAL, "the token is %zu characters long, which no token is", n);
    forge->secret = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (forge->secret == MAP_FAILED) {
        forge->secret = NULL;
        return xsg_fail(err, XSG_ENOMEM, "out of memory");
    }
    forge->secret_size = page;
    madvise(forge->secret, page, MADV_DONTDUMP);
    mlock(forge->secret, page);
    memcpy(forge->secret, prefix, at);
    memcpy(forge->secret + at, token, n);
    forge->client.authorization = forge->secret;
    forge->client.secret = forge->secret + at;
    return 0;
}

static void forget_secret(struct xsg_forge *forge)
{
    if (!forge->secret)
        return;
    explicit_bzero(forge->secret, forge->secret_size);
    munmap(forge->secret, forge->secret_size);
}

/* ---- open, close ----------------------------------------------------------------------------- */

static int check_context(const struct xsg_forge_context *context, struct xsg_err *err)
{
    if (context->kind == XSG_FORGE_NONE)
        return xsg_fail(err, XSG_EINVAL, "this is no CI system that xsgate knows");
    if (!xsg_url_same_origin(context->api_url, context->api_url))
        return xsg_fail(err, XSG_EINVAL, "the forge's address '%s' is no URL", context->api_url);
    if (!xsg_url_is_private(context->api_url))
        return xsg_fail(err, XSG_EINVAL, "the token is not sent to %s: it is not https",
                        context->api_url);
    return 0;
}

static int open_transport(struct xsg_forge *forge, const struct xsg_forge_options *options,
                          struct xsg_err *err)
{
    if (options->http) {
        forge->client.http = options->http;
        return 0;
    }
    int rc = xsg_http_open(&forge->curl, NULL, options->getenv, options->getenv_arg,
                           options->interrupt, err);
    if (rc != 0)
        return rc;
    forge->http = xsg_http_of(forge->curl);
    forge->client.http = &forge->http;
    return 0;
}

int xsg_forge_open(struct xsg_forge **out, const struct xsg_forge_context *context,
                   const struct xsg_forge_options *options, struct xsg_err *err)
{
    const char *token = xsg_forge_find_token(context->kind, options->getenv, options->getenv_arg);
    bool is_github = context->kind == XSG_FORGE_GITHUB;
    struct xsg_forge *forge;
    int rc = check_context(context, err);

    if (rc == 0 && !token)
        rc = xsg_fail(err, XSG_EINVAL, "there is no token");
    if (rc != 0)
        return rc;
    forge = calloc(1, sizeof *forge);
    if (!forge)
        xsg_out_of_memory(sizeof *forge);
    forge->context = *context;
    forge->api = is_github ? &xsg_forge_github_api : &xsg_forge_gitlab_api;
    forge->login = options->login ? xsg_strdup(&forge->arena, options->login) : NULL;
    forge->client.clock = options->clock;
    forge->client.base = context->api_url;
    forge->client.headers = is_github ? github_headers : gitlab_headers;
    forge->client.budget_s = options->budget_s > 0 ? options->budget_s : 60;
    forge->client.interrupt = options->interrupt;
    xsg_rng_init(&forge->client.rng, xsg_rng_seed_from_system());
    rc = open_transport(forge, options, err);
    if (rc == 0)
        rc = keep_secret(forge, token, err);
    if (rc != 0) {
        xsg_forge_close(forge);
        return rc;
    }
    *out = forge;
    return 0;
}

void xsg_forge_close(struct xsg_forge *forge)
{
    if (!forge)
        return;
    xsg_http_close(forge->curl);
    forget_secret(forge);
    xsg_arena_release(&forge->arena);
    free(forge);
}

void xsg_forge_hurry(struct xsg_forge *forge, double seconds)
{
    forge->client.interrupt = NULL;
    forge->client.budget_s = (double)forge->client.spent_ns / 1e9 + seconds;
    if (forge->curl)
        xsg_http_ignore_interrupt(forge->curl);
}

/* ---- shared by the forges -------------------------------------------------------------------- */

int xsg_forge_need_repository(const struct xsg_forge *forge, struct xsg_err *err)
{
    bool is_github = forge->context.kind == XSG_FORGE_GITHUB;

    if (is_github ? forge->context.repository != NULL : forge->context.project != NULL)
        return 0;
    return xsg_fail(err, XSG_EINVAL, "%s does not say which repository this is",
                    is_github ? "GITHUB_REPOSITORY" : "CI_PROJECT_ID");
}

int xsg_forge_explain(const struct xsg_forge *forge, int status, const char *permission, int rc,
                      struct xsg_err *err)
{
    bool is_github = forge->context.kind == XSG_FORGE_GITHUB;

    if (status == 401)
        return xsg_fail_hint(err, rc,
                             is_github ? "the token is wrong or has expired"
                                       : "GITLAB_TOKEN has to be a project access token "
                                         "with the scope 'api'; CI_JOB_TOKEN cannot post");
    if (status != 403 && status != 404)
        return rc;
    if (!is_github)
        return xsg_fail_hint(err, rc, "GITLAB_TOKEN needs the scope 'api' and the role Reporter");
    if (forge->context.foreign && forge->context.event == XSG_EVENT_PULL_REQUEST)
        return xsg_fail_hint(err, rc,
                             "a pull request from a fork has a read-only token: comment "
                             "from a second workflow ('xsgate init --github')");
    return xsg_fail_hint(err, rc, "give the job the permission:  permissions: { %s }", permission);
}

int xsg_forge_call(struct xsg_forge *forge, struct xsg_arena *arena, struct xsg_call *call,
                   const char *permission, struct xsg_err *err)
{
    int rc = xsg_client_call(&forge->client, arena, call, err);

    return rc == XSG_EFAILED ? xsg_forge_explain(forge, call->status, permission, rc, err) : rc;
}
