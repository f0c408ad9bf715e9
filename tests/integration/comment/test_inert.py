"""Names and texts that an attacker would choose, in the comment as cmark-gfm (GitHub's own parser
of that time, in Debian) renders it: nothing but our own elements and links appears, and what forges
look for in the rendered text (mentions, references, emoji, addresses) is not there.

    test_inert.py PROGRAM
"""
import html.parser
import random
import re
import shutil
import subprocess
import sys
import unittest
import urllib.parse

PROGRAM = sys.argv[1]
CORPUS = [
    # HTML
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<b>", "</b>", "<a href=//e.example>",
    "<iframe src=//e.example>", "<style>*{display:none}</style>", "<!-- xsgate:default -->", "<!--",
    "-->", "</details>", "<details open><summary>", "</td></tr></table>", "<br>", "<code>", "</code>",
    "&lt;script&gt;", "&#60;script&#62;", "&#x3c;script>", "<?php", "<![CDATA[", "<!DOCTYPE html>",
    "<svg/onload=alert(1)>", "<plaintext>", "<sub><sub><sub>", "<details>" * 50,
    # Markdown
    "**bold** __bold__ *it* _it_ ~~gone~~ ~gone~", "`code` ``code``", "`", "``", "`" * 40, "```\ncode",
    "[link](http://e.example)", "![image](http://e.example/a.png)", "![](http://e.example/a.png)",
    "[ref]\n\n[ref]: http://e.example", "[ref][]", "[^1]", "[x](<javascript:alert(1)>)",
    "](http://e.example)", ")](x", "a|b|c", "| --- | --- |", "\\|", "\\\\|", "\\", "# heading",
    "\n# heading\n", "\n\n---\n\n", "\n> quote", "\n- item", "\n1. item", "- [ ] task", "    code",
    "\n\n    code\n", "line  \nbreak", "a\rb", "a\r\nb", "a\u2028b\u2029c", "a\vb\fc\x85d", "*", "_", "~",
    "***", "===", "\n===", "<http://e.example>", "<a@e.example>", "$x$ $$y$$ $`z`$", "\\(x\\)", "{{x}}",
    "{+ added +} [- gone -]", "$(reboot)", "%s%n%x", "${jndi:ldap://e.example/a}",
    # what forges find in text
    "@everyone", "@octo/team", "a@b", "user@e.example", "mailto:user@e.example", "xmpp:a@e.example",
    "#1", "o/r#1", "GH-1", "gh-123", "JIRA-42", "!1", "$1", "&1", "~label", '~"a label"', "%1", '%"v 1"',
    "^alert#1", "[issue:1]", "*iteration:1", "o/r@1f0e9d8c7b6a594837261504f3e2d1c0b9a88776", ":+1:",
    ":shipit:", "a:b:c:d", "http://e.example", "https://e.example/a?b=c#d", "www.e.example",
    "WWW.E.EXAMPLE", "ftp://e.example", "//e.example", "javascript:alert(1)", "/close", "\n/close\n",
    "/assign @me", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
    # characters
    "\u202egnp.exe", "a\u200bb\u200dc\ufeffd", "\u2066a\u2069", "\u061c", "\U000e0041\U000e0042", "\ufffe\uffff",
    "\x00".replace("\x00", "\x01"), "\x1b[31mred\x1b[0m", "\x07\x08\x7f\x9b", "\u0301" * 2000, "漢字 🚀 é",
    "\U0001f1e6" * 50, "\u2060@\u2060user", "＠user", "\u00a0", " ", "\t", "",
    # paths
    "../../etc/passwd", "/etc/passwd", "a/../../b", "..", "a b(c)d.c", "a)b", "a\"b'c", "%2e%2e/x", "a?b#c",
    "a\\b", "C:\\x", "a/./b", "src/ü.c", "//x/y",
    # workflow commands
    "::error::x", "\n::set-output name=a::b", "::add-mask::a", "##[error]x", "##[add-path]/tmp",
    "\r::stop-commands::x", "%0A::error::x", "::error file=a,line=1::b",
    # size
    "x" * 65536, "<" * 65536, "| " * 32768, "`" * 65536, "\n" * 65536, "@a " * 20000, "é" * 40000,
    "[" * 65536, "&#64;" * 10000,
]
BYTES = [b"\xff\xfe\xc3(", b"\xed\xa0\x80", b"\xc0\xbc script", b"a\xe2\x80b", b"\xf4\x90\x80\x80"]
PIECES = ["<", ">", "&", "|", "`", "``", "*", "_", "~", "[", "](", ")", "!", "http://a.example", "www.a.example",
          "a@b.example", "@u", "#1", "\n", "\r\n", "<!--", "-->", "<details>", "</details>", "</td>", "&lt;",
          "&#64;", "\\", "$", ":", ":+1:", "GH-1", "\u202e", "\u200b", " ", "a", "1", "-", "\n\n", "::", "##[error]",
          "%", "\u2060", "é", "=", "+", '"', "'", "/", ".", "{", "}", "^"]
FIXED = {"https://forge.example/o/r/7#x"}
SOURCE = "https://forge.example/o/r/blob/1/"


class Page(html.parser.HTMLParser):
    """The elements in order, the links, and the text with and without that of code and links."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.links, self.open = [], [], []
        self.prose, self.text = "", ""

    def handle_starttag(self, tag, attrs):
        assert not attrs or (tag == "a" and list(dict(attrs)) == ["href"]), (tag, attrs)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        elif tag != "wbr":
            self.tags.append(tag)
            self.prose += "\n"
        if tag not in ("br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag != "a":
            self.tags.append("/" + tag)
            self.prose += "\n"

    def handle_data(self, data):
        self.text += data
        # Code and links are left alone by forges; a break keeps words apart.
        self.prose += "\x00" if {"code", "a"} & set(self.open) else data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl):
        raise AssertionError(f"a declaration: {decl}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data}")

    unknown_decl = handle_decl


def report(form, text):
    return subprocess.run([PROGRAM, form], input=text, stdout=subprocess.PIPE, check=True).stdout.decode()


def rendered(markdown):
    done = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough",
                           "-e", "tagfilter", "-e", "tasklist", "-e", "footnotes"],
                          input=markdown.encode(), stdout=subprocess.PIPE, check=True)
    page = Page()
    page.feed(done.stdout.decode())
    page.close()
    assert page.open == [], page.open
    return page


FOUND_IN_TEXT = [r"@\w", r"#\d", r"(?i)\bgh-\d", r"[A-Za-z]-\d", r":[a-z0-9_+-]+:", r"(?i)[a-z]://", r"(?i)\bwww\.\w",
                 "\\$[^\\s\u2060]", r"[!&~%^*]\w", r'[~%]"', r"\[\w", r"[\[{][+-]"]
INVISIBLE = ("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2061-\u206f\ufeff"
             "\ufff9-\ufffb\U000e0000-\U000e007f]")


def without_lines(tags):
    """Each further line of a text stands in an element of its own."""
    return re.sub(r"\bbr code /code ", "", " ".join(tags) + " ")


class Inert(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tags = rendered(report("markdown", b"harmless")).tags

    def check(self, text):
        raw = text if isinstance(text, bytes) else text.encode()
        markdown = report("markdown", raw)
        self.assertLessEqual(len(markdown.encode()), 65000)
        page = rendered(markdown)
        # The same elements as with a harmless text; empty texts leave some lines out.
        if "did not fit" in markdown:
            self.assertLessEqual(set(page.tags), set(self.tags) | {"p", "/p"})
        elif text:
            self.assertEqual(*[without_lines(tags) if b"\n" in raw else tags
                               for tags in (page.tags, self.tags)])
        for link in page.links:
            # The address of the CI run is the CI system's, not the target's.
            if link not in FIXED and link.encode() != raw:
                self.assertTrue(link.startswith(SOURCE), link)
                path = urllib.parse.urlsplit(link).path.split("/blob/1/", 1)[1]
                self.assertNotIn("..", path.split("/"))
                self.assertEqual(urllib.parse.unquote_to_bytes(path), raw)
        for pattern in FOUND_IN_TEXT:
            # The sentences of our own template hold none of these but the code's joint.
            self.assertIsNone(re.search(pattern, page.prose), pattern)
        self.assertIsNone(re.search(INVISIBLE, page.text))
        self.assertNotIn("<!--", markdown)
        for line in markdown.split("\n"):
            self.assertNotRegex(line, r"^\s*(/|::|##\[)")

    def test_corpus(self):
        for text in CORPUS + BYTES:
            with self.subTest(text[:60]):
                self.check(text)

    def test_random_mixtures(self):
        seeded = random.Random(20240229)
        for _ in range(150):
            text = "".join(seeded.choices(PIECES, k=seeded.randint(2, 20)))
            with self.subTest(text):
                self.check(text)

    def test_what_was_written_can_be_read(self):
        for text in ["operator<<(std::ostream&, int*)", "a_b_c", "f(x) [with T = int&]", "a@b #1 $x *p | `q`"]:
            page = rendered(report("markdown", text.encode()))
            self.assertGreater(page.text.replace("\u2060", "").count(text), 20)

    def test_annotations(self):
        for text in CORPUS + BYTES:
            with self.subTest(text[:60]):
                raw = text if isinstance(text, bytes) else text.encode()
                lines = report("github", raw).split("\n")
                self.assertEqual(lines.pop(), "")
                self.assertGreaterEqual(len(lines), 2)
                for line in lines:
                    self.assertRegex(line, r"^::(error|warning) [^\r]*::")
                    self.assertIsNone(re.search(INVISIBLE, line))
                    properties = line.split("::")[1].split(" ", 1)[1]
                    keys = [p.split("=", 1)[0] for p in properties.split(",")]
                    self.assertLessEqual(set(keys), {"file", "line", "title"})
                    self.assertEqual(len(keys), len(set(keys)))


if __name__ == "__main__":
    if not shutil.which("cmark-gfm"):
        print("skipped: cmark-gfm (Debian: cmark-gfm) is not here to render the comment")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=1)
