"""Holds by trying every order of what was asked and of what ended, with exact times: slow, and written apart.

An order is possible if instants can be found for it: each operation's within its interval, none before the one that
precedes it, a hold's end exactly its length after it, and nothing later than that while it stands. That is a system of
differences, which has a solution unless some cycle of it is negative (Bellman and Ford).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from ticketlab.core.history import Answer, Operation


class Standing(NamedTuple):
    """A hold: its name, empty where no call returned it; its tickets; which event it was; how long it lasts."""

    name: str
    tickets: int
    event: int
    length: int


@dataclass(frozen=True)
class Position:
    """How far an order has come; event 0 is the beginning of time, and a bound (a, b, most) says b - a <= most."""

    sold: int = 0
    standing: tuple[Standing, ...] = ()
    events: int = 1
    bounds: tuple[tuple[int, int, float], ...] = ()
    used_up: frozenset[str] = frozenset()

    def then(self, least: float, most: float) -> Position:
        """Let something happen next, at a time within these, and before any hold that stands has ended."""
        me = self.events
        new = ((0, me, most), (me, 0, -least), (me, me - 1, 0.0))
        before_ends = tuple((hold.event, me, float(hold.length)) for hold in self.standing)
        return replace(self, events=me + 1, bounds=(*self.bounds, *new, *before_ends))

    def without(self, hold: Standing) -> Position:
        """Let a hold be used up."""
        return replace(self, standing=tuple(each for each in self.standing if each is not hold))

    def possible(self) -> bool:
        """Whether instants can be found."""
        reach = [0.0] * self.events
        for _ in range(self.events + 1):
            changed = False
            for a, b, most in self.bounds:
                if reach[a] + most < reach[b]:
                    reach[b], changed = reach[a] + most, True
            if not changed:
                return True
        return False


def explains_in_time(stock: int, operations: Sequence[Operation]) -> bool:
    """Whether some order and some instants explain the operations."""
    known = frozenset(str(o.result) for o in operations if o.op == "hold" and _answer(o))
    return _extend(stock, known, [o for o in operations if o.result != "failed"], Position())


def _extend(stock: int, known: frozenset[str], rest: list[Operation], position: Position) -> bool:
    if not position.possible():
        return False
    if all(_may_never_happen(o) for o in rest):
        return True
    for hold in position.standing:
        over = position.then(0, inf).without(hold)
        end = (over.events - 1, hold.event, -float(hold.length))
        if _extend(stock, known, rest, replace(over, bounds=(*over.bounds, end))):
            return True
    for chosen in rest:
        last = inf if _may_never_happen(chosen) else chosen.return_ns
        assert last is not None
        others = [o for o in rest if o is not chosen]
        happened = position.then(chosen.invoke_ns, last)
        if any(_extend(stock, known, others, after) for after in _outcomes(stock, known, happened, chosen)):
            return True
    return False


def _may_never_happen(operation: Operation) -> bool:
    return operation.return_ns is None or operation.result == "unknown"


def _answer(operation: Operation) -> Answer:
    """Return what an operation returned if it happened, or None if nobody knows."""
    return None if operation.result == "unknown" else operation.result


def _outcomes(stock: int, known: frozenset[str], at: Position, o: Operation) -> Iterator[Position]:
    """Yield what an operation may leave, if it is to return what it returned; `known` are names of answered holds."""
    answer = _answer(o)
    left = stock - at.sold - sum(hold.tickets for hold in at.standing)
    if o.op == "search":
        if answer in (None, left):
            yield at
    elif o.op in ("buy", "hold"):
        tickets = o.arg[0] if isinstance(o.arg, list) else o.arg
        assert isinstance(tickets, int)
        if tickets > left:
            if answer in (None, "soldout"):
                yield at
        elif answer != "soldout" and isinstance(o.arg, list):
            hold = Standing(str(answer or ""), tickets, at.events - 1, o.arg[1])
            yield replace(at, standing=(*at.standing, hold))
        elif answer != "soldout":
            yield replace(at, sold=at.sold + tickets)
    else:
        name = str(o.arg)
        named = [hold for hold in at.standing if hold.name == name]
        nameless = [] if name in known or name in at.used_up else [hold for hold in at.standing if not hold.name]
        if answer != "expired":
            for hold in named or nameless:
                after = at.without(hold)
                if not hold.name:
                    after = replace(after, used_up=at.used_up | {name})
                yield replace(after, sold=after.sold + hold.tickets) if o.op == "confirm" else after
        if answer is None or (answer == "expired" and not named):
            yield at
