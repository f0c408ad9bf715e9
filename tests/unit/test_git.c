/* Reading repositories: names, merge bases, dirtiness, and sentences for what cannot be read. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/opened_repo.h"

static struct xsg_commit commit;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    memset(&commit, 0, sizeof commit);
    git = NULL;
    return temp_repo_start(&repo);
}

static int resolve(const char *revision)
{
    err = (struct xsg_err){{0}, {0}};
    return xsg_git_resolve(git, &repo.arena, revision, &commit, &err);
}

static int head(void)
{
    err = (struct xsg_err){{0}, {0}};
    return xsg_git_head(git, &repo.arena, &commit, &err);
}

static void assert_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' has no '%s' in it", text, part);
}

static void a_branch_is_called_by_its_name(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; at 1000; commit 'first line\n\nmore'");
    open_at("repo");
    assert_string_equal(xsg_git_root(git), repo.root);
    assert_false(xsg_git_is_shallow(git));
    assert_int_equal(head(), XSG_OK);
    assert_string_equal(commit.oid, sh("cd repo; git rev-parse HEAD"));
    assert_string_equal(commit.describe, "main");
    assert_string_equal(commit.subject, "first line");
    assert_int_equal(commit.time, 1000);
    assert_false(commit.dirty);
}

static void it_is_found_from_a_folder_inside(void **state)
{
    (void)state;
    sh("start repo; mkdir -p x/y; echo 1 > x/y/a; commit 1");
    open_at("repo/x/y");
    assert_string_equal(xsg_git_root(git), repo.root);
}

static void a_detached_head_is_called_after_the_nearest_tag(void **state)
{
    (void)state;
    sh("start repo; commit 1; git tag v1; commit 2; git checkout -q --detach");
    open_at("repo");
    assert_int_equal(head(), XSG_OK);
    assert_string_equal(commit.describe, sh("cd repo; git describe --tags"));
    sh("cd repo; git tag -d v1 >&2");
    assert_int_equal(head(), XSG_OK);
    assert_string_equal(commit.describe, sh("cd repo; git rev-parse --short=7 HEAD"));
}

static void every_spelling_is_resolved_as_git_does(void **state)
{
    (void)state;
    sh("start repo; commit 1; commit 2; git tag -a -m note annotated; git tag light; commit 3;"
       "git branch feature/x HEAD~1; git pack-refs --all; git branch fresh; commit 4;"
       "git checkout -q -b side HEAD~1; commit 5; git checkout -q main; git merge -q --no-edit "
       "side");
    open_at("repo");
    static const char *const revisions[] = {"HEAD",
                                            "main",
                                            "annotated",
                                            "light",
                                            "feature/x",
                                            "fresh",
                                            "HEAD~1",
                                            "HEAD^2",
                                            "main~3",
                                            "annotated^{commit}",
                                            "refs/heads/main",
                                            "heads/main",
                                            "tags/light",
                                            "@"};
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        if (resolve(revisions[i]) != XSG_OK)
            fail_msg("%s: %s", revisions[i], err.text);
        assert_string_equal(
            commit.oid,
            sh(xsg_printf(&repo.arena, "cd repo; git rev-parse '%s^{commit}'", revisions[i])));
    }
    assert_int_equal(resolve(sh("cd repo; git rev-parse --short HEAD~2")), XSG_OK);
    assert_string_equal(commit.oid, sh("cd repo; git rev-parse HEAD~2"));
    assert_int_equal(resolve("annotated"), XSG_OK);
    assert_string_equal(commit.describe, "annotated");
    assert_int_equal(resolve("feature/x"), XSG_OK);
    assert_string_equal(commit.describe, "feature/x");
}

static void main_is_found_where_only_the_remote_has_it(void **state)
{
    (void)state;
    sh("start up; commit 1; commit 2; cd ..; git clone -q up repo; cd repo; git checkout -q "
       "--detach;"
       "git branch -q -D main");
    open_at("repo");
    assert_int_equal(resolve("main"), XSG_OK);
    assert_string_equal(commit.describe, "origin/main");
    assert_int_equal(resolve("main~1"), XSG_OK);
    assert_string_equal(commit.oid, sh("cd up; git rev-parse main~1"));
    sh("cd repo; git remote rename origin upstream");
    open_at("repo");
    assert_int_equal(resolve("main"), XSG_OK);
    assert_string_equal(commit.describe, "upstream/main");
}

static void main_is_found_in_what_was_fetched_last(void **state)
{
    (void)state;
    sh("start up; commit 1; git branch other; commit 2; cd ..; git init -q repo; cd repo;"
       "git fetch -q --depth=1 file://$PWD/../up main; git checkout -q --detach FETCH_HEAD");
    open_at("repo");
    assert_int_equal(resolve("main"), XSG_OK);
    assert_string_equal(commit.oid, sh("cd up; git rev-parse main"));
    assert_string_equal(commit.describe, "main");
}

static void what_is_not_there_is_said_with_the_nearest_name(void **state)
{
    (void)state;
    sh("start repo; echo x > file; commit 1; git branch feature; git tag v1.0;"
       "git tag tree HEAD^{tree}; git tag blob HEAD:file");
    open_at("repo");
    assert_int_equal(resolve("featuer"), XSG_ENOTFOUND);
    assert_string_equal(err.text, "there is no branch, tag or commit 'featuer'; did you mean "
                                  "'feature'?");
    assert_int_equal(resolve("zzzzzzzz"), XSG_ENOTFOUND);
    assert_string_equal(err.text, "there is no branch, tag or commit 'zzzzzzzz'");
    assert_string_equal(err.hint, "if it is on the server: 'git fetch' first");
    assert_int_equal(resolve("HEAD~7"), XSG_ENOTFOUND);
    assert_text(err.text, "the history does not go that far");
    assert_int_equal(resolve("tree"), XSG_EINVAL);
    assert_string_equal(err.text, "'tree' names a tree, not a commit");
    assert_int_equal(resolve("blob"), XSG_EINVAL);
    assert_int_equal(resolve("HEAD:file"), XSG_EINVAL);
    assert_string_equal(err.text, "'HEAD:file' names a blob, not a commit");
    assert_int_equal(resolve("0123456789012345678901234567890123456789"), XSG_ENOTFOUND);
}

static void names_made_to_do_harm_are_only_names(void **state)
{
    (void)state;
    sh("start repo; commit 1; git update-ref 'refs/heads/$(pwned)' HEAD;"
       "git update-ref 'refs/heads/--upload-pack=x' HEAD; git update-ref 'refs/heads/%s%n' HEAD");
    open_at("repo");
    static const char *const there[] = {"$(pwned)", "--upload-pack=x", "%s%n"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(resolve(there[i]), XSG_OK);
    static const char *const bad[] = {"",
                                      "a\nb",
                                      "\x1b[31m",
                                      "..",
                                      "^{",
                                      "HEAD^{",
                                      "a..b",
                                      "~",
                                      "^",
                                      ":",
                                      ":/",
                                      "@{-1}",
                                      "*",
                                      "[",
                                      "\\",
                                      "//",
                                      "HEAD@{yesterday",
                                      "main^9",
                                      "-",
                                      "--all",
                                      "HEAD~99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (resolve(bad[i]) == XSG_OK)
            fail_msg("'%s' was taken for %s", bad[i], commit.oid);
        assert_true(err.text[0] != '\0');
    }
    char *longest = xsg_alloc(&repo.arena, 70000, 1);
    memset(longest, 'a', 69999);
    assert_int_equal(resolve(longest), XSG_EINVAL);
    assert_string_equal(err.text, "the name of a commit is longer than 1024 bytes");
}

static void an_ambiguous_abbreviation_is_refused(void **state)
{
    (void)state;
    /* Commits until two share their first four digits: about 300 of them. */
    char *prefix = sh("start repo; commit 1; tree=$(git rev-parse HEAD^{tree}); i=0; :> ids;"
                      "while [ $i -lt 900 ]; do i=$((i+1)); echo \"commit refs/heads/x$i\n"
                      "committer c <c> $i +0000\ndata 0\n\"; done | git fast-import --quiet "
                      "--export-marks=ignored-marks;"
                      "git for-each-ref --format='%(objectname)' refs/heads | cut -c1-4 | sort | "
                      "uniq -d | head -1");
    assert_int_equal(strlen(prefix), 4);
    open_at("repo");
    assert_int_equal(resolve(prefix), XSG_EINVAL);
    assert_text(err.text, "is ambiguous");
}

static void an_unborn_branch_says_so(void **state)
{
    (void)state;
    sh("start repo");
    open_at("repo");
    assert_int_equal(head(), XSG_ENOTFOUND);
    assert_string_equal(err.text, "the branch 'main' has no commit yet");
    assert_int_equal(resolve("HEAD"), XSG_ENOTFOUND);
    assert_string_equal(err.text, "the branch 'main' has no commit yet");
    assert_int_equal(resolve("main"), XSG_ENOTFOUND);
}

static int open_error(const char *name)
{
    err = (struct xsg_err){{0}, {0}};
    struct xsg_git *opened;
    int rc = xsg_git_open(&opened, xsg_path_join(&repo.arena, repo.folder, name), &err);
    assert_null(opened);
    return rc;
}

static void what_cannot_be_opened_says_why(void **state)
{
    (void)state;
    sh("mkdir empty; git init -q --bare bare; git init -q --object-format=sha256 new 2>/dev/null;"
       "start broken; echo '[core' > .git/config");
    assert_int_equal(open_error("nowhere"), XSG_ENOTFOUND);
    assert_text(err.text, "there is no folder '");
    assert_int_equal(open_error("empty"), XSG_ENOTFOUND);
    assert_text(err.text, "/empty' is not in a git repository");
    assert_int_equal(open_error("bare"), XSG_EINVAL);
    assert_text(err.text, "is bare: there is no work tree in it");
    assert_int_equal(open_error("new"), XSG_EINVAL);
    assert_text(err.text, "has sha256 object names; xsgate reads sha1 ones only");
    assert_int_equal(open_error("broken"), XSG_EFAILED);
    assert_text(err.text, "cannot open the git repository at '");
}

static void another_users_repository_is_refused_with_the_remedy(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a repository away\n");
        skip();
    }
    sh("start repo; commit 1; chown -R 12345 .");
    assert_int_equal(open_error("repo"), XSG_EFAILED);
    assert_text(err.text, "belongs to the user with uid 12345, not to uid 0");
    assert_string_equal(err.hint,
                        xsg_printf(&repo.arena,
                                   "if you trust it: git config --global --add safe.directory '%s'",
                                   repo.root));
    sh("git config --global --add safe.directory $R");
    open_at("repo");
}

static void extensions_that_change_nothing_are_accepted(void **state)
{
    (void)state;
    sh("start repo; mkdir in out; echo 1 > in/a; echo 1 > out/b; commit 1;"
       "git sparse-checkout set in >&2; test ! -e out/b");
    open_at("repo");
    assert_int_equal(head(), XSG_OK);
    assert_false(commit.dirty);
}

static void dirty_is_what_git_tracks(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; echo build > .gitignore; commit 1;"
       "echo x > untracked; mkdir build .xsgate; echo x > build/o; echo x > .xsgate/store.db");
    open_at("repo");
    static const struct {
        const char *change;
        bool dirty;
    } steps[] = {{"true", false},
                 {"echo 2 > a", true},
                 {"git checkout -q a; touch a", false},
                 {"git add untracked", true},
                 {"git rm -q --cached untracked", false},
                 {"rm a", true},
                 {"git checkout -q a", false},
                 {"chmod +x a", true},
                 {"chmod -x a", false},
                 {"git add -f .xsgate/store.db", false},
                 {"git rm -q --cached a", true}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sh(xsg_printf(&repo.arena, "cd repo; %s", steps[i].change));
        assert_int_equal(head(), XSG_OK);
        if (commit.dirty != steps[i].dirty)
            fail_msg("after '%s'", steps[i].change);
    }
}

static void a_changed_submodule_is_dirty(void **state)
{
    (void)state;
    sh("start sub; echo 1 > s; commit 1; cd ..; start repo;"
       "git submodule --quiet add ../sub lib/sub; commit 1");
    open_at("repo");
    static const struct {
        const char *change;
        bool dirty;
    } steps[] = {{"true", false},
                 {"echo x > lib/sub/untracked", false},
                 {"echo 2 > lib/sub/s", true},
                 {"git -C lib/sub checkout -q s", false},
                 {"git -C lib/sub commit -q --allow-empty -m 2", true},
                 {"git add lib/sub", true},
                 {"git commit -q -m 2", false},
                 {"git submodule --quiet deinit -f lib/sub", false}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sh(xsg_printf(&repo.arena, "cd repo; %s", steps[i].change));
        open_at("repo");
        assert_int_equal(head(), XSG_OK);
        if (commit.dirty != steps[i].dirty)
            fail_msg("after '%s'", steps[i].change);
    }
}

static int merge_base(const char *a, const char *b)
{
    err = (struct xsg_err){{0}, {0}};
    return xsg_git_merge_base(git, &repo.arena, a, b, &commit, &err);
}

static void the_merge_base_is_gits(void **state)
{
    (void)state;
    sh("start repo; at 1000; commit 1; at 2000; commit 2; git checkout -q -b topic; at 3000; "
       "commit 3;"
       "git checkout -q main; at 4000; commit 4; git checkout -q --orphan alone; commit 5;"
       "git checkout -q main");
    open_at("repo");
    assert_int_equal(merge_base("main", "topic"), XSG_OK);
    assert_string_equal(commit.oid, sh("cd repo; git merge-base main topic"));
    assert_string_equal(commit.subject, "2");
    assert_int_equal(merge_base("main", "main~1"), XSG_OK);
    assert_string_equal(commit.oid, sh("cd repo; git rev-parse main~1"));
    assert_int_equal(merge_base("main", "HEAD"), XSG_OK);
    assert_string_equal(commit.describe, "main");
    assert_int_equal(merge_base("main", "alone"), XSG_ENOTFOUND);
    assert_string_equal(err.text, "'main' and 'alone' have no common ancestor");
    assert_int_equal(merge_base("main", "nowhere"), XSG_ENOTFOUND);
}

/* The clone's depth decides what can be known; wherever git knows the base, so must we. */
static void the_merge_base_in_a_shallow_clone_is_gits(void **state)
{
    (void)state;
    sh("start up; for i in 1 2 3 4; do at ${i}000; commit $i; done; git checkout -q -b topic;"
       "for i in 5 6; do at ${i}000; commit $i; done; git checkout -q main; at 7000; commit 7;"
       "git checkout -q -b pull topic; at 8000; git merge -q --no-edit main");
    for (int depth = 1; depth <= 6; depth++) {
        sh(xsg_printf(&repo.arena,
                      "rm -rf repo; git clone -q --depth=%d --no-single-branch file://$PWD/up repo;"
                      "cd repo; git checkout -q --detach origin/pull",
                      depth));
        open_at("repo");
        char *theirs = sh("cd repo; git merge-base origin/main origin/topic || echo none");
        int rc = merge_base("origin/main", "origin/topic");
        if (strcmp(theirs, "none") == 0) {
            assert_int_equal(rc, XSG_ENOTFOUND);
            assert_text(err.text, "do not meet in this shallow clone");
            assert_text(err.hint, "fetch-depth: 0");
        } else {
            assert_int_equal(rc, XSG_OK);
            assert_string_equal(commit.oid, theirs);
        }
        print_message("depth %d: %s, shallow %d\n", depth, theirs, xsg_git_is_shallow(git));
    }
    assert_int_equal(resolve("HEAD~50"), XSG_ENOTFOUND);
}

static void beyond_the_end_of_a_shallow_clone_is_said(void **state)
{
    (void)state;
    sh("start up; commit 1; commit 2; cd ..; git clone -q --depth=1 file://$PWD/up repo");
    open_at("repo");
    assert_true(xsg_git_is_shallow(git));
    assert_int_equal(head(), XSG_OK);
    assert_int_equal(resolve("HEAD~1"), XSG_ENOTFOUND);
    assert_text(err.text, "in this shallow clone");
    assert_text(err.hint, "git fetch --unshallow");
    assert_int_equal(resolve(sh("cd up; git rev-parse HEAD~1")), XSG_ENOTFOUND);
    assert_text(err.text, "in this shallow clone");
}

/* Random histories with merges, in a shallow clone deep enough to hold all: our own walk must give
 * a base that git calls one of the best. */
static void random_histories_agree_with_git(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 4; seed++) {
        sh(xsg_printf(&repo.arena,
                      "rm -rf up repo; start up; export S=%d; awk 'BEGIN { srand(ENVIRON[\"S\"]);"
                      "for (i = 1; i <= 60; i++) {"
                      " printf \"commit refs/heads/b%%d\\nmark :%%d\\ncommitter c <c> %%d +0000\\n"
                      "data 0\\n\", i, i, 1000 + int(rand() * 500);"
                      " if (i > 1) { p = i - 1 - int(rand() * (i < 6 ? i - 1 : 5));"
                      "  printf \"from :%%d\\n\", p; q = 1 + int(rand() * (i - 1));"
                      "  if (q != p && rand() < 0.5) printf \"merge :%%d\\n\", q }"
                      " printf \"\\n\" } }' | git fast-import --quiet;"
                      "for i in $(seq 50); do git update-ref -d refs/heads/b$i; done; cd ..;"
                      "git clone -q --depth=8 --no-single-branch file://$PWD/up repo",
                      seed));
        open_at("repo");
        assert_true(xsg_git_is_shallow(git));
        for (int i = 60; i > 51; i--) {
            int rc = merge_base(xsg_printf(&repo.arena, "b%d", i),
                                xsg_printf(&repo.arena, "b%d", 51 + i % 5));
            char *all = sh(xsg_printf(&repo.arena,
                                      "cd repo; git merge-base --all origin/b%d origin/b%d || true",
                                      i, 51 + i % 5));
            if (rc != XSG_OK && *all)
                fail_msg("seed %d, b%d: %s", seed, i, err.text);
            else if (rc != XSG_OK)
                assert_int_equal(rc, XSG_ENOTFOUND);
            else
                assert_text(all, commit.oid);
        }
    }
}

static void a_linked_worktree_is_a_repository_too(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1; git worktree add -q ../linked -b side; cd ../linked;"
       "echo 2 > a; commit 2");
    open_at("linked");
    assert_text(xsg_git_root(git), "/linked");
    assert_int_equal(head(), XSG_OK);
    assert_string_equal(commit.describe, "side");
    assert_int_equal(merge_base("main", "HEAD"), XSG_OK);
    assert_string_equal(commit.subject, "1");
}

static void damage_is_an_error_and_not_a_crash(void **state)
{
    (void)state;
    sh("start repo; echo 1 > a; commit 1; commit 2;"
       "f=.git/objects/$(git rev-parse HEAD | sed 's,^..,&/,'); chmod +w $f; echo junk > $f");
    open_at("repo");
    assert_int_equal(head(), XSG_EFAILED);
    assert_text(err.text, "cannot read commit");
    sh("cd repo; echo 'ref: refs/heads/..bad' > .git/HEAD");
    open_at("repo");
    assert_true(head() != XSG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(a_branch_is_called_by_its_name),
        TEST(it_is_found_from_a_folder_inside),
        TEST(a_detached_head_is_called_after_the_nearest_tag),
        TEST(every_spelling_is_resolved_as_git_does),
        TEST(main_is_found_where_only_the_remote_has_it),
        TEST(main_is_found_in_what_was_fetched_last),
        TEST(what_is_not_there_is_said_with_the_nearest_name),
        TEST(names_made_to_do_harm_are_only_names),
        TEST(an_ambiguous_abbreviation_is_refused),
        TEST(an_unborn_branch_says_so),
        TEST(what_cannot_be_opened_says_why),
        TEST(another_users_repository_is_refused_with_the_remedy),
        TEST(extensions_that_change_nothing_are_accepted),
        TEST(dirty_is_what_git_tracks),
        TEST(a_changed_submodule_is_dirty),
        TEST(the_merge_base_is_gits),
        TEST(the_merge_base_in_a_shallow_clone_is_gits),
        TEST(beyond_the_end_of_a_shallow_clone_is_said),
        TEST(random_histories_agree_with_git),
        TEST(a_linked_worktree_is_a_repository_too),
        TEST(damage_is_an_error_and_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
