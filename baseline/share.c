/* Pushing and fetching runs as git notes. */
#include "baseline/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "baseline/git_notes.h"

static const char ours[] = "refs/notes/xsgate";
/* What the remote had when it was last asked. */
static const char theirs[] = "refs/notes/xsgate-remote";

enum { MOST_ATTEMPTS = 10, MOST_RUNS = 1000 };

struct share {
    struct xsg_git *git;
    struct xsg_store *store;
    struct xsg_arena *arena; /* of one attempt */
    const struct xsg_share_options *options;
    struct xsg_share_result *result;
    struct xsg_notes remote, local;
    struct xsg_map there; /* oid -> index into remote, and into changed, each from 1 */
    struct xsg_map changing;
    struct xsg_note *changed; /* what the next notes commit has */
    size_t n_changed, cap_changed;
};

static struct share start(struct xsg_git *git, struct xsg_store *store, struct xsg_arena *arena,
                          const struct xsg_share_options *options, struct xsg_share_result *result)
{
    struct share share = {
        .git = git, .store = store, .arena = arena, .options = options, .result = result};
    xsg_map_init(&share.there, arena);
    xsg_map_init(&share.changing, arena);
    return share;
}

static int choose_remote(struct xsg_git *git, struct xsg_arena *arena,
                         const struct xsg_share_options *options, const char **remote,
                         struct xsg_err *err)
{
    *remote = options->remote ? options->remote : xsg_git_default_remote(git, arena);
    if (!*remote) {
        xsg_fail(err, XSG_EINVAL, "this repository has no remote 'origin', and not one other");
        return xsg_fail_hint(err, XSG_EINVAL, "name one: 'git remote' lists what it has");
    }
    return xsg_git_check_remote(git, *remote, err);
}

static void remember(struct xsg_map *map, const char *oid, size_t index)
{
    bool is_new;
    *xsg_map_put(map, oid, strlen(oid), &is_new) = (void *)(uintptr_t)(index + 1);
}

static struct xsg_note *find(const struct xsg_map *map, struct xsg_note *notes, const char *oid)
{
    uintptr_t index = (uintptr_t)xsg_map_get(map, oid, strlen(oid));
    return index ? &notes[index - 1] : NULL;
}

/* ---- the remote's notes ---- */

static int fetch_notes(struct share *share, struct xsg_err *err)
{
    struct xsg_git_fetch fetch = {
        .remote = share->result->remote,
        .what = {xsg_printf(share->arena, "+%s:%s", ours, theirs)},
        .depth = xsg_git_is_shallow(share->git) ? 1 : 0,
    };
    struct xsg_err why = {{0}, {0}};
    int rc = xsg_git_fetch(share->git, share->arena, &fetch, &share->options->limits, &why);
    if (rc == XSG_ENOTFOUND)
        rc = xsg_git_set_reference(share->git, theirs, NULL, err); /* nobody has pushed yet */
    else if (rc != XSG_OK)
        return xsg_fail(err, rc, "%s", why.text);
    if (rc == XSG_OK)
        rc = xsg_git_notes_read(share->git, share->arena, theirs, &share->remote, err);
    if (rc == XSG_OK)
        rc = xsg_git_notes_read(share->git, share->arena, ours, &share->local, err);
    for (size_t i = 0; rc == XSG_OK && i < share->remote.n; i++)
        remember(&share->there, share->remote.item[i].oid, i);
    return rc;
}

/* ---- lines ---- */

static size_t line_end(const char *text, size_t n, size_t at)
{
    const char *end = memchr(text + at, '\n', n - at);
    return end ? (size_t)(end - text) : n;
}

struct line {
    const char *text;
    size_t n;
};

static int by_bytes(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

/* All lines of both, sorted, each once: what "git notes merge -s cat_sort_uniq" makes of them, so
 * that whoever merges in whatever order gets the same. */
static struct xsg_note united(struct xsg_arena *arena, const struct xsg_note *a,
                              const struct xsg_note *b)
{
    const struct xsg_note *const both[] = {a, b};
    struct xsg_buf out = XSG_BUF_INIT;
    struct line *lines = NULL;
    size_t n = 0, cap = 0;
    for (int k = 0; k < 2; k++) {
        for (size_t at = 0, end; at < both[k]->n; at = end + 1) {
            end = line_end(both[k]->text, both[k]->n, at);
            if (end == at)
                continue;
            lines = xsg_grow(arena, lines, &cap, n + 1, sizeof *lines);
            lines[n++] = (struct line){both[k]->text + at, end - at};
        }
    }
    if (n > 1)
        qsort(lines, n, sizeof *lines, by_bytes);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_bytes(&lines[i - 1], &lines[i]) == 0)
            continue;
        xsg_buf_put(&out, lines[i].text, lines[i].n);
        xsg_buf_putc(&out, '\n');
    }
    struct xsg_note note = {.oid = a->oid,
                            .path = a->path,
                            .text = xsg_strndup(arena, xsg_buf_str(&out), out.len),
                            .n = out.len};
    xsg_buf_release(&out);
    return note;
}

/* ---- what is to be written ---- */

/* Puts more lines to a commit's note. */
static void add_lines(struct share *share, const struct xsg_note *more)
{
    struct xsg_note *changed = find(&share->changing, share->changed, more->oid);
    struct xsg_note none = {.oid = more->oid, .text = "", .n = 0};
    const struct xsg_note *there = find(&share->there, share->remote.item, more->oid);
    if (!there)
        there = &none;
    struct xsg_note note = united(share->arena, changed ? changed : there, more);
    if (note.n == there->n && memcmp(note.text, there->text, note.n) == 0)
        return;
    if (!changed) {
        share->changed = xsg_grow(share->arena, share->changed, &share->cap_changed,
                                  share->n_changed + 1, sizeof *share->changed);
        remember(&share->changing, more->oid, share->n_changed);
        changed = &share->changed[share->n_changed++];
    }
    *changed = note;
}

/* What was noted here by hand, or could not be pushed. */
static void add_local(struct share *share)
{
    if (share->local.commit && share->remote.commit &&
        strcmp(share->local.commit, share->remote.commit) == 0)
        return;
    for (size_t i = 0; i < share->local.n; i++)
        add_lines(share, &share->local.item[i]);
}

/* The runs that the remote lacks, by their uid. */
static int add_runs(struct share *share, size_t *added, struct xsg_err *err)
{
    struct xsg_store_key *keys;
    size_t n;
    int rc = xsg_store_own_runs(share->store, share->arena, MOST_RUNS, &keys, &n, err);
    *added = 0;
    share->result->known = 0;
    for (size_t i = 0; rc == XSG_OK && i < n; i++) {
        const struct xsg_note *there = find(&share->there, share->remote.item, keys[i].oid);
        struct xsg_arena scratch = XSG_ARENA_INIT;
        struct xsg_buf line = XSG_BUF_INIT;
        struct xsg_run run;
        if (there && memmem(there->text, there->n, keys[i].uid, strlen(keys[i].uid))) {
            share->result->known++;
            continue;
        }
        rc = xsg_store_get(share->store, &scratch, keys[i].id, &run, err);
        if (rc == XSG_OK) {
            xsg_share_write(&line, &run, keys[i].uid);
            add_lines(share,
                      &(struct xsg_note){.oid = keys[i].oid,
                                         .text = xsg_strndup(share->arena, line.data, line.len),
                                         .n = line.len});
            ++*added;
        }
        xsg_buf_release(&line);
        xsg_arena_release(&scratch);
    }
    return rc;
}

/* ---- push ---- */

static bool says_one_of(const char *answer, const char *const *signs)
{
    while (*signs && !strstr(answer, *signs))
        signs++;
    return *signs != NULL;
}

/* Refused because somebody was faster, and not because we may not. */
static bool was_overtaken(const char *answer)
{
    static const char *const signs[] = {"(fetch first)",
                                        "(non-fast-forward)",
                                        "(stale info)",
                                        "reference already exists",
                                        "but expected ",
                                        "incorrect old value",
                                        NULL};
    return says_one_of(answer, signs);
}

/* The same, or the server's disk: only trying again tells. */
static bool was_perhaps_overtaken(const char *answer)
{
    static const char *const signs[] = {"failed to update ref", "cannot lock ref", "failed to lock",
                                        NULL};
    return says_one_of(answer, signs);
}

static int push_commit(struct share *share, const char *commit, bool *overtaken,
                       struct xsg_err *err)
{
    const char *const args[] = {"push",
                                "--quiet",
                                "--no-verify",
                                "--recurse-submodules=no",
                                "--end-of-options",
                                share->result->remote,
                                xsg_printf(share->arena, "%s:%s", commit, ours),
                                NULL};
    struct xsg_git_answer answer;
    *overtaken = false;
    int rc = xsg_git_program(share->git, share->arena, args, &share->options->limits, &answer, err);
    if (rc != XSG_OK)
        return rc;
    if (answer.status == 0)
        return xsg_git_set_reference(share->git, ours, commit, err);
    const char *complaint = xsg_git_complaint(share->arena, &answer);
    *overtaken = was_overtaken(answer.text);
    if (*overtaken)
        return xsg_fail(err, XSG_EBUSY, "others pushed to '%s' at the same time, %d times: %.300s",
                        share->result->remote, MOST_ATTEMPTS, complaint);
    *overtaken = was_perhaps_overtaken(answer.text);
    if (*overtaken)
        return xsg_fail(err, XSG_EFAILED, "cannot push to '%s', tried %d times: %.300s",
                        share->result->remote, MOST_ATTEMPTS, complaint);
    xsg_fail(err, XSG_EFAILED, "cannot push to '%s': %.300s", share->result->remote, complaint);
    return xsg_fail_hint(err, XSG_EFAILED,
                         "pushing notes needs write access; on GitHub the job needs "
                         "'permissions: { contents: write }', on the main branch only");
}

/* One round: what is there, and ours on top of it. */
static int push_once(struct share *share, bool *overtaken, struct xsg_err *err)
{
    const char *commit;
    size_t added;
    *overtaken = false;
    int rc = fetch_notes(share, err);
    if (rc == XSG_OK)
        rc = add_runs(share, &added, err);
    if (rc != XSG_OK)
        return rc;
    add_local(share);
    if (share->n_changed == 0)
        return share->remote.commit
                   ? xsg_git_set_reference(share->git, ours, share->remote.commit, err)
                   : XSG_OK;
    rc = xsg_git_notes_write(share->git, share->arena, &share->remote, share->changed,
                             share->n_changed, "Runs of xsgate\n", &commit, err);
    if (rc == XSG_OK)
        rc = push_commit(share, commit, overtaken, err);
    if (rc == XSG_OK)
        share->result->added = added;
    return rc;
}

/* Everybody waits for another time, longer and longer. */
static void wait_a_little(const struct xsg_clock *clock, struct xsg_rng *rng, size_t attempt)
{
    double ms = 50 * (double)(1 << (attempt < 6 ? attempt : 6)) * (0.5 + xsg_rng_double(rng));
    clock->sleep_ns(clock->arg, (int64_t)(ms * 1e6));
}

int xsg_share_push(struct xsg_git *git, struct xsg_store *store, struct xsg_arena *arena,
                   const struct xsg_share_options *options, struct xsg_share_result *result,
                   struct xsg_err *err)
{
    struct xsg_rng rng;
    struct xsg_err last = {{0}, {0}};
    bool overtaken = true;
    *result = (struct xsg_share_result){0};
    int rc = choose_remote(git, arena, options, &result->remote, err);
    if (rc != XSG_OK)
        return rc;
    xsg_rng_init(&rng, xsg_rng_seed_from_system());
    while (overtaken && result->attempts < MOST_ATTEMPTS) {
        struct xsg_arena scratch = XSG_ARENA_INIT;
        struct share share = start(git, store, &scratch, options, result);
        if (options->limits.interrupt && *options->limits.interrupt)
            return xsg_fail(err, XSG_EINTR, "interrupted while pushing");
        if (result->attempts > 0)
            wait_a_little(options->clock, &rng, result->attempts);
        result->attempts++;
        last = (struct xsg_err){{0}, {0}};
        rc = push_once(&share, &overtaken, &last);
        xsg_arena_release(&scratch);
    }
    if (rc != XSG_OK && err)
        *err = last; /* of an overtaken one: what the last attempt was told */
    return rc;
}

/* ---- fetch ---- */

static void refuse(struct share *share, const struct xsg_note *note, const char *why)
{
    struct xsg_share_result *result = share->result;
    if (result->refused++ == 0)
        snprintf(result->reason, sizeof result->reason, "commit %.10s: %.150s", note->oid, why);
}

/* Known ones need no reading: the line says first whose it is. */
static bool is_known(struct share *share, const char *line, size_t n)
{
    static const char start[] = "{\"xsgate\":1,\"uid\":\"";
    size_t at = sizeof start - 1;
    bool known = false;
    char uid[33];
    if (n < at + 32 || memcmp(line, start, at) != 0)
        return false;
    snprintf(uid, sizeof uid, "%.32s", line + at);
    return xsg_store_has(share->store, uid, &known, NULL) == XSG_OK && known;
}

static void take_line(struct share *share, const struct xsg_note *note, const char *line, size_t n,
                      struct xsg_arena *arena, struct xsg_shared_run *run, size_t *taken)
{
    struct xsg_err why = {{0}, {0}};
    int64_t now = share->options->clock->realtime_s(share->options->clock->arg);
    if (is_known(share, line, n)) {
        share->result->known++;
        return;
    }
    int rc = xsg_share_read(arena, line, n, note->oid, now, run, &why);
    if (rc == XSG_OK)
        *taken += 1;
    else if (rc == XSG_ENOTFOUND)
        share->result->newer++;
    else
        refuse(share, note, why.text);
}

static int take_note(struct share *share, const struct xsg_note *note, struct xsg_err *err)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_shared_run *runs = NULL;
    size_t n = 0, cap = 0, added = 0;
    for (size_t at = 0, end; at < note->n; at = end + 1) {
        end = line_end(note->text, note->n, at);
        if (end == at)
            continue;
        runs = xsg_grow(&arena, runs, &cap, n + 1, sizeof *runs);
        take_line(share, note, note->text + at, end - at, &arena, &runs[n], &n);
    }
    int rc = n == 0
                 ? XSG_OK
                 : xsg_store_put_shared(share->store, runs, n, share->result->remote, &added, err);
    share->result->added += added;
    share->result->known += rc == XSG_OK ? n - added : 0;
    xsg_arena_release(&arena);
    return rc;
}

/* Our notes are the remote's with what only we have. */
static int update_ours(struct share *share, struct xsg_err *err)
{
    const char *commit = share->remote.commit;
    add_local(share);
    if (share->n_changed > 0) {
        int rc = xsg_git_notes_write(share->git, share->arena, &share->remote, share->changed,
                                     share->n_changed, "Notes of both sides\n", &commit, err);
        if (rc != XSG_OK)
            return rc;
    }
    return commit ? xsg_git_set_reference(share->git, ours, commit, err) : XSG_OK;
}

int xsg_share_fetch(struct xsg_git *git, struct xsg_store *store, struct xsg_arena *arena,
                    const struct xsg_share_options *options, struct xsg_share_result *result,
                    struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct share share = start(git, store, &scratch, options, result);
    *result = (struct xsg_share_result){0};
    int rc = choose_remote(git, arena, options, &result->remote, err);
    if (rc == XSG_OK)
        rc = fetch_notes(&share, err);
    for (size_t i = 0; rc == XSG_OK && i < share.remote.n; i++) {
        if (options->limits.interrupt && *options->limits.interrupt)
            rc = xsg_fail(err, XSG_EINTR, "interrupted while reading notes");
        else
            rc = take_note(&share, &share.remote.item[i], err);
    }
    result->refused += share.remote.skipped;
    if (rc == XSG_OK)
        rc = update_ours(&share, err);
    xsg_arena_release(&scratch);
    return rc;
}
