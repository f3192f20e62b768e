"""Gantt charts as SVG, for pages and for slides: a lane for each job, and the processor's own below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

_Document = Mapping[str, Any]

_LANE: Final = 30
_BAR: Final = 20
_TOP: Final = 22  # the scale
_LEAST: Final = 320  # pixels for all ticks together, at least
_MOST: Final = 1_100
_TICK: Final = 30
_LETTER: Final = 7.6  # the width of a character, at most
STYLE: Final = """
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1b2130; }
.scale { fill: #5c667a; font-size: 12px; }
.grid { stroke: #e4e7eb; }
.running { fill: #4c9ae8; } .ready { fill: #cfd4dc; } .blocked { fill: #f1b04c; } .switching { fill: #bf2045; }
.name { fill: #0d1b2a; } .title { font-weight: bold; }
"""
"""How a picture that stands alone looks; a page has colours of its own for the same classes."""
_WORDS: Final = {"running": "running", "ready": "ready", "blocked": "blocked", "switching": "context switch"}


def gantt(schedule: _Document) -> str:
    """Return the chart of a schedule, as `to_json` gave it: an SVG element that is styled from outside."""
    width, height, parts = _chart(schedule)
    title = escape(_shown(f"Gantt chart, {schedule['policy']}: {told_turns(schedule)}"))
    return "\n".join([f"<svg class='gantt' role='img' aria-label='{title}' {_size(width, height)}>", *parts, "</svg>"])


def gantt_picture(schedules: Sequence[_Document]) -> str:
    """Return the charts of schedules below each other as one picture that stands alone."""
    parts, top, widest = [], 10.0, 0.0
    for schedule in schedules:
        width, height, chart = _chart(schedule)
        parts.append(f"<text x='10' y='{top + 18:.0f}' class='title'>{_text(_title(schedule))}</text>")
        parts.append(f"<g transform='translate(10 {top + 28:.0f})'>")
        parts += [*chart, "</g>"]
        top += height + 48
        widest = max(widest, width + 20, 20 + 9 * len(_title(schedule)))
    states = dict.fromkeys(span["state"] for each in schedules for job in each["jobs"] for span in job["spans"])
    x = 10.0
    for state in (state for state in _WORDS if state in states):
        parts.append(f"<rect class='{state}' x='{x:.0f}' y='{top:.0f}' width='12' height='12' rx='3'/>")
        parts.append(f"<text x='{x + 18:.0f}' y='{top + 11:.0f}'>{_WORDS[state]}</text>")
        x += 40 + _LETTER * len(_WORDS[state])
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {_size(max(widest, x), top + 26)}>"
    ground = "<rect width='100%' height='100%' fill='white'/>"
    return "\n".join([head, f"<style>{STYLE}</style>", ground, *parts, "</svg>\n"])


def told_turns(schedule: _Document) -> str:
    """Say who ran when, in words: what a chart shows to those who see it."""
    return ", ".join(f"{turn['job']} {turn['start']} to {turn['end']}" for turn in schedule["turns"])


def _title(schedule: _Document) -> str:
    return f"{schedule['policy']}: {schedule['summary']}"


def _size(width: float, height: float) -> str:
    return f"viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' height='{height:.0f}'"


def _chart(schedule: _Document) -> tuple[float, float, list[str]]:
    """Return the width and the height of a chart, and its parts."""
    jobs = schedule["jobs"]
    start, length = schedule["start"], max(1, schedule["end"] - schedule["start"])
    left = 24 + _LETTER * max([len("processor"), *(len(_shown(job["name"])) for job in jobs)])
    tick = min(_MOST, max(_LEAST, _TICK * length)) / length
    height = _TOP + _LANE * (len(jobs) + 1)

    def x(time: int) -> float:
        return float(left + tick * (time - start))

    parts = list(_scale(schedule, x, tick, height))
    for number, job in enumerate(jobs):
        y = _TOP + _LANE * number
        parts.append(_label(left, y, job["name"]))
        for span in job["spans"]:
            title = f"{job['name']} {_WORDS[span['state']]}, {span['start']} to {span['end']}"
            parts.append(_bar(span["state"], x(span["start"]), x(span["end"]), y, title))
    y = _TOP + _LANE * len(jobs)
    parts.append(_label(left, y, "processor"))
    for turn in schedule["turns"]:
        begin, end = x(turn["start"]), x(turn["end"])
        parts.append(_bar("running", begin, end, y, f"{turn['job']} runs, {turn['start']} to {turn['end']}"))
        if _LETTER * len(turn["job"]) < end - begin:
            middle = (begin + end) / 2
            name = _text(turn["job"])
            parts.append(f"<text class='name' x='{middle:.1f}' y='{y + 19}' text-anchor='middle'>{name}</text>")
    return x(schedule["end"]) + 16, height, parts


def _scale(schedule: _Document, x: Callable[[int], float], tick: float, height: float) -> Iterator[str]:
    start, end = schedule["start"], schedule["end"]
    room = 10 + _LETTER * len(str(end))
    steps = (digit * 10**power for power in range(10) for digit in (1, 2, 5))
    every = next(step for step in steps if step * tick >= room)
    first = -(-start // every) * every
    for time in range(first, end + 1, every):
        yield f"<line class='grid' x1='{x(time):.1f}' x2='{x(time):.1f}' y1='{_TOP - 4}' y2='{height}'/>"
        yield f"<text class='scale' x='{x(time):.1f}' y='12' text-anchor='middle'>{time}</text>"


def _label(left: float, y: float, name: str) -> str:
    return f"<text x='{left - 12:.1f}' y='{y + 19:.0f}' text-anchor='end'>{_text(name)}</text>"


def _bar(state: str, begin: float, end: float, y: float, title: str) -> str:
    width = max(0.5, end - begin - 1)
    size = f"x='{begin + 0.5:.1f}' y='{y + 4:.0f}' width='{width:.1f}' height='{_BAR}'"
    return f"<rect class='{state}' {size} rx='3'><title>{_text(title)}</title></rect>"


def _shown(text: str) -> str:
    return "".join(each for each in text if each.isprintable())  # XML allows no control characters, escaped or not


def _text(text: str) -> str:
    return escape(_shown(text))
