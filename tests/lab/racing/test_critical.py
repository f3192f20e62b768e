"""Where critical sections overlap, and who holds a lock, is held to a count at every moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.timeline import LaneState, Span, Timeline
from ticketlab.lab.racing.critical import (
    CriticalSection,
    LockUse,
    critical_sections,
    lock_uses,
    with_locks,
    with_overlaps,
)
from ticketlab.launch import recorder
from ticketlab.launch.track import track

LONG = 30
times = st.integers(0, LONG)
sections = st.lists(
    st.builds(
        lambda lane, resource, start, length: CriticalSection(lane, resource, start, start + length),
        st.integers(0, 3),
        st.sampled_from(["books", "lock"]),
        times,
        st.integers(1, 12),
    ),
    max_size=12,
)


@given(sections)
def test_a_moment_overlaps_if_another_lane_is_critical_about_the_same_data(found: list[CriticalSection]) -> None:
    end = LONG + 12
    spans = [Span(lane, 0, end, LaneState.CRITICAL, "buy", "all") for lane in range(4)]
    cut = with_overlaps(spans, found)
    for lane in range(4):
        mine = [span for span in cut if span.lane == lane]
        assert [mine[0].start_ns, *(span.end_ns for span in mine)] == [*(span.start_ns for span in mine), end]
        for span in mine:
            for moment in range(span.start_ns, span.end_ns):
                about = {each.resource for each in found if each.lane == lane and each.start_ns <= moment < each.end_ns}
                others = {
                    each.resource for each in found if each.lane != lane and each.start_ns <= moment < each.end_ns
                }
                assert (span.state is LaneState.OVERLAPPING) == bool(about & others)


def uses_of_a_lock(drawn: list[tuple[int, int, int, int, bool]]) -> list[LockUse]:
    uses = [
        LockUse(lane, "lock", asked, asked + wait if gets else None, asked + wait + held if gets else LONG * 4)
        for lane, asked, wait, held, gets in drawn
    ]
    return sorted(uses, key=lambda use: use.asked_ns)


@given(
    st.lists(
        st.tuples(st.integers(0, 99), times, st.integers(0, 9), st.integers(1, 9), st.booleans()),
        max_size=8,
        unique_by=lambda each: each[0],
    ).map(uses_of_a_lock)
)
def test_a_lock_s_lane_says_at_every_moment_who_holds_it_and_how_many_ask(uses: list[LockUse]) -> None:
    over = LONG * 2
    race = Timeline("", ["buyer 1"], [Span(0, 0, over, LaneState.RUNNING)])
    drawn = with_locks(race, uses, [f"buyer {lane + 1}" for lane in range(100)])
    lanes = [span for span in drawn.spans if drawn.locks and span.lane == 0]
    for moment in range(over):
        holders = [use for use in uses if use.got_ns is not None and use.got_ns <= moment < use.end_ns]
        asking = [use for use in uses if use.asked_ns <= moment < (over if use.got_ns is None else use.got_ns)]
        there = [span for span in lanes if span.start_ns <= moment < span.end_ns]
        assert len(there) == bool(holders or asking)
        for span in there:
            assert span.detail == (f"{len(asking)} asking for it" if asking else "")
            assert all(f"buyer {use.lane + 1}" in span.label for use in holders)
            assert (span.state is LaneState.OVERLAPPING) == (len(holders) > 1)
            assert (span.state is LaneState.BLOCKED) == (not holders)


def test_only_what_surely_happened_is_a_section() -> None:
    """A step is written down before it is made: nobody knows more than that the read was over by the next record."""
    records = [
        (recorder.INVOKE, 100, "buy", "main", 1),
        (recorder.STEP, 110, "read", "books"),
        (recorder.NOTED, "remaining", 5),
        (recorder.SLEEP, 115, 0.01),
        (recorder.STEP, 130, "write", "books"),
        (recorder.STEP, 135, "read", "books"),
        (recorder.STEP, 138, "write", "books"),
        (recorder.RETURN, 140, "ok", (1,)),
    ]
    assert critical_sections([track(1, records, 100, keep=True)]) == [CriticalSection(0, "books", 15, 30)]


def test_a_lock_that_was_refused_is_not_held() -> None:
    records = [
        (recorder.INVOKE, 100, "buy", "main", 1),
        (recorder.STEP, 110, "acquire", "lock"),
        (recorder.GOT, 112),
        (recorder.NOTED, "retry", "it is taken"),
        (recorder.SLEEP, 115, 0.01),
        (recorder.STEP, 120, "acquire", "lock"),
        (recorder.GOT, 122),
        (recorder.STEP, 130, "release", "lock"),
        (recorder.RETURN, 140, "ok", (1,)),
    ]
    assert critical_sections([track(1, records, 100, keep=True)]) == [CriticalSection(0, "lock", 22, 30)]


@pytest.mark.parametrize(("error_ns", "sure"), [(0, [(12, 30)]), (4, [(16, 26)]), (10, [])])
def test_by_a_clock_that_may_be_wrong_less_is_surely_held(error_ns: int, sure: list[tuple[int, int]]) -> None:
    locked: list[tuple[object, ...]] = [
        (recorder.STEP, 10, "acquire", "lock"),
        (recorder.GOT, 12),
        (recorder.STEP, 30, "release", "lock"),
        (recorder.END, 40, 0, 0, 0, 0),
    ]
    read: list[tuple[object, ...]] = [
        (recorder.STEP, 10, "read", "books"),
        (recorder.SLEEP, 12, 0.0),
        (recorder.STEP, 30, "write", "books"),
        (recorder.END, 40, 0, 0, 0, 0),
    ]
    tracks = [track(who, records, keep=True, error_ns=error_ns) for who, records in enumerate((locked, read), 1)]
    found = critical_sections(tracks)
    assert [each[2:] for each in found if each.resource == "lock"] == sure
    assert [each[2:] for each in found if each.resource == "books"] == sure
    (use,) = lock_uses(tracks)
    assert use.got_ns is not None
    assert ([(use.got_ns, use.end_ns)] if use.end_ns > use.got_ns else []) == sure
