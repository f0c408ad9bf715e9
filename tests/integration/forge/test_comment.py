"""The one comment, the check, the status: what the forge has afterwards, and what was asked of it."""
import threading
import unittest

from common import END, HEAD, MARKER, TOKEN, ForgeTest, main


class Comment(ForgeTest):
    def test_made_then_kept_then_removed(self):
        first = self.comment("it is slower")
        self.assertEqual(first.code, 0, first.text)
        self.assertEqual(self.bodies(), ["it is slower\n\n" + MARKER])
        self.assertIn("issuecomment-", first.url)
        again = self.comment("all is well")
        self.assertEqual(again.url, first.url)
        self.assertEqual(self.bodies(), ["all is well\n\n" + MARKER])
        self.drive("delete", "xsgate")
        self.assertEqual(self.bodies(), [])
        self.assertEqual(self.drive("delete", "xsgate").code, 0)

    def test_an_unchanged_text_is_not_written(self):
        self.comment("same")
        self.forge.comments[0]["body"] = self.forge.comments[0]["body"].replace("\n", "\r\n") + "\n"
        self.comment("same\n")
        self.assertEqual([r["method"] for r in self.forge.seen if r["method"] != "GET"], ["POST"])

    def test_what_every_request_carries(self):
        self.comment()
        for request in self.forge.seen:
            headers = request["headers"]
            self.assertEqual(headers["authorization"], "Bearer " + TOKEN)
            self.assertEqual(headers["accept"],
                             "application/vnd.github+json, application/json;q=0.9")
            self.assertEqual(headers["x-github-api-version"], "2022-11-28")
            self.assertRegex(headers["user-agent"], r"^xsgate/\d")

    def test_update_only(self):
        self.assertEqual(self.comment("passed", command="keep").url, "")
        self.assertEqual(self.bodies(), [])
        self.comment("slower")
        self.comment("passed", command="keep")
        self.assertEqual(self.bodies(), ["passed\n\n" + MARKER])

    def test_only_ours_is_edited(self):
        """The marker by another author, within a text, of another gate: all left alone."""
        foreign = [self.forge.add_comment("hijacked\n\n" + MARKER, "mallory", "User"),
                   self.forge.add_comment("impersonated\n\n" + MARKER, kind="User"),
                   self.forge.add_comment(END + " and then some"),
                   self.forge.add_comment("other gate\n\n<!-- xsgate:xsgate-2 -->")]
        self.forge.comments.append({"id": 5, "body": MARKER, "user": None, "html_url": "x"})
        self.forge.comments.append({"id": "6", "body": MARKER, "user": {}})
        self.forge.comments.append("no object")
        before = list(self.bodies_of(foreign))
        self.comment("ours")
        self.assertEqual(list(self.bodies_of(foreign)), before)
        self.assertEqual(len(self.forge.requests("POST")), 1)
        self.comment("ours again")
        self.assertEqual(len(self.forge.requests("POST")), 1)
        self.assertEqual(len(self.forge.requests("PATCH")), 1)

    def bodies_of(self, numbers):
        return (c["body"] for c in self.forge.comments
                if isinstance(c, dict) and c["id"] in numbers)

    def test_two_of_ours(self):
        oldest = self.forge.add_comment("old\n\n" + MARKER)
        self.forge.add_comment("younger\n\n" + MARKER)
        said = self.comment("new")
        self.assertIn("there are 2 comments of this gate", said.text)
        self.assertEqual(self.bodies(), ["new\n\n" + MARKER, "younger\n\n" + MARKER])
        self.assertIn(str(oldest), self.forge.requests("PATCH")[0]["path"])
        self.drive("delete", "xsgate")
        self.assertEqual(self.bodies(), [])

    def test_found_on_the_last_page(self):
        for i in range(250):
            self.forge.add_comment(f"talk {i}", "someone", "User")
        self.forge.add_comment("old\n\n" + MARKER)
        self.comment("new")
        self.assertEqual(self.bodies()[-1], "new\n\n" + MARKER)
        self.assertEqual(len(self.bodies()), 251)

    def test_who_we_are(self):
        """A personal token may ask; a configured login is not asked for."""
        self.forge.may_ask_user = True
        self.forge.login = "ci-person"
        self.forge.add_comment("theirs\n\n" + MARKER, "github-actions[bot]")
        mine = self.forge.add_comment("mine\n\n" + MARKER, "ci-person", "User")
        self.comment("new")
        self.assertEqual(list(self.bodies_of([mine])), ["new\n\n" + MARKER])
        self.forge.seen.clear()
        self.comment("newer", "--login", "ci-person")
        self.assertEqual(self.forge.requests("GET", "/user"), [])
        self.assertEqual(list(self.bodies_of([mine])), ["newer\n\n" + MARKER])

    def test_an_older_run(self):
        """Its push is history: what the newer one's run said stays; a repeated attempt is no older."""
        self.comment("new", environment=self.environment(GITHUB_RUN_ID="1000"))
        said = self.comment("old", environment=self.environment(GITHUB_RUN_ID="999"))
        self.assertEqual(said.code, 0)
        self.assertIn("of a newer run", said.text)
        self.assertIn("issuecomment-", said.url)
        self.assertEqual(self.bodies(), ["new\n\n<!-- xsgate-run:1000 -->\n" + END])
        self.comment("again", environment=self.environment(GITHUB_RUN_ID="1000",
                                                           GITHUB_RUN_ATTEMPT="2"))
        self.assertTrue(self.bodies()[0].startswith("again"))
        self.comment("by hand", environment=self.environment(GITHUB_RUN_ID=""))
        self.assertEqual(self.bodies(), ["by hand\n\n" + END])

    def test_an_apps_token(self):
        """It may not ask who it is, and is not whom we guess: found out by what it posts."""
        self.forge.login = "my-app[bot]"
        first = self.comment("one")
        self.assertIn("'login: \"my-app[bot]\"'", first.text)
        second = self.comment("two")
        self.assertEqual(self.bodies(), ["two\n\n" + MARKER])
        self.assertEqual((first.code, second.code, second.url), (0, 0, first.url))
        self.forge.seen.clear()
        said = self.comment("three", "--login", "my-app[bot]")
        self.assertNotIn("login", said.text)
        self.assertEqual([r["method"] for r in self.forge.seen], ["GET", "PATCH"])

    def test_posted_and_then_blind(self):
        """The list fails after the POST: the comment is there, and that is said."""
        self.forge.fault("GET", "/comments", "answer", nth=2, status=404, body="{}")
        said = self.comment("x")
        self.assertEqual(said.code, 0, said.text)
        self.assertIn("issuecomment-", said.url)

    def test_a_list_that_lags(self):
        """What was posted is not in the list yet."""
        self.forge.fault("GET", "/comments", "answer", nth=2, status=200, body="[]")
        said = self.comment("x")
        self.assertEqual(said.code, 0, said.text)
        self.assertIn("issuecomment-", said.url)

    def test_ids(self):
        for name in ("", "a b", "a--b", "x" * 101, "-->", "a\nb"):
            said = self.drive("comment", name, self.body("x"))
            self.assertIn("no gate's id", said.text)
        self.assertEqual(self.forge.seen, [])

    def test_length(self):
        """The forge counts characters; a body that it would refuse is not sent."""
        room = 65536 - len(MARKER) - 2
        self.assertEqual(self.comment("é" * room).code, 0)
        self.assertEqual(len(self.bodies()[0]), 65536)
        said = self.comment("é" * (room + 1))
        self.assertIn("longer than the 65536 characters", said.error)
        said = self.comment("\U0001f680" * (room // 2 + 1))
        self.assertIn("longer than", said.error)
        self.assertEqual(len(self.forge.requests("PATCH")), 0)

    def test_two_gates_at_once(self):
        """Both look, see none and post; one comment is left, whoever was first."""
        body = self.body("slower")
        for _ in range(5):
            self.forge.comments.clear()
            self.forge.barrier = threading.Barrier(2)
            processes = [self.start("comment", "xsgate", body) for _ in range(2)]
            for process in processes:
                self.assertEqual(self.finish(process).code, 0)
            self.forge.barrier = None
            self.assertEqual(self.bodies(), ["slower\n\n" + MARKER])

    def test_writes_are_spaced(self):
        self.comment("x")
        self.forge.seen.clear()
        self.assertIn(1.0, [round(s, 0) for s in self.drive("check", "xsgate", "60").seconds])


class CheckAndStatus(ForgeTest):
    def test_check(self):
        for n, batches in ((0, 1), (1, 1), (50, 1), (51, 2), (120, 3)):
            self.forge.checks.clear()
            self.forge.seen.clear()
            self.assertEqual(self.drive("check", "xsgate", str(n)).code, 0)
            (check,) = self.forge.checks
            self.assertEqual((check["name"], check["head_sha"], check["status"],
                              check["conclusion"]), ("xsgate", HEAD, "completed", "failure"))
            self.assertEqual([a["start_line"] for a in check["annotations"]],
                             list(range(1, n + 1)))
            self.assertEqual(check["output"]["title"], "a title")
            self.assertIn(b'"in_progress"', self.forge.requests("POST")[0]["body"])
            self.assertEqual(len(self.forge.requests("PATCH")), batches)
            for request in self.forge.requests("PATCH")[:-1]:
                self.assertIn(b'"in_progress"', request["body"])

    def test_a_lost_check_is_not_made_twice(self):
        self.forge.fault("POST", "/check-runs$", "reset", done=True)
        self.assertEqual(self.drive("check", "xsgate", "1").code, 0)
        self.assertEqual([c["status"] for c in self.forge.checks], ["completed"])

    def test_status(self):
        long = "é" * 200
        self.assertEqual(self.drive("status", "xsgate", long).code, 0)
        (status,) = self.forge.statuses
        self.assertEqual(status, {"sha": HEAD, "state": "failure", "context": "xsgate",
                                  "description": "é" * 70,
                                  "target_url": "https://github.com/o/r/actions/runs/77"})

    def test_commits(self):
        self.forge.merge_base = "a" * 40
        self.forge.pulls[7] = HEAD
        self.assertEqual(self.drive("merge-base", "feature/a b", HEAD).oid, "a" * 40)
        self.assertEqual(self.forge.compared, "feature/a b..." + HEAD)
        self.assertEqual(self.drive("pull-head", "7").oid, HEAD)
        self.assertIn("404", self.drive("pull-head", "8").error)
        self.forge.merge_base = "../../etc"
        said = self.drive("merge-base", "main", HEAD)
        self.assertIn("no merge_base_commit.sha", said.error)
        self.assertEqual(said.oid, "")


class GitLab(ForgeTest):
    def setUp(self):
        super().setUp()
        self.forge.may_ask_user = True
        self.forge.login = "project_42_bot"

    def test_note(self):
        self.forge.add_comment("changed the description\n\n" + END, system=True)
        self.forge.add_comment("pasted\n\n" + END, "mallory")
        said = self.comment("slower", environment=self.gitlab())
        self.assertEqual(said.code, 0, said.text)
        self.assertRegex(said.url, r"^https://gitlab.test/o/r/-/merge_requests/7#note_\d+$")
        self.assertEqual(self.bodies()[2:], ["slower\n\n" + END])
        self.comment("faster", environment=self.gitlab())
        self.assertEqual(self.bodies()[2:], ["faster\n\n" + END])
        self.assertEqual(len(self.forge.requests("PUT", "/projects/42/merge_requests/7/notes/")), 1)
        for request in self.forge.seen:
            self.assertEqual(request["headers"]["private-token"], TOKEN)
            self.assertNotIn("authorization", request["headers"])
        self.drive("delete", "xsgate", environment=self.gitlab())
        self.assertEqual(len(self.bodies()), 2)

    def test_a_project_by_its_path(self):
        self.comment(environment=self.gitlab(CI_PROJECT_ID="group/sub project"))
        self.assertTrue(self.forge.requests("POST", "/projects/group%2Fsub%20project/"))

    def test_the_job_token_cannot(self):
        self.forge.may_ask_user = False
        said = self.comment(environment=self.gitlab())
        self.assertNotEqual(said.code, 0)
        self.assertEqual(self.bodies(), [])
        said = self.comment(environment=self.gitlab(GITLAB_TOKEN="wrong_token_0000"))
        self.assertIn("401", said.error)

    def test_no_checks_there(self):
        said = self.drive("check", "xsgate", "0", environment=self.gitlab())
        self.assertIn("GitLab has none", said.error)
        self.assertIn("GitLab has none",
                      self.drive("status", "a", "b", environment=self.gitlab()).error)
        self.assertEqual(self.forge.seen, [])

    def test_two_gates_at_once(self):
        self.forge.barrier = threading.Barrier(2)
        body = self.body("slower")
        processes = [self.start("comment", "xsgate", body, environment=self.gitlab())
                     for _ in range(2)]
        for process in processes:
            self.assertEqual(self.finish(process).code, 0)
        self.assertEqual(len(self.bodies()), 1)


if __name__ == "__main__":
    main()
