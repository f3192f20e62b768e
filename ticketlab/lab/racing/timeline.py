"""Timelines of live races.

The records are points in time: a step begins, a wait is over, a sleep begins. A span runs from one point to the next;
neighbouring spans in the same state are joined, and list all steps between them. A buyer is *critical* while it holds a
lock or a transaction and, guarded or not, from a read until the write that depends on it. Critical spans of two buyers
must not overlap: in an unsynchronized race they do. Where they surely do, `critical_sections` says so, and says who
holds which lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ticketlab.core.history import Operation
from ticketlab.core.pacing import RETRY
from ticketlab.core.steps import Action
from ticketlab.core.timeline import LaneState, Marker, Span, Timeline
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.racing.critical import critical_sections, dependent, lock_uses, with_locks, with_overlaps
from ticketlab.lab.racing.workers import by_worker
from ticketlab.lab.timeline_marks import markers, operation_label
from ticketlab.launch import recorder
from ticketlab.launch.log import Event
from ticketlab.launch.track import Track

_COMPLETIONS = {recorder.RETURN, recorder.NO_EFFECT, recorder.UNKNOWN_EFFECT}


def race_timeline(
    title: str,
    tracks: Sequence[Track],
    buyers: int,
    anomalies: Sequence[Anomaly],
    operations: Sequence[Operation] = (),
    *,
    workers: bool = False,
) -> Timeline:
    """Return the timeline of a live race; the tracks must have kept their records, and come with the buyers' first.

    `operations` are those of the history, by row: an anomaly of many operations names their rows. `workers` says that
    buyers were taken one after another by the processes of a pool: then these have the lanes.
    """
    lanes, spans = [], []
    over = max((each[1] for track in tracks for each in track.records if each[0] != recorder.NOTED), default=0)
    for lane, track in enumerate(tracks):
        buyer = lane < buyers
        lanes.append(f"buyer {lane + 1}" if buyer else f"clerk {lane + 1 - buyers}")
        pieces = _buyer(track, over) if buyer else _clerk(track.records)
        spans += [_span(lane, piece) for piece in pieces if piece.end_ns > 0]
    sections = critical_sections(tracks)
    drawn = Timeline(
        title,
        lanes,
        with_overlaps(spans, sections),
        markers(anomalies, lanes, spans, operations),
        faults=_faults(tracks),
        retries=_retries(tracks),
    )
    return with_locks(by_worker(drawn, tracks, over) if workers else drawn, lock_uses(tracks), lanes)


def _faults(tracks: Sequence[Track]) -> list[Marker]:
    """Return a mark for each fault that was injected, in the order of time."""
    found = [
        Marker(lane, max(0, record[1]), record[2], f"before {record[3]}")
        for lane, track in enumerate(tracks)
        for record in track.records
        if record[0] == recorder.FAULT
    ]
    return sorted(found, key=lambda mark: mark.ns)


def _retries(tracks: Sequence[Track]) -> list[Marker]:
    """Return a mark for each try that was refused, at the last point before that was noted, in the order of time."""
    found = []
    for lane, track in enumerate(tracks):
        last = 0
        for record in track.records:
            if record[0] != recorder.NOTED:
                last = record[1]
            elif record[1] == RETRY:
                found.append(Marker(lane, max(0, last), "retry", str(record[2])))
    return sorted(found, key=lambda mark: mark.ns)


@dataclass(slots=True)
class _Piece:
    start_ns: int
    end_ns: int
    state: LaneState
    label: str
    words: list[str] = field(default_factory=list)


def _span(lane: int, piece: _Piece) -> Span:
    """Return a piece as a span, cut at the start of the race: a clerk may have been up before it."""
    return Span(lane, max(0, piece.start_ns), piece.end_ns, piece.state, piece.label, ", ".join(piece.words))


def _buyer(track: Track, over: int) -> Iterator[_Piece]:
    """Yield a buyer's pieces: those of each order, and a piece in the state READY before each order.

    An order that was never answered ends with its last record or, if that is a wait, when the race is over.
    """
    free_since = 0
    for operation, records in zip(track.operations, _orders(track.records), strict=True):
        if operation.invoke_ns > free_since:
            yield _Piece(free_since, operation.invoke_ns, LaneState.READY, "")
        end = operation.return_ns
        if end is None:
            last = max((each[1] for each in records if each[0] != recorder.NOTED), default=operation.invoke_ns)
            end = over if _waits_for_ever(records) else last
        yield from _pieces(records, operation.invoke_ns, end, operation_label(operation))
        free_since = end


def _orders(records: Iterable[Event]) -> Iterator[list[Event]]:
    """Yield the records between each invocation and its completion, and those after the last invocation."""
    current: list[Event] | None = None
    for record in records:
        if record[0] == recorder.INVOKE:
            current = []
        elif record[0] in _COMPLETIONS and current is not None:
            yield current
            current = None
        elif current is not None:
            current.append(record)
    if current is not None:
        yield current


def _clerk(records: Sequence[Event]) -> Iterator[_Piece]:
    """Yield a clerk's pieces; its steps from one wait for a request to the next are one operation."""
    chunks: list[list[Event]] = []
    for record in records:
        if record[0] == recorder.STEP and record[2] == "receive":
            chunks.append([])
        if chunks:
            chunks[-1].append(record)
    for number, chunk in enumerate(chunks):
        times = [each[1] for each in chunk if each[0] != recorder.NOTED]
        end = chunks[number + 1][0][1] if number + 1 < len(chunks) else times[-1]
        served = next((each[3] for each in chunk if each[0] == recorder.STEP and each[2] == "send"), "")
        yield from _pieces(chunk, times[0], end, f"serve -> {served}" if served else "serve")


def _pieces(records: Sequence[Event], start: int, end: int, label: str) -> Iterator[_Piece]:
    """Cut one operation at its points, and join neighbours in the same state."""
    whole: _Piece | None = None
    for piece in _cut(records, start, end, label):
        if whole is not None and whole.state is piece.state:
            whole.end_ns = piece.end_ns
            whole.words += piece.words
        else:
            if whole is not None:
                yield whole
            whole = piece
    if whole is not None:
        yield whole


def _cut(records: Sequence[Event], start: int, end: int, label: str) -> Iterator[_Piece]:
    """Yield a piece from each point to the next, with the steps and notes between them."""
    depends = dependent(records)
    piece = _Piece(start, start, LaneState.RUNNING, label)
    held, step, retried = 0, "", False
    action: Action | None = None
    for number, record in enumerate(records):
        tag = record[0]
        if tag == recorder.NOTED:
            retried = record[1] == "retry" or retried
            piece.words[-1:] = _noted(piece.words[-1:], step, record)
            continue
        if record[1] > piece.start_ns:
            piece.end_ns = record[1]
            yield piece
        state, words = LaneState.RUNNING, []
        if tag == recorder.STEP:
            step, action = f"{record[2]} {record[3]}", Action(record[2])
            words = [step]
            waits = _awaited(records, number)
            # Waiting while a lock is held is part of holding it (a commit reaches the disk), unless for another lock.
            state = LaneState.BLOCKED if waits and not (held and not action.takes) else state
            held += action.takes
            held -= action.gives_back and not waits and held > 0
        elif tag == recorder.GOT:
            held -= action is not None and action.gives_back and held > 0
        elif tag == recorder.FAULT:
            words = [f"fault injected: {record[2]}"]
        elif tag == recorder.SLEEP:
            words = [f"{'backs off' if retried else 'simulated delay'} {record[2] * 1000:.3g} ms"]
            # Whoever sleeps does not run. Who sleeps in a critical section is still in it, unless it gave up that try.
            state = LaneState.BLOCKED if retried or not (held or number in depends) else state
            retried = False
        if state is LaneState.RUNNING and (held or number in depends):
            state = LaneState.CRITICAL
        piece = _Piece(record[1], record[1], state, label, words)
    piece.end_ns = end
    yield piece


def _noted(words: list[str], step: str, note: Event) -> list[str]:
    """Return the last words with the note added; a note after a wait names the step again."""
    _, what, value = note
    if what == "retry":
        return [*words, f"must try again: {value}"]
    said = f"{value} left" if what == "remaining" else f"{what} {value}"
    return [f"{words[0] if words else step}: {said}"]


def _awaited(records: Sequence[Event], number: int) -> bool:
    """Whether a step waited: the record of its end follows it, or none does."""
    if number + 1 == len(records):
        return _waits_for_ever(records)
    return bool(records[number + 1][0] == recorder.GOT)


def _waits_for_ever(records: Sequence[Event]) -> bool:
    """Whether the last record is of a step that waits for something, and so has not got it."""
    if not records or records[-1][0] != recorder.STEP:
        return False
    action = Action(records[-1][2])
    return action is Action.RECEIVE or action.takes
