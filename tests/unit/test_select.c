/* Which commit is compared with, and which stored run is comparable. */
#include "baseline/select.h"
#include "tests/unit/sample_run.h"
#include "tests/unit/opened_repo.h"

static struct xsg_selection selection;
static struct xsg_select_request request;

static int setup(void **state)
{
    (void)state;
    git = NULL;
    request = (struct xsg_select_request){0};
    return temp_repo_start(&repo);
}

static int choose(const char *reference, const char *head)
{
    xsg_git_close(git);
    err = (struct xsg_err){{0}, {0}};
    request.reference = reference;
    request.head = head;
    assert_int_equal(xsg_git_open(&git, repo.root, &err), XSG_OK);
    return xsg_select_base(git, &repo.arena, &request, &selection, &err);
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
    assert_string_equal(selection.how, "first parent of the merge commit HEAD");
    pull_request(1,
                 "git fetch -q --depth=1 origin main; git update-ref -d refs/remotes/origin/main");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    assert_string_equal(selection.how, "main, a parent of HEAD");
    pull_request(2, "true");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    pull_request(50, "git fetch -q origin main");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    assert_string_equal(selection.how, "merge base of main and HEAD");
}

/* The base itself is fetched, one commit of it, and nothing else. */
static void what_a_depth_of_one_lacks_is_fetched(void **state)
{
    (void)state;
    pull_request(1, "true");
    request = (struct xsg_select_request){.fetch = true};
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "4");
    assert_string_equal(selection.base.describe, "main");
    assert_string_equal(sh("cd repo; git cat-file --batch-all-objects --batch-check | grep -c "
                           "commit"),
                        "2");
}

static void the_event_says_what_the_forge_merged(void **state)
{
    (void)state;
    pull_request(1, "cd ../up; at 6000; commit 6");
    request = (struct xsg_select_request){.event = "pull_request",
                                          .event_base = sh("cd up; git rev-parse main"),
                                          .event_ref = "main",
                                          .forge_merge = true,
                                          .fetch = true};
    const char *merged = sh("cd up; git rev-parse main~1");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, merged); /* not the newer one that the event names */
    assert_string_equal(selection.base.subject, "4");
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, merged);
    request.event_base = merged;
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, merged);
    assert_string_equal(selection.base.describe, "main");
    assert_string_equal(selection.how, xsg_printf(&repo.arena,
                                                  "the event's base %.10s, a parent "
                                                  "of HEAD",
                                                  merged));
}

static void another_branch_than_the_events_is_looked_for(void **state)
{
    (void)state;
    pull_request(1, "cd ../up; git branch old main~1");
    request = (struct xsg_select_request){.event = "pull_request",
                                          .event_base = sh("cd up; git rev-parse main"),
                                          .event_ref = "main",
                                          .forge_merge = true,
                                          .fetch = true};
    assert_int_equal(choose("old", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "1");
    assert_string_equal(selection.how, "merge base of old and HEAD, after fetching history");
}

/* What the developer merged: the first parent is the branch itself. */
static void main_merged_into_a_branch_is_no_merge_of_the_forge(void **state)
{
    (void)state;
    sh("start up; at 1000; commit 1; git checkout -q -b topic; at 2000; commit 2; git checkout -q "
       "main; at 3000; commit 3; git checkout -q topic; at 4000; git merge -q --no-edit main;"
       "cd ..; git clone -q --depth=1 -b topic file://$PWD/up repo");
    request = (struct xsg_select_request){.event = "push", .fetch = true};
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "3");
    assert_string_equal(selection.how, "main, a parent of HEAD");
}

static void branch_in_shallow(const char *also)
{
    sh(xsg_printf(&repo.arena,
                  "rm -rf up repo; start up; at 1000; commit 1; at 1500; commit 2;"
                  "git checkout -q -b topic;"
                  "for i in 1 2 3 4; do at 2000; commit t$i; done; git checkout -q main;"
                  "for i in 1 2 3; do at 3000; commit m$i; done; git checkout -q topic; cd ..;"
                  "git clone -q --depth=1 file://$PWD/up repo; cd repo; %s",
                  also));
}

static void history_is_fetched_until_it_meets(void **state)
{
    (void)state;
    branch_in_shallow("true");
    request.fetch = true;
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "2");
    assert_string_equal(selection.how, "merge base of main and HEAD, after fetching history");
    branch_in_shallow("git remote rename origin upstream");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "2");
}

/* Never the newest commit of main: what changed there since is not the branch's doing. */
static void without_fetching_a_missing_history_is_an_error(void **state)
{
    (void)state;
    branch_in_shallow("git fetch -q --depth=1 origin main:main");
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
    assert_string_equal(err.text, "where HEAD left main is beyond the end of this shallow clone");
    assert_non_null(strstr(err.hint, "fetch-depth: 0"));
    assert_int_equal(choose("nowhere", NULL), XSG_ENOTFOUND);
    assert_string_equal(err.text,
                        "there is no branch, tag or commit 'nowhere' in this shallow clone");
    assert_non_null(strstr(err.hint, "fetch-depth: 0"));
    branch_in_shallow("git fetch -q --depth=1 origin main:main; rm -rf ../up");
    request.fetch = true;
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
}

static const char *forge_answer;
static char forge_asked[200];

static int ask(void *arg, struct xsg_arena *arena, const char *base, const char *head,
               const char **oid, struct xsg_err *why)
{
    (void)arg;
    snprintf(forge_asked, sizeof forge_asked, "%s...%s", base, head);
    *oid = xsg_strdup(arena, forge_answer);
    return forge_answer ? XSG_OK : xsg_fail(why, XSG_EBUSY, "the forge is down");
}

static void the_forge_is_asked_where_git_cannot_tell(void **state)
{
    (void)state;
    branch_in_shallow("git fetch -q --depth=1 origin main:main; git remote remove origin");
    request.fetch = true;
    request.ask = ask;
    forge_answer = sh("cd up; git rev-parse main~3");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.oid, forge_answer);
    assert_string_equal(selection.how, "merge base of main and HEAD, as the forge says");
    assert_string_equal(forge_asked,
                        sh("cd up; printf '%s...%s' $(git rev-parse main) $(git rev-parse topic)"));
    forge_answer = "--upload-pack=touch";
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
    forge_answer = NULL;
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
}

/* A clone of one branch with all its history must not become a shallow one. */
static void a_whole_clone_of_one_branch_stays_whole(void **state)
{
    (void)state;
    branch_in_shallow("cd ..; rm -rf repo; git clone -q --single-branch file://$PWD/up repo");
    request.fetch = true;
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "2");
    assert_string_equal(sh("cd repo; git rev-parse --is-shallow-repository"), "false");
}

static void before_main_is_born_the_first_run_is_one(void **state)
{
    (void)state;
    sh("git init -q -b topic repo; cd repo; commit 1");
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_true(selection.none);
    assert_string_equal(selection.how, "there is no 'main' yet");
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_true(selection.none);
    assert_int_equal(choose("v1.0", NULL), XSG_ENOTFOUND);
    sh("mv repo up; git clone -q file://$PWD/up repo");
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND); /* the remote was not asked */
    request.fetch = true;
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_true(selection.none);
    sh("cd up; git checkout -q -b other; commit 2; cd ../repo; git fetch -q");
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
    assert_false(selection.none);
}

static void what_events_name_is_what_auto_means(void **state)
{
    (void)state;
    sh("start repo; at 1000; commit 1; at 2000; commit 2; at 3000; commit 3");
    request.event = "push";
    request.event_base = sh("cd repo; git rev-parse HEAD~2");
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "1");
    request.event_base = "0123456789012345678901234567890123456789"; /* a forced push */
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_true(selection.same_as_head);
    request.event_base = NULL; /* a new branch, a schedule */
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_true(selection.same_as_head);
    sh("cd repo; git checkout -q -b topic; at 4000; commit 4");
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "3");
    assert_string_equal(selection.how, "merge base of main and HEAD");
}

/* What waits before it in the queue is not its doing, though main does not have it yet. */
static void a_merge_queues_entry_stands_on_the_one_before(void **state)
{
    (void)state;
    sh("start repo; at 1000; commit 1; git checkout -q -b queue; at 2000; commit 2; at 3000; "
       "commit "
       "3");
    request = (struct xsg_select_request){.event = "merge_group",
                                          .event_base = sh("cd repo; git rev-parse HEAD~1"),
                                          .event_ref = "main",
                                          .event_exact = true};
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "2");
    assert_int_equal(choose("auto", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "2");
    request.event_ref = "other";
    assert_int_equal(choose("main", NULL), XSG_OK);
    assert_string_equal(selection.base.subject, "1");
}

/* The names of what is fetched come from the user and from events. */
static void nothing_that_is_named_becomes_an_option(void **state)
{
    (void)state;
    static const char *const names[] = {"--upload-pack=touch ../owned", "-h", "+main:main",
                                        "main:main", "a b"};
    branch_in_shallow("git branch -q -m HEAD x 2>/dev/null || true");
    request.fetch = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_not_equal(choose(names[i], NULL), XSG_OK);
        assert_string_equal(sh("ls owned 2>/dev/null || true"), "");
    }
    sh("cd repo; git config remote.-x.url file:///; git remote remove origin");
    assert_int_equal(choose("main", NULL), XSG_ENOTFOUND);
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
        TEST(what_a_depth_of_one_lacks_is_fetched),
        TEST(the_event_says_what_the_forge_merged),
        TEST(another_branch_than_the_events_is_looked_for),
        TEST(main_merged_into_a_branch_is_no_merge_of_the_forge),
        TEST(history_is_fetched_until_it_meets),
        TEST(without_fetching_a_missing_history_is_an_error),
        TEST(the_forge_is_asked_where_git_cannot_tell),
        TEST(a_whole_clone_of_one_branch_stays_whole),
        TEST(before_main_is_born_the_first_run_is_one),
        TEST(what_events_name_is_what_auto_means),
        TEST(a_merge_queues_entry_stands_on_the_one_before),
        TEST(nothing_that_is_named_becomes_an_option),
        TEST(numbers_are_comparable_by_environment_and_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
