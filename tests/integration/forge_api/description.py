"""What the tests of GitHub's interface need from npm: exact versions, made once per build folder.

    prepare(folder)  -> a Path with node_modules and slice.json, or None after a sentence

slice.json is GitHub's own OpenAPI description, cut down to the calls that xsgate makes: the whole one
takes four times as long to load and twice the memory.
"""
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "npm"))
import npm  # noqa: E402

PINS = {
    "@stoplight/prism-cli": "5.14.2",  # newer ones want a newer node
    "emulate": "0.11.2",  # the tag "latest" is another, older library
    "@octokit/webhooks-examples": "7.6.1",
}
OPENAPI = "@octokit/openapi@23.0.2"
OPENAPI_FILE = "package/generated/api.github.com.json"

REPO = "/repos/{owner}/{repo}"
CALLS = [
    ("get", "/user"),
    ("get", REPO + "/issues/{issue_number}/comments"),
    ("post", REPO + "/issues/{issue_number}/comments"),
    ("patch", REPO + "/issues/comments/{comment_id}"),
    ("delete", REPO + "/issues/comments/{comment_id}"),
    ("post", REPO + "/check-runs"),
    ("patch", REPO + "/check-runs/{check_run_id}"),
    ("get", REPO + "/commits/{ref}/check-runs"),
    ("post", REPO + "/statuses/{sha}"),
    ("get", REPO + "/compare/{basehead}"),
    ("get", REPO + "/pulls/{pull_number}"),
]


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def steps(pointer):
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[2:].split("/")]


def copy_reference(whole, part, pointer):
    """-> what was copied; None: it was there."""
    source, target = whole, part
    *path, last = steps(pointer)
    for step in path:
        source, target = source[step], target.setdefault(step, {})
    if last in target:
        return None
    target[last] = source[last]
    return target[last]


def widen(node):
    """Answers are described for application/json only, and asked for by GitHub's own type."""
    content = node.get("content") if isinstance(node, dict) else None
    if content and "application/json" in content:
        content.setdefault("application/vnd.github+json", content["application/json"])


def cut(whole):
    part = {key: whole[key] for key in ("openapi", "info")}
    part["servers"] = [{"url": "/"}]
    part["paths"] = {}
    for method, path in CALLS:
        there = whole["paths"][path]
        here = part["paths"].setdefault(path, {})
        here[method] = there[method]
        if "parameters" in there:
            here["parameters"] = there["parameters"]
    waiting = list(references(part["paths"]))
    while waiting:
        found = copy_reference(whole, part, waiting.pop())
        if found is not None:
            waiting.extend(references(found))
    for path in part["paths"].values():
        for operation in path.values():
            for answer in operation.get("responses", {}).values() if isinstance(operation, dict) else []:
                widen(answer)
    for answer in part.get("components", {}).get("responses", {}).values():
        widen(answer)
    return part


def fetch_description(folder):
    done = subprocess.run(["npm", "pack", "--silent", "--loglevel=error", OPENAPI], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240,
                          check=False)
    if done.returncode != 0:
        print("skipped: npm could not fetch " + OPENAPI + ":\n" + done.stdout[-2000:])
        return None
    archive = folder / done.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        whole = json.load(tar.extractfile(OPENAPI_FILE))
    archive.unlink()
    return whole


def make(folder):
    if npm.modules(folder, PINS) is None:
        return None
    made = folder / "slice.json"
    stamp = json.dumps([OPENAPI, CALLS])
    if made.is_file() and json.loads(made.read_text(encoding="utf-8")).get("x-made-of") == stamp:
        return folder
    whole = fetch_description(folder)
    if whole is None:
        return None
    part = cut(whole)
    part["x-made-of"] = stamp
    temporary = folder / f"slice.json.{os.getpid()}"
    temporary.write_text(json.dumps(part), encoding="utf-8")
    temporary.rename(made)
    return folder


def prepare(folder):
    """What could not be had a moment ago is not asked for again by each test."""
    folder = pathlib.Path(folder)
    failed = folder / "failed"
    os.environ.setdefault("npm_config_fetch_retries", "1")
    os.environ.setdefault("npm_config_fetch_timeout", "30000")
    if failed.is_file() and time.time() - failed.stat().st_mtime < 600:
        print("skipped: npm could not install what this needs a moment ago: " + str(failed))
        return None
    made = make(folder)
    if made is None and folder.is_dir():
        failed.touch()
    elif made is not None:
        failed.unlink(missing_ok=True)
    return made


if __name__ == "__main__":
    sys.exit(0 if prepare(sys.argv[1]) else 77)
