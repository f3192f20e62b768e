"""Transactions as data: what each does to the rows of one table, statement by statement.

The table is called `sections`; a row is a section of the hall with the number of tickets that remain in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

OPENING: Final[Mapping[str, int]] = {"a": 10, "b": 20}
"""The rows before each execution."""

Seen = int | tuple[str, ...] | None
"""What a statement tells: a number of tickets, the names of the rows found, or how many rows were changed."""


class TableVerb(Enum):
    """What a statement does; the value is its SQL, in which each `?` is a parameter.

    No row has an index, so a statement reads the whole table, as a lock on a predicate would have it.
    """

    READ = "SELECT remaining FROM sections WHERE name = ?"
    FIND = "SELECT name FROM sections WHERE remaining = ? ORDER BY name"
    WRITE = "UPDATE sections SET remaining = ? WHERE name = ?"
    INSERT = "INSERT INTO sections (remaining, name) VALUES (?, ?)"
    ADD = "UPDATE sections SET remaining = remaining + ?"
    DELETE = "DELETE FROM sections WHERE remaining = ?"

    @property
    def looks(self) -> bool:
        """Whether it changes nothing."""
        return self in (TableVerb.READ, TableVerb.FIND)


@dataclass(frozen=True, slots=True)
class TableStatement:
    """One statement; `name` is the row's, and `number` what is written, added or looked for, if it takes one."""

    verb: TableVerb
    name: str = ""
    number: int | None = None

    @property
    def parameters(self) -> tuple[int | str, ...]:
        """The parameters of its SQL."""
        return tuple(each for each in (self.number, self.name) if each not in (None, ""))

    @property
    def words(self) -> str:
        """The statement as it stands in schedules."""
        match self.verb:
            case TableVerb.READ:
                return f"read {self.name}"
            case TableVerb.FIND:
                return f"find rows = {self.number}"
            case TableVerb.WRITE:
                return f"write {self.name} = {self.number}"
            case TableVerb.INSERT:
                return f"insert {self.name} = {self.number}"
            case TableVerb.ADD:
                return f"add {self.number} to all rows"
            case TableVerb.DELETE:
                return f"delete rows = {self.number}"


@dataclass(frozen=True, slots=True)
class TransactionScript:
    """The statements of one transaction, which then commits, or rolls back if it `aborts`."""

    statements: tuple[TableStatement, ...]
    aborts: bool = False


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """What came of a transaction: what each statement returned, and why it was refused if it was."""

    committed: bool
    seen: tuple[Seen, ...]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class IsolationScenario:
    """Transactions that run at the same time, and whether what came of them is the anomaly.

    `shows` takes the outcomes and the final rows. It is asked only if each transaction ended as its script says.
    """

    name: str
    transactions: tuple[TransactionScript, ...]
    shows: Callable[[Sequence[TransactionOutcome], Mapping[str, int]], bool]

    def occurred(self, outcomes: Sequence[TransactionOutcome], rows: Mapping[str, int]) -> bool:
        """Return whether the anomaly occurred; a transaction that was refused has no part in any."""
        as_scripted = all(
            not outcome.refused and outcome.committed is not script.aborts
            for script, outcome in zip(self.transactions, outcomes, strict=True)
        )
        return as_scripted and self.shows(outcomes, rows)


def transaction(*statements: TableStatement, aborts: bool = False) -> TransactionScript:
    """Return a transaction of these statements."""
    return TransactionScript(statements, aborts)


def read(name: str) -> TableStatement:
    """Read a row."""
    return TableStatement(TableVerb.READ, name)


def find(number: int) -> TableStatement:
    """Find the rows that have so many tickets."""
    return TableStatement(TableVerb.FIND, number=number)


def write(name: str, number: int) -> TableStatement:
    """Write a row, whatever it says by now."""
    return TableStatement(TableVerb.WRITE, name, number)


def insert(name: str, number: int) -> TableStatement:
    """Insert a row."""
    return TableStatement(TableVerb.INSERT, name, number)


def add(number: int) -> TableStatement:
    """Add to every row."""
    return TableStatement(TableVerb.ADD, number=number)


def delete(number: int) -> TableStatement:
    """Delete the rows that have so many tickets."""
    return TableStatement(TableVerb.DELETE, number=number)
