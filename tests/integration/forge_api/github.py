"""A GitHub on this machine: state by emulate, every request and answer judged by prism against
GitHub's own OpenAPI description.

    xsgate -> recorder -> prism proxy -> emulate          Github.url
    xsgate -> recorder -> prism mock                      Github.mock_url: what emulate lacks

The recorder keeps method, path, status and what prism found ("sl-violations" of the answer). All of it
listens on 127.0.0.1 and ends with the process that started it.
"""
import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
TOKEN = "ghs_test_token_of_the_bot"
OWNER_TOKEN = "ghs_test_token_of_the_owner"
LOGIN = "xsgate-bot"
SEED = f"""
tokens:
  {TOKEN}: {{ login: {LOGIN}, scopes: [repo, workflow] }}
  {OWNER_TOKEN}: {{ login: octo, scopes: [repo, workflow] }}
github:
  users: [ {{ login: {LOGIN}, name: Bot, email: b@example.org }}, {{ login: octo, name: Octo, email: o@example.org }} ]
  repos: [ {{ owner: octo, name: demo, private: false, auto_init: true }} ]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Record:
    def __init__(self, method, path, status, violations):
        self.method, self.path, self.status, self.violations = method, path, status, violations

    def __str__(self):
        return f"{self.method} {self.path} -> {self.status}: {json.dumps(self.violations)}"

    def faults(self):
        """What prism has against the request: errors, and routes that it does not know."""
        return [v for v in self.violations
                if v.get("location", [""])[0] == "request"
                and (v.get("severity") == "Error" or "not found" in v.get("message", ""))]


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None  # port
    records = None
    others = ()  # origins that are this server as others know it

    def log_message(self, *_):
        pass

    def forward(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(n) if n else None
        there = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        there.request(self.command, self.path, body, headers)
        answer = there.getresponse()
        data = answer.read()
        violations = json.loads(answer.headers.get("sl-violations") or "[]")
        self.records.append(Record(self.command, self.path, answer.status, violations))
        self.send_response(answer.status)
        mine = f"http://127.0.0.1:{self.server.server_address[1]}"
        for key, value in answer.getheaders():
            if key.lower() in ("transfer-encoding", "content-length", "connection", "sl-violations"):
                continue
            if key.lower() == "link":
                for origin in self.others:
                    value = value.replace(origin, mine)
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        there.close()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = forward


class Github:
    def __init__(self, modules, folder):
        """modules: of description.prepare(); folder: for logs."""
        self.modules, self.folder = modules, folder
        self.processes, self.servers, self.records = [], [], []

    def __enter__(self):
        emulate, proxy, mock = free_port(), free_port(), free_port()
        seed = os.path.join(self.folder, "seed.yaml")
        with open(seed, "w", encoding="utf-8") as file:
            file.write(SEED)
        binary = self.modules / "node_modules" / ".bin"
        part = str(self.modules / "slice.json")
        self.state = f"http://127.0.0.1:{emulate}"
        try:
            self.start("emulate", binary / "emulate", "--service", "github", "--port", str(emulate),
                       "--seed", seed)
            self.start("proxy", binary / "prism", "proxy", "-h", "127.0.0.1", "-p", str(proxy), part,
                       self.state)
            self.start("mock", binary / "prism", "mock", "-h", "127.0.0.1", "-p", str(mock), part)
            for port in (emulate, proxy, mock):
                self.wait_for(port)
        except BaseException:
            self.__exit__()
            raise
        origins = [f"http://{host}:{port}" for host in ("localhost", "127.0.0.1")
                   for port in (emulate, proxy)]
        self.url = self.record(proxy, origins)
        self.mock_url = self.record(mock, [])
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def start(self, name, *words):
        env = dict(os.environ, NODE_OPTIONS=f"--require {HERE}/loopback.cjs", NO_COLOR="1")
        log = os.path.join(self.folder, name + ".log")
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(
                [str(w) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                start_new_session=True))

    def wait_for(self, port):
        until = time.monotonic() + 90
        while time.monotonic() < until:
            if any(p.poll() is not None for p in self.processes):
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        logs = ""
        for name in ("emulate", "proxy", "mock"):
            path = os.path.join(self.folder, name + ".log")
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    logs += f"--- {name}\n{file.read()[-1500:]}"
        raise RuntimeError(f"the test server did not start on port {port}\n{logs}")

    def record(self, upstream, origins):
        handler = type("Handler", (Recorder,), {"upstream": upstream, "records": self.records,
                                                "others": origins})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    # -- what a maintainer does, past the judge ------------------------------------------------------

    def call(self, method, path, body=None, token=OWNER_TOKEN):
        request = urllib.request.Request(
            self.state + path, method=method, data=json.dumps(body).encode() if body else None,
            headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def open_pull_request(self, branch):
        """-> (number, head sha, base sha)"""
        repo = "/repos/octo/demo"
        base = self.call("GET", repo + "/git/ref/heads%2Fmain")["object"]["sha"]
        self.call("POST", repo + "/git/refs", {"ref": "refs/heads/" + branch, "sha": base})
        self.call("PUT", repo + f"/contents/{branch}.txt", {
            "message": "change", "branch": branch,
            "content": base64.b64encode(branch.encode()).decode()})
        pull = self.call("POST", repo + "/pulls",
                         {"title": branch, "head": branch, "base": "main", "body": ""})
        return pull["number"], pull["head"]["sha"], base

    def comments(self, number):
        return self.call("GET", f"/repos/octo/demo/issues/{number}/comments?per_page=100")

    def checks(self, sha):
        return self.call("GET", f"/repos/octo/demo/commits/{sha}/check-runs")["check_runs"]

    def complaints(self):
        return [str(r) for r in self.records if r.faults()]


if __name__ == "__main__":
    sys.exit("github.py is for the tests beside it")
