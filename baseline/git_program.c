#include "baseline/git_program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/proc.h"
#include "baseline/git_internal.h"

enum { LONGEST_ANSWER = 64 << 10, LONGEST_REMOTE = 200 };

/* ---- the process ---- */

/* What would point git at another repository: set in hooks, and by who calls us from git. */
static const char *const repository_variables[] = {"GIT_DIR",
                                                   "GIT_WORK_TREE",
                                                   "GIT_INDEX_FILE",
                                                   "GIT_OBJECT_DIRECTORY",
                                                   "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                                                   "GIT_COMMON_DIR",
                                                   "GIT_NAMESPACE",
                                                   "GIT_PREFIX",
                                                   "GIT_SHALLOW_FILE",
                                                   "GIT_TERMINAL_PROMPT",
                                                   "LANGUAGE",
                                                   "LC_ALL"};

static bool is_left_out(const char *variable)
{
    for (size_t i = 0; i < sizeof repository_variables / sizeof *repository_variables; i++) {
        size_t n = strlen(repository_variables[i]);
        if (strncmp(variable, repository_variables[i], n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

/* Its sentences are read here, so they are English; it asks for no password, but fails. */
static const char *const *environment(struct xsg_arena *arena)
{
    size_t n = 0, k = 0;
    while (environ[n])
        n++;
    const char **env = XSG_NEW_ARRAY(arena, const char *, n + 3);
    for (size_t i = 0; i < n; i++) {
        if (!is_left_out(environ[i]))
            env[k++] = environ[i];
    }
    env[k++] = "GIT_TERMINAL_PROMPT=0";
    env[k++] = "LC_ALL=C";
    return env;
}

/* The repository's hooks are not ours to run, and no housekeeping goes on behind a measurement. */
static const char *const *arguments(struct xsg_git *git, struct xsg_arena *arena,
                                    const char *const *args)
{
    const char *const first[] = {"git",
                                 "-C",
                                 git->root,
                                 "-c",
                                 "core.hooksPath=/dev/null",
                                 "-c",
                                 "gc.auto=0",
                                 "-c",
                                 "maintenance.auto=false"};
    size_t n_first = sizeof first / sizeof *first, n = 0;
    while (args[n])
        n++;
    const char **argv = XSG_NEW_ARRAY(arena, const char *, n_first + n + 1);
    memcpy(argv, first, sizeof first);
    memcpy(argv + n_first, args, n * sizeof *args);
    return argv;
}

int xsg_git_program(struct xsg_git *git, struct xsg_arena *arena, const char *const *args,
                    const struct xsg_git_limits *limits, struct xsg_git_answer *answer,
                    struct xsg_err *err)
{
    struct xsg_proc_spec spec = {.argv = arguments(git, arena, args),
                                 .env = environment(arena),
                                 .timeout_s = limits->timeout_s > 0 ? limits->timeout_s : 60,
                                 .pin_cpu = -1,
                                 .keep_output = LONGEST_ANSWER,
                                 .interrupt = limits->interrupt};
    struct xsg_proc_result result;
    *answer = (struct xsg_git_answer){.status = -1, .text = xsg_strdup(arena, "")};
    int rc = xsg_proc_run(arena, &spec, &result, err);
    if (rc != XSG_OK)
        return xsg_fail_hint(err, rc, "install git");
    if (result.interrupted)
        return xsg_fail(err, XSG_EINTR, "interrupted during 'git %s'", args[0]);
    if (result.timed_out)
        return xsg_fail(err, XSG_EFAILED, "'git %s' did not end within %.0f s", args[0],
                        spec.timeout_s);
    answer->status = result.signal ? -1 : result.exit_status;
    answer->text = xsg_printf(arena, "%.*s%.*s", (int)result.output_head_n, result.output_head,
                              (int)result.output_tail_n, result.output_tail);
    xsg_verbose("git %s: status %d", args[0], answer->status);
    return XSG_OK;
}

const char *xsg_git_complaint(struct xsg_arena *arena, const struct xsg_git_answer *answer)
{
    static const char *const marks[] = {"remote: ", "fatal: ", " ! ", "error: "};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *line = strstr(answer->text, marks[i]);
        if (!line)
            continue;
        line += strlen(marks[i]);
        return xsg_strndup(arena, line, strnlen(line, strcspn(line, "\n")));
    }
    const char *line = answer->text + strspn(answer->text, "\n");
    if (*line)
        return xsg_strndup(arena, line, strcspn(line, "\n"));
    return xsg_printf(arena, "git ended with status %d", answer->status);
}

/* ---- remotes ---- */

/* By the list: git_remote_lookup of libgit2 1.5 does not give back what its patterns take. */
static bool is_remote(const git_strarray *remotes, const char *name)
{
    for (size_t i = 0; i < remotes->count; i++) {
        if (strcmp(remotes->strings[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_plain(const char *remote)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    size_t n = strlen(remote);
    return n > 0 && n <= LONGEST_REMOTE && remote[0] != '-' && strspn(remote, plain) == n &&
           !strstr(remote, "//");
}

const char *xsg_git_default_remote(struct xsg_git *git, struct xsg_arena *arena)
{
    git_strarray remotes = {0};
    const char *name = NULL;
    if (git_remote_list(&remotes, git->repository) != 0)
        return NULL;
    if (is_remote(&remotes, "origin"))
        name = "origin";
    else if (remotes.count == 1 && is_plain(remotes.strings[0]))
        name = xsg_strdup(arena, remotes.strings[0]);
    git_strarray_dispose(&remotes);
    return name;
}

int xsg_git_check_remote(struct xsg_git *git, const char *remote, struct xsg_err *err)
{
    git_strarray remotes = {0};
    if (!is_plain(remote))
        return xsg_fail(err, XSG_EINVAL, "'%.200s' is not the name of a remote", remote);
    bool there = git_remote_list(&remotes, git->repository) == 0 && is_remote(&remotes, remote);
    git_strarray_dispose(&remotes);
    if (there)
        return XSG_OK;
    xsg_fail(err, XSG_ENOTFOUND, "this repository has no remote '%s'", remote);
    return xsg_fail_hint(err, XSG_ENOTFOUND, "'git remote' lists what it has");
}

/* ---- fetching ---- */

static const char *option(struct xsg_arena *arena, const char *name, int value)
{
    return xsg_printf(arena, "--%s=%d", name, value);
}

int xsg_git_fetch(struct xsg_git *git, struct xsg_arena *arena, const struct xsg_git_fetch *fetch,
                  const struct xsg_git_limits *limits, struct xsg_err *err)
{
    const char *args[16] = {"fetch", "--quiet", "--no-tags", "--no-recurse-submodules"};
    struct xsg_git_answer answer;
    size_t n = 4;
    if (fetch->deepen > 0)
        args[n++] = option(arena, "deepen", fetch->deepen);
    else if (fetch->depth > 0)
        args[n++] = option(arena, "depth", fetch->depth);
    args[n++] = "--end-of-options";
    args[n++] = fetch->remote;
    for (size_t i = 0; i < 4 && fetch->what[i]; i++)
        args[n++] = fetch->what[i];
    int rc = xsg_git_program(git, arena, args, limits, &answer, err);
    if (rc != XSG_OK)
        return rc;
    git->shallow = git_repository_is_shallow(git->repository) == 1;
    if (answer.status == 0)
        return XSG_OK;
    rc = strcasestr(answer.text, "couldn't find remote ref") ? XSG_ENOTFOUND : XSG_EFAILED;
    return xsg_fail(err, rc, "cannot fetch from '%s': %.300s", fetch->remote,
                    xsg_git_complaint(arena, &answer));
}
