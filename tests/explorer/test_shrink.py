"""Shrinking ends at the smallest example there is, for the races of the textbooks."""

from __future__ import annotations

import pytest

from tests.explorer.toys import Cells, Semaphore, Toy, racing
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import run_schedule, search
from ticketlab.explorer.shrink import Fails, ShrinkResult, shrink


def smallest(toy: Toy, fails: Fails, policy: Policy) -> ShrinkResult:
    with Inline(toy) as executor:
        found = next(execution for execution in search(executor, policy, 1_000) if fails(execution))
        return shrink(executor, found, fails)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("buyers", [2, 3, 8])
def test_a_lost_update_takes_two_buyers_and_one_preemption(buyers: int, seed: int) -> None:
    toy, cells = racing(buyers, buyers)

    def lost(execution: Execution) -> bool:
        return sum(bool(record.outcome) for record in execution.records) != buyers - cells["tickets"]

    shrunk = smallest(toy, lost, RandomWalk(seed))
    assert shrunk.execution.schedule == (0, 1, 1, 0)
    assert shrunk.execution.trace.preemptions() == 1
    assert shrunk.without == {(buyer, 0) for buyer in range(2, buyers)}


def test_a_deadlock_shrinks_to_the_two_that_wait_for_each_other() -> None:
    a, b, cells = Semaphore("a"), Semaphore("b"), Cells(x=0)

    def first() -> None:
        cells.read("x")
        with a, b:
            cells.write("x", 1)

    def second() -> None:
        with b:
            cells.read("x")
            with a:
                cells.write("x", 2)

    toy = Toy(first, lambda: cells.read("x"), second, first, shared=[a, b, cells])
    shrunk = smallest(toy, lambda execution: execution.ending is ExecutionEnd.STUCK, RandomWalk(3))
    assert len(set(shrunk.execution.schedule)) == 2
    assert shrunk.size[2:4] == (4, 1)  # each its read and its first lock; the second buyer's wait is no preemption


def test_what_was_shrunk_replays() -> None:
    toy, _ = racing(4, 1)
    with Inline(toy) as executor:

        def oversold(execution: Execution) -> bool:
            return sum(bool(record.outcome) for record in execution.records) > 1

        found = next(execution for execution in search(executor, RandomWalk(1)) if oversold(execution))
        shrunk = shrink(executor, found, oversold)
        for _ in range(20):
            again = run_schedule(executor, shrunk.execution.schedule, shrunk.without)
            assert again.trace.what == shrunk.execution.trace.what
            assert oversold(again)


def test_a_sum_that_lacks_a_buyers_share_is_no_smaller_failure() -> None:
    toy, cells = racing(3, 3)
    shrunk = smallest(toy, lambda _execution: cells["tickets"] != 0, RandomWalk(1))
    assert shrunk.without == frozenset()
    assert set(shrunk.execution.schedule) == {0, 1, 2}


def test_a_failure_in_any_order_keeps_a_buyer() -> None:
    toy, _ = racing(3, 3)
    shrunk = smallest(toy, lambda _execution: True, RandomWalk(1))
    assert set(shrunk.execution.schedule) == {0}
