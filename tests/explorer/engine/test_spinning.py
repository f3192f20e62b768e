"""Whoever tries in vain is put off; whoever sleeps for other reasons is not."""

from __future__ import annotations

import pytest

from tests.explorer.toys import Cells, Lease, Toy
from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search


def explored(toy: Toy, policy: Policy) -> list[Execution]:
    with Inline(toy, steps=500) as executor:
        return list(search(executor, policy))


def test_whoever_waits_for_what_never_expires_is_stuck() -> None:
    lease = Lease(seconds=float("inf"))

    def polling() -> None:
        while True:
            pacing.at(lease._step)
            if pacing.now() >= lease._until:
                lease._until = float("inf")
                return
            pacing.note(pacing.RETRY, "taken")
            pacing.sleep(1.0)

    found = explored(Toy(polling, polling, shared=[lease]), SourceSets())
    assert {one.ending for one in found} == {ExecutionEnd.STUCK}


@pytest.mark.parametrize("policy", [DepthFirst, SourceSets])
def test_who_sleeps_for_other_reasons_is_not_taken_to_try_in_vain(policy: type[Policy]) -> None:
    """A buyer that reads, thinks twice and writes: every order of the four steps, and nobody waits for the other."""
    cells = Cells(x=0)

    def buy(me: int) -> None:
        pacing.sleep(0.1)
        cells.read("x")
        pacing.sleep(0.1)
        pacing.sleep(0.2)
        cells.write("x", me)
        pacing.sleep(0.1)
        pacing.sleep(0.1)

    found = explored(Toy(lambda: buy(1), lambda: buy(2), shared=[cells]), policy())
    assert {one.ending for one in found} == {ExecutionEnd.COMPLETED}
    assert len(found) == {DepthFirst: 6, SourceSets: 4}[policy]


def test_who_gives_up_after_some_tries_is_not_stuck() -> None:
    taken: list[int] = []

    class Flag:
        def reset(self) -> None:
            taken.clear()

    def buy(tries: int) -> bool:
        for _ in range(tries):
            pacing.at(Step(Action.ACQUIRE, "flag"))
            if not taken:
                taken.append(1)  # and never gives it back
                return True
            pacing.note(pacing.UNCHANGED, "taken")
            pacing.sleep(0.1)
        return False

    for policy in (DepthFirst(), SourceSets()):
        found = explored(Toy(lambda: buy(5), lambda: buy(5), shared=[Flag()]), policy)
        assert {one.ending for one in found} == {ExecutionEnd.COMPLETED}
        assert [sorted(bool(record.outcome) for record in one.records) for one in found] == [[False, True]] * 2
    patient = explored(Toy(lambda: buy(5), lambda: buy(50), shared=[Flag()]), SourceSets())
    assert {one.ending for one in patient} == {ExecutionEnd.COMPLETED}
    cut_short = explored(Toy(lambda: buy(5), lambda: buy(1_000), shared=[Flag()]), SourceSets())
    assert {one.ending for one in cut_short} == {ExecutionEnd.COMPLETED, ExecutionEnd.ENDLESS}
