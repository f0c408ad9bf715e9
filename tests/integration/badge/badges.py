"""What the badge's tests share: making one, and its shape."""
import subprocess
import xml.etree.ElementTree as ElementTree

SVG = "{http://www.w3.org/2000/svg}"
COLORS = ["brightgreen", "green", "yellow", "orange", "red", "blue", "lightgrey"]


def make(program, form, label, message, color="green"):
    return subprocess.run([program, form, label, message, str(COLORS.index(color))],
                          stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")


def shape(svg):
    """Everything that can be seen: sizes, fills, and place and length of each text."""
    root = ElementTree.fromstring(svg)
    boxes = []
    for rect in root.iter(SVG + "rect"):
        if rect.get("fill", "").startswith("#") and rect.get("width") != "0":
            boxes.append((float(rect.get("x", "0")), float(rect.get("width")),
                          float(rect.get("height")), rect.get("fill")))
    texts = [(t.text, float(t.get("x")), float(t.get("y")), float(t.get("textLength")))
             for t in root.iter(SVG + "text")]
    return {"size": (root.get("width"), root.get("height")), "label": root.get("aria-label"),
            "title": root.find(SVG + "title").text, "role": root.get("role"),
            "boxes": boxes, "texts": sorted(texts)}
