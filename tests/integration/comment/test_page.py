"""The comment in a browser, with a forge's measures: on a phone no table has to be scrolled.

    test_page.py GOLDEN [FOLDER]        (pictures are left in FOLDER)
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# The measures of a GitHub comment that decide about room.
STYLE = """
body { margin: 0; padding: 16px; font: 14px/1.5 "Noto Sans", "DejaVu Sans", sans-serif; color: #1f2328 }
.box { border: 1px solid #d1d9e0; border-radius: 6px; padding: 16px; overflow-wrap: break-word }
a { color: #0969da; text-decoration: none }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-spacing: 0;
        border-collapse: collapse; margin: 0 0 16px }
td, th { padding: 6px 13px; border: 1px solid #d1d9e0 }
tr:nth-child(2n) { background: #f6f8fa }
code { font: 85% "Liberation Mono", monospace; padding: .2em .4em; background: #818b981f; border-radius: 6px;
       white-space: break-spaces }
sub { font-size: 75%; line-height: 0; position: relative; bottom: -.25em; vertical-align: baseline }
p, details, ul { margin: 0 0 16px }
ul { padding-left: 2em }
"""
SCRIPT = """
document.title = [...document.querySelectorAll('table, .box')]
  .map(e => e.tagName + ' ' + e.scrollWidth + ' ' + e.clientWidth).join(';')
"""
CASES = ["regressed", "passed", "undecided", "invalid"]


def main(golden, pictures=None):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser or not shutil.which("cmark-gfm"):
        print("skipped: chromium and cmark-gfm are needed to see the comment")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        base = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                "--disable-background-networking", f"--user-data-dir={folder}/profile"]
        for case in CASES:
            markdown = subprocess.run([golden, "--linked", case, "markdown"], capture_output=True, check=True)
            body = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e", "tagfilter"],
                                  input=markdown.stdout, capture_output=True, check=True).stdout.decode()
            # A window of a browser without a screen is 500 pixels wide at least: the body is not.
            for width in 390, 1000:
                page = folder / f"{case}-{width}.html"
                page.write_text(f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style>'
                                f'<body style="width:{width - 32}px"><div class="box">'
                                + body.replace("<details>", "<details open>")
                                + f"</div><script>{SCRIPT}</script>", encoding="utf-8")
                seen = subprocess.run(base + ["--dump-dom", page.as_uri()], capture_output=True, text=True,
                                      check=True, timeout=100).stdout
                sizes = re.search("<title>(.*?)</title>", seen).group(1).split(";")
                assert len(sizes) >= 1 + (case != "passed"), sizes
                for size in sizes:
                    kind, need, have = size.split()
                    assert int(need) <= int(have), f"{case} at {width}: {kind} needs {need} of {have}"
                if pictures:
                    subprocess.run(base + [f"--screenshot={pictures}/{case}-{width}.png",
                                           f"--window-size={width},1400", page.as_uri()],
                                   capture_output=True, check=True, timeout=100)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
