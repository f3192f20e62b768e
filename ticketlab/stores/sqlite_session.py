"""One buyer's connection to an SQLite database: its accesses, its transactions, and where these may wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from ticketlab.core import pacing
from ticketlab.core.errors import Conflict
from ticketlab.core.pacing import BLOCKED, UNCHANGED, UNDONE, Blocked, at, note
from ticketlab.core.steps import Action, Step
from ticketlab.stores.sql_session import SqlSession
from ticketlab.stores.statements import Statements, statements

T = TypeVar("T")
_DIALECT: Final = sqlite_dialect(paramstyle="named")


def sql() -> Statements:
    """Return the statements in SQLite's dialect."""
    return statements(_DIALECT)


class SqliteSession(SqlSession):
    """One buyer's connection; an access outside a transaction is a transaction of its own, and one step.

    The resource of every step is the database: SQLite locks it as a whole, and a commit changes what every read finds.
    A write in a transaction keeps other writers out, and as long as its pages fit the cache readers do not notice it.
    """

    def __init__(self, connection: sqlite3.Connection, resource: str, *, ledger: bool, wal: bool) -> None:
        super().__init__(connection.execute, sql(), resource, ledger=ledger)
        self._connection = connection
        self._wal = wal
        self._holds = False  # whether others notice when the transaction ends
        self._wrote = False  # whether this transaction has, or may have, the write lock
        self._beginning = Step(Action.BEGIN, resource, excludes=True)

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """Run a transaction that begins DEFERRED, IMMEDIATE or EXCLUSIVE; raises Conflict if SQLite is busy."""
        begin = f"BEGIN {mode.upper()}"
        if mode == "deferred":  # it takes no lock yet, so it is no access to shared state
            self._execute(begin)
        else:
            self._wait(self._beginning, lambda: self._execute(begin))
        self._holds = mode != "deferred"
        self._wrote = self._holds
        try:
            yield
            self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Roll back. If nothing was written, only a shared lock is released, for which nobody was refused."""
        if self._holds:
            at(self._rolling_back)
        self._execute("ROLLBACK")
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _commit(self) -> None:
        """Commit. With a rollback journal this waits for readers, and the first attempt already keeps new ones out."""
        if self._holds:
            at(self._committing)
        try:
            self._execute("COMMIT")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            self._wait(self._committing, lambda: self._execute("COMMIT"))
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _access(self, step: Step, do: Callable[[], T], *, single: bool | None = None) -> T:
        """Make an access: in the present transaction, or as a transaction of its own, which may have to wait.

        `single` says whether it is one statement; by default that follows from the step and the ledger.
        """
        if self._connection.in_transaction:
            writes = step is self._writing
            at(self._staging if writes else step)
            try:
                result = do()
            except sqlite3.OperationalError as error:
                # SQLite refuses a reader that becomes a writer at once, whatever the time-out: waiting would not help.
                if is_busy(error):
                    note(UNCHANGED, error.sqlite_errorname)
                raise _conflict(error) from error
            self._wrote |= writes
            self._holds |= self._wrote or not self._wal  # under WAL nobody notices a reader
            return result
        if single is None:
            single = step is self._reading or not self._ledger  # a single statement is a transaction by itself
        return self._wait(step, do if single else lambda: self._in_transaction(do))

    def _in_transaction(self, do: Callable[[], T]) -> T:
        self._execute("BEGIN IMMEDIATE")
        try:
            result = do()
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # if the disk is full, SQLite has rolled back already
                self._execute("ROLLBACK")
            raise
        return result

    def _wait(self, step: Step, do: Callable[[], T]) -> T:
        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return do()
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    return BLOCKED
                raise

        def wait() -> T:
            try:
                return do()
            except sqlite3.OperationalError as error:
                raise _conflict(error) from error

        return pacing.block(step, attempt, wait)


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Return whether another connection's lock is the reason."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _conflict(error: sqlite3.OperationalError) -> Exception:
    return Conflict(f"SQLite: {error} ({error.sqlite_errorname})") if is_busy(error) else error
