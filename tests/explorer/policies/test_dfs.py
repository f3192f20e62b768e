"""The number of schedules, and of their Mazurkiewicz traces, is known in advance for small programs."""

from __future__ import annotations

from math import factorial

import pytest

from tests.explorer.toys import Cells, Toy, locked, racing
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search

# A purchase is one read, then one write if the read showed a ticket. Two buyers, one ticket: 4!/(2!2!) orders of four
# steps, of which the two in which nobody is interrupted lose their last write: still 6 schedules, 4 of them oversold.
# The two reads commute, so it is 4 traces: one buyer after the other (2), or both read before either writes (2).
COUNTS = [
    (2, 1, 6, 4, 4),
    (3, 1, 66, 60, 21),
    (3, 2, 90, 84, 36),
    (4, 1, 1_176, 1_152, 148),
    (4, 2, 2_376, 2_352, 492),
]


@pytest.mark.parametrize(("buyers", "tickets", "schedules", "oversold", "traces"), COUNTS)
def test_unguarded_purchases_have_exactly_so_many_schedules(
    buyers: int, tickets: int, schedules: int, oversold: int, traces: int
) -> None:
    toy, _ = racing(buyers, tickets)
    found: set[tuple[int, ...]] = set()
    wrong = 0
    with Inline(toy) as executor:
        for execution in search(executor, DepthFirst()):
            found.add(execution.schedule)
            wrong += sum(record.outcome for record in execution.records) > tickets
        assert (len(found), wrong) == (schedules, oversold)
        assert sum(1 for _ in search(executor, SourceSets())) == traces


def test_a_preemption_bound_leaves_out_schedules_with_more() -> None:
    # Without preemption a buyer ends before the next begins: 2 orders. With one, the four others of two buyers' six
    # that stop a buyer after its read: only R1 R2 W2 W1 and R2 R1 W1 W2 do so once.
    toy, _ = racing(2, 1)
    with Inline(toy) as executor:
        counts = [sum(1 for _ in search(executor, DepthFirst(preemptions=bound))) for bound in (0, 1, 2)]
    assert counts == [2, 4, 6]


@pytest.mark.parametrize("buyers", [2, 3, 4, 5])
def test_atomic_updates_need_one_execution_for_each_order_of_the_buyers(buyers: int) -> None:
    cells = Cells(tickets=1)
    with Inline(Toy(*[lambda: cells.take("tickets")] * buyers, shared=[cells])) as executor:
        assert sum(1 for _ in search(executor, SourceSets())) == factorial(buyers)


@pytest.mark.parametrize("buyers", [2, 3, 4, 5])
def test_a_lock_leaves_one_execution_for_each_order_of_its_holders(buyers: int) -> None:
    toy, _ = locked(buyers, 1)
    with Inline(toy) as executor:
        sold = [sum(record.outcome for record in one.records) for one in search(executor, SourceSets())]
    assert sold == [1] * factorial(buyers)
