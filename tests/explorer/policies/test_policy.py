"""Seeded races are found soon, whatever the seed; correct code is never called wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.explorer.toys import locked, racing
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies import fcfs, mlfq, rr, sjf
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.timed import RandomDelays
from ticketlab.explorer.search import search


def oversold(execution: Execution) -> bool:
    return sum(bool(record.outcome) for record in execution.records) > 1


# Of the 66 schedules of three buyers and one ticket, 60 oversell. A random walk oversells unless each buyer after the
# first is not picked between the first's two steps: after the first read, 2 of 3 picks are others. So it misses with
# odds of less than 1/3 an execution, and 100 in a row with less than 10**-47. PCT of depth 3 oversells at least when a
# change point falls on the first write, with odds of more than 2/5 an execution: 100 misses in a row below 10**-22.
@pytest.mark.parametrize("policy", [RandomWalk, lambda seed: PriorityChanges(3, seed)])
def test_a_seeded_race_is_found_within_a_hundred_executions_for_every_seed(policy: Callable[[int], Policy]) -> None:
    toy, _ = racing(3, 1)
    with Inline(toy) as executor:
        missed = [seed for seed in range(1_000) if not any(map(oversold, search(executor, policy(seed), 100)))]
    assert missed == []


@pytest.mark.slow
def test_no_false_alarm() -> None:
    toy, _ = locked(3, 1)
    with Inline(toy) as executor:
        assert not any(map(oversold, search(executor, RandomWalk(1), 20_000)))


@pytest.mark.parametrize(
    "policy",
    [
        DepthFirst,
        SourceSets,
        lambda: fcfs.KIND.make(Spec("fcfs")),
        lambda: sjf.KIND.make(Spec("sjf")),
        lambda: mlfq.KIND.make(Spec("mlfq")),
        lambda: rr.KIND.make(Spec("rr", "2")),
        lambda: RandomWalk(1),
        lambda: PriorityChanges(3, 1),
        lambda: RandomDelays(1_000, 1),
    ],
)
def test_every_policy_copes_with_more_buyers_than_steps(policy: Callable[[], Policy]) -> None:
    toy, _ = racing(60, 1)
    with Inline(toy, steps=10) as executor:
        endings = {execution.ending for execution in search(executor, policy(), 5)}
    assert endings == {ExecutionEnd.ENDLESS}
