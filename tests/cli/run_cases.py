#!/usr/bin/env python3
"""Command-line tests: commands and what they print, as text.

A case file holds prose and blocks like this, indented by two spaces:

  $ xsgate frobnicate
  xsgate: 'frobnicate' is not a command
  [2]

Each file runs in one bash in a fresh folder, so variables and folders carry on. Standard output and
error are compared together, then the status in brackets unless it is 0. A line that ends in " (re)"
is a regular expression; "..." alone matches any number of lines. "# needs: NAME" skips the file with
a sentence where the program NAME is missing; "# needs: root" where the user is not root.

usage: run_cases.py BIN_DIR FILE [--rewrite]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

MARK = "--=xsgate-case=--"
SKIP = 77


def parse(text):
    """-> list of [command lines, expected lines, end index in the file's lines]"""
    lines, blocks = text.split("\n"), []
    i = 0
    while i < len(lines):
        if not lines[i].startswith("  $ "):
            i += 1
            continue
        command = [lines[i][4:]]
        i += 1
        while i < len(lines) and lines[i].startswith("  > "):
            command.append(lines[i][4:])
            i += 1
        first, expected = i, []
        while i < len(lines) and lines[i].startswith("  ") and not lines[i].startswith("  $ "):
            expected.append(lines[i][2:])
            i += 1
        blocks.append((command, expected, first, i))
    return lines, blocks


def run(blocks, bin_dir):
    """Runs all blocks in one shell -> list of output lines, status last when it is not 0."""
    script = ["exec 2>&1"]
    for number, (command, _, _, _) in enumerate(blocks):
        script += command + [f'printf "\\n%s %d %d\\n" "{MARK}" {number} $?']
    folder = tempfile.mkdtemp(prefix="xsgate-case-")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XSGATE", "GIT_"))}
    env.update(PATH=bin_dir + ":" + env["PATH"], HOME=folder, LC_ALL="C.UTF-8", COLUMNS="100", NO_COLOR="1",
               GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org", GIT_COMMITTER_NAME="a",
               GIT_COMMITTER_EMAIL="a@example.org", GIT_AUTHOR_DATE="2026-01-01T00:00:00Z",
               GIT_COMMITTER_DATE="2026-01-01T00:00:00Z", CASES=os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(folder, ".gitconfig"), "w", encoding="utf-8") as config:
        config.write("[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n")
    work = os.path.join(folder, "work")
    os.mkdir(work)
    try:
        done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=work, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=600, check=False)
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    text = done.stdout.decode("utf-8", "backslashreplace").replace(folder, "$HOME")
    results, current = [], []
    for line in text.split("\n"):
        match = re.fullmatch(re.escape(MARK) + r" (\d+) (\d+)", line)
        if not match:
            current.append(line)
            continue
        if current and current[-1] == "":
            current.pop()  # the newline that printf put in front of the mark
        results.append(current + ([f"[{match[2]}]"] if match[2] != "0" else []))
        current = []
    if len(results) != len(blocks):
        sys.exit(f"the shell ended after {len(results)} of {len(blocks)} commands:\n" + "\n".join(current))
    return results


def matches(expected, actual):
    if not expected:
        return not actual
    if expected[0] == "...":
        return any(matches(expected[1:], actual[i:]) for i in range(len(actual) + 1))
    if not actual:
        return False
    if expected[0].endswith(" (re)"):
        same = re.fullmatch(expected[0][:-5], actual[0]) is not None
    else:
        same = expected[0].rstrip() == actual[0].rstrip()
    return same and matches(expected[1:], actual[1:])


def missing_need(text):
    for need in re.findall(r"^# needs: (\S+)", text, re.M):
        if need == "root" and os.geteuid() != 0:
            return "root"
        if need != "root" and not shutil.which(need):
            return need
    return None


def main():
    bin_dir, path = os.path.abspath(sys.argv[1]), sys.argv[2]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    need = missing_need(text)
    if need:
        print(f"skipped: {os.path.basename(path)} needs {need}")
        return SKIP
    lines, blocks = parse(text)
    results = run(blocks, bin_dir)
    bad = 0
    for (command, expected, first, end), actual in reversed(list(zip(blocks, results))):
        if matches(expected, actual):
            continue
        bad += 1
        lines[first:end] = ["  " + line if line else "  " for line in actual]
        if "--rewrite" not in sys.argv:
            print(f"{path}:{first}: $ {command[0]}", "  expected:", *("    " + e for e in expected), "  got:",
                  *("    " + a for a in actual), sep="\n")
    if bad and "--rewrite" in sys.argv:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        print(f"{path}: {bad} blocks rewritten")
        return 0
    print(f"{os.path.basename(path)}: {len(blocks)} commands, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
