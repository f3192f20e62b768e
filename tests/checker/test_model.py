"""Models are values: a stranger's own is judged like those that ship."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ticketlab.checker import UNKNOWN, Call, Model, check
from ticketlab.core.history import History, Operation


def tally(value: int, call: Call) -> Iterable[int]:
    if call.op == "increment":
        return (value + 1,)
    return (value,) if call.result in (value, UNKNOWN) else ()


def die(_: int, call: Call) -> Iterable[int]:
    """A throw may come out as anything; looking shows the last."""
    if call.op == "throw":
        return range(1, 7)
    return (call.arg,) if call.arg == _ else ()


def test_a_model_of_ones_own() -> None:
    increments = [Operation(p, "increment", None, "ok", 0, 5) for p in range(3)]
    model = Model("tally", init=0, step=tally)
    for seen in range(6):
        read = Operation(9, "read", None, seen, 6, 7)
        assert check(History({}, (*increments, read)), model).valid is (seen == 3)


def test_a_step_may_have_several_outcomes() -> None:
    model = Model("die", init=0, step=die)
    throw, look = Operation(1, "throw", None, "ok", 0, 1), Operation(1, "look", 6, "ok", 2, 3)
    assert check(History({}, (throw, look)), model).valid is True
    again = Operation(1, "look", 5, "ok", 4, 5)
    verdict = check(History({}, (throw, look, again)), model)
    assert verdict.valid is False
    assert verdict.anomalies[0].evidence["size"] == 2


def test_partitions_are_judged_apart() -> None:
    model = Model("tallies", init=0, step=tally, partition=lambda call: call.arg)
    operations = (
        Operation(1, "increment", "a", "ok", 0, 1),
        Operation(1, "read", "b", 0, 2, 3),
        Operation(1, "read", "a", 1, 4, 5),
    )
    assert check(History({}, operations), model).valid is True
    assert check(History({}, operations), Model("tally", init=0, step=tally)).valid is False


@pytest.mark.parametrize(("began", "valid"), [(5, True), (6, False)])
def test_intervals_are_closed(began: int, valid: bool) -> None:
    operations = (Operation(1, "increment", None, "ok", 0, 5), Operation(2, "read", None, 0, began, 9))
    assert check(History({}, operations), Model("tally", init=0, step=tally)).valid is valid
