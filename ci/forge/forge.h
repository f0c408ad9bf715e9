/*
 * forge: where the repository is hosted. What the CI system tells about this run (environment
 * variables, event payload), and posting: one comment that is replaced on the next push, a check
 * run with annotations, a commit status, a step summary, step outputs.
 *
 * Nothing here decides the gate's verdict: what cannot be posted is a warning. Event payloads and
 * answers are foreign bytes. The token is kept in the handle only: never in an error, a log line,
 * an argument list or a URL. Not thread-safe.
 */
#ifndef XSG_CI_FORGE_FORGE_H
#define XSG_CI_FORGE_FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

/* ---- where are we ---------------------------------------------------------------------------- */

enum xsg_forge_kind { XSG_FORGE_NONE, XSG_FORGE_GITHUB, XSG_FORGE_GITLAB };

enum xsg_forge_event {
    XSG_EVENT_OTHER, /* schedule, manual, release ...: nothing to compare with but the configured */
    XSG_EVENT_PULL_REQUEST,
    XSG_EVENT_PULL_REQUEST_TARGET, /* privileged: see foreign */
    XSG_EVENT_PUSH,
    XSG_EVENT_MERGE_GROUP,
    XSG_EVENT_WORKFLOW_RUN /* privileged, after a measuring run */
};

/* What the environment and the event say. Strings are NULL where unknown, and live in the arena. */
struct xsg_forge_context {
    enum xsg_forge_kind kind;
    enum xsg_forge_event event;
    const char *event_name; /* as the forge calls it */
    const char *api_url;    /* "https://api.github.com", without trailing slash */
    const char *server_url; /* "https://github.com" */
    const char *repository; /* "owner/name"; GitLab: the project's path */
    const char *project;    /* GitLab: the project's id */
    const char *actor;
    int64_t pull_request; /* number (GitLab: iid); 0: none */
    const char *head_sha; /* where status and check belong: the branch's own commit */
    const char
        *measured_sha;    /* what is checked out: on GitHub the merge commit of a pull request */
    const char *base_sha; /* the base as the event names it; NULL for a new branch */
    const char *base_ref; /* "main" */
    const char *head_ref;
    const char *head_repository; /* "owner/name"; NULL when the fork is gone */
    bool foreign;        /* a pull request whose head is in another repository, or unknown */
    const char *run_url; /* the page of this CI run; of a workflow_run, the one that measured */
    const char *run_id;  /* of the same run: a number that grows from run to run, and "-attempt" */
    const char *summary_path; /* $GITHUB_STEP_SUMMARY */
    const char *output_path;  /* $GITHUB_OUTPUT */
    bool debug;               /* the forge asks for verbose output */
    bool has_token;
};

/* Environment look-up as a seam: returns the value or NULL. */
typedef const char *xsg_getenv_fn(void *arg, const char *name);

/* Fills *context; kind NONE outside any CI system that we know. An event file that is named but
 * missing or broken is XSG_EFAILED with one sentence (the context is filled without it). */
int xsg_forge_detect(struct xsg_arena *arena, xsg_getenv_fn *getenv, void *arg,
                     struct xsg_forge_context *context, struct xsg_err *err);

/*
 * May this run execute what is checked out? False for a privileged event (pull_request_target,
 * workflow_run) of a foreign head: then err has the sentence and the two-job pattern as its hint.
 */
bool xsg_forge_may_run(const struct xsg_forge_context *context, struct xsg_err *err);

/* With a token in the environment this process leaves no core file: it would be in it. To be called
 * first in main. Programs that it executes are not concerned. */
void xsg_forge_protect(xsg_getenv_fn *getenv, void *arg);

/* ---- the connection -------------------------------------------------------------------------- */

struct xsg_forge;

struct xsg_forge_options {
    /* Token (XSGATE_TOKEN, GITHUB_TOKEN, GH_TOKEN; GITLAB_TOKEN) and CA file (CURL_CA_BUNDLE,
     * SSL_CERT_FILE, SSL_CERT_DIR). Proxies are read by libcurl from the process's environment. */
    xsg_getenv_fn *getenv;
    void *getenv_arg;
    const struct xsg_clock *clock; /* waits and budget */
    double budget_s;               /* all posting together; 0: 60 s */
    const char *login;             /* whose comments are ours; NULL: found out */
    volatile const int *interrupt; /* becomes non-zero to stop; may be NULL */
    const struct xsg_http *http;   /* who carries the requests (tests); NULL: libcurl */
};

int xsg_forge_open(struct xsg_forge **out, const struct xsg_forge_context *context,
                   const struct xsg_forge_options *options, struct xsg_err *err);
void xsg_forge_close(struct xsg_forge *forge);

/* ---- posting ---------------------------------------------------------------------------------
 * Each: 0, or a sentence that says what to do (which permission is missing, "from a fork: use the
 * two-job pattern"). XSG_EBUSY: the budget or the forge's limits are used up. */

/*
 * Creates or replaces the comment of gate id ([A-Za-z0-9._-]+) on the context's pull request. The
 * marker is added to the body. Found over all pages by marker and author; one that a newer run
 * wrote is left as it is. create false: one that is there is replaced, none is made. url (arena,
 * may be NULL): its page; NULL when none was made.
 */
int xsg_forge_comment(struct xsg_forge *forge, struct xsg_arena *arena, const char *id,
                      const char *body, bool create, const char **url, struct xsg_err *err);
/* Removes it; no such comment is not an error. */
int xsg_forge_comment_delete(struct xsg_forge *forge, const char *id, struct xsg_err *err);

enum xsg_forge_conclusion {
    XSG_FORGE_SUCCESS,
    XSG_FORGE_FAILURE,
    XSG_FORGE_NEUTRAL, /* undecided */
    XSG_FORGE_ERROR,   /* could not judge */
    XSG_FORGE_CANCELLED
};

struct xsg_forge_annotation {
    const char *path; /* relative to the repository's root */
    int line, end_line;
    bool failure; /* else a notice */
    const char *title, *message;
};

/* Check run: name must stay the same from push to push (required checks match by it). More than 50
 * annotations go in several requests. Text over the forge's limits is the caller's mistake. */
struct xsg_forge_check {
    const char *name, *title, *summary; /* summary: Markdown */
    enum xsg_forge_conclusion conclusion;
    const struct xsg_forge_annotation *annotations;
    size_t n_annotations;
};
/* "In progress" on the head commit; what was begun has to be ended. */
int xsg_forge_check_begin(struct xsg_forge *forge, const char *name, int64_t *id,
                          struct xsg_err *err);
int xsg_forge_check_end(struct xsg_forge *forge, int64_t id, const struct xsg_forge_check *check,
                        struct xsg_err *err);

/* For the last calls after an interrupt: they are made all the same, within this many seconds. */
void xsg_forge_hurry(struct xsg_forge *forge, double seconds);

/* Commit status of head_sha; description is cut to the forge's limit. */
int xsg_forge_status(struct xsg_forge *forge, const char *name, const char *description,
                     enum xsg_forge_conclusion conclusion, struct xsg_err *err);

/* The merge base by the forge's compare call, for clones without history. oid (arena). */
int xsg_forge_merge_base(struct xsg_forge *forge, struct xsg_arena *arena, const char *base,
                         const char *head, const char **oid, struct xsg_err *err);
/* The head commit of a pull request: what a trusted job checks an artifact's claim against. */
int xsg_forge_pull_head(struct xsg_forge *forge, struct xsg_arena *arena, int64_t number,
                        const char **oid, struct xsg_err *err);

/* ---- the runner's files and commands (no network) -------------------------------------------- */

/* Appends Markdown to the step summary, whole or not at all (limit 1 MiB with what is there). */
int xsg_forge_summary(const struct xsg_forge_context *context, const char *markdown, size_t n,
                      struct xsg_err *err);
/* Appends name=value to the step's outputs; any value is safe. */
int xsg_forge_output(const struct xsg_forge_context *context, const char *name, const char *value,
                     struct xsg_err *err);

#endif
