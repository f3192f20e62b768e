"""The walk that looks for an order of sales: held to every order tried, and quick where many buy at once."""

from __future__ import annotations

from random import Random

import pytest

from scripts.benchmarks.histories import columns, mixed_rows
from tests.checker.brute_force import box_office, explains
from tests.checker.random_histories import counter_history
from ticketlab.checker.budget import Budget, BudgetSpent
from ticketlab.checker.columns import OPEN
from ticketlab.checker.frontier import CountChange, Mixed, Read
from ticketlab.checker.linearize import check
from ticketlab.checker.sale_order import order_or_stuck
from ticketlab.core.history import Operation


def as_mixed(stock: int, operations: list[Operation]) -> Mixed:
    """Return a history without cancellations as what the walk takes."""
    changes, reads = [], []
    for row, o in enumerate(operations):
        back = OPEN if o.return_ns is None or o.result == "unknown" else o.return_ns
        if o.op == "search" and isinstance(o.result, int):
            reads.append(Read(row, stock - o.result, True, o.invoke_ns, back))
        elif o.op == "buy" and o.result == "soldout":
            assert isinstance(o.arg, int)
            reads.append(Read(row, max(0, stock - o.arg + 1), False, o.invoke_ns, back))
        elif o.op == "buy" and o.result != "failed":
            assert isinstance(o.arg, int)
            changes.append(CountChange(row, o.arg, o.invoke_ns, back))
    return Mixed(stock, changes, reads)


def test_agrees_with_trying_every_order() -> None:
    verdicts = {True: 0, False: 0}
    for seed in range(6_000):
        stock, operations = counter_history(Random(f"walk/{seed}"))
        looks = [o.result for o in operations if o.op == "search" and isinstance(o.result, int)]
        if any(o.op == "cancel" for o in operations) or any(not 0 <= left <= stock for left in looks):
            continue
        expected = explains(operations, stock, box_office(stock))
        found = order_or_stuck(as_mixed(stock, operations), Budget().start())
        assert (found is None) is expected, (seed, stock, operations)
        verdicts[expected] += 1
    assert min(verdicts.values()) > 500, verdicts


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_buyers_of_different_sizes_are_decided(seed: int) -> None:
    meta, made = mixed_rows(Random(seed), 2_000, 100, "sizes 1 to 4, searches")
    rows = list(made)
    assert check(columns(meta, iter(rows)), budget=Budget(configurations=300_000)).valid is True
    looks = [index for index, row in enumerate(rows) if row[1] == "search"]
    wrong = looks[len(looks) // 2]
    process, op, arg, left, begin, end = rows[wrong]
    rows[wrong] = (process, op, arg, left + 400, begin, end)  # as if a hundred sales and more had been lost
    assert check(columns(meta, iter(rows)), budget=Budget(configurations=300_000)).valid is False


def three_partition(numbers: list[int]) -> Mixed:
    """Return sales of these sizes, and searches of every third of a third of them, all at the same time."""
    groups = len(numbers) // 3
    each = sum(numbers) // groups
    changes = [CountChange(row, size, 0, 9) for row, size in enumerate(numbers)]
    reads = [Read(len(numbers) + place, place * each, True, 0, 9) for place in range(1, groups)]
    return Mixed(sum(numbers), changes, reads)


def test_three_partition_is_an_instance() -> None:
    assert order_or_stuck(three_partition([6, 7, 7, 6, 6, 8, 6, 7, 7]), Budget().start()) is None
    assert order_or_stuck(three_partition([6, 6, 6, 6, 6, 6, 8, 8, 8]), Budget().start()) is None
    assert order_or_stuck(three_partition([6, 6, 6, 6, 8, 10]), Budget().start()) is not None
    even = [CountChange(row, 2 * (1_000 + row * 37 % 101), 0, 9) for row in range(30)]
    odd = Mixed(100_000, even, [Read(30, 30_001, True, 0, 9)])
    with pytest.raises(BudgetSpent):
        order_or_stuck(odd, Budget(configurations=2_000).start())
