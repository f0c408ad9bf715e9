"""Our badge beside that of shields.io's own badge-maker: every visible size and place is the same.

    peer.py PROGRAM NPM-FOLDER
"""
import itertools
import json
import pathlib
import subprocess
import sys

import badges

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "npm"))
import npm  # noqa: E402  pylint: disable=wrong-import-position

LABELS = ["perf", "", "performance", "xsgate (nightly)", "WWW iii", "a & <b>"]
MESSAGES = ["passed", "regressed", "undecided", "could not judge", "12.3 ms (+2.1 %)", "-0.4 %", "~",
            "|{}[]@#$^*_=+\\/?!`'\";:.,<>", "0123456789", "The quick brown fox jumps over the lazy dog",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"]

SCRIPT = """
import { makeBadge } from 'badge-maker';
import { readFileSync } from 'node:fs';
const list = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify(list.map(([label, message, color]) => makeBadge({ label, message, color }))));
"""


def main(program, folder):
    modules = npm.modules(folder, {"badge-maker": "6.0.0"})
    if not modules:
        return 77
    wanted = [(label, message, color) for (label, message), color in
              zip(itertools.product(LABELS, MESSAGES), itertools.cycle(badges.COLORS))]
    done = subprocess.run(["node", "--input-type=module", "-e", SCRIPT], cwd=modules.parent,
                          input=json.dumps(wanted), stdout=subprocess.PIPE, text=True, check=True)
    wrong = 0
    for (label, message, color), theirs in zip(wanted, json.loads(done.stdout)):
        ours = badges.shape(badges.make(program, "svg", label, message, color))
        theirs = badges.shape(theirs)
        if ours != theirs:
            wrong += 1
            print(f"{label!r} {message!r} {color}:\n  ours   {ours}\n  theirs {theirs}")
    print(f"{len(wanted)} badges, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
