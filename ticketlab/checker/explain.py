"""Explanations: the smallest sets of operations that contradict each other, as data, and one sentence from each.

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
from ticketlab.core.verdict import Anomaly

SHOWN: Final = 100  # operations given in full in the evidence; `rows` and `size` always tell the whole set


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A set of operations that contradicts itself, its name, its sentence, and the figures in the sentence."""

    name: str
    sentence: str
    rows: Sequence[int]
    section: str = ""
    minimal: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def anomaly(self, columns: Columns) -> Anomaly:
        """Return it as an anomaly, with the first `SHOWN` operations of the set in full (`shown` of `size`)."""
        rows = sorted(self.rows, key=lambda row: (columns.invoke[row], row))
        shown = [described(columns, row) for row in rows[:SHOWN]]
        evidence: dict[str, Any] = {"size": len(rows), "minimal": self.minimal, "operations": shown}
        if len(shown) < len(rows):
            evidence |= {"shown": len(shown), "rows": rows}
        if self.section:
            evidence["section"] = self.section
        return Anomaly(self.name, self.sentence, evidence | dict(self.facts))


def described(columns: Columns, row: int) -> dict[str, Any]:
    """Return one operation as the history's format has it, with its place in the source."""
    o = columns.operation(row)
    place = {"line": row + columns.first_line} if columns.first_line else {"row": row}
    section = {"section": o.section} if o.section else {}
    times = {"invoke_ns": o.invoke_ns, "return_ns": o.return_ns}
    return place | {"process": o.process, "op": o.op, "arg": o.arg, "result": o.result} | section | times


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
    """Bounds what an explanation may cost, beside the budget: a verdict should not wait for its most perfect proof.

    A try that takes too long counts as no contradiction, so `minimal_subset` keeps what it might have left out:
    the set still contradicts itself, but `certain` is False, and it may not be minimal.
    """

    def __init__(self, meter: Meter, each: int, total: int) -> None:
        self.certain = True
        self._meter = meter
        self._each = each
        self._left = total

    def contradicts(self, size: int, linearizable: Callable[[Meter], bool]) -> bool:
        """Whether `size` operations contradict each other, as far as patience tells."""
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
        """The origin of times and their unit, found when a sentence first needs them: most histories need none."""
        origin = self.columns.origin()
        span = max((b for b in self.columns.back if b != OPEN), default=origin) - origin
        units = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"))
        return (origin, *next((u for u in units if span >= 2 * u[0]), (1, "ns")))

    def at(self, time: int) -> str:
        """Return a time as words, with as many decimals as tell it from its neighbours where up to six do."""
        origin, scale, unit = self._scale
        if scale == 1:
            return f"{time - origin} {unit}"
        text = f"{(time - origin) / scale:.6f}".rstrip("0")
        return f"{text}0 {unit}" if text.endswith(".") else f"{text} {unit}"

    def who(self, row: int) -> str:
        """Return who did it: "buyer 12"."""
        return f"{self.actor} {self.columns.process[row]}"

    def all_of(self, rows: Sequence[int], most: int = 6) -> str:
        """Return who did them: "buyers 1, 2 and 3", with the number of those that are not named."""
        names = [str(self.columns.process[row]) for row in rows[:most]]
        if len(rows) > most:
            names.append(f"{len(rows) - most:,} more")
        if len(names) == 1:
            return f"{self.actor} {names[0]}"
        return f"{self.actor}s {', '.join(names[:-1])} and {names[-1]}"

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
            arg = f"{o.arg[0]} for {o.arg[1] / 1e9:g} s"
        return f"{self.who(row)} {o.op}({arg}) -> {o.result} ({self.started(row)} to {self.ended(row)})"


def tickets(number: int) -> str:
    """Return "1 ticket" or "2 tickets"."""
    return f"{number:,} ticket" if number == 1 else f"{number:,} tickets"
