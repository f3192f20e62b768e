"""What PCT promises, and that it finds what a random walk does not."""

from __future__ import annotations

from tests.explorer.toys import Cells, Toy
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search

ERRANDS = 20


def patience() -> Toy:
    """A race that shows only if one buyer stays between its two steps while the other makes all its twenty-one."""
    cells = Cells(door=0, hall=0)

    def opens_and_closes() -> None:
        cells.write("door", 1)
        cells.write("door", 0)

    def walks_in() -> bool:
        for _ in range(ERRANDS):
            if not cells.read("door"):
                return False
        return cells.read("door") == 1

    return Toy(opens_and_closes, walks_in, shared=[cells])


def finds(policy: Policy, executions: int) -> int:
    with Inline(patience()) as executor:
        return sum(
            any(record.outcome is True for record in execution.records)
            for execution in search(executor, policy, executions)
        )


def test_a_random_walk_misses_what_needs_patience() -> None:
    # All 21 reads must be picked while the second write could be: odds of at most 2**-21 an execution.
    assert finds(RandomWalk(1), 2_000) == 0


def test_pct_finds_it_at_its_promised_rate() -> None:
    # Two constraints order the steps (after the first write, before the second), so the depth is 2. With n = 2 and at
    # most k = 23 steps the promise is 1 / (2 * 23) an execution: 43 of 2,000 are to be expected at least, with a
    # standard deviation of 6.5. Fewer than 20 would be off by more than 3.5 of them.
    assert finds(PriorityChanges(2, seed=1), 2_000) >= 20


def test_a_seed_repeats_its_schedules() -> None:
    def schedules(policy: Policy) -> list[tuple[int, ...]]:
        with Inline(patience()) as executor:
            return [execution.schedule for execution in search(executor, policy, 50)]

    assert schedules(PriorityChanges(3, seed=7)) == schedules(PriorityChanges(3, seed=7))
    assert schedules(RandomWalk(7)) == schedules(RandomWalk(7))
    assert schedules(RandomWalk(7)) != schedules(RandomWalk(8))
