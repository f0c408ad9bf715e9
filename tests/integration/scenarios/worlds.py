"""The forges that the scenarios play on, alike to a test:

    url, token, login    what the job is given
    open_pull(branch)    -> (number, head sha); push_to(number, branch) -> the new head sha
    comments(number)     -> bodies, by id
    checks(sha)          -> check runs
    statuses()           -> commit statuses; None: this forge has none
    calls()              -> (method, path) of the requests that came
    complaints()         what the forge has against them
"""
import base64
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "forge"), os.path.join(HERE, "..", "forge_api")]
import server as fault_server  # noqa: E402


class Own:
    """The fault server: it has everything that we use, and no opinion."""

    token = "ghs_secret_token_1234567890"
    repository = "o/r"

    def __enter__(self):
        self.forge = fault_server.Forge(token=self.token)
        self.server = fault_server.Server(self.forge).__enter__()
        self.url = self.server.url
        self.number = 0
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def open_pull(self, branch):
        self.forge.comments, self.forge.checks, self.forge.statuses = [], [], []
        self.forge.seen.clear()
        self.number += 1
        return self.number, self.push_to(self.number, branch)

    def push_to(self, number, branch):
        sha = os.urandom(20).hex()
        self.forge.pulls[number] = sha
        return sha

    def say(self, number, text):
        self.forge.add_comment(text, login="somebody", kind="User")

    def comments(self, number):
        return {c["id"]: c["body"] for c in self.forge.comments}

    def checks(self, sha):
        return [c for c in self.forge.checks if c["head_sha"] == sha]

    def calls(self):
        return [(r["method"], r["path"]) for r in self.forge.seen]

    def forget_calls(self):
        self.forge.seen.clear()

    def complaints(self):
        return []


class Judged:
    """emulate behind prism: every request is held against GitHub's own description."""

    repository = "octo/demo"

    def __init__(self, modules):
        from github import TOKEN, Github  # only where node is
        self.token = TOKEN
        self.folder = tempfile.TemporaryDirectory(prefix="xsgate-forge-")
        self.github = Github(modules, self.folder.name)

    def __enter__(self):
        self.github.__enter__()
        self.url = self.github.url
        return self

    def __exit__(self, *_):
        self.github.__exit__()
        self.folder.cleanup()

    def open_pull(self, branch):
        number, head, _ = self.github.open_pull_request(branch)
        self.github.records.clear()
        return number, head

    def push_to(self, number, branch):
        path = f"/repos/octo/demo/contents/more-{os.urandom(4).hex()}.txt"
        self.github.call("PUT", path, {"message": "more", "branch": branch,
                                       "content": base64.b64encode(b"more").decode()})
        return self.github.call("GET", "/repos/octo/demo/git/ref/heads%2F" + branch)["object"]["sha"]

    def say(self, number, text):
        self.github.call("POST", f"/repos/octo/demo/issues/{number}/comments", {"body": text})

    def comments(self, number):
        return {c["id"]: c["body"] for c in self.github.comments(number)}

    def checks(self, sha):
        return self.github.checks(sha)

    def calls(self):
        return [(r.method, r.path) for r in self.github.records]

    def forget_calls(self):
        self.github.records.clear()

    def complaints(self):
        return self.github.complaints()
