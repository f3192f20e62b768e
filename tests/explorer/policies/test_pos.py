"""What partial order sampling promises."""

from __future__ import annotations

from collections import Counter
from math import factorial, sqrt

import pytest

from tests.explorer.policies.scripts import (
    counted,
    every_schedule,
    executions,
    order_on,
    partial_order,
    schedule,
    writing,
)
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.pos import PartialOrderSampling
from ticketlab.explorer.policies.random import RandomWalk

RUNS = 4_000


@pytest.mark.parametrize("scripts", [("xy", "yx"), ("xx", "xy", "y"), ("x", "x", "x", "x"), ("abx", "xab")])
def test_every_schedule_has_the_odds_that_are_promised(scripts: tuple[str, ...]) -> None:
    toy, policy, drawn = writing(*scripts), PartialOrderSampling(5), {}
    found = dict.fromkeys(map(schedule, every_schedule(toy)), 0)
    with Inline(toy) as executor:
        for _ in range(RUNS):
            execution = executor.run(policy)
            assert execution is not None
            found[execution.schedule] += 1
            drawn[execution.schedule] = int(policy.drawn[0])
    for one, count in found.items():
        if one in drawn:
            steps, all_drawn = len(one), drawn[one]
            odds = factorial(all_drawn - steps) / factorial(all_drawn)
            assert count >= RUNS * odds - 4 * sqrt(RUNS * odds)
    orders = counted(every_schedule(toy), partial_order)
    assert set(counted(executions(toy, PartialOrderSampling(5), RUNS), partial_order)) == set(orders)


def test_a_step_stays_behind_steps_that_commute_with_it_far_more_often_than_in_a_random_walk() -> None:
    # The second's only step comes after twenty of the first, and before its last: with odds of 1 / 21 that it has the
    # lowest of so many priorities. In a random walk the odds are 2**-20.
    toy, behind = writing("a" * 20 + "x", "x"), (0,) * 21 + (1,)
    assert counted(executions(toy, RandomWalk(1), 1_000), schedule)[behind] == 0
    found = counted(executions(toy, PartialOrderSampling(1), 1_000), schedule)
    assert found[behind] >= 20  # 1,000 / 22 are 45, with a standard deviation of 6.6


def test_steps_that_all_race_are_a_random_walk() -> None:
    # Each step of the others gets a new priority with each step, so the odds of either are the same each time.
    every = map(order_on("x"), executions(writing("xx", "xx"), PartialOrderSampling(1), RUNS))
    found = Counter(every)
    odds = {order: 1 / 4 if order[0] == order[1] else 1 / 8 for order in found}
    assert len(found) == 6
    assert all(abs(found[order] - RUNS * odds[order]) < 4 * sqrt(RUNS * odds[order]) for order in odds)
