"""A second judge of histories, written from the words of docs/checking.md alone and slow on purpose.

A history is turned into *calls*. Each has an interval in which it takes effect, says whether it must, and maps a state
to the states that may follow. The search places one call after the other. A place is given by the latest beginning of
all calls placed so far, and a call fits as long as no call that is still to come has ended before that place. Intervals
are closed, so a call that begins when another ends may come before it.

Calls that may be left out and never end (sales that no call returned; whatever is no part of the evidence) are alike
if they do the same, and then the ones that began first are taken first.

Evidence is judged by the same search: what is outside it may have happened as it says, at any time after its
invocation, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.search_orders import Call, Effect, Search, State, TooHard
from ticketlab.core.history import History, Operation


def _leaves(number: int) -> Effect:
    return lambda left: [left] if left == number else []


def open_end(operation: Operation) -> bool:
    """Whether the operation may have taken effect at any time after its invocation, or never."""
    return operation.return_ns is None or operation.result == "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one history that concern one counter, seat or register, and the model that they are judged by."""

    history: History
    section: str
    rows: tuple[int, ...]
    seat: Any = None

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.history.meta["model"])

    @property
    def stock(self) -> int:
        """Tickets of the section at first."""
        stock = self.history.meta["stock"]
        return int(stock if isinstance(stock, int) else stock[self.section])

    @property
    def clock_error(self) -> int:
        """By how many nanoseconds earlier or later than told a hold may end."""
        return int(self.history.meta.get("clock_error_ns", 0))

    @property
    def operations(self) -> list[Operation]:
        """The operations in the order of the rows, without those that failed."""
        return [self.history.operations[row] for row in self.rows if self.history.operations[row].result != "failed"]

    def contradicts(self, rows: Collection[int]) -> bool:
        """Whether these rows contradict each other whatever all the others did.

        Raises:
            TooHard: the search gave up.
        """
        calls, state = _CALLS[self.model](self, frozenset(rows))
        return not Search(calls).finds(state)

    def linearizable(self) -> bool:
        """Whether one order explains all operations.

        Raises:
            TooHard: the search gave up.
        """
        return not self.contradicts(self.rows)

    def most_kept(self, asked: Operation) -> int:
        """Return the most tickets of a counter that can be sold and not given back at some instant of an operation.

        All sales and cancellations that were answered have to fit their intervals; other answers do not count.
        """
        told = [row for row in self.rows if self.history.operations[row].result == "ok"]
        calls, stock = _counter(self, frozenset(told))
        for sold in range(stock, 0, -1):
            there = Call(asked.invoke_ns, asked.return_ns, True, _leaves(stock - sold), "asked", looks=True)
            if Search([*calls, there]).finds(stock):
                return sold
        return 0

    def minimal(self, rows: Collection[int]) -> int | None:
        """Return a row that can be left out of a contradiction, or None where none can."""
        return next((row for row in rows if self.contradicts([each for each in rows if each != row])), None)


def calls_of(part: Part) -> tuple[list[Call], State]:
    """Return the calls of all rows of a part, each held to its answer, and the state at first."""
    return _CALLS[part.model](part, frozenset(part.rows))


def parts(history: History) -> list[Part]:
    """Return what can be judged on its own: sections, and in model seats each seat of each section."""
    rows: dict[tuple[str, Any], list[int]] = {}
    seats = history.meta["model"] == "seats"
    for row, operation in enumerate(history.operations):
        seat = (type(operation.arg).__name__, operation.arg) if seats else None
        rows.setdefault((operation.section, seat), []).append(row)
    return [Part(history, section, tuple(found), seat) for (section, seat), found in rows.items()]


def linearizable(history: History) -> bool:
    """Whether one order explains each part of the history.

    Raises:
        TooHard: the search gave up on a part, and no other part is wrong.
    """
    hard = False
    for part in parts(history):
        try:
            if not part.linearizable():
                return False
        except TooHard:
            hard = True
    if hard:
        raise TooHard
    return True


Meaning = Callable[[Operation, bool], tuple[Effect, bool] | None]


def _calls(part: Part, inside: frozenset[int], effect: Meaning) -> list[Call]:
    """Return a call for each row that says anything.

    `effect` is told whether the answer has to be right; it returns what the operation does and whether that is only to
    look, or None where an operation without an answer to keep to can do nothing.
    """
    calls = []
    for row in part.rows:
        operation = part.history.operations[row]
        if operation.result == "failed":
            continue
        needed = row in inside and not open_end(operation)
        found = effect(operation, needed)
        if found is None:
            continue
        end = operation.return_ns if needed else None
        calls.append(Call(operation.invoke_ns, end, needed, found[0], (operation.op, repr(operation.arg)), found[1]))
    return calls


def _counter(part: Part, inside: frozenset[int]) -> tuple[list[Call], State]:
    stock = part.stock

    def effect(operation: Operation, needed: bool) -> tuple[Effect, bool] | None:
        number = operation.arg if isinstance(operation.arg, int) else 0
        if operation.op == "search":
            return (lambda left: [left] if left == operation.result else [], True) if needed else None
        if operation.op == "cancel":
            return lambda left: [left + number] if left + number <= stock else [], False
        if operation.result == "soldout":
            return (lambda left: [left] if left < number else [], True) if needed else None
        return lambda left: [left - number] if left >= number else [], False

    return _calls(part, inside, effect), stock


def _seats(part: Part, inside: frozenset[int]) -> tuple[list[Call], State]:
    def effect(operation: Operation, needed: bool) -> tuple[Effect, bool] | None:
        if operation.result == "taken":
            return (lambda taken: [taken] if taken else [], True) if needed else None
        return lambda taken: [] if taken else [True], False

    return _calls(part, inside, effect), False


def _register(part: Part, inside: frozenset[int]) -> tuple[list[Call], State]:
    def effect(operation: Operation, needed: bool) -> tuple[Effect, bool] | None:
        if operation.op == "read":
            return (lambda value: [value] if _same(value, operation.result) else [], True) if needed else None
        if operation.op == "write":
            return lambda _: [_Value(operation.arg)], False
        assert isinstance(operation.arg, list)
        expected, new = operation.arg
        if operation.result == "fail":
            return (lambda value: [] if _same(value, expected) else [value], True) if needed else None
        return lambda value: [_Value(new)] if _same(value, expected) else [], False

    return _calls(part, inside, effect), _Value(part.history.meta.get("initial"))


@dataclass(frozen=True, slots=True)
class _Value:
    """What a register has, and by which type: 1 is not True."""

    value: Any
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", type(self.value).__name__)


def _same(value: _Value, other: Any) -> bool:
    return value == _Value(other)


NONE, STANDS, OVER = 0, 1, 2
"""What became of a hold: never placed, standing, or over (confirmed, cancelled or ended by itself)."""


@dataclass(frozen=True, slots=True)
class _Shop:
    """A section with holds: tickets for sale, and of each hold what became of it and under which name."""

    left: int
    holds: tuple[tuple[int, str], ...]

    def become(self, place: int, what: int, name: str, back: int) -> _Shop:
        """Return the section with one hold changed and so many tickets for sale more."""
        holds = (*self.holds[:place], (what, name), *self.holds[place + 1 :])
        return _Shop(self.left + back, holds)


class _HoldCalls:
    """Makes the calls of a section with holds.

    A hold that is placed in [a, b] for ns ends by itself in [a + ns, b + ns], unless it was confirmed or cancelled
    before. A hold that was never answered may have been placed under any name that no answered hold has.
    """

    def __init__(self, part: Part, inside: frozenset[int]) -> None:
        self.part, self.inside, self.stock = part, inside, part.stock
        operations = part.history.operations
        self.placed = [row for row in part.rows if _places(operations[row])]
        self.terms = [_terms(operations[row]) for row in self.placed]
        self.asked = {str(operations[row].arg) for row in part.rows if operations[row].op in ("confirm", "cancel")}
        named = {str(operations[row].result) for row in self.placed if not open_end(operations[row])}
        self.unknown = sorted(self.asked - named)

    def all(self) -> tuple[list[Call], State]:
        """Return the calls and the section as it was at first."""
        calls = []
        for row in self.part.rows:
            operation = self.part.history.operations[row]
            if _places(operation):
                calls += self._hold(row, operation)
            elif operation.result != "failed":
                calls += self._other(row, operation)
        return calls, _Shop(self.stock, ((NONE, ""),) * len(self.placed))

    def _hold(self, row: int, operation: Operation) -> list[Call]:
        needed = row in self.inside and not open_end(operation)
        place = self.placed.index(row)
        tickets, length = self.terms[place]
        names = ["", *self.unknown] if open_end(operation) else [str(operation.result)]
        names = names if names[0] in self.asked or len(names) > 1 else [""]

        def placed(shop: _Shop) -> list[_Shop]:
            free = [name for name in names if not name or all(name != other for _, other in shop.holds)]
            return [shop.become(place, STANDS, name, -tickets) for name in free if shop.left >= tickets]

        def ended(shop: _Shop) -> list[_Shop]:
            what, name = shop.holds[place]
            return [shop.become(place, OVER, name, tickets)] if what == STANDS else [shop]

        end, kind = operation.return_ns if needed else None, (tickets, length, *names)
        hold = Call(operation.invoke_ns, end, needed, placed, ("hold", kind))
        first, last = operation.invoke_ns + length - self.part.clock_error, None
        if end is not None:
            last = end + length + self.part.clock_error
        return [hold, Call(first, last, needed, ended, ("end", kind), after=hold)]

    def _other(self, row: int, operation: Operation) -> list[Call]:
        needed = row in self.inside and not open_end(operation)
        effect, looks = self._effect(operation)
        if looks and not needed:
            return []
        end = operation.return_ns if needed else None
        return [Call(operation.invoke_ns, end, needed, effect, (operation.op, repr(operation.arg)), looks)]

    def _effect(self, operation: Operation) -> tuple[Effect, bool]:
        if operation.op in ("confirm", "cancel") and isinstance(operation.arg, str):
            name = operation.arg
            if operation.result == "expired":
                return lambda shop: [] if (STANDS, name) in shop.holds else [shop], True
            return lambda shop: self._used(shop, name, operation.op == "cancel"), False
        number = operation.arg if isinstance(operation.arg, int) else 0
        if operation.op == "hold":
            number = _terms(operation)[0]
        if operation.op == "search":
            return lambda shop: [shop] if shop.left == operation.result else [], True
        if operation.result == "soldout":
            return lambda shop: [shop] if shop.left < number else [], True
        if operation.op == "cancel":
            return lambda shop: [_Shop(shop.left + number, shop.holds)] if self._sold(shop) >= number else [], False
        return lambda shop: [_Shop(shop.left - number, shop.holds)] if shop.left >= number else [], False

    def _sold(self, shop: _Shop) -> int:
        """Return how many tickets are neither for sale nor held."""
        held = sum(terms[0] for terms, (what, _) in zip(self.terms, shop.holds, strict=True) if what == STANDS)
        return self.stock - shop.left - held

    def _used(self, shop: _Shop, name: str, back: bool) -> list[_Shop]:
        if (STANDS, name) not in shop.holds:
            return []
        place = shop.holds.index((STANDS, name))
        return [shop.become(place, OVER, name, self.terms[place][0] if back else 0)]


def _places(operation: Operation) -> bool:
    return operation.op == "hold" and operation.result not in ("soldout", "failed")


def _terms(operation: Operation) -> tuple[int, int]:
    assert isinstance(operation.arg, list)
    return operation.arg[0], operation.arg[1]


def _holds(part: Part, inside: frozenset[int]) -> tuple[list[Call], State]:
    return _HoldCalls(part, inside).all()


_CALLS: Final[dict[str, Callable[[Part, frozenset[int]], tuple[list[Call], State]]]] = {
    "counter": _counter,
    "seats": _seats,
    "cas-register": _register,
    "holds": _holds,
}
