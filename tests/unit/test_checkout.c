/* Checkouts of commits, and the lines that changed between two. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/opened_repo.h"

static char *path;
static bool fresh;

static int setup(void **state)
{
    (void)state;
    git = NULL;
    path = NULL;
    return temp_repo_start(&repo);
}

static int check_out(const char *revision)
{
    struct xsg_commit commit;
    err = (struct xsg_err){{0}, {0}};
    assert_int_equal(xsg_git_resolve(git, &repo.arena, revision, &commit, &err), XSG_OK);
    setenv("OID", commit.oid, 1);
    return xsg_git_checkout(git, &repo.arena, commit.oid, &path, &fresh, &err);
}

static void assert_checked_out(const char *revision)
{
    if (check_out(revision) != XSG_OK)
        fail_msg("%s", err.text);
    setenv("CO", path, 1);
    /* As git sees it: this commit, and nothing that differs from it. */
    assert_string_equal(sh("cd $CO; git rev-parse HEAD; git status --porcelain -uno"),
                        getenv("OID"));
}

static void a_commit_is_checked_out_once(void **state)
{
    (void)state;
    sh("start repo; mkdir -p d/e; echo 1 > d/e/f; ln -s f d/e/link; echo x > run; chmod +x run;"
       "commit 1; echo 2 > d/e/f; commit 2");
    char *before = sh("cd repo; git for-each-ref; git worktree list; cat .git/config; git status");
    open_at("repo");
    assert_checked_out("HEAD~1");
    assert_true(fresh);
    assert_string_equal(
        path, xsg_printf(&repo.arena, "%s/.xsgate/checkouts/%s", repo.root, getenv("OID")));
    assert_string_equal(sh("cd $CO; cat d/e/f; readlink d/e/link; test -x run; echo $?"),
                        "1\nf\n0");
    assert_string_equal(sh("cat repo/.xsgate/.gitignore"), "*");
    sh("touch $CO/result");
    assert_checked_out("HEAD~1");
    assert_true(fresh);
    assert_string_equal(sh("ls $CO/result; rm $CO/result"),
                        xsg_printf(&repo.arena, "%s/result", path));
    /* The user's repository is as it was. */
    assert_string_equal(before, sh("cd repo; git for-each-ref; git worktree list; cat .git/config;"
                                   "git status"));
    sh("cd repo; git fsck --strict 2>&1; git gc -q --prune=now; git worktree prune; cd $CO; git "
       "fsck");
    assert_checked_out("HEAD~1");
}

static void a_finished_build_is_remembered_with_its_key(void **state)
{
    (void)state;
    sh("start repo; commit 1");
    open_at("repo");
    assert_checked_out("HEAD");
    const char *oid = getenv("OID");
    assert_false(xsg_git_checkout_is_built(git, oid, "make"));
    assert_int_equal(xsg_git_checkout_built(git, oid, "make", &err), XSG_OK);
    assert_true(xsg_git_checkout_is_built(git, oid, "make"));
    assert_false(xsg_git_checkout_is_built(git, oid, "make all"));
    assert_false(xsg_git_checkout_is_built(git, oid, "mak"));
    assert_checked_out("HEAD");
    assert_false(fresh);
    assert_int_equal(xsg_git_checkout_built(git, oid, "make all", &err), XSG_OK);
    assert_false(xsg_git_checkout_is_built(git, oid, "make"));
    assert_false(xsg_git_checkout_is_built(git, "../../../etc/passwd", "make"));
    assert_int_equal(xsg_git_checkout(git, &repo.arena, "../x", &path, &fresh, &err), XSG_EINVAL);
}

static void what_was_left_half_made_is_made_again(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1");
    open_at("repo");
    setenv("OID", sh("cd repo; git rev-parse HEAD"), 1);
    static const char *const ruins[] = {
        "mkdir -p repo/.xsgate/checkouts/.new/x; chmod 0 repo/.xsgate/checkouts/.new/x",
        "mkdir -p repo/.xsgate/checkouts/$OID/.git",
        "mkdir -p repo/.xsgate/checkouts/.old/x; echo x > repo/.xsgate/checkouts/$OID",
        "cd repo/.xsgate; mkdir -p checkouts/$OID/.git; echo junk > checkouts/$OID/.git/HEAD",
        "mkdir -p repo/.xsgate/checkouts; ln -s /etc repo/.xsgate/checkouts/$OID"};
    for (size_t i = 0; i < sizeof ruins / sizeof *ruins; i++) {
        sh("chmod -R u+rwx repo/.xsgate 2>/dev/null || true; rm -rf repo/.xsgate; mkdir "
           "repo/.xsgate");
        sh(ruins[i]);
        assert_checked_out("HEAD");
        assert_true(fresh);
        assert_string_equal(sh("cat $CO/a; ls /etc/passwd"), "1\n/etc/passwd");
    }
}

static void killed_at_any_moment_the_next_call_succeeds(void **state)
{
    (void)state;
    sh("start repo; for i in $(seq 300); do echo $i > f$i; done; commit 1");
    for (int i = 0; i < 25; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct xsg_git *own;
            char *where;
            bool made;
            if (xsg_git_open(&own, repo.root, NULL) != XSG_OK)
                _exit(1);
            struct xsg_commit commit;
            if (xsg_git_head(own, &repo.arena, &commit, NULL) == XSG_OK)
                xsg_git_checkout(own, &repo.arena, commit.oid, &where, &made, NULL);
            _exit(0);
        }
        usleep((useconds_t)(i * 700));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (i % 5 == 4) {
            open_at("repo");
            assert_checked_out("HEAD");
            assert_string_equal(sh("ls $CO | wc -l; cat $CO/f300; cd repo; git branch"),
                                "300\n300\n* main");
            sh("rm -rf $CO");
        }
    }
}

static void many_gates_at_once_make_one_checkout(void **state)
{
    (void)state;
    sh("start repo; for i in $(seq 100); do echo $i > f$i; done; commit 1");
    pid_t children[6];
    for (int i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct xsg_git *own;
            struct xsg_commit commit;
            char *where;
            bool made;
            bool good =
                xsg_git_open(&own, repo.root, NULL) == XSG_OK &&
                xsg_git_head(own, &repo.arena, &commit, NULL) == XSG_OK &&
                xsg_git_checkout(own, &repo.arena, commit.oid, &where, &made, NULL) == XSG_OK &&
                xsg_is_file(xsg_path_join(&repo.arena, where, "f100"));
            _exit(good ? 0 : 1);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    open_at("repo");
    assert_checked_out("HEAD");
}

static void prune_keeps_what_it_is_told_to(void **state)
{
    (void)state;
    sh("start repo; commit 1; commit 2; commit 3");
    open_at("repo");
    size_t removed;
    assert_int_equal(xsg_git_checkout_prune(git, NULL, 0, &removed, &err), XSG_OK);
    for (int i = 0; i < 3; i++)
        assert_checked_out(i == 0 ? "HEAD" : i == 1 ? "HEAD~1" : "HEAD~2");
    const char *keep[] = {sh("cd repo; git rev-parse HEAD~1")};
    assert_int_equal(xsg_git_checkout_prune(git, keep, 1, &removed, &err), XSG_OK);
    assert_int_equal(removed, 2);
    assert_checked_out("HEAD~1");
    assert_string_equal(sh("ls repo/.xsgate/checkouts"), keep[0]);
}

static void a_commit_has_checkouts_for_other_layouts(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1");
    open_at("repo");
    assert_checked_out("HEAD");
    const char *oid = sh("cd repo; git rev-parse HEAD"),
               *second = xsg_printf(&repo.arena, "%s+1", oid);
    char *plain = path;
    assert_int_equal(xsg_git_checkout(git, &repo.arena, second, &path, &fresh, &err), XSG_OK);
    assert_string_equal(
        path, xsg_printf(&repo.arena, "%.*s+1", (int)strlen(plain) - 2, plain)); /* as long */
    assert_int_equal(xsg_git_checkout_built(git, second, "key", &err), XSG_OK);
    assert_true(xsg_git_checkout_is_built(git, second, "key"));
    assert_false(xsg_git_checkout_is_built(git, oid, "key"));
    static const char *const wrong[] = {"+0", "+", "+11", "+a", "1", "+1/../x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(xsg_git_checkout(git, &repo.arena,
                                          xsg_printf(&repo.arena, "%s%s", oid, wrong[i]), &path,
                                          &fresh, NULL),
                         XSG_EINVAL);
    size_t removed;
    const char *keep[] = {oid};
    assert_int_equal(xsg_git_checkout_prune(git, keep, 1, &removed, &err), XSG_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(xsg_git_checkout_prune(git, NULL, 0, &removed, &err), XSG_OK);
    assert_int_equal(removed, 2);
    assert_string_equal(sh("ls -A repo/.xsgate/checkouts"), ".lock");
}

/* Those of other commits, and of before, when they were named otherwise; nothing else. */
static void checkouts_for_other_layouts_go_alone(void **state)
{
    (void)state;
    sh("start repo; commit 1; commit 2");
    open_at("repo");
    const char *oids[] = {sh("cd repo; git rev-parse HEAD"), sh("cd repo; git rev-parse HEAD~1")};
    for (int i = 0; i < 2; i++) {
        assert_checked_out(i == 0 ? "HEAD" : "HEAD~1");
        assert_int_equal(xsg_git_checkout(git, &repo.arena,
                                          xsg_printf(&repo.arena, "%s+2", oids[i]), &path, &fresh,
                                          &err),
                         XSG_OK);
    }
    sh("cd repo/.xsgate/checkouts; mkdir $OID+1 mine mine+1; touch $OID.lock $OID+1.lock my.lock");
    size_t removed;
    assert_int_equal(xsg_git_checkout_prune_layouts(git, oids, 1, &removed, &err), XSG_OK);
    assert_int_equal(removed, 2);
    assert_string_equal(sh("cd repo/.xsgate/checkouts; test -d $OID && ls | wc -l; ls -d *+?"),
                        xsg_printf(&repo.arena, "8\n%.38s+2\nmine+1", oids[0]));
    assert_int_equal(xsg_git_checkout_prune(git, NULL, 0, &removed, &err), XSG_OK);
    assert_int_equal(removed, 3);
    assert_string_equal(sh("ls repo/.xsgate/checkouts"), "mine\nmine+1\nmy.lock");
}

static void a_moved_repository_takes_its_checkouts_along(void **state)
{
    (void)state;
    sh("start sub; echo s > s; commit s; cd ..; start repo; git submodule --quiet add ../sub "
       "lib/sub;"
       "echo 1 > a; commit 1; git tag -a -m x v1; echo 2 > a; commit 2");
    open_at("repo");
    assert_checked_out("HEAD");
    setenv("NAME", xsg_path_base(path), 1);
    sh("mv repo moved");
    assert_string_equal(
        sh("cd moved/.xsgate/checkouts/$NAME; git describe --tags; git status --short;"
           "git -C lib/sub log --format=%s"),
        sh("cd moved; git describe --tags; echo s"));
}

static void a_moved_linked_worktree_still_finds_its_objects(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1; git worktree add -q ../linked -b side");
    open_at("linked");
    assert_checked_out("HEAD");
    setenv("NAME", xsg_path_base(path), 1);
    sh("mkdir elsewhere; mv linked elsewhere/deeper");
    assert_string_equal(sh("cd elsewhere/deeper/.xsgate/checkouts/$NAME; git log --format=%s"),
                        "1");
}

/* Amended away and collected: the files are there, and can be built. */
static void a_commit_that_the_user_dropped_stays_checked_out(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1; echo 2 > a; commit 2");
    open_at("repo");
    assert_checked_out("HEAD");
    sh("cd repo; git reset -q --hard HEAD~1; git reflog expire --expire=now --all;"
       "git gc -q --prune=now; ! git cat-file -e $OID 2> err");
    assert_int_equal(xsg_git_checkout(git, &repo.arena, getenv("OID"), &path, &fresh, &err),
                     XSG_OK);
    assert_string_equal(sh("cat $CO/a"), "2");
}

static void submodules_come_from_the_clone(void **state)
{
    (void)state;
    sh("start inner; echo i > i; commit i; cd ..; start sub; echo 1 > s; git submodule --quiet add"
       " ../inner deep/inner; commit 1; cd ..; start repo;"
       "git submodule --quiet add ../sub lib/sub; git submodule --quiet update --init --recursive;"
       "commit 1; cd ../sub; echo 2 > s; commit 2; cd ../repo/lib/sub; git pull -q; cd ../..; "
       "commit 2;"
       "cd ..; mv sub sub.away; mv inner inner.away");
    open_at("repo");
    assert_checked_out("HEAD~1");
    assert_string_equal(sh("cd $CO; cat lib/sub/s lib/sub/deep/inner/i"), "1\ni");
    assert_checked_out("HEAD");
    assert_string_equal(sh("cd $CO; cat lib/sub/s lib/sub/deep/inner/i; git -C lib/sub status -s"),
                        "2\ni");
}

static void a_submodule_that_only_the_base_has_is_fetched(void **state)
{
    (void)state;
    sh("start sub; echo 1 > s; commit 1; cd ..; start up; git submodule --quiet add "
       "file://$PWD/../sub"
       " lib/sub; commit 1; git rm -q lib/sub; commit 2; cd ..; git clone -q up repo");
    open_at("repo");
    assert_checked_out("HEAD~1");
    assert_string_equal(sh("cat $CO/lib/sub/s"), "1");
    sh("rm -rf $CO; mv sub gone");
    assert_int_equal(check_out("HEAD~1"), XSG_EFAILED);
    assert_non_null(strstr(err.text,
                           "of the submodule 'lib/sub' is not in this clone and cannot be "
                           "fetched: "));
    assert_non_null(strstr(err.hint, "git submodule update --init --recursive"));
    assert_string_equal(sh("ls repo/.xsgate/checkouts"), "");
}

static void a_submodule_that_the_work_tree_does_without_is_left_out(void **state)
{
    (void)state;
    sh("start sub; echo 1 > s; commit 1; cd ..; start up; git submodule --quiet add"
       " https://example.invalid/sub lib/sub 2>/dev/null || true;"
       "git submodule --quiet add ../sub lib/sub; commit 1; echo 1 > a; commit 2; cd ..;"
       "git clone -q up repo; rm -rf sub");
    open_at("repo");
    assert_checked_out("HEAD~1");
    assert_string_equal(sh("ls -A $CO/lib/sub"), "");
}

static void unsafe_submodules_are_refused(void **state)
{
    (void)state;
    sh("start sub; echo 1 > s; commit 1; oid=$(git rev-parse HEAD); cd ..; start repo;"
       "git update-index --add --cacheinfo 160000,$oid,lib;"
       "printf '[submodule \"../../x\"]\\n\\tpath = lib\\n\\turl = ../sub\\n' > .gitmodules;"
       "git add .gitmodules; git commit -q -m 1; git rm -q -f --cached lib; commit 2");
    open_at("repo");
    int rc = check_out("HEAD~1");
    /* Refused by us, or not even seen as a submodule by libgit2: never written outside. */
    if (rc == XSG_OK)
        assert_string_equal(sh("ls -A $CO/lib"), "");
    assert_string_equal(sh("find . -name x"), "");
}

static void a_linked_worktree_has_checkouts_of_its_own(void **state)
{
    (void)state;
    sh("start sub; echo s > s; commit s; cd ..; start repo; git submodule --quiet add ../sub lib;"
       "echo 1 > a; commit 1; git worktree add -q ../linked -b side;"
       "cd ../linked; echo 2 > a; commit 2");
    open_at("linked");
    assert_checked_out("main");
    assert_non_null(strstr(path, "/linked/.xsgate/checkouts/"));
    assert_string_equal(sh("cat $CO/a $CO/lib/s"), "1\ns");
}

static void a_commit_that_is_not_there_says_why(void **state)
{
    (void)state;
    sh("start up; echo 1 > a; commit 1; echo 2 > a; commit 2; cd ..;"
       "git clone -q --depth=1 file://$PWD/up repo; git -C up config uploadpack.allowFilter true;"
       "git clone -q --filter=blob:none file://$PWD/up partial;"
       "git clone -q --filter=tree:0 file://$PWD/up treeless");
    char *missing = sh("cd up; git rev-parse HEAD~1");
    open_at("repo");
    assert_int_equal(xsg_git_checkout(git, &repo.arena, missing, &path, &fresh, &err),
                     XSG_ENOTFOUND);
    assert_non_null(strstr(err.text, "it is beyond the end of this shallow clone"));
    assert_non_null(strstr(err.hint, "--unshallow"));
    open_at("partial");
    assert_int_equal(xsg_git_checkout(git, &repo.arena, missing, &path, &fresh, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "this partial clone has not fetched all of its objects"));
    assert_string_equal(sh("ls -A partial/.xsgate/checkouts"), ".lock");
    err = (struct xsg_err){{0}, {0}};
    open_at("treeless");
    assert_int_equal(xsg_git_checkout(git, &repo.arena, missing, &path, &fresh, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "this partial clone has not fetched all of its objects"));
    assert_non_null(strstr(err.hint, "git fetch --refetch --no-filter"));
}

static void line_ends_are_the_users(void **state)
{
    (void)state;
    sh("start repo; printf 'a\\nb\\n' > t; echo '*.x eol=crlf' > .gitattributes; printf '1\\n' > "
       "y.x;"
       "commit 1; git config core.autocrlf true");
    open_at("repo");
    assert_int_equal(check_out("HEAD"), XSG_OK);
    setenv("CO", path, 1);
    assert_string_equal(sh("cd $CO; od -An -c t | tr -d ' \\n'; od -An -c y.x | tr -d ' \\n'"),
                        "a\\r\\nb\\r\\n1\\r\\n");
}

static void a_folder_that_cannot_be_written_says_so(void **state)
{
    (void)state;
    sh("start repo; commit 1; echo x > .xsgate");
    open_at("repo");
    assert_int_equal(check_out("HEAD"), XSG_EFAILED);
    assert_non_null(strstr(err.text, "/.xsgate': a file is in its place"));
}

static char *changed_lines(const char *base, const char *head)
{
    struct xsg_git_changes changes;
    err = (struct xsg_err){{0}, {0}};
    open_at("repo");
    if (xsg_git_diff(git, &repo.arena, base, head, &changes, &err) != XSG_OK)
        fail_msg("%s", err.text);
    char *text = xsg_strdup(&repo.arena, "");
    for (size_t i = 0; i < changes.n; i++)
        text = xsg_printf(&repo.arena, "%s%s%s:%d-%d", text, i ? " " : "", changes.ranges[i].file,
                          changes.ranges[i].line, changes.ranges[i].end_line);
    return text;
}

static void changed_lines_are_those_of_head(void **state)
{
    (void)state;
    sh("start repo; seq 1 20 > a; seq 1 30 > moved; printf '\\0x' > bin; seq 50 60 > gone; commit "
       "1;"
       "sed -i -e '3s/.*/x/' -e '10,11d' -e '15a\\new\\nnewer' a; git mv moved there; sed -i "
       "5s/.*/y/ there;"
       "printf '\\0y' > bin; git rm -q gone; seq 4 > fresh; chmod +x fresh; commit 2");
    assert_string_equal(changed_lines("HEAD~1", "HEAD"),
                        "a:3-3 a:9-10 a:14-15 fresh:1-4 there:5-5");
    assert_string_equal(changed_lines("HEAD", "HEAD"), "");
    sh("cd repo; sed -i 1d a; seq 9 > untracked; rm fresh; git mv there back");
    assert_string_equal(changed_lines("HEAD", NULL), "a:1-1");
    assert_string_equal(changed_lines("HEAD~1", NULL), "a:1-1 a:2-2 a:8-9 a:13-14 back:5-5");
}

static void changed_lines_inside_submodules_count(void **state)
{
    (void)state;
    sh("start sub; seq 9 > s; commit 1; cd ..; start repo; git submodule --quiet add ../sub "
       "lib/sub;"
       "commit 1; cd lib/sub; sed -i 4s/.*/x/ s; commit 2; cd ../..; commit 2");
    assert_string_equal(changed_lines("HEAD~1", "HEAD"), "lib/sub/s:4-4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(a_commit_is_checked_out_once),
        TEST(a_finished_build_is_remembered_with_its_key),
        TEST(what_was_left_half_made_is_made_again),
        TEST(killed_at_any_moment_the_next_call_succeeds),
        TEST(many_gates_at_once_make_one_checkout),
        TEST(prune_keeps_what_it_is_told_to),
        TEST(a_commit_has_checkouts_for_other_layouts),
        TEST(checkouts_for_other_layouts_go_alone),
        TEST(a_moved_repository_takes_its_checkouts_along),
        TEST(a_moved_linked_worktree_still_finds_its_objects),
        TEST(a_commit_that_the_user_dropped_stays_checked_out),
        TEST(submodules_come_from_the_clone),
        TEST(a_submodule_that_only_the_base_has_is_fetched),
        TEST(a_submodule_that_the_work_tree_does_without_is_left_out),
        TEST(unsafe_submodules_are_refused),
        TEST(a_linked_worktree_has_checkouts_of_its_own),
        TEST(a_commit_that_is_not_there_says_why),
        TEST(line_ends_are_the_users),
        TEST(a_folder_that_cannot_be_written_says_so),
        TEST(changed_lines_are_those_of_head),
        TEST(changed_lines_inside_submodules_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
