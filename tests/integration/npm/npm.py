"""Packages of the npm registry for tests that read our files with foreign programs.

    modules(folder, {"badge-maker": "6.0.0"})   -> folder/node_modules, or None

Exact versions, no install scripts, once per build folder. None, after a sentence on standard output,
where there is no npm, an older node, or no registry: the caller skips.
"""
import fcntl
import json
import pathlib
import shutil
import subprocess


OLDEST_NODE = 20 # what the pinned packages run on; Debian 12 has 18


def node_major():
    done = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True, check=False)
    digits = done.stdout.strip().lstrip("v").split(".")[0]
    return int(digits) if digits.isdigit() else 0


def modules(folder, pins):
    folder = pathlib.Path(folder)
    if not shutil.which("npm") or not shutil.which("node"):
        print("skipped: there is no npm here to install " + ", ".join(sorted(pins)))
        return None
    if node_major() < OLDEST_NODE:
        print("skipped: node is older than %d, which %s need" % (OLDEST_NODE, ", ".join(sorted(pins))))
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = json.dumps(pins, sort_keys=True)
        marker = folder / "installed.json"
        if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
            return folder / "node_modules"
        (folder / "package.json").write_text(
            json.dumps({"name": "xsgate-tests", "private": True, "dependencies": pins}),
            encoding="utf-8")
        done = subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240,
            check=False)
        if done.returncode != 0:
            print("skipped: npm could not install "
                  + ", ".join(f"{name} {version}" for name, version in sorted(pins.items()))
                  + ":\n" + done.stdout[-2000:])
            return None
        marker.write_text(wanted, encoding="utf-8")
        return folder / "node_modules"
