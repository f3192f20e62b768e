"""A timeline, or the steps of a schedule, as an SVG picture for slides and papers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.timeline import Diagram, Interleaving, LaneState, Marker, Move, Span, StateKind, Timeline
from ticketlab.report.exports.plots import svg_text

_WRONG: Final = "#bf2045"
_COLOURS: Final = {
    LaneState.READY: "#cfd4dc",
    LaneState.RUNNING: "#4c9ae8",
    LaneState.BLOCKED: "#f1b04c",
    LaneState.CRITICAL: "#1f9d6b",
    LaneState.OVERLAPPING: "#d92d50",
}
_STORED: Final = (StateKind.HOLDS, StateKind.CHANGED, StateKind.TAKEN)
_LETTER: Final = 6.9
"""How wide a letter is at most, on average, in pixels."""
_ROW: Final = 24
_LANE: Final = 14
_LEFT: Final = 150
_WIDE: Final = 900
_MOST_ROWS: Final = 200


def drawing(diagrams: Sequence[Diagram], part: str = "") -> str:
    """Return the picture of the first diagram in which something went wrong, else of the first.

    `part` is in the titles of the diagrams that are meant.

    Raises:
        UsageError: there is none.
    """
    if not diagrams:
        raise UsageError(
            "it has neither a timeline nor steps: races and explorations keep theirs in their run's folder"
        )
    meant = [each for each in diagrams if part in each.title]
    if not meant:
        raise UsageError(f"it has no timeline of {part!r}, but of {', '.join(each.title for each in diagrams)}")
    first = next((each for each in meant if _went_wrong(each)), meant[0])
    return _steps(first) if isinstance(first, Interleaving) else _lanes(first)


def _went_wrong(diagram: Diagram) -> bool:
    if isinstance(diagram, Timeline):
        return bool(diagram.markers)
    return any(move.marked for move in diagram.moves)


def _picture(width: float, height: float, parts: Sequence[str]) -> str:
    style = "font-family='DejaVu Sans, sans-serif' font-size='12' fill='#1b2130'"
    size = f"viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' height='{height:.0f}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} {style}>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='white'/>", *parts, "</svg>\n"])


def _steps(diagram: Interleaving) -> str:
    """Return the steps as a table: a column for each participant, and what is stored and locked after each step."""
    shown = diagram.moves[:_MOST_ROWS]
    stored = list(_stored(shown))
    cells = [_cell(move) for move in shown]
    widths = [
        _LETTER * max(len(name), *(len(cell) for cell, move in zip(cells, shown, strict=True) if move.lane == lane), 8)
        + 16
        for lane, name in enumerate(diagram.lanes)
    ]
    starts = [60 + sum(widths[:lane]) for lane in range(len(widths) + 1)]
    wide = starts[-1] + _LETTER * max([len("after the step"), *map(len, stored)]) + 20
    parts = [svg_text(20, 28, diagram.title, size=16, bold=True)]
    parts += [svg_text(x, 56, name, bold=True) for x, name in zip(starts, diagram.lanes, strict=False)]
    parts.append(svg_text(starts[-1], 56, "after the step", bold=True))
    y = 56.0
    for move, cell, after in zip(shown, cells, stored, strict=True):
        y += _ROW
        colour = _WRONG if move.marked else ""
        parts.append(f"<line x1='20' x2='{wide - 20:.0f}' y1='{y - 16:.1f}' y2='{y - 16:.1f}' stroke='#e4e7eb'/>")
        parts.append(svg_text(48, y, str(move.number or ""), anchor="end"))
        parts.append(svg_text(starts[move.lane], y, cell, bold=move.marked, colour=colour))
        parts.append(svg_text(starts[-1], y, after, colour="#5c667a"))
        if move.old:
            y += 17
            parts.append(svg_text(60, y, move.old, colour=_WRONG))
            wide = max(wide, 80 + _LETTER * len(move.old))
    said = [diagram.left_out] if diagram.left_out else []
    if len(diagram.moves) > _MOST_ROWS:
        said.append(f"Left out: the steps after the first {_MOST_ROWS} of {len(diagram.moves):,}.")
    for line in said:
        y += _ROW
        parts.append(svg_text(20, y, line, colour=_WRONG))
    return _picture(max(wide, 40 + 9.5 * len(diagram.title)), y + 20, parts)


def _cell(move: Move) -> str:
    return f"{move.action} {move.resource}{f' → {move.note}' if move.note else ''}{' ◀' if move.marked else ''}"


def _stored(moves: Sequence[Move]) -> Iterator[str]:
    """Yield after each step what is stored, and who took which lock."""
    facts: dict[tuple[StateKind, str], str] = {}
    for move in moves:
        for kind, name, text in move.state:
            facts.pop((kind, name), None)
            if text and kind in _STORED:
                facts[kind, name] = text
        told = sorted(facts.items(), key=lambda fact: (_STORED.index(fact[0][0]), fact[0][1]))
        yield ", ".join(f"{name} {kind.value} {text}" for (kind, name), text in told)


def _lanes(diagram: Timeline) -> str:
    """Return the whole timeline: a lane each, with marks, a legend and an axis."""
    ends = [span.end_ns for span in diagram.spans]
    last = max([1, *ends, *(mark.ns for mark in (*diagram.markers, *diagram.faults, *diagram.retries))])
    scale, top = (_WIDE - _LEFT - 20) / last, 64.0
    bottom = top + _LANE * len(diagram.lanes)
    parts = [svg_text(20, 28, diagram.title, size=16, bold=True), *_legend(diagram)]
    parts += [
        svg_text(_LEFT - 8, top + _LANE * (lane + 0.8), _shortened(name), anchor="end", size=10)
        for lane, name in enumerate(diagram.lanes)
    ]
    for lane, spans in groupby(diagram.spans, key=lambda span: span.lane):
        parts += _rectangles(list(spans), top + _LANE * lane, scale)
    if diagram.locks:
        y = top + _LANE * diagram.locks
        parts.append(f"<line x1='20' x2='{_WIDE - 20}' y1='{y}' y2='{y}' stroke='#9aa5b8'/>")
    for sign, colour, marks in _signs(diagram):
        parts += _marks(marks, sign, colour, top, scale)
    for tick in range(6):
        x = _LEFT + tick * (_WIDE - _LEFT - 20) / 5
        parts.append(svg_text(x, bottom + 18, f"{last * tick / 5e6:,.3g} ms", anchor="middle"))
    if diagram.left_out:
        parts.append(svg_text(20, bottom + 40, diagram.left_out, colour=_WRONG))
    return _picture(_WIDE, bottom + (56 if diagram.left_out else 32), parts)


def _shortened(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"


def _signs(diagram: Timeline) -> list[tuple[str, str, Sequence[Marker]]]:
    return [("↻", "#1b2130", diagram.retries), ("†", "#1b2130", diagram.faults), ("⊗", _WRONG, diagram.markers)]


def _legend(diagram: Timeline) -> Iterator[str]:
    x = 20.0
    states = {span.state for span in diagram.spans}
    for state in (state for state in LaneState if state in states):
        yield f"<rect x='{x}' y='41' width='10' height='10' rx='3' fill='{_COLOURS[state]}'/>"
        yield svg_text(x + 15, 50, state.value)
        x += 30 + _LETTER * len(state.value)
    words = {"↻": "refused, tries again", "†": "fault injected", "⊗": "told what cannot be"}
    for sign, colour, marks in _signs(diagram):
        if marks:
            yield svg_text(x, 50, f"{sign} {words[sign]}", colour=colour)
            x += 30 + _LETTER * len(words[sign])


def _rectangles(spans: Sequence[Span], top: float, scale: float) -> Iterator[str]:
    """Yield the spans of a lane; of those that share a pixel, the longest."""
    for pixel, together in groupby(spans, key=lambda span: (int(span.start_ns * scale), int(span.end_ns * scale))):
        span = max(together, key=lambda each: each.end_ns - each.start_ns)
        thin = span.state is LaneState.BLOCKED
        x, width = _LEFT + span.start_ns * scale, max(1.0, (span.end_ns - span.start_ns) * scale)
        y, height = (top + 6, 3) if thin else (top + 2, _LANE - 4)
        x = _LEFT + pixel[0] if width == 1.0 else x
        yield f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height}' fill='{_COLOURS[span.state]}'/>"


def _marks(marks: Sequence[Marker], sign: str, colour: str, top: float, scale: float) -> Iterator[str]:
    """Yield marks; one says it for its neighbours of the same lane."""
    before: dict[int, float] = {}
    for mark in marks:
        x = _LEFT + mark.ns * scale
        if x - before.get(mark.lane, -99.0) >= 6:
            before[mark.lane] = x
            yield svg_text(x, top + _LANE * (mark.lane + 0.85), sign, anchor="middle", bold=True, colour=colour)
