"""Explanations: minimal sets of operations that contradict each other, as data, and one sentence for each.

A set of operations *contradicts itself* when no order explains it, whatever the operations outside the set did: each of
those may have happened as it says at any time after its invocation, or not at all. (So a sale outside the set may count
or not, at any later time; a search or a refusal outside it says nothing.) Leaving an operation out can only make a
history easier to explain, so every set has subsets that are *minimal*: they contradict themselves, and leaving out any
one of their operations makes them valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ticketlab.checker.budget import BudgetSpent, Meter
from ticketlab.checker.columns import OPEN, Columns
from ticketlab.core.text import join_some
from ticketlab.core.verdict import Anomaly

_SHOWN: Final = 100
"""How many operations the evidence gives in full; `rows` and `size` always tell the whole set."""
_UNITS: Final = ((9, "s"), (6, "ms"), (3, "us"))
"""Units of time in sentences: the digits after the point that a nanosecond needs, and the name."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A set of operations that contradicts itself, its name, its sentence, and the numbers in the sentence."""

    name: str
    sentence: str
    rows: Sequence[int]
    section: str = ""
    minimal: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def anomaly(self, columns: Columns) -> Anomaly:
        """Return it as an anomaly, with the first `_SHOWN` operations of the set in full (`shown` of `size`)."""
        rows = sorted(self.rows, key=lambda row: (columns.invoke[row], row))
        place = "line" if columns.first_line else "row"
        shown = [
            {place: columns.line(row)} | columns.operation(row).evidence() | {"process": columns.process_name(row)}
            for row in rows[:_SHOWN]
        ]
        evidence: dict[str, Any] = {"size": len(rows), "minimal": self.minimal, "operations": shown}
        if len(shown) < len(rows):
            evidence |= {"shown": len(shown), "rows": rows}
        if self.section:
            evidence["section"] = self.section
        return Anomaly(self.name, self.sentence, evidence | dict(self.facts))


def minimal_subset(candidates: Sequence[int], contradicts: Callable[[frozenset[int]], bool]) -> list[int]:
    """Return a minimal subset that contradicts, of candidates that do (QuickXplain; Junker 2004).

    `contradicts` must be monotone: true of a set, it is true of every larger one. It is asked about
    k log2(n / k) + 2 k times for a subset of k among n candidates; earlier candidates are kept rather than later ones.
    """

    def shrink(base: frozenset[int], added: bool, rest: Sequence[int]) -> list[int]:
        if added and contradicts(base):
            return []
        if len(rest) == 1:
            return list(rest)
        half = len(rest) // 2
        first, second = rest[:half], rest[half:]
        needed = shrink(base | frozenset(first), True, second)
        return shrink(base | frozenset(needed), bool(needed), first) + needed

    if contradicts(frozenset()):
        return []
    return shrink(frozenset(), False, candidates)


class ExplanationBudget:
    """Bounds the cost of an explanation, beside the budget: a verdict should not wait long for a minimal proof.

    A question that takes too long is answered with "no contradiction". Then `minimal_subset` keeps operations that it
    might have left out: the set still contradicts itself, but it may not be minimal, and `certain` is False.
    """

    def __init__(self, meter: Meter, each: int, total: int) -> None:
        self.certain = True
        self._meter = meter
        self._each = each
        self._left = total

    def contradicts(self, size: int, linearizable: Callable[[Meter], bool]) -> bool:
        """Whether `size` operations contradict each other; False if the question takes too long."""
        part = self._meter.part(min(self._each, self._left))
        try:
            part.spend()
            return not linearizable(part)
        except BudgetSpent:
            self.certain = False
            return False
        finally:
            self._left -= min(self._left, part.configurations + size // 8)


class Phrasing:
    """Turns rows of a history into words; times count from the first invocation, in the unit that suits them."""

    def __init__(self, columns: Columns, actor: str = "buyer") -> None:
        self.columns = columns
        self.actor = actor

    @cached_property
    def _scale(self) -> tuple[int, int, str]:
        """The origin of times, their unit's digits after the point, and its name.

        They are found when a sentence first needs them: most histories need none.
        """
        origin = self.columns.origin()
        span = max((b for b in self.columns.back if b != OPEN), default=origin) - origin
        return (origin, *next((unit for unit in _UNITS if span >= 2 * 10 ** unit[0]), (0, "ns")))

    def at(self, time: int) -> str:
        """Return a time as words, exact to the nanosecond."""
        origin, digits, unit = self._scale
        return f"{_decimal(time - origin, digits)} {unit}"

    def who(self, row: int) -> str:
        """Return who did it: "buyer 12"."""
        return f"{self.actor} {self.columns.process_name(row)}"

    def all_of(self, rows: Sequence[int], most: int = 6) -> str:
        """Return who did them: "buyers 1, 2 and 3", with the number of those that are not named."""
        names = list(dict.fromkeys(str(self.columns.process_name(row)) for row in rows))
        return f"{self.actor}{'' if len(names) == 1 else 's'} {join_some(names, most)}"

    def started(self, row: int) -> str:
        """Return when the operation began."""
        return self.at(self.columns.invoke[row])

    def ended(self, row: int) -> str:
        """Return when the operation returned."""
        return self.at(self.columns.back[row])

    def line(self, row: int) -> str:
        """Return one operation in short: `process 3 cas(1, 2) -> ok (1.5 to 2.0 ms)`."""
        o = self.columns.operation(row)
        arg = "" if o.arg is None else ", ".join(map(str, o.arg)) if isinstance(o.arg, list) else str(o.arg)
        if o.op == "hold" and isinstance(o.arg, list):
            arg = f"{o.arg[0]} for {_decimal(o.arg[1], 9).removesuffix('.0')} s"
        return f"{self.who(row)} {o.op}({arg}) -> {o.result} ({self.started(row)} to {self.ended(row)})"

    def lines(self, rows: Sequence[int], most: int = 6) -> str:
        """Return several operations in short, with the number of those that are not shown."""
        more = f"; and {len(rows) - most:,} more" if len(rows) > most else ""
        return "; ".join(self.line(row) for row in rows[:most]) + more


def _decimal(number: int, digits: int) -> str:
    """Return a whole number of smallest units as a decimal number of a unit that has so many digits after its point."""
    if not digits:
        return str(number)
    whole, rest = divmod(number, 10**digits)
    return f"{whole}.{f'{rest:0{digits}d}'.rstrip('0') or '0'}"
