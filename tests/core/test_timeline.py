"""Timelines and interleavings survive their files, and damaged files are told apart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.timeline import (
    STATES,
    Diagram,
    Interleaving,
    LaneState,
    Marker,
    Move,
    Span,
    StateChange,
    StateKind,
    Timeline,
    timelines_from_json,
    timelines_to_json,
)

LANES = ["buyer 1", "buyer 2", "clerk 1"]
TEXT = st.text(max_size=8)
SPANS = st.lists(
    st.builds(
        lambda lane, start, length, *rest: Span(lane, start, start + length, *rest),
        st.integers(0, 2),
        st.integers(0, 10**12),
        st.integers(0, 10**9),
        st.sampled_from(STATES),
        TEXT,
        TEXT,
    ),
    max_size=20,
).map(lambda spans: sorted(spans, key=lambda span: span[:2]))
MARKS = st.lists(st.builds(Marker, st.integers(0, 2), st.integers(0, 10**12), TEXT, TEXT), max_size=3)
NUMBERS = st.none() | st.integers(1)
STATE = st.lists(st.builds(StateChange, st.sampled_from(StateKind), TEXT, TEXT), max_size=3).map(tuple)
MOVES = st.lists(
    st.builds(Move, st.integers(0, 2), TEXT, TEXT, TEXT, st.booleans(), NUMBERS, TEXT, STATE, TEXT), max_size=5
)
PICTURES = st.one_of(
    st.builds(Timeline, TEXT, st.just(LANES), SPANS, MARKS, st.integers(-1, 5), TEXT, MARKS, MARKS, st.integers(0, 3)),
    st.builds(Interleaving, TEXT, st.just(LANES), MOVES, st.integers(-1, 5), TEXT),
)


@given(st.lists(PICTURES, max_size=3))
def test_what_is_written_is_read_back(diagrams: list[Diagram]) -> None:
    assert timelines_from_json(json.loads(json.dumps(timelines_to_json(diagrams)))) == diagrams


def whole() -> Any:
    spans = [Span(0, 0, 5, LaneState.READY), Span(0, 5, 9, LaneState.CRITICAL, "buy 1 -> ticket 1", "read")]
    return timelines_to_json([Timeline("none on json", LANES, spans, [Marker(0, 9, "oversold", "too many")])])


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("format",), "other", "the timeline is not a timeline of ticketlab"),
        (("version",), 2, "of version 2; this lab reads version 1"),
        (("timelines",), 7, "timelines is 7: a list is needed"),
        (("timelines", 0, "lanes"), [1], r"timelines\[0\].lanes\[0\] is 1: a text is needed"),
        (("timelines", 0, "spans", "gap"), [0], "columns of one length"),
        (("timelines", 0, "spans", "length"), [-1, 2], r"spans.length\[0\] is -1: a whole number from 0"),
        (("timelines", 0, "spans", "label"), [0, 99], "a text for each number in the columns"),
        (("timelines", 0, "spans", "state"), "09", "a digit from 0 to 4 for each span"),
        (("timelines", 0, "violations", 0, "lane"), 3, r"violations\[0\].lane is 3: a whole number from 0 up to 2"),
    ],
)
def test_a_damaged_file_is_refused_with_what_is_wrong(path: tuple[Any, ...], value: Any, complaint: str) -> None:
    document = whole()
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(UsageError, match=complaint):
        timelines_from_json(document)


def test_steps_that_were_written_without_numbers_are_counted() -> None:
    steps = [{"lane": 0, "action": "read", "resource": "main"}, {"lane": 1, "action": "write", "resource": "main"}]
    value = timelines_to_json([Interleaving("", LANES, [])])
    value["timelines"][0]["steps"] = steps
    (read,) = timelines_from_json(value)
    assert isinstance(read, Interleaving)
    assert [move.number for move in read.moves] == [1, 2]
