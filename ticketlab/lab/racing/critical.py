"""Critical sections and locks of a live race: where two sections surely overlap, who holds a lock, who asks for it.

A recorder writes a step down before it is made, and a wait after it is over. So whoever waited for a lock surely has it
from the record of the end of the wait to the record of the step that gives it back. And a buyer is surely between a
read and the write that rests on it from the record after the read's to the record of the write. If its clock may be
wrong beside those of others, so much is left out at both ends. Only such stretches are said to overlap: what a picture
shows in red has happened.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple

from ticketlab.core.pacing import RETRY, UNCHANGED
from ticketlab.core.steps import Action
from ticketlab.core.text import join_words
from ticketlab.core.timeline import LaneState, Marker, Span, Timeline
from ticketlab.launch import recorder
from ticketlab.launch.log import Event
from ticketlab.launch.track import Track

_CHANGES: Final = {"write", "truncate", "flush", "rename"}


class CriticalSection(NamedTuple):
    """A stretch of time in which a lane surely holds a lock, or is between a read and the write that rests on it."""

    lane: int
    resource: str
    start_ns: int
    end_ns: int


class LockUse(NamedTuple):
    """A lane asked for a lock, got it, and gave it back or ended; `got_ns` is None if it never did."""

    lane: int
    lock: str
    asked_ns: int
    got_ns: int | None
    end_ns: int


def critical_sections(tracks: Sequence[Track]) -> list[CriticalSection]:
    """Return the critical sections of all tracks, in no order."""
    found = []
    for lane, track in enumerate(tracks):
        for use in _uses(lane, track, takes=lambda action: action.takes):
            got = use.end_ns if use.got_ns is None else use.got_ns
            found.append(CriticalSection(lane, use.lock, got, use.end_ns))
        for each in _between_read_and_write(lane, track.records):
            start, end = each.start_ns + track.error_ns, each.end_ns - track.error_ns
            found.append(each._replace(start_ns=start, end_ns=end))
    return [each for each in found if each.end_ns > each.start_ns]


def lock_uses(tracks: Sequence[Track]) -> list[LockUse]:
    """Return who asked for which lock and when, and had it until when, in the order of time."""
    found = [
        use
        for lane, track in enumerate(tracks)
        for use in _uses(lane, track, takes=lambda action: action is Action.ACQUIRE)
    ]
    return sorted(found, key=lambda use: use.asked_ns)


def _uses(lane: int, track: Track, takes: Callable[[Action], bool]) -> Iterator[LockUse]:
    """Yield each use of what steps take, with the time in which it is surely held.

    What is passed without a wait is left out, since nobody knows when it is.
    """
    records, error = track.records, track.error_ns
    timed = [(number, record) for number, record in enumerate(records) if record[0] != recorder.NOTED]
    last = timed[-1][1][1] if timed else 0
    held: dict[str, tuple[int, int]] = {}
    for (_, record), (number, after) in pairwise([*timed, (len(records), (recorder.END, last))]):
        if record[0] != recorder.STEP:
            continue
        action, resource = Action(record[2]), record[3]
        if takes(action) and after[0] == recorder.GOT and not _is_refused(records, number):
            held[resource] = record[1], after[1] + error
        elif takes(action) and number == len(records):
            yield LockUse(lane, resource, record[1], None, sys.maxsize)
        elif action.gives_back and resource in held:
            asked, got = held.pop(resource)
            yield LockUse(lane, resource, asked, got, max(got, record[1] - error))
    for resource, (asked, got) in held.items():
        yield LockUse(lane, resource, asked, got, max(got, last - error))


def _is_refused(records: Sequence[Event], got: int) -> bool:
    """Whether what was waited for was refused: it is noted before the next point."""
    for record in records[got + 1 :]:
        if record[0] != recorder.NOTED:
            return False
        if record[1] in (RETRY, UNCHANGED):
            return True
    return False


def dependent(records: Sequence[Event]) -> set[int]:
    """Return the numbers of the records from a read to the last change that depends on it; a retry begins anew."""
    found: set[int] = set()
    read: int | None = None
    for number, record in enumerate(records):
        if record[0] == recorder.NOTED and record[1] == RETRY:
            read = None
        elif record[0] == recorder.STEP and record[2] == "read" and read is None:
            read = number
        elif record[0] == recorder.STEP and record[2] in _CHANGES and read is not None:
            found.update(range(read, number + 1))
    return found


def _between_read_and_write(lane: int, records: Iterable[Event]) -> Iterator[CriticalSection]:
    """Yield the stretches from just after a read to just before the last write that rests on it."""
    resource, start, end = "", -1, -1  # start is -1 until the record after the read
    for record in records:
        if record[0] == recorder.NOTED:
            over, begins = record[1] == RETRY, False
        else:
            start = record[1] if resource and start < 0 else start
            begins = record[0] == recorder.STEP and record[2] == "read"
            over = begins or record[0] == recorder.INVOKE or record[2:3] == ("receive",)
            if record[0] == recorder.STEP and record[2] in _CHANGES and record[3] == resource:
                end = record[1]
        if over:
            if end > start >= 0:
                yield CriticalSection(lane, resource, start, end)
            resource, start, end = record[3] if begins else "", -1, -1
    if end > start >= 0:
        yield CriticalSection(lane, resource, start, end)


def with_overlaps(spans: Sequence[Span], sections: Sequence[CriticalSection]) -> list[Span]:
    """Return the spans with those parts OVERLAPPING in which another lane is critical about the same data."""
    overlaps = _overlaps(sections)
    found: list[Span] = []
    for span in spans:
        found += _split(span, overlaps.get(span.lane, ())) if span.state is LaneState.CRITICAL else [span]
    return found


def _overlaps(sections: Sequence[CriticalSection]) -> dict[int, list[tuple[int, int]]]:
    """Return for each lane, in order, the stretches in which another one's section is about the same resource."""
    by_resource: dict[str, dict[int, list[tuple[int, int]]]] = {}
    for lane, resource, start, end in sections:
        by_resource.setdefault(resource, {}).setdefault(lane, []).append((start, end))
    found: dict[int, list[tuple[int, int]]] = {}
    for by_lane in by_resource.values():
        mine = {lane: _union(each) for lane, each in by_lane.items()}
        several = _of_several([each for stretches in mine.values() for each in stretches])
        for lane, stretches in mine.items():
            found.setdefault(lane, []).extend(_common(stretches, several))
    return {lane: _union(each) for lane, each in found.items()}


def _union(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches in order, those that meet as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _of_several(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where at least two of the stretches are at once, in order."""
    turns = sorted([(start, 1) for start, _ in stretches] + [(end, -1) for _, end in stretches])
    found, depth = [], 0
    for (at, by), (until, _) in pairwise(turns):
        depth += by
        if depth >= 2 and until > at:
            found.append((at, until))
    return _union(found)


def _common(mine: Sequence[tuple[int, int]], several: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what two lists of stretches have in common; both are in order, and their stretches do not meet."""
    at = 0
    for start, end in mine:
        while at < len(several) and several[at][1] <= start:
            at += 1
        for begin, stop in several[at:]:
            if begin >= end:
                break
            yield max(start, begin), min(end, stop)


def _split(span: Span, stretches: Sequence[tuple[int, int]]) -> Iterator[Span]:
    at = span.start_ns
    for start, end in stretches[bisect_right(stretches, span.start_ns, key=lambda each: each[1]) :]:
        if start >= span.end_ns:
            break
        begin, stop = max(start, span.start_ns), min(end, span.end_ns)
        if begin > at:
            yield span._replace(start_ns=at, end_ns=begin)
        yield span._replace(start_ns=begin, end_ns=stop, state=LaneState.OVERLAPPING)
        at = stop
    if at < span.end_ns or at == span.start_ns:
        yield span._replace(start_ns=at)


def with_locks(timeline: Timeline, uses: Sequence[LockUse], names: Sequence[str]) -> Timeline:
    """Return the timeline with a lane for each lock above the others: who holds it, and how many ask for it.

    `names` are those of the lanes that the uses are of.
    """
    locks = list(dict.fromkeys(use.lock for use in uses))
    if not locks:
        return timeline
    over = max((span.end_ns for span in timeline.spans), default=0)
    spans = [
        span
        for lane, lock in enumerate(locks)
        for span in _lock_spans(lane, [use for use in uses if use.lock == lock], names, over)
    ]
    spans += [span._replace(lane=span.lane + len(locks)) for span in timeline.spans]

    def shifted(marks: Sequence[Marker]) -> list[Marker]:
        return [mark._replace(lane=mark.lane + len(locks)) for mark in marks]

    return replace(
        timeline,
        lanes=[*(f"lock: {lock}" for lock in locks), *timeline.lanes],
        spans=spans,
        markers=shifted(timeline.markers),
        faults=shifted(timeline.faults),
        retries=shifted(timeline.retries),
        locks=len(locks),
    )


def _lock_spans(lane: int, uses: Sequence[LockUse], names: Sequence[str], over: int) -> Iterator[Span]:
    """Yield the spans of a lock: held, held by several, or asked for while nobody is known to hold it."""
    turns: list[tuple[int, int, LockUse]] = []
    for use in uses:
        got = use.got_ns if use.got_ns is not None else over
        turns += [(use.asked_ns, 0, use), (got, 1, use)]
        turns += [(use.end_ns, 2, use)] if use.got_ns is not None else []
    holders: dict[LockUse, None] = {}
    asking = 0
    turns.sort(key=lambda turn: turn[:2])
    for (at, what, use), (until, *_) in pairwise([*turns, (over, 2, uses[-1])]):
        asking += (1, -1, 0)[what]
        if what == 1 and use.got_ns is not None:
            holders[use] = None
        elif what == 2:
            holders.pop(use, None)
        if until <= max(at, 0) or not (holders or asking):
            continue
        state = (LaneState.BLOCKED, LaneState.CRITICAL, LaneState.OVERLAPPING)[min(2, len(holders))]
        label = f"held by {join_words([names[each.lane] for each in holders])}" if holders else "asked for"
        yield Span(lane, max(at, 0), until, state, label, f"{asking} asking for it" if asking else "")
