"""Timelines: what each participant did, and when, in the form that pictures are drawn from and files keep.

A `Timeline` has time (a live race); an `Interleaving` has only order (an explored case, step by step). The JSON form of
a timeline holds columns, not an object a span, with starts as gaps after the span before: so it stays small, and what
is left is mostly small numbers, which compress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Any, Final, NamedTuple

FORMAT: Final = "ticketlab/timelines"
VERSION: Final = 1


class LaneState(Enum):
    """What a participant is doing: about to go on, at work, waiting for another, or where nobody may interfere."""

    READY = "ready"
    RUNNING = "running"
    BLOCKED = "blocked"
    CRITICAL = "critical"


STATES: Final = tuple(LaneState)


class Span(NamedTuple):
    """A stretch of one lane in one state; times are nanoseconds since the starting gun.

    `label` names the operation ("buy 1 -> ticket 3"), `detail` says what was read and written.
    """

    lane: int
    start_ns: int
    end_ns: int
    state: LaneState
    label: str = ""
    detail: str = ""


class Marker(NamedTuple):
    """The moment at which an anomaly became certain, in the lane of whoever was told or did the wrong thing."""

    lane: int
    ns: int
    name: str
    sentence: str


class Move(NamedTuple):
    """One step of an interleaving; `note` says what was learnt, `marked` that the anomaly hangs on this step."""

    lane: int
    action: str
    resource: str
    note: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """Spans sorted by lane, then by start; `row` is the number of the result's row that it shows, -1 for none.

    `left_out` is empty, or says in one sentence what is not there.
    """

    title: str
    lanes: Sequence[str]
    spans: Sequence[Span]
    markers: Sequence[Marker] = ()
    row: int = -1
    left_out: str = ""

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
            "strings": list(strings),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Timeline:
        """Read the columns back; raises ValueError, KeyError or TypeError where they are damaged."""
        lanes, columns, strings = _strings(value["lanes"]), value["spans"], _strings(value["strings"])
        gaps, lengths = _numbers(columns["gap"]), _numbers(columns["length"])
        states, counts = columns["state"], _numbers(columns["count"])
        labels, details = _numbers(columns["label"]), _numbers(columns["detail"])
        total = sum(counts)
        if len(counts) != len(lanes) or {len(each) for each in (gaps, lengths, states, labels, details)} != {total}:
            raise ValueError("its columns are not of one length")
        if min([*counts, *lengths, *labels, *details], default=0) < 0:
            raise ValueError("it has a negative length")
        spans, at = [], 0
        for lane, end in enumerate(accumulate(counts)):
            time = 0
            for row in range(at, end):
                start = time + gaps[row]
                time = start + lengths[row]
                state = STATES[int(states[row])]
                spans.append(Span(lane, start, time, state, strings[labels[row]], strings[details[row]]))
            at = end
        markers = [_marker(each, len(lanes)) for each in value["violations"]]
        return cls(
            str(value["title"]), lanes, spans, markers, int(value.get("row", -1)), str(value.get("left_out", ""))
        )


@dataclass(frozen=True, slots=True)
class Interleaving:
    """An explored case, step by step: who moved in which order, and what each step did; `row` as in a timeline."""

    title: str
    lanes: Sequence[str]
    moves: Sequence[Move]
    row: int = -1
    left_out: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return an object a step: interleavings are short."""
        return {
            "kind": "interleaving",
            "title": self.title,
            "row": self.row,
            "left_out": self.left_out,
            "lanes": list(self.lanes),
            "steps": [move._asdict() for move in self.moves],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Interleaving:
        """Read it back; raises ValueError, KeyError or TypeError where it is damaged."""
        lanes = _strings(value["lanes"])
        moves = []
        for step in value["steps"]:
            lane = _lane(step["lane"], len(lanes))
            texts = (str(step["action"]), str(step["resource"]), str(step.get("note", "")))
            moves.append(Move(lane, *texts, marked=bool(step.get("marked", False))))
        return cls(str(value["title"]), lanes, moves, int(value.get("row", -1)), str(value.get("left_out", "")))


Diagram = Timeline | Interleaving


def timelines_to_json(diagrams: Sequence[Diagram]) -> dict[str, Any]:
    """Return timelines and interleavings as the file `timeline.json` keeps them."""
    return {"format": FORMAT, "version": VERSION, "timelines": [each.to_json() for each in diagrams]}


def from_json(value: Any) -> list[Diagram]:
    """Read what `to_json` wrote.

    Raises:
        ValueError: the value is of another format or version, or damaged; the message says how.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError(f'it is no timeline: it needs "format": "{FORMAT}"')
    if value.get("version") != VERSION:
        raise ValueError(f"it is of version {value.get('version')!r}, and this lab reads version {VERSION}")
    try:
        return [
            Interleaving.from_json(each) if each["kind"] == "interleaving" else Timeline.from_json(each)
            for each in value["timelines"]
        ]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        said = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
        raise ValueError(f"it is damaged: {said}") from None


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a list of strings is needed")
    return value


def _numbers(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise ValueError("a column of whole numbers is needed")
    return value


def _lane(value: Any, lanes: int) -> int:
    if type(value) is not int or not 0 <= value < lanes:
        raise ValueError(f"there is no lane {value!r}")
    return value


def _marker(value: Mapping[str, Any], lanes: int) -> Marker:
    return Marker(_lane(value["lane"], lanes), int(value["ns"]), str(value["name"]), str(value["sentence"]))
