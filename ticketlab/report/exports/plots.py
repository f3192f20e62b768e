"""The main plots as one SVG picture, for slides and papers: sales a second, and the share of purchases over latency.

The SVG is written here, without a plotting library. There is no PNG output: any browser, or `rsvg-convert`, makes a PNG
of the SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.report.document import UNRANKED, Document, Row, shown_document
from ticketlab.report.page.charts import series_names
from ticketlab.report.rows import number_text

_WIDTH: Final = 900
_LEFT: Final = 250
_RIGHT: Final = 30
_BAR: Final = 22
_CURVES: Final = 260
_HUES: Final = (205, 28, 150, 275, 60, 180, 240, 310, 100, 45, 190, 80)
_WRONG: Final = "#bf2045"


def plots(result: Mapping[str, Any]) -> str:
    """Return the picture.

    Raises:
        UsageError: the result is damaged, or has no metrics to plot.
    """
    found = shown_document(result)
    rows = [row for row in found.rows if row.metrics]
    if not rows:
        raise UsageError("it has no metrics to plot")
    names = series_names(rows)
    parts = [svg_text(20, 30, _headline(found), size=17, bold=True)]
    parts += _bars(rows, names, 60)
    height = 80 + _BAR * len(rows)
    if any(row.curve for row in rows):
        parts += _curves(rows, names, height)
        height += _CURVES + 60 + 18 * len(rows)
    told = [said for mark, said in UNRANKED.items() if mark in {row.mark for row in rows}]
    if told:
        parts.append(svg_text(20, height, f"Not ranked, so struck through: {'; '.join(told)}"))
        height += 24
    style = "font-family='DejaVu Sans, sans-serif' font-size='12' fill='#1b2130'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' {style}>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='white'/>", *parts, "</svg>\n"])


def _headline(found: Document) -> str:
    return found.headline if len(found.headline) < 90 else found.headline[:89] + "…"


def _bars(rows: Sequence[Row], names: Sequence[str], top: int) -> Iterator[str]:
    yield svg_text(20, top, "Sales per second", bold=True)
    room = _WIDTH - _LEFT - _RIGHT - 110
    speeds = [(row.metrics.get("sales_per_s", 0.0), row.kept) for row in rows]
    fastest = max((speed for speed, kept in speeds if kept), default=max(speed for speed, _ in speeds)) or 1.0
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = top + 12 + _BAR * number
        speed = row.metrics.get("sales_per_s", 0.0)
        width = max(1.0, room * min(1.0, speed / fastest))
        yield svg_text(_LEFT - 8, y + 13, name, anchor="end")
        colour = _colour(number) if row.kept else "#cfd4dc"
        yield f"<rect x='{_LEFT}' y='{y + 3}' width='{width:.1f}' height='{_BAR - 8}' rx='3' fill='{colour}'/>"
        x = _LEFT + width + 8
        yield svg_text(x, y + 13, number_text(speed), struck=not row.kept)
        if row.mark:
            yield svg_text(x + 60, y + 13, row.mark, colour=_WRONG)


def _curves(rows: Sequence[Row], names: Sequence[str], top: int) -> Iterator[str]:
    yield svg_text(20, top + 20, "Share of purchases done within x ms", bold=True)
    times = [ms for row in rows for _, ms in row.curve if ms > 0]
    if not times:
        return
    low, high = math.log10(min(times) * 0.8), math.log10(max(times) * 1.25)
    left, width, base = 60, _WIDTH - 60 - _RIGHT, top + 40 + _CURVES - 40

    def x(ms: float) -> float:
        return left + width * (math.log10(ms) - low) / (high - low)

    def y(share: float) -> float:
        return base - (_CURVES - 60) * share

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield f"<line x1='{left}' x2='{left + width}' y1='{y(share):.1f}' y2='{y(share):.1f}' stroke='#e4e7eb'/>"
        yield svg_text(left - 8, y(share) + 4, f"{share:.0%}", anchor="end")
    for tick in _ticks(low, high):
        yield f"<line x1='{x(tick):.1f}' x2='{x(tick):.1f}' y1='{y(0):.1f}' y2='{y(1):.1f}' stroke='#e4e7eb'/>"
        yield svg_text(x(tick), base + 18, number_text(tick), anchor="middle")
    for number, row in enumerate(rows):
        points = " ".join(f"{x(ms):.1f},{y(share):.1f}" for share, ms in row.curve if ms > 0)
        dash = "" if row.kept else f" stroke-dasharray='{4 + 3 * (number % 3)} 3'"
        colour = _colour(number) if row.kept else _WRONG
        yield f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.6'{dash}/>"
        below = base + 42 + 18 * number
        place = f"x1='{left}' x2='{left + 26}' y1='{below - 4}' y2='{below - 4}'"
        yield f"<line {place} stroke='{colour}' stroke-width='2'{dash}/>"
        yield svg_text(left + 34, below, f"{names[number]} {row.mark}".rstrip())


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade, or only the decades if there are many."""
    digits = (1, 2, 5) if high - low < 3 else (1,)
    found = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in digits]
    return [each for each in found if low <= math.log10(each) <= high]


def _colour(number: int) -> str:
    return f"hsl({_HUES[number % len(_HUES)]} 65% 42%)"


def svg_text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 12,
    bold: bool = False,
    struck: bool = False,
    colour: str = "",
) -> str:
    """Return a text of a picture at a place."""
    extra = f" font-size='{size}'" if size != 12 else ""
    extra += " font-weight='bold'" if bold else ""
    extra += " text-decoration='line-through'" if struck else ""
    extra += f" fill='{colour}'" if colour else ""
    # XML allows no control characters, escaped or not.
    shown = "".join(each for each in text if each.isprintable())
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{extra}>{escape(shown)}</text>"
