/* The disk fails at every possible moment: whole or nothing, a sentence, and the next open works.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/fault_vfs.h"
#include "tests/unit/temp_store.h"

static void remove_store(struct temp_store *t)
{
    xsg_store_close(t->store);
    t->store = NULL;
    assert_int_equal(xsg_remove_tree(xsg_path_dir(&t->arena, t->path), NULL), XSG_OK);
}

/* After the failure: a clean store that holds the first run, and the second one whole or not. */
static void assert_whole_or_nothing(struct temp_store *t, int rc, const struct xsg_run *second,
                                    long n)
{
    struct xsg_run got;
    if (temp_store_open(t, false) != XSG_OK)
        fail_msg("failure %ld: the next open: %s", n, t->err.text);
    temp_store_assert_clean(t);
    int64_t runs = temp_store_runs(t);
    if (runs != 2 && (rc == XSG_OK || runs != 1))
        fail_msg("failure %ld: put gave %d, %lld runs are there", n, rc, (long long)runs);
    for (int64_t id = 1; id <= runs; id++) {
        assert_int_equal(xsg_store_get(t->store, &t->arena, id, &got, &t->err), XSG_OK);
        if (id == 2)
            assert_true(same_run(&got, second));
    }
    struct xsg_run third = sample_run(&t->arena, 3, 2, 2);
    assert_int_equal(xsg_store_put(t->store, &third, &t->err), XSG_OK);
}

/* One put with the n-th operation failing, for all n until none fails any more. */
static void fail_everywhere(struct temp_store *t, int code, bool forever, bool fresh_handle)
{
    for (long n = 1;; n++) {
        struct xsg_arena arena = XSG_ARENA_INIT;
        struct xsg_run first = sample_run(&arena, 1, 5, 6), second = sample_run(&arena, 2, 300, 6);
        assert_int_equal(temp_store_open(t, true), XSG_OK);
        assert_int_equal(xsg_store_put(t->store, &first, &t->err), XSG_OK);
        if (fresh_handle) {
            xsg_store_close(t->store);
            t->store = NULL;
        }
        struct xsg_err err = {{0}, {0}};
        fault_vfs_fail_at(n, code, forever);
        int rc = fresh_handle ? xsg_store_open(&t->store, t->path, true, &err) : XSG_OK;
        if (rc == XSG_OK)
            rc = xsg_store_put(t->store, &second, &err);
        xsg_store_close(t->store);
        t->store = NULL;
        bool done = !fault_vfs_has_failed();
        fault_vfs_fail_at(0, 0, false);
        if (rc != XSG_OK && !err.text[0])
            fail_msg("failure %ld has no sentence", n);
        if (rc != XSG_OK && code == SQLITE_FULL && !strstr(err.text, "the disk is full") &&
            !strstr(err.text, "cannot "))
            fail_msg("failure %ld says: %s", n, err.text);
        if (done)
            assert_int_equal(rc, XSG_OK);
        assert_whole_or_nothing(t, rc, &second, n);
        remove_store(t);
        xsg_arena_release(&arena);
        if (done) {
            print_message("%ld operations\n", n - 1);
            assert_true(n > 3);
            return;
        }
    }
}

static void one_write_fails(void **state)
{
    fail_everywhere(*state, SQLITE_IOERR_WRITE, false, false);
}

static void every_write_fails_from_some_moment_on(void **state)
{
    fail_everywhere(*state, SQLITE_FULL, true, false);
}

static void opening_and_writing_fail(void **state)
{
    fail_everywhere(*state, SQLITE_IOERR_FSYNC, false, true);
    fail_everywhere(*state, SQLITE_CANTOPEN, true, true);
}

static void making_a_store_fails_at_every_moment(void **state)
{
    struct temp_store *t = *state;
    for (int forever = 0; forever < 2; forever++) {
        for (long n = 1;; n++) {
            fault_vfs_fail_at(n, SQLITE_FULL, forever);
            int rc = temp_store_open(t, true);
            xsg_store_close(t->store);
            t->store = NULL;
            bool done = !fault_vfs_has_failed();
            fault_vfs_fail_at(0, 0, false);
            if (rc != XSG_OK && !t->err.text[0])
                fail_msg("failure %ld has no sentence", n);
            if (temp_store_open(t, true) != XSG_OK)
                fail_msg("failure %ld: the next open: %s", n, t->err.text);
            struct xsg_run run = sample_run(&t->arena, 3, 2, 2);
            assert_int_equal(xsg_store_put(t->store, &run, &t->err), XSG_OK);
            temp_store_assert_clean(t);
            remove_store(t);
            if (done)
                break;
        }
    }
}

static void a_backup_that_fails_leaves_nothing(void **state)
{
    struct temp_store *t = *state;
    char *path = xsg_path_join(&t->arena, t->folder, "backup");
    struct xsg_run run = sample_run(&t->arena, 1, 50, 6);
    assert_int_equal(temp_store_open(t, true), XSG_OK);
    assert_int_equal(xsg_store_put(t->store, &run, &t->err), XSG_OK);
    for (long n = 1;; n++) {
        char **names;
        size_t count;
        t->err = (struct xsg_err){{0}, {0}};
        fault_vfs_fail_at(n, SQLITE_FULL, false);
        int rc = xsg_store_backup(t->store, path, &t->err);
        bool done = !fault_vfs_has_failed();
        fault_vfs_fail_at(0, 0, false);
        assert_int_equal(xsg_list_dir(&t->arena, t->folder, &names, &count, NULL), XSG_OK);
        /* A failure that SQLite makes up for (deleting a journal) is none. */
        assert_int_equal(count, rc == XSG_OK ? 2 : 1);
        unlink(path);
        if (done) {
            assert_int_equal(rc, XSG_OK);
            return;
        }
        assert_true(rc == XSG_OK || strstr(t->err.text, "cannot write the backup '"));
    }
}

/* ---- a real disk, small ---- */

static bool small_disk(struct temp_store *t, const char *size)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", t->folder, "tmpfs", 0, size) == 0;
}

/* In a process of its own, which takes the mount away with it. 77: no such disk to be had. */
static void on_a_small_disk(struct temp_store *t, int (*look)(struct temp_store *t))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(small_disk(t, "size=2m") ? look(t) : 77);
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: a small file system cannot be mounted here (needs root)\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static int complain(struct temp_store *t, const char *what)
{
    printf("%s: %s\n", what, t->err.text);
    fflush(stdout);
    return 1;
}

static int fill_the_disk(struct temp_store *t)
{
    char *ballast = xsg_path_join(&t->arena, t->folder, "ballast");
    int fd = open(ballast, O_WRONLY | O_CREAT, 0666);
    if (fd < 0 || ftruncate(fd, 0) != 0 || posix_fallocate(fd, 0, 1 << 20) != 0)
        return complain(t, "ballast");
    close(fd);
    if (temp_store_open(t, true) != XSG_OK)
        return complain(t, "open");
    int64_t stored = 0;
    int rc = XSG_OK;
    while (rc == XSG_OK && stored < 1000) {
        struct xsg_run run = sample_run(&t->arena, (uint64_t)stored + 1, 200, 6);
        rc = xsg_store_put(t->store, &run, &t->err);
        stored += rc == XSG_OK;
    }
    if (rc != XSG_EFAILED || !strstr(t->err.text, "the disk is full"))
        return complain(t, "not full");
    unlink(ballast);
    if (temp_store_open(t, false) != XSG_OK)
        return complain(t, "reopen");
    temp_store_assert_clean(t);
    if (temp_store_runs(t) != stored)
        return complain(t, "lost");
    struct xsg_run run = sample_run(&t->arena, 1, 50, 6);
    if (xsg_store_put(t->store, &run, &t->err) != XSG_OK)
        return complain(t, "put after the disk was freed");
    temp_store_assert_clean(t);
    return 0;
}

static void a_full_disk_is_said_and_nothing_is_lost(void **state)
{
    on_a_small_disk(*state, fill_the_disk);
}

static int make_it_read_only(struct temp_store *t)
{
    if (temp_store_open(t, true) != XSG_OK)
        return complain(t, "open");
    struct xsg_run run = sample_run(&t->arena, 1, 5, 6), got;
    if (xsg_store_put(t->store, &run, &t->err) != XSG_OK)
        return complain(t, "put");
    xsg_store_close(t->store);
    t->store = NULL;
    if (mount(NULL, t->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return complain(t, "remount");
    if (temp_store_open(t, true) != XSG_OK ||
        xsg_store_get(t->store, &t->arena, 1, &got, &t->err) != XSG_OK || !same_run(&run, &got))
        return complain(t, "reading");
    if (xsg_store_put(t->store, &run, &t->err) != XSG_EFAILED ||
        !strstr(t->err.text, "cannot be written: "))
        return complain(t, "writing");
    printf("%s\n", t->err.text);
    fflush(stdout);
    t->path = xsg_path_join(&t->arena, t->folder, "new/store.db");
    if (temp_store_open(t, true) != XSG_EFAILED || !strstr(t->err.text, "read-only"))
        return complain(t, "making");
    return 0;
}

static void a_read_only_disk_is_said_and_can_be_read(void **state)
{
    on_a_small_disk(*state, make_it_read_only);
}

int main(void)
{
    fault_vfs_install();
    if (access("/dev/shm", W_OK) == 0)
        temp_store_base = "/dev/shm";
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, temp_store_folder, temp_store_teardown)
        TEST(one_write_fails),
        TEST(every_write_fails_from_some_moment_on),
        TEST(opening_and_writing_fail),
        TEST(making_a_store_fails_at_every_moment),
        TEST(a_backup_that_fails_leaves_nothing),
        TEST(a_full_disk_is_said_and_nothing_is_lost),
        TEST(a_read_only_disk_is_said_and_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
