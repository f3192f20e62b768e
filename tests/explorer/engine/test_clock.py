"""If virtual time orders nothing, it stands still until nobody can move, and then ends what waits for it."""

from __future__ import annotations

import pytest

from tests.explorer.toys import Cells, Lease, Queue, Toy
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import run_schedule, search


def explored(toy: Toy, policy: Policy) -> list[Execution]:
    with Inline(toy, steps=500) as executor:
        return list(search(executor, policy))


def steps(execution: Execution) -> list[tuple[int, str]]:
    return list(zip(execution.schedule, map(describe_step, execution.trace.steps), strict=True))


def test_a_lease_that_nobody_gives_back_ends_by_itself() -> None:
    lease = Lease()
    toy = Toy(lease.take, lease.take, shared=[lease])
    for policy in (DepthFirst(), SourceSets()):
        found = explored(toy, policy)
        assert [one.ending for one in found] == [ExecutionEnd.COMPLETED] * 2
        assert {one.schedule for one in found} == {(0, 1, 1, 1), (1, 0, 0, 0)}
        assert steps(found[0])[2] == (1, "let 10 s pass")


def test_time_stands_still_while_somebody_can_move() -> None:
    lease, cells = Lease(), Cells(work=0)

    def working() -> None:
        lease.take()
        cells.write("work", 1)
        cells.write("work", 2)
        lease.give_back()

    for execution in explored(Toy(working, working, shared=[lease, cells]), DepthFirst()):
        assert execution.ending is ExecutionEnd.COMPLETED
        assert not any(step.startswith("let") for _, step in steps(execution))


def test_reduction_finds_every_order_in_which_three_take_a_lease_that_is_never_given_back() -> None:
    lease, cells = Lease(), Cells(last=0)

    def take(me: int) -> None:
        lease.take()
        cells.write("last", me)

    def outcomes(policy: Policy) -> set[tuple[int, ...]]:
        toy = Toy(*[lambda me=me: take(me) for me in (1, 2, 3)], shared=[lease, cells])
        found = set()
        for execution in explored(toy, policy):
            assert execution.ending is ExecutionEnd.COMPLETED
            found.add(tuple(who for who, step in steps(execution) if step == "write last"))
        return found

    assert outcomes(SourceSets()) == outcomes(DepthFirst())
    assert len(outcomes(SourceSets())) == 6


def test_a_schedule_in_which_time_passed_replays() -> None:
    lease = Lease()
    with Inline(Toy(lease.take, lease.take, shared=[lease])) as executor:
        for execution in search(executor, SourceSets()):
            assert steps(run_schedule(executor, execution.schedule)) == steps(execution)


def test_time_that_passes_at_the_last_step_allowed_ends_the_execution() -> None:
    lease = Lease()
    with Inline(Toy(lease.take, lease.take, shared=[lease]), steps=2) as executor:
        assert {one.ending for one in search(executor, DepthFirst())} == {ExecutionEnd.ENDLESS}


@pytest.mark.parametrize("policy", [DepthFirst, SourceSets])
def test_a_clerk_that_waits_meanwhile_does_not_keep_time_from_passing_again(policy: type[Policy]) -> None:
    """Found by search: it was not known yet whether the clerk could move, and the plan has nobody move then."""
    lease, orders = Lease(), Queue("orders")

    def serve() -> None:
        while True:
            orders.get()

    def take() -> None:
        lease.take()
        orders.put(1)

    with Inline(Toy(take, take, shared=[lease, orders], services=[serve]), steps=500) as executor:
        for execution in list(search(executor, policy())):
            assert steps(run_schedule(executor, execution.schedule)) == steps(execution)
