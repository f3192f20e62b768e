"""Timelines: what each participant did and when, as pages draw it and files keep it.

A `Timeline` has times (a live race); an `Interleaving` has only an order (an explored case, step by step). The JSON
form of a timeline has a column for each field of its spans, instead of an object for each span. Starts are written as
gaps after the span before: columns of small numbers compress well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Any, Final, NamedTuple

from ticketlab.core.json_fields import JsonField, read_version

_FORMAT: Final = "ticketlab/timelines"
_VERSION: Final = 1


class LaneState(Enum):
    """What a participant is doing: ready to run, running, blocked, or in a critical section.

    OVERLAPPING is critical while another participant is critical as well, in a section about the same data. The lane of
    a lock is CRITICAL while somebody holds it, and OVERLAPPING while several do.
    """

    READY = "ready"
    RUNNING = "running"
    BLOCKED = "blocked"
    CRITICAL = "critical"
    OVERLAPPING = "overlapping"


STATES: Final = tuple(LaneState)
_STATE_OF: Final = {str(number): state for number, state in enumerate(STATES)}


class Span(NamedTuple):
    """A stretch of one lane in one state; times are nanoseconds since the start barrier's release.

    `label` names the operation ("buy 1 -> ticket 3"), `detail` says what was read and written.
    """

    lane: int
    start_ns: int
    end_ns: int
    state: LaneState
    label: str = ""
    detail: str = ""


class Marker(NamedTuple):
    """A moment in a lane: an anomaly became certain as its participant's call returned, a fault came, a try failed."""

    lane: int
    ns: int
    name: str
    sentence: str


class StateKind(Enum):
    """What a fact about shared state tells: a resource's content, who took a lock, who waits, who remembers what."""

    HOLDS = "holds"
    CHANGED = "was last changed"
    TAKEN = "taken by"
    WAITS = "waits to"
    REMEMBERS = "remembers"


class StateChange(NamedTuple):
    """A fact that is so from a step on: about a resource or a participant, by its name; an empty text ends it."""

    kind: StateKind
    name: str
    text: str


class Move(NamedTuple):
    """One step of an interleaving; `note` says what was learnt there, `marked` that this step decides the outcome.

    `number` is its place in the execution, 1 or more; None of what is no step, such as waiting for ever. `source` is
    the line of the participant's own code that makes it, if that is known. `state` has what differs in the shared state
    after it, and `old` says on which old value it acts, if it does.
    """

    lane: int
    action: str
    resource: str
    note: str = ""
    marked: bool = False
    number: int | None = None
    source: str = ""
    state: tuple[StateChange, ...] = ()
    old: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What participants did over time: spans sorted by lane, then by start.

    `markers` are those of anomalies, `faults` those of faults, `retries` those of tries that were refused. `row` is the
    number of the result's row that the timeline shows, -1 for none. `left_out` says in one sentence what is missing,
    and is empty if nothing is. The first `locks` lanes are locks, the others participants.
    """

    title: str
    lanes: Sequence[str]
    spans: Sequence[Span]
    markers: Sequence[Marker] = ()
    row: int = -1
    left_out: str = ""
    faults: Sequence[Marker] = ()
    retries: Sequence[Marker] = ()
    locks: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the columns: see `docs/report.md`."""
        strings: dict[str, int] = {}

        def interned(text: str) -> int:
            return strings.setdefault(text, len(strings))

        counts, gaps, before = [0] * len(self.lanes), [], [0] * len(self.lanes)
        for span in self.spans:
            counts[span.lane] += 1
            gaps.append(span.start_ns - before[span.lane])
            before[span.lane] = span.end_ns
        digits = {state: str(number) for number, state in enumerate(STATES)}
        return {
            "kind": "timeline",
            "title": self.title,
            "row": self.row,
            "left_out": self.left_out,
            "lanes": list(self.lanes),
            "spans": {
                "count": counts,
                "gap": gaps,
                "length": [span.end_ns - span.start_ns for span in self.spans],
                "state": "".join(digits[span.state] for span in self.spans),
                "label": [interned(span.label) for span in self.spans],
                "detail": [interned(span.detail) for span in self.spans],
            },
            "violations": [each._asdict() for each in self.markers],
            "faults": [each._asdict() for each in self.faults],
            "retries": [each._asdict() for each in self.retries],
            "locks": self.locks,
            "strings": list(strings),
        }

    @classmethod
    def from_json(cls, field: JsonField) -> Timeline:
        """Read the columns back; raises UsageError where they are damaged."""
        lanes, strings, columns = field["lanes"].list_of(JsonField.text), field["strings"].values(), field["spans"]
        counts, gaps, lengths = columns["count"].wholes(least=0), columns["gap"].wholes(), columns["length"].wholes(0)
        labels, details = columns["label"].wholes(least=0), columns["detail"].wholes(least=0)
        states = columns["state"].text()
        if len(counts) != len(lanes) or {len(each) for each in (gaps, lengths, states, labels, details)} != {
            sum(counts)
        }:
            raise columns.wrong("columns of one length, and a count for each lane")
        if not set(states) <= _STATE_OF.keys():
            raise columns["state"].wrong(f"a digit from 0 to {len(STATES) - 1} for each span")
        if not all(isinstance(text, str) for text in strings) or max([*labels, *details], default=-1) >= len(strings):
            raise field["strings"].wrong("a text for each number in the columns of labels and details")
        spans, at = [], 0
        for lane, end in enumerate(accumulate(counts)):
            time = 0
            for row in range(at, end):
                start = time + gaps[row]
                time = start + lengths[row]
                spans.append(
                    Span(lane, start, time, _STATE_OF[states[row]], strings[labels[row]], strings[details[row]])
                )
            at = end
        row, left_out = _row_and_gaps(field)
        return cls(
            title=field["title"].text(),
            lanes=lanes,
            spans=spans,
            markers=_markers(field["violations"], len(lanes)),
            row=row,
            left_out=left_out,
            faults=field["faults"].otherwise(lambda marks: _markers(marks, len(lanes)), []),
            retries=field["retries"].otherwise(lambda marks: _markers(marks, len(lanes)), []),
            locks=field["locks"].otherwise(lambda locks: locks.whole(0, len(lanes)), 0),
        )


@dataclass(frozen=True, slots=True)
class Interleaving:
    """An explored case, step by step: which participant moved, and what its step did; `row` as in a timeline."""

    title: str
    lanes: Sequence[str]
    moves: Sequence[Move]
    row: int = -1
    left_out: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return an object for each step: interleavings are short."""
        return {
            "kind": "interleaving",
            "title": self.title,
            "row": self.row,
            "left_out": self.left_out,
            "lanes": list(self.lanes),
            "steps": [_move_json(move) for move in self.moves],
        }

    @classmethod
    def from_json(cls, field: JsonField) -> Interleaving:
        """Read it back; raises UsageError where it is damaged."""
        lanes = field["lanes"].list_of(JsonField.text)
        moves = [_move(step, len(lanes), place) for place, step in enumerate(field["steps"].items(), 1)]
        return cls(field["title"].text(), lanes, moves, *_row_and_gaps(field))


Diagram = Timeline | Interleaving


def timelines_to_json(diagrams: Sequence[Diagram]) -> dict[str, Any]:
    """Return timelines and interleavings as the file `timeline.json` keeps them."""
    return {"format": _FORMAT, "version": _VERSION, "timelines": [each.to_json() for each in diagrams]}


def timelines_from_json(value: Any, source: str = "the timeline") -> list[Diagram]:
    """Read what `timelines_to_json` returned; `source` is what errors call the file.

    Raises:
        UsageError: the value is of another format or version, or damaged; the message says where.
    """
    file = JsonField(value, source)
    read_version(file, "format", _FORMAT, "a timeline of ticketlab", [_VERSION])
    return file["timelines"].list_of(_diagram)


def _diagram(field: JsonField) -> Diagram:
    kind = field["kind"].one_of(("timeline", "interleaving"))
    return Timeline.from_json(field) if kind == "timeline" else Interleaving.from_json(field)


def _row_and_gaps(field: JsonField) -> tuple[int, str]:
    return field["row"].otherwise(JsonField.whole, -1), field["left_out"].otherwise(JsonField.text, "")


def _markers(field: JsonField, lanes: int) -> list[Marker]:
    return field.list_of(lambda marker: _marker(marker, lanes))


def _marker(field: JsonField, lanes: int) -> Marker:
    lane, ns = field["lane"].whole(0, lanes - 1), field["ns"].whole()
    return Marker(lane, ns, field["name"].text(), field["sentence"].text())


def _move_json(move: Move) -> dict[str, Any]:
    return move._asdict() | {"state": [[kind.value, name, text] for kind, name, text in move.state]}


def _move(field: JsonField, lanes: int, place: int) -> Move:
    """Read a step; `place` is its number if it was written before steps had numbers of their own."""
    lane, note = field["lane"].whole(0, lanes - 1), field["note"].otherwise(JsonField.text, "")
    marked = field["marked"].otherwise(JsonField.flag, default=False)
    number = field["number"].or_none(lambda each: each.whole(1)) if "number" in field else place
    source, old = (field[key].otherwise(JsonField.text, "") for key in ("source", "old"))
    state = tuple(field["state"].list_of(_state_change) if "state" in field else ())
    return Move(lane, field["action"].text(), field["resource"].text(), note, marked, number, source, state, old)


def _state_change(field: JsonField) -> StateChange:
    fields = field.list_of(JsonField.text)
    if len(fields) != 3:
        raise field.wrong("what a fact tells, its name, and its text")
    kinds = [kind for kind in StateKind if kind.value == fields[0]]
    if not kinds:
        raise field.wrong(f"first one of {', '.join(kind.value for kind in StateKind)}")
    return StateChange(kinds[0], *fields[1:])
