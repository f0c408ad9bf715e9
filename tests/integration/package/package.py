#!/usr/bin/env python3
"""The Debian package: made by CPack as ci/release.sh does, unpacked elsewhere, and used there.

usage: package.py CPACK CONFIG VERSION
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
# Takes some CPU time, says which runtime it was given, and ends with a status of its own.
COMMAND = "grep -o '/.*/libxsgate-runtime.so' /proc/$$/maps | sort -u; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exit 7"


def run(*words, **options):
    return subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)


def check(condition, what, done):
    if not condition:
        sys.exit(f"failed: {what}\nstatus {done.returncode}\n{done.stdout}\n{done.stderr}")


def make_package(cpack, config, folder):
    done = run(cpack, "-G", "DEB", "--config", config, "-B", folder, cwd=folder)
    packages = glob.glob(os.path.join(folder, "*.deb"))
    check(done.returncode == 0 and len(packages) == 1, f"one package, not {packages}", done)
    return packages[0]


def test(cpack, config, version, folder):
    root = os.path.join(folder, "root")
    package = make_package(cpack, config, folder)
    done = run("dpkg-deb", "-f", package, "Package", "Version", "Depends")
    check(f"Package: xsgate\nVersion: {version}" in done.stdout and "libunwind8" in done.stdout, "control fields", done)
    done = run("dpkg-deb", "-x", package, root)
    check(done.returncode == 0, "unpacking", done)

    program = os.path.join(root, "usr/bin/xsgate")
    env = {k: v for k, v in os.environ.items() if not k.startswith("XSGATE")}
    done = run(program, "--version", env=env, cwd=folder)
    check((done.returncode, done.stdout) == (0, f"xsgate {version}\n"), "version", done)
    done = run(program, "record", "--", "sh", "-c", COMMAND, env=env, cwd=folder)
    runtime = done.stdout.strip()
    check(done.returncode == 7 and os.path.isfile(runtime), "status of the recorded command, and its runtime", done)
    check(runtime.startswith(os.path.realpath(root) + os.sep), "the runtime of the package", done)
    with open(os.path.join(folder, "xsgate.folded"), encoding="utf-8") as file:
        check(file.read().count(";") > 0, "stacks", done)
    for name in ("usr/share/man/man1/xsgate.1*", "usr/share/bash-completion/completions/xsgate",
                 "usr/include/xsgate/profile.h", "usr/share/doc/xsgate/LICENSE"):
        check(glob.glob(os.path.join(root, name)), f"{name} is in the package", done)


def main():
    for tool in "dpkg-deb", "dpkg-shlibdeps", "file":
        if not shutil.which(tool):
            print(f"skipped: there is no {tool}, which making a package takes")
            return SKIP
    folder = os.path.realpath(tempfile.mkdtemp(prefix="xsgate-package-"))
    try:
        test(*sys.argv[1:4], folder)
    finally:
        shutil.rmtree(folder)
    print("the package was made, unpacked and used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
