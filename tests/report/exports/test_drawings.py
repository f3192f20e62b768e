"""Timelines and steps as pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.report.test_page import EVIL
from ticketlab.core.errors import UsageError
from ticketlab.core.timeline import Interleaving, LaneState, Marker, Move, Span, StateChange, StateKind, Timeline
from ticketlab.report.exports.drawings import drawing

SVG = "{http://www.w3.org/2000/svg}"
SAFE = Timeline("lock on json", ["lock: lock", "buyer 1"], [Span(0, 0, 900, LaneState.CRITICAL)], locks=1)
WRONG = Timeline(
    "none on json",
    ["buyer 1", EVIL],
    [Span(0, 0, 500, LaneState.CRITICAL), Span(0, 500, 900, LaneState.OVERLAPPING), Span(1, 0, 9, LaneState.BLOCKED)],
    [Marker(1, 900, "oversold", EVIL)],
    faults=[Marker(0, 100, "kill", "before read")],
    retries=[Marker(0, 200, "retry", "it moved on")],
)
STEPS = Interleaving(
    "none on memory",
    ["buyer 1", "buyer 2"],
    [
        Move(0, "read", "main", "2 left", number=1, state=(StateChange(StateKind.HOLDS, "main", "2 left"),)),
        Move(1, "write", "main", "1 left", True, 2, state=(StateChange(StateKind.HOLDS, "main", "1 left"),), old="old"),
        Move(0, "read", EVIL, number=3),
    ],
)


def texts(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture.encode("utf-8", "replace"))
    return ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]


def test_the_race_that_went_wrong_is_drawn_unless_another_one_is_meant() -> None:
    assert texts(drawing([SAFE, WRONG, STEPS]))[0] == "none on json"
    assert texts(drawing([SAFE, WRONG, STEPS], "lock"))[0] == "lock on json"
    with pytest.raises(UsageError, match="no timeline of 'clerk', but of lock on json, none on json"):
        drawing([SAFE, WRONG], "clerk")
    with pytest.raises(UsageError, match="neither a timeline nor steps"):
        drawing([])


def test_a_timeline_has_a_legend_of_what_is_in_it_and_nothing_else() -> None:
    told = texts(drawing([WRONG]))
    assert {"critical", "overlapping", "blocked", "† fault injected", "↻ refused, tries again"} <= set(told)
    assert "ready" not in told
    assert sum(text == "†" for text in told) == 1


def test_steps_are_drawn_with_what_is_stored_after_each() -> None:
    told = texts(drawing([STEPS]))
    assert told.index("read main → 2 left") < told.index("main holds 2 left")
    assert told.index("write main → 1 left ◀") < told.index("main holds 1 left")
    assert "old" in told
    assert any(EVIL[:8] in text for text in told)
