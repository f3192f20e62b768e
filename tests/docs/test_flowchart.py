"""The book's drawings have every node once, each below all that have arrows to it."""

from __future__ import annotations

from xml.etree import ElementTree

from scripts.draw_architecture import PAGE
from scripts.draw_flowchart import ARROW, NODE, drawings

SVG = "{http://www.w3.org/2000/svg}"


def test_a_drawing_has_every_node_and_arrow_and_each_arrow_leads_down() -> None:
    drawn = drawings(PAGE.read_text(encoding="utf-8"))
    assert len(drawn) == 3
    for block, svg in drawn.items():
        picture = ElementTree.fromstring(svg)
        boxes, texts = picture.findall(f"{SVG}rect"), picture.findall(f"{SVG}text")
        heights = {str(text.text): float(box.attrib["y"]) for box, text in zip(boxes, texts, strict=True)}
        arrows = ARROW.findall(block)
        assert list(heights) == NODE.findall(block)
        assert len(picture.findall(f"{SVG}path")) == len(arrows)
        assert all(heights[start] < heights[end] for start, _, end in arrows)
        assert "\n" not in svg
