#!/usr/bin/env python3
"""Reports read by programs that we did not write: JSON by jsonschema against the published schema,
JUnit by xmllint, all by rules that hold whatever the names are.

usage: check_reports.py GOLDEN SCHEMA
"""
import copy
import json
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ElementTree

CASES = ["regressed", "passed", "undecided", "invalid", "unmeasured", "hostile", "huge"]
GOLDEN, SCHEMA = sys.argv[1:3]


def render(case, form, limit=0):
    done = subprocess.run([GOLDEN, "--write", case, form, str(limit)], stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode("utf-8")  # strict: every report is valid UTF-8


class Json(unittest.TestCase):
    def setUp(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is missing")
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def errors(self, report):
        return [f"{list(e.absolute_path)}: {e.message[:200]}"
                for e in self.validator.iter_errors(report)]

    def test_valid(self):
        for case in CASES:
            with self.subTest(case):
                self.assertEqual(self.errors(json.loads(render(case, "json"))), [])

    def test_the_schema_is_no_rubber_stamp(self):
        good = json.loads(render("regressed", "json"))

        def without(path):
            report = copy.deepcopy(good)
            place = report
            for key in path[:-1]:
                place = place[key]
            del place[path[-1]]
            return report

        for path in [["verdict"], ["gate", "alpha"], ["base", "commit"], ["deltas", 0, "rule"],
                     ["deltas", 0, "head", "n"], ["targets", 0, "name"]]:
            with self.subTest(path):
                self.assertNotEqual(self.errors(without(path)), [])
        for path, value in [(["verdict"], "fine"), (["schema"], 2), (["rounds"], -1),
                            (["deltas", 0, "share"], 1.5), (["deltas", 0, "line"], 0),
                            (["warnings"], [1]), (["deltas", 0, "ratio"], "1.2")]:
            report = copy.deepcopy(good)
            place = report
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            with self.subTest(path):
                self.assertNotEqual(self.errors(report), [])


class Junit(unittest.TestCase):
    def test_well_formed(self):
        for case in CASES:
            with self.subTest(case):
                done = subprocess.run(["xmllint", "--noout", "--huge", "-"], text=True,
                                      input=render(case, "junit"), stderr=subprocess.PIPE)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_counts(self):
        for case in CASES:
            with self.subTest(case):
                suites = ElementTree.fromstring(render(case, "junit"))
                report = json.loads(render(case, "json"))
                names = [suite.get("name") for suite in suites]
                own = 1 if case == "unmeasured" else 0  # the verdict's, where no delta shows it
                self.assertEqual(len(names), len(report["targets"]) + own)
                for suite in suites:
                    cases = suite.findall("testcase")
                    self.assertEqual(int(suite.get("tests")), len(cases))
                    for attribute, tag in [("failures", "failure"), ("errors", "error"),
                                           ("skipped", "skipped")]:
                        self.assertEqual(int(suite.get(attribute)),
                                         len(suite.findall(f"testcase/{tag}")))

    def test_outcomes(self):
        suites = ElementTree.fromstring(render("regressed", "junit"))
        failed = {c.get("name") for c in suites.iter("testcase") if c.find("failure") is not None}
        self.assertEqual(failed, {"(whole target)", "parse_string"})
        suites = ElementTree.fromstring(render("invalid", "junit"))
        self.assertEqual([e.get("message") for e in suites.iter("error")],
                         ["head: ended with status 3; a target has to end with status 0\n"
                          "| reading data/large.json, a file whose name is in a line that is too "
                          "long for eighty columns and goes on below\n"
                          "| \n| ::error::| <b>@everyone</b> `x` ]]>\n|   assertion failed"])

    def test_no_verdict_is_no_success(self):
        for case in CASES:
            with self.subTest(case):
                suites = ElementTree.fromstring(render(case, "junit"))
                verdict = json.loads(render(case, "json"))["verdict"]
                shown = {"invalid": "error", "regressed": "failure"}.get(verdict)
                self.assertTrue(shown is None or list(suites.iter(shown)))
        suites = ElementTree.fromstring(render("unmeasured", "junit"))
        self.assertEqual([e.get("message") for e in suites.iter("error")],
                         ["building main (1f0e9d8c7b): the build ended with status 2\n"
                          "| src/parse.c:88:1: error: expected ';' before 'return'\n"
                          "| ::error::<b>@everyone</b> `make` ]]>"])


class Text(unittest.TestCase):
    def test_nothing_reaches_the_terminal(self):
        for case in CASES:
            with self.subTest(case):
                text = render(case, "text")
                self.assertIsNone(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e"
                                            "\u2060-\u206f\ufeff]", text))
                self.assertLessEqual(max(map(len, text.split("\n"))), 100)
                for line in text.split("\n"):  # a runner takes such a line for a command
                    self.assertFalse(line.strip().startswith(("::", "##[")), line)


class Markdown(unittest.TestCase):
    TAGS = {"b", "/b", "code", "/code", "br", "wbr", "sub", "/sub", "details", "/details", "summary", "/summary"}

    def test_foreign_text_does_nothing(self):
        for case in CASES:
            with self.subTest(case):
                text = render(case, "markdown")
                self.assertLessEqual(set(re.findall("<([^>]*)>", text)), self.TAGS)
                self.assertEqual(text.count("<"), text.count(">"))
                for sign in ["@", "`", "[", "]", "http:", "\\", "#1", "\u202e", "\x1b"]:
                    self.assertNotIn(sign, re.sub("&#[0-9]+;", "", text))
                # Mentions and references are looked for after rendering, outside of code.
                shown = re.sub("<code>.*?</code>", "", text)
                shown = re.sub("&#([0-9]+);", lambda m: chr(int(m.group(1))), shown)
                self.assertIsNone(re.search("[@#][A-Za-z0-9]|GH-[0-9]", shown))

    def test_rows_stay_whole(self):
        for case in CASES:
            with self.subTest(case):
                columns = 0
                for line in render(case, "markdown").split("\n"):
                    if line.startswith("| ---"):
                        columns = line.count("|")
                    if line.startswith("|") and columns:
                        self.assertEqual(line.count("|"), columns, line)
                    if not line.startswith("|"):
                        columns = 0

    def test_limit(self):
        for limit in [16384, 20000, 33333, 65000]:
            with self.subTest(limit):
                text = render("huge", "markdown", limit)
                self.assertLessEqual(len(text.encode()), limit)
                rows = sum(line.startswith("| <code>") for line in text.split("\n"))
                dropped = sum(int(n) for n in
                              re.findall("([0-9]+)(?: more)? [a-z]+ did not fit", text))
                self.assertEqual(rows + dropped, 4000)
                self.assertGreater(rows, 100 if limit == 65000 else 5)
                self.assertTrue(text.startswith("❌ **xsgate: regressed**"))
                self.assertIn("how this was measured", text)
                self.assertEqual(text.count("<details>"), text.count("</details>"))


class Github(unittest.TestCase):
    """Read as the runner does: a line that begins with :: or holds ##[ is a command."""

    LINE = re.compile("::(error|warning) ((?:[a-z]+=[^,:]*)(?:,[a-z]+=[^,:]*)*)::(.*)")

    def commands(self, case):
        lines = render(case, "github").split("\n")
        self.assertEqual(lines.pop(), "")
        found = []
        for line in lines:
            match = self.LINE.fullmatch(line)
            self.assertIsNotNone(match, line)
            properties = dict(p.split("=", 1) for p in match.group(2).split(","))
            for text in [match.group(3), *properties.values()]:
                self.assertIsNone(re.search("%(?!25|2C|3A|0A|0D)", text), text)
                self.assertTrue(text.isprintable(), text)
            found.append((match.group(1), properties, match.group(3)))
        return found

    def test_only_annotations(self):
        for case in CASES:
            with self.subTest(case):
                for _, properties, _ in self.commands(case):
                    self.assertLessEqual(set(properties), {"file", "line", "title"})
                    self.assertFalse(properties.get("file", "").startswith(("/", "..")))

    def test_levels(self):
        self.assertEqual(self.commands("passed"), [])
        self.assertEqual([level for level, _, _ in self.commands("undecided")],
                         ["warning", "warning"])
        regressed = self.commands("regressed")
        self.assertEqual([level for level, _, _ in regressed], ["error", "error", "warning"])
        self.assertEqual(regressed[1][1],
                         {"file": "src/parse.c", "line": "88", "title": "parse_string +21 %25"})

    def test_the_tenth_says_how_many_there_are(self):
        found = self.commands("huge")
        self.assertEqual(len(found), 10)
        self.assertEqual(found[9], ("error", {"title": "xsgate"}, "1991 more are in the report"))


class Gitlab(unittest.TestCase):
    SAMPLE = re.compile('xsgate\\{([a-z]+="(?:[^"\\\\\n]|\\\\["\\\\n])*",?)+\\} [-+.e0-9]+')

    def test_findings(self):
        for case in CASES:
            with self.subTest(case):
                found = json.loads(render(case, "codequality"))
                if case != "huge":  # whose first functions have one name
                    self.assertEqual(len({f["fingerprint"] for f in found}), len(found))
                for f in found:
                    self.assertEqual(set(f), {"description", "check_name", "fingerprint", "severity", "location"})
                    self.assertIn(f["severity"], ["info", "minor", "major", "critical", "blocker"])
                    self.assertFalse(f["location"]["path"].startswith(("/", "..")))
                    self.assertGreater(f["location"]["lines"]["begin"], 0)
        self.assertEqual([f["location"]["path"] for f in json.loads(render("regressed", "codequality"))],
                         ["xsgate.yml", "src/parse.c"])
        self.assertEqual(json.loads(render("passed", "codequality")), [])

    def test_metrics(self):
        for case in CASES:
            with self.subTest(case):
                lines = render(case, "metrics").split("\n")
                self.assertEqual(lines[-2:], ["# EOF", ""])
                for line in lines[2:-2]:
                    self.assertIsNotNone(self.SAMPLE.fullmatch(line), line)
        self.assertIn('xsgate{target="json",function="parse_string",file="src/parse.c",metric="time",unit="ns"} 84910000',
                      render("regressed", "metrics"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
