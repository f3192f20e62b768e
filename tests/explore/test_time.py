"""Time where no schedule is timed: it stands still until nobody can move, and then ends what waits for it."""

from __future__ import annotations

from toys import Cells, Lease, Toy

from ticketlab.core import pacing
from ticketlab.explore.execution import Execution
from ticketlab.explore.inline import Inline
from ticketlab.explore.policies.dfs import DepthFirst
from ticketlab.explore.policies.dpor import SourceSets
from ticketlab.explore.policy import Policy
from ticketlab.explore.schedule import Ending
from ticketlab.explore.search import replay, search
from ticketlab.explore.trace import describe


def explored(toy: Toy, policy: Policy) -> list[Execution]:
    with Inline(toy, steps=500) as executor:
        return list(search(executor, policy))


def steps(execution: Execution) -> list[tuple[int, str]]:
    table = execution.trace.table
    return [
        (who, describe(table.steps[what])) for who, what in zip(execution.schedule, execution.trace.what, strict=True)
    ]


def test_a_lease_that_nobody_gives_back_ends_by_itself() -> None:
    lease = Lease()
    toy = Toy(lease.take, lease.take, shared=[lease])
    for policy in (DepthFirst(), SourceSets()):
        found = explored(toy, policy)
        assert [one.ending for one in found] == [Ending.COMPLETED] * 2
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
        assert execution.ending is Ending.COMPLETED
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
            assert execution.ending is Ending.COMPLETED
            found.add(tuple(who for who, step in steps(execution) if step == "write last"))
        return found

    assert outcomes(SourceSets()) == outcomes(DepthFirst())
    assert len(outcomes(SourceSets())) == 6


def test_a_schedule_in_which_time_passed_replays() -> None:
    lease = Lease()
    with Inline(Toy(lease.take, lease.take, shared=[lease])) as executor:
        for execution in search(executor, SourceSets()):
            assert steps(replay(executor, execution.schedule)) == steps(execution)


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
    assert {one.ending for one in found} == {Ending.STUCK}
