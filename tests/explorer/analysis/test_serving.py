"""Executions as schedules: who could have moved was ready, who slept or was kept out was blocked."""

from __future__ import annotations

import pytest

from tests.explorer.toys import Cells, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.serving import served_schedule
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies import fcfs, random, rr
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.search import search
from ticketlab.scheduling.schedule import JobSchedule


def served(toy: Toy, kind: PolicyKind, spec: str) -> JobSchedule | None:
    with Inline(toy) as executor:
        execution = next(search(executor, kind.make(Spec.parse(spec)), 1))
    return served_schedule(execution, spec, kind.summary, list("abcd"[: len(execution.trace.final)]))


def drawn(schedule: JobSchedule | None) -> list[str]:
    assert schedule is not None
    letters = {"running": "#", "ready": ".", "blocked": "-"}
    return ["".join(letters[state] * (end - start) for state, start, end in lane) for lane in schedule.lanes()]


def test_who_waits_for_the_processor_is_ready() -> None:
    cells = Cells(x=0)

    def twice() -> None:
        cells.read("x"), cells.read("x")

    assert drawn(served(Toy(twice, twice, shared=[cells]), rr.KIND, "rr:1")) == ["#.#", ".#.#"]


def test_who_sleeps_is_blocked() -> None:
    cells = Cells(x=0)

    def sleeper() -> None:
        cells.read("x")
        pacing.sleep(1.0)
        cells.read("x")

    def worker() -> None:
        for _ in range(3):
            cells.read("x")

    assert drawn(served(Toy(sleeper, worker, shared=[cells]), fcfs.KIND, "fcfs")) == ["#---#", ".###"]


def test_who_stands_before_a_lock_that_is_taken_is_blocked() -> None:
    lock, cells = Semaphore(), Cells(x=0)

    def careful() -> None:
        with lock:
            cells.read("x")

    schedule = served(Toy(careful, careful, shared=[lock, cells]), rr.KIND, "rr:1")
    assert drawn(schedule) == ["###", ".--###"]
    assert schedule is not None
    assert [each.waiting for each in schedule.times()] == [0, 1]
    assert schedule.switches == 1


def test_who_never_ends_has_no_end() -> None:
    first, second, cells = Semaphore("first"), Semaphore("second"), Cells(x=0)

    def forwards() -> None:
        with first, second:
            cells.read("x")

    def backwards() -> None:
        with second, first:
            cells.read("x")

    schedule = served(Toy(forwards, backwards, shared=[first, second, cells]), rr.KIND, "rr:1")
    assert schedule is not None
    assert [each.finish for each in schedule.times()] == [None, None]
    assert schedule.to_json()["averages"]["turnaround"] is None


@pytest.mark.parametrize(("kind", "spec"), [(random.KIND, "random")])
def test_a_policy_without_a_queue_has_no_schedule(kind: PolicyKind, spec: str) -> None:
    cells = Cells(x=0)
    assert served(Toy(lambda: cells.read("x"), shared=[cells]), kind, spec) is None
