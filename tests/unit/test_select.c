/* Which commit is compared with, and which stored run is comparable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "baseline/select.h"
#include "tests/unit/sample_run.h"
#include "tests/unit/temp_repo.h"

static struct temp_repo repo;
static struct xsg_git *git;
static struct xsg_selection selection;
static struct xsg_err err;

static int setup(void **state)
{
    (void)state;
    git = NULL;
    return temp_repo_start(&repo);
}

static int teardown(void **state)
{
    (void)state;
    xsg_git_close(git);
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

static int choose(const char *reference, const char *head)
{
    xsg_git_close(git);
    err = (struct xsg_err){{0}, {0}};
    assert_int_equal(xsg_git_open(&git, repo.root, &err), XSG_OK);
    return xsg_select_base(git, &repo.arena, reference, head, &selection, &err);
}

static void the_base_is_where_the_branch_left(void **state)
{
    (void)state;
    sh("start repo; at 1000; commit 1; at 2000; commit 2; git checkout -q -b topic; at 3000; "
       "commit 3;"
       "git checkout -q main; at 4000; commit 4; git checkout -q topic");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, sh("cd repo; git merge-base main topic"));
    assert_string_equal(selection.how, "merge base of main and HEAD");
    assert_false(selection.same_as_head);
    assert_int_equal(choose("main", "main"), XSG_OK);
    assert_true(selection.same_as_head);
    assert_int_equal(choose("topic", "main~1"), XSG_OK);
    assert_string_equal(selection.how, "merge base of topic and main~1");
    assert_true(selection.same_as_head);
}

static void what_cannot_be_compared_says_why(void **state)
{
    (void)state;
    sh("start repo; commit 1; git checkout -q --orphan other; commit 2");
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
    assert_string_equal(err.text, "'main' and 'HEAD' have no common ancestor");
    assert_int_equal(choose("nowhere", NULL), XSG_ENOTFOUND);
    assert_int_equal(choose("main", "nowhere"), XSG_ENOTFOUND);
}

/* A pull request as CI checks it out: the merge commit, detached, without a local main. */
static void pull_request(int depth, const char *also)
{
    sh(xsg_printf(
        &repo.arena,
        "rm -rf up repo; start up; at 1000; commit 1; git checkout -q -b topic; at 2000;"
        "commit 2; at 3000; commit 3; git checkout -q main; at 4000; commit 4;"
        "git checkout -q -b pull; at 5000; git merge -q --no-edit topic;"
        "git update-ref refs/pull/1/merge HEAD; git checkout -q main; git branch -q -D pull;"
        "cd ..; git init -q repo; cd repo; git remote add origin file://$PWD/../up;"
        "git fetch -q --depth=%d origin +refs/pull/1/merge:refs/remotes/pull/1/merge;"
        "git checkout -q --detach refs/remotes/pull/1/merge; %s",
        depth, also));
}

static void a_pull_requests_checkout_finds_its_base_at_any_depth(void **state)
{
    (void)state;
    pull_request(1, "true");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, sh("cd up; git rev-parse main"));
    assert_string_equal(selection.how, "first parent of the merge commit HEAD (shallow clone)");
    pull_request(1,
                 "git fetch -q --depth=1 origin main; git update-ref -d refs/remotes/origin/main");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    pull_request(2, "true");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    pull_request(50, "git fetch -q origin main");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    assert_string_equal(selection.how, "merge base of main and HEAD");
}

static void a_branch_in_a_shallow_clone_falls_back_on_the_reference(void **state)
{
    (void)state;
    sh("start up; at 1000; commit 1; git checkout -q -b topic; at 2000; commit 2; git checkout -q "
       "main;"
       "at 3000; commit 3; cd ..; git clone -q --depth=1 --no-single-branch file://$PWD/up repo;"
       "cd repo; git checkout -q topic");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "3");
    assert_string_equal(selection.how,
                        "main itself, as the merge base is beyond this shallow clone");
    assert_int_equal(choose("nowhere", NULL), XSG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "fetch-depth: 0"));
}

static void numbers_are_comparable_by_environment_and_suite(void **state)
{
    (void)state;
    struct xsg_run run = sample_run(&repo.arena, 1, 1, 1);
    struct xsg_environment now = run.environment;
    assert_null(xsg_select_differs(&repo.arena, &run, &now, "feedface"));
    assert_null(xsg_select_differs(&repo.arena, &run, &now, NULL));
    assert_string_equal(xsg_select_differs(&repo.arena, &run, &now, "other"),
                        "it measured something else: commands, profiles or the build line have "
                        "changed");
    now.fingerprint = "fedcba9876543210";
    now.kernel = "6.2";
    now.cores = 4;
    assert_string_equal(xsg_select_differs(&repo.arena, &run, &now, "feedface"),
                        "it was measured in another environment (cores: '2' there, '4' here; "
                        "kernel: '6.1' there, '6.2' here)");
    assert_null(xsg_select_differs(&repo.arena, &run, NULL, "feedface"));
    now.fingerprint = NULL;
    assert_string_equal(xsg_select_differs(&repo.arena, &run, &now, "feedface"),
                        "the environment that it was measured in is not known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(the_base_is_where_the_branch_left),
        TEST(what_cannot_be_compared_says_why),
        TEST(a_pull_requests_checkout_finds_its_base_at_any_depth),
        TEST(a_branch_in_a_shallow_clone_falls_back_on_the_reference),
        TEST(numbers_are_comparable_by_environment_and_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
