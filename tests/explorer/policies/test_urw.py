"""A uniform random walk runs every interleaving with the same odds."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import factorial, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explorer.policies.scripts import executions, writing
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.draws import WORD
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.urw import UniformRandomWalk, weighted


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.data())
def test_a_place_has_its_share_of_all_numbers(weights: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(weights) - 1))
    below, total = sum(weights[:place]), sum(weights)
    first, after = -(-below * WORD // total), -(-(below + weights[place]) * WORD // total)
    assert weighted(weights, first) == weighted(weights, after - 1) == place
    assert first == 0 or weighted(weights, first - 1) < place


class Enumerated(UniformRandomWalk):
    """A walk whose draws are given: of as many numbers as steps are left, all of the same odds, one for each step."""

    draws: tuple[int, ...] = ()

    def _number(self, state: ExecutionState) -> int:
        place = state.counters.length
        return self.draws[place] * WORD // (len(self.draws) - place) + 1


@pytest.mark.parametrize("lengths", [(3, 1), (2, 2, 1), (1, 1, 1)])
def test_every_interleaving_has_exactly_the_same_odds(lengths: tuple[int, ...]) -> None:
    # All draws of all steps are enumerated: k choices at the first of k steps, k - 1 at the second, and so on.
    steps, found, policy = sum(lengths), Counter[tuple[int, ...]](), Enumerated(1)
    with Inline(writing(*["x" * length for length in lengths])) as executor:
        executor.run(RandomWalk(1))
        policy._executions = 1  # the execution before counts
        for draws in product(*(range(left) for left in range(steps, 0, -1))):
            policy.draws = draws
            execution = executor.run(policy)
            assert execution is not None
            found[execution.schedule] += 1
    interleavings = factorial(steps) // prod(map(factorial, lengths))
    assert len(found) == interleavings
    assert set(found.values()) == {factorial(steps) // interleavings}


def test_a_short_participant_comes_late_as_often_as_early() -> None:
    # 21 interleavings of 20 steps and 1. A random walk has the one step last with odds of 2**-20.
    last = (0,) * 20 + (1,)
    assert [one.schedule for one in executions(writing("x" * 20, "x"), RandomWalk(1), 2_100)].count(last) == 0
    times = [one.schedule for one in executions(writing("x" * 20, "x"), UniformRandomWalk(1), 2_100)].count(last)
    assert 60 <= times <= 140  # 100 with a standard deviation of 9.8
