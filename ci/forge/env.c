/* Where are we: the variables of GitHub Actions and of GitLab CI. */
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/fs.h"
#include "base/str.h"
#include "ci/forge/event.h"
#include "ci/forge/parts.h"

#define EVENT_LIMIT ((size_t)32 << 20) /* GitHub caps payloads at 25 MB */

struct reader {
    struct xsg_arena *arena;
    xsg_getenv_fn *getenv;
    void *arg;
};

static const char *get(struct reader *r, const char *name)
{
    const char *value = r->getenv(r->arg, name);

    return value && *value ? xsg_strdup(r->arena, value) : NULL;
}

static const char *get_valid(struct reader *r, const char *name, bool (*is_valid)(const char *))
{
    const char *value = get(r, name);

    return is_valid(value) ? value : NULL;
}

static bool is_true(struct reader *r, const char *name)
{
    const char *value = r->getenv(r->arg, name);

    return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

static const char *get_url(struct reader *r, const char *name, const char *fallback)
{
    char *url = (char *)(uintptr_t)get(r, name);
    size_t n;

    if (!xsg_forge_is_plain(url))
        return fallback;
    for (n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    return url;
}

/* The first of these variables that is set holds the token; XSGATE_TOKEN is for whoever wants the
 * gate alone to have one. */
static const char *const github_tokens[] = {"XSGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", NULL};
static const char *const gitlab_tokens[] = {"XSGATE_TOKEN", "GITLAB_TOKEN", NULL};

const char *xsg_forge_find_token(enum xsg_forge_kind kind, xsg_getenv_fn *getenv, void *arg)
{
    const char *const *names = kind == XSG_FORGE_GITHUB   ? github_tokens
                               : kind == XSG_FORGE_GITLAB ? gitlab_tokens
                                                          : &github_tokens[3];

    for (; *names; names++) {
        const char *value = getenv(arg, *names);
        if (value && *value)
            return value;
    }
    return NULL;
}

void xsg_forge_protect(xsg_getenv_fn *getenv, void *arg)
{
    if (xsg_forge_find_token(XSG_FORGE_GITHUB, getenv, arg) ||
        xsg_forge_find_token(XSG_FORGE_GITLAB, getenv, arg))
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- GitHub Actions -------------------------------------------------------------------------- */

static enum xsg_forge_event github_event(const char *name)
{
    static const struct {
        const char *name;
        enum xsg_forge_event event;
    } events[] = {
        {"pull_request", XSG_EVENT_PULL_REQUEST},
        {"pull_request_target", XSG_EVENT_PULL_REQUEST_TARGET},
        {"push", XSG_EVENT_PUSH},
        {"merge_group", XSG_EVENT_MERGE_GROUP},
        {"workflow_run", XSG_EVENT_WORKFLOW_RUN},
    };

    for (size_t i = 0; name && i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(events[i].name, name) == 0)
            return events[i].event;
    }
    return XSG_EVENT_OTHER;
}

static int read_payload(struct reader *r, struct xsg_forge_context *c, struct xsg_err *err)
{
    const char *path = get(r, "GITHUB_EVENT_PATH");
    char *text;
    size_t n;
    int rc;

    if (!path)
        return 0;
    if (!xsg_is_file(path)) {
        xsg_fail(err, XSG_EFAILED, "the event file '%s' is not there", path);
        return xsg_fail_hint(err, XSG_EFAILED,
                             "GITHUB_EVENT_PATH names it; in a container, mount its folder");
    }
    rc = xsg_read_file(r->arena, path, EVENT_LIMIT, &text, &n, err);
    if (rc == 0)
        rc = xsg_forge_read_event(r->arena, text, n, c, err);
    if (rc == 0)
        return 0;
    xsg_err_prefix(err, "the event file '%s'", path);
    return XSG_EFAILED;
}

static int detect_github(struct reader *r, struct xsg_forge_context *c, struct xsg_err *err)
{
    const char *run = get_valid(r, "GITHUB_RUN_ID", xsg_forge_is_plain);

    c->kind = XSG_FORGE_GITHUB;
    c->event_name = get_valid(r, "GITHUB_EVENT_NAME", xsg_forge_is_plain);
    c->event = github_event(c->event_name);
    c->api_url = get_url(r, "GITHUB_API_URL", "https://api.github.com");
    c->server_url = get_url(r, "GITHUB_SERVER_URL", "https://github.com");
    c->repository = get_valid(r, "GITHUB_REPOSITORY", xsg_forge_is_repository);
    c->actor = get_valid(r, "GITHUB_ACTOR", xsg_forge_is_plain);
    c->measured_sha = get_valid(r, "GITHUB_SHA", xsg_forge_is_sha);
    c->base_ref = get_valid(r, "GITHUB_BASE_REF", xsg_forge_is_plain);
    c->head_ref = get_valid(r, "GITHUB_HEAD_REF", xsg_forge_is_plain);
    c->summary_path = get(r, "GITHUB_STEP_SUMMARY");
    c->output_path = get(r, "GITHUB_OUTPUT");
    c->debug = is_true(r, "RUNNER_DEBUG");
    if (c->repository && run) {
        const char *attempt = get_valid(r, "GITHUB_RUN_ATTEMPT", xsg_forge_is_plain);
        c->run_id = xsg_printf(r->arena, "%s-%s", run, attempt ? attempt : "1");
        c->run_url =
            xsg_printf(r->arena, "%s/%s/actions/runs/%s", c->server_url, c->repository, run);
    }
    /* Until the payload says otherwise, somebody else's. */
    c->foreign = c->event == XSG_EVENT_PULL_REQUEST || c->event == XSG_EVENT_PULL_REQUEST_TARGET ||
                 c->event == XSG_EVENT_WORKFLOW_RUN;
    return read_payload(r, c, err);
}

/* ---- GitLab CI ------------------------------------------------------------------------------- */

static void read_merge_request(struct reader *r, struct xsg_forge_context *c)
{
    const char *iid = get(r, "CI_MERGE_REQUEST_IID");
    const char *source = get(r, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID");
    const char *target = get(r, "CI_MERGE_REQUEST_PROJECT_ID");
    const char *sha = get_valid(r, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", xsg_forge_is_sha);

    if (!iid || xsg_parse_int(iid, 1, INT64_MAX, &c->pull_request) != 0)
        return;
    c->event = XSG_EVENT_PULL_REQUEST;
    c->base_sha = get_valid(r, "CI_MERGE_REQUEST_DIFF_BASE_SHA", xsg_forge_is_sha);
    c->base_ref = get_valid(r, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", xsg_forge_is_plain);
    c->head_ref = get_valid(r, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", xsg_forge_is_plain);
    c->head_repository = get_valid(r, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", xsg_forge_is_plain);
    c->foreign = !source || !target || strcmp(source, target) != 0;
    if (sha)
        c->head_sha = sha; /* a pipeline of the merged result: CI_COMMIT_SHA is the merge commit */
}

static int detect_gitlab(struct reader *r, struct xsg_forge_context *c)
{
    c->kind = XSG_FORGE_GITLAB;
    c->event_name = get_valid(r, "CI_PIPELINE_SOURCE", xsg_forge_is_plain);
    c->api_url = get_url(r, "CI_API_V4_URL", "https://gitlab.com/api/v4");
    c->server_url = get_url(r, "CI_SERVER_URL", "https://gitlab.com");
    c->repository = get_valid(r, "CI_PROJECT_PATH", xsg_forge_is_plain);
    c->project = get_valid(r, "CI_PROJECT_ID", xsg_forge_is_plain);
    c->actor = get_valid(r, "GITLAB_USER_LOGIN", xsg_forge_is_plain);
    c->measured_sha = get_valid(r, "CI_COMMIT_SHA", xsg_forge_is_sha);
    c->head_sha = c->measured_sha;
    c->run_url = get_url(r, "CI_JOB_URL", NULL);
    c->run_id = get_valid(r, "CI_JOB_ID", xsg_forge_is_plain);
    c->debug = is_true(r, "CI_DEBUG_TRACE");
    if (c->event_name && strcmp(c->event_name, "push") == 0) {
        c->event = XSG_EVENT_PUSH;
        c->head_ref = get_valid(r, "CI_COMMIT_BRANCH", xsg_forge_is_plain);
        c->base_sha = get_valid(r, "CI_COMMIT_BEFORE_SHA", xsg_forge_is_sha);
    }
    read_merge_request(r, c);
    return 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

int xsg_forge_detect(struct xsg_arena *arena, xsg_getenv_fn *getenv, void *arg,
                     struct xsg_forge_context *context, struct xsg_err *err)
{
    struct reader r = {arena, getenv, arg};
    int rc = 0;

    *context = (struct xsg_forge_context){0};
    if (is_true(&r, "GITHUB_ACTIONS"))
        rc = detect_github(&r, context, err);
    else if (is_true(&r, "GITLAB_CI"))
        rc = detect_gitlab(&r, context);
    context->has_token = xsg_forge_find_token(context->kind, getenv, arg) != NULL;
    return rc;
}

bool xsg_forge_may_run(const struct xsg_forge_context *context, struct xsg_err *err)
{
    if (!context->foreign || (context->event != XSG_EVENT_PULL_REQUEST_TARGET &&
                              context->event != XSG_EVENT_WORKFLOW_RUN))
        return true;
    xsg_fail(err, XSG_EINVAL,
             "under %s this job holds a token that may write to %s; the commit is from %s, and its "
             "code is not run with that",
             context->event_name, context->repository ? context->repository : "the repository",
             context->head_repository ? context->head_repository : "a repository that is gone");
    xsg_fail_hint(err, XSG_EINVAL,
                  "use two jobs: measure under 'pull_request', which has no privileges, and upload "
                  "report.json; comment under 'workflow_run' with 'xsgate comment --from "
                  "report.json' ('xsgate init --github' writes both)");
    return false;
}
