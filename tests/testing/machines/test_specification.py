"""What a model explains: held to a second judge that tries every order, on random small histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.checker import cas_register, holds, seats
from ticketlab.checker.plain_model import plain_model
from ticketlab.core.errors import UsageError
from ticketlab.lab.plain.function import Raised, Returned
from ticketlab.testing.machines.specification import MadeCall, Specification
from ticketlab.testing.models import LockModel, QueueModel, SetModel, StackModel


class Toy(NamedTuple):
    """A model, and the calls and the results that a history of it may have."""

    make: Callable[[], Any]
    calls: Sequence[tuple[str, dict[str, Any], Sequence[Any]]]


TOYS = {
    "set": Toy(SetModel, [("add", {"item": 1}, (True, False)), ("remove", {"item": 1}, (True, False))]),
    "queue": Toy(
        QueueModel, [("put", {"item": 1}, (None,)), ("put", {"item": 2}, (None,)), ("try_get", {}, (1, 2, None))]
    ),
    "stack": Toy(
        StackModel, [("push", {"item": 1}, (None,)), ("push", {"item": 2}, (None,)), ("pop", {}, (1, 2, None))]
    ),
    "lock": Toy(
        LockModel, [("acquire", {}, (True,)), ("try_acquire", {}, (True, False)), ("release", {}, (True, False))]
    ),
}


@st.composite
def histories(draw: st.DrawFn, toy: Toy, most: int = 5) -> list[MadeCall]:
    """Draw calls of up to three participants, each of which makes one after another."""
    found, free = [], [0, 0, 0]
    for _ in range(draw(st.integers(1, most))):
        who = draw(st.integers(0, 2))
        op, given_arguments, results = draw(st.sampled_from(toy.calls))
        invoked = free[who] + draw(st.integers(0, 3))
        returned = invoked + draw(st.integers(0, 4))
        free[who] = returned + 1
        found.append(MadeCall(who, op, given_arguments, Returned(draw(st.sampled_from(results))), invoked, returned))
    return found


def some_order_explains(toy: Toy, calls: Sequence[MadeCall]) -> bool:
    """Whether one of all orders does: written without a look at the judge."""
    for order in permutations(calls):
        if any(late.returned < early.invoked for place, early in enumerate(order) for late in order[place + 1 :]):
            continue
        model = toy.make()
        for made in order:
            who = {"who": made.who + 1} if isinstance(model, LockModel) else {}
            if Returned(getattr(model, made.op)(**made.arguments, **who)) != made.outcome:
                break
        else:
            return True
    return False


@pytest.mark.parametrize("name", TOYS)
def test_the_judge_agrees_with_one_that_tries_every_order(name: str) -> None:
    toy = TOYS[name]
    specification = Specification(toy.make, name, [op for op, _, _ in toy.calls])

    @given(histories(toy))
    def agrees(calls: list[MadeCall]) -> None:
        explained = specification.explains(calls)
        assert explained == some_order_explains(toy, calls)
        assert (specification.closest(calls).fails is None) == explained

    agrees()


def test_who_waits_for_ever_is_explained_by_a_model_that_waits_there() -> None:
    lock = Specification(LockModel, "lock", ["acquire", "release"])
    held = [MadeCall(0, "acquire", {}, Returned(True), 0, 1), MadeCall(1, "acquire", {}, None, 2, 9)]
    assert lock.explains(held, stuck=True)
    freed = [*held, MadeCall(0, "release", {}, Returned(True), 3, 4)]
    assert lock.explains(freed)
    assert not lock.explains(freed, stuck=True)


def test_an_exception_is_explained_by_one_of_the_same_type() -> None:
    class Strict:
        def pop(self) -> None:
            raise IndexError("empty")

    strict = Specification(Strict, "strict", ["pop"])
    assert strict.explains([MadeCall(0, "pop", {}, Raised("IndexError", "nothing there"), 0, 1)])
    assert not strict.explains([MadeCall(0, "pop", {}, Raised("KeyError", "nothing there"), 0, 1)])


def test_a_model_value_is_a_specification() -> None:
    register = Specification(cas_register(0), "register", ["cas", "read"])
    won = MadeCall(0, "cas", {"expected": 0, "new": 1}, Returned("ok"), 0, 9)
    assert register.explains([won, MadeCall(1, "read", {}, Returned(1), 1, 2)])
    assert not register.explains([won, MadeCall(1, "cas", {"expected": 0, "new": 2}, Returned("ok"), 1, 2)])
    assert register.unspoken([MadeCall(0, "read", {}, Raised("OSError", ""), 0, 1)])


def test_the_parts_of_a_model_value_are_apart() -> None:
    hall = Specification(seats(), "hall", ["buyseat"])
    first, second = (MadeCall(who, "buyseat", {"seat": who}, Returned("ok"), who, who) for who in range(2))
    assert hall.explains([first, second])
    assert not hall.explains([first, second._replace(arguments={"seat": 0})])
    with pytest.raises(UsageError, match="holds, changes with time"):
        Specification(holds(1), "hall", ["hold"])
    with pytest.raises(UsageError, match=r"the model seats does not take sell: .*buyseat"):
        hall.explains([first._replace(op="sell")])


def test_a_model_value_is_told_who_calls() -> None:
    lock = Specification(plain_model(LockModel, "lock"), "lock", ["acquire", "release"])
    calls = [MadeCall(0, "acquire", {}, Returned(True), 0, 1), MadeCall(0, "release", {}, Returned(True), 2, 3)]
    assert lock.explains(calls)
    assert not lock.explains([calls[0], calls[1]._replace(who=1)])


def test_what_init_calls_is_done_by_the_model_too() -> None:
    queue = Specification(QueueModel, "queue", ["try_get"])
    queue.begin([("put", {"item": 7}), ("unknown_to_the_model", {})])
    assert queue.explains([MadeCall(0, "try_get", {}, Returned(7), 0, 1)])


def test_a_model_that_lacks_a_rule_is_refused() -> None:
    with pytest.raises(UsageError, match="SetModel, has no method fetch"):
        Specification(SetModel, "Fetching", ["fetch"])
    with pytest.raises(UsageError, match="a class, a function or a Model is needed"):
        Specification(3, "Fetching", ["fetch"])
