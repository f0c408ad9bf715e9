#!/usr/bin/env python3
"""history.py XSGATE FILL_STORE: the history command over a repository of 120 commits whose store
was filled as CI would have. Every format is read back."""
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

COMMITS = 120
FAILURES = []


def check(condition, what):
    if not condition:
        FAILURES.append(what)
        print("FAILED: " + what)


def make_repository(root):
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    stream = []
    for i in range(COMMITS):
        message = "change number %d <b>" % i
        stream.append("commit refs/heads/main\nmark :%d\ncommitter a <a@b> %d +0000\n"
                      "data %d\n%s\n" % (i + 1, 1700000000 + i * 3600, len(message), message))
        if i:
            stream.append("from :%d\n" % i)
        stream.append("M 100644 inline file\ndata %d\n%d\n" % (len(str(i)), i))
    subprocess.run(["git", "-C", root, "fast-import", "--quiet"], input="".join(stream), text=True,
                   check=True)
    subprocess.run(["git", "-C", root, "reset", "-q", "--hard", "main"], check=True)
    done = subprocess.run(["git", "-C", root, "rev-list", "--reverse", "main"], check=True,
                          text=True, stdout=subprocess.PIPE)
    return done.stdout.split()


class Xsgate:
    def __init__(self, program, root):
        self.program, self.root = program, root

    def __call__(self, *words, status=0, **environment):
        env = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k != "LANG"}
        env.update({"LANG": "C.UTF-8", "COLUMNS": "100"}, **environment)
        done = subprocess.run([self.program, "history", *words], cwd=self.root, env=env, text=True,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(done.returncode == status, "status %d of history %s: %s" % (
            done.returncode, " ".join(words), done.stdout))
        return done.stdout


def history_of(xsgate, *words):
    document = json.loads(xsgate(*words, "--format", "json"))
    check(document["schema"] == 1, "schema")
    return document["histories"]


def check_changes(xsgate, oids):
    by_name = {}
    for name in ("steady", "stepped", "creeping", "moved_house", "noisy"):
        (by_name[name],) = history_of(xsgate, name)
        check(len(by_name[name]["points"]) == COMMITS, name + " has every commit")
    for name in ("steady", "moved_house", "noisy"):
        check(by_name[name]["changes"] == [], "%s did not change: %s" % (
            name, by_name[name]["changes"]))
    check(len(by_name["stepped"]["changes"]) == 1, "stepped changed once")
    for change in by_name["stepped"]["changes"]:
        check(abs(change["ratio"] - 1.06) < 0.01, "its size: %s" % change["ratio"])
        low, high = oids.index(change["after"]), oids.index(change["up_to"])
        check(low < 48 <= high and high - low <= 5, "its range: %d..%d" % (low, high))
    total = 1
    for change in by_name["creeping"]["changes"]:
        total *= change["ratio"]
        check(change["ratio"] > 1, "creeping goes up only")
    check(total > 1.05, "ten times 1 %% was found: %s" % total)
    check(0.005 < by_name["steady"]["noise"] < 0.02, "noise of steady")
    check(0.1 < by_name["noisy"]["noise"] < 0.4, "noise of noisy")


def check_text(xsgate):
    for columns in ("40", "80", "200"):
        text = xsgate("stepped", COLUMNS=columns)
        check("+6." in text or "+5.9 %" in text, "the size is told")
        check("change number 4" in text, "the subject is told")
        plot = text.split("\n120 points")[0].split("\n")
        check(all(len(line) <= int(columns) for line in plot), "the plot fits %s columns" % columns)
        check("\x1b" not in text, "no colour into a pipe")
    check("•" in text, "dots where the terminal has them")
    plain = xsgate("stepped", LANG="C")
    check(plain.isascii(), "ASCII in a plain locale")
    check("*" in plain, "stars in a plain locale")
    table = xsgate()
    check("stepped" in table and "creeping" in table, "the table names what changed")
    check("steady (" not in table, "and not what did not")
    check("2 environments" in xsgate("moved_house"), "another machine is said")


class Text(HTMLParser):
    VOID = {"meta", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.names = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, "</%s> closes %s" % (tag, self.open[-1:]))
        if self.open:
            self.open.pop()


def check_pictures(xsgate, root):
    svg = ElementTree.fromstring(xsgate("stepped", "--format", "svg"))
    names = [element.tag.split("}")[1] for element in svg.iter()]
    check(svg.get("role") == "img" and "title" in names and "desc" in names, "SVG is described")
    path = [element for element in svg.iter() if element.get("class") == "point"][0]
    check(path.get("d").count("M") == COMMITS, "SVG has every point")
    page = os.path.join(root, "history.html")
    xsgate("--format", "html", "-o", page)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    parsed = Text(text)
    check(parsed.open == [], "every element is closed")
    check(parsed.names.count("svg") == 2, "a picture per function that changed")
    check("b" not in parsed.names and "script" not in parsed.names, "subjects are escaped")
    check("http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", ""),
          "nothing is loaded")


def check_errors(xsgate, oids):
    check("did you mean 'stepped'" in xsgate("steped", status=2), "the nearest name")
    check("name it" in xsgate("--format", "svg", status=2), "svg needs a function")
    (part,) = history_of(xsgate, "stepped", "--since", oids[60])
    check(len(part["points"]) == 60 and part["changes"] == [], "--since")


def check_values(xsgate, root):
    path = os.path.join(root, "values.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("# a series\n")
        file.writelines("%f\n" % (100 + i % 3 + (10 if i >= 30 else 0)) for i in range(60))
    (series,) = history_of(xsgate, "--values", path)
    check([c["index"] for c in series["changes"]] == [30], "the step in a file")
    with open(path, "a", encoding="utf-8") as file:
        file.write("not a number\n")
    check(":62: expected a number" in xsgate("--values", path, status=2), "the line is named")


def main():
    program, fill = (os.path.abspath(word) for word in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as root:
        repository = os.path.join(root, "project")
        oids = make_repository(repository)
        xsgate = Xsgate(program, repository)
        check("no store" in xsgate(status=2), "without a store")
        subprocess.run([fill, os.path.join(repository, ".xsgate", "store.db")], check=True,
                       input="\n".join(oids), text=True, stdout=subprocess.DEVNULL)
        check_changes(xsgate, oids)
        check_text(xsgate)
        check_pictures(xsgate, root)
        check_errors(xsgate, oids)
        check_values(xsgate, root)
        if len(sys.argv) > 3:  # for looking at
            subprocess.run(["cp", "-r", repository, sys.argv[3]], check=True)
    sys.exit(1 if FAILURES else 0)


main()
