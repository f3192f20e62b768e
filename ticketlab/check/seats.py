"""Numbered seats, judged exactly in O(n): seats do not touch each other, and each sells at most once.

A sale of a seat is explained at any instant of its interval, and a refusal ("taken") at any instant of its own that is
not before the sale. So the sale is best put at its invocation: then a seat is linearizable iff it has at most one known
sale, and every refusal returned no earlier than that sale was invoked. Where no sale is known, one whose buyer never
heard back may have sold the seat; the one that was invoked first explains the most. It explains nothing where a sale is
known, since the seat would have been sold twice.

Contradictions (minimal in the sense of `explain`): any two known sales; or one refusal that returned before any attempt
that did or may have sold the seat began. A sale outside the set may still count, but only from its invocation on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ticketlab.check.budget import Meter
from ticketlab.check.columns import FAILED, OPEN, UNKNOWN, Call, Columns
from ticketlab.check.explain import Contradiction, Words

_KINDS: Final[dict[object, int]] = {"ok": 0, "taken": 1, FAILED: 2, UNKNOWN: 3}


def problem(call: Call) -> str:
    """Return why a call is not one of numbered seats, or an empty string."""
    op, arg, result, _ = call
    if op == "buyseat" and (type(arg) is int or type(arg) is str) and result in _KINDS:
        return ""
    if op != "buyseat":
        return f"unknown operation {op!r} of model seats: expected 'buyseat'"
    if result in _KINDS:
        return f"arg of buyseat is {arg!r}: expected a seat, as a whole number or a name"
    return f"result of buyseat is {result!r}: expected 'ok', 'taken', 'failed' or 'unknown'"


def seat(call: Call) -> tuple[str, int | str]:
    """Return the seat that a call is about."""
    return call.section, call.arg


def step(sold: bool, call: Call) -> Iterable[bool]:
    """Return whether the seat is sold after a call: the sequential specification."""
    if call.result in (FAILED, UNKNOWN):
        return (sold or call.result == UNKNOWN,)
    return (True,) if (call.result == "taken") == sold else ()


def judge(columns: Columns, _: Meter) -> Iterator[Contradiction]:
    """Yield a contradiction for each seat that has one."""
    numbers: dict[str, dict[int | str, int]] = {}  # by section, then seat: no tuples, which would wake the collector
    names: list[int | str] = []
    seat_of, kinds = [], []
    for _op, arg, result, section in columns.calls:
        number = numbers.setdefault(section, {})
        seat = number.get(arg, -1)
        if seat < 0:
            seat = number[arg] = len(names)
            names.append(arg)
        seat_of.append(seat)
        kinds.append(_KINDS[result])
    sold = [-1] * len(names)  # the row of the known sale that was invoked first
    twice: dict[int, int] = {}
    maybe = [OPEN] * len(names)  # when the first attempt began that may have sold the seat
    refused = [-1] * len(names)  # the row of the refusal that returned first
    invoke, back = columns.invoke, columns.back
    for row, (code, begin, end) in enumerate(zip(columns.what, invoke, back, strict=True)):
        seat, kind = seat_of[code], kinds[code]
        if kind == 1:
            first = refused[seat]
            if first < 0 or end < back[first]:
                refused[seat] = row
        elif kind == 0:
            first = sold[seat]
            if first < 0:
                sold[seat] = row
            else:
                twice.setdefault(seat, row)
                if begin < invoke[first]:
                    twice[seat], sold[seat] = first, row
        elif kind == 3 and begin < maybe[seat]:
            maybe[seat] = begin
    return _contradictions(columns, names, _Seats(sold, twice, maybe, refused))


class _Seats(NamedTuple):
    sold: list[int]
    twice: dict[int, int]
    maybe: list[int]
    refused: list[int]


def _contradictions(columns: Columns, names: Sequence[int | str], seats: _Seats) -> Iterator[Contradiction]:
    words, invoke, back = Words(columns), columns.invoke, columns.back
    for seat, (sale, refusal) in enumerate(zip(seats.sold, seats.refused, strict=True)):
        if refusal < 0 and seat not in seats.twice:
            continue
        section, name = columns.calls[columns.what[max(sale, refusal)]].section, names[seat]
        if seat in seats.twice:
            yield _sold_twice(words, section, _label(section, name), sale, seats.twice[seat])
        if refusal >= 0 and back[refusal] < (seats.maybe[seat] if sale < 0 else invoke[sale]):
            excused = sale >= 0 and seats.maybe[seat] <= back[refusal]
            yield _refused(words, section, _label(section, name), refusal, sale, excused=excused)


def _label(section: str, name: int | str) -> str:
    return f"seat {name}" + (f" of section {section}" if section else "")


def _sold_twice(words: Words, section: str, label: str, first: int, second: int) -> Contradiction:
    sentence = (
        f"{words.who(first)} and {words.who(second)} were both sold {label}, "
        f"at {words.ended(first)} and at {words.ended(second)}"
    )
    return Contradiction("ticket sold twice", sentence, (first, second), section)


def _refused(words: Words, section: str, label: str, refusal: int, sale: int, *, excused: bool) -> Contradiction:
    """Explain a refusal before any sale; `excused` where an attempt of unknown end might have explained it alone."""
    sentence = f"{words.who(refusal)} was told at {words.ended(refusal)} that {label} was taken, but "
    if sale < 0:
        return Contradiction("undersold", sentence + "nobody bought it before that", (refusal,), section)
    sentence += f"{words.who(sale)}, whose order began only at {words.started(sale)}, was sold it"
    return Contradiction("undersold", sentence, (refusal, sale) if excused else (refusal,), section)
