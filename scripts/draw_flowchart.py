"""Draw a flowchart in Mermaid's language as SVG, for pages that no script may draw.

Only what `draw_architecture.py` writes is understood: nodes, solid arrows and dashed ones. Nodes stand in layers
(Sugiyama, Tagawa and Toda, 1981): each below all nodes that have arrows to it, and near the middle of those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

ARROW: Final = re.compile(r"^ *(\w+) (-->|-\. .* \.->) (\w+)$", re.MULTILINE)
NODE: Final = re.compile(r"^ +(\w+)$", re.MULTILINE)
HEIGHT, GAP, LAYER, LETTER = 28, 18, 74, 8.5  # of a box, between boxes, between layers, of a letter's width; in pixels


def flowchart_svg(text: str) -> str:
    """Return the drawing of a flowchart, as one line of SVG in the colours of the page around it."""
    nodes = NODE.findall(text)
    arrows = [(start, end, "-." in line) for start, line, end in ARROW.findall(text)]
    rows = _ordered(_layers(nodes, arrows), arrows)
    boxes = _placed(rows)
    wide = max(x + width for x, _, width in boxes.values()) + GAP
    high = len(rows) * LAYER
    tip = f'marker-end="url(#tip-{nodes[0]})"'
    drawn = [_arrow(boxes[start], boxes[end], dashed, tip) for start, end, dashed in arrows]
    drawn += [_box(name, *boxes[name]) for name in nodes]
    return (
        f'<svg viewBox="0 0 {wide:.0f} {high}" role="img" aria-label="arrows between {escape(", ".join(nodes))}" '
        f'style="max-width:{wide:.0f}px;width:100%;font:13px monospace" xmlns="http://www.w3.org/2000/svg">'
        f'<defs><marker id="tip-{nodes[0]}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>{"".join(drawn)}</svg>'
    )


def _layers(nodes: Sequence[str], arrows: Sequence[tuple[str, str, bool]]) -> list[list[str]]:
    """Return the nodes by layer: each is one below the lowest that has an arrow to it."""
    layer = dict.fromkeys(nodes, 0)
    for _ in nodes:  # the longest path has fewer arrows than there are nodes
        for start, end, _ in arrows:
            layer[end] = max(layer[end], layer[start] + 1)
    return [[node for node in nodes if layer[node] == each] for each in range(max(layer.values()) + 1)]


def _ordered(rows: list[list[str]], arrows: Sequence[tuple[str, str, bool]]) -> list[list[str]]:
    """Return the rows, in each the nodes by the mean place of those with arrows to them."""
    place: dict[str, float] = {}
    for row in rows:
        above = {node: [place[start] for start, end, _ in arrows if end == node] for node in row}
        row.sort(key=lambda node: sum(above[node]) / len(above[node]) if above[node] else 0.5)
        place |= {node: (number + 0.5) / len(row) for number, node in enumerate(row)}
    return rows


def _placed(rows: Sequence[Sequence[str]]) -> dict[str, tuple[float, float, float]]:
    """Return the left and upper edge of each node, and its width; rows are centred."""
    widths = {node: len(node) * LETTER + 16 for row in rows for node in row}
    lengths = [sum(widths[node] + GAP for node in row) for row in rows]
    boxes: dict[str, tuple[float, float, float]] = {}
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        x = (max(lengths) - length) / 2 + GAP
        for node in row:
            boxes[node] = (x, number * LAYER + GAP, widths[node])
            x += widths[node] + GAP
    return boxes


def _box(name: str, x: float, y: float, width: float) -> str:
    frame = 'rx="4" stroke="currentColor" fill="var(--color-background-secondary, #eee)"'
    box = f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" {frame}/>'
    words = f'<text x="{x + width / 2:.0f}" y="{y + 19:.0f}" text-anchor="middle" fill="currentColor">{name}</text>'
    return box + words


def _arrow(start: tuple[float, float, float], end: tuple[float, float, float], dashed: bool, tip: str) -> str:
    x1, y1 = start[0] + start[2] / 2, start[1] + HEIGHT
    x2, y2 = end[0] + end[2] / 2, end[1]
    bend = (y2 - y1) / 2
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="currentColor" opacity="0.6"{dashes} {tip}/>'


def drawings(page: str) -> Mapping[str, str]:
    """Return the drawing of each flowchart of a page, by the fenced block that describes it."""
    return {found[0]: flowchart_svg(found[1]) for found in re.finditer(r"```mermaid\n(.*?)```", page, re.DOTALL)}
