#!/usr/bin/env python3
"""The layer rule: which room may include what, and where each foreign library is at home.

usage: check_layers.py ROOT        lists every violation as file:line and exits 1 if there is one
       check_layers.py --self-test plants violations in an empty tree: each is found, and no other
"""
import os
import re
import sys
import tempfile

# room -> the rooms whose headers it may include besides its own and <xsgate/...>; "*": all
ALLOWED = {
    "base": [],
    "profiler": ["base"],
    "profiler/runtime": ["profiler/format.h"],
    "profiler/inject": ["profiler/format.h", "profiler/runtime"],
    "profiler/source": ["base", "profiler"],
    "profiler/pipe": ["base", "profiler"],
    "profiler/export": ["base", "profiler"],
    "harness": ["base", "profiler", "profiler/source", "profiler/pipe"],
    "baseline": ["base"],
    "compare": ["base"],
    "ci/report": ["base"],
    "ci/forge": ["base"],
    "dashboard": ["base", "profiler", "baseline"],
    "include/xsgate": [],
    "cli": ["*"],
}

# foreign header -> the files that may include it
AT_HOME = {
    r"sqlite3\.h": r"baseline/store[a-z_]*\.[ch]",
    r"git2(/.*)?\.h": r"baseline/(git|checkout|diff)[a-z_]*\.[ch]",
    r"curl/.*": r"ci/forge/http\.[ch]",
    r"cjson/.*": r"base/json[a-z_]*\.[ch]",
    r"yaml\.h": r"base/yaml\.c",
    r"libunwind.*\.h": r"profiler/runtime/unwind\.[ch]",
    r"(elfutils/.*|dwarf\.h|libelf\.h|gelf\.h)": r"profiler/symbol[a-z_]*\.[ch]",
    r"capstone(/.*)?\.h": r"profiler/code_body[a-z_]*\.c",
    r"(libiberty/.*|demangle\.h)": r"profiler/demangle\.c",
    r"(cu(da|pti)\w*|nvml|nvtx3?/.*|hip/.*|roc.*/.*|CL/.*|level_zero/.*|ittnotify|mpi)(\.h)?":
        r"profiler/inject/.*",
}

# Folders whose files may see every room: nobody's users, and nobody includes them.
OUTSIDE = ("tests", "docs", "cmake", "examples")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMPUTED = re.compile(r"^\s*#\s*include\s*[A-Za-z_]")


def room_of(path):
    folder = os.path.dirname(path)
    while folder:
        if folder in ALLOWED:
            return folder
        folder = os.path.dirname(folder)
    return None


def may_include(room, header):
    target = room_of(header)
    if target is None or target == room or target == "include/xsgate":
        return True
    for allowed in ALLOWED[room]:
        if allowed in ("*", header, target):
            return True
    return False


def check_include(root, path, room, kind, header):
    if ".." in header.split("/") or header.startswith("/"):
        return f'"{header}" is not written from the root'
    if kind == "<" and header.startswith("xsgate/"):
        return None
    if header.startswith("xsgate/"):
        return "public headers are included with <>"
    if room_of(header):  # one of ours, whichever brackets it has
        if kind == "<":
            return f"<{header}>: only public headers are included with <>"
        return None if may_include(room, header) else f'{room} may not include "{header}"'
    if header.split("/")[0] in OUTSIDE:
        return f'{room} may not include "{header}"'
    if kind == '"':
        beside = os.path.join(root, os.path.dirname(path), header)
        if os.path.exists(beside):  # a generated header stands nowhere
            return f'"{header}" is not written from the root'
        return None
    for pattern, home in AT_HOME.items():
        if re.fullmatch(pattern, header) and not re.fullmatch(home, path):
            return f"<{header}> belongs to {home}"
    return None


def sources(root):
    for folder, names, files in os.walk(root):
        names[:] = [n for n in sorted(names) if not n.startswith((".", "build"))]
        for name in sorted(files):
            if name.endswith((".c", ".h", ".cc", ".cpp", ".hpp", ".inc")):
                yield os.path.relpath(os.path.join(folder, name), root)


def violations(root):
    found, seen = [], 0
    for path in sources(root):
        room = room_of(path)
        if path.split(os.sep)[0] in OUTSIDE:
            continue
        seen += 1
        if room is None:
            found.append(f"{path}:1: a folder without a row in the layer table")
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                match = INCLUDE.match(line)
                problem = match and check_include(root, path, room, match[1], match[2])
                if COMPUTED.match(line):
                    problem = "a computed include cannot be checked"
                if problem:
                    found.append(f"{path}:{number}: {problem}")
    return found, seen


PLANTED = {
    "base/a.c": '#include "profiler/fold.h"\n',
    "compare/a.c": '#include "baseline/store.h"\n',
    "ci/report/a.c": '#include "compare/compare.h"\n',
    "profiler/a.c": '#include "profiler/source/session.h"\n',
    "profiler/runtime/a.c": '#include "base/buf.h"\n',
    "harness/a.c": '#  include "cli/cli.h"\n',
    "harness/b.c": "#include <sqlite3.h>\n",
    "baseline/select.c": "#include <git2.h>\n",
    "cli/a.c": '#include "gate.h"\n',
    "base/b.c": '#include "../cli/cli.h"\n',
    "profiler/runtime/b.c": "#include <base/buf.h>\n",
    "profiler/inject/a.c": '#include "base/buf.h"\n',
    "profiler/export/a.c": '#include "profiler/source/session.h"\n',
    "profiler/c.c": "#include <cupti.h>\n",
    "include/xsgate/a.h": '#include "base/arena.h"\n',
    "baseline/b.c": '#include "xsgate/run.h"\n',
    "harness/d.c": '#include "tests/unit/sample_run.h"\n',
    "harness/e.c": "#define X <stdio.h>\n#include X\n",
    "utils/a.c": "int x;\n",
    "ci/report/b.cpp": "#include <curl/curl.h>\n",
}
HARMLESS = {
    "cli/gate.h": "\n",
    "baseline/store_schema.c": '#include "generated_files.h"\n',
    "cli/b.c": '#include "compare/compare.h"\n#include <xsgate/run.h>\n',
    "harness/c.c": '#include "profiler/fold.h"\n#include "profiler/source/session.h"\n',
    "baseline/store_put.c": "#include <sqlite3.h>\n",
    "profiler/inject/b.c": '#include <cupti.h>\n#include "profiler/runtime/runtime.h"\n',
    "profiler/source/b.c": '#include "profiler/source/segment.h"\n#include "base/buf.h"\n',
    "base/c.c": '// #include "cli/cli.h"\n#include <sys/stat.h>\n#include "generated.h"\n',
    "tests/unit/t.c": '#include "cli/cli.h"\n',
}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**PLANTED, **HARMLESS}.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        found, _ = violations(root)
    files = sorted(line.split(":")[0] for line in found)
    if files != sorted(PLANTED):
        print("planted in", sorted(PLANTED), "but found in", files, sep="\n  ")
        return 1
    print(f"{len(found)} planted violations found, no other")
    return 0


def main():
    if sys.argv[1] == "--self-test":
        return self_test()
    found, seen = violations(sys.argv[1])
    print(*found, f"{seen} files, {len(found)} violations of the layer rule", sep="\n")
    return 1 if found or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
