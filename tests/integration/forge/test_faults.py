"""A forge that fails, stalls, lies and redirects: what is repeated, after how long, and what never is.

Waits are the driver's clock, which is moved on instead of waited for. Every test asserts what the
server saw; the token is looked for in all that was printed.
"""
import os
import shutil
import subprocess
import time
import unittest
from email.utils import formatdate

from common import MARKER, TOKEN, ForgeTest, main
import server as fault_server

COMMENTS = "/comments"


class Limits(ForgeTest):
    def limited(self, status, headers, words="", nth=1, budget="60"):
        self.forge.fault("GET", COMMENTS, "answer", nth=nth, status=status, headers=headers,
                         body='{"message": "%s"}' % words)
        return self.comment("x", "--budget", budget)

    def test_retry_after(self):
        for status in (403, 429):
            self.forge.seen.clear()
            said = self.limited(status, {"Retry-After": "2"})
            self.assertEqual((said.code, said.seconds[0]), (0, 2.0), said.text)
        date = "Sat, 21 Nov 2026 07:00:00 GMT"
        said = self.limited(429, {"Retry-After": "Sat, 21 Nov 2026 07:00:09 GMT", "Date": date})
        self.assertEqual(said.seconds[0], 9.0)

    def test_retry_after_wins(self):
        said = self.limited(403, {"Retry-After": "3", "X-RateLimit-Remaining": "0",
                                  "X-RateLimit-Reset": "99999999999"})
        self.assertEqual((said.code, said.seconds[0]), (0, 3.0))

    def test_reset_by_the_answers_date(self):
        """The runner's clock may be wrong by any amount."""
        now = 1795240000
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(now + 5),
                   "Date": formatdate(now, usegmt=True)}
        self.assertEqual(self.limited(403, headers).seconds[0], 6.0)

    def test_a_reset_in_an_hour(self):
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795243600",
                   "Date": formatdate(1795240000, usegmt=True)}
        said = self.limited(403, headers, "API rate limit exceeded")
        self.assertEqual((said.code, said.seconds), (-7, []), said.text)
        self.assertIn("waiting 3601 s more would take longer than the 60 s", said.error)
        self.assertEqual(self.bodies(), [])

    def test_secondary_limit_without_headers(self):
        self.forge.fault("GET", COMMENTS, "answer", nth=1, status=403,
                         body='{"message": "You have exceeded a secondary rate limit"}')
        self.forge.fault("GET", COMMENTS, "answer", nth=1, status=429, body="{}")
        said = self.comment("x", "--budget", "600")
        self.assertEqual((said.code, said.seconds[:2]), (0, [60.0, 120.0]), said.text)

    def test_limits_end(self):
        said = self.limited(429, {"Retry-After": "1"}, nth=0, budget="600")
        self.assertNotEqual(said.code, 0)
        self.assertEqual(len(self.forge.requests("GET", COMMENTS)), 5)

    def test_a_limited_post_is_repeated(self):
        """It was refused, so it was not carried out."""
        self.forge.fault("POST", COMMENTS, "answer", status=403, headers={"Retry-After": "4"},
                         body='{"message": "secondary rate limit"}')
        said = self.comment("x")
        self.assertEqual((said.code, said.seconds[0]), (0, 4.0))
        self.assertEqual(len(self.bodies()), 1)


class Refusals(ForgeTest):
    def refused(self, status, words, method="POST"):
        self.forge.fault(method, COMMENTS, "answer", nth=0, status=status,
                         body='{"message": "%s"}' % words)
        said = self.comment("x")
        self.assertNotEqual(said.code, 0)
        self.assertEqual(len(self.forge.requests(method, COMMENTS)), 1, "repeated")
        self.assertEqual(said.seconds, [])
        return said

    def test_permission(self):
        said = self.refused(403, "Resource not accessible by integration")
        self.assertIn("403: Resource not accessible by integration", said.error)
        self.assertIn("pull-requests: write", said.hint)

    def test_a_forks_token(self):
        event = os.path.join(self.folder.name, "fork.json")
        with open(event, "w", encoding="utf-8") as file:
            file.write('{"number": 7, "repository": {"full_name": "o/r"},'
                       '"pull_request": {"head": {"repo": null}}}')
        self.forge.fault("POST", COMMENTS, "answer", status=403, body="{}")
        said = self.comment("x", environment=self.environment(GITHUB_EVENT_PATH=event))
        self.assertIn("from a fork", said.hint)

    def test_others(self):
        for status, words in ((401, "Bad credentials"), (404, "Not Found"), (410, "Gone"),
                              (422, "Validation Failed")):
            self.forge.faults.clear()
            self.forge.seen.clear()
            said = self.refused(status, words)
            self.assertIn(f"{status}: {words}", said.error)

    def test_the_errors_of_a_422(self):
        self.forge.fault("POST", COMMENTS, "answer", status=422, body=(
            '{"message": "Validation Failed", "errors": [{"message": "Body is too long"}]}'))
        self.assertIn("422: Validation Failed; Body is too long", self.comment("x").error)

    def test_an_echoed_token(self):
        said = self.refused(422, "you sent " + TOKEN)
        self.assertIn("repeats the token", said.error)

    def test_terminal_escapes_in_words(self):
        said = self.refused(422, "\\u001b[2Jgone\\n::error::x")
        self.assertIn("\\x1b[2Jgone\\x0a::error::x", said.error)

    def test_tokens_that_are_none(self):
        for token in ("short", "a" * 5000, "has a blank in it", "line\x01break-12345"):
            said = self.comment("x", environment=self.environment(GITHUB_TOKEN=token))
            self.assertIn("the token", said.error)
        self.assertIn("no token", self.comment(
            "x", environment=self.environment(GITHUB_TOKEN="")).error)
        self.assertEqual(self.forge.seen, [])

    def test_a_token_with_a_line_end(self):
        self.assertEqual(self.comment(
            "x", environment=self.environment(GITHUB_TOKEN=TOKEN + "\n")).code, 0)

    def test_plain_http_elsewhere(self):
        for url in ("http://forge.example", "http://127.0.0.1.evil.example", "ftp://forge.example",
                    "http://127.0.0.1@evil.example", "http://127.0.0.1\\@evil.example"):
            said = self.comment("x", environment=self.environment(GITHUB_API_URL=url))
            self.assertRegex(said.error, "not https|is no URL", url)


class Faults(ForgeTest):
    def test_server_errors_pass(self):
        for status, body in ((500, "{}"), (502, "<html>Bad gateway</html>"), (503, "")):
            self.forge.fault("GET", COMMENTS, "answer", nth=1, status=status, body=body,
                             headers={"Content-Type": "text/html"})
            said = self.comment(str(status))
            self.assertEqual(said.code, 0, said.text)
            self.assertTrue(0.5 <= said.seconds[0] <= 1.5, said.text)

    def test_server_errors_stay(self):
        self.forge.fault("GET", COMMENTS, "answer", nth=0, status=503, body="<html>")
        said = self.comment("x")
        self.assertIn("503", said.error)
        self.assertEqual(len(self.forge.requests("GET", COMMENTS)), 5)
        for k, wait in enumerate(said.seconds):
            self.assertTrue(0.5 * 2 ** k <= wait <= 1.5 * 2 ** k, said.text)
        self.assertEqual(self.bodies(), [])

    def test_nobody_listens(self):
        environment = self.environment()
        self.server.__exit__()
        self.server.__exit__ = lambda *_: None
        start = time.monotonic()
        said = self.comment("x", environment=environment)
        self.assertIn("127.0.0.1", said.error)
        self.assertEqual(len(said.seconds), 4)
        self.assertLess(time.monotonic() - start, 10)

    def test_broken_connections_of_a_get(self):
        for do in ("reset", "headers", "half", "garbage"):
            self.forge.fault("GET", COMMENTS, do)
            said = self.comment(do)
            self.assertEqual(said.code, 0, do + said.text)
            self.assertEqual(len(self.forge.comments), 1)

    def test_a_stall(self):
        self.forge.fault("GET", COMMENTS, "stall", seconds=20)
        start = time.monotonic()
        self.assertEqual(self.comment("x").code, 0)
        self.assertLess(time.monotonic() - start, 10)

    def test_answers_without_end(self):
        for do in ("endless", "endless headers"):
            self.forge.seen.clear()
            self.forge.faults.clear()
            self.forge.fault("GET", COMMENTS, do, nth=0)
            said = self.comment("x", "--answer", "100000")
            self.assertIn("longer than", said.error)
            self.assertEqual(len(self.forge.requests("GET", COMMENTS)), 1)

    def test_answers_that_are_none(self):
        for body, kind, words in (('[{"id": 1, "bo', "application/json", "broken JSON"),
                                  ("<html>log in", "text/html", "not JSON: is there a proxy"),
                                  ("", "application/json", "empty answer"),
                                  ('{"a": 1}', "application/json", "no list"),
                                  ("[1]" * 2, "application/json", "broken JSON"),
                                  ("[" * 100000, "application/json", "broken JSON")):
            self.forge.faults.clear()
            self.forge.fault("GET", COMMENTS, "answer", nth=0, status=200, body=body,
                             headers={"Content-Type": kind})
            said = self.comment("x")
            self.assertIn(words, said.error)
            self.assertEqual(self.forge.requests("POST"), [])


class Posts(ForgeTest):
    """A POST is carried out once, whatever happens to its answer."""

    def once(self, times=1):
        self.assertEqual(self.bodies(), ["x\n\n" + MARKER])
        self.assertEqual(len(self.forge.requests("POST")), times)

    def test_the_answer_is_lost(self):
        self.forge.fault("POST", COMMENTS, "reset", done=True)
        said = self.comment("x")
        self.assertEqual(said.code, 0, said.text)
        self.assertIn("issuecomment-", said.url)
        self.once()

    def test_the_answer_is_broken(self):
        for do, more in (("half", {}), ("headers", {}), ("garbage", {}), ("stall", {"seconds": 9}),
                         ("endless", {}), ("answer", {"status": 502, "body": "<html>"}),
                         ("answer", {"status": 201, "body": "{"})):
            self.forge.comments.clear()
            self.forge.faults.clear()
            self.forge.seen.clear()
            self.forge.fault("POST", COMMENTS, do, done=True, **more)
            self.assertEqual(self.comment("x", "--answer", "100000").code, 0, do)
            self.once()

    def test_it_never_arrived(self):
        self.forge.fault("POST", COMMENTS, "reset")
        self.assertEqual(self.comment("x").code, 0)
        self.once(times=2)

    def test_a_502_may_have_been_carried_out(self):
        for status in (500, 502, 504):
            self.forge.comments.clear()
            self.forge.seen.clear()
            self.forge.faults.clear()
            self.forge.fault("POST", COMMENTS, "answer", status=status, body="<html>")
            self.assertEqual(self.comment("x").code, 0)
            self.once(times=2)

    def test_201_with_nonsense(self):
        self.forge.fault("POST", COMMENTS, "answer", status=201, body="{")
        self.assertEqual(self.comment("x").code, 0)
        self.once(times=2)

    def test_it_never_works(self):
        self.forge.fault("POST", COMMENTS, "reset", nth=0)
        said = self.comment("x")
        self.assertIn("could not be posted in 3 tries", said.error)
        self.assertEqual(len(self.forge.requests("POST")), 3)

    def test_a_patch_may_be_repeated(self):
        self.forge.add_comment("old\n\n" + MARKER)
        self.forge.fault("PATCH", COMMENTS, "reset", done=True)
        self.assertEqual(self.comment("x").code, 0)
        self.assertEqual(self.bodies(), ["x\n\n" + MARKER])

    def test_a_delete_that_arrived(self):
        self.forge.add_comment("old\n\n" + MARKER)
        self.forge.fault("DELETE", COMMENTS, "reset", done=True)
        self.assertEqual(self.drive("delete", "xsgate").code, 0)
        self.assertEqual(self.bodies(), [])


class Elsewhere(ForgeTest):
    """Redirects and links: another host never gets the token."""

    def setUp(self):
        super().setUp()
        self.other = fault_server.Forge(token="none")
        self.other_server = fault_server.Server(self.other)
        self.other_server.__enter__()
        self.addCleanup(self.other_server.__exit__)

    def redirect(self, where, status=302, nth=1):
        self.forge.fault("GET", COMMENTS, "answer", nth=nth, status=status, body="",
                         headers={"Location": where})

    def no_token_went(self):
        for request in self.other.seen:
            self.assertNotIn("authorization", request["headers"])
            self.assertNotIn(TOKEN, str(request))

    def test_same_host(self):
        path = "/repos/o/r/issues/7/comments?per_page=100&moved=1"
        for status in (301, 302, 307, 308):
            self.forge.seen.clear()
            self.redirect(self.server.url + path if status == 301 else path, status)
            self.assertEqual(self.comment("x").code, 0)
            moved = self.forge.requests("GET", "moved=1")
            self.assertEqual(moved[0]["headers"]["authorization"], "Bearer " + TOKEN)

    def test_another_host(self):
        """Another port is another server."""
        self.redirect(self.other_server.url + "/repos/o/r/issues/7/comments")
        said = self.comment("x")
        self.assertEqual(len(self.other.seen), 1)
        self.no_token_went()
        self.assertIn("401", said.error)
        self.assertEqual(self.bodies(), [])

    def test_back_again(self):
        """Once away, the token stays away."""
        self.redirect(self.other_server.url + "/x")
        self.other.fault("GET", "/x", "answer", status=302, body="",
                         headers={"Location": self.server.url + "/repos/o/r/issues/7/comments"})
        self.comment("x")
        self.no_token_went()
        last = self.forge.requests("GET", COMMENTS)[-1]
        self.assertNotIn("authorization", last["headers"])

    def test_nonsense(self):
        for where in ("ftp://x/", "file:///etc/passwd", "//127.0.0.1:1/", "javascript:1", "x y",
                      "http://evil.example/", "http://u:p@127.0.0.1/", "http://"):
            self.forge.faults.clear()
            self.redirect(where)
            said = self.comment("x")
            self.assertIn("redirected", said.error, where)

    def test_without_end(self):
        self.redirect("/repos/o/r/issues/7/comments", nth=0)
        said = self.comment("x")
        self.assertIn("redirected more than 5 times", said.error)
        self.assertEqual(len(self.forge.requests("GET", COMMENTS)), 6)

    def test_writes_do_not_move(self):
        self.forge.fault("POST", COMMENTS, "answer", nth=0, status=307, body="",
                         headers={"Location": self.other_server.url + "/x"})
        said = self.comment("x")
        self.assertIn("not sent elsewhere", said.error)
        self.assertIn("renamed", said.hint)
        self.assertEqual(self.other.seen, [])
        self.assertEqual(len(self.forge.requests("POST")), 1)

    def link(self, header, nth=1):
        self.forge.fault("GET", COMMENTS, "answer", nth=nth, status=200, body="[]",
                         headers={"Link": header})

    def test_links_to_another_host(self):
        self.link(f'<{self.other_server.url}/next>; rel="next"')
        said = self.comment("x")
        self.assertIn("on another host", said.error)
        self.assertEqual((self.other.seen, self.forge.requests("POST")), ([], []))

    def test_a_circle(self):
        self.link(f'<{self.server.url}/repos/o/r/issues/7/comments?page=2>; rel="next"', nth=0)
        said = self.comment("x")
        self.assertIn("in a circle", said.error)
        self.assertLess(len(self.forge.seen), 5)

    def test_a_page_of_long_comments(self):
        """A hundred as long as they may be, of characters as long as they may be."""
        for i in range(100):
            self.forge.add_comment("\U0001f680" * 65536, "talker", "User")
        self.assertEqual(self.comment("x", "--answer", "0", "--stall", "20").code, 0)
        self.assertEqual(len(self.bodies()), 101)

    def test_ten_thousand_pages(self):
        self.forge.page_size = 1
        for i in range(10000):
            self.forge.comments.append({"id": i + 1, "body": "", "user": {"login": "x"}})
        said = self.comment("x")
        self.assertIn("more than 100 pages", said.error)
        self.assertEqual(len(self.forge.requests("GET", COMMENTS)), 101)
        self.assertEqual(self.forge.requests("POST"), [])


class Certificates(ForgeTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("openssl makes the certificate")
        self.pair = [os.path.join(self.folder.name, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-out", self.pair[0], "-keyout", self.pair[1]], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tls = fault_server.Server(self.forge, self.pair)
        self.tls.__enter__()
        self.addCleanup(self.tls.__exit__)

    def test_unknown(self):
        said = self.comment("x", environment=self.environment(GITHUB_API_URL=self.tls.url))
        self.assertIn("SSL_CERT_FILE", said.hint)
        self.assertEqual((self.forge.seen, said.seconds), ([], []))

    def test_named(self):
        for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            self.forge.comments.clear()
            said = self.comment("x", environment=self.environment(
                GITHUB_API_URL=self.tls.url, **{name: self.pair[0]}))
            self.assertEqual(said.code, 0, said.text)
            self.assertEqual(len(self.bodies()), 1)

    def test_through_a_proxy(self):
        """The proxy learns where to, not the token."""
        proxy = fault_server.Forge(token="none")
        with fault_server.Server(proxy) as server:
            said = self.comment("x", environment=self.environment(
                GITHUB_API_URL=self.tls.url, SSL_CERT_FILE=self.pair[0], https_proxy=server.url,
                no_proxy=""))
        self.assertEqual(said.code, 0, said.text)
        self.assertEqual({r["method"] for r in proxy.seen}, {"CONNECT"})
        self.assertNotIn(TOKEN, str(proxy.seen))
        self.assertEqual(len(self.bodies()), 1)

    def test_another_name(self):
        """Trusted, but for another host."""
        said = self.comment("x", environment=self.environment(
            GITHUB_API_URL=self.tls.url.replace("127.0.0.1", "localhost"),
            SSL_CERT_FILE=self.pair[0]))
        self.assertNotEqual(said.code, 0)
        self.assertEqual(self.forge.seen, [])

    def test_a_missing_file(self):
        said = self.comment("x", environment=self.environment(
            GITHUB_API_URL=self.tls.url, SSL_CERT_FILE="/nowhere.pem"))
        self.assertNotEqual(said.code, 0)
        self.assertEqual(self.forge.seen, [])


class Proxies(ForgeTest):
    def test_a_proxy_is_used(self):
        """Plain http to this machine goes through http_proxy when no_proxy does not except it."""
        proxy = fault_server.Forge(token=TOKEN)
        with fault_server.Server(proxy) as server:
            environment = self.environment(http_proxy=server.url, no_proxy="")
            self.comment("x", environment=environment)
            self.assertTrue(proxy.seen and not self.forge.seen)
            self.assertTrue(proxy.seen[0]["path"].startswith(self.server.url), proxy.seen[0])
            environment["no_proxy"] = "127.0.0.1"
            self.assertEqual(self.comment("x", environment=environment).code, 0)


class Budget(ForgeTest):
    def test_total(self):
        """All waits together end with the budget, and it is said."""
        self.forge.fault("GET", COMMENTS, "answer", nth=0, status=503, body="")
        said = self.comment("x", "--budget", "5")
        self.assertEqual(said.code, -7, said.text)
        self.assertLessEqual(sum(said.seconds), 5)
        self.assertIn("than the 5 s that posting may", said.error)


if __name__ == "__main__":
    main()
