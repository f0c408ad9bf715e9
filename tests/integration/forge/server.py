"""A forge that misbehaves as told: tests only, 127.0.0.1, one thread per connection.

It keeps comments (GitHub's) and notes (GitLab's) of one pull request, checks and statuses, and answers
like the forges. A script of faults goes before that: each is (method, path pattern, which one, what),
the first that matches the nth request of its kind is carried out once:

    {"method": "POST", "path": "/comments$", "nth": 1, "do": "answer", "status": 502, "headers": {}, "body": "..."}
    do: answer      instead of the forge's own answer
        reset       the connection dies
        half        the answer's headers and half of its body, then the connection dies
        headers     it dies within the headers
        stall       nothing for "seconds", then it dies
        endless     a body that does not end
        garbage     bytes that are no HTTP
nth 0: every one. With "done" the request is carried out first. All requests are kept, with the headers, in .seen.
"""
import json
import re
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Forge:
    """What the server knows. All of it may be read and set by a test while no request runs."""

    def __init__(self, token="ghs_secret_token_1234567890", login="github-actions[bot]"):
        self.lock = threading.RLock()
        self.token = token
        self.login = login  # whom the token belongs to
        self.may_ask_user = False  # a workflow's own token may not
        self.comments = []
        self.checks = []
        self.statuses = []
        self.pulls = {}  # number -> head sha
        self.merge_base = None
        self.next_id = 9007199254740000  # ids that a double holds, an int32 does not
        self.faults = []
        self.seen = []
        self.page_size = 100
        self.body_limit = 65536
        self.barrier = None  # set: the first two lists of comments wait for each other
        self.origin = ""  # of links

    def new_id(self):
        self.next_id += 1
        return self.next_id

    def add_comment(self, body, login=None, kind="Bot", system=False):
        login = login or self.login
        number = self.new_id()
        self.comments.append({
            "id": number, "body": body, "user": {"login": login, "type": kind},
            "author": {"username": login}, "system": system,
            "html_url": f"https://forge.test/o/r/pull/7#issuecomment-{number}"})
        return number

    def fault(self, method, path, do, nth=1, **more):
        self.faults.append({"method": method, "path": path, "do": do, "nth": nth, "count": 0, **more})

    def pick(self, method, path):
        with self.lock:
            for fault in self.faults:
                if fault["method"] not in (method, "*") or not re.search(fault["path"], path):
                    continue
                fault["count"] += 1
                if fault["nth"] in (0, fault["count"]):
                    return fault
        return None

    def requests(self, method=None, path=""):
        return [r for r in self.seen if method in (None, r["method"]) and re.search(path, r["path"])]


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    forge = None

    def log_message(self, *_):
        pass

    # -- the faults ----------------------------------------------------------------------------------

    def die(self):
        """A reset, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def raw(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            pass

    def carry_out(self, fault):
        do = fault["do"]
        body = fault.get("body", "")
        body = body.encode() if isinstance(body, str) else body
        if do == "answer":
            self.reply(fault["status"], body, fault.get("headers", {}))
            return
        if do == "half":
            self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[{")
        elif do == "headers":
            self.raw(b"HTTP/1.1 200 OK\r\nContent-Ty")
        elif do == "stall":
            self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[")
            time.sleep(fault["seconds"])
        elif do == "garbage":
            self.raw(b"\x00\x01\x02 this is not HTTP\r\n\r\n" * 10)
        elif do == "endless":
            self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            try:
                while True:
                    self.connection.sendall(b"[" + b" " * 65536)
            except OSError:
                pass
        elif do == "endless headers":
            self.raw(b"HTTP/1.1 200 OK\r\n")
            try:
                while True:
                    self.connection.sendall(b"X-Long: " + b"y" * 8000 + b"\r\n")
            except OSError:
                pass
        self.die()

    # -- answers ---------------------------------------------------------------------------------------

    def reply(self, status, body, headers=None):
        headers = dict(headers or {})
        data = json.dumps(body, ensure_ascii=False).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
        headers.setdefault("Content-Length", str(len(data)))
        for key, value in headers.items():
            for item in value if isinstance(value, list) else [value]:
                self.send_header(key, item)
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        forge = self.forge
        with forge.lock:
            forge.seen.append({"method": self.command, "path": self.path, "body": body,
                               "headers": {k.lower(): v for k, v in self.headers.items()}})
        fault = forge.pick(self.command, self.path)
        if not fault:
            self.reply(*self.answer(body))
            return
        if fault.get("done"):
            self.answer(body)
        self.carry_out(fault)

    def do_CONNECT(self):
        """A proxy's tunnel: it goes to where it is asked to, and keeps what it was told."""
        with self.forge.lock:
            self.forge.seen.append({"method": "CONNECT", "path": self.path, "body": b"",
                                    "headers": {k.lower(): v for k, v in self.headers.items()}})
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=copy, args=(far, self.connection), daemon=True)
            back.start()
            copy(self.connection, far)
            back.join(5)
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve

    def answer(self, body):
        forge = self.forge
        path = urlsplit(self.path)
        query = parse_qs(path.query)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.headers.get("PRIVATE-TOKEN", token)
        if token != forge.token:
            return 401, {"message": "Bad credentials"}, {}
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            return 400, {"message": "Problems parsing JSON"}, {}
        for method, pattern, handler in ROUTES:
            match = re.fullmatch(pattern, path.path)
            if match and method == self.command:
                if handler is list_comments and forge.barrier:
                    try:
                        forge.barrier.wait(2)
                    except threading.BrokenBarrierError:
                        pass
                with forge.lock:
                    return handler(forge, match, query, data)
        return 404, {"message": "Not Found"}, {}


def paged(forge, items, query, path):
    size = min(int(query.get("per_page", ["30"])[0]), forge.page_size)
    page = int(query.get("page", ["1"])[0])
    headers = {}
    if page * size < len(items):
        base = f"{forge.origin}{path}?per_page={size}&page="
        last = (len(items) + size - 1) // size
        headers["Link"] = f'<{base}{page + 1}>; rel="next", <{base}{last}>; rel="last"'
    return 200, items[(page - 1) * size:page * size], headers


def list_comments(forge, match, query, _):
    return paged(forge, forge.comments, query, match[0])


def create_comment(forge, _match, _query, data):
    if len(data["body"]) > forge.body_limit:
        return 422, {"message": "Validation Failed", "errors": [
            {"resource": "IssueComment", "code": "unprocessable", "field": "data",
             "message": "Body is too long (maximum is 65536 characters)"}]}, {}
    forge.add_comment(data["body"])
    return 201, forge.comments[-1], {}


def change_comment(forge, match, _query, data):
    for comment in forge.comments:
        if isinstance(comment, dict) and comment["id"] == int(match["id"]):
            comment["body"] = data["body"]
            return 200, comment, {}
    return 404, {"message": "Not Found"}, {}


def delete_comment(forge, match, _query, _data):
    before = len(forge.comments)
    forge.comments = [c for c in forge.comments if c["id"] != int(match["id"])]
    return (204, b"", {}) if len(forge.comments) < before else (404, {"message": "Not Found"}, {})


def who(forge, *_):
    if not forge.may_ask_user:
        return 403, {"message": "Resource not accessible by integration"}, {}
    return 200, {"login": forge.login, "username": forge.login, "id": 1}, {}


def create_check(forge, _match, _query, data):
    check = {"id": forge.new_id(), "annotations": [], **data}
    forge.checks.append(check)
    return 201, check, {}


def change_check(forge, match, _query, data):
    for check in forge.checks:
        if check["id"] == int(match["id"]):
            new = data.get("output", {}).pop("annotations", [])
            if len(new) > 50:
                return 422, {"message": "Invalid request"}, {}
            check["annotations"] += new
            check.update(data)
            return 200, check, {}
    return 404, {"message": "Not Found"}, {}


def list_checks(forge, _match, query, _data):
    wanted = query.get("check_name", [None])[0]
    found = [c for c in forge.checks if wanted in (None, c["name"])]
    return 200, {"total_count": len(found), "check_runs": found}, {}


def create_status(forge, match, _query, data):
    forge.statuses.append({"sha": match["sha"], **data})
    return 201, {"id": forge.new_id(), **data}, {}


def one_pull(forge, match, _query, _data):
    sha = forge.pulls.get(int(match["n"]))
    return (200, {"number": int(match["n"]), "head": {"sha": sha}}, {}) if sha else \
        (404, {"message": "Not Found"}, {})


def compare(forge, match, _query, _data):
    forge.compared = unquote(match["range"])
    return 200, {"merge_base_commit": {"sha": forge.merge_base}}, {}


REPO = r"/repos/(?P<repo>[^/]+/[^/]+)"
NOTES = r"/projects/(?P<project>[^/]+)/merge_requests/(?P<n>\d+)/notes"
ROUTES = [
    ("GET", r"/user", who),
    ("GET", REPO + r"/issues/(?P<n>\d+)/comments", list_comments),
    ("POST", REPO + r"/issues/(?P<n>\d+)/comments", create_comment),
    ("PATCH", REPO + r"/issues/comments/(?P<id>\d+)", change_comment),
    ("DELETE", REPO + r"/issues/comments/(?P<id>\d+)", delete_comment),
    ("POST", REPO + r"/check-runs", create_check),
    ("PATCH", REPO + r"/check-runs/(?P<id>\d+)", change_check),
    ("GET", REPO + r"/commits/(?P<sha>[0-9a-f]+)/check-runs", list_checks),
    ("POST", REPO + r"/statuses/(?P<sha>[0-9a-f]+)", create_status),
    ("GET", REPO + r"/pulls/(?P<n>\d+)", one_pull),
    ("GET", REPO + r"/compare/(?P<range>[^/]+)", compare),
    ("GET", NOTES, list_comments),
    ("POST", NOTES, create_comment),
    ("PUT", NOTES + r"/(?P<id>\d+)", change_comment),
    ("DELETE", NOTES + r"/(?P<id>\d+)", delete_comment),
]


class Server:
    """with Server(forge) as server: server.url"""

    def __init__(self, forge, certificate=None):
        handler = type("Bound", (Handler,), {"forge": forge})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_address[1]}"
        forge.origin = self.url

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
