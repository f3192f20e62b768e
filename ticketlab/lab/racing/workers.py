"""Timelines of pools: the lanes are the worker processes, each with its buyers one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ticketlab.core.timeline import LaneState, Marker, Span, Timeline
from ticketlab.launch import recorder
from ticketlab.launch.track import Track

_NONE = "no worker"


def by_worker(timeline: Timeline, tracks: Sequence[Track], over: int) -> Timeline:
    """Return a timeline with a lane for each worker in place of those of its buyers; clerks keep theirs.

    Between two buyers a worker is blocked: it waits for the next one, until the race is `over`. Buyers that no worker
    has taken share a lane, if there is something to mark in it.
    """
    taken = [next(((each[1], each[2]) for each in track.records if each[0] == recorder.UP), None) for track in tracks]
    is_buyer = [name.startswith("buyer ") for name in timeline.lanes]
    starts = sorted((up for lane, up in enumerate(taken) if up and is_buyer[lane]), key=lambda up: up[0])
    workers = list(dict.fromkeys(pid for _, pid in starts))
    names = [f"worker {number} ({pid})" for number, pid in enumerate(workers, 1)]
    place: list[int] = []
    for lane, up in enumerate(taken):
        name = (
            names[workers.index(up[1])] if is_buyer[lane] and up else _NONE if is_buyer[lane] else timeline.lanes[lane]
        )
        if name not in names:
            names.append(name)
        place.append(names.index(name))

    def moved(marks: Sequence[Marker]) -> list[Marker]:
        told = [f"{timeline.lanes[mark.lane]}: " if is_buyer[mark.lane] else "" for mark in marks]
        return [
            mark._replace(lane=place[mark.lane], sentence=who + mark.sentence)
            for who, mark in zip(told, marks, strict=True)
        ]

    spans = [_moved(span, timeline.lanes[span.lane], taken[span.lane], place[span.lane]) for span in timeline.spans]
    there = sorted((span for span in spans if span.end_ns > span.start_ns), key=lambda span: span[:3])
    lost = {up[1] for track, up in zip(tracks, taken, strict=True) if up and not (track.ended or track.crash)}
    for lane, pid in enumerate(workers):
        there += _idle(lane, [span for span in there if span.lane == lane], 0 if pid in lost else over)
    return replace(
        timeline,
        lanes=names,
        spans=sorted(there, key=lambda span: span[:3]),
        markers=moved(timeline.markers),
        faults=moved(timeline.faults),
        retries=moved(timeline.retries),
    )


def _moved(span: Span, who: str, up: tuple[int, int] | None, lane: int) -> Span:
    """Return a span in its worker's lane: a buyer is there from when the worker took it."""
    if not who.startswith("buyer "):
        return span._replace(lane=lane)
    label = f"{who}: {span.label}" if span.label else who
    return span._replace(lane=lane, start_ns=max(span.start_ns, up[0]) if up else span.start_ns, label=label)


def _idle(lane: int, spans: Sequence[Span], over: int) -> list[Span]:
    """Return the times in which a worker has no buyer."""
    found, at = [], 0
    for span in spans:
        if span.start_ns > at:
            found.append(Span(lane, at, span.start_ns, LaneState.BLOCKED, "waits for its next buyer"))
        at = max(at, span.end_ns)
    return [*found, Span(lane, at, over, LaneState.BLOCKED, "waits for its next buyer")] if over > at else found
