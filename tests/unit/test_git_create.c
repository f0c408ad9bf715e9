/* Repositories of our own: what libgit2 writes must be what git reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "baseline/git.h"
#include "tests/unit/temp_repo.h"

static void test_git_reads_what_was_made(void **state)
{
    struct temp_repo repo;
    struct xsg_git *git = NULL;
    struct xsg_commit one, two;
    struct xsg_err err = {0};
    char *text;
    (void)state;
    assert_int_equal(temp_repo_start(&repo), 0);
    assert_int_equal(xsg_git_create(repo.root, &err), 0);
    assert_int_equal(xsg_git_open(&git, repo.root, &err), 0);
    assert_int_equal(xsg_git_commit_file(git, &repo.arena, "factor", "1\n", "first", &one, &err),
                     0);
    assert_int_equal(xsg_git_commit_file(git, &repo.arena, "other", "2\n", "second", &two, &err),
                     0);
    assert_string_equal(two.subject, "second");
    xsg_git_close(git);
    setenv("OID", two.oid, 1);
    text = temp_repo_sh(&repo, "cd \"$R\"; git fsck --strict 2>&1; git log --format=%s main\n"
                               "git show \"$OID:factor\" \"$OID:other\"");
    assert_non_null(text);
    assert_string_equal(text, "second\nfirst\n1\n2");
    temp_repo_end(&repo);
}

static void test_nothing_that_is_there_is_taken_over(void **state)
{
    struct temp_repo repo;
    struct xsg_err err = {0};
    (void)state;
    assert_int_equal(temp_repo_start(&repo), 0);
    assert_int_equal(xsg_git_create(repo.root, &err), 0);
    assert_int_equal(xsg_git_create(repo.root, &err), XSG_EFAILED);
    assert_non_null(strstr(err.text, "cannot make a git repository at"));
    temp_repo_end(&repo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_git_reads_what_was_made),
        cmocka_unit_test(test_nothing_that_is_there_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
