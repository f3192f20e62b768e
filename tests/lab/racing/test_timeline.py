"""What a race recorded becomes spans in which an unsynchronized race can be seen, and its fix too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from ticketlab import race
from ticketlab.core.history import History, Operation
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.timeline import LaneState, Span, Timeline
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.checking.timeline import history_timeline
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.timeline import race_timeline
from ticketlab.launch import recorder
from ticketlab.launch.track import track
from ticketlab.timings.latency import Latency

INVOKED = (recorder.INVOKE, 100, "buy", "main", 1)
READ = [(recorder.STEP, 110, "read", "books"), (recorder.NOTED, "remaining", 5)]
WRITE = [(recorder.STEP, 130, "write", "books"), (recorder.NOTED, "remaining", 4)]
SOLD = (recorder.RETURN, 140, "ok", (1,))


def drawn(*records: tuple[object, ...]) -> list[tuple[int, int, str, str]]:
    """Draw one buyer's records; return when, when to, the state and the detail."""
    found = race_timeline("", [track(1, records, 100, keep=True)], 1, [])
    buyers = [span for span in found.spans if span.lane >= found.locks]
    return [(span.start_ns, span.end_ns, span.state.value, span.detail) for span in buyers]


def test_from_a_read_to_the_write_that_rests_on_it_is_critical_guarded_or_not() -> None:
    assert drawn(INVOKED, *READ, *WRITE, SOLD) == [
        (0, 10, "running", ""),
        (10, 40, "critical", "read books: 5 left, write books: 4 left"),
    ]


def test_a_read_on_which_nothing_rests_is_not_critical() -> None:
    assert drawn(INVOKED, *READ, (recorder.RETURN, 140, "soldout", ())) == [(0, 40, "running", "read books: 5 left")]


def test_a_lock_is_waited_for_then_held_until_it_is_released() -> None:
    acquire = [(recorder.STEP, 102, "acquire", "lock"), (recorder.GOT, 108)]
    release = (recorder.STEP, 135, "release", "lock")
    assert [each[:3] for each in drawn(INVOKED, *acquire, *READ, release, SOLD)] == [
        (0, 2, "running"),
        (2, 8, "blocked"),
        (8, 35, "critical"),
        (35, 40, "running"),
    ]


def test_a_commit_that_takes_its_time_still_holds_the_transaction() -> None:
    begin = [(recorder.STEP, 100, "begin", "db"), (recorder.GOT, 101)]
    commit = [(recorder.STEP, 131, "commit", "db"), (recorder.GOT, 139)]
    assert [each[:3] for each in drawn(INVOKED, *begin, *READ, *WRITE, *commit, SOLD)] == [
        (0, 1, "blocked"),
        (1, 39, "critical"),
        (39, 40, "running"),
    ]


def test_a_retry_backs_off_and_begins_anew() -> None:
    again = [(recorder.NOTED, "retry", "it moved on"), (recorder.SLEEP, 120, 0.002)]
    found = drawn(INVOKED, *READ, *again, *WRITE, SOLD)
    assert (20, 30, "blocked", "backs off 2 ms") in found
    assert (0, 20, "running", "read books: 5 left, must try again: it moved on") in found


def test_who_never_heard_back_is_drawn_up_to_its_last_sign_of_life() -> None:
    found = race_timeline("", [track(1, [INVOKED, *READ], 100, keep=True)], 1, [])
    assert [(span.end_ns, span.label) for span in found.spans] == [(10, "buy 1 -> never returned")]


def critical(diagram: Timeline) -> list[Span]:
    spans = [span for span in diagram.spans if span.lane >= diagram.locks]
    within = [span for span in spans if span.state in (LaneState.CRITICAL, LaneState.OVERLAPPING)]
    return sorted(within, key=lambda span: span.start_ns)


def overlap(spans: Sequence[Span]) -> bool:
    return any(later.start_ns < earlier.end_ns for earlier, later in pairwise(spans))


def raced(strategy: str, folder: Path) -> Timeline:
    scenario = Scenario(Spec("json"), Spec(strategy), buyers=6, inventory=Inventory({"main": 3}))
    diagram = race(scenario, RaceOptions(latency=Latency.parse("write=5ms"), timeline=True, folder=folder)).timeline
    assert diagram is not None
    return diagram


def test_unguarded_critical_sections_overlap_and_the_anomaly_is_marked(tmp_path: Path) -> None:
    diagram = raced("none", tmp_path)
    assert overlap(critical(diagram))
    assert any(span.state is LaneState.OVERLAPPING for span in diagram.spans)
    assert diagram.markers
    assert diagram.lanes == [f"buyer {number}" for number in range(1, 7)]


@pytest.mark.parametrize("strategy", ["lock", "clerk"])
def test_guarded_critical_sections_do_not_overlap(strategy: str, tmp_path: Path) -> None:
    diagram = raced(strategy, tmp_path)
    assert len(critical(diagram)) >= 3
    assert not overlap(critical(diagram))
    assert all(span.state is not LaneState.OVERLAPPING for span in diagram.spans)
    assert diagram.lanes[: diagram.locks] == (["lock: lock"] if strategy == "lock" else [])
    assert diagram.markers == []
    assert ("clerk 1" in diagram.lanes) == (strategy == "clerk")


def test_a_lock_s_lane_has_its_holder_and_how_many_ask_for_it() -> None:
    first = [
        INVOKED,
        (recorder.STEP, 102, "acquire", "lock"),
        (recorder.GOT, 104),
        (recorder.STEP, 130, "release", "lock"),
    ]
    second = [
        INVOKED,
        (recorder.STEP, 110, "acquire", "lock"),
        (recorder.GOT, 135),
        (recorder.STEP, 140, "release", "lock"),
    ]
    tracks = [
        track(who, [*records, (recorder.RETURN, 150, "ok", (who,))], 100, keep=True)
        for who, records in enumerate((first, second), 1)
    ]
    found = race_timeline("", tracks, 2, [])
    assert found.lanes == ["lock: lock", "buyer 1", "buyer 2"]
    assert [(span.start_ns, span.end_ns, span.label, span.detail) for span in found.spans if span.lane == 0] == [
        (2, 4, "asked for", "1 asking for it"),
        (4, 10, "held by buyer 1", ""),
        (10, 30, "held by buyer 1", "1 asking for it"),
        (30, 35, "asked for", "1 asking for it"),
        (35, 40, "held by buyer 2", ""),
    ]


def test_whoever_sleeps_outside_a_critical_section_is_blocked() -> None:
    sleep = (recorder.SLEEP, 104, 0.002)
    assert drawn(INVOKED, sleep, *READ, (recorder.RETURN, 140, "soldout", ()))[1] == (
        4,
        10,
        "blocked",
        "simulated delay 2 ms",
    )


def test_a_retry_is_marked_at_the_point_before_it() -> None:
    again = [(recorder.NOTED, "retry", "it moved on"), (recorder.SLEEP, 120, 0.002)]
    found = race_timeline("", [track(1, [INVOKED, *READ, *again, *WRITE, SOLD], 100, keep=True)], 1, [])
    assert [(mark.lane, mark.ns, mark.sentence) for mark in found.retries] == [(0, 10, "it moved on")]


def test_a_pool_s_lanes_are_its_workers_with_their_buyers_one_after_another(tmp_path: Path) -> None:
    scenario = Scenario(Spec("json"), Spec("lock"), buyers=5, inventory=Inventory({"main": 3}))
    result = race(scenario, RaceOptions(launcher=Spec("pool", "2"), timeline=True, folder=tmp_path))
    diagram = result.timeline
    assert diagram is not None
    assert diagram.lanes[0] == "lock: lock"
    assert 1 <= len(diagram.lanes[1:]) <= 2
    assert all(name.startswith("worker ") for name in diagram.lanes[1:])
    buyers = {span.label.partition(":")[0] for span in diagram.spans if span.label.startswith("buyer ")}
    assert buyers == {f"buyer {number}" for number in range(1, 6)}
    for lane in range(1, len(diagram.lanes)):
        mine = [span for span in diagram.spans if span.lane == lane]
        assert all(before.end_ns == after.start_ns for before, after in pairwise(mine))
        assert mine[0].start_ns == 0


@pytest.mark.parametrize(
    ("end", "waits"),
    [
        ([(recorder.CRASH, 150, "error", "ValueError: no")], True),
        ([(recorder.END, 150, 0, 0, 0, 0)], True),
        ([], False),  # the worker was killed with its buyer
    ],
)
def test_a_worker_waits_for_its_next_buyer_unless_it_died_with_one(end: list[tuple[object, ...]], waits: bool) -> None:
    up = (recorder.UP, 90, 7)
    first = track(1, [up, INVOKED, *READ, *end], 100, keep=True)
    other = track(2, [(recorder.UP, 90, 8), INVOKED, (recorder.RETURN, 300, "soldout", ())], 100, keep=True)
    found = race_timeline("", [first, other], 2, [], workers=True)
    assert found.lanes == ["worker 1 (7)", "worker 2 (8)"]
    last = max((span for span in found.spans if span.lane == 0), key=lambda span: span.end_ns)
    assert (last.label == "waits for its next buyer") == waits


def test_a_race_has_no_timeline_unless_asked(tmp_path: Path) -> None:
    assert race(Scenario(Spec("json"), Spec("lock"), buyers=2), RaceOptions(folder=tmp_path)).timeline is None


def sale(process: int, invoke_ns: int, return_ns: int | None, ticket: int) -> Operation:
    return Operation(process, "buy", 1, "ok" if return_ns else None, invoke_ns, return_ns, tickets=(ticket,))


def test_a_history_has_a_lane_a_process_and_a_span_an_operation() -> None:
    history = History({}, (sale(4, 1000, 1010, 1), sale(2, 1005, None, 2), sale(2, 1020, 1030, 3)))
    diagram = history_timeline("mine", history)
    assert diagram.lanes == ["buyer 2", "buyer 4"]
    assert [span[:3] for span in diagram.spans] == [(0, 5, 20), (0, 20, 30), (1, 0, 10)]


def test_marks_stand_where_somebody_was_told_what_cannot_be() -> None:
    operations = [{"process": buyer, "invoke_ns": 0, "return_ns": 10 * buyer, "tickets": [1]} for buyer in (1, 2)]
    anomalies = [
        Anomaly("oversold", "2 of 1", {"available": 1, "operations": operations}),
        Anomaly("ticket sold twice", "1 twice", {"tickets": {"1": operations}}),
        Anomaly("buyer crashed", "it crashed", {"participants": [{"who": "buyer 1", "detail": "exit code 1"}]}),
    ]
    history = History({}, (sale(1, 0, 10, 1), sale(2, 0, 20, 1)))
    marks = history_timeline("", history, anomalies).markers
    assert [(mark.lane, mark.ns, mark.name) for mark in marks] == [
        (0, 10, "buyer crashed"),
        (1, 20, "oversold, ticket sold twice"),
    ]
    assert marks[1].sentence == "2 tickets sold by now, of 1; ticket 1 was buyer 1's already"


def test_a_history_s_marks_count_from_its_first_invocation_as_its_spans_do() -> None:
    evidence = {"minimal": True, "operations": [{"process": 4, "invoke_ns": 1000, "return_ns": 1010}]}
    diagram = history_timeline("", History({}, (sale(4, 1000, 1010, 1),)), [Anomaly("stale read", "old", evidence)])
    assert [(mark.lane, mark.ns) for mark in diagram.markers] == [(0, 10)]


def test_evidence_that_shows_only_its_first_operations_is_marked_where_the_last_of_all_was_answered() -> None:
    shown = {"process": 1, "invoke_ns": 0, "return_ns": 10}
    evidence = {"minimal": True, "operations": [shown], "rows": [0, 1], "size": 2, "shown": 1}
    history = History({}, (sale(1, 0, 10, 1), sale(2, 0, 20, 2)))
    (mark,) = history_timeline("", history, [Anomaly("oversold", "2 of 1", evidence)]).markers
    assert (mark.lane, mark.ns) == (1, 20)
