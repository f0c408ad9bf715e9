/* store: looks after the database: what it holds, verify, merge, prune, backup. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "baseline/share.h"
#include "cli/gate.h"
#include "cli/project.h"

static struct {
    int64_t keep;
    const char *older_than;
    bool dry_run, checkouts;
} o;

static int print(struct xsg_buf *out)
{
    xsg_cli_print(out->data, out->len);
    xsg_buf_release(out);
    return XSG_EXIT_PASSED;
}

static int do_stat(struct xsg_cli *cli, struct xsg_project *project, const struct xsg_strings *args)
{
    struct xsg_store_stat stat = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    char size[32], oldest[21] = "-", newest[21] = "-";
    int rc = xsg_store_stat(project->store, &stat, &cli->err);

    (void)args;
    if (rc != 0)
        return rc;
    xsg_format_bytes(size, sizeof size, (double)stat.bytes);
    if (stat.newest) {
        xsg_format_utc(oldest, stat.oldest);
        xsg_format_utc(newest, stat.newest);
    }
    xsg_buf_printf(&out,
                   "%s\n  schema       %d\n  size         %s\n  runs         %lld (%s to %s)\n"
                   "  shared       %lld (of them, measured by others)\n"
                   "  comparisons  %lld\n  functions    %lld\n  values       %lld\n",
                   project->store_path, stat.schema_version, size, (long long)stat.runs, oldest,
                   newest, (long long)stat.shared, (long long)stat.comparisons,
                   (long long)stat.functions, (long long)stat.values);
    return print(&out);
}

static int do_verify(struct xsg_cli *cli, struct xsg_project *project,
                     const struct xsg_strings *args)
{
    char **findings = NULL;
    size_t n = 0;
    struct xsg_buf out = XSG_BUF_INIT;
    int rc = xsg_store_verify(project->store, cli->arena, &findings, &n, &cli->err);

    (void)args;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        xsg_put_printable(&out, findings[i], strlen(findings[i]));
        xsg_buf_putc(&out, '\n');
    }
    if (n == 0)
        xsg_buf_puts(&out, "the store is sound\n");
    print(&out);
    return n ? xsg_fail(&cli->err, XSG_ECORRUPT, "%zu finding%s in %s", n, n == 1 ? "" : "s",
                        project->store_path)
             : XSG_EXIT_PASSED;
}

static int do_merge(struct xsg_cli *cli, struct xsg_project *project,
                    const struct xsg_strings *args)
{
    size_t total = 0;

    if (args->n == 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "store merge: name the other store's file");
    for (size_t i = 0; i < args->n; i++) {
        size_t added = 0;
        int rc = xsg_store_merge(project->store, args->item[i], &added, &cli->err);
        if (rc != 0) {
            xsg_err_prefix(&cli->err, "%s", args->item[i]);
            return rc;
        }
        total += added;
    }
    xsg_info("%zu run%s added", total, total == 1 ? "" : "s");
    return XSG_EXIT_PASSED;
}

/* A time with its unit: a bare number is seconds to xsg_parse_seconds, and days to whoever writes
 * it here, where the difference is nearly every run. */
static int parse_age(struct xsg_cli *cli, const char *text, int64_t *older_than)
{
    int64_t now = xsg_system_clock.realtime_s(xsg_system_clock.arg);
    double seconds;

    if (xsg_parse_seconds(text, &seconds) != 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "--older-than %s: expected a time such as 90d",
                        text);
    if (text[strcspn(text, "abcdefghijklmnopqrstuvwxyz")] == '\0') {
        xsg_fail(&cli->err, XSG_EINVAL, "--older-than %s: a unit is needed", text);
        return xsg_fail_hint(&cli->err, XSG_EINVAL, "for example 90d or 12h");
    }
    if (seconds > 36500.0 * 86400)
        return xsg_fail(&cli->err, XSG_EINVAL, "--older-than %s: expected at most 36500d", text);
    *older_than = now - (int64_t)seconds;
    return 0;
}

static int prune_checkouts(struct xsg_cli *cli, struct xsg_project *project)
{
    size_t removed = 0;
    int lock = -1;
    int rc = xsg_is_dir(project->folder) ? xsg_gate_try_lock(cli, project, &lock) : 0;

    if (rc == XSG_EBUSY) {
        cli->err = (struct xsg_err){0};
        xsg_fail(&cli->err, rc, "a gate is measuring in this repository: the checkouts stay");
        return xsg_fail_hint(&cli->err, rc, "call this again when it has ended");
    }
    if (rc == 0)
        rc = xsg_git_checkout_prune(project->git, NULL, 0, &removed, &cli->err);
    xsg_unlock_file(lock);
    if (rc == 0)
        xsg_info("%zu checkout%s removed", removed, removed == 1 ? "" : "s");
    return rc;
}

static int do_prune(struct xsg_cli *cli, struct xsg_project *project,
                    const struct xsg_strings *args)
{
    struct xsg_store_prune what = {.keep = o.keep, .dry_run = o.dry_run};
    size_t removed = 0;
    int rc;

    (void)args;
    if (o.keep == 0 && !o.older_than && !o.checkouts)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "store prune: say what to remove: --keep N, --older-than 90d, --checkouts");
    rc = o.older_than ? parse_age(cli, o.older_than, &what.older_than) : 0;
    if (rc == 0 && (o.keep > 0 || o.older_than)) {
        rc = xsg_store_prune(project->store, &what, &removed, &cli->err);
        if (rc == 0)
            xsg_info("%zu run%s %sremoved", removed, removed == 1 ? "" : "s",
                     o.dry_run ? "would be " : "");
    }
    if (rc == 0 && o.checkouts && !o.dry_run)
        rc = prune_checkouts(cli, project);
    return rc;
}

static int do_backup(struct xsg_cli *cli, struct xsg_project *project,
                     const struct xsg_strings *args)
{
    if (args->n != 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "store backup: name one file to write");
    return xsg_store_backup(project->store, args->item[0], &cli->err);
}

/* What notes say is anybody's text. */
static void warn_of_refused(const struct xsg_share_result *result)
{
    struct xsg_buf reason = XSG_BUF_INIT;

    if (result->newer)
        xsg_warn("%zu line%s left alone: they are of a newer xsgate", result->newer,
                 result->newer == 1 ? "" : "s");
    if (result->refused == 0)
        return;
    xsg_put_printable(&reason, result->reason, strlen(result->reason));
    xsg_warn("%zu line%s refused%s%s", result->refused, result->refused == 1 ? "" : "s",
             reason.len ? "; the first: " : "", xsg_buf_str(&reason));
    xsg_buf_release(&reason);
}

static int share(struct xsg_cli *cli, struct xsg_project *project, const struct xsg_strings *args,
                 bool push)
{
    struct xsg_share_options options = {.remote = args->n ? args->item[0] : NULL,
                                        .limits = {.interrupt = &xsg_interrupted},
                                        .clock = &xsg_system_clock};
    struct xsg_share_result result;
    int rc;

    if (args->n > 1)
        return xsg_fail(&cli->err, XSG_EINVAL, "store %s: name one remote",
                        push ? "push" : "fetch");
    rc = (push ? xsg_share_push : xsg_share_fetch)(project->git, project->store, cli->arena,
                                                   &options, &result, &cli->err);
    if (rc != 0)
        return rc;
    warn_of_refused(&result);
    xsg_info("%zu run%s %s '%s', %zu known before", result.added, result.added == 1 ? "" : "s",
             push ? "pushed to" : "fetched from", result.remote, result.known);
    return XSG_EXIT_PASSED;
}

static int do_push(struct xsg_cli *cli, struct xsg_project *project, const struct xsg_strings *args)
{
    return share(cli, project, args, true);
}

static int do_fetch(struct xsg_cli *cli, struct xsg_project *project,
                    const struct xsg_strings *args)
{
    return share(cli, project, args, false);
}

static const struct {
    const char *name;
    int (*run)(struct xsg_cli *, struct xsg_project *, const struct xsg_strings *);
    bool makes_store;
} verbs[] = {
    {"stat", do_stat, false},   {"verify", do_verify, false}, {"merge", do_merge, true},
    {"prune", do_prune, false}, {"backup", do_backup, false}, {"push", do_push, false},
    {"fetch", do_fetch, true},
};

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    const char *name = words->n ? words->item[0] : "stat";
    struct xsg_strings args = {words->item + 1, words->n ? words->n - 1 : 0, 0};
    struct xsg_project project;
    int rc;

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) != 0)
            continue;
        rc = xsg_project_open(&project, cli,
                              verbs[i].makes_store ? XSG_NEED_STORE : XSG_NEED_STORE_EXISTS);
        if (rc == 0)
            rc = verbs[i].run(cli, &project, &args);
        xsg_project_close(&project);
        return rc;
    }
    return xsg_fail(&cli->err, XSG_EINVAL,
                    "store %s: expected stat, verify, merge, prune, backup, push or fetch", name);
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_INT, 0, "keep", "N", "prune: keep the newest N runs per commit and machine", &o.keep,
     NULL, NULL},
    {XSG_OPT_STRING, 0, "older-than", "AGE", "prune: remove runs older than this, e.g. 90d",
     &o.older_than, NULL, NULL},
    {XSG_OPT_FLAG, 0, "checkouts", NULL, "prune: remove the cached checkouts too", &o.checkouts,
     NULL, NULL},
    {XSG_OPT_FLAG, 0, "dry-run", NULL, "prune: say what would be removed", &o.dry_run, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate store verify", "check every byte that is stored",
                                       "xsgate store prune --keep 5 --older-than 90d", "tidy up",
                                       NULL};
static const struct xsg_opt_spec spec = {
    "store",
    "store [stat|verify|merge FILE...|prune|backup FILE|push [REMOTE]|fetch [REMOTE]]",
    "look after the database of runs",
    "stat (the default) says what it holds; verify checks the database and every stored value, "
    "and\n"
    "findings give status 3; merge adds the runs of other stores, e.g. of a CI matrix; prune "
    "removes\n"
    "old runs; backup writes a consistent copy, also while others write; push adds this store's\n"
    "runs, as summaries, to the notes of a git remote, and fetch takes those of others from "
    "there:\n"
    "history, never a baseline.",
    opts,
    examples,
    "file"};
const struct xsg_command xsg_cmd_store = {.spec = &spec, .run = run};
