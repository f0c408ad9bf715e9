"""A value's badge over a store filled as CI would have: what the newest run says, and the last change.

    value.py XSGATE FILL_STORE
"""
import json
import os
import subprocess
import sys
import tempfile


def main(xsgate, fill_store):
    with tempfile.TemporaryDirectory() as root:
        def run(*words, status=0, given=None):
            done = subprocess.run(words, cwd=root, input=given, text=True, capture_output=True, check=False,
                                  env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
            assert done.returncode == status, (words, done.returncode, done.stderr)
            return done.stdout if status == 0 else done.stderr

        def badge(*words):
            return json.loads(run(xsgate, "badge", "--endpoint", *words))

        run("git", "init", "-q", "-b", "main", ".")
        for i in range(60):
            run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", str(i))
        oids = run("git", "rev-list", "--reverse", "HEAD")
        os.mkdir(f"{root}/.xsgate")
        run(fill_store, f"{root}/.xsgate/store.db", given=oids)

        steady = badge("--target", "parse", "--function", "steady")
        assert steady["label"] == "parse: steady" and steady["color"] == "blue", steady
        # 10 ms, on the second machine 30 % more; the noise of single runs is 1 %.
        assert 12.5 < float(steady["message"].split(" ms")[0]) < 13.5, steady
        assert steady["message"].endswith(" ms"), steady

        assert badge("--target", "parse", "--function", "creeping", "--label", "x")["label"] == "x"
        # Nobody compares two machines.
        moved = badge("--target", "parse", "--function", "moved_house")
        assert moved["color"] == "blue" and "(" not in moved["message"], moved

        # On the first machine alone the step is the last change.
        run("git", "checkout", "-q", oids.split()[40])
        stepped = badge("--target", "parse", "--function", "stepped")
        assert stepped["color"] == "orange", stepped
        assert 5.5 <= float(stepped["message"].split(" (+")[1].split(" %")[0]) <= 6.5, stepped

        assert "no stored run of this branch has" in run(xsgate, "badge", "--target", "prase", status=2)
        assert "--function needs --target" in run(xsgate, "badge", "--function", "steady", status=2)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
