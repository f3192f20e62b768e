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
from operator import lt
from typing import Final

from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import FAILED, OPEN, UNKNOWN, Call, Columns
from ticketlab.checker.explain import Contradiction, Phrasing

_KINDS: Final[dict[object, int]] = {"ok": 0, "taken": 1, FAILED: 2, UNKNOWN: 3}


def validate(call: Call) -> str:
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
    return _contradictions(columns, names, seat_of, kinds, _suspects(columns, seat_of, kinds, len(names)))


def _suspects(columns: Columns, seat_of: Sequence[int], kinds: Sequence[int], number: int) -> set[int]:
    """Return the seats that contradict. For speed, this one pass over all rows keeps times and no rows."""
    sold = [OPEN] * number  # when the first known sale began
    maybe = [OPEN] * number  # when the first attempt began that may have sold the seat
    refused = [OPEN] * number  # when the first refusal returned
    suspects = set()
    for code, begin, end in zip(columns.what, columns.invoke, columns.back, strict=True):
        seat, kind = seat_of[code], kinds[code]
        if kind == 1:
            if end < refused[seat]:
                refused[seat] = end
        elif kind == 0:
            if sold[seat] != OPEN:
                suspects.add(seat)
            if begin < sold[seat]:
                sold[seat] = begin
        elif kind == 3 and begin < maybe[seat]:
            maybe[seat] = begin
    begun = [two if one == OPEN else one for one, two in zip(sold, maybe, strict=True)]
    suspects.update(seat for seat, early in enumerate(map(lt, refused, begun)) if early)
    return suspects


def _contradictions(
    columns: Columns, names: Sequence[int | str], seat_of: Sequence[int], kinds: Sequence[int], suspects: set[int]
) -> Iterator[Contradiction]:
    """Yield the contradictions of the seats that have one, from their rows."""
    rows: dict[int, tuple[list[int], ...]] = {seat: ([], [], [], []) for seat in sorted(suspects)}
    for row, code in enumerate(columns.what if suspects else ()):
        if seat_of[code] in suspects:
            rows[seat_of[code]][kinds[code]].append(row)
    words, invoke, back = Phrasing(columns), columns.invoke, columns.back
    for seat, (sales, refusals, _, maybes) in rows.items():
        section = columns.calls[columns.what[(sales or refusals)[0]]].section
        label = _label(section, names[seat])
        sales.sort(key=invoke.__getitem__)
        if len(sales) > 1:
            yield _sold_twice(words, section, label, sales[0], sales[1])
        if refusals:
            refusal = min(refusals, key=back.__getitem__)
            excused = any(invoke[row] <= back[refusal] for row in maybes)
            if back[refusal] < invoke[sales[0]] if sales else not excused:
                yield _refused(words, section, label, refusal, sales[0] if sales else -1, excused=excused)


def _label(section: str, name: int | str) -> str:
    return f"seat {name}" + (f" of section {section}" if section else "")


def _sold_twice(words: Phrasing, section: str, label: str, first: int, second: int) -> Contradiction:
    sentence = (
        f"{words.who(first)} and {words.who(second)} were both sold {label}, "
        f"at {words.ended(first)} and at {words.ended(second)}"
    )
    return Contradiction("ticket sold twice", sentence, (first, second), section)


def _refused(words: Phrasing, section: str, label: str, refusal: int, sale: int, *, excused: bool) -> Contradiction:
    """Explain a refusal before any sale; `excused`: an unanswered attempt would explain it if no sale were known."""
    sentence = f"{words.who(refusal)} was refused {label} at {words.ended(refusal)}, but "
    if sale < 0:
        return Contradiction("undersold", sentence + "nobody bought it before that", (refusal,), section)
    sentence += f"{words.who(sale)}, who was sold it, invoked the order only at {words.started(sale)}"
    return Contradiction("undersold", sentence, (refusal, sale) if excused else (refusal,), section)
