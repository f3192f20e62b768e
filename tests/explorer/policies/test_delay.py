"""Delay bounding runs no schedule with more delays, and each with at most so many."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest

from tests.explorer.policies.scripts import every_schedule, executions, writing
from tests.explorer.toys import locked
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.policies.delay import DelayBounded


def delays(execution: Execution) -> int:
    """Return how many participants were passed over, by the definition: in the order of turns, from who moved last."""
    total, last = 0, 0
    for who, enabled in zip(execution.schedule, execution.trace.enabled(), strict=False):
        turns = [one for one in enabled if one >= last] + [one for one in enabled if one < last]
        total += turns.index(who)
        last = who
    return total


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 2, 3])
def test_exactly_the_schedules_within_the_bound_are_run_and_with_their_odds(most: int) -> None:
    toy = writing("xx", "xx", "x")
    within = {one.schedule for one in every_schedule(toy) if delays(one) <= most}
    runs = 12_000
    found = Counter(one.schedule for one in executions(toy, DelayBounded(most, seed=2), runs))
    assert set(found) == within
    odds = 1 / 6**most  # five steps, and one place beyond
    assert min(found.values()) >= runs * odds - 4 * sqrt(runs * odds)


def test_no_delay_is_a_round_of_turns() -> None:
    (first, *_) = executions(writing("xx", "xx", "x"), DelayBounded(2, seed=1), 1)
    assert first.schedule == (0, 0, 1, 1, 2)


def test_who_waits_for_a_lock_is_passed_over_without_a_delay() -> None:
    toy, _ = locked(3, 2)
    assert max(map(delays, executions(toy, DelayBounded(2, seed=1), 500))) <= 2
