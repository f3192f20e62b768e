"""Plain classes as models: held to a search that tries every order, and known-wrong histories are convicted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.checker.brute_force import explains
from tests.checker.random_histories import finish, timeline
from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.linearize import check
from ticketlab.checker.model import model_named
from ticketlab.checker.plain_model import plain_model
from ticketlab.checker.structures import STRUCTURES, LockModel, QueueModel
from ticketlab.core.history import History, Operation
from ticketlab.core.pacing import BLOCKED

CALLS: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "dict": (("get", (1,)), ("put", (1, 2)), ("put", (1, 3)), ("pop", (1,)), ("put_if_absent", (1, 4))),
    "increments": (("increment", ()), ("increment", (2,)), ("decrement", ()), ("read", ())),
    "job-queue": (("submit", ("a",)), ("submit", ("b",)), ("claim", ()), ("finish", ("a",)), ("status", ("a",))),
    "lock": (("acquire", ()), ("try_acquire", ()), ("release", ()), ("release", ())),
    "log": (("append", ("a",)), ("append", ("b",)), ("length", ()), ("read", ())),
    "queue": (("put", ("a",)), ("put", ("b",)), ("try_get", ()), ("get", ()), ("size", ())),
    "rate-limiter": (("allow", ("k",)), ("allow", ()), ("renew", ())),
    "semaphore": (("acquire", ()), ("try_acquire", ()), ("release", ())),
    "set": (("add", (1,)), ("add", (2,)), ("remove", (1,)), ("contains", (1,)), ("size", ())),
    "stack": (("push", ("a",)), ("push", ("b",)), ("pop", ()), ("peek", ())),
}


def told(instance: Any, process: int, op: str, given: tuple[Any, ...]) -> Any:
    """Call a method as the model's rules say, and return what comes of it."""
    asks = op in ("acquire", "try_acquire", "release", "claim", "finish") and isinstance(
        instance, STRUCTURES["lock"] | STRUCTURES["job-queue"]
    )
    return getattr(instance, op)(*given, **({"who": process} if asks else {}))


def random_history(random: Random, name: str) -> list[Operation]:
    """Return operations on a structure at random points; some answers are lost, and some are wrong."""
    instance, operations = STRUCTURES[name](), []
    for process, begin, end in timeline(random)[:7]:
        op, given = random.choice(CALLS[name])
        result = told(instance, process, op, given)
        if result is BLOCKED:
            continue
        if random.random() < 0.2 and result is not False:
            result = "ok"  # a log that says only that it went well
        arg = list(given) if len(given) > 1 else given[0] if given else None
        operations.append(Operation(process, op, arg, result, begin, end))
    results: list[Any] = [o.result for o in operations]
    return finish(random, operations, lambda r, o: replace(o, result=r.choice(results))) if operations else []


def one_by_one(state: Any, o: Operation) -> list[Any]:
    """Return the structure after an operation, by copies and without the room that is judged."""
    after = copy.deepcopy(state)
    given = tuple(o.arg) if isinstance(o.arg, list) else () if o.arg is None else (o.arg,)
    said = told(after, o.process, o.op, given)
    if said is BLOCKED:
        return []
    unknown = o.result == "unknown"
    well = isinstance(o.result, str) and o.result == "ok" and said is not False
    return [after] if unknown or well or said == o.result else []


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_agrees_with_trying_every_order_and_explains_itself(name: str) -> None:
    verdicts = {True: 0, False: 0}
    for seed in range(250):
        operations = random_history(Random(f"{name}/{seed}"), name)
        verdict = check(History({"model": name}, tuple(operations)))
        expected = explains(operations, STRUCTURES[name](), one_by_one)
        assert verdict.valid is expected, (seed, operations, verdict)
        verdicts[expected] += 1
        for anomaly in verdict.anomalies:
            rows = {o["row"] for o in anomaly.evidence["operations"]}
            certain = [
                o if row in rows or o.return_ns is None else replace(o, return_ns=None)  # it may be as it says
                for row, o in enumerate(operations)
            ]
            assert not explains(certain, STRUCTURES[name](), one_by_one), (seed, anomaly)
    assert min(verdicts.values()) > 10, verdicts


def judged(name: str, *calls: tuple[Any, ...], **meta: Any) -> bool | None:
    operations = (Operation(*call[:4], *call[4:]) for call in calls)
    return check(History({"model": name, **meta}, tuple(operations))).valid


KNOWN: dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]] = {
    "a lock with two owners": (
        [(1, "acquire", None, True, 0, 9), (2, "acquire", None, True, 5, 30), (1, "release", None, True, 10, 20)],
        [(1, "acquire", None, True, 0, 9), (2, "acquire", None, True, 5, 8), (1, "release", None, True, 10, 20)],
    ),
    "a lock that another gave back": (
        [(1, "acquire", None, True, 0, 1), (2, "release", None, False, 2, 3)],
        [(1, "acquire", None, True, 0, 1), (2, "release", None, True, 2, 3)],
    ),
    "a queue that hands out twice": (
        [(1, "put", "a", None, 0, 1), (2, "try_get", None, "a", 2, 5), (3, "try_get", None, None, 2, 5)],
        [(1, "put", "a", None, 0, 1), (2, "try_get", None, "a", 2, 5), (3, "try_get", None, "a", 2, 5)],
    ),
    "a set that lost an item": (
        [(1, "add", 7, True, 0, 1), (1, "contains", 7, True, 2, 3)],
        [(1, "add", 7, True, 0, 1), (1, "contains", 7, False, 2, 3)],
    ),
    "a lost increment": (
        [(1, "increment", None, "ok", 0, 5), (2, "increment", None, "ok", 0, 5), (1, "read", None, 2, 6, 7)],
        [(1, "increment", None, "ok", 0, 5), (2, "increment", None, "ok", 0, 5), (1, "read", None, 1, 6, 7)],
    ),
    "a stack that gives the oldest": (
        [(1, "push", 1, None, 0, 1), (1, "push", 2, None, 2, 3), (1, "pop", None, 2, 4, 5)],
        [(1, "push", 1, None, 0, 1), (1, "push", 2, None, 2, 3), (1, "pop", None, 1, 4, 5)],
    ),
    "a dict that forgets": (
        [(1, "put", ["k", 1], None, 0, 1), (2, "get", "k", 1, 2, 3)],
        [(1, "put", ["k", 1], None, 0, 1), (2, "get", "k", None, 2, 3)],
    ),
    "a semaphore with one permit too many": (
        [(1, "acquire", None, True, 0, 1), (2, "try_acquire", None, False, 2, 3)],
        [(1, "acquire", None, True, 0, 1), (2, "try_acquire", None, True, 2, 3)],
    ),
    "a rate limiter with one too many": (
        [(1, "allow", "k", True, 0, 5), (2, "allow", "k", False, 0, 5)],
        [(1, "allow", "k", True, 0, 5), (2, "allow", "k", True, 0, 5)],
    ),
    "a log that overwrites": (
        [(1, "append", "a", 0, 0, 5), (2, "append", "b", 1, 0, 5), (1, "read", None, ["a", "b"], 6, 7)],
        [(1, "append", "a", 0, 0, 5), (2, "append", "b", 0, 0, 5), (1, "read", None, ["b"], 6, 7)],
    ),
    "a job that two workers claim": (
        [(1, "submit", "j", True, 0, 1), (2, "claim", None, "j", 2, 5), (3, "claim", None, None, 2, 5)],
        [(1, "submit", "j", True, 0, 1), (2, "claim", None, "j", 2, 5), (3, "claim", None, "j", 2, 5)],
    ),
}
OF = ("lock", "lock", "queue", "set", "increments", "stack", "dict", "semaphore", "rate-limiter", "log", "job-queue")


@pytest.mark.parametrize(("what", "model"), list(zip(KNOWN, OF, strict=True)))
def test_the_right_history_passes_and_the_wrong_one_does_not(what: str, model: str) -> None:
    right, wrong = KNOWN[what]
    assert judged(model, *right) is True
    assert judged(model, *wrong) is False


def test_what_never_returned_may_have_taken_effect_or_not() -> None:
    pending = (1, "acquire", None, None, 0, None)
    assert judged("lock", pending, (2, "try_acquire", None, False, 5, 6)) is True
    assert judged("lock", pending, (2, "try_acquire", None, True, 5, 6)) is True
    assert judged("lock", (2, "try_acquire", None, False, 5, 6)) is False
    assert judged("lock", pending, (2, "acquire", None, True, 5, 6), (3, "acquire", None, True, 7, 8)) is False


def test_a_waiter_that_gave_up_took_the_lock_or_did_not() -> None:
    gave_up = (1, "acquire", None, "unknown", 0, 4)
    assert judged("lock", gave_up, (2, "acquire", None, "ok", 5, 6)) is True
    assert judged("lock", (1, "acquire", None, "failed", 0, 4), (2, "try_acquire", None, False, 5, 6)) is False


def test_what_a_class_is_made_with_stands_in_the_meta() -> None:
    both = [(1, "acquire", None, True, 0, 1), (2, "acquire", None, True, 2, 3)]
    assert judged("semaphore", *both) is False
    assert judged("semaphore", *both, permits=2) is True
    with pytest.raises(MalformedHistory, match="permits of model semaphore is 'two': expected a whole number from 0"):
        judged("semaphore", *both, permits="two")


class Account:
    """A user's own class: it refuses by an exception."""

    def __init__(self) -> None:
        self.money = 0

    def deposit(self, sum_: int) -> int:
        self.money += sum_
        return self.money

    def withdraw(self, sum_: int) -> int:
        if sum_ > self.money:
            raise ValueError("too little")
        self.money -= sum_
        return self.money


def test_an_exception_is_a_result() -> None:
    model = plain_model(Account, "Account")
    right = (Operation(1, "deposit", 3, 3, 0, 1), Operation(1, "withdraw", 5, "raises ValueError", 2, 3))
    wrong = (Operation(1, "deposit", 3, 3, 0, 1), Operation(1, "withdraw", 2, "raises ValueError", 2, 3))
    assert check(History({}, right), model).valid is True
    assert check(History({}, wrong), model).valid is False


@pytest.mark.parametrize(
    ("make", "operation", "message"),
    [
        (
            LockModel,
            Operation(1, "steal", None, True, 0, 1),
            "unknown operation 'steal' of model M: expected one of 'acq",
        ),
        (QueueModel, Operation(1, "put", None, None, 0, 1), "operation 0: arg of put is None: expected item"),
        (QueueModel, Operation(1, "put", [1, 2], None, 0, 1), "arg of put is [1, 2]: expected item"),
        (LockModel, Operation(1, "__init__", None, None, 0, 1), "unknown operation '__init__'"),
    ],
)
def test_a_call_that_the_class_does_not_have_is_an_error(
    make: Callable[[], Any], operation: Operation, message: str
) -> None:
    with pytest.raises(MalformedHistory) as caught:
        check(History({}, (operation,)), plain_model(make, "M"))
    assert message in str(caught.value)


def test_every_structure_has_a_name_and_no_parameter_that_the_meta_cannot_give() -> None:
    for name in STRUCTURES:
        assert model_named({"model": name}).name == name


def test_a_class_of_pythons_own_is_a_model_though_its_methods_do_not_say_what_they_take() -> None:
    def took(*rows: tuple[str, Any, Any]) -> History:
        calls = enumerate(rows)
        return History({}, tuple(Operation(1, op, arg, said, 2 * at, 2 * at + 1) for at, (op, arg, said) in calls))

    basket = plain_model(set, "basket")
    assert check(took(("add", 1, None), ("discard", 2, None), ("remove", 1, None)), basket).valid
    assert check(took(("add", 1, None), ("remove", 2, None)), basket).valid is False
    assert check(took(("remove", 2, "raises KeyError")), basket).valid
