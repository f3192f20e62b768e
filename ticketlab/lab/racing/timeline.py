"""Timelines of live races and of histories.

What was recorded are points: a step begins, a wait is over, a sleep begins. A span runs from one point to the next, and
neighbours in the same state are one span that says all that was done. A buyer is *critical* while it holds a lock or a
transaction, and, guarded or not, from a read until the write that rests on it: these are the stretches that must not
overlap, so an unguarded race shows as overlapping ones, and its cure as none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ticketlab.core.history import History, Operation
from ticketlab.core.pacing import Action
from ticketlab.core.timeline import LaneState, Span, Timeline
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.timeline_marks import markers
from ticketlab.launch import recorder
from ticketlab.launch.log import Event
from ticketlab.launch.track import Track

_CHANGES = {"write", "truncate", "flush", "rename"}
_COMPLETIONS = {recorder.RETURN, recorder.NO_EFFECT, recorder.UNKNOWN_EFFECT}


def timeline(
    title: str,
    tracks: Sequence[Track],
    buyers: int,
    anomalies: Sequence[Anomaly],
    operations: Sequence[Operation] = (),
) -> Timeline:
    """Draw a live race from its tracks, the buyers' first and then the clerks'; the tracks have kept their records.

    `operations` are the history's, by row, in which anomalies of many operations are looked up.
    """
    lanes, spans = [], []
    for lane, track in enumerate(tracks):
        buyer = lane < buyers
        lanes.append(f"buyer {lane + 1}" if buyer else f"clerk {lane + 1 - buyers}")
        pieces = _buyer(track) if buyer else _clerk(track.records)
        spans += [_span(lane, piece) for piece in pieces if piece.end_ns > 0]
    return Timeline(title, lanes, spans, markers(anomalies, lanes, spans, operations))


def of_history(title: str, history: History, anomalies: Sequence[Anomaly] = ()) -> Timeline:
    """Draw a history: a lane a process, a span an operation; an unanswered one lasts until the next."""
    start = min((each.invoke_ns for each in history.operations), default=0)
    last = max((each.return_ns or each.invoke_ns for each in history.operations), default=0)
    by_process: dict[int, list[Operation]] = {}
    for operation in history.operations:
        by_process.setdefault(operation.process, []).append(operation)
    lanes, spans = [], []
    for lane, process in enumerate(sorted(by_process)):
        lanes.append(f"buyer {process}")
        operations = sorted(by_process[process], key=lambda each: each.invoke_ns)
        ends = [each.invoke_ns for each in operations[1:]] + [last]
        for operation, following in zip(operations, ends, strict=True):
            end = following if operation.return_ns is None else operation.return_ns
            detail = ", ".join(f"{action}: {count} left" for _, action, count in operation.accesses)
            spans.append(
                Span(lane, operation.invoke_ns - start, end - start, LaneState.RUNNING, _labelled(operation), detail)
            )
    return Timeline(title, lanes, spans, markers(anomalies, lanes, spans, history.operations, start))


@dataclass(slots=True)
class _Piece:
    start_ns: int
    end_ns: int
    state: LaneState
    label: str
    words: list[str] = field(default_factory=list)


def _span(lane: int, piece: _Piece) -> Span:
    """Clip a piece to the race: a clerk may have been up before the gun."""
    return Span(lane, max(0, piece.start_ns), piece.end_ns, piece.state, piece.label, ", ".join(piece.words))


def _buyer(track: Track) -> Iterator[_Piece]:
    """Yield a buyer's pieces: ready from the gun to its first order and between orders, then what each order did."""
    free_since = 0
    for operation, records in zip(track.operations, _orders(track.records), strict=True):
        if operation.invoke_ns > free_since:
            yield _Piece(free_since, operation.invoke_ns, LaneState.READY, "")
        end = operation.return_ns
        if end is None:  # it never heard back: it ends where its last sign of life is
            end = max((each[1] for each in records if each[0] != recorder.NOTED), default=operation.invoke_ns)
        yield from _pieces(records, operation.invoke_ns, end, _labelled(operation))
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
    """Yield a clerk's pieces; what it does from one wait for a request to the next is one operation."""
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
    """Cut one operation at its points, and put neighbours in the same state together."""
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
    """Yield a piece from each point to the next, and what was learnt there."""
    dependent = _dependent(records)
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
            # A wait while something is held is part of holding it (a commit reaching the disk), but for another lock.
            state = LaneState.BLOCKED if waits and not (held and not action.takes) else state
            held += action.takes
            held -= action.gives_back and not waits and held > 0
        elif tag == recorder.GOT:
            held -= action is not None and action.gives_back and held > 0
        elif tag == recorder.FAULT:
            words = [f"fault injected: {record[2]}"]
        elif tag == recorder.SLEEP:
            words = [f"{'backs off' if retried else 'simulated delay'} {record[2] * 1000:.3g} ms"]
            state, retried = LaneState.BLOCKED if retried else state, False
        if state is LaneState.RUNNING and (held or number in dependent):
            state = LaneState.CRITICAL
        piece = _Piece(record[1], record[1], state, label, words)
    piece.end_ns = end
    yield piece


def _noted(words: list[str], step: str, note: Event) -> list[str]:
    """Return the last words with what was learnt; a wait's answer comes after it, so it names its step again."""
    _, what, value = note
    if what == "retry":
        return [*words, f"must try again: {value}"]
    said = f"{value} left" if what == "remaining" else f"{what} {value}"
    return [f"{words[0] if words else step}: {said}"]


def _awaited(records: Sequence[Event], number: int) -> bool:
    """Whether a step is one that may have to wait: the record of its end follows it."""
    return number + 1 < len(records) and records[number + 1][0] == recorder.GOT


def _dependent(records: Sequence[Event]) -> set[int]:
    """Return which records lie from a read up to the last change that rests on it; a retry starts anew."""
    found: set[int] = set()
    read: int | None = None
    for number, record in enumerate(records):
        if record[0] == recorder.NOTED and record[1] == "retry":
            read = None
        elif record[0] == recorder.STEP and record[2] == "read" and read is None:
            read = number
        elif record[0] == recorder.STEP and record[2] in _CHANGES and read is not None:
            found.update(range(read, number + 1))
    return found


def _labelled(operation: Operation) -> str:
    """Name an operation and what came of it: "buy 1 -> ticket 3"."""
    asked = operation.op if operation.arg is None else f"{operation.op} {operation.arg}"
    if operation.return_ns is None:
        return f"{asked} -> never heard back"
    if operation.tickets:
        return f"{asked} -> ticket{'s' if len(operation.tickets) > 1 else ''} {', '.join(map(str, operation.tickets))}"
    if operation.error_kind:
        return f"{asked} -> {operation.failure}"
    return f"{asked} -> {operation.result}{' left' if operation.op == 'search' else ''}"
