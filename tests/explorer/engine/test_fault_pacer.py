"""Faults are injected where they are planned, nowhere else, and the schedule goes on around them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import pytest

from tests.explorer.toys import Cells, Lease, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import run_schedule, search

TERMINATE, PAUSE, CLOCK = Fault(FaultKind.TERMINATE), Fault(FaultKind.PAUSE, 60.0), Fault(FaultKind.CLOCK, 3600.0)
IO_ERROR = Fault(FaultKind.IO_ERROR)


def faulted(toy: Toy, policy: Policy, *points: FaultPoint) -> Iterator[Execution]:
    with Inline(toy, faults=[point.fault for point in points], steps=500) as executor:
        yield from search(executor, policy, fault_points=points)


def locked() -> tuple[Toy, Cells]:
    cells, lock = Cells(x=0), Semaphore()

    def add() -> None:
        with lock:
            cells.write("x", cells.read("x") + 1)

    return Toy(add, add, shared=[cells, lock]), cells


@pytest.mark.parametrize("policy", [DepthFirst, SourceSets])
def test_who_is_terminated_makes_no_further_step_but_those_of_its_clean_up(policy: type[Policy]) -> None:
    toy, _ = locked()
    seen = list(faulted(toy, policy(), FaultPoint(0, 2, TERMINATE)))
    assert {one.ending for one in seen} == {ExecutionEnd.COMPLETED}
    for one in seen:
        mine = [step for who, step in zip(one.schedule, one.steps, strict=True) if who == 0]
        assert mine == ["acquire lock", "read x", "fault injected: terminate", "release lock"]
        assert one.injected == (0,)
        assert one.unanswered == [(0, 0, 0)]


def test_who_is_terminated_before_giving_the_lock_back_leaves_it_behind() -> None:
    toy, _ = locked()
    names = {
        anomaly.name: anomaly.sentence
        for one in faulted(toy, SourceSets(), FaultPoint(0, 3, TERMINATE))
        if (anomaly := explain(one, 2))
    }
    assert names == {
        "lock never released": "buyer 2 waits for lock, held by buyer 1, which was terminated while holding it: "
        "nobody can ever have it again"
    }


def test_a_fault_at_a_point_that_never_comes_is_not_injected() -> None:
    toy, _ = locked()
    seen = list(faulted(toy, SourceSets(), FaultPoint(0, 9, TERMINATE)))
    assert [one.injected for one in seen] == [(), ()]


def test_a_pause_outlives_a_lease() -> None:
    """The reason for fencing: who was paused wakes up and writes, though its lease went to another meanwhile."""
    lease, cells = Lease(seconds=10.0), Cells(last=0)

    def write(me: int) -> None:
        lease.take()
        cells.write("last", me)
        lease.give_back()

    toy = Toy(lambda: write(1), lambda: write(2), shared=[lease, cells])

    def writes_inside_anothers_lease(one: Execution) -> bool:
        moves = [(who, step) for who, step in zip(one.schedule, one.steps, strict=True) if not step.startswith("let")]
        holder = None
        for number, (who, step) in enumerate(moves):
            later = [again for again, what in moves[number + 1 :] if what == "write last"]
            if step == "acquire lease" and who in later:
                holder = who
            if step == "write last" and who != holder:
                return True
        return False

    calm = faulted(toy, SourceSets(), FaultPoint(0, 99, PAUSE))
    assert not any(writes_inside_anothers_lease(one) for one in calm)
    assert any(writes_inside_anothers_lease(one) for one in faulted(toy, SourceSets(), FaultPoint(0, 1, PAUSE)))


def test_a_pause_is_tried_before_and_after_whatever_others_do() -> None:
    cells = Cells(x=0)
    toy = Toy(lambda: cells.write("x", 1), lambda: cells.write("x", 2), shared=[cells])
    seen = {one.schedule for one in faulted(toy, SourceSets(), FaultPoint(0, 0, PAUSE))}
    assert seen == {one.schedule for one in faulted(toy, DepthFirst(), FaultPoint(0, 0, PAUSE))}
    assert seen == {(0, 0, 1), (0, 1, 0), (1, 0, 0)}


def test_the_clock_on_the_wall_jumps_and_the_other_does_not() -> None:
    seen: list[tuple[float, float]] = []

    def look() -> None:
        pacing.at(Step(Action.READ, "x"))
        before = pacing.now(), pacing.now(wall=True)
        pacing.at(Step(Action.READ, "x"))
        seen.append((pacing.now() - before[0], pacing.now(wall=True) - before[1]))

    list(faulted(Toy(look), SourceSets(), FaultPoint(0, 1, CLOCK)))
    assert seen == [(0.0, 3600.0)]


def test_an_error_of_a_disk_lasts_for_one_write() -> None:
    cells = Cells(x=0)

    def write() -> str:
        cells.write("x", 1)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            cells.write("x", 2)
        cells.write("x", 3)
        return "told"

    (one,) = faulted(Toy(write, shared=[cells]), SourceSets(), FaultPoint(0, 1, IO_ERROR))
    assert [record.outcome for record in one.records] == ["told"]
    assert cells["x"] == 3
    assert one.injected == (0,)


def test_a_schedule_with_a_fault_replays() -> None:
    toy, _ = locked()
    points = (FaultPoint(1, 2, TERMINATE),)
    with Inline(toy, faults=[TERMINATE]) as executor:
        for one in search(executor, SourceSets(), fault_points=points):
            again = run_schedule(executor, one.schedule, fault_points=points)
            assert (again.steps, again.injected, again.ending) == (one.steps, one.injected, one.ending)
