"""Waits for SQLite's locks, told to the lab where a function uses the standard library's driver.

A connection waits for a lock within a call, up to its time-out. While the lab controls the schedule nobody else moves
meanwhile, so the wait could only end in "database is locked", though in reality the holder would go on and commit. So
while a function is explored, `sqlite3.connect` opens connections that do not wait in SQLite. A call that finds the
database locked waits under the lab's control until another connection may have released the lock; the end of each
transaction is a scheduling point for that. The lab does not let the time-out expire.

SQLite refuses a call at once where waiting cannot help: a transaction that has read an older state and then writes, or
that would wait for a connection which waits for it. Such calls still fail with the driver's error.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, Self, TypeVar

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step

T = TypeVar("T")
_connect: Final = sqlite3.connect
_ENDS: Final = ("commit", "end", "rollback")


@contextmanager
def sqlite_waits_told() -> Iterator[None]:
    """Let `sqlite3.connect` open connections that tell the lab of their waits, until the context ends."""
    sqlite3.connect = _open
    try:
        yield
    finally:
        sqlite3.connect = _connect


def _open(database: Any, *args: Any, **options: Any) -> Any:
    if pacing.current().may_wait or len(args) > 4 or "factory" in options:
        return _connect(database, *args, **options)
    if args:
        args = (0.0, *args[1:])
    else:
        options["timeout"] = 0.0
    return _connect(database, *args, **options, factory=_TellingConnection)


class _TellingConnection(sqlite3.Connection):
    """A connection whose calls wait for locks under the lab's control."""

    def __init__(self, database: Any, *args: Any, **options: Any) -> None:
        super().__init__(database, *args, **options)
        lock = f"lock of {os.path.basename(os.fsdecode(database))}"
        self._acquiring, self._releasing = Step(Action.ACQUIRE, lock), Step(Action.RELEASE, lock)
        self._used = False  # whether the present transaction has read or written anything

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor whose calls wait under the lab's control, unless a factory of one's own makes it."""
        return super().cursor(factory or _TellingCursor)

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """Execute a statement with a new cursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any) -> Any:
        """Execute a statement for each of the parameters with a new cursor."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str) -> Any:
        """Execute several statements with a new cursor."""
        return self.cursor().executescript(sql_script)

    def commit(self) -> None:
        """Commit, and wait for readers if SQLite has to."""
        self.tell(super().commit, ends=True)

    def rollback(self) -> None:
        """Roll back."""
        self.tell(super().rollback, ends=True)

    def close(self) -> None:
        """Roll an open transaction back, and close the connection.

        SQLite itself keeps the transaction, and its locks, while a cursor exists, for example in a traceback.
        """
        if self.in_transaction:
            self.rollback()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> Literal[False]:
        self.commit() if kind is None else self.rollback()
        return False

    def tell(self, call: Callable[[], T], *, ends: bool) -> T:
        """Make a call that may have to wait for a lock, and that `ends` the transaction or does not."""
        if ends and self.in_transaction:
            pacing.at(self._releasing)

        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not self._worth_waiting(error, ends=ends):
                    raise
                return BLOCKED

        result = attempt()
        return pacing.block(self._acquiring, attempt, call) if isinstance(result, Blocked) else result

    def _worth_waiting(self, error: sqlite3.OperationalError, *, ends: bool) -> bool:
        return error.sqlite_errorcode == sqlite3.SQLITE_BUSY and (ends or not self._used)

    def executed(self, statement: str) -> None:
        """Take note of a statement that succeeded."""
        self._used = self.in_transaction and (self._used or not statement.startswith("begin"))


class _TellingCursor(sqlite3.Cursor):
    """A cursor of such a connection."""

    connection: _TellingConnection

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Execute a statement."""
        statement = sql.lstrip().lower()
        self.connection.tell(lambda: super(_TellingCursor, self).execute(sql, parameters), ends=_ends(statement))
        self.connection.executed(statement)
        return self

    def executemany(self, sql: str, parameters: Any) -> Self:
        """Execute a statement for each of the parameters, which an iterator could give only once."""
        rows = list(parameters)
        self.connection.tell(lambda: super(_TellingCursor, self).executemany(sql, rows), ends=False)
        self.connection.executed(sql.lstrip().lower())
        return self

    def executescript(self, sql_script: str) -> Self:
        """Commit, and execute several statements."""
        self.connection.commit()
        self.connection.tell(lambda: super(_TellingCursor, self).executescript(sql_script), ends=False)
        self.connection.executed("")
        return self


def _ends(statement: str) -> bool:
    return statement.startswith(_ENDS) and not statement.startswith("rollback to")
