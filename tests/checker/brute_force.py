"""Linearizability by trying every order: slow, and written without a look at the room it is to judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ticketlab.core.history import Operation

Spec = Callable[[Any, Operation], list[Any]]


def explains(operations: Sequence[Operation], start: Any, spec: Spec) -> bool:
    """Whether some order of the operations, which respects their times, is one that the specification allows."""
    return _extend([o for o in operations if o.result != "failed"], start, spec)


def _extend(rest: list[Operation], state: Any, spec: Spec) -> bool:
    if all(_may_never_happen(o) for o in rest):
        return True
    for chosen in rest:
        others = [o for o in rest if o is not chosen]
        if any(_precedes(o, chosen) for o in others):
            continue
        if any(_extend(others, after, spec) for after in spec(state, chosen)):
            return True
    return False


def _may_never_happen(operation: Operation) -> bool:
    return operation.return_ns is None or operation.result == "unknown"


def _precedes(one: Operation, other: Operation) -> bool:
    """Whether one operation had returned before the other was invoked; what may never happen precedes nothing."""
    if one.return_ns is None or one.result == "unknown":
        return False
    return one.return_ns < other.invoke_ns


def box_office(stock: int) -> Spec:
    """What is left of one section: sales, refusals, searches, cancellations of what was sold."""

    def spec(left: int, o: Operation) -> list[int]:
        answer = None if _may_never_happen(o) else o.result
        if o.op == "search":
            return [left] if answer is None or answer == left else []
        assert isinstance(o.arg, int)
        if o.op == "cancel":
            possible = left + o.arg <= stock
            return [left + o.arg] if possible else [left] if answer is None else []
        enough = o.arg <= left
        if answer is None:
            return [left - o.arg] if enough else [left]
        if answer == "ok":
            return [left - o.arg] if enough else []
        return [] if enough else [left]

    return spec


def seating(sold: frozenset[Any], o: Operation) -> list[frozenset[Any]]:
    """Which seats are sold."""
    if _may_never_happen(o):
        return [sold | {o.arg}]
    if o.arg in sold:
        return [sold] if o.result == "taken" else []
    return [sold | {o.arg}] if o.result == "ok" else []


def register(value: Any, o: Operation) -> list[Any]:
    """What one register holds."""
    unknown = _may_never_happen(o)
    if o.op == "read":
        return [value] if unknown or o.result == value else []
    if o.op == "write":
        return [o.arg]
    assert isinstance(o.arg, list)
    if value == o.arg[0]:
        return [o.arg[1]] if unknown or o.result == "ok" else []
    return [value] if unknown or o.result == "fail" else []
