"""The second judge is itself held to plain permutations, to exact instants, and to answers that are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice, permutations
from typing import Any

import pytest

from tests.fuzz.counting import Sales
from tests.fuzz.histories import LATEST, draw
from tests.fuzz.instants import right_by_instants
from tests.fuzz.minimise import minimise
from tests.fuzz.search_orders import TooHard
from tests.fuzz.second_judge import linearizable, open_end, parts
from ticketlab.core.history import Answer, Arg, History, Operation


def small(model: str, most: int) -> Iterator[History]:
    """Yield random histories of one model, none with more operations than that."""
    numbers = range(1, 1_000_000)
    histories = (draw(number) for number in numbers)
    return (each for each in histories if each.meta["model"] == model and len(each.operations) <= most)


def at(process: int, op: str, arg: Arg, result: Answer, start: int, end: int | None) -> Operation:
    return Operation(process, op, arg, result, start, end)


def by_permutations(operations: Sequence[Operation], stock: int) -> bool:
    """Whether some order of some of the unanswered and all other operations explains a counter's answers."""
    told = [each for each in operations if each.result != "failed"]
    unknown = [each for each in told if open_end(each)]
    sure = [each for each in told if not open_end(each)]
    return any(
        _explains(order, stock)
        for size in range(len(unknown) + 1)
        for some in combinations(unknown, size)
        for order in permutations([*sure, *some])
    )


def _explains(order: Sequence[Operation], left: int) -> bool:
    opening, time = left, 0
    for each in order:
        time = max(time, each.invoke_ns)
        if not open_end(each) and each.return_ns is not None and each.return_ns < time:
            return False
        number = each.arg if isinstance(each.arg, int) else 0
        if each.op == "search":
            if not open_end(each) and each.result != left:
                return False
        elif each.result == "soldout":
            if left >= number:
                return False
        else:
            left += number if each.op == "cancel" else -number
            if not 0 <= left <= opening:
                return False
    return True


def test_agrees_with_plain_permutations_of_a_counter() -> None:
    for history in islice(small("counter", 5), 150):
        expected = all(by_permutations(part.operations, part.stock) for part in parts(history))
        assert linearizable(history) == expected, history


def test_calls_nothing_wrong_that_has_exact_instants() -> None:
    wrong = 0
    for history in islice(small("holds", 5), 150):
        try:
            right = right_by_instants(history)
        except TooHard:
            continue
        wrong += not right
        assert linearizable(history) or not right, history
    assert wrong > 20


HOLDS: dict[str, Any] = {"model": "holds", "stock": 5}
WRONG = {
    "an unanswered hold excuses no late confirmation of another": History(
        HOLDS,
        (
            at(1, "hold", [1, 100_000], "1.1", 0, 10),
            at(2, "hold", [1, 100_000_000_000], "unknown", 0, 10),
            at(1, "confirm", "1.1", "ok", 1_000_000_000, 1_000_000_010),
        ),
    ),
    "a hold that was placed slowly ends as well": History(
        HOLDS,
        (
            at(1, "hold", [5, 100_000], "1.1", 0, 1_000_000_000),
            at(1, "confirm", "1.1", "ok", 100_000_000_000, 101_000_000_000),
        ),
    ),
    "the latest time is a time": History({"model": "cas-register"}, (at(1, "read", None, 7, 0, LATEST),)),
}


@pytest.mark.parametrize("why", WRONG)
def test_is_not_taken_in(why: str) -> None:
    assert not linearizable(WRONG[why])


def test_operations_that_share_an_instant_are_concurrent() -> None:
    sale, search = at(1, "buy", 1, "ok", 0, 5), at(2, "search", None, 1, 5, 5)
    history = History({"model": "counter", "stock": 1}, (sale, search))
    assert linearizable(history)
    assert not linearizable(replace(history, operations=(sale, replace(search, invoke_ns=6, return_ns=6))))


def test_counts_what_can_have_been_sold_by_subset_sums() -> None:
    sales = Sales([at(1, "buy", 2, "ok", 0, 1), at(2, "buy", 2, None, 3, None), at(3, "buy", 4, "soldout", 4, 5)], 3)
    assert sales.most_sold(None) == 2
    assert sales.begun(None) == 4
    assert sales.begun(2) == 2
    assert sales.next_begin(0) == 3


def test_makes_a_history_as_small_as_it_goes() -> None:
    history = next(each for each in small("counter", 9) if not linearizable(each))
    smallest = minimise(history, lambda each: not linearizable(each))
    assert not linearizable(smallest)
    assert len(smallest.operations) <= 2
