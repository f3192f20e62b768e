"""One anomaly beside the history that it is about, and how single claims of a sentence are held to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tests.fuzz.counting import Sales
from tests.fuzz.second_judge import Part
from ticketlab.core.history import History, Operation
from ticketlab.core.verdict import Anomaly

TIME: Final = r"(-?[\d.]+ (?:ns|us|ms|s))"
UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
WHOM: Final = r"buyers? ([\d, and]+?)(?: and (\d+) more)?"
SHOWN: Final = 6
"""How many buyers or operations a sentence lists before it says how many more there are."""


class UnknownSentence(Exception):
    """A sentence whose form is not known here: it can be neither true nor false."""


@dataclass(frozen=True, slots=True)
class Falsehood:
    """One claim that the history does not bear out."""

    kind: str
    reason: str


@dataclass(slots=True)
class Case:
    """One anomaly beside the history that it is about."""

    history: History
    anomaly: Anomaly
    part: Part
    rows: list[int]

    @property
    def evidence(self) -> Mapping[str, Any]:
        """The anomaly's evidence."""
        return self.anomaly.evidence

    @property
    def operations(self) -> list[Operation]:
        """The operations of the evidence, as they stand in the history."""
        return [self.history.operations[row] for row in self.rows]

    @property
    def sales(self) -> Sales:
        """Counts of what the section can have sold."""
        return Sales(self.part.operations, self.part.stock)

    def only(self, *, sold: bool) -> list[Operation]:
        """Return the operations of the evidence that are confirmed sales, or all others."""
        return [each for each in self.operations if (each.op == "buy" and each.result == "ok") == sold]

    def since_first(self, time: int) -> int:
        """Return a time as sentences have it: since the first invocation of the history."""
        return time - min(operation.invoke_ns for operation in self.history.operations)


Claims = Callable[[Case, re.Match[str]], Iterator[Falsehood]]


def differs(kind: str, true: object, told: object) -> Iterator[Falsehood]:
    if true != told:
        yield Falsehood(kind, f"told {told!r}, true is {true!r}")


def time_differs(case: Case, kind: str, time: int | None, told: str) -> Iterator[Falsehood]:
    """Yield whether a time is another than was told."""
    if time is None:
        yield Falsehood(kind, f"told {told}, and it never returned")
        return
    number, unit = told.split()
    true, said = case.since_first(time), Decimal(number) * UNITS[unit]
    if abs(said - true) > abs(Decimal(true)) * Decimal("1e-15"):
        yield Falsehood(kind, f"told {told}, true is {true} ns")


def buyers_differ(case: Case, operations: list[Operation], told: str, more: str | None) -> Iterator[Falsehood]:
    """Yield whether the buyers of these operations are others, or others in number."""
    buyers = [int(number) for number in re.findall(r"\d+", told)]
    true = [operation.process for operation in operations]
    for all_of_them in (true, list(dict.fromkeys(true))):  # each sale's buyer, or each buyer once
        if not Counter(buyers) - Counter(all_of_them) and len(buyers) + int(more or 0) == len(all_of_them):
            return
    yield Falsehood("who", f"told {buyers} and {more or 0} more, true is {true}")


def the_answer(case: Case) -> Operation:
    """Return the answer that the sentence is about; where the evidence has none, whatever stands there."""
    return (case.only(sold=False) or case.operations)[0]


def stock_differs(case: Case, told: str) -> Iterator[Falsehood]:
    yield from differs("stock", case.part.stock, int(told))


def count_of(operation: Operation) -> int:
    """Return the number that a sentence names of an answer: the tickets that were refused, or those left."""
    told = operation.result if operation.op in ("search", "read") else operation.arg
    return told if isinstance(told, int) else -1
