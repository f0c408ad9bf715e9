"""The badge as XML and JSON, whatever the texts are.

    test_badge.py PROGRAM
"""
import json
import re
import shutil
import subprocess
import sys
import unittest

import badges

PROGRAM = sys.argv[1]
# shields.io refuses other keys in an endpoint's answer.
KEYS = {"schemaVersion", "label", "message", "color", "labelColor", "isError", "namedLogo",
        "logoSvg", "logoColor", "logoWidth", "logoSize", "style", "cacheSeconds"}
HOSTILE = ["</text><script>alert(1)</script>", "\" onload=\"alert(1)", "a & b < c > d ' \"",
           "]]><![CDATA[", "&amp;", "line\nbreak\ttab\rreturn", "bell\a escape\x1b[31m",
           "bidi \u202eoverride zero\u200bwidth", "\ufffe\uffff", "漢字 🚀", "x" * 65536, " ", "%s%n"]


class Badge(unittest.TestCase):
    def test_known_geometry(self):
        seen = badges.shape(badges.make(PROGRAM, "svg", "perf", "passing"))
        self.assertEqual(seen["size"], ("82", "20"))
        self.assertEqual(seen["boxes"], [(0, 31, 20, "#555"), (31, 51, 20, "#67ac09")])
        self.assertEqual(seen["texts"], sorted([("perf", 165, 140, 210)] + [("perf", 165, 150, 210)] * 2
                                               + [("passing", 555, 140, 410)]
                                               + [("passing", 555, 150, 410)] * 2))

    def test_accessible(self):
        seen = badges.shape(badges.make(PROGRAM, "svg", "perf", "12.3 ms"))
        self.assertEqual((seen["role"], seen["label"], seen["title"]),
                         ("img", "perf: 12.3 ms", "perf: 12.3 ms"))
        self.assertEqual(badges.shape(badges.make(PROGRAM, "svg", "", "alone"))["title"], "alone")

    def test_hostile_texts_stay_text(self):
        good = {e.tag for e in badges.ElementTree.fromstring(
            badges.make(PROGRAM, "svg", "perf", "passed")).iter()}
        for text in HOSTILE:
            with self.subTest(text[:40]):
                svg = badges.make(PROGRAM, "svg", text, text)
                root = badges.ElementTree.fromstring(svg)
                self.assertLessEqual({e.tag for e in root.iter()}, good)
                self.assertFalse(any(key.startswith("on") for e in root.iter() for key in e.keys()))
                self.assertLess(len(svg), 8000)
                if shutil.which("xmllint"):
                    subprocess.run(["xmllint", "--noout", "-"], input=svg.encode(), check=True)

    def test_endpoint(self):
        for text in ["passed", ""] + HOSTILE:
            with self.subTest(text[:40]):
                seen = json.loads(badges.make(PROGRAM, "endpoint", text, text, "red"))
                self.assertLessEqual(set(seen), KEYS)
                self.assertEqual((seen["schemaVersion"], seen["color"]), (1, "red"))
                self.assertIsNone(re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]",
                                            seen["label"] + seen["message"]))
        self.assertEqual(json.loads(badges.make(PROGRAM, "endpoint", "", "+2 %", "yellow")),
                         {"schemaVersion": 1, "label": "", "message": "+2 %", "color": "yellow"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
