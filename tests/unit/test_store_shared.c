/* Several processes, killed processes, damaged bytes; merge, prune and backup. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/temp_store.h"

static void put(struct temp_store *t, struct xsg_run *run)
{
    if (xsg_store_put(t->store, run, &t->err) != XSG_OK)
        fail_msg("%s", t->err.text);
}

static int64_t put_seed(struct temp_store *t, uint64_t seed)
{
    struct xsg_run run = sample_run(&t->arena, seed, 5, 6);
    put(t, &run);
    return run.id;
}

/* Every run in the store is the one that its seed (kept as the number of samples) makes. */
static int64_t assert_whole_runs(struct temp_store *t, size_t functions, size_t rounds)
{
    int64_t n = temp_store_runs(t), found = 0;
    for (int64_t id = 1; found < n; id++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_run got;
        assert_true(id < 100000);
        int rc = xsg_store_get(t->store, &arena, id, &got, NULL);
        if (rc == XSG_OK) {
            struct xsg_run made = sample_run(&arena, got.targets[0].samples, functions, rounds);
            assert_true(same_run(&got, &made));
            found++;
        } else {
            assert_int_equal(rc, XSG_ENOTFOUND);
        }
        xsg_arena_release(&arena);
    }
    return n;
}

/* SQLite's connections, and what it believes this process has locked, must not go through a fork:
 * the child would lock nothing, and the parent that closes last would take its log away. */
static pid_t fork_without_store(struct temp_store *t)
{
    xsg_store_close(t->store);
    t->store = NULL;
    return fork();
}

enum { WRITERS = 8, PUTS = 20 };

static void many_writers_at_once_lose_nothing(void **state)
{
    struct temp_store *t = *state;
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork_without_store(t);
        if (children[i] == 0) {
            struct xsg_store *own;
            if (xsg_store_open(&own, t->path, true, &t->err) != XSG_OK)
                _exit(1);
            for (int k = 0; k < PUTS; k++) {
                struct xsg_run run = sample_run(&t->arena, (uint64_t)(i * PUTS + k + 1), 5, 6);
                if (xsg_store_put(own, &run, &t->err) != XSG_OK) {
                    fprintf(stderr, "%s\n", t->err.text);
                    _exit(1);
                }
            }
            xsg_store_close(own);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    assert_int_equal(assert_whole_runs(t, 5, 6), WRITERS * PUTS);
    temp_store_assert_clean(t);
    assert_string_equal(temp_store_ask(t, "SELECT count(DISTINCT session) FROM runs"), "160");
}

/* The child tells how many puts were confirmed: those must be there after the kill. */
static void killed_while_writing_it_keeps_whole_runs_and_all_confirmed_ones(void **state)
{
    struct temp_store *t = *state;
    int64_t confirmed = 0;
    for (int i = 0; i < 30; i++) {
        int told[2];
        char byte;
        assert_int_equal(pipe(told), 0);
        pid_t child = fork_without_store(t);
        if (child == 0) {
            struct xsg_store *own;
            if (xsg_store_open(&own, t->path, true, NULL) != XSG_OK)
                _exit(1);
            for (uint64_t k = 1;; k++) {
                struct xsg_run run = sample_run(&t->arena, (uint64_t)i * 1000 + k, 100, 6);
                if (xsg_store_put(own, &run, NULL) != XSG_OK || write(told[1], "x", 1) != 1)
                    _exit(1);
            }
        }
        close(told[1]);
        /* Some while the store is opened, most after a first put, however slow the machine is. */
        if (i % 4 != 0 && read(told[0], &byte, 1) == 1)
            confirmed++;
        usleep((useconds_t)(i * 700));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(told[0], &byte, 1) == 1)
            confirmed++;
        close(told[0]);
        if (i % 10 == 9) {
            assert_int_equal(temp_store_open(t, false), XSG_OK);
            temp_store_assert_clean(t);
            assert_true(assert_whole_runs(t, 100, 6) >= confirmed);
        }
    }
    print_message("%lld confirmed, %lld stored\n", (long long)confirmed,
                  (long long)temp_store_runs(t));
    assert_true(confirmed > 0);
}

static void two_stores_become_one(void **state)
{
    struct temp_store *t = *state, other = {.folder = t->folder};
    other.path = xsg_path_join(&t->arena, t->folder, "other.db");
    assert_int_equal(temp_store_open(&other, true), XSG_OK);
    put_seed(t, 1);
    for (uint64_t i = 10; i < 40; i++) {
        struct xsg_run run = hostile_run(&t->arena, i);
        put(&other, &run);
    }
    struct xsg_run base = sample_run(&t->arena, 50, 5, 6), head = sample_run(&t->arena, 51, 5, 6);
    struct xsg_comparison c = {.verdict = XSG_VERDICT_PASSED};
    assert_int_equal(xsg_store_put_comparison(other.store, &base, &head, &c, "{\"a\":1}", &t->err),
                     XSG_OK);
    size_t added;
    for (int again = 0; again < 3; again++) {
        assert_int_equal(xsg_store_merge(t->store, other.path, &added, &t->err), XSG_OK);
        assert_int_equal(added, again ? 0 : 32);
    }
    assert_int_equal(temp_store_runs(t), 33);
    for (int64_t id = 1; id <= 32; id++) {
        struct xsg_run theirs, ours;
        assert_int_equal(xsg_store_get(other.store, &t->arena, id, &theirs, &t->err), XSG_OK);
        assert_int_equal(xsg_store_get(t->store, &t->arena, id + 1, &ours, &t->err), XSG_OK);
        assert_true(same_run(&theirs, &ours));
    }
    char *json;
    size_t n;
    int64_t base_id, head_id;
    assert_int_equal(
        xsg_store_get_comparison(t->store, &t->arena, 0, &json, &n, &base_id, &head_id, &t->err),
        XSG_OK);
    assert_string_equal(json, "{\"a\":1}");
    assert_int_equal(base_id, 32);
    assert_int_equal(head_id, 33);
    assert_int_equal(xsg_store_merge(t->store, t->path, &added, &t->err), XSG_OK);
    assert_int_equal(added, 0);
    /* And back: only what is missing there. */
    assert_int_equal(xsg_store_merge(other.store, t->path, &added, &t->err), XSG_OK);
    assert_int_equal(added, 1);
    temp_store_assert_clean(t);
    temp_store_assert_clean(&other);
    xsg_store_close(other.store);
    xsg_arena_release(&other.arena);
    assert_int_equal(xsg_store_merge(t->store, "/nowhere/at/all.db", &added, &t->err),
                     XSG_ENOTFOUND);
}

static void a_damaged_store_merges_whole_or_not_at_all(void **state)
{
    struct temp_store *t = *state, other = {.folder = t->folder};
    other.path = xsg_path_join(&t->arena, t->folder, "other.db");
    assert_int_equal(temp_store_open(&other, true), XSG_OK);
    put_seed(t, 1);
    for (uint64_t i = 10; i < 20; i++)
        put_seed(&other, i);
    xsg_store_close(other.store);
    temp_store_do(&other, "UPDATE series SET data = x'00' WHERE run = 9 AND ord = 3");
    size_t added;
    assert_int_equal(xsg_store_merge(t->store, other.path, &added, &t->err), XSG_ECORRUPT);
    assert_non_null(strstr(t->err.text, "/other.db' is damaged: "));
    assert_int_equal(added, 0);
    assert_int_equal(temp_store_runs(t), 1);
    temp_store_assert_clean(t);
    xsg_arena_release(&other.arena);
}

/* Runs 1..6 of one commit in the order of their times, 7 of another commit, 8 dirty; 2 and 7
 * compared. */
static void fill(struct temp_store *t)
{
    struct xsg_run run[9];
    struct xsg_comparison c = {.verdict = XSG_VERDICT_PASSED};
    for (int i = 1; i <= 8; i++) {
        run[i] = sample_run(&t->arena, i == 7 ? 2 : 1, (size_t)i, 4);
        run[i].created = i * 100;
        run[i].commit.dirty = i == 8;
        put(t, &run[i]);
    }
    assert_int_equal(xsg_store_put_comparison(t->store, &run[2], &run[7], &c, "{}", &t->err),
                     XSG_OK);
}

static void assert_left(struct temp_store *t, const char *ids)
{
    assert_string_equal(temp_store_ask(t, "SELECT group_concat(id, ' ') FROM"
                                          " (SELECT id FROM runs ORDER BY id)"),
                        ids);
    temp_store_assert_clean(t);
}

static void prune_keeps_the_newest_and_what_comparisons_need(void **state)
{
    struct temp_store *t = *state;
    size_t removed;
    fill(t);
    struct xsg_store_prune what = {.keep = 2, .dry_run = true};
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 3);
    assert_left(t, "1 2 3 4 5 6 7 8");
    what.dry_run = false;
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 3);
    assert_left(t, "2 5 6 7 8");
    struct xsg_run run;
    assert_int_equal(xsg_store_get(t->store, &t->arena, 6, &run, &t->err), XSG_OK);
    assert_int_equal(run.n_series, 18);
    /* The comparison's time is its head's: 700. With it run 2 goes too. */
    what = (struct xsg_store_prune){.older_than = 600};
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 1);
    assert_left(t, "2 6 7 8");
    what.older_than = 701;
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 3);
    assert_left(t, "8");
    what.older_than = 10000;
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 1);
    assert_null(temp_store_ask(t, "SELECT id FROM runs UNION ALL SELECT id FROM functions UNION ALL"
                                  " SELECT id FROM sites UNION ALL SELECT id FROM commits UNION ALL"
                                  " SELECT id FROM environments"));
    what = (struct xsg_store_prune){0};
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 0);
    assert_true(put_seed(t, 3) > 8); /* an id never comes again */
}

static void prune_gives_the_space_back(void **state)
{
    struct temp_store *t = *state;
    struct stat before, after;
    for (uint64_t i = 1; i <= 20; i++) {
        struct xsg_run run = sample_run(&t->arena, i, 200, 20);
        put(t, &run);
    }
    assert_int_equal(temp_store_open(t, false), XSG_OK);
    assert_int_equal(stat(t->path, &before), 0);
    size_t removed;
    struct xsg_store_prune what = {.older_than = 1700000000 + 20};
    assert_int_equal(xsg_store_prune(t->store, &what, &removed, &t->err), XSG_OK);
    assert_int_equal(removed, 19);
    assert_int_equal(stat(t->path, &after), 0);
    print_message("%lld bytes before, %lld after\n", (long long)before.st_size,
                  (long long)after.st_size);
    assert_true(after.st_size < before.st_size / 8);
    temp_store_assert_clean(t);
}

static void a_backup_is_one_state_whoever_writes(void **state)
{
    struct temp_store *t = *state;
    for (uint64_t i = 1; i <= 20; i++)
        put_seed(t, i);
    pid_t child = fork_without_store(t);
    if (child == 0) {
        struct xsg_store *own;
        if (xsg_store_open(&own, t->path, true, NULL) != XSG_OK)
            _exit(1);
        for (uint64_t k = 100; k < 5000; k++) {
            struct xsg_run run = sample_run(&t->arena, k, 5, 6);
            if (xsg_store_put(own, &run, NULL) != XSG_OK)
                _exit(1);
        }
        _exit(0);
    }
    char *original = t->path;
    for (int i = 0; i < 5; i++) {
        char *path = xsg_printf(&t->arena, "%s/backup%d", t->folder, i);
        t->path = original;
        assert_int_equal(temp_store_open(t, false), XSG_OK);
        if (xsg_store_backup(t->store, path, &t->err) != XSG_OK)
            fail_msg("%s", t->err.text);
        t->path = path;
        assert_int_equal(temp_store_open(t, false), XSG_OK);
        assert_true(assert_whole_runs(t, 5, 6) >= 20);
        temp_store_assert_clean(t);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_backup_overwrites_nothing(void **state)
{
    struct temp_store *t = *state;
    put_seed(t, 1);
    char *path = xsg_path_join(&t->arena, t->folder, "backup");
    xsg_write_file(path, "mine", 4, NULL);
    assert_int_equal(xsg_store_backup(t->store, path, &t->err), XSG_EINVAL);
    assert_non_null(strstr(t->err.text, "exists already and is not overwritten"));
    unlink(path);
    t->err = (struct xsg_err){{0}, {0}};
    assert_int_equal(xsg_store_backup(t->store, "/nowhere/backup", &t->err), XSG_EFAILED);
    assert_non_null(strstr(t->err.text, "cannot write the backup '/nowhere/backup': "));
    char **names;
    size_t n;
    assert_int_equal(xsg_list_dir(&t->arena, t->folder, &names, &n, NULL), XSG_OK);
    assert_int_equal(n, 1);
}

static void fill_with_trees(struct temp_store *t)
{
    for (uint64_t i = 1; i <= 6; i++) {
        struct xsg_run run = sample_run(&t->arena, i, 20, 6);
        struct xsg_tree_node nodes[2] = {{.total = 2}, {.function = 1, .self = 2, .total = 2}};
        struct xsg_function functions[2] = {{.name = "parse"}, {.name = "f"}};
        run.targets[0].tree = (struct xsg_calltree){functions, 2, nodes, 2};
        put(t, &run);
    }
}

/* A value's last bit may turn over so that median and mean stay what they were: no number is wrong
 * by that. */
static bool means_the_same(struct xsg_series *got, const struct xsg_series *made)
{
    for (size_t i = 0; i < got->n && i < made->n; i++) {
        if (fabs(got->values[i] - made->values[i]) <= 1e-12 * fabs(made->values[i]))
            got->values[i] = made->values[i];
    }
    return same_series(got, made);
}

/* Does any run that can be read have other series than it was stored with? */
static bool gives_wrong_numbers(struct temp_store *bad)
{
    bool wrong = false;
    for (int64_t id = 1; id <= 6; id++) {
        struct xsg_run got, made = sample_run(&bad->arena, (uint64_t)id, 20, 6);
        if (xsg_store_get(bad->store, &bad->arena, id, &got, NULL) != XSG_OK)
            continue;
        wrong = wrong || got.n_series != made.n_series;
        for (size_t k = 0; !wrong && k < got.n_series; k++)
            wrong = !means_the_same(&got.series[k], &made.series[k]);
    }
    return wrong;
}

/* Whatever they answer, they come back. */
static void use_in_every_way(struct temp_store *bad)
{
    struct xsg_run extra = sample_run(&bad->arena, 77, 3, 4);
    struct xsg_store_prune what = {.keep = 1};
    struct xsg_store_stat stat;
    size_t n;
    xsg_store_stat(bad->store, &stat, NULL);
    xsg_store_put(bad->store, &extra, NULL);
    xsg_store_prune(bad->store, &what, &n, NULL);
}

/* Any damage: an error, or findings, or values as they were. Never a crash, never a wrong number
 * that verify does not know of. */
static void damaged_bytes_never_give_wrong_numbers_unseen(void **state)
{
    struct temp_store *t = *state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 20260101);
    fill_with_trees(t);
    xsg_store_close(t->store);
    t->store = NULL;
    char *bytes, **findings;
    size_t n, n_findings;
    assert_int_equal(xsg_read_file(&t->arena, t->path, 1 << 26, &bytes, &n, &t->err), XSG_OK);
    int refused = 0, found = 0, unharmed = 0;
    for (int i = 0; i < 400; i++) {
        struct temp_store bad = {.folder = t->folder};
        char *copy = xsg_alloc(&bad.arena, n, 1);
        memcpy(copy, bytes, n);
        size_t m = i % 10 == 9 ? xsg_rng_below(&rng, n) : n; /* some are cut off */
        for (uint64_t k = xsg_rng_below(&rng, 8) + (m == n); k > 0; k--)
            copy[xsg_rng_below(&rng, i % 3 ? n : 4096)] ^= (char)(1 << xsg_rng_below(&rng, 8));
        bad.path = xsg_printf(&bad.arena, "%s/bad%d.db", t->folder, i);
        assert_int_equal(xsg_write_file(bad.path, copy, m, NULL), XSG_OK);
        if (temp_store_open(&bad, false) != XSG_OK) {
            assert_true(bad.err.text[0]);
            refused++;
        } else {
            bool wrong = gives_wrong_numbers(&bad);
            int rc = xsg_store_verify(bad.store, &bad.arena, &findings, &n_findings, NULL);
            bool seen = rc != XSG_OK || n_findings > 0;
            if (wrong && !seen)
                fail_msg("damage %d gave wrong numbers unseen", i);
            found += seen;
            unharmed += !seen;
            use_in_every_way(&bad);
            xsg_store_close(bad.store);
        }
        unlink(bad.path);
        xsg_arena_release(&bad.arena);
    }
    print_message("%d refused, %d found by verify, %d unharmed\n", refused, found, unharmed);
    assert_true(refused > 0 && found > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_setup, temp_store_teardown)
        TEST(many_writers_at_once_lose_nothing),
        TEST(killed_while_writing_it_keeps_whole_runs_and_all_confirmed_ones),
        TEST(two_stores_become_one),
        TEST(a_damaged_store_merges_whole_or_not_at_all),
        TEST(prune_keeps_the_newest_and_what_comparisons_need),
        TEST(prune_gives_the_space_back),
        TEST(a_backup_is_one_state_whoever_writes),
        TEST(a_backup_overwrites_nothing),
        TEST(damaged_bytes_never_give_wrong_numbers_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
