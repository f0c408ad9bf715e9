#!/usr/bin/env python3
"""xsgate selftest: status 0 and its figures where the slowdown is there, status 1 where none is that could
be seen, 3 where nothing can be measured; and nothing is left behind, also when it is interrupted.

    selftest.py XSGATE"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

XSGATE = os.path.abspath(sys.argv[1])
ROUNDS = [10, 20, 40, 80]


def check(condition, text):
    if not condition:
        sys.exit("selftest.py: " + text)


class Place:
    """A folder outside of any repository, and a TMPDIR in which nothing may be left."""

    def __init__(self, folder):
        self.work = os.path.join(folder, "not a repository")
        self.temp = os.path.join(folder, "temp")
        os.mkdir(self.work)
        os.mkdir(self.temp)

    def start(self, *words, **more):
        environment = dict(os.environ, TMPDIR=self.temp, **more)
        return subprocess.Popen([XSGATE, "selftest", *words], cwd=self.work, env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, status):
        out, err = process.communicate(timeout=200)
        print("status %d\n%s%s" % (process.returncode, out, err), flush=True)
        check(process.returncode == status, "status %d, not %d" % (process.returncode, status))
        check(os.listdir(self.temp) == [], "left behind: %s" % os.listdir(self.temp))
        check(os.listdir(self.work) == [], "written: %s" % os.listdir(self.work))
        return out, err


def check_figures(report):
    """What is said of the machine holds together."""
    rows = {row["function"]: row for row in report["smallest"]}
    check(list(rows) == [None, "large", "middle", "small"], "rows: %s" % list(rows))
    check(rows[None]["share"] == 1, "the target's share is not 1")
    check(rows["large"]["share"] > 3 * rows["middle"]["share"] > 9 * rows["small"]["share"] > 0,
          "the shares are not those of 30, 5 and 1 %")
    for name, row in rows.items():
        seen = [at["effect"] for at in row["detectable"]]
        check([at["rounds"] for at in row["detectable"]] == ROUNDS, "other rounds")
        check(seen == sorted(seen, reverse=True) and seen[-1] > 0, "more rounds tell less: %s" % name)
        # half as much takes four times the rounds, and few rounds pay for the tails of Student's t
        check(2 < seen[0] / seen[2] < 5 and 1.9 < seen[1] / seen[3] < 4, "the scale: %s" % seen)
        check(row["spread"] < seen[0], "ten rounds cannot tell less than the spread of one")
    check(abs(report["factor"] - 1 - report["effect"] / rows["large"]["share"]) < 1e-6, "the factor")


def passes(place):
    """By default: no alarm, then exactly the planted function. And the text has its figures."""
    out, _ = place.finish(place.start("--format", "json"), 0)
    report = json.loads(out)
    check(report["passed"] is True and report["effect"] == 0.05, "not passed")
    check(report["equal"]["verdict"] != "regressed" and report["equal"]["named"] == [], "an alarm")
    check(report["equal"]["rounds"] == 40, "equal commits: %s rounds" % report["equal"]["rounds"])
    check(report["planted"]["verdict"] == "regressed", "not regressed")
    check(report["planted"]["named"] == ["large"], "named: %s" % report["planted"]["named"])
    check_figures(report)


def fails(place):
    """A slowdown that nobody could see is missed, and it says so. One in a hundred gates may see one
    where there is none: then another time."""
    out, _ = place.finish(place.start("--effect", "0.01%"), 1)
    if "alarm after" in out or "seen, but" in out:
        out, _ = place.finish(place.start("--effect", "0.01%"), 1)
    check(re.search(r"^ok +equal commits: no alarm in \d+ rounds", out, re.M), "no first line")
    check(re.search(r"^FAILED +planted slowdown: large made 0\.0\d+ % slower, the target 0\.01 %: "
                    r"not seen", out, re.M), "the miss is not told")
    check(re.search(r"^0\.01 % is less than what 80 rounds can tell of a whole target here", out, re.M),
          "the reason is not told")
    check("'xsgate doctor' says what disturbs" in out, "the next step is not told")
    check(re.search(r"^whole target +100 %( +[\d.]+ %){5}$", out, re.M), "no table")


def is_interrupted(place):
    """Nothing stays after Ctrl-C or a CI system's SIGTERM, in the middle of a round."""
    for number in (signal.SIGINT, signal.SIGTERM):
        process = place.start()
        deadline = time.monotonic() + 60
        while not os.listdir(place.temp) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(number)
        _, err = place.finish(process, 128 + number)
        check("interrupted" in err, "no sentence")


def cannot(place):
    """What cannot be measured is status 3 and a sentence."""
    # a file that can be preloaded by nobody: the runtime does not attach
    broken = os.path.join(os.path.dirname(place.work), "broken.so")
    with open(broken, "w", encoding="ascii") as file:
        file.write("not a library")
    out, err = place.finish(place.start(XSGATE_RUNTIME=broken), 3)
    check(out == "" and err.count("xsgate: ") == 1 and "selftest" in err, "no sentence: " + err)


def main():
    with tempfile.TemporaryDirectory(prefix="xsgate-selftest-") as folder:
        place = Place(folder)
        cannot(place)
        is_interrupted(place)
        passes(place)
        fails(place)


main()
