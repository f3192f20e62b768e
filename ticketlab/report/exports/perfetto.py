"""Timelines as Chrome trace events, which ui.perfetto.dev and chrome://tracing open.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (times in microseconds).
A timeline is a process, a lane a thread, a span a complete event, a violation an instant one. An interleaving has no
times, so each of its steps takes a microsecond.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ticketlab.core.timeline import Diagram, Interleaving, LaneState, Timeline

_COLOURS: Final = {
    LaneState.READY: "grey",
    LaneState.RUNNING: "thread_state_running",
    LaneState.BLOCKED: "thread_state_iowait",
    LaneState.CRITICAL: "good",
    LaneState.OVERLAPPING: "terrible",
}
"""Names of the trace viewers' own palette."""


def trace_events(diagrams: Sequence[Diagram]) -> str:
    """Return the trace file's content: JSON, an event a line."""
    events = [event for number, each in enumerate(diagrams, 1) for event in _events(number, each)]
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f'{{"displayTimeUnit": "ms", "traceEvents": [\n{lines}\n]}}\n'


def _events(number: int, diagram: Diagram) -> Iterator[dict[str, Any]]:
    yield {"ph": "M", "name": "process_name", "pid": number, "args": {"name": diagram.title}}
    for lane, name in enumerate(diagram.lanes):
        yield {"ph": "M", "name": "thread_name", "pid": number, "tid": lane, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": number, "tid": lane, "args": {"sort_index": lane}}
    yield from _of_timeline(number, diagram) if isinstance(diagram, Timeline) else _of_steps(number, diagram)


def _of_timeline(number: int, timeline: Timeline) -> Iterator[dict[str, Any]]:
    for span in timeline.spans:
        yield {
            "ph": "X",
            "pid": number,
            "tid": span.lane,
            "ts": span.start_ns / 1000,
            "dur": (span.end_ns - span.start_ns) / 1000,
            "name": span.label or span.state.value,
            "cat": span.state.value,
            "cname": _COLOURS[span.state],
            "args": {"state": span.state.value, "read and written": span.detail},
        }
    for category, marks in (("violation", timeline.markers), ("fault", timeline.faults), ("retry", timeline.retries)):
        for mark in marks:
            said = {"why": mark.sentence}
            place = {"ph": "i", "s": "t", "pid": number, "tid": mark.lane, "ts": mark.ns / 1000}
            yield {**place, "name": mark.name, "cat": category, "args": said}


def _of_steps(number: int, interleaving: Interleaving) -> Iterator[dict[str, Any]]:
    for at, move in enumerate(interleaving.moves):
        said = {"learnt": move.note, "marked": move.marked}
        place = {"ph": "X", "pid": number, "tid": move.lane, "ts": at, "dur": 1}
        yield {**place, "name": f"{move.action} {move.resource}", "cat": "step", "args": said}
