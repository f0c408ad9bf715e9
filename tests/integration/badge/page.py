"""The badge in a browser: it is drawn, its sides have their colours, its text stays within.

    page.py PROGRAM [PICTURE.png]
"""
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import badges

SAMPLES = [("perf", "passed", "brightgreen"), ("perf", "regressed", "red"),
           ("perf", "undecided", "yellow"), ("perf", "could not judge", "orange"),
           ("json: parse_string", "12.3 ms (+2.1 %)", "blue"), ("perf", "unknown", "lightgrey")]


def pixels(png):
    """Rows of (r, g, b) of an 8-bit PNG without interlace."""
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and color in (2, 6)
            step = 3 if color == 2 else 4
        elif kind == b"IDAT":
            data += body
        at += 12 + size
    raw, rows, above = zlib.decompress(data), [], bytes(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        kind, line = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
        for i, _ in enumerate(line):
            left = line[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            up = above[i]
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                nearest = min((left, up, corner), key=lambda v, g=guess: abs(g - v))
                line[i] = (line[i] + nearest) & 255
        above = bytes(line)
        rows.append([tuple(line[x * step:x * step + 3]) for x in range(width)])
    return rows


def main(program, picture=None):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        print("skipped: no chromium here to draw the badge")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        images = ""
        for i, sample in enumerate(SAMPLES):
            (folder / f"{i}.svg").write_text(badges.make(program, "svg", *sample), encoding="utf-8")
            images += f'<img src="{i}.svg" style="position:absolute;left:10px;top:{10 + 30 * i}px">'
        (folder / "page.html").write_text(f"<!doctype html><body>{images}", encoding="utf-8")
        shot = folder / "shot.png"
        subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                        "--disable-background-networking", f"--user-data-dir={folder}/profile",
                        "--hide-scrollbars", f"--screenshot={shot}", "--window-size=400,200",
                        (folder / "page.html").as_uri()], check=True, capture_output=True, timeout=120)
        rows = pixels(shot.read_bytes())
        if picture:
            shutil.copy(shot, picture)
        for i, sample in enumerate(SAMPLES):
            boxes = badges.shape((folder / f"{i}.svg").read_text(encoding="utf-8"))["boxes"]
            for x, width, _, fill in boxes:
                # Half way down the shade takes a little of the colour; beside the text.
                want = tuple(int(fill[1:][k * (len(fill) // 3):][:len(fill) // 3]
                                 * (3 - len(fill) // 3), 16) for k in range(3))
                for at in (int(10 + x) + 2, int(10 + x + width) - 3):
                    seen = rows[10 + 30 * i + 10][at]
                    assert all(abs(a - b) <= 20 for a, b in zip(want, seen)), (sample, at, want, seen)
            middle = rows[10 + 30 * i + 10][10:10 + int(boxes[0][1])]
            assert any(min(p) > 200 for p in middle), f"no white text in {sample}"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
