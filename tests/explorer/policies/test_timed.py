"""Virtual time orders the steps: by delays that are given, or drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable

from tests.explorer.toys import Cells, Toy
from ticketlab.core import pacing
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.timed import RandomDelays, TimedDelays
from ticketlab.explorer.search import search


def jobs(*lengths: int, sleep_after: int = 0) -> Toy:
    """Buyers that make so many steps each, the first one with a nap of a second in between."""
    cells = Cells(x=0)

    def job(length: int, nap: int) -> Callable[[], None]:
        def run() -> None:
            for step in range(length):
                cells.read("x")
                if nap and step + 1 == nap:
                    pacing.sleep(1.0)

        return run

    return Toy(*[job(length, 0 if who else sleep_after) for who, length in enumerate(lengths)], shared=[cells])


def last(toy: Toy, policy: Policy) -> Execution:
    with Inline(toy) as executor:
        return list(search(executor, policy, 10))[-1]


def test_whoever_is_due_first_moves() -> None:
    execution = last(jobs(2, 2), TimedDelays([[10, 100], [20, 20]]))
    assert execution.schedule == (0, 1, 1, 0)
    assert list(execution.when) == [12, 22, 44, 114]  # each step takes a tick of 2


def test_a_nap_takes_virtual_time_and_no_real_time() -> None:
    execution = last(jobs(2, 2, sleep_after=1), TimedDelays([]))
    assert execution.schedule == (0, 1, 1, 0)
    assert execution.when[-1] >= 1_000_000_000
    first, second = (execution.span(record) for record in sorted(execution.records, key=lambda one: one.buyer))
    assert first[0] < second[0] < second[1] < first[1]


def test_random_delays_differ_from_one_execution_to_the_next_and_repeat_with_the_seed() -> None:
    def schedules(seed: int) -> list[tuple[int, ...]]:
        with Inline(jobs(3, 3, 3)) as executor:
            return [execution.schedule for execution in search(executor, RandomDelays(1_000_000, seed), 20)]

    assert schedules(1) == schedules(1) != schedules(2)
    assert len(set(schedules(1))) > 10
