"""Random histories that are nearly right: a correct run of a box office, its times drawn around it, then a few lies.

A history has 3 to 40 operations of 2 to 6 processes. Every operation is performed at a random instant of its interval,
so the answers are right at first. Then answers are changed, times are moved, operations are dropped or left unanswered.
Most histories are short and their times few, so that equal times are common. Some lie at the ends of what 63 bits can
say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from ticketlab.core.history import Answer, Arg, History, Operation

LATEST: Final = 2**63 - 1
MODELS: Final = ("units", "counter", "seats", "cas-register", "holds", "books")


@dataclass(slots=True)
class Slot:
    """The interval of one operation, and the instant within it at which it is performed."""

    process: int
    start: int
    end: int
    point: int
    order: float


def draw(seed: int) -> History:
    """Return the history with this number."""
    rng = Random(seed)
    family = rng.choice(MODELS)
    history = _FAMILIES[family](rng, _slots(rng))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        history = _lie(rng, history)
    return _scaled(rng, history)


def _slots(rng: Random) -> list[Slot]:
    """Return intervals of processes, each process one after the other, in the order of their instants."""
    processes = rng.randint(2, 6)
    total = rng.choice((3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, rng.randint(10, 40)))
    longest, gap = rng.choice(((2, 1), (4, 2), (8, 4), (20, 3), (60, 10), (3, 12)))
    clocks = {process: rng.randint(0, longest) for process in range(processes)}
    slots: list[Slot] = []
    invoked: dict[int, int] = {}
    for _ in range(total):
        process = rng.randrange(processes)
        start = max(clocks[process] + rng.randint(0, gap), invoked.get(process, -1) + 1)
        end = start + rng.randint(0, longest)
        clocks[process], invoked[process] = end, start
        slots.append(Slot(process, start, end, rng.randint(start, end), rng.random()))
    return sorted(slots, key=lambda slot: (slot.point, slot.order))


def _sections(rng: Random) -> list[str]:
    return rng.choice(([""], [""], ["main"], ["floor", "balcony"], ["a", "b", "c"]))


def _operation(slot: Slot, op: str, arg: Arg, result: Answer, section: str) -> Operation:
    return Operation(slot.process, op, arg, result, slot.start, slot.end, section)


def _stock(rng: Random, sections: list[str], most: int) -> int | dict[str, int]:
    if len(sections) == 1:
        return rng.randint(0, most)
    return {section: rng.randint(0, most) for section in sections}


def _opening(stock: int | dict[str, int], section: str) -> int:
    return stock if isinstance(stock, int) else stock[section]


def _units(rng: Random, slots: list[Slot]) -> History:
    """Sales of one size, searches, nothing cancelled."""
    return _sales(rng, slots, (rng.choice((1, 1, 1, 2, 3)),), 0.0)


def _counter(rng: Random, slots: list[Slot]) -> History:
    """Sales of several sizes, cancellations, searches."""
    return _sales(rng, slots, rng.choice(((1, 2), (1, 1, 2, 3), (2, 3, 5))), rng.choice((0.0, 0.15, 0.3)))


def _sales(rng: Random, slots: list[Slot], sizes: tuple[int, ...], cancels: float) -> History:
    sections = _sections(rng)
    stock = _stock(rng, sections, rng.choice((2, 5, 8, 20)))
    left = {section: _opening(stock, section) for section in sections}
    searches = rng.choice((0.1, 0.3, 0.5))
    operations = []
    for slot in slots:
        section, chance = rng.choice(sections), rng.random()
        sold = _opening(stock, section) - left[section]
        size = rng.choice(sizes)
        if chance < searches:
            operations.append(_operation(slot, "search", None, left[section], section))
        elif chance < searches + cancels and sold >= size:
            left[section] += size
            operations.append(_operation(slot, "cancel", size, "ok", section))
        elif left[section] >= size:
            left[section] -= size
            operations.append(_operation(slot, "buy", size, "ok", section))
        else:
            operations.append(_operation(slot, "buy", size, "soldout", section))
    return History({"model": "counter", "stock": stock}, tuple(operations))


def _seats(rng: Random, slots: list[Slot]) -> History:
    sections = _sections(rng)
    seats: list[Any] = rng.choice(([1, 2], [1, 2, 3, 4], ["A1", "A2"], list(range(12))))
    sold: set[tuple[str, Any]] = set()
    operations = []
    for slot in slots:
        place = rng.choice(sections), rng.choice(seats)
        operations.append(_operation(slot, "buyseat", place[1], "taken" if place in sold else "ok", place[0]))
        sold.add(place)
    return History({"model": "seats"}, tuple(operations))


def _register(rng: Random, slots: list[Slot]) -> History:
    sections = _sections(rng)
    initial = rng.choice((None, 0, 1))
    values: list[Any] = rng.choice(([0, 1], [0, 1, 2], [1, 2, 3, 4, 5], ["x", "y"]))
    now: dict[str, Any] = dict.fromkeys(sections, initial)
    operations = []
    for slot in slots:
        section, op = rng.choice(sections), rng.choice(("read", "read", "write", "cas", "cas"))
        if op == "read":
            operations.append(_operation(slot, op, None, now[section], section))
        elif op == "write":
            now[section] = rng.choice(values)
            operations.append(_operation(slot, op, now[section], "ok", section))
        else:
            expected = rng.choice((now[section], rng.choice(values)))
            new, fits = rng.choice(values), expected == now[section]
            now[section] = new if fits else now[section]
            operations.append(_operation(slot, op, [expected, new], "ok" if fits else "fail", section))
    meta = {"model": "cas-register"} | ({} if initial is None else {"initial": initial})
    return History(meta, tuple(operations))


@dataclass(slots=True)
class _Hold:
    """One hold that was placed: who has it, how many tickets it keeps, when it ends, and whether it stands."""

    name: str
    process: int
    tickets: int
    ends: int
    stands: bool = True


def _holds(rng: Random, slots: list[Slot]) -> History:
    sections = [""] if rng.random() < 0.7 else ["main"]
    section = sections[0]
    stock = left = rng.choice((1, 1, 2, 2, 3, 5))
    longest = rng.choice((1, 3, 6, 15, 40, 100))
    holds: list[_Hold] = []
    names = iter(range(1, 1000))
    operations = []
    for slot in slots:
        for each in holds:
            if each.stands and each.ends <= slot.point:
                each.stands, left = False, left + each.tickets
        mine = [each for each in holds if each.process == slot.process or rng.random() < 0.05]
        op = rng.choice(("hold", "hold", "hold", "confirm", "confirm", "confirm", "cancel", "buy", "search"))
        if op in ("confirm", "cancel") and mine:
            each = rng.choice(mine)
            result = "ok" if each.stands else "expired"
            left += each.tickets if each.stands and op == "cancel" else 0
            each.stands = False
            operations.append(_operation(slot, op, each.name, result, section))
        elif op == "search":
            operations.append(_operation(slot, op, None, left, section))
        else:
            size = rng.choice((1, 1, 1, 2))
            name = f"{slot.process}.{next(names)}"
            fits = left >= size
            left -= size if fits else 0
            if op == "buy":
                operations.append(_operation(slot, "buy", size, "ok" if fits else "soldout", section))
                continue
            length = rng.randint(1, longest)
            if fits:
                holds.append(_Hold(name, slot.process, size, slot.point + length))
            operations.append(_operation(slot, "hold", [size, length], name if fits else "soldout", section))
    meta = {"model": "holds", "stock": stock}
    if rng.random() < 0.3:
        meta["clock_error_ns"] = rng.choice((0, 1, 2, 5, 20_000))
    return History(meta, tuple(operations))


def _books(rng: Random, slots: list[Slot]) -> History:
    """Sales with ticket numbers, and what the store said afterwards: the record, and often the ledger."""
    sections = rng.choice((["main"], ["main"], ["floor", "balcony"]))
    stock = {section: rng.randint(1, 6) for section in sections}
    left, issued = dict(stock), dict.fromkeys(sections, 0)
    operations, ledger = [], []
    for slot in slots:
        section, size = rng.choice(sections), rng.choice((1, 1, 1, 2))
        if rng.random() < 0.15:
            operations.append(_operation(slot, "search", None, left[section], section))
        elif left[section] < size:
            operations.append(_operation(slot, "buy", size, "soldout", section))
        else:
            numbers = tuple(range(issued[section] + 1, issued[section] + size + 1))
            left[section] -= size
            issued[section] += size
            operations.append(replace(_operation(slot, "buy", size, "ok", section), tickets=numbers))
            ledger.append({"buyer": slot.process, "section": section, "tickets": list(numbers), "cancels": False})
    for section in sections:
        _falsify(rng, left, issued, section)
    if ledger and rng.random() < 0.2:
        ledger.remove(rng.choice(ledger))
    stocks = {
        section: {"section": section, "tickets": stock[section], "remaining": left[section], "issued": issued[section]}
        for section in sections
    }
    books: dict[str, Any] = {"stocks": stocks, "ledger": ledger if rng.random() < 0.8 else None}
    opening: int | dict[str, int] = stock if len(sections) > 1 else stock[sections[0]]
    return History({"model": "counter", "stock": opening, "books": books}, tuple(operations))


def _falsify(rng: Random, left: dict[str, int], issued: dict[str, int], section: str) -> None:
    chance, by = rng.random(), rng.choice((-2, -1, 1, 2))
    if chance < 0.15:
        left[section] += by
        issued[section] -= by
    elif chance < 0.25:
        left[section] += by
    elif chance < 0.35:
        issued[section] = max(0, issued[section] + by)


_FAMILIES: Final[dict[str, Callable[[Random, list[Slot]], History]]] = {
    "units": _units,
    "counter": _counter,
    "seats": _seats,
    "cas-register": _register,
    "holds": _holds,
    "books": _books,
}


def _lie(rng: Random, history: History) -> History:
    """Return the history with one thing changed: an answer, a time, or an operation gone or unanswered."""
    operations = list(history.operations)
    if not operations:
        return history
    row = rng.randrange(len(operations))
    lie = rng.choice((_other_answer, _other_answer, _other_answer, _unanswered, _failed, _unknown, _moved, _gone))
    lie(rng, operations, row)
    return replace(history, operations=tuple(operations))


_OTHER: Final[dict[Any, Answer]] = {"soldout": "ok", "taken": "ok", "fail": "ok", "expired": "ok"}
_REFUSED: Final = {"buy": "soldout", "buyseat": "taken", "cas": "fail", "confirm": "expired", "cancel": "expired"}


def _other_answer(rng: Random, operations: list[Operation], row: int) -> None:
    operation = operations[row]
    result: Answer = operation.result
    if operation.op == "search" and isinstance(result, int):
        result += rng.choice((-2, -1, -1, 1, 1, 2, rng.randint(-9, 9)))
    elif operation.op == "read" and operation.return_ns is not None:
        result = rng.choice((0, 1, 2, 3, "x", None))
    elif operation.op == "hold":
        result = f"{operation.process}.x{row}" if result == "soldout" else "soldout"
    elif operation.return_ns is None or (operation.op == "cancel" and isinstance(operation.arg, int)):
        return
    elif operation.op != "write":
        result = _REFUSED[operation.op] if result == "ok" else _OTHER.get(result, result)
    tickets = operation.tickets if result == operation.result else ()
    operations[row] = replace(operation, result=result, tickets=tickets)


def _unanswered(rng: Random, operations: list[Operation], row: int) -> None:
    """The call never returned, and the process did nothing more."""
    operation = operations[row]
    later = [each for each in operations if each.process == operation.process and each.invoke_ns >= operation.invoke_ns]
    if len(later) == 1:
        operations[row] = replace(operation, result=None, return_ns=None, tickets=())


def _failed(rng: Random, operations: list[Operation], row: int) -> None:
    if operations[row].return_ns is not None:
        operations[row] = replace(operations[row], result="failed", tickets=())


def _unknown(rng: Random, operations: list[Operation], row: int) -> None:
    if operations[row].return_ns is not None:
        operations[row] = replace(operations[row], result="unknown", tickets=())


def _moved(rng: Random, operations: list[Operation], row: int) -> None:
    """Make the interval shorter, or move all of the process's operations from this one on, as a whole."""
    operation = operations[row]
    if operation.return_ns is None:
        return
    if rng.random() < 0.5:
        start = rng.randint(operation.invoke_ns, operation.return_ns)
        if any(
            each.process == operation.process and each.invoke_ns == start
            for each in operations
            if each is not operation
        ):
            return
        operations[row] = replace(operation, invoke_ns=start, return_ns=rng.randint(start, operation.return_ns))
        return
    by = rng.randint(1, 10)
    for place, each in enumerate(operations):
        if each.process == operation.process and each.invoke_ns >= operation.invoke_ns:
            end = None if each.return_ns is None else each.return_ns + by
            operations[place] = replace(each, invoke_ns=each.invoke_ns + by, return_ns=end)


def _gone(rng: Random, operations: list[Operation], row: int) -> None:
    del operations[row]


def _scaled(rng: Random, history: History) -> History:
    """Stretch the times, or put them at an end of what 63 bits can say."""
    kind = rng.choice(("as it is",) * 12 + ("stretched",) * 4 + ("late", "far", "late end"))
    if history.meta["model"] == "holds" and rng.random() < 0.9:
        history = _mapped(history, lambda time: time * 10_000, 10_000)
    if kind == "as it is" or not history.operations:
        return history
    if kind == "stretched":
        factor = rng.choice((1_000, 1_234, 999_999, 1_500_000, 10**9))
        return _mapped(history, lambda time: time * factor, factor)
    last = max(each.return_ns or each.invoke_ns for each in history.operations)
    if kind == "far":
        return _mapped(history, lambda time: time + 10**18, 1)
    if kind == "late":
        return _mapped(history, lambda time: time + LATEST - last, 1)
    return _mapped(history, lambda time: LATEST if time == last else time, 1)


def _mapped(history: History, change: Callable[[int], int], factor: int) -> History:
    def moved(each: Operation) -> Operation:
        end = None if each.return_ns is None else change(each.return_ns)
        arg = each.arg
        if each.op == "hold" and isinstance(arg, list):
            arg = [arg[0], arg[1] * factor]
        return replace(each, invoke_ns=change(each.invoke_ns), return_ns=end, arg=arg)

    return replace(history, operations=tuple(map(moved, history.operations)))
