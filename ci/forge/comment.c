/*
 * The one comment that is kept: found by its marker and its author, made when there is none,
 * changed in place when its text differs.
 *
 * Anybody can write the marker, so the author counts as well. Two gates may post at once, and a
 * POST's answer may get lost: after a POST the list is read again, and the one who finds an older
 * comment of ours takes its own away.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ci/forge/parts.h"

enum { MOST_POSTS = 3 };

struct search {
    struct xsg_forge *forge;
    struct xsg_arena *arena;
    const char *marker;
    /* The oldest, and how many there are. */
    struct xsg_forge_note found;
    size_t n;
    int64_t youngest;
};

/* ---- whose comments are ours ----------------------------------------------------------------- */

/* A workflow's own token may not ask who it is; its comments are written by a bot of known name. */
static int find_login(struct xsg_forge *forge, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_call call = {.method = "GET", .path = "/user"};
    struct xsg_err why = {0};
    const char *login = NULL;
    int rc;

    if (forge->login)
        return 0;
    rc = xsg_client_call(&forge->client, &scratch, &call, &why);
    if (rc == 0 && xsg_json_get_string(call.json, forge->api->login_key, &login) == 0) {
        forge->login = xsg_strdup(&forge->arena, login);
    } else if (forge->api->fallback && (call.status == 403 || call.status == 404) &&
               rc != XSG_EBUSY) {
        forge->login = forge->api->fallback;
        forge->login_is_fallback = true;
        rc = 0;
    } else if (rc == 0) {
        rc = xsg_fail(err, XSG_ECORRUPT, "GET /user: the answer names nobody");
    } else {
        xsg_fail(err, rc, "%s", why.text);
        xsg_fail_hint(err, rc, "%s",
                      call.status == 401 ? "the token is wrong or has expired" : why.hint);
    }
    cJSON_Delete(call.json);
    xsg_arena_release(&scratch);
    return rc;
}

static bool is_ours(const struct xsg_forge *forge, const struct xsg_forge_note *note)
{
    return note->author && strcmp(note->author, forge->login) == 0 &&
           (!forge->login_is_fallback || note->is_bot);
}

/* ---- finding it ------------------------------------------------------------------------------ */

static size_t trimmed(const char *text)
{
    size_t n = strlen(text);

    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    return n;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = trimmed(text), m = strlen(end);

    return n >= m && memcmp(text + n - m, end, m) == 0;
}

static int look_at(void *arg, const cJSON *element)
{
    struct search *s = arg;
    struct xsg_forge_note note = {0};

    if (!s->forge->api->read_note(element, &note) || !note.body || note.id <= 0 ||
        !ends_with(note.body, s->marker) || !is_ours(s->forge, &note))
        return 0;
    s->n++;
    if (note.id > s->youngest)
        s->youngest = note.id;
    if (s->n > 1 && note.id > s->found.id)
        return 0;
    s->found = note;
    s->found.body = xsg_strdup(s->arena, note.body);
    s->found.url = xsg_strdup(s->arena, note.url);
    return 0;
}

static int find(struct xsg_forge *forge, struct xsg_arena *arena, const char *marker,
                struct search *search, struct xsg_err *err)
{
    *search = (struct search){.forge = forge, .arena = arena, .marker = marker};
    int status = 0;
    int rc = find_login(forge, err);

    if (rc == 0)
        rc = xsg_client_list(&forge->client, forge->api->list_path(forge, arena), look_at, search,
                             &status, err);
    return rc == XSG_EFAILED ? xsg_forge_explain(forge, status, forge->api->permission, rc, err)
                             : rc;
}

/* ---- writing it ------------------------------------------------------------------------------ */

/* Forges keep the text but for line ends. */
static bool same_text(const char *a, const char *b)
{
    const char *a_end = a + trimmed(a), *b_end = b + trimmed(b);

    for (;; a++, b++) {
        while (a < a_end && *a == '\r')
            a++;
        while (b < b_end && *b == '\r')
            b++;
        if (a >= a_end || b >= b_end)
            return a >= a_end && b >= b_end;
        if (*a != *b)
            return false;
    }
}

static const char *body_json(struct xsg_arena *arena, const char *body)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_json_writer w;
    const char *json;

    xsg_json_writer_init(&w, &out, 0);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "body");
    xsg_json_string(&w, body);
    xsg_json_end_object(&w);
    json = xsg_strdup(arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return json;
}

/*
 * Runs of two pushes may end in another order than they began: each comment says which run wrote it
 * (forges count runs upward), and an older run leaves a newer one's alone.
 */
#define RUN_MARKER "<!-- xsgate-run:"

static int64_t own_run(const struct xsg_forge *forge)
{
    const char *id = forge->context.run_id;

    return id ? strtoll(id, NULL, 10) : 0;
}

static int64_t run_of(const char *body)
{
    int64_t run = 0;

    for (const char *at = strstr(body, RUN_MARKER); at; at = strstr(at + 1, RUN_MARKER))
        run = strtoll(at + strlen(RUN_MARKER), NULL, 10);
    return run;
}

static int update(struct xsg_forge *forge, struct xsg_arena *arena,
                  const struct xsg_forge_note *note, const char *body, struct xsg_err *err)
{
    struct xsg_call call = {.method = forge->api->update_method,
                            .path = forge->api->note_path(forge, arena, note->id)};
    int rc;

    if (same_text(note->body, body))
        return 0;
    if (own_run(forge) > 0 && run_of(note->body) > own_run(forge)) {
        xsg_info("the comment is of a newer run and stays as it is");
        return 0;
    }
    call.body = body_json(arena, body);
    rc = xsg_forge_call(forge, arena, &call, forge->api->permission, err);
    cJSON_Delete(call.json);
    return rc;
}

static int remove_note(struct xsg_forge *forge, struct xsg_arena *arena, int64_t id,
                       struct xsg_err *err)
{
    struct xsg_call call = {.method = "DELETE", .path = forge->api->note_path(forge, arena, id)};
    struct xsg_err why = {0};
    int rc = xsg_forge_call(forge, arena, &call, forge->api->permission, &why);

    if (call.status == 404) /* somebody was faster, or a repeated request arrived twice */
        return 0;
    if (rc != 0)
        xsg_fail_hint(err, xsg_fail(err, rc, "%s", why.text), "%s", why.hint);
    return rc;
}

/*
 * After our POST: is there an older one of ours? Then another gate posted at the same time, or the
 * forge carried out a POST that seemed lost, or we did not know by which name we write. posted
 * holds ours; what stays in the end goes into search. That it cannot be looked for is no failure to
 * post.
 */
static int settle(struct xsg_forge *forge, struct xsg_arena *arena, const char *marker,
                  const char *body, const struct xsg_forge_note *posted, struct search *search,
                  struct xsg_err *err)
{
    struct xsg_err why = {0};
    int rc = find(forge, arena, marker, search, &why);

    if (rc != 0)
        xsg_verbose("whether there is another comment of this gate is not known: %s", why.text);
    if (rc != 0 || search->n == 0 || search->found.id >= posted->id) {
        search->n = 1;
        search->found = *posted;
        return 0;
    }
    rc = remove_note(forge, arena, posted->id, err);
    return rc != 0 ? rc : update(forge, arena, &search->found, body, err);
}

/* The answer to a POST names its author for certain; a guess may have been wrong. */
static void learn_login(struct xsg_forge *forge, const struct xsg_forge_note *posted)
{
    if (!posted->author || is_ours(forge, posted))
        return;
    xsg_warn(
        "this token's comments are written by '%s', not by '%s'; 'login: \"%s\"' under 'ci:' in "
        "xsgate.yml lets them be found at once",
        posted->author, forge->login, posted->author);
    forge->login = xsg_strdup(&forge->arena, posted->author);
    forge->login_is_fallback = false;
}

/* 1: posted, and *note is it. 0: not known whether; look. */
static int post(struct xsg_forge *forge, struct xsg_arena *arena, const char *body,
                struct xsg_forge_note *note, struct xsg_err *err)
{
    struct xsg_call call = {.method = "POST",
                            .path = forge->api->create_path(forge, arena),
                            .body = body_json(arena, body)};
    struct xsg_err why = {0};
    int rc = xsg_forge_call(forge, arena, &call, forge->api->permission, &why);

    if (rc == 0 && forge->api->read_note(call.json, note) && note->id > 0) {
        rc = 1;
        learn_login(forge, note);
        note->body = body;
        note->author = NULL; /* it dies with the answer */
        note->url = xsg_strdup(arena, note->url);
    } else if (rc == 0 || call.lost) {
        rc = 0;
        xsg_verbose("whether the comment arrived is not known (%s); looking for it", why.text);
    } else {
        xsg_fail_hint(err, xsg_fail(err, rc, "%s", why.text), "%s", why.hint);
    }
    cJSON_Delete(call.json);
    return rc;
}

static int write_note(struct xsg_forge *forge, struct xsg_arena *arena, const char *marker,
                      const char *body, bool create, struct search *search, struct xsg_err *err)
{
    int rc = find(forge, arena, marker, search, err);

    for (int posts = 1; rc == 0; posts++) {
        struct xsg_forge_note posted = {0};
        if (search->n > 1)
            xsg_warn("there are %zu comments of this gate; the oldest is kept up to date",
                     search->n);
        if (search->n > 0)
            return update(forge, arena, &search->found, body, err);
        if (!create)
            return 0;
        if (posts > MOST_POSTS)
            return xsg_fail(err, XSG_EFAILED, "the comment could not be posted in %d tries",
                            MOST_POSTS);
        rc = post(forge, arena, body, &posted, err);
        if (rc == 1)
            return settle(forge, arena, marker, body, &posted, search, err);
        if (rc == 0)
            rc = xsg_client_pause(&forge->client, posts, err);
        if (rc == 0)
            rc = find(forge, arena, marker, search, err);
    }
    return rc;
}

/* ---- the door -------------------------------------------------------------------------------- */

static bool is_id(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return n > 0 && n <= 100 && id[n] == '\0' && !strstr(id, "--");
}

static size_t utf16_length(const char *text)
{
    size_t n = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        n += (c & 0xc0) != 0x80;
        n += c >= 0xf0;
    }
    return n;
}

static int check(const struct xsg_forge *forge, const char *id, struct xsg_err *err)
{
    if (!is_id(id))
        return xsg_fail(err, XSG_EINVAL, "'%s' is no gate's id: letters, digits, '.', '_', '-'",
                        id);
    if (forge->context.pull_request <= 0)
        return xsg_fail(err, XSG_EINVAL, "this run belongs to no pull request");
    return xsg_forge_need_repository(forge, err);
}

int xsg_forge_comment(struct xsg_forge *forge, struct xsg_arena *arena, const char *id,
                      const char *body, bool create, const char **url, struct xsg_err *err)
{
    struct search search = {0};
    const char *marker, *whole, *run = "";
    int rc = check(forge, id, err);

    if (rc != 0)
        return rc;
    marker = xsg_printf(arena, "<!-- xsgate:%s -->", id);
    if (own_run(forge) > 0)
        run = xsg_printf(arena, RUN_MARKER "%lld -->\n", (long long)own_run(forge));
    whole = xsg_printf(arena, "%.*s\n\n%s%s", (int)trimmed(body), body, run, marker);
    if (utf16_length(whole) > forge->api->body_limit)
        return xsg_fail(err, XSG_EINVAL, "the comment is longer than the %zu characters allowed",
                        forge->api->body_limit);
    rc = write_note(forge, arena, marker, whole, create, &search, err);
    if (url)
        *url = rc == 0 && search.n > 0
                   ? (search.found.url ? search.found.url
                                       : forge->api->note_url(forge, arena, search.found.id))
                   : NULL;
    return rc;
}

int xsg_forge_comment_delete(struct xsg_forge *forge, const char *id, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct search search = {0};
    const char *marker = xsg_printf(&scratch, "<!-- xsgate:%s -->", id);
    int rc = check(forge, id, err);

    for (int n = 0; rc == 0 && n < 100; n++) {
        rc = find(forge, &scratch, marker, &search, err);
        if (rc != 0 || search.n == 0)
            break;
        rc = remove_note(forge, &scratch, search.found.id, err);
    }
    xsg_arena_release(&scratch);
    return rc;
}
