"""Feedback steers towards reads-from pairs that were seldom seen, and excludes none."""

from __future__ import annotations

import pytest

from tests.explorer.policies.scripts import counted, every_schedule, executions, partial_order, writing
from tests.explorer.toys import Cells, Toy
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.feedback import ReadsFromFeedback
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.pos import PartialOrderSampling
from ticketlab.explorer.search import search

DOORS = "abcd"


@pytest.mark.slow
def test_every_partial_order_is_run() -> None:
    for scripts in (("xy", "yx"), ("xx", "xy", "y"), ("abx", "xab")):
        toy = writing(*scripts)
        found = counted(executions(toy, ReadsFromFeedback(1), 3_000), partial_order)
        assert set(found) == set(counted(every_schedule(toy), partial_order))


def doors() -> Toy:
    """A race that shows only if each of four reads comes between the two writes of its cell."""
    cells = Cells(**dict.fromkeys(DOORS, 0))

    def opens_and_closes() -> None:
        for door in DOORS:
            cells.write(door, 1)
            cells.write(door, 0)

    def walks_in() -> bool:
        seen = [cells.read(door) for door in DOORS]
        return seen == [1] * len(DOORS)

    return Toy(opens_and_closes, walks_in, shared=[cells])


def finds(policy: Policy, runs: int) -> int:
    with Inline(doors()) as executor:
        return sum(
            any(record.outcome is True for record in execution.records) for execution in search(executor, policy, runs)
        )


def test_four_pairs_at_once_are_found_more_often_than_without_feedback() -> None:
    runs = 1_000
    without = sum(finds(PartialOrderSampling(seed), runs) for seed in range(3))
    assert sum(finds(ReadsFromFeedback(seed), runs) for seed in range(3)) > 3 * without


def test_a_seed_repeats_its_schedules() -> None:
    one, other = ([each.schedule for each in executions(doors(), ReadsFromFeedback(7), 100)] for _ in range(2))
    assert one == other
