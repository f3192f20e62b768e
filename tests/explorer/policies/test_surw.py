"""A selectively uniform walk runs every order of the steps on one contested resource with the same odds."""

from __future__ import annotations

from math import comb

import pytest

from tests.explorer.policies.scripts import counted, executions, order_on, writing
from tests.explorer.toys import locked
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.surw import SelectivelyUniformWalk

RUNS = 4_000


@pytest.mark.slow
def test_every_order_on_the_contested_resource_has_the_same_odds() -> None:
    # The first makes ten steps elsewhere before its own on x, so a random walk mostly has it last.
    toy = writing("aaaaaaaaaax", "xxxb")
    found = counted(executions(toy, SelectivelyUniformWalk(3), RUNS), order_on("x"))
    assert len(found) == comb(4, 1)
    # 1,000 each, with a standard deviation of 27.4; the first execution is a random walk.
    assert all(890 <= count <= 1_110 for count in found.values())
    walked = counted(executions(toy, RandomWalk(3), RUNS), order_on("x"))
    assert walked[1, 1, 1, 0] > 0.9 * RUNS


def test_each_contested_resource_is_drawn() -> None:
    # On x and on y the second's step comes last with odds of 1 / 9 if the resource is drawn, and else of 2**-8.
    toy = writing("xxxxxxxx" + "yyyyyyyy", "xy")
    found = executions(toy, SelectivelyUniformWalk(1), 1_000)
    for cell in "xy":
        late = counted(found, order_on(cell))[(0,) * 8 + (1,)]
        assert late >= 30  # 1,000 / 2 / 9 are 56, with a standard deviation of 7.2


def test_who_waits_for_a_lock_is_not_waited_for() -> None:
    toy, _ = locked(4, 2)
    found = executions(toy, SelectivelyUniformWalk(1), 200)
    assert {one.ending for one in found} == {ExecutionEnd.COMPLETED}
    assert len({one.schedule for one in found}) > 20
