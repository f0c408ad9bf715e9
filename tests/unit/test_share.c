/* Runs through git notes: what is written is read back, what others wrote stays, and nothing in a
 * note is believed. */
#include "baseline/share.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/stats.h"
#include "tests/unit/temp_repo.h"
#include "tests/unit/temp_store.h"

static struct temp_repo repo;
static struct xsg_err err;
static struct xsg_share_result result;

enum { NOW = 2000000000 };

static const char uid[] = "0123456789abcdef0123456789abcdef";

static int setup(void **state)
{
    (void)state;
    err = (struct xsg_err){{0}, {0}};
    return temp_repo_start(&repo);
}

static int teardown(void **state)
{
    (void)state;
    temp_repo_end(&repo);
    return 0;
}

static char *sh(const char *script)
{
    char *text = temp_repo_sh(&repo, script);
    if (!text)
        fail_msg("this script failed: %s", script);
    return text;
}

/* ---- a line ---- */

static char *line_of(const struct xsg_run *run)
{
    struct xsg_buf out = XSG_BUF_INIT;
    xsg_share_write(&out, run, uid);
    char *line = xsg_strndup(&repo.arena, out.data, out.len);
    xsg_buf_release(&out);
    return line;
}

static int read_line(const char *line, const char *oid, struct xsg_shared_run *shared)
{
    err = (struct xsg_err){{0}, {0}};
    return xsg_share_read(&repo.arena, line, strlen(line), oid, NOW, shared, &err);
}

static void a_line_says_what_the_run_was(void **state)
{
    (void)state;
    struct xsg_run run = sample_run(&repo.arena, 7, 5, 9);
    struct xsg_shared_run got;
    run.targets[0].command = "./parse --password=secret";
    run.series[4].values[2] = NAN;
    char *line = line_of(&run);
    assert_null(strchr(line, '\n'));
    assert_null(strstr(line, "secret"));
    assert_int_equal(read_line(line, run.commit.oid, &got), XSG_OK);
    assert_string_equal(got.uid, uid);
    assert_true(same_commit(&got.run.commit, &run.commit));
    assert_true(same_environment(&got.run.environment, &run.environment));
    assert_string_equal(got.run.session, run.session);
    assert_string_equal(got.run.suite_hash, run.suite_hash);
    assert_int_equal(got.run.created, run.created);
    assert_int_equal(got.run.n_series, run.n_series);
    assert_int_equal(got.run.n_warnings, 0);
    for (size_t i = 0; i < run.n_series; i++) {
        const struct xsg_series *a = &got.run.series[i], *b = NULL;
        for (size_t k = 0; k < run.n_series; k++) {
            b = &run.series[k];
            if (same_text(a->function.name, b->function.name) && same_text(a->metric, b->metric))
                break;
        }
        double seen[16];
        size_t n = 0;
        for (size_t k = 0; k < b->n; k++) {
            if (!isnan(b->values[k]))
                seen[n++] = b->values[k];
        }
        assert_string_equal(a->target, b->target);
        assert_string_equal(a->unit, b->unit);
        assert_int_equal(a->n, 1);
        assert_true(a->values[0] == xsg_median(seen, n));
        assert_int_equal(got.digests[i].n, n);
        assert_true(got.digests[i].mean == xsg_mean(seen, n));
        assert_true(got.digests[i].mad == xsg_mad(seen, n));
    }
}

static void whatever_the_types_allow_can_be_shared(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct xsg_run run = hostile_run(&repo.arena, seed);
        struct xsg_shared_run got;
        run.environment.fingerprint = NULL;
        char *line = line_of(&run);
        assert_null(strchr(line, '\n'));
        for (size_t i = 0; i < run.n_targets; i++) { /* without a name there is no target */
            if (!run.targets[i].name[0])
                run.n_targets = 0;
        }
        if (run.n_targets == 0)
            continue;
        if (read_line(line, run.commit.oid, &got) != XSG_OK)
            fail_msg("seed %d: %s\n%s", (int)seed, err.text, line);
    }
}

static void the_coldest_functions_are_left_out_of_a_large_run(void **state)
{
    (void)state;
    struct xsg_run run = sample_run(&repo.arena, 3, 3000, 4);
    struct xsg_shared_run got;
    double coldest = INFINITY;
    size_t hotter = 0;
    char *line = line_of(&run);
    assert_true(strlen(line) < XSG_SHARE_LINE);
    assert_int_equal(read_line(line, run.commit.oid, &got), XSG_OK);
    assert_int_equal(got.run.n_warnings, 1);
    assert_true(got.run.n_series > 900);
    assert_null(got.run.series[0].function.name);
    for (size_t i = 3; i < got.run.n_series; i += 3)
        coldest = fmin(coldest, got.digests[i].mean);
    for (size_t i = 3; i < run.n_series; i += 3)
        hotter += xsg_mean(run.series[i].values, 4) > coldest;
    assert_int_equal(hotter + 2, got.run.n_series / 3);
}

/* What is wrong with a line that was right. */
static const char *with(const char *line, const char *what, const char *instead)
{
    const char *at = strstr(line, what);
    assert_non_null(at);
    return xsg_printf(&repo.arena, "%.*s%s%s", (int)(at - line), line, instead, at + strlen(what));
}

static void a_line_that_is_not_right_is_refused(void **state)
{
    (void)state;
    struct xsg_run run = sample_run(&repo.arena, 7, 1, 3);
    struct xsg_shared_run got;
    const char *line = line_of(&run), *oid = run.commit.oid;
    static const char *const changes[][2] = {
        {"\"xsgate\":1", "\"xsgate\":0"},
        {"\"xsgate\":1", "\"xsgate\":\"1\""},
        {"0123456789abcdef0123", "0123456789ABCDEF0123"},
        {"0123456789abcdef0123", "0123"},
        {"\"created\":17", "\"created\":97"},
        {"\"created\":1", "\"created\":-1"},
        {"\"elapsed_s\":12.5", "\"elapsed_s\":-1"},
        {"\"fingerprint\":\"0123", "\"fingerprint\":\"<b>3"},
        {"\"cores\":2", "\"cores\":2.5"},
        {"\"cores\":2", "\"cores\":99999999999"},
        {"[0,0,\"time\"", "[1,0,\"time\""},
        {"[0,0,\"time\"", "[0,9,\"time\""},
        {"[0,0,\"time\"", "[0,-1,\"time\""},
        {"[0,0,\"time\"", "[0,0,\"\""},
        {"[0,0,\"time\"", "[0,0,null"},
        {"[0,0,\"time\",\"ns\",3,", "[0,0,\"time\",\"ns\",1e400,"},
        {"[0,0,\"time\",\"ns\",3,", "[0,0,\"time\",\"ns\",3.5,"},
        {"[0,0,\"time\",\"ns\",3,", "[0,0,\"time\",\"ns\",3,1e301,"},
        {"\"functions\":[", "\"functions\":[[1,null,1],"},
        {"\"targets\":[{\"name\":\"parse\"", "\"targets\":[{\"name\":\"\""},
        {"\"targets\":[", "\"targets\":[7,"},
        {"\"left_out\":0", "\"left_out\":-1"},
        {"\"left_out\":0}", "\"left_out\":0"},
    };
    assert_int_equal(read_line(line, oid, &got), XSG_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *wrong = with(line, changes[i][0], changes[i][1]);
        if (read_line(wrong, oid, &got) != XSG_EINVAL)
            fail_msg("taken for right: %s", wrong);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(read_line(line, "1123456789012345678901234567890123456789", &got), XSG_EINVAL);
    assert_int_equal(read_line(with(line, "\"xsgate\":1", "\"xsgate\":2"), oid, &got),
                     XSG_ENOTFOUND);
    assert_int_equal(read_line("a note by hand", oid, &got), XSG_EINVAL);
    char *huge = xsg_alloc(&repo.arena, XSG_SHARE_LONGEST + 2, 1);
    memset(huge, ' ', XSG_SHARE_LONGEST + 1);
    assert_int_equal(read_line(huge, oid, &got), XSG_EINVAL);
}

/* ---- with the others ---- */

static struct xsg_git *git_at(const char *folder)
{
    struct xsg_git *git;
    if (xsg_git_open(&git, xsg_path_join(&repo.arena, repo.folder, folder), &err) != XSG_OK)
        fail_msg("%s", err.text);
    return git;
}

static struct xsg_store *store_at(const char *folder)
{
    struct xsg_store *store;
    const char *path = xsg_printf(&repo.arena, "%s/%s/.xsgate/store.db", repo.folder, folder);
    if (xsg_store_open(&store, path, true, &err) != XSG_OK)
        fail_msg("%s", err.text);
    return store;
}

/* Measures the commit there, as far as the store can tell. */
static void measure(const char *folder, const char *oid, uint64_t seed)
{
    struct xsg_store *store = store_at(folder);
    struct xsg_run run = sample_run(&repo.arena, seed, 4, 5);
    run.commit.oid = oid;
    if (xsg_store_put(store, &run, &err) != XSG_OK)
        fail_msg("%s", err.text);
    xsg_store_close(store);
}

static int do_not_sleep;

static void sleep_unless_told(void *arg, int64_t ns)
{
    if (!do_not_sleep)
        xsg_system_clock.sleep_ns(arg, ns);
}

static int share(const char *folder, const char *remote, bool push)
{
    struct xsg_arena *arena = &repo.arena;
    struct xsg_clock clock = xsg_system_clock;
    clock.sleep_ns = sleep_unless_told;
    struct xsg_share_options options = {.remote = remote, .clock = &clock};
    struct xsg_git *git = git_at(folder);
    struct xsg_store *store = store_at(folder);
    err = (struct xsg_err){{0}, {0}};
    int rc = push ? xsg_share_push(git, store, arena, &options, &result, &err)
                  : xsg_share_fetch(git, store, arena, &options, &result, &err);
    xsg_store_close(store);
    xsg_git_close(git);
    return rc;
}

static void start(void)
{
    sh("start up; at 1000; commit 1; at 2000; commit 2; git checkout -q --detach; cd ..;"
       "for i in a b; do git clone -q up $i; done");
}

static void assert_shared(int rc, size_t added, size_t known)
{
    if (rc != XSG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(result.added, added);
    assert_int_equal(result.known, known);
}

static void what_one_pushes_the_other_fetches(void **state)
{
    (void)state;
    start();
    const char *oid = sh("cd up; git rev-parse main");
    measure("a", oid, 1);
    measure("a", sh("cd up; git rev-parse main~1"), 2);
    assert_shared(share("a", NULL, true), 2, 0);
    assert_shared(share("a", "origin", true), 0, 2);
    assert_shared(share("b", NULL, false), 2, 0);
    assert_shared(share("b", NULL, false), 0, 2);
    assert_shared(share("b", NULL, true), 0, 0); /* not its own */
    assert_string_equal(sh("cd b; git notes --ref xsgate list | wc -l"), "2");

    struct xsg_store *store = store_at("b");
    struct xsg_store_query query = {.oid = oid};
    struct xsg_run run;
    char **findings;
    size_t n;
    assert_int_equal(xsg_store_find(store, &repo.arena, &query, &run, &err), XSG_ENOTFOUND);
    assert_non_null(strstr(err.text, "1 shared as a summary"));
    query.shared_too = true;
    assert_int_equal(xsg_store_find(store, &repo.arena, &query, &run, &err), XSG_OK);
    assert_string_equal(run.shared, "origin");
    assert_int_equal(xsg_store_verify(store, &repo.arena, &findings, &n, &err), XSG_OK);
    assert_int_equal(n, 0);
    xsg_store_close(store);
}

static void what_was_measured_here_goes_before_what_is_shared(void **state)
{
    (void)state;
    start();
    const char *oid = sh("cd up; git rev-parse main");
    measure("a", oid, 9);
    assert_shared(share("a", NULL, true), 1, 0);
    measure("b", oid, 1); /* older */
    assert_shared(share("b", NULL, false), 1, 0);
    struct xsg_store *store = store_at("b");
    struct xsg_store_query query = {.oid = oid, .shared_too = true};
    struct xsg_run run;
    assert_int_equal(xsg_store_find(store, &repo.arena, &query, &run, &err), XSG_OK);
    assert_null(run.shared);
    struct xsg_store_prune prune = {.keep = 1};
    size_t removed;
    assert_int_equal(xsg_store_prune(store, &prune, &removed, &err), XSG_OK);
    assert_int_equal(removed, 0);
    xsg_store_close(store);
}

enum { PUSHERS = 4, EACH = 3 };

static void all_who_push_at_once_survive(void **state)
{
    (void)state;
    pid_t children[PUSHERS];
    start();
    const char *oid = sh("cd up; git rev-parse main");
    for (int i = 0; i < PUSHERS; i++) {
        const char *name = xsg_printf(&repo.arena, "p%d", i);
        // Not by links to files that another pusher is about to move.
        sh(xsg_printf(&repo.arena, "git clone -q --no-local up %s", name));
        children[i] = fork();
        if (children[i] == 0) {
            for (int k = 0; k < EACH; k++) {
                measure(name, oid, (uint64_t)(i * EACH + k + 1));
                if (share(name, NULL, true) != XSG_OK) {
                    fprintf(stderr, "%s\n", err.text);
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_shared(share("a", NULL, false), PUSHERS * EACH, 0);
    assert_int_equal(result.refused, 0);
}

/* The commits are not there, their notes are. */
static void a_shallow_clone_reads_and_writes(void **state)
{
    (void)state;
    start();
    measure("a", sh("cd up; git rev-parse main~1"), 1);
    assert_shared(share("a", NULL, true), 1, 0);
    sh("git clone -q --depth=1 file://$PWD/up c 2>&1; cd c; ! git cat-file -e HEAD~1 2>/dev/null");
    assert_shared(share("c", NULL, false), 1, 0);
    measure("c", sh("cd c; git rev-parse HEAD"), 2);
    assert_shared(share("c", NULL, true), 1, 0);
    assert_shared(share("a", NULL, false), 1, 1);
    assert_string_equal(sh("cd a; git rev-parse --is-shallow-repository"), "false");
}

static void what_stands_in_the_notes_stays(void **state)
{
    (void)state;
    start();
    const char *oid = sh("cd up; git rev-parse main");
    sh("cd up; git notes --ref xsgate add -m 'a word by hand\n{\"xsgate\":9}\n{}' main");
    measure("a", oid, 1);
    sh("cd a; git notes --ref xsgate add -m 'said here' HEAD~1");
    assert_shared(share("a", NULL, true), 1, 0);
    assert_string_equal(sh("cd up; git notes --ref xsgate show main~1"), "said here");
    assert_non_null(strstr(sh("cd up; git notes --ref xsgate show main"), "a word by hand"));
    assert_string_equal(sh("cd up; git notes --ref xsgate show main | wc -l"), "4");
    assert_string_equal(sh("cd up; git rev-list refs/notes/xsgate | wc -l"), "2");
    assert_shared(share("b", NULL, false), 1, 0);
    assert_int_equal(result.refused, 3);
    assert_int_equal(result.newer, 1);
    assert_non_null(strstr(result.reason, "commit "));
}

/* As git splits the tree of many notes. */
static void the_tree_of_many_notes_is_understood(void **state)
{
    (void)state;
    start();
    sh("cd up; for i in $(seq 300); do commit c$i; done;"
       "git log --format=%H | while read c; do printf 'x %s\\n' $c | git notes --ref xsgate add -f "
       "-F "
       "- $c; done; git ls-tree refs/notes/xsgate | grep -c tree");
    measure("a", sh("cd up; git rev-parse HEAD"), 1);
    measure("a", sh("cd up; git rev-parse main"), 2);
    assert_shared(share("a", NULL, true), 2, 0);
    assert_string_equal(sh("cd up; git notes --ref xsgate list | wc -l"), "302");
    assert_string_equal(sh("cd up; git notes --ref xsgate show HEAD | wc -l"), "2");
    assert_string_equal(sh("cd up; git fsck --no-dangling 2>&1"), "");
}

static void what_cannot_be_pushed_says_why(void **state)
{
    (void)state;
    start();
    measure("a", sh("cd up; git rev-parse main"), 1);
    assert_int_equal(share("a", "--upload-pack=touch x", true), XSG_EINVAL);
    assert_int_equal(share("a", "file:///tmp", true), XSG_EINVAL);
    assert_int_equal(share("a", "nowhere", true), XSG_ENOTFOUND);
    sh("printf '#!/bin/sh\\necho no notes here >&2; exit 1\\n' > up/.git/hooks/pre-receive; chmod "
       "+x "
       "up/.git/hooks/pre-receive");
    assert_int_equal(share("a", NULL, true), XSG_EFAILED);
    assert_int_equal(result.attempts, 1);
    assert_non_null(strstr(err.text, "no notes here"));
    assert_non_null(strstr(err.hint, "contents: write"));
    /* A reference that cannot be locked may be free in a moment, or never: the server says why. */
    sh("rm up/.git/hooks/pre-receive; mkdir -p up/.git/refs/notes; touch "
       "up/.git/refs/notes/xsgate.lock");
    do_not_sleep = 1;
    assert_int_equal(share("a", NULL, true), XSG_EFAILED);
    do_not_sleep = 0;
    assert_int_equal(result.attempts, 10);
    assert_non_null(strstr(err.text, "tried 10 times: "));
    assert_non_null(strstr(err.text, "xsgate.lock"));
    assert_null(strstr(err.text, "others pushed"));
    sh("rm up/.git/refs/notes/xsgate.lock; cd a; git remote set-url origin ../gone");
    assert_int_equal(share("a", NULL, true), XSG_EFAILED);
    assert_int_equal(share("a", NULL, false), XSG_EFAILED);
    sh("cd a; git remote remove origin");
    assert_int_equal(share("a", NULL, false), XSG_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(a_line_says_what_the_run_was),
        TEST(whatever_the_types_allow_can_be_shared),
        TEST(the_coldest_functions_are_left_out_of_a_large_run),
        TEST(a_line_that_is_not_right_is_refused),
        TEST(what_one_pushes_the_other_fetches),
        TEST(what_was_measured_here_goes_before_what_is_shared),
        TEST(all_who_push_at_once_survive),
        TEST(a_shallow_clone_reads_and_writes),
        TEST(what_stands_in_the_notes_stays),
        TEST(the_tree_of_many_notes_is_understood),
        TEST(what_cannot_be_pushed_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
