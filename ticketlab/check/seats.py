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

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ticketlab.check.budget import Meter
from ticketlab.check.columns import FAILED, OPEN, UNKNOWN, Call, Columns
from ticketlab.check.explain import Contradiction, Words


def problem(call: Call) -> str:
    """Return why a call is not one of numbered seats, or an empty string."""
    if call.op != "buyseat":
        return f"unknown operation {call.op!r} of model seats: expected 'buyseat'"
    if type(call.arg) not in (int, str):
        return f"arg of buyseat is {call.arg!r}: expected a seat, as a whole number or a name"
    if call.result not in ("ok", "taken", FAILED, UNKNOWN):
        return f"result of buyseat is {call.result!r}: expected 'ok', 'taken', 'failed' or 'unknown'"
    return ""


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
    number: dict[tuple[str, int | str], int] = {}
    seat_of, kinds = [], []
    for call in columns.calls:
        seat_of.append(number.setdefault((call.section, call.arg), len(number)))
        kinds.append({"ok": 0, "taken": 1, FAILED: 2}.get(str(call.result), 3))
    sold = [-1] * len(number)  # the row of the known sale that was invoked first
    twice: dict[int, int] = {}
    maybe = [OPEN] * len(number)  # when the first attempt began that may have sold the seat
    refused = [-1] * len(number)  # the row of the refusal that returned first
    invoke, back = columns.invoke, columns.back
    for row, code in enumerate(columns.what):
        seat, kind = seat_of[code], kinds[code]
        if kind == 1:
            first = refused[seat]
            if first < 0 or back[row] < back[first]:
                refused[seat] = row
        elif kind == 0:
            if sold[seat] < 0:
                sold[seat] = row
            else:
                twice.setdefault(seat, row)
                if invoke[row] < invoke[sold[seat]]:
                    twice[seat], sold[seat] = sold[seat], row
        elif kind == 3 and invoke[row] < maybe[seat]:
            maybe[seat] = invoke[row]
    return _contradictions(columns, number, _Seats(sold, twice, maybe, refused))


class _Seats(NamedTuple):
    sold: list[int]
    twice: dict[int, int]
    maybe: list[int]
    refused: list[int]


def _contradictions(
    columns: Columns, number: Mapping[tuple[str, int | str], int], seats: _Seats
) -> Iterator[Contradiction]:
    words = Words(columns)
    for (section, name), seat in number.items():
        sale, refusal = seats.sold[seat], seats.refused[seat]
        label = f"seat {name}" + (f" of section {section}" if section else "")
        if seat in seats.twice:
            yield _sold_twice(words, section, label, sale, seats.twice[seat])
        if refusal < 0:
            continue
        begun = seats.maybe[seat] if sale < 0 else columns.invoke[sale]
        if columns.back[refusal] < begun:
            excused = sale >= 0 and seats.maybe[seat] <= columns.back[refusal]
            yield _refused(words, section, label, refusal, sale, excused=excused)


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
