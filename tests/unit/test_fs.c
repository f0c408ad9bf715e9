#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static struct xsg_arena arena;
static struct xsg_err err;
static char *dir;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    return xsg_temp_dir(&arena, NULL, &dir, &err);
}

static int teardown(void **state)
{
    (void)state;
    int rc = xsg_remove_tree(dir, &err);
    xsg_arena_release(&arena);
    return rc;
}

static char *in_dir(const char *name)
{
    return xsg_path_join(&arena, dir, name);
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
}

static void assert_content(const char *path, const char *text)
{
    char *data;
    size_t n;
    assert_int_equal(xsg_read_file(&arena, path, 1000000, &data, &n, &err), 0);
    assert_string_equal(data, text);
    assert_int_equal(n, strlen(text));
}

static void test_paths(void **state)
{
    (void)state;
    assert_string_equal(xsg_path_join(&arena, "a", "b"), "a/b");
    assert_string_equal(xsg_path_join(&arena, "a/", "b"), "a/b");
    assert_string_equal(xsg_path_join(&arena, "a", "/b"), "/b");
    assert_string_equal(xsg_path_join(&arena, "", "b"), "b");
    assert_string_equal(xsg_path_join(&arena, "a", ""), "a");
    assert_string_equal(xsg_path_join(&arena, "/", "b"), "/b");
    assert_string_equal(xsg_path_base("/a/b.c"), "b.c");
    assert_string_equal(xsg_path_base("b.c"), "b.c");
    assert_string_equal(xsg_path_base("a/"), "");
    assert_string_equal(xsg_path_dir(&arena, "a/b/c"), "a/b");
    assert_string_equal(xsg_path_dir(&arena, "a//c"), "a");
    assert_string_equal(xsg_path_dir(&arena, "/a"), "/");
    assert_string_equal(xsg_path_dir(&arena, "//a"), "/");
    assert_string_equal(xsg_path_dir(&arena, "a"), ".");
    assert_string_equal(xsg_path_absolute(&arena, "/a/./b//../c/"), "/a/c");
    assert_string_equal(xsg_path_absolute(&arena, "/../.."), "/");
    assert_string_equal(xsg_path_absolute(&arena, "/.a/..b/..."), "/.a/..b/...");
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_string_equal(xsg_path_absolute(&arena, "x/../y"), xsg_printf(&arena, "%s/y", cwd));
    assert_string_equal(xsg_path_absolute(&arena, "."), cwd);
}

static void test_folders(void **state)
{
    (void)state;
    char *deep = in_dir("a/b//c/");
    assert_int_equal(xsg_mkdirs(deep, &err), 0);
    assert_int_equal(xsg_mkdirs(deep, &err), 0); /* again is fine */
    assert_true(xsg_is_dir(deep));
    assert_false(xsg_is_file(deep));
    write_text(in_dir("a/file"), "x");
    assert_true(xsg_is_file(in_dir("a/file")));
    assert_int_equal(xsg_mkdirs(in_dir("a/file/below"), &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "a/file': a file is in its place"));

    char **names;
    size_t n;
    write_text(in_dir("a/B"), "x");
    write_text(in_dir("a/.hidden"), "x");
    assert_int_equal(xsg_list_dir(&arena, in_dir("a"), &names, &n, &err), 0);
    assert_int_equal(n, 4);
    assert_string_equal(names[0], ".hidden");
    assert_string_equal(names[1], "B");
    assert_string_equal(names[2], "b");
    assert_string_equal(names[3], "file");
    assert_int_equal(xsg_list_dir(&arena, in_dir("a/b/c"), &names, &n, &err), 0);
    assert_int_equal(n, 0);
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_list_dir(&arena, in_dir("none"), &names, &n, &err), XSG_ENOTFOUND);
    assert_non_null(strstr(err.text, "there is no such file or folder"));
}

static void test_removing_never_follows_links(void **state)
{
    (void)state;
    assert_int_equal(xsg_mkdirs(in_dir("keep"), &err), 0);
    write_text(in_dir("keep/file"), "precious");
    assert_int_equal(xsg_mkdirs(in_dir("tree/x/y/z"), &err), 0);
    write_text(in_dir("tree/x/file"), "x");
    assert_int_equal(symlink(in_dir("keep"), in_dir("tree/x/link")), 0);
    assert_int_equal(symlink("/nowhere", in_dir("tree/dangling")), 0);
    assert_int_equal(symlink(in_dir("keep"), in_dir("direct")), 0);
    assert_int_equal(chmod(in_dir("tree/x/y"), 0500), 0); /* as module caches leave them */
    assert_int_equal(xsg_remove_tree(in_dir("tree"), &err), 0);
    assert_int_equal(xsg_remove_tree(in_dir("direct"), &err), 0);
    assert_false(xsg_is_dir(in_dir("tree")));
    assert_content(in_dir("keep/file"), "precious");
    assert_int_equal(xsg_remove_tree(in_dir("tree"), &err), 0); /* absent is fine */
    assert_int_equal(xsg_remove_tree(in_dir("keep/file"), &err), 0);
    assert_int_equal(xsg_remove_tree("/proc/self/status", &err), XSG_EFAILED);
}

static void test_reading(void **state)
{
    (void)state;
    char *data;
    size_t n;
    assert_int_equal(xsg_write_file(in_dir("f"), "a\0b", 3, &err), 0);
    assert_int_equal(xsg_read_file(&arena, in_dir("f"), 3, &data, &n, &err), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(data, "a\0b", 4); /* and a NUL behind */
    assert_int_equal(xsg_read_file(&arena, in_dir("f"), 2, &data, &n, &err), XSG_EINVAL);
    assert_non_null(strstr(err.text, "larger than 2 bytes"));
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_read_file(&arena, in_dir("g"), 2, &data, &n, &err), XSG_ENOTFOUND);
    assert_non_null(strstr(err.text, "/g': there is no such file"));
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_read_file(&arena, dir, 2, &data, &n, &err), XSG_EFAILED);
    assert_int_equal(xsg_read_file(&arena, "/dev/zero", 100000, &data, &n, &err), XSG_EINVAL);
    /* Files that tell no size. */
    assert_int_equal(xsg_read_file(&arena, "/proc/self/status", 100000, &data, &n, &err), 0);
    assert_true(n > 100 && strlen(data) == n);
    write_text(in_dir("empty"), "");
    assert_content(in_dir("empty"), "");
}

static size_t count_names(void)
{
    char **names;
    size_t n;
    assert_int_equal(xsg_list_dir(&arena, dir, &names, &n, &err), 0);
    return n;
}

static void test_writing_replaces(void **state)
{
    (void)state;
    struct stat st;
    umask(022);
    write_text(in_dir("f"), "one");
    assert_int_equal(stat(in_dir("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(chmod(in_dir("f"), 0600), 0);
    write_text(in_dir("f"), "two");
    assert_content(in_dir("f"), "two");
    assert_int_equal(stat(in_dir("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600); /* stays private */
    assert_int_equal(symlink("f", in_dir("link")), 0);
    write_text(in_dir("link"), "three");
    assert_content(in_dir("f"), "three");
    assert_int_equal(lstat(in_dir("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(count_names(), 2); /* no temporary file is left */
    assert_int_equal(xsg_write_file(dir, "x", 1, &err), XSG_EFAILED);
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_write_file(in_dir("no/f"), "x", 1, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "/no/f': there is no such file or folder"));
}

static void test_devices_are_written_through(void **state)
{
    (void)state;
    struct stat st;
    write_text("/dev/null", "gone");
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_write_file("/dev/full", "x", 1, &err), XSG_EFAILED);
    assert_string_equal(err.text, "cannot write '/dev/full': the disk is full");
}

/* A write that fails half-way leaves the old file whole and no temporary one. */
static void test_a_failed_write_changes_nothing(void **state)
{
    (void)state;
    write_text(in_dir("f"), "old");
    struct rlimit limit, before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char *large = xsg_alloc(&arena, 100000, 1);
    int rc = xsg_write_file(in_dir("f"), large, 100000, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(rc, XSG_EFAILED);
    assert_content(in_dir("f"), "old");
    assert_int_equal(count_names(), 1);
}

static void test_stdout(void **state)
{
    (void)state;
    int fd = open(in_dir("out"), O_WRONLY | O_CREAT, 0600), old = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    printf("first, ");
    int rc = xsg_write_file("-", "second\n", 7, &err);
    dup2(old, STDOUT_FILENO);
    close(fd);
    close(old);
    assert_int_equal(rc, 0);
    assert_content(in_dir("out"), "first, second\n");
}

static void test_lock(void **state)
{
    (void)state;
    int fd, other;
    assert_int_equal(xsg_lock_file(in_dir("lock"), false, &fd, &err), 0);
    assert_int_equal(xsg_lock_file(in_dir("lock"), false, &other, &err), XSG_EBUSY);
    assert_non_null(strstr(err.text, "another process holds"));
    xsg_unlock_file(fd);
    assert_int_equal(xsg_lock_file(in_dir("lock"), false, &fd, &err), 0);
    xsg_unlock_file(fd);
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_lock_file(in_dir("no/lock"), false, &fd, &err), XSG_EFAILED);

    /* The holder's death frees it. */
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t holder = fork();
    if (holder == 0) {
        xsg_lock_file(in_dir("lock"), true, &fd, NULL);
        if (write(pipe_fds[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    char c;
    assert_int_equal(read(pipe_fds[0], &c, 1), 1);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    assert_int_equal(xsg_lock_file(in_dir("lock"), false, &fd, NULL), XSG_EBUSY);
    kill(holder, SIGKILL);
    assert_int_equal(xsg_lock_file(in_dir("lock"), true, &fd, NULL), 0);
    xsg_unlock_file(fd);
    waitpid(holder, NULL, 0);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void test_waiting_for_a_lock_can_be_interrupted(void **state)
{
    (void)state;
    int fd, other;
    assert_int_equal(xsg_lock_file(in_dir("lock"), false, &fd, &err), 0);
    struct sigaction action = {.sa_handler = on_alarm}, before;
    sigaction(SIGALRM, &action, &before);
    ualarm(100000, 0);
    assert_int_equal(xsg_lock_file(in_dir("lock"), true, &other, &err), XSG_EINTR);
    sigaction(SIGALRM, &before, NULL);
    xsg_unlock_file(fd);
}

/* Needs to be root and a kernel that mounts tmpfs; says so where it cannot. */
static void test_full_and_read_only_disks(void **state)
{
    (void)state;
    char *disk = in_dir("disk");
    assert_int_equal(xsg_mkdirs(disk, &err), 0);
    if (mount("none", disk, "tmpfs", 0, "size=64k") != 0) {
        print_message("cannot mount a tmpfs: %s\n", strerror(errno));
        skip();
    }
    char *file = xsg_path_join(&arena, disk, "f"), *large = xsg_alloc(&arena, 1000000, 1);
    write_text(file, "old");
    int full = xsg_write_file(file, large, 1000000, &err);
    struct xsg_err read_only = {"", ""}, folder = {"", ""};
    char *data = NULL;
    size_t n = 0;
    int old = xsg_read_file(&arena, file, 100, &data, &n, NULL);
    mount("none", disk, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64k");
    int refused = xsg_write_file(file, "x", 1, &read_only);
    int no_folder = xsg_mkdirs(xsg_path_join(&arena, disk, "d"), &folder);
    umount(disk);
    assert_int_equal(full, XSG_EFAILED);
    assert_non_null(strstr(err.text, "': the disk is full"));
    assert_int_equal(old, 0);
    assert_string_equal(data, "old");
    assert_int_equal(refused, XSG_EFAILED);
    assert_non_null(strstr(read_only.text, "': the file system is read-only"));
    assert_int_equal(no_folder, XSG_EFAILED);
    assert_non_null(strstr(folder.text, "': the file system is read-only"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_paths),
        TEST(test_folders),
        TEST(test_removing_never_follows_links),
        TEST(test_reading),
        TEST(test_writing_replaces),
        TEST(test_devices_are_written_through),
        TEST(test_a_failed_write_changes_nothing),
        TEST(test_stdout),
        TEST(test_lock),
        TEST(test_waiting_for_a_lock_can_be_interrupted),
        TEST(test_full_and_read_only_disks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
