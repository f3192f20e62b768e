"""Reads the sentences of the counter's judge, and holds each number in them against the history.

Written apart from the judge: a number is recomputed from the operations, never taken from the evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from ticketlab.core.history import Operation
from ticketlab.core.verdict import Anomaly

_NUMBER = r"(-?[\d,]+)"
_AT = r"at (\d+) ns"
_RETURNED = rf"(?:buyer (\d+)'s search returned {_AT} that {_NUMBER} tickets? (?:was|were) left)"
_REFUSED = rf"(?:buyer (\d+) was refused(?: {_NUMBER} tickets)? {_AT})"
_DONE = rf"(?:buyer (\d+) (was sold|gave back) {_NUMBER} tickets? {_AT})"
_SHOWN = r"buyer (\d+) (\w+)\((\d*)\) -> (\w+) \((\d+) ns to (\d+) ns\)"


class Told:
    """A history with a stock, and what is true of it."""

    def __init__(self, stock: int, operations: Sequence[Operation]) -> None:
        self.stock = stock
        self.operations = [o for o in operations if o.result != "failed"]
        self.origin = min(o.invoke_ns for o in operations)

    def find(self, who: str, **wanted: object) -> list[Operation]:
        """Return the operations of a buyer that have these values; `end` and `begin` count from the origin."""
        found = [o for o in self.operations if o.process == int(who)]
        for key, value in wanted.items():
            if key == "end":
                found = [o for o in found if o.return_ns is not None and o.return_ns - self.origin == value]
            elif key == "begin":
                found = [o for o in found if o.invoke_ns - self.origin == value]
            else:
                found = [o for o in found if getattr(o, key) == value]
        assert found, (who, wanted)
        return found

    def sales(self, end: int | None) -> list[int]:
        """Return the sizes of all sales that had begun by a time, or ever."""
        answers = ("ok", "unknown", None)
        some = [o for o in self.operations if o.op == "buy" and (o.return_ns is None or o.result in answers)]
        return [int(str(o.arg)) for o in some if end is None or o.invoke_ns - self.origin <= end]

    def most(self, end: int | None) -> int:
        """Return the most tickets that can have been sold by a time: the best choice of orders that fits."""
        sizes = self.sales(end)
        every = (sum(some) for count in range(len(sizes) + 1) for some in combinations(sizes, count))
        return max(total for total in every if total <= self.stock)


def number(text: str | None) -> int:
    """Read a number with its commas; a missing one is 1."""
    return int(text.replace(",", "")) if text else 1


def check_numbers(stock: int, operations: Sequence[Operation], anomaly: Anomaly) -> str:
    """Assert that every number in a sentence is true; return which form of sentence it was."""
    told = Told(stock, operations)
    for form, check in FORMS.items():
        if found := re.fullmatch(form, anomaly.sentence):
            check(told, anomaly, *found.groups())
            return form
    raise AssertionError(f"no form is known for {anomaly.sentence!r}")


def _read(told: Told, groups: Sequence[str | None]) -> tuple[Operation, int, int]:
    """Return the read of a `_RETURNED` or `_REFUSED`, when it returned, and how many tickets must have been sold."""
    who, end, left, refused, wanted, refused_at = groups
    if who is not None:
        assert end is not None
        assert left is not None
        return told.find(who, op="search", result=number(left), end=int(end))[0], int(end), told.stock - number(left)
    assert refused is not None
    assert refused_at is not None
    asked = number(wanted)
    found = told.find(refused, op="buy", arg=asked, result="soldout", end=int(refused_at))[0]
    return found, int(refused_at), told.stock - asked + 1


def _names(text: str, rows: Sequence[Operation]) -> None:
    assert set(re.findall(r"\d+", text)) == {str(o.process) for o in rows}


def _rows(told: Told, anomaly: Anomaly) -> list[Operation]:
    return [
        next(o for o in told.operations if (o.process, o.invoke_ns) == (each["process"], each["invoke_ns"]))
        for each in anomaly.evidence["operations"]
    ]


def _oversold(told: Told, anomaly: Anomaly, who: str, sold: str, stock: str) -> None:
    rows = _rows(told, anomaly)
    assert all((o.op, o.result) == ("buy", "ok") for o in rows)
    assert number(sold) == sum(int(str(o.arg)) for o in rows) > number(stock) == told.stock
    _names(who, rows)


def _impossible(told: Told, anomaly: Anomaly, who: str, end: str, left: str, stock: str | None) -> None:
    told.find(who, op="search", result=number(left), end=int(end))
    assert number(left) < 0 if stock is None else number(left) > number(stock) == told.stock


def _between_sizes(told: Told, anomaly: Anomaly, who: str, end: str, left: str, size: str) -> None:
    told.find(who, op="search", result=number(left), end=int(end))
    assert set(told.sales(None)) <= {number(size)}
    assert (told.stock - number(left)) % number(size)


def _never_short(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *read, least = groups
    _, _, needed = _read(told, [None, None, None, *read])
    assert told.stock - told.most(None) >= number(least) > told.stock - needed


def _too_few(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *read, before, _, most, stock, _ = groups
    _, end, needed = _read(told, read)
    assert number(stock) == told.stock
    possible = told.most(None) if before is None else sum(told.sales(int(before) - 1))
    assert before is None or (end < int(before) and len(told.sales(int(before))) > len(told.sales(int(before) - 1)))
    assert possible <= number(most) < needed


def _by_then(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *read, who, did, size, done_at, most, stock = groups
    assert number(stock) == told.stock
    if who:
        op, result = ("buy", "ok") if did == "was sold" else ("cancel", "ok")
        told.find(who, op=op, result=result, arg=number(size), end=int(done_at))
        assert told.most(int(done_at)) <= number(most) < number(size)
    else:
        _, end, needed = _read(told, read)
        assert told.most(end) <= number(most) < needed


def _cannot(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *read, who, did, size, done_at = groups
    if who:
        told.find(who, op="buy" if did == "was sold" else "cancel", arg=number(size), end=int(done_at))
    else:
        _read(told, read)


def _one_order(told: Told, anomaly: Anomaly, who: str, size: str, end: str, stock: str) -> None:
    told.find(who, op="buy", result="ok", arg=number(size), end=int(end))
    assert number(size) > number(stock) == told.stock


def _between(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *read, low, stock, who, size, last, late, begin, left = groups
    low_sold, after = 0, -1
    if low is not None:
        _, after, needed = _read(told, read)
        assert needed <= number(low)
        assert number(stock) == told.stock
        low_sold = number(low)
    sold = 0
    if who is not None:
        rows = [o for o in _rows(told, anomaly) if (o.op, o.result) == ("buy", "ok")]
        sold = sum(int(str(o.arg)) for o in rows)
        assert sold == number(size)
        _names(who, rows)
        assert all(o.invoke_ns - told.origin > after for o in rows)
        if last is not None:
            assert int(last) == max(o.return_ns or 0 for o in rows) - told.origin < int(begin)
    if late is not None:
        told.find(late, op="search", result=number(left), begin=int(begin))
        assert told.stock - number(left) < low_sold + sold
    if late is not None and who is None:
        assert after < int(begin)


def _sold_out(told: Told, anomaly: Anomaly, *groups: Any) -> None:
    *before, last, total, stock = groups
    low, size = before[6], before[9]
    assert last is None
    _between(told, anomaly, *before, None, None, None, None)
    assert number(total) == (number(low) if low else 0) + number(size)
    assert number(total) > number(stock) == told.stock


def _together(told: Told, anomaly: Anomaly, stock: str, shown: str) -> None:
    assert number(stock) == told.stock
    lines = [line for line in shown.split("; ") if not line.startswith("and ")]
    for line in lines:
        found = re.fullmatch(_SHOWN, line)
        assert found, line
        who, op, arg, result, begin, end = found.groups()
        wanted = int(result) if result.isdigit() else result
        o = told.find(who, op=op, arg=int(arg) if arg else None, result=wanted, begin=int(begin), end=int(end))
        assert o


_MOST = rf"at most {_NUMBER} of {_NUMBER} tickets? can have been sold"
_READ = rf"(?:{_RETURNED}|{_REFUSED})"
_ANY = rf"(?:{_RETURNED}|{_REFUSED}|{_DONE})"
_EARLY = rf"(?:{_READ}, so at least {_NUMBER} of {_NUMBER} tickets? were sold by then)"
_BOUGHT = rf"(?:buyers? ([\d, and]+) bought {_NUMBER} tickets?(?: more after that)?(?:, the last {_AT})?)"
_LATE = rf"yet buyer (\d+)'s search, invoked only {_AT}, returned that {_NUMBER} tickets? (?:was|were) left"
FORMS: dict[str, Callable[..., None]] = {
    rf"buyers? ([\d, and]+) (?:was|were) sold {_NUMBER} tickets?, but there were only {_NUMBER}": _oversold,
    rf"{_RETURNED}(?:, but there were only {_NUMBER} at first)?": _impossible,
    rf"{_RETURNED}, but every sale took {_NUMBER}": _between_sizes,
    rf"{_REFUSED}, but the orders can never have left fewer than {_NUMBER} tickets?": _never_short,
    rf"{_READ}, but (?:before (\d+) ns|(in the whole history)) {_MOST}(: the next sale had not begun)?": _too_few,
    rf"{_ANY}, but by then {_MOST}": _by_then,
    rf"{_ANY}, but no choice of the orders that had begun by then makes that possible": _cannot,
    rf"buyer (\d+) was sold {_NUMBER} tickets? {_AT}, but there were only {_NUMBER}": _one_order,
    rf"(?:{_EARLY}; )?(?:{_BOUGHT}; )?{_LATE}": _between,
    rf"(?:{_EARLY}; )?{_BOUGHT}: {_NUMBER} of {_NUMBER}": _sold_out,
    rf"with {_NUMBER} tickets? at first these cannot all be right, whatever the others did: (.*)": _together,
}
