"""Opens the HTML report in a browser without a screen: the script runs under its own content
policy, draws the flame graph, sorts and hides, and hostile names stay text.

    test_page.py PROGRAM      (PROGRAM writes the page, see page.c)
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def browse(browser, folder, page, fragment=""):
    """The document after the script ran, and the console's messages."""
    result = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--window-size=1280,800",
         "--virtual-time-budget=2000", "--dump-dom", page.as_uri() + fragment],
        capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout, re.findall(r".*CONSOLE.*", result.stderr)


def rows(document):
    """(name, hidden) per row of the table, in the order shown."""
    found = re.findall(r'<tr data-group="[a-z]+"([^>]*)>.*?<td class="name">([^<]*)', document)
    return [(name, "hidden" in attributes) for attributes, name in found]


def check(browser, folder, program):
    page = folder / "page.html"
    page.write_bytes(subprocess.run([program], capture_output=True, check=True).stdout)

    document, console = browse(browser, folder, page)
    assert console == [], console
    assert 'data-ready="yes"' in document
    assert rows(document) == [("parse_value", False), ("main", False), ("whole target", False),
                              ("skip_space", True)], rows(document)
    frames = re.findall(r'<g class="([^"]*)"[^>]*role="button"', document)
    assert len(frames) == 5, frames
    assert sum("regressed" in frame for frame in frames) == 1, frames
    assert re.search(r"<text [^>]*>parse_value</text>", document)

    for key, first in ("-share", "whole target"), ("change", "main"), ("function", "main"):
        document, console = browse(browser, folder, page, f"#sort={key}&find=skip_")
        assert console == [], console
        assert rows(document)[0][0] == first, (key, rows(document))
        way = "descending" if key[0] == "-" else "ascending"
        assert len(re.findall(f'<th [^>]*aria-sort="{way}"', document)) == 1
    assert len(re.findall(r'<g class="[^"]*\bhit"', document)) == 2

    page.write_bytes(subprocess.run([program, "hostile"], capture_output=True, check=True).stdout)
    document, console = browse(browser, folder, page)
    assert console == [], console
    assert "<title>xsgate: regressed</title>" in document and 'data-ready="yes"' in document
    assert "<img" not in document

    # The content policy itself: a script that is not ours does not run.
    text = page.read_text().replace("</main>", "</main><script>document.title = 'owned'</script>")
    page.write_text(text)
    document, console = browse(browser, folder, page)
    assert len(console) == 1 and "Content Security Policy" in console[0], console
    assert "<title>xsgate: regressed</title>" in document


def main():
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        print("skipped: no chromium here to open the page in")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        check(browser, pathlib.Path(folder), sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
