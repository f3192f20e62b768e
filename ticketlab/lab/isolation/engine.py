"""What a database has to offer so that its isolation levels can be explored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from ticketlab.core.steps import Action, Step
from ticketlab.lab.isolation.transactions import Seen, TableStatement, TableVerb

_DATABASE: Final = "database"
COMMIT: Final = Step(Action.COMMIT, _DATABASE, path="commit")
ROLLBACK: Final = Step(Action.ROLLBACK, _DATABASE, path="roll back")
CREATE: Final = "CREATE TABLE sections (name TEXT NOT NULL, remaining INTEGER NOT NULL)"
CLEAR: Final = "DELETE FROM sections"
ROWS: Final = "SELECT name, remaining FROM sections"


class LevelConnection(Protocol):
    """A connection whose transactions run at one isolation level; each of its calls passes scheduling points.

    Each raises Conflict if the database refuses it; then `roll_back` is to follow.
    """

    def begin(self) -> None:
        """Begin a transaction."""

    def execute(self, statement: TableStatement) -> Seen:
        """Execute a statement, and return what it tells."""

    def commit(self) -> None:
        """Commit."""

    def roll_back(self) -> None:
        """Roll back."""


class IsolationEngine(Protocol):
    """A database with the table `sections`; `version` is its name and version, `levels` are those it is asked for."""

    levels: Sequence[str]

    @property
    def version(self) -> str:
        """The product and its version."""

    def opened(self) -> AbstractContextManager[object]:
        """Have the database until the context ends."""

    def connect(self, level: str) -> AbstractContextManager[LevelConnection]:
        """Connect a participant."""

    def reset(self, level: str) -> None:
        """Put the opening rows back."""

    def rows(self, level: str) -> Mapping[str, int]:
        """Return the rows that are committed."""


def table_step(statement: TableStatement) -> Step:
    """Return a statement as a step. All have one resource, and none is taken to be hidden: that is what is measured."""
    return Step(Action.READ if statement.verb.looks else Action.WRITE, _DATABASE, path=statement.words)


def begin_step(mode: str) -> Step:
    """Return the beginning of a transaction that takes a lock as a step."""
    return Step(Action.BEGIN, _DATABASE, path=f"begin {mode}")


def going_on(step: Step) -> Step:
    """Return the step in which a statement that had to wait is answered."""
    return step._replace(path=f"{step.path} (goes on)")


def seen_of(statement: TableStatement, rows: Sequence[Sequence[object]], changed: int) -> Seen:
    """Return what a statement tells, given the rows that it returned and the number of those that it changed."""
    if statement.verb is TableVerb.FIND:
        return tuple(str(name) for (name,) in rows)
    if statement.verb is TableVerb.READ:
        return int(str(rows[0][0])) if rows else None
    return changed
